//! Water: the picture above its line, mirrored, darkened and stirred.

use super::ink::Ink;
use super::num::{floor, index, mix, real, wave};
use super::pixels;
use super::plate::Lens;
use super::view::{Clock, INFINITY, View};
use tiny_skia::Pixmap;

/// A surface that mirrors what is painted above its line.
#[derive(Clone, Debug)]
pub(crate) struct Water {
    /// Where the water meets what is behind it.
    pub(crate) line: f32,
    /// Depth of that line; the horizon of a sea is infinitely far.
    pub(crate) depth: f32,
    /// Colour far out and close by.
    pub(crate) far: Ink,
    pub(crate) near: Ink,
    /// Between 0 (opaque colour) and 1 (a perfect mirror).
    pub(crate) mirror: f32,
    /// Height of its waves, in frame heights.
    pub(crate) waves: f32,
    /// Whether it only lies over a ground, as on a wet street.
    pub(crate) film: bool,
}

impl Water {
    /// The sea or a lake from the horizon on.
    pub(crate) fn open(line: f32, far: Ink, near: Ink, waves: f32) -> Self {
        Self { line, depth: INFINITY, far, near, mirror: 0.55, waves, film: false }
    }

    /// The line of the frame below which nothing behind the water can be seen.
    pub(crate) fn covers_from(&self, lens: Lens, view: &View) -> f32 {
        if self.film {
            return f32::MAX;
        }
        lens.pixel(view.project((0.0, self.line), self.depth)).1 + 2.0
    }

    pub(crate) fn lay(&self, frame: &mut Pixmap, view: &View, clock: &Clock) {
        let lens = Lens::of(frame);
        let (_, line) = lens.pixel(view.project((0.0, self.line), self.depth));
        let (width, height) = (frame.width() as usize, frame.height() as usize);
        let line = usize::try_from(floor(line + 0.5).max(0)).unwrap_or(0).min(height);
        if line >= height {
            return;
        }
        let stride = width * 4;
        let (above, below) = frame.data_mut().split_at_mut(line * stride);
        let deep = index(height - line).max(1.0);
        let far = self.far.bytes();
        for (at, row) in below.chunks_exact_mut(stride).enumerate() {
            let down = index(at) / deep;
            let tint = self.far.mix(self.near, down.powf(0.7)).bytes();
            let tint = if at == 0 { far } else { tint };
            let near = (index(at) / real(u32::try_from(height).unwrap_or(1))) / 0.4;
            let share =
                if self.film { mix(0.75, 0.45, down) } else { self.mirror * mix(1.0, 0.35, down) };
            let source = mirrored_row(
                at,
                above.len() / stride,
                self.stir(near, clock, 0.0) * index(height) * 0.5,
            );
            let shift = floor(self.stir(near, clock, 0.37) * index(height));
            let source = source.and_then(|row| above.get(row * stride..(row + 1) * stride));
            mirror_row(row, source, shift, tint, (share, self.film));
        }
    }

    /// How far a row is displaced by the waves.
    fn stir(&self, near: f32, clock: &Clock, offset: f32) -> f32 {
        let size = self.waves * (0.15 + near);
        let phase = 3.2 / (near + 0.07);
        size * (wave(phase + clock.turns(0.5) + offset)
            + 0.6 * wave(phase * 2.3 - clock.turns(0.8) + offset))
    }
}

fn mirrored_row(at: usize, rows: usize, shift: f32) -> Option<usize> {
    let from = i64::try_from(rows).ok()? - 1 - i64::try_from(at).ok()? + i64::from(floor(shift));
    let rows = i64::try_from(rows).ok()?;
    // Above the upper edge of the picture the mirror image goes on, mirrored once more.
    let folded = if from < 0 { -from } else { from };
    usize::try_from(folded.min(rows - 1)).ok()
}

fn mirror_row(
    row: &mut [u8],
    source: Option<&[u8]>,
    shift: i32,
    tint: [u8; 4],
    (share, film): (f32, bool),
) {
    let pixels = row.as_chunks_mut::<4>().0;
    let share = u32::from(super::num::byte(share)).min(255);
    let tint = pixels::word(tint);
    let Some(source) = source.map(|source| source.as_chunks::<4>().0) else {
        for pixel in pixels {
            *pixel = tint.to_le_bytes();
        }
        return;
    };
    let last = pixels.len() - 1;
    let shift = isize::try_from(shift).unwrap_or(0);
    let read = |at: usize| source[at.saturating_add_signed(shift).min(last)];
    if film {
        for (at, pixel) in pixels.iter_mut().enumerate() {
            let mirrored = pixels::blend(tint, pixels::word(read(at)), 200);
            *pixel = pixels::blend(pixels::word(*pixel), mirrored, share).to_le_bytes();
        }
    } else {
        for (at, pixel) in pixels.iter_mut().enumerate() {
            *pixel = pixels::blend(tint, pixels::word(read(at)), share).to_le_bytes();
        }
    }
}
