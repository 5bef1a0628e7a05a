//! Streams a movie into a file that can be played while it is still arriving.
//!
//! The order in the file is `ftyp`, `moov`, `mdat`: the index comes first. Its length is known from
//! the plan, so room is left for it, the samples follow as they come, and it is filled in last.
//! Memory holds one chunk per track and the table of sample sizes, however long the movie is.
//!
//! Samples of the two tracks may come in any order. Each track gathers half a second of them and
//! then writes them in one piece; feeding both tracks at the same pace interleaves the file.

use std::io::{self, Seek, SeekFrom, Write};

use thiserror::Error;

use super::movie::{self, AacTrack, Movie, Tables};

/// The box header of `mdat`, and before it a spare one that a 64-bit size would need.
const DATA_HEADER: u64 = 16;

/// Why a file could not be written.
#[derive(Debug, Error)]
pub enum WriteError {
    #[error("an MP4 file cannot hold this movie: {0}")]
    Impossible(&'static str),

    #[error("{found} {what} were written where {planned} were planned")]
    Miscounted { what: &'static str, planned: u32, found: u64 },

    #[error("one {what} is larger than 4 GiB")]
    OversizedSample { what: &'static str },

    #[error("the movie has no sound track, so no sound can be written")]
    NoSoundTrack,

    #[error("the file could not be written")]
    Io(#[from] io::Error),
}

/// Writes one MP4 file, sample by sample.
pub struct Mp4Writer<W> {
    out: W,
    movie: Movie,
    pictures: TrackWriter,
    sounds: TrackWriter,
    /// Where in `out` the file begins, where its index does, and how long that is.
    start: u64,
    index_at: u64,
    index_len: usize,
    /// Length of the file so far.
    len: u64,
}

struct TrackWriter {
    what: &'static str,
    samples: u32,
    per_chunk: u32,
    tables: Tables,
    chunk: Vec<u8>,
    in_chunk: u32,
}

impl<W: Write + Seek> Mp4Writer<W> {
    /// Begins a file at the current position of `out`.
    pub fn new(mut out: W, movie: Movie) -> Result<Self, WriteError> {
        check(&movie)?;
        let picture = &movie.picture;
        let blank = Tables::blank(picture.frames, picture.frames_per_chunk(), picture.key_frames);
        let (packets, per_chunk) =
            movie.sound.as_ref().map_or((0, 1), |sound| (sound.packets, sound.packets_per_chunk()));
        let silent = Tables::blank(packets, per_chunk, 0);

        let header = movie::file_type();
        let index_len = movie::moov(&movie, &blank, &silent).len();
        let start = out.stream_position()?;
        let index_at = header.len() as u64;
        let len = index_at + index_len as u64 + DATA_HEADER;
        out.write_all(&header)?;
        io::copy(&mut io::Read::take(io::repeat(0), len - index_at), &mut out)?;
        Ok(Self {
            pictures: TrackWriter::new("frames", picture.frames, picture.frames_per_chunk()),
            sounds: TrackWriter::new("packets of sound", packets, per_chunk),
            out,
            movie,
            start,
            index_at,
            index_len,
            len,
        })
    }

    /// Adds a frame: NAL units, each after its length in four bytes.
    pub fn write_frame(&mut self, sample: &[u8], is_key_frame: bool) -> Result<(), WriteError> {
        self.pictures.push(sample)?;
        if is_key_frame {
            let number = self.pictures.tables.sizes.len();
            self.pictures.tables.key_frames.push(u32::try_from(number).unwrap_or(u32::MAX));
        }
        self.pictures.flush_if_full(&mut self.out, &mut self.len)
    }

    /// Adds a packet of sound.
    pub fn write_sound(&mut self, packet: &[u8]) -> Result<(), WriteError> {
        if self.movie.sound.is_none() {
            return Err(WriteError::NoSoundTrack);
        }
        self.sounds.push(packet)?;
        self.sounds.flush_if_full(&mut self.out, &mut self.len)
    }

    /// Fills in the index. Returns what was written to and the length of the file.
    pub fn finish(mut self) -> Result<(W, u64), WriteError> {
        self.pictures.check_complete()?;
        self.sounds.check_complete()?;
        let keys = &self.pictures.tables.key_frames;
        miscounted("key frames", self.movie.picture.key_frames, keys.len() as u64)?;

        let index = movie::moov(&self.movie, &self.pictures.tables, &self.sounds.tables);
        debug_assert_eq!(index.len(), self.index_len);
        self.out.seek(SeekFrom::Start(self.start + self.index_at))?;
        self.out.write_all(&index)?;
        let data = self.len - self.index_at - self.index_len as u64;
        self.out.write_all(&data_header(data))?;
        self.out.seek(SeekFrom::Start(self.start + self.len))?;
        self.out.flush()?;
        Ok((self.out, self.len))
    }
}

impl TrackWriter {
    fn new(what: &'static str, samples: u32, per_chunk: u32) -> Self {
        let (tables, chunk) = (Tables::default(), Vec::new());
        Self { what, samples, per_chunk, tables, chunk, in_chunk: 0 }
    }

    fn push(&mut self, sample: &[u8]) -> Result<(), WriteError> {
        let size = u32::try_from(sample.len())
            .map_err(|_| WriteError::OversizedSample { what: self.what })?;
        let found = self.tables.sizes.len() as u64 + 1;
        if found > u64::from(self.samples) {
            return miscounted(self.what, self.samples, found);
        }
        self.tables.sizes.push(size);
        self.chunk.extend(sample);
        self.in_chunk += 1;
        Ok(())
    }

    fn flush_if_full<W: Write>(&mut self, out: &mut W, len: &mut u64) -> Result<(), WriteError> {
        let is_last = self.tables.sizes.len() as u64 == u64::from(self.samples);
        if self.in_chunk < self.per_chunk && !is_last {
            return Ok(());
        }
        self.tables.chunks.push(*len);
        out.write_all(&self.chunk)?;
        *len += self.chunk.len() as u64;
        self.chunk.clear();
        self.in_chunk = 0;
        Ok(())
    }

    fn check_complete(&self) -> Result<(), WriteError> {
        miscounted(self.what, self.samples, self.tables.sizes.len() as u64)
    }
}

fn miscounted(what: &'static str, planned: u32, found: u64) -> Result<(), WriteError> {
    if u64::from(planned) == found {
        return Ok(());
    }
    Err(WriteError::Miscounted { what, planned, found })
}

/// Refuses what the index could not express, so that laying it out cannot fail.
fn check(movie: &Movie) -> Result<(), WriteError> {
    let picture = &movie.picture;
    let impossible = |reason| Err(WriteError::Impossible(reason));
    if picture.frames == 0 || picture.frame_rate == 0 {
        return impossible("it has no frames");
    }
    if picture.frame_rate > 1000 || picture.duration() > u64::from(u32::MAX) {
        return impossible("its duration does not fit into 32 bits");
    }
    if picture.key_frames == 0 || picture.key_frames > picture.frames {
        return impossible("the number of key frames does not fit the number of frames");
    }
    let texts = [&movie.title, &movie.comment, &movie.tool];
    if texts.into_iter().flatten().any(|text| text.len() > 64 * 1024) {
        return impossible("a title or comment is longer than 64 KiB");
    }
    movie.sound.as_ref().map_or(Ok(()), |sound| check_sound(sound, movie))
}

fn check_sound(sound: &AacTrack, movie: &Movie) -> Result<(), WriteError> {
    if sound.config.is_empty() || sound.config.len() > 64 {
        return Err(WriteError::Impossible("the sound has no usable decoder configuration"));
    }
    if sound.sample_rate == 0 || sound.sample_rate > 0xFFFF {
        return Err(WriteError::Impossible("the sample rate of the sound does not fit 16 bits"));
    }
    if sound.last_packet(&movie.picture).is_none() {
        return Err(WriteError::Impossible("the sound does not end in the last of its packets"));
    }
    Ok(())
}

/// The header of `mdat`, `len` bytes long with this header: 32-bit after an empty box, or 64-bit.
fn data_header(len: u64) -> Vec<u8> {
    let spare = DATA_HEADER / 2;
    if let Ok(short) = u32::try_from(len - spare) {
        let mut header = b"\0\0\0\x08free".to_vec();
        header.extend(short.to_be_bytes());
        header.extend(b"mdat");
        return header;
    }
    let mut header = b"\0\0\0\x01mdat".to_vec();
    header.extend(len.to_be_bytes());
    header
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_large_file_gets_a_64_bit_data_box_of_the_same_length() {
        let small = data_header(1000);
        let large = data_header(u64::from(u32::MAX) + 9);

        assert_eq!(small, *b"\0\0\0\x08free\0\0\x03\xE0mdat");
        assert_eq!(large, *b"\0\0\0\x01mdat\0\0\0\x01\0\0\0\x08");
    }
}
