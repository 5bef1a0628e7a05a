//! Land: mountains, hills, and the ground itself.

use super::brush::Brush;
use super::chance::{self, Chance};
use super::ink::{BLACK, Ink, WHITE};
use super::num::{count, index, mix, smooth};
use super::plate::Area;
use crate::stage::Setting;

/// A skyline of noise between `left` and `right`, closed at the bottom.
pub(crate) fn skyline(area: Area, steps: usize, height: impl Fn(f32) -> f32) -> Vec<(f32, f32)> {
    let [left, _, right, bottom] = area;
    let mut spots: Vec<(f32, f32)> = (0..=steps)
        .map(|at| left + (right - left) * index(at) / index(steps))
        .map(|x| (x, height(x)))
        .collect();
    spots.extend([(right, bottom + 0.1), (left, bottom + 0.1)]);
    spots
}

/// Rolling hills: bright where they catch the light, veiled at their feet.
#[expect(clippy::too_many_arguments, reason = "what makes one range of them differ from another")]
pub(crate) fn hills(
    brush: &mut Brush<'_>,
    setting: &Setting,
    area: Area,
    base: f32,
    tall: f32,
    local: Ink,
    depth: f32,
    salt: u64,
) {
    let seed = setting.seed.wrapping_add(salt);
    let height = |x: f32| base - tall * (0.5 + 0.5 * chance::rough(seed, x * 1.3 + 7.0, 3));
    let top = setting.light.lit(local, depth);
    let low = setting.light.shade(local, depth).mix(setting.light.own(setting.light.haze), 0.25);
    let shape = skyline(area, 90, height);
    if let Some(path) = super::brush::polygon(&shape) {
        brush.shade(&path, ((0.0, base - tall), top), ((0.0, base + 0.12), low));
    }
}

/// One mountain: its peak, its width and the tones of its sides.
struct Peak {
    x: f32,
    y: f32,
    half: f32,
}

/// A range of mountains with lit and shaded faces; `snow` is the share of each that is white.
#[expect(clippy::too_many_arguments, reason = "what makes one range of them differ from another")]
pub(crate) fn mountains(
    brush: &mut Brush<'_>,
    setting: &Setting,
    area: Area,
    base: f32,
    tall: f32,
    local: Ink,
    depth: f32,
    snow: f32,
    salt: u64,
) {
    let mut chance = setting.chance(salt);
    let [left, _, right, _] = area;
    let light = &setting.light;
    let (lit, shade) = (light.lit(local, depth), light.shade(local.darker(0.15), depth));
    let mist = light.own(light.haze).mix(light.own(light.sky_low), 0.35);
    let pitch = tall * 1.15;
    let mut peaks: Vec<Peak> = (0..count((right - left) / pitch) + 3)
        .map(|at| Peak {
            x: left + (index(at) - 0.7) * pitch + chance.range(-0.35, 0.35) * pitch,
            y: base - tall * chance.range(0.45, 1.0),
            half: tall * chance.range(0.85, 1.3),
        })
        .collect();
    peaks.sort_by(|one, other| one.y.total_cmp(&other.y));
    for peak in &peaks {
        mountain(
            brush,
            peak,
            base,
            (lit, shade, mist),
            light.sun.0.signum(),
            snow,
            light,
            depth,
            &mut chance,
        );
    }
    brush.rect_shaded(
        [left, base - tall * 0.34, right - left, tall * 0.36 + 0.02],
        mist.alpha(0.0),
        mist.alpha(0.75),
    );
    brush.rect(left, base, right - left, 0.3, mist);
}

#[expect(clippy::too_many_arguments, reason = "a mountain and all that falls on it")]
fn mountain(
    brush: &mut Brush<'_>,
    peak: &Peak,
    base: f32,
    (lit, shade, mist): (Ink, Ink, Ink),
    side: f32,
    snow: f32,
    light: &super::light::Light,
    depth: f32,
    chance: &mut Chance,
) {
    let tall = base - peak.y;
    let slope = |way: f32, chance: &mut Chance| -> Vec<(f32, f32)> {
        (0..=9)
            .map(|at| {
                let share = index(at) / 9.0;
                let bend = share.powf(chance.range(0.82, 0.95)) * peak.half;
                (peak.x + way * bend, peak.y + tall * share)
            })
            .collect()
    };
    let (near, far) = (slope(side, chance), slope(-side, chance));
    // The crest between the lit and the shaded face wanders down from the peak.
    let crest: Vec<(f32, f32)> = (0..=9)
        .map(|at| {
            let share = index(at) / 9.0;
            let bend = chance.range(-0.06, 0.1) * tall * share.sqrt();
            (peak.x - side * bend - side * 0.08 * tall * share, peak.y + tall * share)
        })
        .collect();
    let face = |edge: &[(f32, f32)]| {
        let mut shape = edge.to_vec();
        shape.extend(crest.iter().rev());
        shape
    };
    for (edge, tone) in [(&far, shade), (&near, lit)] {
        let shape = face(edge);
        brush.polygon_shaded(&shape, tone, tone.mix(mist, 0.55));
    }
    for _ in 0..7 {
        let share = chance.range(0.12, 0.8);
        let (x, y) =
            (peak.x + side * peak.half * share * chance.range(0.1, 0.75), peak.y + tall * share);
        let size = tall * 0.16;
        let rib =
            [(x, y), (x + side * size * 0.3, y + size), (x - side * size * 0.35, y + size * 0.85)];
        brush.polygon(&rib, shade.alpha(0.35));
    }
    if snow > 0.0 {
        let (white, grey) =
            (light.lit(WHITE.scaled(0.96), depth), light.shade(WHITE.scaled(0.98), depth));
        for (edge, tone) in [(&far, grey), (&near, white)] {
            brush.polygon(&cap(edge, &crest, snow, chance), tone);
        }
    }
}

/// The snow on one face: down to a jagged line.
fn cap(
    edge: &[(f32, f32)],
    crest: &[(f32, f32)],
    snow: f32,
    chance: &mut Chance,
) -> Vec<(f32, f32)> {
    let last = count(snow * 9.0).clamp(2, 9);
    let mut shape: Vec<(f32, f32)> = edge.iter().take(last + 1).copied().collect();
    let (from, to) = (edge[last.min(edge.len() - 1)], crest[last.min(crest.len() - 1)]);
    for at in 1..6 {
        let share = index(at) / 6.0;
        let tooth = if at % 2 == 1 { chance.range(-0.05, -0.02) } else { chance.range(0.0, 0.04) };
        shape.push((mix(from.0, to.0, share), mix(from.1, to.1, share) + tooth));
    }
    shape.extend(crest.iter().take(last + 1).rev());
    shape
}

/// The ground: one tone far away, another close by, with patches that lie flat.
pub(crate) fn floor(brush: &mut Brush<'_>, setting: &Setting, area: Area, local: Ink, grain: f32) {
    let light = &setting.light;
    let [left, top, right, bottom] = area;
    let far = light.lit(local, 9.0);
    let near = light.lit(local, 1.0).mix(light.shade(local, 1.0), 0.45);
    let middle = light.lit(local, 2.0);
    let split = top + (bottom - top) * 0.3;
    brush.rect_shaded([left, top, right - left, split - top + 0.002], far, middle);
    brush.rect_shaded([left, split, right - left, bottom - split], middle, near);
    let mut chance = setting.chance(21);
    for _ in 0..count(260.0 * grain) {
        let down = chance.unit().powf(1.6);
        let (x, y) = (chance.range(left, right), mix(top, bottom, down));
        let (wide, high) = (mix(0.02, 0.3, down), mix(0.0008, 0.016, down));
        let dark = chance.odds(0.5);
        let tone = if dark {
            light.shade(local.darker(0.2), 1.0 + 5.0 * (1.0 - down))
        } else {
            light.lit(local.lighter(0.1), 1.0 + 5.0 * (1.0 - down))
        };
        brush.oval(x, y, wide * chance.range(0.3, 1.0), high, tone.alpha(chance.range(0.08, 0.32)));
    }
    // The light's own pool, and the dark of the foreground.
    let (sun, _) = super::sky::sun(setting);
    let warmth = light.own(light.key).alpha(0.16);
    brush.glow(sun, top, (right - left) * 0.45, (bottom - top) * 0.4, warmth);
    let dim = light.shade(local, 1.0).mix(BLACK, 0.55);
    brush.rect_shaded(
        [left, mix(top, bottom, 0.55), right - left, (bottom - top) * 0.45],
        dim.alpha(0.0),
        dim.alpha(0.55),
    );
}

/// A strip of ground between two places on the horizon line, narrowing with distance.
pub(crate) fn lane(
    brush: &mut Brush<'_>,
    setting: &Setting,
    area: Area,
    (near, far): ((f32, f32), (f32, f32)),
    ink: (Ink, Ink),
) {
    let [_, top, _, bottom] = area;
    let spots = [(far.0, top), (far.1, top), (near.1, bottom), (near.0, bottom)];
    let _ = setting;
    brush.polygon_shaded(&spots, ink.0, ink.1);
}

/// Stones, lit from the key light's side.
pub(crate) fn stones(
    brush: &mut Brush<'_>,
    setting: &Setting,
    area: Area,
    local: Ink,
    many: usize,
    salt: u64,
) {
    let mut chance = setting.chance(salt);
    let [left, top, right, bottom] = area;
    let side = setting.light.sun.0.signum();
    for _ in 0..many {
        let down = chance.unit().powf(1.4);
        let depth = 1.0 + 6.0 * (1.0 - down);
        let (x, y) = (chance.range(left, right), mix(top + 0.01, bottom, down));
        let size = mix(0.004, 0.05, smooth(0.0, 1.0, down)) * chance.range(0.4, 1.0);
        stone(
            brush,
            (x, y),
            size,
            (setting.light.lit(local, depth), setting.light.shade(local.darker(0.2), depth)),
            side,
            &mut chance,
        );
    }
}

/// One stone with its shadow.
pub(crate) fn stone(
    brush: &mut Brush<'_>,
    (x, y): (f32, f32),
    size: f32,
    (lit, shade): (Ink, Ink),
    side: f32,
    chance: &mut Chance,
) {
    brush.oval(x - side * size * 0.5, y, size * 1.5, size * 0.22, BLACK.alpha(0.22));
    let mut round = |scale: f32, dx: f32, dy: f32| -> Vec<(f32, f32)> {
        (0..8)
            .map(|at| {
                let turn = index(at) / 8.0 * std::f32::consts::TAU;
                let reach = size * scale * chance.range(0.8, 1.1);
                (
                    x + dx + turn.cos() * reach,
                    (y - size * 0.35 + dy + turn.sin() * reach * 0.62).min(y + size * 0.1),
                )
            })
            .collect()
    };
    let (whole, top) = (round(1.0, 0.0, 0.0), round(0.66, side * size * 0.2, -size * 0.16));
    brush.blob(&whole, shade);
    brush.blob(&top, lit.alpha(0.8));
}
