//! Pictures: what a file of bytes is, and its pixels.
//!
//! The header is read first and for everything: it tells format and size without decoding, and the
//! limits are applied to what it says. Sizes are those of the picture as it is meant to be seen,
//! so a photograph that a camera stored sideways counts as upright, and is decoded upright.
//!
//! What decoding takes is read from the picture before it begins (`cost`), and paid for.

mod cost;
mod webp;

use std::io::Cursor;

use image::metadata::Orientation;
use image::{ColorType, DynamicImage, ImageDecoder, ImageError, ImageFormat, ImageReader};
use thiserror::Error;

use crate::budget::{Budget, BudgetError};

const ACCEPTED: [(ImageFormat, StillFormat); 3] = [
    (ImageFormat::Jpeg, StillFormat::Jpeg),
    (ImageFormat::Png, StillFormat::Png),
    (ImageFormat::WebP, StillFormat::WebP),
];

/// The formats that are accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StillFormat {
    Jpeg,
    Png,
    WebP,
}

impl StillFormat {
    /// The format that the first bytes of a picture name.
    pub fn of(bytes: &[u8]) -> Option<Self> {
        let guessed = image::guess_format(bytes).ok();
        ACCEPTED.into_iter().find(|(format, _)| Some(*format) == guessed).map(|(_, format)| format)
    }

    pub fn media_type(self) -> &'static str {
        match self {
            Self::Jpeg => "image/jpeg",
            Self::Png => "image/png",
            Self::WebP => "image/webp",
        }
    }
}

/// What the header of a picture says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Still {
    pub format: StillFormat,
    pub width: u32,
    pub height: u32,
}

/// How large a picture may be before it is decoded.
#[derive(Clone, Copy, Debug)]
pub struct StillLimits {
    /// Width times height.
    pub pixels: u64,
    /// Bytes that decoding may take.
    pub memory: u64,
}

/// Bytes that colour profiles, texts and the like may take, unpacked.
const EXTRAS: u64 = 32 << 20;

impl Default for StillLimits {
    /// Pictures of up to 50 million pixels, as large cameras take them.
    fn default() -> Self {
        Self { pixels: 50_000_000, memory: 512 << 20 }
    }
}

/// A decoded picture: rows of red, green, blue and alpha from the top, not premultiplied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture {
    pub width: u32,
    pub height: u32,
    pub rgba: Vec<u8>,
}

/// Why bytes are not a usable picture.
#[derive(Debug, Error)]
pub enum StillError {
    #[error("this is not a JPEG, PNG or WebP picture; send one of these")]
    NotAPicture,

    #[error("a picture of {width}x{height} is larger than the {limit} pixels that are accepted")]
    TooLarge { width: u32, height: u32, limit: u64 },

    #[error("the picture ends before it is complete; send the whole file")]
    CutShort,

    #[error("the picture takes more work or memory to decode than one of its size may")]
    TooCostly,

    #[error("decoding the picture took too long and was given up")]
    Cancelled,

    #[error("the picture is damaged or incomplete")]
    Damaged(#[source] ImageError),

    #[error("the picture cannot be written as WebP")]
    Unencodable(#[source] ImageError),
}

impl From<BudgetError> for StillError {
    fn from(error: BudgetError) -> Self {
        match error {
            BudgetError::Work | BudgetError::Memory => Self::TooCostly,
            BudgetError::Cancelled => Self::Cancelled,
        }
    }
}

impl StillLimits {
    /// An allowance of work for one picture, and the memory of these limits.
    pub fn budget(self) -> Budget {
        Budget::with_memory(self.memory)
    }
}

impl Still {
    /// Reads the header of a picture; the default limits are applied to what it says.
    pub fn read(bytes: &[u8]) -> Result<Self, StillError> {
        Self::read_within(bytes, &StillLimits::default().budget())
    }

    /// Likewise, unless `budget` was cancelled.
    pub fn read_within(bytes: &[u8], budget: &Budget) -> Result<Self, StillError> {
        open(bytes, StillLimits::default(), budget).map(|opened| opened.still)
    }
}

impl Picture {
    /// Decodes a picture that stays within `limits`.
    pub fn decode(bytes: &[u8], limits: StillLimits) -> Result<Self, StillError> {
        Self::decode_within(bytes, limits, &limits.budget())
    }

    /// Decodes a picture that stays within `limits`, and pays for it from `budget`.
    pub fn decode_within(
        bytes: &[u8],
        limits: StillLimits,
        budget: &Budget,
    ) -> Result<Self, StillError> {
        let opened = open(bytes, limits, budget)?;
        let (format, orientation) = (opened.still.format, opened.orientation);
        let pixels = opened.still.pixels();
        // Turning a picture, or giving it alpha, makes a copy of it.
        let decoded = opened.decoder.total_bytes();
        let rgba = if opened.decoder.color_type() == ColorType::Rgba8 { 0 } else { pixels * 4 };
        let turned = if orientation == Orientation::NoTransforms { 0 } else { decoded };
        let needed = cost::pay(format, bytes, pixels, budget)?.max(rgba.max(turned));
        let _memory = budget.borrow(EXTRAS.saturating_add(decoded).saturating_add(needed))?;
        let outcome = DynamicImage::from_decoder(opened.decoder);
        // A decoder whose input was taken away calls the picture damaged.
        budget.check()?;
        let mut image = outcome.map_err(StillError::Damaged)?;
        if format == StillFormat::Jpeg && !jpeg_ends(bytes) {
            return Err(StillError::CutShort);
        }
        image.apply_orientation(orientation);
        let rgba = image.into_rgba8();
        Ok(Self { width: rgba.width(), height: rgba.height(), rgba: rgba.into_raw() })
    }

    /// The picture as a WebP file, without loss.
    pub fn to_webp(&self) -> Result<Vec<u8>, StillError> {
        let mut webp = Vec::new();
        image::codecs::webp::WebPEncoder::new_lossless(&mut webp)
            .encode(&self.rgba, self.width, self.height, image::ExtendedColorType::Rgba8)
            .map_err(StillError::Unencodable)?;
        Ok(webp)
    }

    pub(crate) fn from_rgb(rgb: image::RgbImage) -> Self {
        let rgba = DynamicImage::from(rgb).into_rgba8();
        Self { width: rgba.width(), height: rgba.height(), rgba: rgba.into_raw() }
    }
}

/// Whether the pixels of a JPEG come to an end. The decoder fills up with grey what is missing.
fn jpeg_ends(bytes: &[u8]) -> bool {
    let last = |marker: u8| bytes.windows(2).rposition(|pair| pair == [0xFF, marker]);
    // A preview in the header has an end of its own, before the picture's last scan begins.
    matches!((last(0xDA), last(0xD9)), (Some(scan), Some(end)) if scan < end)
}

/// A picture whose header was read.
struct Opened<D> {
    still: Still,
    orientation: Orientation,
    decoder: D,
}

impl Still {
    fn pixels(self) -> u64 {
        u64::from(self.width) * u64::from(self.height)
    }
}

fn open<'a>(
    bytes: &'a [u8],
    limits: StillLimits,
    budget: &Budget,
) -> Result<Opened<impl ImageDecoder + use<'a>>, StillError> {
    budget.check()?;
    let guessed = image::guess_format(bytes).ok();
    let accepted = ACCEPTED.into_iter().find(|(format, _)| Some(*format) == guessed);
    let (guessed, format) = accepted.ok_or(StillError::NotAPicture)?;
    let input = budget.watch(Cursor::new(bytes));
    let mut reader = ImageReader::with_format(input, guessed);
    let mut caps = image::Limits::default();
    // Pixels are counted here; this is what else a file may want to be unpacked.
    caps.max_alloc = Some(limits.memory.min(EXTRAS));
    reader.limits(caps);
    let mut decoder = reader.into_decoder().map_err(StillError::Damaged)?;
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    let (width, height) = upright(decoder.dimensions(), orientation);
    let still = Still { format, width, height };
    if still.pixels() > limits.pixels {
        return Err(StillError::TooLarge { width, height, limit: limits.pixels });
    }
    Ok(Opened { still, orientation, decoder })
}

fn upright((width, height): (u32, u32), orientation: Orientation) -> (u32, u32) {
    match orientation {
        Orientation::Rotate90
        | Orientation::Rotate270
        | Orientation::Rotate90FlipH
        | Orientation::Rotate270FlipH => (height, width),
        _ => (width, height),
    }
}

#[cfg(test)]
mod tests {
    use image::{Rgb, RgbImage};

    use super::*;

    fn encoded(format: ImageFormat) -> Vec<u8> {
        let picture = RgbImage::from_fn(6, 4, |x, _| Rgb([if x < 3 { 250 } else { 5 }, 40, 40]));
        let mut bytes = Cursor::new(Vec::new());
        DynamicImage::from(picture).write_to(&mut bytes, format).unwrap();
        bytes.into_inner()
    }

    #[test]
    fn a_jpeg_that_was_cut_short_is_refused() {
        let whole = encoded(ImageFormat::Jpeg);
        let cut = &whole[..whole.len() - 3];

        assert!(Picture::decode(&whole, StillLimits::default()).is_ok());
        let error = Picture::decode(cut, StillLimits::default()).unwrap_err();
        assert!(matches!(error, StillError::CutShort | StillError::Damaged(_)), "{error}");
    }

    #[test]
    fn the_header_tells_format_and_size() {
        for (format, expected) in ACCEPTED {
            let still = Still::read(&encoded(format)).unwrap();

            assert_eq!(still, Still { format: expected, width: 6, height: 4 });
        }
    }

    #[test]
    fn pixels_are_decoded_with_alpha() {
        let picture = Picture::decode(&encoded(ImageFormat::Png), StillLimits::default()).unwrap();

        assert_eq!((picture.width, picture.height), (6, 4));
        assert_eq!(picture.rgba[..4], [250, 40, 40, 255]);
        assert_eq!(picture.rgba[20..24], [5, 40, 40, 255]);
    }

    #[test]
    fn other_bytes_are_refused_with_the_accepted_formats() {
        let error = Still::read(b"<html>not found</html>").unwrap_err();

        assert_eq!(error.to_string(), "this is not a JPEG, PNG or WebP picture; send one of these");
    }

    #[test]
    fn a_picture_beyond_the_limit_is_not_decoded() {
        let limits = StillLimits { pixels: 23, ..StillLimits::default() };

        let error = Picture::decode(&encoded(ImageFormat::Png), limits).unwrap_err();

        assert!(matches!(error, StillError::TooLarge { width: 6, height: 4, limit: 23 }));
    }

    #[test]
    fn a_picture_that_breaks_off_is_damaged() {
        let whole = encoded(ImageFormat::Png);

        let error = Picture::decode(&whole[..whole.len() / 2], StillLimits::default());

        assert!(matches!(error, Err(StillError::Damaged(_))), "{error:?}");
    }
}
