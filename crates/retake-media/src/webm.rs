//! WebM and Matroska (RFC 9559), as far as it takes to say what a file is and whether it is whole.
//!
//! Nothing is decoded or rewritten: a video that a provider sends in this format is handed on as it
//! is. The elements are walked in the order in which they stand in the file. Segments and clusters
//! may leave their length open, as live encoders do, so they are entered and never passed over.

use std::io::{Read, Seek, SeekFrom};

use crate::budget::Budget;
use crate::mp4::{
    Codec, Container, LONGEST, MediaTime, PictureTrack, ProbeError, SoundTrack, VideoFile,
};

/// The first bytes of every such file.
pub(crate) const MAGIC: [u8; 4] = [0x1A, 0x45, 0xDF, 0xA3];

const EBML: u32 = 0x1A45_DFA3;
const DOC_TYPE: u32 = 0x4282;
const SEGMENT: u32 = 0x1853_8067;
const SEEK_HEAD: u32 = 0x114D_9B74;
const INFO: u32 = 0x1549_A966;
const TIMESTAMP_SCALE: u32 = 0x2A_D7B1;
const DURATION: u32 = 0x4489;
const TRACKS: u32 = 0x1654_AE6B;
const TRACK_ENTRY: u32 = 0xAE;
const CLUSTER: u32 = 0x1F43_B675;
const TIMESTAMP: u32 = 0xE7;
const SIMPLE_BLOCK: u32 = 0xA3;
const BLOCK_GROUP: u32 = 0xA0;
const BLOCK: u32 = 0xA1;
const CUES: u32 = 0x1C53_BB6B;
const TAGS: u32 = 0x1254_C367;
const CHAPTERS: u32 = 0x1043_A770;
const ATTACHMENTS: u32 = 0x1941_A469;

/// What an element costs to look at: a file is read there.
const ELEMENT: u64 = 100;
/// Enough for the header of an element and the beginning of a block.
const HEAD: usize = 24;
/// The headers of a file are a few hundred bytes; fonts and covers are elsewhere.
const MAX_HEADER: u64 = 1 << 20;
const MAX_TRACKS: usize = 64;
const SECOND: u32 = 1_000_000_000;

/// Whether the file begins as WebM and Matroska do.
pub(crate) fn is_webm(reader: &mut (impl Read + Seek)) -> Result<bool, ProbeError> {
    let mut head = Vec::new();
    reader.seek(SeekFrom::Start(0))?;
    reader.by_ref().take(4).read_to_end(&mut head)?;
    Ok(head == MAGIC)
}

/// Reads the structure of a file of so many bytes that [`is_webm`].
pub(crate) fn probe(
    reader: &mut (impl Read + Seek),
    bytes: u64,
    budget: &Budget,
) -> Result<VideoFile, ProbeError> {
    let mut walk =
        Walk { reader, bytes, budget, end: bytes, is_open: true, found: Found::default() };
    walk.run()?;
    if !walk.found.has_segment {
        return Err(walk.truncated("the segment", bytes.saturating_add(1)));
    }
    let Walk { is_open, found, .. } = walk;
    found.video(bytes, is_open)
}

/// An element: its kind, where its content begins, and how long that is unless it is left open.
#[derive(Clone, Copy, Debug)]
struct Element {
    id: u32,
    content_at: u64,
    len: Option<u64>,
}

struct Walk<'a, R> {
    reader: &'a mut R,
    bytes: u64,
    budget: &'a Budget,
    /// Where the segment ends.
    end: u64,
    /// Whether the segment leaves its length open.
    is_open: bool,
    found: Found,
}

impl<R: Read + Seek> Walk<'_, R> {
    fn run(&mut self) -> Result<(), ProbeError> {
        let mut at = 0;
        while at < self.end {
            self.budget.spend(ELEMENT)?;
            let head = self.peek(at)?;
            let Some(element) = element(&head, at) else {
                return if self.found.is_begun() && self.is_open {
                    Ok(()) // what is behind a segment of open length is no part of it
                } else if head.len() < 12 {
                    Err(self.truncated("an element", at.saturating_add(12)))
                } else {
                    Err(ProbeError::Malformed("an element of the file is malformed"))
                };
            };
            at = match self.enter(element, &head)? {
                Some(next) => next,
                None => return Ok(()),
            };
        }
        Ok(())
    }

    /// Looks at one element. Yields where the next one begins; `None` when the file is at its end.
    fn enter(&mut self, element: Element, head: &[u8]) -> Result<Option<u64>, ProbeError> {
        let Element { id, content_at, len } = element;
        let Some(len) = len else {
            self.found.has_segment |= id == SEGMENT;
            return match id {
                SEGMENT | CLUSTER => Ok(Some(content_at)),
                _ => Err(ProbeError::Malformed("an element leaves its length open")),
            };
        };
        let end = content_at.saturating_add(len);
        if end > self.end {
            if self.is_open && self.found.is_begun() && !is_known(id) {
                return Ok(None);
            }
            if end > self.bytes {
                return Err(self.truncated(name(id), end));
            }
            return Err(ProbeError::Malformed("an element is longer than what it is in"));
        }
        match id {
            EBML => self.read_doc_type(element)?,
            SEGMENT => {
                (self.end, self.is_open, self.found.has_segment) = (end, false, true);
                return Ok(Some(content_at));
            }
            CLUSTER | BLOCK_GROUP => return Ok(Some(content_at)),
            INFO => {
                let content = self.content(element)?;
                self.found.read_info(&content);
            }
            TRACKS => {
                let content = self.content(element)?;
                self.found.read_tracks(&content)?;
            }
            TIMESTAMP => {
                let content = self.content(element)?;
                self.found.cluster = unsigned(&content);
            }
            SIMPLE_BLOCK | BLOCK => {
                let block = header_len(head).and_then(|from| head.get(from..));
                self.found.add_block(block.unwrap_or_default());
            }
            _ => {}
        }
        Ok(Some(end))
    }

    fn read_doc_type(&mut self, element: Element) -> Result<(), ProbeError> {
        let content = self.content(element)?;
        let doc_type = children(&content).find(|(id, _)| *id == DOC_TYPE).map(|(_, body)| body);
        match doc_type.map(<[u8]>::trim_ascii_end) {
            Some(b"webm" | b"matroska") => Ok(()),
            _ => Err(ProbeError::NotAVideo { looks_like: "an EBML file of another kind" }),
        }
    }

    fn peek(&mut self, at: u64) -> Result<Vec<u8>, ProbeError> {
        let mut head = Vec::with_capacity(HEAD);
        self.reader.seek(SeekFrom::Start(at))?;
        self.reader.by_ref().take(HEAD as u64).read_to_end(&mut head)?;
        Ok(head)
    }

    fn content(&mut self, element: Element) -> Result<Vec<u8>, ProbeError> {
        let len = element.len.filter(|&len| len <= MAX_HEADER);
        let len = len.ok_or(ProbeError::TooComplex("a header of more than 1 MiB"))?;
        self.budget.spend(len)?;
        let _memory = self.budget.borrow(len)?;
        let mut content = Vec::new();
        self.reader.seek(SeekFrom::Start(element.content_at))?;
        self.reader.by_ref().take(len).read_to_end(&mut content)?;
        Ok(content)
    }

    fn truncated(&self, what: &str, needed: u64) -> ProbeError {
        ProbeError::Truncated { what: what.to_owned(), needed, found: self.bytes }
    }
}

/// Whether an element is known to stand in a segment.
fn is_known(id: u32) -> bool {
    name(id) != "an element"
}

fn name(id: u32) -> &'static str {
    match id {
        EBML => "the EBML header",
        SEGMENT => "the segment",
        SEEK_HEAD | CUES => "the index",
        INFO | TRACKS => "the header",
        CLUSTER => "a cluster",
        TIMESTAMP | SIMPLE_BLOCK | BLOCK_GROUP | BLOCK => "a block",
        TAGS | CHAPTERS | ATTACHMENTS => "the end",
        _ => "an element",
    }
}

/// What was found on the way.
#[derive(Debug)]
struct Found {
    has_segment: bool,
    /// Nanoseconds of a tick.
    scale: u64,
    /// In ticks, where the header says it.
    duration: Option<f64>,
    tracks: Vec<Entry>,
    /// The time of the cluster, in ticks.
    cluster: u64,
}

impl Default for Found {
    fn default() -> Self {
        let (has_segment, scale) = (false, 1_000_000);
        Self { has_segment, scale, duration: None, tracks: Vec::new(), cluster: 0 }
    }
}

/// A track.
#[derive(Clone, Debug, Default)]
struct Entry {
    number: u64,
    kind: u64,
    codec: Vec<u8>,
    /// Nanoseconds of a frame.
    frame: u64,
    width: u64,
    height: u64,
    sample_rate: f64,
    channels: u64,
    blocks: u64,
    /// The latest block, in ticks.
    last: u64,
}

impl Found {
    fn is_begun(&self) -> bool {
        self.tracks.iter().any(|track| track.blocks > 0)
    }

    fn read_info(&mut self, info: &[u8]) {
        for (id, body) in children(info) {
            match id {
                TIMESTAMP_SCALE => self.scale = unsigned(body).max(1),
                DURATION => self.duration = float(body),
                _ => {}
            }
        }
    }

    fn read_tracks(&mut self, tracks: &[u8]) -> Result<(), ProbeError> {
        for (_, body) in children(tracks).filter(|(id, _)| *id == TRACK_ENTRY) {
            if self.tracks.len() == MAX_TRACKS {
                return Err(ProbeError::TooComplex("more than 64 tracks"));
            }
            self.tracks.push(Entry::read(body));
        }
        Ok(())
    }

    /// Counts a block: the number of its track, and its time after that of the cluster.
    fn add_block(&mut self, block: &[u8]) {
        let Some((number, len)) = vint(block) else { return };
        let Some(time) = block.get(len..).and_then(|rest| rest.first_chunk::<2>()) else { return };
        let time = self.cluster.saturating_add_signed(i16::from_be_bytes(*time).into());
        if let Some(track) = self.tracks.iter_mut().find(|track| track.number == number) {
            track.blocks = track.blocks.saturating_add(1);
            track.last = track.last.max(time);
        }
    }

    fn video(self, bytes: u64, is_open: bool) -> Result<VideoFile, ProbeError> {
        const VIDEO: u64 = 1;
        const AUDIO: u64 = 2;
        let first = |kind| self.tracks.iter().find(|it| it.kind == kind && it.blocks > 0);
        let picture = first(VIDEO).ok_or(ProbeError::NoPictures)?;
        let (stated, shown) = (self.stated(), self.lasts(picture));
        // Of an open segment nothing says where it ends, except that it should be longer.
        if let Some(stated) = stated.filter(|_| is_open)
            && u128::from(shown.ticks) * 10 < u128::from(stated.ticks) * 9
        {
            let what = "the rest of the video".to_owned();
            return Err(ProbeError::Truncated {
                what,
                needed: bytes.saturating_add(1),
                found: bytes,
            });
        }
        let (width, height) = (side(picture.width)?, side(picture.height)?);
        let sound = first(AUDIO).map(|track| SoundTrack {
            codec: track.codec(),
            channels: u16::try_from(track.channels).unwrap_or(u16::MAX),
            sample_rate: hertz(track.sample_rate),
            duration: self.lasts(track),
        });
        let heard = sound.as_ref().map_or(shown, |sound| sound.duration);
        let duration = stated.unwrap_or_else(|| shown.max(heard));
        if duration.ticks == 0 || duration > LONGEST {
            return Err(ProbeError::Malformed("its duration makes no sense"));
        }
        let picture = PictureTrack {
            codec: picture.codec(),
            width,
            height,
            frames: picture.blocks,
            duration: shown,
        };
        let container = Container::WebM;
        Ok(VideoFile { container, duration, picture, sound, faststart: true, bytes })
    }

    /// The duration that the header states.
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a cast of a float saturates, and a month of nanoseconds is exact"
    )]
    fn stated(&self) -> Option<MediaTime> {
        let nanos = self.duration.filter(|it| it.is_finite())? * self.scale as f64;
        let time = MediaTime { ticks: nanos.round() as u64, timescale: SECOND };
        (time.ticks > 0 && time <= LONGEST).then_some(time)
    }

    /// How long a track lasts: up to its last block, and for the length of that.
    fn lasts(&self, track: &Entry) -> MediaTime {
        let start = track.last.saturating_mul(self.scale);
        let usual = start / track.blocks.saturating_sub(1).max(1);
        let frame = if track.frame > 0 { track.frame } else { usual };
        MediaTime { ticks: start.saturating_add(frame), timescale: SECOND }
    }
}

impl Entry {
    fn read(body: &[u8]) -> Self {
        let mut entry = Self { channels: 1, sample_rate: 8000.0, ..Self::default() };
        for (id, body) in children(body) {
            match id {
                0xD7 => entry.number = unsigned(body),
                0x83 => entry.kind = unsigned(body),
                0x86 => entry.codec = body.iter().copied().take(32).collect(),
                0x23_E383 => entry.frame = unsigned(body),
                0xE0 | 0xE1 => entry.read_details(body),
                _ => {}
            }
        }
        entry
    }

    /// The content of `Video` or `Audio`.
    fn read_details(&mut self, body: &[u8]) {
        for (id, body) in children(body) {
            match id {
                0xB0 => self.width = unsigned(body),
                0xBA => self.height = unsigned(body),
                0xB5 => self.sample_rate = float(body).unwrap_or(0.0),
                0x9F => self.channels = unsigned(body),
                _ => {}
            }
        }
    }

    fn codec(&self) -> Codec {
        let name = String::from_utf8_lossy(&self.codec);
        match name.trim_end_matches('\0') {
            "V_VP8" => Codec::Vp8,
            "V_VP9" => Codec::Vp9,
            "V_AV1" => Codec::Av1,
            "V_MPEG4/ISO/AVC" => Codec::H264,
            "V_MPEGH/ISO/HEVC" => Codec::Hevc,
            "V_PRORES" => Codec::ProRes,
            "A_OPUS" => Codec::Opus,
            "A_VORBIS" => Codec::Vorbis,
            "A_MPEG/L3" => Codec::Mp3,
            "A_FLAC" => Codec::Flac,
            "A_AC3" | "A_EAC3" => Codec::Ac3,
            name if name.starts_with("A_AAC") => Codec::Aac,
            name if name.starts_with("A_PCM") => Codec::Pcm,
            _ => {
                let letters = self.codec.iter().skip(2).copied().chain([b' '; 4]);
                let mut kind = [b' '; 4];
                kind.iter_mut().zip(letters).for_each(|(to, from)| *to = from);
                Codec::Other(kind)
            }
        }
    }
}

fn side(pixels: u64) -> Result<u32, ProbeError> {
    let side = u32::try_from(pixels).ok().filter(|pixels| (1..=0xFFFF).contains(pixels));
    side.ok_or(ProbeError::Malformed("its pictures have no size"))
}

/// The elements inside `content`. A broken one ends the walk.
fn children(content: &[u8]) -> impl Iterator<Item = (u32, &[u8])> {
    let mut rest = content;
    std::iter::from_fn(move || {
        let Element { id, content_at, len } = element(rest, 0)?;
        let start = usize::try_from(content_at).ok()?;
        let end = start.checked_add(usize::try_from(len?).ok()?)?;
        let body = rest.get(start..end)?;
        rest = &rest[end..];
        Some((id, body))
    })
}

/// Reads the header of an element that begins at `at` in the file.
fn element(head: &[u8], at: u64) -> Option<Element> {
    let id_len = head.first()?.leading_zeros() as usize + 1;
    if id_len > 4 {
        return None;
    }
    let id = head.get(..id_len)?.iter().fold(0, |id, &byte| id << 8 | u32::from(byte));
    let (len, size_len) = vint(head.get(id_len..)?)?;
    let is_open = len == (1_u64 << (7 * size_len)) - 1;
    let content_at = at.checked_add((id_len + size_len) as u64)?;
    Some(Element { id, content_at, len: (!is_open).then_some(len) })
}

/// How long the header of an element is.
fn header_len(head: &[u8]) -> Option<usize> {
    element(head, 0).and_then(|element| usize::try_from(element.content_at).ok())
}

/// A number that says by its leading zeros how many bytes it has. Yields both.
fn vint(bytes: &[u8]) -> Option<(u64, usize)> {
    let &first = bytes.first()?;
    let len = first.leading_zeros() as usize + 1;
    if len > 8 {
        return None;
    }
    let value = bytes.get(..len)?.iter().fold(0_u64, |value, &byte| value << 8 | u64::from(byte));
    Some((value & ((1 << (7 * len)) - 1), len))
}

/// The content of an element as a number; longer ones than 8 bytes do not exist.
fn unsigned(body: &[u8]) -> u64 {
    body.iter().take(8).fold(0, |value, &byte| value << 8 | u64::from(byte))
}

fn float(body: &[u8]) -> Option<f64> {
    match body.len() {
        4 => Some(f32::from_be_bytes(body.try_into().ok()?).into()),
        8 => Some(f64::from_be_bytes(body.try_into().ok()?)),
        _ => None,
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a cast of a float saturates"
)]
fn hertz(rate: f64) -> u32 {
    rate.round() as u32
}
