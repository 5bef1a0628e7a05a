//! When pictures are shown: from moments of the movie to samples of a track and back, by way of the
//! track's edit list.

use std::time::Duration;

use super::track::{Sample, Track};
use super::video::MediaTime;

/// The moments of one track.
pub(crate) struct Timeline<'a> {
    track: &'a Track,
    /// What is shown, stretch after stretch.
    stretches: Vec<Segment>,
}

/// Samples from `from` on (in ticks of the track) are shown from `start` to `end`.
struct Segment {
    start: Duration,
    end: Duration,
    from: i64,
}

impl Track {
    /// The track's moments; `movie_scale` counts what its edit list is written in.
    pub(crate) fn timeline(&self, movie_scale: u32) -> Timeline<'_> {
        let mut stretches = Vec::new();
        let mut start = Duration::ZERO;
        let (from, until) = self.shown_span();
        for edit in &self.edits {
            let mut lasts =
                MediaTime { ticks: edit.duration, timescale: movie_scale }.as_duration();
            let from = edit.from.and_then(|from| i64::try_from(from).ok());
            if let Some(from) = from {
                // Nothing is shown beyond the last picture, whatever the edit says.
                lasts = lasts.min(self.time(until.saturating_sub(from)));
            }
            let end = start.saturating_add(lasts);
            if let Some(from) = from
                && end > start
            {
                stretches.push(Segment { start, end, from });
            }
            start = end;
        }
        if stretches.is_empty() {
            let end = self.time(until.saturating_sub(from));
            stretches.push(Segment { start: Duration::ZERO, end, from });
        }
        Timeline { track: self, stretches }
    }

    fn time(&self, ticks: i64) -> Duration {
        let ticks = u64::try_from(ticks).unwrap_or(0);
        MediaTime { ticks, timescale: self.timescale }.as_duration()
    }
}

impl Timeline<'_> {
    /// How long the movie is, as far as this track goes.
    pub(crate) fn duration(&self) -> Duration {
        self.stretches.last().map_or(Duration::ZERO, |stretch| stretch.end)
    }

    /// The moment that is `part` of `parts` into the movie.
    pub(crate) fn moment_at(&self, part: u32, parts: u32) -> Duration {
        let nanos = self.duration().as_nanos() * u128::from(part) / u128::from(parts.max(1));
        let seconds = u64::try_from(nanos / 1_000_000_000).unwrap_or(u64::MAX);
        Duration::new(seconds, u32::try_from(nanos % 1_000_000_000).unwrap_or(0))
    }

    /// The sample that is on screen at a moment.
    pub(crate) fn sample_at(&self, moment: Duration) -> usize {
        let stretch = self.stretches.iter().find(|it| moment < it.end);
        let Some(stretch) = stretch.or(self.stretches.last()) else { return 0 };
        // Moments are rounded down to nanoseconds, so a picture's own start falls just short of it.
        let ticks = |time: Duration| {
            let ticks = time.as_nanos() * u128::from(self.track.timescale);
            i64::try_from(ticks.div_ceil(1_000_000_000)).unwrap_or(i64::MAX)
        };
        let end = ticks(stretch.end.saturating_sub(stretch.start));
        let into = ticks(moment.saturating_sub(stretch.start)).min(end.saturating_sub(1));
        let wanted = stretch.from.saturating_add(into);
        let samples = self.track.samples().iter().enumerate();
        let before = samples.clone().filter(|(_, sample)| sample.shown_at() <= wanted);
        let nearest = before.max_by_key(|(_, sample)| sample.shown_at());
        let nearest = nearest.or_else(|| samples.min_by_key(|(_, sample)| sample.shown_at()));
        nearest.map_or(0, |(number, _)| number)
    }

    /// When a sample is shown.
    pub(crate) fn moment_of(&self, sample: &Sample) -> Duration {
        let within = self.stretches.iter().find_map(|stretch| {
            let moment = self.moment_in(stretch, sample)?;
            (moment < stretch.end).then_some(moment)
        });
        within.unwrap_or_default()
    }

    fn moment_in(&self, stretch: &Segment, sample: &Sample) -> Option<Duration> {
        let ticks = sample.shown_at().checked_sub(stretch.from).filter(|&ticks| ticks >= 0)?;
        stretch.start.checked_add(self.track.time(ticks))
    }
}
