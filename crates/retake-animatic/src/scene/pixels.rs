//! Arithmetic on premultiplied pixels, four channels to a word.
//!
//! These loops run over every pixel of every frame; they are written so that a compiler can turn
//! them into wide instructions.

use super::num::{fixed, floor, real, size};
use tiny_skia::Pixmap;

const PAIR: u32 = 0x00FF_00FF;

/// A pixel as a word.
pub(crate) fn word(pixel: [u8; 4]) -> u32 {
    u32::from_le_bytes(pixel)
}

/// Between two pixels; `share` runs from 0 to 256.
///
/// Two channels are mixed by one multiplication: what the difference borrows from its neighbour
/// is paid back by the sum.
pub(crate) fn blend(from: u32, to: u32, share: u32) -> u32 {
    let (low, high) = (from & PAIR, (from >> 8) & PAIR);
    let (to_low, to_high) = (to & PAIR, (to >> 8) & PAIR);
    let low = (low << 8).wrapping_add(to_low.wrapping_sub(low).wrapping_mul(share)) >> 8;
    let high = (high << 8).wrapping_add(to_high.wrapping_sub(high).wrapping_mul(share));
    (low & PAIR) | (high & !PAIR)
}

/// Between two rows of bytes, the same share everywhere.
pub(crate) fn blend_rows(from: &[u8], to: &[u8], share: u32, into: &mut [u8]) {
    let share = u16::try_from(share).unwrap_or(0);
    let rest = 256 - share;
    for ((out, &from), &to) in into.iter_mut().zip(from).zip(to) {
        *out = ((u16::from(from) * rest + u16::from(to) * share) >> 8) as u8;
    }
}

/// One pixel over another.
pub(crate) fn over(above: u32, below: u32) -> u32 {
    let alpha = above >> 24;
    let rest = 256 - (alpha + (alpha >> 7));
    let low = ((below & PAIR) * rest) >> 8;
    let high = ((below >> 8) & PAIR) * rest;
    above.wrapping_add((low & PAIR) | (high & !PAIR))
}

/// Lays a row of pixels over another.
pub(crate) fn lay(below: &mut [u8], above: &[u8]) {
    let above = above.as_chunks::<4>().0;
    for (pixel, top) in below.as_chunks_mut::<4>().0.iter_mut().zip(above) {
        match top[3] {
            0 => {}
            255 => *pixel = *top,
            _ => *pixel = over(word(*top), word(*pixel)).to_le_bytes(),
        }
    }
}

/// A walk over the pixels of a source row: where it starts and how far each step goes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Walk {
    start: i64,
    step: i64,
}

/// One whole pixel in fixed point.
const WHOLE: i64 = 65536;

impl Walk {
    pub(crate) fn new(start: f32, step: f32) -> Self {
        let step = fixed(step);
        // A camera that only pans walks in whole steps; rounding must not say otherwise.
        let step = if (step - WHOLE).abs() < 24 { WHOLE } else { step };
        Self { start: fixed(start), step }
    }

    /// The same walk, begun so many steps later.
    pub(crate) fn after(self, steps: usize) -> Self {
        let steps = i64::try_from(steps).unwrap_or(0);
        Self { start: self.start + self.step * steps, ..self }
    }

    /// Whether so many steps stay within a row of this length.
    pub(crate) fn stays(self, steps: usize, length: usize) -> bool {
        let (Ok(steps), Ok(length)) = (i64::try_from(steps), i64::try_from(length)) else {
            return false;
        };
        self.step > 0 && self.start >= 0 && self.start + self.step * steps < (length - 1) * WHOLE
    }

    /// The steps at which the walk is over the pixels from `left` to `right`.
    pub(crate) fn over(self, left: usize, right: usize, steps: usize) -> (usize, usize) {
        let step_at = |pixel: usize, slack: i64| {
            let pixel = i64::try_from(pixel).unwrap_or(0) + slack;
            let at = (pixel * WHOLE - self.start).div_euclid(self.step.max(1));
            usize::try_from(at.max(0)).unwrap_or(0).min(steps)
        };
        (step_at(left, -1), (step_at(right, 1) + 1).min(steps))
    }
}

/// Pixels that are mixed side by side, so that a compiler can use wide instructions.
const TOGETHER: usize = 8;

/// Reads a row at the steps of a walk, between pixels where it must; beyond its ends the row goes
/// on mirrored.
#[expect(clippy::cast_sign_loss, reason = "checked to be inside")]
pub(crate) fn resample(row: &[u8], walk: Walk, into: &mut [u8]) {
    let pixels = row.as_chunks::<4>().0;
    let steps = into.len() / 4;
    if !walk.stays(steps, pixels.len()) {
        resample_mirrored(pixels, walk, into);
        return;
    }
    let first = (walk.start >> 16) as usize;
    let part = ((walk.start >> 8) & 0xFF) as u32;
    if walk.step == WHOLE {
        let from = row.get(first * 4..(first + steps) * 4).unwrap_or(&[]);
        if part == 0 {
            into.copy_from_slice(from);
        } else {
            let to = row.get((first + 1) * 4..(first + 1 + steps) * 4).unwrap_or(&[]);
            blend_rows(from, to, part, into);
        }
        return;
    }
    let (mut at, step) = (walk.start as u64, walk.step as u64);
    let (groups, rest) = into.as_chunks_mut::<{ 4 * TOGETHER }>();
    for group in groups {
        let (mut from, mut to) = ([[0; 4]; TOGETHER], [[0; 4]; TOGETHER]);
        let mut shares = [[0; 4]; TOGETHER];
        for ((from, to), share) in from.iter_mut().zip(&mut to).zip(&mut shares) {
            let left = (at >> 16) as usize;
            if let Some([one, other]) = pixels.get(left..left + 2) {
                (*from, *to) = (*one, *other);
            }
            *share = [((at >> 8) & 0xFF) as u16; 4];
            at += step;
        }
        let channels = from.as_flattened().iter().zip(to.as_flattened()).zip(shares.as_flattened());
        for (out, ((&from, &to), &share)) in group.iter_mut().zip(channels) {
            *out = ((u16::from(from) * (256 - share) + u16::from(to) * share) >> 8) as u8;
        }
    }
    for pixel in rest.as_chunks_mut::<4>().0 {
        let left = (at >> 16) as usize;
        if let Some([from, to]) = pixels.get(left..left + 2) {
            *pixel = blend(word(*from), word(*to), ((at >> 8) & 0xFF) as u32).to_le_bytes();
        }
        at += step;
    }
}

fn resample_mirrored(pixels: &[[u8; 4]], walk: Walk, into: &mut [u8]) {
    let Ok(length) = i64::try_from(pixels.len()) else { return };
    let mut at = walk.start;
    for pixel in into.as_chunks_mut::<4>().0 {
        let share = u32::try_from((at >> 8) & 0xFF).unwrap_or(0);
        let (left, right) = (mirrored(at >> 16, length), mirrored((at >> 16) + 1, length));
        let read = |index: usize| pixels.get(index).map_or(0, |pixel| word(*pixel));
        *pixel = blend(read(left), read(right), share).to_le_bytes();
        at += walk.step;
    }
}

fn mirrored(at: i64, length: i64) -> usize {
    let period = (length * 2).max(1);
    let folded = at.rem_euclid(period);
    let folded = if folded >= length { period - 1 - folded } else { folded };
    usize::try_from(folded).unwrap_or(0)
}

/// Softens a picture by averaging over a square of this radius, twice.
pub(crate) fn blur(pixmap: &mut Pixmap, radius: usize) {
    if radius == 0 {
        return;
    }
    let (width, height) = (pixmap.width() as usize, pixmap.height() as usize);
    let mut line = vec![[0_u8; 4]; width.max(height)];
    let pixels = pixmap.data_mut().as_chunks_mut::<4>().0;
    for _ in 0..2 {
        for row in pixels.chunks_exact_mut(width) {
            box_blur(row, 0, 1, width, radius, &mut line);
        }
        for column in 0..width {
            box_blur(pixels, column, width, height, radius, &mut line);
        }
    }
}

fn box_blur(
    pixels: &mut [[u8; 4]],
    start: usize,
    stride: usize,
    count: usize,
    radius: usize,
    line: &mut [[u8; 4]],
) {
    let read = |pixels: &[[u8; 4]], at: usize| pixels[start + at.min(count - 1) * stride];
    let mut sum = [0_u32; 4];
    let window = u32::try_from(2 * radius + 1).unwrap_or(1);
    for offset in 0..=2 * radius {
        let pixel = read(pixels, offset.saturating_sub(radius));
        for (total, part) in sum.iter_mut().zip(pixel) {
            *total += u32::from(part);
        }
    }
    for (at, out) in line.iter_mut().take(count).enumerate() {
        *out = sum.map(|total| u8::try_from((total + window / 2) / window).unwrap_or(255));
        let (gone, new) = (read(pixels, at.saturating_sub(radius)), read(pixels, at + radius + 1));
        for ((total, gone), new) in sum.iter_mut().zip(gone).zip(new) {
            *total = *total + u32::from(new) - u32::from(gone);
        }
    }
    for (at, pixel) in line.iter().take(count).enumerate() {
        pixels[start + at * stride] = *pixel;
    }
}

/// A new, empty picture; `None` when its size makes no sense.
pub(crate) fn sheet(width: f32, height: f32) -> Option<Pixmap> {
    Pixmap::new(size(width), size(height))
}

/// The part of a picture that a box in pixels covers: left, top, right, bottom.
pub(crate) fn clip(pixmap: &Pixmap, area: [f32; 4]) -> Option<[usize; 4]> {
    let within =
        |value: f32, end: u32| usize::try_from(floor(value.clamp(0.0, real(end)))).unwrap_or(0);
    let left = within(area[0], pixmap.width());
    let top = within(area[1], pixmap.height());
    let right = within(area[2] + 1.0, pixmap.width());
    let bottom = within(area[3] + 1.0, pixmap.height());
    (left < right && top < bottom).then_some([left, top, right, bottom])
}
