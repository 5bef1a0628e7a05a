//! The tables of one track of the joined file, and the order in which samples are stored.

use std::ops::Range;

use super::edit::Segment;
use super::{Part, StitchError, Tracks};
use crate::mp4::track::{Description, Sample, Track};

pub(super) const NO_SCALE: StitchError =
    StitchError::Impossible("the clocks of the files have no common measure");

/// More descriptions than a player should be asked to keep.
const MOST_DESCRIPTIONS: usize = 64;

/// A track made of the tracks of both files, one after the other.
#[derive(Debug)]
pub(super) struct Joined {
    /// A common multiple, so that no time has to be rounded.
    pub(super) timescale: u32,
    pub(super) descriptions: Vec<Description>,
    /// Runs of samples of the same duration.
    pub(super) durations: Vec<(u32, u32)>,
    /// Runs of samples that are shown as much later than decoded.
    pub(super) delays: Vec<(u32, i32)>,
    pub(super) sizes: Vec<u32>,
    /// One-based numbers of the key frames.
    pub(super) keys: Vec<u32>,
    /// What is shown of it.
    pub(super) stretches: Vec<Segment>,
    /// Durations of all samples together.
    pub(super) ticks: u64,
    /// The longest delay of both parts.
    delay: i64,
    /// For both parts, what has become of their descriptions.
    numbers: [Vec<u32>; 2],
}

/// Samples that are stored together: of one track, of one part, with one description.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Piece {
    pub(super) part: Part,
    pub(super) is_sound: bool,
    pub(super) range: Range<usize>,
    /// As the part's own file counts them.
    pub(super) description: u16,
    pub(super) bytes: u64,
}

impl Joined {
    /// Puts the tracks of both files behind each other; one of them may be missing.
    ///
    /// Pictures that are coded out of order are shown later than decoded. The part with the shorter
    /// delay gets the longer one, or the end of the first would overlap the beginning of the second.
    pub(super) fn of(parts: [Option<&Track>; 2]) -> Result<Self, StitchError> {
        let tracks = || parts.into_iter().flatten();
        let scale = tracks().try_fold(1, |scale, track| common_multiple(scale, track.timescale));
        let mut joined = Self {
            timescale: scale.ok_or(NO_SCALE)?,
            descriptions: Vec::new(),
            durations: Vec::new(),
            delays: Vec::new(),
            sizes: Vec::new(),
            keys: Vec::new(),
            stretches: Vec::new(),
            ticks: 0,
            delay: 0,
            numbers: [Vec::new(), Vec::new()],
        };
        let delays = tracks().filter_map(|track| joined.delay_of(track)).max();
        joined.delay = delays.unwrap_or(0);
        for (part, track) in parts.into_iter().enumerate() {
            if let Some(track) = track {
                joined.numbers[part] = joined.adopt(track)?;
                joined.append(track).ok_or(NO_SCALE)?;
            }
        }
        Ok(joined)
    }

    /// How long after its decoding begins a track is shown, in ticks of the joined one.
    fn delay_of(&self, track: &Track) -> Option<i64> {
        let begins = i64::try_from(track.samples.first()?.decode_time).ok()?;
        let delay = track.shown_span().0.checked_sub(begins)?;
        delay.checked_mul((self.timescale / track.timescale).into())
    }

    /// How much later than in its own file the samples of a track are shown.
    pub(super) fn added_delay(&self, track: &Track) -> Option<i64> {
        self.delay.checked_sub(self.delay_of(track)?)
    }

    /// Takes over the descriptions of a track. Those that say the same are kept once.
    fn adopt(&mut self, track: &Track) -> Result<Vec<u32>, StitchError> {
        let mut numbers = Vec::new();
        for description in &track.descriptions {
            let same = |known: &Description| {
                known.kind == description.kind && known.config() == description.config()
            };
            let at = self.descriptions.iter().position(same).unwrap_or_else(|| {
                self.descriptions.push(description.clone());
                self.descriptions.len() - 1
            });
            numbers.push(u32::try_from(at + 1).unwrap_or(u32::MAX));
        }
        if self.descriptions.len() > MOST_DESCRIPTIONS {
            return Err(StitchError::Impossible("it has more than 64 kinds of samples"));
        }
        Ok(numbers)
    }

    fn append(&mut self, track: &Track) -> Option<()> {
        let by = self.timescale / track.timescale;
        let added = self.added_delay(track)?;
        for sample in &track.samples {
            self.sizes.push(sample.size);
            count(&mut self.durations, sample.duration.checked_mul(by)?);
            let delay = i64::from(sample.shown_after).checked_mul(by.into())?.checked_add(added)?;
            count(&mut self.delays, i32::try_from(delay).ok()?);
            if sample.is_key {
                self.keys.push(u32::try_from(self.sizes.len()).ok()?);
            }
        }
        self.ticks = self.ticks.saturating_add(self.ticks_of(track));
        Some(())
    }

    /// How long the samples of one of the tracks last, in ticks of the joined one.
    pub(super) fn ticks_of(&self, track: &Track) -> u64 {
        track.duration().ticks.saturating_mul(u64::from(self.timescale / track.timescale.max(1)))
    }

    /// Shows stretches of a part whose samples are moved by so many ticks.
    pub(super) fn show(&mut self, stretches: Vec<Segment>, after: u64) {
        let moved = |stretch: Segment| Segment {
            from: stretch.from.map(|from| from.saturating_add(after)),
            ..stretch
        };
        self.stretches.extend(stretches.into_iter().map(moved));
    }

    /// Makes one of stretches that follow each other without a seam: not all players know more
    /// than one. For a track whose ticks are those of the movie.
    pub(super) fn merge_edits(&mut self) {
        self.stretches.dedup_by(|next, before| {
            let end = before.from.and_then(|from| from.checked_add(before.duration));
            let seamless = end.is_some() && end == next.from;
            if seamless {
                before.duration = before.duration.saturating_add(next.duration);
            }
            seamless
        });
    }

    /// The number that a description of a part has here.
    pub(super) fn description(&self, piece: &Piece) -> u32 {
        let part = usize::from(piece.part == Part::Second);
        let number = self.numbers[part].get(usize::from(piece.description));
        // A sample that names a description that is not there gets the first.
        number.copied().unwrap_or(1)
    }
}

/// Adds one more of `value` to a table of runs.
fn count<T: PartialEq>(runs: &mut Vec<(u32, T)>, value: T) {
    match runs.last_mut() {
        Some((times, last)) if *last == value => *times += 1,
        _ => runs.push((1, value)),
    }
}

pub(super) fn common_multiple(one: u32, other: u32) -> Option<u32> {
    let (mut divisor, mut rest) = (one, other);
    while rest != 0 {
        (divisor, rest) = (rest, divisor % rest);
    }
    (one / divisor).checked_mul(other)
}

/// The order of samples in the joined file: half a second of pictures, half a second of sound, and so
/// on, the first part before the second.
pub(super) fn pieces(parts: [&Tracks; 2]) -> Vec<Piece> {
    let mut pieces = Vec::new();
    for tracks in parts {
        let mut pictures = Cutter::new(tracks.part, false, Some(&tracks.pictures));
        let mut sound = Cutter::new(tracks.part, true, tracks.sound.as_ref());
        while let Some(next) =
            [pictures.time(), sound.time()].into_iter().flatten().reduce(f64::min)
        {
            pictures.cut(next, &mut pieces);
            sound.cut(next, &mut pieces);
        }
    }
    pieces
}

/// Cuts a track into pieces.
struct Cutter<'a> {
    part: Part,
    is_sound: bool,
    samples: &'a [Sample],
    timescale: f64,
    at: usize,
}

impl<'a> Cutter<'a> {
    fn new(part: Part, is_sound: bool, track: Option<&'a Track>) -> Self {
        let samples = track.map(Track::samples).unwrap_or_default();
        let timescale = track.map_or(1.0, |track| track.timescale.into());
        Self { part, is_sound, samples, timescale, at: 0 }
    }

    /// When the next sample is decoded, in seconds.
    #[expect(clippy::cast_precision_loss, reason = "only decides where samples are stored")]
    fn time(&self) -> Option<f64> {
        let start = self.samples.first()?.decode_time;
        let since = self.samples.get(self.at)?.decode_time.saturating_sub(start);
        Some(since as f64 / self.timescale)
    }

    /// Takes what is decoded within half a second from a moment on. Where that is so late that half a
    /// second makes no difference to it, that is still what is decoded in this very moment.
    fn cut(&mut self, from: f64, pieces: &mut Vec<Piece>) {
        let (part, is_sound) = (self.part, self.is_sound);
        let before = pieces.len();
        while self.time().is_some_and(|time| time < from + 0.5 || time <= from) {
            let Sample { description, size, .. } = self.samples[self.at];
            let this = self.at..self.at + 1;
            self.at += 1;
            let last = pieces.get_mut(before..).and_then(<[Piece]>::last_mut);
            if let Some(last) = last.filter(|last| last.description == description) {
                last.range.end = this.end;
                last.bytes += u64::from(size);
            } else {
                let bytes = size.into();
                pieces.push(Piece { part, is_sound, range: this, description, bytes });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clocks_meet_in_their_smallest_common_multiple() {
        assert_eq!(common_multiple(24_000, 12_288), Some(1_536_000));
        assert_eq!(common_multiple(1, 48_000), Some(48_000));
        assert_eq!(common_multiple(4_294_967_291, 48_000), None);
    }
}
