use std::cell::Cell;
use std::io::{Cursor, Read, Result, Seek, SeekFrom};
use std::rc::Rc;
use std::time::Duration;

use proptest::prelude::*;
use retake_media::{Codec, Mp4Reader, PictureError, Pictures, ProbeError};

use crate::files::{a_movie, written};
use crate::films::{Film, a_film, grey};

const REORDERED: &[u8] = include_bytes!("../fixtures/reordered.mp4");
const FRAGMENTED: &[u8] = include_bytes!("../fixtures/fragmented.mp4");
const HEVC: &[u8] = include_bytes!("../fixtures/hevc.mov");

fn frame_at(number: u32) -> Duration {
    Duration::from_secs(number.into()) / 24
}

/// The brightness at the middle of a picture, as video codes it.
fn middle(pictures: &mut Pictures<Cursor<&[u8]>>, moment: Duration) -> u8 {
    let picture = pictures.at(moment).unwrap();
    let at = (picture.width * (picture.height / 2) + picture.width / 2) as usize * 4;
    u8::try_from(u32::from(picture.rgba[at]) * 219 / 255 + 16).unwrap()
}

#[test]
fn the_picture_at_a_moment_is_the_one_that_is_shown_then() {
    let file = a_film().file();
    let mut pictures = Pictures::open(Cursor::new(&file[..])).unwrap();

    assert_eq!(pictures.duration(), Duration::from_secs(2));
    for number in [0, 1, 11, 12, 30, 47, 5] {
        for late in [0, 40] {
            let found = middle(&mut pictures, frame_at(number) + Duration::from_millis(late));
            assert!(found.abs_diff(grey(number)) < 2, "frame {number}: {found}");
        }
    }
}

#[test]
fn pictures_that_are_coded_out_of_order_are_found_where_they_are_shown() {
    let mut pictures = Pictures::open(Cursor::new(REORDERED)).unwrap();

    for number in [0, 3, 4, 5, 14, 15, 23, 29] {
        let found = middle(&mut pictures, frame_at(number));
        let expected = u8::try_from(20 + 7 * number).unwrap();
        assert!(found.abs_diff(expected) < 4, "frame {number}: {found} in place of {expected}");
    }
}

#[test]
fn after_the_end_comes_the_last_picture() {
    let mut pictures = Pictures::open(Cursor::new(REORDERED)).unwrap();

    let last = pictures.last().unwrap();

    assert_eq!(pictures.at(Duration::from_secs(999)).unwrap(), last);
    assert_eq!(pictures.at(frame_at(29)).unwrap(), last);
    assert_ne!(pictures.at(frame_at(28)).unwrap(), last);
}

#[test]
fn the_pictures_of_fragments_are_found_as_well() {
    let mut pictures = Pictures::open(Cursor::new(FRAGMENTED)).unwrap();

    let (first, last) = (pictures.at(Duration::ZERO).unwrap(), pictures.last().unwrap());

    assert_eq!((first.width, first.height), (64, 48));
    assert_ne!(first, last);
}

#[test]
fn another_codec_is_named() {
    let error = Pictures::open(Cursor::new(HEVC)).map(|_| ()).unwrap_err();

    assert!(matches!(error, PictureError::NotDecodable { codec: Codec::Hevc }));
    let expected = "pictures coded as hevc cannot be decoded here, only h264; convert the file";
    assert_eq!(error.to_string(), expected);
}

/// Counts what is read.
struct Counting<R>(R, Rc<Cell<u64>>);

impl<R: Read> Read for Counting<R> {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
        let found = self.0.read(buffer)?;
        self.1.set(self.1.get() + found as u64);
        Ok(found)
    }
}

impl<R: Seek> Seek for Counting<R> {
    fn seek(&mut self, to: SeekFrom) -> Result<u64> {
        self.0.seek(to)
    }
}

#[test]
fn only_the_index_and_one_group_of_pictures_are_read() {
    let noise = |frame: u32, x: u32, y: u32| {
        let mixed = (frame * 7919 + x * 104_729 + y * 1_299_709).wrapping_mul(2_654_435_761);
        u8::try_from(mixed >> 24).unwrap()
    };
    let film = Film { frames: 96, key_every: 4, brightness: noise, ..a_film() };
    let file = film.file();
    let count = Rc::new(Cell::new(0));

    let mut pictures = Pictures::open(Counting(Cursor::new(&file[..]), count.clone())).unwrap();
    pictures.at(Duration::from_secs(3)).unwrap();

    let whole = file.len() as u64;
    assert!(count.get() < whole / 10, "{} of {whole} bytes were read", count.get());
}

#[test]
fn a_file_of_noise_in_place_of_pictures_is_called_damaged() {
    let file = written(a_movie(2, 24, true), |number| 20 + number as usize % 50);

    let error = Pictures::open(Cursor::new(&file[..])).and_then(|mut it| it.last()).unwrap_err();

    assert!(matches!(error, PictureError::Damaged(_)), "{error}");
}

#[test]
fn the_samples_of_a_file_are_listed_with_their_times() {
    let mut file = Mp4Reader::open(Cursor::new(REORDERED)).unwrap();

    let track = file.pictures().unwrap().clone();
    let mut bytes = Vec::new();
    file.read_sample(&track.samples()[0], &mut bytes).unwrap();

    assert_eq!(track.samples().len(), 30);
    assert_eq!(bytes.len(), track.samples()[0].size as usize);
    let keys = track.samples().iter().filter(|sample| sample.is_key).count();
    assert!((1..30).contains(&keys), "{keys} key frames");
    let mut shown: Vec<_> = track.samples().iter().map(retake_media::Sample::shown_at).collect();
    assert!(!shown.is_sorted());
    shown.sort_unstable();
    assert!(shown.windows(2).all(|pair| pair[1] - pair[0] == shown[1] - shown[0]));
}

#[test]
fn a_table_that_claims_a_billion_samples_is_refused_before_it_is_read() {
    let mut file = written(a_movie(2, 24, false), |_| 20);
    let table = |file: &[u8], kind: &[u8]| file.windows(4).position(|it| it == kind).unwrap();
    let sizes = table(&file, b"stsz");
    // One size for all samples, and a thousand million of them.
    file[sizes + 8..sizes + 16].copy_from_slice(&[0, 0, 0, 1, 0x3B, 0x9A, 0xCA, 0]);

    let error = Mp4Reader::open(Cursor::new(&file)).map(|_| ()).unwrap_err();

    assert!(matches!(error, ProbeError::TooComplex(_)), "{error}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_bytes_make_the_sample_reader_panic(bytes in prop::collection::vec(any::<u8>(), 0..2000)) {
        let _ = Mp4Reader::open(Cursor::new([b"\0\0\0\x08ftyp", &bytes[..]].concat()));
        let _ = Mp4Reader::open(Cursor::new(bytes));
    }

    #[test]
    fn no_change_to_a_valid_file_makes_decoding_panic(
        which in 0_usize..2,
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..12),
    ) {
        let mut file = [REORDERED, FRAGMENTED][which].to_vec();
        for (at, value) in changes {
            let at = at.index(file.len());
            file[at] = value;
        }
        if let Ok(mut pictures) = Pictures::open(Cursor::new(&file[..])) {
            let _ = pictures.at(Duration::from_millis(700));
            let _ = pictures.last();
        }
    }

    #[test]
    fn no_parameters_of_a_stream_make_decoding_panic(
        changes in prop::collection::vec((0_usize..60, any::<u8>()), 1..5),
        slices in prop::collection::vec((0_usize..600, any::<u8>()), 0..5),
    ) {
        let mut file = REORDERED.to_vec();
        let place = |kind: &[u8]| REORDERED.windows(4).position(|window| window == kind).unwrap();
        let (parameters, data) = (place(b"avcC") + 4, place(b"mdat") + 4);
        let changes = changes.into_iter().map(|(at, value)| (parameters + at, value));
        for (at, value) in changes.chain(slices.into_iter().map(|(at, value)| (data + at, value))) {
            file[at] = value;
        }
        if let Ok(mut pictures) = Pictures::open(Cursor::new(&file[..])) {
            let _ = pictures.last();
        }
    }
}
