//! Skies: gradient, sun or moon, stars and clouds.

use super::brush::{Brush, Spot};
use super::chance::Chance;
use super::ink::{Ink, WHITE, ink};
use super::num::{count, index};
use super::plate::Area;
use crate::stage::{Setting, Stage};
use crate::storyboard::{Hour, Weather};

/// Builds the sky and its clouds.
pub(crate) fn build(stage: &mut Stage) {
    stage.sky(paint);
    let light = &stage.setting.light;
    if light.clouds > 0.2 && stage.setting.shot.weather != Weather::Fog {
        let horizon = stage.setting.horizon;
        stage.drifting(60.0, (-9.0, horizon + 0.02), 0.5, |brush, setting, area| {
            clouds(brush, setting, area);
        });
    }
}

/// The sky itself.
pub(crate) fn paint(brush: &mut Brush<'_>, setting: &Setting, area: Area) {
    let light = &setting.light;
    let own = |colour: Ink| light.own(colour);
    let [left, top, right, bottom] = area;
    let horizon = setting.horizon;
    let middle = horizon - 0.3;
    let wide = right - left;
    let high = (middle - top).max(0.01);
    brush.rect_shaded([left, top, wide, high + 0.002], own(light.sky_top), own(light.sky_mid));
    brush.rect_shaded([left, middle, wide, 0.3], own(light.sky_mid), own(light.sky_low));
    brush.rect(left, horizon - 0.002, wide, (bottom - horizon).max(0.01), own(light.sky_low));
    stars(brush, setting, area);
    let (x, y) = sun(setting);
    let key = own(light.key);
    if light.disc {
        brush.glow(x, y, 0.75, 0.5, key.alpha(0.5));
        brush.glow(x, y, 0.2, 0.2, key.lighter(0.3).alpha(0.7));
        let disc = if light.moon { own(ink(0xF4F4EA)) } else { key.lighter(0.72) };
        brush.circle(x, y, if light.moon { 0.044 } else { 0.036 }, disc);
    } else if light.moon && light.stars > 0.2 {
        moon(brush, setting, (x, y));
    } else {
        brush.glow(x, y, 0.9, 0.6, key.alpha(0.3));
    }
    brush.glow(
        f32::midpoint(left, right),
        horizon,
        wide * 0.7,
        0.22,
        own(light.sky_low).lighter(0.12).alpha(0.4),
    );
    if setting.shot.hour == Hour::Night && setting.shot.caption.to_lowercase().contains("aurora") {
        aurora(brush, setting, area);
    }
}

/// Where sun or moon stands.
pub(crate) fn sun(setting: &Setting) -> Spot {
    (setting.light.sun.0, setting.horizon + setting.light.sun.1)
}

fn moon(brush: &mut Brush<'_>, setting: &Setting, (x, y): Spot) {
    let pale = setting.light.own(ink(0xEDF1F6));
    brush.glow(x, y, 0.42, 0.42, setting.light.own(setting.light.key).alpha(0.4));
    brush.glow(x, y, 0.12, 0.12, pale.alpha(0.5));
    brush.circle(x, y, 0.036, pale);
    for (dx, dy, size) in [(-0.012, -0.008, 0.009), (0.01, 0.006, 0.007), (-0.002, 0.015, 0.006)] {
        brush.circle(x + dx, y + dy, size, pale.darker(0.1));
    }
}

fn stars(brush: &mut Brush<'_>, setting: &Setting, area: Area) {
    let many = setting.light.stars;
    if many <= 0.02 {
        return;
    }
    let mut chance = setting.chance(11);
    let [left, top, right, _] = area;
    let bottom = setting.horizon - 0.02;
    for _ in 0..count(260.0 * many * (right - left)) {
        let (x, y) = (chance.range(left, right), chance.range(top, bottom));
        let bright = chance.unit();
        let alpha = (0.2 + 0.8 * bright * bright)
            * many.min(1.0)
            * (1.0 - (y - top) / (bottom - top) * 0.5);
        brush.circle(x, y, 0.0006 + 0.0013 * bright.powi(6), setting.light.own(WHITE).alpha(alpha));
    }
}

fn aurora(brush: &mut Brush<'_>, setting: &Setting, area: Area) {
    let [left, _, right, _] = area;
    for band in 0..3_u8 {
        let base = -0.18 - f32::from(band) * 0.08;
        for at in 0..90 {
            let x = left + (right - left) * index(at) / 90.0;
            let bend = super::chance::rough(setting.seed + 77 + u64::from(band), x * 1.8, 3);
            let tall = 0.12 + 0.1 * super::chance::noise(setting.seed + 91, x * 5.0).abs();
            let y = base + bend * 0.1;
            let strip = [x, y - tall, (right - left) / 70.0, tall];
            let green = setting.light.own(ink(if band == 2 { 0xA060E0 } else { 0x50E8A0 }));
            brush.light().rect_shaded(strip, green.alpha(0.0), green.alpha(0.2));
        }
    }
}

fn clouds(brush: &mut Brush<'_>, setting: &Setting, area: Area) {
    let light = &setting.light;
    let mut chance = setting.chance(12);
    let [left, top, right, _] = area;
    let base = setting.horizon;
    let lit = light.own(light.key.mix(WHITE, 0.35).times(light.sky_low.lighter(0.5)));
    let lit = lit.mix(light.own(light.sky_mid), light.darkness() * 0.75);
    let shade = light.own(light.sky_mid.mix(light.ambient, 0.45).mix(light.haze, 0.3));
    if light.clouds > 0.85 {
        overcast(brush, &mut chance, area, base, lit.mix(shade, 0.5), shade);
    }
    for _ in 0..=count(5.0 * light.clouds * (right - left) / 1.4) {
        let height = chance.unit();
        let y = base - 0.1 - height * (base - top - 0.16).max(0.1);
        let wide = 0.1 + 0.26 * height * chance.range(0.6, 1.2);
        let x = chance.range(left, right);
        cloud(brush, &mut chance, (x, y), wide, (lit, shade));
    }
    // Thin layers near the horizon give the sky its distance.
    for _ in 0..7 {
        let (x, y) = (chance.range(left, right), base - chance.range(0.015, 0.13));
        brush.oval(x, y, chance.range(0.1, 0.32), chance.range(0.002, 0.006), lit.alpha(0.35));
    }
}

fn overcast(
    brush: &mut Brush<'_>,
    chance: &mut Chance,
    area: Area,
    base: f32,
    lit: Ink,
    shade: Ink,
) {
    let [left, top, right, _] = area;
    for rank in 0..46 {
        let share = index(rank) / 46.0;
        let y = top + (base - top) * share * 0.92;
        let size = 0.24 - 0.17 * share;
        let x = chance.range(left, right);
        let tone = lit.mix(shade, chance.unit());
        brush.glow(x, y, size * 1.9, size * 0.5, tone.alpha(0.6));
    }
}

/// One cloud: puffs over a flat base, bright where the light comes from.
pub(crate) fn cloud(
    brush: &mut Brush<'_>,
    chance: &mut Chance,
    (x, y): Spot,
    wide: f32,
    (lit, shade): (Ink, Ink),
) {
    let puffs: Vec<(f32, f32, f32)> = (0..30)
        .map(|at| {
            let across = (index(at) + chance.unit()) / 15.0 - 1.0;
            let room = (1.0 - across * across).max(0.06);
            (x + across * wide, y - chance.unit() * room * wide * 0.26, wide * (0.09 + 0.17 * room))
        })
        .collect();
    brush.oval(x, y + wide * 0.02, wide * 1.05, wide * 0.06, shade.alpha(0.45));
    for &(x, y, size) in &puffs {
        brush.glow(x, y + size * 0.3, size * 1.9, size * 1.2, shade.alpha(0.55));
    }
    for &(x, y, size) in &puffs {
        brush.glow(x, y - size * 0.2, size * 1.6, size * 1.05, lit.alpha(0.5));
    }
}
