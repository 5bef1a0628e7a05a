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
        }
    }

    /// Takes over a drawn picture of the same size. Transparency is ignored: canvases are opaque.
    pub fn convert(&mut self, canvas: &Pixmap) {
        let (stride, half) = (self.width * 4, self.width / 2);
        let pairs = canvas.data().chunks_exact(2 * stride);
        let brightness = self.y.chunks_exact_mut(2 * self.width);
        let colour = self.u.chunks_exact_mut(half).zip(self.v.chunks_exact_mut(half));
        for ((rows, y), (u, v)) in pairs.zip(brightness).zip(colour) {
            for (y, pixel) in y.iter_mut().zip(rows.chunks_exact(4)) {
                *y = luma(pixel);
            }
            let (upper, lower) = rows.split_at(stride);
            let quads = upper.chunks_exact(8).zip(lower.chunks_exact(8));
            for ((u, v), (upper, lower)) in u.iter_mut().zip(v).zip(quads) {
                (*u, *v) = chroma(upper, lower);
            }
        }
    }

    /// The planes: brightness, then blue and red difference.
    pub fn planes(&self) -> (&[u8], &[u8], &[u8]) {
        (&self.y, &self.u, &self.v)
    }
}

// The factors are those of BT.709 in 256ths, scaled to the limited range. Their sums are exact: grey
// has no colour, and every intermediate fits 16 bits, which lets the compiler use narrow lanes.

#[inline]
#[expect(clippy::cast_possible_truncation, reason = "at most 235")]
fn luma(pixel: &[u8]) -> u8 {
    let [red, green, blue] = [pixel[0], pixel[1], pixel[2]].map(u16::from);
    (((47 * red + 157 * green + 16 * blue + 128) >> 8) + 16) as u8
}

#[inline]
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "from 16 to 240")]
fn chroma(upper: &[u8], lower: &[u8]) -> (u8, u8) {
    let mean = |channel: usize| {
        let sum = i16::from(upper[channel])
            + i16::from(upper[channel + 4])
            + i16::from(lower[channel])
            + i16::from(lower[channel + 4]);
        (sum + 2) >> 2
    };
    let (red, green, blue) = (mean(0), mean(1), mean(2));
    let u = ((-26 * red - 86 * green + 112 * blue + 128) >> 8) + 128;
    let v = ((112 * red - 102 * green - 10 * blue + 128) >> 8) + 128;
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
