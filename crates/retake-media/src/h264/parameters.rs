//! The parameter sets of a stream (H.264, 7.3.2), read as far as their limits and the size and
//! colour of the pictures need it.

use super::bits::{Bits, unescaped};

/// Longer parameter sets do not exist outside of attacks.
const LONGEST: usize = 4096;
/// Macroblocks of a picture, at most: level 5.2, which holds 4096x2304.
pub(crate) const MOST_MACROBLOCKS: u32 = 36_864;
/// Macroblocks of all pictures that others may refer to, at most: level 5.2.
const MOST_HELD: u64 = 184_320;
/// Reference pictures or entries of a list of them.
pub(super) const MOST_REFERENCES: u32 = 32;
const WITH_CHROMA_FORMAT: [u32; 13] =
    [100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135];

/// Why a parameter set or a slice is not handed to the decoder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refused {
    /// Something that the decoder cannot do.
    Unsupported(&'static str),
    /// More macroblocks than any level allows: width and height in pixels.
    TooLarge(u32, u32),
    /// It contradicts the standard or itself.
    Broken(&'static str),
}

/// A sequence parameter set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Sps {
    pub(super) id: u32,
    /// Width and height in macroblocks.
    pub(super) grid: (u32, u32),
    /// Pictures that later ones may refer to.
    pub(super) references: u32,
    /// What is cut away, in pixels: left, right, top, bottom.
    pub(super) crop: [u32; 4],
    pub(super) frame_number_bits: u32,
    /// Bits of the picture order count where slices carry it (type 0).
    pub(super) order_bits: Option<u32>,
    /// Whether slices carry a difference of the picture order count (type 1).
    pub(super) order_difference: bool,
    pub(super) frames_only: bool,
    pub(super) colour: Colour,
}

/// How brightness and colour differences become red, green and blue.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Colour {
    /// The standard's number: 1 is BT.709, 5 and 6 are BT.601, 9 is BT.2020; `None` when unsaid.
    pub(crate) matrix: Option<u32>,
    pub(crate) full_range: bool,
}

impl Sps {
    /// Macroblocks of a picture.
    pub(super) fn macroblocks(&self) -> u64 {
        u64::from(self.grid.0) * u64::from(self.grid.1)
    }

    /// Reads a whole NAL unit.
    pub(super) fn read(unit: &[u8]) -> Result<Self, Refused> {
        if unit.len() > LONGEST {
            return Err(Refused::Broken("a sequence parameter set of more than 4 KiB"));
        }
        let plain = unescaped(unit.get(1..).unwrap_or_default(), LONGEST);
        let sps = Self::parse(&mut Bits::new(&plain))
            .unwrap_or(Err(Refused::Broken("a sequence parameter set is cut short")))?;
        let (wide, high) = sps.grid;
        if sps.macroblocks() > MOST_MACROBLOCKS.into() {
            return Err(Refused::TooLarge(wide * 16, high * 16));
        }
        if sps.macroblocks() * u64::from(sps.references) > MOST_HELD {
            return Err(Refused::Broken("more reference pictures than any level allows"));
        }
        let [left, right, top, bottom] = sps.crop;
        if left + right >= wide * 16 || top + bottom >= high * 16 {
            return Err(Refused::Broken("its pictures are cut down to nothing"));
        }
        Ok(sps)
    }

    /// `None` when the bits run out or a number is absurd.
    fn parse(bits: &mut Bits<'_>) -> Option<Result<Self, Refused>> {
        let profile = bits.number(8)?;
        bits.number(16)?;
        let id = bits.unsigned().filter(|&id| id < 32)?;
        if WITH_CHROMA_FORMAT.contains(&profile)
            && let Err(refused) = chroma_format(bits)?
        {
            return Some(Err(refused));
        }
        let frame_number_bits = bits.unsigned().filter(|&bits| bits <= 12)? + 4;
        let kind = bits.unsigned().filter(|&kind| kind <= 2)?;
        let (mut order_bits, mut order_difference) = (None, false);
        match kind {
            0 => order_bits = Some(bits.unsigned().filter(|&bits| bits <= 12)? + 4),
            1 => order_difference = order_cycle(bits)?,
            _ => {}
        }
        let references = bits.unsigned()?;
        bits.flag()?;
        let (wide, high) = (bits.unsigned()? + 1, bits.unsigned()? + 1);
        let frames_only = bits.flag()?;
        if references > 16 {
            return Some(Err(Refused::Broken("more than 16 reference pictures")));
        }
        if !frames_only && bits.flag()? {
            return Some(Err(Refused::Unsupported("interlaced pictures")));
        }
        bits.flag()?;
        let rows = if frames_only { 1 } else { 2 };
        let crop = if bits.flag()? { crop(bits, 2 * rows)? } else { [0; 4] };
        let colour =
            if bits.flag()? { colour(bits).unwrap_or_default() } else { Colour::default() };
        let grid = (wide, high * rows);
        Some(Ok(Self {
            id,
            grid,
            references,
            crop,
            frame_number_bits,
            order_bits,
            order_difference,
            frames_only,
            colour,
        }))
    }
}

fn chroma_format(bits: &mut Bits<'_>) -> Option<Result<(), Refused>> {
    if bits.unsigned()? != 1 {
        return Some(Err(Refused::Unsupported("another chroma format than 4:2:0")));
    }
    if bits.unsigned()? != 0 || bits.unsigned()? != 0 {
        return Some(Err(Refused::Unsupported("more than 8 bits a sample")));
    }
    bits.flag()?;
    if bits.flag()? {
        for list in 0..8 {
            if bits.flag()? {
                scaling_list(bits, if list < 6 { 16 } else { 64 })?;
            }
        }
    }
    Some(Ok(()))
}

fn scaling_list(bits: &mut Bits<'_>, len: u32) -> Option<()> {
    let (mut last, mut next) = (8, 8);
    for _ in 0..len {
        if next != 0 {
            next = (last + bits.signed()? + 256).rem_euclid(256);
        }
        last = if next == 0 { last } else { next };
    }
    Some(())
}

/// Picture order count of type 1; whether slices carry a difference.
fn order_cycle(bits: &mut Bits<'_>) -> Option<bool> {
    let always_zero = bits.flag()?;
    bits.skip_golomb()?;
    bits.skip_golomb()?;
    let count = bits.unsigned().filter(|&count| count <= 255)?;
    (0..count).try_for_each(|_| bits.skip_golomb())?;
    Some(!always_zero)
}

fn crop(bits: &mut Bits<'_>, rows: u32) -> Option<[u32; 4]> {
    let (left, right) = (bits.unsigned()? * 2, bits.unsigned()? * 2);
    Some([left, right, bits.unsigned()? * rows, bits.unsigned()? * rows])
}

/// The beginning of the usability information (annex E).
fn colour(bits: &mut Bits<'_>) -> Option<Colour> {
    const OWN_ASPECT: u32 = 255;
    if bits.flag()? && bits.number(8)? == OWN_ASPECT {
        bits.number(32)?;
    }
    if bits.flag()? {
        bits.flag()?;
    }
    let mut colour = Colour::default();
    if bits.flag()? {
        bits.number(3)?;
        colour.full_range = bits.flag()?;
        if bits.flag()? {
            bits.number(16)?;
            colour.matrix = Some(bits.number(8)?).filter(|&matrix| matrix != 2);
        }
    }
    Some(colour)
}

/// A picture parameter set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pps {
    pub(super) id: u32,
    pub(super) sps: u32,
    /// Whether slices carry more of the picture order count.
    pub(super) more_order: bool,
    pub(super) redundant_pictures: bool,
}

impl Pps {
    /// Reads a whole NAL unit.
    pub(super) fn read(unit: &[u8]) -> Result<Self, Refused> {
        if unit.len() > LONGEST {
            return Err(Refused::Broken("a picture parameter set of more than 4 KiB"));
        }
        let plain = unescaped(unit.get(1..).unwrap_or_default(), LONGEST);
        Self::parse(&mut Bits::new(&plain))
            .unwrap_or(Err(Refused::Broken("a picture parameter set is cut short")))
    }

    fn parse(bits: &mut Bits<'_>) -> Option<Result<Self, Refused>> {
        let id = bits.unsigned().filter(|&id| id < 256)?;
        let sps = bits.unsigned().filter(|&id| id < 32)?;
        bits.flag()?;
        let more_order = bits.flag()?;
        if bits.unsigned()? != 0 {
            return Some(Err(Refused::Unsupported("slice groups")));
        }
        for _ in 0..2 {
            if bits.unsigned()? >= MOST_REFERENCES {
                return Some(Err(Refused::Broken("more than 32 entries in a list of references")));
            }
        }
        bits.number(3)?;
        for limit in [26, 26, 12] {
            if !(-limit..=limit).contains(&bits.signed()?) {
                return Some(Err(Refused::Broken("a quantiser out of range")));
            }
        }
        bits.number(2)?;
        let redundant_pictures = bits.flag()?;
        Some(Ok(Self { id, sps, more_order, redundant_pictures }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// libx264, High profile: 1280x720 at 24 frames a second, BT.709.
    const SPS: [u8; 30] = [
        0x67, 0x64, 0x00, 0x1f, 0xac, 0xd9, 0x40, 0x50, 0x05, 0xbb, 0x01, 0x6a, 0x02, 0x02, 0x02,
        0x80, 0x00, 0x00, 0x03, 0x00, 0x80, 0x00, 0x00, 0x18, 0x07, 0x8c, 0x18, 0xcb, 0x00, 0x00,
    ];

    #[test]
    fn size_and_colour_are_read_from_a_sequence_parameter_set() {
        let sps = Sps::read(&SPS).unwrap();

        assert_eq!((sps.grid, sps.crop), ((80, 45), [0; 4]));
        assert_eq!(sps.colour, Colour { matrix: Some(1), full_range: false });
        assert!(sps.frames_only);
    }

    #[test]
    fn a_parameter_set_that_breaks_off_before_its_size_is_known_is_refused() {
        for len in 0..10 {
            assert!(matches!(Sps::read(&SPS[..len]), Err(Refused::Broken(_))), "{len} bytes");
        }
    }
}
