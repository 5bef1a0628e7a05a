//! The sound of an animatic, as packets of AAC.
//!
//! Sound is made and encoded in step with the pictures and never stored: a block goes in, packets
//! come out. How many there will be is known beforehand, because the file has to know.
//!
//! `mood` reads from a shot what it should sound like, `voice` and `layer` make the tones and the
//! weather, and `bed` lays one shot after the other along the cuts.

mod bed;
mod layer;
mod mood;
mod voice;

use retake_media::AacTrack;
use thiserror::Error;

use crate::{Brief, FPS, Storyboard};
use bed::Bed;

/// Samples per second, of each channel.
pub(crate) const SAMPLE_RATE: u32 = 48_000;
/// Left and right.
pub(crate) const CHANNELS: u8 = 2;
/// Samples of a packet, and what the encoder puts before the first one.
const PACKET: usize = 1024;
const BITS_PER_SECOND: u32 = 128_000;

/// Why the sound could not be made.
#[derive(Debug, Error)]
pub enum SoundError {
    #[error("the AAC encoder gave up")]
    Encoder(#[from] syom::AacError),
}

/// Makes the sound of one video, from its beginning to its end.
pub(crate) struct Sound {
    /// `None`: silence.
    bed: Option<Bed>,
    encoder: syom::Encoder,
    block: [[f32; PACKET]; CHANNELS as usize],
    made: u64,
    total: u64,
}

impl Sound {
    pub(crate) fn new(brief: &Brief, storyboard: &Storyboard) -> Result<Self, SoundError> {
        let mut options = syom::EncodeOptions::default();
        options.container = syom::EncodeContainer::Raw;
        options.bitrate_bps = BITS_PER_SECOND;
        Ok(Self {
            bed: brief.audio.then(|| Bed::new(brief, storyboard)),
            encoder: syom::Encoder::new(SAMPLE_RATE, CHANNELS.into(), &options)?,
            block: [[0.0; PACKET]; CHANNELS as usize],
            made: 0,
            total: u64::from(storyboard.frames) * u64::from(SAMPLE_RATE / FPS),
        })
    }

    /// The track as the file has to announce it.
    pub(crate) fn track(&self) -> AacTrack {
        let packet = PACKET as u64;
        // One more packet than there is sound for: the encoder is late by one.
        let packets = self.total.div_ceil(packet) + 1;
        AacTrack {
            config: self.encoder.asc().to_vec(),
            sample_rate: SAMPLE_RATE,
            channels: CHANNELS.into(),
            priming: 1024,
            packets: u32::try_from(packets).unwrap_or(u32::MAX),
        }
    }

    /// Makes the sound up to the end of this many frames, and hands its packets to `sink`. With
    /// the last frame comes everything that is left.
    pub(crate) fn advance<E: From<SoundError>>(
        &mut self,
        frames: u32,
        mut sink: impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        let end = (u64::from(frames) * u64::from(SAMPLE_RATE / FPS)).min(self.total);
        let mut packets = Vec::new();
        while self.made < end {
            let len = usize::try_from(self.total - self.made).unwrap_or(PACKET).min(PACKET);
            self.make_block(len);
            let planes = self.block.each_ref().map(|plane| &plane[..len]);
            let keep = |packet: syom::EncodedFrame<'_>| {
                packets.push(packet.payload.to_vec());
                Ok(())
            };
            self.encoder.feed(&planes, keep).map_err(SoundError::from)?;
            self.made += len as u64;
            if self.made == self.total {
                let keep = |packet: syom::EncodedFrame<'_>| {
                    packets.push(packet.payload.to_vec());
                    Ok(())
                };
                self.encoder.finish(keep).map_err(SoundError::from)?;
            }
        }
        packets.iter().try_for_each(|packet| sink(packet))
    }

    fn make_block(&mut self, len: usize) {
        let [left, right] = &mut self.block;
        if let Some(bed) = &mut self.bed {
            bed.fill(&mut left[..len], &mut right[..len]);
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::storyboard;

    pub(crate) fn a_brief(prompt: &str) -> Brief {
        Brief {
            prompt: prompt.to_owned(),
            negative_prompt: None,
            seconds: 6,
            width: 128,
            height: 72,
            seed: 1,
            looped: false,
            audio: true,
            first_frame: None,
            characters: Vec::new(),
            continues: None,
        }
    }

    /// The root of the mean square.
    #[expect(clippy::cast_precision_loss, reason = "clips are short")]
    pub(crate) fn level(samples: &[f32]) -> f32 {
        (samples.iter().map(|sample| sample * sample).sum::<f32>() / samples.len() as f32).sqrt()
    }

    fn bed_of(brief: &Brief) -> [Vec<f32>; 2] {
        let board = storyboard(brief);
        let len = board.frames as usize * 2000;
        let mut bed = Bed::new(brief, &board);
        let (mut left, mut right) = (vec![0.0; len], vec![0.0; len]);
        for (left, right) in left.chunks_mut(PACKET).zip(right.chunks_mut(PACKET)) {
            bed.fill(left, right);
        }
        [left, right]
    }

    const STORM: &str = "A storm at sea by night. Then a sunny meadow. Then a city street in rain.";

    #[test]
    fn the_bed_is_audible_and_never_clips() {
        let [left, right] = bed_of(&a_brief(STORM));

        let peak = left.iter().chain(&right).fold(0.0_f32, |peak, sample| peak.max(sample.abs()));
        assert!(peak < 0.8, "peak {peak}");
        assert!((0.02..0.2).contains(&level(&left)), "level {}", level(&left));
    }

    #[test]
    fn nothing_clicks_at_the_cuts_nor_at_the_ends() {
        let [left, _] = bed_of(&a_brief("A calm lake at dawn. Cut to a quiet bedroom at night."));

        let step = left.windows(2).map(|pair| (pair[1] - pair[0]).abs()).fold(0.0, f32::max);
        assert!(step < 0.06, "largest step {step}");
        assert!(left[0].abs() < 0.001 && left[left.len() - 1].abs() < 0.001);
    }

    #[test]
    fn a_loop_goes_on_where_it_ended() {
        let mut brief = a_brief("A calm lake at dawn. Cut to a quiet bedroom at night.");
        brief.looped = true;
        let [left, _] = bed_of(&brief);

        let seam = (left[0] - left[left.len() - 1]).abs();
        assert!(seam < 0.03, "step at the seam {seam}");
        assert!(left[..2000].iter().any(|sample| sample.abs() > 0.01), "the loop does not fade");
    }

    #[test]
    fn as_many_packets_come_out_as_were_announced() {
        for audio in [true, false] {
            let brief = Brief { audio, seconds: 2, ..a_brief("waves") };
            let mut sound = Sound::new(&brief, &storyboard(&brief)).unwrap();
            let announced = sound.track().packets;
            let mut found = 0;
            for frames in 1..=2 * FPS {
                let count = |_: &[u8]| {
                    found += 1;
                    Ok::<(), SoundError>(())
                };
                sound.advance(frames, count).unwrap();
            }
            assert_eq!(found, announced);
        }
    }
}
