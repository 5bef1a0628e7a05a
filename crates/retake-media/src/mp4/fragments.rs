//! Fragmented files: the index names the tracks, and the samples follow in fragments (`moof`), each
//! of which lists its own in runs (`trun`).
//!
//! A run that leaves size, duration and flags to the defaults takes twenty bytes and can stand for
//! four thousand million samples. So runs are added up as they stand, and only who needs the samples
//! one by one pays for them.

use super::boxes::{Fields, child, children};
use super::probe::{MAX_TRACKS, ProbeError};

const BROKEN: ProbeError = ProbeError::Malformed("a fragment is cut short");

const HAS_DATA_OFFSET: u32 = 0x001;
const HAS_FIRST_FLAGS: u32 = 0x004;
const HAS_DURATION: u32 = 0x100;
const HAS_SIZE: u32 = 0x200;
const HAS_FLAGS: u32 = 0x400;
const HAS_DELAY: u32 = 0x800;
const PER_SAMPLE: u32 = HAS_DURATION | HAS_SIZE | HAS_FLAGS | HAS_DELAY;

/// What a sample is like unless its fragment says otherwise.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct SampleDefaults {
    pub(super) description: u32,
    pub(super) duration: u32,
    pub(super) size: u32,
    pub(super) flags: u32,
}

/// Defaults that a fragment may leave unsaid (`trex`), by track.
#[derive(Clone, Debug, Default)]
pub(super) struct Defaults(Vec<(u32, SampleDefaults)>);

impl Defaults {
    /// Reads `mvex`, which only fragmented files have.
    pub(super) fn read(moov: &[u8]) -> Option<Self> {
        let all = children(child(moov, *b"mvex")?).filter(|(kind, _)| kind == b"trex");
        let read = all.filter_map(|(_, body)| {
            let (_, _, mut fields) = Fields::versioned(body)?;
            let mut next = || fields.u32();
            let (track, description) = (next()?, next()?);
            let (duration, size, flags) = (next()?, next()?, next()?);
            Some((track, SampleDefaults { description, duration, size, flags }))
        });
        Some(Self(read.take(MAX_TRACKS).collect()))
    }

    fn of(&self, track: u32) -> SampleDefaults {
        let known = self.0.iter().find(|(id, _)| *id == track).map(|(_, defaults)| *defaults);
        known.unwrap_or(SampleDefaults { description: 1, ..SampleDefaults::default() })
    }
}

/// How long a fragmented file says that it plays (`mehd`), in ticks of the movie; nothing where that was not known
/// when it was begun.
pub(super) fn promised_duration(moov: &[u8]) -> Option<u64> {
    let (version, _, mut fields) = Fields::versioned(child(child(moov, *b"mvex")?, *b"mehd")?)?;
    fields.sized(version)
}

/// Where that ends of which an overview (`sidx`) says how long it is; it begins at `at`.
pub(super) fn covered(sidx: &[u8], at: u64) -> Option<u64> {
    let (version, _, mut fields) = Fields::versioned(sidx)?;
    fields.take(8)?;
    fields.sized(version)?;
    let first = fields.sized(version)?;
    fields.u16()?;
    let count = fields.u16()?;
    let mut end = at.checked_add(first)?;
    for _ in 0..count {
        // The uppermost bit says what is referred to.
        end = end.checked_add(u64::from(fields.u32()? & 0x7fff_ffff))?;
        fields.take(8)?;
    }
    Some(end)
}

/// One run of samples of a track, which lie behind each other in the file.
pub(super) struct Run<'a> {
    pub(super) track: u32,
    /// When its fragment says that it begins, in ticks of the track.
    pub(super) decode_time: Option<u64>,
    /// Where the first sample lies.
    pub(super) at: u64,
    /// How many samples it has.
    pub(super) count: u32,
    pub(super) defaults: SampleDefaults,
    first_flags: Option<u32>,
    flags: u32,
    rows: &'a [u8],
}

/// One sample of a run.
#[derive(Clone, Copy, Debug)]
pub(super) struct RunSample {
    pub(super) duration: u32,
    pub(super) size: u32,
    pub(super) flags: u32,
    pub(super) delay: i32,
}

impl Run<'_> {
    /// How long its samples last together, in ticks of the track.
    pub(super) fn duration(&self) -> u64 {
        self.sum(HAS_DURATION, self.defaults.duration)
    }

    /// Bytes of its samples.
    fn bytes(&self) -> u64 {
        self.sum(HAS_SIZE, self.defaults.size)
    }

    /// Where its last sample ends.
    pub(super) fn end(&self) -> Result<u64, ProbeError> {
        self.at.checked_add(self.bytes()).ok_or(BROKEN)
    }

    /// Adds up a column, or what stands in its place for each sample; at most 2^64.
    fn sum(&self, column: u32, default: u32) -> u64 {
        if self.flags & column == 0 {
            return u64::from(self.count) * u64::from(default);
        }
        let before = (self.flags & PER_SAMPLE & (column - 1)).count_ones() as usize * 4;
        let values = self
            .rows
            .chunks_exact(self.width().max(1))
            .map(|row| row.get(before..).and_then(|rest| Fields(rest).u32()).map_or(0, u64::from));
        values.sum()
    }

    fn width(&self) -> usize {
        width(self.flags)
    }

    /// Its samples one by one.
    pub(super) fn samples(&self) -> impl Iterator<Item = RunSample> {
        let width = self.width();
        (0..self.count).map(move |number| {
            let start = (number as usize).saturating_mul(width);
            let mut fields = Fields(self.rows.get(start..).unwrap_or_default());
            let mut field = |flag: u32, default: u32| {
                if self.flags & flag == 0 { default } else { fields.u32().unwrap_or(default) }
            };
            let duration = field(HAS_DURATION, self.defaults.duration);
            let size = field(HAS_SIZE, self.defaults.size);
            let flags = self.first_flags.filter(|_| number == 0).unwrap_or(self.defaults.flags);
            let flags = field(HAS_FLAGS, flags);
            RunSample { duration, size, flags, delay: field(HAS_DELAY, 0).cast_signed() }
        })
    }
}

fn width(flags: u32) -> usize {
    4 * (flags & PER_SAMPLE).count_ones() as usize
}

/// Shows each run of one fragment that begins at `moof_at` in the file.
pub(super) fn visit_runs(
    moof: &[u8],
    moof_at: u64,
    defaults: &Defaults,
    mut visit: impl FnMut(&Run<'_>) -> Result<(), ProbeError>,
) -> Result<(), ProbeError> {
    // Where nothing is said, the data of one track follows that of the track before.
    let mut data_at = moof_at;
    for (_, traf) in children(moof).filter(|(kind, _)| kind == b"traf") {
        let header = TrackHeader::read(traf, moof_at, data_at, defaults).ok_or(BROKEN)?;
        let mut at = header.base;
        for (_, trun) in children(traf).filter(|(kind, _)| kind == b"trun") {
            let run = header.run(trun, at).ok_or(BROKEN)?;
            at = run.end()?;
            visit(&run)?;
        }
        data_at = at;
    }
    Ok(())
}

/// What a fragment says of one track (`tfhd` and `tfdt`).
struct TrackHeader {
    track: u32,
    base: u64,
    decode_time: Option<u64>,
    defaults: SampleDefaults,
}

impl TrackHeader {
    fn read(traf: &[u8], moof_at: u64, data_at: u64, defaults: &Defaults) -> Option<Self> {
        const HAS_BASE: u32 = 0x01;
        const BASE_IS_FRAGMENT: u32 = 0x02_0000;
        let (_, flags, mut fields) = child(traf, *b"tfhd").and_then(Fields::versioned)?;
        let track = fields.u32()?;
        let implied = if flags & BASE_IS_FRAGMENT == 0 { data_at } else { moof_at };
        let base = if flags & HAS_BASE == 0 { implied } else { fields.u64()? };
        let mut defaults = defaults.of(track);
        let said = [
            (0x02, &mut defaults.description),
            (0x08, &mut defaults.duration),
            (0x10, &mut defaults.size),
            (0x20, &mut defaults.flags),
        ];
        for (flag, value) in said {
            if flags & flag != 0 {
                *value = fields.u32()?;
            }
        }
        let time = child(traf, *b"tfdt").and_then(Fields::versioned);
        let decode_time = time.and_then(|(version, _, mut fields)| fields.sized(version));
        Some(Self { track, base, decode_time, defaults })
    }

    /// Reads the head of a run; its data begins at `at` unless it says otherwise.
    fn run<'a>(&self, trun: &'a [u8], at: u64) -> Option<Run<'a>> {
        let (_, flags, mut fields) = Fields::versioned(trun)?;
        let count = fields.u32()?;
        let mut optional =
            |flag: u32| if flags & flag == 0 { Some(None) } else { fields.u32().map(Some) };
        let shift = optional(HAS_DATA_OFFSET)?;
        let first_flags = optional(HAS_FIRST_FLAGS)?;
        let at = match shift {
            Some(shift) => self.base.checked_add_signed(shift.cast_signed().into())?,
            None => at,
        };
        let rows = fields.take((count as usize).checked_mul(width(flags))?)?;
        let (track, decode_time) = (self.track, self.decode_time);
        Some(Run {
            track,
            decode_time,
            at,
            count,
            defaults: self.defaults,
            first_flags,
            flags,
            rows,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn a_box(kind: [u8; 4], words: &[u32]) -> Vec<u8> {
        let body: Vec<u8> = words.iter().flat_map(|word| word.to_be_bytes()).collect();
        let len = u32::try_from(body.len() + 8).unwrap().to_be_bytes();
        [&len[..], &kind, &body].concat()
    }

    #[test]
    fn the_columns_of_a_run_add_up_to_what_its_samples_say() {
        for columns in 0..16_u32 {
            let flags = columns << 8;
            let width = columns.count_ones();
            let rows: Vec<u32> = (0..3 * width).map(|value| 10 + value).collect();
            let tfhd = a_box(*b"tfhd", &[0x18, 7, 100, 200]);
            let trun = a_box(*b"trun", &[&[flags, 3], &rows[..]].concat());
            let traf = [tfhd, trun].concat();
            let len = u32::try_from(traf.len() + 8).unwrap().to_be_bytes();
            let moof = [&len[..], b"traf", &traf].concat();
            let mut seen = 0;

            visit_runs(&moof, 1000, &Defaults::default(), |run| {
                let (mut duration, mut bytes) = (0, 0);
                for sample in run.samples() {
                    duration += u64::from(sample.duration);
                    bytes += u64::from(sample.size);
                }
                assert_eq!((run.duration(), run.bytes()), (duration, bytes), "{flags:x}");
                assert_eq!((run.track, run.at, run.count), (7, 1000, 3));
                seen += 1;
                Ok(())
            })
            .unwrap();

            assert_eq!(seen, 1);
        }
    }
}
