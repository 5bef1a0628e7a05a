//! Light on a drawn figure: what faces the key light brightens, what turns away darkens, and a
//! thin rim separates it from the set.
//!
//! The outline is taken as a hill: softened, its slope says where a surface would face. That
//! gives every silhouette volume, whatever it depicts, for the price of one small blur.

use super::ink::Ink;
use super::pixels;
use tiny_skia::Pixmap;

/// How a figure is lit.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Relief {
    /// Towards the key light, as a unit vector.
    pub(crate) toward: (f32, f32),
    /// The light added on the near side.
    pub(crate) key: Ink,
    /// How much of the colour remains on the far side.
    pub(crate) shade: Ink,
    /// Strength of the thin bright edge.
    pub(crate) rim: f32,
    /// How many pixels the volume spans.
    pub(crate) span: f32,
}

/// How much smaller the softened outline is kept.
const COARSE: usize = 4;

/// Lights what is drawn within `area` (left, top, right, bottom in pixels).
pub(crate) fn light(pixmap: &mut Pixmap, area: [usize; 4], relief: &Relief) {
    let [left, top, right, bottom] = area;
    let radius = super::num::count(relief.span / 10.0).clamp(1, 9);
    let Some(outline) = Outline::of(pixmap, area, radius, relief.toward) else { return };
    let width = pixmap.width() as usize;
    let key = channels(relief.key.scaled(0.42));
    let shade = channels(relief.shade).map(|part| 256 - part);
    let rim = channels(relief.key.scaled(relief.rim));
    let reach = super::num::count(relief.span / 34.0).clamp(1, 6);
    let offset = rim_offset(relief.toward, reach, width);
    let limit = width * pixmap.height() as usize;
    for y in top..bottom {
        for x in left..right {
            let at = y * width + x;
            let pixels = pixmap.data().as_chunks::<4>().0;
            let pixel = pixels[at];
            if pixel[3] == 0 {
                continue;
            }
            let faces = outline.facing(x - left, y - top);
            let ahead = at.checked_add_signed(offset).filter(|ahead| *ahead < limit);
            let open = 255 - ahead.map_or(0, |ahead| i32::from(pixels[ahead][3]));
            if faces == 0 && open == 0 {
                continue;
            }
            let alpha = i32::from(pixel[3]);
            let mut lit = pixel;
            for channel in 0..3 {
                let base = i32::from(pixel[channel]);
                let gain = if faces > 0 {
                    faces * key[channel] * (base + 70) / 65536
                } else {
                    faces * shade[channel] * base / 65536
                };
                let edge = open * rim[channel] * alpha / 65025;
                lit[channel] = u8::try_from((base + gain + edge).clamp(0, alpha)).unwrap_or(0);
            }
            pixmap.data_mut().as_chunks_mut::<4>().0[at] = lit;
        }
    }
}

fn rim_offset(toward: (f32, f32), reach: usize, width: usize) -> isize {
    let step = |part: f32| super::num::floor(part * super::num::index(reach) + 0.5);
    let sideways = isize::try_from(step(toward.0)).unwrap_or(0);
    let down = isize::try_from(step(toward.1)).unwrap_or(0);
    sideways + down * isize::try_from(width).unwrap_or(0)
}

fn fixed(value: f32) -> i32 {
    super::num::floor(value * 256.0)
}

/// A part of a colour or direction in 256ths.
fn channels(ink: Ink) -> [i32; 3] {
    [ink.red, ink.green, ink.blue].map(|part| fixed(part.max(0.0)))
}

/// How much the softened outline faces the light, kept small.
struct Outline {
    slopes: Vec<i32>,
    width: usize,
}

impl Outline {
    fn of(pixmap: &Pixmap, area: [usize; 4], radius: usize, toward: (f32, f32)) -> Option<Self> {
        let [left, top, right, bottom] = area;
        let (width, height) = ((right - left) / COARSE + 4, (bottom - top) / COARSE + 4);
        let (wide, high) = (u32::try_from(width).ok()?, u32::try_from(height).ok()?);
        let mut small = Pixmap::new(wide, high)?;
        let stride = pixmap.width() as usize;
        let pixels = pixmap.data().as_chunks::<4>().0;
        let outs = small.data_mut().as_chunks_mut::<4>().0;
        for (at, out) in outs.iter_mut().enumerate() {
            let (x, y) = ((at % width).wrapping_sub(1), (at / width).wrapping_sub(1));
            let (x, y) = (left.wrapping_add(x.wrapping_mul(COARSE)), y.wrapping_mul(COARSE));
            let y = top.wrapping_add(y);
            if (left..right).contains(&x) && (top..bottom).contains(&y) {
                out[3] = pixels[y * stride + x][3];
            }
        }
        pixels::blur(&mut small, radius);
        let heights: Vec<i32> =
            small.data().as_chunks::<4>().0.iter().map(|out| i32::from(out[3])).collect();
        let read = |at: usize| heights.get(at).copied().unwrap_or(0);
        let toward = [fixed(toward.0), fixed(toward.1)];
        let gain = i32::try_from(radius).unwrap_or(1) * 2 + 1;
        let slopes = (0..heights.len())
            .map(|at| {
                let across = read(at + 1) - read(at.saturating_sub(1));
                let down = read(at + width) - read(at.saturating_sub(width));
                // The ground falls away towards the light where the surface faces it.
                (-(across * toward[0] + down * toward[1]) * gain / 512).clamp(-255, 255)
            })
            .collect();
        Some(Self { slopes, width })
    }

    /// How much the surface at a pixel faces the light: positive towards it.
    fn facing(&self, x: usize, y: usize) -> i32 {
        let at = (y / COARSE + 1) * self.width + x / COARSE + 1;
        let read = |at: usize| self.slopes.get(at).copied().unwrap_or(0);
        let (fx, fy) = (x % COARSE, y % COARSE);
        let upper = mix(read(at), read(at + 1), fx);
        let lower = mix(read(at + self.width), read(at + self.width + 1), fx);
        mix(upper, lower, fy)
    }
}

fn mix(from: i32, to: i32, share: usize) -> i32 {
    let share = i32::try_from(share).unwrap_or(0);
    (from * (4 - share) + to * share) / 4
}
