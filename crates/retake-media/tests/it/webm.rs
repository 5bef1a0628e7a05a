//! WebM files as muxers and live encoders write them.

use std::io::Cursor;

use crate::elements::{A_WEBM, EBML, Webm, element};
use proptest::prelude::*;
use retake_media::{
    Codec, Container, MediaTime, Mp4Reader, Pictures, ProbeError, VideoFile, probe,
};

fn probed(file: &[u8]) -> VideoFile {
    probe(Cursor::new(file)).unwrap()
}

#[test]
fn a_webm_file_is_a_video_with_its_codecs_size_and_duration() {
    let file = A_WEBM.file();

    let video = probed(&file);

    assert_eq!(video.container, Container::WebM);
    assert_eq!((video.container.media_type(), video.container.extension()), ("video/webm", "webm"));
    assert_eq!((video.picture.width, video.picture.height), (1280, 720));
    assert_eq!((video.picture.codec, video.picture.frames), (Codec::Vp9, 24));
    assert_eq!(video.duration, MediaTime { ticks: 1, timescale: 1 });
    assert!((video.picture.frame_rate() - 24.0).abs() < 0.1, "{}", video.picture.frame_rate());
    let sound = video.sound.unwrap();
    assert_eq!((sound.codec, sound.channels, sound.sample_rate), (Codec::Opus, 2, 48_000));
    assert_eq!(video.bytes, file.len() as u64);
}

#[test]
fn a_live_webm_file_without_any_length_is_measured_by_its_blocks() {
    for live in [false, true] {
        let video = probed(&Webm { live, stated: None }.file());

        let seconds = video.duration.as_secs_f64();
        assert!((seconds - 1.0).abs() < 0.01, "{seconds}");
        assert_eq!(video.picture.frames, 24);
    }
}

#[test]
fn a_webm_file_cut_anywhere_is_incomplete() {
    let whole = A_WEBM.file();
    for len in 4..whole.len() {
        let error = probe(Cursor::new(&whole[..len])).unwrap_err();
        assert!(error.is_incomplete(), "cut to {len} of {}: {error}", whole.len());
    }
}

#[test]
fn half_of_a_live_webm_file_is_incomplete_when_its_header_says_how_long_it_is() {
    let whole = Webm { live: true, stated: Some(1000.0) }.file();
    assert!(probe(Cursor::new(&whole)).is_ok());

    for len in [whole.len() / 2, whole.len() * 2 / 3, whole.len() - 1] {
        let error = probe(Cursor::new(&whole[..len])).unwrap_err();
        assert!(error.is_incomplete(), "cut to {len}: {error}");
    }
}

#[test]
fn bytes_behind_a_webm_file_take_nothing_from_it() {
    for live in [false, true] {
        for behind in [&b"\0\0\0\0"[..], b"\r\n--boundary--", &[0x42; 3000]] {
            let file = [&Webm { live, ..A_WEBM }.file()[..], behind].concat();

            assert_eq!(probed(&file).picture.frames, 24, "live: {live}");
        }
    }
}

#[test]
fn an_ebml_file_of_another_kind_is_no_video() {
    let file = element(EBML, &element(&[0x42, 0x82], b"other"));

    let error = probe(Cursor::new(&file)).unwrap_err();

    assert!(error.is_not_a_video(), "{error}");
}

#[test]
fn webm_is_not_read_sample_by_sample_and_the_error_says_so() {
    let file = A_WEBM.file();

    let error = Mp4Reader::open(Cursor::new(&file)).map(|_| ()).unwrap_err();

    assert!(matches!(error, ProbeError::NotMp4), "{error}");
    assert!(Pictures::open(Cursor::new(&file)).is_err());
}

proptest! {
    #[test]
    fn no_change_to_a_webm_file_makes_the_reader_panic(
        live: bool,
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..12),
        early in prop::collection::vec((0_usize..400, any::<u8>()), 0..6),
    ) {
        let mut file = Webm { live, ..A_WEBM }.file();
        for (at, value) in changes {
            let at = at.index(file.len());
            file[at] = value;
        }
        for (at, value) in early {
            file[at] = value;
        }
        let _ = probe(Cursor::new(file));
    }
}
