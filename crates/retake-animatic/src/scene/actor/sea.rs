//! What lives in water: fish, whales, sharks, jellyfish, turtles.

use super::{Dye, Pose};
use crate::scene::brush::{Brush, Spot, spots};
use crate::scene::ink::{BLACK, Ink, WHITE, ink};
use crate::scene::num::{index, wave};
use crate::storyboard::{Action, Figure, Role};

pub(super) fn bounds(figure: Figure) -> [f32; 4] {
    match figure {
        Figure::Jellyfish => [-0.6, -1.15, 0.6, 0.45],
        Figure::Octopus => [-0.85, -1.15, 0.85, 0.2],
        Figure::Whale | Figure::Shark | Figure::Dolphin => [-1.12, -0.85, 1.12, 0.25],
        Figure::Frog => [-0.7, -0.8, 0.7, 0.1],
        _ => [-0.9, -1.0, 0.9, 0.2],
    }
}

struct Skin {
    body: Ink,
    dark: Ink,
    belly: Ink,
    eye: Ink,
}

/// A water animal around its middle, half a measure above the origin.
pub(super) fn draw(brush: &mut Brush<'_>, role: &Role, pose: &Pose, dye: Dye<'_>) {
    let local =
        role.tint.map_or(ink(0x5A7C8C), Ink::from).scaled(1.0 - 0.08 * index(pose.rank % 3));
    let skin = Skin {
        body: dye.of(local),
        dark: dye.of(local.darker(0.35)),
        belly: dye.of(local.mix(ink(0xF2EEE4), 0.72)),
        eye: dye.of(ink(0x14161A)),
    };
    match role.figure {
        Figure::Fish => fish(brush, role, pose, &skin),
        Figure::Jellyfish => jellyfish(brush, pose, &skin, dye),
        Figure::Octopus => octopus(brush, pose, &skin),
        Figure::Turtle => turtle(brush, pose, &skin, dye),
        Figure::Frog => frog(brush, pose, &skin),
        _ => {
            let leap = if role.action == Action::Jump {
                -32.0 + 40.0 * (pose.clock.turns(0.75)).fract()
            } else {
                0.0
            };
            let mut brush = brush.turned(0.0, -0.3, leap);
            finned(&mut brush, role, pose, &skin);
        }
    }
}

/// A body that bends from the head to the tail; returns the spine.
fn spine(pose: &Pose, length: f32, bend: f32) -> Vec<Spot> {
    (0..=14)
        .map(|at| index(at) / 14.0)
        .map(|s| (length * (0.5 - s), bend * s * s * wave(pose.turns - s * 0.55)))
        .collect()
}

/// Skin around a spine; `girth` says how thick it is at a share of its length.
fn hull(spine: &[Spot], girth: impl Fn(f32) -> (f32, f32)) -> Vec<Spot> {
    let last = index(spine.len() - 1);
    let upper =
        spine.iter().enumerate().map(|(at, spot)| (spot.0, spot.1 - girth(index(at) / last).0));
    let lower = spine
        .iter()
        .enumerate()
        .rev()
        .map(|(at, spot)| (spot.0, spot.1 + girth(index(at) / last).1));
    upper.chain(lower).collect()
}

fn finned(brush: &mut Brush<'_>, role: &Role, pose: &Pose, skin: &Skin) {
    let whale = role.figure == Figure::Whale;
    let shark = role.figure == Figure::Shark;
    let girth = if whale {
        0.27
    } else if shark {
        0.19
    } else {
        0.18
    };
    let spine = spine(pose, 1.85, if shark { 0.05 } else { 0.16 });
    let shape = |s: f32| {
        let round = (s * 3.6).min(1.0).powf(0.55) * (1.0 - s).powf(0.85) * 1.25 + 0.022;
        (girth * round * 0.92, girth * round * if whale { 1.12 } else { 0.95 })
    };
    let end = spine.last().copied().unwrap_or_default();
    let tilt = wave(pose.turns - 0.6) * 0.08;
    // Sharks hold the tail upright, whales and dolphins spread it flat.
    if shark {
        brush.polygon(
            &[
                (end.0 + 0.08, end.1),
                (end.0 - 0.2, end.1 - 0.34),
                (end.0 - 0.06, end.1),
                (end.0 - 0.13, end.1 + 0.2),
            ],
            skin.dark,
        );
    } else {
        brush.blob(
            &[
                (end.0 + 0.07, end.1),
                (end.0 - 0.06, end.1 - 0.06 - tilt),
                (end.0 - 0.24, end.1 - 0.13 - tilt * 2.0),
                (end.0 - 0.12, end.1 + 0.01),
                (end.0 - 0.22, end.1 + 0.1 - tilt * 2.0),
                (end.0 - 0.05, end.1 + 0.04),
            ],
            skin.dark,
        );
    }
    let fin = if shark {
        0.3
    } else if whale {
        0.08
    } else {
        0.2
    };
    let at = if whale { -0.34 } else { -0.02 };
    brush.blob(
        &[
            (at + 0.16, -girth * 0.75),
            (at - 0.02, -girth * 0.85 - fin),
            (at - 0.12, -girth * 0.7 - fin * 0.3),
            (at - 0.1, -girth * 0.6),
        ],
        skin.dark,
    );
    brush.blob(
        &[
            (0.26, girth * 0.4),
            (0.02, girth * 0.8 + 0.24),
            (-0.06, girth * 0.8 + 0.2),
            (0.04, girth * 0.5),
        ],
        skin.dark.darker(0.2),
    );
    let hull = hull(&spine, shape);
    brush.blob_shaded(&hull, skin.body, skin.body.darker(0.05));
    let belly: Vec<Spot> = spine
        .iter()
        .enumerate()
        .map(|(at, spot)| (spot.0, spot.1 + shape(index(at) / 14.0).1 * 0.22))
        .chain([(end.0, 0.6), (1.1, 0.6)])
        .collect();
    brush.within().polygon(&belly, skin.belly);
    if whale {
        for at in 0..7 {
            let y = 0.09 + index(at) * 0.025;
            brush.within().curve(
                &[(0.9, y * 0.7), (0.5, y + 0.02), (0.12, y + 0.03)],
                0.007,
                skin.dark.alpha(0.5),
            );
        }
        brush.within().curve(&[(0.95, 0.04), (0.72, 0.06), (0.52, 0.02)], 0.012, skin.dark);
    } else {
        brush.within().curve(
            &[(0.93, 0.05), (0.8, 0.075), (0.66, 0.06)],
            0.012,
            skin.dark.darker(0.2),
        );
    }
    if shark {
        for at in 0..4 {
            let x = 0.5 - index(at) * 0.045;
            brush.within().curve(
                &[(x, -0.05), (x - 0.02, 0.01), (x, 0.06)],
                0.009,
                skin.dark.alpha(0.8),
            );
        }
    }
    if role.figure == Figure::Dolphin {
        brush.blob(
            &[(0.84, -0.04), (1.02, 0.0), (1.03, 0.04), (0.84, 0.06)],
            skin.body.mix(skin.belly, 0.2),
        );
    }
    let eye = if whale { (0.56, 0.0) } else { (0.72, -0.035) };
    brush.circle(eye.0, eye.1, 0.024, skin.eye);
    brush.circle(eye.0 + 0.007, eye.1 - 0.008, 0.008, WHITE.alpha(0.85));
    brush.blob(
        &[
            (0.36, girth * 0.5),
            (0.12, girth * 0.95 + 0.2),
            (0.03, girth * 0.95 + 0.18),
            (0.16, girth * 0.55),
        ],
        skin.dark,
    );
}

fn fish(brush: &mut Brush<'_>, role: &Role, pose: &Pose, skin: &Skin) {
    let mut brush = brush.at(0.0, -0.45, 1.0);
    let spine = spine(pose, 1.15, 0.14);
    let end = spine.last().copied().unwrap_or_default();
    let flick = wave(pose.turns - 0.7) * 0.1;
    brush.blob(
        &[
            (end.0 + 0.1, end.1),
            (end.0 - 0.24, end.1 - 0.28 + flick),
            (end.0 - 0.14, end.1 + flick * 0.6),
            (end.0 - 0.22, end.1 + 0.28 + flick),
        ],
        skin.dark.mix(skin.body, 0.4),
    );
    brush.blob(
        &[(0.26, -0.22), (0.02, -0.46), (-0.26, -0.36), (-0.3, -0.16)],
        skin.dark.mix(skin.body, 0.5),
    );
    brush.blob(
        &[(0.02, 0.2), (-0.12, 0.42), (-0.26, 0.36), (-0.22, 0.14)],
        skin.dark.mix(skin.body, 0.5),
    );
    let hull = hull(&spine, |s| {
        let round = (s * 3.0).min(1.0).powf(0.6) * (1.0 - s).powf(0.75) * 0.34 + 0.03;
        (round, round * 0.95)
    });
    brush.blob_shaded(&hull, skin.body.lighter(0.08), skin.body);
    brush.within().blob(
        &spots([0.6, 0.05, 0.2, 0.14, -0.4, 0.06, -0.2, 0.5, 0.5, 0.5]),
        skin.belly.alpha(0.55),
    );
    if role.name.contains("clown") || role.name == "fish" {
        for x in [0.26, -0.08, -0.36] {
            brush.within().blob(
                &[
                    (x - 0.05, -0.4),
                    (x + 0.05, -0.4),
                    (x + 0.07, 0.0),
                    (x + 0.04, 0.4),
                    (x - 0.05, 0.4),
                    (x - 0.03, 0.0),
                ],
                skin.belly.lighter(0.3),
            );
        }
    }
    brush.circle(0.4, -0.06, 0.07, skin.belly.lighter(0.4));
    brush.circle(0.415, -0.06, 0.042, skin.eye);
    brush.circle(0.43, -0.075, 0.014, WHITE);
    brush.curve(&[(0.57, 0.06), (0.5, 0.09), (0.45, 0.07)], 0.014, skin.dark);
    let paddle = wave(pose.turns * 1.3) * 20.0;
    brush.turned(0.14, 0.08, 20.0 + paddle).blob(
        &[(0.0, -0.05), (-0.24, -0.02), (-0.22, 0.1), (0.0, 0.06)],
        skin.dark.mix(skin.body, 0.3),
    );
}

fn jellyfish(brush: &mut Brush<'_>, pose: &Pose, skin: &Skin, dye: Dye<'_>) {
    let pulse = wave(pose.turns);
    let (wide, tall) = (0.38 + 0.05 * pulse, 0.36 - 0.04 * pulse);
    for at in 0..9 {
        let x = (index(at) / 8.0 - 0.5) * wide * 1.7;
        let spots: Vec<Spot> = (0..=8)
            .map(|n| index(n) / 8.0)
            .map(|s| {
                (
                    x * (1.0 - s * 0.15)
                        + wave(s * 1.2 + index(at) * 0.2 - pose.turns * 0.6) * 0.06 * s,
                    -0.58 + s * (0.72 + 0.16 * wave(index(at) * 0.31)),
                )
            })
            .collect();
        brush.curve(
            &spots,
            if at % 3 == 1 { 0.05 } else { 0.016 },
            skin.body.lighter(0.15).alpha(if at % 3 == 1 { 0.5 } else { 0.75 }),
        );
    }
    let y = -0.62;
    brush.blob_shaded(
        &[
            (-wide, y + 0.06),
            (-wide * 0.9, y - tall * 0.5),
            (-wide * 0.45, y - tall),
            (wide * 0.45, y - tall),
            (wide * 0.9, y - tall * 0.5),
            (wide, y + 0.06),
            (wide * 0.5, y + 0.02),
            (0.0, y + 0.07),
            (-wide * 0.5, y + 0.02),
        ],
        skin.body.lighter(0.3).alpha(0.92),
        skin.body.alpha(0.85),
    );
    brush.oval(0.0, y - tall * 0.42, wide * 0.5, tall * 0.36, dye.own(ink(0xFFE6FF)).alpha(0.35));
}

fn octopus(brush: &mut Brush<'_>, pose: &Pose, skin: &Skin) {
    for at in 0..8 {
        let side = index(at) - 3.5;
        let spots: Vec<Spot> = (0..=10)
            .map(|n| index(n) / 10.0)
            .map(|s| {
                (
                    side * (0.06 + s * 0.16)
                        + wave(s * 0.9 + index(at) * 0.27 - pose.turns * 0.6) * 0.11 * s,
                    -0.5 + s * (0.58 - side.abs() * 0.06),
                )
            })
            .collect();
        for (n, pair) in spots.windows(2).enumerate() {
            if let [from, to] = pair {
                let thick = 0.075 - 0.0062 * index(n);
                brush.limb(
                    *from,
                    *to,
                    thick,
                    thick - 0.006,
                    if at % 2 == 0 { skin.dark } else { skin.body },
                );
            }
        }
    }
    brush.blob_shaded(
        &spots([
            -0.24, -0.46, -0.34, -0.78, -0.2, -1.04, 0.06, -1.08, 0.28, -0.92, 0.3, -0.64, 0.22,
            -0.46, 0.0, -0.42,
        ]),
        skin.body.lighter(0.08),
        skin.body,
    );
    for x in [-0.08, 0.15] {
        brush.circle(x, -0.58, 0.06, skin.belly);
        brush.oval(x + 0.01, -0.58, 0.04, 0.02, skin.eye);
    }
}

fn turtle(brush: &mut Brush<'_>, pose: &Pose, skin: &Skin, dye: Dye<'_>) {
    let stroke = wave(pose.turns) * 26.0;
    let mut brush = brush.at(0.0, -0.4, 1.0);
    brush
        .turned(0.22, 0.06, 30.0 + stroke)
        .blob(&[(0.06, -0.04), (-0.12, 0.44), (-0.24, 0.5), (-0.1, 0.0)], skin.dark);
    brush
        .turned(-0.4, 0.04, 24.0 - stroke * 0.5)
        .blob(&[(0.06, -0.03), (-0.16, 0.22), (-0.22, 0.16), (-0.06, -0.05)], skin.dark);
    brush.limb((0.36, -0.04), (0.58, -0.12), 0.09, 0.085, skin.body);
    brush.oval(0.66, -0.14, 0.135, 0.1, skin.body);
    brush.circle(0.71, -0.17, 0.022, skin.eye);
    brush.circle(0.716, -0.177, 0.007, WHITE);
    let shell = dye.of(ink(0x6E5B34));
    brush.blob(&[(-0.56, 0.06), (-0.1, 0.2), (0.42, 0.08), (0.2, -0.06)], skin.belly);
    brush.blob_shaded(
        &spots([
            -0.6, 0.06, -0.46, -0.2, -0.08, -0.34, 0.3, -0.24, 0.46, 0.03, 0.2, 0.11, -0.3, 0.12,
        ]),
        shell.lighter(0.14),
        shell.darker(0.2),
    );
    for (x, y) in [(-0.34, -0.06), (-0.08, -0.14), (0.18, -0.07)] {
        brush.within().blob(
            &[
                (x - 0.1, y),
                (x - 0.05, y - 0.09),
                (x + 0.06, y - 0.09),
                (x + 0.11, y),
                (x + 0.05, y + 0.09),
                (x - 0.06, y + 0.09),
            ],
            shell.darker(0.28).alpha(0.7),
        );
    }
    brush
        .turned(0.26, 0.07, 48.0 + stroke)
        .blob(&[(0.08, -0.05), (-0.1, 0.48), (-0.22, 0.54), (-0.1, 0.0)], skin.body);
}

fn frog(brush: &mut Brush<'_>, pose: &Pose, skin: &Skin) {
    let puff = 1.0 + pose.breath() * 0.04;
    brush.blob(&spots([-0.5, -0.04, -0.56, -0.24, -0.2, -0.34, 0.0, -0.12, -0.1, 0.0]), skin.dark);
    brush.limb((0.22, -0.2), (0.32, -0.02), 0.07, 0.045, skin.dark);
    brush.blob_shaded(
        &[
            (-0.46, -0.12),
            (-0.3, -0.38),
            (0.06, -0.58),
            (0.42, -0.52),
            (0.5, -0.34),
            (0.34, -0.14 * puff),
            (0.0, -0.06),
        ],
        skin.body.lighter(0.08),
        skin.body,
    );
    brush.within().blob(
        &spots([0.52, -0.32, 0.3, -0.3, 0.0, -0.14, 0.1, 0.0, 0.5, -0.1]),
        skin.belly.alpha(0.8),
    );
    brush.circle(0.26, -0.58, 0.115, skin.body);
    brush.circle(0.29, -0.59, 0.075, skin.belly);
    brush.oval(0.3, -0.59, 0.055, 0.032, BLACK);
    brush.curve(&[(0.5, -0.36), (0.36, -0.31), (0.2, -0.36)], 0.015, skin.dark);
    brush.blob_shaded(
        &spots([-0.4, 0.0, -0.46, -0.22, -0.14, -0.3, 0.02, -0.12, 0.16, 0.0]),
        skin.body,
        skin.dark,
    );
}
