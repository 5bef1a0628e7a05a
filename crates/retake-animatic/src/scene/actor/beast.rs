//! Animals on four legs.
//!
//! One skeleton, many builds: lengths and thicknesses come from a table, and what makes a species
//! (mane, trunk, antlers, stripes) is added on top.

mod build;
mod head;

use super::{Dye, Pose};
use crate::scene::brush::{Brush, Spot};
use crate::scene::ink::{BLACK, Ink, WHITE, ink};
use crate::scene::num::{index, mix, wave};
use crate::storyboard::{Action, Figure, Role};
use build::{Build, Coat, Tail};

/// The box that an animal never leaves.
pub(super) fn bounds(figure: Figure) -> [f32; 4] {
    let build = Build::of(figure);
    let reach = (build.length * 0.5 + build.head + build.neck * 0.9 + 0.12) * build.scale;
    let tail = (build.length * 0.5 + build.tail_length() + 0.1) * build.scale;
    let side = reach.max(tail);
    [-side, -1.18, side, 0.1]
}

/// A whole animal, its feet at the origin.
pub(super) fn draw(brush: &mut Brush<'_>, role: &Role, pose: &Pose, dye: Dye<'_>) {
    let build = Build::of(role.figure);
    let fur = role.tint.map_or(ink(0x8A6A4A), Ink::from);
    let vary = 1.0 - 0.09 * index(pose.rank % 3);
    let coat = Coat::new(&build, fur.scaled(vary), dye);
    if role.figure == Figure::Snake {
        snake(brush, pose, &coat);
        return;
    }
    let mut brush = brush.at(0.0, 0.0, build.scale);
    match role.action {
        Action::Sit | Action::Work | Action::Read | Action::Play | Action::Look if build.sits => {
            sitting(&mut brush, role, pose, &build, &coat);
        }
        Action::Lie => lying(&mut brush, role, pose, &build, &coat),
        _ => standing(&mut brush, role, pose, &build, &coat),
    }
}

/// Swing of one leg: angle of the upper bone, and how far the lower one is folded.
fn swing(turns: f32, reach: f32, fold: f32) -> (f32, f32) {
    let forward = wave(turns + 0.25).max(0.0);
    (wave(turns) * reach, fold * forward.powf(1.2))
}

/// Phases of the legs: far hind, far front, near hind, near front.
fn phases(action: Action) -> [f32; 4] {
    match action {
        Action::Run | Action::Jump => [0.1, 0.55, 0.0, 0.45],
        _ => [0.5, 0.75, 0.0, 0.25],
    }
}

struct Gait {
    reach: f32,
    fold: f32,
    pitch: f32,
    hop: f32,
}

fn gait(role: &Role, pose: &Pose) -> Gait {
    match role.action {
        Action::Run => Gait {
            reach: 42.0,
            fold: 62.0,
            pitch: wave(pose.turns + 0.1) * 5.0,
            hop: 0.045 * wave(pose.turns + 0.3).max(0.0),
        },
        Action::Jump => Gait { reach: 34.0, fold: 40.0, pitch: -8.0, hop: 0.0 },
        Action::Walk | Action::Drive | Action::Swim => {
            Gait { reach: 22.0, fold: 34.0, pitch: wave(pose.turns * 2.0) * 0.8, hop: 0.0 }
        }
        Action::Dance | Action::Spin => Gait {
            reach: 16.0,
            fold: 46.0,
            pitch: wave(pose.turns) * 9.0,
            hop: 0.03 * wave(pose.turns * 2.0).max(0.0),
        },
        _ => Gait { reach: 3.0, fold: 2.0, pitch: 0.0, hop: 0.0 },
    }
}

fn bone(from: Spot, degrees: f32, length: f32) -> Spot {
    let (sin, cos) = degrees.to_radians().sin_cos();
    (from.0 + sin * length, from.1 + cos * length)
}

/// The joints of a leg: hip, knee, (hock,) foot.
fn leg(from: Spot, hind: bool, (angle, fold): (f32, f32), length: f32) -> [Spot; 4] {
    if hind {
        let knee = bone(from, angle + 24.0, length * 0.42);
        let hock = bone(knee, angle - 38.0 - fold * 0.8, length * 0.4);
        [from, knee, hock, bone(hock, angle * 0.6 + 8.0 - fold * 0.5, length * 0.31)]
    } else {
        let elbow = bone(from, angle - 6.0, length * 0.4);
        let wrist = bone(elbow, angle + 3.0 - fold, length * 0.36);
        [from, elbow, wrist, bone(wrist, angle - fold * 1.1, length * 0.26)]
    }
}

fn standing(brush: &mut Brush<'_>, role: &Role, pose: &Pose, build: &Build, coat: &Coat) {
    let gait = gait(role, pose);
    let moving = gait.reach > 5.0;
    let phases = phases(role.action);
    let jump = role.action == Action::Jump;
    let pitch = gait.pitch.to_radians();
    let half = build.length / 2.0;
    let joint = |at: usize| {
        let hind = at.is_multiple_of(2);
        let x = if hind { -half } else { half * 0.94 };
        (x, x * pitch.sin(), hind)
    };
    let pace = |at: usize| {
        let turns = if jump {
            phases[at] * 0.25 + 0.05
        } else if moving {
            pose.turns + phases[at]
        } else {
            phases[at]
        };
        let (angle, fold) = swing(turns, gait.reach, gait.fold);
        if jump {
            if at.is_multiple_of(2) { (-42.0, 8.0) } else { (46.0, 40.0) }
        } else {
            (angle, fold)
        }
    };
    let legs: Vec<[Spot; 4]> = (0..4)
        .map(|at| {
            let (x, y, hind) = joint(at);
            leg((x, y), hind, pace(at), build.leg)
        })
        .collect();
    let lowest = legs.iter().map(|leg| leg[3].1).fold(f32::MIN, f32::max) + build.leg_thick * 0.45;
    let high = -lowest - gait.hop * build.leg;
    let mut brush = brush.at(0.0, high, 1.0);
    for (at, joints) in legs.iter().enumerate().take(2) {
        draw_leg(&mut brush, joints, at % 2 == 0, build, coat, true);
    }
    tail(
        &mut brush,
        (-half - build.rump * 0.6, -build.rump * 0.6 - half * pitch.sin()),
        pose,
        build,
        coat,
        moving,
    );
    let mut level = brush.turned(0.0, 0.0, gait.pitch);
    torso(&mut level, build, coat);
    for (at, joints) in legs.iter().enumerate().skip(2) {
        draw_leg(&mut brush, joints, at % 2 == 0, build, coat, false);
    }
    if role.ridden {
        rider(&mut brush, pose, build, coat);
    }
    let nod = if moving {
        wave(pose.turns * if role.action == Action::Run { 1.0 } else { 2.0 }) * 3.0
    } else {
        pose.breath() * 1.5
    };
    let lowered = if role.action == Action::Run { 14.0 } else { 0.0 };
    head::neck_and_head(
        &mut brush,
        (half + build.chest * 0.1, -build.chest * 0.45 + half * pitch.sin()),
        nod + lowered,
        role,
        build,
        coat,
        pose,
    );
}

fn draw_leg(
    brush: &mut Brush<'_>,
    [hip, knee, hock, foot]: &[Spot; 4],
    hind: bool,
    build: &Build,
    coat: &Coat,
    far: bool,
) {
    let tone = if far { coat.far } else { coat.fur };
    let low = if far { coat.sock.darker(0.3) } else { coat.sock };
    let thick = build.leg_thick;
    let thigh = if hind { build.rump * 0.82 } else { build.chest * 0.5 };
    brush.limb(*hip, *knee, thigh.max(thick), thick * 1.12, tone);
    brush.limb(*knee, *hock, thick * 1.05, thick * 0.72, tone.mix(low, 0.35));
    brush.limb(*hock, *foot, thick * 0.7, thick * 0.62, low);
    brush.oval(
        foot.0 + thick * 0.3,
        foot.1 + thick * 0.1,
        thick * 0.98,
        thick * 0.52,
        if build.hoofed { low.darker(0.5) } else { low },
    );
}

fn torso(brush: &mut Brush<'_>, build: &Build, coat: &Coat) {
    let (half, rump, chest) = (build.length / 2.0, build.rump, build.chest);
    let shape = [
        (-half - rump * 0.55, -rump * 0.72),
        (-half * 0.6, -rump * 1.0),
        (0.0, -mix(rump, chest, 0.5) * (0.94 + build.hump)),
        (half * 0.6, -chest * 1.02),
        (half + chest * 0.36, -chest * 0.78),
        (half + chest * 0.6, -chest * 0.1),
        (half + chest * 0.2, chest * 0.72),
        (half * 0.3, chest * 0.86),
        (-half * 0.4, rump * build.tuck),
        (-half - rump * 0.3, rump * 0.52),
        (-half - rump * 0.78, -rump * 0.1),
    ];
    brush.blob_shaded(&shape, coat.fur.lighter(0.05), coat.fur.darker(0.12));
    brush.within().blob(
        &[
            (half * 0.9, chest * 0.3),
            (half * 0.2, chest * 0.45),
            (-half * 0.6, rump * 0.35),
            (-half * 0.5, rump * 0.9),
            (half * 0.3, chest * 1.0),
            (half + chest * 0.3, chest * 0.8),
        ],
        coat.belly.alpha(0.75),
    );
    build::pattern(brush, build, coat);
}

fn tail(brush: &mut Brush<'_>, root: Spot, pose: &Pose, build: &Build, coat: &Coat, moving: bool) {
    let wag = wave(pose.clock.turns(if build.wags { 2.1 } else { 0.35 }));
    let stream = if moving { 0.35 } else { 0.0 };
    let length = build.tail_length();
    match build.tail {
        Tail::None => {}
        Tail::Stub => brush.circle(root.0, root.1, build.rump * 0.32, coat.belly),
        Tail::Brush => {
            let tip = (root.0 - length, root.1 + length * (0.35 - stream) + wag * 0.03);
            let (dx, dy) = (tip.0 - root.0, tip.1 - root.1);
            brush.blob_shaded(
                &[
                    root,
                    (root.0 + dx * 0.4, root.1 + dy * 0.4 - length * 0.16),
                    (root.0 + dx * 0.85, root.1 + dy * 0.85 - length * 0.12),
                    tip,
                    (root.0 + dx * 0.75, root.1 + dy * 0.75 + length * 0.17),
                    (root.0 + dx * 0.3, root.1 + dy * 0.3 + length * 0.12),
                ],
                coat.fur,
                coat.fur.darker(0.1),
            );
            brush.circle(tip.0 + length * 0.06, tip.1, length * 0.09, coat.belly);
        }
        Tail::Plume => {
            let tip = (root.0 - length * (0.55 - wag * 0.12), root.1 - length * (0.75 - stream));
            let bend = (root.0 - length * 0.5, root.1 - length * 0.12);
            for (at, share) in [(0, 0.0), (1, 0.33), (2, 0.66), (3, 1.0)] {
                let spot = quadratic(root, bend, tip, share);
                let next = quadratic(root, bend, tip, (share + 0.34).min(1.0));
                brush.limb(spot, next, length * (0.11 + 0.02 * index(at)), length * 0.1, coat.fur);
            }
            brush.circle(tip.0, tip.1, length * 0.09, coat.belly);
        }
        Tail::Thin | Tail::Tuft => {
            let tip = (
                root.0 - length * (0.55 + stream),
                root.1 + length * (0.72 - stream) + wag * length * 0.12,
            );
            let bend = (root.0 - length * 0.5, root.1 - length * (0.1 + stream * 0.3));
            let spots: Vec<Spot> =
                (0..=6).map(|at| quadratic(root, bend, tip, index(at) / 6.0)).collect();
            brush.curve(&spots, length * 0.09, coat.fur.darker(0.1));
            if build.tail == Tail::Tuft {
                brush.oval(tip.0, tip.1, length * 0.1, length * 0.13, coat.mane);
            }
        }
        Tail::Up => {
            let tip = (root.0 - length * (0.2 + wag * 0.1), root.1 - length * 0.9);
            let bend = (root.0 - length * 0.6, root.1 + length * 0.1);
            for at in 0..8 {
                let spot = |at: usize| quadratic(root, bend, tip, index(at) / 8.0);
                brush.limb(spot(at), spot(at + 1), length * 0.075, length * 0.07, coat.fur);
            }
        }
        Tail::Horse => {
            let sway = wag * 0.05 - stream * 0.35;
            brush.blob(
                &[
                    root,
                    (root.0 - length * 0.3, root.1 - length * 0.02),
                    (root.0 - length * (0.42 - sway), root.1 + length * (0.6 - stream)),
                    (root.0 - length * (0.3 - sway * 1.3), root.1 + length * (1.0 - stream)),
                    (root.0 - length * 0.12, root.1 + length * 0.5),
                ],
                coat.mane,
            );
        }
        Tail::Heavy => {
            let tip = (root.0 - length, root.1 + length * 0.16 + wag * 0.05);
            brush.blob_shaded(
                &[
                    (root.0 + build.rump * 0.6, root.1 - build.rump * 0.25),
                    (root.0 - length * 0.4, root.1 - build.rump * 0.1),
                    tip,
                    (root.0 - length * 0.4, root.1 + build.rump * 0.55),
                    (root.0 + build.rump * 0.5, root.1 + build.rump * 0.8),
                ],
                coat.fur,
                coat.fur.darker(0.14),
            );
        }
    }
}

pub(super) fn quadratic(from: Spot, bend: Spot, to: Spot, share: f32) -> Spot {
    let rest = 1.0 - share;
    let along =
        |a: f32, b: f32, c: f32| rest * rest * a + 2.0 * rest * share * b + share * share * c;
    (along(from.0, bend.0, to.0), along(from.1, bend.1, to.1))
}

/// Sitting: haunches on the ground, front legs straight, chest up.
fn sitting(brush: &mut Brush<'_>, role: &Role, pose: &Pose, build: &Build, coat: &Coat) {
    let (length, rump, chest) = (build.length * 0.82, build.rump, build.chest);
    let hip = (-length * 0.34, -rump * 0.95);
    let shoulder = (hip.0 + length * 0.56, hip.1 - length * 0.66);
    let foot = (shoulder.0 + chest * 0.55, -build.leg_thick * 0.4);
    tail(brush, (hip.0 - rump * 0.7, hip.1 + rump * 0.45), pose, build, coat, true);
    let far = (foot.0 - build.leg_thick * 0.9, foot.1);
    brush.limb(
        (shoulder.0 + chest * 0.1, shoulder.1),
        far,
        build.leg_thick * 1.2,
        build.leg_thick * 0.7,
        coat.far,
    );
    let body = [
        (hip.0 - rump * 0.95, hip.1 + rump * 0.2),
        (hip.0 - rump * 0.6, hip.1 - rump * 0.75),
        (shoulder.0 - chest * 0.85, shoulder.1 - chest * 0.1),
        (shoulder.0 - chest * 0.1, shoulder.1 - chest * 0.8),
        (shoulder.0 + chest * 0.75, shoulder.1 - chest * 0.15),
        (shoulder.0 + chest * 0.72, shoulder.1 + chest * 0.9),
        (hip.0 + rump * 1.25, hip.1 + rump * 0.55),
        (hip.0, hip.1 + rump * 0.9),
    ];
    brush.blob_shaded(&body, coat.fur.lighter(0.05), coat.fur.darker(0.12));
    brush.within().blob(
        &[
            (shoulder.0 + chest * 0.9, shoulder.1),
            (shoulder.0 + chest * 0.3, shoulder.1 + chest * 0.2),
            (shoulder.0 + chest * 0.2, shoulder.1 + chest * 1.1),
            (shoulder.0 + chest * 0.9, shoulder.1 + chest),
        ],
        coat.belly.alpha(0.8),
    );
    brush.limb(
        (shoulder.0 + chest * 0.25, shoulder.1 + chest * 0.3),
        foot,
        build.leg_thick * 1.35,
        build.leg_thick * 0.72,
        coat.fur,
    );
    brush.oval(
        foot.0 + build.leg_thick * 0.3,
        -build.leg_thick * 0.42,
        build.leg_thick * 1.1,
        build.leg_thick * 0.55,
        coat.sock,
    );
    brush.oval(
        hip.0 + rump * 0.25,
        hip.1 + rump * 0.05,
        rump * 0.95,
        rump * 0.92,
        coat.fur.lighter(0.04),
    );
    brush.oval(
        hip.0 + rump * 1.0,
        -build.leg_thick * 0.45,
        rump * 0.62,
        build.leg_thick * 0.55,
        coat.sock,
    );
    head::neck_and_head(
        brush,
        (shoulder.0 + chest * 0.25, shoulder.1 - chest * 0.2),
        -12.0 + pose.breath() * 2.5,
        role,
        build,
        coat,
        pose,
    );
}

/// Lying on its belly, or asleep with its head on its paws.
fn lying(brush: &mut Brush<'_>, role: &Role, pose: &Pose, build: &Build, coat: &Coat) {
    let half = build.length / 2.0;
    let breath = 1.0 + pose.breath() * 0.015;
    let high = -build.chest * 0.82;
    tail(brush, (-half - build.rump * 0.5, high + build.rump * 0.4), pose, build, coat, true);
    brush.limb(
        (half * 0.7, -build.leg_thick),
        (half + build.head * 0.9, -build.leg_thick * 0.5),
        build.leg_thick * 0.8,
        build.leg_thick * 0.6,
        coat.far,
    );
    let mut body = brush.at(0.0, high, 1.0);
    let mut body = body.placed(tiny_skia::Transform::from_scale(1.0, breath));
    torso(&mut body, build, coat);
    brush.oval(
        -half * 0.72,
        high + build.rump * 0.25,
        build.rump * 0.95,
        build.rump * 0.72,
        coat.fur.lighter(0.03),
    );
    brush.oval(
        -half * 0.25,
        -build.leg_thick * 0.5,
        build.rump * 0.7,
        build.leg_thick * 0.55,
        coat.sock,
    );
    brush.limb(
        (half * 0.75, -build.leg_thick * 0.8),
        (half + build.head * 1.15, -build.leg_thick * 0.5),
        build.leg_thick * 0.95,
        build.leg_thick * 0.65,
        coat.sock,
    );
    head::neck_and_head(
        brush,
        (half + build.chest * 0.1, high - build.chest * 0.15),
        34.0 + pose.breath(),
        role,
        build,
        coat,
        pose,
    );
}

/// A rider in the saddle.
fn rider(brush: &mut Brush<'_>, pose: &Pose, build: &Build, coat: &Coat) {
    let bob = wave(pose.turns + 0.2) * 0.012;
    let seat = (build.length * 0.08, -build.chest * 1.0 + bob);
    let tone = coat.rider;
    brush.limb(seat, (seat.0 + 0.1, seat.1 + 0.19), 0.05, 0.036, tone.darker(0.4));
    brush.limb(
        (seat.0 + 0.1, seat.1 + 0.19),
        (seat.0 + 0.04, seat.1 + 0.36),
        0.036,
        0.024,
        tone.darker(0.4),
    );
    brush.limb(seat, (seat.0 + 0.05, seat.1 - 0.24), 0.062, 0.066, tone);
    brush.limb(
        (seat.0 + 0.06, seat.1 - 0.25),
        (seat.0 + 0.16, seat.1 - 0.12),
        0.03,
        0.024,
        tone.lighter(0.1),
    );
    brush.limb(
        (seat.0 + 0.16, seat.1 - 0.12),
        (seat.0 + 0.28, seat.1 - 0.16),
        0.024,
        0.018,
        tone.lighter(0.1),
    );
    brush.oval(seat.0 + 0.07, seat.1 - 0.37, 0.044, 0.056, coat.skin);
    brush.blob(
        &[
            (seat.0 + 0.02, seat.1 - 0.38),
            (seat.0 + 0.03, seat.1 - 0.44),
            (seat.0 + 0.09, seat.1 - 0.445),
            (seat.0 + 0.12, seat.1 - 0.4),
        ],
        coat.mane,
    );
}

fn snake(brush: &mut Brush<'_>, pose: &Pose, coat: &Coat) {
    let spots: Vec<Spot> = (0..=22)
        .map(|at| {
            let share = index(at) / 22.0;
            let rise = (share - 0.8).max(0.0) * 1.6;
            (
                mix(-0.75, 0.45, share) + rise * 0.1,
                -0.05 - rise * rise * 1.4 - rise * 0.5
                    + wave(share * 2.3 - pose.turns) * 0.06 * (1.0 - rise),
            )
        })
        .collect();
    for (at, pair) in spots.windows(2).enumerate() {
        if let [from, to] = pair {
            let thick = 0.02 + 0.045 * (index(at) / 12.0).min(1.0);
            brush.limb(*from, *to, thick, thick, if at % 3 == 0 { coat.far } else { coat.fur });
        }
    }
    if let Some(end) = spots.last() {
        brush.oval(end.0 + 0.06, end.1 - 0.01, 0.1, 0.055, coat.fur);
        brush.circle(end.0 + 0.09, end.1 - 0.025, 0.014, WHITE);
        brush.circle(end.0 + 0.094, end.1 - 0.025, 0.008, BLACK);
        brush.line(&[(end.0 + 0.15, end.1), (end.0 + 0.21, end.1 + 0.01)], 0.007, ink(0xC23A3A));
    }
}
