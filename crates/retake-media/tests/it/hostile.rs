use std::io::Cursor;

use proptest::prelude::*;
use retake_media::{Mp4Reader, ProbeError, probe};

use crate::{
    boxes::{Streamed, full_box, words},
    files::{a_movie, written},
};

const FRAGMENTED: &[u8] = include_bytes!("../fixtures/fragmented.mp4");

fn a_file() -> Vec<u8> {
    written(a_movie(2, 24, true), |number| 20 + number as usize % 50)
}

/// The same file as a camera would write it: index last.
fn with_index_last(file: &[u8]) -> Vec<u8> {
    let at = |kind: &[u8]| file.windows(4).position(|window| window == kind).unwrap() - 4;
    let (moov, free) = (at(b"moov"), at(b"free"));
    [&file[..moov], &file[free..], &file[moov..free]].concat()
}

#[test]
fn a_file_cut_anywhere_is_refused() {
    let whole = a_file();
    for len in 0..whole.len() {
        assert!(probe(Cursor::new(&whole[..len])).is_err(), "cut to {len} of {}", whole.len());
    }
}

#[test]
fn a_download_that_broke_off_is_called_truncated() {
    let whole = a_file();

    let error = probe(Cursor::new(&whole[..whole.len() - 500])).unwrap_err();

    let said = error.to_string();
    assert!(said.starts_with("the file is truncated: the last sample needs"), "{said}");
    assert!(error.is_incomplete());
}

#[test]
fn bytes_behind_the_last_box_take_nothing_from_a_video() {
    let whole = probe(Cursor::new(a_file())).unwrap();
    let padding = [&200_u32.to_be_bytes()[..], b"free", &[0; 40]].concat();
    let tails: [&[u8]; 6] =
        [b"\0", b"\r\n\r\n", b"\0\0\0\x03free", b"\r\n--boundary--\r\n", &[0xFF; 900], &padding];
    for file in [a_file(), with_index_last(&a_file())] {
        for tail in tails {
            let found = probe(Cursor::new([&file[..], tail].concat())).unwrap();

            assert_eq!((&found.picture, &found.sound), (&whole.picture, &whole.sound));
            assert!(Mp4Reader::open(Cursor::new([&file[..], tail].concat())).is_ok());
        }
    }
}

#[test]
fn a_data_box_that_claims_more_than_there_is_does_not_matter_when_all_samples_are_there() {
    let mut file = a_file();
    let data_at = file.windows(4).position(|window| window == b"mdat").unwrap();
    let claimed = u32::from_be_bytes(file[data_at - 4..data_at].try_into().unwrap());
    file[data_at - 4..data_at].copy_from_slice(&(claimed + 5000).to_be_bytes());

    assert_eq!(probe(Cursor::new(&file)).unwrap(), probe(Cursor::new(&a_file())).unwrap());
}

#[test]
fn a_fragmented_file_is_whole_when_all_samples_of_its_fragments_are_there() {
    let whole = FRAGMENTED.to_vec();
    let frames = |file: &[u8]| probe(Cursor::new(file)).map(|video| video.picture.frames);
    assert_eq!(frames(&whole).unwrap(), 24);

    let end = whole.windows(4).rposition(|window| window == b"mfra").map(|at| at - 4);
    let end = end.unwrap_or(whole.len());
    let behind = [&whole[..end], &[0, 0, 0, 90][..], b"free", &[0; 9]].concat();
    assert_eq!(frames(&behind).unwrap(), 24);
    let last_fragment = whole.windows(4).rposition(|window| window == b"moof").unwrap() - 4;
    for len in last_fragment + 1..end {
        let error = frames(&whole[..len]).unwrap_err();
        assert!(error.is_incomplete(), "cut to {len} of {end}: {error}");
    }
}

/// Two seconds in 2000 fragments.
fn streamed() -> Vec<u8> {
    Streamed { fragments: 2000, bytes_of_a_sample: 5 }.file()
}

fn place_of(file: &[u8], kind: [u8; 4]) -> usize {
    file.windows(4).position(|window| window == kind).unwrap()
}

/// Where the fragment begins that so many are in front of.
fn fragment(file: &[u8], number: usize) -> usize {
    file.windows(4).enumerate().filter(|(_, it)| *it == b"moof").nth(number).unwrap().0 - 4
}

/// The file with a duration in one of its headers, which begin alike.
fn with_duration(kind: [u8; 4], ticks: u32) -> Vec<u8> {
    let mut file = streamed();
    let at = place_of(&file, kind) + 20;
    file[at..at + 4].copy_from_slice(&ticks.to_be_bytes());
    file
}

fn with_mehd(ticks: u32) -> Vec<u8> {
    let mut file = streamed();
    let mehd = full_box(*b"mehd", &words(&[ticks]));
    for kind in [*b"mvex", *b"moov"] {
        let at = place_of(&file, kind) - 4;
        let length = u32::from_be_bytes(file[at..at + 4].try_into().unwrap());
        let longer = length + u32::try_from(mehd.len()).unwrap();
        file[at..at + 4].copy_from_slice(&longer.to_be_bytes());
    }
    let at = place_of(&file, *b"mvex") + 4;
    file.splice(at..at, mehd);
    file
}

fn with_sidx() -> Vec<u8> {
    let mut file = streamed();
    let at = fragment(&file, 0);
    let length = u32::try_from(file.len() - at).unwrap();
    let half = length / 2;
    let entries = words(&[half, 1000, 0, length - half, 1000, 0]);
    let sidx = full_box(*b"sidx", &[words(&[1, 1000, 0, 0, 2]), entries].concat());
    file.splice(at..at, sidx);
    file
}

#[test]
fn a_fragmented_file_that_ends_between_two_fragments_is_not_whole_where_it_says_how_long_it_is() {
    for (name, whole) in [
        ("mehd", with_mehd(2000)),
        ("mvhd", with_duration(*b"mvhd", 2000)),
        ("mdhd", with_duration(*b"mdhd", 2000)),
        ("sidx", with_sidx()),
    ] {
        assert_eq!(probe(Cursor::new(&whole)).unwrap().picture.frames, 2000, "{name}");
        for left in [1, 1000, 1500] {
            let error = probe(Cursor::new(&whole[..fragment(&whole, left)])).unwrap_err();
            assert!(error.is_incomplete(), "{name} after {left}: {error}");
        }
    }
    let whole = streamed();
    let error = probe(Cursor::new(&whole[..fragment(&whole, 0)])).unwrap_err();
    assert!(error.is_incomplete(), "without any fragment: {error}");
}

#[test]
fn a_duration_that_is_unknown_absurd_or_a_little_off_keeps_no_fragmented_file_from_being_whole() {
    for ticks in [0, 1, 1900, 2150, u32::MAX, u32::MAX - 1] {
        for file in
            [with_mehd(ticks), with_duration(*b"mvhd", ticks), with_duration(*b"mdhd", ticks)]
        {
            assert!(probe(Cursor::new(&file)).is_ok(), "{ticks}");
        }
    }
    let silent = streamed();
    let cut = probe(Cursor::new(&silent[..fragment(&silent, 1000)])).unwrap();
    assert_eq!(cut.picture.frames, 1000, "nothing tells, so its duration has to");
}

#[test]
fn a_file_whose_index_never_came_is_called_truncated() {
    let file = with_index_last(&a_file());
    let index_at = file.windows(4).position(|window| window == b"moov").unwrap() - 4;

    let error = probe(Cursor::new(&file[..index_at])).unwrap_err();

    assert!(matches!(error, ProbeError::Truncated { .. }), "{error}");
}

#[test]
fn samples_that_lie_behind_the_end_of_the_file_are_noticed() {
    let mut file = a_file();
    let data_at = file.windows(4).position(|window| window == b"mdat").unwrap();
    file[data_at - 4..data_at].fill(0); // a data box without a length, up to the end of the file
    assert!(probe(Cursor::new(&file)).is_ok());

    let error = probe(Cursor::new(&file[..file.len() - 500])).unwrap_err();

    assert!(error.to_string().starts_with("the file is truncated: the last sample"), "{error}");
}

#[test]
fn what_was_sent_in_place_of_a_video_is_named() {
    let cases: [(&[u8], &str); 5] = [
        (b"", "an empty file"),
        (b"<!doctype html><title>Expired</title>", "a web page or XML"),
        (b"  {\"error\": \"expired\"}", "JSON"),
        (b"\x89PNG\r\n\x1a\n", "a picture"),
        (b"AccessDenied: expired", "text"),
    ];
    for (bytes, expected) in cases {
        let error = probe(Cursor::new(bytes)).unwrap_err();
        assert!(
            matches!(error, ProbeError::NotAVideo { looks_like } if looks_like == expected),
            "{error}"
        );
        assert!(error.is_not_a_video() && !error.is_incomplete());
    }
}

#[test]
fn a_table_that_claims_four_thousand_million_samples_costs_nothing() {
    let mut file = a_file();
    for kind in [b"stsz", b"stts", b"stsc", b"co64"] {
        let at = file.windows(4).position(|window| window == kind).unwrap();
        file[at + 8..at + 16].fill(0xFF);
    }

    assert!(probe(Cursor::new(&file)).is_err());
}

proptest! {
    #[test]
    fn no_bytes_make_the_reader_panic(bytes in prop::collection::vec(any::<u8>(), 0..2000)) {
        let _ = probe(Cursor::new([b"\0\0\0\x08ftyp", &bytes[..]].concat()));
        let _ = probe(Cursor::new(bytes));
    }

    #[test]
    fn no_change_to_a_valid_file_makes_the_reader_panic(
        changes in prop::collection::vec((0_usize..1800, any::<u8>()), 1..12),
    ) {
        let mut file = a_file();
        for (at, value) in changes {
            file[at] = value;
        }
        let _ = probe(Cursor::new(file));
    }
}
