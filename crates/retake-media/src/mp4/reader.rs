//! Reads a file sample by sample.
//!
//! Opening reads the index and nothing else, so a file of two gigabytes costs as much as a small
//! one of the same length in time. The first picture track and the first sound track are listed,
//! each sample is known to lie within the file, and then any of them can be fetched by itself.

use std::io::{self, Read, Seek, SeekFrom};

use super::boxes::{Fields, child, children, descend};
use super::index::{self, Index};
use super::probe::{
    MAX_TRACKS, ProbeError, handler, media_timescale, refuse_other_formats, timescale_and_duration,
    track_id,
};
use super::runs;
use super::samples;
use super::tables;
use super::track::{self, Description, Sample, Track};
use super::video::Codec;
use crate::budget::Budget;

/// Bytes of one sample that are fetched into memory, at most: an uncompressed picture of 4K.
const MAX_SAMPLE: u32 = 16 << 20;
/// What fetching a sample costs by itself, and how many of its bytes cost one more.
const READ: u64 = 100;
const BYTES: u64 = 16;

/// An MP4 or MOV file, progressive or fragmented, ready to be read.
#[derive(Debug)]
pub struct Mp4Reader<R> {
    reader: R,
    budget: Budget,
    /// Length of the file.
    bytes: u64,
    timescale: u32,
    pictures: Option<Track>,
    sound: Option<Track>,
    user_data: Option<Vec<u8>>,
}

impl<R: Read + Seek> Mp4Reader<R> {
    /// Reads the index of a file.
    pub fn open(reader: R) -> Result<Self, ProbeError> {
        Self::open_within(reader, &Budget::default())
    }

    /// Reads the index of a file, and pays for that from `budget`.
    pub fn open_within(mut reader: R, budget: &Budget) -> Result<Self, ProbeError> {
        let bytes = index::length(&mut reader)?;
        refuse_other_formats(&mut reader, bytes)?;
        let structure = budget.for_structure(bytes);
        let index = Index::read(&mut reader, bytes, &structure)?;
        let timescale = child(&index.moov, *b"mvhd").and_then(timescale_and_duration);
        let timescale = timescale.map(|(scale, _)| scale).filter(|&scale| scale > 0);
        let timescale = timescale.ok_or(ProbeError::Malformed("it has no movie header"))?;
        let user_data = child(&index.moov, *b"udta").filter(|it| it.len() <= MAX_USER_DATA);
        let user_data = user_data.map(<[u8]>::to_vec);
        let budget = budget.clone();
        let (pictures, sound) = (None, None);
        let mut file = Self { reader, budget, bytes, timescale, pictures, sound, user_data };
        file.read_tracks(&index, &structure)?;
        Ok(file)
    }

    /// The first track with pictures that are a video.
    pub fn pictures(&self) -> Option<&Track> {
        self.pictures.as_ref()
    }

    /// The first track with sound.
    pub fn sound(&self) -> Option<&Track> {
        self.sound.as_ref()
    }

    /// Takes the track with pictures out, so that it can be walked while samples are fetched.
    pub(crate) fn take_pictures(&mut self) -> Option<Track> {
        self.pictures.take()
    }

    /// Likewise the one with sound.
    pub(crate) fn take_sound(&mut self) -> Option<Track> {
        self.sound.take()
    }

    /// The content of `udta`: title and the like.
    pub(super) fn take_user_data(&mut self) -> Option<Vec<u8>> {
        self.user_data.take()
    }

    /// Ticks of a second of the movie, in which edit lists are written.
    pub(crate) fn timescale(&self) -> u32 {
        self.timescale
    }

    /// Fetches a sample into `into`, in place of what that held.
    pub fn read_sample(&mut self, sample: &Sample, into: &mut Vec<u8>) -> Result<(), ProbeError> {
        if sample.size > MAX_SAMPLE {
            return Err(ProbeError::TooComplex("a picture or packet of more than 16 MiB"));
        }
        self.budget.spend(READ + u64::from(sample.size) / BYTES)?;
        let _memory = self.budget.borrow(sample.size.into())?;
        into.clear();
        let found = self.stretch(sample.offset, sample.size.into())?.read_to_end(into)?;
        if found == sample.size as usize {
            return Ok(());
        }
        Err(ProbeError::Io(io::ErrorKind::UnexpectedEof.into()))
    }

    /// A stretch of the file's bytes.
    pub(super) fn stretch(&mut self, at: u64, len: u64) -> io::Result<io::Take<&mut R>> {
        self.reader.seek(SeekFrom::Start(at))?;
        Ok(self.reader.by_ref().take(len))
    }

    /// Length of the file.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// What is spent on this file.
    pub(crate) fn budget(&self) -> &Budget {
        &self.budget
    }

    fn read_tracks(&mut self, index: &Index, budget: &Budget) -> Result<(), ProbeError> {
        let traks = children(&index.moov).filter(|(kind, _)| kind == b"trak").take(MAX_TRACKS);
        for (_, trak) in traks {
            let place = match handler(trak) {
                Some(b"vide") if self.pictures.is_none() => &mut self.pictures,
                Some(b"soun") if self.sound.is_none() => &mut self.sound,
                _ => continue,
            };
            *place = read_track(trak, index, budget)?;
        }
        self.read_fragments(index, budget)?;
        for track in [&mut self.pictures, &mut self.sound].into_iter().flatten() {
            let ends = track.samples.iter().map(|it| it.offset.saturating_add(it.size.into()));
            let needed = ends.max().unwrap_or(0);
            if needed > index.bytes {
                let what = "the last sample".to_owned();
                return Err(ProbeError::Truncated { what, needed, found: index.bytes });
            }
        }
        Ok(())
    }

    fn read_fragments(&mut self, index: &Index, budget: &Budget) -> Result<(), ProbeError> {
        if index.defaults.is_none() {
            return Ok(());
        }
        let mut tracks: Vec<_> = [&mut self.pictures, &mut self.sound]
            .into_iter()
            .flatten()
            .filter(|track| is_listed(track.codec))
            .map(|track| (track.duration().ticks, track))
            .collect();
        index.visit_runs(&mut self.reader, budget, |run| {
            match tracks.iter_mut().find(|(_, track)| track.id == run.track) {
                Some((now, track)) => runs::add(run, now, track, budget),
                None => Ok(()),
            }
        })?;
        for (_, track) in tracks {
            runs::close_gaps(&mut track.samples);
        }
        Ok(())
    }
}

/// Titles and comments are short; what is longer is left behind.
const MAX_USER_DATA: usize = 64 << 10;
/// Tracks of these kinds are cover pictures.
const COVERS: [[u8; 4]; 2] = [*b"jpeg", *b"png "];

/// Whether the samples of such a track are of use one by one. Those of uncompressed sound come in
/// tens of thousands a second, and nothing here plays them.
fn is_listed(codec: Codec) -> bool {
    codec != Codec::Pcm
}

/// Reads one track without the samples of fragments; `None` when it has no samples at all, or only
/// a cover picture.
fn read_track(trak: &[u8], index: &Index, budget: &Budget) -> Result<Option<Track>, ProbeError> {
    const NO_DESCRIPTION: ProbeError =
        ProbeError::Malformed("a track has no usable sample description");
    let stbl = descend(trak, &[*b"mdia", *b"minf", *b"stbl"])
        .ok_or(ProbeError::Malformed("a track has no sample tables"))?;
    let id = track_id(trak).ok_or(ProbeError::Malformed("a track has no header"))?;
    let descriptions = track::descriptions(stbl).ok_or(NO_DESCRIPTION)?;
    let Description { kind, entry } = descriptions.first().ok_or(NO_DESCRIPTION)?;
    let codec = Codec::from_sample_entry(*kind, entry);
    if matches!(codec, Codec::Other(kind) if COVERS.contains(&kind))
        || (tables::Sizes::read(stbl)?.count == 0 && index.total(Some(id)).samples == 0)
    {
        return Ok(None);
    }
    let mut size = (0, 0);
    if handler(trak) == Some(b"vide") {
        let mut fields = Fields(entry);
        size =
            fields.take(24).and_then(|_| fields.u16().zip(fields.u16())).ok_or(NO_DESCRIPTION)?;
    }
    let timescale = media_timescale(trak).filter(|&scale| scale > 0);
    Ok(Some(Track {
        id,
        codec,
        timescale: timescale.ok_or(ProbeError::Malformed("a track has no timescale"))?,
        size,
        matrix: matrix(trak).ok_or(ProbeError::Malformed("a track header is cut short"))?,
        language: language(trak).unwrap_or([0x55, 0xC4]),
        edits: track::edits(trak).ok_or(ProbeError::Malformed("an edit list makes no sense"))?,
        samples: if is_listed(codec) { samples::read(stbl, budget)? } else { Vec::new() },
        descriptions,
    }))
}

/// How the pictures are turned, as the track header has it.
fn matrix(trak: &[u8]) -> Option<[u8; 36]> {
    let (version, _, mut fields) = Fields::versioned(child(trak, *b"tkhd")?)?;
    fields.take(if version == 1 { 32 + 16 } else { 20 + 16 })?;
    fields.take(36)?.try_into().ok()
}

fn language(trak: &[u8]) -> Option<[u8; 2]> {
    let (version, _, mut fields) = Fields::versioned(descend(trak, &[*b"mdia", *b"mdhd"])?)?;
    fields.take(if version == 1 { 28 } else { 16 })?;
    fields.take(2)?.try_into().ok()
}
