//! Compares a video with what was asked for.

use std::time::Duration;

use thiserror::Error;

use crate::mp4::VideoFile;

/// What a video should be. What is `None` is not looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Expectation {
    /// Width and height in pixels.
    pub size: Option<(u32, u32)>,
    pub duration: Option<Duration>,
    /// How far the duration may be off, either way.
    pub tolerance: Duration,
    /// Whether there should be a sound track.
    pub sound: Option<bool>,
}

/// One way in which a video is not what was asked for.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum Mismatch {
    #[error("expected {}x{}, found {}x{}", expected.0, expected.1, found.0, found.1)]
    Size { expected: (u32, u32), found: (u32, u32) },

    #[error(
        "expected {:.3} s (within {:.3} s), found {:.3} s",
        expected.as_secs_f64(), tolerance.as_secs_f64(), found.as_secs_f64()
    )]
    Duration { expected: Duration, tolerance: Duration, found: Duration },

    #[error("expected a sound track, found none")]
    SoundMissing,

    #[error("expected no sound track, found one")]
    SoundUnasked,
}

impl Expectation {
    /// Everything in which `video` differs; nothing when it is as expected.
    pub fn check(&self, video: &VideoFile) -> Vec<Mismatch> {
        let found = (video.picture.width, video.picture.height);
        let size = self
            .size
            .filter(|&expected| expected != found)
            .map(|expected| Mismatch::Size { expected, found });

        let (found, tolerance) = (video.duration.as_duration(), self.tolerance);
        let duration = self
            .duration
            .filter(|expected| expected.abs_diff(found) > tolerance)
            .map(|expected| Mismatch::Duration { expected, tolerance, found });

        let sound = match (self.sound, &video.sound) {
            (Some(true), None) => Some(Mismatch::SoundMissing),
            (Some(false), Some(_)) => Some(Mismatch::SoundUnasked),
            _ => None,
        };
        [size, duration, sound].into_iter().flatten().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mp4::{Codec, Container, MediaTime, PictureTrack};

    fn a_video(width: u32, ticks: u64) -> VideoFile {
        let duration = MediaTime { ticks, timescale: 1000 };
        let picture = PictureTrack { codec: Codec::H264, width, height: 720, frames: 1, duration };
        VideoFile {
            container: Container::Mp4,
            duration,
            picture,
            sound: None,
            faststart: true,
            bytes: 1,
        }
    }

    const ASKED: Expectation = Expectation {
        size: Some((1280, 720)),
        duration: Some(Duration::from_secs(5)),
        tolerance: Duration::from_millis(20),
        sound: Some(true),
    };

    #[test]
    fn every_difference_is_named_with_what_was_expected_and_what_was_found() {
        let mismatches = ASKED.check(&a_video(640, 4_900));

        let texts: Vec<_> = mismatches.iter().map(ToString::to_string).collect();
        assert_eq!(
            texts,
            [
                "expected 1280x720, found 640x720",
                "expected 5.000 s (within 0.020 s), found 4.900 s",
                "expected a sound track, found none",
            ]
        );
    }

    #[test]
    fn a_duration_within_the_tolerance_is_as_expected() {
        let expected = Expectation { sound: None, ..ASKED };

        assert_eq!(expected.check(&a_video(1280, 5_020)), []);
        assert_eq!(expected.check(&a_video(1280, 4_980)), []);
    }
}
