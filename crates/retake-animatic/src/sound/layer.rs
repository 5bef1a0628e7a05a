//! The air of a shot: noise, coloured until it passes for weather.

use super::SAMPLE_RATE;
use super::mood::Mood;
use super::voice::Oscillator;

/// A kind of noise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Air {
    Rain,
    Wind,
    Surf,
    Stream,
    City,
    Rumble,
}

impl Air {
    /// Highest and lowest frequency let through, level, and how it swells: how often, how deep.
    fn colour(self) -> (f32, f32, f32, f64, f32) {
        match self {
            Self::Rain => (7000.0, 1200.0, 0.105, 0.11, 0.2),
            Self::Wind => (480.0, 90.0, 0.5, 0.17, 0.65),
            Self::Surf => (1400.0, 120.0, 0.32, 0.12, 0.85),
            Self::Stream => (4200.0, 500.0, 0.11, 0.3, 0.12),
            Self::City => (260.0, 45.0, 0.45, 0.09, 0.3),
            Self::Rumble => (110.0, 25.0, 0.85, 0.06, 0.5),
        }
    }
}

/// All noises of one shot.
pub(super) struct Layers(Vec<Layer>);

struct Layer {
    state: u64,
    channels: [Filter; 2],
    swell: Oscillator,
    level: f32,
    depth: f32,
}

/// Two low passes and a high pass in a row, each of the first order.
#[derive(Clone, Copy, Default)]
struct Filter {
    low: f32,
    high: f32,
    first: f32,
    second: f32,
    floor: f32,
}

impl Layers {
    /// The noises, `samples` after the shot began.
    pub(super) fn new(mood: &Mood, samples: i64) -> Self {
        let layer = |(number, &(air, level)): (usize, &(Air, f32))| {
            let (high, low, own_level, pace, depth) = air.colour();
            let filter = Filter { low: share(high), high: share(low), ..Filter::default() };
            let phase = (mood.seed % 64) as u32;
            Layer {
                state: mood.seed.wrapping_add(number as u64) | 1,
                channels: [filter; 2],
                swell: Oscillator::new(pace, f64::from(phase) / 64.0, samples),
                level: level * own_level,
                depth,
            }
        };
        Self(mood.airs.iter().enumerate().map(layer).collect())
    }

    /// The next sample, left and right.
    pub(super) fn next(&mut self) -> (f32, f32) {
        self.0.iter_mut().fold((0.0, 0.0), |(left, right), layer| {
            let gain = layer.level * (1.0 + layer.depth * (layer.swell.next() - 1.0) * 0.5);
            let noise = [layer.noise(), layer.noise()];
            let [near, far] = [0, 1].map(|side| layer.channels[side].pass(noise[side]));
            // A little of each side in the other keeps the noise in one place.
            (left + gain * (near + 0.3 * far), right + gain * (far + 0.3 * near))
        })
    }
}

impl Layer {
    /// White noise from -1 to 1 (xorshift).
    fn noise(&mut self) -> f32 {
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        let top = (self.state >> 48) as u16;
        f32::from(top) / 32_768.0 - 1.0
    }
}

impl Filter {
    fn pass(&mut self, input: f32) -> f32 {
        self.first += self.low * (input - self.first);
        self.second += self.low * (self.first - self.second);
        self.floor += self.high * (self.second - self.floor);
        self.second - self.floor
    }
}

/// How much of a new sample a first-order low pass at `frequency` takes in.
#[expect(clippy::cast_precision_loss, reason = "a small constant")]
fn share(frequency: f32) -> f32 {
    1.0 - (-std::f32::consts::TAU * frequency / SAMPLE_RATE as f32).exp()
}
