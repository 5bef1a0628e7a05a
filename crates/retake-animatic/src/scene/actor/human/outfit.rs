//! What people wear: shapes and colours by trade, by the prompt's words, and a little by chance.

use super::Dye;
use crate::scene::brush::{Brush, spots};
use crate::scene::ink::{BLACK, Ink, ink};
use crate::storyboard::{Figure, Garment, Role};

/// Colours and extras of one person, already in the light of the scene.
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is one thing that is worn or not")]
pub(in crate::scene::actor) struct Outfit {
    pub(in crate::scene::actor) skin: Ink,
    /// Without opacity for the bald.
    pub(in crate::scene::actor) hair: Ink,
    pub(in crate::scene::actor) top: Ink,
    pub(in crate::scene::actor) sleeves: Ink,
    pub(in crate::scene::actor) legs: Ink,
    pub(in crate::scene::actor) shoes: Ink,
    pub(in crate::scene::actor) trim: Ink,
    pub(in crate::scene::actor) wood: Ink,
    /// Length below the hip, and colour.
    pub(in crate::scene::actor) skirt: Option<(f32, Ink)>,
    /// How much the clothes add to the body.
    pub(in crate::scene::actor) bulk: f32,
    pub(in crate::scene::actor) long_hair: bool,
    pub(in crate::scene::actor) bun: bool,
    pub(in crate::scene::actor) beard: bool,
    pub(in crate::scene::actor) coat: bool,
    pub(in crate::scene::actor) apron: bool,
    pub(in crate::scene::actor) plates: bool,
    pub(in crate::scene::actor) pack: bool,
    pub(in crate::scene::actor) fins: bool,
    pub(in crate::scene::actor) helmet: bool,
    pub(in crate::scene::actor) hat: Option<Ink>,
}

const SKINS: [u32; 4] = [0xD9A27E, 0x8D5B3F, 0xE3B795, 0xB47C56];
const TOPS: [u32; 6] = [0x46688A, 0xA3483F, 0x5C7A55, 0xC29A4A, 0x6A5484, 0x3F7F7F];
const HAIR: [u32; 4] = [0x3B2A20, 0x241C1A, 0x6A4526, 0x8A6A3C];

impl Outfit {
    pub(in crate::scene::actor) fn of(role: &Role, rank: usize, dye: Dye<'_>) -> Self {
        let pick = |from: &[u32], salt: usize| {
            let letters: usize = role.name.bytes().map(usize::from).sum();
            ink(from.get((rank * 5 + salt + letters / 3) % from.len()).copied().unwrap_or(0))
        };
        let skin = if rank == 0 { ink(0xD49B76) } else { pick(&SKINS, 0) };
        let top = pick(&TOPS, 1);
        let mut outfit = Self {
            skin,
            hair: pick(&HAIR, 2),
            top,
            sleeves: top,
            legs: ink(0x3A414E),
            shoes: ink(0x2B2624),
            trim: ink(0xE8E2D6),
            wood: ink(0x6A4C34),
            skirt: None,
            bulk: 1.0,
            long_hair: false,
            bun: false,
            beard: false,
            coat: false,
            apron: false,
            plates: false,
            pack: false,
            fins: false,
            helmet: false,
            hat: None,
        };
        outfit.by_trade(role);
        outfit.by_words(role);
        outfit.dyed(dye)
    }

    fn by_trade(&mut self, role: &Role) {
        let word = role.name.as_str();
        let whole = |outfit: &mut Self, colour: u32| {
            (outfit.top, outfit.sleeves, outfit.legs) = (ink(colour), ink(colour), ink(colour));
        };
        match role.figure {
            Figure::Woman => {
                self.long_hair = true;
                self.skirt = Some((0.26, self.top));
                self.bulk = 0.9;
                self.legs = self.skin;
            }
            Figure::Child => (self.top, self.sleeves) = (ink(0xD9A83C), ink(0xD9A83C)),
            Figure::Elder => {
                self.hair = ink(0xD9D6D0);
                self.coat = true;
                (self.top, self.sleeves) = (ink(0x6A6258), ink(0x6A6258));
                self.beard =
                    !word.contains("woman") && !word.contains("mother") && word != "grandma";
            }
            Figure::Dancer => {
                whole(self, 0xD9A0AC);
                (self.sleeves, self.legs) = (self.skin, ink(0xE9D6D2));
                self.shoes = ink(0xE0A9B0);
                (self.bun, self.bulk, self.skirt) = (true, 0.86, Some((0.06, ink(0xE9BCC4))));
            }
            Figure::Chef => {
                whole(self, 0xEDEAE2);
                self.legs = ink(0x3A3D45);
                (self.apron, self.hat) = (true, Some(ink(0xF4F2EC)));
            }
            Figure::Scientist => {
                whole(self, 0xE6E9EA);
                (self.legs, self.coat) = (ink(0x4A5562), true);
            }
            Figure::Astronaut => {
                whole(self, 0xDDE0E2);
                self.skin = ink(0xD0D4D6);
                (self.shoes, self.trim) = (ink(0x9A9EA2), ink(0xC9963E));
                (self.bulk, self.pack, self.helmet) = (1.42, true, true);
            }
            Figure::Knight => {
                whole(self, 0x9AA4AE);
                (self.skin, self.shoes, self.trim) = (ink(0x868F98), ink(0x6E767E), ink(0xA53A32));
                (self.bulk, self.plates, self.helmet) = (1.18, true, true);
            }
            Figure::Robot => {
                whole(self, 0x9BA6AE);
                (self.skin, self.shoes, self.trim) = (ink(0x6A747C), ink(0x59626A), ink(0x5AE0F0));
                (self.bulk, self.plates, self.helmet) = (1.16, true, true);
            }
            Figure::Alien => {
                self.skin = role.tint.map_or(ink(0x6F9A76), Ink::from);
                (self.top, self.sleeves, self.legs, self.shoes) =
                    (self.skin.darker(0.12), self.skin, self.skin, self.skin.darker(0.2));
                (self.bulk, self.helmet) = (0.78, true);
            }
            Figure::Wizard => {
                whole(self, 0x3F3A6E);
                self.hair = ink(0xD6D3CC);
                (self.skirt, self.beard, self.trim) =
                    (Some((0.48, ink(0x3F3A6E))), true, ink(0x8FD0FF));
                (self.hat, self.bulk) = (Some(ink(0x38336A)), 1.1);
            }
            Figure::Diver => {
                whole(self, 0x2B333C);
                (self.shoes, self.trim) = (ink(0x2B333C), ink(0x7FC8D8));
                (self.pack, self.fins, self.helmet) = (true, true, true);
            }
            _ => self.by_name(word),
        }
    }

    /// Trades that differ from other people only by a hat or a coat.
    fn by_name(&mut self, word: &str) {
        let mut dress = |top: u32, legs: u32| {
            (self.top, self.sleeves, self.legs) = (ink(top), ink(top), ink(legs));
        };
        match word {
            "cowboy" | "farmer" | "fisherman" | "sailor" | "pirate" | "detective" => {
                dress(0x7A5A3C, 0x42454F);
                self.hat = Some(ink(0x5B4230));
                self.coat = word == "detective" || word == "pirate";
            }
            "businessman" | "groom" | "waiter" | "actor" => dress(0x2E333D, 0x2A2E37),
            "fireman" | "firefighter" => {
                dress(0x5B5340, 0x4C4636);
                (self.hat, self.trim) = (Some(ink(0xB23A2C)), ink(0xE6D24A));
            }
            "samurai" | "ninja" | "viking" | "warrior" | "soldier" => {
                dress(0x4A3F3A, 0x3A3533);
                self.plates = true;
            }
            "monk" => dress(0xC9752E, 0xC9752E),
            _ => {}
        }
    }

    fn by_words(&mut self, role: &Role) {
        let Some((garment, tint)) = role.garment else { return };
        let colour = tint.map(Ink::from);
        match garment {
            Garment::Dress => {
                let colour = colour.unwrap_or(ink(0xA8384A));
                (self.top, self.skirt) = (colour, Some((0.38, colour)));
                self.sleeves = self.skin;
            }
            Garment::Coat => {
                let colour = colour.unwrap_or(ink(0x4A4640));
                (self.top, self.sleeves, self.coat) = (colour, colour, true);
            }
            Garment::Suit => {
                let colour = colour.unwrap_or(ink(0x30363F));
                (self.top, self.sleeves, self.legs) = (colour, colour, colour.darker(0.1));
                self.skirt = None;
            }
            Garment::Hat => self.hat = Some(colour.unwrap_or(ink(0x57402E))),
        }
    }

    fn dyed(mut self, dye: Dye<'_>) -> Self {
        for part in [
            &mut self.skin,
            &mut self.hair,
            &mut self.top,
            &mut self.sleeves,
            &mut self.legs,
            &mut self.shoes,
            &mut self.trim,
            &mut self.wood,
        ] {
            *part = dye.of(*part);
        }
        self.skirt = self.skirt.map(|(length, colour)| (length, dye.of(colour)));
        self.hat = self.hat.map(|colour| dye.of(colour));
        self
    }
}

/// A hat on a head in profile.
pub(super) fn hat(brush: &mut Brush<'_>, role: &Role, outfit: &Outfit) {
    let Some(colour) = outfit.hat else { return };
    match role.figure {
        Figure::Chef => {
            brush.blob_shaded(
                &spots([
                    -0.055, -0.13, -0.075, -0.24, -0.02, -0.27, 0.04, -0.265, 0.075, -0.22, 0.05,
                    -0.13,
                ]),
                colour,
                colour.darker(0.12),
            );
            brush.rect(-0.057, -0.165, 0.108, 0.035, colour.darker(0.07));
        }
        Figure::Wizard => {
            brush.polygon_shaded(
                &[(-0.08, -0.13), (-0.06, -0.32), (0.075, -0.13)],
                colour.lighter(0.1),
                colour,
            );
            brush.oval(0.0, -0.128, 0.14, 0.018, colour.darker(0.15));
        }
        _ => {
            brush.oval(0.004, -0.134, 0.105, 0.014, colour.darker(0.2));
            brush.blob_shaded(
                &spots([-0.06, -0.136, -0.055, -0.195, 0.0, -0.208, 0.052, -0.192, 0.056, -0.136]),
                colour.lighter(0.06),
                colour.darker(0.1),
            );
            brush.rect(-0.058, -0.153, 0.114, 0.014, BLACK.alpha(0.35));
        }
    }
}
