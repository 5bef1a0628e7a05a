//! The pictures that were given: read once for a video, however many painters work on it.

use super::still::cover;
use super::{PaintError, SIDES};
use crate::Brief;
use crate::cards::Cards;
use crate::storyboard::Storyboard;
use retake_media::{Picture, StillError, StillLimits};
use tiny_skia::Pixmap;

/// Given pictures in the size in which they are shown.
#[derive(Debug)]
pub(crate) struct Props {
    /// What the video starts from.
    pub(super) first: Option<Pixmap>,
    /// What the earlier clip ended with.
    pub(super) last: Option<Pixmap>,
    pub(super) cards: Cards,
}

impl Props {
    pub(crate) fn new(brief: &Brief, storyboard: &Storyboard) -> Result<Self, PaintError> {
        let size = (brief.width, brief.height);
        if !SIDES.contains(&size.0) || !SIDES.contains(&size.1) {
            return Err(PaintError::Size { width: size.0, height: size.1 });
        }
        let fitted = |bytes: Option<&Vec<u8>>, error: fn(StillError) -> PaintError| {
            bytes.map(|bytes| whole_frame(bytes, size, error)).transpose()
        };
        let last = brief.continues.as_ref().map(|earlier| &earlier.last_picture);
        Ok(Self {
            first: fitted(brief.first_frame.as_ref(), PaintError::FirstFrame)?,
            last: fitted(last, PaintError::Continuation)?,
            cards: Cards::new(brief, storyboard)?,
        })
    }
}

/// Reads a picture and cuts it so that it covers the frame.
fn whole_frame(
    bytes: &[u8],
    size: (u32, u32),
    error: fn(StillError) -> PaintError,
) -> Result<Pixmap, PaintError> {
    let picture = Picture::decode(bytes, StillLimits::default()).map_err(error)?;
    let from = (picture.width, picture.height);
    let no_room = PaintError::Size { width: size.0, height: size.1 };
    cover(&picture.rgba, from, size, MIDDLE).ok_or(no_room)
}

/// What is cut away is cut on both sides alike.
const MIDDLE: f32 = 0.5;
