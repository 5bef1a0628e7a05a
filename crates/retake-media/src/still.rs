//! Pictures: what a file of bytes is, and its pixels.
//!
//! The header is read first and for everything: it tells format and size without decoding, and the
//! limits are applied to what it says. Sizes are those of the picture as it is meant to be seen,
//! so a photograph that a camera stored sideways counts as upright, and is decoded upright.

use std::io::Cursor;

use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder, ImageError, ImageFormat, ImageReader};
use thiserror::Error;

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

    #[error("the picture is damaged or incomplete")]
    Damaged(#[source] ImageError),

    #[error("the picture cannot be written as WebP")]
    Unencodable(#[source] ImageError),
}

impl Still {
    /// Reads the header of a picture; the default limits are applied to what it says.
    pub fn read(bytes: &[u8]) -> Result<Self, StillError> {
        open(bytes, StillLimits::default()).map(|(still, ..)| still)
    }
}

impl Picture {
    /// Decodes a picture that stays within `limits`.
    pub fn decode(bytes: &[u8], limits: StillLimits) -> Result<Self, StillError> {
        let (still, orientation, decoder) = open(bytes, limits)?;
        let mut image = DynamicImage::from_decoder(decoder).map_err(StillError::Damaged)?;
        if still.format == StillFormat::Jpeg && !jpeg_ends(bytes) {
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

fn open(
    bytes: &[u8],
    limits: StillLimits,
) -> Result<(Still, Orientation, impl ImageDecoder), StillError> {
    let guessed = image::guess_format(bytes).ok();
    let accepted = ACCEPTED.into_iter().find(|(format, _)| Some(*format) == guessed);
    let (guessed, format) = accepted.ok_or(StillError::NotAPicture)?;
    let mut reader = ImageReader::with_format(Cursor::new(bytes), guessed);
    let mut caps = image::Limits::default();
    caps.max_alloc = Some(limits.memory);
    reader.limits(caps);
    let mut decoder = reader.into_decoder().map_err(StillError::Damaged)?;
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    let (width, height) = upright(decoder.dimensions(), orientation);
    if u64::from(width) * u64::from(height) > limits.pixels {
        return Err(StillError::TooLarge { width, height, limit: limits.pixels });
    }
    Ok((Still { format, width, height }, orientation, decoder))
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
