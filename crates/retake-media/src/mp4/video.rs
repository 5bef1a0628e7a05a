//! What is known of a video file after it was read.

use std::cmp::Ordering;
use std::fmt;
use std::time::Duration;

/// A playable video file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VideoFile {
    /// The format of the file.
    pub container: Container,
    /// How long it plays: as long as its longest track.
    pub duration: MediaTime,
    pub picture: PictureTrack,
    pub sound: Option<SoundTrack>,
    /// Whether the index comes before the data, so that playing can begin while downloading.
    pub faststart: bool,
    /// Length of the file in bytes.
    pub bytes: u64,
}

/// The format of a video file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Container {
    /// MP4 or MOV.
    Mp4,
    /// WebM, or another Matroska file.
    WebM,
}

impl Container {
    /// The media type that such a file is sent with.
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Mp4 => "video/mp4",
            Self::WebM => "video/webm",
        }
    }

    /// What the name of such a file ends with, without the dot.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Mp4 => "mp4",
            Self::WebM => "webm",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PictureTrack {
    pub codec: Codec,
    pub width: u32,
    pub height: u32,
    pub frames: u64,
    pub duration: MediaTime,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SoundTrack {
    pub codec: Codec,
    /// As the file states it; the codec's own configuration may know better.
    pub channels: u16,
    pub sample_rate: u32,
    pub duration: MediaTime,
}

impl PictureTrack {
    /// Frames per second, on average.
    #[expect(clippy::cast_precision_loss, reason = "exact up to 2^52 frames")]
    pub fn frame_rate(&self) -> f64 {
        let seconds = self.duration.as_secs_f64();
        if seconds > 0.0 { self.frames as f64 / seconds } else { 0.0 }
    }
}

/// A span of time as files state it, exact: `ticks` of which `timescale` make a second.
#[derive(Clone, Copy, Debug)]
pub struct MediaTime {
    pub ticks: u64,
    pub timescale: u32,
}

impl MediaTime {
    #[expect(clippy::cast_precision_loss, reason = "files shorter than 2^52 ticks")]
    pub fn as_secs_f64(self) -> f64 {
        self.ticks as f64 / f64::from(self.timescale.max(1))
    }

    /// The same span, rounded down to nanoseconds.
    pub fn as_duration(self) -> Duration {
        let scale = u64::from(self.timescale.max(1));
        let nanos = self.ticks % scale * 1_000_000_000 / scale;
        Duration::new(self.ticks / scale, u32::try_from(nanos).unwrap_or(0))
    }
}

impl PartialEq for MediaTime {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for MediaTime {}

impl PartialOrd for MediaTime {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for MediaTime {
    fn cmp(&self, other: &Self) -> Ordering {
        let scaled = |time: &Self, scale: u32| u128::from(time.ticks) * u128::from(scale.max(1));
        scaled(self, other.timescale).cmp(&scaled(other, self.timescale))
    }
}

/// How a track is coded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Codec {
    H264,
    Hevc,
    Av1,
    Vp8,
    Vp9,
    ProRes,
    Aac,
    Mp3,
    Opus,
    Vorbis,
    Flac,
    Ac3,
    Pcm,
    /// Four letters from the file that are not in this list.
    Other([u8; 4]),
}

impl Codec {
    pub(super) fn from_sample_entry(kind: [u8; 4], entry: &[u8]) -> Self {
        match &kind {
            b"avc1" | b"avc3" => Self::H264,
            b"hvc1" | b"hev1" => Self::Hevc,
            b"av01" => Self::Av1,
            b"vp08" => Self::Vp8,
            b"vp09" => Self::Vp9,
            b"apch" | b"apcn" | b"apcs" | b"apco" | b"ap4h" | b"ap4x" => Self::ProRes,
            b"mp4a" if is_mp3(entry) => Self::Mp3,
            b"mp4a" => Self::Aac,
            b".mp3" => Self::Mp3,
            b"Opus" => Self::Opus,
            b"fLaC" => Self::Flac,
            b"ac-3" | b"ec-3" => Self::Ac3,
            b"sowt" | b"twos" | b"lpcm" | b"ipcm" | b"fpcm" | b"in24" | b"fl32" => Self::Pcm,
            _ => Self::Other(kind),
        }
    }
}

/// `mp4a` also stands for MP3; the difference is the object type in `esds`.
fn is_mp3(entry: &[u8]) -> bool {
    let mut esds = entry.windows(4).skip_while(|window| window != b"esds");
    // The object type is the first byte of the decoder descriptor (tag 4, length up to 4 bytes).
    let descriptors = esds.by_ref().skip(4).map(|window| window[0]).take(40).collect::<Vec<_>>();
    let decoder = descriptors.iter().position(|&tag| tag == 4).map(|at| &descriptors[at + 1..]);
    let object = decoder.and_then(|body| body.iter().skip_while(|&&byte| byte & 0x80 != 0).nth(1));
    matches!(object, Some(0x69 | 0x6B))
}

impl fmt::Display for Codec {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::H264 => "h264",
            Self::Hevc => "hevc",
            Self::Av1 => "av1",
            Self::Vp8 => "vp8",
            Self::Vp9 => "vp9",
            Self::ProRes => "prores",
            Self::Aac => "aac",
            Self::Mp3 => "mp3",
            Self::Opus => "opus",
            Self::Vorbis => "vorbis",
            Self::Flac => "flac",
            Self::Ac3 => "ac3",
            Self::Pcm => "pcm",
            Self::Other(kind) => return write!(out, "{}", kind.escape_ascii()),
        })
    }
}
