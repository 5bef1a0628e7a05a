//! Parts of the set that move by themselves: glitter, falling water, motes, distant birds.

use super::brush::Brush;
use super::ink::{Ink, WHITE, ink};
use super::num::{index, mix, real, wave};
use super::plate::Lens;
use super::spray;
use super::view::{Clock, INFINITY, View};
use crate::stage::Setting;
use tiny_skia::{Pixmap, Transform};

/// A moving part of the set.
#[derive(Clone, Debug)]
pub(crate) enum Live {
    /// Short bright strokes on water, below `line`, denser under the light at `x`.
    Glitter { line: f32, x: f32, colour: Ink },
    /// Falling water between two heights.
    Fall { left: f32, right: f32, top: f32, bottom: f32, depth: f32, colour: Ink },
    /// Small lights or particles in the air.
    Motes { kind: Mote, colour: Ink, amount: usize },
    /// A few birds far away.
    Birds { x: f32, y: f32, colour: Ink },
    /// Stars rushing or drifting past.
    Stars { rush: f32 },
    /// Cones of light from above that swing slowly.
    Beams { colour: Ink, floor: f32 },
    /// Rockets that burst in the sky.
    Fireworks,
    /// Breaking waves along a shore.
    Surf { line: f32, colour: Ink },
}

/// How particles move.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mote {
    /// Hanging in the light.
    Dust,
    /// Rising, wobbling rings.
    Bubbles,
    /// Wandering, pulsing lights.
    Fireflies,
}

impl Live {
    pub(crate) fn lay(&self, frame: &mut Pixmap, setting: &Setting, view: &View, clock: &Clock) {
        match self {
            Self::Glitter { line, x, colour } => {
                glitter(frame, setting, view, clock, (*line, *x, *colour));
            }
            Self::Fall { left, right, top, bottom, depth, colour } => {
                fall(frame, setting, view, clock, [*left, *top, *right, *bottom], *depth, *colour);
            }
            Self::Motes { kind, colour, amount } => {
                motes(frame, setting, view, clock, (*kind, *colour, *amount));
            }
            Self::Birds { x, y, colour } => birds(frame, setting, view, clock, (*x, *y, *colour)),
            Self::Stars { rush } => stars(frame, setting, view, clock, *rush),
            Self::Beams { colour, floor } => beams(frame, setting, view, clock, *colour, *floor),
            Self::Fireworks => fireworks(frame, setting, view, clock),
            Self::Surf { line, colour } => surf(frame, setting, view, clock, *line, *colour),
        }
    }
}

fn glitter(
    frame: &mut Pixmap,
    setting: &Setting,
    view: &View,
    clock: &Clock,
    (line, x, colour): (f32, f32, Ink),
) {
    let lens = Lens::of(frame);
    let mut chance = setting.chance(51);
    let (sun, horizon) = view.project((x, line), INFINITY);
    let mut brush = Brush::new(frame, lens.transform());
    for at in 0..120 {
        let (spread, deep, phase) = (chance.range(-1.0, 1.0), chance.unit(), chance.unit());
        let pace = chance.range(0.3, 0.9);
        let shine = wave(clock.turns(pace) + phase);
        if shine < 0.0 {
            continue;
        }
        let down = deep * deep;
        let in_path = at % 3 != 0;
        let wide = if in_path { 0.05 + 0.22 * down } else { setting.aspect * 0.7 };
        let centre = if in_path { sun } else { 0.0 };
        let length = mix(0.006, 0.05, down) * (0.5 + shine);
        let thick = mix(0.0008, 0.0042, down);
        let spot = (centre + spread * wide, horizon + 0.004 + down * (0.5 - horizon).max(0.1));
        let alpha = shine * if in_path { 0.75 } else { 0.28 } * colour.alpha;
        brush.oval(spot.0, spot.1, length, thick, colour.alpha(alpha));
    }
}

fn fall(
    frame: &mut Pixmap,
    setting: &Setting,
    view: &View,
    clock: &Clock,
    area: [f32; 4],
    depth: f32,
    colour: Ink,
) {
    let [left, top, right, bottom] = area;
    let lens = Lens::of(frame);
    let mut chance = setting.chance(52);
    let (x0, y0) = lens.pixel(view.project((left, top), depth));
    let (x1, y1) = lens.pixel(view.project((right, bottom), depth));
    let size = y1 - y0;
    for _ in 0..super::num::count((x1 - x0) * 0.9) {
        let (across, phase) = (chance.unit(), chance.unit());
        let pace = chance.range(0.5, 0.8);
        let length = size * chance.range(0.12, 0.35);
        let from = y0 + (phase + clock.turns(pace)).fract() * (size + length) - length;
        let x = mix(x0, x1, across);
        let shade = if phase > 0.65 { colour.darker(0.3) } else { colour };
        let clipped = ((x, from.max(y0)), (x, (from + length).min(y1)));
        spray::streak(frame, clipped.0, clipped.1, shade.alpha(chance.range(0.3, 0.8)));
    }
    for _ in 0..70 {
        let (across, phase) = (chance.unit(), chance.unit());
        let risen = (phase + clock.turns(chance.range(0.25, 0.5))).fract();
        let x = mix(x0, x1, across * 1.5 - 0.25);
        let radius = size * mix(0.02, 0.075, risen);
        let alpha = 0.15 * (1.0 - risen);
        spray::dot(frame, (x, y1 - risen * size * 0.16), radius, colour.lighter(0.4).alpha(alpha));
    }
}

fn motes(
    frame: &mut Pixmap,
    setting: &Setting,
    view: &View,
    clock: &Clock,
    (kind, colour, amount): (Mote, Ink, usize),
) {
    let lens = Lens::of(frame);
    let height = real(frame.height());
    let mut chance = setting.chance(53);
    for _ in 0..amount {
        let (x, y, phase, near) = (chance.unit(), chance.unit(), chance.unit(), chance.unit());
        let pace = chance.range(0.02, 0.06);
        let wander = clock.swing(pace * 4.0, phase) * 0.03;
        let (dx, y, radius, alpha) = match kind {
            Mote::Dust => {
                (wander, (y + clock.turns(pace * 0.3)).fract(), mix(0.001, 0.0035, near), 0.35)
            }
            Mote::Bubbles => (
                wander * 0.4,
                1.0 - (y + clock.turns(0.08 + pace)).fract(),
                mix(0.002, 0.007, near * near),
                0.4,
            ),
            Mote::Fireflies => (
                wander * 2.0,
                y + clock.swing(pace * 5.0, phase + 0.3) * 0.04,
                mix(0.002, 0.0045, near),
                0.9 * wave(clock.turns(0.4) + phase).max(0.0),
            ),
        };
        let x = (x + dx - view.pan.0 * 0.4 * near).rem_euclid(1.0) - 0.5;
        let spot = lens.pixel((x * setting.aspect * 1.05, y - 0.5));
        let glowing = matches!(kind, Mote::Fireflies);
        if glowing {
            spray::dot(frame, spot, radius * height * 4.0, colour.alpha(alpha * 0.25));
        }
        let core = if glowing { colour.lighter(0.5) } else { colour };
        spray::dot(frame, spot, (radius * height).max(0.8), core.alpha(alpha * colour.alpha));
    }
}

fn birds(
    frame: &mut Pixmap,
    setting: &Setting,
    view: &View,
    clock: &Clock,
    (x, y, colour): (f32, f32, Ink),
) {
    let lens = Lens::of(frame);
    let mut chance = setting.chance(54);
    let mut brush = Brush::new(frame, lens.transform());
    for _ in 0..6 {
        let (dx, dy, phase) = (chance.range(-0.12, 0.12), chance.range(-0.05, 0.05), chance.unit());
        let size = chance.range(0.007, 0.012);
        let spot = view
            .project((x + dx + clock.drift(0.012), y + dy + clock.swing(0.2, phase) * 0.006), 60.0);
        let flap = wave(clock.turns(1.6) + phase) * 0.5;
        let tip = size * (0.35 + flap * 0.7);
        let wings = [
            (spot.0 - size, spot.1 - tip),
            (spot.0 - size * 0.45, spot.1 - size * 0.38),
            (spot.0, spot.1),
            (spot.0 + size * 0.45, spot.1 - size * 0.38),
            (spot.0 + size, spot.1 - tip),
        ];
        brush.curve(&wings, size * 0.2, colour);
    }
}

fn stars(frame: &mut Pixmap, setting: &Setting, view: &View, clock: &Clock, rush: f32) {
    let lens = Lens::of(frame);
    let height = real(frame.height());
    let mut chance = setting.chance(55);
    for _ in 0..160 {
        let (angle, phase, bright) = (chance.unit(), chance.unit(), chance.unit());
        let near = (phase + clock.turns(rush)).fract();
        let reach = 0.06 + near * near * setting.aspect.max(1.0) * 0.75;
        let spot = (wave(angle + 0.25) * reach - view.pan.0, wave(angle) * reach - view.pan.1);
        let alpha = super::num::smooth(0.0, 0.25, near) * (0.3 + 0.7 * bright);
        let radius = mix(0.0008, 0.0024, near) * height;
        spray::dot(frame, lens.pixel(spot), radius.max(0.8), setting.light.own(WHITE).alpha(alpha));
    }
}

fn fireworks(frame: &mut Pixmap, setting: &Setting, view: &View, clock: &Clock) {
    const ROCKETS: usize = 6;
    const SPARKS: usize = 46;
    let lens = Lens::of(frame);
    let height = real(frame.height());
    let mut chance = setting.chance(88);
    for rocket in 0..ROCKETS {
        let (place, phase) = (chance.unit(), chance.unit());
        let age = (clock.turns(0.36) + phase + index(rocket) / index(ROCKETS)).fract();
        let colour = [0xFF5A6E, 0xFFC65A, 0x6EC8FF, 0xB48CFF, 0x7AF0A0][rocket % 5];
        let centre = ((place - 0.5) * setting.aspect * 0.86, -0.24 - 0.18 * chance.unit());
        let turn = chance.unit();
        if age < 0.22 {
            let rise = age / 0.22;
            let at = (centre.0, mix(setting.horizon, centre.1, rise));
            let spot = lens.pixel(view.project(at, 60.0));
            spray::dot(frame, spot, 0.003 * height, ink(colour).lighter(0.5).alpha(0.9));
            continue;
        }
        let open = (age - 0.22) / 0.78;
        let reach = 0.17 * (1.0 - (1.0 - open) * (1.0 - open) * (1.0 - open));
        let alpha = 1.0 - open * open;
        for spark in 0..SPARKS {
            let angle = turn + index(spark) / index(SPARKS);
            let ring = if spark % 2 == 0 { 1.0 } else { 0.62 };
            let fall = open * open * 0.06;
            for (trail, dim) in [(1.0, 1.0), (0.9, 0.5), (0.8, 0.25)] {
                let far = reach * ring * trail;
                let at = (
                    centre.0 + wave(angle + 0.25) * far,
                    centre.1 + wave(angle) * far + fall * trail,
                );
                let spot = lens.pixel(view.project(at, 60.0));
                let size = mix(0.006, 0.003, open) * height;
                let glow = ink(colour).lighter((1.0 - open) * 0.5).alpha(alpha * dim);
                spray::dot(frame, spot, size.max(0.8), glow);
            }
        }
    }
}

fn beams(
    frame: &mut Pixmap,
    setting: &Setting,
    view: &View,
    clock: &Clock,
    colour: Ink,
    floor: f32,
) {
    let lens = Lens::of(frame);
    for at in 0..3 {
        let side = index(at) - 1.0;
        let sway = clock.swing(0.08, index(at) * 0.37) * 0.06;
        let top = view.project((side * 0.42 * setting.aspect.min(1.6), -0.62), 2.0);
        let foot = view.project((side * 0.2 + sway, floor), 1.2);
        let mut brush = Brush::new(frame, lens.transform());
        let cone = [
            (top.0 - 0.012, top.1),
            (top.0 + 0.012, top.1),
            (foot.0 + 0.17, foot.1),
            (foot.0 - 0.17, foot.1),
        ];
        if let Some(path) = super::brush::polygon(&cone) {
            let mut light = brush.light();
            light.shade(&path, (top, colour.alpha(0.26)), (foot, colour.alpha(0.02)));
        }
        brush.light().placed(Transform::identity()).glow(
            foot.0,
            foot.1,
            0.2,
            0.045,
            colour.alpha(0.3),
        );
    }
}

fn surf(frame: &mut Pixmap, setting: &Setting, view: &View, clock: &Clock, line: f32, colour: Ink) {
    let lens = Lens::of(frame);
    let mut brush = Brush::new(frame, lens.transform());
    for rank in 0..3 {
        let rank = index(rank);
        let came = (clock.turns(0.16) + rank / 3.0).fract();
        let y = line + came * 0.05;
        let fade = wave(came * 0.5);
        let half = setting.aspect * 0.75;
        let edge: Vec<(f32, f32)> = (0..=24)
            .map(|at| {
                let x = -half + index(at) / 24.0 * half * 2.0;
                let bend = super::chance::rough(setting.seed + 5, x * 3.0 + rank * 9.0 + came, 2);
                view.project((x, y + bend * 0.014), 1.6)
            })
            .collect();
        brush.curve(&edge, 0.004 + 0.006 * fade, colour.alpha(0.75 * fade));
        let wash: Vec<(f32, f32)> = edge.iter().map(|spot| (spot.0, spot.1 - 0.008)).collect();
        brush.curve(&wash, 0.016, colour.alpha(0.16 * fade));
    }
}
