//! H.264 as an encoder hands it out, and as MP4 wants it.
//!
//! Encoders separate NAL units by start codes (Annex B). MP4 puts a length before each unit instead
//! and keeps the parameter sets out of the stream, in the sample description (`avcC`).

use thiserror::Error;

const NAL_IDR: u8 = 5;
const NAL_SPS: u8 = 7;
const NAL_PPS: u8 = 8;
const NAL_DELIMITER: u8 = 9;

/// The profiles whose `avcC` names chroma format and bit depth as well.
const HIGH_PROFILES: [u8; 4] = [100, 110, 122, 144];

/// The parameter sets of an H.264 stream: 4:2:0 with 8 bits, the only kind written here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AvcConfig {
    sps: Vec<u8>,
    pps: Vec<u8>,
}

/// Why an access unit does not describe a stream.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum AvcError {
    #[error("the access unit carries no {0}; the first one of a stream has to")]
    Missing(&'static str),

    #[error("the {0} of {1} bytes does not fit into an MP4 sample description")]
    Oversized(&'static str, usize),
}

impl AvcConfig {
    /// Reads the parameter sets out of the first access unit of an Annex B stream.
    pub fn from_annex_b(access_unit: &[u8]) -> Result<Self, AvcError> {
        let find = |kind, name| {
            nal_units(access_unit)
                .find(|nal| nal_kind(nal) == Some(kind))
                .ok_or(AvcError::Missing(name))
        };
        let sps = find(NAL_SPS, "sequence parameter set")?;
        let pps = find(NAL_PPS, "picture parameter set")?;
        if sps.len() < 4 {
            return Err(AvcError::Missing("complete sequence parameter set"));
        }
        for (name, set) in [("sequence parameter set", sps), ("picture parameter set", pps)] {
            if set.len() > usize::from(u16::MAX) {
                return Err(AvcError::Oversized(name, set.len()));
            }
        }
        Ok(Self { sps: sps.to_vec(), pps: pps.to_vec() })
    }

    /// The profile number: 66 Baseline, 77 Main, 100 High.
    pub fn profile(&self) -> u8 {
        self.sps[1]
    }

    /// The level, ten times: 31 is level 3.1.
    pub fn level(&self) -> u8 {
        self.sps[3]
    }

    /// The content of the `avcC` box.
    pub(super) fn record(&self) -> Vec<u8> {
        let mut record = vec![1, self.sps[1], self.sps[2], self.sps[3], 0xFC | 3, 0xE0 | 1];
        push_sized(&mut record, &self.sps);
        record.push(1);
        push_sized(&mut record, &self.pps);
        if HIGH_PROFILES.contains(&self.profile()) {
            record.extend([0xFC | 1, 0xF8, 0xF8, 0]);
        }
        record
    }
}

fn push_sized(record: &mut Vec<u8>, set: &[u8]) {
    // `from_annex_b` has refused anything longer.
    let length = u16::try_from(set.len()).unwrap_or(u16::MAX);
    record.extend(length.to_be_bytes());
    record.extend(set);
}

/// The NAL units of an Annex B stream, without their start codes.
pub fn nal_units(stream: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = after_start_code(stream);
    std::iter::from_fn(move || {
        let unit = rest?;
        let end = start_code(unit).unwrap_or(unit.len());
        rest = after_start_code(&unit[end..]);
        Some(without_trailing_zeros(&unit[..end]))
    })
    .filter(|unit| !unit.is_empty())
}

/// Appends the picture data of an Annex B access unit to `sample`, each unit after its length.
/// Parameter sets and delimiters stay behind: in MP4 they live elsewhere.
pub fn append_length_prefixed(access_unit: &[u8], sample: &mut Vec<u8>) {
    for unit in nal_units(access_unit) {
        if matches!(nal_kind(unit), Some(NAL_SPS | NAL_PPS | NAL_DELIMITER)) {
            continue;
        }
        let length = u32::try_from(unit.len()).unwrap_or(u32::MAX);
        sample.extend(length.to_be_bytes());
        sample.extend(unit);
    }
}

/// Whether decoding can start at this Annex B access unit.
pub fn is_key_frame(access_unit: &[u8]) -> bool {
    nal_units(access_unit).any(|unit| nal_kind(unit) == Some(NAL_IDR))
}

fn nal_kind(unit: &[u8]) -> Option<u8> {
    unit.first().map(|header| header & 0x1F)
}

/// Where the next three-byte start code begins.
fn start_code(stream: &[u8]) -> Option<usize> {
    stream.windows(3).position(|window| window == [0, 0, 1])
}

fn after_start_code(stream: &[u8]) -> Option<&[u8]> {
    start_code(stream).map(|at| &stream[at + 3..])
}

/// Zeros before a start code belong to the start code; a NAL unit never ends in one.
fn without_trailing_zeros(unit: &[u8]) -> &[u8] {
    let end = unit.iter().rposition(|&byte| byte != 0).map_or(0, |last| last + 1);
    &unit[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    const STREAM: [u8; 30] = [
        0, 0, 0, 1, 0x67, 100, 0, 31, 7, 0, 0, 0, 1, 0x68, 9, 8, 0, 0, 1, 0x65, 1, 2, 3, 0, 0, 0,
        1, 0x41, 5, 6,
    ];

    #[test]
    fn start_codes_of_both_lengths_separate_units() {
        let units: Vec<_> = nal_units(&STREAM).collect();

        let expected: [&[u8]; 4] =
            [&[0x67, 100, 0, 31, 7], &[0x68, 9, 8], &[0x65, 1, 2, 3], &[0x41, 5, 6]];
        assert_eq!(units, expected);
    }

    #[test]
    fn parameter_sets_move_from_the_stream_to_the_sample_description() {
        let config = AvcConfig::from_annex_b(&STREAM).unwrap();
        let mut sample = Vec::new();
        append_length_prefixed(&STREAM, &mut sample);

        assert_eq!((config.profile(), config.level()), (100, 31));
        assert_eq!(
            config.record(),
            [
                1, 100, 0, 31, 255, 0xE1, 0, 5, 0x67, 100, 0, 31, 7, 1, 0, 3, 0x68, 9, 8, 253, 248,
                248, 0
            ]
        );
        assert_eq!(sample, [0, 0, 0, 4, 0x65, 1, 2, 3, 0, 0, 0, 3, 0x41, 5, 6]);
        assert!(is_key_frame(&STREAM));
    }

    #[test]
    fn a_stream_without_parameter_sets_is_named_as_such() {
        let missing = AvcConfig::from_annex_b(&[0, 0, 1, 0x65, 1]);

        assert_eq!(missing, Err(AvcError::Missing("sequence parameter set")));
    }
}
