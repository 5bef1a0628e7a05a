use std::io::Cursor;
use std::time::Duration;

use proptest::prelude::*;
use retake_media::{
    MediaTime, Mp4Reader, Part, Pictures, Sequel, StitchError, Stitched, VideoFile, can_precede,
    is_silent, probe, stitch,
};

use crate::films::{Film, a_film, grey};

const REORDERED: &[u8] = include_bytes!("../fixtures/reordered.mp4");
const FRAGMENTED: &[u8] = include_bytes!("../fixtures/fragmented.mp4");
const INDEX_LAST: &[u8] = include_bytes!("../fixtures/index-last.mp4");
const HEVC: &[u8] = include_bytes!("../fixtures/hevc.mov");

fn joined(first: &[u8], second: &[u8]) -> (Vec<u8>, Stitched) {
    let mut out = Vec::new();
    let made = stitch(Cursor::new(first), Cursor::new(second), &mut out).unwrap();
    assert_eq!(made.bytes, out.len() as u64);
    (out, made)
}

fn refused(first: &[u8], second: &[u8]) -> StitchError {
    stitch(Cursor::new(first), Cursor::new(second), Vec::new()).unwrap_err()
}

fn probed(file: &[u8]) -> VideoFile {
    probe(Cursor::new(file)).unwrap()
}

fn brightness(file: &[u8], frame: u32) -> u8 {
    let moment = Duration::from_secs(frame.into()) / 24;
    let picture = Pictures::open(Cursor::new(file)).unwrap().at(moment).unwrap();
    u8::try_from(u32::from(picture.rgba[0]) * 219 / 255 + 16).unwrap()
}

/// Five pictures more than a second: its sound does not end where a packet does.
fn an_odd_film() -> Film {
    let darker: fn(u32, u32, u32) -> u8 = |frame, _, _| 200 - u8::try_from(frame * 3).unwrap();
    Film { frames: 29, brightness: darker, ..a_film() }
}

fn of_frames(frames: u64) -> MediaTime {
    MediaTime { ticks: frames, timescale: 24 }
}

#[test]
fn two_files_become_one_that_is_exactly_as_long_as_both() {
    let (file, made) = joined(&an_odd_film().file(), &a_film().file());

    let video = probed(&file);
    assert_eq!((made.duration, made.seam, made.frames), (of_frames(77), of_frames(29), 77));
    assert_eq!((video.duration, video.picture.frames), (of_frames(77), 77));
    assert_eq!(video.sound.unwrap().duration, of_frames(77));
    assert!(video.faststart);
    let judge = re_mp4::Mp4::read_bytes(&file).unwrap();
    assert_eq!(judge.tracks()[&1].samples.len(), 77);
    assert_eq!(judge.tracks()[&1].duration, 77 * judge.tracks()[&1].timescale / 24);
}

#[test]
fn both_parts_show_what_they_showed_before() {
    let (file, _) = joined(&an_odd_film().file(), &a_film().file());

    for frame in [0, 28] {
        let expected = 200 - u8::try_from(frame * 3).unwrap();
        assert!(brightness(&file, frame).abs_diff(expected) < 3, "frame {frame}");
    }
    for frame in [0, 20, 47] {
        assert!(brightness(&file, 29 + frame).abs_diff(grey(frame)) < 3, "frame {frame}");
    }
}

/// An edit as it stands in the file: how long in the movie, and from where in the track.
fn edits(file: &[u8], track: usize) -> Vec<(u64, i64)> {
    let table = |window: &(usize, &[u8])| window.1 == b"elst";
    let (at, _) = file.windows(4).enumerate().filter(table).nth(track).unwrap();
    let number = |at: usize| u64::from_be_bytes(file[at..at + 8].try_into().unwrap());
    let count = usize::from(file[at + 11]);
    let row = |row: usize| at + 12 + row * 20;
    (0..count).map(|it| (number(row(it)), number(row(it) + 8).cast_signed())).collect()
}

#[test]
fn each_part_of_the_sound_is_heard_with_its_own_pictures() {
    let (file, _) = joined(&an_odd_film().file(), &a_film().file());

    let frame = 1000;
    assert_eq!(edits(&file, 0), [(77 * frame, 0)]);
    // 29 frames take 58000 samples: 57 packets, and one before them that is not heard.
    assert_eq!(edits(&file, 1), [(29 * frame, 1024), (48 * frame, 58_000 + 1024 + 1024)]);
}

#[test]
fn samples_are_copied_byte_by_byte() {
    let (first, second) = (an_odd_film().file(), a_film().file());
    let (file, _) = joined(&first, &second);

    let all = |file: &[u8], sound: bool| {
        let mut reader = Mp4Reader::open(Cursor::new(file)).unwrap();
        let track = if sound { reader.sound() } else { reader.pictures() };
        let samples = track.unwrap().samples().to_vec();
        let mut bytes = Vec::new();
        let mut read = |sample| {
            reader.read_sample(sample, &mut bytes).unwrap();
            bytes.clone()
        };
        samples.iter().map(&mut read).collect::<Vec<_>>()
    };
    for sound in [false, true] {
        assert!(all(&file, sound) == [all(&first, sound), all(&second, sound)].concat());
    }
}

#[test]
fn a_joined_file_can_be_joined_again() {
    let once = joined(&an_odd_film().file(), &a_film().file()).0;

    let (file, made) = joined(&once, &an_odd_film().file());

    assert_eq!((made.duration, made.seam), (of_frames(106), of_frames(77)));
    assert_eq!(probed(&file).duration, of_frames(106));
    assert!(brightness(&file, 77).abs_diff(200) < 3);
    assert_eq!(edits(&file, 1).len(), 3);
}

#[test]
fn parts_that_are_coded_differently_keep_their_parameters() {
    let second = Film { size: (64, 48), frames: 24, ..a_film() }.file();

    let (file, made) = joined(REORDERED, &second);

    assert_eq!((made.duration, made.seam), (of_frames(54), of_frames(30)));
    assert_eq!(probed(&file).duration, of_frames(54));
    assert_eq!(file.windows(4).filter(|window| window == b"avcC").count(), 2);
    assert!(brightness(&file, 29).abs_diff(20 + 7 * 29) < 4);
    assert!(brightness(&file, 30).abs_diff(grey(0)) < 3);
    assert!(brightness(&file, 53).abs_diff(grey(23)) < 3);
    // The part without reordering is shown as late as the other one: no seam in the edit list.
    assert_eq!(edits(&file, 0).len(), 1);
}

#[test]
fn the_title_of_the_first_part_stays() {
    let (file, _) = joined(&a_film().file(), &an_odd_film().file());

    assert!(file.windows(5).any(|window| window == b"Greys"));
}

#[test]
fn a_part_without_sound_is_silent_for_as_long_as_it_lasts() {
    let mute = Film { loudness: None, ..an_odd_film() }.file();

    let (first_mute, _) = joined(&mute, &a_film().file());
    let (second_mute, _) = joined(&a_film().file(), &mute);
    let (both_mute, _) = joined(&mute, &mute);

    assert_eq!(edits(&first_mute, 1), [(29_000, -1), (48_000, 1024)]);
    assert_eq!(edits(&second_mute, 1), [(48_000, 1024)]);
    assert_eq!(is_silent(Cursor::new(&first_mute)).unwrap(), Some(false));
    assert_eq!(probed(&second_mute).duration, of_frames(77));
    assert_eq!(probed(&both_mute).sound, None);
}

#[test]
fn what_cannot_be_joined_is_refused_with_the_reason() {
    let film = a_film().file();
    let small = Film { size: (64, 64), ..a_film() }.file();
    let like_fragmented = Film { size: (64, 48), ..a_film() }.file();
    let cases: [(&[u8], &[u8], &str); 6] = [
        (&film, &small, "pictures of 64x64 cannot follow pictures of 96x64"),
        (&film, HEVC, "the pictures of the second file are coded as hevc; only h264"),
        (INDEX_LAST, &film, "the sound of the first file is coded as mp3; only aac"),
        (b"<html>", &film, "the first file cannot be read"),
        (&film, &film[..film.len() - 9], "the second file cannot be read"),
        (&like_fragmented, FRAGMENTED, "the sound of the files differs"),
    ];
    for (first, second, expected) in cases {
        let error = refused(first, second).to_string();
        assert!(error.starts_with(expected), "{error}");
    }
}

#[test]
fn another_frame_rate_is_refused() {
    let film = a_film().file();
    let mut slower = film.clone();
    let times = slower.windows(4).position(|window| window == b"stts").unwrap();
    slower[times + 16..times + 20].copy_from_slice(&1001_u32.to_be_bytes());

    let error = refused(&film, &slower);

    assert_eq!(error.to_string(), "23.976 frames a second cannot follow 24.000");
}

/// What [`a_film`] is coded like.
const LIKE_A_FILM: Sequel =
    Sequel { size: (96, 64), frame_rate: 24, sample_rate: 48_000, channels: 2 };

#[test]
fn whether_a_file_can_be_gone_on_from_is_known_before_the_rest_is_made() {
    let film = a_film().file();
    let mute = Film { loudness: None, ..an_odd_film() }.file();
    let twice = joined(&film, &film).0;

    for file in [film, an_odd_film().file(), mute, twice] {
        let shown = can_precede(Cursor::new(&file), LIKE_A_FILM).unwrap();
        assert_eq!(shown, joined(&file, &a_film().file()).1.seam);
    }
}

#[test]
fn what_cannot_be_gone_on_from_is_refused_with_the_reason() {
    let film = a_film().file();
    let cases: [(&[u8], Sequel, &str); 6] = [
        (&film, Sequel { size: (64, 64), ..LIKE_A_FILM }, "pictures of 64x64 cannot follow"),
        (&film, Sequel { frame_rate: 30, ..LIKE_A_FILM }, "30.000 frames a second cannot follow"),
        (&film, Sequel { sample_rate: 44_100, ..LIKE_A_FILM }, "the sound of the files differs"),
        (&film, Sequel { channels: 1, ..LIKE_A_FILM }, "the sound of the files differs"),
        (HEVC, LIKE_A_FILM, "the pictures of the first file are coded as hevc"),
        (&film[..film.len() - 9], LIKE_A_FILM, "the first file cannot be read"),
    ];
    for (file, sequel, expected) in cases {
        let error = can_precede(Cursor::new(file), sequel).unwrap_err().to_string();
        assert!(error.starts_with(expected), "{error}");
    }
}

#[test]
fn a_turned_file_cannot_be_gone_on_from_and_its_pictures_say_so() {
    let film = a_film().file();
    let mut turned = film.clone();
    let header = turned.windows(4).position(|window| window == b"tkhd").unwrap();
    let matrix = header + 4 + 40;
    let quarter = [0_u32, 0x0001_0000, 0, 0xFFFF_0000, 0, 0, 96 << 16, 0, 0x4000_0000];
    for (at, word) in quarter.into_iter().enumerate() {
        turned[matrix + at * 4..][..4].copy_from_slice(&word.to_be_bytes());
    }
    let upright = |file: &[u8]| Pictures::open(Cursor::new(file)).unwrap().are_upright();

    let refused = can_precede(Cursor::new(&turned), LIKE_A_FILM);

    assert!(matches!(refused, Err(StitchError::Turned)), "{refused:?}");
    assert_eq!((upright(&film), upright(&turned)), (true, false));
}

#[test]
fn a_full_disk_ends_the_work_with_its_reason() {
    let film = a_film().file();
    let mut room = [0; 5000];

    let error = stitch(Cursor::new(&film), Cursor::new(&film), &mut room[..]).unwrap_err();

    assert!(matches!(error, StitchError::Write(_)), "{error}");
}

#[test]
fn a_file_that_shrinks_while_it_is_copied_is_named() {
    /// Says that it is as long as before, and ends earlier.
    struct Shrunk(Cursor<Vec<u8>>);
    impl std::io::Read for Shrunk {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            let end = self.0.get_ref().len() as u64 - 100;
            let left = usize::try_from(end.saturating_sub(self.0.position())).unwrap();
            let len = buffer.len().min(left);
            self.0.read(&mut buffer[..len])
        }
    }
    impl std::io::Seek for Shrunk {
        fn seek(&mut self, to: std::io::SeekFrom) -> std::io::Result<u64> {
            self.0.seek(to)
        }
    }
    let film = a_film().file();

    let shrunk = Shrunk(Cursor::new(film.clone()));
    let error = stitch(Cursor::new(&film), shrunk, Vec::new()).unwrap_err();

    assert!(matches!(error, StitchError::File { part: Part::Second, .. }), "{error}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_change_to_a_valid_file_makes_joining_panic(
        which in 0_usize..2,
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
    ) {
        let mut file = [REORDERED, FRAGMENTED][which].to_vec();
        for (at, value) in changes {
            let at = at.index(file.len());
            file[at] = value;
        }
        let mut out = Vec::new();
        let sequel = Sequel { size: (64, 48), ..LIKE_A_FILM };
        can_precede(Cursor::new(&file), sequel).ok();
        if stitch(Cursor::new(&file), Cursor::new(&file), &mut out).is_ok() {
            let probed = probe(Cursor::new(&out));
            prop_assert!(probed.is_ok(), "{probed:?}");
        }
    }
}
