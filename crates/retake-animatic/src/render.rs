//! Makes the finished file: drawing, encoding, sound, one MP4.
//!
//! The video is cut into short groups of pictures, each of which can be decoded by itself. Workers
//! take turns at the groups; each draws and encodes with a painter and an encoder of its own, so
//! that all cores are busy and no picture ever crosses from one thread to another. What they hand
//! over are coded frames, which the calling thread puts in order, together with the sound, into the
//! file. A worker that is ahead waits, so memory does not grow with the length of the video, and the
//! bytes are the same for any number of workers.

mod brief;
mod crew;
mod groups;
#[cfg(test)]
mod tests;

use std::io::{Seek, Write};
use std::ops::ControlFlow;
use std::sync::Arc;

use retake_media::{
    AvcConfig, AvcError, AvcTrack, Movie, Mp4Writer, Sequel, WriteError, append_length_prefixed,
};
use thiserror::Error;
use tiny_skia::Pixmap;

pub use brief::BriefError;

use crate::encode::EncodeError;
use crate::painter::Props;
use crate::sound::{self, Sound, SoundError};
use crate::{Brief, FPS, PaintError, Painter, Storyboard, storyboard};
use crew::Crew;
pub use crew::MOST_WORKERS;

/// Where a render is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    pub stage: Stage,
    /// Frames drawn and encoded so far.
    pub frames_done: u32,
    pub frames_total: u32,
}

/// What a render is busy with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Reading the brief and preparing to draw.
    Preparing,
    /// Drawing and encoding.
    Drawing,
    /// Completing the file.
    Finishing,
}

/// A finished video.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rendered {
    pub width: u32,
    pub height: u32,
    pub frames: u32,
    /// Length of the file.
    pub bytes: u64,
}

/// Why there is no video.
#[derive(Debug, Error)]
pub enum RenderError {
    #[error("this cannot be rendered: {0}")]
    Brief(#[from] BriefError),

    #[error("the render was cancelled")]
    Cancelled,

    #[error("there is not enough memory for a picture of {width}x{height}")]
    NoCanvas { width: u32, height: u32 },

    #[error("the pictures cannot be drawn")]
    Paint(#[from] PaintError),

    #[error("the pictures could not be encoded")]
    Encode(#[from] EncodeError),

    #[error("the sound could not be encoded")]
    Sound(#[from] SoundError),

    #[error("the encoder's first frame does not describe the stream")]
    Stream(#[from] AvcError),

    #[error("the file could not be completed")]
    Write(#[from] WriteError),

    #[error("a worker stopped before its work was done")]
    WorkerLost,
}

/// How a video of this size will be coded, so that it is known beforehand what it can be put behind.
pub fn coding(width: u32, height: u32) -> Sequel {
    let side = |pixels| u16::try_from(pixels).unwrap_or(u16::MAX);
    Sequel {
        size: (side(width), side(height)),
        frame_rate: FPS,
        sample_rate: sound::SAMPLE_RATE,
        channels: sound::CHANNELS,
    }
}

/// Renders a brief into `out`, from its current position on.
///
/// `watch` hears about the progress at least once for every frame, and about ten times a second when
/// frames take longer. When it breaks, the render stops within a frame; what was written so far is
/// not a file.
pub fn render<W: Write + Seek>(
    brief: &Brief,
    out: W,
    watch: &mut dyn FnMut(Progress) -> ControlFlow<()>,
) -> Result<Rendered, RenderError> {
    brief.check()?;
    let storyboard = storyboard(brief);
    let props = Arc::new(Props::new(brief, &storyboard)?);
    let engage = || {
        let mut painter = Painter::with(brief, &storyboard, &props)?;
        Ok(move |frame, canvas: &mut Pixmap| painter.paint(frame, canvas))
    };
    produce(brief, &storyboard, engage, out, watch)
}

/// Renders what `engage` yields: for every worker, something that draws a frame over whatever the
/// canvas holds. Frames are asked for in rising order.
pub(crate) fn produce<D, W>(
    brief: &Brief,
    storyboard: &Storyboard,
    engage: impl Fn() -> Result<D, RenderError> + Sync,
    out: W,
    watch: &mut dyn FnMut(Progress) -> ControlFlow<()>,
) -> Result<Rendered, RenderError>
where
    D: FnMut(u32, &mut Pixmap),
    W: Write + Seek,
{
    let sound = Sound::new(brief, storyboard)?;
    let groups = groups::groups(storyboard);
    let crew = Crew { width: brief.width, height: brief.height, groups: &groups, engage: &engage };
    let file = Assembly { brief, frames: storyboard.frames, key_frames: groups.len(), sound };
    crew.work(|coded| file.put_together(out, coded, watch))
}

/// Puts coded frames and sound into the file.
struct Assembly<'a> {
    brief: &'a Brief,
    frames: u32,
    key_frames: usize,
    sound: Sound,
}

impl Assembly<'_> {
    fn put_together<W: Write + Seek>(
        mut self,
        out: W,
        coded: &mut crew::CodedFrames<'_>,
        watch: &mut dyn FnMut(Progress) -> ControlFlow<()>,
    ) -> Result<Rendered, RenderError> {
        let first = coded.next(watch)?;
        let movie = self.movie(AvcConfig::from_annex_b(&first.access_unit)?);
        let mut writer = Mp4Writer::new(out, movie)?;
        let (mut next, mut sample) = (Some(first), Vec::new());
        for frame in 1..=self.frames {
            let picture = match next.take() {
                Some(first) => first,
                None => coded.next(watch)?,
            };
            sample.clear();
            append_length_prefixed(&picture.access_unit, &mut sample);
            writer.write_frame(&sample, picture.is_key)?;
            self.sound
                .advance(frame, |packet| writer.write_sound(packet).map_err(RenderError::from))?;
        }
        coded.report(Stage::Finishing, watch)?;
        let (_, bytes) = writer.finish()?;
        let Brief { width, height, .. } = *self.brief;
        Ok(Rendered { width, height, frames: self.frames, bytes })
    }

    fn movie(&self, config: AvcConfig) -> Movie {
        // `Brief::check` keeps all of these far below their limits.
        let side = |pixels| u16::try_from(pixels).unwrap_or(u16::MAX);
        Movie {
            picture: AvcTrack {
                config,
                width: side(self.brief.width),
                height: side(self.brief.height),
                frame_rate: FPS,
                frames: self.frames,
                key_frames: u32::try_from(self.key_frames).unwrap_or(u32::MAX),
            },
            sound: Some(self.sound.track()),
            title: Some(self.brief.title()),
            comment: None,
            tool: Some("Retake animatic".to_owned()),
        }
    }
}
