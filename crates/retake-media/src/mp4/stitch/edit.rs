//! What is shown of each part: its own edit list, in the measures of the joined file.

use super::Tracks;
use crate::mp4::track::{Edit, Track};

/// A stretch of the joined movie: so long (in its ticks), from there on (in ticks of the track before
/// the part's place in it is added); without a place it is a pause.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Segment {
    pub(super) duration: u64,
    pub(super) from: Option<u64>,
}

/// Ticks of the longest part: at a million a second, three hundred years.
const LONGEST: u64 = 1 << 53;

/// What is shown of a part's pictures, exact to the tick, and how long that is; `scale` counts ticks
/// of the joined movie, which are those of its pictures. `None` when the part's edit list does not
/// allow that.
pub(super) fn of_pictures(part: &Tracks, scale: u32) -> Option<(Vec<Segment>, u64)> {
    let stretches = exact_pictures(part, scale)?;
    let shown = stretches.iter().try_fold(0_u64, |sum, it| sum.checked_add(it.duration))?;
    (1..=LONGEST).contains(&shown).then_some((stretches, shown))
}

fn exact_pictures(part: &Tracks, scale: u32) -> Option<Vec<Segment>> {
    let track = &part.pictures;
    let by = u64::from(scale / track.timescale);
    let begins = i64::try_from(first_decode_time(track)).ok()?;
    let (from, until) = track.shown_span();
    let (from, until) = (from.checked_sub(begins)?, until.checked_sub(begins)?);
    let whole = |from: i64| {
        let lasts = u64::try_from(until.checked_sub(from)?).ok().filter(|&ticks| ticks > 0)?;
        let from = u64::try_from(from).ok()?;
        Some(Segment { duration: lasts.checked_mul(by)?, from: Some(from.checked_mul(by)?) })
    };
    match track.edits.as_slice() {
        [] => Some(vec![whole(from)?]),
        // Writers state durations in milliseconds; what is a millisecond off is the whole track.
        [Edit { duration, from: Some(edited) }] => {
            let from = i64::try_from(*edited).ok()?.checked_sub(begins)?;
            let whole = whole(from)?;
            let stated = u128::from(*duration) * u128::from(scale);
            let tick = u128::from(scale);
            let found = u128::from(whole.duration) * u128::from(part.movie_scale);
            if *duration == 0 || stated + tick >= found {
                return Some(vec![whole]);
            }
            exact(&track.edits, part.movie_scale, scale, by, begins)
        }
        edits => exact(edits, part.movie_scale, scale, by, begins),
    }
}

/// An edit list whose every duration is a whole number of ticks of the joined movie.
fn exact(edits: &[Edit], from: u32, to: u32, by: u64, begins: i64) -> Option<Vec<Segment>> {
    let begins = u64::try_from(begins).ok()?;
    let stretch = |edit: &Edit| {
        let scaled = edit.duration.checked_mul(to.into())?;
        let place = match edit.from {
            Some(place) => Some(place.checked_sub(begins)?.checked_mul(by)?),
            None => None,
        };
        (scaled % u64::from(from) == 0)
            .then_some(Segment { duration: scaled / u64::from(from), from: place })
    };
    edits.iter().map(stretch).collect()
}

/// What is heard of a part's sound while its pictures are shown, for `shown` ticks of the joined
/// movie. Sound that ends earlier is followed by a pause, unless nothing follows.
pub(super) fn of_sound(part: &Tracks, scale: u32, shown: u64, is_last: bool) -> Vec<Segment> {
    let mut stretches =
        part.sound.as_ref().map_or_else(Vec::new, |track| heard(track, part, scale));
    let mut left = shown;
    for stretch in &mut stretches {
        stretch.duration = stretch.duration.min(left);
        left -= stretch.duration;
    }
    if let (Some(last), Some(track)) = (stretches.last_mut(), &part.sound) {
        // Durations in milliseconds are rounded: the sound may go on for one more.
        let rounding = 2 * u64::from(scale) / u64::from(part.movie_scale) + 1;
        let more = left.min(rounding).min(unheard(track, *last, scale));
        last.duration += more;
        left -= more;
    }
    if left > 0 && !is_last {
        stretches.push(Segment { duration: left, from: None });
    }
    stretches.retain(|stretch| stretch.duration > 0);
    stretches
}

fn heard(track: &Track, part: &Tracks, scale: u32) -> Vec<Segment> {
    let begins = first_decode_time(track);
    if track.edits.is_empty() {
        let whole = scaled(track.duration().ticks, track.timescale, scale);
        return vec![Segment { duration: whole, from: Some(0) }];
    }
    let stretch = |edit: &Edit| {
        let duration = scaled(edit.duration, part.movie_scale, scale);
        let from = edit.from.map(|from| from.saturating_sub(begins));
        let whole = Segment { duration: 0, from };
        // No duration means as long as there is sound.
        let duration = if duration == 0 { unheard(track, whole, scale) } else { duration };
        Segment { duration, from }
    };
    track.edits.iter().map(stretch).collect()
}

/// How much sound there is after a stretch.
fn unheard(track: &Track, after: Segment, scale: u32) -> u64 {
    let Some(from) = after.from else { return 0 };
    let end = from.saturating_add(scaled(after.duration, scale, track.timescale));
    scaled(track.duration().ticks.saturating_sub(end), track.timescale, scale)
}

fn first_decode_time(track: &Track) -> u64 {
    track.samples().first().map_or(0, |sample| sample.decode_time)
}

fn scaled(ticks: u64, from: u32, to: u32) -> u64 {
    let ticks = u128::from(ticks) * u128::from(to) / u128::from(from.max(1));
    u64::try_from(ticks).unwrap_or(u64::MAX)
}
