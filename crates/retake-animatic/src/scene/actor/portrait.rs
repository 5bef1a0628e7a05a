//! Head and shoulders, three-quarter view: what a medium shot or a close-up of somebody shows.

use super::human::Outfit;
use super::{Dye, Pose};
use crate::scene::brush::{Brush, spots};
use crate::scene::ink::{BLACK, Ink, WHITE, ink};
use crate::scene::num::index;
use crate::storyboard::{Action, Angle, Figure, Heading, Role, Shot};

/// A bust around its chest; the face's middle is a little above half a measure up.
pub(super) fn draw(brush: &mut Brush<'_>, role: &Role, pose: &Pose, dye: Dye<'_>, shot: &Shot) {
    let outfit = Outfit::of(role, pose.rank, dye);
    let breath = pose.breath();
    let behind = shot.angle == Angle::Shoulder || pose.heading == Heading::Away;
    let walk = if matches!(role.action, Action::Walk | Action::Run) {
        (pose.turns * std::f32::consts::TAU * 2.0).sin() * 0.012
    } else {
        0.0
    };
    let mut brush = brush.at(0.0, walk, 1.0);
    let sway = pose.clock.swing(0.09, 0.2) * 1.6;
    let small = if role.figure == Figure::Child { 0.26 } else { 0.245 };
    let place = (0.0, -0.16 - breath * 0.004, small);
    if outfit.long_hair && !outfit.helmet {
        let mut head = brush.turned(0.0, -0.3, sway);
        falling_hair(&mut head.at(place.0, place.1, place.2), &outfit);
    }
    shoulders(&mut brush, &outfit, breath, role.figure);
    let mut head = brush.turned(0.0, -0.3, sway);
    let mut head = head.at(place.0, place.1, place.2);
    if outfit.helmet {
        helmet(&mut head, role.figure, &outfit, dye);
    } else if behind {
        from_behind(&mut head, &outfit);
    } else {
        face(&mut head, role, pose, &outfit, dye);
    }
}

fn shoulders(brush: &mut Brush<'_>, outfit: &Outfit, breath: f32, figure: Figure) {
    let wide = outfit.bulk.sqrt() * if figure == Figure::Child { 0.82 } else { 1.0 };
    let lift = breath * 0.006;
    if outfit.pack {
        brush.round_shaded(
            [-0.4, -0.3, 0.8, 0.8],
            0.12,
            outfit.trim.darker(0.2),
            outfit.trim.darker(0.5),
        );
    }
    brush.blob_shaded(
        &spots([-0.095, -0.36, -0.1, -0.2, -0.16, -0.05, 0.16, -0.05, 0.11, -0.2, 0.1, -0.36]),
        outfit.skin.darker(0.28),
        outfit.skin.darker(0.1),
    );
    let body = [
        (-0.1, -0.17 - lift),
        (-0.24, -0.11 - lift),
        (-0.39 * wide, -0.03 - lift),
        (-0.46 * wide, 0.12),
        (-0.5 * wide, 0.46),
        (-0.52 * wide, 0.8),
        (0.5 * wide, 0.8),
        (0.47 * wide, 0.46),
        (0.43 * wide, 0.12),
        (0.36 * wide, -0.03 - lift),
        (0.23, -0.11 - lift),
        (0.11, -0.17 - lift),
        (0.02, -0.1),
    ];
    brush.blob_shaded(&body, outfit.top.lighter(0.05), outfit.top.darker(0.2));
    // Sleeves part from the chest by a fold.
    for side in [-1.0_f32, 1.0] {
        brush.curve(
            &[(side * 0.3 * wide, 0.12), (side * 0.325 * wide, 0.4), (side * 0.3 * wide, 0.8)],
            0.012,
            outfit.top.darker(0.32).alpha(0.8),
        );
    }
    if outfit.coat || outfit.apron {
        let shirt = if outfit.apron { outfit.top.darker(0.08) } else { outfit.trim };
        brush.polygon(&[(-0.1, -0.16), (0.11, -0.16), (0.05, 0.22), (0.0, 0.26)], shirt);
        brush.polygon(
            &[(-0.12, -0.18), (-0.2, -0.06), (-0.02, 0.3), (0.01, 0.12)],
            outfit.top.lighter(0.08),
        );
        brush.polygon(
            &[(0.13, -0.18), (0.21, -0.06), (0.05, 0.3), (0.02, 0.12)],
            outfit.top.darker(0.12),
        );
        for at in 0..3 {
            brush.circle(0.06, 0.34 + index(at) * 0.14, 0.013, outfit.top.darker(0.4));
        }
    } else if outfit.plates {
        for y in [0.06, 0.26, 0.46] {
            brush.curve(
                &[(-0.36 * wide, y - 0.03), (0.0, y + 0.06), (0.36 * wide, y - 0.03)],
                0.014,
                outfit.trim.mix(outfit.top, 0.45),
            );
        }
        for side in [-1.0_f32, 1.0] {
            brush.oval_shaded(
                [side * 0.36 * wide, 0.04, 0.17, 0.13],
                outfit.top.lighter(0.18),
                outfit.top.darker(0.15),
            );
        }
    } else {
        brush.curve(
            &spots([-0.13, -0.15, -0.05, -0.055, 0.03, -0.035, 0.1, -0.06, 0.145, -0.15]),
            0.03,
            outfit.top.darker(0.22),
        );
    }
}

fn face(brush: &mut Brush<'_>, role: &Role, pose: &Pose, outfit: &Outfit, dye: Dye<'_>) {
    let skin = outfit.skin;
    let (shade, light) = (skin.darker(0.22), skin.lighter(0.12));
    let female = outfit.long_hair || outfit.bun;
    brush.oval(-0.6, 0.1, 0.13, 0.21, skin.darker(0.12));
    let jaw = if female { 0.44 } else { 0.5 };
    let outline = [
        (0.08, -0.9),
        (0.46, -0.72),
        (0.61, -0.36),
        (0.6, -0.08),
        (0.63, 0.12),
        (jaw + 0.06, 0.5),
        (0.36, 0.84),
        (0.13, 0.96),
        (-0.16, 0.84),
        (-0.46, 0.48),
        (-0.6, 0.0),
        (-0.58, -0.5),
        (-0.3, -0.85),
    ];
    brush.blob_shaded(&outline, light, skin);
    // Planes of the face: the side away from us, under the brow, under the cheek and lip.
    brush.within().blob(
        &spots([
            -0.62, -0.5, -0.4, -0.3, -0.36, 0.3, -0.12, 0.8, -0.3, 1.0, -0.75, 0.6, -0.8, -0.2,
        ]),
        shade.alpha(0.45),
    );
    brush.within().blob(
        &spots([-0.2, -0.2, 0.08, -0.22, 0.2, -0.08, 0.02, 0.06, -0.2, 0.02]),
        shade.alpha(0.35),
    );
    brush.within().oval(0.4, 0.24, 0.16, 0.14, ink(0xD86A55).alpha(0.12));
    brush.within().oval(-0.12, 0.27, 0.2, 0.15, ink(0xD86A55).alpha(0.14));
    eyes(brush, role, pose, outfit);
    nose(brush, shade, light);
    mouth(brush, role, pose, skin, female);
    if outfit.beard || role.name == "wizard" {
        brush.blob_shaded(
            &spots([
                -0.5, 0.22, -0.28, 0.5, 0.1, 0.44, 0.4, 0.46, 0.58, 0.3, 0.52, 0.86, 0.22, 1.32,
                -0.1, 1.2, -0.42, 0.8,
            ]),
            outfit.hair,
            outfit.hair.darker(0.2),
        );
        brush.curve(&[(0.06, 0.56), (0.2, 0.54), (0.36, 0.56)], 0.06, skin.darker(0.45));
    }
    hair(brush, role, outfit);
    headwear(brush, role, outfit, dye);
}

/// Long hair behind the shoulders.
fn falling_hair(brush: &mut Brush<'_>, outfit: &Outfit) {
    brush.blob_shaded(
        &spots([
            0.05, -1.16, 0.6, -0.95, 0.74, -0.3, 0.7, 0.4, 0.78, 1.0, 0.62, 1.6, 0.3, 1.2, -0.3,
            1.3, -0.7, 1.7, -0.98, 1.1, -0.84, 0.4, -0.86, -0.3, -0.6, -1.0,
        ]),
        outfit.hair.darker(0.15),
        outfit.hair.darker(0.4),
    );
}

fn eyes(brush: &mut Brush<'_>, role: &Role, pose: &Pose, outfit: &Outfit) {
    let blink = (pose.clock.turns(0.26) + 0.4 * index(pose.rank) + 0.3).fract() > 0.958;
    let closed = blink || role.action == Action::Lie;
    let glance = pose.clock.swing(0.11, 0.0) * 0.02;
    let dark = ink(0x2A1F1C).mix(outfit.hair, 0.3).alpha(1.0);
    for (x, wide) in [(-0.04, 0.155), (0.4, 0.125)] {
        if closed {
            brush.curve(&[(x - wide, -0.05), (x, 0.0), (x + wide, -0.05)], 0.035, dark);
        } else {
            brush.blob(
                &[
                    (x - wide, -0.03),
                    (x - wide * 0.3, -0.115),
                    (x + wide * 0.45, -0.105),
                    (x + wide, -0.03),
                    (x + wide * 0.3, 0.035),
                    (x - wide * 0.4, 0.03),
                ],
                outfit.skin.mix(WHITE, 0.72),
            );
            brush.circle(x + 0.03 + glance, -0.04, 0.07, ink(0x4A3626).mix(outfit.skin, 0.12));
            brush.circle(x + 0.03 + glance, -0.04, 0.036, BLACK);
            brush.circle(x + 0.055 + glance, -0.065, 0.018, WHITE.alpha(0.95));
            brush.curve(
                &[
                    (x - wide, -0.035),
                    (x - wide * 0.3, -0.125),
                    (x + wide * 0.45, -0.115),
                    (x + wide, -0.035),
                ],
                0.032,
                dark,
            );
        }
        let brow = outfit.hair.darker(0.15).alpha(0.92);
        let brow = if outfit.hair.alpha < 0.5 { outfit.skin.darker(0.4) } else { brow };
        brush.blob(
            &[
                (x - wide * 1.15, -0.21),
                (x - wide * 0.2, -0.275),
                (x + wide * 1.05, -0.22),
                (x + wide * 0.2, -0.23),
            ],
            brow,
        );
    }
}

fn nose(brush: &mut Brush<'_>, shade: Ink, light: Ink) {
    brush.blob(
        &spots([0.2, -0.1, 0.24, 0.1, 0.2, 0.3, 0.3, 0.37, 0.42, 0.33, 0.36, 0.1, 0.29, -0.1]),
        shade.alpha(0.4),
    );
    brush.curve(&[(0.31, -0.12), (0.355, 0.1), (0.425, 0.26)], 0.04, light.alpha(0.6));
    brush.curve(&[(0.2, 0.32), (0.29, 0.37), (0.4, 0.34), (0.43, 0.28)], 0.028, shade.darker(0.35));
}

fn mouth(brush: &mut Brush<'_>, role: &Role, pose: &Pose, skin: Ink, female: bool) {
    let lips = if female { skin.mix(ink(0xA8323A), 0.55) } else { skin.mix(ink(0x8A3A34), 0.35) };
    let talks = matches!(role.action, Action::Work | Action::Play) || role.action == Action::Wave;
    let open = if talks { (pose.clock.swing(1.3, 0.0) * 0.04).max(0.0) } else { 0.0 };
    brush.blob(
        &spots([0.06, 0.56, 0.17, 0.525, 0.25, 0.545, 0.33, 0.53, 0.42, 0.56, 0.26, 0.575]),
        lips.darker(0.12),
    );
    if open > 0.005 {
        brush.blob(
            &[(0.08, 0.56), (0.25, 0.555), (0.4, 0.56), (0.26, 0.57 + open)],
            BLACK.alpha(0.75),
        );
    }
    brush.blob(
        &[(0.07, 0.565 + open), (0.25, 0.58 + open), (0.41, 0.565 + open), (0.26, 0.66 + open)],
        lips,
    );
    brush.curve(&[(0.05, 0.56), (0.25, 0.572), (0.43, 0.558)], 0.02, lips.darker(0.5));
    brush.curve(&[(0.14, 0.72), (0.26, 0.735), (0.36, 0.715)], 0.03, skin.darker(0.2).alpha(0.5));
}

fn hair(brush: &mut Brush<'_>, role: &Role, outfit: &Outfit) {
    if outfit.hair.alpha < 0.5 {
        return;
    }
    let (top, low) = (outfit.hair.lighter(0.08), outfit.hair.darker(0.18));
    if outfit.long_hair {
        // Parted on the far side, swept over the forehead, falling behind the shoulder.
        brush.blob_shaded(
            &spots([
                0.34, -0.86, 0.16, -0.74, -0.16, -0.5, -0.42, -0.1, -0.5, 0.3, -0.5, 0.8, -0.62,
                1.3, -0.86, 1.5, -0.98, 1.0, -0.82, 0.4, -0.86, -0.2, -0.74, -0.72, -0.4, -1.1,
                0.06, -1.22, 0.38, -1.12,
            ]),
            top,
            low,
        );
        brush.blob_shaded(
            &spots([
                0.3, -0.86, 0.52, -0.74, 0.64, -0.4, 0.68, 0.1, 0.66, 0.56, 0.76, 0.9, 0.84, 0.4,
                0.78, -0.4, 0.62, -0.92, 0.36, -1.12,
            ]),
            top.darker(0.1),
            low,
        );
        for (from, to) in [(-0.2, -0.62), (-0.45, -0.74)] {
            brush.curve(
                &[(0.2, -1.08), (from, -0.8), (to, -0.1), (to - 0.08, 0.7)],
                0.022,
                top.lighter(0.1).alpha(0.45),
            );
        }
        return;
    }
    if outfit.bun {
        brush.circle(-0.62, -0.92, 0.27, top);
    }
    let fringe = if role.figure == Figure::Child { -0.48 } else { -0.62 };
    brush.blob_shaded(
        &[
            (0.64, -0.36),
            (0.54, fringe - 0.02),
            (0.24, fringe - 0.1),
            (-0.1, fringe + 0.02),
            (-0.38, fringe + 0.12),
            (-0.46, -0.14),
            (-0.58, 0.06),
            (-0.72, -0.12),
            (-0.74, -0.6),
            (-0.48, -1.02),
            (0.0, -1.17),
            (0.46, -1.05),
            (0.68, -0.72),
        ],
        top,
        low,
    );
    brush.curve(
        &[(0.4, -1.0), (0.05, -0.98), (-0.35, -0.8), (-0.58, -0.42)],
        0.03,
        top.lighter(0.12).alpha(0.6),
    );
}

fn headwear(brush: &mut Brush<'_>, role: &Role, outfit: &Outfit, dye: Dye<'_>) {
    let Some(colour) = outfit.hat else { return };
    match role.figure {
        Figure::Chef => {
            brush.blob_shaded(
                &spots([
                    -0.62, -0.8, -0.92, -1.6, -0.5, -2.05, 0.1, -2.12, 0.65, -1.95, 0.86, -1.5,
                    0.58, -0.8,
                ]),
                colour,
                colour.darker(0.12),
            );
            brush.round_shaded(
                [-0.66, -1.02, 1.28, 0.36],
                0.06,
                colour.darker(0.04),
                colour.darker(0.14),
            );
        }
        Figure::Wizard => {
            brush.polygon_shaded(
                &[(-0.72, -0.72), (-0.5, -2.6), (0.7, -0.72)],
                colour.lighter(0.1),
                colour,
            );
            brush.oval_shaded([0.0, -0.72, 1.35, 0.2], colour.lighter(0.05), colour.darker(0.2));
            brush.circle(-0.2, -1.4, 0.07, dye.own(ink(0xF2D98A)));
        }
        _ => {
            brush.blob_shaded(
                &spots([-0.68, -0.72, -0.62, -1.34, -0.1, -1.46, 0.44, -1.36, 0.6, -0.72]),
                colour.lighter(0.08),
                colour.darker(0.1),
            );
            brush.polygon(
                &[(-0.67, -0.86), (0.61, -0.86), (0.62, -0.72), (-0.68, -0.72)],
                BLACK.alpha(0.4),
            );
            brush.oval_shaded([0.0, -0.69, 1.24, 0.17], colour, colour.darker(0.3));
        }
    }
}

fn from_behind(brush: &mut Brush<'_>, outfit: &Outfit) {
    for side in [-0.62, 0.62] {
        brush.oval(side, 0.05, 0.12, 0.2, outfit.skin.darker(0.1));
    }
    brush.blob(
        &spots([-0.5, 0.2, -0.4, 0.8, 0.0, 0.92, 0.4, 0.8, 0.5, 0.2, 0.0, -0.2]),
        outfit.skin.darker(0.15),
    );
    let low = if outfit.long_hair { 1.4 } else { 0.42 };
    let colour = if outfit.hair.alpha < 0.5 { outfit.skin } else { outfit.hair };
    brush.blob_shaded(
        &[
            (0.0, -1.16),
            (0.5, -0.98),
            (0.72, -0.4),
            (0.68, 0.1),
            (0.52, low),
            (0.0, low + 0.1),
            (-0.52, low),
            (-0.68, 0.1),
            (-0.72, -0.4),
            (-0.5, -0.98),
        ],
        colour.lighter(0.08),
        colour.darker(0.2),
    );
}

fn helmet(brush: &mut Brush<'_>, figure: Figure, outfit: &Outfit, dye: Dye<'_>) {
    match figure {
        Figure::Astronaut => {
            brush.oval_shaded([0.0, 0.9, 1.0, 0.28], outfit.top, outfit.top.darker(0.3));
            brush.circle(0.0, -0.05, 1.28, outfit.top.lighter(0.12));
            brush.oval_shaded(
                [0.14, -0.02, 0.98, 0.92],
                outfit.trim.lighter(0.35),
                outfit.trim.darker(0.62),
            );
            brush.within().oval(0.2, 0.55, 0.8, 0.3, dye.own(dye.light.sky_low).alpha(0.3));
            brush.curve(&[(-0.5, -0.5), (-0.1, -0.76), (0.4, -0.72)], 0.09, WHITE.alpha(0.75));
            brush.circle(0.62, -0.5, 0.06, WHITE.alpha(0.7));
        }
        Figure::Robot => {
            brush.rect(-0.25, 0.8, 0.5, 0.4, outfit.skin.darker(0.3));
            brush.round_shaded(
                [-0.85, -1.05, 1.75, 1.95],
                0.42,
                outfit.top.lighter(0.2),
                outfit.top.darker(0.2),
            );
            brush.round([-0.55, -0.5, 1.38, 0.62], 0.28, BLACK.alpha(0.88));
            for x in [-0.1, 0.48] {
                brush.circle(x, -0.19, 0.19, outfit.trim.alpha(0.35));
                brush.circle(x, -0.19, 0.12, outfit.trim);
                brush.circle(x + 0.03, -0.23, 0.04, WHITE);
            }
            for at in 0..5 {
                brush.rect(-0.12 + index(at) * 0.13, 0.42, 0.07, 0.18, outfit.top.darker(0.5));
            }
            brush.line(&[(-0.3, -1.05), (-0.38, -1.5)], 0.06, outfit.top.darker(0.3));
            brush.circle(-0.38, -1.54, 0.1, outfit.trim);
            brush.circle(-0.88, -0.1, 0.2, outfit.skin.darker(0.2));
        }
        Figure::Alien => {
            brush.blob_shaded(
                &spots([
                    0.05, -1.4, 0.75, -1.05, 0.85, -0.35, 0.45, 0.5, 0.15, 0.95, -0.15, 0.9, -0.6,
                    0.3, -0.92, -0.4, -0.7, -1.1,
                ]),
                outfit.skin.lighter(0.15),
                outfit.skin.darker(0.1),
            );
            for (x, turn, wide) in [(-0.28, 24.0, 0.25), (0.45, -22.0, 0.2)] {
                brush.turned(x, -0.15, turn).oval(0.0, 0.0, wide, 0.36, BLACK);
                brush.turned(x, -0.15, turn).oval(0.05, -0.16, 0.06, 0.08, WHITE.alpha(0.85));
            }
            brush.curve(&[(0.02, 0.62), (0.18, 0.64), (0.32, 0.61)], 0.03, outfit.skin.darker(0.5));
        }
        Figure::Diver => {
            brush.blob_shaded(
                &spots([
                    0.0, -1.1, 0.6, -0.85, 0.72, -0.2, 0.6, 0.5, 0.1, 0.95, -0.5, 0.6, -0.74, -0.2,
                    -0.56, -0.85,
                ]),
                outfit.top.lighter(0.12),
                outfit.top,
            );
            brush.round([-0.4, -0.5, 1.1, 0.72], 0.25, outfit.trim.darker(0.6));
            brush.round_shaded(
                [-0.32, -0.43, 0.95, 0.58],
                0.2,
                outfit.trim.lighter(0.35),
                outfit.trim.darker(0.25),
            );
            brush.blob(&[(0.05, 0.42), (0.5, 0.4), (0.55, 0.66), (0.1, 0.7)], BLACK.alpha(0.85));
            brush.curve(
                &[(0.1, 0.6), (-0.5, 0.9), (-1.0, 0.7), (-1.2, 1.2)],
                0.16,
                BLACK.alpha(0.8),
            );
        }
        _ => {
            brush.blob_shaded(
                &spots([
                    0.0, -1.18, 0.6, -0.98, 0.8, -0.4, 0.76, 0.3, 0.5, 1.0, 0.1, 1.15, -0.5, 1.0,
                    -0.76, 0.3, -0.8, -0.4, -0.55, -0.98,
                ]),
                outfit.top.lighter(0.28),
                outfit.top.darker(0.2),
            );
            brush.polygon(
                &[(-0.5, -0.2), (0.78, -0.24), (0.78, -0.04), (-0.48, 0.0)],
                BLACK.alpha(0.9),
            );
            brush.line(&[(0.26, -1.1), (0.3, 1.05)], 0.05, outfit.top.darker(0.4));
            for at in 0..6 {
                let (x, y) = (0.02 + index(at % 3) * 0.24, 0.3 + index(at / 3) * 0.2);
                brush.circle(x, y, 0.035, BLACK.alpha(0.7));
            }
            brush.blob(
                &spots([
                    0.1, -1.16, -0.3, -1.7, -1.0, -1.6, -1.35, -0.9, -1.2, -0.1, -0.85, -0.9, -0.4,
                    -1.15,
                ]),
                outfit.trim,
            );
        }
    }
}
