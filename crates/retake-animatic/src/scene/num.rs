//! The few conversions between pixels and measures, in one place.
#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "pictures are far smaller than what these types lose"
)]

use std::f32::consts::TAU;

/// A pixel count as a measure.
pub(crate) fn real(count: u32) -> f32 {
    count as f32
}

/// A loop index as a measure.
pub(crate) fn index(at: usize) -> f32 {
    at as f32
}

/// The pixel a measure falls into.
pub(crate) fn floor(value: f32) -> i32 {
    value.floor() as i32
}

/// A measure as a size in pixels, at least one.
pub(crate) fn size(value: f32) -> u32 {
    (value.ceil() as u32).max(1)
}

/// A measure as a number of things to draw.
pub(crate) fn count(value: f32) -> usize {
    value.max(0.0) as usize
}

/// A fraction as a byte.
pub(crate) fn byte(value: f32) -> u8 {
    (value.clamp(0.0, 1.0) * 255.0 + 0.5) as u8
}

/// 16.16 fixed point, for walking over source pixels.
pub(crate) fn fixed(value: f32) -> i64 {
    (f64::from(value) * 65536.0) as i64
}

pub(crate) fn mix(from: f32, to: f32, share: f32) -> f32 {
    from + (to - from) * share
}

/// 0 below `low`, 1 above `high`, smooth between.
pub(crate) fn smooth(low: f32, high: f32, value: f32) -> f32 {
    let share = ((value - low) / (high - low)).clamp(0.0, 1.0);
    share * share * (3.0 - 2.0 * share)
}

/// The sine of a number of whole turns.
pub(crate) fn wave(turns: f32) -> f32 {
    (turns.fract() * TAU).sin()
}
