//! Colour as video codes it: brightness for every pixel, colour for every four.

use openh264::formats::YUVSource;
use tiny_skia::Pixmap;

/// A frame in planes of BT.709 in limited range, with colour at half the width and height.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct I420 {
    width: usize,
    height: usize,
    y: Vec<u8>,
    u: Vec<u8>,
    v: Vec<u8>,
    /// Two rows added up, while they are converted.
    sums: Vec<Split>,
}

impl I420 {
    /// A frame of this size; both sides are even.
    pub fn new(width: u32, height: u32) -> Self {
        let (width, height) = (width as usize, height as usize);
        let quarter = width / 2 * (height / 2);
        Self {
            width,
            height,
            y: vec![16; width * height],
            u: vec![128; quarter],
            v: vec![128; quarter],
            sums: vec![(0, 0); width],
        }
    }

    /// Takes over a drawn picture of the same size. Transparency is ignored: canvases are opaque.
    pub fn convert(&mut self, canvas: &Pixmap) {
        let (stride, half) = (self.width * 4, self.width / 2);
        let pairs = canvas.data().chunks_exact(2 * stride);
        let brightness = self.y.chunks_exact_mut(2 * self.width);
        let colour = self.u.chunks_exact_mut(half).zip(self.v.chunks_exact_mut(half));
        for ((rows, y), (u, v)) in pairs.zip(brightness).zip(colour) {
            for (y, pixel) in y.iter_mut().zip(rows.as_chunks::<4>().0) {
                *y = luma(split(*pixel));
            }
            let (upper, lower) = rows.split_at(stride);
            let columns = upper.as_chunks::<4>().0.iter().zip(lower.as_chunks::<4>().0);
            for (sum, (upper, lower)) in self.sums.iter_mut().zip(columns) {
                let ((red_blue, green), (more_red_blue, more_green)) =
                    (split(*upper), split(*lower));
                *sum = (red_blue + more_red_blue, green + more_green);
            }
            let quads = self.sums.as_chunks::<2>().0;
            for ((u, v), [left, right]) in u.iter_mut().zip(v).zip(quads) {
                (*u, *v) = chroma((left.0 + right.0, left.1 + right.1));
            }
        }
    }

    /// The planes: brightness, then blue and red difference.
    pub fn planes(&self) -> (&[u8], &[u8], &[u8]) {
        (&self.y, &self.u, &self.v)
    }
}

// These loops run over every pixel of every frame; they are written so that a compiler can turn them
// into wide instructions. The factors are those of BT.709 in 256ths, scaled to the limited range.
// Their sums are exact: grey has no colour.

/// Red and blue in the two halves of a word, and green.
type Split = (u32, u32);

#[inline]
fn split(pixel: [u8; 4]) -> Split {
    let word = u32::from_le_bytes(pixel);
    (word & 0x00FF_00FF, (word >> 8) & 0xFF)
}

#[inline]
#[expect(clippy::cast_possible_truncation, reason = "at most 235")]
fn luma((red_blue, green): Split) -> u8 {
    let weighed = (red_blue & 0xFFFF) * 47 + green * 157 + (red_blue >> 16) * 16;
    (((weighed + 128) >> 8) + 16) as u8
}

/// From the sum of four pixels.
#[inline]
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_sign_loss,
    reason = "sums are below 1024, and what comes out is from 16 to 240"
)]
fn chroma((red_blue, green): Split) -> (u8, u8) {
    let (red, green, blue) = ((red_blue & 0xFFFF) as i32, green as i32, (red_blue >> 16) as i32);
    let u = ((-26 * red - 86 * green + 112 * blue + 512) >> 10) + 128;
    let v = ((112 * red - 102 * green - 10 * blue + 512) >> 10) + 128;
    (u as u8, v as u8)
}

impl YUVSource for I420 {
    fn dimensions(&self) -> (usize, usize) {
        (self.width, self.height)
    }

    fn strides(&self) -> (usize, usize, usize) {
        (self.width, self.width / 2, self.width / 2)
    }

    fn y(&self) -> &[u8] {
        &self.y
    }

    fn u(&self) -> &[u8] {
        &self.u
    }

    fn v(&self) -> &[u8] {
        &self.v
    }
}

#[cfg(test)]
mod tests {
    use tiny_skia::Color;

    use super::*;

    #[test]
    fn the_corners_of_the_colour_space_land_where_the_standard_puts_them() {
        let cases = [
            ((0, 0, 0), (16, 128, 128)),
            ((255, 255, 255), (235, 128, 128)),
            ((128, 128, 128), (126, 128, 128)),
            ((255, 0, 0), (63, 102, 240)),
            ((0, 255, 0), (172, 42, 26)),
            ((0, 0, 255), (32, 240, 118)),
        ];
        for ((red, green, blue), expected) in cases {
            let mut canvas = Pixmap::new(4, 4).unwrap();
            canvas.fill(Color::from_rgba8(red, green, blue, 255));
            let mut frame = I420::new(4, 4);

            frame.convert(&canvas);

            let near = |plane: &[u8], value: i32| {
                plane.iter().all(|&found| (i32::from(found) - value).abs() <= 1)
            };
            let (y, u, v) = frame.planes();
            assert!(near(y, expected.0) && near(u, expected.1) && near(v, expected.2), "{frame:?}");
        }
    }
}
