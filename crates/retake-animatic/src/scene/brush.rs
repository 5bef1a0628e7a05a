//! A brush: shapes in measures of the picture, on a pixmap of any size.

use super::ink::Ink;
use tiny_skia::{
    BlendMode, FillRule, GradientStop, LineCap, LineJoin, LinearGradient, Paint, Path, PathBuilder,
    Pixmap, Point, RadialGradient, Rect, Shader, SpreadMode, Stroke, Transform,
};

pub(crate) type Spot = (f32, f32);

/// Spots written as one row of numbers: x, y, x, y.
pub(crate) fn spots<const N: usize>(row: [f32; N]) -> Vec<Spot> {
    row.as_chunks::<2>().0.iter().map(|[x, y]| (*x, *y)).collect()
}

/// Draws on a pixmap through a transform, so that shapes keep their own measures.
pub(crate) struct Brush<'p> {
    pixmap: &'p mut Pixmap,
    pub(crate) transform: Transform,
    blend: BlendMode,
}

impl<'p> Brush<'p> {
    pub(crate) fn new(pixmap: &'p mut Pixmap, transform: Transform) -> Self {
        Self { pixmap, transform, blend: BlendMode::SourceOver }
    }

    /// The same brush with a transform applied before its own.
    pub(crate) fn placed(&mut self, transform: Transform) -> Brush<'_> {
        let transform = self.transform.pre_concat(transform);
        Brush { pixmap: self.pixmap, transform, blend: self.blend }
    }

    /// The same brush, moved and scaled.
    pub(crate) fn at(&mut self, x: f32, y: f32, scale: f32) -> Brush<'_> {
        self.placed(Transform::from_translate(x, y).pre_scale(scale, scale))
    }

    /// The same brush, moved, turned by degrees.
    pub(crate) fn turned(&mut self, x: f32, y: f32, degrees: f32) -> Brush<'_> {
        self.placed(Transform::from_translate(x, y).pre_rotate(degrees))
    }

    /// The same brush adding light instead of covering.
    pub(crate) fn light(&mut self) -> Brush<'_> {
        Brush { pixmap: self.pixmap, transform: self.transform, blend: BlendMode::Plus }
    }

    /// The same brush painting only over what is already there.
    pub(crate) fn within(&mut self) -> Brush<'_> {
        Brush { pixmap: self.pixmap, transform: self.transform, blend: BlendMode::SourceAtop }
    }

    fn paint<'s>(&self, shader: Shader<'s>) -> Paint<'s> {
        Paint { shader, blend_mode: self.blend, anti_alias: true, ..Paint::default() }
    }

    pub(crate) fn fill(&mut self, path: &Path, ink: Ink) {
        let paint = self.paint(Shader::SolidColor(ink.colour()));
        self.pixmap.fill_path(path, &paint, FillRule::Winding, self.transform, None);
    }

    /// Fills with a straight gradient from one spot to another.
    pub(crate) fn shade(&mut self, path: &Path, from: (Spot, Ink), to: (Spot, Ink)) {
        let stops =
            vec![GradientStop::new(0.0, from.1.colour()), GradientStop::new(1.0, to.1.colour())];
        let shader = LinearGradient::new(
            Point::from(from.0),
            Point::from(to.0),
            stops,
            SpreadMode::Pad,
            Transform::identity(),
        );
        let paint = self.paint(shader.unwrap_or(Shader::SolidColor(from.1.colour())));
        self.pixmap.fill_path(path, &paint, FillRule::Winding, self.transform, None);
    }

    pub(crate) fn blob(&mut self, spots: &[Spot], ink: Ink) {
        if let Some(path) = blob(spots) {
            self.fill(&path, ink);
        }
    }

    /// A rounded shape, lit from above.
    pub(crate) fn blob_shaded(&mut self, spots: &[Spot], top: Ink, bottom: Ink) {
        if let Some(path) = blob(spots) {
            let bounds = path.bounds();
            let from = ((bounds.left(), bounds.top()), top);
            self.shade(&path, from, ((bounds.left(), bounds.bottom()), bottom));
        }
    }

    pub(crate) fn polygon(&mut self, spots: &[Spot], ink: Ink) {
        if let Some(path) = polygon(spots) {
            self.fill(&path, ink);
        }
    }

    pub(crate) fn polygon_shaded(&mut self, spots: &[Spot], top: Ink, bottom: Ink) {
        if let Some(path) = polygon(spots) {
            let bounds = path.bounds();
            let from = ((bounds.left(), bounds.top()), top);
            self.shade(&path, from, ((bounds.left(), bounds.bottom()), bottom));
        }
    }

    pub(crate) fn rect(&mut self, left: f32, top: f32, width: f32, height: f32, ink: Ink) {
        if let Some(rect) = Rect::from_xywh(left, top, width, height) {
            let paint = self.paint(Shader::SolidColor(ink.colour()));
            self.pixmap.fill_rect(rect, &paint, self.transform, None);
        }
    }

    /// Cuts a hole, so that what lies behind shows through.
    pub(crate) fn clear(&mut self, left: f32, top: f32, width: f32, height: f32) {
        if let Some(rect) = Rect::from_xywh(left, top, width, height) {
            let paint = Paint { blend_mode: BlendMode::Clear, ..Paint::default() };
            self.pixmap.fill_rect(rect, &paint, self.transform, None);
        }
    }

    /// A rectangle with a vertical gradient.
    pub(crate) fn rect_shaded(&mut self, area: [f32; 4], top: Ink, bottom: Ink) {
        let [left, y, width, height] = area;
        self.polygon_shaded(
            &[(left, y), (left + width, y), (left + width, y + height), (left, y + height)],
            top,
            bottom,
        );
    }

    pub(crate) fn round(&mut self, area: [f32; 4], radius: f32, ink: Ink) {
        if let Some(path) = rounded(area, radius) {
            self.fill(&path, ink);
        }
    }

    pub(crate) fn round_shaded(&mut self, area: [f32; 4], radius: f32, top: Ink, bottom: Ink) {
        if let Some(path) = rounded(area, radius) {
            let from = ((area[0], area[1]), top);
            self.shade(&path, from, ((area[0], area[1] + area[3]), bottom));
        }
    }

    pub(crate) fn oval(&mut self, x: f32, y: f32, wide: f32, high: f32, ink: Ink) {
        if let Some(path) = oval(x, y, wide, high) {
            self.fill(&path, ink);
        }
    }

    pub(crate) fn oval_shaded(&mut self, area: [f32; 4], top: Ink, bottom: Ink) {
        let [x, y, wide, high] = area;
        if let Some(path) = oval(x, y, wide, high) {
            self.shade(&path, ((x, y - high), top), ((x, y + high), bottom));
        }
    }

    pub(crate) fn circle(&mut self, x: f32, y: f32, radius: f32, ink: Ink) {
        self.oval(x, y, radius, radius, ink);
    }

    /// A limb: thick at one end, thinner at the other, round at both.
    pub(crate) fn limb(&mut self, from: Spot, to: Spot, thick: f32, thin: f32, ink: Ink) {
        let (dx, dy) = (to.0 - from.0, to.1 - from.1);
        let length = dx.hypot(dy).max(1e-5);
        let (nx, ny) = (-dy / length, dx / length);
        self.circle(from.0, from.1, thick, ink);
        self.circle(to.0, to.1, thin, ink);
        self.polygon(
            &[
                (from.0 + nx * thick, from.1 + ny * thick),
                (to.0 + nx * thin, to.1 + ny * thin),
                (to.0 - nx * thin, to.1 - ny * thin),
                (from.0 - nx * thick, from.1 - ny * thick),
            ],
            ink,
        );
    }

    pub(crate) fn line(&mut self, spots: &[Spot], width: f32, ink: Ink) {
        let mut builder = PathBuilder::new();
        for (at, spot) in spots.iter().enumerate() {
            if at == 0 { builder.move_to(spot.0, spot.1) } else { builder.line_to(spot.0, spot.1) }
        }
        if let Some(path) = builder.finish() {
            self.stroke(&path, width, ink);
        }
    }

    /// A smooth open line through the spots.
    pub(crate) fn curve(&mut self, spots: &[Spot], width: f32, ink: Ink) {
        if let Some(path) = curve(spots) {
            self.stroke(&path, width, ink);
        }
    }

    pub(crate) fn stroke(&mut self, path: &Path, width: f32, ink: Ink) {
        let paint = self.paint(Shader::SolidColor(ink.colour()));
        let stroke = Stroke {
            width,
            line_cap: LineCap::Round,
            line_join: LineJoin::Round,
            ..Stroke::default()
        };
        self.pixmap.stroke_path(path, &paint, &stroke, self.transform, None);
    }

    /// A soft round patch that fades to nothing.
    pub(crate) fn glow(&mut self, x: f32, y: f32, wide: f32, high: f32, ink: Ink) {
        let Some(path) = oval(0.0, 0.0, 1.0, 1.0) else { return };
        let fade = |share: f32| ink.alpha(ink.alpha * share).colour();
        let stops = vec![
            GradientStop::new(0.0, fade(1.0)),
            GradientStop::new(0.25, fade(0.62)),
            GradientStop::new(0.55, fade(0.2)),
            GradientStop::new(1.0, fade(0.0)),
        ];
        let center = Point::from_xy(0.0, 0.0);
        let shader = RadialGradient::new(
            center,
            0.0,
            center,
            1.0,
            stops,
            SpreadMode::Pad,
            Transform::identity(),
        );
        let Some(shader) = shader else { return };
        let paint = self.paint(shader);
        let transform =
            self.transform.pre_concat(Transform::from_translate(x, y).pre_scale(wide, high));
        self.pixmap.fill_path(&path, &paint, FillRule::Winding, transform, None);
    }
}

pub(crate) fn polygon(spots: &[Spot]) -> Option<Path> {
    let mut builder = PathBuilder::new();
    for (at, spot) in spots.iter().enumerate() {
        if at == 0 { builder.move_to(spot.0, spot.1) } else { builder.line_to(spot.0, spot.1) }
    }
    builder.close();
    builder.finish()
}

pub(crate) fn oval(x: f32, y: f32, wide: f32, high: f32) -> Option<Path> {
    PathBuilder::from_oval(Rect::from_xywh(x - wide, y - high, wide * 2.0, high * 2.0)?)
}

pub(crate) fn rounded(area: [f32; 4], radius: f32) -> Option<Path> {
    let [left, top, width, height] = area;
    let radius = radius.min(width / 2.0).min(height / 2.0);
    let (right, bottom) = (left + width, top + height);
    let mut path = PathBuilder::new();
    path.move_to(left + radius, top);
    path.line_to(right - radius, top);
    path.quad_to(right, top, right, top + radius);
    path.line_to(right, bottom - radius);
    path.quad_to(right, bottom, right - radius, bottom);
    path.line_to(left + radius, bottom);
    path.quad_to(left, bottom, left, bottom - radius);
    path.line_to(left, top + radius);
    path.quad_to(left, top, left + radius, top);
    path.close();
    path.finish()
}

/// A smooth closed shape through the spots (Catmull-Rom).
pub(crate) fn blob(spots: &[Spot]) -> Option<Path> {
    let count = spots.len();
    if count < 3 {
        return None;
    }
    let mut path = PathBuilder::new();
    path.move_to(spots[0].0, spots[0].1);
    for at in 0..count {
        let spot = |offset: usize| spots[(at + offset + count - 1) % count];
        bend(&mut path, [spot(0), spot(1), spot(2), spot(3)]);
    }
    path.close();
    path.finish()
}

/// A smooth open line through the spots.
pub(crate) fn curve(spots: &[Spot]) -> Option<Path> {
    let last = spots.len().checked_sub(1)?;
    let mut path = PathBuilder::new();
    path.move_to(spots.first()?.0, spots.first()?.1);
    for at in 0..last {
        let spot = |offset: usize| spots[(at + offset).saturating_sub(1).min(last)];
        bend(&mut path, [spot(0), spot(1), spot(2), spot(3)]);
    }
    path.finish()
}

fn bend(path: &mut PathBuilder, spots: [Spot; 4]) {
    let [before, from, to, after] = spots;
    path.cubic_to(
        from.0 + (to.0 - before.0) / 6.0,
        from.1 + (to.1 - before.1) / 6.0,
        to.0 - (after.0 - from.0) / 6.0,
        to.1 - (after.1 - from.1) / 6.0,
        to.0,
        to.1,
    );
}
