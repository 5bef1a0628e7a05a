//! Lets pass what keeps to the standard's limits, in the form that the decoder takes.
//!
//! A decoder that is written in safe Rust can still be made to ask for more memory than there is or
//! to work for hours on a few bytes. Both begin with numbers in the heads of parameter sets and
//! slices, so these are read here first, and a sample that names an impossible one goes no further.

use super::parameters::{Pps, Refused, Sps};
use super::slice::Slice;

const SLICE: u8 = 1;
const IDR: u8 = 5;
const SPS: u8 = 7;
const PPS: u8 = 8;
const START: [u8; 4] = [0, 0, 0, 1];
/// A slice may be repeated over a whole picture at the cost of a few bytes.
const MOST_SLICES: u32 = 1024;
/// Parameter sets of a stream: each number once.
const MOST_SETS: u32 = 32 + 256;

/// The parameter sets of one sample description, and what they allow.
#[derive(Clone, Debug)]
pub(super) struct StreamLimits {
    length_size: usize,
    sequences: Vec<Sps>,
    pictures: Vec<Pps>,
    /// The same as they stand in the file, by kind and number.
    units: Vec<((u8, u32), Vec<u8>)>,
}

/// A sample that may be decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Passed {
    /// Whether later pictures may refer to this one.
    pub(super) is_reference: bool,
    /// What decoding it may cost, in macroblocks.
    pub(super) cost: u64,
    /// The number of the sequence parameter set that describes it.
    pub(super) sequence: u32,
}

impl StreamLimits {
    /// Reads `avcC`. Files that keep their parameter sets in the samples bring none here.
    pub(super) fn read(record: &[u8]) -> Result<Self, Refused> {
        const CUT: Refused = Refused::Broken("its decoder configuration is cut short");
        let length_size = usize::from(*record.get(4).ok_or(CUT)? & 3) + 1;
        let mut gate = Self { length_size, sequences: vec![], pictures: vec![], units: Vec::new() };
        let mut rest = record.get(5..).ok_or(CUT)?;
        for mask in [0x1F, 0xFF] {
            let (&count, after) = rest.split_first().ok_or(CUT)?;
            rest = after;
            for _ in 0..count & mask {
                let (length, after) = rest.split_first_chunk::<2>().ok_or(CUT)?;
                let length = usize::from(u16::from_be_bytes(*length));
                let (unit, after) = after.split_at_checked(length).ok_or(CUT)?;
                rest = after;
                gate.learn(unit)?;
            }
        }
        Ok(gate)
    }

    /// The sequence parameter set with this number, or the first one.
    pub(super) fn sequence(&self, id: Option<u32>) -> Option<&Sps> {
        self.sequences.iter().find(|sps| id.is_none_or(|id| sps.id == id))
    }

    /// The parameter sets as a byte stream, to be decoded before the first picture.
    pub(super) fn prologue(&self) -> Vec<u8> {
        self.units.iter().flat_map(|(_, unit)| [&START[..], unit].concat()).collect()
    }

    /// Takes in a parameter set.
    fn learn(&mut self, unit: &[u8]) -> Result<(), Refused> {
        refuse_start_codes(unit)?;
        let key = match kind(unit) {
            SPS => {
                let sps = Sps::read(unit)?;
                let id = sps.id;
                self.sequences.retain(|known| known.id != id);
                self.sequences.push(sps);
                (SPS, id)
            }
            PPS => {
                let pps = Pps::read(unit)?;
                let id = pps.id;
                self.pictures.retain(|known| known.id != id);
                self.pictures.push(pps);
                (PPS, id)
            }
            _ => return Ok(()),
        };
        self.units.retain(|(known, _)| *known != key);
        self.units.push((key, unit.to_vec()));
        Ok(())
    }

    /// Turns a sample into a byte stream for the decoder, in place of what `stream` held.
    ///
    /// Parameter sets within the sample count only in a key frame; nothing else may change the size
    /// of pictures that others refer to.
    pub(super) fn pass(
        &mut self,
        sample: &[u8],
        is_key: bool,
        stream: &mut Vec<u8>,
    ) -> Result<Passed, Refused> {
        stream.clear();
        let (mut slices, mut last, mut is_reference) = (0_u32, None::<Slice>, false);
        let (mut sets, mut firsts) = (0_u32, 0_u64);
        let mut rest = sample;
        while let Some((unit, after)) = self.next_unit(rest)? {
            rest = after;
            match kind(unit) {
                SPS | PPS if is_key && slices == 0 => {
                    sets += 1;
                    self.learn(unit)?;
                }
                SLICE | IDR => {
                    refuse_start_codes(unit)?;
                    let slice = Slice::read(unit, (&self.sequences, &self.pictures))?;
                    if last.is_some_and(|last| slice.first <= last.first) {
                        return Err(Refused::Broken("its slices are out of order"));
                    }
                    last = Some(slice);
                    slices += 1;
                    firsts += u64::from(slice.first);
                    is_reference |= slice.is_reference;
                    stream.extend(START);
                    stream.extend(unit);
                }
                _ => {}
            }
            if slices > MOST_SLICES || sets > MOST_SETS {
                return Err(Refused::Broken("more slices or parameter sets than a picture has"));
            }
        }
        let sequence = last.ok_or(Refused::Broken("a sample holds no picture"))?.sequence;
        let whole = self.sequence(Some(sequence)).map_or(0, Sps::macroblocks);
        // A slice of a few bytes may go on to the end of the picture, over those behind it.
        let all = (whole * u64::from(slices)).saturating_sub(firsts);
        let cost = whole.max(all / 2);
        Ok(Passed { is_reference, cost, sequence })
    }

    /// The first unit of a sample, and what follows it.
    fn next_unit<'s>(&self, sample: &'s [u8]) -> Result<Option<UnitAndRest<'s>>, Refused> {
        if sample.is_empty() {
            return Ok(None);
        }
        let parts = sample.split_at_checked(self.length_size).and_then(|(length, rest)| {
            let length = length.iter().fold(0, |sum, &byte| sum << 8 | usize::from(byte));
            rest.split_at_checked(length)
        });
        parts.map(Some).ok_or(Refused::Broken("a picture is cut short"))
    }
}

type UnitAndRest<'s> = (&'s [u8], &'s [u8]);

fn kind(unit: &[u8]) -> u8 {
    unit.first().map_or(0, |header| header & 0x1F)
}

/// A start code within a unit would be read as the beginning of another one, past this gate.
fn refuse_start_codes(unit: &[u8]) -> Result<(), Refused> {
    if unit.windows(3).any(|window| window == [0, 0, 1]) {
        return Err(Refused::Broken("a unit of the stream holds another one"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// libx264, High profile, 64x48: four by three macroblocks.
    const FILE: &[u8] = include_bytes!("../../tests/fixtures/reordered.mp4");

    fn a_gate() -> StreamLimits {
        let at = FILE.windows(4).position(|window| window == b"avcC").unwrap();
        StreamLimits::read(&FILE[at + 4..at + 100]).unwrap()
    }

    fn sample(units: &[&[u8]]) -> Vec<u8> {
        let length = |unit: &[u8]| u32::try_from(unit.len()).unwrap().to_be_bytes();
        units.iter().flat_map(|unit| [&length(unit)[..], unit].concat()).collect()
    }

    /// An IDR slice from the first macroblock on.
    const SLICE_UNIT: [u8; 8] = [0x65, 0x88, 0x84, 0x00, 0x33, 0xff, 0xfe, 0xf6];

    #[test]
    fn a_picture_passes_as_a_byte_stream_and_everything_else_stays_behind() {
        let mut stream = vec![9];

        let passed = a_gate().pass(&sample(&[&[6, 5, 1], &SLICE_UNIT]), true, &mut stream).unwrap();

        assert_eq!(passed, Passed { is_reference: true, cost: 4 * 3, sequence: 0 });
        assert_eq!(stream, [&START[..], &SLICE_UNIT].concat());
    }

    #[test]
    fn a_unit_hidden_in_another_one_is_refused() {
        let hidden = [&SLICE_UNIT[..], &[0, 0, 1, 0x67, 0xFF]].concat();

        let refused = a_gate().pass(&sample(&[&hidden]), true, &mut Vec::new());

        assert_eq!(refused, Err(Refused::Broken("a unit of the stream holds another one")));
    }

    #[test]
    fn a_picture_that_is_repeated_within_its_sample_is_refused() {
        let twice = sample(&[&SLICE_UNIT, &SLICE_UNIT]);

        let refused = a_gate().pass(&twice, true, &mut Vec::new());

        assert_eq!(refused, Err(Refused::Broken("its slices are out of order")));
    }

    #[test]
    fn a_slice_that_asks_for_thousands_of_references_is_refused() {
        let mut gate = a_gate();
        let sps = gate.sequence(None).unwrap();
        let zeros = "0".repeat((sps.frame_number_bits + sps.order_bits.unwrap()) as usize);
        // From macroblock 0, predicted, parameter set 0; 32 or 33 references in place of the usual.
        let head = |references: &str| format!("111{zeros}1{references}{}", "10".repeat(40));
        let slice = |references| [&[0x41], &bytes(&head(references))[..]].concat();
        let mut stream = Vec::new();

        let most = gate.pass(&sample(&[&slice("00000100000")]), true, &mut stream);
        let refused = gate.pass(&sample(&[&slice("00000100001")]), true, &mut stream);

        assert!(most.is_ok(), "{most:?}");
        assert_eq!(refused, Err(Refused::Broken("a slice with more than 32 references")));
    }

    fn bytes(bits: &str) -> Vec<u8> {
        let byte = |bits: &[u8]| bits.iter().fold(0, |sum, bit| sum << 1 | (bit - b'0'));
        bits.as_bytes().chunks_exact(8).map(byte).collect()
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_gate_panic(
            record in prop::collection::vec(any::<u8>(), 0..80),
            sample in prop::collection::vec(any::<u8>(), 0..80),
        ) {
            if let Ok(mut gate) = StreamLimits::read(&record) {
                let _ = gate.pass(&sample, true, &mut Vec::new());
            }
            let _ = a_gate().pass(&sample, false, &mut Vec::new());
        }
    }
}
