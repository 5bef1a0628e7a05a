//! Says what a video file is, without playing it.
//!
//! The file may come from anywhere. Besides naming codec, size and duration, reading it proves that
//! it is complete: every sample that its tables point at lies within the file. A download that broke
//! off is an error that says so, not a shorter video, also where it broke off between two fragments and the
//! file says how long it was to be; bytes behind the last box, or padding that is
//! cut short, take nothing from a video.

use std::{
    io::{self, Read, Seek, SeekFrom},
    time::Duration,
};

use thiserror::Error;

use super::boxes::{Fields, child, children, descend};
use super::fragments;
use super::index::{self, Index};
use super::tables::{self, Samples};
use super::video::{Codec, Container, MediaTime, PictureTrack, SoundTrack, VideoFile};
use crate::budget::{Budget, BudgetError};
use crate::webm;

pub(super) const MAX_TRACKS: usize = 64;
/// No video is longer than a month. An edit list that says so is not believed.
pub(crate) const LONGEST: MediaTime = MediaTime { ticks: 31 * 24 * 3600, timescale: 1 };

/// Why a file is not a video that plays.
#[derive(Debug, Error)]
pub enum ProbeError {
    #[error("this is not a video file; it looks like {looks_like}")]
    NotAVideo { looks_like: &'static str },

    #[error("the file is truncated: {what} needs {needed} bytes, and there are {found}")]
    Truncated { what: String, needed: u64, found: u64 },

    #[error(
        "the file is truncated: it says that it plays for {:.2} s, and what is there plays for {:.2} s",
        promised.as_secs_f64(), found.as_secs_f64()
    )]
    Short { promised: Duration, found: Duration },

    #[error("the file is truncated: none of its fragments is there")]
    NoFragments,

    #[error("the file is damaged: {0}")]
    Malformed(&'static str),

    #[error("the file was not read, because it has {0}")]
    TooComplex(&'static str),

    #[error("the file is WebM or Matroska; only MP4 and MOV are read sample by sample")]
    NotMp4,

    #[error("the file has no pictures")]
    NoPictures,

    #[error(transparent)]
    Budget(#[from] BudgetError),

    #[error("the file could not be read")]
    Io(#[from] io::Error),
}

impl ProbeError {
    /// Whether this is the beginning of a video whose rest is missing: a download that broke off.
    pub fn is_incomplete(&self) -> bool {
        matches!(self, Self::Truncated { .. } | Self::Short { .. } | Self::NoFragments)
    }

    /// Whether this is something else than a video: a web page, a message, a picture.
    pub fn is_not_a_video(&self) -> bool {
        matches!(self, Self::NotAVideo { .. })
    }
}

/// Reads the structure of an MP4, MOV or WebM file.
pub fn probe(reader: impl Read + Seek) -> Result<VideoFile, ProbeError> {
    probe_within(reader, &Budget::default())
}

/// Reads the structure of an MP4, MOV or WebM file, and pays for that from `budget`.
pub fn probe_within(
    mut reader: impl Read + Seek,
    budget: &Budget,
) -> Result<VideoFile, ProbeError> {
    budget.check()?;
    let bytes = index::length(&mut reader)?;
    let budget = budget.for_structure(bytes);
    if webm::is_webm(&mut reader)? {
        return webm::probe(&mut reader, bytes, &budget);
    }
    refuse_other_formats(&mut reader, bytes)?;
    let index = Index::read(&mut reader, bytes, &budget)?;
    Reading { index: &index }.finish()
}

pub(super) fn no_index(bytes: u64) -> ProbeError {
    let what = "a file whose index (`moov`) comes last, or was never written,".to_owned();
    ProbeError::Truncated { what, needed: bytes.saturating_add(1), found: bytes }
}

/// Names what was sent in place of a video: often a page or a message saying why.
pub(super) fn refuse_other_formats(
    reader: &mut (impl Read + Seek),
    bytes: u64,
) -> Result<(), ProbeError> {
    let mut head = Vec::new();
    reader.seek(SeekFrom::Start(0))?;
    reader.by_ref().take(64).read_to_end(&mut head)?;
    let text = head.trim_ascii_start();
    let looks_like = match head.get(4..8) {
        Some(b"ftyp" | b"moov" | b"mdat" | b"free" | b"skip" | b"wide" | b"pnot") => return Ok(()),
        _ if bytes == 0 => "an empty file",
        _ if head.starts_with(&webm::MAGIC) => return Err(ProbeError::NotMp4),
        _ if head.starts_with(b"RIFF") => "AVI, WAV or WebP",
        _ if head.starts_with(b"GIF8") => "a GIF",
        _ if head.starts_with(b"\x89PNG") || head.starts_with(&[0xFF, 0xD8]) => "a picture",
        _ if text.starts_with(b"<") => "a web page or XML",
        _ if text.starts_with(b"{") || text.starts_with(b"[") => "JSON",
        _ if head.iter().all(|byte| matches!(byte, 9 | 10 | 13 | 32..=126)) => "text",
        _ => "something else",
    };
    Err(ProbeError::NotAVideo { looks_like })
}

/// The index, and what else is needed to understand it.
struct Reading<'a> {
    index: &'a Index,
}

impl Reading<'_> {
    fn finish(&self) -> Result<VideoFile, ProbeError> {
        let movie_scale = child(&self.index.moov, *b"mvhd").and_then(timescale_and_duration);
        let (movie_scale, movie_ticks) =
            movie_scale.ok_or(ProbeError::Malformed("it has no movie header"))?;
        let (mut picture, mut sound) = (None, None);
        let traks = children(&self.index.moov).filter(|(kind, _)| kind == b"trak");
        for (number, (_, trak)) in traks.enumerate() {
            if number == MAX_TRACKS {
                return Err(ProbeError::TooComplex("more than 64 tracks"));
            }
            match handler(trak) {
                Some(b"vide") if picture.is_none() => {
                    picture = self.picture_track(trak, movie_scale)?;
                }
                Some(b"soun") if sound.is_none() => sound = self.sound_track(trak, movie_scale)?,
                _ => {}
            }
        }
        let picture = picture.ok_or_else(|| {
            let is_cut = self.is_fragmented() && self.index.fragments.is_empty();
            if is_cut { ProbeError::NoFragments } else { ProbeError::NoPictures }
        })?;
        let heard = sound.as_ref().map(|sound| sound.duration);
        let duration = heard.map_or(picture.duration, |heard| heard.max(picture.duration));
        if self.is_fragmented() {
            let promised = fragments::promised_duration(&self.index.moov).unwrap_or_default();
            let ticks = promised.max(known(movie_ticks));
            hold_against(duration, MediaTime { ticks, timescale: movie_scale })?;
        }
        let (container, bytes) = (Container::Mp4, self.index.bytes);
        Ok(VideoFile {
            container,
            duration,
            picture,
            sound,
            faststart: self.index.faststart,
            bytes,
        })
    }

    fn is_fragmented(&self) -> bool {
        self.index.defaults.is_some()
    }

    /// A track with a cover picture or with no frames at all does not make a video: `None`.
    fn picture_track(&self, trak: &[u8], scale: u32) -> Result<Option<PictureTrack>, ProbeError> {
        let (kind, mut entry) = sample_entry(trak)?;
        let codec = Codec::from_sample_entry(kind, entry.0);
        let size = entry.take(24).and_then(|_| entry.u16().zip(entry.u16()));
        let (width, height) = size.ok_or(ProbeError::Malformed("a sample entry is cut short"))?;
        let (samples, duration) = self.samples(trak, scale)?;
        if samples.count == 0 || matches!(&kind, b"jpeg" | b"png ") {
            return Ok(None);
        }
        if width == 0 || height == 0 || duration.ticks == 0 {
            return Err(ProbeError::Malformed("its pictures have no size or no duration"));
        }
        let (width, height) = (u32::from(width), u32::from(height));
        Ok(Some(PictureTrack { codec, width, height, frames: samples.count, duration }))
    }

    fn sound_track(&self, trak: &[u8], scale: u32) -> Result<Option<SoundTrack>, ProbeError> {
        let (kind, mut entry) = sample_entry(trak)?;
        let codec = Codec::from_sample_entry(kind, entry.0);
        let mut read = || {
            entry.take(16)?;
            let channels = entry.u16()?;
            entry.take(6)?;
            Some((channels, entry.u32()? >> 16))
        };
        let (channels, stated) =
            read().ok_or(ProbeError::Malformed("a sample entry is cut short"))?;
        let (samples, duration) = self.samples(trak, scale)?;
        if samples.count == 0 {
            return Ok(None);
        }
        let sample_rate = if stated == 0 { media_timescale(trak).unwrap_or(0) } else { stated };
        Ok(Some(SoundTrack { codec, channels, sample_rate, duration }))
    }

    /// The samples of a track, and how long they are shown once its edit list is applied.
    fn samples(&self, trak: &[u8], movie_scale: u32) -> Result<(Samples, MediaTime), ProbeError> {
        let timescale = media_timescale(trak)
            .filter(|&scale| scale > 0)
            .ok_or(ProbeError::Malformed("a track has no timescale"))?;
        let stbl = descend(trak, &[*b"mdia", *b"minf", *b"stbl"])
            .ok_or(ProbeError::Malformed("a track has no sample tables"))?;
        let mut samples = tables::read(stbl)?;
        let total = self.index.total(track_id(trak));
        samples.count = samples.count.saturating_add(total.samples);
        samples.duration = samples.duration.saturating_add(total.duration);
        let (needed, found) = (samples.end.max(total.end), self.index.bytes);
        if needed > found {
            let what = "the last sample".to_owned();
            return Err(ProbeError::Truncated { what, needed, found });
        }
        let whole = MediaTime { ticks: samples.duration, timescale };
        if self.is_fragmented() && samples.count > 0 {
            let ticks = known(media_duration(trak).unwrap_or_default());
            hold_against(whole, MediaTime { ticks, timescale })?;
            let ticks = edited_duration(trak).unwrap_or_default();
            hold_against(whole, MediaTime { ticks: known(ticks), timescale: movie_scale })?;
        }
        let edited = edited_duration(trak).filter(|&ticks| ticks > 0 && movie_scale > 0);
        let edited = edited.map(|ticks| MediaTime { ticks, timescale: movie_scale });
        let edited = edited.filter(|&edited| edited <= LONGEST);
        let duration = edited.unwrap_or(whole);
        if duration > LONGEST {
            return Err(ProbeError::Malformed("it says that it plays for more than a month"));
        }
        Ok((samples, duration))
    }
}

/// A duration that is not known is written as zero, or as all ones.
fn known(ticks: u64) -> u64 {
    if ticks == u64::from(u32::MAX) || ticks == u64::MAX { 0 } else { ticks }
}

/// Refuses a file of which so much is there, and that says that it plays for much longer. What is lost between two
/// fragments is at least as long as a fragment; less than that may be a matter of rounding, or of how sound is packed.
fn hold_against(found: MediaTime, promised: MediaTime) -> Result<(), ProbeError> {
    const SLACK: Duration = Duration::from_millis(250);
    if promised.ticks == 0 || promised.timescale == 0 || promised > LONGEST {
        return Ok(());
    }
    let (found, promised) = (found.as_duration(), promised.as_duration());
    if found.saturating_add(SLACK + promised / 20) >= promised {
        return Ok(());
    }
    Err(ProbeError::Short { promised, found })
}

pub(super) fn handler(trak: &[u8]) -> Option<&[u8; 4]> {
    descend(trak, &[*b"mdia", *b"hdlr"])?.get(8..12)?.try_into().ok()
}

pub(super) fn track_id(trak: &[u8]) -> Option<u32> {
    let (version, _, mut fields) = Fields::versioned(child(trak, *b"tkhd")?)?;
    fields.sized(version)?;
    fields.sized(version)?;
    fields.u32()
}

pub(super) fn media_timescale(trak: &[u8]) -> Option<u32> {
    descend(trak, &[*b"mdia", *b"mdhd"]).and_then(timescale_and_duration).map(|(scale, _)| scale)
}

fn media_duration(trak: &[u8]) -> Option<u64> {
    descend(trak, &[*b"mdia", *b"mdhd"]).and_then(timescale_and_duration).map(|(_, ticks)| ticks)
}

/// `mvhd` and `mdhd` begin alike: two dates, a timescale, a duration.
pub(super) fn timescale_and_duration(body: &[u8]) -> Option<(u32, u64)> {
    let (version, _, mut fields) = Fields::versioned(body)?;
    fields.sized(version)?;
    fields.sized(version)?;
    fields.u32().zip(fields.sized(version))
}

/// How long the edit list shows the track, in ticks of the movie; pauses at the start included.
fn edited_duration(trak: &[u8]) -> Option<u64> {
    let (version, _, mut fields) = Fields::versioned(descend(trak, &[*b"edts", *b"elst"])?)?;
    let count = fields.u32()?;
    let mut total = 0_u64;
    // Ends with the table, whatever it says.
    for _ in 0..count {
        total = total.saturating_add(fields.sized(version)?);
        fields.sized(version)?;
        fields.u32()?;
    }
    Some(total)
}

/// The first sample description: its kind, and its fields.
fn sample_entry(trak: &[u8]) -> Result<([u8; 4], Fields<'_>), ProbeError> {
    let entry = descend(trak, &[*b"mdia", *b"minf", *b"stbl", *b"stsd"])
        .and_then(|body| children(body.get(8..)?).next());
    let (kind, body) = entry.ok_or(ProbeError::Malformed("a track has no sample description"))?;
    Ok((kind, Fields(body)))
}
