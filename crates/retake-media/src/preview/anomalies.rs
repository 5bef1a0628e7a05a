//! Chooses the picture that tells most about a video.
//!
//! What has many edges at a good exposure shows more than what is dark, blown out or in the middle of
//! a dissolve. The first of equals wins.

use std::time::Duration;

use image::codecs::webp::WebPEncoder;
use image::{ExtendedColorType, RgbImage};

use super::fitted;
use crate::h264::{Frame, PictureError};

/// Longest side of a thumbnail. Lossless files of busy pictures are large, so those become smaller.
const SIDES: [u32; 4] = [640, 512, 400, 320];
/// What a thumbnail may take, unless it is of the smallest size already.
const LARGEST: usize = 256 << 10;
/// The grid on which edges are looked for.
const GRID: (u32, u32) = (96, 54);

/// A picture that stands for a video.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Thumbnail {
    /// A lossless WebP file.
    pub webp: Vec<u8>,
    /// Width and height in pixels; the longer one is at most 640.
    pub width: u32,
    pub height: u32,
    /// When the video shows it.
    pub at: Duration,
}

/// The best picture so far.
pub(super) struct Candidate {
    worth: u64,
    frame: Frame,
}

impl Candidate {
    /// Takes the place of `best` when it tells more.
    pub(super) fn compete(best: &mut Option<Self>, frame: &Frame) {
        let worth = worth(&frame.brightness(GRID.0, GRID.1), GRID.0 as usize);
        let beats = |best: &Self| (worth, best.frame.at) > (best.worth, frame.at);
        if best.as_ref().is_none_or(beats) {
            *best = Some(Self { worth, frame: frame.clone() });
        }
    }

    /// The winner as a file.
    pub(super) fn chosen(best: Option<Self>) -> Result<Thumbnail, PictureError> {
        let best = best.ok_or(PictureError::Damaged("no picture came out"))?;
        let mut sides = SIDES.into_iter().peekable();
        loop {
            let side = sides.next().unwrap_or(SIDES[0]);
            let (width, height) = fitted(best.frame.size(), side);
            let webp = encoded(&best.frame.rgb((width, height)))?;
            if webp.len() <= LARGEST || sides.peek().is_none() {
                return Ok(Thumbnail { webp, width, height, at: best.frame.at });
            }
        }
    }
}

/// How much a picture shows: its edges, at an exposure that lets them be seen.
fn worth(grid: &[u8], columns: usize) -> u64 {
    let step = |one: u8, other: u8| u64::from(one.abs_diff(other));
    let across: u64 = grid
        .chunks(columns)
        .flat_map(|row| row.windows(2))
        .map(|pair| step(pair[0], pair[1]))
        .sum();
    let down: u64 = grid.iter().zip(grid.iter().skip(columns)).map(|(a, b)| step(*a, *b)).sum();
    let mean = grid.iter().map(|&value| u64::from(value)).sum::<u64>() / grid.len().max(1) as u64;
    // Full worth from a fifth of white on; nothing at black or at white.
    let exposure = mean.min(255 - mean.min(255)).min(50);
    (across + down) * exposure
}

fn encoded(picture: &RgbImage) -> Result<Vec<u8>, PictureError> {
    let mut webp = Vec::new();
    WebPEncoder::new_lossless(&mut webp)
        .encode(picture, picture.width(), picture.height(), ExtendedColorType::Rgb8)
        .map_err(|error| PictureError::Encode(error.into()))?;
    Ok(webp)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_with_detail_is_worth_more_than_a_flat_or_a_dark_one() {
        let grid = |value: fn(usize) -> u8| (0..96 * 54).map(value).collect::<Vec<_>>();
        let flat = worth(&grid(|_| 128), 96);
        let black = worth(&grid(|_| 0), 96);
        let dim = worth(&grid(|at| if at % 2 == 0 { 0 } else { 12 }), 96);
        let busy = worth(&grid(|at| if at / 8 % 2 == 0 { 90 } else { 180 }), 96);

        assert_eq!((flat, black), (0, 0));
        assert!(busy > dim && dim > 0, "{busy} {dim}");
    }
}
