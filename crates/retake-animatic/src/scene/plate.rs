//! A layer of the set: painted once for a shot, laid into every frame through the camera.
//!
//! Laying is where most of the time goes, so a plate knows which of its parts are empty and from
//! where on nothing behind it can be seen.

use super::brush::Brush;
use super::num::{count, floor, index, real};
use super::pixels::{self, Walk};
use super::view::{INFINITY, View};
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
    pub(crate) lie: Lie,
    /// Frame heights a second that it moves by itself, like clouds.
    pub(crate) drift: f32,
    /// What is where, for every few rows.
    blocks: Vec<Block>,
    /// The row from which on everything is opaque.
    solid: usize,
}

/// Rows that are looked at together.
const BLOCK: usize = 8;
/// Gaps narrower than this are not worth skipping.
const GAP: usize = 24;

/// The parts of a few rows that have something on them.
#[derive(Clone, Debug, Default)]
struct Block {
    runs: Vec<(usize, usize)>,
    opaque: bool,
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
        let plate = Self {
            pixels,
            left,
            top,
            density,
            depth,
            lie,
            drift: 0.0,
            blocks: Vec::new(),
            solid: 0,
        };
        Some(plate.surveyed())
    }

    /// The same plate showing another picture of the same size.
    pub(crate) fn with(mut self, pixels: Pixmap) -> Self {
        self.pixels = pixels;
        self.surveyed()
    }

    /// Puts the layer out of focus; `radius` in frame heights.
    pub(crate) fn softened(mut self, radius: f32) -> Self {
        pixels::blur(&mut self.pixels, count(radius * self.density));
        self.surveyed()
    }

    /// Several plates as one that lies where the last of them does.
    pub(crate) fn merged(plates: &[Self], area: Area) -> Option<Self> {
        let last = plates.last()?;
        let density = plates.iter().map(|plate| plate.density).fold(1.0, f32::max);
        let mut merged = Self::painted(area, density, last.depth, Lie::Upright, |_| {})?;
        let lens = Lens { middle: (-area[0] * density, -area[1] * density), height: density };
        let mut scratch = Scratch::default();
        let rows = merged.pixels.height() as usize;
        for plate in plates {
            plate.lay_through(&mut merged.pixels, &View::REST, lens, rows, &mut scratch);
        }
        Some(merged.surveyed())
    }

    /// Finds out what is where.
    fn surveyed(mut self) -> Self {
        let rows = self.pixels.height() as usize;
        self.blocks = (0..rows.div_ceil(BLOCK)).map(|at| self.survey(at * BLOCK)).collect();
        let solid = |row: &usize| self.row(*row).as_chunks::<4>().0.iter().all(|p| p[3] == 255);
        self.solid = rows - (0..rows).rev().take_while(solid).count();
        self
    }

    fn survey(&self, first: usize) -> Block {
        let width = self.pixels.width() as usize;
        let rows: Vec<&[[u8; 4]]> =
            (first..=first + BLOCK).map(|row| self.row(row).as_chunks::<4>().0).collect();
        let mut block = Block { runs: Vec::new(), opaque: true };
        for x in 0..width {
            let alphas = || rows.iter().filter_map(|row| row.get(x)).map(|pixel| pixel[3]);
            block.opaque &= alphas().all(|alpha| alpha == 255);
            if alphas().any(|alpha| alpha > 0) {
                match block.runs.last_mut() {
                    Some(last) if x <= last.1 + GAP => last.1 = x + 1,
                    _ => block.runs.push((x, x + 1)),
                }
            }
        }
        block
    }

    fn row(&self, at: usize) -> &[u8] {
        let stride = self.pixels.width() as usize * 4;
        self.pixels.data().get(at * stride..(at + 1) * stride).unwrap_or(&[])
    }

    /// The line of the frame below which nothing behind this plate can be seen.
    pub(crate) fn covers_from(&self, lens: Lens, view: &View) -> f32 {
        let (spot, depth) = match self.lie {
            Lie::Ground { horizon, .. } if self.solid <= 8 => (horizon, INFINITY),
            _ => (self.top + (index(self.solid) + 1.0) / self.density, self.depth),
        };
        if self.solid >= self.pixels.height() as usize {
            return f32::MAX;
        }
        lens.pixel(view.project((0.0, spot), depth)).1 + 2.0
    }

    /// Lays the plate into the frame as the camera sees it, down to the row `limit`.
    pub(crate) fn lay(&self, frame: &mut Pixmap, view: &View, limit: usize, scratch: &mut Scratch) {
        let lens = Lens::of(frame);
        self.lay_through(frame, view, lens, limit, scratch);
    }

    fn lay_through(
        &self,
        frame: &mut Pixmap,
        view: &View,
        lens: Lens,
        limit: usize,
        scratch: &mut Scratch,
    ) {
        scratch.fit(frame.width() as usize);
        match self.lie {
            Lie::Upright => self.lay_upright(frame, view, lens, limit, scratch),
            Lie::Ground { horizon, drop } => {
                self.lay_ground(frame, view, lens, (horizon, drop), scratch);
            }
        }
    }

    fn lay_upright(
        &self,
        frame: &mut Pixmap,
        view: &View,
        lens: Lens,
        limit: usize,
        scratch: &mut Scratch,
    ) {
        let origin = view.trace(lens.spot(0.5, 0.5), self.depth);
        let next = view.trace(lens.spot(1.5, 1.5), self.depth);
        let step = (next.1 - origin.1) * self.density;
        let walk = Walk::new((origin.0 - self.left) * self.density - 0.5, step);
        let start = (origin.1 - self.top) * self.density - 0.5;
        let lowest = index(self.pixels.height() as usize) - 1.001;
        let width = frame.width() as usize;
        scratch.forget();
        let lines = frame.data_mut().chunks_exact_mut(width * 4);
        for (at, line) in lines.enumerate().take(limit) {
            let source = (start + step * index(at)).min(lowest.max(0.0));
            let Ok(upper) = usize::try_from(floor(source.max(0.0))) else { continue };
            let Some(block) = self.blocks.get(upper / BLOCK) else { continue };
            if source < -1.0 || block.runs.is_empty() {
                continue;
            }
            let ranges = scratch.ranges_for(upper / BLOCK, || self.ranges(block, walk, width));
            scratch.load(self, upper, walk, &ranges);
            scratch.lay(line, byte_share(source), &ranges, block.opaque);
            scratch.keep(ranges);
        }
    }

    /// Where the parts of a block fall in a line of the frame.
    fn ranges(&self, block: &Block, walk: Walk, width: usize) -> Vec<(usize, usize)> {
        if !walk.stays(width, self.pixels.width() as usize) {
            return vec![(0, width)];
        }
        let mut ranges: Vec<(usize, usize)> = Vec::new();
        for &(left, right) in &block.runs {
            let (from, to) = walk.over(left, right, width);
            match ranges.last_mut() {
                Some(last) if from <= last.1 => last.1 = last.1.max(to),
                _ if from < to => ranges.push((from, to)),
                _ => {}
            }
        }
        ranges
    }

    fn lay_ground(
        &self,
        frame: &mut Pixmap,
        view: &View,
        lens: Lens,
        (horizon, drop): (f32, f32),
        scratch: &mut Scratch,
    ) {
        let width = frame.width() as usize;
        let drop_now = (drop - view.truck.1).max(0.02);
        // Without a move in depth rows stay rows; the nearest one is exact enough.
        let level = view.dolly == 0.0 && view.truck.1 == 0.0;
        let whole = [(0, width)];
        for (at, line) in frame.data_mut().chunks_exact_mut(width * 4).enumerate() {
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
            let source = if level { (source + 0.5).floor().min(lowest.floor()) } else { source };
            let Ok(upper) = usize::try_from(floor(source)) else { continue };
            let opaque = self.blocks.get(upper / BLOCK).is_some_and(|block| block.opaque);
            if level && opaque {
                pixels::resample(self.row(upper), walk, line);
                continue;
            }
            scratch.forget();
            scratch.load(self, upper, walk, &whole);
            scratch.lay(line, byte_share(source), &whole, opaque);
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
    upper: Vec<u8>,
    lower: Vec<u8>,
    mixed: Vec<u8>,
    holds: Option<usize>,
    /// The ranges of the block at hand.
    block: Option<usize>,
    ranges: Vec<(usize, usize)>,
}

impl Scratch {
    fn fit(&mut self, width: usize) {
        for row in [&mut self.upper, &mut self.lower, &mut self.mixed] {
            row.resize(width * 4, 0);
        }
    }

    fn forget(&mut self) {
        self.holds = None;
        self.block = None;
    }

    /// The ranges of a block; they are worked out once, and rows read for another block are not
    /// trusted.
    fn ranges_for(
        &mut self,
        block: usize,
        ranges: impl FnOnce() -> Vec<(usize, usize)>,
    ) -> Vec<(usize, usize)> {
        if self.block != Some(block) {
            self.block = Some(block);
            self.holds = None;
            self.ranges = ranges();
        }
        std::mem::take(&mut self.ranges)
    }

    fn keep(&mut self, ranges: Vec<(usize, usize)>) {
        self.ranges = ranges;
    }

    /// Reads the source rows `upper` and the one below it.
    fn load(&mut self, plate: &Plate, upper: usize, walk: Walk, ranges: &[(usize, usize)]) {
        if self.holds == Some(upper) {
            return;
        }
        let read = |row: &[u8], into: &mut [u8]| {
            for &(from, to) in ranges {
                if let Some(into) = into.get_mut(from * 4..to * 4) {
                    pixels::resample(row, walk.after(from), into);
                }
            }
        };
        if upper > 0 && self.holds == Some(upper - 1) {
            std::mem::swap(&mut self.upper, &mut self.lower);
        } else {
            read(plate.row(upper), &mut self.upper);
        }
        let below = (upper + 1).min(plate.pixels.height() as usize - 1);
        read(plate.row(below), &mut self.lower);
        self.holds = Some(upper);
    }

    /// Lays what lies between the two rows over a line of the frame.
    fn lay(&mut self, line: &mut [u8], share: u32, ranges: &[(usize, usize)], opaque: bool) {
        for &(from, to) in ranges {
            let (from, to) = (from * 4, to * 4);
            let (Some(upper), Some(lower)) = (self.upper.get(from..to), self.lower.get(from..to))
            else {
                continue;
            };
            let Some(line) = line.get_mut(from..to) else { continue };
            if opaque && share == 0 {
                line.copy_from_slice(upper);
            } else if opaque {
                pixels::blend_rows(upper, lower, share, line);
            } else if share == 0 {
                pixels::lay(line, upper);
            } else if let Some(mixed) = self.mixed.get_mut(from..to) {
                pixels::blend_rows(upper, lower, share, mixed);
                pixels::lay(line, mixed);
            }
        }
    }
}
