//! What people have in their hands and before them.

use super::outfit::Outfit;
use crate::scene::brush::{Brush, Spot, spots};
use crate::scene::ink::{BLACK, Ink, WHITE, ink};
use crate::storyboard::{Action, Figure, Role};

/// A table to work at, with what the trade needs on it.
pub(super) fn workplace(brush: &mut Brush<'_>, role: &Role, outfit: &Outfit) {
    let wood = outfit.wood.lighter(0.12);
    for x in [0.16, 0.72] {
        brush.rect(x, -0.44, 0.035, 0.44, wood.darker(0.4));
    }
    brush.round_shaded([0.08, -0.48, 0.76, 0.05], 0.012, wood.lighter(0.1), wood.darker(0.2));
    match role.figure {
        Figure::Chef => {
            brush.blob_shaded(
                &[(0.26, -0.48), (0.24, -0.56), (0.52, -0.56), (0.5, -0.48)],
                BLACK.lighter(0.25),
                BLACK.lighter(0.1),
            );
            brush.line(&[(0.5, -0.545), (0.66, -0.56)], 0.016, BLACK.lighter(0.15));
            for (x, tone) in [(0.3, 0xC8503A), (0.36, 0x6E9A4A), (0.42, 0xE0B040), (0.47, 0xC8503A)]
            {
                brush.circle(x, -0.568, 0.02, ink(tone).mix(outfit.top, 0.1));
            }
        }
        Figure::Scientist => {
            for (x, tone) in [(0.36, 0x4AC0E0), (0.5, 0x8AE08A)] {
                brush.polygon(
                    &[(x - 0.012, -0.6), (x + 0.012, -0.6), (x + 0.045, -0.48), (x - 0.045, -0.48)],
                    ink(tone).alpha(0.9),
                );
            }
        }
        _ => {
            brush.polygon_shaded(
                &[(0.3, -0.49), (0.5, -0.48), (0.56, -0.66), (0.37, -0.66)],
                outfit.trim.darker(0.5),
                outfit.trim.darker(0.7),
            );
            brush.rect(0.26, -0.492, 0.26, 0.014, outfit.trim.darker(0.25));
            brush.rect_shaded([0.62, -0.55, 0.05, 0.07], outfit.trim, outfit.trim.darker(0.2));
        }
    }
}

/// What is in the hand that is nearer.
/// What some figures always carry.
pub(super) fn held(brush: &mut Brush<'_>, hand: Spot, role: &Role, outfit: &Outfit) {
    let steel = outfit.top.lighter(0.3);
    if role.action == Action::Read {
        return book(brush, hand, outfit.trim);
    }
    match role.figure {
        Figure::Knight => {
            brush.line(
                &[(hand.0 - 0.02, hand.1 + 0.04), (hand.0 + 0.12, hand.1 - 0.34)],
                0.018,
                steel,
            );
            brush.line(
                &[(hand.0 - 0.03, hand.1 - 0.05), (hand.0 + 0.06, hand.1 - 0.02)],
                0.016,
                outfit.wood,
            );
        }
        Figure::Wizard => {
            brush.line(&[(hand.0 + 0.02, hand.1 - 0.5), (hand.0 + 0.01, -0.01)], 0.02, outfit.wood);
            brush.circle(hand.0 + 0.02, hand.1 - 0.53, 0.032, outfit.trim.lighter(0.5));
        }
        Figure::Elder if role.action != Action::Sit && role.action != Action::Lie => {
            brush.line(&[(hand.0, hand.1), (hand.0 + 0.03, 0.0)], 0.014, outfit.wood);
        }
        _ => {}
    }
}

/// An open book, seen from its side.
fn book(brush: &mut Brush<'_>, hand: Spot, cover: Ink) {
    let mut brush = brush.turned(hand.0, hand.1, -24.0);
    for (side, tone) in [(-1.0_f32, 0.25), (1.0, 0.0)] {
        brush.polygon(
            &[(0.0, 0.012), (side * 0.1, -0.022), (side * 0.1, -0.036), (0.0, -0.004)],
            cover.darker(tone),
        );
        brush.polygon(
            &[(0.0, -0.004), (side * 0.094, -0.036), (side * 0.094, -0.046), (0.0, -0.016)],
            WHITE.darker(tone * 0.6),
        );
    }
}

/// A violin under the chin, or a guitar before the chest.
pub(super) fn instrument(brush: &mut Brush<'_>, hands: [Spot; 2], role: &Role, outfit: &Outfit) {
    let wood = outfit.wood.lighter(0.1);
    let [neck, bow] = hands;
    let bowed = ["violin", "fiddle"].iter().any(|name| role.name.contains(name));
    let (length, body) = if bowed { (0.2, 0.36) } else { (0.46, 0.62) };
    let angle = if bowed { 108.0 } else { 66.0 };
    let mut held = brush.turned(neck.0, neck.1, angle);
    held.rect(-0.008, -0.03, 0.016, length, wood.darker(0.5));
    let size = length * body;
    let mut case = held.at(0.0, length - 0.02, size);
    case.blob_shaded(
        &spots([
            0.0, -0.2, 0.34, -0.06, 0.28, 0.4, 0.56, 0.9, 0.36, 1.4, 0.0, 1.5, -0.36, 1.4, -0.56,
            0.9, -0.28, 0.4, -0.34, -0.06,
        ]),
        wood.mix(ink(0xB5612E), 0.6),
        wood.darker(0.25),
    );
    case.circle(0.0, 0.62, if bowed { 0.08 } else { 0.2 }, BLACK.alpha(0.8));
    if bowed {
        brush.line(&[(bow.0 - 0.03, bow.1 + 0.04), (bow.0 + 0.12, bow.1 - 0.26)], 0.01, wood);
    }
}
