//! What a text may stand for: with its escapes read (of JSON and programming languages, of URLs, of HTML, of mails),
//! with the letters that its other letters are taken for, and as the bytes that it holds in base64, base32, base 85,
//! uuencode or hexadecimal, wherever in it they begin; and what those are with gzip undone.

use std::{io::Read as _, ops::Range};

use flate2::bufread::GzDecoder;

use super::{
    alphabets::{self, OF_BASE85},
    compatible::{ascii, compatible},
};

/// No escape is longer, with zeros before its number.
const LONGEST: usize = 24;

/// No more than this stands between two numbers that are characters of one text, as in `chr(115)+chr(107)`.
const LONGEST_GAP: usize = 8;
/// Stands for a character that no key has.
pub(super) const OTHER: u8 = 0xff;
/// In encodings that are rarely seen, fewer characters in a row are no text: there are so many such encodings that some
/// chance would make one of each long text, and of that another.
const LEAST_RARE: usize = 24;
/// How gzip with its only method begins.
const GZIP: [u8; 3] = [0x1f, 0x8b, 8];

const NAMED: [(&[u8], u8); 22] = [
    (b"amp", b'&'),
    (b"apos", b'\''),
    (b"ast", b'*'),
    (b"bsol", b'\\'),
    (b"colon", b':'),
    (b"comma", b','),
    (b"commat", b'@'),
    (b"dollar", b'$'),
    (b"equals", b'='),
    (b"excl", b'!'),
    (b"gt", b'>'),
    (b"hyphen", b'-'),
    (b"lowbar", b'_'),
    (b"lt", b'<'),
    (b"num", b'#'),
    (b"percnt", b'%'),
    (b"period", b'.'),
    (b"plus", b'+'),
    (b"quest", b'?'),
    (b"quot", b'"'),
    (b"semi", b';'),
    (b"sol", b'/'),
];

/// One way to read a text, and where each byte of it came from.
pub(super) struct Reading {
    pub(super) bytes: Vec<u8>,
    spans: Vec<Span>,
    /// How many bytes were looked at to make it, where those are more than it has.
    effort: usize,
}

/// The part of the text as it came that a byte was made of.
#[derive(Clone, Copy)]
struct Span {
    from: u32,
    to: u32,
}

/// The characters of a text that stand for a few bits.
#[derive(Default)]
struct Symbols {
    values: Vec<u8>,
    /// Where each of them is.
    places: Vec<u32>,
}

impl Reading {
    /// A text as it is. The caller bounds its length.
    pub(super) fn plain(text: &[u8]) -> Self {
        let at = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
        let spans = (0..text.len()).map(|from| Span { from: at(from), to: at(from + 1) }).collect();
        Self { bytes: text.to_vec(), spans, effort: 0 }
    }

    fn empty() -> Self {
        Self { bytes: Vec::new(), spans: Vec::new(), effort: 0 }
    }

    /// What making it cost, in bytes.
    pub(super) fn cost(&self) -> usize {
        self.bytes.len().max(self.effort)
    }

    fn push(&mut self, byte: u8, span: Span) {
        self.bytes.push(byte);
        self.spans.push(span);
    }

    /// Where a part of it, which is not empty, was in the text as it came.
    pub(super) fn origin(&self, part: Range<usize>) -> Range<usize> {
        let (first, last) = (self.spans[part.start], self.spans[part.end - 1]);
        first.from as usize..last.to as usize
    }

    /// The same with its escapes read; nothing when it has none.
    pub(super) fn unescaped(&self) -> Option<Self> {
        self.replaced(escape)
    }

    /// Everything that it may stand for, one step further. What cannot hold a text of `shortest` bytes is left out. What
    /// grows is read up to a byte more than `most`.
    pub(super) fn decoded(&self, shortest: usize, most: usize) -> impl Iterator<Item = Self> {
        let decimal = self.decimals(shortest);
        let (mail, letters) = (self.replaced(quoted_printable), self.replaced(compatible));
        let escapes = [self.unescaped(), mail, letters, decimal].into_iter().flatten();
        // A dash may stand for bits, and it may stand between others that do.
        let has_dashes = self.bytes.iter().any(|byte| matches!(byte, b'-' | b'_'));
        let standard = has_dashes.then(|| (self.symbols(alphabets::standard_base64), 6));
        let usual = [
            (self.symbols(alphabets::base64), 6),
            (self.symbols_but(alphabets::hex, alphabets::is_hex_prefix), 4),
            (self.symbols(alphabets::base32), 5),
            (self.symbols(alphabets::lower_base32), 5),
        ];
        let usual = usual.into_iter().chain(standard).map(|(it, bits)| (it, bits, None));
        let rare = [
            (self.symbols(alphabets::base32hex), 5),
            (self.symbols(alphabets::lower_base32hex), 5),
            (self.symbols_but(alphabets::uuencoded, alphabets::is_length_of_line), 6),
        ];
        let least = shortest.max(LEAST_RARE);
        let rare = rare.into_iter().map(move |(it, bits)| (it, bits, Some(least)));
        let bits = usual.chain(rare).flat_map(move |(symbols, bits, rare)| {
            (0..(8 / gcd(8, bits)) as usize).filter_map(move |skipped| {
                let values = symbols.values.get(skipped..).unwrap_or_default();
                let is_text = match rare {
                    None => may_be_text(values, bits, shortest),
                    Some(least) => {
                        let length = values.len() * bits as usize / 8;
                        has_text(length, least, |at| byte_at(values, bits, at))
                    }
                };
                is_text.then(|| self.packed(&symbols, skipped, bits))
            })
        });
        let base85 = [
            self.symbols(alphabets::ascii85),
            self.symbols(|byte| alphabets::Z85[usize::from(byte)]),
            self.symbols(|byte| alphabets::RFC_1924[usize::from(byte)]),
        ];
        let base85 = base85.into_iter().flat_map(move |symbols| {
            (0..=OF_BASE85).filter_map(move |skipped| {
                let values = symbols.values.get(skipped..).unwrap_or_default();
                let is_text = has_text(values.len() / (OF_BASE85 + 1) * OF_BASE85, least, |at| {
                    let group = at / OF_BASE85 * (OF_BASE85 + 1);
                    alphabets::four_bytes(&values[group..=group + OF_BASE85])[at % OF_BASE85]
                });
                is_text.then(|| self.packed85(&symbols, skipped))
            })
        });
        escapes.chain(self.unzipped(most)).chain(bits).chain(base85)
    }

    /// What it holds that was packed by gzip.
    fn unzipped(&self, most: usize) -> impl Iterator<Item = Self> {
        let begins = self.bytes.windows(GZIP.len()).enumerate().filter(|(_, it)| *it == GZIP);
        begins.map(move |(at, _)| {
            let mut decoder = GzDecoder::new(&self.bytes[at..]).take(most as u64 + 1);
            let mut read = Self::empty();
            // One that breaks off may have told enough.
            let _ = decoder.read_to_end(&mut read.bytes);
            read.effort = self.bytes.len() - at - decoder.into_inner().into_inner().len();
            let last = at + read.effort.max(1) - 1;
            let span = Span { from: self.spans[at].from, to: self.spans[last].to };
            read.spans = vec![span; read.bytes.len()];
            read
        })
    }

    fn replaced(&self, find: impl Fn(&[u8]) -> Option<(Option<u8>, usize)>) -> Option<Self> {
        let bytes = &self.bytes;
        let first = (0..bytes.len()).find(|&at| find(&bytes[at..]).is_some())?;
        let mut read = Self::empty();
        read.bytes.extend_from_slice(&bytes[..first]);
        read.spans.extend_from_slice(&self.spans[..first]);
        let mut at = first;
        while at < bytes.len() {
            match find(&bytes[at..]) {
                None => {
                    read.push(bytes[at], self.spans[at]);
                    at += 1;
                }
                Some((byte, length)) => {
                    let end = at + length;
                    let span = Span { from: self.spans[at].from, to: self.spans[end - 1].to };
                    if let Some(byte) = byte {
                        read.push(byte, span);
                    }
                    at = end;
                }
            }
        }
        Some(read)
    }

    /// The bytes that numbers in decimal stand for, as programs print arrays of them; nothing where too few follow each
    /// other to be a text of `shortest` bytes.
    fn decimals(&self, shortest: usize) -> Option<Self> {
        let mut read = Self::empty();
        let (mut at, mut end, mut run, mut longest) = (0, 0, 0, 0);
        while at < self.bytes.len() {
            let digits = self.bytes[at..].iter().take_while(|byte| byte.is_ascii_digit()).count();
            if digits == 0 {
                at += 1;
                continue;
            }
            let value = self.bytes[at..at + digits]
                .iter()
                .try_fold(0_u8, |value, digit| value.checked_mul(10)?.checked_add(digit - b'0'));
            let is_next = at - end <= LONGEST_GAP;
            let byte = value.filter(|byte| matches!(byte, 0x20..=0x7e)).unwrap_or(OTHER);
            run = if byte == OTHER { 0 } else { usize::from(is_next) * run + 1 };
            longest = longest.max(run);
            if !is_next {
                read.push(OTHER, self.spans[at]);
            }
            let span = Span { from: self.spans[at].from, to: self.spans[at + digits - 1].to };
            read.push(byte, span);
            at += digits;
            end = at;
        }
        (longest >= shortest).then_some(read)
    }

    /// The characters that stand for bits. Whatever stands between them (a line break, a colon) is passed over.
    fn symbols(&self, value: impl Fn(u8) -> Option<u8>) -> Symbols {
        self.symbols_but(value, |_, _| false)
    }

    fn symbols_but(
        &self,
        value: impl Fn(u8) -> Option<u8>,
        is_passed_over: impl Fn(&[u8], usize) -> bool,
    ) -> Symbols {
        let mut found = Symbols::default();
        for ((at, &byte), place) in self.bytes.iter().enumerate().zip(0_u32..) {
            if let Some(value) = value(byte)
                && !is_passed_over(&self.bytes, at)
            {
                found.values.push(value);
                found.places.push(place);
            }
        }
        found
    }

    /// The bytes that the bits of symbols make, from one of them on.
    fn packed(&self, symbols: &Symbols, skipped: usize, bits: u32) -> Self {
        let mut read = Self::empty();
        let (mut value, mut have) = (0_u32, 0);
        let mut begun = 0;
        for (symbol, place) in symbols.values.iter().zip(&symbols.places).skip(skipped) {
            let span = self.spans[*place as usize];
            if have == 0 {
                begun = span.from;
            }
            value = (value << bits | u32::from(*symbol)) & 0xffff;
            have += bits;
            if have >= 8 {
                have -= 8;
                let byte = u8::try_from(value >> have & 0xff).unwrap_or(OTHER);
                read.push(byte, Span { from: begun, to: span.to });
                begun = span.from;
            }
        }
        read
    }

    /// The same in base 85.
    fn packed85(&self, symbols: &Symbols, skipped: usize) -> Self {
        let mut read = Self::empty();
        let values = symbols.values[skipped..].chunks(OF_BASE85 + 1);
        for (values, places) in values.zip(symbols.places[skipped..].chunks(OF_BASE85 + 1)) {
            let place = |at: usize| self.spans[places[at] as usize];
            let span = Span { from: place(0).from, to: place(places.len() - 1).to };
            for byte in alphabets::four_bytes(values) {
                read.push(byte, span);
            }
        }
        read
    }

    /// The letters and digits alone, in lower case, and where each stands in this reading.
    pub(super) fn letters(&self) -> (Vec<u8>, Vec<usize>) {
        let letters =
            self.bytes.iter().enumerate().filter(|(_, byte)| byte.is_ascii_alphanumeric());
        letters.map(|(at, byte)| (byte.to_ascii_lowercase(), at)).unzip()
    }
}

/// Whether the bits of symbols make a run of characters that a text is made of, in any of its usual encodings, or
/// something that was packed. Few symbols do that are none, so nothing else is done with those.
fn may_be_text(symbols: &[u8], bits: u32, shortest: usize) -> bool {
    let (mut value, mut have, mut run, mut last) = (0_u32, 0, 0, [0; GZIP.len()]);
    // Bytes of a character that are still to come.
    let mut rest = 0;
    for symbol in symbols {
        value = (value << bits | u32::from(*symbol)) & 0xffff;
        have += bits;
        if have < 8 {
            continue;
        }
        have -= 8;
        let byte = (value >> have & 0xff) as u8;
        if rest > 0 && matches!(byte, 0x80..=0xbf) {
            rest -= 1;
            run += usize::from(rest == 0);
        } else {
            rest = bytes_to_come(byte);
            match KINDS[usize::from(byte)] {
                Kind::Letter => run += 1,
                Kind::Other if rest == 0 => run = 0,
                Kind::Between | Kind::Other => {}
            }
        }
        last = [last[1], last[2], byte];
        if run >= shortest || last == GZIP {
            return true;
        }
    }
    false
}

/// How many bytes follow the first one of a character that may be compatible with a letter.
fn bytes_to_come(first: u8) -> u8 {
    match first {
        0xe2 | 0xef => 2,
        0xf0 | 0xf3 => 3,
        _ => 0,
    }
}

/// Whether so many bytes have `least` characters in a row. Looks at few of them: where one is none, none of the runs
/// that it would be in need to be looked at.
fn has_text(length: usize, least: usize, byte_at: impl Fn(usize) -> u8) -> bool {
    let is_letter = |at: usize| matches!(KINDS[usize::from(byte_at(at))], Kind::Letter);
    let mut end = least;
    while end <= length {
        let run = (end - least..end).rev().take_while(|&at| is_letter(at)).count();
        if run == least {
            return true;
        }
        end += least - run;
    }
    false
}

/// One of the bytes that the bits of symbols make.
fn byte_at(symbols: &[u8], bits: u32, at: usize) -> u8 {
    let (first, bits) = (at * 8, bits as usize);
    let (from, to) = (first / bits, (first + 7) / bits);
    let value = symbols[from..=to].iter().fold(0_u32, |it, one| it << bits | u32::from(*one));
    (value >> ((to + 1) * bits - first - 8) & 0xff) as u8
}

/// What a byte is in a text.
#[derive(Clone, Copy)]
enum Kind {
    Letter,
    /// A line break, a zero of UTF-16, a part of a character without a width in UTF-8 or UTF-16.
    Between,
    Other,
}

const KINDS: [Kind; 256] = {
    let mut kinds = [Kind::Other; 256];
    let mut byte = 0;
    while byte < 256 {
        kinds[byte] = match byte {
            0x20..=0x7e => Kind::Letter,
            0..=0x1f | 0x7f | 0x80 | 0x8b..=0x8f | 0xbb | 0xbf | 0xe2 | 0xef | 0xfe | 0xff => {
                Kind::Between
            }
            _ => Kind::Other,
        };
        byte += 1;
    }
    kinds
};

fn gcd(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { gcd(b, a % b) }
}

/// An escape of mails at the beginning of a text. A line that is broken stands for nothing.
fn quoted_printable(text: &[u8]) -> Option<(Option<u8>, usize)> {
    match text {
        [b'=', b'\r', b'\n', ..] => Some((None, 3)),
        [b'=', b'\n', ..] => Some((None, 2)),
        [b'=', digits @ ..] => Some((Some(byte(digits, 2, 16)?), 3)),
        _ => None,
    }
}

/// The escape at the beginning of a text: what it stands for, and its length.
fn escape(text: &[u8]) -> Option<(Option<u8>, usize)> {
    let (&first, rest) = text.split_first()?;
    let rest = &rest[..rest.len().min(LONGEST)];
    let (byte, length) = match first {
        b'\\' => backslash(rest)?,
        b'%' => match rest {
            [b'u' | b'U', digits @ ..] => number(digits, 4, 16).map(|byte| (byte, 5))?,
            digits => (byte(digits, 2, 16)?, 2),
        },
        b'&' => entity(rest)?,
        _ => return None,
    };
    Some((Some(byte), length + 1))
}

fn backslash(rest: &[u8]) -> Option<(u8, usize)> {
    let (&kind, digits) = rest.split_first()?;
    match kind {
        b'u' if digits.first() == Some(&b'{') => {
            let end = digits.iter().position(|&byte| byte == b'}')?;
            Some((number(&digits[1..end], end - 1, 16)?, end + 2))
        }
        b'u' => surrogates(digits).or_else(|| Some((number(digits, 4, 16)?, 5))),
        b'U' => Some((number(digits, 8, 16)?, 9)),
        b'x' => Some((byte(digits, 2, 16)?, 3)),
        b'0'..=b'3' => Some((byte(rest, 3, 8)?, 3)),
        b'"' | b'\'' | b'/' | b'\\' => Some((kind, 1)),
        b'b' | b'f' | b'n' | b'r' | b't' => Some((OTHER, 1)),
        _ => None,
    }
}

/// An entity of HTML. Browsers take some without the semicolon, so it may be missing.
fn entity(rest: &[u8]) -> Option<(u8, usize)> {
    let closed = |length: usize| length + usize::from(rest.get(length) == Some(&b';'));
    match rest {
        [b'#', b'x' | b'X', digits @ ..] => {
            let length = digits.iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
            Some((number(digits, length, 16)?, closed(length + 2)))
        }
        [b'#', digits @ ..] => {
            let length = digits.iter().take_while(|byte| byte.is_ascii_digit()).count();
            Some((number(digits, length, 10)?, closed(length + 1)))
        }
        _ => {
            let length = rest.iter().take_while(|byte| byte.is_ascii_alphabetic()).count();
            let name = rest[..length].to_ascii_lowercase();
            let (_, byte) = NAMED.iter().find(|(known, _)| *known == name)?;
            Some((*byte, closed(length)))
        }
    }
}

/// The character beyond 16 bits that two numbers in a row stand for, behind the first `u`.
fn surrogates(digits: &[u8]) -> Option<(u8, usize)> {
    let high = value(digits, 4, 16).filter(|value| matches!(value, 0xd800..=0xdbff))?;
    let rest = digits.get(4..)?.strip_prefix(b"\\u")?;
    let low = value(rest, 4, 16).filter(|value| matches!(value, 0xdc00..=0xdfff))?;
    Some((of_code(0x1_0000 + ((high - 0xd800) << 10) + (low - 0xdc00)), 11))
}

/// The character that so many digits stand for.
fn number(digits: &[u8], length: usize, radix: u32) -> Option<u8> {
    value(digits, length, radix).map(of_code)
}

fn of_code(code: u32) -> u8 {
    let is_ascii = u8::try_from(code).ok().filter(u8::is_ascii);
    is_ascii.or_else(|| ascii(char::from_u32(code)?)).unwrap_or(OTHER)
}

/// The byte that so many digits stand for, which may be a part of a character.
fn byte(digits: &[u8], length: usize, radix: u32) -> Option<u8> {
    value(digits, length, radix).map(|value| u8::try_from(value).unwrap_or(OTHER))
}

fn value(digits: &[u8], length: usize, radix: u32) -> Option<u32> {
    let digits = digits.get(..length).filter(|digits| !digits.is_empty())?;
    let mut value = 0_u32;
    for &digit in digits {
        value = value.saturating_mul(radix).saturating_add(char::from(digit).to_digit(radix)?);
    }
    Some(value)
}
