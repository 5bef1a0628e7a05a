use std::io::Cursor;

use proptest::prelude::*;
use retake_media::{Codec, MediaTime, Mp4Writer, WriteError, probe};

use crate::files::{a_movie, written};

#[test]
fn a_written_movie_is_read_back_as_it_was_planned() {
    let file = written(a_movie(5, 24, true), |number| 100 + number as usize);

    let video = probe(Cursor::new(&file)).unwrap();

    assert_eq!(video.duration, MediaTime { ticks: 5, timescale: 1 });
    assert_eq!(video.picture.codec, Codec::H264);
    assert_eq!((video.picture.width, video.picture.height), (1280, 720));
    assert_eq!(video.picture.frames, 120);
    assert!((video.picture.frame_rate() - 24.0).abs() < 1e-9);
    let sound = video.sound.unwrap();
    assert_eq!(sound.codec, Codec::Aac);
    assert_eq!((sound.channels, sound.sample_rate), (2, 48_000));
    assert_eq!(sound.duration, video.picture.duration);
    assert!(video.faststart);
    assert_eq!(video.bytes, file.len() as u64);
}

#[test]
fn the_index_comes_before_the_data() {
    let file = written(a_movie(1, 24, true), |_| 50);

    let place = |kind: &[u8]| file.windows(4).position(|window| window == kind).unwrap();
    assert!(place(b"ftyp") < place(b"moov"));
    assert!(place(b"moov") < place(b"mdat"));
}

#[test]
fn the_same_movie_is_written_to_the_same_bytes() {
    let write = || written(a_movie(2, 24, true), |number| 10 + number as usize % 90);

    assert_eq!(write(), write());
}

#[test]
fn a_movie_with_a_frame_too_few_is_refused() {
    let mut writer = Mp4Writer::new(Cursor::new(Vec::new()), a_movie(1, 24, false)).unwrap();
    for frame in 0..23 {
        writer.write_frame(&[1], frame == 0).unwrap();
    }

    let error = writer.finish().map(|_| ()).unwrap_err();

    assert!(
        matches!(error, WriteError::Miscounted { what: "frames", planned: 24, found: 23 }),
        "{error}"
    );
}

#[test]
fn sound_that_would_end_before_the_pictures_is_refused() {
    let mut movie = a_movie(2, 24, true);
    movie.sound.as_mut().unwrap().packets -= 1;

    let error = Mp4Writer::new(Cursor::new(Vec::new()), movie).map(|_| ()).unwrap_err();

    assert!(matches!(error, WriteError::Impossible(_)), "{error}");
}

#[test]
fn a_file_may_begin_in_the_middle_of_its_stream() {
    let mut out = Cursor::new(b"before".to_vec());
    out.set_position(6);
    let mut writer = Mp4Writer::new(out, a_movie(1, 1, false)).unwrap();
    writer.write_frame(&[1, 2, 3], true).unwrap();

    let (out, len) = writer.finish().unwrap();

    let bytes = out.into_inner();
    assert_eq!(&bytes[..6], b"before");
    assert_eq!(bytes.len() as u64, 6 + len);
    assert_eq!(probe(Cursor::new(&bytes[6..])).unwrap().picture.frames, 1);
}

fn bytes_of<'a>(file: &'a [u8], sample: &re_mp4::Sample) -> &'a [u8] {
    let at = usize::try_from(sample.offset).unwrap();
    &file[at..at + usize::try_from(sample.size).unwrap()]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn an_independent_reader_finds_what_was_written(
        seconds in 1_u32..9,
        frame_rate in prop::sample::select(vec![1_u32, 12, 24, 25, 30, 60]),
        with_sound: bool,
        spread in 1_usize..400,
    ) {
        let size_of = |number: u32| 1 + (number as usize * 7919) % spread;
        let movie = a_movie(seconds, frame_rate, with_sound);
        let planned = movie.picture.clone();
        let file = written(movie, size_of);

        let ours = probe(Cursor::new(&file)).unwrap();
        let judge = re_mp4::Mp4::read_bytes(&file).unwrap();

        let pictures = &judge.tracks()[&1];
        prop_assert_eq!(u64::from(planned.frames), ours.picture.frames);
        prop_assert_eq!(pictures.samples.len(), planned.frames as usize);
        for (number, sample) in (0_u32..).zip(&pictures.samples) {
            prop_assert_eq!(sample.size, size_of(number) as u64);
            prop_assert_eq!(sample.is_sync, number % 48 == 0);
            prop_assert!(bytes_of(&file, sample).iter().all(|&byte| byte == 7));
        }
        prop_assert_eq!(pictures.duration, u64::from(seconds) * pictures.timescale);
        prop_assert_eq!(ours.duration, MediaTime { ticks: u64::from(seconds), timescale: 1 });
        if with_sound {
            let sound = &judge.tracks()[&2];
            for sample in &sound.samples {
                prop_assert!(bytes_of(&file, sample).iter().all(|&byte| byte == 9));
            }
            let heard: u64 = sound.samples.iter().map(|sample| sample.duration).sum();
            prop_assert_eq!(heard, u64::from(seconds) * 48_000 + 1024);
        }
    }
}
