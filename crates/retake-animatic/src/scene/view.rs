//! The camera of a shot, and the clock it runs by.
//!
//! The picture is measured in frame heights from its centre, y downwards. Things stand at depths:
//! 1 is where the subject stands, 2 twice as far. A camera move shifts and scales every depth by
//! its own amount, and that is all it takes for flat layers to look deep.

use super::num::{mix, wave};
use crate::storyboard::{Heading, Move, Shot};
use std::f32::consts::PI;

/// Where the camera is and how it looks, at one moment.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct View {
    /// Turned sideways and up or down: moves all depths alike.
    pub(crate) pan: (f32, f32),
    /// Moved sideways and up or down: moves near things more.
    pub(crate) truck: (f32, f32),
    /// Moved forward, in units of the subject's distance.
    pub(crate) dolly: f32,
    pub(crate) zoom: f32,
}

/// The depth of the sky.
pub(crate) const INFINITY: f32 = 1.0e6;

impl View {
    pub(crate) const REST: Self =
        Self { pan: (0.0, 0.0), truck: (0.0, 0.0), dolly: 0.0, zoom: 1.0 };

    /// Where a spot of the layer at `depth` is seen.
    pub(crate) fn project(&self, spot: (f32, f32), depth: f32) -> (f32, f32) {
        let near = (depth - self.dolly).max(0.05);
        let see = |at: f32, truck: f32, pan: f32| ((at * depth - truck) / near - pan) * self.zoom;
        (see(spot.0, self.truck.0, self.pan.0), see(spot.1, self.truck.1, self.pan.1))
    }

    /// Which spot of the layer at `depth` is seen there.
    pub(crate) fn trace(&self, seen: (f32, f32), depth: f32) -> (f32, f32) {
        let near = (depth - self.dolly).max(0.05);
        let back = |at: f32, truck: f32, pan: f32| ((at / self.zoom + pan) * near + truck) / depth;
        (back(seen.0, self.truck.0, self.pan.0), back(seen.1, self.truck.1, self.pan.1))
    }

    /// How much larger the layer at `depth` looks than it was drawn.
    pub(crate) fn scale(&self, depth: f32) -> f32 {
        self.zoom * depth / (depth - self.dolly).max(0.05)
    }
}

/// The time within a shot. In a loop every motion returns to where it began.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    /// Seconds since the shot began.
    pub(crate) now: f32,
    /// Length of the shot in seconds.
    pub(crate) length: f32,
    pub(crate) looped: bool,
}

impl Clock {
    /// Between 0 at the start and 1 at the end.
    pub(crate) fn share(&self) -> f32 {
        self.now / self.length.max(0.01)
    }

    /// Turns made by now at so many a second; in a loop a whole number by the end.
    pub(crate) fn turns(&self, per_second: f32) -> f32 {
        if self.looped {
            self.share() * (per_second * self.length).round()
        } else {
            self.now * per_second
        }
    }

    /// A slow swing between -1 and 1.
    pub(crate) fn swing(&self, per_second: f32, offset: f32) -> f32 {
        wave(self.turns(per_second) + offset)
    }

    /// Progress of a one-way move, eased; in a loop out and back.
    pub(crate) fn progress(&self) -> f32 {
        if self.looped {
            (1.0 - (self.share() * 2.0 * PI).cos()) / 2.0
        } else {
            let share = self.share();
            let eased = share * share * (3.0 - 2.0 * share);
            mix(share, eased, 0.6)
        }
    }

    /// Distance drifted at a steady pace; in a loop it drifts back again.
    pub(crate) fn drift(&self, per_second: f32) -> f32 {
        if self.looped {
            wave(self.share()) * per_second * self.length * 0.15
        } else {
            self.now * per_second
        }
    }
}

/// The camera at a moment of its move.
pub(crate) fn view(shot: &Shot, clock: &Clock) -> View {
    let mut view = View::REST;
    let done = clock.progress();
    let centred = done - 0.5;
    // Longer shots move further, but not in proportion: nobody pans for a minute.
    let reach = (clock.length / 5.0).sqrt().clamp(0.55, 1.6);
    match shot.camera {
        Move::Track => {
            // Going along with somebody who walks towards us or away from us.
            match shot.cast.first().map(|main| main.heading) {
                Some(Heading::Away) => view.dolly = done * 0.24 * reach,
                Some(Heading::Toward) => view.dolly = (1.0 - done) * 0.24 * reach,
                _ => {}
            }
        }
        Move::Static => {}
        Move::PanRight => view.pan.0 = centred * 0.5 * reach,
        Move::PanLeft => view.pan.0 = -centred * 0.5 * reach,
        Move::TiltUp => view.pan.1 = -centred * 0.34 * reach,
        Move::TiltDown => view.pan.1 = centred * 0.34 * reach,
        Move::ZoomIn => view.zoom = 1.0 + done * 0.4 * reach,
        Move::ZoomOut => view.zoom = 1.0 + (1.0 - done) * 0.4 * reach,
        Move::DollyIn => view.dolly = done * 0.2 * reach,
        Move::DollyOut => view.dolly = (1.0 - done) * 0.24 * reach,
        Move::Orbit => {
            view.truck.0 = centred * 0.8 * reach;
            view.pan.0 = -view.truck.0;
        }
        Move::CraneUp => {
            view.truck.1 = -centred * 0.36 * reach;
            view.pan.1 = -view.truck.1 * 0.7;
        }
        Move::CraneDown => {
            view.truck.1 = centred * 0.36 * reach;
            view.pan.1 = -view.truck.1 * 0.7;
        }
        Move::Handheld => {
            view.pan.0 = clock.swing(0.31, 0.1) * 0.012 + clock.swing(0.93, 0.4) * 0.005;
            view.pan.1 = clock.swing(0.41, 0.7) * 0.01 + clock.swing(1.27, 0.2) * 0.004;
            view.zoom = 1.04 + clock.swing(0.2, 0.0) * 0.012;
        }
        Move::Aerial => {
            view.dolly = done * 0.22 * reach;
            view.pan.1 = centred * 0.08;
            view.truck.0 = centred * 0.12;
        }
        Move::Whip => {
            let snap = super::num::smooth(0.36, 0.58, clock.share());
            let there = if clock.looped { done } else { snap };
            view.pan.0 = (there - 0.5) * 1.1;
        }
    }
    view
}
