//! Halls without a back wall of their own: theatre, studio, corridor.

use crate::scene::brush::Brush;
use crate::scene::ink::{BLACK, Ink, ink};
use crate::scene::land;
use crate::scene::live::{Live, Mote};
use crate::scene::num::{count, index, mix};
use crate::scene::plate::Area;
use crate::stage::{Layer, Setting, Stage};
use crate::storyboard::{Family, Look};

pub(in crate::scene::places) fn stage(stage: &mut Stage) {
    let caption = stage.setting.shot.caption.to_lowercase();
    let museum = caption.contains("museum") || caption.contains("gallery");
    let light = &mut stage.setting.light;
    (light.key, light.ambient) = (ink(0xFFE6C0), ink(if museum { 0x9A948C } else { 0x4E4452 }));
    light.sun = (light.sun.0.signum() * 0.2, -0.5);
    let drape = if museum { ink(0xB8B0A4) } else { ink(0x8A2630) };
    stage.sky(|brush, setting, area| {
        let [left, top, right, bottom] = area;
        let back = setting.light.shade(if museum { ink(0xC8C2B6) } else { ink(0x2A1E2C) }, 1.0);
        brush.rect_shaded(
            [left, top, right - left, bottom - top],
            back.darker(0.35),
            back.lighter(0.04),
        );
        brush.glow(
            0.0,
            setting.horizon - 0.1,
            setting.aspect * 0.4,
            0.4,
            setting.light.own(ink(0xFFC890)).alpha(0.22),
        );
    });
    stage.upright(3.0, (-9.0, stage.setting.foot(3.0)), |brush, setting, area| {
        if museum { pictures(brush, setting) } else { curtain(brush, setting, area, drape, false) }
    });
    stage.ground(|brush, setting, area| {
        land::floor(brush, setting, area, ink(0x8A5E3C), 0.2);
        let reach = (area[3] - setting.horizon) / setting.drop.max(0.05);
        for at in 0..36 {
            let x = (index(at) - 17.5) * 0.13;
            brush.line(
                &[(x * 0.2, setting.foot(5.0)), (x * reach, area[3])],
                0.002,
                BLACK.alpha(0.22),
            );
        }
        let glow = setting.light.own(ink(0xFFE2B0));
        brush.light().glow(0.0, setting.foot(1.0), setting.aspect * 0.34, 0.1, glow.alpha(0.34));
    });
    let floor = stage.setting.foot(1.0);
    let beam = stage.setting.light.own(ink(0xFFF0D0));
    stage.behind.push(Layer::Live(Live::Beams { colour: beam, floor }));
    if !museum {
        stage.upright(1.6, (-9.0, 9.0), |brush, setting, area| {
            curtain(brush, setting, area, drape, true);
        });
        if stage.setting.allows(Family::Human) {
            stage.upright(0.6, (0.1, 0.8), audience);
        }
    }
    stage.before.push(Layer::Live(Live::Motes {
        kind: Mote::Dust,
        colour: beam.alpha(0.6),
        amount: 30,
    }));
}

/// A curtain in folds; `wings` leaves the middle open.
fn curtain(brush: &mut Brush<'_>, setting: &Setting, area: Area, cloth: Ink, wings: bool) {
    let light = &setting.light;
    let [left, top, right, bottom] = area;
    let depth = if wings { 1.6 } else { 3.0 };
    let foot = setting.foot(depth).min(bottom);
    let wide = 0.045;
    for at in 0..=count((right - left) / wide) {
        let x = left + wide * index(at);
        let edge = setting.aspect * 0.36;
        if wings && x.abs() < edge {
            continue;
        }
        let turn = if at % 2 == 0 { 0.0 } else { 0.34 };
        let (lit, shade) =
            (light.lit(cloth, 1.0).darker(turn), light.shade(cloth, 1.0).darker(turn + 0.1));
        brush.rect_shaded([x, top, wide + 0.001, foot - top], shade.darker(0.3), lit.darker(0.2));
        brush.rect_shaded(
            [x + wide * 0.3, top, wide * 0.25, foot - top],
            lit.alpha(0.0),
            lit.lighter(0.12).alpha(0.4),
        );
    }
    if wings {
        let y = -0.42;
        for at in 0..=count((right - left) / 0.16) {
            let x = left + 0.16 * index(at);
            brush.blob_shaded(
                &[
                    (x, top - 0.05),
                    (x + 0.17, top - 0.05),
                    (x + 0.17, y),
                    (x + 0.085, y + 0.05),
                    (x, y),
                ],
                light.shade(cloth, 1.0),
                light.lit(cloth, 1.0),
            );
        }
        brush.rect(left, top, right - left, (y - top) * 0.3, light.shade(cloth, 1.0).darker(0.3));
    }
}

fn audience(brush: &mut Brush<'_>, setting: &Setting, area: Area) {
    let mut chance = setting.chance(711);
    let dark = setting.light.shade(ink(0x17131A), 1.0).darker(0.4);
    for row in 0..2 {
        let mut x = area[0] + 0.05 * index(row);
        while x < area[2] {
            let (size, y) =
                (chance.range(0.03, 0.04), 0.5 + 0.045 * index(row) + chance.range(0.0, 0.015));
            let tone = dark.darker(0.2 * index(row));
            brush.oval(x, y - size * 1.2, size * 0.72, size * 0.9, tone);
            brush.blob(
                &[
                    (x - size * 1.5, 0.66),
                    (x - size * 1.3, y + size * 0.2),
                    (x, y - size * 0.3),
                    (x + size * 1.3, y + size * 0.2),
                    (x + size * 1.5, 0.66),
                ],
                tone,
            );
            x += size * chance.range(3.0, 3.8);
        }
    }
}

fn pictures(brush: &mut Brush<'_>, setting: &Setting) {
    let foot = setting.foot(3.0);
    let mut chance = setting.chance(712);
    for at in 0..5 {
        let x = (index(at) - 2.0) * 0.34 - 0.1;
        let (wide, high) = (chance.range(0.14, 0.22), chance.range(0.14, 0.2));
        let y = foot - 0.2 - high;
        brush.rect(
            x - 0.012,
            y - 0.012,
            wide + 0.024,
            high + 0.024,
            setting.light.lit(ink(0xB08A4A), 1.2),
        );
        let (sky, land) = (
            chance.pick(&[ink(0x8AB0C8), ink(0xE0B080), ink(0x6A5A80)], BLACK),
            chance.pick(&[ink(0x5A7A4A), ink(0x8A5A44), ink(0x2A4A6A)], BLACK),
        );
        brush.rect_shaded(
            [x, y, wide, high * 0.6],
            setting.light.lit(sky, 1.2),
            setting.light.lit(sky.lighter(0.3), 1.2),
        );
        brush.rect_shaded(
            [x, y + high * 0.6, wide, high * 0.4],
            setting.light.lit(land, 1.2),
            setting.light.shade(land, 1.2),
        );
        brush.light().glow(
            x + wide / 2.0,
            y,
            wide,
            high,
            setting.light.own(ink(0xFFE8C0)).alpha(0.25),
        );
    }
}

pub(in crate::scene::places) fn studio(stage: &mut Stage) {
    let caption = stage.setting.shot.caption.to_lowercase();
    let has = |words: &[&str]| words.iter().any(|word| caption.contains(word));
    let dark_look =
        matches!(stage.setting.shot.look, Look::Noir | Look::Moody | Look::Cyberpunk | Look::Neon);
    let back = if has(&["white background", "white backdrop", "white studio"]) {
        ink(0xE6E5E2)
    } else if has(&["black background", "dark background", "black backdrop", "dark studio"])
        || dark_look
    {
        ink(0x23252B)
    } else if stage.setting.shot.look == Look::Pastel || has(&["pink background"]) {
        ink(0xE6BFC4)
    } else {
        [ink(0x9AA7AE), ink(0xB8A48E), ink(0x8C94A8)]
            [usize::try_from(stage.setting.seed % 3).unwrap_or(0)]
    };
    let light = &mut stage.setting.light;
    (light.key, light.ambient) = (ink(0xFFF6E8), ink(0x8E9098));
    (light.sun, light.lamps) = ((light.sun.0.signum() * 0.5, -0.35), 0.2);
    // A seamless sweep of paper: the wall turns into the floor without an edge.
    stage.sky(|brush, setting, area| {
        let [left, top, right, bottom] = area;
        let own = |colour: Ink| setting.light.own(colour);
        let edge = setting.horizon + 0.08;
        brush.rect_shaded([left, top, right - left, edge - top], own(back.darker(0.42)), own(back));
        brush.rect_shaded(
            [left, edge, right - left, bottom - edge],
            own(back),
            own(back.darker(0.32)),
        );
        brush.glow(
            setting.light.sun.0 * 0.5,
            -0.08,
            setting.aspect * 0.5,
            0.5,
            own(back.lighter(0.55)).alpha(0.6),
        );
        brush.glow(
            0.0,
            edge + 0.13,
            setting.aspect * 0.5,
            0.12,
            own(back.lighter(0.5)).alpha(0.45),
        );
    });
}

pub(in crate::scene::places) fn corridor(stage: &mut Stage) {
    let caption = stage.setting.shot.caption.to_lowercase();
    let grand =
        ["dungeon", "hallway", "hotel", "door", "school"].iter().any(|word| caption.contains(word))
            && !caption.contains("space");
    let light = &mut stage.setting.light;
    if grand {
        (light.key, light.ambient, light.haze) = (ink(0xFFCE94), ink(0x6A5C58), ink(0xD8B48A));
    } else {
        (light.key, light.ambient, light.haze) = (ink(0xC8ECFF), ink(0x54647A), ink(0x8AC0E0));
    }
    light.thickness = 0.16;
    stage.setting.horizon = stage.setting.horizon.min(0.0);
    stage.setting.drop = stage.setting.drop.max(0.32);
    stage.sky(|brush, setting, area| {
        let [left, top, right, bottom] = area;
        let glow = setting.light.own(setting.light.haze);
        brush.rect(left, top, right - left, bottom - top, glow.darker(0.5));
        brush.glow(0.0, setting.horizon, 0.4, 0.34, glow.lighter(0.5));
    });
    let walls = if grand { ink(0x8A6E58) } else { ink(0x78828E) };
    stage.ground(|brush, setting, area| {
        land::floor(brush, setting, area, walls.darker(0.3), 0.2);
        let reach = (area[3] - setting.horizon) / setting.drop;
        for at in 0..13 {
            let x = (index(at) - 6.0) * 0.13;
            brush.line(
                &[(x * 0.06, setting.foot(16.0)), (x * reach, area[3])],
                0.003,
                BLACK.alpha(0.35),
            );
        }
        for at in 0..20 {
            let y = setting.foot(0.55 * 1.2_f32.powi(at));
            brush.rect(
                area[0],
                y,
                area[2] - area[0],
                (y - setting.horizon) * 0.012,
                BLACK.alpha(0.28),
            );
        }
        let strip = setting.light.own(setting.light.key.lighter(0.3));
        for side in [-1.0_f32, 1.0] {
            brush.polygon(
                &[
                    (side * 0.02, setting.foot(16.0)),
                    (side * 0.024, setting.foot(16.0)),
                    (side * 0.62 * reach, area[3]),
                    (side * 0.6 * reach, area[3]),
                ],
                strip.alpha(0.6),
            );
        }
    });
    for depth in [14.0, 9.0, 6.0, 4.0, 2.7, 1.8, 1.2] {
        stage.upright(depth, (-9.0, 9.0), |brush, setting, area| {
            ring(brush, setting, area, depth, walls, grand);
        });
    }
    stage.upright(0.7, (-0.9, 0.9), |brush, setting, area| {
        ring(brush, setting, area, 0.7, walls.darker(0.5), grand);
    });
}

/// One segment of the corridor: walls and ceiling around the opening.
fn ring(brush: &mut Brush<'_>, setting: &Setting, area: Area, depth: f32, walls: Ink, grand: bool) {
    let light = &setting.light;
    let (lit, shade) = (light.lit(walls, depth), light.shade(walls, depth));
    let half = setting.aspect.clamp(0.5, 1.5) * 0.46 / depth + 0.012;
    let roof = setting.horizon - 0.46 / depth;
    let foot = setting.foot(depth);
    let [left, top, right, _] = area;
    let bevel = half * 0.24;
    for side in [-1.0_f32, 1.0] {
        let edge = if side < 0.0 { left - 0.1 } else { right + 0.1 };
        let shape = [
            (edge, top - 0.1),
            (side * (half - bevel), top - 0.1),
            (side * (half - bevel), roof),
            (side * half, roof + bevel),
            (side * half, foot - bevel * 0.6),
            (side * (half + bevel * 0.4), foot),
            (edge, foot),
        ];
        if let Some(path) = crate::scene::brush::polygon(&shape) {
            brush.shade(
                &path,
                ((side * half, 0.0), lit),
                ((side * half * 1.8, 0.0), shade.darker(mix(0.25, 0.1, (depth / 8.0).min(1.0)))),
            );
        }
        let glow = light.own(light.key.lighter(0.35));
        let x = side * (half + 0.02 / depth);
        brush.line(
            &[(x, roof + bevel), (x, foot - bevel * 0.7)],
            0.01 / depth,
            if grand { shade.darker(0.4) } else { glow },
        );
        if grand {
            let (lx, ly) = (side * (half + 0.1 / depth), setting.horizon - 0.14 / depth);
            brush.light().glow(lx, ly, 0.2 / depth, 0.2 / depth, glow.alpha(0.5));
            brush.circle(lx, ly, 0.014 / depth, glow);
        } else {
            brush.light().glow(
                x,
                f32::midpoint(roof, foot),
                0.1 / depth,
                0.4 / depth,
                glow.alpha(0.3),
            );
            for at in 0..3 {
                let y = roof + bevel + (foot - roof) * (0.12 + 0.2 * index(at));
                brush.round(
                    [x + side.min(0.0) * 0.16 / depth + 0.03 / depth, y, 0.1 / depth, 0.07 / depth],
                    0.01 / depth,
                    shade.darker(0.35),
                );
            }
        }
    }
    let beam = [
        (-(half - bevel), top - 0.1),
        (half - bevel, top - 0.1),
        (half - bevel, roof),
        (-(half - bevel), roof),
    ];
    if let Some(path) = crate::scene::brush::polygon(&beam) {
        brush.shade(&path, ((0.0, roof - 0.2 / depth), shade.darker(0.3)), ((0.0, roof), lit));
    }
    let lamp = light.own(light.key.lighter(0.5));
    brush.rect(-half * 0.34, roof - 0.014 / depth, half * 0.68, 0.012 / depth, lamp);
    brush.light().glow(0.0, roof, half * 0.8, 0.1 / depth, lamp.alpha(0.45));
}
