//! From the tables of a track to its samples, one by one.
//!
//! Tables are read as they lie and each row is checked while it is used. What a table claims is paid
//! for before anything is allocated for it, and held against a cap, so a track takes at most 32 MB.

use super::boxes::{Fields, child};
use super::probe::ProbeError;
use super::tables::{Chunks, Sizes, entries};
use super::track::Sample;
use crate::budget::{Budget, BudgetError};

/// What listing one sample costs.
const SAMPLE: u64 = 8;
/// Samples of one track: nine hours of pictures at 30 a second, or six of sound.
pub(super) const MAX_SAMPLES: usize = 1_000_000;

pub(super) const TOO_MANY: ProbeError =
    ProbeError::TooComplex("more than 1000000 pictures or packets of sound");
const DISAGREE: ProbeError = ProbeError::Malformed("its sample tables disagree");

/// Lists the samples that the tables inside `stbl` describe; none for a fragmented file.
pub(super) fn read(stbl: &[u8], budget: &Budget) -> Result<Vec<Sample>, ProbeError> {
    let sizes = Sizes::read(stbl)?;
    let count = usize::try_from(sizes.count).unwrap_or(usize::MAX);
    if count == 0 {
        return Ok(Vec::new());
    }
    if count > MAX_SAMPLES {
        return Err(TOO_MANY);
    }
    pay_for(count, budget)?;
    let mut samples = place(stbl, &sizes, count)?;
    time(stbl, &mut samples)?;
    delay(stbl, &mut samples);
    mark_keys(stbl, &mut samples);
    Ok(samples)
}

/// Pays for listing so many samples.
pub(super) fn pay_for(count: usize, budget: &Budget) -> Result<(), BudgetError> {
    let count = count as u64;
    budget.spend(count.saturating_mul(SAMPLE))?;
    budget.hold(count.saturating_mul(size_of::<Sample>() as u64))
}

/// `stsc`, `stco`, `stsz`: where each sample lies.
fn place(stbl: &[u8], sizes: &Sizes<'_>, count: usize) -> Result<Vec<Sample>, ProbeError> {
    let chunks = Chunks::read(stbl)?;
    let mut runs = rows::<3>(entries(stbl, *b"stsc", 12)?).peekable();
    let mut run = [1, 0, 1];
    let mut samples = Vec::with_capacity(count);
    for number in 0..chunks.count() {
        while let Some(next) = runs.next_if(|run| run[0] as usize <= number + 1) {
            run = next;
        }
        let [_, in_chunk, description] = run;
        let mut offset = chunks.offset(number).ok_or(DISAGREE)?;
        for _ in 0..in_chunk {
            if samples.len() == count {
                return Err(DISAGREE);
            }
            let size = sizes.bytes(samples.len() as u64, 1).ok_or(DISAGREE)?;
            samples.push(Sample {
                offset,
                size: u32::try_from(size).map_err(|_| DISAGREE)?,
                decode_time: 0,
                duration: 0,
                shown_after: 0,
                description: u16::try_from(description.saturating_sub(1)).map_err(|_| DISAGREE)?,
                is_key: false,
            });
            offset = offset.checked_add(size).ok_or(DISAGREE)?;
        }
    }
    if samples.len() == count { Ok(samples) } else { Err(DISAGREE) }
}

/// `stts`: how long each sample lasts.
fn time(stbl: &[u8], samples: &mut [Sample]) -> Result<(), ProbeError> {
    let mut rest = samples;
    let mut now = 0_u64;
    for [count, duration] in rows::<2>(entries(stbl, *b"stts", 8)?) {
        let (timed, after) = rest.split_at_mut_checked(count as usize).ok_or(DISAGREE)?;
        for sample in timed {
            (sample.decode_time, sample.duration) = (now, duration);
            now = now.saturating_add(duration.into());
        }
        rest = after;
    }
    if rest.is_empty() { Ok(()) } else { Err(DISAGREE) }
}

/// `ctts`, where there is one: how much later than decoded each sample is shown.
fn delay(stbl: &[u8], samples: &mut [Sample]) {
    let Ok(runs) = entries(stbl, *b"ctts", 8) else { return };
    let mut rest = samples.iter_mut();
    for [count, after] in rows::<2>(runs) {
        for sample in rest.by_ref().take(count as usize) {
            sample.shown_after = after.cast_signed();
        }
    }
}

/// `stss`: where decoding can begin. Without the table it can everywhere.
fn mark_keys(stbl: &[u8], samples: &mut [Sample]) {
    if child(stbl, *b"stss").is_none() {
        for sample in samples {
            sample.is_key = true;
        }
        return;
    }
    for [number] in rows::<1>(entries(stbl, *b"stss", 4).unwrap_or_default()) {
        let index = (number as usize).wrapping_sub(1);
        if let Some(sample) = samples.get_mut(index) {
            sample.is_key = true;
        }
    }
}

/// The rows of a table of 32-bit numbers.
fn rows<const N: usize>(table: &[u8]) -> impl Iterator<Item = [u32; N]> {
    table.chunks_exact(4 * N).map(|row| {
        let mut fields = Fields(row);
        std::array::from_fn(|_| fields.u32().unwrap_or(0))
    })
}
