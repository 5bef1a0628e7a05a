//! What the words of a fragment say about the picture, and which fragments are shots.
//!
//! A fragment becomes a shot of its own when the prompt marks it as one or when it changes the
//! picture: another framing, another place, somebody new who acts, or the same one doing
//! something else. Everything else (light, mood, lens, sound) colours the shot beside it.

use super::cast::{self, Role, Tint};
use super::split::Fragment;
use super::terms::{
    Action, Angle, Family, Figure, Framing, Garment, Heading, Hour, Look, Move, Place, Transition,
    Weather,
};
use super::tokens::Token;
use super::vocabulary::{Hit, Vocabulary};
use super::{Brief, Shot};

/// A shot in the making: words understood, gaps not yet filled.
#[derive(Clone, Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is one thing a sentence says or not")]
pub(super) struct Beat {
    pub(super) explicit: bool,
    pub(super) seconds: Option<f32>,
    pub(super) words: usize,
    dissolve: bool,
    text: String,
    cues: Cues,
    /// Whether it only describes light, sound or style.
    aside: bool,
    /// Whether somebody is referred to without being named.
    pronoun: bool,
}

#[derive(Clone, Debug, Default)]
struct Cues {
    camera: Option<Move>,
    framing: Option<Framing>,
    angle: Option<Angle>,
    hour: Option<Hour>,
    weather: Option<Weather>,
    place: Option<Place>,
    look: Option<Look>,
    heading: Option<Heading>,
    cast: Vec<Role>,
    /// A verb without a noun of its own: somebody named earlier does it.
    action: Option<Action>,
    /// Clothes without a wearer in the same sentence.
    worn: Option<(Garment, Option<Tint>)>,
    banned: Vec<Figure>,
}

impl Beat {
    /// How much time it asks for relative to others.
    #[expect(clippy::cast_precision_loss, reason = "word counts are small")]
    pub(super) fn weight(&self) -> f32 {
        self.words.clamp(5, 22) as f32
    }

    /// Takes a later beat into this one.
    pub(super) fn absorb(&mut self, later: Self) {
        if !later.text.is_empty() {
            let stop =
                if self.text.ends_with(['.', '!', '?', '…', ',', ':']) { " " } else { ". " };
            let stop = if self.text.is_empty() { "" } else { stop };
            self.text = format!("{}{stop}{}", self.text, later.text);
        }
        self.words += later.words;
        self.seconds = match (self.seconds, later.seconds) {
            (Some(one), Some(other)) => Some(one + other),
            (one, other) => one.or(other),
        };
        let leads = self.aside || (self.cues.cast.is_empty() && self.cues.place.is_none());
        self.explicit |= later.explicit && leads;
        self.aside &= later.aside;
        self.cues.fill_from(later.cues);
    }
}

impl Cues {
    fn fill_from(&mut self, later: Self) {
        self.camera = self.camera.or(later.camera);
        self.framing = self.framing.or(later.framing);
        self.angle = self.angle.or(later.angle);
        self.hour = self.hour.or(later.hour);
        self.weather = self.weather.or(later.weather);
        self.place = self.place.or(later.place);
        self.look = self.look.or(later.look);
        self.heading = self.heading.or(later.heading);
        let empty = self.cast.is_empty();
        for role in later.cast {
            if self.cast.len() < 3 && (empty || role.figure.family() != Family::Object) {
                cast::join(&mut self.cast, role);
            }
        }
        if let (Some(action), Some(main)) = (later.action, self.cast.first_mut())
            && main.action == Action::Still
        {
            main.action = action;
        }
        let human = |role: &&mut Role| role.figure.family() == Family::Human;
        if let Some(wearer) = self.cast.iter_mut().find(human) {
            wearer.garment = wearer.garment.or(later.worn);
        }
        self.banned.extend(later.banned);
    }
}

/// Turns fragments into beats: reads each and joins those that do not change the picture.
pub(super) fn beats(fragments: &[Fragment], words: &Vocabulary) -> Vec<Beat> {
    let mut beats: Vec<Beat> = Vec::new();
    for beat in fragments.iter().map(|fragment| read(fragment, words)) {
        match beats.last_mut() {
            Some(last) if !opens_a_shot(&beat, last) => last.absorb(beat),
            _ => beats.push(beat),
        }
    }
    if beats.is_empty() {
        beats.push(Beat { explicit: true, ..Beat::default() });
    }
    beats
}

fn opens_a_shot(beat: &Beat, last: &Beat) -> bool {
    let (cues, before) = (&beat.cues, &last.cues);
    let last_is_only_lead = last.aside
        || (before.cast.is_empty() && before.place.is_none() && before.framing.is_none());
    if beat.aside || (last_is_only_lead && !(beat.explicit && last.explicit)) {
        return false;
    }
    if beat.explicit {
        return !beat.text.is_empty();
    }
    let shows = !cues.cast.is_empty() || cues.place.is_some() || beat.pronoun;
    let reframed = cues.framing.is_some() && shows;
    let moved = cues.place.is_some_and(|place| before.place.is_some_and(|was| was != place))
        && (cues.cast.iter().any(|role| role.figure.family() != Family::Object)
            || cues.camera.is_some());
    let main = cues.cast.first();
    let newcomer = main.is_some_and(|role| {
        let acts = role.action != Action::Still;
        let known = before.cast.iter().any(|other| other.figure == role.figure);
        acts && !known && role.figure.family() != Family::Object
    });
    let action = main.map(|role| role.action).or(cues.action).unwrap_or(Action::Still);
    let was = before.cast.first().map_or(Action::Still, |role| role.action);
    let other_deed = (main.is_some() || beat.pronoun)
        && action != was
        && !matches!(
            action,
            Action::Still | Action::Look | Action::Work | Action::Read | Action::Play
        );
    reframed || moved || newcomer || other_deed
}

fn read(fragment: &Fragment, words: &Vocabulary) -> Beat {
    let tokens = words.tokens(&without_speech(&fragment.text));
    let hits = words.hits(&tokens);
    let labelled = labelled_aside(&tokens, &hits);
    let cast = if labelled { Vec::new() } else { cast::roles(&tokens, &hits, words) };
    let cues = cues(&tokens, &hits, cast);
    let has = |section: &str| hits.iter().any(|hit| hit.is(section) && !hit.negated);
    let only_style = cues.cast.is_empty()
        && cues.place.is_none()
        && cues.framing.is_none()
        && cues.action.is_none();
    let described = has("aside")
        && cues
            .cast
            .iter()
            .all(|role| role.action == Action::Still && role.figure.family() == Family::Object);
    Beat {
        explicit: fragment.explicit,
        seconds: fragment.seconds,
        words: tokens.iter().filter(|token| !token.is_break()).count(),
        dissolve: fragment.dissolve,
        text: fragment.text.clone(),
        pronoun: has("pronoun")
            || (0..tokens.len()).any(|at| cast::is_part_of_another(at, &tokens)),
        aside: labelled || only_style || described,
        cues,
    }
}

/// Speech is heard, not seen: what stands in quotes names nobody.
fn without_speech(text: &str) -> String {
    let mut quote = false;
    let silent: String = text
        .chars()
        .filter(|letter| {
            let mark = matches!(letter, '"' | '“' | '”');
            quote ^= mark;
            !quote || mark
        })
        .collect();
    if silent.split_whitespace().count() >= 2 { silent } else { text.to_owned() }
}

/// "Audio: birds", "Style: noir": the whole fragment is about something not in the picture.
fn labelled_aside(tokens: &[Token], hits: &[Hit<'_>]) -> bool {
    hits.iter().any(|hit| {
        let label = hit.is("aside") && hit.at < 2;
        let sound = hit.is("aside") && hit.meaning.name == "sound" && hit.at < 3;
        sound || (label && tokens.get(hit.at + hit.len).is_some_and(Token::is_break))
    })
}

fn cues(tokens: &[Token], hits: &[Hit<'_>], cast: Vec<Role>) -> Cues {
    let said = |section: &'static str| {
        hits.iter().filter(move |hit| hit.is(section) && !hit.negated).map(|hit| hit.meaning.name)
    };
    let denied =
        |section: &'static str| hits.iter().filter(move |hit| hit.is(section) && hit.negated);
    let action = said("action").find_map(Action::named);
    Cues {
        camera: said("camera").find_map(camera),
        framing: said("framing").find_map(Framing::named),
        angle: said("angle").find_map(Angle::named),
        hour: hour(said("time")),
        weather: weather(said("weather")),
        place: place(tokens, hits, cast.is_empty()),
        look: said("look").filter_map(Look::named).min_by_key(|look| *look == Look::Cinematic),
        heading: said("direction").find_map(Heading::named),
        action: if cast.is_empty() { action } else { None },
        cast,
        worn: cast::garments(hits, tokens).first().map(|(_, worn)| *worn),
        banned: denied("figure").filter_map(|hit| Figure::named(hit.meaning.name)).collect(),
    }
}

fn camera(word: &str) -> Option<Move> {
    if word == "pan" { Some(Move::PanRight) } else { Move::named(word) }
}

/// The most telling hour: any other wins over plain day, moonlight over night.
fn hour<'w>(said: impl Iterator<Item = &'w str>) -> Option<Hour> {
    said.filter_map(Hour::named).min_by_key(|hour| match hour {
        Hour::Moonlit => 0,
        Hour::Day => 3,
        Hour::Morning | Hour::Night => 2,
        _ => 1,
    })
}

/// The roughest weather named.
fn weather<'w>(said: impl Iterator<Item = &'w str>) -> Option<Weather> {
    let order = [Weather::Storm, Weather::Snow, Weather::Rain, Weather::Fog, Weather::Wind];
    said.filter_map(Weather::named)
        .min_by_key(|found| order.iter().position(|weather| weather == found).unwrap_or(9))
}

/// The place the text sets its scene in, rather than one it mentions.
fn place(tokens: &[Token], hits: &[Hit<'_>], empty: bool) -> Option<Place> {
    let prepositions = [
        "in", "on", "at", "through", "over", "across", "along", "inside", "into", "above", "under",
        "of", "beneath", "down", "around", "within", "amid", "among", "from",
    ];
    let score = |hit: &Hit<'_>| {
        let word = tokens.get(hit.at).map_or("", |token| token.word.as_str());
        let placed = (1..=3).any(|back| {
            let token = hit.at.checked_sub(back).and_then(|at| tokens.get(at));
            token.is_some_and(|token| prepositions.contains(&token.word.as_str()))
        });
        let weak = matches!(
            word,
            "sky"
                | "skies"
                | "table"
                | "wave"
                | "waves"
                | "room"
                | "tower"
                | "home"
                | "ice"
                | "court"
        );
        // A place that opens the sentence is what the shot is about.
        let subject = empty && !placed && hit.at < 4;
        i32::from(placed) * 2 + i32::from(subject) * 3 + i32::from(hit.len > 1)
            - i32::from(weak) * 3
    };
    hits.iter()
        .filter(|hit| hit.is("place") && !hit.negated)
        .rev()
        .max_by_key(|hit| score(hit))
        .and_then(|hit| Place::named(hit.meaning.name))
}

/// What a negative prompt takes away.
#[derive(Clone, Debug, Default)]
pub(super) struct Banned {
    figures: Vec<Figure>,
    families: Vec<Family>,
    weather: Vec<Weather>,
    hours: Vec<Hour>,
    /// Whether captions are unwanted.
    pub(super) captions: bool,
    motion: bool,
}

impl Banned {
    pub(super) fn from(text: &str, words: &Vocabulary) -> Self {
        let tokens = words.tokens(text);
        let mut banned = Self::default();
        for hit in words.hits(&tokens) {
            let name = hit.meaning.name;
            match hit.meaning.section {
                "figure" => banned.figures.extend(Figure::named(name)),
                "family" => banned.families.extend(Family::named(name)),
                "weather" => banned.weather.extend(Weather::named(name)),
                "time" => banned.hours.extend(Hour::named(name)),
                "banned" if name == "captions" => banned.captions = true,
                "banned" => banned.motion = true,
                _ => {}
            }
        }
        if banned.figures.contains(&Figure::Person) {
            banned.families.push(Family::Human);
        }
        banned
    }

    fn allows(&self, figure: Figure) -> bool {
        !self.figures.contains(&figure) && !self.families.contains(&figure.family())
    }
}

/// Fills what the beats left open and writes the shots down.
pub(super) fn shots(beats: &[Beat], lengths: &[u32], banned: &Banned, brief: &Brief) -> Vec<Shot> {
    let mut shots: Vec<Shot> = Vec::new();
    let mut start = 0;
    for (beat, &frames) in beats.iter().zip(lengths) {
        let mut shot = shot(beat, shots.last(), beats, banned, brief.seed);
        (shot.start, shot.frames) = (start, frames);
        start += frames;
        shots.push(shot);
    }
    shots
}

fn shot(beat: &Beat, before: Option<&Shot>, beats: &[Beat], banned: &Banned, seed: u64) -> Shot {
    let cues = &beat.cues;
    let cast = cast_for(beat, before, banned);
    let anywhere = |pick: fn(&Cues) -> Option<Look>| beats.iter().find_map(|beat| pick(&beat.cues));
    let look = cues.look.or_else(|| anywhere(|cues| cues.look)).unwrap_or(Look::Natural);
    let weather = cues
        .weather
        .or(before.map(|shot| shot.weather))
        .or_else(|| beats.iter().find_map(|beat| beat.cues.weather))
        .filter(|weather| !banned.weather.contains(weather))
        .unwrap_or(Weather::Clear);
    let hour = cues
        .hour
        .or(before.map(|shot| shot.hour))
        .or_else(|| beats.iter().find_map(|beat| beat.cues.hour))
        .filter(|hour| !banned.hours.contains(hour))
        .unwrap_or(match look {
            Look::Cyberpunk | Look::Neon => Hour::Night,
            Look::Moody => Hour::Dusk,
            _ => Hour::Morning,
        });
    let place = place_for(cues, before, &cast, weather);
    let mut cast = cast;
    if cast.len() > 1 && !matches!(place, Place::Space | Place::Planet) {
        // A moon or a sun beside somebody on the ground is in the sky, which is drawn anyway.
        cast.retain(|role| role.figure != Figure::Planet);
    }
    let framing = cues.framing.unwrap_or_else(|| usual_framing(&cast, place, cues.place.is_some()));
    let camera = if banned.motion { Some(Move::Static) } else { cues.camera };
    let camera = camera.unwrap_or_else(|| usual_camera(&cast, framing, seed));
    let mut absent = banned.figures.clone();
    absent.extend(&cues.banned);
    absent.extend(Figure::ALL.iter().filter(|figure| !banned.allows(**figure)));
    Shot {
        start: 0,
        frames: 0,
        caption: beat.text.clone(),
        camera,
        framing,
        angle: cues.angle.unwrap_or(Angle::Level),
        hour,
        weather,
        place,
        cast: headed(cast, cues.heading.or(passage(place))),
        look,
        transition: if beat.dissolve { Transition::Dissolve } else { Transition::Cut },
        banned: absent,
    }
}

/// In a corridor there is only forward and back.
fn passage(place: Place) -> Option<Heading> {
    (place == Place::Corridor).then_some(Heading::Toward)
}

/// A heading said of the shot turns its moving parts; figures face right by themselves.
fn headed(cast: Vec<Role>, heading: Option<Heading>) -> Vec<Role> {
    cast.into_iter().map(|role| Role { heading: heading.unwrap_or(role.heading), ..role }).collect()
}

/// The parts of this shot: its own, or those of the last when it only says "she" or a verb.
fn cast_for(beat: &Beat, before: Option<&Shot>, banned: &Banned) -> Vec<Role> {
    let cues = &beat.cues;
    let mut cast: Vec<Role> = cues.cast.clone();
    let vague = cast.iter().all(|role| role.figure == Figure::Thing);
    let refers = beat.pronoun || cues.action.is_some();
    if (cast.is_empty() || vague)
        && refers
        && let Some(before) = before.filter(|shot| !shot.cast.is_empty())
    {
        cast.clone_from(&before.cast);
        if let (Some(action), Some(main)) = (cues.action, cast.first_mut()) {
            main.action = action;
        }
    }
    // The same one again keeps its colours.
    for role in &mut cast {
        let known = before.and_then(|shot| shot.cast.iter().find(|one| one.figure == role.figure));
        if let Some(known) = known {
            role.garment = role.garment.or(known.garment);
            role.tint = if role.tint.is_none() || known.home == role.home {
                known.tint.or(role.tint)
            } else {
                role.tint
            };
        }
    }
    cast.retain(|role| banned.allows(role.figure) && !cues.banned.contains(&role.figure));
    cast
}

fn place_for(cues: &Cues, before: Option<&Shot>, cast: &[Role], weather: Weather) -> Place {
    let home = cast.iter().find_map(|role| role.home);
    let inherited = before.map(|shot| shot.place);
    let wet = cast.first().is_some_and(|role| role.figure.swims());
    cues.place
        .or(if wet { inherited.filter(|place| is_water(*place)).or(home) } else { None })
        .or(inherited)
        .or(home)
        .unwrap_or_else(|| match cast.first().map(|role| role.figure.family()) {
            _ if weather == Weather::Snow => Place::Snowfield,
            Some(Family::Human) => Place::Street,
            Some(Family::Animal) | None => Place::Meadow,
            Some(Family::Vehicle) => Place::Road,
            Some(Family::Object) => Place::Studio,
        })
}

fn is_water(place: Place) -> bool {
    matches!(place, Place::Underwater | Place::Ocean | Place::Lake | Place::River | Place::Beach)
}

/// A figure at rest is seen from closer by, unless the prompt sets it in a place to be seen too.
fn usual_framing(cast: &[Role], place: Place, placed: bool) -> Framing {
    let Some(main) = cast.first() else { return Framing::Wide };
    let small_thing = main.figure.family() == Family::Object
        && !matches!(
            main.figure,
            Figure::Tree
                | Figure::House
                | Figure::Lighthouse
                | Figure::Campfire
                | Figure::Tent
                | Figure::Statue
                | Figure::Planet
                | Figure::Snowman
                | Figure::Balloon
                | Figure::Piano
        );
    let at_rest = matches!(
        main.action,
        Action::Still | Action::Look | Action::Work | Action::Read | Action::Play | Action::Lie
    );
    match main.figure.family() {
        Family::Object if small_thing => Framing::Close,
        Family::Human if at_rest && main.count < 3 && !placed => Framing::Medium,
        Family::Animal if at_rest && !placed && place != Place::Underwater && main.count < 3 => {
            Framing::Medium
        }
        _ => Framing::Wide,
    }
}

fn usual_camera(cast: &[Role], framing: Framing, seed: u64) -> Move {
    let travels = cast.first().is_some_and(|role| {
        matches!(
            role.action,
            Action::Walk | Action::Run | Action::Drive | Action::Fly | Action::Swim
        )
    });
    match framing {
        _ if travels => Move::Track,
        Framing::Close | Framing::ExtremeClose | Framing::Medium => Move::DollyIn,
        _ if cast.is_empty() && seed.is_multiple_of(2) => Move::PanRight,
        _ => Move::DollyIn,
    }
}
