//! One shot as a picture that moves: its stage, its actors, its camera, its weather.
#![expect(clippy::too_many_lines, reason = "a drawing is a long list of strokes, not a decision")]

pub(crate) mod actor;
pub(crate) mod brush;
pub(crate) mod chance;
pub(crate) mod flora;
pub(crate) mod ink;
pub(crate) mod land;
pub(crate) mod light;
pub(crate) mod live;
pub(crate) mod num;
pub(crate) mod pixels;
mod places;
pub(crate) mod plate;
mod relief;
mod sky;
mod spray;
pub(crate) mod view;
pub(crate) mod water;
mod weather;

use crate::stage::{Layer, Setting, Stage};
use crate::storyboard::{Move, Shot};
use actor::Cast;
use num::real;
use plate::{Lens, Scratch};
use tiny_skia::Pixmap;
use view::{Clock, View};

/// A shot, built and ready to be looked at.
#[derive(Debug)]
pub(crate) struct Scene {
    stage: Stage,
    cast: Cast,
    clock: Clock,
    scratch: Scratch,
    /// What stands behind the actors, kept while the camera stands still.
    still: Option<(View, Pixmap)>,
}

impl Scene {
    /// Builds a shot for pictures of this size.
    pub(crate) fn new(shot: &Shot, width: u32, height: u32, seed: u64, looped: bool) -> Self {
        let aspect = real(width) / real(height.max(1));
        let length = real(shot.frames) / real(crate::storyboard::FPS);
        let clock = Clock { now: 0.0, length, looped };
        let setting = Setting::of(shot, aspect, seed);
        let cast = Cast::new(&setting, &clock);
        let mut stage = Stage::new(setting, real(height), &clock, cast.travel(&clock));
        places::build(&mut stage);
        stage.finish();
        Self { stage, cast, clock, scratch: Scratch::default(), still: None }
    }

    /// Paints the picture at a time within the shot, in seconds.
    pub(crate) fn paint(&mut self, now: f32, frame: &mut Pixmap) {
        let clock = Clock { now, ..self.clock };
        let setting = &self.stage.setting;
        let view = view::view(&setting.shot, &clock);
        let set_view = setting.set_view(view, self.cast.travelled(&clock));
        self.paint_behind(frame, &set_view, &clock);
        self.cast.lay(frame, &self.stage, &view, &clock);
        lay(&self.stage.before, frame, &self.stage.setting, &set_view, &clock, &mut self.scratch);
        weather::lay(frame, &self.stage.setting, &view, &clock);
    }

    /// Lays what is behind the actors; a camera that does not move looks at the same plates.
    fn paint_behind(&mut self, frame: &mut Pixmap, view: &View, clock: &Clock) {
        let behind = &self.stage.behind;
        let setting = &self.stage.setting;
        let rests = setting.shot.camera == Move::Static || self.still.is_some();
        let fixed = behind
            .iter()
            .take_while(|layer| matches!(layer, Layer::Plate(plate) if plate.drift == 0.0))
            .count();
        let known = self.still.as_ref().is_some_and(|(seen, picture)| {
            seen == view && picture.width() == frame.width() && picture.height() == frame.height()
        });
        if known {
            if let Some((_, picture)) = &self.still {
                frame.data_mut().copy_from_slice(picture.data());
            }
        } else {
            lay(&behind[..fixed], frame, setting, view, clock, &mut self.scratch);
            self.still = rests.then(|| (*view, frame.clone()));
        }
        lay(&behind[fixed..], frame, setting, view, clock, &mut self.scratch);
    }
}

fn lay(
    layers: &[Layer],
    frame: &mut Pixmap,
    setting: &Setting,
    view: &View,
    clock: &Clock,
    scratch: &mut Scratch,
) {
    let limits = limits(layers, frame, view);
    for (layer, limit) in layers.iter().zip(limits) {
        match layer {
            Layer::Plate(plate) if plate.drift != 0.0 => {
                let mut drifted = *view;
                drifted.truck.0 += clock.drift(plate.drift);
                plate.lay(frame, &drifted, limit, scratch);
            }
            Layer::Plate(plate) => plate.lay(frame, view, limit, scratch),
            Layer::Water(water) => water.lay(frame, view, clock),
            Layer::Live(live) => live.lay(frame, setting, view, clock),
        }
    }
}

/// For each layer the row of the frame from which on a later one hides it.
fn limits(layers: &[Layer], frame: &Pixmap, view: &View) -> Vec<usize> {
    let lens = Lens::of(frame);
    let mut limit = real(frame.height());
    let mut limits: Vec<usize> = layers
        .iter()
        .rev()
        .map(|layer| {
            let here = limit;
            match layer {
                Layer::Plate(plate) if plate.drift == 0.0 => {
                    limit = limit.min(plate.covers_from(lens, view));
                }
                Layer::Water(water) => limit = limit.min(water.covers_from(lens, view)),
                _ => {}
            }
            usize::try_from(num::floor(here.max(0.0))).unwrap_or(0)
        })
        .collect();
    limits.reverse();
    limits
}
