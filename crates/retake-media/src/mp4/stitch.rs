//! Makes one file of two, by copying their samples behind each other.
//!
//! Nothing is decoded and nothing is coded anew. Each file keeps its parameter sets: where they
//! differ, the joined track has two sample descriptions. Sound is coded in packets that do not end
//! where pictures do, and begins with samples that nobody is meant to hear; an edit list shows of each
//! part exactly what its own file showed, so that both tracks begin at 0 and the second part begins in
//! the very moment in which the first one ends.
//!
//! `format` says what both files have to have in common, `joined` puts the tables of a track together,
//! `edit` says what is shown of them, and `index` lays them out. Memory holds the tables; samples go straight from file to file.

mod concat;
mod edit;
mod format;
mod index;

use std::fmt;
use std::io::{self, Read, Seek, Write};

use thiserror::Error;

use super::probe::{LONGEST, ProbeError};
use super::reader::Mp4Reader;
use super::track::{Sample, Track};
use super::video::{Codec, MediaTime};
use crate::budget::Budget;
use concat::{Joined, Piece, pieces};
use format::Format;
pub use format::Sequel;
use index::Index;

/// One of the files that are joined.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    First,
    Second,
}

/// Why two files cannot be joined.
#[derive(Debug, Error)]
pub enum StitchError {
    #[error("{part} cannot be read")]
    File {
        part: Part,
        #[source]
        source: ProbeError,
    },

    #[error("the pictures of {part} are coded as {codec}; only h264 can be joined without loss")]
    NotH264 { part: Part, codec: Codec },

    #[error("the sound of {part} is coded as {codec}; only aac can be joined without loss")]
    NotAac { part: Part, codec: Codec },

    #[error(
        "pictures of {}x{} cannot follow pictures of {}x{}",
        second.0, second.1, first.0, first.1
    )]
    Size { first: (u16, u16), second: (u16, u16) },

    #[error("{second:.3} frames a second cannot follow {first:.3}")]
    FrameRate { first: f64, second: f64 },

    #[error("one of the files is to be shown turned or mirrored, and the other is not")]
    Turned,

    #[error("the sound of the files differs in its sample rate or its channels")]
    SoundFormat,

    #[error("{part} shows only parts of its pictures, cut between them; export it anew")]
    Edited { part: Part },

    #[error("an MP4 file cannot hold the joined video: {0}")]
    Impossible(&'static str),

    #[error("the joined file could not be written")]
    Write(#[source] io::Error),
}

/// A joined file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stitched {
    pub duration: MediaTime,
    /// When the second part begins.
    pub seam: MediaTime,
    pub frames: u64,
    /// Length of the file.
    pub bytes: u64,
}

/// Joins two files into one that starts playing before it has been downloaded.
pub fn stitch(
    first: impl Read + Seek,
    second: impl Read + Seek,
    out: impl Write,
) -> Result<Stitched, StitchError> {
    stitch_within(first, second, out, &Budget::default())
}

/// Likewise, and pays for reading both files from `budget`. Copying what they hold costs nothing, but
/// ends when the work was cancelled.
pub fn stitch_within(
    first: impl Read + Seek,
    second: impl Read + Seek,
    out: impl Write,
    budget: &Budget,
) -> Result<Stitched, StitchError> {
    let first = open_within(budget.watch(first), Part::First, budget)?;
    let second = open_within(budget.watch(second), Part::Second, budget)?;
    join(first, second, out)
}

fn join(
    mut first: Opened<impl Read + Seek>,
    mut second: Opened<impl Read + Seek>,
    out: impl Write,
) -> Result<Stitched, StitchError> {
    Format::of(&first.tracks).check(&Format::of(&second.tracks))?;
    let parts = [&first.tracks, &second.tracks];
    let (pictures, sound, durations) = plan(parts)?;
    let (timescale, frames) = (pictures.timescale, pictures.sizes.len() as u64);
    let time = |ticks| MediaTime { ticks, timescale };
    let whole = time(durations[0].saturating_add(durations[1]));
    let mut tracks = std::iter::once(&pictures).chain(&sound);
    let is_long =
        |track: &Joined| MediaTime { ticks: track.ticks, timescale: track.timescale } > LONGEST;
    if whole > LONGEST || tracks.any(is_long) {
        return Err(StitchError::Impossible("it would play for more than a month"));
    }
    let user_data = first.user_data.as_deref();
    let index = Index { pictures, sound, first: &first.tracks.pictures, user_data };
    let pieces = pieces(parts);
    let mut out = Out { out, written: 0 };
    out.write_all(&index.head(&pieces)?).map_err(StitchError::Write)?;
    for piece in &pieces {
        match piece.part {
            Part::First => first.copy(piece, &mut out)?,
            Part::Second => second.copy(piece, &mut out)?,
        }
    }
    out.flush().map_err(StitchError::Write)?;
    Ok(Stitched { duration: whole, seam: time(durations[0]), frames, bytes: out.written })
}

/// Whether a file that is still to be made could be put behind this one, and how long this one would be
/// shown. Samples are not looked at.
pub fn can_precede(first: impl Read + Seek, sequel: Sequel) -> Result<MediaTime, StitchError> {
    can_precede_within(first, sequel, &Budget::default())
}

/// Likewise, and pays for it from `budget`.
pub fn can_precede_within(
    first: impl Read + Seek,
    sequel: Sequel,
    budget: &Budget,
) -> Result<MediaTime, StitchError> {
    let first = open_within(first, Part::First, budget)?;
    let (format, behind) = (Format::of(&first.tracks), Format::of_sequel(sequel));
    format.check(&behind)?;
    concat::common_multiple(format.timescale, behind.timescale).ok_or(concat::NO_SCALE)?;
    // Behind itself it meets every obstacle that lies in itself.
    let (pictures, _, durations) = plan([&first.tracks, &first.tracks])?;
    Ok(MediaTime { ticks: durations[0], timescale: pictures.timescale })
}

/// What a sample costs in the tables of the joined file, which are laid out twice.
const JOINED_WORK: u64 = 32;
const JOINED_BYTES: u64 = 64;

/// The tracks of one file that take part.
struct Tracks {
    part: Part,
    movie_scale: u32,
    pictures: Track,
    sound: Option<Track>,
}

struct Opened<R> {
    file: Mp4Reader<R>,
    tracks: Tracks,
    user_data: Option<Vec<u8>>,
}

fn open_within<R: Read + Seek>(
    reader: R,
    part: Part,
    budget: &Budget,
) -> Result<Opened<R>, StitchError> {
    let failed = |source| StitchError::File { part, source };
    let mut file = Mp4Reader::open_within(reader, budget).map_err(failed)?;
    let pictures = file.take_pictures().ok_or_else(|| failed(ProbeError::NoPictures))?;
    let sound = file.take_sound();
    if pictures.codec != Codec::H264 {
        return Err(StitchError::NotH264 { part, codec: pictures.codec });
    }
    if let Some(sound) = sound.as_ref().filter(|sound| sound.codec != Codec::Aac) {
        return Err(StitchError::NotAac { part, codec: sound.codec });
    }
    let listed = [Some(&pictures), sound.as_ref()].into_iter().flatten();
    let samples = listed.clone().map(|track| track.samples().len() as u64).sum::<u64>();
    let bytes = listed.flat_map(Track::samples).map(|sample| u64::from(sample.size)).sum::<u64>();
    // Samples that share their bytes would be written more often than they were read.
    if bytes > file.bytes() {
        return Err(failed(ProbeError::TooComplex("samples that lie over each other")));
    }
    let paid = budget.spend(samples.saturating_mul(JOINED_WORK));
    let paid = paid.and_then(|()| budget.hold(samples.saturating_mul(JOINED_BYTES)));
    paid.map_err(|error| failed(error.into()))?;
    let (movie_scale, user_data) = (file.timescale(), file.take_user_data());
    Ok(Opened { file, tracks: Tracks { part, movie_scale, pictures, sound }, user_data })
}

/// The joined tracks, and how long each part is shown.
type Plan = (Joined, Option<Joined>, [u64; 2]);

fn plan(parts: [&Tracks; 2]) -> Result<Plan, StitchError> {
    let mut pictures = Joined::of(parts.map(|part| Some(&part.pictures)))?;
    let scale = pictures.timescale;
    let mut sound = match parts.map(|part| part.sound.as_ref()) {
        [None, None] => None,
        sounds => Some(Joined::of(sounds)?),
    };
    let mut durations = [0; 2];
    let (mut pictures_before, mut sound_before) = (0, 0);
    for (part, duration) in parts.into_iter().zip(&mut durations) {
        let edited = || StitchError::Edited { part: part.part };
        let (stretches, shown) = edit::of_pictures(part, scale).ok_or_else(edited)?;
        *duration = shown;
        let later = pictures.added_delay(&part.pictures).and_then(|it| u64::try_from(it).ok());
        let after = later.and_then(|later| later.checked_add(pictures_before));
        pictures.show(stretches, after.ok_or_else(edited)?);
        let ticks = pictures.ticks_of(&part.pictures);
        pictures_before = ticks.checked_add(pictures_before).ok_or_else(edited)?;
        if let Some(sound) = &mut sound {
            let is_last = part.part == Part::Second;
            sound.show(edit::of_sound(part, scale, shown, is_last), sound_before);
            let ticks = part.sound.as_ref().map_or(0, |track| sound.ticks_of(track));
            sound_before = ticks.checked_add(sound_before).ok_or_else(edited)?;
        }
    }
    pictures.merge_edits();
    Ok((pictures, sound, durations))
}

impl<R: Read + Seek> Opened<R> {
    /// Copies one piece; samples that lie behind each other go in one go.
    fn copy(&mut self, piece: &Piece, out: &mut Out<impl Write>) -> Result<(), StitchError> {
        let mut rest = self.tracks.samples(piece);
        while let Some(first) = rest.first() {
            let mut end = first.offset;
            let joint = rest.iter().take_while(|sample| {
                let follows = sample.offset == end;
                end = sample.offset + u64::from(sample.size);
                follows
            });
            let count = joint.count();
            let len: u64 = rest[..count].iter().map(|sample| u64::from(sample.size)).sum();
            let source = self.file.stretch(first.offset, len);
            copy(source, self.tracks.part, out)?;
            rest = &rest[count..];
        }
        Ok(())
    }
}

/// Copies a stretch of a part's file; it has to be there to its end.
fn copy<R: Read>(
    source: io::Result<io::Take<R>>,
    part: Part,
    out: &mut impl Write,
) -> Result<(), StitchError> {
    let unreadable = |error| StitchError::File { part, source: ProbeError::Io(error) };
    let mut source = source.map_err(unreadable)?;
    let mut buffer = vec![0; 64 << 10];
    while source.limit() > 0 {
        let found = source.read(&mut buffer).map_err(unreadable)?;
        if found == 0 {
            return Err(unreadable(io::ErrorKind::UnexpectedEof.into()));
        }
        out.write_all(&buffer[..found]).map_err(StitchError::Write)?;
    }
    Ok(())
}

impl Tracks {
    fn samples(&self, piece: &Piece) -> &[Sample] {
        let track = if piece.is_sound { self.sound.as_ref() } else { Some(&self.pictures) };
        track.map(Track::samples).and_then(|all| all.get(piece.range.clone())).unwrap_or_default()
    }
}

/// Counts what is written.
struct Out<W> {
    out: W,
    written: u64,
}

impl<W: Write> Write for Out<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.out.write(bytes)?;
        self.written += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

impl fmt::Display for Part {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::First => "the first file",
            Self::Second => "the second file",
        })
    }
}
