//! Things: what is looked at, held, eaten, lived in.

mod grown;
mod made;
mod served;

use super::{Dye, Pose};
use crate::scene::brush::Brush;
use crate::scene::ink::{Ink, ink};
use crate::scene::num::wave;
use crate::storyboard::{Figure, Role};

pub(super) fn bounds(figure: Figure) -> [f32; 4] {
    match figure {
        Figure::Tree | Figure::Lighthouse => [-0.6, -1.12, 0.6, 0.1],
        Figure::House | Figure::Piano | Figure::Feast | Figure::Laptop => [-0.85, -1.1, 0.85, 0.12],
        Figure::Sneaker | Figure::Burger | Figure::Pizza | Figure::Bowl | Figure::Tent => {
            [-0.8, -0.95, 0.8, 0.12]
        }
        Figure::Cup => [-0.62, -1.25, 0.7, 0.12],
        Figure::Campfire | Figure::Candle => [-0.6, -1.15, 0.6, 0.12],
        Figure::Ball
        | Figure::Planet
        | Figure::Skull
        | Figure::Gift
        | Figure::Crystal
        | Figure::Drum
        | Figure::Ring => [-0.65, -1.1, 0.65, 0.12],
        Figure::Umbrella | Figure::Book | Figure::CameraProp | Figure::Cake => {
            [-0.72, -1.08, 0.72, 0.12]
        }
        _ => [-0.55, -1.12, 0.55, 0.12],
    }
}

/// The colours of a thing, in the light of the scene.
pub(super) struct Stuff {
    pub(super) body: Ink,
    pub(super) light: Ink,
    pub(super) dark: Ink,
    pub(super) accent: Ink,
    pub(super) wood: Ink,
    pub(super) green: Ink,
    pub(super) white: Ink,
    pub(super) black: Ink,
    pub(super) gold: Ink,
}

/// A thing that stands at the origin, about one measure tall.
pub(super) fn draw(brush: &mut Brush<'_>, role: &Role, pose: &Pose, dye: Dye<'_>) {
    let local = role.tint.map_or(ink(0x8A7F72), Ink::from);
    let stuff = Stuff {
        body: dye.of(local),
        light: dye.of(local.lighter(0.35)),
        dark: dye.of(local.darker(0.4)),
        accent: dye.of(ink(0xC8553D)),
        wood: dye.of(ink(0x7A5638)),
        green: dye.of(ink(0x5A7F46)),
        white: dye.of(ink(0xF0EBE0)),
        black: dye.of(ink(0x232328)),
        gold: dye.of(ink(0xD0A24A)),
    };
    let turns = matches!(role.action, crate::storyboard::Action::Spin);
    let spin = if turns { wave(pose.clock.turns(0.25) + 0.25) } else { 1.0 };
    let spin = if spin.abs() < 0.2 { 0.2 * spin.signum() } else { spin };
    let mut brush = brush.placed(tiny_skia::Transform::from_scale(spin, 1.0));
    if !grown::draw(&mut brush, role, pose, &stuff, dye)
        && !served::draw(&mut brush, role, pose, &stuff, dye)
    {
        made::draw(&mut brush, role, pose, &stuff, dye);
    }
}

/// Flames, lamps and screens.
pub(super) fn shine(brush: &mut Brush<'_>, role: &Role, pose: &Pose, dye: Dye<'_>) {
    let flicker = 0.88 + 0.08 * wave(pose.clock.turns(2.3)) + 0.05 * wave(pose.clock.turns(5.7));
    let warm = dye.own(ink(0xFFB95A));
    let dark = 0.35 + 0.65 * dye.light.darkness();
    match role.figure {
        Figure::Campfire => {
            brush.light().glow(0.0, -0.35, 1.5 * flicker, 1.1 * flicker, warm.alpha(0.55 * dark));
            brush.light().glow(0.0, -0.3, 0.5, 0.5 * flicker, dye.own(ink(0xFFE0A0)).alpha(0.6));
        }
        Figure::Candle => {
            brush.light().glow(0.0, -0.98, 0.95 * flicker, 0.95 * flicker, warm.alpha(0.5 * dark));
            brush.light().glow(0.0, -1.0, 0.2, 0.24 * flicker, dye.own(ink(0xFFF0C0)).alpha(0.9));
        }
        Figure::Lantern => {
            brush.light().glow(0.0, -0.5, 1.2 * flicker, 1.1 * flicker, warm.alpha(0.5 * dark));
            brush.light().glow(0.0, -0.48, 0.34, 0.4, dye.own(ink(0xFFE6B0)).alpha(0.75));
        }
        Figure::Crystal => {
            brush.light().glow(0.0, -0.5, 0.9, 0.9, dye.own(ink(0xA0E0FF)).alpha(0.3 * flicker));
        }
        Figure::Lighthouse if dye.light.lamps > 0.3 => {
            let turn = wave(pose.clock.turns(0.16));
            let beam = [(0.0, -0.95), (turn * 3.2, -1.12), (turn * 3.2, -0.72)];
            if let Some(path) = crate::scene::brush::polygon(&beam) {
                brush.light().shade(
                    &path,
                    ((0.0, -0.95), warm.alpha(0.5)),
                    ((turn * 3.0, -0.95), warm.alpha(0.0)),
                );
            }
            brush.light().glow(0.0, -0.93, 0.28, 0.28, dye.own(ink(0xFFF0C8)));
        }
        Figure::House if dye.light.lamps > 0.4 => {
            brush.light().glow(0.2, -0.26, 0.35, 0.3, warm.alpha(0.4));
        }
        Figure::Laptop | Figure::Phone => {
            brush.light().glow(0.0, -0.55, 0.8, 0.7, dye.own(ink(0x9CC8FF)).alpha(0.22 * dark));
        }
        _ => {}
    }
}
