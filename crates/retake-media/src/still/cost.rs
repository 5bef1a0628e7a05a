//! What decoding a picture will cost, read from its markers and chunks before it is decoded.
//!
//! The number of pixels alone does not tell: a progressive JPEG goes over all of them once for each
//! scan, and a scan takes a few bytes; a PNG may have a chunk in every twelve bytes, and a
//! lossless WebP of a few pixels gigabytes of prefix codes.

use super::{StillFormat, webp};
use crate::budget::{Budget, BudgetError};

/// Bytes that are looked through for the work of one unit.
const BYTES: u64 = 4;
/// What a marker segment of a JPEG or a chunk of a PNG costs: tables are built from it, or it is checked.
const SEGMENT: u64 = 500;
/// What a block of 8x8 pixels of one component costs: once in the end, and once for each scan.
const BLOCK: u64 = 32;
const BLOCK_OF_SCAN: u64 = 4;
/// What four bytes of pixels of a PNG or WebP cost.
const PIXEL: u64 = 4;

/// Bytes of prefix codes up to which they are counted.
const MOST_CODES: u64 = 1 << 30;

/// Pays for the work of decoding a picture of so many pixels, and yields how many bytes the decoder
/// needs besides the pixels that it yields.
pub(super) fn pay(
    format: StillFormat,
    bytes: &[u8],
    pixels: u64,
    budget: &Budget,
) -> Result<u64, BudgetError> {
    let len = bytes.len() as u64;
    budget.spend(len / BYTES)?;
    match format {
        StillFormat::Jpeg => {
            let jpeg = Jpeg::read(bytes);
            let blocks = (pixels / 64 + 1).saturating_mul(jpeg.components);
            let scans = if jpeg.is_progressive { jpeg.scans } else { 0 };
            let each = BLOCK.saturating_add(scans.saturating_mul(BLOCK_OF_SCAN));
            budget.spend(jpeg.segments.saturating_mul(SEGMENT))?;
            budget.spend(blocks.saturating_mul(each))?;
            let coefficients = if jpeg.is_progressive { blocks.saturating_mul(128) } else { 0 };
            Ok(len.saturating_add(coefficients))
        }
        StillFormat::Png => {
            budget.spend(chunks_of_png(bytes).saturating_mul(SEGMENT))?;
            budget.spend(pixels.saturating_mul(PIXEL))?;
            Ok(len)
        }
        StillFormat::WebP => {
            budget.spend(pixels.saturating_mul(2 * PIXEL))?;
            let (codes, symbols) = webp::codes(bytes, MOST_CODES);
            budget.spend(symbols)?;
            Ok(len.saturating_add(pixels.saturating_mul(4)).saturating_add(codes))
        }
    }
}

/// What the markers of a JPEG say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Jpeg {
    components: u64,
    is_progressive: bool,
    scans: u64,
    segments: u64,
}

impl Jpeg {
    fn read(bytes: &[u8]) -> Self {
        let mut jpeg = Self { components: 3, ..Self::default() };
        let mut rest = bytes;
        while let Some((marker, after)) = next_marker(rest) {
            rest = after;
            // Without a length: the beginning, the end, and restarts within a scan.
            if matches!(marker, 0x01 | 0xD0..=0xD9) {
                continue;
            }
            jpeg.segments = jpeg.segments.saturating_add(1);
            match marker {
                0xDA => jpeg.scans = jpeg.scans.saturating_add(1),
                0xC2 | 0xC6 | 0xCA | 0xCE => jpeg.is_progressive = true,
                _ => {}
            }
            let Some(len) = rest.first_chunk::<2>() else { break };
            let len = usize::from(u16::from_be_bytes(*len));
            // Decoders differ in how they pass over what is broken; what may be a marker counts.
            rest = rest.get(len.max(2)..).unwrap_or_default();
        }
        jpeg.components = if jpeg.is_progressive { 4 } else { 3 };
        jpeg
    }
}

/// The next marker, and what follows it. Stuffed and repeated bytes are none.
fn next_marker(mut bytes: &[u8]) -> Option<(u8, &[u8])> {
    loop {
        let at = bytes.iter().position(|&byte| byte == 0xFF)?;
        let after = bytes.get(at + 1..)?;
        let (&marker, rest) = after.split_first()?;
        match marker {
            0x00 => bytes = rest,
            0xFF => bytes = after,
            _ => return Some((marker, rest)),
        }
    }
}

fn chunks_of_png(bytes: &[u8]) -> u64 {
    let mut rest = bytes.get(8..).unwrap_or_default();
    let mut chunks = 0_u64;
    while let Some(len) = rest.first_chunk::<4>() {
        chunks += 1;
        let len = u32::from_be_bytes(*len) as usize;
        rest = rest.get(len.saturating_add(12)..).unwrap_or_default();
    }
    chunks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scans_and_segments_of_a_jpeg_are_counted() {
        let scan = [&[0xFF, 0xDA, 0, 3, 1][..], &[7, 0xFF, 0, 9, 0xFF, 0xD0, 8]].concat();
        let jpeg =
            [&[0xFF, 0xD8, 0xFF, 0xC2, 0, 4, 1, 1][..], &scan, &scan, &[0xFF, 0xD9]].concat();

        let found = Jpeg::read(&jpeg);

        assert_eq!(found, Jpeg { components: 4, is_progressive: true, scans: 2, segments: 3 });
    }

    #[test]
    fn the_chunks_of_a_png_are_counted_as_far_as_they_go() {
        let chunk = [&[0, 0, 0, 2][..], b"tEXt", &[1, 2], &[0; 4]].concat();
        let png = [b"\x89PNG\r\n\x1a\n", &chunk[..], &chunk, &[0xFF; 5]].concat();

        assert_eq!(chunks_of_png(&png), 3);
    }
}
