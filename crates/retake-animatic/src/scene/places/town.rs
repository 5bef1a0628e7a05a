//! Towns: streets, skylines, villages, castles, stadiums.

use super::country::{far_range, leafage, rolling, trees};
use crate::scene::brush::{Brush, polygon, spots};
use crate::scene::chance::Chance;
use crate::scene::flora::{self, Tree};
use crate::scene::ink::{BLACK, Ink, WHITE, ink};
use crate::scene::land;
use crate::scene::num::{count, index, mix};
use crate::scene::plate::Area;
use crate::scene::sky;
use crate::scene::water::Water;
use crate::stage::{Layer, Setting, Stage};
use crate::storyboard::{Family, Look, Move, Place, Weather};

const WALLS: [Ink; 6] =
    [ink(0x9A6A54), ink(0xB59A7A), ink(0x7F7468), ink(0x8A5048), ink(0xA8A294), ink(0x6E7480)];
const SIGNS: [Ink; 5] = [ink(0xFF4A8A), ink(0x40D8F0), ink(0xFFB03A), ink(0x9A6AFF), ink(0x4AF0A0)];

/// Whether the town glows: neon by the look or by the words.
fn is_neon(setting: &Setting) -> bool {
    let caption = setting.shot.caption.to_lowercase();
    matches!(setting.shot.look, Look::Cyberpunk | Look::Neon)
        || (setting.light.lamps > 0.8
            && ["neon", "tokyo", "futuristic", "cyber", "times square"]
                .iter()
                .any(|word| caption.contains(word)))
}

/// A house front: left, top, width, foot.
struct Front {
    area: [f32; 4],
    depth: f32,
    /// Width of a window.
    pitch: f32,
}

fn facade(brush: &mut Brush<'_>, setting: &Setting, front: &Front, wall: Ink, chance: &mut Chance) {
    let light = &setting.light;
    let [left, top, wide, foot] = front.area;
    let tall = foot - top;
    let (lit, shade) = (light.lit(wall, front.depth), light.shade(wall, front.depth));
    brush.rect_shaded([left, top, wide, tall], lit, shade);
    let side = light.sun.0.signum();
    let edge = wide * 0.07;
    brush.rect(
        if side > 0.0 { left } else { left + wide - edge },
        top,
        edge,
        tall,
        shade.darker(0.18).alpha(0.6),
    );
    brush.rect(
        left - wide * 0.015,
        top - front.pitch * 0.12,
        wide * 1.03,
        front.pitch * 0.22,
        shade.darker(0.15),
    );
    let glass = light.own(light.sky_mid).mix(light.shade(ink(0x2A3440), front.depth), 0.55);
    let across = count(wide / front.pitch).max(1);
    let step = wide / index(across);
    let rows = count((tall - front.pitch * 1.6) / (front.pitch * 1.35));
    for row in 0..rows {
        for column in 0..across {
            let (x, y) = (
                left + step * (index(column) + 0.22),
                top + front.pitch * (0.45 + 1.35 * index(row)),
            );
            let on = chance.odds(light.lamps * 0.48);
            let pane =
                if on {
                    light
                        .own(chance.pick(
                            &[ink(0xFFD98A), ink(0xFFC46A), ink(0xFFE9C0), ink(0xA8D8FF)],
                            WHITE,
                        ))
                        .darker(chance.range(0.0, 0.35))
                } else {
                    glass.darker(chance.range(0.0, 0.2))
                };
            brush.rect(
                x - step * 0.03,
                y - step * 0.03,
                step * 0.62,
                front.pitch * 0.86,
                shade.darker(0.25),
            );
            brush.rect(x, y, step * 0.56, front.pitch * 0.8, pane);
            if front.pitch > 0.03 {
                brush.rect(x + step * 0.26, y, step * 0.03, front.pitch * 0.8, shade.darker(0.3));
            }
        }
    }
}

/// A shop at the foot of a front: window, awning, sign.
fn shop(brush: &mut Brush<'_>, setting: &Setting, front: &Front, chance: &mut Chance) {
    let light = &setting.light;
    let [left, _, wide, foot] = front.area;
    let tall = front.pitch * 1.5;
    let warm = light.lamps > 0.3;
    let inside = if warm {
        light.own(ink(0xFFD898))
    } else {
        light.own(light.sky_low).mix(light.shade(ink(0x3A4248), front.depth), 0.6)
    };
    brush.rect(
        left + wide * 0.05,
        foot - tall,
        wide * 0.9,
        tall,
        light.shade(ink(0x3A302A), front.depth),
    );
    brush.rect_shaded(
        [left + wide * 0.09, foot - tall * 0.88, wide * 0.5, tall * 0.68],
        inside,
        inside.darker(0.35),
    );
    brush.rect_shaded(
        [left + wide * 0.68, foot - tall * 0.88, wide * 0.2, tall * 0.88],
        inside.darker(0.2),
        inside.darker(0.5),
    );
    for at in 0..4 {
        let x = left + wide * (0.14 + 0.11 * index(at));
        brush.rect(
            x,
            foot - tall * (0.34 + 0.1 * index(at % 2)),
            wide * 0.06,
            tall * (0.14 + 0.1 * index(at % 2)),
            light.shade(ink(0x4A3A34), front.depth),
        );
    }
    let cloth = light.lit(
        chance.pick(&[ink(0xA8443A), ink(0x3F6A5A), ink(0x3A5478), ink(0xC0944A)], WHITE),
        front.depth,
    );
    let (y, drop) = (foot - tall * 1.02, tall * 0.24);
    for at in 0..8 {
        let x = left + wide * (0.03 + 0.1175 * index(at));
        let tone = if at % 2 == 0 { cloth } else { light.lit(ink(0xE8E0D0), front.depth) };
        brush.polygon(
            &[
                (x + wide * 0.01, y),
                (x + wide * 0.118, y),
                (x + wide * 0.12, y + drop),
                (x, y + drop),
            ],
            tone,
        );
    }
    if warm {
        brush.light().glow(
            left + wide * 0.4,
            foot - tall * 0.4,
            wide * 0.8,
            tall * 1.1,
            light.own(ink(0xFFC070)).alpha(0.3 * light.lamps),
        );
    }
}

/// An upright neon sign with its glow.
fn neon(
    brush: &mut Brush<'_>,
    setting: &Setting,
    (x, y): (f32, f32),
    tall: f32,
    chance: &mut Chance,
) {
    let tone = setting.light.own(chance.pick(&SIGNS, WHITE));
    let wide = tall * 0.3;
    brush.light().glow(x + wide / 2.0, y + tall / 2.0, tall * 1.1, tall * 1.1, tone.alpha(0.42));
    brush.round([x, y, wide, tall], wide * 0.14, BLACK.alpha(0.72));
    if let Some(frame) = crate::scene::brush::rounded([x, y, wide, tall], wide * 0.14) {
        brush.stroke(&frame, wide * 0.09, tone);
    }
    let marks = 3 + count(chance.unit() * 2.0);
    for at in 0..marks {
        let middle = y + tall * (index(at) + 0.5) / index(marks);
        let size = tall / index(marks) * 0.3;
        let (left, right) = (x + wide * 0.24, x + wide * 0.76);
        brush.line(
            &[(left, middle - size), (right, middle - size)],
            wide * 0.09,
            tone.lighter(0.45),
        );
        brush.line(
            &[
                (f32::midpoint(left, right), middle - size),
                (if at % 2 == 0 { left } else { right }, middle + size),
            ],
            wide * 0.09,
            tone.lighter(0.45),
        );
        brush.line(
            &[(left, middle + size * 0.2), (right, middle + size * 0.2)],
            wide * 0.08,
            tone.lighter(0.45),
        );
    }
}

/// Towers far away, as one silhouette with lit windows.
fn towers(
    brush: &mut Brush<'_>,
    setting: &Setting,
    area: Area,
    depth: f32,
    foot: f32,
    tall: f32,
    salt: u64,
) {
    let mut chance = setting.chance(salt);
    let light = &setting.light;
    let tone = light.shade(ink(0x5A6472), depth);
    let lit = light.lit(ink(0x6A7480), depth);
    let mut x = area[0];
    while x < area[2] {
        let wide = tall * chance.range(0.16, 0.34);
        let high = tall * chance.range(0.35, 1.0);
        let top = foot - high;
        if let Some(path) = polygon(&[(x, top), (x + wide, top), (x + wide, foot), (x, foot)]) {
            let side = light.sun.0.signum();
            let (from, to) = if side > 0.0 { (tone, lit) } else { (lit, tone) };
            brush.shade(&path, ((x, 0.0), from), ((x + wide, 0.0), to));
        }
        if chance.odds(0.4) {
            brush.rect(x + wide * 0.3, top - high * 0.07, wide * 0.4, high * 0.08, tone);
        }
        if chance.odds(0.3) {
            brush.line(
                &[(x + wide * 0.5, top), (x + wide * 0.5, top - high * 0.22)],
                wide * 0.04,
                tone,
            );
        }
        let pitch = tall * 0.028;
        for row in 0..count(high / pitch) {
            for column in 0..count(wide / pitch) {
                if chance.odds(0.06 + 0.3 * light.lamps) {
                    let pane = if light.lamps > 0.4 {
                        light.own(ink(0xFFD690)).alpha(chance.range(0.3, 0.95))
                    } else {
                        light.own(light.sky_low).alpha(0.3)
                    };
                    brush.rect(
                        x + pitch * (0.3 + index(column)),
                        top + pitch * (0.4 + index(row)),
                        pitch * 0.5,
                        pitch * 0.5,
                        pane,
                    );
                }
            }
        }
        x += wide * chance.range(0.85, 1.25);
    }
    let mist = light.own(light.haze.mix(light.sky_low, 0.4));
    brush.rect_shaded(
        [area[0], foot - tall * 0.5, area[2] - area[0], tall * 0.5 + 0.02],
        mist.alpha(0.0),
        mist.alpha(0.55),
    );
}

pub(super) fn street(stage: &mut Stage) {
    if is_neon(&stage.setting) {
        glow_of_signs(&mut stage.setting);
    }
    sky::build(stage);
    let base = stage.setting.horizon + 0.01;
    for (depth, tall, salt) in [(24.0, 0.42, 601), (14.0, 0.36, 602)] {
        stage.upright(depth, (-9.0, base + 0.02), |brush, setting, area| {
            towers(brush, setting, area, depth * 0.5, base, tall, salt);
        });
    }
    let tracking = stage.setting.shot.camera == Move::Track
        || stage.setting.shot.cast.iter().any(|role| role.figure.family() == Family::Vehicle);
    if tracking {
        stage.upright(2.7, (-9.0, 9.0), |brush, setting, area| {
            row_of_houses(brush, setting, area, 2.7);
        });
    } else {
        for depth in [8.0, 5.0, 3.3, 2.2] {
            stage.upright(depth, (-9.0, 9.0), |brush, setting, area| {
                canyon(brush, setting, area, depth);
            });
        }
    }
    stage.ground(|brush, setting, area| pavement(brush, setting, area, tracking));
    wet(stage);
    stage.upright(1.75, (-9.0, 9.0), |brush, setting, area| furniture(brush, setting, area, 1.75));
    if !tracking {
        stage.upright(0.6, (-0.9, 0.8), near_post);
    }
}

/// A town of signs lights its own sky and everybody in it.
fn glow_of_signs(setting: &mut Setting) {
    let light = &mut setting.light;
    light.ambient = light.ambient.mix(ink(0x6A5C9C), 0.6);
    light.key = ink(0xFF8AC8);
    light.haze = ink(0x4A3470);
    (light.sky_mid, light.sky_low) = (ink(0x1E1840), ink(0x6A3A78));
    light.lamps = 1.0;
}

/// Houses side by side across the street.
fn row_of_houses(brush: &mut Brush<'_>, setting: &Setting, area: Area, depth: f32) {
    let mut chance = setting.chance(603);
    let foot = setting.foot(depth) + 0.006;
    let metre = setting.metre_at(depth).max(0.05);
    let glow = is_neon(setting);
    let mut x = area[0] - 0.1;
    while x < area[2] {
        let wide = metre * chance.range(6.0, 9.5);
        let tall = metre * chance.range(8.0, 17.0);
        let wall = chance.pick(&WALLS, WHITE).darker(if glow { 0.35 } else { 0.0 });
        let front = Front { area: [x, foot - tall, wide, foot], depth: 2.2, pitch: metre * 1.35 };
        facade(brush, setting, &front, wall, &mut chance);
        shop(brush, setting, &front, &mut chance);
        if glow {
            for _ in 0..2 {
                let spot =
                    (x + wide * chance.range(0.05, 0.8), foot - tall * chance.range(0.35, 0.75));
                neon(brush, setting, spot, metre * chance.range(1.6, 3.2), &mut chance);
            }
        }
        x += wide + if chance.odds(0.12) { metre * 2.0 } else { 0.0 };
    }
}

/// The two sides of a street that leads away, cut off at one depth.
fn canyon(brush: &mut Brush<'_>, setting: &Setting, area: Area, depth: f32) {
    let mut chance = setting.chance(604 + u64::from(depth.to_bits() >> 18));
    let foot = setting.foot(depth) + 0.004;
    let metre = setting.metre.clamp(0.16, 0.34) / depth;
    let glow = is_neon(setting);
    let open = (setting.aspect * 0.36).clamp(0.2, 0.62) / depth.powf(0.55);
    for side in [-1.0_f32, 1.0] {
        let mut x = open;
        for _ in 0..4 {
            let (wide, tall) = (metre * chance.range(6.0, 9.0), metre * chance.range(14.0, 26.0));
            let left = if side > 0.0 { x } else { -x - wide };
            if left < area[2] && left + wide > area[0] {
                let wall = chance.pick(&WALLS, WHITE).darker(if glow { 0.4 } else { 0.05 });
                let front = Front {
                    area: [left, foot - tall, wide, foot],
                    depth: depth * 0.8,
                    pitch: metre * 1.8,
                };
                facade(brush, setting, &front, wall, &mut chance);
                shop(brush, setting, &front, &mut chance);
                if glow || (setting.light.lamps > 0.8 && chance.odds(0.4)) {
                    for at in 0..2 {
                        let spot = (
                            if side > 0.0 { left - metre * 0.5 } else { left + wide - metre * 0.4 },
                            foot - metre * (4.0 + 4.2 * index(at)) - metre * chance.unit(),
                        );
                        neon(brush, setting, spot, metre * chance.range(2.0, 3.4), &mut chance);
                    }
                }
            }
            x += wide;
        }
    }
    let mist = setting.light.own(setting.light.haze.mix(setting.light.sky_low, 0.3));
    brush.rect_shaded(
        [area[0], foot - 0.14, area[2] - area[0], 0.16],
        mist.alpha(0.0),
        mist.alpha(0.35),
    );
}

fn pavement(brush: &mut Brush<'_>, setting: &Setting, area: Area, tracking: bool) {
    let light = &setting.light;
    let wet = is_wet(setting);
    let stone = if wet { ink(0x565A62) } else { ink(0x8E8A84) };
    let tar = if wet { ink(0x34373E) } else { ink(0x5C5C60) };
    land::floor(brush, setting, area, stone, 0.3);
    let [left, top, right, bottom] = area;
    if tracking {
        let (far, near) = (setting.foot(1.9), setting.foot(0.7));
        brush.rect_shaded(
            [left, far, right - left, near - far],
            light.lit(tar, 1.8),
            light.lit(tar, 1.0).darker(0.2),
        );
        brush.rect(left, far - 0.006, right - left, 0.008, light.lit(ink(0xB0ACA4), 1.4));
        let (line, mut x) = (setting.foot(1.18), left);
        while x < right {
            brush.rect(x, line, 0.14, 0.007, light.lit(ink(0xE0D8C0), 1.2).alpha(0.7));
            x += 0.3;
        }
        return;
    }
    let reach = (bottom - setting.horizon) / setting.drop.max(0.05);
    let half = 0.34 * setting.aspect.max(0.7) * reach;
    land::lane(
        brush,
        setting,
        area,
        ((-half, half), (-0.004, 0.004)),
        (light.lit(tar, 6.0), light.lit(tar, 1.0).darker(0.15)),
    );
    for side in [-1.0_f32, 1.0] {
        brush.polygon(
            &[
                (side * 0.004, top),
                (side * 0.005, top),
                (side * half * 1.04, bottom),
                (side * half, bottom),
            ],
            light.lit(ink(0xB8B2A6), 1.4),
        );
    }
    for at in 0..14 {
        let depth = 0.6 * 1.38_f32.powi(at);
        let (from, to) = (setting.foot(depth), setting.foot(depth * 1.15));
        let wide = |y: f32| (y - setting.horizon) * 0.03;
        brush.polygon(
            &[(-wide(to), to), (wide(to), to), (wide(from), from), (-wide(from), from)],
            light.lit(ink(0xE6DCC0), 1.2).alpha(0.75),
        );
    }
    for at in 0..22 {
        let y = setting.foot(0.5 * 1.25_f32.powi(at));
        brush.rect(
            left,
            y,
            right - left,
            (y - setting.horizon) * 0.008,
            light.shade(stone, 1.2).alpha(0.25),
        );
    }
}

fn is_wet(setting: &Setting) -> bool {
    let caption = setting.shot.caption.to_lowercase();
    matches!(setting.shot.weather, Weather::Rain | Weather::Storm)
        || is_neon(setting)
        || ["wet", "damp", "puddle", "reflecti", "slick"].iter().any(|word| caption.contains(word))
}

/// A film of water on the ground.
pub(super) fn wet(stage: &mut Stage) {
    if !is_wet(&stage.setting) {
        return;
    }
    let tint = stage.setting.light.own(stage.setting.light.sky_mid).darker(0.3);
    let depth = if stage.setting.shot.camera == Move::Track { 2.7 } else { 5.0 };
    let mut film = Water::open(stage.setting.foot(depth) + 0.004, tint, tint, 0.004);
    (film.film, film.depth) = (true, depth);
    stage.behind.push(Layer::Water(film));
}

/// Lamps, trees, benches along the kerb.
fn furniture(brush: &mut Brush<'_>, setting: &Setting, area: Area, depth: f32) {
    let mut chance = setting.chance(605);
    let light = &setting.light;
    let (foot, metre) = (setting.foot(depth), setting.metre_at(depth).clamp(0.05, 0.2));
    let iron = light.shade(ink(0x2C2E34), depth);
    let pitch = (7.5 * metre).max(0.4);
    let mut x = (area[0] / pitch).floor() * pitch + pitch * 0.5;
    let mut rank = 0;
    while x < area[2] {
        let tall = 3.9 * metre;
        brush.line(&[(x, foot), (x, foot - tall)], metre * 0.12, iron);
        brush.line(
            &[(x, foot - tall), (x + metre * 0.7, foot - tall - metre * 0.1)],
            metre * 0.09,
            iron,
        );
        brush.round(
            [x + metre * 0.5, foot - tall - metre * 0.06, metre * 0.5, metre * 0.16],
            metre * 0.05,
            iron,
        );
        if light.lamps > 0.2 {
            let warm = light.own(ink(0xFFDCA0));
            let (lx, ly) = (x + metre * 0.75, foot - tall + metre * 0.12);
            brush.light().glow(lx, ly, metre * 2.4, metre * 2.0, warm.alpha(0.42 * light.lamps));
            brush.light().glow(lx, foot, metre * 2.6, metre * 0.5, warm.alpha(0.24 * light.lamps));
            brush.oval(lx, ly, metre * 0.2, metre * 0.07, warm.lighter(0.5));
        }
        if rank % 2 == 1 && !is_neon(setting) {
            let tones = leafage(setting, ink(0x5E7F48), depth);
            flora::tree(
                brush,
                Tree::Broadleaf,
                (x + pitch * 0.5, foot),
                4.4 * metre,
                tones,
                &mut chance,
            );
        }
        rank += 1;
        x += pitch;
    }
}

fn near_post(brush: &mut Brush<'_>, setting: &Setting, area: Area) {
    let dark = setting.light.shade(ink(0x1C1D22), 1.0).darker(0.3);
    let x = -setting.light.sun.0.signum() * setting.aspect * 0.46;
    brush.rect(x - 0.02, area[1], 0.034, area[3] - area[1], dark);
    brush.rect(x - 0.05, -0.22, 0.1, 0.07, dark);
}

pub(super) fn skyline(stage: &mut Stage) {
    if !matches!(stage.setting.shot.angle, crate::storyboard::Angle::Low) {
        stage.setting.horizon += 0.05;
    }
    sky::build(stage);
    let base = stage.setting.horizon + 0.06;
    for (depth, tall, salt, low) in [
        (34.0, 0.3, 611, 0.0),
        (20.0, 0.42, 612, 0.03),
        (11.0, 0.54, 613, 0.09),
        (6.5, 0.5, 614, 0.2),
    ] {
        stage.upright(depth, (-9.0, 9.0), |brush, setting, area| {
            towers(brush, setting, area, depth * 0.45, base + low, tall, salt);
            if is_neon(setting) && depth < 12.0 {
                let mut chance = setting.chance(salt + 20);
                for _ in 0..5 {
                    let spot = (chance.range(area[0], area[2]), base - chance.range(0.0, 0.25));
                    neon(brush, setting, spot, chance.range(0.04, 0.08), &mut chance);
                }
            }
        });
    }
    if !stage.setting.shot.cast.is_empty()
        && !stage.setting.shot.cast.iter().any(|role| role.figure.flies())
    {
        stage.ground(|brush, setting, area| {
            land::floor(brush, setting, area, ink(0x6A6A70), 0.4);
            let [left, top, right, _] = area;
            brush.rect(left, top, right - left, 0.01, setting.light.lit(ink(0x8A8A90), 1.2));
        });
        stage.upright(2.0, (-9.0, 9.0), |brush, setting, area| {
            let foot = setting.foot(2.0);
            let (lit, shade) =
                (setting.light.lit(ink(0x84807C), 1.6), setting.light.shade(ink(0x84807C), 1.6));
            brush.rect_shaded([area[0], foot - 0.075, area[2] - area[0], 0.08], lit, shade);
            brush.rect(area[0], foot - 0.085, area[2] - area[0], 0.014, lit.lighter(0.1));
        });
        wet(stage);
    } else {
        stage.upright(3.5, (-9.0, 9.0), |brush, setting, area| {
            towers(brush, setting, area, 2.4, 0.6, 0.36, 615);
        });
    }
}

pub(super) fn village(stage: &mut Stage) {
    sky::build(stage);
    let castle = stage.setting.shot.place == Place::Castle;
    far_range(stage, 0.24, 0.4, 34.0, ink(0x7D8494));
    rolling(stage, 13.0, 0.13, ink(0x5F7F4A), 621);
    if castle {
        let base = stage.setting.horizon - 0.01;
        stage.upright(9.0, (-9.0, base + 0.12), |brush, setting, area| {
            land::hills(brush, setting, area, base + 0.06, 0.05, ink(0x5A7448), 6.0, 622);
            fortress(
                brush,
                setting,
                (setting.light.sun.0.signum() * -setting.aspect * 0.16, base + 0.02),
                0.6,
            );
        });
    }
    rolling(stage, 7.0, 0.06, ink(0x7A9450), 623);
    for depth in [6.0, 3.6] {
        stage.upright(depth, (-9.0, 9.0), |brush, setting, area| {
            if !castle {
                cottages(brush, setting, area, depth);
            }
            trees(
                brush,
                setting,
                area,
                Tree::Broadleaf,
                ink(0x5E7F3E),
                depth,
                (6.0, 0.4),
                0.12 * setting.aspect,
            );
        });
    }
    stage.ground(|brush, setting, area| {
        land::floor(brush, setting, area, ink(0x84964E), 1.2);
        let light = &setting.light;
        land::lane(
            brush,
            setting,
            area,
            ((-0.5, 0.46), (-0.012, 0.012)),
            (light.lit(ink(0xC0AA84), 5.0), light.lit(ink(0x9C8766), 1.0).darker(0.1)),
        );
        land::stones(brush, setting, area, ink(0x8A8478), 30, 624);
    });
    wet(stage);
}

fn cottages(brush: &mut Brush<'_>, setting: &Setting, area: Area, depth: f32) {
    let mut chance = setting.chance(625 + u64::from(depth.to_bits() >> 18));
    let light = &setting.light;
    let (foot, metre) = (setting.foot(depth) + 0.004, setting.metre_at(depth).clamp(0.03, 0.09));
    let mut x = area[0];
    while x < area[2] {
        let (wide, tall) = (metre * chance.range(5.0, 7.5), metre * chance.range(2.6, 3.4));
        if (x + wide / 2.0).abs() > 0.09 * setting.aspect {
            let wall =
                chance.pick(&[ink(0xDCCDB0), ink(0xC8B090), ink(0xB8A48C), ink(0xD2C4B4)], WHITE);
            let roof =
                chance.pick(&[ink(0x9A5440), ink(0x7A5A44), ink(0x6A6470), ink(0xA86A48)], WHITE);
            brush.rect_shaded(
                [x, foot - tall, wide, tall],
                light.lit(wall, depth),
                light.shade(wall, depth),
            );
            let peak = tall * chance.range(0.7, 1.0);
            brush.rect(
                x + wide * 0.68,
                foot - tall - peak * 0.95,
                wide * 0.09,
                peak * 0.7,
                light.shade(ink(0x7A6A60), depth),
            );
            brush.polygon_shaded(
                &[
                    (x - wide * 0.07, foot - tall),
                    (x + wide * 0.18, foot - tall - peak),
                    (x + wide * 0.82, foot - tall - peak),
                    (x + wide * 1.07, foot - tall),
                ],
                light.lit(roof, depth),
                light.shade(roof, depth),
            );
            let pane = if light.lamps > 0.4 {
                light.own(ink(0xFFD284))
            } else {
                light.shade(ink(0x4A5A68), depth)
            };
            for at in 0..3 {
                let wx = x + wide * (0.12 + 0.3 * index(at));
                if at == 1 {
                    brush.rect(
                        wx,
                        foot - tall * 0.62,
                        wide * 0.14,
                        tall * 0.62,
                        light.shade(ink(0x5A4030), depth),
                    );
                } else {
                    brush.rect(wx, foot - tall * 0.7, wide * 0.15, tall * 0.34, pane);
                    brush.rect(
                        wx + wide * 0.068,
                        foot - tall * 0.7,
                        wide * 0.014,
                        tall * 0.34,
                        light.shade(wall, depth),
                    );
                }
            }
            if light.lamps > 0.4 {
                brush.light().glow(
                    x + wide * 0.2,
                    foot - tall * 0.5,
                    wide * 0.5,
                    tall,
                    light.own(ink(0xFFC070)).alpha(0.3),
                );
            }
        }
        x += wide * chance.range(1.15, 1.9);
    }
}

/// A castle on its hill.
fn fortress(brush: &mut Brush<'_>, setting: &Setting, (x, y): (f32, f32), size: f32) {
    let light = &setting.light;
    let stone = ink(0x8E8A92);
    let (lit, shade) = (light.lit(stone, 4.0), light.shade(stone, 4.0));
    let roof = light.half(ink(0x4A5878), 4.0);
    let pane = if light.lamps > 0.3 { light.own(ink(0xFFCE7A)) } else { shade.darker(0.4) };
    let mut brush = brush.at(x, y, size);
    let side = light.sun.0.signum();
    brush.blob(
        &spots([-0.75, 0.3, -0.5, 0.02, -0.3, -0.03, 0.3, -0.03, 0.55, 0.04, 0.8, 0.3]),
        light.shade(ink(0x4E5E48), 5.0),
    );
    for (left, top, wide, pointed) in [
        (-0.5, -0.42, 0.14, true),
        (0.38, -0.46, 0.14, true),
        (-0.3, -0.3, 0.6, false),
        (-0.2, -0.62, 0.16, true),
        (0.06, -0.74, 0.17, true),
        (-0.06, -0.5, 0.14, false),
        (0.24, -0.36, 0.12, false),
    ] {
        if let Some(path) =
            polygon(&[(left, top), (left + wide, top), (left + wide, 0.06), (left, 0.06)])
        {
            let (from, to) = if side > 0.0 { (shade, lit) } else { (lit, shade) };
            brush.shade(&path, ((left, 0.0), from), ((left + wide, 0.0), to));
        }
        if pointed {
            brush.polygon(
                &[(left - 0.025, top), (left + wide / 2.0, top - 0.26), (left + wide + 0.025, top)],
                roof,
            );
            brush.line(
                &[(left + wide / 2.0, top - 0.25), (left + wide / 2.0, top - 0.33)],
                0.008,
                roof.darker(0.3),
            );
            brush.polygon(
                &[
                    (left + wide / 2.0, top - 0.33),
                    (left + wide / 2.0 + 0.07, top - 0.31),
                    (left + wide / 2.0, top - 0.285),
                ],
                light.half(ink(0xB83A34), 3.0),
            );
        } else {
            for at in 0..count(wide / 0.05) {
                brush.rect(left + 0.05 * index(at) + 0.006, top - 0.03, 0.028, 0.035, lit);
            }
        }
        for at in 0..3 {
            brush.round(
                [left + wide * 0.4, top + 0.06 + 0.13 * index(at), wide.min(0.16) * 0.2, 0.05],
                0.012,
                pane,
            );
        }
    }
    brush.round([-0.06, -0.1, 0.12, 0.17], 0.06, shade.darker(0.5));
}

pub(super) fn stadium(stage: &mut Stage) {
    sky::build(stage);
    let base = stage.setting.horizon + 0.03;
    stage.upright(7.0, (-9.0, 9.0), |brush, setting, area| stands(brush, setting, area, base));
    stage.ground(|brush, setting, area| {
        land::floor(brush, setting, area, ink(0x4F8A44), 0.6);
        let [left, top, right, bottom] = area;
        for at in 0..12 {
            let (from, to) = (0.55 * 1.3_f32.powi(at), 0.55 * 1.3_f32.powi(at + 1));
            if at % 2 == 0 {
                brush.rect(
                    left,
                    setting.foot(to),
                    right - left,
                    setting.foot(from) - setting.foot(to),
                    setting.light.lit(WHITE, 1.5).alpha(0.09),
                );
            }
        }
        let paint = setting.light.lit(WHITE, 1.4).alpha(0.8);
        for depth in [5.0, 1.3] {
            brush.rect(left, setting.foot(depth), right - left, 0.012 / depth, paint);
        }
        let reach = (bottom - setting.horizon) / setting.drop.max(0.05);
        brush.polygon(
            &[(0.1, top), (0.102, top), (0.5 * reach + 0.03, bottom), (0.5 * reach, bottom)],
            paint,
        );
    });
}

fn stands(brush: &mut Brush<'_>, setting: &Setting, area: Area, base: f32) {
    let light = &setting.light;
    let mut chance = setting.chance(631);
    let [left, _, right, _] = area;
    let rim = |x: f32| base - 0.3 - 0.1 * (x / setting.aspect * 1.6).powi(2);
    let shape: Vec<(f32, f32)> = (0..=60)
        .map(|at| left + (right - left) * index(at) / 60.0)
        .map(|x| (x, rim(x)))
        .chain([(right, base), (left, base)])
        .collect();
    brush.polygon_shaded(&shape, light.shade(ink(0x4A4E5A), 4.0), light.lit(ink(0x6A6E78), 4.0));
    if setting.allows(Family::Human) {
        let crowd = [
            ink(0xC84A44),
            ink(0xE8E2D6),
            ink(0x3A64A8),
            ink(0xE0B040),
            ink(0x2C2E36),
            ink(0xC89878),
        ];
        for row in 0..15 {
            for _ in 0..count((right - left) * 90.0) {
                let x = chance.range(left, right);
                let y = mix(base - 0.02, rim(x) + 0.045, index(row) / 15.0);
                brush.circle(x, y, 0.0042, light.half(chance.pick(&crowd, WHITE), 4.0));
            }
        }
    }
    let roof: Vec<(f32, f32)> = (0..=60)
        .map(|at| left + (right - left) * index(at) / 60.0)
        .map(|x| (x, rim(x) + 0.02))
        .collect();
    brush.curve(&roof, 0.022, light.lit(ink(0xB8BCC4), 3.0));
    brush.rect(left, base - 0.022, right - left, 0.026, light.half(ink(0x2A5AA8), 3.0));
    for side in [-1.0_f32, 1.0] {
        let x = side * setting.aspect * 0.36;
        let top = rim(x) - 0.12;
        brush.line(&[(x, rim(x)), (x, top)], 0.008, light.shade(ink(0x5A5E68), 3.0));
        brush.round([x - 0.05, top - 0.03, 0.1, 0.05], 0.006, light.shade(ink(0x3A3E48), 3.0));
        for at in 0..8 {
            brush.circle(
                x - 0.036 + 0.024 * index(at % 4),
                top - 0.017 + 0.02 * index(at / 4),
                0.008,
                light.own(ink(0xFFFBE8)),
            );
        }
        brush.light().glow(
            x,
            top,
            0.34,
            0.3,
            light.own(ink(0xFFF6D8)).alpha(0.25 + 0.45 * light.lamps),
        );
    }
}
