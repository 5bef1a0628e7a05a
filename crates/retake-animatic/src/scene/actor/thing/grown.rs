//! What grows, burns, shines or stands in the landscape.

use super::Stuff;
use crate::scene::actor::{Dye, Pose};
use crate::scene::brush::{Brush, Spot, spots};
use crate::scene::chance::Chance;
use crate::scene::flora::{self, Leafage, Tree};
use crate::scene::ink::{WHITE, ink};
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
        Figure::Tree => tree(brush, role, pose, stuff, dye),
        Figure::Flower => flower(brush, role, pose, stuff),
        Figure::Leaf => leaf(brush, role, pose, stuff),
        Figure::Campfire => campfire(brush, pose, stuff, dye),
        Figure::House => house(brush, stuff, dye),
        Figure::Lighthouse => lighthouse(brush, stuff, dye),
        Figure::Tent => tent(brush, stuff, dye),
        Figure::Snowman => snowman(brush, stuff),
        Figure::Statue => statue(brush, stuff),
        Figure::Planet => planet(brush, role, pose, stuff),
        Figure::Crystal => crystal(brush, stuff),
        Figure::Fruit => fruit(brush, role, stuff),
        _ => return false,
    }
    true
}

fn tree(brush: &mut Brush<'_>, role: &Role, pose: &Pose, stuff: &Stuff, dye: Dye<'_>) {
    let name = role.name.as_str();
    let kind = match name {
        _ if name.contains("pine") => Tree::Conifer,
        _ if name.contains("palm") => Tree::Palm,
        "cactus" => Tree::Cactus,
        _ => Tree::Broadleaf,
    };
    if matches!(name, "sapling" | "seedling" | "sprout" | "plant" | "plants") {
        sprout(brush, pose, stuff);
        return;
    }
    if name == "mushroom" || name == "mushrooms" {
        brush.blob_shaded(
            &[(-0.12, 0.0), (-0.09, -0.5), (0.09, -0.5), (0.13, 0.0)],
            stuff.white,
            stuff.white.darker(0.2),
        );
        brush.blob_shaded(
            &spots([-0.45, -0.46, -0.36, -0.78, 0.0, -0.96, 0.36, -0.78, 0.45, -0.46, 0.0, -0.4]),
            stuff.accent.lighter(0.1),
            stuff.accent.darker(0.2),
        );
        for (x, y) in [(-0.2, -0.66), (0.06, -0.8), (0.24, -0.6), (-0.02, -0.56)] {
            brush.circle(x, y, 0.055, stuff.white);
        }
        return;
    }
    let cherry = name.contains("cherry") || name.contains("blossom");
    let local = if cherry { dye.of(ink(0xE6A9BC)) } else { stuff.body };
    let tones = Leafage {
        lit: local.lighter(0.16),
        shade: local.darker(0.2),
        wood: stuff.wood.darker(0.15),
        side: dye.light.sun.0.signum(),
    };
    let mut chance = Chance::new(77, u64::try_from(pose.rank).unwrap_or(0));
    let sway = pose.clock.swing(0.14, 0.0) * 0.6;
    let mut brush = brush.turned(0.0, 0.0, sway);
    flora::tree(&mut brush, kind, (0.0, 0.0), 1.05, tones, &mut chance);
}

fn sprout(brush: &mut Brush<'_>, pose: &Pose, stuff: &Stuff) {
    let grown = 0.55 + 0.45 * pose.clock.progress();
    let sway = pose.clock.swing(0.2, 0.0) * 0.03;
    brush.blob_shaded(
        &spots([-0.4, 0.02, -0.22, -0.1, 0.0, -0.14, 0.22, -0.1, 0.4, 0.02]),
        stuff.wood.darker(0.3),
        stuff.wood.darker(0.5),
    );
    let top = (sway, -0.86 * grown);
    brush.curve(&[(0.0, -0.06), (sway * 0.3, top.1 * 0.5), top], 0.045, stuff.green);
    for (side, y) in [(-1.0_f32, 0.55), (1.0, 0.72), (-1.0, 0.98), (1.0, 1.0)] {
        let at = (sway * y, top.1 * y);
        let reach = 0.34 * grown * side;
        brush.blob_shaded(
            &[
                at,
                (at.0 + reach * 0.5, at.1 - 0.14),
                (at.0 + reach, at.1 - 0.08),
                (at.0 + reach * 0.55, at.1 + 0.03),
            ],
            stuff.green.lighter(0.18),
            stuff.green,
        );
    }
}

fn flower(brush: &mut Brush<'_>, role: &Role, pose: &Pose, stuff: &Stuff) {
    let sway = pose.clock.swing(0.17, 0.0) * 0.025;
    let open = if role.action == crate::storyboard::Action::Rise {
        0.4 + 0.6 * pose.clock.progress()
    } else {
        1.0
    };
    let head = (sway, -0.72);
    brush.curve(&[(0.0, 0.02), (-0.03, -0.3), head], 0.032, stuff.green.darker(0.1));
    brush.blob_shaded(
        &[(-0.01, -0.16), (-0.2, -0.36), (-0.36, -0.34), (-0.22, -0.2)],
        stuff.green.lighter(0.1),
        stuff.green.darker(0.1),
    );
    brush.blob_shaded(
        &[(-0.01, -0.26), (0.16, -0.46), (0.33, -0.46), (0.2, -0.3)],
        stuff.green.lighter(0.1),
        stuff.green.darker(0.1),
    );
    let name = role.name.as_str();
    if ["tulip", "rose", "lotus", "peony"].iter().any(|word| name.contains(word)) {
        cupped(brush, head, open, stuff);
        return;
    }
    let (petals, centre) =
        if name.contains("sunflower") { (18, stuff.wood.darker(0.3)) } else { (9, stuff.gold) };
    for ring in 0..2 {
        for at in 0..petals {
            let turn = (index(at) + index(ring) * 0.5) / index(petals) * 360.0;
            let tone = if ring == 0 { stuff.body.darker(0.12) } else { stuff.body.lighter(0.06) };
            let reach = (0.34 - 0.05 * index(ring)) * open;
            brush.turned(head.0, head.1, turn).blob(
                &[(0.0, 0.0), (-0.07, -reach * 0.6), (0.0, -reach), (0.07, -reach * 0.6)],
                tone,
            );
        }
    }
    brush.circle(head.0, head.1, 0.1, centre);
    brush.circle(head.0 - 0.02, head.1 - 0.02, 0.06, centre.lighter(0.12));
}

/// Petals around each other: roses, tulips.
fn cupped(brush: &mut Brush<'_>, (x, y): Spot, open: f32, stuff: &Stuff) {
    let mut brush = brush.at(x, y, 0.34);
    for (side, wide, tone) in [(-1.0_f32, 0.95, stuff.dark), (1.0, 0.95, stuff.body.darker(0.2))] {
        brush.blob(
            &[
                (0.0, 0.5),
                (side * wide * open, 0.1),
                (side * wide * open * 0.9, -0.65),
                (side * 0.2, -0.45),
            ],
            tone,
        );
    }
    brush.blob_shaded(
        &[
            (0.0, 0.55),
            (-0.6, 0.2),
            (-0.5 * open, -0.75),
            (0.0, -0.55),
            (0.5 * open, -0.75),
            (0.6, 0.2),
        ],
        stuff.light,
        stuff.body,
    );
    brush.blob_shaded(
        &[(0.0, 0.55), (-0.66, 0.25), (-0.72 * open, -0.4), (-0.1, 0.0)],
        stuff.body.lighter(0.1),
        stuff.body.darker(0.1),
    );
    brush.blob_shaded(
        &[(0.0, 0.55), (0.66, 0.25), (0.72 * open, -0.4), (0.1, 0.0)],
        stuff.body,
        stuff.dark,
    );
    brush.curve(
        &[(-0.2, -0.5), (0.05, -0.62), (0.2, -0.42), (0.0, -0.3)],
        0.05,
        stuff.dark.alpha(0.6),
    );
}

fn leaf(brush: &mut Brush<'_>, role: &Role, pose: &Pose, stuff: &Stuff) {
    if role.name.contains("drop") || role.name == "water" {
        brush.blob_shaded(
            &spots([
                0.0, -1.0, 0.1, -0.7, 0.3, -0.36, 0.24, -0.08, 0.0, 0.0, -0.24, -0.08, -0.3, -0.36,
                -0.1, -0.7,
            ]),
            ink(0xCFE8F6),
            ink(0x4A8AB8),
        );
        brush
            .blob(&[(-0.14, -0.5), (-0.2, -0.3), (-0.12, -0.16), (-0.1, -0.34)], WHITE.alpha(0.85));
        return;
    }
    let turn = pose.clock.swing(0.21, 0.0) * 24.0;
    let mut brush = brush.turned(0.0, -0.5, 28.0 + turn);
    brush.line(&[(0.0, 0.1), (0.0, 0.52)], 0.03, stuff.dark);
    brush.blob_shaded(
        &spots([
            0.0, -0.52, 0.2, -0.3, 0.32, 0.0, 0.16, 0.22, 0.0, 0.3, -0.16, 0.22, -0.32, 0.0, -0.2,
            -0.3,
        ]),
        stuff.light,
        stuff.body,
    );
    brush.line(&[(0.0, -0.46), (0.0, 0.3)], 0.018, stuff.dark);
    for at in 0..4 {
        let y = -0.28 + index(at) * 0.14;
        brush.line(&[(0.0, y + 0.08), (0.2, y - 0.04)], 0.012, stuff.dark);
        brush.line(&[(0.0, y + 0.08), (-0.2, y - 0.04)], 0.012, stuff.dark);
    }
}

fn campfire(brush: &mut Brush<'_>, pose: &Pose, stuff: &Stuff, dye: Dye<'_>) {
    for turn in [-24.0, 20.0, -6.0] {
        brush.turned(0.0, -0.07, turn).round_shaded(
            [-0.42, -0.06, 0.84, 0.12],
            0.05,
            stuff.wood,
            stuff.wood.darker(0.5),
        );
    }
    for (at, (tone, size)) in
        [(0xE0481E, 1.0), (0xF28A26, 0.74), (0xFFD060, 0.46), (0xFFF4C8, 0.24)].iter().enumerate()
    {
        let sway = |offset: f32| wave(pose.clock.turns(1.7) + offset + index(at) * 0.21) * 0.05;
        let tall = 0.92 * size * (1.0 + 0.07 * wave(pose.clock.turns(2.9) + index(at) * 0.3));
        brush.blob(
            &[
                (0.0, 0.0),
                (-0.3 * size, -0.1),
                (-0.27 * size + sway(0.1), -tall * 0.42),
                (-0.12 * size + sway(0.2), -tall * 0.62),
                (sway(0.4) * 1.6, -tall),
                (0.13 * size + sway(0.3), -tall * 0.56),
                (0.29 * size + sway(0.6), -tall * 0.36),
                (0.27 * size, -0.08),
            ],
            dye.own(ink(*tone)),
        );
    }
    for at in 0..7 {
        let turn = index(at) / 7.0 * std::f32::consts::PI;
        brush.oval(
            turn.cos() * 0.5,
            0.02 + turn.sin() * 0.05,
            0.1,
            0.065,
            stuff.black.lighter(0.22),
        );
    }
}

fn house(brush: &mut Brush<'_>, stuff: &Stuff, dye: Dye<'_>) {
    let lit = dye.light.lamps > 0.4;
    let window = if lit { dye.own(ink(0xFFD27A)) } else { dye.of(ink(0x4A5C6C)) };
    brush.polygon_shaded(
        &[(-0.5, -0.56), (0.5, -0.56), (0.5, 0.0), (-0.5, 0.0)],
        stuff.light,
        stuff.body.darker(0.1),
    );
    brush.rect(0.3, -1.0, 0.11, 0.26, stuff.accent.darker(0.3));
    brush.polygon_shaded(
        &[(-0.62, -0.54), (-0.08, -1.0), (0.12, -1.0), (0.64, -0.54)],
        stuff.dark.lighter(0.06),
        stuff.dark.darker(0.2),
    );
    brush.polygon(
        &[(-0.62, -0.54), (0.64, -0.54), (0.62, -0.5), (-0.6, -0.5)],
        stuff.dark.darker(0.4),
    );
    brush.round([-0.14, -0.36, 0.18, 0.36], 0.02, stuff.wood.darker(0.25));
    brush.circle(0.0, -0.17, 0.015, stuff.gold);
    for x in [-0.4, 0.16] {
        brush.rect(x - 0.02, -0.42, 0.24, 0.26, stuff.white);
        brush.rect(x, -0.4, 0.2, 0.22, window);
        brush.rect(x + 0.092, -0.4, 0.016, 0.22, stuff.white);
        brush.rect(x, -0.3, 0.2, 0.016, stuff.white);
    }
    brush.circle(0.02, -0.74, 0.085, stuff.white);
    brush.circle(0.02, -0.74, 0.062, window);
    for (x, size) in [(-0.62, 0.13), (0.6, 0.16), (0.46, 0.1)] {
        brush.oval_shaded(
            [x, -0.06, size, size * 0.7],
            stuff.green.lighter(0.1),
            stuff.green.darker(0.2),
        );
    }
}

fn lighthouse(brush: &mut Brush<'_>, stuff: &Stuff, dye: Dye<'_>) {
    brush.blob_shaded(
        &spots([-0.55, 0.08, -0.4, -0.08, -0.1, -0.15, 0.22, -0.12, 0.5, 0.0, 0.6, 0.1]),
        stuff.black.lighter(0.3),
        stuff.black.lighter(0.1),
    );
    brush.polygon_shaded(
        &[(-0.17, -0.1), (-0.1, -0.86), (0.1, -0.86), (0.17, -0.1)],
        stuff.white,
        stuff.white.darker(0.06),
    );
    for at in 0..3 {
        let (top, bottom) = (-0.76 + index(at) * 0.24, -0.64 + index(at) * 0.24);
        let wide = |y: f32| 0.1 + (y + 0.86) * 0.092;
        brush.polygon(
            &[(-wide(top), top), (wide(top), top), (wide(bottom), bottom), (-wide(bottom), bottom)],
            stuff.accent,
        );
    }
    brush.rect(-0.14, -0.88, 0.28, 0.03, stuff.black);
    brush.rect(
        -0.075,
        -0.99,
        0.15,
        0.12,
        dye.own(ink(if dye.light.lamps > 0.3 { 0xFFF2C0 } else { 0xB8D0DC })),
    );
    brush.line(&[(-0.06, -0.99), (-0.06, -0.87)], 0.012, stuff.black);
    brush.line(&[(0.06, -0.99), (0.06, -0.87)], 0.012, stuff.black);
    brush.polygon(&[(-0.1, -0.98), (0.0, -1.1), (0.1, -0.98)], stuff.accent.darker(0.15));
    brush.round([-0.03, -0.24, 0.06, 0.12], 0.03, stuff.wood.darker(0.3));
}

fn tent(brush: &mut Brush<'_>, stuff: &Stuff, dye: Dye<'_>) {
    let inside =
        if dye.light.lamps > 0.4 { dye.own(ink(0xFFC870)) } else { stuff.dark.darker(0.4) };
    brush.polygon_shaded(
        &[(-0.1, -0.8), (0.72, 0.0), (-0.02, 0.0)],
        stuff.body.darker(0.12),
        stuff.dark,
    );
    brush.polygon_shaded(&[(-0.12, -0.82), (-0.7, 0.0), (0.36, 0.0)], stuff.light, stuff.body);
    brush.polygon(&[(-0.12, -0.6), (-0.32, 0.0), (0.08, 0.0)], inside);
    brush.polygon(&[(-0.12, -0.6), (-0.32, 0.0), (-0.38, 0.0), (-0.16, -0.62)], stuff.dark);
    brush.line(&[(-0.7, 0.0), (-0.8, 0.05)], 0.012, stuff.white);
}

fn snowman(brush: &mut Brush<'_>, stuff: &Stuff) {
    for (y, size) in [(-0.24, 0.28), (-0.6, 0.21), (-0.86, 0.145)] {
        brush.oval_shaded([0.0, y, size, size * 0.94], stuff.white, stuff.white.darker(0.1));
    }
    for x in [-1.0_f32, 1.0] {
        brush.line(&[(x * 0.18, -0.64), (x * 0.42, -0.8)], 0.022, stuff.wood.darker(0.3));
        brush.circle(x * 0.05 + 0.02, -0.89, 0.016, stuff.black);
    }
    brush.polygon(&[(0.03, -0.86), (0.2, -0.83), (0.03, -0.82)], stuff.accent.mix(stuff.gold, 0.5));
    for y in [-0.66, -0.58, -0.5] {
        brush.circle(0.04, y, 0.016, stuff.black);
    }
    brush.curve(&[(-0.14, -0.74), (0.0, -0.71), (0.14, -0.75)], 0.055, stuff.accent);
    brush.rect(-0.17, -1.0, 0.34, 0.03, stuff.black);
    brush.rect(-0.1, -1.1, 0.2, 0.11, stuff.black);
}

fn statue(brush: &mut Brush<'_>, stuff: &Stuff) {
    brush.rect_shaded([-0.26, -0.22, 0.52, 0.22], stuff.light, stuff.dark);
    brush.rect(-0.3, -0.25, 0.6, 0.05, stuff.light);
    brush.blob_shaded(
        &spots([
            -0.14, -0.24, -0.17, -0.5, -0.12, -0.78, 0.0, -0.84, 0.12, -0.78, 0.16, -0.5, 0.14,
            -0.24,
        ]),
        stuff.light,
        stuff.body.darker(0.2),
    );
    brush.limb((0.1, -0.74), (0.24, -0.9), 0.04, 0.03, stuff.body);
    brush.limb((0.24, -0.9), (0.2, -1.06), 0.03, 0.024, stuff.body);
    brush.limb((-0.11, -0.74), (-0.18, -0.5), 0.042, 0.032, stuff.body.darker(0.15));
    brush.oval_shaded([0.0, -0.92, 0.066, 0.085], stuff.light, stuff.body);
}

fn planet(brush: &mut Brush<'_>, role: &Role, pose: &Pose, stuff: &Stuff) {
    let name = role.name.as_str();
    let (body, dark, light) = match name {
        "moon" => (ink(0xC9C9C6), ink(0x9B9B9A), ink(0xE9E8E2)),
        "sun" | "star" | "stars" => (ink(0xFFC84A), ink(0xF08A2A), ink(0xFFF0B0)),
        "jupiter" | "saturn" => (ink(0xD2AC7A), ink(0xA5794E), ink(0xEED6AC)),
        "mars" => (ink(0xB8583A), ink(0x87382A), ink(0xDB8A62)),
        _ => (stuff.body, stuff.dark, stuff.light),
    };
    brush.circle(0.0, -0.5, 0.5, body);
    let drift = pose.clock.drift(0.012);
    for at in 0..9 {
        let (x, y) = (
            (index(at * 7 % 9) / 9.0 - 0.5 + drift).rem_euclid(1.2) - 0.6,
            -0.5 + (index(at * 5 % 9) / 9.0 - 0.45) * 0.8,
        );
        if name == "jupiter" || name == "saturn" {
            brush.within().oval(
                0.0,
                -0.92 + index(at) * 0.1,
                0.56,
                0.03 + 0.012 * index(at % 3),
                if at % 2 == 0 { dark.alpha(0.5) } else { light.alpha(0.5) },
            );
        } else if name == "moon" || name == "mars" || name == "asteroid" {
            brush.within().oval(
                x,
                y,
                0.07 + 0.02 * index(at % 3),
                0.06 + 0.015 * index(at % 3),
                dark.alpha(0.55),
            );
        } else {
            brush.within().blob(
                &[(x - 0.16, y), (x - 0.04, y - 0.1), (x + 0.15, y - 0.04), (x + 0.06, y + 0.1)],
                if at % 3 == 0 { ink(0xF2F6F8).alpha(0.7) } else { stuff.green.alpha(0.8) },
            );
        }
    }
    if name == "saturn" {
        for (reach, tone) in [(0.86, 0.8), (0.74, 0.55)] {
            if let Some(ring) = crate::scene::brush::oval(0.0, -0.5, reach, reach * 0.2) {
                brush.stroke(&ring, 0.045, light.alpha(tone));
            }
        }
    }
}

fn crystal(brush: &mut Brush<'_>, stuff: &Stuff) {
    let outline =
        [(0.0, -1.02), (0.32, -0.76), (0.32, -0.3), (0.0, -0.0), (-0.32, -0.3), (-0.32, -0.76)];
    brush.polygon_shaded(&outline, stuff.light, stuff.dark);
    brush.polygon(&spots([0.0, -1.02, 0.1, -0.7, 0.0, 0.0, -0.32, -0.3, -0.32, -0.76]), stuff.body);
    brush.polygon(
        &[(0.0, -1.02), (0.1, -0.7), (-0.12, -0.68), (-0.32, -0.76)],
        stuff.light.lighter(0.35),
    );
    brush.polygon(
        &[(0.1, -0.7), (0.32, -0.76), (0.32, -0.3), (0.0, 0.0)],
        stuff.dark.mix(stuff.body, 0.4),
    );
    brush.polygon(&[(-0.12, -0.68), (0.1, -0.7), (0.0, 0.0)], stuff.light.alpha(0.5));
    brush.line(&[(-0.2, -0.78), (-0.05, -0.94)], 0.02, WHITE.alpha(0.8));
}

fn fruit(brush: &mut Brush<'_>, role: &Role, stuff: &Stuff) {
    let name = role.name.as_str();
    let (body, dark, light) = if name.contains("lemon") || name.contains("banana") {
        (ink(0xE8C63A), ink(0xC09420), ink(0xF8EA9A))
    } else if name.contains("orange")
        || name.contains("pumpkin")
        || name.contains("peach")
        || name.contains("mango")
    {
        (ink(0xDE8530), ink(0xB05E1C), ink(0xF6B870))
    } else if name.contains("avocado")
        || name.contains("pear")
        || name.contains("watermelon")
        || name.contains("vegetable")
    {
        (ink(0x6E9A44), ink(0x47702A), ink(0xA9CC7A))
    } else {
        (stuff.body, stuff.dark, stuff.light)
    };
    brush.blob_shaded(
        &spots([
            0.0, -0.78, 0.26, -0.86, 0.48, -0.66, 0.46, -0.3, 0.24, -0.02, 0.0, -0.05, -0.24,
            -0.02, -0.46, -0.3, -0.48, -0.66, -0.26, -0.86,
        ]),
        light.mix(body, 0.5),
        dark,
    );
    brush
        .within()
        .blob(&[(-0.32, -0.72), (-0.18, -0.74), (-0.26, -0.4), (-0.38, -0.42)], light.alpha(0.55));
    brush.line(&[(0.0, -0.78), (0.05, -1.0)], 0.04, stuff.wood.darker(0.3));
    brush.blob_shaded(
        &[(0.03, -0.88), (0.16, -1.04), (0.38, -1.02), (0.24, -0.88)],
        stuff.green.lighter(0.15),
        stuff.green,
    );
}
