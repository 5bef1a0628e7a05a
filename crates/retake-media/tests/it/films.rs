//! Films whose pictures and sound are known: coded by OpenH264 and syom, written by this crate.

use std::f32::consts::TAU;
use std::io::Cursor;

use openh264::OpenH264API;
use openh264::encoder::{Encoder, EncoderConfig, SpsPpsStrategy};
use openh264::formats::YUVBuffer;
use retake_media::{
    AacTrack, AvcConfig, AvcTrack, Movie, Mp4Writer, append_length_prefixed, is_key_frame,
};

const RATE: u32 = 24;
const SAMPLE_RATE: u32 = 48_000;

/// What a film shows and plays. Pictures are grey: brightness by frame, column and row.
#[derive(Clone)]
pub(crate) struct Film {
    pub(crate) frames: u32,
    pub(crate) size: (u32, u32),
    pub(crate) key_every: u32,
    pub(crate) brightness: fn(u32, u32, u32) -> u8,
    /// How loud the sound is, from 0 to 1; `None` for a film without sound.
    pub(crate) loudness: Option<f32>,
}

/// Two seconds that become brighter from frame to frame, with a sound.
pub(crate) fn a_film() -> Film {
    Film {
        frames: 2 * RATE,
        size: (96, 64),
        key_every: 12,
        brightness: |frame, _, _| grey(frame),
        loudness: Some(0.5),
    }
}

/// The brightness of a frame of [`a_film`].
pub(crate) fn grey(frame: u32) -> u8 {
    u8::try_from(30 + frame * 4).unwrap()
}

impl Film {
    /// The film as a file.
    pub(crate) fn file(&self) -> Vec<u8> {
        let pictures = self.coded();
        let (config, packets) = sound(self.frames, self.loudness.unwrap_or(0.0));
        let movie = Movie {
            picture: AvcTrack {
                config: AvcConfig::from_annex_b(&pictures[0]).unwrap(),
                width: u16::try_from(self.size.0).unwrap(),
                height: u16::try_from(self.size.1).unwrap(),
                frame_rate: RATE,
                frames: self.frames,
                key_frames: self.frames.div_ceil(self.key_every),
            },
            sound: self.loudness.map(|_| AacTrack {
                config,
                sample_rate: SAMPLE_RATE,
                channels: 2,
                priming: 1024,
                packets: u32::try_from(packets.len()).unwrap(),
            }),
            title: Some("Greys".to_owned()),
            comment: None,
            tool: None,
        };
        let mut writer = Mp4Writer::new(Cursor::new(Vec::new()), movie).unwrap();
        let mut sample = Vec::new();
        for access_unit in &pictures {
            sample.clear();
            append_length_prefixed(access_unit, &mut sample);
            writer.write_frame(&sample, is_key_frame(access_unit)).unwrap();
        }
        if self.loudness.is_some() {
            for packet in &packets {
                writer.write_sound(packet).unwrap();
            }
        }
        writer.finish().unwrap().0.into_inner()
    }

    fn coded(&self) -> Vec<Vec<u8>> {
        let (width, height) = self.size;
        let config = EncoderConfig::new()
            .background_detection(false)
            .skip_frames(false)
            .sps_pps_strategy(SpsPpsStrategy::ConstantId);
        let api = OpenH264API::from_source();
        let mut encoder = Encoder::with_api_config(api, config).unwrap();
        (0..self.frames)
            .map(|frame| {
                let rows = (0..height).flat_map(|y| (0..width).map(move |x| (x, y)));
                let mut yuv: Vec<u8> = rows.map(|(x, y)| (self.brightness)(frame, x, y)).collect();
                yuv.resize(yuv.len() * 3 / 2, 128);
                if frame % self.key_every == 0 {
                    encoder.force_intra_frame();
                }
                let yuv = YUVBuffer::from_vec(yuv, width as usize, height as usize);
                encoder.encode(&yuv).unwrap().to_vec()
            })
            .collect()
    }
}

/// A tone for as long as so many frames, as packets, with the configuration they are coded in.
fn sound(frames: u32, loudness: f32) -> (Vec<u8>, Vec<Vec<u8>>) {
    let mut options = syom::EncodeOptions::default();
    options.container = syom::EncodeContainer::Raw;
    let mut encoder = syom::Encoder::new(SAMPLE_RATE, 2, &options).unwrap();
    let whole = frames as usize * (SAMPLE_RATE / RATE) as usize;
    let wave = |at: usize| {
        let turns = f32::from(u16::try_from(at % 48_000).unwrap()) / 48_000.0 * 440.0;
        (turns * TAU).sin() * loudness
    };
    let plane: Vec<f32> = (0..whole).map(wave).collect();
    let mut packets = Vec::new();
    let config = encoder.asc().to_vec();
    for block in plane.chunks(1024) {
        encoder
            .feed(&[block, block], |packet| {
                packets.push(packet.payload.to_vec());
                Ok(())
            })
            .unwrap();
    }
    encoder
        .finish(|packet| {
            packets.push(packet.payload.to_vec());
            Ok(())
        })
        .unwrap();
    (config, packets)
}
