//! Reading what is written in escapes: of JSON and programming languages, of URLs, of HTML.

use std::ops::Range;

/// No escape is longer, with zeros before its number.
const LONGEST: usize = 24;

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

/// A text with its escapes read, and where each byte of it came from.
pub(super) struct Decoded {
    pub(super) bytes: Vec<u8>,
    /// Where each byte begins in the text as it came, and where the last one ends.
    from: Vec<u32>,
}

impl Decoded {
    /// Reads a text; nothing when it has no escapes, or is too long to be one.
    pub(super) fn of(text: &[u8]) -> Option<Self> {
        u32::try_from(text.len()).ok()?;
        read(text, |at| u32::try_from(at).unwrap_or(u32::MAX))
    }

    /// Reads what was read once more.
    pub(super) fn again(&self) -> Option<Self> {
        read(&self.bytes, |at| self.from[at])
    }

    /// Where a part of it was in the text as it came.
    pub(super) fn origin(&self, part: Range<usize>) -> Range<usize> {
        self.from[part.start] as usize..self.from[part.end] as usize
    }
}

fn read(text: &[u8], origin: impl Fn(usize) -> u32) -> Option<Decoded> {
    let first = (0..text.len()).find(|&at| escape(&text[at..]).is_some())?;
    let mut bytes = Vec::with_capacity(text.len());
    let mut from = Vec::with_capacity(text.len() + 1);
    let mut at = 0;
    while at < text.len() {
        let found = if at < first { None } else { escape(&text[at..]) };
        let (byte, length) = found.unwrap_or((text[at], 1));
        bytes.push(byte);
        from.push(origin(at));
        at += length;
    }
    from.push(origin(text.len()));
    Some(Decoded { bytes, from })
}

/// The escape at the beginning of a text: what it stands for, and its length.
fn escape(text: &[u8]) -> Option<(u8, usize)> {
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
    Some((byte, length + 1))
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
