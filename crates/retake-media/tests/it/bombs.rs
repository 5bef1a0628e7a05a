//! Small files that ask for a lot: each has to be turned away, or read, for a small price.
//!
//! The price is counted in units of work and bytes of memory, which are the same on every machine.

use std::io::Cursor;
use std::time::Duration;

use allocation_counter::measure;
use proptest::prelude::*;
use retake_media::{
    Budget, BudgetError, Mp4Reader, Picture, PictureError, Pictures, ProbeError, StillError,
    StillLimits, preview, preview_within, probe, probe_within, stitch,
};

use crate::boxes::{Fragmented, Streamed, a_box, full_box, words};
use crate::files::{a_movie, written};
use crate::films::a_film;

const REORDERED: &[u8] = include_bytes!("../fixtures/reordered.mp4");
const FRAGMENTED: &[u8] = include_bytes!("../fixtures/fragmented.mp4");

/// Work that a file of a few dozen kilobytes may take: some milliseconds.
const LITTLE_WORK: u64 = 4_000_000;
/// Memory likewise.
const LITTLE_MEMORY: u64 = 40 << 20;

type Way = fn(&[u8], &Budget) -> Result<(), ProbeError>;

/// Opens a file in every way, and yields what came of it. Neither way may cost much.
fn opened(file: &[u8]) -> [Result<(), ProbeError>; 2] {
    let mut outcomes = [Ok(()), Ok(())];
    let ways: [Way; 2] = [
        |file, budget| probe_within(Cursor::new(file), budget).map(drop),
        |file, budget| Mp4Reader::open_within(Cursor::new(file), budget).map(drop),
    ];
    for (outcome, open) in outcomes.iter_mut().zip(ways) {
        let budget = Budget::default();
        let used = measure(|| *outcome = open(file, &budget));
        assert!(budget.work_spent() <= LITTLE_WORK, "{} units of work", budget.work_spent());
        assert!(used.bytes_max <= LITTLE_MEMORY, "{} bytes of memory", used.bytes_max);
    }
    outcomes
}

#[test]
fn sixty_empty_tracks_and_runs_of_a_million_samples_cost_little() {
    // 1800 runs of a million samples each, all of a track that is not there; 38 kB.
    let file =
        Fragmented { tracks: 60, track_of_runs: 99, runs: 1800, samples: 1_000_000, size: 0 };
    let bytes = file.file();
    assert!(bytes.len() < 60_000, "{} bytes", bytes.len());

    for outcome in opened(&bytes) {
        assert!(outcome.is_ok() || matches!(outcome, Err(ProbeError::NoPictures)), "{outcome:?}");
    }
}

#[test]
fn runs_of_a_million_samples_in_a_small_file_are_not_listed() {
    for size in [0, 1] {
        let runs = Fragmented { tracks: 2, track_of_runs: 1, runs: 3, samples: 1_000_000, size };

        let [_, listed] = opened(&runs.file());

        let error = listed.unwrap_err();
        let refused = matches!(
            error,
            ProbeError::Budget(BudgetError::Work | BudgetError::Memory)
                | ProbeError::TooComplex(_)
                | ProbeError::Truncated { .. }
        );
        assert!(refused, "{error}");
    }
}

#[test]
fn many_tables_cost_no_more_than_one() {
    // Every track claims as many samples as one may have, each of no bytes.
    let table = |samples: u32| {
        [
            full_box(*b"stts", &words(&[1, samples, 1])),
            full_box(*b"stsz", &words(&[0, 0])),
            full_box(*b"stsc", &words(&[1, 1, samples, 1])),
            full_box(*b"stco", &words(&[1, 0])),
        ]
        .concat()
    };
    let file = Fragmented { tracks: 64, track_of_runs: 1, runs: 0, samples: 0, size: 0 };
    let file = file.with_tables(&table(1_000_000));

    let _ = opened(&file);
}

#[test]
fn two_million_empty_boxes_are_not_all_looked_at() {
    let file = [a_box(*b"ftyp", b"isom"), a_box(*b"free", &[]).repeat(2_000_000)].concat();
    let budget = Budget::default();

    let error = probe_within(Cursor::new(&file), &budget).unwrap_err();

    assert!(!error.is_not_a_video(), "{error}");
    assert!(budget.work_spent() < 300_000_000, "{}", budget.work_spent());
}

/// A film with edit lists of 64 bits, whose movie counts whole seconds.
fn with_edit(duration: u64, from: u64) -> Vec<u8> {
    let (film, mut file) = (a_film().file(), Vec::new());
    stitch(Cursor::new(&film), Cursor::new(&film), &mut file).unwrap();
    let places = |kind: &[u8]| -> Vec<usize> {
        let windows = file.windows(4).enumerate();
        windows.filter(|(_, window)| *window == kind).map(|(at, _)| at).collect()
    };
    let (edits, header) = (places(b"elst"), places(b"mvhd")[0]);
    assert_eq!(edits.len(), 2);
    for at in edits {
        file[at + 12..at + 20].copy_from_slice(&duration.to_be_bytes());
        file[at + 20..at + 28].copy_from_slice(&from.to_be_bytes());
    }
    file[header + 24..header + 28].copy_from_slice(&1_u32.to_be_bytes());
    file
}

#[test]
fn an_edit_list_of_two_to_the_63rd_is_not_believed() {
    for duration in [1 << 63, u64::MAX, 1 << 62, 1 << 40] {
        for from in [0, 1, 1 << 62, i64::MAX.cast_unsigned(), 1 << 63, u64::MAX] {
            let file = with_edit(duration, from);

            let video = probe(Cursor::new(&file)).unwrap();
            assert!((video.duration.as_secs_f64() - 4.0).abs() < 0.1, "{:?}", video.duration);
            let mut pictures = Pictures::open(Cursor::new(&file)).unwrap();
            assert!(pictures.last().is_ok());
            assert!(preview(Cursor::new(&file)).is_ok());
            let _ = stitch(Cursor::new(&file), Cursor::new(&file), Vec::new());
        }
    }
}

/// Writes one of the numbers that break arithmetic over a place of a file.
fn with_extreme(file: &[u8], at: usize, which: usize) -> Vec<u8> {
    const EXTREMES: [&[u8]; 8] = [
        &[0xFF; 8],
        &[0; 8],
        &[0x80, 0, 0, 0, 0, 0, 0, 0],
        &[0x7F, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF],
        &[0xFF; 4],
        &[0; 4],
        &[0x80, 0, 0, 0],
        &[0, 0, 0, 1],
    ];
    let mut file = file.to_vec();
    let extreme = EXTREMES[which % EXTREMES.len()];
    let end = (at + extreme.len()).min(file.len());
    file[at..end].copy_from_slice(&extreme[..end - at]);
    file
}

/// Does with a file everything that can be done.
fn exercise(file: &[u8]) {
    let _ = probe(Cursor::new(file));
    let _ = preview(Cursor::new(file));
    if let Ok(mut pictures) = Pictures::open(Cursor::new(file)) {
        let _ = (pictures.duration(), pictures.last(), pictures.at(Duration::MAX));
    }
    let _ = stitch(Cursor::new(file), Cursor::new(REORDERED), Vec::new());
    let _ = stitch(Cursor::new(REORDERED), Cursor::new(file), Vec::new());
}

#[test]
fn no_extreme_number_in_the_index_of_a_file_breaks_any_arithmetic() {
    let edited = with_edit(4, 0);
    for whole in [REORDERED, FRAGMENTED, &edited] {
        // Everything in front of the data, and the heads of all fragments.
        let ends = whole.windows(4).position(|kind| kind == b"mdat").unwrap() + 4;
        let places = (0..ends).step_by(31).chain((ends..whole.len()).step_by(499));
        for (number, at) in places.enumerate() {
            exercise(&with_extreme(whole, at, number));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn no_two_extreme_numbers_break_any_arithmetic(
        which in 0_usize..2,
        extremes in prop::collection::vec((any::<prop::sample::Index>(), 0_usize..8), 1..4),
    ) {
        let mut file = [REORDERED, FRAGMENTED][which].to_vec();
        let ends = file.windows(4).position(|kind| kind == b"mdat").unwrap() + 4;
        for (at, extreme) in extremes {
            file = with_extreme(&file, at.index(ends), extreme);
        }
        exercise(&file);
    }
}

#[test]
fn a_time_beyond_all_counting_does_not_hold_up_joining() {
    // The fragment says that it begins at the end of time; half a second more is the same moment.
    let at = FRAGMENTED.windows(4).position(|kind| kind == b"tfdt").unwrap();
    assert_eq!(FRAGMENTED[at + 4], 1, "a time of 64 bits");
    let mut file = FRAGMENTED.to_vec();
    file[at + 8..at + 16].copy_from_slice(&(u64::MAX >> 1).to_be_bytes());

    exercise(&file);
}

#[test]
fn an_hour_at_sixty_pictures_a_second_is_read_within_the_budget() {
    let budget = Budget::default();
    let mut file = written(a_movie(3600, 60, true), |_| 8);

    let video = probe_within(Cursor::new(&file), &budget).unwrap();
    let probing = budget.work_spent();
    let listed = Mp4Reader::open_within(Cursor::new(&file), &budget).unwrap();

    assert_eq!(video.picture.frames, 216_000);
    assert_eq!(listed.pictures().unwrap().samples().len(), 216_000);
    assert!(probing < 10_000_000, "{probing} units");
    assert!(budget.peak_memory() < 60 << 20, "{} bytes", budget.peak_memory());
    file.truncate(file.len() / 2);
    assert!(probe(Cursor::new(&file)).unwrap_err().is_incomplete());
}

#[test]
fn a_file_with_a_fragment_for_each_picture_is_read_within_the_budget() {
    // As low latency streams are: an hour at 60 pictures a second, a dozen bytes each.
    let file = Streamed { fragments: 216_000, bytes_of_a_sample: 12 }.file();
    let budget = Budget::default();

    let video = probe_within(Cursor::new(&file), &budget).unwrap();
    let listed = Mp4Reader::open_within(Cursor::new(&file), &budget).unwrap();

    assert_eq!(video.picture.frames, 216_000);
    assert_eq!(listed.pictures().unwrap().samples().len(), 216_000);
}

#[test]
fn work_that_nobody_waits_for_ends() {
    let file = a_film().file();
    let picture = preview(Cursor::new(&file)).unwrap().thumbnail.webp;
    let (budget, guard) = Budget::cancellable();
    assert!(probe_within(Cursor::new(&file), &budget).is_ok());

    drop(guard);

    let cancelled =
        |error: &ProbeError| matches!(error, ProbeError::Budget(BudgetError::Cancelled));
    assert!(cancelled(&probe_within(Cursor::new(&file), &budget).unwrap_err()));
    let error = preview_within(Cursor::new(&file), &budget).unwrap_err();
    assert!(matches!(&error, PictureError::File(error) if cancelled(error)), "{error}");
    let error = Picture::decode_within(&picture, StillLimits::default(), &budget).unwrap_err();
    assert!(matches!(error, StillError::Cancelled), "{error}");
}
