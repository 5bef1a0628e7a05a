use std::io::Cursor;

use proptest::prelude::*;
use retake_media::{ProbeError, probe};

use crate::files::{a_movie, written};

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

    let len = whole.len();
    assert_eq!(
        error.to_string(),
        format!(
            "the file is truncated: the box `mdat` needs {len} bytes, and there are {}",
            len - 500
        )
    );
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
        (b"\x1A\x45\xDF\xA3 and so on", "WebM or Matroska"),
        (b"AccessDenied: expired", "text"),
    ];
    for (bytes, expected) in cases {
        let error = probe(Cursor::new(bytes)).unwrap_err();
        assert!(
            matches!(error, ProbeError::NotAVideo { looks_like } if looks_like == expected),
            "{error}"
        );
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
