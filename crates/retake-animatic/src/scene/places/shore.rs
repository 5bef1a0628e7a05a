//! Where land meets water: beaches, the open sea, lakes, rivers, waterfalls.

use super::country::{far_range, leafage, rolling, trees};
use crate::scene::brush::{Brush, polygon};
use crate::scene::chance::rough;
use crate::scene::flora::{self, Tree};
use crate::scene::ink::{Ink, WHITE, ink};
use crate::scene::land;
use crate::scene::live::Live;
use crate::scene::num::{index, mix};
use crate::scene::plate::Area;
use crate::scene::sky;
use crate::scene::water::Water;
use crate::stage::{Layer, Setting, Stage};
use crate::storyboard::{Action, Place, Weather};

const SAND: Ink = ink(0xE2C79A);
const ROCK: Ink = ink(0x77757A);

/// Whether the main figure is in or on the water rather than beside it.
fn afloat(setting: &Setting) -> bool {
    setting.shot.cast.first().is_some_and(|role| {
        role.figure.sails()
            || role.figure.swims()
            || role.action == Action::Swim
            || role.action == Action::Drive
    })
}

pub(super) fn water(stage: &mut Stage) {
    sky::build(stage);
    match stage.setting.shot.place {
        Place::Beach => beach(stage),
        Place::Ocean => ocean(stage),
        Place::Waterfall => waterfall(stage),
        _ => lake(stage),
    }
}

fn waves(stage: &Stage) -> f32 {
    match stage.setting.shot.weather {
        Weather::Storm => 0.012,
        Weather::Wind | Weather::Rain => 0.006,
        _ => 0.0028,
    }
}

/// Colours of open water: what the sky gives it far out, what it is close by.
fn tones(setting: &Setting, deep: Ink) -> (Ink, Ink) {
    let light = &setting.light;
    (
        light.own(light.sky_low.mix(light.sky_mid, 0.5)).darker(0.12),
        light.shade(deep, 1.0).mix(light.own(light.sky_top), 0.3),
    )
}

fn open_water(stage: &mut Stage, line: f32, deep: Ink) {
    let (far, near) = tones(&stage.setting, deep);
    let waves = waves(stage);
    stage.behind.push(Layer::Water(Water::open(line, far, near, waves)));
    let light = &stage.setting.light;
    let shine = light.own(light.key.lighter(0.35));
    let strength = if light.disc || light.stars > 0.3 { 0.9 } else { 0.4 };
    let x = light.sun.0;
    stage.behind.push(Layer::Live(Live::Glitter { line, x, colour: shine.alpha(strength) }));
}

fn islands(stage: &mut Stage) {
    let base = stage.setting.horizon + 0.002;
    stage.upright(30.0, (-9.0, base), |brush, setting, area| {
        let mut chance = setting.chance(401);
        let tone = setting.light.half(ink(0x5C6E74), 12.0);
        for _ in 0..2 {
            let (x, wide, tall) =
                (chance.range(area[0], area[2]), chance.range(0.1, 0.3), chance.range(0.02, 0.06));
            brush.blob(
                &[
                    (x - wide, base + 0.01),
                    (x - wide * 0.5, base - tall * 0.7),
                    (x, base - tall),
                    (x + wide * 0.4, base - tall * 0.5),
                    (x + wide, base + 0.01),
                ],
                tone,
            );
        }
    });
}

fn beach(stage: &mut Stage) {
    islands(stage);
    let horizon = stage.setting.horizon;
    open_water(stage, horizon, ink(0x2F8A92));
    let line = stage.setting.foot(2.3);
    let foam = stage.setting.light.lit(WHITE, 1.5);
    stage.behind.push(Layer::Live(Live::Surf { line: line - 0.045, colour: foam }));
    stage.upright(1.7, (-9.0, 9.0), |brush, setting, area| shore(brush, setting, area, line, SAND));
    if !stage.setting.shot.weather.eq(&Weather::Snow) {
        stage.upright(1.9, (-9.0, 9.0), |brush, setting, area| palms(brush, setting, area, line));
    }
}

fn palms(brush: &mut Brush<'_>, setting: &Setting, area: Area, line: f32) {
    let mut chance = setting.chance(402);
    let side = -setting.light.sun.0.signum();
    let tones = leafage(setting, ink(0x4F7A44), 1.6);
    for (x, tall) in [(0.44, 0.62), (0.56, 0.5), (0.37, 0.44)] {
        let spot = (
            side * x * (area[2] - area[0]).min(setting.aspect * 1.2) * 0.9,
            line + 0.03 + chance.range(0.0, 0.02),
        );
        flora::tree(brush, Tree::Palm, spot, tall, tones, &mut chance);
    }
    flora::bush(brush, (side * 0.5 * setting.aspect, line + 0.035), 0.06, tones, &mut chance);
}

/// The near bank: everything below an uneven line.
fn shore(brush: &mut Brush<'_>, setting: &Setting, area: Area, line: f32, local: Ink) {
    let light = &setting.light;
    let edge = |x: f32| line + rough(setting.seed + 6, x * 1.4, 3) * 0.022;
    let shape = land::skyline(area, 80, edge);
    if let Some(path) = polygon(&shape) {
        brush.shade(
            &path,
            ((0.0, line), light.lit(local.darker(0.22), 1.6)),
            ((0.0, line + 0.12), light.lit(local, 1.2)),
        );
    }
    let wet: Vec<(f32, f32)> = shape.iter().take(81).map(|(x, y)| (*x, *y + 0.008)).collect();
    brush.curve(&wet, 0.014, light.shade(local.darker(0.2), 1.4).alpha(0.7));
    brush.curve(shape.get(..81).unwrap_or(&[]), 0.006, light.lit(WHITE, 1.4).alpha(0.65));
    let mut chance = setting.chance(403);
    let [left, _, right, bottom] = area;
    for _ in 0..170 {
        let y = mix(line + 0.03, bottom, chance.unit());
        let near = ((y - setting.horizon) / setting.drop.max(0.05)).min(2.5);
        let tone = if chance.odds(0.5) {
            light.shade(local, 1.2)
        } else {
            light.lit(local.lighter(0.2), 1.0)
        };
        brush.oval(chance.range(left, right), y, 0.03 * near, 0.002 * near, tone.alpha(0.28));
    }
    let dim = light.shade(local, 1.0).darker(0.5);
    brush.rect_shaded([left, 0.16, right - left, 0.5], dim.alpha(0.0), dim.alpha(0.6));
    for _ in 0..7 {
        let y = mix(line + 0.05, bottom.min(0.5), chance.unit());
        let size = 0.012 * (1.0 + (y - line) * 5.0);
        land::stone(
            brush,
            (chance.range(left, right), y),
            size,
            (light.lit(ROCK, 1.2), light.shade(ROCK, 1.2)),
            light.sun.0.signum(),
            &mut chance,
        );
    }
}

fn ocean(stage: &mut Stage) {
    if stage.setting.shot.weather != Weather::Storm {
        islands(stage);
    }
    let horizon = stage.setting.horizon;
    open_water(stage, horizon, ink(0x1F5C74));
    let storm = stage.setting.shot.weather == Weather::Storm;
    for (depth, tall, drift) in [(4.0, 0.02, 0.03), (2.0, 0.035, 0.05), (0.75, 0.06, 0.09)] {
        let tall = if storm { tall * 2.4 } else { tall };
        let line = stage.setting.foot(depth) + if depth < 1.0 { 0.08 } else { 0.0 };
        stage.drifting(depth, (line - tall * 2.0, line + 0.12), drift, |brush, setting, area| {
            swell(brush, setting, area, line, tall, depth);
        });
    }
}

/// A rank of waves: dark water that fades into the surface below, foam on the crests.
fn swell(brush: &mut Brush<'_>, setting: &Setting, area: Area, line: f32, tall: f32, depth: f32) {
    let light = &setting.light;
    let seed = setting.seed + u64::from(depth.to_bits() >> 18);
    let crest = |x: f32| {
        let turn = x * 2.1 / tall.max(0.02) * 0.035 + rough(seed, x * 0.8, 2) * 1.3;
        let peak = 1.0 - (turn.rem_euclid(2.0) - 1.0).abs();
        line - tall * peak * peak * (0.6 + 0.4 * rough(seed + 3, x * 1.7, 2))
    };
    let (body, foam) = (
        light.shade(ink(0x1D4F66), depth).mix(light.own(light.sky_top), 0.25),
        light.lit(WHITE, depth),
    );
    let shape = land::skyline(area, 160, crest);
    if let Some(path) = polygon(&shape) {
        brush.shade(
            &path,
            ((0.0, line - tall), body.alpha(0.85)),
            ((0.0, line + tall * 1.6), body.alpha(0.0)),
        );
    }
    for pair in shape.get(..161).unwrap_or(&[]).windows(2) {
        if let [from, to] = pair {
            let high = ((line - from.1) / tall).clamp(0.0, 1.0);
            if high > 0.5 {
                brush.line(&[*from, *to], tall * 0.09 * high, foam.alpha((high - 0.5) * 1.3));
            }
        }
    }
}

fn lake(stage: &mut Stage) {
    let river = stage.setting.shot.place == Place::River;
    far_range(stage, 0.26, 0.5, 34.0, ROCK);
    rolling(stage, 12.0, 0.09, ink(0x5A7748), 404);
    let bank = if river { 3.4 } else { 7.0 };
    let local = ink(0x4A6E48);
    stage.upright(bank, (-9.0, stage.setting.foot(bank) + 0.012), |brush, setting, area| {
        let foot = setting.foot(bank);
        land::hills(brush, setting, area, foot + 0.012, 0.02, ink(0x6F8A4C), bank, 405);
        trees(brush, setting, area, Tree::Conifer, local, bank, (11.0, 1.5), 0.0);
        trees(brush, setting, area, Tree::Broadleaf, ink(0x62843F), bank, (6.0, 1.2), 0.0);
    });
    let line = stage.setting.foot(bank) + 0.008;
    let (far, near) = tones(&stage.setting, ink(0x2E5F6C));
    let waves = waves(stage) * if river { 1.2 } else { 0.5 };
    let mut surface = Water::open(line, far, near, waves);
    (surface.depth, surface.mirror) = (bank, 0.72);
    stage.behind.push(Layer::Water(surface));
    let light = &stage.setting.light;
    let (x, shine) = (light.sun.0, light.own(light.key.lighter(0.35)).alpha(0.6));
    stage.behind.push(Layer::Live(Live::Glitter { line, x, colour: shine }));
    near_bank(stage);
}

/// Ground for those who stand beside the water; reeds for everybody.
fn near_bank(stage: &mut Stage) {
    if afloat(&stage.setting) {
        stage.upright(0.66, (0.2, 0.8), |brush, setting, area| {
            reeds(brush, setting, area, 0.56, 0.16);
        });
        return;
    }
    let line = stage.setting.foot(1.35);
    stage.upright(1.3, (-9.0, 9.0), |brush, setting, area| {
        shore(brush, setting, area, line, ink(0x7E8A56));
        let mut chance = setting.chance(406);
        let tones = leafage(setting, ink(0x6F8F48), 1.3);
        for _ in 0..34 {
            let (x, y) = (chance.range(area[0], area[2]), chance.range(line + 0.015, 0.5));
            flora::grass(
                brush,
                (x - 0.03, x + 0.03),
                y,
                0.04,
                (tones.lit, tones.shade),
                &mut chance,
            );
        }
    });
    stage.upright(1.28, (-9.0, 9.0), |brush, setting, area| {
        reeds(brush, setting, area, line + 0.02, 0.1);
    });
}

fn reeds(brush: &mut Brush<'_>, setting: &Setting, area: Area, y: f32, tall: f32) {
    let mut chance = setting.chance(407);
    let tones = leafage(setting, ink(0x5F7840), 1.0);
    for side in [-1.0_f32, 1.0] {
        let middle = side * setting.aspect * 0.42;
        for _ in 0..22 {
            let x = middle + chance.range(-0.14, 0.14);
            if x < area[0] || x > area[2] {
                continue;
            }
            let (high, lean) = (tall * chance.range(0.5, 1.1), chance.range(-0.02, 0.03));
            brush.curve(
                &[(x, y), (x + lean * 0.4, y - high * 0.6), (x + lean, y - high)],
                0.004,
                tones.shade.mix(tones.lit, chance.unit()),
            );
            if chance.odds(0.3) {
                brush.limb(
                    (x + lean, y - high),
                    (x + lean, y - high + 0.02),
                    0.004,
                    0.004,
                    tones.wood,
                );
            }
        }
    }
}

fn waterfall(stage: &mut Stage) {
    rolling(stage, 14.0, 0.14, ink(0x5A7748), 408);
    let (top, foot) = (-0.3, stage.setting.foot(3.4));
    stage.upright(3.4, (-9.0, foot + 0.02), |brush, setting, area| {
        cliffs(brush, setting, area, top, foot);
        trees_on_top(brush, setting, area, top);
    });
    let (far, near) = tones(&stage.setting, ink(0x2F6E74));
    let mut pool = Water::open(foot, far, near, 0.005);
    (pool.depth, pool.mirror) = (3.4, 0.6);
    stage.behind.push(Layer::Water(pool));
    let white = stage.setting.light.lit(ink(0xEAF4F8), 1.6);
    stage.behind.push(Layer::Live(Live::Fall {
        left: -0.14,
        right: 0.14,
        top,
        bottom: foot,
        depth: 3.4,
        colour: white,
    }));
    near_bank(stage);
}

fn cliffs(brush: &mut Brush<'_>, setting: &Setting, area: Area, top: f32, foot: f32) {
    let light = &setting.light;
    let mut chance = setting.chance(409);
    let [left, _, right, _] = area;
    let (lit, shade) = (light.lit(ROCK, 2.6), light.shade(ROCK.darker(0.1), 2.6));
    brush.rect_shaded([left, top, right - left, foot - top + 0.02], lit, shade);
    brush.rect_shaded(
        [-0.16, top, 0.32, foot - top + 0.02],
        light.lit(ink(0xD6E6EC), 2.4),
        light.lit(ink(0xA8C8D4), 2.4),
    );
    for _ in 0..110 {
        let (x, y) = (chance.range(left, right), chance.range(top, foot));
        if x.abs() < 0.17 {
            continue;
        }
        let (wide, high) = (chance.range(0.008, 0.03), chance.range(0.05, 0.2));
        let tone = if chance.odds(0.5) { lit.lighter(0.06) } else { shade.darker(0.15) };
        brush.polygon(
            &[
                (x, y),
                (x + wide, y + high * 0.15),
                (x + wide * 0.9, y + high),
                (x - wide * 0.15, y + high * 0.8),
            ],
            tone.alpha(0.5),
        );
    }
    for side in [-1.0_f32, 1.0] {
        brush.polygon(
            &[
                (side * 0.14, top),
                (side * 0.2, top + 0.1),
                (side * 0.15, foot),
                (side * 0.22, foot),
                (side * 0.3, top),
            ],
            shade.darker(0.2).alpha(0.6),
        );
    }
    for at in 0..14 {
        let x = left + (right - left) * index(at) / 14.0;
        if x.abs() > 0.2 {
            land::stone(
                brush,
                (x, foot + 0.012),
                chance.range(0.03, 0.06),
                (lit, shade),
                light.sun.0.signum(),
                &mut chance,
            );
        }
    }
}

fn trees_on_top(brush: &mut Brush<'_>, setting: &Setting, area: Area, top: f32) {
    let mut chance = setting.chance(410);
    let tones = leafage(setting, ink(0x4E7440), 3.0);
    let mut x = area[0];
    while x < area[2] {
        if x.abs() > 0.18 {
            flora::tree(
                brush,
                Tree::Conifer,
                (x, top + 0.012),
                chance.range(0.14, 0.24),
                tones,
                &mut chance,
            );
            flora::bush(brush, (x + 0.04, top + 0.01), 0.035, tones, &mut chance);
        }
        x += chance.range(0.05, 0.1);
    }
}
