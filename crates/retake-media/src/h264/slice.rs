//! The head of a slice (H.264, 7.3.3), read as far as a hostile one could do harm.

use super::bits::{Bits, unescaped};
use super::parameters::{MOST_REFERENCES, Pps, Refused, Sps};

/// Enough for all fields up to the number of references.
const HEAD: usize = 64;
const IDR: u8 = 5;

/// What a slice says about itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Slice {
    /// The macroblock that it begins with.
    pub(super) first: u32,
    /// Whether later pictures may refer to this one.
    pub(super) is_reference: bool,
    /// The sequence parameter set that applies.
    pub(super) sequence: u32,
}

impl Slice {
    /// Reads the head of a NAL unit that is a slice, and holds it against the standard's limits.
    pub(super) fn read(unit: &[u8], sets: (&[Sps], &[Pps])) -> Result<Self, Refused> {
        let plain = unescaped(unit, HEAD);
        let header = plain.first().copied().unwrap_or(0);
        let mut bits = Bits::new(plain.get(1..).unwrap_or_default());
        let (first, sequence) = Self::parse(&mut bits, header, sets)
            .unwrap_or(Err(Refused::Broken("the head of a slice makes no sense")))?;
        Ok(Self { first, is_reference: header & 0x60 != 0, sequence })
    }

    fn parse(
        bits: &mut Bits<'_>,
        header: u8,
        (sequences, pictures): (&[Sps], &[Pps]),
    ) -> Option<Result<(u32, u32), Refused>> {
        let first = bits.unsigned()?;
        let kind = bits.unsigned().filter(|&kind| kind < 10)? % 5;
        let id = bits.unsigned()?;
        let pps = pictures.iter().find(|pps| pps.id == id)?;
        let sps = sequences.iter().find(|sps| sps.id == pps.sps)?;
        bits.number(sps.frame_number_bits)?;
        if !sps.frames_only && bits.flag()? {
            return Some(Err(Refused::Unsupported("interlaced pictures")));
        }
        if header & 0x1F == IDR {
            bits.skip_golomb()?;
        }
        let differences = match sps.order_bits {
            Some(order_bits) => {
                bits.number(order_bits)?;
                u32::from(pps.more_order)
            }
            None if sps.order_difference => 1 + u32::from(pps.more_order),
            None => 0,
        };
        (0..differences).try_for_each(|_| bits.skip_golomb())?;
        if pps.redundant_pictures {
            bits.skip_golomb()?;
        }
        let (is_predicted, is_bipredicted) = (kind == 0, kind == 1);
        if is_bipredicted {
            bits.flag()?;
        }
        if (is_predicted || is_bipredicted) && bits.flag()? {
            for _ in 0..=u32::from(is_bipredicted) {
                if bits.unsigned()? >= MOST_REFERENCES {
                    return Some(Err(Refused::Broken("a slice with more than 32 references")));
                }
            }
        }
        Some(Ok((first, sps.id)))
    }
}
