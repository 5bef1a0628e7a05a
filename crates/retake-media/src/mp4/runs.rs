//! The samples of a fragmented file, one by one.

use super::fragments::Run;
use super::probe::ProbeError;
use super::samples::{self, TOO_MANY};
use super::track::{Sample, Track};
use crate::budget::Budget;

const BROKEN: ProbeError = ProbeError::Malformed("a fragment makes no sense");

/// Adds the samples of a run to its track. `now` is when the next sample is decoded unless the
/// fragment says otherwise.
pub(super) fn add(
    run: &Run<'_>,
    now: &mut u64,
    track: &mut Track,
    budget: &Budget,
) -> Result<(), ProbeError> {
    const IS_NOT_KEY: u32 = 0x01_0000;
    let count = run.count as usize;
    if track.samples.len().saturating_add(count) > samples::MAX_SAMPLES {
        return Err(TOO_MANY);
    }
    samples::pay_for(count, budget)?;
    let description = u16::try_from(run.defaults.description.saturating_sub(1));
    let description = description.map_err(|_| BROKEN)?;
    // Time never runs backwards, whatever a fragment says.
    *now = (*now).max(run.decode_time.unwrap_or(0));
    let mut offset = run.at;
    for sample in run.samples() {
        track.samples.push(Sample {
            offset,
            size: sample.size,
            decode_time: *now,
            duration: sample.duration,
            shown_after: sample.delay,
            description,
            is_key: sample.flags & IS_NOT_KEY == 0,
        });
        offset = offset.checked_add(sample.size.into()).ok_or(BROKEN)?;
        *now = now.saturating_add(sample.duration.into());
    }
    Ok(())
}

/// Gives a gap between fragments to the sample before it.
pub(super) fn close_gaps(samples: &mut [Sample]) {
    for at in 1..samples.len() {
        let next = samples[at].decode_time;
        let before = &mut samples[at - 1];
        let lasts = next.saturating_sub(before.decode_time);
        before.duration = u32::try_from(lasts).unwrap_or(u32::MAX);
    }
}
