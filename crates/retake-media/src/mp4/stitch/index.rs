//! Lays out the index of a joined file, with times of 64 bits throughout.

use super::StitchError;
use super::concat::{Joined, Piece};
use super::edit::Segment;
use crate::mp4::movie::{
    UNITY_MATRIX, boxed, count, data_reference, file_type, full_box, handler, words,
};
use crate::mp4::track::Track;

/// Version 1 of a box, in which times have 64 bits.
const LONG_TIMES: u32 = 1 << 24;
/// Speed of an edit: as it is.
const NORMAL: u32 = 0x0001_0000;

/// Everything that the index says.
pub(super) struct Index<'a> {
    pub(super) pictures: Joined,
    pub(super) sound: Option<Joined>,
    /// The pictures of the first part: what both have in common is taken from it.
    pub(super) first: &'a Track,
    pub(super) user_data: Option<&'a [u8]>,
}

impl Index<'_> {
    /// Everything in front of the samples, which follow in the order of `pieces`.
    pub(super) fn head(&self, pieces: &[Piece]) -> Result<Vec<u8>, StitchError> {
        const TOO_MUCH: StitchError = StitchError::Impossible("it would have 2^63 bytes");
        let mut bytes = 0_u64;
        for piece in pieces {
            bytes = bytes.checked_add(piece.bytes).filter(|&sum| sum >> 62 == 0).ok_or(TOO_MUCH)?;
        }
        let mut head = file_type();
        let header = data_header(bytes);
        // The length of the index does not depend on the offsets in it.
        let index_len = self.moov(pieces, 0).len();
        let data_at = head.len() + index_len + header.len();
        head.extend(self.moov(pieces, data_at as u64));
        head.extend(header);
        Ok(head)
    }

    fn moov(&self, pieces: &[Piece], data_at: u64) -> Vec<u8> {
        let mut out = Vec::new();
        let scale = self.pictures.timescale;
        boxed(&mut out, *b"moov", |out| {
            full_box(out, *b"mvhd", LONG_TIMES, |out| {
                let lasts = shown(&self.pictures).max(self.sound.as_ref().map_or(0, shown));
                longs(out, &[0, 0]);
                words(out, &[scale]);
                longs(out, &[lasts]);
                words(out, &[NORMAL, 0x0100_0000, 0, 0]);
                words(out, &UNITY_MATRIX);
                words(out, &[0, 0, 0, 0, 0, 0, 3]); // the next track would be number 3
            });
            Trak { track: &self.pictures, first: self.first, is_sound: false }
                .write(out, &chunks(pieces, false, data_at, &self.pictures));
            if let Some(sound) = &self.sound {
                Trak { track: sound, first: self.first, is_sound: true }
                    .write(out, &chunks(pieces, true, data_at, sound));
            }
            if let Some(user_data) = self.user_data {
                boxed(out, *b"udta", |out| out.extend(user_data));
            }
        });
        out
    }
}

/// Where a piece lies, how many samples it has, and which description.
#[derive(Clone, Copy)]
struct Chunk {
    offset: u64,
    samples: u32,
    description: u32,
}

fn chunks(pieces: &[Piece], is_sound: bool, data_at: u64, track: &Joined) -> Vec<Chunk> {
    let mut end = data_at;
    let placed = pieces.iter().map(|piece| {
        let offset = end;
        end += piece.bytes;
        (offset, piece)
    });
    let ours = placed.filter(|(_, piece)| piece.is_sound == is_sound);
    ours.map(|(offset, piece)| {
        // The reader refuses tracks of more than a million samples.
        let samples = u32::try_from(piece.range.len()).unwrap_or(u32::MAX);
        Chunk { offset, samples, description: track.description(piece) }
    })
    .collect()
}

/// One track, about to be written.
struct Trak<'a> {
    track: &'a Joined,
    first: &'a Track,
    is_sound: bool,
}

impl Trak<'_> {
    fn write(&self, out: &mut Vec<u8>, chunks: &[Chunk]) {
        boxed(out, *b"trak", |out| {
            self.header(out);
            boxed(out, *b"edts", |out| {
                full_box(out, *b"elst", LONG_TIMES, |out| {
                    words(out, &[count(&self.track.stretches)]);
                    for Segment { duration, from } in &self.track.stretches {
                        longs(out, &[*duration, from.unwrap_or(u64::MAX)]);
                        words(out, &[NORMAL]);
                    }
                });
            });
            boxed(out, *b"mdia", |out| {
                full_box(out, *b"mdhd", LONG_TIMES, |out| {
                    longs(out, &[0, 0]);
                    words(out, &[self.track.timescale]);
                    longs(out, &[self.track.ticks]);
                    out.extend(self.first.language);
                    out.extend([0; 2]);
                });
                let (kind, name) =
                    if self.is_sound { (*b"soun", "Sound") } else { (*b"vide", "Pictures") };
                handler(out, kind, name);
                boxed(out, *b"minf", |out| {
                    if self.is_sound {
                        full_box(out, *b"smhd", 0, |out| out.extend([0; 4]));
                    } else {
                        full_box(out, *b"vmhd", 1, |out| out.extend([0; 8]));
                    }
                    data_reference(out);
                    boxed(out, *b"stbl", |out| self.tables(out, chunks));
                });
            });
        });
    }

    fn header(&self, out: &mut Vec<u8>) {
        const ENABLED_AND_IN_MOVIE: u32 = 3;
        full_box(out, *b"tkhd", LONG_TIMES | ENABLED_AND_IN_MOVIE, |out| {
            longs(out, &[0, 0]);
            words(out, &[1 + u32::from(self.is_sound), 0]);
            longs(out, &[shown(self.track)]);
            words(out, &[0, 0, 0, if self.is_sound { 0x0100_0000 } else { 0 }]);
            if self.is_sound {
                words(out, &UNITY_MATRIX);
                words(out, &[0, 0]);
            } else {
                out.extend(self.first.matrix);
                let (width, height) = self.first.size;
                words(out, &[u32::from(width) << 16, u32::from(height) << 16]);
            }
        });
    }

    fn tables(&self, out: &mut Vec<u8>, chunks: &[Chunk]) {
        let track = self.track;
        full_box(out, *b"stsd", 0, |out| {
            words(out, &[count(&track.descriptions)]);
            for description in &track.descriptions {
                boxed(out, description.kind, |out| out.extend(&description.entry));
            }
        });
        full_box(out, *b"stts", 0, |out| {
            words(out, &[count(&track.durations)]);
            track.durations.iter().for_each(|&(times, ticks)| words(out, &[times, ticks]));
        });
        if track.delays.iter().any(|&(_, ticks)| ticks != 0) {
            let signed = track.delays.iter().any(|&(_, ticks)| ticks < 0);
            full_box(out, *b"ctts", u32::from(signed) << 24, |out| {
                words(out, &[count(&track.delays)]);
                let delays = track.delays.iter();
                delays.for_each(|&(times, ticks)| words(out, &[times, ticks.cast_unsigned()]));
            });
        }
        if track.keys.len() < track.sizes.len() {
            full_box(out, *b"stss", 0, |out| {
                words(out, &[count(&track.keys)]);
                words(out, &track.keys);
            });
        }
        full_box(out, *b"stsc", 0, |out| {
            let mut runs: Vec<[u32; 3]> = Vec::new();
            for (number, chunk) in (1..).zip(chunks) {
                let run = [number, chunk.samples, chunk.description];
                if runs.last().is_none_or(|last| last[1..] != run[1..]) {
                    runs.push(run);
                }
            }
            words(out, &[count(&runs)]);
            words(out, runs.as_flattened());
        });
        full_box(out, *b"stsz", 0, |out| {
            words(out, &[0, count(&track.sizes)]);
            words(out, &track.sizes);
        });
        full_box(out, *b"co64", 0, |out| {
            words(out, &[count(chunks)]);
            for chunk in chunks {
                longs(out, &[chunk.offset]);
            }
        });
    }
}

/// How long a track is shown, pauses included.
fn shown(track: &Joined) -> u64 {
    track.stretches.iter().map(|stretch| stretch.duration).sum()
}

fn longs(out: &mut Vec<u8>, values: &[u64]) {
    out.extend(values.iter().flat_map(|value| value.to_be_bytes()));
}

/// The header of `mdat` in front of so many bytes.
fn data_header(bytes: u64) -> Vec<u8> {
    if let Ok(len) = u32::try_from(bytes + 8) {
        return [&len.to_be_bytes()[..], b"mdat"].concat();
    }
    [&b"\0\0\0\x01mdat"[..], &(bytes + 16).to_be_bytes()].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_of_more_than_four_gigabytes_gets_a_64_bit_header() {
        assert_eq!(data_header(100), *b"\0\0\0\x6Cmdat");
        assert_eq!(data_header(1 << 32), *b"\0\0\0\x01mdat\0\0\0\x01\0\0\0\x10");
    }
}
