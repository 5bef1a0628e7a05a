//! The sample tables of a track: how many samples, how long, and whether the file holds them all.
//!
//! Nothing is expanded. Tables are read where they lie, run by run and chunk by chunk, so a table
//! that claims four thousand million samples costs no more than its own length.

use super::boxes::{Fields, child};
use super::probe::ProbeError;

/// What the tables of one track add up to.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Samples {
    pub(super) count: u64,
    /// In ticks of the track.
    pub(super) duration: u64,
    /// The first byte after the last sample.
    pub(super) end: u64,
}

/// Reads the tables inside `stbl`.
pub(super) fn read(stbl: &[u8]) -> Result<Samples, ProbeError> {
    let sizes = Sizes::read(stbl)?;
    let (timed, duration) = durations(stbl)?;
    if timed != sizes.count {
        return Err(ProbeError::Malformed("its tables disagree on the number of samples"));
    }
    let end = if sizes.count == 0 { 0 } else { end_of_samples(stbl, &sizes)? };
    Ok(Samples { count: sizes.count, duration, end })
}

/// `stts`: runs of samples of equal length. Yields how many samples, and their length together.
fn durations(stbl: &[u8]) -> Result<(u64, u64), ProbeError> {
    let runs = entries(stbl, *b"stts", 8)?;
    let (mut samples, mut duration) = (0_u64, 0_u64);
    for run in runs.chunks_exact(8) {
        let mut fields = Fields(run);
        let (count, ticks) = fields.u32().zip(fields.u32()).unwrap_or_default();
        samples = samples.saturating_add(count.into());
        duration = duration.saturating_add(u64::from(count) * u64::from(ticks));
    }
    Ok((samples, duration))
}

/// `stsz`: one size for all samples, or a table of sizes.
pub(super) struct Sizes<'a> {
    pub(super) count: u64,
    uniform: u64,
    table: &'a [u8],
}

impl<'a> Sizes<'a> {
    pub(super) fn read(stbl: &'a [u8]) -> Result<Self, ProbeError> {
        const SHORT: ProbeError = ProbeError::Malformed("its table of sample sizes is cut short");
        let body = child(stbl, *b"stsz")
            .ok_or(ProbeError::Malformed("a track has no table of sample sizes"))?;
        let (_, _, mut fields) = Fields::versioned(body).ok_or(SHORT)?;
        let (uniform, count) = fields.u32().zip(fields.u32()).ok_or(SHORT)?;
        let table = match uniform {
            0 => fields.take((count as usize).checked_mul(4).ok_or(SHORT)?).ok_or(SHORT)?,
            _ => &[],
        };
        Ok(Self { count: u64::from(count), uniform: u64::from(uniform), table })
    }

    /// Bytes of `count` samples from `first` on.
    pub(super) fn bytes(&self, first: u64, count: u64) -> Option<u64> {
        if first.checked_add(count)? > self.count {
            return None;
        }
        if self.uniform > 0 {
            return count.checked_mul(self.uniform);
        }
        let byte = |sample: u64| usize::try_from(sample.checked_mul(4)?).ok();
        let range = byte(first)?..byte(first.checked_add(count)?)?;
        let sizes = self.table.get(range)?.chunks_exact(4);
        Some(sizes.map(|size| u64::from(Fields(size).u32().unwrap_or(0))).sum())
    }
}

/// Follows `stsc` and the chunk offsets through all chunks; yields where the last sample ends.
fn end_of_samples(stbl: &[u8], sizes: &Sizes) -> Result<u64, ProbeError> {
    const LOST: ProbeError = ProbeError::Malformed("its tables do not say where all samples lie");
    let chunks = Chunks::read(stbl)?;
    let runs = entries(stbl, *b"stsc", 12)?;
    let mut starts = runs.chunks_exact(12).map(|run| {
        let mut fields = Fields(run);
        fields.u32().zip(fields.u32()).unwrap_or_default()
    });
    let (mut end, mut sample) = (0, 0);
    let mut run = starts.next().ok_or(LOST)?;
    let mut next = starts.next();
    for number in 1..=chunks.count() {
        while let Some(begins) = next.filter(|run| run.0 as usize <= number) {
            run = begins;
            next = starts.next();
        }
        let offset = chunks.offset(number - 1).ok_or(LOST)?;
        let bytes = sizes.bytes(sample, u64::from(run.1)).ok_or(LOST)?;
        sample = sample.saturating_add(run.1.into());
        end = end.max(offset.checked_add(bytes).ok_or(LOST)?);
    }
    if sample == sizes.count { Ok(end) } else { Err(LOST) }
}

/// `stco` or `co64`: where each chunk begins.
pub(super) struct Chunks<'a> {
    table: &'a [u8],
    width: usize,
}

impl<'a> Chunks<'a> {
    pub(super) fn read(stbl: &'a [u8]) -> Result<Self, ProbeError> {
        let width = if child(stbl, *b"stco").is_some() { 4 } else { 8 };
        let table = entries(stbl, if width == 4 { *b"stco" } else { *b"co64" }, width)?;
        Ok(Self { table, width })
    }

    pub(super) fn count(&self) -> usize {
        self.table.len() / self.width
    }

    pub(super) fn offset(&self, index: usize) -> Option<u64> {
        let mut fields = Fields(self.table.get(index.checked_mul(self.width)?..)?);
        if self.width == 4 { fields.u32().map(u64::from) } else { fields.u64() }
    }
}

/// The entries of a table that begins with their number.
pub(super) fn entries(stbl: &[u8], kind: [u8; 4], width: usize) -> Result<&[u8], ProbeError> {
    let table = || {
        let (_, _, mut fields) = Fields::versioned(child(stbl, kind)?)?;
        let count = fields.u32()? as usize;
        fields.take(count.checked_mul(width)?)
    };
    table().ok_or(ProbeError::Malformed("a sample table is missing or cut short"))
}
