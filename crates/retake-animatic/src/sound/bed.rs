//! Lays the sound of the shots one after the other, along the cuts.
//!
//! A shot's sound fades in while that of the shot before fades out, around the cut. A loop has a cut
//! between its end and its beginning like any other: the last shot reaches into the beginning and
//! the first one into the end. Otherwise the sound rises at the start and falls silent at the end.

use std::f32::consts::FRAC_PI_2;

use super::SAMPLE_RATE;
use super::layer::Layers;
use super::mood::Mood;
use super::voice::Voice;
use crate::{Brief, FPS, Storyboard, Transition};

/// The sound of all shots, made in order.
pub(super) struct Bed {
    cues: Vec<Cue>,
    playing: Vec<(usize, Player)>,
    at: i64,
}

/// When a shot sounds, in samples. It rises between the first two moments and falls between the
/// last two; between `rise.1` and `fall.0` it is at its full level.
struct Cue {
    mood: Mood,
    /// When the shot itself begins.
    origin: i64,
    rise: (i64, i64),
    fall: (i64, i64),
}

struct Player {
    voice: Voice,
    layers: Layers,
}

impl Bed {
    pub(super) fn new(brief: &Brief, storyboard: &Storyboard) -> Self {
        let shots = &storyboard.shots;
        let total = samples(storyboard.frames);
        let mut cues = Vec::new();
        for (number, shot) in shots.iter().enumerate() {
            let (start, end) = (samples(shot.start), samples(shot.start + shot.frames));
            let next = shots.get(number + 1).or(shots.first().filter(|_| brief.looped));
            let first = number == 0 && !brief.looped;
            let rise = if first { (0, half_second()) } else { around(start, shot.transition) };
            let fall = match next {
                Some(next) => around(end, next.transition),
                None => (end - 2 * half_second(), end),
            };
            cues.push(Cue { mood: Mood::of(shot, number, brief.seed), origin: start, rise, fall });
        }
        if brief.looped
            && let [first, .., last] | [first @ last] = cues.as_slice()
        {
            let (before, after) = (last.shifted(-total), first.shifted(total));
            cues.extend([before, after]);
        }
        Self { cues, playing: Vec::new(), at: 0 }
    }

    /// Makes the next block.
    pub(super) fn fill(&mut self, left: &mut [f32], right: &mut [f32]) {
        left.fill(0.0);
        right.fill(0.0);
        let end = self.at + signed(left.len());
        for (number, cue) in self.cues.iter().enumerate() {
            let sounds = cue.rise.0 < end && cue.fall.1 > self.at;
            let place = self.playing.iter().position(|(playing, _)| *playing == number);
            match (sounds, place) {
                (true, None) => self.playing.push((number, Player::new(cue, self.at))),
                (false, Some(place)) => drop(self.playing.remove(place)),
                _ => {}
            }
        }
        for (number, player) in &mut self.playing {
            let cue = &self.cues[*number];
            for (offset, (left, right)) in left.iter_mut().zip(right.iter_mut()).enumerate() {
                let gain = cue.gain(self.at + signed(offset));
                let (tone_left, tone_right) = player.voice.next();
                let (air_left, air_right) = player.layers.next();
                *left += gain * (tone_left + air_left);
                *right += gain * (tone_right + air_right);
            }
        }
        for sample in left.iter_mut().chain(right) {
            *sample = soften(*sample);
        }
        self.at = end;
    }
}

impl Cue {
    fn shifted(&self, by: i64) -> Self {
        let shift = |(from, to)| (from + by, to + by);
        Self {
            mood: self.mood.clone(),
            origin: self.origin + by,
            rise: shift(self.rise),
            fall: shift(self.fall),
        }
    }

    /// Two neighbours keep their power together while one takes over from the other.
    fn gain(&self, at: i64) -> f32 {
        let risen = progress(self.rise, at);
        let fallen = progress(self.fall, at);
        (risen * FRAC_PI_2).sin() * (fallen * FRAC_PI_2).cos()
    }
}

impl Player {
    fn new(cue: &Cue, at: i64) -> Self {
        Self {
            voice: Voice::new(&cue.mood, at - cue.origin),
            layers: Layers::new(&cue.mood, at - cue.origin),
        }
    }
}

/// How far `at` is through a span, from 0 to 1.
#[expect(clippy::cast_precision_loss, reason = "spans are short")]
fn progress((from, to): (i64, i64), at: i64) -> f32 {
    let span = (to - from).max(1) as f32;
    ((at - from) as f32 / span).clamp(0.0, 1.0)
}

/// The time around a cut in which one sound takes over from another.
fn around(cut: i64, transition: Transition) -> (i64, i64) {
    let half = match transition {
        Transition::Cut => half_second() / 3,
        Transition::Dissolve => half_second(),
    };
    (cut - half, cut + half)
}

fn half_second() -> i64 {
    i64::from(SAMPLE_RATE / 2)
}

fn samples(frames: u32) -> i64 {
    i64::from(frames) * i64::from(SAMPLE_RATE / FPS)
}

fn signed(len: usize) -> i64 {
    i64::try_from(len).unwrap_or(i64::MAX)
}

/// Bends what is loud towards, and never past, 0.9. Quiet sound passes as it is.
fn soften(sample: f32) -> f32 {
    let input = sample.clamp(-3.0, 3.0);
    0.9 * input * (27.0 + input * input) / (27.0 + 9.0 * input * input)
}
