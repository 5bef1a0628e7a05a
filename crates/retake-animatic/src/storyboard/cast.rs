//! Who is in a shot: figures with their number, colour, clothes and doings.
//!
//! Words are bound by nearness, the way a reader binds them: a colour belongs to the noun that
//! follows it, a verb to the noun before it. A noun nobody listed still gets a part, as a thing
//! with its name on it.

use super::terms::{Action, Family, Figure, Garment, Heading, Place};
use super::tokens::Token;
use super::vocabulary::{Hit, Vocabulary};

/// A plain colour, red, green, blue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tint(pub u8, pub u8, pub u8);

impl Tint {
    /// Reads `#rrggbb`, with or without the `#`.
    pub(super) fn from_hex(hex: &str) -> Option<Self> {
        let value = u32::from_str_radix(hex.trim().trim_start_matches('#'), 16).ok()?;
        let [_, red, green, blue] = value.to_be_bytes();
        (hex.trim().len() >= 6).then_some(Self(red, green, blue))
    }
}

/// A part in a shot.
#[derive(Clone, Debug, PartialEq)]
pub struct Role {
    /// What it is.
    pub figure: Figure,
    /// How many of it, at least one; five stands for a crowd.
    pub count: u8,
    /// Its colour, from the prompt or from custom.
    pub tint: Option<Tint>,
    /// What it does.
    pub action: Action,
    /// Which way it heads.
    pub heading: Heading,
    /// What it wears, and in which colour.
    pub garment: Option<(Garment, Option<Tint>)>,
    /// Whether somebody rides or drives it.
    pub ridden: bool,
    /// What the prompt calls it.
    pub name: String,
    /// Where such a figure is usually met.
    pub home: Option<Place>,
}

/// More parts than this are not told apart in a sketch.
const PARTS: usize = 3;
/// Words that compare instead of naming something to show.
const LIKENESS: [&str; 3] = ["like", "as", "resembling"];

/// Reads the parts named in a text.
pub(super) fn roles(tokens: &[Token], hits: &[Hit<'_>], words: &Vocabulary) -> Vec<Role> {
    let shown: Vec<&Hit<'_>> =
        hits.iter().filter(|hit| hit.is("figure") && is_shown(hit, tokens)).collect();
    let mut found: Vec<(usize, Role)> =
        shown.iter().filter_map(|hit| Some((hit.at, role(hit, hits, tokens)?))).collect();
    let first = found.first().map_or(usize::MAX, |(at, _)| *at);
    if found_alone(&found)
        && let Some((at, name)) = unknown_noun(tokens, hits, words)
        && at < first
    {
        found.insert(0, (at, thing(name, at, hits, tokens)));
    }
    bind_actions(&mut found, hits, tokens);
    bind_garments(&mut found, hits, tokens);
    let mut roles: Vec<Role> = Vec::new();
    for (_, role) in found {
        join(&mut roles, role);
    }
    take_up(&mut roles);
    mount(&mut roles);
    roles.sort_by_key(|role| role.figure.family() == Family::Object);
    roles.truncate(PARTS);
    roles
}

/// Adds a part, unless it is one that is there already.
pub(super) fn join(roles: &mut Vec<Role>, role: Role) {
    let generic = |figure: Figure| figure == Figure::Person;
    let known = roles.iter_mut().find(|other| {
        let same_kind = other.figure.family() == Family::Human
            && role.figure.family() == Family::Human
            && (generic(other.figure) || generic(role.figure))
            && role.count == other.count;
        other.figure == role.figure || same_kind
    });
    match known {
        Some(other) => {
            if generic(other.figure) {
                other.figure = role.figure;
            }
            if other.action == Action::Still {
                other.action = role.action;
            }
            other.garment = other.garment.or(role.garment);
            other.count = other.count.max(role.count);
        }
        None => roles.push(role),
    }
}

fn is_shown(hit: &Hit<'_>, tokens: &[Token]) -> bool {
    let before = |back: usize| hit.at.checked_sub(back).and_then(|at| tokens.get(at));
    let compares =
        |token: Option<&Token>| token.is_some_and(|token| LIKENESS.contains(&token.word.as_str()));
    !hit.negated
        && !compares(before(1))
        && !compares(before(2))
        && !is_part_of_another(hit.at, tokens)
}

/// "its face", "his hands": a part of somebody who was named before.
pub(super) fn is_part_of_another(at: usize, tokens: &[Token]) -> bool {
    let word =
        |at: Option<usize>| at.and_then(|at| tokens.get(at)).map_or("", |it| it.word.as_str());
    matches!(word(at.checked_sub(1)), "its" | "his" | "their")
        && matches!(word(Some(at)), "face" | "eyes" | "eye" | "hand" | "hands" | "head" | "feet")
}

fn role(hit: &Hit<'_>, hits: &[Hit<'_>], tokens: &[Token]) -> Option<Role> {
    let figure = Figure::named(hit.meaning.name)?;
    let last = hit.at + hit.len - 1;
    Some(Role {
        figure,
        count: count(hit.at, last, figure, hits, tokens),
        tint: colour_of(hit.at, last, hits, tokens).or(hit.meaning.tint),
        action: Action::Still,
        heading: Heading::Right,
        garment: None,
        ridden: false,
        name: words_of(tokens, hit.at, last),
        home: hit.meaning.home,
    })
}

/// The words of a phrase as they stand in the text.
fn words_of(tokens: &[Token], from: usize, last: usize) -> String {
    let words = tokens.get(from..=last).unwrap_or(&[]).iter().map(|token| token.word.as_str());
    words.collect::<Vec<_>>().join(" ")
}

fn thing(name: String, at: usize, hits: &[Hit<'_>], tokens: &[Token]) -> Role {
    Role {
        figure: Figure::Thing,
        count: 1,
        tint: colour_of(at, at, hits, tokens),
        action: Action::Still,
        heading: Heading::Right,
        garment: None,
        ridden: false,
        name,
        home: None,
    }
}

fn count(at: usize, last: usize, figure: Figure, hits: &[Hit<'_>], tokens: &[Token]) -> u8 {
    let said = hits
        .iter()
        .filter(|hit| hit.is("count") && !hit.negated)
        .filter(|hit| hit.at + hit.len <= at && unbroken(tokens, hit.at, at, 4))
        .filter_map(|hit| hit.meaning.name.parse().ok())
        .max();
    let word = tokens.get(last).map_or("", |token| token.word.as_str());
    let irregular =
        ["men", "women", "children", "people", "wolves", "mice", "geese", "friends", "pedestrians"];
    let regular = word.len() > 3 && word.ends_with('s') && !word.ends_with("ss");
    let worn =
        matches!(figure, Figure::Headphones | Figure::Glass | Figure::Bowl | Figure::Octopus)
            || matches!(word, "hands" | "eyes" | "bus" | "venus" | "stairs");
    let several = word == "couple" || word == "crowd" || word == "family" || word == "team";
    let plural = irregular.contains(&word) || (regular && !worn) || several;
    match said {
        Some(said) => said,
        None if word == "couple" => 2,
        None if word == "crowd" || word == "audience" => 5,
        None if plural => 3,
        None => 1,
    }
}

/// Whether two positions stand within `reach` words of each other in the same clause.
fn unbroken(tokens: &[Token], from: usize, to: usize, reach: usize) -> bool {
    to.saturating_sub(from) <= reach && !tokens[from..to].iter().any(Token::is_break)
}

/// The colour said of a noun: before it ("red car") or after it ("a car painted red").
fn colour_of(at: usize, last: usize, hits: &[Hit<'_>], tokens: &[Token]) -> Option<Tint> {
    let colours = || hits.iter().filter(|hit| hit.is("colour") && !hit.negated);
    let noun_between = |from: usize, to: usize| {
        hits.iter().any(|hit| {
            (hit.is("figure") || hit.is("garment")) && hit.at > from && hit.at + hit.len <= to
        })
    };
    let before = colours()
        .rfind(|hit| hit.at < at && unbroken(tokens, hit.at, at, 4) && !noun_between(hit.at, at));
    let after = colours().find(|hit| {
        let link = tokens.get(last + 1).map_or("", |token| token.word.as_str());
        hit.at > last
            && matches!(link, "painted" | "is" | "in" | "coloured" | "colored" | "made" | "with")
            && unbroken(tokens, last, hit.at, 3)
            && !noun_between(hit.at, hit.at + 3)
    });
    before.or(after).and_then(|hit| hit.meaning.tint)
}

/// Gives each verb to the noun before it, or to the first one when none is.
fn bind_actions(found: &mut [(usize, Role)], hits: &[Hit<'_>], tokens: &[Token]) {
    let spoken = |at: usize| hits.iter().any(|hit| hit.at == at && hit.is("figure"));
    for hit in hits.iter().filter(|hit| hit.is("action") && !hit.negated && !spoken(hit.at)) {
        let Some(action) = Action::named(hit.meaning.name) else { continue };
        let owner = found
            .iter()
            .rposition(|(at, role)| {
                *at < hit.at && (role.figure.family() != Family::Object || found_alone(found))
            })
            .unwrap_or(0);
        let participle_of_next =
            found.iter().position(|(at, _)| *at > hit.at && unbroken(tokens, hit.at, *at, 1));
        let owner = match participle_of_next {
            Some(next) if ends_in_ing(tokens, hit.at) => next,
            _ => owner,
        };
        if let Some((_, role)) = found.get_mut(owner)
            && strength(action) > strength(role.action)
        {
            role.action = action;
        }
    }
}

fn found_alone(found: &[(usize, Role)]) -> bool {
    found.iter().all(|(_, role)| role.figure.family() == Family::Object)
}

fn ends_in_ing(tokens: &[Token], at: usize) -> bool {
    tokens.get(at).is_some_and(|token| token.word.ends_with("ing"))
}

/// Of several verbs the one that moves more shapes the picture.
fn strength(action: Action) -> u8 {
    match action {
        Action::Still => 0,
        Action::Look => 1,
        Action::Work | Action::Read | Action::Play | Action::Rise | Action::Spin | Action::Wave => {
            2
        }
        _ => 3,
    }
}

fn bind_garments(found: &mut [(usize, Role)], hits: &[Hit<'_>], tokens: &[Token]) {
    for (at, worn) in garments(hits, tokens) {
        let human = |role: &Role| role.figure.family() == Family::Human;
        let owner = found
            .iter()
            .rposition(|(named, role)| *named < at && human(role))
            .or_else(|| found.iter().position(|(_, role)| human(role)));
        if let Some((_, role)) = owner.and_then(|owner| found.get_mut(owner)) {
            role.garment = role.garment.or(Some(worn));
        }
    }
}

/// Clothes named in a text, with their colours and where they are named.
pub(super) fn garments(
    hits: &[Hit<'_>],
    tokens: &[Token],
) -> Vec<(usize, (Garment, Option<Tint>))> {
    hits.iter()
        .filter(|hit| hit.is("garment") && !hit.negated)
        .filter_map(|hit| {
            let garment = Garment::named(hit.meaning.name)?;
            Some((hit.at, (garment, colour_of(hit.at, hit.at + hit.len - 1, hits, tokens))))
        })
        .collect()
}

/// Puts books and instruments into the hands of those who read or play.
fn take_up(roles: &mut Vec<Role>) {
    const MUSICIANS: [&str; 6] =
        ["violinist", "guitarist", "cellist", "musician", "busker", "fiddler"];
    let position = |roles: &[Role], figure| roles.iter().position(|role| role.figure == figure);
    let Some(human) = roles.iter().position(|role| role.figure.family() == Family::Human) else {
        return;
    };
    match roles[human].action {
        Action::Read => {
            if let Some(book) = position(roles, Figure::Book) {
                roles.remove(book);
            }
        }
        Action::Play => match position(roles, Figure::Guitar) {
            Some(instrument) => {
                let name = format!(" {}", roles[instrument].name);
                roles[human].name.push_str(&name);
                roles.remove(instrument);
            }
            None if MUSICIANS.iter().any(|name| roles[human].name.contains(name)) => {}
            None => roles[human].action = Action::Work,
        },
        Action::Work => {
            // What stands on the desk anyway.
            roles.retain(|role| role.figure != Figure::Laptop);
        }
        _ => {}
    }
}

/// Puts riders on their mounts and drivers into their cars.
fn mount(roles: &mut Vec<Role>) {
    let human = roles.iter().position(|role| role.figure.family() == Family::Human);
    let carrier = roles.iter().position(|role| {
        role.figure.family() == Family::Vehicle
            || matches!(
                role.figure,
                Figure::Horse | Figure::Dragon | Figure::Elephant | Figure::Camel
            )
    });
    let (Some(human), Some(carrier)) = (human, carrier) else { return };
    let rides = matches!(roles[human].action, Action::Drive | Action::Fly)
        || roles[carrier].action == Action::Drive && roles[carrier].figure == Figure::Horse;
    if rides && roles[human].count <= roles[carrier].count.max(2) {
        let action = roles[human].action;
        let carrier_role = &mut roles[carrier];
        carrier_role.ridden = true;
        if carrier_role.action == Action::Still {
            let gallops = carrier_role.figure == Figure::Horse;
            carrier_role.action = if gallops { Action::Run } else { action };
        }
        roles.remove(human);
    }
}

/// The head of the first noun phrase whose words mean nothing to the lists.
fn unknown_noun(tokens: &[Token], hits: &[Hit<'_>], words: &Vocabulary) -> Option<(usize, String)> {
    let taken = |at: usize| {
        let means = |hit: &&Hit<'_>| !hit.is("colour") && !hit.is("look") && !hit.is("garment");
        hits.iter().filter(means).any(|hit| (hit.at..hit.at + hit.len).contains(&at))
    };
    let ends = [
        "of", "in", "on", "at", "with", "by", "under", "over", "from", "that", "which", "near",
        "into", "through", "and", "is", "are", "as", "while", "to", "for", "against", "inside",
        "beside", "behind", "above", "between", "around", "across", "along", "where",
    ];
    let starts: Vec<usize> = (0..tokens.len())
        .filter(|&at| matches!(tokens[at].word.as_str(), "a" | "an" | "the" | "two" | "three"))
        .map(|at| at + 1)
        .collect();
    starts.into_iter().find_map(|from| {
        let phrase = tokens[from..].iter().enumerate().take_while(|(offset, token)| {
            let verb = *offset > 0 && (token.word.ends_with("ing") || token.word.ends_with("ed"));
            !token.is_break() && !verb && !ends.contains(&token.word.as_str()) && *offset < 5
        });
        let (offset, noun) = phrase.last()?;
        let at = from + offset;
        let known = taken(at) || words.is_filler(&noun.word) || noun.word.len() < 3;
        let vague = [
            "shot",
            "scene",
            "video",
            "view",
            "camera",
            "frame",
            "time",
            "moment",
            "light",
            "background",
            "foreground",
            "distance",
            "way",
            "world",
            "air",
            "ground",
            "floor",
            "side",
            "edge",
            "end",
            "rays",
            "colors",
            "shadow",
            "shadows",
            "world",
            "landscape",
        ];
        let part = tokens.get(at + 1).is_some_and(|next| next.word == "of");
        (!known && !part && !vague.contains(&noun.word.as_str())).then(|| (at, noun.word.clone()))
    })
}
