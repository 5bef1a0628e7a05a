//! The light of a shot: what hour and weather do to every colour in it.
//!
//! All colours pass through here before they reach the picture: lit by the key light or left in
//! its shade, veiled by the air between, graded by the look.

use super::ink::{Ink, ink};
use super::num::mix;
use crate::storyboard::{Hour, Look, Place, Shot, Weather};

/// The light of a shot.
#[derive(Clone, Debug)]
pub(crate) struct Light {
    pub(crate) sky_top: Ink,
    pub(crate) sky_mid: Ink,
    pub(crate) sky_low: Ink,
    /// The colour that distance takes on.
    pub(crate) haze: Ink,
    /// How fast distance takes it on.
    pub(crate) thickness: f32,
    /// Colour and strength of the key light.
    pub(crate) key: Ink,
    /// What reaches the shade.
    pub(crate) ambient: Ink,
    /// Where the key light stands, in frame units from the centre.
    pub(crate) sun: (f32, f32),
    /// Between 0 and 1: how many stars are out.
    pub(crate) stars: f32,
    /// Between 0 and 1: how much the lamps are on.
    pub(crate) lamps: f32,
    /// How much of the sky is cloud.
    pub(crate) clouds: f32,
    /// Whether the disc of sun or moon can be seen.
    pub(crate) disc: bool,
    pub(crate) moon: bool,
    pub(crate) indoor: bool,
    pub(crate) look: Look,
}

struct Tone {
    top: u32,
    mid: u32,
    low: u32,
    haze: u32,
    key: u32,
    ambient: u32,
    height: f32,
    stars: f32,
    lamps: f32,
}

const fn tone(hour: Hour) -> Tone {
    match hour {
        Hour::Dawn => Tone {
            top: 0x4a_5b8c,
            mid: 0xc6_96a6,
            low: 0xf9_cba0,
            haze: 0xdd_b6ae,
            key: 0xff_c49c,
            ambient: 0x80_809c,
            height: 0.06,
            stars: 0.12,
            lamps: 0.5,
        },
        Hour::Morning => Tone {
            top: 0x56_91c4,
            mid: 0xa0_c8de,
            low: 0xf2_e6cc,
            haze: 0xcd_dde2,
            key: 0xff_edca,
            ambient: 0x98_a4b8,
            height: 0.27,
            stars: 0.0,
            lamps: 0.0,
        },
        Hour::Day => Tone {
            top: 0x37_7ec6,
            mid: 0x7f_b6e2,
            low: 0xd6_e8ef,
            haze: 0xbd_d5e3,
            key: 0xff_fbee,
            ambient: 0xa2_aebe,
            height: 0.42,
            stars: 0.0,
            lamps: 0.0,
        },
        Hour::Golden => Tone {
            top: 0x5c_82ae,
            mid: 0xe8_be90,
            low: 0xff_d28c,
            haze: 0xf2_c692,
            key: 0xff_c674,
            ambient: 0x86_767a,
            height: 0.12,
            stars: 0.0,
            lamps: 0.1,
        },
        Hour::Sunset => Tone {
            top: 0x35_3b70,
            mid: 0xc9_617a,
            low: 0xff_ac58,
            haze: 0xe2_8c66,
            key: 0xff_9450,
            ambient: 0x6a_5670,
            height: 0.05,
            stars: 0.0,
            lamps: 0.4,
        },
        Hour::Dusk => Tone {
            top: 0x17_244e,
            mid: 0x45_5690,
            low: 0xc8_949a,
            haze: 0x6c_73a2,
            key: 0x8c_9ad6,
            ambient: 0x52_5a80,
            height: 0.1,
            stars: 0.35,
            lamps: 0.9,
        },
        Hour::Night => Tone {
            top: 0x06_0c20,
            mid: 0x12_2144,
            low: 0x2a_3d66,
            haze: 0x1e_2e54,
            key: 0x5c_74ac,
            ambient: 0x2c_3858,
            height: 0.36,
            stars: 1.0,
            lamps: 1.0,
        },
        Hour::Moonlit => Tone {
            top: 0x0b_1734,
            mid: 0x1f_3866,
            low: 0x4c_6c98,
            haze: 0x38_5482,
            key: 0xa6_c0ee,
            ambient: 0x38_486c,
            height: 0.3,
            stars: 0.6,
            lamps: 0.8,
        },
    }
}

impl Light {
    /// The light that a shot asks for; `side` is -1 or 1, where the key light stands.
    pub(crate) fn of(shot: &Shot, aspect: f32, side: f32) -> Self {
        let tone = tone(shot.hour);
        let low_sun = tone.height < 0.2;
        let reach = if low_sun { 0.22 } else { 0.3 };
        let mut light = Self {
            sky_top: ink(tone.top),
            sky_mid: ink(tone.mid),
            sky_low: ink(tone.low),
            haze: ink(tone.haze),
            thickness: 0.1,
            key: ink(tone.key),
            ambient: ink(tone.ambient),
            sun: (side * aspect * reach, -tone.height),
            stars: tone.stars,
            lamps: tone.lamps,
            clouds: 0.45,
            disc: true,
            moon: matches!(shot.hour, Hour::Moonlit | Hour::Night | Hour::Dusk),
            indoor: is_indoor(shot.place),
            look: shot.look,
        };
        light.disc = !matches!(shot.hour, Hour::Night | Hour::Dusk);
        light.under(shot.weather);
        if light.indoor {
            light.come_inside(shot.hour);
        }
        light
    }

    fn under(&mut self, weather: Weather) {
        let (grey, dim, thickness, clouds) = match weather {
            Weather::Clear => return,
            Weather::Wind => (0.1, 0.97, 0.12, 0.6),
            Weather::Cloudy => (0.55, 0.86, 0.13, 1.0),
            Weather::Snow => (0.62, 0.95, 0.24, 0.9),
            Weather::Fog => (0.6, 0.95, 0.5, 0.4),
            Weather::Rain => (0.7, 0.66, 0.22, 1.0),
            Weather::Storm => (0.72, 0.45, 0.2, 1.0),
        };
        let veil = |colour: Ink| {
            let flat =
                colour.saturated(0.25).mix(ink(0x8f_9aa6).scaled(colour.brightness() * 1.5), 0.4);
            colour.mix(flat, grey).scaled(dim)
        };
        self.sky_top = veil(self.sky_top).mix(veil(self.sky_low), grey * 0.5);
        self.sky_mid = veil(self.sky_mid);
        self.sky_low = veil(self.sky_low);
        self.haze = veil(self.haze);
        self.key = veil(self.key).scaled(1.0 - grey * 0.45);
        self.ambient = veil(self.ambient);
        self.thickness = thickness;
        self.clouds = clouds;
        self.stars *= 1.0 - grey * 1.3;
        self.disc = grey < 0.5;
        self.lamps = (self.lamps + grey * 0.4).min(1.0);
    }

    /// Rooms are lit through their windows by day and by their lamps at night.
    fn come_inside(&mut self, hour: Hour) {
        let dark = matches!(hour, Hour::Night | Hour::Moonlit | Hour::Dusk);
        self.sun = (self.sun.0.signum() * 0.5, -0.25);
        if dark {
            self.key = ink(0xff_bf7c);
            self.ambient = ink(0x5c_5260);
            self.lamps = 1.0;
        } else {
            self.ambient = self.ambient.mix(ink(0xb4_a898), 0.5).scaled(0.92);
            self.lamps = self.lamps.max(0.35);
        }
        self.thickness = 0.03;
    }

    /// A colour where the key light falls on it, `depth` away from the camera.
    pub(crate) fn lit(&self, local: Ink, depth: f32) -> Ink {
        let strength = self.ambient.scaled(0.75).plus(self.key.scaled(0.62));
        self.through_air(local.times(strength), depth)
    }

    /// A colour in the shade, `depth` away from the camera.
    pub(crate) fn shade(&self, local: Ink, depth: f32) -> Ink {
        self.through_air(local.times(self.ambient.scaled(0.9)), depth)
    }

    /// A colour between light and shade.
    pub(crate) fn half(&self, local: Ink, depth: f32) -> Ink {
        self.lit(local, depth).mix(self.shade(local, depth), 0.5)
    }

    /// A colour that shines by itself.
    pub(crate) fn own(&self, local: Ink) -> Ink {
        local.graded(self.look)
    }

    fn through_air(&self, colour: Ink, depth: f32) -> Ink {
        let veil = 1.0 - (-(depth - 1.0).max(0.0) * self.thickness).exp();
        let haze = self.haze.mix(self.sky_low, 0.3).alpha(colour.alpha);
        colour.mix(haze, veil).graded(self.look)
    }

    /// How dark it is, between 0 (day) and 1 (night).
    pub(crate) fn darkness(&self) -> f32 {
        1.0 - mix(0.0, 1.0, (self.ambient.brightness() / 0.6).min(1.0))
    }
}

/// Whether a place has a roof.
pub(crate) fn is_indoor(place: Place) -> bool {
    matches!(
        place,
        Place::Kitchen
            | Place::Bedroom
            | Place::Living
            | Place::Office
            | Place::Library
            | Place::Classroom
            | Place::Cafe
            | Place::Factory
            | Place::Lab
            | Place::Corridor
            | Place::Stage
            | Place::Studio
    )
}
