//! Builds movies whose samples are noise: containers do not look inside.

use std::io::Cursor;

use retake_media::{AacTrack, AvcConfig, AvcTrack, Movie, Mp4Writer};

/// Start codes around the parameter sets of a High profile stream, level 3.1.
const PARAMETER_SETS: [u8; 16] = [0, 0, 0, 1, 0x67, 100, 0, 31, 0xAC, 0, 0, 1, 0x68, 0xEE, 6, 0x80];

pub(crate) fn a_movie(seconds: u32, frame_rate: u32, with_sound: bool) -> Movie {
    let frames = seconds * frame_rate;
    Movie {
        picture: AvcTrack {
            config: AvcConfig::from_annex_b(&PARAMETER_SETS).unwrap(),
            width: 1280,
            height: 720,
            frame_rate,
            frames,
            key_frames: frames.div_ceil(KEY_EVERY),
        },
        sound: with_sound.then(|| AacTrack {
            config: vec![0x11, 0x90],
            sample_rate: 48_000,
            channels: 2,
            priming: 1024,
            packets: (seconds * 48_000).div_ceil(1024) + 1,
        }),
        title: Some("Noise".to_owned()),
        comment: None,
        tool: Some("test".to_owned()),
    }
}

const KEY_EVERY: u32 = 48;

/// Writes a movie whose samples have the sizes that `size_of` says, by number.
pub(crate) fn written(movie: Movie, size_of: impl Fn(u32) -> usize) -> Vec<u8> {
    let (frames, rate) = (movie.picture.frames, movie.picture.frame_rate);
    let packets = movie.sound.as_ref().map_or(0, |sound| sound.packets);
    let mut writer = Mp4Writer::new(Cursor::new(Vec::new()), movie).unwrap();
    let mut packet = 0;
    for frame in 0..frames {
        writer.write_frame(&vec![7; size_of(frame)], frame % KEY_EVERY == 0).unwrap();
        while packet < packets && (packet * 1024 / 48_000 <= frame / rate || frame + 1 == frames) {
            writer.write_sound(&vec![9; size_of(packet) / 4]).unwrap();
            packet += 1;
        }
    }
    let (out, len) = writer.finish().unwrap();
    assert_eq!(out.get_ref().len() as u64, len);
    out.into_inner()
}
