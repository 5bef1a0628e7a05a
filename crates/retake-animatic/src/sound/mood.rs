//! What a shot sounds like: its chord from the hour, its air from weather and place.

use super::layer::Air;
use crate::{Hour, Place, Shot, Weather};

/// Everything the tones and layers of one shot are made from.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Mood {
    /// Frequencies of the chord, the lowest first.
    pub(super) notes: [f64; 5],
    /// How much of the overtones is heard, from 0 to 1.
    pub(super) brightness: f32,
    /// Noises, each with its level.
    pub(super) airs: Vec<(Air, f32)>,
    /// Makes one shot's noise differ from another's.
    pub(super) seed: u64,
}

const MAJOR: [i32; 7] = [0, 2, 4, 5, 7, 9, 11];
const MINOR: [i32; 7] = [0, 2, 3, 5, 7, 8, 10];
/// Steps of the scale on which the chords of successive shots stand.
const PROGRESSION: [usize; 4] = [0, 5, 3, 4];

impl Mood {
    pub(super) fn of(shot: &Shot, number: usize, seed: u64) -> Self {
        let (key, scale, brightness) = tonality(shot.hour, shot.weather);
        let turn = usize::try_from(seed % 4).unwrap_or(0);
        let step = PROGRESSION[(number + turn) % PROGRESSION.len()];
        let note = |degree: usize| {
            let octaves = i32::try_from(degree / 7).unwrap_or(0);
            let key_number = key + scale[degree % 7] + 12 * octaves;
            440.0 * (f64::from(key_number - 69) / 12.0).exp2()
        };
        Self {
            notes: [
                note(step) / 2.0,
                note(step + 4),
                note(step + 7),
                note(step + 9),
                note(step + 13),
            ],
            brightness: if shot.place == Place::Underwater { 0.1 } else { brightness },
            airs: airs(shot.place, shot.weather),
            seed: seed ^ (number as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15),
        }
    }
}

/// Key (as a MIDI note), scale and brightness.
fn tonality(hour: Hour, weather: Weather) -> (i32, &'static [i32; 7], f32) {
    let (key, scale, brightness) = match hour {
        Hour::Dawn => (50, &MAJOR, 0.45),
        Hour::Morning => (55, &MAJOR, 0.6),
        Hour::Day => (48, &MAJOR, 0.6),
        Hour::Golden => (53, &MAJOR, 0.5),
        Hour::Sunset => (46, &MAJOR, 0.4),
        Hour::Dusk => (45, &MINOR, 0.35),
        Hour::Night => (52, &MINOR, 0.25),
        Hour::Moonlit => (49, &MINOR, 0.3),
    };
    match weather {
        Weather::Storm => (key - 2, &MINOR, 0.2),
        Weather::Rain | Weather::Fog => (key, scale, brightness * 0.6),
        _ => (key, scale, brightness),
    }
}

fn airs(place: Place, weather: Weather) -> Vec<(Air, f32)> {
    let outside = if is_indoors(place) { 0.3 } else { 1.0 };
    let mut airs: Vec<(Air, f32)> = match weather {
        Weather::Rain => vec![(Air::Rain, 0.8)],
        Weather::Storm => vec![(Air::Rain, 1.0), (Air::Wind, 0.9), (Air::Rumble, 1.0)],
        Weather::Wind => vec![(Air::Wind, 1.0)],
        Weather::Snow => vec![(Air::Wind, 0.4)],
        Weather::Fog => vec![(Air::Wind, 0.2)],
        Weather::Clear | Weather::Cloudy => Vec::new(),
    };
    for (_, level) in &mut airs {
        *level *= outside;
    }
    airs.extend(match place {
        Place::Beach | Place::Ocean => Some((Air::Surf, 1.0)),
        Place::Waterfall => Some((Air::Stream, 1.0)),
        Place::River => Some((Air::Stream, 0.5)),
        Place::Lake => Some((Air::Surf, 0.3)),
        Place::Forest | Place::Jungle | Place::Meadow => Some((Air::Wind, 0.3)),
        Place::Mountain | Place::Desert | Place::Snowfield | Place::Sky => Some((Air::Wind, 0.5)),
        Place::Street | Place::Skyline | Place::Road | Place::Stadium => Some((Air::City, 0.8)),
        Place::Cafe | Place::Factory | Place::Office | Place::Village => Some((Air::City, 0.35)),
        Place::Underwater | Place::Space | Place::Cave => Some((Air::Rumble, 0.7)),
        _ => None,
    });
    airs
}

fn is_indoors(place: Place) -> bool {
    use Place as P;
    matches!(
        place,
        P::Kitchen
            | P::Bedroom
            | P::Living
            | P::Office
            | P::Library
            | P::Classroom
            | P::Cafe
            | P::Studio
            | P::Stage
            | P::Factory
            | P::Lab
            | P::Corridor
            | P::Cave
            | P::Underwater
            | P::Space
    )
}
