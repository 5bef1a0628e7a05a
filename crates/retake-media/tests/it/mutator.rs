//! Hostile files, made from good ones by chance that is the same on every run.
//!
//! Shared by the short test and by `examples/fuzz.rs`, which goes on for as long as it is told to and
//! measures time.

use std::io::Cursor;

use allocation_counter::measure;
use image::{DynamicImage, ImageFormat, Rgb, RgbImage};
use retake_media::{
    Budget, Mp4Reader, Picture, Pictures, StillLimits, preview_within, probe_within, stitch_within,
};

use crate::boxes::{Fragmented, Streamed};
use crate::elements::{A_WEBM, Webm};

/// What is fed with hostile files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Parser {
    /// The structure of MP4: probing, listing samples, joining.
    Mp4,
    /// H.264 and AAC: decoding for previews.
    H264,
    WebM,
    Jpeg,
    Png,
    WebP,
}

/// What one file cost.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cost {
    /// Units of work, and bytes, that were paid for.
    pub(crate) work: u64,
    pub(crate) paid: u64,
    /// Bytes that were really allocated at once.
    pub(crate) allocated: u64,
}

/// Feeds a parser with a file, with so much of pictures allowed.
pub(crate) fn feed(parser: Parser, file: &[u8], limits: StillLimits) -> Cost {
    let budget = match parser {
        Parser::Mp4 | Parser::H264 | Parser::WebM => Budget::default(),
        Parser::Jpeg | Parser::Png | Parser::WebP => limits.budget(),
    };
    let used = measure(|| match parser {
        Parser::Mp4 | Parser::WebM => {
            let _ = probe_within(Cursor::new(file), &budget);
            let _ = Mp4Reader::open_within(Cursor::new(file), &budget);
            let _ = stitch_within(Cursor::new(file), Cursor::new(file), std::io::sink(), &budget);
        }
        Parser::H264 => {
            let _ = preview_within(Cursor::new(file), &budget);
            let pictures = Pictures::open_within(Cursor::new(file), &budget);
            let _ = pictures.and_then(|mut pictures| pictures.last());
        }
        Parser::Jpeg | Parser::Png | Parser::WebP => {
            let _ = Picture::decode_within(file, limits, &budget);
        }
    });
    Cost { work: budget.work_spent(), paid: budget.peak_memory(), allocated: used.bytes_max }
}

/// Good files, and small hostile ones, to begin with.
pub(crate) fn seeds(parser: Parser) -> Vec<Vec<u8>> {
    const REORDERED: &[u8] = include_bytes!("../fixtures/reordered.mp4");
    const FRAGMENTED: &[u8] = include_bytes!("../fixtures/fragmented.mp4");
    const INDEX_LAST: &[u8] = include_bytes!("../fixtures/index-last.mp4");
    let runs = Fragmented { tracks: 3, track_of_runs: 1, runs: 8, samples: 30_000, size: 0 };
    let streamed = Streamed { fragments: 20, bytes_of_a_sample: 9 };
    let picture = |format| encoded(&gradient(), format);
    match parser {
        Parser::Mp4 => vec![
            REORDERED.to_vec(),
            FRAGMENTED.to_vec(),
            INDEX_LAST.to_vec(),
            runs.file(),
            streamed.file(),
        ],
        Parser::H264 => vec![REORDERED.to_vec(), FRAGMENTED.to_vec()],
        Parser::WebM => vec![A_WEBM.file(), Webm { live: true, stated: None }.file()],
        Parser::Jpeg => {
            vec![picture(ImageFormat::Jpeg), progressive(&gradient()), progressive(&flat(64, 900))]
        }
        Parser::Png => vec![picture(ImageFormat::Png), encoded(&flat(900, 64), ImageFormat::Png)],
        Parser::WebP => vec![picture(ImageFormat::WebP), LOSSY_WEBP.to_vec()],
    }
}

/// A grey picture of 16x16 pixels.
const LOSSY_WEBP: &[u8] = &[
    0x52, 0x49, 0x46, 0x46, 0x28, 0, 0, 0, 0x57, 0x45, 0x42, 0x50, 0x56, 0x50, 0x38, 0x20, 0x1C, 0,
    0, 0, 0x30, 1, 0, 0x9D, 1, 0x2A, 0x10, 0, 0x10, 0, 1, 0, 0, 0, 0x34, 0x25, 0xA4, 0, 3, 0x70, 0,
    0xFE, 0xFD, 0x36, 0x68, 0,
];

pub(crate) fn gradient() -> RgbImage {
    let mixed = |value: u32| u8::try_from(value.wrapping_mul(2_654_435_761) >> 24).unwrap_or(0);
    RgbImage::from_fn(96, 64, |x, y| Rgb([mixed(x), mixed(y * 7), mixed(x / 8 + y / 8)]))
}

pub(crate) fn flat(width: u32, height: u32) -> RgbImage {
    RgbImage::from_pixel(width, height, Rgb([90, 120, 60]))
}

fn encoded(picture: &RgbImage, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    DynamicImage::from(picture.clone()).write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

pub(crate) fn progressive(picture: &RgbImage) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = jpeg_encoder::Encoder::new(&mut bytes, 80);
    encoder.set_progressive(true);
    let side = |pixels| u16::try_from(pixels).unwrap();
    let (width, height) = (side(picture.width()), side(picture.height()));
    encoder.encode(picture, width, height, jpeg_encoder::ColorType::Rgb).unwrap();
    bytes
}

/// Chance that is the same on every run (xorshift).
#[derive(Clone, Debug)]
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// A number below `end`.
    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % (end.max(1) as u64)).unwrap()
    }
}

/// Changes a file in a few places, the first bytes more often than the rest.
pub(crate) fn mutate(file: &mut Vec<u8>, dice: &mut Dice) {
    for _ in 0..=dice.below(6) {
        let reach = if dice.below(3) == 0 { file.len() } else { file.len().min(4096) };
        let at = dice.below(reach);
        match dice.below(8) {
            0 | 1 => set(file, at, &dice.next().to_be_bytes()[..1]),
            2 => set(file, at, &extreme(dice).to_be_bytes()[4..]),
            3 => set(file, at, &extreme(dice).to_be_bytes()),
            4 => set(file, at, &extreme(dice).to_be_bytes()[6..]),
            // Repeats a piece of itself: tables, boxes, scans, chunks.
            5 => {
                let end = (at + dice.below(600)).min(file.len());
                let piece = file[at..end].repeat(1 + dice.below(12));
                file.splice(at..at, piece);
            }
            6 => {
                let end = (at + dice.below(200)).min(file.len());
                file.drain(at..end);
            }
            _ => {
                let from = dice.below(file.len());
                let piece = file[from..(from + dice.below(64)).min(file.len())].to_vec();
                set(file, at, &piece);
            }
        }
        if file.is_empty() {
            return;
        }
    }
}

fn set(file: &mut [u8], at: usize, bytes: &[u8]) {
    for (to, from) in file.iter_mut().skip(at).zip(bytes) {
        *to = *from;
    }
}

/// A number on the edge of what fits somewhere.
fn extreme(dice: &mut Dice) -> u64 {
    let edge = 1_u64.checked_shl(u32::try_from(dice.below(65)).unwrap()).unwrap_or(0);
    match dice.below(4) {
        0 => edge,
        1 => edge.wrapping_sub(1),
        2 => edge.wrapping_add(1),
        _ => edge.wrapping_neg(),
    }
}
