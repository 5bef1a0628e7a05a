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
pub(crate) fn blend(from: u32, to: u32, share: u32) -> u32 {
    let rest = 256 - share;
    let low = ((from & PAIR) * rest + (to & PAIR) * share) >> 8;
    let high = ((from >> 8) & PAIR) * rest + ((to >> 8) & PAIR) * share;
    (low & PAIR) | (high & !PAIR)
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
pub(crate) fn lay(below: &mut [u8], above: &[u32]) {
    for (pixel, &top) in below.as_chunks_mut::<4>().0.iter_mut().zip(above) {
        match top >> 24 {
            0 => {}
            255 => *pixel = top.to_le_bytes(),
            _ => *pixel = over(top, word(*pixel)).to_le_bytes(),
        }
    }
}

/// A walk over the pixels of a source row: where it starts and how far each step goes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Walk {
    start: i64,
    step: i64,
}

impl Walk {
    pub(crate) fn new(start: f32, step: f32) -> Self {
        Self { start: fixed(start), step: fixed(step) }
    }

    fn is_plain(self) -> bool {
        self.step == 65536 && self.start.trailing_zeros() >= 16
    }
}

/// Reads a row at the steps of a walk, between pixels where it must; beyond its ends the row goes
/// on mirrored.
pub(crate) fn resample(row: &[u8], walk: Walk, into: &mut [u32]) {
    let pixels = row.as_chunks::<4>().0;
    let Ok(last) = i64::try_from(pixels.len()) else { return };
    let end = walk.start + walk.step * i64::try_from(into.len()).unwrap_or(0);
    let inside = walk.start >= 0 && end < (last - 1) << 16 && walk.step >= 0;
    if inside {
        let first = usize::try_from(walk.start >> 16).unwrap_or(0);
        if walk.is_plain() {
            for (pixel, from) in into.iter_mut().zip(pixels.get(first..).unwrap_or(&[])) {
                *pixel = word(*from);
            }
            return;
        }
        resample_inside(pixels, walk, into);
        return;
    }
    let mut at = walk.start;
    for pixel in into.iter_mut() {
        let share = u32::try_from((at >> 8) & 0xFF).unwrap_or(0);
        let (left, right) = (mirrored(at >> 16, last), mirrored((at >> 16) + 1, last));
        let read = |index: usize| pixels.get(index).map_or(0, |pixel| word(*pixel));
        *pixel = blend(read(left), read(right), share);
        at += walk.step;
    }
}

#[expect(clippy::cast_sign_loss, reason = "checked by the caller")]
fn resample_inside(pixels: &[[u8; 4]], walk: Walk, into: &mut [u32]) {
    let mut at = walk.start as u64;
    let step = walk.step as u64;
    for pixel in into.iter_mut() {
        let left = (at >> 16) as usize;
        if let Some([from, to]) = pixels.get(left..left + 2) {
            *pixel = blend(word(*from), word(*to), ((at >> 8) & 0xFF) as u32);
        }
        at += step;
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
