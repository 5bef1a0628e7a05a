//! Blocking: how large the actors are, where they stand, and which way they go.
//!
//! The main one stands on a third with room in the direction of its look or its way; others of
//! its kind stagger behind it, and things stand by its side. When something travels, the camera
//! either goes with it or lets it cross the frame.

use super::Actor;
use crate::scene::num::index;
use crate::scene::view::Clock;
use crate::stage::Setting;
use crate::storyboard::{Action, Angle, Family, Figure, Framing, Heading, Place, Role};

/// Where others of a kind stand: sideways in widths, and how much farther away.
const STAGGER: [(f32, f32); 7] =
    [(0.0, 1.0), (-0.95, 1.22), (0.98, 1.3), (-1.75, 1.6), (1.85, 1.7), (-0.5, 2.0), (0.75, 2.2)];

/// Turns a second of gait, wings or wheels, and how far one turn leads, in the figure's measures.
pub(super) fn gait(figure: Figure, action: Action) -> (f32, f32) {
    let human = figure.family() == Family::Human;
    match (figure, action) {
        (_, Action::Walk) if human => (0.88, 0.8),
        (_, Action::Run) if human => (1.35, 1.25),
        (_, Action::Dance) => (0.8, 0.0),
        (Figure::Elephant | Figure::Giraffe, Action::Run) => (1.0, 1.3),
        (_, Action::Run) if figure.family() == Family::Animal => (1.5, 1.7),
        (_, Action::Walk) if figure.family() == Family::Animal => (0.8, 0.85),
        (Figure::Butterfly, _) => (3.2, 0.1),
        (Figure::Bee, _) => (7.0, 0.06),
        (Figure::Bird | Figure::Duck | Figure::Owl, _) => (2.3, 0.26),
        (Figure::Eagle, _) => (0.7, 0.5),
        (Figure::Dragon, _) => (0.62, 0.6),
        (Figure::Whale | Figure::Dolphin, _) => (0.45, 0.4),
        (Figure::Shark | Figure::Turtle, _) => (0.55, 0.4),
        (_, Action::Swim) => (0.8, 0.25),
        (Figure::Sailboat | Figure::Ship | Figure::Boat, _) => (0.3, 0.25),
        (
            Figure::Plane | Figure::Helicopter | Figure::Spaceship | Figure::Rocket | Figure::Drone,
            _,
        ) => (4.0, 0.07),
        (Figure::HotAirBalloon | Figure::Balloon, _) => (0.2, 0.1),
        (_, Action::Drive) if figure.family() == Family::Vehicle => (1.2, 1.9),
        (_, Action::Fly) => (1.2, 0.3),
        _ => (0.5, 0.0),
    }
}

/// Whether an action leads anywhere.
fn travels(role: &Role) -> bool {
    let vehicle = role.figure.family() == Family::Vehicle;
    let object = role.figure.family() == Family::Object;
    match role.action {
        Action::Walk | Action::Run | Action::Drive | Action::Swim => !object,
        Action::Fly => true,
        Action::Still | Action::Look if vehicle => role.figure.sails() || role.figure.flies(),
        Action::Still => matches!(
            role.figure,
            Figure::Bird
                | Figure::Eagle
                | Figure::Fish
                | Figure::Whale
                | Figure::Shark
                | Figure::Dolphin
        ),
        _ => false,
    }
}

/// Natural width and height of a puppet in its own measures.
pub(super) fn extent(figure: Figure, action: Action) -> (f32, f32) {
    let [left, top, right, _] = bounds(figure, action, false);
    ((right - left) * 0.82, -top * 0.95)
}

/// The box a puppet never leaves, in its own measures: left, top, right, bottom.
pub(super) fn bounds(figure: Figure, action: Action, bust: bool) -> [f32; 4] {
    if bust {
        return [-0.75, -1.12, 0.75, 0.75];
    }
    match figure.family() {
        Family::Human => match action {
            Action::Lie | Action::Swim | Action::Fly => [-0.62, -0.75, 0.62, 0.2],
            _ => [-0.5, -1.25, 0.5, 0.14],
        },
        Family::Animal if super::bird::is_winged(figure) => super::bird::bounds(figure, action),
        Family::Animal if figure.swims() || figure == Figure::Frog => super::sea::bounds(figure),
        Family::Animal => super::beast::bounds(figure),
        Family::Vehicle => super::vehicle::bounds(figure),
        Family::Object => super::thing::bounds(figure),
    }
}

/// Half the width of what touches the ground.
pub(super) fn footprint(figure: Figure, action: Action) -> f32 {
    match figure.family() {
        Family::Human if action == Action::Lie => 0.5,
        Family::Human => 0.17,
        _ => extent(figure, action).0 * 0.46,
    }
}

/// The thickness light shows: how far it takes to turn from lit to shaded.
pub(super) fn volume(figure: Figure, bust: bool) -> f32 {
    match figure.family() {
        _ if bust => 0.4,
        Family::Human => 0.13,
        Family::Animal | Family::Vehicle => 0.3,
        Family::Object => 0.36,
    }
}

/// Real height in metres, for things that stand beside others.
fn metres(figure: Figure) -> f32 {
    use Figure as F;
    match figure {
        F::Child => 1.15,
        F::Dog | F::Wolf | F::Sheep | F::Pig | F::Fox => 0.8,
        F::Cat | F::Rabbit | F::Duck | F::Chicken | F::Owl => 0.5,
        F::Horse | F::Cow | F::Deer | F::Lion | F::Tiger | F::Bear => 1.7,
        F::Elephant | F::Bus | F::Truck | F::Train => 3.2,
        F::Giraffe | F::Dinosaur | F::Sailboat | F::Helicopter => 4.6,
        F::Dragon | F::Whale | F::Plane | F::Spaceship | F::HotAirBalloon => 7.0,
        F::Ship | F::Rocket => 12.0,
        F::Car | F::SportsCar | F::Motorcycle | F::Bicycle => 1.5,
        F::Tree | F::Lighthouse => 8.0,
        F::House => 5.5,
        F::Bird | F::Butterfly | F::Bee | F::Fish => 0.4,
        _ if figure.family() == Family::Human => 1.75,
        F::Tent | F::Statue | F::Snowman | F::Door | F::Piano | F::Planet | F::Drum => 2.0,
        F::Chair | F::Campfire | F::Umbrella | F::Guitar | F::Sword => 1.0,
        _ => 0.5,
    }
}

/// How much of the frame the main figure takes, by framing.
fn span(framing: Framing, figure: Figure, action: Action) -> f32 {
    let lying = action == Action::Lie && figure.family() == Family::Human;
    let thing = figure.family() == Family::Object;
    match framing {
        Framing::ExtremeWide => 0.15,
        Framing::Wide if thing => 0.36,
        Framing::Wide => 0.43,
        Framing::Medium if thing => 0.5,
        Framing::Medium if figure.family() == Family::Human && !lying => 1.02,
        Framing::Close | Framing::ExtremeClose if lying => 0.8,
        Framing::Medium => 0.66,
        Framing::Close if thing => 0.64,
        Framing::Close => 1.05,
        Framing::ExtremeClose if thing => 1.0,
        Framing::ExtremeClose => 1.7,
    }
}

/// Places everybody and says how fast the camera follows.
pub(super) fn cast(setting: &Setting, clock: &Clock) -> (Vec<Actor>, f32) {
    let Some(main) = setting.shot.cast.first() else { return (Vec::new(), 0.0) };
    let lead = lead(setting, main, clock);
    let (moves, stride) = gait(main.figure, main.action);
    let towards = matches!(main.heading, Heading::Toward | Heading::Away);
    let speed = if travels(main) && !towards { moves * stride * lead.scale.min(0.9) } else { 0.0 };
    let follow =
        if super::follows(&setting.shot, clock.looped) { speed * lead.facing } else { 0.0 };
    let mut actors = company(setting, main, &lead);
    if speed > 0.0 && follow == 0.0 {
        cross(&mut actors, setting, clock, speed * lead.facing);
    }
    let crowded = setting.shot.framing >= Framing::Close;
    for (at, role) in setting.shot.cast.iter().enumerate().skip(1).filter(|_| !crowded) {
        actors.extend(company(setting, role, &support(setting, role, main, &lead, at)));
    }
    actors.sort_by(|one, other| other.depth.total_cmp(&one.depth));
    (actors, follow)
}

/// Lets everybody walk through the frame, from one side to the other, in the time there is.
fn cross(actors: &mut [Actor], setting: &Setting, clock: &Clock, speed: f32) {
    let wide = actors
        .iter()
        .map(|actor| extent(actor.role.figure, actor.role.action).0 * actor.scale)
        .fold(0.0, f32::max);
    let beyond = if clock.looped { 1.15 } else { 0.72 };
    let way = (setting.aspect + wide) * beyond;
    let whole = if clock.looped { way } else { way.min(speed.abs() * clock.length * 1.15) };
    let pace = whole / clock.length * speed.signum();
    for actor in actors {
        actor.x = actor.x * 0.4 - pace * clock.length / 2.0;
        actor.pace = pace;
    }
}

/// The main figure.
fn lead(setting: &Setting, role: &Role, clock: &Clock) -> Actor {
    let shot = &setting.shot;
    let figure = role.figure;
    let aspect = setting.aspect;
    let bust = is_bust(role, shot.framing);
    let (wide, high) = if bust { (0.8, 1.0) } else { extent(figure, role.action) };
    let tall = if aspect < 0.9 { 0.86 } else { 1.0 };
    let mut scale = span(shot.framing, figure, role.action) * tall / high.max(wide * 0.62);
    if setting.light.indoor && !bust && figure.family() == Family::Human {
        // Rooms are small: nobody stands far away in them.
        scale = (scale * 1.28).min(1.05);
    }
    if bust {
        scale = match shot.framing {
            Framing::Medium => 0.6,
            Framing::Close => 0.96,
            _ => 1.75,
        };
        scale = scale.min(aspect * if shot.framing == Framing::ExtremeClose { 2.2 } else { 1.25 });
    }
    let close = matches!(shot.framing, Framing::Close | Framing::ExtremeClose);
    let room = if close && figure.family() != Family::Object { 1.6 } else { 0.84 };
    scale = scale.min(aspect * room / wide.max(0.1));
    if shot.angle == Angle::Low {
        scale *= 1.15;
    }
    let facing = if role.heading == Heading::Left { -1.0 } else { 1.0 };
    let several = role.count > 1 || shot.cast.len() > 1;
    let third = if several || aspect < 0.9 || close { 0.02 } else { 0.13 };
    let x = -facing * third * aspect;
    let y = ground(setting, role, scale, high, bust);
    let _ = clock;
    let grounded = on_ground(setting, role);
    Actor {
        role: role.clone(),
        rank: 0,
        x,
        y,
        scale,
        depth: 1.0,
        facing,
        pace: 0.0,
        grounded,
        bust,
    }
}

fn is_bust(role: &Role, framing: Framing) -> bool {
    role.figure.family() == Family::Human
        && matches!(framing, Framing::Medium | Framing::Close | Framing::ExtremeClose)
        && role.count <= 2
        && match role.action {
            Action::Still | Action::Look => true,
            Action::Work
            | Action::Read
            | Action::Play
            | Action::Walk
            | Action::Sit
            | Action::Run
            | Action::Wave => framing != Framing::Medium,
            _ => false,
        }
}

/// The height of a figure's feet in the frame.
fn ground(setting: &Setting, role: &Role, scale: f32, high: f32, bust: bool) -> f32 {
    let shot = &setting.shot;
    let figure = role.figure;
    if bust {
        // Eyes on the upper third: the face's middle is the puppet's measure -0.55.
        return if shot.framing == Framing::ExtremeClose {
            0.47 * scale
        } else {
            0.44 * scale - 0.07
        };
    }
    let close = matches!(shot.framing, Framing::Close | Framing::ExtremeClose);
    let tall = if setting.aspect < 0.9 { 0.06 } else { 0.0 };
    if airborne(setting, role) {
        let high_up = if shot.framing == Framing::ExtremeWide { -0.14 } else { -0.04 };
        return high_up + scale * high * 0.5;
    }
    if figure.family() == Family::Animal && close {
        // The head is what a close shot of an animal shows.
        return (high * 0.72 * scale - 0.02).max(0.3);
    }
    if figure.family() == Family::Object && setting.shot.framing >= Framing::Close {
        return 0.5 * scale * high + 0.02;
    }
    let feet = setting.horizon + setting.drop;
    let fits = (high * scale - 0.4).max(feet + tall);
    // What is larger than the frame shows its upper part.
    fits.min(if close || high * scale > 0.8 { 2.0 } else { 0.37 })
}

fn airborne(setting: &Setting, role: &Role) -> bool {
    let place = setting.shot.place;
    let perched = matches!(role.action, Action::Sit | Action::Walk | Action::Run);
    let weightless = matches!(place, Place::Space | Place::Sky)
        || (place == Place::Underwater && role.figure.swims());
    let flies = role.figure.flies() && !perched && role.figure != Figure::Planet;
    let flown = matches!(role.action, Action::Fly | Action::Float) && !role.figure.sails();
    let breaching = role.figure.swims() && role.action == Action::Jump;
    weightless || (flies && !is_parked(role)) || flown || breaching
}

/// Aircraft that a prompt shows on the ground.
fn is_parked(role: &Role) -> bool {
    matches!(role.action, Action::Sit | Action::Lie)
        || (role.figure == Figure::Rocket && role.action != Action::Fly)
}

fn on_ground(setting: &Setting, role: &Role) -> bool {
    let wet = matches!(setting.shot.place, Place::Ocean | Place::Lake | Place::River)
        && (role.figure.sails() || role.figure.swims() || role.action == Action::Swim);
    !airborne(setting, role) && !wet && setting.shot.place != Place::Underwater
}

/// Somebody or something beside the main figure.
fn support(setting: &Setting, role: &Role, main: &Role, lead: &Actor, at: usize) -> Actor {
    let (wide, high) = extent(role.figure, role.action);
    let (lead_wide, lead_high) = extent(main.figure, main.action);
    let main_height = lead.scale * if lead.bust { 2.6 } else { lead_high };
    let metre = main_height / metres(main.figure);
    let least = if lead.bust { 0.2 } else { 0.11 };
    let tall = (metres(role.figure) * metre).clamp(least, 0.85);
    let scale = (tall / high.max(0.1)).min(setting.aspect * 0.5 / wide.max(0.1));
    let side = if at % 2 == 1 { lead.facing } else { -lead.facing };
    let apart = (lead_wide * lead.scale * if lead.bust { 0.8 } else { 0.55 } + wide * scale * 0.55)
        .min(setting.aspect * 0.4);
    let big = metres(role.figure) > 3.0;
    let depth = if big { 1.9 } else { 0.98 + 0.06 * index(at) };
    let facing = if role.heading == Heading::Left {
        -1.0
    } else if role.figure.family() == Family::Object {
        1.0
    } else {
        -side
    };
    let facing = if matches!(role.action, Action::Walk | Action::Run | Action::Drive | Action::Fly)
    {
        lead.facing
    } else {
        facing
    };
    let air = airborne(setting, role);
    let y = if air {
        -0.12
    } else if lead.bust {
        0.46
    } else {
        setting.foot(depth).min(0.44)
    };
    Actor {
        role: role.clone(),
        rank: 0,
        x: lead.x + side * apart,
        y,
        scale: if big { scale / 1.3 } else { scale },
        depth,
        facing,
        pace: 0.0,
        grounded: on_ground(setting, role),
        bust: false,
    }
}

/// The figure and the others of its kind.
fn company(setting: &Setting, role: &Role, lead: &Actor) -> Vec<Actor> {
    let (wide, _) = extent(role.figure, role.action);
    let many = usize::from(role.count.max(1));
    let many = if many >= 5 { STAGGER.len() } else { many };
    let tight = if many > 3 { 0.72 } else { 0.8 };
    let room = setting.aspect * 0.5 / (wide * lead.scale * 1.9).max(0.05);
    let shrink = if many > 1 { (0.62 + 0.2 * room).min(0.9) } else { 1.0 };
    let floats = !lead.grounded;
    (0..many)
        .filter_map(|rank| {
            let (across, back) = STAGGER.get(rank).copied()?;
            let depth = lead.depth * back;
            let spread = wide * lead.scale * shrink * tight * across;
            let x = (lead.x + spread).clamp(-0.46 * setting.aspect, 0.46 * setting.aspect);
            let y = if floats {
                lead.y - 0.11 * (index(rank) * 2.4).sin() * f32::from(u8::from(rank > 0))
            } else {
                lead.y
                    - (setting.foot(lead.depth) - setting.foot(depth))
                        * if lead.bust { 0.2 } else { 1.0 }
            };
            let scale = lead.scale * shrink / back.powf(0.8);
            Some(Actor { rank, x, y, scale, depth, ..lead.clone() })
        })
        .collect()
}
