//! Open country: meadows, woods, mountains, deserts, snow, and roads through them.

use crate::scene::brush::Brush;
use crate::scene::flora::{self, Leafage, Tree};
use crate::scene::ink::{Ink, WHITE, ink};
use crate::scene::land;
use crate::scene::live::{Live, Mote};
use crate::scene::num::{count, index, mix};
use crate::scene::plate::Area;
use crate::scene::sky;
use crate::stage::{Layer, Setting, Stage};
use crate::storyboard::{Hour, Place, Weather};

const GRASS: Ink = ink(0x7C9E4C);
const LEAF: Ink = ink(0x5E7F3E);
const FIR: Ink = ink(0x3F5E48);
const ROCK: Ink = ink(0x7D7F8A);
const SAND: Ink = ink(0xD9B27A);
const SNOW: Ink = ink(0xF1F4F8);
const BARK: Ink = ink(0x5A4634);

/// The tones of leaves so far away.
pub(super) fn leafage(setting: &Setting, local: Ink, depth: f32) -> Leafage {
    let light = &setting.light;
    Leafage {
        lit: light.lit(local.lighter(0.06), depth),
        shade: light.shade(local, depth),
        wood: light.half(BARK, depth),
        side: light.sun.0.signum(),
    }
}

/// Trees side by side on the ground, so far away.
#[expect(clippy::too_many_arguments, reason = "a row of trees has that many sides")]
pub(super) fn trees(
    brush: &mut Brush<'_>,
    setting: &Setting,
    area: Area,
    kind: Tree,
    local: Ink,
    depth: f32,
    (metres, density): (f32, f32),
    clearing: f32,
) {
    let mut chance = setting.chance(300 + u64::from(depth.to_bits() >> 12));
    let [left, _, right, _] = area;
    let (foot, metre) = (setting.foot(depth), setting.metre_at(depth));
    let tones = leafage(setting, local, depth);
    let pitch = metres * metre / density;
    let mut x = left - pitch;
    while x < right + pitch {
        let height = metres * metre * chance.range(0.7, 1.15);
        if x.abs() > clearing {
            let spot = (x, foot + chance.range(0.0, 0.012));
            flora::tree(brush, kind, spot, height, tones, &mut chance);
        }
        x += pitch * chance.range(0.5, 1.5);
    }
}

pub(super) fn far_range(stage: &mut Stage, tall: f32, snow: f32, depth: f32, local: Ink) {
    let base = stage.setting.horizon + 0.004;
    stage.upright(depth, (-9.0, base + 0.02), |brush, setting, area| {
        land::mountains(brush, setting, area, base, tall, local, depth * 0.6, snow, 60);
    });
}

pub(super) fn rolling(stage: &mut Stage, depth: f32, tall: f32, local: Ink, salt: u64) {
    let base = stage.setting.foot(depth) + 0.01;
    stage.upright(depth, (-9.0, base + 0.3), |brush, setting, area| {
        land::hills(brush, setting, area, base, tall, local, depth, salt);
    });
}

/// Blades close to the camera, below the picture's lower third.
fn foreground(stage: &mut Stage, local: Ink, height: f32) {
    stage.upright(0.62, (0.2, 0.75), |brush, setting, area| {
        let mut chance = setting.chance(33);
        let tones = (
            setting.light.shade(local.darker(0.45), 1.0),
            setting.light.shade(local.darker(0.15), 1.0),
        );
        flora::grass(brush, (area[0], area[2]), 0.56, height, tones, &mut chance);
    });
}

fn fog_banks(stage: &mut Stage) {
    let fog = stage.setting.shot.weather == Weather::Fog;
    let dawn = matches!(stage.setting.shot.hour, Hour::Dawn | Hour::Golden);
    if !fog && !dawn {
        return;
    }
    let strength = if fog { 0.75 } else { 0.3 };
    for (depth, y) in [(5.0, 0.0), (2.4, 0.03)] {
        let line = stage.setting.foot(depth) + y;
        stage.drifting(depth, (line - 0.35, line + 0.3), 0.05, |brush, setting, area| {
            let mut chance = setting.chance(71);
            let mist = setting.light.own(setting.light.haze.lighter(0.12));
            for _ in 0..count(14.0 * (area[2] - area[0])) {
                let x = chance.range(area[0], area[2]);
                let y = line + chance.range(-0.07, 0.05);
                brush.glow(
                    x,
                    y,
                    chance.range(0.2, 0.5),
                    chance.range(0.03, 0.09),
                    mist.alpha(strength * 0.6),
                );
            }
        });
    }
}

pub(super) fn meadow(stage: &mut Stage) {
    sky::build(stage);
    let caption = stage.setting.shot.caption.to_lowercase();
    let dry = ["wheat", "savanna", "cornfield", "autumn", "prairie"]
        .iter()
        .any(|word| caption.contains(word));
    let green = if dry { ink(0xB79A52) } else { GRASS };
    far_range(stage, 0.15, 0.0, 30.0, ink(0x7F92A8));
    rolling(stage, 14.0, 0.1, LEAF.mix(ROCK, 0.3), 61);
    rolling(stage, 7.0, 0.055, green.mix(LEAF, 0.5), 62);
    let clearing = 0.3 * stage.setting.aspect;
    for (depth, density) in [(9.0, 0.9), (5.0, 0.3)] {
        stage.upright(depth, (-9.0, 9.0), |brush, setting, area| {
            trees(
                brush,
                setting,
                area,
                Tree::Broadleaf,
                LEAF,
                depth,
                (8.5, density),
                clearing * 0.4,
            );
        });
    }
    stage.ground(|brush, setting, area| {
        land::floor(brush, setting, area, green, 1.0);
        meadow_floor(brush, setting, area, green, &caption);
    });
    fog_banks(stage);
    stage.upright(2.2, (-9.0, 9.0), |brush, setting, area| {
        let mut chance = setting.chance(34);
        let foot = setting.foot(2.2);
        let tones = leafage(setting, green.darker(0.1), 2.2);
        let (lit, shade) = (tones.lit, tones.shade);
        flora::grass(brush, (area[0], area[2]), foot + 0.012, 0.035, (lit, shade), &mut chance);
        let x = setting.light.sun.0.signum() * -0.42 * setting.aspect;
        flora::tree(
            brush,
            Tree::Broadleaf,
            (x, foot),
            7.0 * setting.metre_at(2.2),
            leafage(setting, LEAF, 2.2),
            &mut chance,
        );
        flora::bush(brush, (x + 0.16, foot), 0.05, tones, &mut chance);
    });
    stage.put(
        60.0,
        Layer::Live(Live::Birds {
            x: -0.2,
            y: -0.22,
            colour: stage.setting.light.shade(ink(0x30343C), 4.0),
        }),
    );
    foreground(stage, green, 0.1);
    evening_motes(stage);
}

fn evening_motes(stage: &mut Stage) {
    let light = &stage.setting.light;
    let dark = light.darkness() > 0.6;
    let (kind, colour, amount) = if dark {
        (Mote::Fireflies, ink(0xF2E08A), 26)
    } else {
        (Mote::Dust, light.key.lighter(0.3), 40)
    };
    let colour = light.own(colour);
    if stage.setting.shot.weather == Weather::Clear {
        stage.before.push(Layer::Live(Live::Motes { kind, colour, amount }));
    }
}

/// Tufts and flowers that get larger towards the camera.
fn meadow_floor(brush: &mut Brush<'_>, setting: &Setting, area: Area, green: Ink, caption: &str) {
    let mut chance = setting.chance(35);
    let [left, top, right, bottom] = area;
    let petals: &[Ink] = if caption.contains("lavender") {
        &[ink(0x8E6FC0), ink(0x7A5CB0), ink(0x9D84CC)]
    } else if caption.contains("sunflower") {
        &[ink(0xE8B82E), ink(0xDFA522), ink(0xF0C850)]
    } else {
        &[ink(0xE8E2D2), ink(0xE0B84A), ink(0xC86A7A)]
    };
    let many = caption.contains("flower") || caption.contains("lavender");
    for rank in 0..340 {
        let down = index(rank) / 340.0;
        let y = mix(top + 0.012, bottom, down.powf(1.7));
        let near = (y - setting.horizon) / setting.drop.max(0.05);
        let (x, size) = (chance.range(left, right), 0.028 * near * chance.range(0.4, 1.0));
        let depth = (1.0 / near.max(0.1)).min(8.0);
        let tones =
            (setting.light.lit(green, depth), setting.light.shade(green.darker(0.1), depth));
        if chance.odds(if many { 0.75 } else { 0.12 }) {
            let petal = setting.light.lit(chance.pick(petals, WHITE), depth);
            for _ in 0..if many { 4 } else { 1 } {
                brush.circle(
                    x + chance.range(-2.0, 2.0) * size,
                    y - size * 0.5,
                    size * 0.16,
                    petal,
                );
            }
        }
        flora::grass(brush, (x - size, x + size), y, size, tones, &mut chance);
    }
}

pub(super) fn forest(stage: &mut Stage) {
    sky::build(stage);
    let jungle = stage.setting.shot.place == Place::Jungle;
    let caption = stage.setting.shot.caption.to_lowercase();
    let autumn = caption.contains("autumn") || caption.contains("fall leaves");
    let (kind, local) = match (jungle, autumn) {
        (true, _) => (Tree::Palm, ink(0x4C8046)),
        (_, true) => (Tree::Broadleaf, ink(0xB9772E)),
        _ if stage.setting.seed.is_multiple_of(3) => (Tree::Broadleaf, LEAF),
        _ => (Tree::Conifer, FIR),
    };
    let thick = if stage.setting.light.darkness() > 0.5 { 0.14 } else { 0.2 };
    stage.setting.light.thickness = stage.setting.light.thickness.max(thick);
    for (depth, metres) in [(13.0, 24.0), (8.0, 22.0), (5.0, 19.0)] {
        stage.upright(depth, (-9.0, 9.0), |brush, setting, area| {
            trees(brush, setting, area, kind, local, depth, (metres, 2.6), 0.02);
            trees(
                brush,
                setting,
                area,
                Tree::Broadleaf,
                local.mix(LEAF, 0.4),
                depth,
                (metres * 0.35, 2.4),
                0.02,
            );
            let mist = setting.light.own(setting.light.haze.mix(setting.light.sky_low, 0.4));
            let foot = setting.foot(depth);
            brush.rect_shaded(
                [area[0], foot - 0.16, area[2] - area[0], 0.2],
                mist.alpha(0.0),
                mist.alpha(0.5),
            );
        });
    }
    stage.ground(|brush, setting, area| {
        let soil = if autumn { ink(0x9A6A3A) } else { ink(0x6B6E42) };
        land::floor(brush, setting, area, soil, 1.6);
        let path = (
            setting.light.lit(ink(0xA08A62), 4.0),
            setting.light.lit(ink(0x86704E), 1.0).darker(0.2),
        );
        land::lane(brush, setting, area, ((-0.5, 0.42), (-0.012, 0.012)), path);
        forest_floor(brush, setting, area, soil);
    });
    fog_banks(stage);
    light_shafts(stage);
    for depth in [2.8, 1.8] {
        stage.upright(depth, (-9.0, 9.0), |brush, setting, area| {
            trunks(brush, setting, area, depth, local, jungle);
        });
    }
    stage.upright(0.6, (-0.6, 0.75), |brush, setting, area| {
        frame_of_leaves(brush, setting, area, local);
    });
    evening_motes(stage);
}

fn forest_floor(brush: &mut Brush<'_>, setting: &Setting, area: Area, soil: Ink) {
    let mut chance = setting.chance(36);
    let [left, top, right, bottom] = area;
    for rank in 0..150 {
        let y = mix(top + 0.01, bottom, (index(rank) / 150.0).powf(1.6));
        let near = (y - setting.horizon) / setting.drop.max(0.05);
        let x = chance.range(left, right);
        if x.abs() < 0.42 * near {
            continue;
        }
        let tones = leafage(setting, LEAF.mix(soil, 0.3), (1.0 / near.max(0.1)).min(7.0));
        flora::grass(
            brush,
            (x - 0.03 * near, x + 0.03 * near),
            y,
            0.05 * near,
            (tones.lit, tones.shade),
            &mut chance,
        );
    }
}

/// Near trunks, out of the top of the picture.
fn trunks(
    brush: &mut Brush<'_>,
    setting: &Setting,
    area: Area,
    depth: f32,
    local: Ink,
    jungle: bool,
) {
    let mut chance = setting.chance(37 + u64::from(depth.to_bits() >> 16));
    let foot = setting.foot(depth);
    let light = &setting.light;
    let (lit, shade) = (light.lit(BARK.lighter(0.08), depth), light.shade(BARK, depth));
    let thick = 0.03 + 0.05 / depth;
    let mut x = area[0];
    while x < area[2] {
        if x.abs() > 0.2 * setting.aspect {
            let lean = chance.range(-0.03, 0.03);
            let root = [
                (x - thick * 1.5, foot + 0.012),
                (x - thick * 0.7, foot - 0.06),
                (x - thick * 0.5 + lean, area[1] - 0.1),
                (x + thick * 0.5 + lean, area[1] - 0.1),
                (x + thick * 0.7, foot - 0.06),
                (x + thick * 1.6, foot + 0.012),
            ];
            if let Some(path) = crate::scene::brush::polygon(&root) {
                let side = light.sun.0.signum();
                brush.shade(
                    &path,
                    ((x - side * thick, 0.0), shade),
                    ((x + side * thick, 0.0), lit),
                );
            }
            let tones = leafage(setting, local, depth);
            flora::bush(brush, (x + thick * 1.5, foot + 0.012), 0.11 / depth, tones, &mut chance);
            if jungle {
                for at in 0..4 {
                    let y = area[1] + 0.1 + index(at) * 0.04;
                    brush.curve(
                        &[(x, y), (x + 0.1, y + 0.2 + index(at) * 0.05), (x + 0.24, y - 0.05)],
                        0.005,
                        shade,
                    );
                }
            }
        }
        x += thick * chance.range(4.5, 9.0);
    }
}

fn frame_of_leaves(brush: &mut Brush<'_>, setting: &Setting, area: Area, local: Ink) {
    let mut chance = setting.chance(38);
    let dark = setting.light.shade(local.darker(0.55), 1.0);
    let tones = Leafage { lit: dark.lighter(0.05), shade: dark, wood: dark, side: 1.0 };
    let mut x = area[0];
    while x < area[2] {
        let edge = (x.abs() / (area[2] - area[0]).max(0.1) * 2.0).min(1.0);
        flora::bush(brush, (x, 0.64 - 0.05 * edge), 0.1 + 0.06 * edge, tones, &mut chance);
        x += 0.16;
    }
    flora::grass(brush, (area[0], area[2]), 0.6, 0.12, (dark, dark.lighter(0.06)), &mut chance);
}

/// Sun through the crowns.
fn light_shafts(stage: &mut Stage) {
    let light = &stage.setting.light;
    if light.darkness() > 0.55 || !light.disc {
        return;
    }
    stage.upright(3.2, (-9.0, 9.0), |brush, setting, area| {
        let mut chance = setting.chance(39);
        let colour = setting.light.own(setting.light.key.lighter(0.25));
        let (sun, _) = sky::sun(setting);
        for _ in 0..7 {
            let x = sun + chance.range(-0.55, 0.55);
            let drift = (x - sun) * 0.7 - setting.light.sun.0.signum() * 0.3;
            let wide = chance.range(0.015, 0.06);
            let shaft = [
                (x - wide * 0.4, area[1]),
                (x + wide * 0.4, area[1]),
                (x + drift + wide, 0.25),
                (x + drift - wide, 0.25),
            ];
            if let Some(path) = crate::scene::brush::polygon(&shaft) {
                brush.light().shade(
                    &path,
                    ((x, area[1]), colour.alpha(0.22)),
                    ((x + drift, 0.22), colour.alpha(0.0)),
                );
            }
        }
    });
}

pub(super) fn mountain(stage: &mut Stage) {
    sky::build(stage);
    let snowy = matches!(stage.setting.shot.weather, Weather::Snow);
    let snow = if snowy { 0.8 } else { 0.42 };
    far_range(stage, 0.27, snow, 40.0, ROCK);
    let base = stage.setting.horizon + 0.02;
    stage.upright(20.0, (-9.0, base + 0.02), |brush, setting, area| {
        land::mountains(brush, setting, area, base, 0.36, ROCK.darker(0.12), 6.0, snow * 0.7, 64);
    });
    rolling(stage, 9.0, 0.1, FIR.mix(ROCK, 0.3), 65);
    let ground = if snowy { SNOW } else { ink(0x84905C) };
    stage.upright(6.5, (-9.0, 9.0), |brush, setting, area| {
        trees(brush, setting, area, Tree::Conifer, FIR, 6.5, (11.0, 1.6), 0.08);
    });
    stage.ground(|brush, setting, area| {
        land::floor(brush, setting, area, ground, 1.2);
        meadow_floor(brush, setting, area, ground.darker(0.05), "");
        land::stones(brush, setting, area, ROCK, 26, 66);
    });
    fog_banks(stage);
    stage.upright(2.6, (-9.0, 9.0), |brush, setting, area| {
        trees(brush, setting, area, Tree::Conifer, FIR, 2.6, (9.0, 0.6), 0.3 * setting.aspect);
    });
    foreground(stage, ground.darker(0.2), 0.06);
}

pub(super) fn desert(stage: &mut Stage) {
    sky::build(stage);
    far_range(stage, 0.1, 0.0, 40.0, ink(0xA8745A));
    for (depth, tall, salt) in [(16.0, 0.1, 67), (9.0, 0.085, 68), (5.0, 0.05, 69)] {
        dunes(stage, depth, tall, salt);
    }
    stage.ground(|brush, setting, area| {
        land::floor(brush, setting, area, SAND, 0.4);
        ripples(brush, setting, area);
        land::stones(brush, setting, area, ink(0xA9805A), 9, 70);
    });
    let caption = stage.setting.shot.caption.to_lowercase();
    if !caption.contains("sahara") && !caption.contains("dune") {
        stage.upright(3.4, (-9.0, 9.0), |brush, setting, area| {
            trees(
                brush,
                setting,
                area,
                Tree::Cactus,
                ink(0x6E8A55),
                3.4,
                (4.2, 0.18),
                0.26 * setting.aspect,
            );
        });
    }
}

/// A dune: a sharp crest, one side in the light.
fn dunes(stage: &mut Stage, depth: f32, tall: f32, salt: u64) {
    let base = stage.setting.foot(depth) + 0.012;
    stage.upright(depth, (-9.0, base + 0.25), |brush, setting, area| {
        let seed = setting.seed + salt;
        let crest = |x: f32| {
            let turn = x * 1.25
                + crate::scene::chance::noise(seed, x * 0.8) * 1.2
                + f32::from(u8::try_from(salt % 9).unwrap_or(0));
            let saw = 1.0 - (turn.rem_euclid(2.0) - 1.0).abs();
            base - tall * (0.25 + 0.75 * saw * saw * (3.0 - 2.0 * saw))
        };
        let light = &setting.light;
        let (lit, shade) = (light.lit(SAND, depth), light.shade(SAND.darker(0.06), depth));
        let shape = land::skyline(area, 120, crest);
        brush.polygon_shaded(&shape, lit, lit.mix(shade, 0.5));
        let side = light.sun.0.signum();
        let [left, _, right, bottom] = area;
        let steps = 120;
        for at in 0..steps {
            let x = left + (right - left) * index(at) / index(steps);
            let next = x + (right - left) / index(steps);
            if (crest(next) - crest(x)) * side < 0.0 {
                let foot = (bottom + 0.1 - crest(x)).max(0.01);
                let quad = [
                    (x, crest(x)),
                    (next + 0.0005, crest(next)),
                    (next + 0.0005 - side * 0.02, crest(next) + foot),
                    (x - side * 0.02, crest(x) + foot),
                ];
                if let Some(path) = crate::scene::brush::polygon(&quad) {
                    brush.shade(
                        &path,
                        ((x, crest(x)), shade),
                        ((x, crest(x) + tall * 1.4), shade.alpha(0.0)),
                    );
                }
            }
        }
    });
}

fn ripples(brush: &mut Brush<'_>, setting: &Setting, area: Area) {
    let mut chance = setting.chance(72);
    let [left, top, right, bottom] = area;
    for rank in 0..90 {
        let down = (index(rank) / 90.0).powf(1.5);
        let y = mix(top + 0.015, bottom, down);
        let x = chance.range(left, right);
        let wide = mix(0.05, 0.35, down);
        let bend = chance.range(-0.012, 0.012);
        let line =
            [(x - wide, y), (x - wide * 0.3, y + bend), (x + wide * 0.3, y - bend), (x + wide, y)];
        brush.curve(&line, mix(0.0008, 0.004, down), setting.light.shade(SAND, 1.5).alpha(0.35));
        brush.curve(
            &line.map(|(x, y)| (x, y - mix(0.001, 0.005, down))),
            mix(0.0008, 0.003, down),
            setting.light.lit(SAND.lighter(0.2), 1.5).alpha(0.35),
        );
    }
}

pub(super) fn snowfield(stage: &mut Stage) {
    sky::build(stage);
    far_range(stage, 0.24, 0.85, 34.0, ink(0x8494AC));
    rolling(stage, 12.0, 0.07, SNOW, 73);
    rolling(stage, 6.0, 0.045, SNOW, 74);
    stage.upright(7.0, (-9.0, 9.0), |brush, setting, area| {
        trees(brush, setting, area, Tree::Conifer, FIR.mix(SNOW, 0.35), 7.0, (9.0, 0.55), 0.16);
    });
    stage.ground(|brush, setting, area| {
        land::floor(brush, setting, area, SNOW, 0.8);
        let cool = setting.light.shade(ink(0xA9BEDA), 1.2);
        let mut chance = setting.chance(75);
        for _ in 0..26 {
            let down = chance.unit();
            let (x, y) = (chance.range(area[0], area[2]), mix(area[1], area[3], down));
            brush.oval(x, y, mix(0.1, 0.5, down), mix(0.002, 0.012, down), cool.alpha(0.16));
        }
    });
    fog_banks(stage);
    stage.upright(2.4, (-9.0, 9.0), |brush, setting, area| {
        trees(
            brush,
            setting,
            area,
            Tree::Conifer,
            FIR.mix(SNOW, 0.25),
            2.4,
            (7.0, 0.3),
            0.36 * setting.aspect,
        );
    });
}

/// A road: across the picture for what drives past, away from us otherwise.
pub(super) fn road(stage: &mut Stage) {
    sky::build(stage);
    let caption = stage.setting.shot.caption.to_lowercase();
    let dry = caption.contains("desert")
        || stage.setting.shot.cast.is_empty() && stage.setting.seed.is_multiple_of(4);
    let land = if dry { ink(0xC79A68) } else { ink(0x8C9A55) };
    far_range(
        stage,
        if dry { 0.16 } else { 0.2 },
        if dry { 0.0 } else { 0.3 },
        34.0,
        if dry { ink(0xA3705A) } else { ROCK },
    );
    rolling(stage, 12.0, 0.07, land.mix(LEAF, if dry { 0.0 } else { 0.5 }), 76);
    stage.upright(7.0, (-9.0, 9.0), |brush, setting, area| {
        let (kind, local, metres) =
            if dry { (Tree::Cactus, ink(0x6E8A55), 5.0) } else { (Tree::Conifer, FIR, 10.0) };
        trees(brush, setting, area, kind, local, 7.0, (metres, if dry { 0.12 } else { 0.8 }), 0.12);
    });
    let rails = stage
        .setting
        .shot
        .cast
        .first()
        .is_some_and(|role| role.figure == crate::storyboard::Figure::Train);
    let across = stage
        .setting
        .shot
        .cast
        .iter()
        .any(|role| role.figure.family() == crate::storyboard::Family::Vehicle);
    stage.ground(|brush, setting, area| {
        land::floor(brush, setting, area, land, 1.0);
        if rails {
            railway(brush, setting, area);
        } else if across {
            side_road(brush, setting, area);
        } else {
            long_road(brush, setting, area);
        }
    });
    fog_banks(stage);
    stage.upright(2.6, (-9.0, 9.0), |brush, setting, area| roadside(brush, setting, area, 2.6));
    if !dry {
        foreground(stage, land, 0.05);
    }
}

/// Posts that show how fast the land goes by.
fn roadside(brush: &mut Brush<'_>, setting: &Setting, area: Area, depth: f32) {
    let mut chance = setting.chance(77);
    let (foot, metre) = (setting.foot(depth), setting.metre_at(depth));
    let wood = setting.light.half(ink(0x7A6A58), depth);
    let pitch = 5.5 * metre;
    let mut x = area[0];
    let mut tops: Vec<(f32, f32)> = Vec::new();
    while x < area[2] {
        let tall = 1.1 * metre * chance.range(0.95, 1.05);
        brush.rect(x, foot - tall, 0.12 * metre, tall + 0.004, wood);
        tops.push((x + 0.06 * metre, foot - tall * 0.8));
        x += pitch;
    }
    brush.line(&tops, 0.04 * metre, wood.darker(0.1));
    let low: Vec<(f32, f32)> = tops.iter().map(|(x, y)| (*x, y + 0.45 * metre)).collect();
    brush.line(&low, 0.04 * metre, wood.darker(0.1));
}

fn asphalt(setting: &Setting, depth: f32) -> Ink {
    let wet = matches!(setting.shot.weather, Weather::Rain | Weather::Storm);
    setting.light.lit(if wet { ink(0x44474E) } else { ink(0x66666A) }, depth)
}

fn side_road(brush: &mut Brush<'_>, setting: &Setting, area: Area) {
    let [left, _, right, _] = area;
    let wide = right - left;
    let (far, near) = (setting.foot(1.75), setting.foot(0.72));
    brush.rect_shaded(
        [left, far, wide, near - far],
        asphalt(setting, 2.0),
        asphalt(setting, 1.0).darker(0.18),
    );
    let paint = setting.light.lit(ink(0xE6E2D6), 1.2);
    brush.rect(left, far + 0.006, wide, 0.004, paint.alpha(0.8));
    brush.rect(left, near - 0.016, wide, 0.01, paint.alpha(0.7));
    let line = setting.foot(1.12);
    let mut x = left;
    while x < right {
        brush.polygon(
            &[(x, line), (x + 0.12, line), (x + 0.118, line + 0.006), (x - 0.004, line + 0.006)],
            setting.light.lit(ink(0xE8CF7A), 1.2).alpha(0.85),
        );
        x += 0.26;
    }
    brush.rect_shaded(
        [left, far - 0.01, wide, 0.012],
        setting.light.shade(ink(0x8A7C60), 2.0).alpha(0.0),
        setting.light.shade(ink(0x8A7C60), 2.0),
    );
}

fn long_road(brush: &mut Brush<'_>, setting: &Setting, area: Area) {
    let [_, top, _, bottom] = area;
    let reach = (bottom - setting.horizon) / setting.drop.max(0.05);
    let half = 3.6 * setting.metre * reach;
    land::lane(
        brush,
        setting,
        area,
        ((-half, half), (-0.002, 0.002)),
        (asphalt(setting, 6.0), asphalt(setting, 1.0).darker(0.15)),
    );
    let paint = setting.light.lit(ink(0xE6E2D6), 1.2);
    for side in [-1.0, 1.0] {
        let (near, wide) = (side * half * 0.93, half * 0.02);
        brush.polygon(
            &[(0.0, top), (0.0005, top), (near + wide, bottom), (near - wide, bottom)],
            paint.alpha(0.8),
        );
    }
    for at in 0..16 {
        let depth = 0.55 * 1.35_f32.powi(at);
        let (from, to) = (setting.foot(depth), setting.foot(depth * 1.16));
        let wide = |y: f32| (y - setting.horizon) * 0.022;
        brush.polygon(
            &[(-wide(to), to), (wide(to), to), (wide(from), from), (-wide(from), from)],
            setting.light.lit(ink(0xE8CF7A), 1.2),
        );
    }
}

fn railway(brush: &mut Brush<'_>, setting: &Setting, area: Area) {
    let [left, _, right, _] = area;
    let wide = right - left;
    let (far, near) = (setting.foot(1.35), setting.foot(0.85));
    let gravel = setting.light.lit(ink(0x857B70), 1.2);
    brush.rect_shaded([left, far - 0.01, wide, near - far + 0.03], gravel, gravel.darker(0.3));
    let mut x = left;
    while x < right {
        brush.polygon(
            &[(x, far), (x + 0.03, far), (x + 0.034, near), (x - 0.004, near)],
            setting.light.shade(ink(0x5A4636), 1.0),
        );
        x += 0.075;
    }
    for y in [setting.foot(1.2), setting.foot(0.95)] {
        brush.rect(left, y, wide, 0.007, setting.light.lit(ink(0x8E8C8A), 1.0));
        brush.rect(left, y + 0.006, wide, 0.004, setting.light.shade(ink(0x3A3634), 1.0));
    }
}
