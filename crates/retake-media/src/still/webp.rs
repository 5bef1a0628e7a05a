//! How much memory the prefix codes of a lossless WebP take (RFC 9649, sections 3 to 5).
//!
//! Lossless data may have 65536 groups of five prefix codes each, whatever the size of the picture,
//! and a code of a dozen bytes can unfold to a table a thousand times as large. So everything up to
//! the codes of the picture is read here first. No pixels come of it: of the pictures that are coded in
//! between, only the lengths of their symbols matter, and of one of them the largest number.

/// Lengths of codes go up to 15, and tables of decoders up to 10 bits.
const MAX_LENGTH: usize = 15;
const TABLE_BITS: usize = 10;
/// Bytes of an entry of a decoder's table, and of a node of a tree behind it.
const ENTRY: u64 = 4;
const NODE: u64 = 16;
/// What a group takes by itself.
const GROUP: u64 = 320;
/// Symbols of the pictures in between, at most, four for each pixel. Those of 50 million pixels have 40
/// million; a hostile one has symbols that take no bits, and no end.
const MOST_WORK: u64 = 60_000_000;
/// The order in which the lengths of the code of lengths are stored.
const ORDER: [usize; 19] = [17, 18, 0, 1, 2, 3, 4, 5, 16, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15];

/// What the codes of all lossless data in a WebP file take, in bytes, and how many symbols and lengths
/// were read to know. The reading ends where more than `most` bytes are needed.
pub(super) fn codes(file: &[u8], most: u64) -> (u64, u64) {
    let mut total = (0, 0);
    let mut canvas = (1, 1);
    for (kind, body) in chunks(file.get(12..).unwrap_or_default()) {
        match &kind {
            b"VP8X" => canvas = sides(body.get(4..).unwrap_or_default()).unwrap_or(canvas),
            b"ANMF" => {
                let frame = sides(body.get(6..).unwrap_or_default()).unwrap_or(canvas);
                for (kind, body) in chunks(body.get(16..).unwrap_or_default()) {
                    add(&mut total, kind, body, frame, most);
                }
            }
            _ => add(&mut total, kind, body, canvas, most),
        }
    }
    total
}

fn add(total: &mut (u64, u64), kind: [u8; 4], body: &[u8], size: (u32, u32), most: u64) {
    let bits = Bits { bytes: body, at: 0 };
    let mut reading = Reading { bits, memory: 0, work: total.1, most };
    match &kind {
        b"VP8L" => reading.picture().unwrap_or_default(),
        b"ALPH" if body.first().is_some_and(|head| head & 3 == 1) => {
            reading.bits.at = 8;
            reading.stream(size).unwrap_or_default();
        }
        _ => {}
    }
    total.0 = total.0.saturating_add(reading.memory);
    total.1 = reading.work;
    if total.1 > MOST_WORK {
        total.0 = u64::MAX; // nobody knows
    }
}

/// The chunks of a RIFF file.
fn chunks(mut rest: &[u8]) -> impl Iterator<Item = ([u8; 4], &[u8])> {
    std::iter::from_fn(move || {
        let (kind, after) = rest.split_first_chunk::<4>()?;
        let (len, after) = after.split_first_chunk::<4>()?;
        let len = usize::try_from(u32::from_le_bytes(*len)).ok()?;
        let body = after.get(..len).unwrap_or(after);
        rest = after.get(len.saturating_add(len % 2)..).unwrap_or_default();
        Some((*kind, body))
    })
}

/// Width and height as they stand in the header of a file or of a frame.
fn sides(bytes: &[u8]) -> Option<(u32, u32)> {
    let side = |at: usize| {
        let bytes = bytes.get(at..at + 3)?;
        Some((u32::from(bytes[0]) | u32::from(bytes[1]) << 8 | u32::from(bytes[2]) << 16) + 1)
    };
    side(0).zip(side(3))
}

/// Bits from the least significant one of each byte on.
struct Bits<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Bits<'_> {
    fn bit(&mut self) -> Option<usize> {
        let byte = self.bytes.get(self.at / 8)?;
        let bit = byte >> (self.at % 8) & 1;
        self.at += 1;
        Some(bit.into())
    }

    fn number(&mut self, bits: u32) -> Option<usize> {
        (0..bits).try_fold(0, |value, place| Some(value | self.bit()? << place))
    }

    fn flag(&mut self) -> Option<bool> {
        Some(self.bit()? == 1)
    }
}

/// A prefix code, as far as it takes to read symbols of it.
struct Code {
    /// How many symbols have each length.
    counts: [usize; MAX_LENGTH + 1],
    /// The symbols by length, and then by number.
    symbols: Vec<u16>,
}

impl Code {
    fn of(lengths: &[u8]) -> Option<Self> {
        let mut counts = [0; MAX_LENGTH + 1];
        for &length in lengths.iter().filter(|&&length| length > 0) {
            counts[usize::from(length)] += 1;
        }
        let mut symbols: Vec<u16> = Vec::new();
        for length in (1..=15_u8).filter(|&length| counts[usize::from(length)] > 0) {
            let all = (0..).zip(lengths);
            symbols.extend(all.filter(|(_, it)| **it == length).map(|(symbol, _)| symbol));
        }
        (!symbols.is_empty()).then_some(Self { counts, symbols })
    }

    /// The next symbol; a code of a single one takes no bits.
    fn read(&self, bits: &mut Bits<'_>) -> Option<u16> {
        if let [only] = self.symbols.as_slice() {
            return Some(*only);
        }
        let (mut code, mut first, mut index) = (0_usize, 0_usize, 0_usize);
        for count in &self.counts[1..] {
            code |= bits.bit()?;
            if code.checked_sub(first)? < *count {
                return self.symbols.get(index + (code - first)).copied();
            }
            index += count;
            first = (first + count) << 1;
            code <<= 1;
        }
        None
    }

    /// Bytes that a decoder's table and tree take.
    fn memory(&self) -> u64 {
        let longest = self.counts.iter().rposition(|&count| count > 0).unwrap_or(0);
        let long: usize = self.counts[TABLE_BITS + 1..].iter().sum();
        (ENTRY << longest.min(TABLE_BITS)) + 2 * NODE * long as u64
    }
}

struct Reading<'a> {
    bits: Bits<'a>,
    memory: u64,
    work: u64,
    most: u64,
}

impl Reading<'_> {
    /// A picture with its header.
    fn picture(&mut self) -> Option<()> {
        self.bits.number(8)?;
        let width = u32::try_from(self.bits.number(14)?).ok()? + 1;
        let height = u32::try_from(self.bits.number(14)?).ok()? + 1;
        self.bits.number(4)?;
        self.stream((width, height))
    }

    /// Transforms, and the codes of the picture. `None` at the end of the data or of the allowance.
    fn stream(&mut self, (mut width, height): (u32, u32)) -> Option<()> {
        let mut seen = [false; 4];
        while self.bits.flag()? {
            let kind = self.bits.number(2)?;
            if std::mem::replace(seen.get_mut(kind)?, true) {
                return None;
            }
            match kind {
                0 | 1 => {
                    let size = self.tiles((width, height))?;
                    self.skip(size)?;
                }
                3 => {
                    let colours = u32::try_from(self.bits.number(8)?).ok()? + 1;
                    self.skip((colours, 1))?;
                    let shift = [(2, 3), (4, 2), (16, 1)].iter().find(|(most, _)| colours <= *most);
                    width = width.div_ceil(1 << shift.map_or(0, |(_, shift)| *shift));
                }
                _ => {}
            }
        }
        let cache = self.cache()?;
        let mut groups = 1;
        if self.bits.flag()? {
            let size = self.tiles((width, height))?;
            groups = self.skip(size)? + 1;
        }
        for _ in 0..groups {
            let codes = self.group(cache)?;
            let memory: u64 = codes.iter().map(Code::memory).sum();
            self.memory = self.memory.saturating_add(memory + GROUP);
            if self.memory > self.most {
                return None;
            }
        }
        Some(())
    }

    /// Columns and rows of tiles whose size is stored next.
    fn tiles(&mut self, (width, height): (u32, u32)) -> Option<(u32, u32)> {
        let side = 1 << (self.bits.number(3)? + 2);
        Some((width.div_ceil(side), height.div_ceil(side)))
    }

    /// Colours in the cache; none when there is none.
    fn cache(&mut self) -> Option<usize> {
        Some(if self.bits.flag()? { 1 << self.bits.number(4)?.min(11) } else { 0 })
    }

    /// Passes over a picture with one group of codes. Yields the largest number in its red and green.
    fn skip(&mut self, (width, height): (u32, u32)) -> Option<u32> {
        let cache = self.cache()?;
        let codes = self.group(cache)?;
        let (mut left, mut largest) = (u64::from(width) * u64::from(height), 0);
        while left > 0 {
            self.work += 4;
            if self.work > MOST_WORK {
                return None;
            }
            let green = codes.first()?.read(&mut self.bits)?;
            match green {
                0..256 => {
                    let red = codes.get(1)?.read(&mut self.bits)?;
                    codes.get(2)?.read(&mut self.bits)?;
                    codes.get(3)?.read(&mut self.bits)?;
                    largest = largest.max(u32::from(red) << 8 | u32::from(green));
                    left -= 1;
                    // Where no symbol takes a bit, all pixels are like this one.
                    if codes.iter().take(4).all(|code| code.symbols.len() == 1) {
                        left = 0;
                    }
                }
                256..280 => {
                    let length = self.with_extra_bits(green - 256)?;
                    let distance = codes.get(4)?.read(&mut self.bits)?;
                    self.with_extra_bits(distance)?;
                    left = left.saturating_sub(length as u64);
                }
                _ => left -= 1,
            }
        }
        Some(largest)
    }

    /// A length or a distance, which begins with a symbol and goes on with plain bits.
    fn with_extra_bits(&mut self, symbol: u16) -> Option<usize> {
        if symbol < 4 {
            return Some(usize::from(symbol) + 1);
        }
        let extra = u32::from(symbol - 2) >> 1;
        let offset = (2 + usize::from(symbol & 1)) << extra;
        Some(offset + self.bits.number(extra)? + 1)
    }

    /// The five codes of a group: green with lengths and the cache, red, blue, alpha, distances.
    fn group(&mut self, cache: usize) -> Option<Vec<Code>> {
        [256 + 24 + cache, 256, 256, 256, 40].iter().map(|&symbols| self.code(symbols)).collect()
    }

    fn code(&mut self, symbols: usize) -> Option<Code> {
        let mut lengths = vec![0_u8; symbols];
        self.work += symbols as u64 / 8;
        if self.bits.flag()? {
            let two = self.bits.flag()?;
            let wide = self.bits.flag()?;
            let mut few = vec![u16::try_from(self.bits.number(if wide { 8 } else { 1 })?).ok()?];
            if two {
                few.push(u16::try_from(self.bits.number(8)?).ok()?);
            }
            let mut counts = [0; MAX_LENGTH + 1];
            counts[1] = few.len();
            return Some(Code { counts, symbols: few });
        }
        let mut of_lengths = [0_u8; 19];
        let count = 4 + self.bits.number(4)?;
        for &place in ORDER.get(..count)? {
            of_lengths[place] = u8::try_from(self.bits.number(3)?).ok()?;
        }
        let of_lengths = Code::of(&of_lengths)?;
        let mut left = symbols;
        if self.bits.flag()? {
            let bits = 2 + 2 * u32::try_from(self.bits.number(3)?).ok()?;
            left = 2 + self.bits.number(bits)?;
        }
        let (mut at, mut before) = (0, 8);
        while at < symbols && left > 0 {
            left -= 1;
            self.work += 1;
            let symbol = u8::try_from(of_lengths.read(&mut self.bits)?).ok()?;
            let (length, times) = match symbol {
                0..16 => (symbol, 1),
                16 => (before, 3 + self.bits.number(2)?),
                17 => (0, 3 + self.bits.number(3)?),
                _ => (0, 11 + self.bits.number(7)?),
            };
            if symbol < 16 && symbol > 0 {
                before = symbol;
            }
            lengths.get_mut(at..at + times)?.fill(length);
            at += times;
        }
        Code::of(&lengths)
    }
}

#[cfg(test)]
mod tests {
    use image::codecs::webp::WebPEncoder;
    use image::{ExtendedColorType, RgbImage};

    use super::*;

    /// Writes bits from the least significant one of each byte on.
    #[derive(Default)]
    struct Writer(Vec<bool>);

    impl Writer {
        fn number(&mut self, value: usize, bits: usize) {
            self.0.extend((0..bits).map(|place| value >> place & 1 == 1));
        }

        /// A code of one symbol.
        fn only(&mut self, symbol: usize) {
            self.number(0b001 | (1 << 2), 3); // simple, one symbol, of eight bits
            self.number(symbol, 8);
        }

        /// A code of one symbol that is too large for the short form.
        fn long_only(&mut self, symbol: usize) {
            self.number(0, 1);
            // Length 1 and a repetition of zeros have codes of one bit each: 1 is `0`, zeros are `1`.
            self.number(19 - 4, 4);
            for place in ORDER {
                self.number(usize::from(place == 1 || place == 18), 3);
            }
            self.number(0, 1);
            let zeros = |writer: &mut Self, mut left: usize| {
                while left > 0 {
                    let times =
                        if left >= 138 + 11 || left <= 138 { left.min(138) } else { left - 11 };
                    writer.number(1, 1);
                    writer.number(times - 11, 7);
                    left -= times;
                }
            };
            zeros(self, symbol);
            self.number(0, 1);
            zeros(self, 280 - symbol - 1);
        }

        /// A code of `symbols` symbols of eleven or twelve bits each, as short as it can be written.
        fn long(&mut self, symbols: usize) {
            self.number(0, 1);
            // Lengths 11 and 12 and repetitions have codes of two bits and one bit.
            self.number(19 - 4, 4);
            for place in ORDER {
                let bits = match place {
                    16 => 1,
                    11 | 12 => 2,
                    _ => 0,
                };
                self.number(bits, 3);
            }
            self.number(0, 1);
            // `short` of 11 bits and the rest of 12 fill the code: 2 * short + long = 4096.
            let short = 4096 - symbols;
            for (length, count) in [(0b01, short), (0b11, symbols - short)] {
                self.number(length, 2); // the first bit of a code is its most significant one
                let mut left = count - 1;
                while left > 0 {
                    let times = if left >= 6 { 6 } else { left.min(5) };
                    if left < 3 {
                        self.number(length, 2);
                        left -= 1;
                    } else {
                        self.number(0, 1);
                        self.number(times - 3, 2);
                        left -= times;
                    }
                }
            }
        }

        fn webp(self) -> Vec<u8> {
            let byte =
                |bits: &[bool]| bits.iter().rev().fold(0, |sum, &bit| sum << 1 | u8::from(bit));
            let mut data: Vec<u8> = self.0.chunks(8).map(byte).collect();
            data.resize(data.len().next_multiple_of(2), 0);
            let len = |len: usize| u32::try_from(len).unwrap().to_le_bytes();
            [b"RIFF", &len(data.len() + 12)[..], b"WEBPVP8L", &len(data.len()), &data].concat()
        }
    }

    /// A picture of 8x8 pixels with so many groups of codes.
    fn bomb(groups: usize) -> Vec<u8> {
        let mut bits = Writer::default();
        bits.number(0x2F, 8);
        bits.number(7, 14);
        bits.number(7, 14);
        bits.number(0, 4);
        bits.number(0, 1); // no transform
        bits.number(1, 1); // a cache of 2048 colours
        bits.number(11, 4);
        bits.number(1, 1); // groups, by tiles of 4x4 pixels
        bits.number(0, 3);
        bits.number(0, 1); // without a cache
        bits.only((groups - 1) & 0xFF); // green
        bits.only((groups - 1) >> 8); // red
        for _ in 0..3 {
            bits.only(0);
        }
        for _ in 0..groups {
            bits.long(256 + 24 + 2048);
            for _ in 0..4 {
                bits.only(0);
            }
        }
        bits.webp()
    }

    #[test]
    fn the_codes_of_real_pictures_take_little_and_are_read_to_their_end() {
        let noise = |x: u32, y: u32| {
            let mixed = (x * 7919 + y * x + y).wrapping_mul(2_654_435_761);
            u8::try_from(mixed.wrapping_mul(mixed >> 9 | 1) >> 24).unwrap()
        };
        let picture = RgbImage::from_fn(300, 200, |x, y| image::Rgb([noise(x, y), noise(y, x), 7]));
        let mut file = Vec::new();
        WebPEncoder::new_lossless(&mut file)
            .encode(&picture, 300, 200, ExtendedColorType::Rgb8)
            .unwrap();

        let (memory, work) = codes(&file, u64::MAX);

        assert!((1000..100_000).contains(&memory), "{memory} bytes");
        assert!(work < 100_000, "{work}");
    }

    #[test]
    fn a_small_picture_with_thousands_of_large_codes_is_known_by_its_memory() {
        let file = bomb(1000);

        let used = allocation_counter::measure(|| {
            drop(image_decoder(&file));
        });
        let (memory, _) = codes(&file, u64::MAX);

        assert!(file.len() < 300_000, "{} bytes", file.len());
        assert!(memory > 40_000_000, "{memory} bytes");
        assert!(used.bytes_max <= 2 * memory, "{} of {memory} bytes", used.bytes_max);
        assert!(used.bytes_max > 20_000_000, "the decoder takes the codes: {}", used.bytes_max);
    }

    /// The pixels, as far as the decoder comes.
    fn image_decoder(file: &[u8]) -> Option<Vec<u8>> {
        use image::ImageDecoder as _;
        let decoder = image::codecs::webp::WebPDecoder::new(std::io::Cursor::new(file)).ok()?;
        let mut pixels = vec![0; usize::try_from(decoder.total_bytes()).ok()?];
        decoder.read_image(&mut pixels).ok()?;
        Some(pixels)
    }

    #[test]
    fn symbols_that_take_no_bits_do_not_go_on_for_ever() {
        // A frame of 2^24 by 2^24 pixels, all of them repetitions of length one.
        let mut bits = Writer::default();
        bits.number(1, 8);
        bits.number(0b1, 1); // a transform: predictions,
        bits.number(0, 2);
        bits.number(0, 3);
        bits.number(0, 1);
        bits.long_only(256);
        for _ in 0..4 {
            bits.only(0);
        }
        bits.number(0, 64);
        let byte = |bits: &[bool]| bits.iter().rev().fold(0, |sum, &bit| sum << 1 | u8::from(bit));
        let alpha: Vec<u8> = bits.0.chunks(8).map(byte).collect();
        let len = |len: usize| u32::try_from(len).unwrap().to_le_bytes();
        let inner = [b"ALPH", &len(alpha.len())[..], &alpha].concat();
        let frame = [&[0; 6][..], &[0xFF; 6], &[0; 4], &inner].concat();
        let file = [&[0; 12][..], b"ANMF", &len(frame.len()), &frame].concat();

        let (memory, work) = codes(&file, u64::MAX);

        assert_eq!(memory, u64::MAX);
        assert!(work <= MOST_WORK + 4, "{work}");
    }
}
