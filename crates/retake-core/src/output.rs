//! The output contract: what a video was to be, what it is, and what is done about a difference.
//!
//! A file that plays is worth keeping even when it is not exactly what was asked for: it is paid for, and a model
//! that renders 704 lines for 720 will do so again. So differences are measured and told, and only an owner who
//! asked for it has another route tried.

use std::fmt;

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

use crate::{request::Fit, size::Size};

/// What is known of a video's shape: as it was asked for, as a provider announces it, or as it was measured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct OutputSpec {
    /// Width and height, such as `1280x720`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schema(value_type = Option<String>))]
    pub size: Option<Size>,
    /// The playing time, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration_ms: Option<u64>,
    /// Whether there is sound; not said where nobody asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sound: Option<bool>,
}

/// How far a video may be off before it counts as different.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tolerance {
    /// The playing time, either way.
    pub duration: SignedDuration,
    /// Width and height, either way, in pixels.
    pub pixels: u32,
}

impl Default for Tolerance {
    fn default() -> Self {
        // Providers round to frames and to the granularity of their audio.
        Self { duration: SignedDuration::from_millis(250), pixels: 0 }
    }
}

/// One way in which a video is not what was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Difference {
    /// The picture has another size.
    SizeDiffers {
        /// The size that was asked for.
        #[cfg_attr(feature = "schema", schema(value_type = String))]
        asked: Size,
        /// The size that it has.
        #[cfg_attr(feature = "schema", schema(value_type = String))]
        found: Size,
    },
    /// It plays longer or shorter.
    DurationDiffers {
        /// The playing time that was asked for.
        asked_ms: u64,
        /// The playing time that it has.
        found_ms: u64,
    },
    /// Sound was asked for, and there is none.
    SoundMissing,
}

/// What is done with a playable file that differs from what was asked for by more than the tolerance.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum OnMismatch {
    /// It is delivered, with a warning.
    #[default]
    Keep,
    /// Another route is tried; when none brings a better one, it is delivered with a warning.
    Retry,
}

impl OutputSpec {
    /// The ways in which `found` differs from this by more than the tolerance. What one of the two does not say is
    /// not compared.
    pub fn differences(&self, found: &Self, tolerance: Tolerance) -> Vec<Difference> {
        let size = self.size.zip(found.size).filter(|(asked, found)| {
            asked.width.abs_diff(found.width).max(asked.height.abs_diff(found.height))
                > tolerance.pixels
        });
        let within = u64::try_from(tolerance.duration.as_millis()).unwrap_or(0);
        let duration = self.duration_ms.zip(found.duration_ms);
        let duration = duration.filter(|(asked, found)| asked.abs_diff(*found) > within);
        let silent = self.sound == Some(true) && found.sound == Some(false);
        [
            size.map(|(asked, found)| Difference::SizeDiffers { asked, found }),
            duration.map(|(asked_ms, found_ms)| Difference::DurationDiffers { asked_ms, found_ms }),
            silent.then_some(Difference::SoundMissing),
        ]
        .into_iter()
        .flatten()
        .collect()
    }
}

impl Difference {
    /// The name under which it is warned of.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::SizeDiffers { .. } => "size_differs",
            Self::DurationDiffers { .. } => "duration_differs",
            Self::SoundMissing => "sound_missing",
        }
    }

    /// How bad it is, in thousandths of what was asked for.
    fn weight(&self) -> u64 {
        let apart = |a: u64, b: u64| a.abs_diff(b).saturating_mul(1000) / a.max(b).max(1);
        match self {
            Self::SizeDiffers { asked, found } => {
                apart(asked.width.into(), found.width.into())
                    + apart(asked.height.into(), found.height.into())
            }
            Self::DurationDiffers { asked_ms, found_ms } => apart(*asked_ms, *found_ms),
            Self::SoundMissing => 1000,
        }
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ms = |ms: &u64| format!("{}.{:03} s", ms / 1000, ms % 1000);
        match self {
            Self::SizeDiffers { asked, found } => write!(f, "{found} instead of {asked}"),
            Self::DurationDiffers { asked_ms, found_ms } => {
                write!(f, "{} instead of {}", ms(found_ms), ms(asked_ms))
            }
            Self::SoundMissing => f.write_str("no sound"),
        }
    }
}

/// The differences in one line.
pub fn list(differences: &[Difference]) -> String {
    differences.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// Whether a file with these differences is further from what was asked for than one with those.
pub fn is_worse(these: &[Difference], those: &[Difference]) -> bool {
    let weight = |all: &[Difference]| all.iter().map(Difference::weight).sum::<u64>();
    weight(these) > weight(those)
}

/// Whether a render is cancelled because its provider announces something else than was asked for. A strict request
/// takes nothing else. Under [`OnMismatch::Retry`] it is worth it only where another route is left.
pub fn should_cancel(
    announced: &[Difference],
    fit: Option<Fit>,
    on_mismatch: OnMismatch,
    has_other_route: bool,
) -> bool {
    let refuses = fit == Some(Fit::Strict) || (on_mismatch == OnMismatch::Retry && has_other_route);
    !announced.is_empty() && refuses
}

#[cfg(test)]
mod tests {
    use super::*;

    const ASKED: OutputSpec = OutputSpec {
        size: Some(Size::new(1280, 720)),
        duration_ms: Some(7_000),
        sound: Some(true),
    };

    fn found(width: u32, height: u32, ms: u64, sound: bool) -> OutputSpec {
        let size = Some(Size::new(width, height));
        OutputSpec { size, duration_ms: Some(ms), sound: Some(sound) }
    }

    fn names(found: &OutputSpec, tolerance: Tolerance) -> Vec<&'static str> {
        ASKED.differences(found, tolerance).iter().map(Difference::as_str).collect()
    }

    #[test]
    fn every_difference_is_named_with_both_values() {
        let all = ASKED.differences(&found(1280, 704, 7_292, false), Tolerance::default());

        assert_eq!(
            list(&all),
            "1280x704 instead of 1280x720, 7.292 s instead of 7.000 s, no sound"
        );
        assert_eq!(
            names(&found(1280, 704, 7_292, false), Tolerance::default()),
            ["size_differs", "duration_differs", "sound_missing"]
        );
    }

    #[test]
    fn what_lies_within_the_tolerance_is_no_difference() {
        let wide = Tolerance { duration: SignedDuration::from_millis(300), pixels: 16 };

        assert!(names(&found(1280, 704, 7_292, true), wide).is_empty());
        // Two frames at 24 a second.
        assert!(names(&found(1280, 720, 6_917, true), Tolerance::default()).is_empty());
        assert_eq!(
            names(&found(1280, 703, 7_301, true), wide),
            ["size_differs", "duration_differs"]
        );
    }

    #[test]
    fn what_nobody_asked_for_or_announced_is_not_compared() {
        let silent = OutputSpec { sound: None, ..ASKED };

        assert!(
            silent.differences(&found(1280, 720, 7_000, false), Tolerance::default()).is_empty()
        );
        assert!(ASKED.differences(&OutputSpec::default(), Tolerance::default()).is_empty());
    }

    #[test]
    fn the_file_nearest_to_the_request_is_the_better_one() {
        let of = |found: OutputSpec| ASKED.differences(&found, Tolerance::default());
        let (near, far) = (of(found(1280, 704, 7_000, true)), of(found(640, 360, 3_500, true)));

        assert!(is_worse(&far, &near) && !is_worse(&near, &far) && !is_worse(&near, &near));
    }

    #[test]
    fn an_announcement_cancels_a_render_only_where_its_owner_wants_that() {
        let announced = ASKED.differences(&found(1280, 720, 5_000, true), Tolerance::default());
        let cancels = |fit, on, other| should_cancel(&announced, fit, on, other);

        assert!(!cancels(None, OnMismatch::Keep, true));
        assert!(cancels(None, OnMismatch::Retry, true));
        assert!(!cancels(None, OnMismatch::Retry, false));
        assert!(cancels(Some(Fit::Strict), OnMismatch::Keep, false));
        assert!(!should_cancel(&[], Some(Fit::Strict), OnMismatch::Retry, true));
    }
}
