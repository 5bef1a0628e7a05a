//! Colour: mixing, shading and the grade of a look.

use super::num::{byte, mix};
use crate::storyboard::{Look, Tint};
use tiny_skia::Color;

/// A colour with its opacity, each part between 0 and 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Ink {
    pub(crate) red: f32,
    pub(crate) green: f32,
    pub(crate) blue: f32,
    pub(crate) alpha: f32,
}

/// A colour written the way everyone writes it: `0xRRGGBB`.
pub(crate) const fn ink(hex: u32) -> Ink {
    let [_, red, green, blue] = hex.to_be_bytes();
    Ink {
        red: red as f32 / 255.0,
        green: green as f32 / 255.0,
        blue: blue as f32 / 255.0,
        alpha: 1.0,
    }
}

pub(crate) const WHITE: Ink = ink(0x00FF_FFFF);
pub(crate) const BLACK: Ink = ink(0);

impl From<Tint> for Ink {
    fn from(Tint(red, green, blue): Tint) -> Self {
        let part = |value: u8| f32::from(value) / 255.0;
        Self { red: part(red), green: part(green), blue: part(blue), alpha: 1.0 }
    }
}

impl Ink {
    pub(crate) fn mix(self, other: Self, share: f32) -> Self {
        let share = share.clamp(0.0, 1.0);
        Self {
            red: mix(self.red, other.red, share),
            green: mix(self.green, other.green, share),
            blue: mix(self.blue, other.blue, share),
            alpha: mix(self.alpha, other.alpha, share),
        }
    }

    pub(crate) fn lighter(self, share: f32) -> Self {
        self.mix(Self { alpha: self.alpha, ..WHITE }, share)
    }

    pub(crate) fn darker(self, share: f32) -> Self {
        self.scaled(1.0 - share)
    }

    pub(crate) fn scaled(self, by: f32) -> Self {
        Self { red: self.red * by, green: self.green * by, blue: self.blue * by, ..self }
    }

    /// Light of this colour falling on that one.
    pub(crate) fn times(self, light: Self) -> Self {
        Self {
            red: self.red * light.red,
            green: self.green * light.green,
            blue: self.blue * light.blue,
            alpha: self.alpha,
        }
    }

    pub(crate) fn plus(self, light: Self) -> Self {
        Self {
            red: self.red + light.red,
            green: self.green + light.green,
            blue: self.blue + light.blue,
            alpha: self.alpha,
        }
    }

    pub(crate) fn alpha(self, alpha: f32) -> Self {
        Self { alpha, ..self }
    }

    pub(crate) fn brightness(self) -> f32 {
        self.red * 0.3 + self.green * 0.59 + self.blue * 0.11
    }

    pub(crate) fn saturated(self, by: f32) -> Self {
        let grey = self.brightness();
        let part = |value: f32| mix(grey, value, by).max(0.0);
        Self { red: part(self.red), green: part(self.green), blue: part(self.blue), ..self }
    }

    pub(crate) fn colour(self) -> Color {
        Color::from_rgba8(byte(self.red), byte(self.green), byte(self.blue), byte(self.alpha))
    }

    /// Premultiplied bytes.
    pub(crate) fn bytes(self) -> [u8; 4] {
        let part = |value: f32| byte(value.clamp(0.0, 1.0) * self.alpha);
        [part(self.red), part(self.green), part(self.blue), byte(self.alpha)]
    }

    /// The colour as the look renders it.
    pub(crate) fn graded(self, look: Look) -> Self {
        let grey = self.brightness();
        match look {
            Look::Natural => self,
            Look::Noir => {
                let value = contrast(grey, 1.35) * 0.96;
                Self { red: value, green: value, blue: value * 1.01, ..self }
            }
            Look::Sepia => {
                let value = contrast(grey, 0.9) * 0.92 + 0.05;
                Self { red: value * 1.08, green: value * 0.88, blue: value * 0.63, ..self }
                    .mix(self, 0.12)
            }
            Look::Anime => self.saturated(1.35).lighter(0.07),
            Look::Watercolor => self.saturated(0.85).lighter(0.2),
            Look::Cyberpunk => {
                split(self.saturated(1.25), ink(0x0010_2a5c), ink(0x00ff_4fb0), 0.26)
            }
            Look::Neon => split(self.saturated(1.35), ink(0x001a_1450), ink(0x0050_e0ff), 0.16),
            Look::Pastel => self.saturated(0.75).mix(ink(0x00ff_e6ea), 0.3),
            Look::Moody => self.saturated(0.62).scaled(0.8),
            Look::Vivid => self.saturated(1.4).lighter(0.02),
            Look::Cinematic => split(self, ink(0x0012_3a48), ink(0x00ff_c58a), 0.13),
        }
    }
}

fn contrast(value: f32, by: f32) -> f32 {
    ((value - 0.42) * by + 0.42).clamp(0.0, 1.0)
}

/// Pulls the darks towards one colour and the lights towards another.
fn split(colour: Ink, darks: Ink, lights: Ink, share: f32) -> Ink {
    let grey = colour.brightness();
    let toned = colour.mix(darks.alpha(colour.alpha), share * (1.0 - grey));
    toned.mix(lights.alpha(colour.alpha), share * grey * 0.8)
}
