//! The characters that stand for a few bits, in each of the usual ways to write bytes as text.

use super::decode::OTHER;

/// What each five characters of base 85 stand for.
pub(super) const OF_BASE85: usize = 4;

/// Z85, of `ZeroMQ`.
pub(super) const Z85: [Option<u8>; 256] = values(
    b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#",
);

/// RFC 1924, as git and Python write it.
pub(super) const RFC_1924: [Option<u8>; 256] = values(
    b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz!#$%&()*+-;<=>?@^_`{|}~",
);

const fn values(alphabet: &[u8; 85]) -> [Option<u8>; 256] {
    let mut values = [None; 256];
    let mut value = 0_u8;
    while (value as usize) < alphabet.len() {
        values[alphabet[value as usize] as usize] = Some(value);
        value += 1;
    }
    values
}

pub(super) fn base64(byte: u8) -> Option<u8> {
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
pub(super) fn standard_base64(byte: u8) -> Option<u8> {
    if matches!(byte, b'-' | b'_') { None } else { base64(byte) }
}

pub(super) fn hex(byte: u8) -> Option<u8> {
    u8::try_from(char::from(byte).to_digit(16)?).ok()
}

/// The zero of `0x`, whatever stands between the two.
pub(super) fn is_hex_prefix(text: &[u8], at: usize) -> bool {
    let next = text[at..].iter().skip(1).take(8).find(|byte| byte.is_ascii_alphanumeric());
    text[at] == b'0' && matches!(next, Some(b'x' | b'X'))
}

pub(super) fn base32(byte: u8) -> Option<u8> {
    match byte {
        b'A'..=b'Z' => Some(byte - b'A'),
        b'2'..=b'7' => Some(byte - b'2' + 26),
        _ => None,
    }
}

pub(super) fn lower_base32(byte: u8) -> Option<u8> {
    if byte.is_ascii_uppercase() { None } else { base32(byte.to_ascii_uppercase()) }
}

pub(super) fn base32hex(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'A'..=b'V' => Some(byte - b'A' + 10),
        _ => None,
    }
}

pub(super) fn lower_base32hex(byte: u8) -> Option<u8> {
    if byte.is_ascii_uppercase() { None } else { base32hex(byte.to_ascii_uppercase()) }
}

pub(super) fn uuencoded(byte: u8) -> Option<u8> {
    matches!(byte, b' '..=b'`').then(|| (byte - b' ') & 63)
}

/// The length of a line, which is its first character.
pub(super) fn is_length_of_line(text: &[u8], at: usize) -> bool {
    at == 0 || matches!(text[at - 1], b'\n' | b'\r' | OTHER)
}

/// Of `Ascii85`, without the `z` that stands for four zeros.
pub(super) fn ascii85(byte: u8) -> Option<u8> {
    matches!(byte, b'!'..=b'u').then(|| byte - b'!')
}

/// The bytes that five characters of base 85 stand for.
pub(super) fn four_bytes(symbols: &[u8]) -> [u8; OF_BASE85] {
    let value = symbols.iter().fold(0_u64, |value, symbol| value * 85 + u64::from(*symbol));
    u32::try_from(value).map_or([OTHER; OF_BASE85], u32::to_be_bytes)
}
