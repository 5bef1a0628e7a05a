//! Fragmented files: the index names the tracks, and the samples follow in pieces (`moof`), each
//! with a table of its own.

use super::boxes::{Fields, child, children, descend};

/// What one fragment adds to one track.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Piece {
    pub(super) track: u32,
    pub(super) samples: u64,
    pub(super) duration: u64,
}

/// Defaults that a fragment may leave unsaid (`trex`), by track.
#[derive(Clone, Copy, Debug)]
pub(super) struct Defaults {
    track: u32,
    duration: u32,
}

/// Reads `mvex`, which only fragmented files have.
pub(super) fn defaults(moov: &[u8]) -> Option<Vec<Defaults>> {
    let mvex = child(moov, *b"mvex")?;
    let all = children(mvex).filter(|(kind, _)| kind == b"trex").filter_map(|(_, body)| {
        let (_, _, mut fields) = Fields::versioned(body)?;
        let (track, _description) = fields.u32().zip(fields.u32())?;
        Some(Defaults { track, duration: fields.u32()? })
    });
    Some(all.collect())
}

/// Reads the content of one `moof`. A piece that cannot be read counts as empty.
pub(super) fn pieces(moof: &[u8], defaults: &[Defaults]) -> Vec<Piece> {
    let trafs = children(moof).filter(|(kind, _)| kind == b"traf");
    trafs.filter_map(|(_, traf)| piece(traf, defaults)).collect()
}

fn piece(traf: &[u8], defaults: &[Defaults]) -> Option<Piece> {
    const HAS_BASE_OFFSET: u32 = 0x01;
    const HAS_DESCRIPTION: u32 = 0x02;
    const HAS_DURATION: u32 = 0x08;
    let (_, flags, mut header) = Fields::versioned(descend(traf, &[*b"tfhd"])?)?;
    let track = header.u32()?;
    header.take(if flags & HAS_BASE_OFFSET == 0 { 0 } else { 8 })?;
    header.take(if flags & HAS_DESCRIPTION == 0 { 0 } else { 4 })?;
    let usual = defaults.iter().find(|known| known.track == track).map_or(0, |it| it.duration);
    let usual = if flags & HAS_DURATION == 0 { usual } else { header.u32()? };
    let mut piece = Piece { track, samples: 0, duration: 0 };
    for (_, run) in children(traf).filter(|(kind, _)| kind == b"trun") {
        let (samples, duration) = run_of_samples(run, usual)?;
        piece.samples += samples;
        piece.duration = piece.duration.saturating_add(duration);
    }
    Some(piece)
}

fn run_of_samples(trun: &[u8], usual: u32) -> Option<(u64, u64)> {
    const HAS_DATA_OFFSET: u32 = 0x001;
    const HAS_FIRST_FLAGS: u32 = 0x004;
    const HAS_DURATION: u32 = 0x100;
    /// Duration, size, flags and composition offset: each is a word for each sample.
    const PER_SAMPLE: u32 = 0xF00;
    let (_, flags, mut fields) = Fields::versioned(trun)?;
    let count = fields.u32()?;
    for optional in [HAS_DATA_OFFSET, HAS_FIRST_FLAGS] {
        fields.take(if flags & optional == 0 { 0 } else { 4 })?;
    }
    let width = 4 * (flags & PER_SAMPLE).count_ones() as usize;
    let rows = fields.take((count as usize).checked_mul(width)?)?;
    if flags & HAS_DURATION == 0 {
        return Some((u64::from(count), u64::from(count) * u64::from(usual)));
    }
    let duration = rows.chunks_exact(width).map(|row| Fields(row).u32().map_or(0, u64::from)).sum();
    Some((u64::from(count), duration))
}
