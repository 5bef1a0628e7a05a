//! Reads the bits of a NAL unit, Exp-Golomb numbers included.

/// A NAL unit's content without the bytes that keep start codes out of it.
pub(super) fn unescaped(unit: &[u8], limit: usize) -> Vec<u8> {
    let mut plain = Vec::new();
    let mut zeros = 0;
    for &byte in unit.iter().take(limit) {
        if zeros >= 2 && byte == 3 {
            zeros = 0;
            continue;
        }
        zeros = if byte == 0 { zeros + 1 } else { 0 };
        plain.push(byte);
    }
    plain
}

/// Reads from the front; `None` at the end.
pub(super) struct Bits<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Bits<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    pub(super) fn flag(&mut self) -> Option<bool> {
        let byte = self.bytes.get(self.at / 8)?;
        let bit = byte >> (7 - self.at % 8) & 1;
        self.at += 1;
        Some(bit == 1)
    }

    pub(super) fn number(&mut self, bits: u32) -> Option<u32> {
        (0..bits).try_fold(0_u32, |value, _| Some(value << 1 | u32::from(self.flag()?)))
    }

    /// `ue(v)`, of at most 16 bits: nothing that is read here may be larger.
    pub(super) fn unsigned(&mut self) -> Option<u32> {
        let mut zeros = 0;
        while !self.flag()? {
            zeros += 1;
            if zeros > 16 {
                return None;
            }
        }
        Some((1 << zeros) - 1 + self.number(zeros)?)
    }

    /// `se(v)`, likewise.
    pub(super) fn signed(&mut self) -> Option<i32> {
        let code = self.unsigned()?.cast_signed();
        Some(if code % 2 == 0 { -(code / 2) } else { code / 2 + 1 })
    }

    /// `ue(v)` or `se(v)` of any size, passed over.
    pub(super) fn skip_golomb(&mut self) -> Option<()> {
        let mut zeros = 0;
        while !self.flag()? {
            zeros += 1;
            if zeros > 32 {
                return None;
            }
        }
        self.at += zeros;
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exp_golomb_numbers_are_read_as_the_standard_writes_them() {
        // 1, 010, 011, 00100, 00101 and padding
        let bytes = [0b1010_0110, 0b0100_0010, 0b1000_0000];

        let mut bits = Bits::new(&bytes);
        let numbers: Vec<_> = (0..5).map_while(|_| bits.unsigned()).collect();
        let mut bits = Bits::new(&bytes);
        let signed: Vec<_> = (0..5).map_while(|_| bits.signed()).collect();

        assert_eq!(numbers, [0, 1, 2, 3, 4]);
        assert_eq!(signed, [0, 1, -1, 2, -2]);
        assert_eq!(Bits::new(&[0; 8]).unsigned(), None);
    }

    #[test]
    fn bytes_that_keep_start_codes_out_are_taken_out_again() {
        assert_eq!(unescaped(&[1, 0, 0, 3, 1, 0, 0, 3, 0, 0, 3], 99), [1, 0, 0, 1, 0, 0, 0, 0]);
    }
}
