//! What people see of a video before they play it, and what is wrong with it at a glance.
//!
//! A few pictures, evenly spread over the whole length, are decoded once and looked at in three ways:
//! the most telling one becomes the [`Thumbnail`], all of them become the [`Spritesheet`], and
//! together with the sound they tell how the video [`Looks`]: black, frozen, silent.

mod anomalies;
mod sheet;
mod silence;
mod thumbnail;

use std::io::{Read, Seek};

pub use anomalies::Thumbnail;
pub use sheet::Spritesheet;
pub use thumbnail::Looks;

use crate::budget::Budget;
use crate::h264::{Frame, PictureError, Pictures};
use crate::mp4::{Mp4Reader, ProbeError};
use anomalies::Candidate;
use sheet::Tiles;
use thumbnail::Glances;

/// Pictures that a thumbnail is chosen from, and that a verdict is based on.
const CANDIDATES: u32 = 7;
const GLANCES: u32 = 12;

/// Everything that is made from one look at a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Preview {
    pub thumbnail: Thumbnail,
    pub spritesheet: Spritesheet,
    pub looks: Looks,
}

/// Thumbnail, spritesheet and verdict at the price of one of them.
pub fn preview(reader: impl Read + Seek) -> Result<Preview, PictureError> {
    preview_within(reader, &Budget::default())
}

/// Likewise, and pays for it from `budget`.
pub fn preview_within(reader: impl Read + Seek, budget: &Budget) -> Result<Preview, PictureError> {
    let mut pictures = Pictures::open_within(reader, budget)?;
    let (mut best, mut tiles, mut glances) = (None, Tiles::default(), Glances::default());
    let moments = pictures.spread(sheet::MOST_TILES);
    pictures.visit(&moments, |frame| {
        Candidate::compete(&mut best, frame);
        tiles.add(frame);
        glances.add(frame);
    })?;
    let silent = silence::is_silent(&mut pictures.into_file());
    // Pictures of half a video would be taken for those of all of it.
    budget.check().map_err(ProbeError::from)?;
    Ok(Preview {
        thumbnail: Candidate::chosen(best)?,
        spritesheet: tiles.arranged()?,
        looks: glances.verdict(silent),
    })
}

/// The most telling of a few pictures of a video, as a small lossless WebP.
pub fn thumbnail(reader: impl Read + Seek) -> Result<Thumbnail, PictureError> {
    thumbnail_within(reader, &Budget::default())
}

/// Likewise, and pays for it from `budget`.
pub fn thumbnail_within(
    reader: impl Read + Seek,
    budget: &Budget,
) -> Result<Thumbnail, PictureError> {
    let mut best = None;
    visit(reader, budget, CANDIDATES, |frame| Candidate::compete(&mut best, frame))?;
    Candidate::chosen(best)
}

/// Evenly spread pictures of a video on one sheet, as JPEG.
pub fn spritesheet(reader: impl Read + Seek) -> Result<Spritesheet, PictureError> {
    let mut tiles = Tiles::default();
    visit(reader, &Budget::default(), sheet::MOST_TILES, |frame| tiles.add(frame))?;
    tiles.arranged()
}

/// Whether a video is black, frozen or silent over its whole length, as far as samples of it tell.
pub fn looks(reader: impl Read + Seek) -> Result<Looks, PictureError> {
    let mut glances = Glances::default();
    let pictures = visit(reader, &Budget::default(), GLANCES, |frame| glances.add(frame))?;
    Ok(glances.verdict(silence::is_silent(&mut pictures.into_file())))
}

/// Whether the sound of a file is silence throughout; `None` when there is none, or when it is coded
/// in another way than AAC. Files whose pictures cannot be decoded can still be listened to.
pub fn is_silent(reader: impl Read + Seek) -> Result<Option<bool>, ProbeError> {
    Ok(silence::is_silent(&mut Mp4Reader::open(reader)?))
}

fn visit<R: Read + Seek>(
    reader: R,
    budget: &Budget,
    count: u32,
    show: impl FnMut(&Frame),
) -> Result<Pictures<R>, PictureError> {
    let mut pictures = Pictures::open_within(reader, budget)?;
    let moments = pictures.spread(count);
    pictures.visit(&moments, show)?;
    Ok(pictures)
}

/// The size of a picture that fits into a square, with its proportions; never larger than it is.
fn fitted((width, height): (u32, u32), square: u32) -> (u32, u32) {
    let longest = width.max(height).max(1);
    if longest <= square {
        return (width, height);
    }
    let side = |pixels: u32| ((pixels * square + longest / 2) / longest).max(1);
    (side(width), side(height))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_are_made_smaller_in_proportion_and_never_larger() {
        assert_eq!(fitted((1280, 720), 640), (640, 360));
        assert_eq!(fitted((720, 1280), 320), (180, 320));
        assert_eq!(fitted((64, 48), 320), (64, 48));
        assert_eq!(fitted((4096, 2), 320), (320, 1));
    }
}
