//! Where the video is cut into groups of pictures, and who makes which.
//!
//! Groups begin where shots do, so that a cut falls on a key frame and costs nothing extra; long
//! shots are divided evenly. The groups depend on the storyboard alone, never on the machine.

use std::ops::Range;

use crate::Storyboard;

/// A key frame at least every second and a quarter: players seek well, and five seconds make four
/// groups, which two workers finish together.
const LONGEST: u32 = 30;
/// A shot shorter than this goes with its neighbour.
const SHORTEST: u32 = 10;
/// Frames of a stint; its coded frames may have to wait in memory for their turn.
pub(super) const LONGEST_STINT: u32 = 180;

/// The groups of a video, in order, without gaps.
pub(super) fn groups(storyboard: &Storyboard) -> Vec<Range<u32>> {
    let mut starts = vec![0];
    for shot in &storyboard.shots {
        let after = shot.start.saturating_sub(*starts.last().unwrap_or(&0));
        let before_end = storyboard.frames.saturating_sub(shot.start);
        if after >= SHORTEST && before_end >= SHORTEST {
            starts.push(shot.start);
        }
    }
    let ends = starts.iter().skip(1).copied().chain([storyboard.frames]);
    starts.iter().zip(ends).flat_map(|(&start, end)| divided(start..end)).collect()
}

fn divided(span: Range<u32>) -> impl Iterator<Item = Range<u32>> {
    let len = span.end - span.start;
    let parts = len.div_ceil(LONGEST).max(1);
    let boundary = move |part: u32| span.start + len * part / parts;
    (0..parts).map(move |part| boundary(part)..boundary(part + 1))
}

/// Shares the groups out to `workers`, who take turns at the stints. A stint is a run of groups:
/// within it a worker stays with a shot, which he has to build only once. Stints are about equally
/// long, so that all workers finish together.
pub(super) fn stints(groups: &[Range<u32>], workers: u32) -> Vec<&[Range<u32>]> {
    let frames = groups.last().map_or(0, |group| group.end);
    let rounds = frames.div_ceil(LONGEST_STINT * workers).max(1);
    let stints = rounds * workers;
    let border = |number: u32| {
        let frame = u64::from(frames) * u64::from(number) / u64::from(stints);
        groups.partition_point(|group| u64::from(group.start + group.end) / 2 < frame)
    };
    (0..stints).map(|number| &groups[border(number)..border(number + 1)]).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::storyboard;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn groups_cover_every_frame_once_and_none_is_too_long(
            words in prop::collection::vec("(dawn|cut to|rain|a dog runs|then|city|zoom in)", 1..30),
            seconds in 1_u32..90,
        ) {
            let prompt = words.join(". ");
            let brief = crate::Brief { seconds, ..crate::sound::tests::a_brief(&prompt) };
            let storyboard = storyboard(&brief);

            let groups = groups(&storyboard);

            prop_assert_eq!(groups[0].start, 0);
            prop_assert_eq!(groups[groups.len() - 1].end, seconds * crate::FPS);
            for pair in groups.windows(2) {
                prop_assert_eq!(pair[0].end, pair[1].start);
            }
            let length = |group: &Range<u32>| group.end - group.start;
            prop_assert!(groups.iter().all(|it| (SHORTEST..=LONGEST).contains(&length(it))));
            for workers in 1..5 {
                let stints = stints(&groups, workers);
                prop_assert_eq!(stints.len() % workers as usize, 0);
                prop_assert_eq!(stints.concat(), groups.clone());
                for stint in stints {
                    let frames: u32 = stint.iter().map(length).sum();
                    prop_assert!(frames <= LONGEST_STINT + LONGEST);
                }
            }
        }
    }
}
