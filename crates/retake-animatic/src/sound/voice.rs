//! The tones of a shot: a chord that breathes.
//!
//! Every note sounds twice, a little out of tune and to either side, and swells at a pace of its
//! own. Oscillators are turned by a fixed angle for each sample, so a sample costs no sine; and their
//! phase follows from the time alone, so a loop meets its beginning in step.

use std::f64::consts::TAU;

use super::SAMPLE_RATE;
use super::mood::Mood;

/// Level of the whole chord.
const LEVEL: f32 = 0.105;
/// The lower notes carry, the upper ones shimmer.
const NOTE_LEVELS: [f32; 5] = [1.0, 0.8, 0.7, 0.5, 0.28];
const DETUNE: f64 = 0.0018;

/// A point turning on the unit circle.
#[derive(Clone, Copy, Debug)]
pub(super) struct Oscillator {
    sine: f64,
    cosine: f64,
    turn: (f64, f64),
}

impl Oscillator {
    /// Turning `frequency` times a second, `samples` after it was at `phase` (in turns).
    #[expect(clippy::cast_precision_loss, reason = "exact up to 2^52 samples")]
    pub(super) fn new(frequency: f64, phase: f64, samples: i64) -> Self {
        let angle = frequency / f64::from(SAMPLE_RATE);
        let (sine, cosine) = ((phase + angle * samples as f64).fract() * TAU).sin_cos();
        Self { sine, cosine, turn: (angle * TAU).sin_cos() }
    }

    #[expect(clippy::cast_possible_truncation, reason = "sound needs no more than 24 bits")]
    pub(super) fn next(&mut self) -> f32 {
        let (sine, cosine) = (self.sine, self.cosine);
        self.sine = sine * self.turn.1 + cosine * self.turn.0;
        self.cosine = cosine * self.turn.1 - sine * self.turn.0;
        sine as f32
    }
}

/// The chord of one shot.
pub(super) struct Voice {
    tones: Vec<Tone>,
}

struct Tone {
    fundamental: Oscillator,
    overtone: Oscillator,
    swell: Oscillator,
    level: f32,
    overtone_level: f32,
    pan: (f32, f32),
}

impl Voice {
    /// The chord, `samples` after the shot began.
    pub(super) fn new(mood: &Mood, samples: i64) -> Self {
        let mut tones = Vec::new();
        for (number, (&note, &level)) in (0_u32..).zip(mood.notes.iter().zip(&NOTE_LEVELS)) {
            for (side, pan) in [(-1.0, (0.8, 0.45)), (1.0, (0.45, 0.8))] {
                let frequency = note * (1.0 + side * DETUNE);
                // Golden-ratio phases spread the swells evenly over time.
                let phase = (f64::from(number) + side * 0.25) * 0.618_034;
                let pace = 0.07 + 0.019 * f64::from(number);
                tones.push(Tone {
                    fundamental: Oscillator::new(frequency, phase, samples),
                    overtone: Oscillator::new(frequency * 2.0, phase * 0.5, samples),
                    swell: Oscillator::new(pace, phase, samples),
                    level: level * LEVEL,
                    overtone_level: 0.5 * mood.brightness,
                    pan,
                });
            }
        }
        Self { tones }
    }

    /// The next sample, left and right.
    pub(super) fn next(&mut self) -> (f32, f32) {
        self.tones.iter_mut().fold((0.0, 0.0), |(left, right), tone| {
            let breath = 0.65 + 0.35 * tone.swell.next();
            let wave = tone.fundamental.next() + tone.overtone_level * tone.overtone.next();
            let sample = tone.level * breath * wave;
            (left + tone.pan.0 * sample, right + tone.pan.1 * sample)
        })
    }
}
