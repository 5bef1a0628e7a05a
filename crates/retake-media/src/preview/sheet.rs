//! Arranges pictures of a video on one sheet.

use std::time::Duration;

use image::{RgbImage, imageops};
use jpeg_encoder::{ColorType, Encoder, SamplingFactor};

use super::fitted;
use crate::h264::{Frame, PictureError};

/// Tiles of a sheet: five rows of five.
pub(super) const MOST_TILES: u32 = 25;
/// Longest side of a tile.
const TILE: u32 = 320;
const QUALITY: u8 = 80;

/// Evenly spread pictures of a video on one JPEG.
///
/// The picture with number `n` of [`moments`](Self::moments) stands in column `n % columns` of row
/// `n / columns`; its upper left corner is at `(column * tile_width, row * tile_height)`. Tiles touch
/// each other, and places that are left over in the last row are black.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spritesheet {
    pub jpeg: Vec<u8>,
    pub columns: u32,
    pub rows: u32,
    /// Size of a tile in pixels; the longer side is at most 320.
    pub tile_width: u32,
    pub tile_height: u32,
    /// When the video shows each of the pictures.
    pub moments: Vec<Duration>,
}

/// The tiles so far.
#[derive(Default)]
pub(super) struct Tiles(Vec<(Duration, RgbImage)>);

impl Tiles {
    pub(super) fn add(&mut self, frame: &Frame) {
        // All of a sheet have the size of the first; a file may change its own midway.
        let size = self.0.first().map(|(_, first)| first.dimensions());
        let size = size.unwrap_or_else(|| fitted(frame.size(), TILE));
        self.0.push((frame.at, frame.rgb(size)));
    }

    pub(super) fn arranged(self) -> Result<Spritesheet, PictureError> {
        let Self(mut tiles) = self;
        tiles.sort_by_key(|(at, _)| *at);
        let (tile_width, tile_height) = tiles
            .first()
            .map(|(_, tile)| tile.dimensions())
            .ok_or(PictureError::Damaged("no picture came out"))?;
        let (columns, rows) = grid(tiles.len());
        let mut sheet = RgbImage::new(columns * tile_width, rows * tile_height);
        for (number, (_, tile)) in (0..).zip(&tiles) {
            let (column, row) = (number % columns, number / columns);
            let (x, y) = (column * tile_width, row * tile_height);
            imageops::replace(&mut sheet, tile, x.into(), y.into());
        }
        let moments = tiles.into_iter().map(|(at, _)| at).collect();
        let jpeg = encoded(&sheet)?;
        Ok(Spritesheet { jpeg, columns, rows, tile_width, tile_height, moments })
    }
}

/// As square as it can be, and no row empty.
fn grid(tiles: usize) -> (u32, u32) {
    let tiles = u32::try_from(tiles).unwrap_or(MOST_TILES);
    let columns = (1..=tiles).find(|side| side * side >= tiles).unwrap_or(1);
    (columns, tiles.div_ceil(columns))
}

fn encoded(sheet: &RgbImage) -> Result<Vec<u8>, PictureError> {
    let mut jpeg = Vec::new();
    let mut encoder = Encoder::new(&mut jpeg, QUALITY);
    encoder.set_sampling_factor(SamplingFactor::F_2_2);
    // 25 tiles of 320 pixels are far below what JPEG holds.
    let side = |pixels| u16::try_from(pixels).unwrap_or(u16::MAX);
    let (width, height) = (side(sheet.width()), side(sheet.height()));
    encoder
        .encode(sheet, width, height, ColorType::Rgb)
        .map_err(|error| PictureError::Encode(error.into()))?;
    Ok(jpeg)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tiles_are_arranged_in_a_square_without_empty_rows() {
        let grids = [1, 2, 3, 5, 7, 12, 20, 25].map(grid);

        let expected = [(1, 1), (2, 1), (2, 2), (3, 2), (3, 3), (4, 3), (5, 4), (5, 5)];
        assert_eq!(grids, expected);
    }
}
