//! A layer of the set: painted once for a shot, laid into every frame through the camera.

use super::brush::Brush;
use super::num::{count, floor, index, real};
use super::pixels::{self, Walk};
use super::view::View;
use tiny_skia::{Pixmap, Transform};

/// How a layer lies in space.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Lie {
    /// Upright, everything at the same depth.
    Upright,
    /// On the ground: the nearer to the bottom, the closer. `horizon` and `drop` say where.
    Ground { horizon: f32, drop: f32 },
}

/// A painted layer.
#[derive(Debug)]
pub(crate) struct Plate {
    pixels: Pixmap,
    left: f32,
    top: f32,
    /// Pixels to a frame height.
    density: f32,
    pub(crate) depth: f32,
    lie: Lie,
    /// Frame heights a second that it moves by itself, like clouds.
    pub(crate) drift: f32,
    /// First and last row with anything on it.
    rows: (usize, usize),
}

/// The area a plate covers, in frame heights: left, top, right, bottom.
pub(crate) type Area = [f32; 4];

impl Plate {
    /// Paints a new plate of the given area and fineness.
    pub(crate) fn painted(
        area: Area,
        density: f32,
        depth: f32,
        lie: Lie,
        paint: impl FnOnce(&mut Brush<'_>),
    ) -> Option<Self> {
        let [left, top, right, bottom] = area;
        let mut pixels = pixels::sheet((right - left) * density, (bottom - top) * density)?;
        let transform = Transform::from_scale(density, density).pre_translate(-left, -top);
        paint(&mut Brush::new(&mut pixels, transform));
        let mut plate = Self { pixels, left, top, density, depth, lie, drift: 0.0, rows: (0, 0) };
        plate.rows = plate.filled_rows();
        Some(plate)
    }

    /// The same plate showing another picture of the same size.
    pub(crate) fn with(mut self, pixels: Pixmap) -> Self {
        self.pixels = pixels;
        self.rows = self.filled_rows();
        self
    }

    /// Puts the layer out of focus; `radius` in frame heights.
    pub(crate) fn soften(&mut self, radius: f32) {
        pixels::blur(&mut self.pixels, count(radius * self.density));
        self.rows = self.filled_rows();
    }

    fn filled_rows(&self) -> (usize, usize) {
        let stride = self.pixels.width() as usize * 4;
        let filled = |row: &[u8]| row.as_chunks::<4>().0.iter().any(|pixel| pixel[3] > 0);
        let rows = || self.pixels.data().chunks_exact(stride);
        let first = rows().position(filled).unwrap_or(0);
        let last = rows().rposition(filled).map_or(0, |last| last + 1);
        (first, last)
    }

    fn row(&self, at: usize) -> &[u8] {
        let stride = self.pixels.width() as usize * 4;
        self.pixels.data().get(at * stride..(at + 1) * stride).unwrap_or(&[])
    }

    /// Lays the plate into the frame as the camera sees it; `top_row` spares rows that something
    /// in front will cover.
    pub(crate) fn lay(&self, frame: &mut Pixmap, view: &View, scratch: &mut Scratch) {
        let lens = Lens::of(frame);
        scratch.fit(frame.width() as usize);
        match self.lie {
            Lie::Upright => self.lay_upright(frame, view, lens, scratch),
            Lie::Ground { horizon, drop } => {
                self.lay_ground(frame, view, lens, (horizon, drop), scratch);
            }
        }
    }

    fn lay_upright(&self, frame: &mut Pixmap, view: &View, lens: Lens, scratch: &mut Scratch) {
        let origin = view.trace(lens.spot(0.5, 0.5), self.depth);
        let next = view.trace(lens.spot(1.5, 1.5), self.depth);
        let step = (next.1 - origin.1) * self.density;
        let walk = Walk::new((origin.0 - self.left) * self.density - 0.5, step);
        let start = (origin.1 - self.top) * self.density - 0.5;
        let (first, last) = self.rows;
        let lowest = index(self.pixels.height() as usize) - 1.001;
        scratch.forget();
        let stride = frame.width() as usize * 4;
        for (at, line) in frame.data_mut().chunks_exact_mut(stride).enumerate() {
            let source = (start + step * index(at)).min(lowest.max(0.0));
            let upper = floor(source);
            let share = byte_share(source);
            let Ok(upper) = usize::try_from(upper.max(0)) else { continue };
            if source < -1.0 || upper + 1 < first || upper >= last.max(1) {
                continue;
            }
            scratch.load(self, upper, walk);
            pixels::lay(line, scratch.between(share));
        }
    }

    fn lay_ground(
        &self,
        frame: &mut Pixmap,
        view: &View,
        lens: Lens,
        (horizon, drop): (f32, f32),
        scratch: &mut Scratch,
    ) {
        let stride = frame.width() as usize * 4;
        let drop_now = (drop - view.truck.1).max(0.02);
        for (at, line) in frame.data_mut().chunks_exact_mut(stride).enumerate() {
            let seen = lens.spot(0.5, index(at) + 0.5);
            let below = seen.1 / view.zoom + view.pan.1 - horizon;
            if below <= 0.0 {
                continue;
            }
            let near = drop_now / below;
            let depth = near + view.dolly;
            let y = horizon + drop / depth;
            let sideways = |x: f32| ((x / view.zoom + view.pan.0) * near + view.truck.0) / depth;
            let left = sideways(seen.0);
            let step = (sideways(lens.spot(1.5, 0.0).0) - left) * self.density;
            let walk = Walk::new((left - self.left) * self.density - 0.5, step);
            let lowest = index(self.pixels.height() as usize) - 1.001;
            let source = ((y - self.top) * self.density - 0.5).clamp(0.0, lowest.max(0.0));
            let Ok(upper) = usize::try_from(floor(source)) else { continue };
            scratch.forget();
            scratch.load(self, upper, walk);
            pixels::lay(line, scratch.between(byte_share(source)));
        }
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a fraction")]
fn byte_share(value: f32) -> u32 {
    ((value - value.floor()) * 256.0) as u32
}

/// From pixels to frame heights around the centre.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lens {
    middle: (f32, f32),
    height: f32,
}

impl Lens {
    pub(crate) fn of(frame: &Pixmap) -> Self {
        let height = real(frame.height());
        Self { middle: (real(frame.width()) / 2.0, height / 2.0), height }
    }

    /// The measure at a pixel.
    pub(crate) fn spot(&self, x: f32, y: f32) -> (f32, f32) {
        ((x - self.middle.0) / self.height, (y - self.middle.1) / self.height)
    }

    /// The pixel at a measure.
    pub(crate) fn pixel(&self, spot: (f32, f32)) -> (f32, f32) {
        (spot.0 * self.height + self.middle.0, spot.1 * self.height + self.middle.1)
    }

    pub(crate) fn transform(&self) -> Transform {
        Transform::from_translate(self.middle.0, self.middle.1).pre_scale(self.height, self.height)
    }
}

/// Rows that were read already and may serve the next line of the frame too.
#[derive(Debug, Default)]
pub(crate) struct Scratch {
    upper: Vec<u32>,
    lower: Vec<u32>,
    mixed: Vec<u32>,
    holds: Option<usize>,
}

impl Scratch {
    fn fit(&mut self, width: usize) {
        for row in [&mut self.upper, &mut self.lower, &mut self.mixed] {
            row.resize(width, 0);
        }
    }

    fn forget(&mut self) {
        self.holds = None;
    }

    /// Reads the source rows `upper` and the one below it.
    fn load(&mut self, plate: &Plate, upper: usize, walk: Walk) {
        if self.holds == Some(upper) {
            return;
        }
        if upper > 0 && self.holds == Some(upper - 1) {
            std::mem::swap(&mut self.upper, &mut self.lower);
        } else {
            pixels::resample(plate.row(upper), walk, &mut self.upper);
        }
        let below = (upper + 1).min(plate.pixels.height() as usize - 1);
        pixels::resample(plate.row(below), walk, &mut self.lower);
        self.holds = Some(upper);
    }

    fn between(&mut self, share: u32) -> &[u32] {
        if share == 0 {
            return &self.upper;
        }
        let rows = self.upper.iter().zip(&self.lower);
        for (out, (&upper, &lower)) in self.mixed.iter_mut().zip(rows) {
            *out = pixels::blend(upper, lower, share);
        }
        &self.mixed
    }
}
