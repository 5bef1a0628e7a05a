//! What falls and drifts through the air, in front of everything.

use super::brush::Brush;
use super::chance::Chance;
use super::ink::{Ink, WHITE, ink};
use super::num::{index, mix, real, wave};
use super::plate::Lens;
use super::spray;
use super::view::{Clock, View};
use crate::stage::Setting;
use crate::storyboard::Weather;
use tiny_skia::Pixmap;

/// Paints the weather over a finished picture.
pub(crate) fn lay(frame: &mut Pixmap, setting: &Setting, view: &View, clock: &Clock) {
    if setting.light.indoor || !has_weather(setting) {
        return;
    }
    match setting.shot.weather {
        Weather::Rain => rain(frame, setting, view, clock, 1.0),
        Weather::Storm => {
            rain(frame, setting, view, clock, 1.35);
            lightning(frame, setting, clock);
        }
        Weather::Snow => snow(frame, setting, view, clock),
        Weather::Wind => leaves(frame, setting, clock),
        Weather::Clear | Weather::Cloudy | Weather::Fog => {}
    }
}

/// Under water, in space and under ground no weather reaches.
fn has_weather(setting: &Setting) -> bool {
    use crate::storyboard::Place as P;
    !matches!(setting.shot.place, P::Underwater | P::Space | P::Planet | P::Cave)
}

fn rain(frame: &mut Pixmap, setting: &Setting, view: &View, clock: &Clock, force: f32) {
    let (width, height) = (real(frame.width()), real(frame.height()));
    let mut chance = setting.chance(41);
    let tone = setting.light.own(ink(0xC8D4E2).mix(setting.light.sky_low, 0.3));
    let slant = 0.06 + 0.16 * (force - 1.0);
    for _ in 0..super::num::count(260.0 * force * setting.aspect.max(0.6)) {
        let near = chance.unit();
        let (x, y) = (chance.unit(), chance.unit());
        let length = mix(0.03, 0.12, near * near) * height;
        let pace = mix(1.1, 2.3, near);
        let fallen = (y + clock.turns(pace)).fract();
        let top = fallen * (height + length * 2.0) - length * 2.0;
        let across = (x + fallen * slant - view.pan.0 * near * 0.4).rem_euclid(1.0) * width;
        let alpha = mix(0.1, 0.4, near);
        spray::streak(
            frame,
            (across, top),
            (across + slant * length, top + length),
            tone.alpha(alpha),
        );
    }
}

fn snow(frame: &mut Pixmap, setting: &Setting, view: &View, clock: &Clock) {
    let (width, height) = (real(frame.width()), real(frame.height()));
    let mut chance = setting.chance(42);
    let tone = setting.light.own(WHITE.mix(setting.light.haze, setting.light.darkness() * 0.3));
    for _ in 0..super::num::count(250.0 * setting.aspect.max(0.6)) {
        let near = chance.unit();
        let (x, y, phase) = (chance.unit(), chance.unit(), chance.unit());
        let radius = mix(0.0016, 0.0075, near.powi(4)) * height;
        let fallen = (y + clock.turns(mix(0.1, 0.3, near))).fract();
        let sway = clock.swing(0.25, phase) * 0.012 + fallen * 0.05;
        let across = (x + sway - view.pan.0 * near * 0.5).rem_euclid(1.0);
        let spot = (across * width, fallen * (height + 20.0) - 10.0);
        spray::dot(frame, spot, radius.max(0.9), tone.alpha(mix(0.85, 0.5, near)));
    }
}

fn leaves(frame: &mut Pixmap, setting: &Setting, clock: &Clock) {
    let lens = Lens::of(frame);
    let mut chance = setting.chance(43);
    let colours = [ink(0xB5763A), ink(0x9A8A3E), ink(0xC9A25A), ink(0x7A6A3A)];
    for _ in 0..26 {
        let (x, y, phase) = (chance.unit(), chance.range(-0.45, 0.5), chance.unit());
        let size = chance.range(0.004, 0.011);
        let colour = setting.light.half(chance.pick(&colours, WHITE), 1.0);
        let gone = (x + clock.turns(chance.range(0.22, 0.5))).fract();
        let spot = ((gone - 0.5) * (setting.aspect + 0.1), y + clock.swing(0.6, phase) * 0.03);
        let mut brush = Brush::new(frame, lens.transform());
        let turn = clock.turns(1.3 + phase) * 360.0;
        let thin = 0.35 + 0.6 * wave(clock.turns(0.9) + phase).abs();
        brush.turned(spot.0, spot.1, turn).oval(0.0, 0.0, size, size * 0.5 * thin, colour);
    }
}

/// A storm flashes a few times; each flash fades within frames.
fn lightning(frame: &mut Pixmap, setting: &Setting, clock: &Clock) {
    let mut chance = setting.chance(44);
    let strikes = super::num::count((clock.length / 2.2).ceil()).max(1);
    for strike in 0..strikes {
        let at = (index(strike) + chance.range(0.25, 0.75)) * clock.length / index(strikes);
        let side = chance.range(-0.35, 0.35) * setting.aspect;
        let seed = chance.range(0.0, 1000.0);
        let since = clock.now - at;
        if (0.0..0.34).contains(&since) {
            let flicker = if (0.08..0.13).contains(&since) { 0.3 } else { 1.0 };
            let force = (1.0 - since / 0.34) * flicker;
            bolt(frame, setting, side, seed, force);
            spray::flash(frame, ink(0xDDE4FF).alpha(0.3 * force));
        }
    }
}

fn bolt(frame: &mut Pixmap, setting: &Setting, side: f32, seed: f32, force: f32) {
    let lens = Lens::of(frame);
    let mut chance = Chance::new(setting.seed, u64::from(super::num::byte(seed / 1000.0)));
    let end = setting.horizon + 0.02;
    let mut spots = vec![(side, -0.52)];
    while spots.last().is_some_and(|spot| spot.1 < end) && spots.len() < 24 {
        let (x, y) = spots.last().copied().unwrap_or_default();
        spots.push((x + chance.range(-0.045, 0.045), y + chance.range(0.03, 0.07)));
    }
    let mut brush = Brush::new(frame, lens.transform());
    let light = |alpha: f32| ink(0xE8ECFF).alpha(alpha * force);
    brush.glow(side, -0.35, 0.5, 0.4, Ink { alpha: 0.3 * force, ..ink(0xB8C4FF) });
    brush.line(&spots, 0.014, light(0.22));
    brush.line(&spots, 0.0045, light(0.95));
    if let Some(fork) = spots.get(spots.len() / 2).copied() {
        let branch = [fork, (fork.0 + 0.05, fork.1 + 0.05), (fork.0 + 0.07, fork.1 + 0.12)];
        brush.line(&branch, 0.0025, light(0.7));
    }
}
