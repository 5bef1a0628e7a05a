//! A decoded picture, and smaller ones made of it, in colour or only bright and dark.

use std::time::Duration;

use image::RgbImage;

use super::parameters::{Colour, Sps};

/// A picture in the planes that video is coded in.
#[derive(Clone, Debug)]
pub(crate) struct Frame {
    /// When it is shown.
    pub(crate) at: Duration,
    planes: [Plane; 3],
    colour: Colour,
}

/// One of the planes, and the part of it that is meant to be seen.
#[derive(Clone, Debug)]
struct Plane {
    bytes: Vec<u8>,
    stride: usize,
    left: usize,
    top: usize,
    width: usize,
    height: usize,
}

impl Frame {
    /// Takes the planes of a picture of `size`, which the decoder has cropped on the right and at
    /// the bottom; `None` when they are not as large as they should be.
    pub(super) fn new(size: (usize, usize), planes: [Vec<u8>; 3], sps: &Sps) -> Option<Self> {
        let [left, _, top, _] = sps.crop.map(|pixels| pixels as usize);
        let mut scale = 1;
        let planes = planes.map(|bytes| {
            let (stride, rows) = (size.0 / scale, size.1 / scale);
            let (left, top) = (left / scale, top / scale);
            scale = 2;
            let (width, height) = (stride.saturating_sub(left), rows.saturating_sub(top));
            Plane { bytes, stride, left, top, width, height }
        });
        let whole = planes.iter().all(Plane::is_whole);
        whole.then_some(Self { at: Duration::ZERO, planes, colour: sps.colour })
    }

    /// Width and height in pixels.
    pub(crate) fn size(&self) -> (u32, u32) {
        let side = |pixels| u32::try_from(pixels).unwrap_or(u32::MAX);
        (side(self.planes[0].width), side(self.planes[0].height))
    }

    /// The picture in colour, scaled down (or left as it is) to `width` and `height`.
    pub(crate) fn rgb(&self, (width, height): (u32, u32)) -> RgbImage {
        let [y, u, v] = self.planes.each_ref().map(|plane| plane.scaled(width, height));
        let convert = Conversion::of(self.colour, self.planes[0].height);
        let mut picture = RgbImage::new(width, height);
        let pixels = picture.as_chunks_mut::<3>().0;
        for (pixel, ((&y, &u), &v)) in pixels.iter_mut().zip(y.iter().zip(&u).zip(&v)) {
            *pixel = convert.rgb(y, u, v);
        }
        picture
    }

    /// How bright it is on a grid of this size: 0 is black, 255 white.
    pub(crate) fn brightness(&self, width: u32, height: u32) -> Vec<u8> {
        let mut grid = self.planes[0].scaled(width, height);
        if !self.colour.full_range {
            for value in &mut grid {
                let above_black = u32::from(value.saturating_sub(16));
                *value = byte(i64::from(above_black) * 255 / 219);
            }
        }
        grid
    }
}

impl Plane {
    fn is_whole(&self) -> bool {
        let rows = self.top + self.height;
        self.width > 0 && self.height > 0 && self.bytes.len() >= self.stride * rows
    }

    /// The mean of what each pixel of the smaller picture covers.
    fn scaled(&self, width: u32, height: u32) -> Vec<u8> {
        let (width, height) = (width as usize, height as usize);
        let mut scaled = Vec::with_capacity(width * height);
        let mut line = vec![0_u32; self.width];
        for row in 0..height {
            line.fill(0);
            for (at, weight) in covered(row, height, self.height) {
                let start = (self.top + at) * self.stride + self.left;
                let source = self.bytes.get(start..start + self.width).unwrap_or_default();
                for (sum, &value) in line.iter_mut().zip(source) {
                    *sum += u32::from(value) * weight;
                }
            }
            let whole = self.width as u64 * self.height as u64;
            scaled.extend((0..width).map(|column| {
                let sum: u64 = covered(column, width, self.width)
                    .map(|(at, weight)| u64::from(line[at]) * u64::from(weight))
                    .sum();
                u8::try_from((sum + whole / 2) / whole).unwrap_or(u8::MAX)
            }));
        }
        scaled
    }
}

/// What of `from` pixels the pixel `at` of `to` covers: their numbers, and how much of each. The
/// shares add up to `from`.
fn covered(at: usize, to: usize, from: usize) -> impl Iterator<Item = (usize, u32)> {
    let (start, end) = (at * from, (at + 1) * from);
    (start / to..end.div_ceil(to)).map(move |pixel| {
        let share = end.min((pixel + 1) * to) - start.max(pixel * to);
        (pixel, u32::try_from(share).unwrap_or(0))
    })
}

/// The factors from brightness and colour differences to red, green and blue, in 65536ths.
struct Conversion {
    black: i64,
    bright: i64,
    red_v: i64,
    green_u: i64,
    green_v: i64,
    blue_u: i64,
}

impl Conversion {
    /// Streams that do not say how they are coloured are taken as players take them: large ones as
    /// television in high definition, small ones as television was before.
    fn of(colour: Colour, height: usize) -> Self {
        let (red, blue) = match colour.matrix {
            Some(1) => (0.2126, 0.0722),
            Some(5 | 6) => (0.299, 0.114),
            Some(9 | 10) => (0.2627, 0.0593),
            _ if height >= 720 => (0.2126, 0.0722),
            _ => (0.299, 0.114),
        };
        let green = 1.0 - red - blue;
        let (black, bright, spread) =
            if colour.full_range { (0, 1.0, 1.0) } else { (16, 255.0 / 219.0, 255.0 / 224.0) };
        let (red_v, blue_u) = (2.0 * (1.0 - red) * spread, 2.0 * (1.0 - blue) * spread);
        Self {
            black,
            bright: fixed(bright),
            red_v: fixed(red_v),
            green_u: fixed(blue_u * blue / green),
            green_v: fixed(red_v * red / green),
            blue_u: fixed(blue_u),
        }
    }

    fn rgb(&self, y: u8, u: u8, v: u8) -> [u8; 3] {
        let y = (i64::from(y) - self.black) * self.bright + 32_768;
        let (u, v) = (i64::from(u) - 128, i64::from(v) - 128);
        [
            byte((y + v * self.red_v) >> 16),
            byte((y - u * self.green_u - v * self.green_v) >> 16),
            byte((y + u * self.blue_u) >> 16),
        ]
    }
}

#[expect(clippy::cast_possible_truncation, reason = "factors are below 3")]
fn fixed(factor: f64) -> i64 {
    (factor * 65_536.0).round() as i64
}

fn byte(value: i64) -> u8 {
    u8::try_from(value.clamp(0, 255)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn a_plane(width: usize, height: usize, value: impl Fn(usize, usize) -> u8) -> Plane {
        let at = |place: usize| value(place % width, place / width);
        let bytes = (0..width * height).map(at).collect();
        Plane { bytes, stride: width, left: 0, top: 0, width, height }
    }

    const HD: Colour = Colour { matrix: Some(1), full_range: false };

    #[test]
    fn a_smaller_picture_has_the_mean_of_what_it_covers() {
        let halves = a_plane(6, 4, |x, _| if x < 3 { 100 } else { 200 });

        assert_eq!(halves.scaled(2, 1), [100, 200]);
        assert_eq!(halves.scaled(1, 1), [150]);
        // The middle third covers half of each side.
        assert_eq!(halves.scaled(3, 2), [100, 150, 200, 100, 150, 200]);
    }

    #[test]
    fn a_picture_of_the_same_size_is_left_as_it_is() {
        let plane = a_plane(5, 3, |x, y| u8::try_from(x * 40 + y).unwrap());

        assert_eq!(plane.scaled(5, 3), plane.bytes);
    }

    #[test]
    fn colours_come_out_as_they_went_in() {
        let convert = Conversion::of(HD, 1080);

        assert_eq!(convert.rgb(16, 128, 128), [0, 0, 0]);
        assert_eq!(convert.rgb(235, 128, 128), [255, 255, 255]);
        assert_eq!(convert.rgb(63, 102, 240), [255, 1, 0]);
        assert_eq!(convert.rgb(32, 240, 118), [1, 0, 255]);
    }

    #[test]
    fn small_pictures_without_a_word_on_colour_are_taken_as_bt_601() {
        let unsaid = Colour::default();

        assert_eq!(Conversion::of(unsaid, 480).rgb(82, 90, 240), [255, 1, 0]);
        assert_eq!(Conversion::of(unsaid, 1080).rgb(63, 102, 240), [255, 1, 0]);
    }
}
