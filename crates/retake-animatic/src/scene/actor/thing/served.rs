//! What is on the table: cups, glasses, dishes.

use super::Stuff;
use crate::scene::actor::{Dye, Pose};
use crate::scene::brush::{Brush, Spot, spots};
use crate::scene::ink::{BLACK, WHITE, ink};
use crate::scene::num::{index, wave};
use crate::storyboard::{Figure, Role};

/// Draws the figure if it is one of these.
pub(super) fn draw(
    brush: &mut Brush<'_>,
    role: &Role,
    pose: &Pose,
    stuff: &Stuff,
    dye: Dye<'_>,
) -> bool {
    match role.figure {
        Figure::Cup => cup(brush, role, pose, stuff, dye),
        Figure::Glass => glass(brush, role, stuff),
        Figure::Bowl | Figure::Feast => bowl(brush, pose, stuff, dye),
        Figure::Cake => cake(brush, role, stuff, dye),
        Figure::Pizza => pizza(brush, stuff, dye),
        Figure::Burger => burger(brush, stuff, dye),
        Figure::Candle => candle(brush, pose, stuff, dye),
        _ => return false,
    }
    true
}

/// Steam that rises, sways and thins out.
fn steam(brush: &mut Brush<'_>, pose: &Pose, (x, y): Spot, wide: f32) {
    for wisp in 0..3 {
        let offset = index(wisp) * 0.33;
        let spots: Vec<Spot> = (0..=8)
            .map(|at| index(at) / 8.0)
            .map(|s| {
                (
                    x + (index(wisp) - 1.0) * wide
                        + wave(s * 0.9 - pose.clock.turns(0.35) + offset) * wide * (0.3 + s),
                    y - s * 0.46,
                )
            })
            .collect();
        for (at, spot) in spots.iter().enumerate() {
            let fade = 0.34 * (1.0 - index(at) / 9.0) * (0.3 + index(at) / 3.0).min(1.0);
            let size = 0.07 + 0.014 * index(at);
            brush.glow(spot.0, spot.1, size, size * 1.3, WHITE.alpha(fade));
        }
    }
}

fn cup(brush: &mut Brush<'_>, role: &Role, pose: &Pose, stuff: &Stuff, dye: Dye<'_>) {
    let tea = role.name.contains("tea");
    let drink = dye.of(ink(if tea { 0xA8602A } else { 0x4A2E1E }));
    brush.oval_shaded([0.0, -0.03, 0.58, 0.085], stuff.light.lighter(0.2), stuff.body.darker(0.2));
    brush.oval(0.0, -0.045, 0.4, 0.05, stuff.body.darker(0.14));
    if let Some(handle) = crate::scene::brush::oval(0.42, -0.42, 0.15, 0.17) {
        brush.stroke(&handle, 0.065, stuff.body.darker(0.06));
    }
    brush.blob_shaded(
        &spots([
            -0.42, -0.68, -0.4, -0.4, -0.3, -0.12, -0.16, -0.04, 0.16, -0.04, 0.3, -0.12, 0.4,
            -0.4, 0.42, -0.68, 0.0, -0.66,
        ]),
        stuff.light.lighter(0.1),
        stuff.body.darker(0.1),
    );
    brush.oval(0.0, -0.68, 0.42, 0.1, stuff.light.lighter(0.25));
    brush.oval(0.0, -0.67, 0.375, 0.082, drink);
    if !tea {
        brush.within().oval(0.03, -0.66, 0.22, 0.045, dye.of(ink(0xC89A6A)));
        brush.within().oval(0.0, -0.667, 0.1, 0.022, dye.of(ink(0xEFD9B8)));
    }
    brush.blob(&[(-0.34, -0.56), (-0.28, -0.55), (-0.24, -0.26), (-0.29, -0.3)], WHITE.alpha(0.35));
    steam(brush, pose, (0.0, -0.72), 0.13);
}

fn glass(brush: &mut Brush<'_>, role: &Role, stuff: &Stuff) {
    let clear = ink(0xDCE8EE);
    let stem = !matches!(
        role.name.as_str(),
        "beer" | "juice" | "lemonade" | "soda" | "smoothie" | "milkshake" | "whiskey"
    );
    if stem {
        brush.oval(0.0, -0.02, 0.25, 0.04, clear.alpha(0.75));
        brush.line(&[(0.0, -0.04), (0.0, -0.46)], 0.035, clear.alpha(0.85));
        brush.blob(
            &spots([
                -0.24, -1.0, -0.32, -0.7, -0.18, -0.48, 0.0, -0.43, 0.18, -0.48, 0.32, -0.7, 0.24,
                -1.0,
            ]),
            clear.alpha(0.4),
        );
        brush.blob_shaded(
            &spots([
                -0.305, -0.76, -0.29, -0.62, -0.16, -0.5, 0.0, -0.46, 0.16, -0.5, 0.29, -0.62,
                0.305, -0.76, 0.0, -0.74,
            ]),
            stuff.body.lighter(0.12),
            stuff.dark,
        );
        brush.oval(0.0, -0.76, 0.302, 0.045, stuff.body.lighter(0.2));
        brush.curve(&[(-0.22, -0.95), (-0.27, -0.7), (-0.2, -0.56)], 0.03, WHITE.alpha(0.7));
        return;
    }
    brush.polygon_shaded(
        &[(-0.3, -0.95), (0.3, -0.95), (0.24, 0.0), (-0.24, 0.0)],
        clear.alpha(0.4),
        clear.alpha(0.55),
    );
    let drink =
        if role.name == "beer" || role.name == "whiskey" { ink(0xD89A30) } else { stuff.body };
    brush.polygon_shaded(
        &[(-0.27, -0.76), (0.27, -0.76), (0.225, -0.04), (-0.225, -0.04)],
        drink.lighter(0.2),
        drink.darker(0.1),
    );
    if role.name == "beer" || role.name == "milkshake" {
        for at in 0..7 {
            brush.circle(
                -0.24 + index(at) * 0.08,
                -0.79 - 0.03 * index(at % 2),
                0.075,
                WHITE.darker(0.04),
            );
        }
    }
    brush.line(&[(-0.2, -0.86), (-0.17, -0.12)], 0.03, WHITE.alpha(0.55));
}

fn bowl(brush: &mut Brush<'_>, pose: &Pose, stuff: &Stuff, dye: Dye<'_>) {
    brush.blob_shaded(
        &spots([
            -0.66, -0.44, -0.54, -0.16, -0.26, 0.0, 0.26, 0.0, 0.54, -0.16, 0.66, -0.44, 0.0, -0.36,
        ]),
        stuff.body.lighter(0.12),
        stuff.dark,
    );
    brush.oval(0.0, -0.45, 0.66, 0.15, stuff.light);
    brush.oval(0.0, -0.445, 0.6, 0.125, dye.of(ink(0xB87A3A)));
    for at in 0..6 {
        let x = -0.3 + index(at) * 0.1;
        brush.curve(
            &[(x - 0.16, -0.44), (x, -0.5), (x + 0.12, -0.43), (x + 0.22, -0.47)],
            0.032,
            dye.of(ink(0xEBCB84)),
        );
    }
    for (x, y) in [(-0.36, -0.47), (-0.26, -0.5)] {
        brush.oval(x, y, 0.11, 0.062, stuff.white);
        brush.oval(x + 0.01, y, 0.055, 0.034, dye.of(ink(0xF0A93A)));
    }
    for at in 0..5 {
        brush.blob(
            &[
                (0.2 + 0.05 * index(at), -0.5),
                (0.27 + 0.05 * index(at), -0.58),
                (0.31 + 0.04 * index(at), -0.5),
            ],
            stuff.green.lighter(0.08 * index(at % 2)),
        );
    }
    brush.oval(0.36, -0.45, 0.1, 0.045, stuff.accent);
    brush.line(&[(0.2, -0.52), (0.66, -0.86)], 0.025, stuff.wood);
    brush.line(&[(0.27, -0.5), (0.72, -0.8)], 0.025, stuff.wood.lighter(0.08));
    steam(brush, pose, (-0.02, -0.52), 0.16);
}

fn cake(brush: &mut Brush<'_>, role: &Role, stuff: &Stuff, dye: Dye<'_>) {
    brush.oval_shaded([0.0, -0.03, 0.66, 0.075], stuff.white, stuff.white.darker(0.2));
    let bread = matches!(
        role.name.as_str(),
        "bread"
            | "croissant"
            | "pie"
            | "donut"
            | "pancake"
            | "pancakes"
            | "cookie"
            | "cookies"
            | "waffle"
    );
    if bread {
        let crust = dye.of(ink(0xC08242));
        for at in 0..3 {
            let y = -0.12 - index(at) * 0.15;
            brush.oval_shaded([0.0, y, 0.48, 0.13], crust.lighter(0.16), crust.darker(0.2));
        }
        brush.blob(
            &spots([
                -0.3, -0.5, 0.0, -0.56, 0.32, -0.48, 0.34, -0.3, 0.26, -0.4, 0.1, -0.36, 0.02,
                -0.2, -0.06, -0.38, -0.22, -0.4,
            ]),
            dye.of(ink(0x8A4A1E)),
        );
        brush.round([-0.1, -0.62, 0.2, 0.09], 0.02, dye.of(ink(0xF2DC8A)));
        return;
    }
    brush.rect_shaded([-0.48, -0.5, 0.96, 0.45], stuff.light, stuff.body.darker(0.1));
    brush.oval(0.0, -0.06, 0.48, 0.07, stuff.body.darker(0.1));
    brush.rect(-0.48, -0.32, 0.96, 0.05, stuff.accent.lighter(0.2));
    brush.oval(0.0, -0.5, 0.48, 0.1, stuff.white);
    for at in 0..9 {
        let x = -0.43 + index(at) * 0.108;
        brush.blob(
            &[
                (x - 0.06, -0.48),
                (x, -0.52),
                (x + 0.06, -0.48),
                (x + 0.02, -0.34 - 0.05 * index(at % 2)),
                (x - 0.02, -0.34 - 0.05 * index(at % 2)),
            ],
            stuff.white,
        );
    }
    for at in 0..5 {
        let x = -0.3 + index(at) * 0.15;
        brush.rect(
            x - 0.014,
            -0.74,
            0.028,
            0.22,
            if at % 2 == 0 { stuff.accent } else { stuff.gold },
        );
        brush.blob(
            &[(x, -0.86), (x + 0.026, -0.79), (x, -0.74), (x - 0.026, -0.79)],
            dye.own(ink(0xFFC650)),
        );
        brush.circle(x, -0.53, 0.035, stuff.accent.darker(0.1));
    }
}

fn pizza(brush: &mut Brush<'_>, stuff: &Stuff, dye: Dye<'_>) {
    brush.oval_shaded([0.0, -0.26, 0.74, 0.26], dye.of(ink(0xD09A52)), dye.of(ink(0x9A6428)));
    brush.oval(0.0, -0.285, 0.63, 0.2, dye.of(ink(0xB8402A)));
    brush.oval(0.0, -0.29, 0.6, 0.185, dye.of(ink(0xF0CE78)));
    for at in 0..8 {
        let turn = index(at) * 2.4;
        let reach = 0.16 + 0.34 * index(at % 3) / 2.0;
        let (x, y) = (turn.cos() * reach, -0.29 + turn.sin() * reach * 0.3);
        brush.oval(x, y, 0.085, 0.034, dye.of(ink(0xA8322A)));
        brush.oval(x + 0.12, y + 0.03, 0.045, 0.016, stuff.green);
    }
}

fn burger(brush: &mut Brush<'_>, stuff: &Stuff, dye: Dye<'_>) {
    let bun = dye.of(ink(0xCB8A42));
    brush.round_shaded([-0.54, -0.2, 1.08, 0.2], 0.1, bun, bun.darker(0.25));
    brush.round_shaded(
        [-0.58, -0.36, 1.16, 0.18],
        0.08,
        dye.of(ink(0x6A3C22)),
        dye.of(ink(0x432412)),
    );
    brush.polygon(
        &spots([
            -0.58, -0.38, 0.58, -0.38, 0.4, -0.28, 0.2, -0.37, -0.1, -0.27, -0.3, -0.37, -0.48,
            -0.3,
        ]),
        dye.of(ink(0xF0B83C)),
    );
    brush.round([-0.54, -0.46, 1.08, 0.09], 0.04, stuff.accent);
    let wavy: Vec<Spot> = (0..=16)
        .map(|at| (-0.62 + index(at) * 0.0775, -0.47 + 0.025 * (index(at) * 2.2).sin()))
        .collect();
    brush.curve(&wavy, 0.075, stuff.green.lighter(0.15));
    brush.blob_shaded(
        &spots([
            -0.57, -0.5, -0.5, -0.74, -0.2, -0.9, 0.2, -0.9, 0.5, -0.74, 0.57, -0.5, 0.0, -0.47,
        ]),
        bun.lighter(0.2),
        bun.darker(0.1),
    );
    for at in 0..9 {
        let (x, y) = (-0.36 + index(at) * 0.09, -0.72 - 0.07 * index(at % 3));
        brush.oval(x, y, 0.024, 0.013, dye.of(ink(0xF4E2B8)));
    }
    let _ = BLACK;
}

fn candle(brush: &mut Brush<'_>, pose: &Pose, stuff: &Stuff, dye: Dye<'_>) {
    brush.oval_shaded([0.0, -0.03, 0.3, 0.06], stuff.gold, stuff.gold.darker(0.4));
    brush.rect_shaded(
        [-0.12, -0.78, 0.24, 0.74],
        stuff.light.lighter(0.1),
        stuff.body.darker(0.15),
    );
    brush.oval(0.0, -0.78, 0.12, 0.03, stuff.light.lighter(0.3));
    brush.blob(
        &[(-0.12, -0.78), (-0.06, -0.76), (-0.08, -0.5), (-0.12, -0.46)],
        stuff.light.lighter(0.3),
    );
    brush.line(&[(0.0, -0.78), (0.005, -0.87)], 0.016, stuff.black);
    let sway = wave(pose.clock.turns(1.1)) * 0.02;
    for (tone, size) in [(0xF0902A, 1.0), (0xFFD66A, 0.66), (0xFFFBE6, 0.34)] {
        brush.blob(
            &[
                (sway * 1.5, -0.86 - 0.27 * size),
                (0.06 * size, -0.96),
                (0.05 * size, -0.88),
                (0.0, -0.84),
                (-0.05 * size, -0.88),
                (-0.06 * size, -0.96),
            ],
            dye.own(ink(tone)),
        );
    }
}
