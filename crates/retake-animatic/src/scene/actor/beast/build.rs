//! How each animal is built and coloured.

use super::Dye;
use crate::scene::brush::Brush;
use crate::scene::ink::{Ink, WHITE, ink};
use crate::scene::num::{index, mix};
use crate::storyboard::Figure;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tail {
    None,
    Stub,
    Brush,
    Plume,
    Thin,
    Tuft,
    Up,
    Horse,
    Heavy,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ears {
    None,
    Floppy,
    Pointed,
    Round,
    Long,
    Sail,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Marks {
    Plain,
    Stripes,
    Spots,
    Patches,
    Panda,
    Wool,
}

/// The measures of an animal; `scale` brings its head to about one.
#[derive(Clone, Copy, Debug)]
pub(super) struct Build {
    pub(super) figure: Figure,
    pub(super) scale: f32,
    /// Between the joints of hind and front legs.
    pub(super) length: f32,
    pub(super) rump: f32,
    pub(super) chest: f32,
    /// Where the belly runs: below the back by this share of the rump.
    pub(super) tuck: f32,
    pub(super) hump: f32,
    pub(super) leg: f32,
    pub(super) leg_thick: f32,
    pub(super) neck: f32,
    /// Degrees above the horizontal.
    pub(super) neck_angle: f32,
    pub(super) head: f32,
    /// Length of the muzzle, as a share of the head.
    pub(super) muzzle: f32,
    pub(super) ears: Ears,
    pub(super) tail: Tail,
    pub(super) marks: Marks,
    pub(super) hoofed: bool,
    pub(super) sits: bool,
    pub(super) wags: bool,
    /// How light the underside is.
    pub(super) pale: f32,
}

const DOG: Build = Build {
    figure: Figure::Dog,
    scale: 1.15,
    length: 0.52,
    rump: 0.125,
    chest: 0.16,
    tuck: 0.35,
    hump: 0.0,
    leg: 0.4,
    leg_thick: 0.046,
    neck: 0.15,
    neck_angle: 48.0,
    head: 0.15,
    muzzle: 0.85,
    ears: Ears::Floppy,
    tail: Tail::Plume,
    marks: Marks::Plain,
    hoofed: false,
    sits: true,
    wags: true,
    pale: 0.3,
};

impl Build {
    pub(super) fn of(figure: Figure) -> Self {
        use Figure as F;
        let build = Self { figure, ..DOG };
        match figure {
            F::Cat => Self {
                scale: 1.3,
                length: 0.46,
                rump: 0.105,
                chest: 0.108,
                tuck: 0.55,
                leg: 0.29,
                leg_thick: 0.034,
                neck: 0.1,
                neck_angle: 46.0,
                head: 0.13,
                muzzle: 0.28,
                ears: Ears::Pointed,
                tail: Tail::Up,
                wags: false,
                ..build
            },
            F::Horse => Self {
                scale: 0.86,
                length: 0.56,
                rump: 0.17,
                chest: 0.175,
                tuck: 0.72,
                leg: 0.56,
                leg_thick: 0.042,
                neck: 0.3,
                neck_angle: 54.0,
                head: 0.17,
                muzzle: 1.25,
                ears: Ears::Pointed,
                tail: Tail::Horse,
                hoofed: true,
                sits: false,
                wags: false,
                pale: 0.05,
                ..build
            },
            F::Lion | F::Tiger => Self {
                scale: 1.05,
                length: 0.62,
                rump: 0.15,
                chest: 0.175,
                tuck: 0.55,
                leg: 0.42,
                leg_thick: 0.058,
                neck: 0.14,
                neck_angle: 26.0,
                head: 0.16,
                muzzle: 0.5,
                ears: Ears::Round,
                tail: Tail::Tuft,
                marks: if figure == F::Tiger { Marks::Stripes } else { Marks::Plain },
                wags: false,
                pale: 0.4,
                ..build
            },
            F::Bear | F::Panda => Self {
                scale: 1.1,
                length: 0.56,
                rump: 0.22,
                chest: 0.225,
                tuck: 0.9,
                hump: 0.08,
                leg: 0.36,
                leg_thick: 0.078,
                neck: 0.12,
                neck_angle: 18.0,
                head: 0.17,
                muzzle: 0.55,
                ears: Ears::Round,
                tail: Tail::Stub,
                marks: if figure == F::Panda { Marks::Panda } else { Marks::Plain },
                wags: false,
                pale: 0.08,
                ..build
            },
            F::Wolf => Self {
                tail: Tail::Brush,
                ears: Ears::Pointed,
                scale: 1.12,
                chest: 0.17,
                head: 0.155,
                muzzle: 0.9,
                neck_angle: 34.0,
                wags: false,
                pale: 0.45,
                ..build
            },
            F::Fox => Self {
                scale: 1.22,
                length: 0.5,
                rump: 0.1,
                chest: 0.125,
                leg: 0.33,
                leg_thick: 0.034,
                neck: 0.12,
                neck_angle: 38.0,
                head: 0.135,
                muzzle: 0.85,
                ears: Ears::Pointed,
                tail: Tail::Brush,
                wags: false,
                pale: 0.75,
                ..build
            },
            F::Deer => Self {
                scale: 0.9,
                length: 0.48,
                rump: 0.125,
                chest: 0.135,
                tuck: 0.5,
                leg: 0.5,
                leg_thick: 0.03,
                neck: 0.24,
                neck_angle: 60.0,
                head: 0.13,
                muzzle: 0.95,
                ears: Ears::Long,
                tail: Tail::Stub,
                hoofed: true,
                sits: false,
                wags: false,
                pale: 0.4,
                ..build
            },
            F::Rabbit => Self {
                scale: 1.5,
                length: 0.3,
                rump: 0.155,
                chest: 0.11,
                tuck: 0.8,
                hump: 0.1,
                leg: 0.17,
                leg_thick: 0.034,
                neck: 0.06,
                neck_angle: 38.0,
                head: 0.12,
                muzzle: 0.35,
                ears: Ears::Long,
                tail: Tail::Stub,
                wags: false,
                pale: 0.6,
                ..build
            },
            F::Elephant => Self {
                scale: 0.92,
                length: 0.56,
                rump: 0.27,
                chest: 0.285,
                tuck: 0.9,
                leg: 0.46,
                leg_thick: 0.09,
                neck: 0.14,
                neck_angle: 22.0,
                head: 0.23,
                muzzle: 0.2,
                ears: Ears::Sail,
                tail: Tail::Tuft,
                sits: false,
                wags: false,
                pale: 0.04,
                ..build
            },
            F::Giraffe => Self {
                scale: 0.62,
                length: 0.4,
                rump: 0.14,
                chest: 0.18,
                tuck: 0.6,
                leg: 0.66,
                leg_thick: 0.04,
                neck: 0.66,
                neck_angle: 68.0,
                head: 0.13,
                muzzle: 0.95,
                ears: Ears::Round,
                tail: Tail::Tuft,
                marks: Marks::Spots,
                hoofed: true,
                sits: false,
                wags: false,
                ..build
            },
            F::Camel => Self {
                scale: 0.8,
                length: 0.52,
                rump: 0.17,
                chest: 0.18,
                tuck: 0.6,
                hump: 0.85,
                leg: 0.58,
                leg_thick: 0.044,
                neck: 0.34,
                neck_angle: 44.0,
                head: 0.135,
                muzzle: 0.9,
                ears: Ears::Round,
                tail: Tail::Tuft,
                sits: false,
                wags: false,
                ..build
            },
            F::Cow => Self {
                scale: 0.98,
                length: 0.64,
                rump: 0.2,
                chest: 0.21,
                tuck: 0.85,
                leg: 0.4,
                leg_thick: 0.05,
                neck: 0.16,
                neck_angle: 24.0,
                head: 0.17,
                muzzle: 0.8,
                ears: Ears::Floppy,
                tail: Tail::Tuft,
                marks: Marks::Patches,
                hoofed: true,
                sits: false,
                wags: false,
                ..build
            },
            F::Sheep => Self {
                scale: 1.15,
                length: 0.42,
                rump: 0.21,
                chest: 0.22,
                tuck: 0.95,
                leg: 0.34,
                leg_thick: 0.034,
                neck: 0.1,
                neck_angle: 34.0,
                head: 0.12,
                muzzle: 0.7,
                ears: Ears::Floppy,
                tail: Tail::Stub,
                marks: Marks::Wool,
                hoofed: true,
                sits: false,
                wags: false,
                pale: 0.1,
                ..build
            },
            F::Pig => Self {
                scale: 1.2,
                length: 0.5,
                rump: 0.19,
                chest: 0.19,
                tuck: 0.95,
                leg: 0.25,
                leg_thick: 0.046,
                neck: 0.08,
                neck_angle: 8.0,
                head: 0.16,
                muzzle: 0.6,
                ears: Ears::Pointed,
                tail: Tail::Thin,
                hoofed: true,
                sits: false,
                wags: false,
                pale: 0.15,
                ..build
            },
            F::Monkey => Self {
                scale: 1.15,
                length: 0.36,
                rump: 0.125,
                chest: 0.15,
                leg: 0.4,
                leg_thick: 0.05,
                neck: 0.1,
                neck_angle: 52.0,
                head: 0.15,
                muzzle: 0.3,
                ears: Ears::Round,
                tail: Tail::Up,
                wags: false,
                pale: 0.35,
                ..build
            },
            F::Dinosaur => Self {
                scale: 0.74,
                length: 0.5,
                rump: 0.24,
                chest: 0.2,
                tuck: 0.8,
                leg: 0.42,
                leg_thick: 0.075,
                neck: 0.56,
                neck_angle: 52.0,
                head: 0.14,
                muzzle: 0.8,
                ears: Ears::None,
                tail: Tail::Heavy,
                sits: false,
                wags: false,
                pale: 0.3,
                ..build
            },
            F::Snake => Self { scale: 1.0, tail: Tail::None, ..build },
            _ => build,
        }
    }

    pub(super) fn tail_length(&self) -> f32 {
        match self.tail {
            Tail::None => 0.0,
            Tail::Stub => 0.06,
            Tail::Brush => 0.3,
            Tail::Plume | Tail::Tuft | Tail::Thin => 0.26,
            Tail::Up => 0.34,
            Tail::Horse => 0.42,
            Tail::Heavy => 0.72,
        }
    }
}

/// The colours of an animal, in the light of the scene.
#[derive(Clone, Copy, Debug)]
pub(super) struct Coat {
    pub(super) fur: Ink,
    /// Legs on the far side.
    pub(super) far: Ink,
    pub(super) belly: Ink,
    /// Lower legs and paws.
    pub(super) sock: Ink,
    pub(super) mane: Ink,
    pub(super) dark: Ink,
    pub(super) ivory: Ink,
    pub(super) skin: Ink,
    pub(super) rider: Ink,
}

impl Coat {
    pub(super) fn new(build: &Build, fur: Ink, dye: Dye<'_>) -> Self {
        let belly = fur.mix(ink(0xF2E6D0), build.pale);
        let (sock, mane) = match build.figure {
            Figure::Fox => (ink(0x2E2624), fur),
            Figure::Panda => (ink(0x26262A), ink(0x26262A)),
            Figure::Horse if fur.brightness() > 0.8 => (fur, ink(0xDAD6E4)),
            Figure::Horse => (fur.darker(0.45), fur.darker(0.6)),
            Figure::Lion => (fur, ink(0x6E4222)),
            Figure::Sheep => (ink(0x3A3532), ink(0x3A3532)),
            Figure::Cow => (ink(0xE0D8CC), ink(0x3A2C26)),
            _ => (fur.mix(belly, 0.4), fur.darker(0.35)),
        };
        Self {
            fur: dye.of(fur),
            far: dye.of(if build.figure == Figure::Panda {
                ink(0x1C1C20)
            } else {
                fur.darker(0.34)
            }),
            belly: dye.of(belly),
            sock: dye.of(sock),
            mane: dye.of(mane),
            dark: dye.of(ink(0x2A2320)),
            ivory: dye.of(ink(0xEFE6D2)),
            skin: dye.of(ink(0xC89070)),
            rider: dye.of(ink(0x8A3B34)),
        }
    }
}

/// Stripes, spots, patches or wool over the body; everything stays within its outline.
pub(super) fn pattern(brush: &mut Brush<'_>, build: &Build, coat: &Coat) {
    let half = build.length / 2.0;
    let (rump, chest) = (build.rump, build.chest);
    match build.marks {
        Marks::Plain => {}
        Marks::Stripes => {
            for at in 0..11 {
                let x = mix(-half - rump * 0.4, half + chest * 0.3, index(at) / 10.0);
                let lean = if at % 2 == 0 { 0.02 } else { -0.015 };
                let stripe = [
                    (x - 0.014, -chest * 1.1),
                    (x + 0.016, -chest * 1.1),
                    (x + lean + 0.006, chest * 0.1),
                    (x + lean, chest * (0.2 + 0.2 * index(at % 3))),
                ];
                brush.within().polygon(&stripe, coat.dark.alpha(0.85));
            }
        }
        Marks::Spots => {
            for at in 0..26 {
                let (x, y) = (
                    mix(-half - rump, half + chest, index(at * 7 % 26) / 25.0),
                    mix(-chest, chest * 0.6, index(at * 11 % 26) / 25.0),
                );
                brush.within().blob(
                    &[(x - 0.03, y), (x, y - 0.03), (x + 0.03, y - 0.005), (x + 0.012, y + 0.032)],
                    coat.mane.alpha(0.8),
                );
            }
        }
        Marks::Patches => {
            for (x, y, size) in [
                (-0.2, -0.1, 0.12),
                (0.12, 0.0, 0.13),
                (-0.02, -0.2, 0.08),
                (0.34, -0.12, 0.09),
                (-0.36, 0.03, 0.08),
            ] {
                brush.within().blob(
                    &[
                        (x - size, y),
                        (x - size * 0.2, y - size * 0.8),
                        (x + size, y - size * 0.2),
                        (x + size * 0.3, y + size * 0.9),
                    ],
                    coat.mane,
                );
            }
        }
        Marks::Panda => {
            brush.within().blob(
                &[
                    (half * 0.35, -chest * 1.2),
                    (half + chest, -chest * 1.1),
                    (half + chest, chest),
                    (half * 0.55, chest),
                ],
                coat.sock,
            );
        }
        Marks::Wool => {
            for at in 0..16 {
                let turn = index(at) / 16.0 * std::f32::consts::TAU;
                let spot =
                    (turn.cos() * (half + rump * 0.55), turn.sin() * chest * 0.72 - chest * 0.05);
                brush.circle(
                    spot.0,
                    spot.1,
                    chest * 0.36,
                    coat.fur.mix(WHITE, 0.04 * index(at % 3)),
                );
            }
            brush.oval(0.0, -chest * 0.05, half + rump * 0.5, chest * 0.8, coat.fur.lighter(0.05));
        }
    }
}
