//! Reads a file sample by sample.
//!
//! Opening reads the index and nothing else, so a file of two gigabytes costs as much as a small
//! one of the same length in time. The first picture track and the first sound track are listed,
//! each sample is known to lie within the file, and then any of them can be fetched by itself.

use std::io::{self, Read, Seek, SeekFrom};

use super::boxes::{self, Fields, TopLevelBox, child, children, descend};
use super::probe::{
    self, MAX_TRACKS, ProbeError, handler, media_timescale, refuse_other_formats,
    timescale_and_duration, track_id,
};
use super::runs::Runs;
use super::samples;
use super::track::{self, Description, Sample, Track};
use super::video::Codec;

/// Bytes of one sample that are fetched into memory, at most: an uncompressed picture of 4K.
const MAX_SAMPLE: u32 = 16 << 20;

/// An MP4 or MOV file, progressive or fragmented, ready to be read.
#[derive(Debug)]
pub struct Mp4Reader<R> {
    reader: R,
    timescale: u32,
    pictures: Option<Track>,
    sound: Option<Track>,
    user_data: Option<Vec<u8>>,
}

impl<R: Read + Seek> Mp4Reader<R> {
    /// Reads the index of a file.
    pub fn open(mut reader: R) -> Result<Self, ProbeError> {
        let bytes = reader.seek(SeekFrom::End(0))?;
        refuse_other_formats(&mut reader, bytes)?;
        let boxes = boxes::top_level(&mut reader, bytes)?;
        let Some(index) = boxes.iter().find(|it| &it.kind == b"moov") else {
            return Err(probe::no_index(bytes));
        };
        let moov = boxes::read_content(&mut reader, *index)?;
        let timescale = child(&moov, *b"mvhd").and_then(timescale_and_duration);
        let timescale = timescale.map(|(scale, _)| scale).filter(|&scale| scale > 0);
        let timescale = timescale.ok_or(ProbeError::Malformed("it has no movie header"))?;
        let user_data = child(&moov, *b"udta").filter(|it| it.len() <= MAX_USER_DATA);
        let user_data = user_data.map(<[u8]>::to_vec);
        let mut file = Self { reader, timescale, pictures: None, sound: None, user_data };
        file.read_tracks(&moov, &boxes, bytes)?;
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

    fn read_tracks(
        &mut self,
        moov: &[u8],
        boxes: &[TopLevelBox],
        bytes: u64,
    ) -> Result<(), ProbeError> {
        for (_, trak) in children(moov).filter(|(kind, _)| kind == b"trak").take(MAX_TRACKS) {
            let place = match handler(trak) {
                Some(b"vide") if self.pictures.is_none() => true,
                Some(b"soun") if self.sound.is_none() => false,
                _ => continue,
            };
            let mut track = read_track(trak, place)?;
            if let Some(runs) = Runs::of(moov, track.id, track.duration().ticks) {
                self.read_fragments(runs, boxes, &mut track)?;
            }
            let ends = track.samples.iter().map(|it| it.offset.saturating_add(it.size.into()));
            let needed = ends.max().unwrap_or(0);
            if needed > bytes {
                let what = "the last sample".to_owned();
                return Err(ProbeError::Truncated { what, needed, found: bytes });
            }
            let is_cover = matches!(track.codec, Codec::Other(kind) if COVERS.contains(&kind));
            if track.samples.is_empty() || is_cover {
                continue;
            }
            *(if place { &mut self.pictures } else { &mut self.sound }) = Some(track);
        }
        Ok(())
    }

    fn read_fragments(
        &mut self,
        mut runs: Runs,
        boxes: &[TopLevelBox],
        track: &mut Track,
    ) -> Result<(), ProbeError> {
        for moof in boxes.iter().filter(|it| &it.kind == b"moof") {
            let content = boxes::read_content(&mut self.reader, *moof)?;
            runs.add(&content, moof.begins_at, &mut track.samples)?;
        }
        // A gap between fragments belongs to the sample before it.
        for at in 1..track.samples.len() {
            let next = track.samples[at].decode_time;
            let before = &mut track.samples[at - 1];
            let lasts = next.saturating_sub(before.decode_time);
            before.duration = u32::try_from(lasts).unwrap_or(u32::MAX);
        }
        Ok(())
    }
}

/// Titles and comments are short; what is longer is left behind.
const MAX_USER_DATA: usize = 64 << 10;
/// Tracks of these kinds are cover pictures.
const COVERS: [[u8; 4]; 2] = [*b"jpeg", *b"png "];

/// Reads one track without the samples of fragments.
fn read_track(trak: &[u8], has_pictures: bool) -> Result<Track, ProbeError> {
    const NO_DESCRIPTION: ProbeError =
        ProbeError::Malformed("a track has no usable sample description");
    let stbl = descend(trak, &[*b"mdia", *b"minf", *b"stbl"])
        .ok_or(ProbeError::Malformed("a track has no sample tables"))?;
    let descriptions = track::descriptions(stbl).ok_or(NO_DESCRIPTION)?;
    let Description { kind, entry } = descriptions.first().ok_or(NO_DESCRIPTION)?;
    let codec = Codec::from_sample_entry(*kind, entry);
    let mut size = (0, 0);
    if has_pictures {
        let mut fields = Fields(entry);
        size =
            fields.take(24).and_then(|_| fields.u16().zip(fields.u16())).ok_or(NO_DESCRIPTION)?;
    }
    let timescale = media_timescale(trak).filter(|&scale| scale > 0);
    Ok(Track {
        id: track_id(trak).ok_or(ProbeError::Malformed("a track has no header"))?,
        codec,
        timescale: timescale.ok_or(ProbeError::Malformed("a track has no timescale"))?,
        size,
        matrix: matrix(trak).ok_or(ProbeError::Malformed("a track header is cut short"))?,
        language: language(trak).unwrap_or([0x55, 0xC4]),
        edits: track::edits(trak).ok_or(ProbeError::Malformed("an edit list makes no sense"))?,
        samples: samples::read(stbl)?,
        descriptions,
    })
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
