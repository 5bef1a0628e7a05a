//! People from head to foot, seen from the side or from front and back.
//!
//! One skeleton carries them all: a pose gives its angles, an outfit its shapes and colours. The
//! lower foot always meets the ground, so nobody floats or slides.

mod outfit;
mod pose;
mod props;

use super::{Dye, Pose};
use crate::scene::brush::{Brush, Spot, spots};
use crate::scene::ink::{BLACK, Ink, WHITE, ink};
use crate::scene::num::{index, wave};
use crate::storyboard::{Action, Figure, Garment, Heading, Role};
pub(super) use outfit::Outfit;
use pose::{Joints, joints};

const THIGH: f32 = 0.25;
const SHIN: f32 = 0.25;
const UPPER_ARM: f32 = 0.165;
const FOREARM: f32 = 0.155;

/// A whole person, feet at the origin.
pub(super) fn draw(brush: &mut Brush<'_>, role: &Role, pose: &Pose, dye: Dye<'_>) {
    let outfit = Outfit::of(role, pose.rank, dye);
    let size = match role.figure {
        Figure::Child => 0.72,
        Figure::Elder => 0.95,
        _ => 1.0,
    };
    let mut brush = brush.at(0.0, 0.0, size);
    let spin = match role.action {
        Action::Spin | Action::Dance
            if role.figure == Figure::Dancer || role.action == Action::Spin =>
        {
            let turn = wave(pose.turns * 0.5 + 0.25);
            turn.signum() * turn.abs().max(0.28)
        }
        _ => 1.0,
    };
    let mut brush = brush.placed(tiny_skia::Transform::from_scale(spin, 1.0));
    let front = matches!(pose.heading, Heading::Toward | Heading::Away);
    match role.action {
        Action::Lie => lying(&mut brush, role, pose, &outfit),
        Action::Swim | Action::Fly => {
            let mut brush = brush.turned(-0.42, -0.3, 78.0);
            side(&mut brush, role, pose, &outfit);
        }
        _ if front => facing(&mut brush, role, pose, &outfit),
        _ => side(&mut brush, role, pose, &outfit),
    }
}

fn lying(brush: &mut Brush<'_>, role: &Role, pose: &Pose, outfit: &Outfit) {
    if !pose.indoors {
        side(&mut brush.turned(0.5, -0.075, -90.0), role, pose, outfit);
        return;
    }
    // A bed: frame, mattress, pillow, and a blanket over the sleeper.
    let (wood, linen) = (outfit.wood, outfit.trim.mix(outfit.wood, 0.12));
    brush.round_shaded([-0.6, -0.36, 0.08, 0.4], 0.02, wood.lighter(0.06), wood.darker(0.3));
    brush.round_shaded([-0.58, -0.12, 1.16, 0.14], 0.02, wood, wood.darker(0.35));
    brush.round_shaded([-0.55, -0.22, 1.13, 0.14], 0.05, linen.lighter(0.2), linen.darker(0.1));
    brush.round_shaded([-0.54, -0.3, 0.26, 0.12], 0.05, linen.lighter(0.35), linen);
    side(&mut brush.turned(0.5, -0.27, -90.0), role, pose, outfit);
    let breath = pose.breath() * 0.006;
    let cover = outfit.top.mix(outfit.trim, 0.35);
    brush.blob_shaded(
        &[
            (-0.22, -0.36 - breath),
            (0.05, -0.37 - breath),
            (0.4, -0.34),
            (0.58, -0.26),
            (0.59, -0.1),
            (0.1, -0.08),
            (-0.24, -0.1),
        ],
        cover.lighter(0.1),
        cover.darker(0.15),
    );
}

/// Where a bone ends that starts there; 0 degrees hangs straight down, 90 points forward.
fn bone(from: Spot, degrees: f32, length: f32) -> Spot {
    let (sin, cos) = degrees.to_radians().sin_cos();
    (from.0 + sin * length, from.1 + cos * length)
}

/// Hip, knee, ankle.
fn leg(hip: Spot, thigh: f32, knee: f32) -> [Spot; 3] {
    let bend = bone(hip, thigh, THIGH);
    [hip, bend, bone(bend, thigh - knee, SHIN)]
}

fn side(brush: &mut Brush<'_>, role: &Role, pose: &Pose, outfit: &Outfit) {
    let joints = joints(role, pose);
    let legs = [0, 1].map(|at| leg((0.0, 0.0), joints.thighs[at], joints.knees[at]));
    let lowest = legs.iter().map(|leg| leg[2].1).fold(f32::MIN, f32::max) + 0.028;
    let horizontal = matches!(role.action, Action::Lie | Action::Swim | Action::Fly);
    let hip = if horizontal { (0.0, -0.52) } else { (0.0, -lowest - joints.lift) };
    if role.action == Action::Sit && !horizontal {
        seat(brush, hip, outfit);
    }
    let chest = bone(hip, 180.0 - joints.lean, 0.3);
    let shoulder = bone(hip, 180.0 - joints.lean, 0.285);
    arm(brush, shoulder, &joints, 0, outfit);
    if outfit.pack {
        backpack(brush, hip, chest, outfit);
    }
    for (at, tone) in [(0, outfit.legs.darker(0.3)), (1, outfit.legs)] {
        let [_, knee, ankle] = leg((hip.0, hip.1), joints.thighs[at], joints.knees[at]);
        draw_leg(brush, (hip, knee, ankle), joints.thighs[at] - joints.knees[at], tone, outfit);
    }
    torso(brush, hip, joints.lean, outfit);
    if let Some((skirt, tone)) = outfit.skirt {
        draw_skirt(brush, hip, skirt, tone, &legs, pose);
    }
    let neck = bone(hip, 180.0 - joints.lean, 0.34);
    head(brush, neck, joints.lean * 0.4 + joints.nod, role, outfit);
    if role.action == Action::Work && pose.indoors {
        props::workplace(brush, role, outfit);
    }
    let hands = [0, 1].map(|at| hand_of(shoulder, &joints, at));
    if role.action == Action::Play {
        props::instrument(brush, hands, role, outfit);
    }
    arm(brush, shoulder, &joints, 1, outfit);
    props::held(brush, hands[1], role, outfit);
}

fn hand_of(shoulder: Spot, joints: &Joints, at: usize) -> Spot {
    let elbow = bone(shoulder, joints.shoulders[at], UPPER_ARM);
    bone(elbow, joints.shoulders[at] + joints.elbows[at], FOREARM)
}

fn arm(brush: &mut Brush<'_>, shoulder: Spot, joints: &Joints, at: usize, outfit: &Outfit) {
    let far = at == 0;
    let tone = if far { outfit.sleeves.darker(0.32) } else { outfit.sleeves.lighter(0.04) };
    let skin = if far { outfit.skin.darker(0.28) } else { outfit.skin };
    let bulk = outfit.bulk;
    let elbow = bone(shoulder, joints.shoulders[at], UPPER_ARM);
    let hand = hand_of(shoulder, joints, at);
    brush.limb(shoulder, elbow, 0.036 * bulk, 0.028 * bulk, tone);
    brush.limb(elbow, hand, 0.028 * bulk, 0.02 * bulk, tone);
    let way = (hand.0 - elbow.0, hand.1 - elbow.1);
    brush.limb(
        hand,
        (hand.0 + way.0 * 0.14, hand.1 + way.1 * 0.14),
        0.021 * bulk,
        0.017 * bulk,
        skin,
    );
}

fn draw_leg(
    brush: &mut Brush<'_>,
    (hip, knee, ankle): (Spot, Spot, Spot),
    shin: f32,
    tone: Ink,
    outfit: &Outfit,
) {
    let bulk = outfit.bulk.sqrt();
    brush.limb(hip, knee, 0.062 * bulk, 0.042 * bulk, tone);
    brush.limb(knee, ankle, 0.042 * bulk, 0.027 * bulk, tone);
    let mut foot = brush.turned(ankle.0, ankle.1, -shin * 0.85);
    let shoe = outfit.shoes;
    foot.blob(
        &spots([-0.036, -0.014, 0.0, -0.03, 0.04, -0.006, 0.088, 0.012, 0.09, 0.028, -0.03, 0.028]),
        shoe,
    );
    if outfit.fins {
        foot.blob(
            &spots([0.0, 0.0, 0.1, 0.0, 0.24, 0.03, 0.22, 0.045, 0.02, 0.03]),
            outfit.legs.lighter(0.15),
        );
    }
}

fn torso(brush: &mut Brush<'_>, hip: Spot, lean: f32, outfit: &Outfit) {
    let mut brush = brush.turned(hip.0, hip.1, lean);
    let bulk = outfit.bulk;
    let wide = |x: f32| x * bulk;
    let shape = [
        (wide(-0.03), -0.355),
        (wide(-0.085), -0.305),
        (wide(-0.088), -0.19),
        (wide(-0.064), -0.09),
        (wide(-0.075), 0.015),
        (wide(-0.03), 0.055),
        (wide(0.04), 0.055),
        (wide(0.07), 0.01),
        (wide(0.058), -0.09),
        (wide(0.08), -0.2),
        (wide(0.066), -0.305),
        (wide(0.025), -0.355),
    ];
    brush.blob_shaded(&shape, outfit.top.lighter(0.05), outfit.top.darker(0.16));
    if outfit.coat {
        let tail =
            [(wide(-0.07), -0.1), (wide(0.062), -0.1), (wide(0.085), 0.16), (wide(-0.105), 0.17)];
        brush.blob_shaded(&tail, outfit.top.darker(0.04), outfit.top.darker(0.24));
        brush.line(&[(wide(0.05), -0.28), (wide(0.06), 0.14)], 0.006, outfit.top.darker(0.35));
    }
    if outfit.apron {
        brush.blob(
            &[
                (wide(0.02), -0.22),
                (wide(0.075), -0.2),
                (wide(0.07), 0.02),
                (wide(0.075), 0.14),
                (wide(0.0), 0.14),
            ],
            outfit.trim,
        );
    }
    if outfit.plates {
        for y in [-0.25, -0.15, -0.05] {
            brush.curve(
                &[(wide(-0.07), y), (wide(0.0), y + 0.02), (wide(0.07), y)],
                0.007,
                outfit.trim,
            );
        }
    }
    brush.limb((0.0, -0.33), (0.006, -0.385), 0.03, 0.028, outfit.skin.darker(0.12));
}

fn draw_skirt(
    brush: &mut Brush<'_>,
    hip: Spot,
    length: f32,
    tone: Ink,
    legs: &[[Spot; 3]; 2],
    pose: &Pose,
) {
    // The hem follows the knees, and swings a little behind them.
    let reach = |at: usize| (legs[at][1].0 * 0.75).clamp(-0.16, 0.16);
    let (back, front) = (reach(0).min(reach(1)), reach(0).max(reach(1)));
    let sway = wave(pose.turns + 0.2) * 0.02;
    let y = hip.1 + length;
    let shape = [
        (hip.0 - 0.062, hip.1 - 0.1),
        (hip.0 + 0.055, hip.1 - 0.1),
        (hip.0 + 0.085, hip.1 + 0.02),
        (hip.0 + 0.1 + front * 0.8, y - 0.01),
        (hip.0 + sway, y + 0.012),
        (hip.0 - 0.12 + back * 0.8 + sway, y),
        (hip.0 - 0.09, hip.1 + 0.02),
    ];
    if length < 0.12 {
        // A tutu stands out.
        brush.blob_shaded(
            &[
                (hip.0 - 0.06, hip.1 - 0.04),
                (hip.0 + 0.06, hip.1 - 0.04),
                (hip.0 + 0.23, hip.1 + 0.02),
                (hip.0 + 0.16, hip.1 + 0.07),
                (hip.0, hip.1 + 0.085),
                (hip.0 - 0.16, hip.1 + 0.07),
                (hip.0 - 0.23, hip.1 + 0.02),
            ],
            tone.lighter(0.2),
            tone.darker(0.08),
        );
        return;
    }
    brush.blob_shaded(&shape, tone, tone.darker(0.18));
    brush.curve(
        &[(hip.0 + 0.02, hip.1), (hip.0 + 0.035 + front * 0.4, y - 0.03)],
        0.005,
        tone.darker(0.22),
    );
    brush.curve(
        &[(hip.0 - 0.03, hip.1), (hip.0 - 0.06 + back * 0.4, y - 0.03)],
        0.005,
        tone.darker(0.22),
    );
}

fn backpack(brush: &mut Brush<'_>, hip: Spot, chest: Spot, outfit: &Outfit) {
    let x = f32::midpoint(hip.0, chest.0) - 0.1;
    brush.round_shaded(
        [x - 0.06, chest.1 + 0.02, 0.12, 0.24],
        0.04,
        outfit.trim,
        outfit.trim.darker(0.25),
    );
}

fn seat(brush: &mut Brush<'_>, hip: Spot, outfit: &Outfit) {
    let wood = outfit.wood;
    brush.round_shaded([hip.0 - 0.15, hip.1 + 0.05, 0.27, 0.04], 0.012, wood, wood.darker(0.2));
    for x in [-0.13, 0.08] {
        brush.rect(hip.0 + x, hip.1 + 0.08, 0.025, -hip.1 - 0.08, wood.darker(0.3));
    }
}

/// The head in profile, tilted about the neck.
fn head(brush: &mut Brush<'_>, neck: Spot, tilt: f32, role: &Role, outfit: &Outfit) {
    let mut brush = brush.turned(neck.0, neck.1, tilt);
    let big = match role.figure {
        Figure::Child => 1.32,
        Figure::Alien => 1.5,
        _ => 1.0,
    };
    let mut brush = brush.at(0.006, -0.01, big);
    if outfit.helmet {
        helmet(&mut brush, role.figure, outfit);
        return;
    }
    if outfit.long_hair {
        brush.blob_shaded(
            &spots([
                -0.01, -0.15, -0.07, -0.12, -0.085, -0.02, -0.075, 0.08, -0.03, 0.09, -0.015, 0.0,
            ]),
            outfit.hair,
            outfit.hair.darker(0.2),
        );
    }
    let face = spots([
        -0.005, -0.148, 0.036, -0.138, 0.054, -0.1, 0.056, -0.082, 0.07, -0.056, 0.056, -0.047,
        0.058, -0.03, 0.046, -0.006, 0.012, 0.004, -0.02, 0.0, -0.055, -0.04, -0.062, -0.095,
        -0.045, -0.136,
    ]);
    brush.blob(&face, outfit.skin);
    brush.oval(0.036, -0.084, 0.006, 0.0085, BLACK.alpha(0.75));
    brush.curve(&[(0.022, -0.101), (0.036, -0.106), (0.048, -0.1)], 0.006, outfit.hair.darker(0.2));
    brush.curve(&[(0.04, -0.026), (0.052, -0.027)], 0.004, outfit.skin.darker(0.45));
    brush.oval(-0.022, -0.068, 0.011, 0.017, outfit.skin.darker(0.16));
    if outfit.hair.alpha > 0.0 {
        brush.blob_shaded(
            &spots([
                0.052, -0.118, 0.03, -0.158, -0.02, -0.168, -0.066, -0.135, -0.074, -0.085, -0.058,
                -0.035, -0.036, -0.04, -0.03, -0.085, -0.008, -0.108, 0.02, -0.124,
            ]),
            outfit.hair.lighter(0.06),
            outfit.hair.darker(0.15),
        );
    }
    if outfit.bun {
        brush.circle(-0.06, -0.165, 0.03, outfit.hair);
    }
    if outfit.beard {
        brush.blob(
            &spots([
                0.05, -0.04, 0.058, -0.012, 0.05, 0.07, 0.02, 0.12, -0.005, 0.02, -0.02, -0.03,
                0.02, -0.03,
            ]),
            outfit.hair,
        );
    }
    outfit::hat(&mut brush, role, outfit);
}

fn helmet(brush: &mut Brush<'_>, figure: Figure, outfit: &Outfit) {
    match figure {
        Figure::Astronaut => {
            brush.circle(0.0, -0.075, 0.105, outfit.top.lighter(0.1));
            brush.oval_shaded(
                [0.034, -0.078, 0.068, 0.07],
                outfit.trim.lighter(0.3),
                outfit.trim.darker(0.5),
            );
            brush.curve(
                &[(0.045, -0.125), (0.075, -0.11), (0.087, -0.085)],
                0.009,
                WHITE.alpha(0.75),
            );
        }
        Figure::Robot => {
            brush.round_shaded(
                [-0.07, -0.155, 0.145, 0.15],
                0.03,
                outfit.top.lighter(0.12),
                outfit.top.darker(0.1),
            );
            brush.round([0.0, -0.115, 0.085, 0.045], 0.02, BLACK.alpha(0.85));
            brush.oval(0.05, -0.093, 0.02, 0.014, outfit.trim);
            brush.line(&[(-0.02, -0.155), (-0.03, -0.205)], 0.008, outfit.top.darker(0.3));
            brush.circle(-0.03, -0.21, 0.013, outfit.trim);
        }
        Figure::Diver => {
            brush.blob(
                &spots([
                    -0.06, -0.02, -0.07, -0.1, -0.02, -0.16, 0.045, -0.13, 0.06, -0.06, 0.04, 0.0,
                ]),
                outfit.top,
            );
            brush.round([0.005, -0.118, 0.068, 0.055], 0.02, outfit.trim.darker(0.5));
            brush.round([0.02, -0.108, 0.045, 0.034], 0.012, outfit.trim.lighter(0.3));
            brush.curve(&[(0.05, -0.035), (0.02, -0.01), (-0.08, 0.05)], 0.018, BLACK.alpha(0.8));
        }
        Figure::Alien => {
            brush.blob_shaded(
                &spots([
                    0.0, -0.15, 0.045, -0.11, 0.04, -0.05, 0.02, 0.0, -0.01, 0.005, -0.045, -0.05,
                    -0.065, -0.11, -0.04, -0.15,
                ]),
                outfit.skin.lighter(0.1),
                outfit.skin,
            );
            brush.turned(0.022, -0.075, 28.0).oval(0.0, 0.0, 0.014, 0.026, BLACK);
            brush.circle(0.018, -0.086, 0.004, WHITE.alpha(0.8));
        }
        _ => {
            brush.blob_shaded(
                &spots([
                    -0.005, -0.165, 0.05, -0.14, 0.068, -0.08, 0.06, -0.02, 0.04, 0.02, -0.05,
                    0.02, -0.07, -0.06, -0.055, -0.14,
                ]),
                outfit.top.lighter(0.16),
                outfit.top.darker(0.1),
            );
            brush.polygon(
                &[(0.01, -0.095), (0.072, -0.09), (0.072, -0.074), (0.012, -0.076)],
                BLACK.alpha(0.85),
            );
            for at in 0..3 {
                brush.circle(0.045, -0.05 + index(at) * 0.018, 0.004, BLACK.alpha(0.6));
            }
            brush.blob(
                &spots([
                    0.02, -0.165, -0.03, -0.23, -0.12, -0.21, -0.15, -0.12, -0.09, -0.15, -0.04,
                    -0.16,
                ]),
                outfit.trim,
            );
        }
    }
}

/// From the front or from behind: the same person, symmetrical, walking in depth.
fn facing(brush: &mut Brush<'_>, role: &Role, pose: &Pose, outfit: &Outfit) {
    let away = pose.heading == Heading::Away;
    let moving = matches!(role.action, Action::Walk | Action::Run);
    let run = if role.action == Action::Run { 1.9 } else { 1.0 };
    let step = if moving { wave(pose.turns) } else { 0.0 };
    let bob = if moving { (1.0 - step.abs()) * 0.012 * run } else { pose.breath() * 0.002 };
    let hip = -0.52 - bob;
    for side in [-1.0_f32, 1.0] {
        let lift = (step * side).max(0.0) * 0.07 * run;
        let (x, ankle) = (side * 0.052, -0.03 - lift);
        let knee = f32::midpoint(hip, ankle) + lift * 0.2;
        let tone = outfit.legs.darker(if lift > 0.01 { 0.15 } else { 0.0 });
        brush.limb((x, hip), (x * 1.12, knee), 0.06 * outfit.bulk.sqrt(), 0.042, tone);
        brush.limb((x * 1.12, knee), (x, ankle), 0.042, 0.03, tone);
        brush.oval(x * 1.15, ankle + 0.012, 0.035, 0.022, outfit.shoes);
    }
    for side in [-1.0_f32, 1.0] {
        let swing = step * side * 0.05 * run;
        let shoulder = (side * 0.115 * outfit.bulk, hip - 0.29);
        let elbow = (side * (0.15 + swing.abs() * 0.2), hip - 0.12 - swing * 0.6);
        let hand = (side * 0.15, hip + 0.03 - swing);
        brush.limb(shoulder, elbow, 0.036 * outfit.bulk, 0.028, outfit.sleeves.darker(0.1));
        brush.limb(elbow, hand, 0.028, 0.021, outfit.sleeves.darker(0.1));
        brush.circle(hand.0, hand.1 + 0.01, 0.021, outfit.skin);
    }
    let bulk = outfit.bulk;
    let shape = [
        (-0.035, -0.34),
        (-0.12 * bulk, -0.31),
        (-0.125 * bulk, -0.22),
        (-0.088 * bulk, -0.1),
        (-0.1 * bulk, 0.04),
        (0.0, 0.06),
        (0.1 * bulk, 0.04),
        (0.088 * bulk, -0.1),
        (0.125 * bulk, -0.22),
        (0.12 * bulk, -0.31),
        (0.035, -0.34),
    ];
    brush.at(0.0, hip, 1.0).blob_shaded(&shape, outfit.top.lighter(0.05), outfit.top.darker(0.15));
    if outfit.coat {
        brush.at(0.0, hip, 1.0).blob_shaded(
            &spots([-0.09, -0.1, 0.09, -0.1, 0.13, 0.17, 0.0, 0.19, -0.13, 0.17]),
            outfit.top.darker(0.05),
            outfit.top.darker(0.25),
        );
    }
    if let Some((length, tone)) = outfit.skirt {
        let y = length.max(0.1);
        brush.at(0.0, hip, 1.0).blob_shaded(
            &[
                (-0.075, -0.1),
                (0.075, -0.1),
                (0.11, 0.02),
                (0.14, y),
                (0.0, y + 0.02),
                (-0.14, y),
                (-0.11, 0.02),
            ],
            tone,
            tone.darker(0.2),
        );
    }
    if outfit.pack {
        brush.round_shaded(
            [-0.1, hip - 0.3, 0.2, 0.26],
            0.05,
            outfit.trim,
            outfit.trim.darker(0.25),
        );
    }
    front_head(brush, hip - 0.37, away, role, outfit);
}

fn front_head(brush: &mut Brush<'_>, y: f32, away: bool, role: &Role, outfit: &Outfit) {
    let big = if role.figure == Figure::Child { 1.3 } else { 1.0 };
    let mut brush = brush.at(0.0, y, big);
    brush.limb((0.0, 0.05), (0.0, 0.0), 0.03, 0.028, outfit.skin.darker(0.12));
    if outfit.helmet {
        brush.circle(0.0, -0.075, 0.1, outfit.top.lighter(0.1));
        if !away {
            brush.oval_shaded(
                [0.0, -0.07, 0.072, 0.06],
                outfit.trim.lighter(0.25),
                outfit.trim.darker(0.5),
            );
        }
        return;
    }
    if outfit.long_hair {
        brush.blob(
            &spots([
                0.0, -0.16, 0.075, -0.12, 0.085, 0.04, 0.05, 0.09, -0.05, 0.09, -0.085, 0.04,
                -0.075, -0.12,
            ]),
            outfit.hair.darker(0.1),
        );
    }
    brush.oval(0.0, -0.07, 0.054, 0.075, outfit.skin);
    let crown = if away { 0.0 } else { -0.105 };
    brush.blob(
        &[
            (0.0, -0.165),
            (0.058, -0.13),
            (0.06, -0.08),
            (0.04, crown),
            (-0.04, crown),
            (-0.06, -0.08),
            (-0.058, -0.13),
        ],
        outfit.hair,
    );
    if !away {
        for x in [-0.021, 0.021] {
            brush.oval(x, -0.072, 0.006, 0.008, BLACK.alpha(0.7));
        }
        brush.curve(
            &[(-0.014, -0.026), (0.0, -0.022), (0.014, -0.026)],
            0.005,
            outfit.skin.darker(0.4),
        );
    }
    let garment = role.garment.is_some_and(|(garment, _)| garment == Garment::Hat);
    if garment || role.figure == Figure::Wizard || role.figure == Figure::Chef {
        outfit::hat(&mut brush, role, outfit);
    }
    let _ = ink(0);
}
