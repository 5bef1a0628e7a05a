//! The stage of a shot: how the space is laid out, and the layers that are built into it.
//!
//! Places (`scene/places`) build a stage once, back to front; the camera then looks at it in every
//! frame. Measures are frame heights from the centre of the picture, y downwards. The ground runs
//! from the horizon to the bottom; something `depth` away stands at [`Setting::foot`].

use crate::scene::brush::Brush;
use crate::scene::chance::Chance;
use crate::scene::light::Light;
use crate::scene::live::Live;
use crate::scene::num::{index, mix};
use crate::scene::plate::{Area, Lie, Plate};
use crate::scene::view::{self, Clock, INFINITY, View};
use crate::scene::water::Water;
use crate::storyboard::{Angle, Family, Framing, Move, Shot};

/// The space of a shot: everything a place has to know to be drawn.
#[derive(Clone, Debug)]
pub(crate) struct Setting {
    pub(crate) shot: Shot,
    pub(crate) light: Light,
    pub(crate) aspect: f32,
    /// Where sky and ground meet.
    pub(crate) horizon: f32,
    /// How far below the horizon the subject stands.
    pub(crate) drop: f32,
    /// A metre at the subject's depth.
    pub(crate) metre: f32,
    /// How much the set is enlarged behind a close subject.
    pub(crate) enlarged: f32,
    /// How far out of focus the set is, in frame heights.
    pub(crate) blur: f32,
    pub(crate) seed: u64,
}

impl Setting {
    /// Lays out the space that a shot asks for.
    pub(crate) fn of(shot: &Shot, aspect: f32, seed: u64) -> Self {
        let mut chance = Chance::new(seed, 3);
        // Tall pictures need their ground lower and their people smaller.
        let tall = if aspect < 0.9 { 0.8 } else { 1.0 };
        let (horizon, drop) = match (shot.angle, shot.camera) {
            (Angle::Low, _) => (0.27, 0.09),
            (Angle::Top, _) => (-0.62, 0.8),
            (Angle::High, _) => (-0.2, 0.46),
            (_, Move::Aerial) => (-0.16, 0.42),
            (Angle::Pov, _) => (0.02, 0.34),
            _ => (0.04, 0.28),
        };
        let (metre, enlarged, blur) = match shot.framing {
            Framing::ExtremeWide => (0.085, 1.0, 0.0),
            Framing::Wide => (0.24, 1.0, 0.0),
            Framing::Medium => (0.34, 1.25, 0.0035),
            Framing::Close => (0.5, 1.55, 0.009),
            Framing::ExtremeClose => (0.7, 2.0, 0.016),
        };
        let side = if chance.odds(0.5) { 1.0 } else { -1.0 };
        let empty = shot.cast.is_empty();
        Self {
            light: Light::of(shot, aspect, side),
            shot: shot.clone(),
            aspect,
            horizon: horizon + if aspect < 0.9 { 0.06 } else { 0.0 },
            drop,
            metre: metre * tall,
            enlarged: if empty { 1.0 } else { enlarged },
            blur: if empty { 0.0 } else { blur },
            seed,
        }
    }

    /// Where something so far away stands on the ground.
    pub(crate) fn foot(&self, depth: f32) -> f32 {
        self.horizon + self.drop / depth
    }

    /// A metre so far away.
    pub(crate) fn metre_at(&self, depth: f32) -> f32 {
        self.metre / depth
    }

    /// A generator for one purpose.
    pub(crate) fn chance(&self, salt: u64) -> Chance {
        Chance::new(self.seed, salt)
    }

    pub(crate) fn allows(&self, family: Family) -> bool {
        self.shot.allows(family)
    }

    /// The camera as the set sees it, enlarged about the horizon for close framings.
    pub(crate) fn set_view(&self, view: View, travelled: f32) -> View {
        let focus = self.horizon * 0.5;
        View {
            pan: (
                view.pan.0 / self.enlarged,
                view.pan.1 / self.enlarged + focus * (1.0 - 1.0 / self.enlarged),
            ),
            truck: (view.truck.0 + travelled, view.truck.1),
            zoom: view.zoom * self.enlarged,
            ..view
        }
    }
}

/// One layer of the stage.
#[derive(Debug)]
pub(crate) enum Layer {
    Plate(Plate),
    Water(Water),
    Live(Live),
}

/// The built stage.
#[derive(Debug)]
pub(crate) struct Stage {
    pub(crate) setting: Setting,
    /// Layers behind the subject, back to front.
    pub(crate) behind: Vec<Layer>,
    /// Layers before it.
    pub(crate) before: Vec<Layer>,
    views: Vec<View>,
    density: f32,
}

impl Stage {
    /// An empty stage; `height` in pixels, `travel` how far the subject will lead the camera.
    pub(crate) fn new(setting: Setting, height: f32, clock: &Clock, travel: f32) -> Self {
        let views: Vec<View> = (0..=8)
            .map(|at| {
                let share = index(at) / 8.0;
                let clock = Clock { now: clock.length * share, ..*clock };
                setting.set_view(view::view(&setting.shot, &clock), travel * share)
            })
            .collect();
        Self { setting, behind: Vec::new(), before: Vec::new(), views, density: height }
    }

    /// What the camera will see of a depth during the shot.
    pub(crate) fn seen(&self, depth: f32) -> Area {
        let half = self.setting.aspect / 2.0;
        let mut area = [f32::MAX, f32::MAX, f32::MIN, f32::MIN];
        for view in &self.views {
            for corner in [(-half, -0.5), (half, 0.5)] {
                let spot = view.trace(corner, depth);
                area[0] = area[0].min(spot.0);
                area[1] = area[1].min(spot.1);
                area[2] = area[2].max(spot.0);
                area[3] = area[3].max(spot.1);
            }
        }
        // A long way past the camera repeats itself, mirrored.
        let widest = self.setting.aspect.max(0.8) * 2.3;
        area[2] = area[2].min(area[0] + widest);
        [area[0] - 0.02, area[1] - 0.02, area[2] + 0.02, area[3] + 0.02]
    }

    /// How finely a layer at this depth has to be painted.
    fn fineness(&self, depth: f32) -> f32 {
        let nearest = self.views.iter().map(|view| view.scale(depth)).fold(0.5, f32::max);
        let sharp = self.density * nearest.min(1.5);
        // What is out of focus needs no detail.
        let blur = self.blur_at(depth);
        if blur > 0.0 { sharp.min(mix(sharp, 2.5 / blur, 0.8)).max(sharp * 0.3) } else { sharp }
    }

    fn blur_at(&self, depth: f32) -> f32 {
        let focus = self.setting.blur;
        let near = if depth < 0.9 { 0.006 } else { 0.0 };
        focus * (1.0 - 1.0 / depth.max(1.0)).max(0.0) * 1.3 + near
    }

    /// Builds an upright layer between two heights.
    pub(crate) fn upright(
        &mut self,
        depth: f32,
        heights: (f32, f32),
        paint: impl FnOnce(&mut Brush<'_>, &Setting, Area),
    ) {
        if let Some(plate) = self.plate(depth, heights, Lie::Upright, paint) {
            self.put(depth, Layer::Plate(plate));
        }
    }

    /// Builds a layer that moves by itself, such as clouds.
    pub(crate) fn drifting(
        &mut self,
        depth: f32,
        heights: (f32, f32),
        drift: f32,
        paint: impl FnOnce(&mut Brush<'_>, &Setting, Area),
    ) {
        if let Some(mut plate) = self.plate(depth, heights, Lie::Upright, paint) {
            plate.drift = drift;
            self.put(depth, Layer::Plate(plate));
        }
    }

    /// Builds the ground from the horizon to the bottom of the picture.
    pub(crate) fn ground(&mut self, paint: impl FnOnce(&mut Brush<'_>, &Setting, Area)) {
        let (horizon, drop) = (self.setting.horizon, self.setting.drop);
        let lie = Lie::Ground { horizon, drop };
        let bottom = self.seen(1.0)[3].max(horizon + 0.1) + 0.1;
        if let Some(plate) = self.plate(1.0, (horizon - 0.004, bottom), lie, paint) {
            self.behind.push(Layer::Plate(plate));
        }
    }

    fn plate(
        &self,
        depth: f32,
        heights: (f32, f32),
        lie: Lie,
        paint: impl FnOnce(&mut Brush<'_>, &Setting, Area),
    ) -> Option<Plate> {
        let mut area = self.seen(depth);
        area[1] = area[1].max(heights.0);
        area[3] = area[3].min(heights.1).max(area[1] + 0.01);
        let fineness = self.fineness(depth);
        let plate = Plate::painted(area, fineness, depth, lie, |brush| {
            paint(brush, &self.setting, area);
        })?;
        let blur = self.blur_at(depth);
        Some(if blur > 0.0 { plate.softened(blur) } else { plate })
    }

    /// Makes one layer of neighbours that the camera never moves apart.
    pub(crate) fn finish(&mut self) {
        let layers = std::mem::take(&mut self.behind);
        let mut group: Vec<Plate> = Vec::new();
        for layer in layers {
            match layer {
                Layer::Plate(plate) if plate.drift == 0.0 => {
                    if group.last().is_some_and(|last| !self.moves_with(last, &plate)) {
                        self.close(&mut group);
                    }
                    group.push(plate);
                }
                other => {
                    self.close(&mut group);
                    self.behind.push(other);
                }
            }
        }
        self.close(&mut group);
    }

    fn close(&mut self, group: &mut Vec<Plate>) {
        if group.len() > 1
            && let Some(last) = group.last()
            && let Some(merged) = Plate::merged(group, self.seen(last.depth))
        {
            group.clear();
            self.behind.push(Layer::Plate(merged));
        }
        self.behind.extend(group.drain(..).map(Layer::Plate));
    }

    /// Whether two layers stay together, to the eye, for the whole shot.
    fn moves_with(&self, one: &Plate, other: &Plate) -> bool {
        let flat = [one, other].iter().any(|plate| plate.lie != Lie::Upright);
        let turns_only = |view: &View| view.truck == (0.0, 0.0) && view.dolly == 0.0;
        if self.views.iter().all(turns_only) {
            return true;
        }
        let half = self.setting.aspect / 2.0;
        !flat
            && self.views.iter().all(|view| {
                [(-half, -0.5), (half, 0.5)].iter().all(|&corner| {
                    let (a, b) =
                        (view.project(corner, one.depth), view.project(corner, other.depth));
                    (a.0 - b.0).abs() < 0.004 && (a.1 - b.1).abs() < 0.004
                })
            })
    }

    pub(crate) fn put(&mut self, depth: f32, layer: Layer) {
        if depth < 1.0 { self.before.push(layer) } else { self.behind.push(layer) }
    }

    /// The sky: as far away as it gets, over the whole picture.
    pub(crate) fn sky(&mut self, paint: impl FnOnce(&mut Brush<'_>, &Setting, Area)) {
        self.upright(INFINITY, (-9.0, 9.0), paint);
    }
}
