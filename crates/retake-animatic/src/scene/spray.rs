//! Small soft marks straight onto the pixels: drops, flakes, sparks.
//!
//! There are hundreds of them in every frame, far too small for paths.

use super::ink::Ink;
use super::num::{floor, index};
use super::pixels;
use tiny_skia::Pixmap;

/// A soft round dot, in pixels.
pub(crate) fn dot(frame: &mut Pixmap, at: (f32, f32), radius: f32, ink: Ink) {
    let area = [at.0 - radius, at.1 - radius, at.0 + radius, at.1 + radius];
    let Some([left, top, right, bottom]) = pixels::clip(frame, area) else { return };
    let width = frame.width() as usize;
    let colour = pixels::word(ink.alpha(1.0).bytes());
    let scale = 1.0 / (radius * radius).max(0.2);
    let pixels = frame.data_mut().as_chunks_mut::<4>().0;
    for y in top..bottom {
        for x in left..right {
            let (dx, dy) = (index(x) + 0.5 - at.0, index(y) + 0.5 - at.1);
            let share = (1.0 - (dx * dx + dy * dy) * scale).max(0.0);
            if share > 0.0
                && let Some(pixel) = pixels.get_mut(y * width + x)
            {
                *pixel = blended(*pixel, colour, share * ink.alpha);
            }
        }
    }
}

/// A thin line that fades in from its start, steeper than it is wide.
pub(crate) fn streak(frame: &mut Pixmap, from: (f32, f32), to: (f32, f32), ink: Ink) {
    let (width, height) = (frame.width() as usize, index(frame.height() as usize));
    let length = (to.1 - from.1).max(1.0);
    let slope = (to.0 - from.0) / length;
    let colour = pixels::word(ink.alpha(1.0).bytes());
    let pixels = frame.data_mut().as_chunks_mut::<4>().0;
    let mut y = from.1.max(0.0).floor();
    while y < to.1.min(height - 1.0) {
        let x = from.0 + (y - from.1) * slope;
        let share = ((y - from.1) / length).clamp(0.0, 1.0) * ink.alpha;
        let (whole, part) = (x.floor(), x - x.floor());
        if let (Ok(column), Ok(row)) = (usize::try_from(floor(whole)), usize::try_from(floor(y)))
            && column + 1 < width
            && let Some([left, right]) =
                pixels.get_mut(row * width + column..row * width + column + 2)
        {
            *left = blended(*left, colour, share * (1.0 - part));
            *right = blended(*right, colour, share * part);
        }
        y += 1.0;
    }
}

fn blended(pixel: [u8; 4], colour: u32, share: f32) -> [u8; 4] {
    pixels::blend(pixels::word(pixel), colour, u32::from(super::num::byte(share))).to_le_bytes()
}

/// Lightens the whole frame towards a colour, for a flash.
pub(crate) fn flash(frame: &mut Pixmap, ink: Ink) {
    let colour = pixels::word(ink.alpha(1.0).bytes());
    let share = u32::from(super::num::byte(ink.alpha));
    for pixel in frame.data_mut().as_chunks_mut::<4>().0 {
        *pixel = pixels::blend(pixels::word(*pixel), colour, share).to_le_bytes();
    }
}
