//! Where the video is cut into groups of pictures.
//!
//! Groups begin where shots do, so that a cut falls on a key frame and costs nothing extra; long
//! shots are divided evenly. The plan depends on the storyboard alone.

use std::ops::Range;

use crate::Storyboard;

/// A key frame at least every second and a quarter: players seek well, and five seconds make four
/// groups, which two workers finish together.
const LONGEST: u32 = 30;
/// A shot shorter than this goes with its neighbour.
const SHORTEST: u32 = 10;

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
            prop_assert!(groups.iter().all(|group| (SHORTEST..=LONGEST).contains(&(group.end - group.start))));
        }
    }
}
