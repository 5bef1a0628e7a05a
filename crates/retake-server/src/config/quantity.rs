//! Amounts as people write them: sizes in bytes, spans of time, how long to keep a file.

use std::{fmt, str::FromStr};

use jiff::{SignedDuration, Span, SpanRelativeTo, Timestamp};
use retake_core::policy::OnUnknownSubmit;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A number of bytes, written with its unit: `"32MiB"`, `"2GB"`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ByteSize(u64);

const UNITS: [(&str, u64); 7] = [
    ("GiB", 1 << 30),
    ("MiB", 1 << 20),
    ("KiB", 1 << 10),
    ("GB", 1_000_000_000),
    ("MB", 1_000_000),
    ("KB", 1_000),
    ("B", 1),
];

impl ByteSize {
    pub const fn bytes(bytes: u64) -> Self {
        Self(bytes)
    }

    pub const fn mib(mebibytes: u64) -> Self {
        Self(mebibytes << 20)
    }

    pub const fn as_u64(self) -> u64 {
        self.0
    }
}

impl fmt::Display for ByteSize {
    /// Writes the size exactly, in the largest unit that divides it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fitting = UNITS.iter().find(|(_, unit)| self.0 != 0 && self.0.is_multiple_of(*unit));
        let (name, unit) = fitting.unwrap_or(&("B", 1));
        write!(f, "{}{name}", self.0 / unit)
    }
}

/// The text is no size.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected a size with its unit such as `32MiB`")]
pub struct NotASize;

impl FromStr for ByteSize {
    type Err = NotASize;

    fn from_str(text: &str) -> Result<Self, NotASize> {
        let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
        let (number, unit) = text.split_at(digits);
        let number: u64 = number.parse().map_err(|_| NotASize)?;
        let (_, factor) = UNITS
            .iter()
            .find(|(name, _)| name.eq_ignore_ascii_case(unit.trim()))
            .ok_or(NotASize)?;
        number.checked_mul(*factor).map(Self).ok_or(NotASize)
    }
}

impl Serialize for ByteSize {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ByteSize {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

/// What is done when nobody knows whether a submit arrived: `"hold"`, `"continue_after"`, `"continue_after:5m"`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnknownSubmit(pub OnUnknownSubmit);

/// The text names nothing that could be done about an unknown submit.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected `hold`, `continue_after` or `continue_after:5m`")]
pub struct NotUnknownSubmit;

const CONTINUE_AFTER: &str = "continue_after";

impl fmt::Display for UnknownSubmit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            OnUnknownSubmit::Hold => f.write_str("hold"),
            OnUnknownSubmit::ContinueAfter(None) => f.write_str(CONTINUE_AFTER),
            OnUnknownSubmit::ContinueAfter(Some(time)) => {
                write!(f, "{CONTINUE_AFTER}:{}", duration::show(&time))
            }
        }
    }
}

impl FromStr for UnknownSubmit {
    type Err = NotUnknownSubmit;

    fn from_str(text: &str) -> Result<Self, NotUnknownSubmit> {
        if text == "hold" {
            return Ok(Self(OnUnknownSubmit::Hold));
        }
        let after = text.strip_prefix(CONTINUE_AFTER).ok_or(NotUnknownSubmit)?;
        let time = match after.strip_prefix(':') {
            None if after.is_empty() => None,
            None => return Err(NotUnknownSubmit),
            Some(time) => Some(duration::parse(time.trim()).map_err(|_| NotUnknownSubmit)?),
        };
        Ok(Self(OnUnknownSubmit::ContinueAfter(time)))
    }
}

impl Serialize for UnknownSubmit {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for UnknownSubmit {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

/// What an account says for itself of unknown submits; nothing, written `""`, where the policy holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AccountUnknownSubmit(pub Option<OnUnknownSubmit>);

impl fmt::Display for AccountUnknownSubmit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.map_or(Ok(()), |own| UnknownSubmit(own).fmt(f))
    }
}

impl FromStr for AccountUnknownSubmit {
    type Err = NotUnknownSubmit;

    fn from_str(text: &str) -> Result<Self, NotUnknownSubmit> {
        let own = Some(text).filter(|text| !text.is_empty());
        own.map(str::parse).transpose().map(|own| Self(own.map(|UnknownSubmit(own)| own)))
    }
}

impl Serialize for AccountUnknownSubmit {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for AccountUnknownSubmit {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

/// A number of pixels, written with its unit: `"16px"`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pixels(pub u32);

/// The text is no number of pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected a number of pixels such as `16px`")]
pub struct NotPixels;

impl fmt::Display for Pixels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}px", self.0)
    }
}

impl FromStr for Pixels {
    type Err = NotPixels;

    fn from_str(text: &str) -> Result<Self, NotPixels> {
        let number = text.strip_suffix("px").ok_or(NotPixels)?.trim_end();
        number.parse().map(Self).map_err(|_| NotPixels)
    }
}

impl Serialize for Pixels {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Pixels {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

/// How long a finished video is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retention {
    Forever,
    For(SignedDuration),
}

impl Retention {
    /// When a file that is kept from `now` on may be removed.
    pub fn expires_at(self, now: Timestamp) -> Option<Timestamp> {
        match self {
            Self::Forever => None,
            Self::For(time) => now.checked_add(time).ok(),
        }
    }
}

impl Serialize for Retention {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Forever => serializer.serialize_str("forever"),
            Self::For(time) => duration::serialize(time, serializer),
        }
    }
}

impl FromStr for Retention {
    type Err = jiff::Error;

    fn from_str(text: &str) -> Result<Self, jiff::Error> {
        if text == "forever" { Ok(Self::Forever) } else { duration::parse(text).map(Self::For) }
    }
}

impl<'de> Deserialize<'de> for Retention {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

/// Durations as `"30s"`, `"5m"`, `"30d"`. A day is 24 hours: there is no calendar here.
pub(super) mod duration {
    use super::{Deserialize, Deserializer, Serializer, SignedDuration, Span, SpanRelativeTo, de};

    const DAY: SignedDuration = SignedDuration::from_hours(24);

    pub(in crate::config) fn parse(text: &str) -> Result<SignedDuration, jiff::Error> {
        text.parse::<Span>()?.to_duration(SpanRelativeTo::days_are_24_hours())
    }

    pub(in crate::config) fn show(time: &SignedDuration) -> String {
        let days = time.as_hours() / 24;
        if days > 0 && DAY.checked_mul(i32::try_from(days).unwrap_or(0)) == Some(*time) {
            return format!("{days}d");
        }
        format!("{time:#}")
    }

    pub(in crate::config) fn serialize<S: Serializer>(
        time: &SignedDuration,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&show(time))
    }

    pub(in crate::config) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<SignedDuration, D::Error> {
        parse(&String::deserialize(deserializer)?).map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_survives_being_written_and_read() {
        for bytes in [0, 1, 999, 1000, 1024, 32 << 20, 5_000_000_000, u64::MAX] {
            let size = ByteSize::bytes(bytes);

            assert_eq!(size.to_string().parse(), Ok(size), "{size}");
        }
    }

    #[test]
    fn a_size_without_a_known_unit_is_no_size() {
        for text in ["", "32", "MiB", "32 XB", "-1MiB", "1.5GiB", "99999999999GiB"] {
            assert_eq!(text.parse::<ByteSize>(), Err(NotASize), "{text:?}");
        }
        assert_eq!("32 mib".parse(), Ok(ByteSize::mib(32)));
    }

    #[test]
    fn what_is_done_about_an_unknown_submit_survives_being_written_and_read() {
        for text in ["hold", "continue_after", "continue_after:5m", "continue_after:0s"] {
            let read: UnknownSubmit = text.parse().unwrap();

            assert_eq!(read.to_string(), text);
        }
        for text in ["", "continue", "continue_after:", "continue_after:soon", "continue_after5m"] {
            assert_eq!(text.parse::<UnknownSubmit>(), Err(NotUnknownSubmit), "{text:?}");
        }
    }

    #[test]
    fn pixels_are_written_with_their_unit() {
        assert_eq!("16px".parse(), Ok(Pixels(16)));
        assert_eq!("16 px".parse(), Ok(Pixels(16)));
        assert_eq!(Pixels(16).to_string(), "16px");
        for text in ["", "px", "16", "-1px", "1.5px", "99999999999px"] {
            assert_eq!(text.parse::<Pixels>(), Err(NotPixels), "{text:?}");
        }
    }

    #[test]
    fn durations_know_days_and_are_written_as_short_as_they_came() {
        for text in ["30s", "5m", "30d", "1h 30m", "250ms", "0s"] {
            let time = duration::parse(text).unwrap();

            assert_eq!(duration::show(&time), text);
        }
        assert_eq!(duration::parse("2d").unwrap(), SignedDuration::from_hours(48));
        assert!(duration::parse("soon").is_err());
    }
}
