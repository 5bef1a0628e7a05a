//! One track of a file that is read sample by sample: what it holds, how it is coded, and where
//! each of its samples lies.

use super::boxes::{Fields, child, children, descend};
use super::movie::UNITY_MATRIX;
use super::video::{Codec, MediaTime};

/// Sample descriptions of a track; a file that was joined several times has a few.
const MAX_DESCRIPTIONS: usize = 64;
/// A description is a few hundred bytes.
const MAX_DESCRIPTION: usize = 64 << 10;
/// Edits of a track; likewise.
const MAX_EDITS: usize = 1000;

/// A track: its samples in the order in which they are decoded, and when they are shown.
#[derive(Clone, Debug)]
pub struct Track {
    pub id: u32,
    pub codec: Codec,
    /// Ticks of a second of this track.
    pub timescale: u32,
    /// Width and height in pixels; zeros for sound.
    pub size: (u16, u16),
    pub(super) matrix: [u8; 36],
    pub(super) language: [u8; 2],
    pub(super) edits: Vec<Edit>,
    pub(super) descriptions: Vec<Description>,
    pub(super) samples: Vec<Sample>,
}

/// One coded picture or one packet of sound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sample {
    /// Where it lies in the file.
    pub offset: u64,
    pub size: u32,
    /// When it is decoded, and for how long it counts, in ticks of the track.
    pub decode_time: u64,
    pub duration: u32,
    /// How much later than decoded it is shown; pictures may be coded out of order.
    pub shown_after: i32,
    /// Which of the track's descriptions applies.
    pub description: u16,
    /// Whether decoding can begin here.
    pub is_key: bool,
}

impl Sample {
    /// When it is shown, in ticks of the track before its edit list is applied.
    pub fn shown_at(&self) -> i64 {
        i64::try_from(self.decode_time).unwrap_or(i64::MAX).saturating_add(self.shown_after.into())
    }
}

/// A stretch of the movie: this long (in ticks of the movie), from there on (in ticks of the
/// track); without a place it is a pause.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Edit {
    pub(super) duration: u64,
    pub(super) from: Option<u64>,
}

/// How some of a track's samples are coded: the kind and content of the box that says so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Description {
    pub(super) kind: [u8; 4],
    pub(super) entry: Vec<u8>,
}

impl Track {
    /// The samples in the order in which they are decoded.
    pub fn samples(&self) -> &[Sample] {
        &self.samples
    }

    /// How long its samples last together.
    pub fn duration(&self) -> MediaTime {
        let ticks = self.samples.iter().map(|sample| u64::from(sample.duration)).sum();
        MediaTime { ticks, timescale: self.timescale }
    }

    /// Whether its pictures are shown as they are coded. Where they are put is not asked.
    pub(crate) fn is_upright(&self) -> bool {
        let upright = UNITY_MATRIX.map(u32::to_be_bytes);
        self.matrix.as_chunks::<4>().0.iter().zip(upright).enumerate().all(|(at, (word, unity))| {
            // The sixth and the seventh say how far the picture is moved.
            at == 6 || at == 7 || *word == unity
        })
    }

    /// How many descriptions its samples refer to.
    pub(crate) fn descriptions(&self) -> u16 {
        u16::try_from(self.descriptions.len()).unwrap_or(u16::MAX)
    }

    /// The content of `avcC`: the parameter sets of H.264.
    pub(crate) fn avc_record(&self, description: u16) -> Option<&[u8]> {
        self.descriptions.get(usize::from(description))?.avc_record()
    }

    /// The `AudioSpecificConfig` of AAC.
    pub(crate) fn aac_config(&self, description: u16) -> Option<&[u8]> {
        self.descriptions.get(usize::from(description))?.aac_config()
    }

    /// When its first picture is shown, and when its last one ends, in ticks before edits.
    pub(crate) fn shown_span(&self) -> (i64, i64) {
        let starts = self.samples.iter().map(Sample::shown_at).min();
        let ends = self.samples.iter().map(|it| it.shown_at().saturating_add(it.duration.into()));
        (starts.unwrap_or(0), ends.max().unwrap_or(0))
    }
}

impl Description {
    /// What the decoder has to know; two descriptions with the same are one.
    pub(super) fn config(&self) -> &[u8] {
        let config = if self.kind == *b"mp4a" { self.aac_config() } else { self.avc_record() };
        config.unwrap_or(&self.entry)
    }

    pub(super) fn avc_record(&self) -> Option<&[u8]> {
        const VISUAL_SAMPLE_ENTRY: usize = 78;
        child(self.entry.get(VISUAL_SAMPLE_ENTRY..)?, *b"avcC")
    }

    pub(super) fn aac_config(&self) -> Option<&[u8]> {
        let version = Fields(self.entry.get(8..)?).u16()?;
        // QuickTime's later versions carry more fields, and hide `esds` in a box of its own.
        let inner = self.entry.get(
            match version {
                1 => 44,
                2 => 64,
                _ => 28,
            }..,
        )?;
        let esds = child(inner, *b"esds").or_else(|| descend(inner, &[*b"wave", *b"esds"]))?;
        let (_, _, Fields(body)) = Fields::versioned(esds)?;
        decoder_config(body)
    }
}

/// Follows the descriptors of `esds` (ISO/IEC 14496-1) down to the one with the configuration.
fn decoder_config(body: &[u8]) -> Option<&[u8]> {
    let (3, stream) = descriptor(body)? else { return None };
    let flags = *stream.get(2)?;
    let mut after = 3;
    for (flag, length) in [(0x80, 2), (0x40, 1 + usize::from(*stream.get(3)?)), (0x20, 2)] {
        after += if flags & flag == 0 { 0 } else { length };
    }
    let (4, decoder) = descriptor(stream.get(after..)?)? else { return None };
    let (5, config) = descriptor(decoder.get(13..)?)? else { return None };
    Some(config)
}

/// A tag, a length of up to four bytes, a body.
fn descriptor(bytes: &[u8]) -> Option<(u8, &[u8])> {
    let (&tag, mut rest) = bytes.split_first()?;
    let mut length = 0;
    for _ in 0..4 {
        let (&byte, after) = rest.split_first()?;
        rest = after;
        length = length << 7 | usize::from(byte & 0x7F);
        if byte & 0x80 == 0 {
            break;
        }
    }
    // Some writers count padding that is not there.
    Some((tag, rest.get(..length.min(rest.len()))?))
}

/// Reads `stsd`; `None` when there are too many descriptions or none.
pub(super) fn descriptions(stbl: &[u8]) -> Option<Vec<Description>> {
    let entries = children(child(stbl, *b"stsd")?.get(8..)?);
    let mut found = Vec::new();
    for (kind, entry) in entries {
        if found.len() == MAX_DESCRIPTIONS || entry.len() > MAX_DESCRIPTION {
            return None;
        }
        found.push(Description { kind, entry: entry.to_vec() });
    }
    (!found.is_empty()).then_some(found)
}

/// Reads the edit list; none at all is no edits. `None` when it makes no sense.
pub(super) fn edits(trak: &[u8]) -> Option<Vec<Edit>> {
    let Some(elst) = descend(trak, &[*b"edts", *b"elst"]) else { return Some(Vec::new()) };
    let (version, _, mut fields) = Fields::versioned(elst)?;
    let count = fields.u32()? as usize;
    if count > MAX_EDITS {
        return None;
    }
    let mut edits = Vec::new();
    for _ in 0..count {
        let duration = fields.sized(version)?;
        let from = fields.sized(version)?;
        let pause = if version == 1 { u64::MAX } else { u32::MAX.into() };
        fields.u32()?;
        edits.push(Edit { duration, from: (from != pause).then_some(from) });
    }
    Some(edits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_aac_configuration_is_found_behind_lengths_of_any_width() {
        let short =
            [3, 22, 0, 1, 0, 4, 17, 0x40, 0x15, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 5, 2, 17, 144];
        let long = [
            3, 0x80, 0x80, 0x80, 28, 0, 1, 0, 4, 0x80, 0x80, 0x80, 20, 0x40, 0x15, 0, 0, 0, 0, 0,
            0, 0, 0, 0, 0, 0, 5, 0x80, 0x80, 0x80, 2, 17, 144,
        ];

        assert_eq!(decoder_config(&short), Some(&[17, 144][..]));
        assert_eq!(decoder_config(&long), Some(&[17, 144][..]));
        assert_eq!(decoder_config(&short[..10]), None);
    }
}
