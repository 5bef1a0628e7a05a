//! Walks the boxes of a file from somebody else.
//!
//! At the top level only headers are read and contents are skipped, so `mdat` is never touched. The
//! index is read into memory whole, as far as the budget allows, and then walked as a slice: every
//! access is checked against what is really there, and the walk looks only for boxes at known places,
//! so it cannot be led deeper than it wants to go.

use std::io::{self, Read, Seek, SeekFrom};

use super::probe::ProbeError;
use crate::budget::Budget;

/// What a box at the top level costs to look at: a file is read there.
const TOP_LEVEL_BOX: u64 = 100;

/// A box at the top level: where its content lies, and how long it is.
#[derive(Clone, Copy, Debug)]
pub(super) struct TopLevelBox {
    pub(super) kind: [u8; 4],
    /// Where its header begins.
    pub(super) begins_at: u64,
    pub(super) content_at: u64,
    pub(super) content_len: u64,
}

/// Why the boxes at the top level could not be followed any further.
#[derive(Debug)]
pub(super) struct Unreadable {
    /// What the next box claims to be, as far as it does.
    kind: Option<[u8; 4]>,
    pub(super) error: ProbeError,
}

impl Unreadable {
    /// Whether a fragmented file has lost a part here, and not only padding or what was never its.
    /// Whatever belongs to a fragment says that one would have followed. The data itself does not:
    /// whether that is whole is decided by the samples in it.
    pub(super) fn belongs_to_a_fragment(&self) -> bool {
        const PARTS: [&[u8; 4]; 6] = [b"moof", b"moov", b"styp", b"sidx", b"emsg", b"prft"];
        self.kind.is_none_or(|kind| PARTS.contains(&&kind))
    }
}

impl<E: Into<ProbeError>> From<E> for Unreadable {
    fn from(error: E) -> Self {
        Self { kind: None, error: error.into() }
    }
}

/// Walks the boxes at the top level. One that reaches past the end of the file, or that is none, is
/// an error and ends the walk.
pub(super) fn top_level<'a>(
    reader: &'a mut (impl Read + Seek),
    file_len: u64,
    budget: &'a Budget,
) -> impl Iterator<Item = Result<TopLevelBox, Unreadable>> + 'a {
    let mut at = 0;
    std::iter::from_fn(move || {
        if at >= file_len {
            return None;
        }
        let paid = budget.spend(TOP_LEVEL_BOX).map_err(Unreadable::from);
        let found = paid.and_then(|()| top_level_box(reader, at, file_len));
        at = found.as_ref().map_or(file_len, |found| found.content_at + found.content_len);
        Some(found)
    })
}

fn top_level_box(
    reader: &mut (impl Read + Seek),
    at: u64,
    file_len: u64,
) -> Result<TopLevelBox, Unreadable> {
    let rest = file_len - at;
    let truncated = |kind: Option<[u8; 4]>, needed| Unreadable {
        kind,
        error: ProbeError::Truncated {
            what: format!("the box `{}`", kind.unwrap_or(*b"?   ").trim_ascii().escape_ascii()),
            needed,
            found: file_len,
        },
    };
    let mut header = [0; 16];
    let readable = usize::try_from(rest.min(16)).unwrap_or(16);
    reader.seek(SeekFrom::Start(at))?;
    reader.read_exact(&mut header[..readable])?;
    if readable < 8 {
        return Err(truncated(None, at + 8));
    }
    let kind = [header[4], header[5], header[6], header[7]];
    let (header_len, len) = match be32(&header) {
        0 => (8, rest), // up to the end of the file
        1 if readable < 16 => return Err(truncated(Some(kind), at + 16)),
        1 => (16, be64(&header[8..])),
        len => (8, u64::from(len)),
    };
    if len < header_len {
        let error = ProbeError::Malformed("a box is shorter than its own header");
        return Err(Unreadable { kind: Some(kind), error });
    }
    if len > rest {
        return Err(truncated(Some(kind), at.saturating_add(len)));
    }
    let (content_at, content_len) = (at + header_len, len - header_len);
    Ok(TopLevelBox { kind, begins_at: at, content_at, content_len })
}

/// Reads the content of a box that belongs to the index. What is read is looked through several
/// times; that is paid for here, and the memory by the caller.
pub(super) fn read_content(
    reader: &mut (impl Read + Seek),
    found: TopLevelBox,
    budget: &Budget,
) -> Result<Vec<u8>, ProbeError> {
    budget.spend(found.content_len)?;
    reader.seek(SeekFrom::Start(found.content_at))?;
    // The box lies within the file, so its length is no mere promise.
    let mut content = Vec::with_capacity(usize::try_from(found.content_len).unwrap_or(0));
    reader.by_ref().take(found.content_len).read_to_end(&mut content)?;
    if content.len() as u64 != found.content_len {
        return Err(ProbeError::Io(io::ErrorKind::UnexpectedEof.into()));
    }
    Ok(content)
}

/// The boxes inside `content`, as kind and content. A broken one ends the walk.
pub(super) fn children(content: &[u8]) -> impl Iterator<Item = ([u8; 4], &[u8])> {
    let mut rest = content;
    std::iter::from_fn(move || {
        let header = rest.get(..8)?;
        let kind = [header[4], header[5], header[6], header[7]];
        let (header_len, len) = match be32(header) {
            0 => (8, rest.len()),
            1 => (16, usize::try_from(be64(rest.get(8..16)?)).ok()?),
            len => (8, len as usize),
        };
        let body = rest.get(header_len..len)?;
        rest = &rest[len..];
        Some((kind, body))
    })
}

/// The first box of this kind inside `content`.
pub(super) fn child(content: &[u8], kind: [u8; 4]) -> Option<&[u8]> {
    children(content).find(|(found, _)| *found == kind).map(|(_, body)| body)
}

/// The content of a box along a path of kinds.
pub(super) fn descend<'a>(content: &'a [u8], path: &[[u8; 4]]) -> Option<&'a [u8]> {
    path.iter().try_fold(content, |content, kind| child(content, *kind))
}

/// Reads numbers one after the other from the front of a box.
#[derive(Clone, Copy)]
pub(super) struct Fields<'a>(pub(super) &'a [u8]);

impl<'a> Fields<'a> {
    /// Starts after version and flags, and returns the two.
    pub(super) fn versioned(body: &'a [u8]) -> Option<(u8, u32, Self)> {
        let mut fields = Self(body);
        let word = fields.u32()?;
        Some((word.to_be_bytes()[0], word & 0x00FF_FFFF, fields))
    }

    pub(super) fn take(&mut self, len: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        Some(taken)
    }

    pub(super) fn u16(&mut self) -> Option<u16> {
        self.take(2).map(|bytes| u16::from_be_bytes([bytes[0], bytes[1]]))
    }

    pub(super) fn u32(&mut self) -> Option<u32> {
        self.take(4).map(be32)
    }

    pub(super) fn u64(&mut self) -> Option<u64> {
        self.take(8).map(be64)
    }

    /// A number that has 64 bits in version 1 of a box and 32 in version 0.
    pub(super) fn sized(&mut self, version: u8) -> Option<u64> {
        if version == 1 { self.u64() } else { self.u32().map(u64::from) }
    }
}

fn be32(bytes: &[u8]) -> u32 {
    u32::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3]])
}

fn be64(bytes: &[u8]) -> u64 {
    u64::from(be32(bytes)) << 32 | u64::from(be32(&bytes[4..]))
}
