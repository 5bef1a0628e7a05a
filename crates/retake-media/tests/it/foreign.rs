//! Files that other programs wrote. Those in `fixtures` were made by FFmpeg 5.1 from its test
//! pictures (libx264, libx265, aac, libmp3lame); `reordered.mp4` is grey, each frame 7 steps brighter than the last,
//! with B-frames that refer to each other and groups that are not closed.

use std::io::Cursor;

use retake_media::{Codec, MediaTime, VideoFile, probe};

fn fixture(bytes: &[u8]) -> VideoFile {
    probe(Cursor::new(bytes)).unwrap()
}

const ONE_SECOND: MediaTime = MediaTime { ticks: 1, timescale: 1 };

#[test]
fn the_fragments_of_a_file_are_added_up() {
    let video = fixture(include_bytes!("../fixtures/fragmented.mp4"));

    assert_eq!((video.picture.width, video.picture.height), (64, 48));
    assert_eq!((video.picture.frames, video.picture.duration), (24, ONE_SECOND));
    // FFprobe says 1.083333 s: the sound is longer by its priming and padding.
    assert_eq!(video.duration, MediaTime { ticks: 13, timescale: 12 });
    assert_eq!(video.sound.unwrap().codec, Codec::Aac);
    assert!(video.faststart);
}

#[test]
fn frames_out_of_order_and_an_index_at_the_end_do_not_matter() {
    let video = fixture(include_bytes!("../fixtures/index-last.mp4"));

    assert_eq!((video.picture.frames, video.duration), (30, ONE_SECOND));
    assert_eq!(video.sound.unwrap().codec, Codec::Mp3);
    assert!(!video.faststart);
}

#[test]
fn hevc_in_a_mov_file_is_named() {
    let video = fixture(include_bytes!("../fixtures/hevc.mov"));

    assert_eq!(video.picture.codec.to_string(), "hevc");
    assert_eq!((video.picture.frames, video.duration), (25, ONE_SECOND));
    assert_eq!(video.sound, None);
}

#[test]
fn a_fragmented_file_that_breaks_off_is_refused() {
    let whole = include_bytes!("../fixtures/fragmented.mp4");

    assert!(probe(Cursor::new(&whole[..whole.len() - 700])).is_err());
}
