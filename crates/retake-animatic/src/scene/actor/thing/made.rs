//! What people make: books, devices, instruments, and anything without a shape of its own here.

use super::Stuff;
use crate::scene::actor::{Dye, Pose};
use crate::scene::brush::{Brush, Spot, oval, spots};
use crate::scene::ink::{BLACK, WHITE, ink};
use crate::scene::num::{index, wave};
use crate::storyboard::{Figure, Role};
use std::f32::consts::TAU;

pub(super) fn draw(brush: &mut Brush<'_>, role: &Role, pose: &Pose, stuff: &Stuff, dye: Dye<'_>) {
    match role.figure {
        Figure::Book => book(brush, stuff),
        Figure::Phone => phone(brush, stuff, dye),
        Figure::Laptop => laptop(brush, stuff, dye),
        Figure::Bottle => bottle(brush, role, stuff),
        Figure::Sneaker => sneaker(brush, stuff),
        Figure::Watch | Figure::Clock => clock(brush, role, pose, stuff),
        Figure::Ring => ring(brush, stuff),
        Figure::Headphones => headphones(brush, stuff),
        Figure::CameraProp => camera(brush, stuff),
        Figure::Lantern => lantern(brush, role, stuff, dye),
        Figure::Balloon => balloon(brush, role, pose, stuff),
        Figure::Guitar => guitar(brush, stuff),
        Figure::Piano => piano(brush, stuff),
        Figure::Drum => drum(brush, stuff),
        Figure::Ball => ball(brush, role, pose, stuff),
        Figure::Umbrella => umbrella(brush, stuff),
        Figure::Chair => chair(brush, stuff),
        Figure::Gift => gift(brush, role, stuff),
        Figure::Sword => sword(brush, stuff),
        Figure::Key => key(brush, role, stuff),
        Figure::Skull => skull(brush, stuff),
        Figure::Door => door(brush, stuff),
        _ => unknown(brush, pose, stuff),
    }
}

fn book(brush: &mut Brush<'_>, stuff: &Stuff) {
    // Open, standing on its lower edges.
    for side in [-1.0_f32, 1.0] {
        brush.polygon_shaded(
            &[(0.0, -0.16), (side * 0.64, -0.3), (side * 0.64, -0.86), (0.0, -0.74)],
            stuff.body,
            stuff.dark,
        );
        brush.blob_shaded(
            &[
                (0.0, -0.19),
                (side * 0.2, -0.28),
                (side * 0.58, -0.33),
                (side * 0.58, -0.85),
                (side * 0.22, -0.84),
                (0.0, -0.74),
            ],
            stuff.white,
            stuff.white.darker(0.12 + 0.1 * side),
        );
        for row in 0..7 {
            let y = -0.76 + index(row) * 0.065;
            brush.line(
                &[(side * 0.09, y + 0.02), (side * (0.5 - 0.08 * index(row % 3)), y - 0.03)],
                0.013,
                stuff.black.alpha(0.4),
            );
        }
    }
    brush.line(&[(0.0, -0.74), (0.0, -0.16)], 0.02, stuff.dark);
    brush.polygon(
        &spots([0.05, -0.7, 0.09, -0.7, 0.1, -0.02, 0.07, -0.07, 0.04, -0.02]),
        stuff.accent,
    );
}

fn phone(brush: &mut Brush<'_>, stuff: &Stuff, dye: Dye<'_>) {
    let mut brush = brush.turned(0.0, 0.0, 6.0);
    brush.round_shaded([-0.25, -1.0, 0.5, 1.0], 0.07, stuff.black.lighter(0.2), stuff.black);
    brush.round_shaded(
        [-0.225, -0.975, 0.45, 0.95],
        0.055,
        dye.own(ink(0x7FB2F0)),
        dye.own(ink(0x3A3F8C)),
    );
    brush.round([-0.06, -0.955, 0.12, 0.026], 0.013, BLACK);
    for at in 0..12 {
        let (x, y) = (-0.17 + index(at % 4) * 0.098, -0.62 + index(at / 4) * 0.14);
        brush.round([x, y, 0.066, 0.066], 0.018, WHITE.alpha(0.55 + 0.12 * index(at % 3)));
    }
    brush.polygon(&[(-0.22, -0.9), (0.02, -0.97), (-0.12, -0.4), (-0.22, -0.2)], WHITE.alpha(0.12));
}

fn laptop(brush: &mut Brush<'_>, stuff: &Stuff, dye: Dye<'_>) {
    brush.polygon_shaded(
        &[(-0.56, -0.86), (0.56, -0.86), (0.6, -0.1), (-0.6, -0.1)],
        stuff.black.lighter(0.15),
        stuff.black,
    );
    brush.polygon_shaded(
        &[(-0.52, -0.82), (0.52, -0.82), (0.555, -0.15), (-0.555, -0.15)],
        dye.own(ink(0x8FC0F4)),
        dye.own(ink(0x2C4A86)),
    );
    for row in 0..6 {
        let y = -0.72 + index(row) * 0.085;
        brush.line(
            &[(-0.44, y), (-0.44 + 0.24 + 0.11 * index(row * 3 % 5), y)],
            0.026,
            WHITE.alpha(0.5),
        );
    }
    brush.round([0.16, -0.72, 0.3, 0.34], 0.03, WHITE.alpha(0.25));
    brush.polygon_shaded(
        &[(-0.6, -0.1), (0.6, -0.1), (0.78, 0.02), (-0.78, 0.02)],
        stuff.light,
        stuff.body,
    );
    brush.polygon(
        &[(-0.5, -0.085), (0.5, -0.085), (0.56, -0.035), (-0.56, -0.035)],
        stuff.black.lighter(0.14),
    );
    brush.round([-0.78, 0.015, 1.56, 0.035], 0.015, stuff.body.darker(0.25));
}

fn bottle(brush: &mut Brush<'_>, role: &Role, stuff: &Stuff) {
    let name = role.name.as_str();
    let is = |words: &[&str]| words.iter().any(|word| name.contains(word));
    if is(&["jar", "can", "cosmetic", "skincare", "lotion"]) {
        brush.round_shaded([-0.3, -0.66, 0.6, 0.66], 0.06, stuff.light, stuff.body.darker(0.15));
        brush.round_shaded(
            [-0.32, -0.86, 0.64, 0.22],
            0.04,
            stuff.gold.lighter(0.2),
            stuff.gold.darker(0.2),
        );
    } else if is(&["perfume", "potion", "vial", "serum", "product"]) {
        brush.round_shaded([-0.34, -0.66, 0.68, 0.66], 0.1, stuff.light.lighter(0.2), stuff.body);
        brush.round([-0.28, -0.48, 0.56, 0.42], 0.06, stuff.body.darker(0.12).alpha(0.65));
        brush.rect_shaded(
            [-0.1, -0.76, 0.2, 0.11],
            stuff.gold.lighter(0.25),
            stuff.gold.darker(0.2),
        );
        brush.round_shaded([-0.15, -1.0, 0.3, 0.25], 0.05, stuff.black.lighter(0.3), stuff.black);
    } else {
        brush.blob_shaded(
            &spots([
                -0.08, -1.0, -0.085, -0.76, -0.2, -0.6, -0.235, -0.45, -0.235, -0.06, -0.17, 0.0,
                0.17, 0.0, 0.235, -0.06, 0.235, -0.45, 0.2, -0.6, 0.085, -0.76, 0.08, -1.0,
            ]),
            stuff.light,
            stuff.dark,
        );
        brush.round([-0.095, -1.05, 0.19, 0.12], 0.03, stuff.gold);
    }
    brush.round([-0.2, -0.42, 0.4, 0.24], 0.015, stuff.white.alpha(0.92));
    brush.line(&[(-0.13, -0.34), (0.13, -0.34)], 0.022, stuff.black.alpha(0.7));
    brush.line(&[(-0.09, -0.27), (0.09, -0.27)], 0.014, stuff.black.alpha(0.45));
    brush.line(&[(-0.2, -0.6), (-0.21, -0.12)], 0.028, WHITE.alpha(0.5));
}

fn sneaker(brush: &mut Brush<'_>, stuff: &Stuff) {
    let mut brush = brush.at(0.0, -0.04, 1.0);
    brush.blob_shaded(
        &spots([-0.7, -0.1, -0.72, 0.0, 0.0, 0.04, 0.7, 0.02, 0.76, -0.1, 0.2, -0.14]),
        stuff.white,
        stuff.white.darker(0.2),
    );
    brush.blob_shaded(
        &spots([
            -0.68, -0.12, -0.7, -0.42, -0.6, -0.62, -0.46, -0.56, -0.3, -0.46, -0.12, -0.5, 0.06,
            -0.42, 0.34, -0.28, 0.64, -0.22, 0.74, -0.1, 0.2, -0.08,
        ]),
        stuff.light,
        stuff.body.darker(0.12),
    );
    brush.blob(
        &spots([-0.56, -0.16, -0.2, -0.2, 0.2, -0.3, 0.36, -0.27, 0.1, -0.12, -0.3, -0.09]),
        stuff.accent,
    );
    brush.blob(&[(-0.62, -0.56), (-0.46, -0.52), (-0.3, -0.42), (-0.44, -0.44)], stuff.dark);
    for at in 0..4 {
        let (x, y) = (-0.14 + index(at) * 0.095, -0.47 + index(at) * 0.042);
        brush.line(&[(x, y), (x + 0.05, y + 0.13)], 0.028, stuff.white.lighter(0.3));
    }
    brush.line(&[(-0.7, -0.06), (0.74, -0.06)], 0.016, stuff.dark.alpha(0.5));
}

fn clock(brush: &mut Brush<'_>, role: &Role, pose: &Pose, stuff: &Stuff) {
    let watch = role.figure == Figure::Watch
        && !role.name.contains("pocket")
        && !role.name.contains("compass");
    if watch {
        brush.round_shaded([-0.2, -1.08, 0.4, 0.34], 0.06, stuff.black.lighter(0.2), stuff.black);
        brush.round_shaded([-0.2, -0.26, 0.4, 0.32], 0.06, stuff.black.lighter(0.1), stuff.black);
        brush.round([0.36, -0.55, 0.09, 0.1], 0.03, stuff.body);
    }
    brush.oval_shaded([0.0, -0.5, 0.4, 0.4], stuff.light, stuff.dark);
    brush.oval_shaded([0.0, -0.5, 0.34, 0.34], stuff.white.lighter(0.2), stuff.white.darker(0.06));
    for at in 0..12 {
        let (sin, cos) = (index(at) / 12.0 * TAU).sin_cos();
        let inner = if at % 3 == 0 { 0.255 } else { 0.285 };
        brush.line(
            &[(sin * inner, -0.5 - cos * inner), (sin * 0.31, -0.5 - cos * 0.31)],
            if at % 3 == 0 { 0.024 } else { 0.012 },
            stuff.black,
        );
    }
    for (turns, reach, wide) in
        [(0.86 + pose.clock.now * 0.002, 0.17, 0.03), (0.17 + pose.clock.now * 0.01, 0.25, 0.02)]
    {
        let (sin, cos) = (turns * TAU).sin_cos();
        brush.line(&[(0.0, -0.5), (sin * reach, -0.5 - cos * reach)], wide, stuff.black);
    }
    let (sin, cos) = ((pose.clock.now.floor() / 60.0 + 0.4) * TAU).sin_cos();
    brush.line(&[(0.0, -0.5), (sin * 0.27, -0.5 - cos * 0.27)], 0.01, stuff.accent);
    brush.circle(0.0, -0.5, 0.022, stuff.black);
    brush.curve(&[(-0.26, -0.66), (-0.12, -0.78), (0.08, -0.8)], 0.03, WHITE.alpha(0.5));
}

fn ring(brush: &mut Brush<'_>, stuff: &Stuff) {
    if let Some(band) = oval(0.0, -0.36, 0.36, 0.35) {
        brush.stroke(&band, 0.085, stuff.body);
        brush.stroke(&band, 0.03, stuff.light);
    }
    brush.polygon_shaded(
        &spots([-0.2, -0.92, 0.2, -0.92, 0.28, -0.82, 0.0, -0.6, -0.28, -0.82]),
        ink(0xF2FAFF),
        ink(0x8FB8D8),
    );
    brush.polygon(&[(-0.2, -0.92), (-0.08, -0.82), (-0.28, -0.82)], WHITE);
    brush.polygon(&[(-0.08, -0.82), (0.1, -0.82), (0.0, -0.6)], ink(0xD2EAF8));
    brush.polygon(&[(-0.03, -1.05), (0.0, -0.98), (0.03, -1.05), (0.0, -1.12)], WHITE);
}

fn headphones(brush: &mut Brush<'_>, stuff: &Stuff) {
    brush.curve(
        &spots([-0.36, -0.34, -0.36, -0.72, 0.0, -0.98, 0.36, -0.72, 0.36, -0.34]),
        0.085,
        stuff.body,
    );
    brush.curve(&[(-0.3, -0.72), (0.0, -0.92), (0.3, -0.72)], 0.03, stuff.light);
    for side in [-1.0_f32, 1.0] {
        brush.oval_shaded([side * 0.36, -0.26, 0.13, 0.24], stuff.light, stuff.dark);
        brush.oval(side * 0.3, -0.26, 0.075, 0.2, stuff.black);
    }
}

fn camera(brush: &mut Brush<'_>, stuff: &Stuff) {
    brush.round([-0.16, -0.82, 0.32, 0.2], 0.04, stuff.body.darker(0.15));
    brush.round_shaded([-0.58, -0.68, 1.16, 0.66], 0.08, stuff.light, stuff.body);
    brush.rect(-0.58, -0.52, 1.16, 0.3, stuff.black);
    for (size, tone) in [
        (0.29, stuff.body.darker(0.3)),
        (0.24, stuff.black),
        (0.17, ink(0x2C4A6C)),
        (0.09, ink(0x0E1420)),
    ] {
        brush.circle(0.0, -0.35, size, tone);
    }
    brush.oval(-0.06, -0.42, 0.05, 0.035, WHITE.alpha(0.7));
    brush.round([-0.5, -0.78, 0.16, 0.1], 0.03, stuff.gold);
    brush.circle(0.44, -0.6, 0.045, stuff.accent);
}

fn lantern(brush: &mut Brush<'_>, role: &Role, stuff: &Stuff, dye: Dye<'_>) {
    let glow = dye.own(ink(0xFFC566));
    if role.name.contains("street") || role.name.contains("post") || role.name == "lamp" {
        brush.line(&[(0.0, 0.0), (0.0, -0.86)], 0.035, stuff.black);
        brush.round([-0.06, -0.06, 0.12, 0.08], 0.02, stuff.black);
        brush.polygon(
            &[(-0.06, -0.86), (0.06, -0.86), (0.1, -1.02), (-0.1, -1.02)],
            glow.lighter(0.3),
        );
        brush.polygon(&[(-0.12, -1.02), (0.0, -1.1), (0.12, -1.02)], stuff.black);
        return;
    }
    if role.name.contains("bulb") {
        brush.circle(0.0, -0.66, 0.3, glow.lighter(0.35).alpha(0.85));
        brush.rect_shaded([-0.12, -0.42, 0.24, 0.34], stuff.light, stuff.dark);
        brush.curve(
            &spots([-0.08, -0.46, -0.06, -0.7, 0.0, -0.6, 0.06, -0.7, 0.08, -0.46]),
            0.02,
            ink(0xFFF4D0),
        );
        return;
    }
    brush.curve(&[(-0.16, -0.92), (0.0, -1.08), (0.16, -0.92)], 0.03, stuff.black);
    brush.blob_shaded(
        &spots([-0.2, -0.86, -0.36, -0.5, -0.2, -0.12, 0.2, -0.12, 0.36, -0.5, 0.2, -0.86]),
        glow.lighter(0.15),
        dye.own(ink(0xE0702A)),
    );
    for x in [-0.2, 0.0, 0.2] {
        brush.curve(
            &[(x * 0.6, -0.86), (x * 1.3, -0.5), (x * 0.6, -0.12)],
            0.012,
            stuff.accent.darker(0.4).alpha(0.7),
        );
    }
    brush.round([-0.2, -0.92, 0.4, 0.08], 0.02, stuff.black);
    brush.round([-0.2, -0.13, 0.4, 0.08], 0.02, stuff.black);
    brush.line(&[(0.0, -0.06), (0.0, 0.06)], 0.03, stuff.accent);
}

fn balloon(brush: &mut Brush<'_>, role: &Role, pose: &Pose, stuff: &Stuff) {
    let sway = pose.clock.swing(0.2, 0.0) * 0.05;
    if role.name.contains("kite") {
        brush.curve(
            &[(0.0, -0.32), (0.1 + sway, -0.16), (-0.04, 0.0), (0.06, 0.1)],
            0.014,
            stuff.white,
        );
        brush.polygon_shaded(
            &[(0.0, -1.05), (0.34, -0.72), (0.0, -0.3), (-0.34, -0.72)],
            stuff.light,
            stuff.body,
        );
        brush.polygon(&[(0.0, -1.05), (0.34, -0.72), (0.0, -0.72)], stuff.gold);
        brush.polygon(&[(0.0, -0.72), (0.0, -0.3), (-0.34, -0.72)], stuff.gold);
        return;
    }
    if role.name.contains("bubble") {
        brush.circle(0.0, -0.6, 0.38, ink(0xCFE6F8).alpha(0.28));
        if let Some(edge) = oval(0.0, -0.6, 0.38, 0.38) {
            brush.stroke(&edge, 0.022, ink(0xE8D8F8).alpha(0.8));
        }
        brush.curve(&[(-0.26, -0.7), (-0.16, -0.84), (0.0, -0.9)], 0.04, WHITE.alpha(0.85));
        return;
    }
    brush.curve(
        &[(0.0, -0.34), (sway, -0.2), (-sway, -0.06), (sway * 0.5, 0.1)],
        0.014,
        stuff.white,
    );
    brush.blob_shaded(
        &spots([
            0.0, -1.06, 0.26, -0.96, 0.34, -0.74, 0.24, -0.5, 0.0, -0.35, -0.24, -0.5, -0.34,
            -0.74, -0.26, -0.96,
        ]),
        stuff.light.mix(stuff.body, 0.5),
        stuff.body.darker(0.15),
    );
    brush.polygon(&[(-0.045, -0.31), (0.045, -0.31), (0.0, -0.37)], stuff.dark);
    brush.turned(-0.15, -0.85, -30.0).oval(0.0, 0.0, 0.05, 0.1, WHITE.alpha(0.6));
}

fn guitar(brush: &mut Brush<'_>, stuff: &Stuff) {
    let mut brush = brush.turned(0.0, 0.0, 9.0);
    brush.polygon_shaded(
        &[(-0.035, -0.98), (0.035, -0.98), (0.04, -0.45), (-0.04, -0.45)],
        stuff.wood.darker(0.3),
        stuff.wood.darker(0.4),
    );
    brush.round([-0.06, -1.1, 0.12, 0.14], 0.02, stuff.dark);
    brush.blob_shaded(
        &spots([
            0.0, -0.62, 0.17, -0.58, 0.2, -0.44, 0.15, -0.34, 0.28, -0.2, 0.22, -0.02, 0.0, 0.03,
            -0.22, -0.02, -0.28, -0.2, -0.15, -0.34, -0.2, -0.44, -0.17, -0.58,
        ]),
        stuff.light,
        stuff.body.darker(0.15),
    );
    brush.circle(0.0, -0.36, 0.075, stuff.black);
    brush.rect(-0.09, -0.15, 0.18, 0.03, stuff.dark);
    for at in 0..4 {
        let x = -0.022 + index(at) * 0.015;
        brush.line(&[(x, -1.0), (x, -0.14)], 0.004, stuff.white);
    }
}

fn piano(brush: &mut Brush<'_>, stuff: &Stuff) {
    for x in [-0.56, 0.1, 0.5] {
        brush.line(&[(x, -0.3), (x, 0.02)], 0.05, stuff.body);
    }
    brush.blob_shaded(
        &spots([-0.72, -0.58, -0.5, -1.04, 0.34, -0.96, 0.7, -0.6, 0.4, -0.56, -0.4, -0.57]),
        stuff.body.lighter(0.2),
        stuff.body,
    );
    brush.blob_shaded(
        &spots([-0.74, -0.56, 0.72, -0.56, 0.74, -0.44, 0.64, -0.3, -0.7, -0.28]),
        stuff.body.lighter(0.12),
        stuff.body.darker(0.3),
    );
    brush.polygon(&[(-0.78, -0.46), (-0.2, -0.46), (-0.2, -0.38), (-0.8, -0.38)], stuff.white);
    for at in 0..12 {
        brush.rect(-0.77 + index(at) * 0.048, -0.46, 0.02, 0.045, BLACK);
    }
    brush.line(&[(0.3, -0.58), (0.16, -0.93)], 0.018, stuff.gold);
}

fn drum(brush: &mut Brush<'_>, stuff: &Stuff) {
    brush.rect_shaded([-0.46, -0.62, 0.92, 0.56], stuff.body.lighter(0.1), stuff.dark);
    brush.oval(0.0, -0.06, 0.46, 0.1, stuff.dark);
    brush.oval(0.0, -0.62, 0.47, 0.13, stuff.gold);
    brush.oval(0.0, -0.63, 0.43, 0.11, stuff.white);
    for at in 0..6 {
        let x = -0.4 + index(at) * 0.16;
        brush.line(&[(x, -0.55), (x + 0.08, -0.08), (x + 0.16, -0.55)], 0.013, stuff.gold);
    }
    brush.line(&[(-0.28, -0.98), (0.1, -0.66)], 0.03, stuff.wood);
    brush.line(&[(0.36, -1.02), (0.04, -0.66)], 0.03, stuff.wood.lighter(0.1));
}

fn ball(brush: &mut Brush<'_>, role: &Role, pose: &Pose, stuff: &Stuff) {
    let spin = if role.action == crate::storyboard::Action::Still {
        0.0
    } else {
        pose.clock.turns(0.6) * 360.0
    };
    let soccer = role.name.contains("soccer") || role.name.contains("football");
    let body = if soccer { stuff.white } else { stuff.body };
    brush.oval_shaded([0.0, -0.5, 0.5, 0.5], body.lighter(0.15), body.darker(0.2));
    let mut brush = brush.turned(0.0, -0.5, spin);
    if soccer {
        for at in 0..6 {
            let (sin, cos) = (index(at) / 5.0 * TAU).sin_cos();
            let (x, y) = if at == 5 { (0.0, 0.0) } else { (sin * 0.4, cos * 0.4) };
            let patch: Vec<Spot> = (0..5)
                .map(|n| (index(n) / 5.0 * TAU).sin_cos())
                .map(|(s, c)| (x + s * 0.14, y - c * 0.14))
                .collect();
            brush.within().polygon(&patch, stuff.black);
        }
    } else {
        let seam = stuff.dark.alpha(0.8);
        brush.within().line(&[(-0.5, 0.0), (0.5, 0.0)], 0.022, seam);
        brush.within().line(&[(0.0, -0.5), (0.0, 0.5)], 0.022, seam);
        brush.within().curve(&[(-0.42, -0.3), (-0.18, 0.0), (-0.42, 0.3)], 0.022, seam);
        brush.within().curve(&[(0.42, -0.3), (0.18, 0.0), (0.42, 0.3)], 0.022, seam);
    }
}

fn umbrella(brush: &mut Brush<'_>, stuff: &Stuff) {
    brush.line(&[(0.0, -0.96), (0.0, -0.1)], 0.028, stuff.wood);
    brush.curve(&[(0.0, -0.1), (0.01, -0.02), (0.08, -0.01), (0.1, -0.08)], 0.032, stuff.wood);
    brush.blob_shaded(
        &spots([
            -0.62, -0.56, -0.5, -0.82, 0.0, -1.0, 0.5, -0.82, 0.62, -0.56, 0.42, -0.62, 0.2, -0.57,
            0.0, -0.62, -0.2, -0.57, -0.42, -0.62,
        ]),
        stuff.light.mix(stuff.body, 0.5),
        stuff.body.darker(0.12),
    );
    for side in [-0.2, 0.2] {
        brush.curve(&[(0.0, -1.0), (side * 0.9, -0.84), (side, -0.58)], 0.01, stuff.dark);
    }
    brush.line(&[(0.0, -1.0), (0.0, -1.06)], 0.024, stuff.dark);
}

fn chair(brush: &mut Brush<'_>, stuff: &Stuff) {
    for (x, dim) in [(-0.16, 0.3), (0.3, 0.3), (-0.28, 0.0), (0.2, 0.0)] {
        brush.line(&[(x, -0.42), (x - 0.02, 0.0)], 0.045, stuff.body.darker(dim));
    }
    brush.polygon_shaded(
        &[(-0.34, -0.44), (0.26, -0.44), (0.36, -0.52), (-0.2, -0.52)],
        stuff.light,
        stuff.body,
    );
    brush.rect(-0.34, -0.45, 0.6, 0.05, stuff.dark);
    brush.line(&[(-0.3, -0.45), (-0.36, -1.05)], 0.05, stuff.body);
    brush.line(&[(-0.16, -0.52), (-0.22, -1.05)], 0.045, stuff.body.darker(0.15));
    for y in [-0.66, -0.82, -0.98] {
        brush.line(&[(-0.33, y), (-0.2, y - 0.02)], 0.07, stuff.light);
    }
}

fn gift(brush: &mut Brush<'_>, role: &Role, stuff: &Stuff) {
    let chest = role.name.contains("chest")
        || role.name.contains("suitcase")
        || role.name.contains("crate");
    let body = if chest { stuff.wood } else { stuff.body };
    brush.rect_shaded([-0.48, -0.56, 0.96, 0.56], body.lighter(0.1), body.darker(0.25));
    if chest {
        brush.blob_shaded(
            &spots([-0.5, -0.54, -0.46, -0.78, 0.0, -0.86, 0.46, -0.78, 0.5, -0.54]),
            body.lighter(0.16),
            body,
        );
        for x in [-0.36, 0.28] {
            brush.rect(x, -0.8, 0.08, 0.8, stuff.gold.darker(0.25));
        }
        brush.rect(-0.5, -0.58, 1.0, 0.05, stuff.gold.darker(0.2));
        brush.round([-0.08, -0.6, 0.16, 0.2], 0.03, stuff.gold);
        return;
    }
    brush.rect_shaded([-0.53, -0.7, 1.06, 0.17], body.lighter(0.2), body);
    brush.rect(-0.08, -0.7, 0.16, 0.7, stuff.gold);
    for side in [-1.0_f32, 1.0] {
        brush.blob_shaded(
            &[(0.0, -0.72), (side * 0.12, -0.96), (side * 0.34, -0.98), (side * 0.3, -0.78)],
            stuff.gold.lighter(0.25),
            stuff.gold.darker(0.1),
        );
    }
    brush.circle(0.0, -0.75, 0.07, stuff.gold.darker(0.15));
}

fn sword(brush: &mut Brush<'_>, stuff: &Stuff) {
    let mut brush = brush.turned(0.0, -0.5, 12.0);
    brush.polygon_shaded(
        &spots([-0.045, 0.2, -0.045, -0.5, 0.0, -0.62, 0.045, -0.5, 0.045, 0.2]),
        stuff.light.lighter(0.4),
        stuff.body,
    );
    brush.line(&[(0.0, -0.52), (0.0, 0.18)], 0.014, stuff.dark);
    brush.round([-0.18, 0.2, 0.36, 0.05], 0.02, stuff.gold);
    brush.round([-0.03, 0.25, 0.06, 0.2], 0.02, stuff.wood.darker(0.2));
    brush.circle(0.0, 0.48, 0.048, stuff.gold);
}

fn key(brush: &mut Brush<'_>, role: &Role, stuff: &Stuff) {
    if role.name == "key" || role.name == "keys" {
        if let Some(bow) = oval(0.0, -0.82, 0.17, 0.17) {
            brush.stroke(&bow, 0.075, stuff.body);
        }
        brush.line(&[(0.0, -0.64), (0.0, -0.02)], 0.075, stuff.body);
        brush.line(&[(0.0, -0.06), (0.16, -0.06)], 0.07, stuff.body);
        brush.line(&[(0.0, -0.2), (0.12, -0.2)], 0.07, stuff.body);
        return;
    }
    if role.name.contains("trophy") {
        brush.round_shaded([-0.24, -0.14, 0.48, 0.14], 0.02, stuff.wood, stuff.wood.darker(0.4));
        brush.line(&[(0.0, -0.14), (0.0, -0.44)], 0.08, stuff.body);
        brush.blob_shaded(
            &spots([-0.32, -1.0, -0.28, -0.62, 0.0, -0.4, 0.28, -0.62, 0.32, -1.0, 0.0, -0.97]),
            stuff.light,
            stuff.body.darker(0.2),
        );
        for side in [-1.0_f32, 1.0] {
            brush.curve(
                &[
                    (side * 0.3, -0.92),
                    (side * 0.5, -0.86),
                    (side * 0.42, -0.64),
                    (side * 0.24, -0.6),
                ],
                0.045,
                stuff.body,
            );
        }
        return;
    }
    brush.oval_shaded([0.0, -0.46, 0.44, 0.44], stuff.light, stuff.dark);
    brush.oval_shaded([0.0, -0.46, 0.36, 0.36], stuff.body, stuff.light);
    brush.polygon(
        &spots([
            0.0, -0.7, 0.06, -0.53, 0.24, -0.53, 0.1, -0.42, 0.15, -0.24, 0.0, -0.34, -0.15, -0.24,
            -0.1, -0.42, -0.24, -0.53, -0.06, -0.53,
        ]),
        stuff.dark,
    );
}

fn skull(brush: &mut Brush<'_>, stuff: &Stuff) {
    brush.blob_shaded(
        &spots([
            0.0, -1.0, 0.36, -0.88, 0.46, -0.58, 0.32, -0.34, 0.24, -0.04, -0.24, -0.04, -0.32,
            -0.34, -0.46, -0.58, -0.36, -0.88,
        ]),
        stuff.light.lighter(0.2),
        stuff.body,
    );
    for side in [-1.0_f32, 1.0] {
        brush.oval(side * 0.18, -0.52, 0.125, 0.14, stuff.black);
    }
    brush.polygon(&[(0.0, -0.42), (0.06, -0.28), (-0.06, -0.28)], stuff.black);
    for at in 0..5 {
        brush.line(
            &[(-0.16 + index(at) * 0.08, -0.2), (-0.16 + index(at) * 0.08, -0.06)],
            0.016,
            stuff.black.alpha(0.8),
        );
    }
}

fn door(brush: &mut Brush<'_>, stuff: &Stuff) {
    brush.rect(-0.36, -1.06, 0.72, 1.08, stuff.dark);
    brush.rect_shaded(
        [-0.3, -1.0, 0.6, 1.0],
        stuff.light.mix(stuff.body, 0.6),
        stuff.body.darker(0.2),
    );
    for (y, tall) in [(-0.9, 0.36), (-0.44, 0.34)] {
        for x in [-0.23, 0.04] {
            brush.rect(x, y, 0.19, tall, stuff.dark.alpha(0.55));
        }
    }
    brush.circle(0.23, -0.48, 0.032, stuff.gold);
}

/// Something nobody drew yet: a solid on a plinth, neutral but well lit.
fn unknown(brush: &mut Brush<'_>, pose: &Pose, stuff: &Stuff) {
    brush.polygon_shaded(
        &[(-0.34, -0.3), (0.34, -0.3), (0.38, 0.0), (-0.38, 0.0)],
        stuff.white,
        stuff.white.darker(0.25),
    );
    brush.oval(0.0, -0.3, 0.34, 0.06, stuff.white.lighter(0.2));
    let hover = wave(pose.clock.turns(0.2)) * 0.01;
    brush.blob_shaded(
        &[
            (-0.26, -0.36 + hover),
            (-0.3, -0.6),
            (-0.2, -0.86),
            (0.04, -0.98 + hover),
            (0.24, -0.84),
            (0.28, -0.56),
            (0.22, -0.34 + hover),
        ],
        stuff.light,
        stuff.dark,
    );
    brush.blob(&[(-0.18, -0.62), (-0.1, -0.84), (0.02, -0.88), (-0.08, -0.6)], WHITE.alpha(0.3));
}
