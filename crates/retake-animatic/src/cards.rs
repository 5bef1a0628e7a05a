//! The characters of a brief, as framed portraits beside the scene.
//!
//! A card comes in when a shot names its character, stays for as long as shots do, and goes. It
//! stands between the slate and the caption, at the side, where subjects seldom are. Cards are painted
//! once and then laid into the frames.

mod names;
mod portrait;

use crate::caption;
use crate::scene::num::{mix, real, smooth};
use crate::storyboard::Storyboard;
use crate::{Brief, PaintError};
use tiny_skia::Pixmap;

/// Frames in which a card comes in, and in which it goes.
const COMING: u32 = 12;
const GOING: u32 = 9;
/// A cut is seen before a card comes.
const PAUSE: u32 = 3;
/// Cards narrower than this show nothing.
const NARROWEST: f32 = 28.0;

/// The cards of one video.
#[derive(Debug, Default)]
pub(crate) struct Cards {
    painted: Vec<Pixmap>,
    shows: Vec<Show>,
    /// Where cards stand: the left edges of both places, and the top.
    places: [f32; 2],
    top: f32,
}

/// One card, on one side, for some frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Show {
    /// As the brief counts them; once painted, as the cards are counted.
    character: usize,
    side: Side,
    start: u32,
    end: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Side {
    Right,
    Left,
}

impl Cards {
    /// Paints the cards of all characters that are named.
    pub(crate) fn new(brief: &Brief, storyboard: &Storyboard) -> Result<Self, PaintError> {
        let mut shows = shows(brief, storyboard);
        let (width, height) = (real(brief.width), real(brief.height));
        let wide = (width * if width < height * 0.9 { 0.27 } else { 0.17 }).min(height * 0.3);
        if shows.is_empty() || wide < NARROWEST {
            return Ok(Self::default());
        }
        let mut known: Vec<usize> = Vec::new();
        let mut painted = Vec::new();
        for show in &mut shows {
            let character = show.character;
            let at = known.iter().position(|&known| known == character);
            show.character = at.unwrap_or(painted.len());
            if at.is_none() {
                painted.push(portrait::paint(&brief.characters[character], wide)?);
                known.push(character);
            }
        }
        let reach = painted.iter().map(|card| real(card.width())).fold(wide, f32::max);
        let margin = width * caption::SAFE;
        let shadow = (reach - wide) / 2.0;
        let places = [width - margin - wide - shadow, margin - shadow];
        Ok(Self { painted, shows, places, top: caption::below_slate(width, height) - shadow })
    }

    /// Lays the cards that belong to a frame over it; `fade` between 0 and 1.
    pub(crate) fn lay(&self, frame: &mut Pixmap, at: u32, fade: f32) {
        for show in &self.shows {
            let seen = show.strength(at) * fade;
            let Some(card) = self.painted.get(show.character).filter(|_| seen > 0.0) else {
                continue;
            };
            let away = real(card.width()) * 0.18 * (1.0 - seen);
            let left = match show.side {
                Side::Right => self.places[0] + away,
                Side::Left => self.places[1] - away,
            };
            caption::put(frame, card, (left, self.top), seen);
        }
    }
}

impl Show {
    /// How much of the card is seen at a frame: it eases in and out.
    fn strength(&self, at: u32) -> f32 {
        if at < self.start || at >= self.end {
            return 0.0;
        }
        let len = self.end - self.start;
        let eased = |frames: u32, passed: u32| smooth(0.0, real(frames.min(len / 3)), real(passed));
        let coming = eased(COMING, (at - self.start).saturating_sub(PAUSE.min(len / 6)));
        let going = eased(GOING, self.end - 1 - at);
        mix(0.0, coming, going)
    }
}

/// Who is shown when. Whoever is named in the next shot as well stays where they are.
fn shows(brief: &Brief, storyboard: &Storyboard) -> Vec<Show> {
    let names: Vec<&str> = brief.characters.iter().map(|it| it.name.as_str()).collect();
    let mut shows: Vec<Show> = Vec::new();
    for shot in &storyboard.shots {
        let (start, end) = (shot.start, shot.start + shot.frames);
        let named = names::named(&shot.caption, &names);
        let mut free = vec![Side::Right, Side::Left];
        let mut newcomers = Vec::new();
        for character in named.into_iter().take(2) {
            let stays = shows.iter_mut().find(|it| it.character == character && it.end == start);
            match stays {
                Some(show) => {
                    show.end = end;
                    free.retain(|side| *side != show.side);
                }
                None => newcomers.push(character),
            }
        }
        for (character, side) in newcomers.into_iter().zip(free) {
            shows.push(Show { character, side, start, end });
        }
    }
    shows
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sound::tests::a_brief;
    use crate::{Character, storyboard};

    fn with(names: &[&str], prompt: &str) -> Brief {
        let character = |name: &&str| Character {
            name: (*name).to_owned(),
            picture: portrait::tests::a_face(),
        };
        Brief { characters: names.iter().map(character).collect(), ..a_brief(prompt) }
    }

    fn shown(brief: &Brief) -> Vec<Show> {
        shows(brief, &storyboard(brief))
    }

    #[test]
    fn a_card_stays_for_as_long_as_shots_name_its_character() {
        let brief = with(
            &["Mossy", "Bolt"],
            "Mossy walks in a park. Cut to Mossy and Bolt on a beach. Cut to BOLT in a city street.",
        );

        let shows = shown(&brief);

        let [first, second, third] = [0, 1, 2].map(|at| storyboard(&brief).shots[at].start);
        let mossy = Show { character: 0, side: Side::Right, start: first, end: third };
        let bolt = Show { character: 1, side: Side::Left, start: second, end: 144 };
        assert_eq!(shows, [mossy, bolt]);
    }

    #[test]
    fn a_card_eases_in_and_out() {
        let show = Show { character: 0, side: Side::Left, start: 48, end: 96 };

        let strengths: Vec<f32> = (40..100).map(|at| show.strength(at)).collect();

        let step = strengths.windows(2).map(|pair| (pair[1] - pair[0]).abs()).fold(0.0, f32::max);
        assert!(step < 0.18, "a step of {step}");
        assert!(strengths[..9].iter().chain(&strengths[55..]).all(|&it| it == 0.0));
        assert!(show.strength(70) > 0.999);
    }

    #[test]
    fn nobody_named_means_no_cards() {
        let brief = with(&["Mossy"], "Mossyland at dawn. Cut to a moss-green frog.");

        let cards = Cards::new(&brief, &storyboard(&brief)).unwrap();

        assert_eq!(shown(&brief), []);
        assert!(cards.painted.is_empty());
    }

    #[test]
    fn cards_leave_slate_and_caption_free() {
        for (width, height) in [(1280, 720), (720, 1280), (720, 720), (1920, 1080), (480, 270)] {
            let prompt = "Mossy and Bolt walk through a park, the camera follows them";
            let brief = Brief { width, height, ..with(&["Mossy", "Bolt"], prompt) };
            let board = storyboard(&brief);
            let cards = Cards::new(&brief, &board).unwrap();
            let mut marked = Pixmap::new(width, height).unwrap();
            let mut carded = marked.clone();
            caption::Captions::new(&board, width, height, 0).lay(&mut marked, 70, 0, 1.0);

            cards.lay(&mut carded, 70, 1.0);

            let covers = |it: &Pixmap, at: usize| it.data()[at * 4 + 3] > 12;
            let both = (0..(width * height) as usize)
                .filter(|&at| covers(&marked, at) && covers(&carded, at))
                .count();
            assert!((0..(width * height) as usize).any(|at| covers(&carded, at)));
            assert_eq!(both, 0, "{width}x{height}");
        }
    }
}
