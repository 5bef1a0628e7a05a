//! The samples of a fragmented file: each fragment (`moof`) lists its own, in runs.

use super::boxes::{Fields, child, children};
use super::probe::ProbeError;
use super::samples::{MAX_SAMPLES, TOO_MANY};
use super::track::Sample;

const BROKEN: ProbeError = ProbeError::Malformed("a fragment is cut short");

/// What a sample is like unless its fragment says otherwise.
#[derive(Clone, Copy, Debug, Default)]
struct Usual {
    description: u32,
    duration: u32,
    size: u32,
    flags: u32,
}

/// Gathers the samples of one track, fragment by fragment.
#[derive(Debug)]
pub(super) struct Runs {
    track: u32,
    usual: Usual,
    /// When the next sample is decoded, unless its fragment says otherwise.
    now: u64,
}

impl Runs {
    /// For a track of a file whose index has `mvex`; `None` when it has not.
    pub(super) fn of(moov: &[u8], track: u32, after: u64) -> Option<Self> {
        let mvex = child(moov, *b"mvex")?;
        let mut defaults =
            children(mvex).filter(|(kind, _)| kind == b"trex").filter_map(|(_, body)| {
                let (_, _, mut fields) = Fields::versioned(body)?;
                let mut next = || fields.u32();
                let (id, description) = (next()?, next()?);
                let usual = Usual { description, duration: next()?, size: next()?, flags: next()? };
                (id == track).then_some(usual)
            });
        let usual = defaults.next().unwrap_or(Usual { description: 1, ..Usual::default() });
        Some(Self { track, usual, now: after })
    }

    /// Adds the samples of one fragment that begins at `moof_at` in the file.
    pub(super) fn add(
        &mut self,
        moof: &[u8],
        moof_at: u64,
        samples: &mut Vec<Sample>,
    ) -> Result<(), ProbeError> {
        // Where nothing is said, the data of one track follows that of the track before.
        let mut data_at = moof_at;
        for (_, traf) in children(moof).filter(|(kind, _)| kind == b"traf") {
            data_at = self.add_track(traf, moof_at, data_at, samples)?;
        }
        Ok(())
    }

    fn add_track(
        &mut self,
        traf: &[u8],
        moof_at: u64,
        data_at: u64,
        samples: &mut Vec<Sample>,
    ) -> Result<u64, ProbeError> {
        const BASE_IS_FRAGMENT: u32 = 0x02_0000;
        let (_, flags, mut fields) =
            child(traf, *b"tfhd").and_then(Fields::versioned).ok_or(BROKEN)?;
        let is_ours = fields.u32().ok_or(BROKEN)? == self.track;
        let base = if flags & 1 == 0 { None } else { Some(fields.u64().ok_or(BROKEN)?) };
        let usual = self.overridden(flags, &mut fields).ok_or(BROKEN)?;
        let base = base.unwrap_or(if flags & BASE_IS_FRAGMENT == 0 { data_at } else { moof_at });
        if is_ours
            && let Some((version, _, mut fields)) =
                child(traf, *b"tfdt").and_then(Fields::versioned)
        {
            // Time never runs backwards, whatever a fragment says.
            self.now = self.now.max(fields.sized(version).unwrap_or(0));
        }
        let mut at = base;
        for (_, trun) in children(traf).filter(|(kind, _)| kind == b"trun") {
            let run = Run { base, at, usual };
            let (end, now) = run.read(trun, is_ours.then_some(self.now), samples)?;
            at = end;
            self.now = now.unwrap_or(self.now);
        }
        Ok(at)
    }

    fn overridden(&self, flags: u32, fields: &mut Fields<'_>) -> Option<Usual> {
        let mut usual = self.usual;
        let said = [
            (0x02, &mut usual.description),
            (0x08, &mut usual.duration),
            (0x10, &mut usual.size),
            (0x20, &mut usual.flags),
        ];
        for (flag, value) in said {
            if flags & flag != 0 {
                *value = fields.u32()?;
            }
        }
        Some(usual)
    }
}

/// One run of samples that lie behind each other.
struct Run {
    base: u64,
    at: u64,
    usual: Usual,
}

impl Run {
    /// Reads the run; its samples are kept when a time is given. Yields where its data ends, and
    /// the time after it.
    fn read(
        &self,
        trun: &[u8],
        mut now: Option<u64>,
        samples: &mut Vec<Sample>,
    ) -> Result<(u64, Option<u64>), ProbeError> {
        const IS_NOT_KEY: u32 = 0x01_0000;
        let (_, flags, mut fields) = Fields::versioned(trun).ok_or(BROKEN)?;
        let count = fields.u32().ok_or(BROKEN)? as usize;
        if count > MAX_SAMPLES || (now.is_some() && samples.len() + count > MAX_SAMPLES) {
            return Err(TOO_MANY);
        }
        let mut optional =
            |flag: u32| if flags & flag == 0 { Some(None) } else { fields.u32().map(Some) };
        let shift = optional(0x001).ok_or(BROKEN)?;
        let first_flags = optional(0x004).ok_or(BROKEN)?;
        let mut offset = shift.map_or(Some(self.at), |shift| {
            self.base.checked_add_signed(shift.cast_signed().into())
        });
        for number in 0..count {
            let mut field = |flag: u32, usual: u32| {
                if flags & flag == 0 { Ok(usual) } else { fields.u32().ok_or(BROKEN) }
            };
            let duration = field(0x100, self.usual.duration)?;
            let size = field(0x200, self.usual.size)?;
            let usual_flags = first_flags.filter(|_| number == 0).unwrap_or(self.usual.flags);
            let sample_flags = field(0x400, usual_flags)?;
            let shown_after = field(0x800, 0)?.cast_signed();
            let at = offset.ok_or(BROKEN)?;
            offset = at.checked_add(size.into());
            if let Some(now) = &mut now {
                let description = u16::try_from(self.usual.description.saturating_sub(1));
                samples.push(Sample {
                    offset: at,
                    size,
                    decode_time: *now,
                    duration,
                    shown_after,
                    description: description.map_err(|_| BROKEN)?,
                    is_key: sample_flags & IS_NOT_KEY == 0,
                });
                *now = now.saturating_add(duration.into());
            }
        }
        Ok((offset.ok_or(BROKEN)?, now))
    }
}
