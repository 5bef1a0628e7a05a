//! Places without weather as we know it: under water, in the sky, in space, on other worlds,
//! under ground.

use crate::scene::brush::{Brush, polygon};
use crate::scene::chance::rough;
use crate::scene::ink::{BLACK, Ink, WHITE, ink};
use crate::scene::land;
use crate::scene::live::{Live, Mote};
use crate::scene::num::{count, index, mix};
use crate::scene::plate::Area;
use crate::scene::sky as heaven;
use crate::scene::water::Water;
use crate::stage::{Layer, Setting, Stage};
use crate::storyboard::{Action, Hour};

pub(super) fn underwater(stage: &mut Stage) {
    let dark = stage.setting.light.darkness() > 0.6;
    let (top, mid, low) =
        if dark { (0x0E3A58, 0x0A2744, 0x061628) } else { (0x7FD4DC, 0x2B8FAE, 0x0E4A70) };
    let light = &mut stage.setting.light;
    (light.sky_top, light.sky_mid, light.sky_low) = (ink(top), ink(mid), ink(low));
    (light.haze, light.thickness, light.disc) = (ink(mid), 0.24, false);
    light.key = if dark { ink(0x6AB8D8) } else { ink(0xD6F6F2) };
    light.ambient = if dark { ink(0x2A4C66) } else { ink(0x6FA3B4) };
    light.sun = (light.sun.0 * 0.4, -0.5);
    stage.setting.horizon += 0.06;
    stage.sky(|brush, setting, area| {
        let own = |colour: Ink| setting.light.own(colour);
        let [left, up, right, bottom] = area;
        let wide = right - left;
        brush.rect_shaded(
            [left, up, wide, -up + 0.001],
            own(setting.light.sky_top),
            own(setting.light.sky_mid),
        );
        brush.rect_shaded(
            [left, 0.0, wide, bottom],
            own(setting.light.sky_mid),
            own(setting.light.sky_low),
        );
        brush.glow(setting.light.sun.0, -0.5, 0.8, 0.42, own(setting.light.key).alpha(0.6));
    });
    stage.drifting(8.0, (-9.0, 9.0), 0.02, shafts);
    for (depth, tall, salt) in [(7.0, 0.16, 501), (4.0, 0.13, 502)] {
        let foot = stage.setting.foot(depth) + 0.03;
        stage.upright(depth, (-9.0, 9.0), |brush, setting, area| {
            land::hills(brush, setting, area, foot, tall, ink(0x3E6A78), depth, salt);
            reef(brush, setting, area, foot, depth);
        });
    }
    stage.ground(|brush, setting, area| {
        land::floor(brush, setting, area, ink(0xB8B48A), 1.0);
        land::stones(brush, setting, area, ink(0x6A7F80), 24, 503);
    });
    stage.upright(1.9, (-9.0, 9.0), |brush, setting, area| {
        let foot = setting.foot(1.9) + 0.01;
        reef(brush, setting, area, foot, 1.9);
    });
    stage.upright(0.62, (0.1, 0.8), weeds);
    let bubbles = stage.setting.light.own(ink(0xDFF6FF));
    stage.before.push(Layer::Live(Live::Motes {
        kind: Mote::Bubbles,
        colour: bubbles,
        amount: 46,
    }));
    stage.before.push(Layer::Live(Live::Motes {
        kind: Mote::Dust,
        colour: bubbles.alpha(0.6),
        amount: 50,
    }));
}

fn shafts(brush: &mut Brush<'_>, setting: &Setting, area: Area) {
    let mut chance = setting.chance(504);
    let colour = setting.light.own(setting.light.key);
    for _ in 0..11 {
        let x = chance.range(area[0], area[2]);
        let (wide, lean) = (chance.range(0.02, 0.08), (x - setting.light.sun.0) * 0.5);
        let shaft = [
            (x - wide * 0.4, area[1]),
            (x + wide * 0.4, area[1]),
            (x + lean + wide * 1.4, 0.3),
            (x + lean - wide * 1.2, 0.3),
        ];
        if let Some(path) = polygon(&shaft) {
            brush.light().shade(
                &path,
                ((x, area[1]), colour.alpha(0.2)),
                ((x + lean, 0.28), colour.alpha(0.0)),
            );
        }
    }
}

/// Corals and weeds that stand on a line.
fn reef(brush: &mut Brush<'_>, setting: &Setting, area: Area, foot: f32, depth: f32) {
    let mut chance = setting.chance(505 + u64::from(depth.to_bits() >> 20));
    let corals = [ink(0xD8746A), ink(0xE0A05A), ink(0xB472A8), ink(0x7FB08A), ink(0xD9C05C)];
    let mut x = area[0];
    while x < area[2] {
        let size = chance.range(0.12, 0.34) / depth.sqrt();
        let tone = setting.light.half(chance.pick(&corals, WHITE), depth);
        match count(chance.range(0.0, 4.0)) {
            0 => {
                for at in 0..7 {
                    let turn = (index(at) - 3.0) * 0.24;
                    let tip = (x + turn.sin() * size, foot - turn.cos() * size * 0.9);
                    brush.limb((x, foot + 0.01), tip, size * 0.06, size * 0.035, tone);
                    brush.limb(
                        (x + (tip.0 - x) * 0.6, foot + (tip.1 - foot) * 0.6),
                        (tip.0 + 0.14 * size, tip.1 - size * 0.05),
                        size * 0.04,
                        size * 0.026,
                        tone,
                    );
                }
            }
            1 => {
                for at in 0..5 {
                    brush.oval_shaded(
                        [
                            x + (index(at) - 2.0) * size * 0.17,
                            foot - size * 0.12,
                            size * 0.17,
                            size * 0.2,
                        ],
                        tone.lighter(0.14),
                        tone.darker(0.2),
                    );
                }
            }
            2 => {
                let green = setting.light.half(ink(0x5F9A62), depth);
                for at in 0..5 {
                    let (base, lean) =
                        (x + index(at) * size * 0.12, chance.range(-0.06, 0.1) * size * 3.0);
                    brush.curve(
                        &[
                            (base, foot + 0.01),
                            (base + lean, foot - size * 0.6),
                            (base - lean * 0.3, foot - size * 1.1),
                            (base + lean * 0.7, foot - size * 1.6),
                        ],
                        size * 0.07,
                        green,
                    );
                }
            }
            _ => land::stone(
                brush,
                (x, foot + 0.01),
                size * 0.45,
                (
                    setting.light.lit(ink(0x6A8288), depth),
                    setting.light.shade(ink(0x4E646C), depth),
                ),
                1.0,
                &mut chance,
            ),
        }
        x += size * chance.range(0.9, 2.4);
    }
}

fn weeds(brush: &mut Brush<'_>, setting: &Setting, area: Area) {
    let mut chance = setting.chance(506);
    let dark = setting.light.shade(ink(0x1E4A4A), 1.0).darker(0.3);
    for side in [-1.0_f32, 1.0] {
        for _ in 0..9 {
            let x = side * setting.aspect * 0.5 + chance.range(-0.16, 0.16);
            let (tall, lean) = (chance.range(0.12, 0.4), chance.range(-0.06, 0.06));
            brush.curve(
                &[
                    (x, area[3]),
                    (x + lean, 0.5 - tall * 0.4),
                    (x - lean, 0.5 - tall * 0.75),
                    (x + lean * 1.4, 0.5 - tall),
                ],
                0.022,
                dark,
            );
        }
    }
}

pub(super) fn sky(stage: &mut Stage) {
    // Far above the ground: the horizon sinks, a sea of clouds takes its place.
    stage.setting.horizon += 0.2;
    stage.setting.light.clouds = stage.setting.light.clouds.max(0.5);
    heaven::build(stage);
    for (depth, y, size, drift) in [
        (22.0, 0.02, 0.2, 0.12),
        (10.0, 0.07, 0.28, 0.1),
        (4.5, 0.16, 0.4, 0.09),
        (2.2, 0.3, 0.5, 0.1),
    ] {
        let line = stage.setting.horizon + y;
        stage.drifting(depth, (line - size, 9.0), drift, |brush, setting, area| {
            bank(brush, setting, area, line, size, depth);
        });
    }
    stage.drifting(0.6, (0.2, 0.8), 0.25, |brush, setting, area| {
        bank(brush, setting, area, 0.56, 0.42, 1.2);
    });
}

/// A bank of clouds, solid below its line.
fn bank(brush: &mut Brush<'_>, setting: &Setting, area: Area, line: f32, size: f32, depth: f32) {
    let light = &setting.light;
    let mut chance = setting.chance(507 + u64::from(depth.to_bits() >> 20));
    let far = (depth / 24.0).clamp(0.0, 0.8);
    let lit = light
        .own(WHITE.times(light.key.lighter(0.4)))
        .scaled(mix(1.0, 0.4, light.darkness()))
        .mix(light.own(light.sky_low), far);
    let shade =
        light.own(light.sky_mid.mix(light.ambient, 0.5)).mix(light.own(light.sky_low), far * 0.6);
    let [left, _, right, bottom] = area;
    brush.rect_shaded(
        [left, line + size * 0.12, right - left, (bottom - line).max(0.02)],
        shade.mix(lit, 0.4),
        shade,
    );
    let mut x = left - size * 0.3;
    while x < right + size * 0.3 {
        let tall = chance.range(0.0, 0.12) * size;
        brush.glow(x, line + size * 0.14 - tall * 0.4, size * 0.42, size * 0.24, shade.alpha(0.95));
        brush.glow(
            x + light.sun.0.signum() * size * 0.05,
            line + size * 0.06 - tall,
            size * 0.34,
            size * 0.2,
            lit.alpha(0.95),
        );
        x += size * chance.range(0.1, 0.22);
    }
}

pub(super) fn space(stage: &mut Stage) {
    let light = &mut stage.setting.light;
    light.sky_top = ink(0x03040C);
    light.sky_mid = ink(0x0A0C24);
    light.sky_low = ink(0x141034);
    light.key = ink(0xFFF2DC);
    light.ambient = ink(0x565E80);
    (light.thickness, light.stars, light.disc, light.lamps) = (0.0, 1.0, true, 0.6);
    light.sun = (light.sun.0.signum() * 0.6, -0.3);
    let travels = stage
        .setting
        .shot
        .cast
        .first()
        .is_some_and(|role| matches!(role.action, Action::Fly | Action::Drive));
    stage.sky(cosmos);
    let named =
        stage.setting.shot.cast.iter().any(|role| role.figure == crate::storyboard::Figure::Planet);
    if !named {
        stage.upright(40.0, (-9.0, 9.0), |brush, setting, _| world(brush, setting));
    }
    let rush = if travels { 0.16 } else { 0.02 };
    stage.behind.push(Layer::Live(Live::Stars { rush }));
    let caption = stage.setting.shot.caption.to_lowercase();
    if caption.contains("asteroid") {
        for depth in [6.0, 2.4] {
            stage.drifting(depth, (-9.0, 9.0), 0.03, |brush, setting, area| {
                asteroids(brush, setting, area, depth);
            });
        }
    }
}

fn cosmos(brush: &mut Brush<'_>, setting: &Setting, area: Area) {
    let light = &setting.light;
    let own = |colour: Ink| light.own(colour);
    let [left, top, right, bottom] = area;
    brush.rect_shaded(
        [left, top, right - left, bottom - top],
        own(light.sky_top),
        own(light.sky_low),
    );
    let mut chance = setting.chance(508);
    let clouds = [ink(0x6A2A8A), ink(0x2A4AA8), ink(0xA83A6A), ink(0x1F7A8A)];
    for _ in 0..26 {
        let along = chance.range(-1.0, 1.0);
        let (x, y) =
            (along * (right - left) * 0.55, along * 0.22 - 0.06 + chance.range(-0.16, 0.16));
        let tone = own(chance.pick(&clouds, WHITE));
        brush.light().glow(
            x,
            y,
            chance.range(0.16, 0.42),
            chance.range(0.08, 0.22),
            tone.alpha(chance.range(0.1, 0.26)),
        );
    }
    for _ in 0..count(420.0 * (right - left)) {
        let (x, y, bright) = (chance.range(left, right), chance.range(top, bottom), chance.unit());
        let tint = if chance.odds(0.2) { ink(0xFFD8B0) } else { ink(0xDCE8FF) };
        brush.circle(
            x,
            y,
            0.0006 + 0.0014 * bright.powi(7),
            own(tint).alpha(0.2 + 0.8 * bright * bright),
        );
    }
}

fn world(brush: &mut Brush<'_>, setting: &Setting) {
    let light = &setting.light;
    let side = -light.sun.0.signum();
    let wide = setting.shot.cast.is_empty();
    let (x, y, size) =
        if wide { (side * 0.2, 0.16, 0.34) } else { (side * 0.34 * setting.aspect, 0.42, 0.44) };
    brush.light().glow(x, y, size * 1.32, size * 1.32, light.own(ink(0x4A90E8)).alpha(0.55));
    brush.circle(x, y, size, light.own(ink(0x2A5C9C)));
    let mut chance = setting.chance(509);
    for _ in 0..16 {
        let (dx, dy) = (chance.range(-0.9, 0.9) * size, chance.range(-0.9, 0.9) * size);
        if dx.hypot(dy) > size * 0.82 {
            continue;
        }
        let reach = size * chance.range(0.08, 0.24);
        let tone =
            light.own(if chance.odds(0.5) { ink(0x4F8A58) } else { ink(0xEAF2F6) }).alpha(0.65);
        brush.blob(
            &[
                (x + dx - reach, y + dy),
                (x + dx - reach * 0.2, y + dy - reach * 0.4),
                (x + dx + reach, y + dy - reach * 0.1),
                (x + dx + reach * 0.2, y + dy + reach * 0.35),
            ],
            tone,
        );
    }
    // Night falls on the side away from the sun.
    for rank in 0..12 {
        let shift = size * (0.28 + 0.055 * index(rank));
        if let Some(path) = crescent(x, y, size * 1.01, side * shift) {
            brush.fill(&path, BLACK.alpha(0.13));
        }
    }
    let lit = light.own(ink(0xBFE4FF));
    let rim: Vec<(f32, f32)> = (0..=24)
        .map(|at| -1.35 + index(at) / 24.0 * 2.2)
        .map(|turn: f32| (x - side * turn.cos() * size, y + turn.sin() * size))
        .collect();
    brush.curve(&rim, 0.005, lit.alpha(0.8));
}

/// What of a disc lies beyond the same disc shifted sideways.
fn crescent(x: f32, y: f32, size: f32, shift: f32) -> Option<tiny_skia::Path> {
    let outer = (0..=20)
        .map(|at| index(at) / 20.0 * std::f32::consts::PI - std::f32::consts::FRAC_PI_2)
        .map(|turn: f32| (x + shift.signum() * turn.cos() * size, y + turn.sin() * size));
    let bulge = (size - shift.abs() * 1.5) / size;
    let inner = (0..=20)
        .rev()
        .map(|at| index(at) / 20.0 * std::f32::consts::PI - std::f32::consts::FRAC_PI_2)
        .map(|turn: f32| {
            (x + shift.signum() * turn.cos() * size * -bulge * 0.9, y + turn.sin() * size)
        });
    polygon(&outer.chain(inner).collect::<Vec<_>>())
}

fn asteroids(brush: &mut Brush<'_>, setting: &Setting, area: Area, depth: f32) {
    let mut chance = setting.chance(510 + u64::from(depth.to_bits() >> 20));
    let light = &setting.light;
    for _ in 0..9 {
        let (x, y) = (chance.range(area[0], area[2]), chance.range(-0.45, 0.45));
        let size = chance.range(0.03, 0.11) / depth.sqrt();
        land::stone(
            brush,
            (x, y),
            size,
            (light.lit(ink(0x9A8E84), 1.0), light.shade(ink(0x4A4444), 1.0)),
            light.sun.0.signum(),
            &mut chance,
        );
    }
}

pub(super) fn planet(stage: &mut Stage) {
    let caption = stage.setting.shot.caption.to_lowercase();
    let mars =
        caption.contains("mars") || caption.contains("martian") || caption.contains("red planet");
    let alien = caption.contains("alien")
        || caption.contains("exoplanet")
        || caption.contains("another planet");
    let lunar = !mars && !alien;
    let ground = if mars {
        ink(0xB8683E)
    } else if alien {
        ink(0x6A4A86)
    } else {
        ink(0xA9A8A6)
    };
    let light = &mut stage.setting.light;
    light.stars = 1.0;
    light.clouds = 0.0;
    if lunar {
        (light.sky_top, light.sky_mid, light.sky_low) =
            (ink(0x02030A), ink(0x05060F), ink(0x0C0D18));
        (light.haze, light.thickness) = (ink(0x3A3A42), 0.02);
        (light.key, light.ambient) = (ink(0xFFFBF2), ink(0x5C5E68));
    } else if mars {
        light.stars = 0.15;
        (light.sky_top, light.sky_mid, light.sky_low) =
            (ink(0x8A5A42), ink(0xC08A5E), ink(0xE8BE8C));
        (light.haze, light.thickness) = (ink(0xD09A6C), 0.14);
        (light.key, light.ambient) = (ink(0xFFD8AE), ink(0x86695C));
    } else {
        (light.sky_top, light.sky_mid, light.sky_low) =
            (ink(0x1A1040), ink(0x6A3A7E), ink(0xE88A8A));
        (light.haze, light.thickness) = (ink(0xA8648E), 0.12);
        (light.key, light.ambient) = (ink(0xFFC0A0), ink(0x6A5884));
    }
    light.disc = stage.setting.shot.hour != Hour::Night;
    heaven::build(stage);
    if !mars {
        stage.upright(50.0, (-9.0, 9.0), |brush, setting, _| globe(brush, setting, lunar));
    }
    super::country::far_range(stage, 0.13, 0.0, 34.0, ground);
    for (depth, tall, salt) in [(12.0, 0.06, 511), (6.0, 0.04, 512)] {
        super::country::rolling(stage, depth, tall, ground, salt);
    }
    stage.ground(|brush, setting, area| {
        land::floor(brush, setting, area, ground, 0.8);
        craters(brush, setting, area, ground);
        land::stones(brush, setting, area, ground.darker(0.15), 34, 513);
    });
    if alien {
        stage.upright(2.6, (-9.0, 9.0), spires);
    }
}

fn globe(brush: &mut Brush<'_>, setting: &Setting, lunar: bool) {
    let light = &setting.light;
    let x = -light.sun.0.signum() * 0.28 * setting.aspect;
    let (y, size, tone) =
        if lunar { (-0.26, 0.085, ink(0x3F7AC0)) } else { (-0.2, 0.17, ink(0xE8A0A8)) };
    brush.light().glow(x, y, size * 1.8, size * 1.8, light.own(tone).alpha(0.4));
    brush.circle(x, y, size, light.own(tone));
    if lunar {
        for (dx, dy, reach) in [(-0.3, -0.2, 0.5), (0.25, 0.25, 0.45), (0.1, -0.5, 0.3)] {
            brush.oval(
                x + dx * size,
                y + dy * size,
                reach * size,
                reach * size * 0.4,
                light.own(ink(0xE8F0F4)).alpha(0.75),
            );
        }
    } else if let Some(ring) = crate::scene::brush::oval(x, y, size * 1.7, size * 0.34) {
        brush.stroke(&ring, 0.008, light.own(ink(0xF2D0C0)).alpha(0.7));
    }
}

fn craters(brush: &mut Brush<'_>, setting: &Setting, area: Area, ground: Ink) {
    let mut chance = setting.chance(514);
    let light = &setting.light;
    for _ in 0..16 {
        let down = chance.unit().powf(1.4);
        let (x, y) = (chance.range(area[0], area[2]), mix(area[1] + 0.02, area[3], down));
        let size = mix(0.02, 0.2, down) * chance.range(0.4, 1.0);
        brush.oval(x, y, size, size * 0.22, light.lit(ground.lighter(0.12), 1.3));
        brush.oval(
            x + light.sun.0.signum() * size * 0.06,
            y + size * 0.02,
            size * 0.88,
            size * 0.17,
            light.shade(ground.darker(0.3), 1.3),
        );
    }
}

fn spires(brush: &mut Brush<'_>, setting: &Setting, area: Area) {
    let mut chance = setting.chance(515);
    let foot = setting.foot(2.6);
    let light = &setting.light;
    let mut x = area[0];
    while x < area[2] {
        if x.abs() > 0.2 * setting.aspect {
            let (tall, wide) = (chance.range(0.1, 0.42), chance.range(0.02, 0.06));
            brush.blob_shaded(
                &[
                    (x - wide, foot + 0.01),
                    (x - wide * 0.4, foot - tall * 0.6),
                    (x + wide * 0.1, foot - tall),
                    (x + wide * 0.5, foot - tall * 0.5),
                    (x + wide, foot + 0.01),
                ],
                light.lit(ink(0x8A5AA8), 2.0),
                light.shade(ink(0x4A2A6A), 2.0),
            );
            brush.light().glow(
                x,
                foot - tall * 0.9,
                0.05,
                0.05,
                light.own(ink(0x6AF0D0)).alpha(0.4),
            );
        }
        x += chance.range(0.08, 0.24);
    }
}

pub(super) fn cave(stage: &mut Stage) {
    let light = &mut stage.setting.light;
    (light.haze, light.thickness) = (ink(0x24384C), 0.12);
    light.ambient = ink(0x46546A);
    light.key = ink(0xA8D4E8);
    light.sun = (light.sun.0.signum() * 0.2, -0.24);
    light.lamps = 1.0;
    stage.sky(|brush, setting, area| {
        let [left, top, right, bottom] = area;
        let own = |colour: Ink| setting.light.own(colour);
        brush.rect_shaded(
            [left, top, right - left, bottom - top],
            own(ink(0x0C1420)),
            own(ink(0x1A2836)),
        );
        brush.glow(setting.light.sun.0, -0.14, 0.55, 0.45, own(ink(0x9AD0E4)).alpha(0.75));
        brush.glow(setting.light.sun.0, -0.16, 0.22, 0.2, own(ink(0xEAFBFF)).alpha(0.8));
    });
    for depth in [8.0, 4.5, 2.6] {
        stage.upright(depth, (-9.0, 9.0), |brush, setting, area| {
            rock_frame(brush, setting, area, depth);
        });
    }
    stage.ground(|brush, setting, area| {
        land::floor(brush, setting, area, ink(0x5A626C), 1.0);
        land::stones(brush, setting, area, ink(0x56606C), 40, 516);
    });
    let tint = stage.setting.light.own(ink(0x2A5A70));
    let mut pool = Water::open(stage.setting.foot(5.0), tint, tint, 0.003);
    (pool.film, pool.depth) = (true, 5.0);
    stage.behind.push(Layer::Water(pool));
    stage.upright(1.7, (-9.0, 9.0), crystals);
    if stage.setting.shot.camera != crate::storyboard::Move::Track {
        stage.upright(0.62, (-0.8, 0.8), |brush, setting, area| {
            rock_frame(brush, setting, area, 0.9);
        });
    }
    let colour = stage.setting.light.own(ink(0xBEE8F4));
    stage.before.push(Layer::Live(Live::Motes { kind: Mote::Dust, colour, amount: 40 }));
}

/// How far along from the middle of one opening to the wall before the next.
fn pillar(x: f32) -> f32 {
    ((x + 1.25).rem_euclid(2.5) - 1.25).abs()
}

/// Rock around an opening, teeth above and below.
fn rock_frame(brush: &mut Brush<'_>, setting: &Setting, area: Area, depth: f32) {
    let light = &setting.light;
    let tone = light.half(ink(0x4E5866).darker(0.5 - 0.3 * (depth / 8.0).min(1.0)), depth);
    let seed = setting.seed + u64::from(depth.to_bits() >> 18);
    let [left, top, right, bottom] = area;
    let open = 0.62 + 0.16 * (1.0 - (depth / 8.0).min(1.0));
    let half = setting.aspect * 0.5;
    let roof = |x: f32| {
        let arch = pillar(x / half);
        let tooth = rough(seed, x * 7.0, 3);
        -0.5 * open + arch.powi(3) * 0.34 + tooth * 0.09 + tooth.max(0.25) * 0.1 - 0.04
    };
    let mut shape: Vec<(f32, f32)> = (0..=110)
        .map(|at| left + (right - left) * index(at) / 110.0)
        .map(|x| (x, roof(x)))
        .collect();
    shape.extend([(right, top - 0.1), (left, top - 0.1)]);
    brush.polygon_shaded(&shape, tone.darker(0.4), tone);
    let foot = if depth < 1.0 { 0.5 } else { setting.foot(depth) };
    let floor = |x: f32| {
        foot + 0.02 - pillar(x / half).powi(4) * 0.12 - rough(seed + 5, x * 6.0, 3).max(0.0) * 0.05
    };
    let mut shape: Vec<(f32, f32)> = (0..=110)
        .map(|at| left + (right - left) * index(at) / 110.0)
        .map(|x| (x, floor(x)))
        .collect();
    shape.extend([(right, bottom + 0.1), (left, bottom + 0.1)]);
    brush.polygon_shaded(&shape, tone, tone.darker(0.5));
}

fn crystals(brush: &mut Brush<'_>, setting: &Setting, area: Area) {
    let mut chance = setting.chance(517);
    let foot = setting.foot(1.7);
    for side in [-1.0_f32, 1.0] {
        for _ in 0..5 {
            let x = side * setting.aspect * chance.range(0.26, 0.46);
            if x < area[0] || x > area[2] {
                continue;
            }
            let (tall, lean) = (chance.range(0.06, 0.16), chance.range(-0.04, 0.04));
            let tone = setting
                .light
                .own(chance.pick(&[ink(0x6AD0E8), ink(0xA88AE8), ink(0x7AE8C0)], WHITE));
            brush.light().glow(x, foot - tall * 0.5, 0.12, 0.12, tone.alpha(0.35));
            brush.polygon_shaded(
                &[
                    (x - 0.016, foot),
                    (x - 0.012 + lean, foot - tall * 0.8),
                    (x + lean, foot - tall),
                    (x + 0.014 + lean, foot - tall * 0.75),
                    (x + 0.018, foot),
                ],
                tone.lighter(0.35),
                tone.darker(0.3),
            );
        }
    }
}
