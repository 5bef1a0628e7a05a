//! What a text may stand for: with its escapes read (of JSON and programming languages, of URLs, of HTML, of mails),
//! and as the bytes that it holds in base64, base32 or hexadecimal, wherever in it they begin.

use std::ops::Range;

/// No escape is longer, with zeros before its number.
const LONGEST: usize = 24;

/// No more than this stands between two numbers that are characters of one text, as in `chr(115)+chr(107)`.
const LONGEST_GAP: usize = 8;
/// Stands for a character that no key has.
const OTHER: u8 = 0xff;

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
        Self { bytes: text.to_vec(), spans }
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

    /// Everything that it may stand for, one step further. What cannot hold a text of `shortest` bytes is left out.
    pub(super) fn decoded(&self, shortest: usize) -> impl Iterator<Item = Self> {
        let decimal = self.decimals(shortest);
        let escapes = [self.unescaped(), self.replaced(quoted_printable), decimal];
        let escapes = escapes.into_iter().flatten();
        // A dash may stand for bits, and it may stand between others that do.
        let has_dashes = self.bytes.iter().any(|byte| matches!(byte, b'-' | b'_'));
        let standard = has_dashes.then(|| (self.symbols(standard_base64_value), 6));
        let base64 = (self.symbols(base64_value), 6);
        let hex = (self.symbols_but(hex_value, is_hex_prefix), 4);
        let upper = (self.symbols(base32_value), 5);
        let lower = (self.symbols(lower_base32_value), 5);
        let all = [base64, hex, upper, lower].into_iter().chain(standard);
        let bits = all.flat_map(move |(symbols, bits)| {
            (0..(8 / gcd(8, bits)) as usize).filter_map(move |skipped| {
                let values = symbols.values.get(skipped..).unwrap_or_default();
                may_be_text(values, bits, shortest).then(|| self.packed(&symbols, skipped, bits))
            })
        });
        escapes.chain(bits)
    }

    fn replaced(&self, find: impl Fn(&[u8]) -> Option<(Option<u8>, usize)>) -> Option<Self> {
        let bytes = &self.bytes;
        let first = (0..bytes.len()).find(|&at| find(&bytes[at..]).is_some())?;
        let mut read = Self { bytes: bytes[..first].to_vec(), spans: self.spans[..first].to_vec() };
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
        let mut read = Self { bytes: Vec::new(), spans: Vec::new() };
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
        self.symbols_but(value, |_| false)
    }

    fn symbols_but(
        &self,
        value: impl Fn(u8) -> Option<u8>,
        is_passed_over: impl Fn(&[u8]) -> bool,
    ) -> Symbols {
        let mut found = Symbols::default();
        for ((at, &byte), place) in self.bytes.iter().enumerate().zip(0_u32..) {
            if let Some(value) = value(byte)
                && !is_passed_over(&self.bytes[at..])
            {
                found.values.push(value);
                found.places.push(place);
            }
        }
        found
    }

    /// The bytes that the bits of symbols make, from one of them on.
    fn packed(&self, symbols: &Symbols, skipped: usize, bits: u32) -> Self {
        let mut read = Self { bytes: Vec::new(), spans: Vec::new() };
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

    /// The letters and digits alone, in lower case, and where each stands in this reading.
    pub(super) fn letters(&self) -> (Vec<u8>, Vec<usize>) {
        let letters =
            self.bytes.iter().enumerate().filter(|(_, byte)| byte.is_ascii_alphanumeric());
        letters.map(|(at, byte)| (byte.to_ascii_lowercase(), at)).unzip()
    }
}

/// Whether the bits of symbols make a run of characters that a text is made of, in any of its usual encodings. Few
/// symbols do that are none, so nothing else is done with those.
fn may_be_text(symbols: &[u8], bits: u32, shortest: usize) -> bool {
    let (mut value, mut have, mut run) = (0_u32, 0, 0);
    for symbol in symbols {
        value = (value << bits | u32::from(*symbol)) & 0xffff;
        have += bits;
        if have < 8 {
            continue;
        }
        have -= 8;
        match KINDS[(value >> have & 0xff) as usize] {
            Kind::Letter => run += 1,
            Kind::Between => {}
            Kind::Other => run = 0,
        }
        if run >= shortest {
            return true;
        }
    }
    false
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

fn base64_value(byte: u8) -> Option<u8> {
    Some(match byte {
        b'A'..=b'Z' => byte - b'A',
        b'a'..=b'z' => byte - b'a' + 26,
        b'0'..=b'9' => byte - b'0' + 52,
        b'+' | b'-' => 62,
        b'/' | b'_' => 63,
        _ => return None,
    })
}

/// The same without the characters for URLs.
fn standard_base64_value(byte: u8) -> Option<u8> {
    if matches!(byte, b'-' | b'_') { None } else { base64_value(byte) }
}

fn hex_value(byte: u8) -> Option<u8> {
    u8::try_from(char::from(byte).to_digit(16)?).ok()
}

/// The zero of `0x`, whatever stands between the two.
fn is_hex_prefix(text: &[u8]) -> bool {
    let next = text.iter().skip(1).take(8).find(|byte| byte.is_ascii_alphanumeric());
    text[0] == b'0' && matches!(next, Some(b'x' | b'X'))
}

fn base32_value(byte: u8) -> Option<u8> {
    match byte {
        b'A'..=b'Z' => Some(byte - b'A'),
        b'2'..=b'7' => Some(byte - b'2' + 26),
        _ => None,
    }
}

fn lower_base32_value(byte: u8) -> Option<u8> {
    if byte.is_ascii_uppercase() { None } else { base32_value(byte.to_ascii_uppercase()) }
}

/// An escape of mails at the beginning of a text. A line that is broken stands for nothing.
fn quoted_printable(text: &[u8]) -> Option<(Option<u8>, usize)> {
    match text {
        [b'=', b'\r', b'\n', ..] => Some((None, 3)),
        [b'=', b'\n', ..] => Some((None, 2)),
        [b'=', digits @ ..] => Some((Some(number(digits, 2, 16)?), 3)),
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
            digits => (number(digits, 2, 16)?, 2),
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
        b'u' => Some((number(digits, 4, 16)?, 5)),
        b'U' => Some((number(digits, 8, 16)?, 9)),
        b'x' => Some((number(digits, 2, 16)?, 3)),
        b'0'..=b'3' => Some((number(rest, 3, 8)?, 3)),
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

/// The character that so many digits stand for.
fn number(digits: &[u8], length: usize, radix: u32) -> Option<u8> {
    let digits = digits.get(..length).filter(|digits| !digits.is_empty())?;
    let mut value = 0_u32;
    for &digit in digits {
        value = value.saturating_mul(radix).saturating_add(char::from(digit).to_digit(radix)?);
    }
    Some(u8::try_from(value).ok().filter(u8::is_ascii).unwrap_or(OTHER))
}
