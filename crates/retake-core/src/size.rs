//! Picture sizes, as the wire writes them: `1280x720`.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize, Serializer};

/// Width and height in pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "String")]
pub struct Size {
    /// Pixels from left to right.
    pub width: u32,
    /// Pixels from top to bottom.
    pub height: u32,
}

/// A text that is no size.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a size; write width and height in pixels, for example `1280x720`")]
pub struct InvalidSize(String);

impl Size {
    /// A size of `width` by `height` pixels.
    pub const fn new(width: u32, height: u32) -> Self {
        Self { width, height }
    }

    /// Whether the picture has this shape, give or take the rounding to even pixels (2 %).
    pub fn has_ratio(self, ratio: Ratio) -> bool {
        let (a, b) = (u64::from(self.width) * ratio.high, u64::from(self.height) * ratio.wide);
        a.abs_diff(b) * 50 <= a.max(b)
    }

    /// The shorter side, which names resolutions: 720 for `1280x720`.
    pub fn short_side(self) -> u32 {
        self.width.min(self.height)
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}x{}", self.width, self.height)
    }
}

impl FromStr for Size {
    type Err = InvalidSize;

    fn from_str(text: &str) -> Result<Self, InvalidSize> {
        let invalid = || InvalidSize(text.chars().take(24).collect());
        let (width, height) = text.split_once(['x', 'X', '×']).ok_or_else(invalid)?;
        let side = |digits: &str| {
            let plain = digits.len() <= 5 && digits.bytes().all(|b| b.is_ascii_digit());
            digits.parse().ok().filter(|&n: &u32| plain && n > 0).ok_or_else(invalid)
        };
        Ok(Self { width: side(width)?, height: side(height)? })
    }
}

impl TryFrom<String> for Size {
    type Error = InvalidSize;

    fn try_from(text: String) -> Result<Self, InvalidSize> {
        text.parse()
    }
}

impl Serialize for Size {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// The shape of a picture: `16:9`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Ratio {
    wide: u64,
    high: u64,
}

/// A text that is no aspect ratio.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not an aspect ratio; write two numbers, for example `16:9`")]
pub struct InvalidRatio(String);

impl Ratio {
    /// The size of this shape whose shorter side has `lines` pixels.
    pub fn at(self, lines: u32) -> Size {
        let longer = |long: u64, short: u64| {
            u32::try_from(u64::from(lines) * long / short).unwrap_or(u32::MAX)
        };
        if self.wide >= self.high {
            Size::new(longer(self.wide, self.high), lines)
        } else {
            Size::new(lines, longer(self.high, self.wide))
        }
    }
}

impl fmt::Display for Ratio {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.wide, self.high)
    }
}

impl FromStr for Ratio {
    type Err = InvalidRatio;

    fn from_str(text: &str) -> Result<Self, InvalidRatio> {
        let side = |digits: &str| digits.parse::<u64>().ok().filter(|n| (1..=100).contains(n));
        text.split_once(':')
            .and_then(|(wide, high)| Some(Self { wide: side(wide)?, high: side(high)? }))
            .ok_or_else(|| InvalidRatio(text.chars().take(24).collect()))
    }
}

impl TryFrom<String> for Ratio {
    type Error = InvalidRatio;

    fn try_from(text: String) -> Result<Self, InvalidRatio> {
        text.parse()
    }
}

impl From<Ratio> for String {
    fn from(ratio: Ratio) -> Self {
        ratio.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_is_two_plain_numbers() {
        assert_eq!("1280x720".parse(), Ok(Size::new(1280, 720)));
        for text in
            ["", "x", "1280", "1280x", "-1x5", "+1x5", "0x720", "1e3x720", "123456x1", "1x2x3"]
        {
            assert!(text.parse::<Size>().is_err(), "{text}");
        }
    }

    #[test]
    fn sizes_rounded_to_even_pixels_keep_their_ratio() {
        let wide = "16:9".parse().unwrap();

        assert!(Size::new(1280, 720).has_ratio(wide));
        assert!(Size::new(854, 480).has_ratio(wide));
        assert!(!Size::new(1792, 1024).has_ratio("4:3".parse().unwrap()));
    }
}
