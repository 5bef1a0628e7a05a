//! What two files have to have in common to play as one.

use super::{StitchError, Tracks};
use crate::mp4::movie::{AvcTrack, UNITY_MATRIX};
use crate::mp4::track::Track;

/// A file that is still to be written by this crate and put behind another one: H.264, and AAC-LC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sequel {
    pub size: (u16, u16),
    /// Pictures per second.
    pub frame_rate: u32,
    pub sample_rate: u32,
    pub channels: u8,
}

/// How the tracks of a file are coded, as far as the tracks behind them have to be coded alike.
pub(super) struct Format {
    size: (u16, u16),
    matrix: [u8; 36],
    frame_rate: f64,
    sound: Option<SoundFormat>,
    /// Ticks of a second of the pictures.
    pub(super) timescale: u32,
}

#[derive(PartialEq, Eq)]
struct SoundFormat {
    timescale: u32,
    /// Kind of AAC, sample rate and channels: the first 13 bits of its configuration.
    config: Option<[u8; 2]>,
}

impl Format {
    pub(super) fn of(tracks: &Tracks) -> Self {
        Self {
            size: tracks.pictures.size,
            matrix: tracks.pictures.matrix,
            frame_rate: frame_rate(&tracks.pictures),
            sound: tracks.sound.as_ref().map(SoundFormat::of),
            timescale: tracks.pictures.timescale,
        }
    }

    /// How the tracks will be coded of a file that is not there yet.
    pub(super) fn of_sequel(sequel: Sequel) -> Self {
        let mut matrix = [0; 36];
        for (bytes, word) in matrix.as_chunks_mut::<4>().0.iter_mut().zip(UNITY_MATRIX) {
            *bytes = word.to_be_bytes();
        }
        Self {
            size: sequel.size,
            matrix,
            frame_rate: sequel.frame_rate.into(),
            sound: Some(SoundFormat::low_complexity(sequel.sample_rate, sequel.channels)),
            timescale: sequel.frame_rate.saturating_mul(AvcTrack::FRAME_TICKS),
        }
    }

    /// Refuses a second file that would not play as one video with this one.
    pub(super) fn check(&self, second: &Self) -> Result<(), StitchError> {
        if self.size != second.size {
            return Err(StitchError::Size { first: self.size, second: second.size });
        }
        if self.matrix != second.matrix {
            return Err(StitchError::Turned);
        }
        let (first, second_rate) = (self.frame_rate, second.frame_rate);
        // Writers with coarse clocks round the length of the last picture.
        if (first - second_rate).abs() > first * 0.0005 {
            return Err(StitchError::FrameRate { first, second: second_rate });
        }
        match (&self.sound, &second.sound) {
            (Some(first), Some(second)) if first != second => Err(StitchError::SoundFormat),
            _ => Ok(()),
        }
    }
}

impl SoundFormat {
    fn of(track: &Track) -> Self {
        let config = track.aac_config(0).and_then(|config| config.first_chunk::<2>());
        Self {
            timescale: track.timescale,
            config: config.map(|&[kind, channels]| [kind, channels & 0xF8]),
        }
    }

    fn low_complexity(sample_rate: u32, channels: u8) -> Self {
        const LOW_COMPLEXITY: u16 = 2;
        /// The rates that AAC counts from zero on; others are written out.
        const RATES: [u32; 13] = [
            96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025,
            8_000, 7_350,
        ];
        let config = |rate: u16| LOW_COMPLEXITY << 11 | rate << 7 | u16::from(channels) << 3;
        let rate = (0..).zip(RATES).find(|(_, rate)| *rate == sample_rate);
        Self {
            timescale: sample_rate,
            config: rate.map(|(number, _)| config(number).to_be_bytes()),
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "a million samples at most")]
fn frame_rate(track: &Track) -> f64 {
    track.samples().len() as f64 / track.duration().as_secs_f64().max(f64::MIN_POSITIVE)
}
