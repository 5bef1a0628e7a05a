//! Listens to a sound track: is there anything in it?

use std::io::{Read, Seek};
use std::panic::{AssertUnwindSafe, catch_unwind};

use syom::{AacError, DecodeOptions, Decoder};

use crate::mp4::{Codec, Mp4Reader, Sample, Track};

/// Packets that are decoded, at most: a minute and a half. Longer tracks are sampled.
const MOST_PACKETS: usize = 4096;
/// The places at which a long track is sampled.
const PLACES: usize = 32;
/// What decoding a packet costs, in units of the budget.
const PACKET: u64 = 20_000;
/// The mean square of a sound at -60 dB of full scale.
const AUDIBLE: f32 = 1e-6;

/// Whether all that is heard of the track is silence. `None` when nobody can tell.
pub(super) fn is_silent<R: Read + Seek>(file: &mut Mp4Reader<R>) -> Option<bool> {
    let track = file.take_sound().filter(|track| track.codec == Codec::Aac)?;
    let mut all_heard = true;
    for stretch in stretches(track.samples()) {
        match listen(file, &track, stretch) {
            Heard::Something => return Some(false),
            Heard::Silence => {}
            Heard::Nothing => all_heard = false,
        }
    }
    all_heard.then_some(true)
}

enum Heard {
    Something,
    Silence,
    /// What is there cannot be decoded.
    Nothing,
}

/// The whole track, or as much of it at evenly spaced places.
fn stretches(samples: &[Sample]) -> Vec<&[Sample]> {
    if samples.len() <= MOST_PACKETS {
        return vec![samples];
    }
    let len = MOST_PACKETS / PLACES;
    let start = |place: usize| (samples.len() - len) * place / (PLACES - 1);
    (0..PLACES).map(|place| &samples[start(place)..start(place) + len]).collect()
}

fn listen<R: Read + Seek>(file: &mut Mp4Reader<R>, track: &Track, samples: &[Sample]) -> Heard {
    let mut decoder = None;
    let mut packet = Vec::new();
    for sample in samples {
        if file.budget().spend(PACKET).is_err() || file.read_sample(sample, &mut packet).is_err() {
            return Heard::Nothing;
        }
        let known = decoder.take().filter(|(description, _)| *description == sample.description);
        let Some((_, mut open)) = known.or_else(|| begin(track, sample)) else {
            return Heard::Nothing;
        };
        match is_audible(&mut open, &packet) {
            Ok(true) => return Heard::Something,
            Ok(false) => decoder = Some((sample.description, open)),
            Err(_) => return Heard::Nothing,
        }
    }
    Heard::Silence
}

fn begin(track: &Track, sample: &Sample) -> Option<(u16, Decoder)> {
    let config = track.aac_config(sample.description)?;
    let decoder = Decoder::from_asc(config, DecodeOptions::audio()).ok()?;
    Some((sample.description, decoder))
}

fn is_audible(decoder: &mut Decoder, packet: &[u8]) -> Result<bool, AacError> {
    let mut audible = false;
    // A file that makes the decoder panic is only a damaged one.
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        decoder.decode_au(packet, |frame| {
            audible |= frame.planar.iter().any(|plane| mean_square(plane) > AUDIBLE);
            Ok(())
        })
    }));
    outcome.unwrap_or(Err(AacError::NotAac)).map(|()| audible)
}

#[expect(clippy::cast_precision_loss, reason = "a packet has at most 2048 samples")]
fn mean_square(plane: &[f32]) -> f32 {
    plane.iter().map(|value| value * value).sum::<f32>() / plane.len().max(1) as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_track_is_sampled_from_its_first_packet_to_its_last() {
        let sample = |number| Sample {
            offset: number,
            size: 1,
            decode_time: 0,
            duration: 1024,
            shown_after: 0,
            description: 0,
            is_key: true,
        };
        let samples: Vec<_> = (0..100_000).map(sample).collect();

        let places = stretches(&samples);

        assert_eq!(places.len(), 32);
        assert!(places.iter().all(|place| place.len() == 128));
        assert_eq!(places[0][0].offset, 0);
        assert_eq!(places[31][127].offset, 99_999);
    }
}
