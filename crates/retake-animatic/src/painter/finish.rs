//! The last pass over every frame: corners a little darker, and a soft band under the caption.

use crate::scene::num::{index, mix, real, smooth};
use tiny_skia::Pixmap;

/// Darkening, by rows and columns.
///
/// The vignette is the product of a row and a column, which is close enough to a round one and
/// needs no table as large as the picture.
#[derive(Debug)]
pub(super) struct Finish {
    columns: Vec<u16>,
    rows: Vec<u16>,
}

impl Finish {
    pub(super) fn new(width: u32, height: u32, band: bool) -> Self {
        let fall = |at: usize, length: u32| {
            let off = ((index(at) + 0.5) / real(length) - 0.5).abs() * 2.0;
            1.0 - 0.17 * smooth(0.5, 1.05, off)
        };
        let under = |at: usize| {
            let down = index(at) / real(height);
            let caption = if band { 0.5 * smooth(0.74, 1.0, down) } else { 0.0 };
            let slate = 0.2 * (1.0 - smooth(0.0, 0.14, down));
            (1.0 - caption) * (1.0 - slate)
        };
        Self {
            columns: (0..width as usize).map(|at| share(fall(at, width))).collect(),
            rows: (0..height as usize).map(|at| share(fall(at, height) * under(at))).collect(),
        }
    }

    /// Darkens a frame; `strength` fades the whole pass in.
    pub(super) fn lay(&self, frame: &mut Pixmap, strength: f32) {
        let stride = self.columns.len() * 4;
        let mut line = vec![0_u16; self.columns.len()];
        for (row, &dark) in frame.data_mut().chunks_exact_mut(stride).zip(&self.rows) {
            for (out, &column) in line.iter_mut().zip(&self.columns) {
                let both = (u32::from(column) * u32::from(dark)) >> 8;
                let both = if strength < 1.0 { faded(both, strength) } else { both };
                *out = u16::try_from(both).unwrap_or(256);
            }
            for (pixel, &keep) in row.as_chunks_mut::<4>().0.iter_mut().zip(&line) {
                let [red, green, blue, alpha] = *pixel;
                let darken = |part: u8| ((u16::from(part) * keep) >> 8) as u8;
                *pixel = [darken(red), darken(green), darken(blue), alpha];
            }
        }
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and 256")]
fn share(value: f32) -> u16 {
    (value * 256.0) as u16
}

fn faded(keep: u32, strength: f32) -> u32 {
    let keep = real(keep) / 256.0;
    u32::from(share(mix(1.0, keep, strength)))
}
