//! Paints the frames of a storyboard, one after the other.
//!
//! Only the shot on screen is built (during a dissolve also the next one), so memory does not grow
//! with the length of the video. Frames may be asked for in any order; the same frame is always
//! the same picture.

mod finish;
mod props;
mod still;
#[cfg(test)]
mod tests;

use crate::Brief;
use crate::caption::Captions;
use crate::scene::Scene;
use crate::scene::num::{count, real, smooth};
use crate::scene::pixels;
use crate::storyboard::{FPS, Storyboard, Transition};
use finish::Finish;
pub(crate) use props::Props;
use std::sync::Arc;
use still::Still;
pub(crate) use still::cover;
use tiny_skia::Pixmap;

/// Why no picture can be painted.
#[derive(Debug, thiserror::Error)]
pub enum PaintError {
    /// The brief asks for a picture without pixels, or one that does not fit into memory.
    #[error("cannot paint {width}x{height} pixels; ask for 16 to 4096 on each side")]
    Size { width: u32, height: u32 },

    /// The picture to start from cannot be read.
    #[error("the first frame cannot be read; send a JPEG, PNG or WebP picture")]
    FirstFrame(#[source] retake_media::StillError),

    /// The picture that the earlier clip ended with cannot be read.
    #[error(
        "the last picture of the earlier clip cannot be read; send a JPEG, PNG or WebP picture"
    )]
    Continuation(#[source] retake_media::StillError),

    /// The picture of a character cannot be read.
    #[error("the picture of {name} cannot be read; send a JPEG, PNG or WebP picture")]
    Character {
        name: String,
        #[source]
        source: retake_media::StillError,
    },
}

/// Frames over which one shot dissolves into the next.
const DISSOLVE: u32 = 14;
/// Frames over which the picture that an earlier clip ended with dissolves into the scene.
const ARRIVAL: u32 = 20;
/// The smallest and largest side of a picture.
const SIDES: std::ops::RangeInclusive<u32> = 16..=4096;

/// Paints the frames of one video.
#[derive(Debug)]
pub struct Painter {
    storyboard: Storyboard,
    width: u32,
    height: u32,
    seed: u64,
    looped: bool,
    first: Option<Still>,
    props: Arc<Props>,
    captions: Captions,
    finish: Finish,
    /// The built shots and their indices, at most two.
    scenes: Vec<(usize, Scene)>,
    other: Option<Pixmap>,
}

impl Painter {
    /// Prepares to paint a storyboard.
    ///
    /// # Errors
    ///
    /// [`PaintError`] when the size is out of bounds or a given picture cannot be read.
    pub fn new(brief: &Brief, storyboard: &Storyboard) -> Result<Self, PaintError> {
        Self::with(brief, storyboard, &Arc::new(Props::new(brief, storyboard)?))
    }

    /// The same with pictures that were prepared before: painters of one video share them.
    pub(crate) fn with(
        brief: &Brief,
        storyboard: &Storyboard,
        props: &Arc<Props>,
    ) -> Result<Self, PaintError> {
        let (width, height) = (brief.width, brief.height);
        let first = match &props.first {
            Some(picture) => Some(Still::of(picture.clone())?),
            None => None,
        };
        let before = brief.continues.as_ref().map_or(0, |earlier| earlier.frames);
        Ok(Self {
            captions: Captions::new(storyboard, width, height, before),
            props: Arc::clone(props),
            finish: Finish::new(width, height, storyboard.captions),
            storyboard: storyboard.clone(),
            width,
            height,
            seed: brief.seed,
            looped: brief.looped && storyboard.shots.len() == 1,
            first,
            scenes: Vec::new(),
            other: None,
        })
    }

    /// Paints a frame onto a canvas of the brief's size; a canvas of another size is left alone.
    /// Frames past the end begin again at the first.
    pub fn paint(&mut self, frame: u32, canvas: &mut Pixmap) {
        if canvas.width() != self.width || canvas.height() != self.height {
            return;
        }
        let frame = frame % self.storyboard.frames.max(1);
        let at = self.storyboard.shot_at(frame);
        self.paint_shot(at, frame, canvas);
        self.dissolve(at, frame, canvas);
        let picture_only = self.first.is_some() && frame == 0;
        if !picture_only {
            let fade =
                if self.first.is_some() && at == 0 { (real(frame) / 12.0).min(1.0) } else { 1.0 };
            self.finish.lay(canvas, fade);
            self.captions.lay(canvas, frame, at, fade);
            self.props.cards.lay(canvas, frame, fade);
        }
        self.arrive(frame, canvas);
    }

    /// Mixes the end of the earlier clip into the beginning of this one, which it is at first.
    fn arrive(&self, frame: u32, canvas: &mut Pixmap) {
        let span = ARRIVAL.min(self.storyboard.frames / 2).max(1);
        let Some(last) = self.props.last.as_ref().filter(|_| frame < span) else { return };
        let gone = smooth(0.0, real(span), real(frame));
        let share = u32::try_from(count((1.0 - gone) * 256.0)).unwrap_or(0);
        mix_in(canvas, last, share);
    }

    /// Mixes the next shot into the end of this one, when the prompt asked for that.
    fn dissolve(&mut self, at: usize, frame: u32, canvas: &mut Pixmap) {
        let Some(next) = self.storyboard.shots.get(at + 1) else { return };
        let span = DISSOLVE.min(next.frames / 2);
        let left = next.start - frame;
        if next.transition != Transition::Dissolve || left > span || span == 0 {
            return;
        }
        let Some(mut other) = self.other.take().or_else(|| Pixmap::new(self.width, self.height))
        else {
            return;
        };
        let start = next.start;
        self.paint_shot(at + 1, start, &mut other);
        mix_in(canvas, &other, 256 * (span + 1 - left) / (span + 1));
        self.other = Some(other);
    }

    fn paint_shot(&mut self, at: usize, frame: u32, canvas: &mut Pixmap) {
        let Some(shot) = self.storyboard.shots.get(at) else { return };
        let now = real(frame.saturating_sub(shot.start)) / real(FPS);
        if at == 0
            && let Some(first) = &mut self.first
        {
            first.paint(shot, now, self.looped, canvas);
            return;
        }
        self.scenes.retain(|(index, _)| *index == at || *index + 1 == at || *index == at + 1);
        if !self.scenes.iter().any(|(index, _)| *index == at) {
            // What is on screen now is enough: a cut needs no memory of the shot before.
            let dissolving = shot.transition == Transition::Dissolve;
            self.scenes.retain(|(index, _)| dissolving && *index + 1 == at);
            let seed = self.seed ^ (u64::try_from(at).unwrap_or(0) * 0x5DEE_CE66);
            self.scenes.push((at, Scene::new(shot, self.width, self.height, seed, self.looped)));
        }
        if let Some((_, scene)) = self.scenes.iter_mut().find(|(index, _)| *index == at) {
            scene.paint(now, canvas);
        }
    }
}

/// Mixes a picture into another of the same size; a share of 256 replaces it.
fn mix_in(canvas: &mut Pixmap, other: &Pixmap, share: u32) {
    let pixels = canvas.data_mut().as_chunks_mut::<4>().0;
    for (pixel, above) in pixels.iter_mut().zip(other.data().as_chunks::<4>().0) {
        *pixel = pixels::blend(pixels::word(*pixel), pixels::word(*above), share).to_le_bytes();
    }
}
