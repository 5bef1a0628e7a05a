//! Everything with wings: birds, butterflies, bees, dragons.

use super::{Dye, Pose};
use crate::scene::brush::{Brush, Spot, spots};
use crate::scene::ink::{BLACK, Ink, WHITE, ink};
use crate::scene::num::{index, wave};
use crate::storyboard::{Action, Figure, Role};

pub(super) fn is_winged(figure: Figure) -> bool {
    matches!(
        figure,
        Figure::Bird
            | Figure::Eagle
            | Figure::Owl
            | Figure::Penguin
            | Figure::Duck
            | Figure::Heron
            | Figure::Chicken
            | Figure::Butterfly
            | Figure::Bee
            | Figure::Dragon
    )
}

pub(super) fn bounds(figure: Figure, action: Action) -> [f32; 4] {
    match figure {
        Figure::Dragon => [-1.15, -1.15, 1.0, 0.3],
        Figure::Butterfly | Figure::Bee => [-0.62, -1.1, 0.62, 0.1],
        Figure::Penguin | Figure::Owl | Figure::Chicken if !flying(figure, action) => {
            [-0.5, -1.1, 0.5, 0.1]
        }
        Figure::Duck if !flying(figure, action) => [-0.7, -0.95, 0.7, 0.12],
        Figure::Heron if !flying(figure, action) => [-0.5, -1.12, 0.5, 0.1],
        _ => [-0.85, -1.1, 0.85, 0.3],
    }
}

fn flying(figure: Figure, action: Action) -> bool {
    let grounded = matches!(
        action,
        Action::Sit
            | Action::Walk
            | Action::Run
            | Action::Lie
            | Action::Look
            | Action::Work
            | Action::Read
            | Action::Play
            | Action::Swim
    );
    match figure {
        Figure::Penguin | Figure::Chicken => false,
        Figure::Duck | Figure::Heron | Figure::Owl => matches!(action, Action::Fly | Action::Rise),
        _ => !grounded,
    }
}

/// A winged animal, its feet (or its shadow, when it flies) at the origin.
pub(super) fn draw(brush: &mut Brush<'_>, role: &Role, pose: &Pose, dye: Dye<'_>) {
    let local =
        role.tint.map_or(ink(0x55606E), Ink::from).scaled(1.0 - 0.08 * index(pose.rank % 3));
    let plumage = Plumage {
        body: dye.of(local),
        dark: dye.of(local.darker(0.35)),
        belly: dye.of(local.mix(ink(0xF1E8D8), 0.6)),
        beak: dye.of(ink(0xDE9A34)),
        eye: dye.of(ink(0x17151A)),
        local,
    };
    match role.figure {
        Figure::Butterfly => butterfly(brush, pose, &plumage, dye),
        Figure::Bee => bee(brush, pose, &plumage, dye),
        Figure::Dragon => dragon(brush, role, pose, &plumage, dye),
        Figure::Penguin => penguin(brush, pose, &plumage, dye),
        Figure::Owl if !flying(role.figure, role.action) => owl(brush, pose, &plumage, dye),
        Figure::Heron if !flying(role.figure, role.action) => heron(brush, pose, &plumage),
        Figure::Duck if !flying(role.figure, role.action) => duck(brush, role, &plumage),
        Figure::Chicken => chicken(brush, pose, &plumage, dye),
        _ if flying(role.figure, role.action) => soaring(brush, role, pose, &plumage),
        _ => perched(brush, pose, &plumage),
    }
}

struct Plumage {
    body: Ink,
    dark: Ink,
    belly: Ink,
    beak: Ink,
    eye: Ink,
    local: Ink,
}

/// A wing from its root: up when `lift` is 1, down when it is -1. Feathers at the trailing edge.
fn wing(brush: &mut Brush<'_>, root: Spot, lift: f32, span: f32, broad: f32, tone: (Ink, Ink)) {
    let elbow = (root.0 + span * 0.06, root.1 - span * (0.1 + lift * 0.42));
    let tip = (root.0 - span * (0.5 - lift.abs() * 0.22), root.1 - span * (0.08 + lift * 0.95));
    let mut shape = vec![(root.0 + broad * 0.5, root.1), (elbow.0 + broad * 0.42, elbow.1), tip];
    for at in 0..6 {
        let share = index(at) / 6.0;
        let (x, y) = (tip.0 + (root.0 - tip.0) * share, tip.1 + (root.1 - tip.1) * share);
        let out = broad * (0.5 + 0.6 * (share * std::f32::consts::PI).sin());
        shape.push((x - out, y + 0.02));
        shape.push((x - out * 0.74, y + 0.05));
    }
    shape.push((root.0 - broad * 0.6, root.1 + 0.02));
    brush.blob_shaded(&shape, tone.0, tone.1);
}

fn soaring(brush: &mut Brush<'_>, role: &Role, pose: &Pose, plumage: &Plumage) {
    let eagle = matches!(role.figure, Figure::Eagle | Figure::Owl);
    let beat = wave(pose.turns);
    let lift = if eagle { 0.62 + 0.3 * beat } else { 0.3 + 0.7 * beat };
    let (span, broad) = if eagle { (0.62, 0.17) } else { (0.5, 0.125) };
    let mut brush = brush.at(0.0, -0.42 + beat * 0.025, 1.0);
    wing(
        &mut brush,
        (0.09, -0.06),
        lift * 0.92,
        span * 0.92,
        broad,
        (plumage.dark, plumage.dark.darker(0.2)),
    );
    let tail = spots([-0.26, -0.02, -0.56, -0.08, -0.6, 0.02, -0.54, 0.1, -0.26, 0.06]);
    brush.blob(&tail, if role.name.contains("bald") { plumage.belly } else { plumage.dark });
    let body = spots([
        -0.32, 0.0, -0.15, -0.1, 0.1, -0.125, 0.28, -0.09, 0.36, -0.02, 0.24, 0.07, 0.0, 0.1, -0.2,
        0.06,
    ]);
    brush.blob_shaded(&body, plumage.body, plumage.body.darker(0.2));
    brush.within().blob(
        &spots([0.26, 0.02, 0.05, 0.03, -0.15, 0.04, 0.0, 0.14, 0.24, 0.1]),
        plumage.belly.alpha(0.8),
    );
    let head = if role.figure == Figure::Eagle { plumage.belly.lighter(0.1) } else { plumage.body };
    brush.circle(0.34, -0.055, 0.085, head);
    brush.polygon(&[(0.405, -0.09), (0.5, -0.035), (0.475, -0.005), (0.4, -0.02)], plumage.beak);
    brush.circle(0.368, -0.075, 0.015, plumage.eye);
    wing(
        &mut brush,
        (0.05, -0.05),
        lift,
        span,
        broad * 1.1,
        (plumage.body.lighter(0.05), plumage.dark),
    );
}

fn perched(brush: &mut Brush<'_>, pose: &Pose, plumage: &Plumage) {
    let hop = pose.breath() * 0.008;
    for x in [-0.03, 0.07] {
        brush.line(
            &[(x, -0.2), (x + 0.02, -0.02), (x + 0.1, 0.0)],
            0.022,
            plumage.beak.darker(0.3),
        );
    }
    let mut brush = brush.at(0.0, hop, 1.0);
    brush.blob(&[(-0.24, -0.3), (-0.66, -0.16), (-0.68, -0.06), (-0.2, -0.18)], plumage.dark);
    brush.blob_shaded(
        &spots([
            -0.34, -0.24, -0.2, -0.52, 0.06, -0.76, 0.26, -0.6, 0.3, -0.36, 0.16, -0.17, -0.12,
            -0.13,
        ]),
        plumage.body,
        plumage.body.darker(0.12),
    );
    brush
        .within()
        .blob(&spots([0.3, -0.6, 0.16, -0.48, 0.06, -0.24, 0.2, -0.1, 0.4, -0.3]), plumage.belly);
    brush.circle(0.14, -0.78, 0.165, plumage.body);
    brush.polygon(&[(0.28, -0.82), (0.44, -0.75), (0.28, -0.71)], plumage.beak);
    brush.circle(0.2, -0.81, 0.028, plumage.eye);
    brush.circle(0.208, -0.818, 0.009, WHITE);
    brush.blob_shaded(
        &spots([0.04, -0.58, -0.12, -0.52, -0.44, -0.18, -0.3, -0.17, 0.06, -0.3]),
        plumage.dark,
        plumage.dark.darker(0.2),
    );
}

fn owl(brush: &mut Brush<'_>, pose: &Pose, plumage: &Plumage, dye: Dye<'_>) {
    let turn = pose.clock.swing(0.12, 0.0) * 0.05;
    brush.blob_shaded(
        &spots([
            -0.3, -0.1, -0.34, -0.45, -0.22, -0.72, 0.0, -0.78, 0.22, -0.72, 0.34, -0.45, 0.3,
            -0.1, 0.0, 0.0,
        ]),
        plumage.body,
        plumage.dark,
    );
    brush.blob(
        &spots([-0.2, -0.14, -0.2, -0.45, 0.0, -0.58, 0.2, -0.45, 0.2, -0.14, 0.0, -0.04]),
        plumage.belly,
    );
    for row in 0..4 {
        for column in 0..3 {
            brush.oval(
                -0.11 + index(column) * 0.11,
                -0.42 + index(row) * 0.1,
                0.025,
                0.035,
                plumage.dark.alpha(0.6),
            );
        }
    }
    brush.blob_shaded(
        &spots([
            -0.3, -0.7, -0.34, -0.98, -0.2, -0.92, 0.0, -0.96, 0.2, -0.92, 0.34, -0.98, 0.3, -0.7,
            0.0, -0.6,
        ]),
        plumage.body.lighter(0.06),
        plumage.body,
    );
    for x in [-0.13, 0.13] {
        brush.circle(x + turn, -0.8, 0.125, plumage.belly);
        brush.circle(x + turn, -0.8, 0.08, dye.own(ink(0xF0B030)));
        brush.circle(x + turn * 1.3, -0.8, 0.045, BLACK);
        brush.circle(x + turn + 0.02, -0.83, 0.016, WHITE);
    }
    brush.polygon(&[(-0.04 + turn, -0.76), (0.04 + turn, -0.76), (turn, -0.66)], plumage.beak);
}

fn penguin(brush: &mut Brush<'_>, pose: &Pose, plumage: &Plumage, dye: Dye<'_>) {
    let waddle = if matches!(pose.action, Action::Walk | Action::Run) {
        wave(pose.turns)
    } else {
        pose.breath() * 0.15
    };
    for (x, lift) in [(-0.09, waddle.max(0.0)), (0.11, (-waddle).max(0.0))] {
        brush.oval(x + 0.04, -0.03 - lift * 0.05, 0.12, 0.04, plumage.beak);
    }
    let mut brush = brush.turned(0.0, 0.0, waddle * 6.0);
    brush.blob_shaded(
        &spots([
            -0.16, -0.04, -0.26, -0.35, -0.19, -0.66, 0.0, -0.98, 0.15, -0.92, 0.2, -0.72, 0.24,
            -0.36, 0.14, -0.04,
        ]),
        plumage.body,
        plumage.body.darker(0.2),
    );
    let white = dye.of(ink(0xF4F1EA));
    brush.within().blob(
        &spots([0.02, -0.06, -0.07, -0.35, 0.0, -0.62, 0.14, -0.68, 0.3, -0.4, 0.2, -0.04]),
        white,
    );
    brush.within().oval(0.1, -0.76, 0.055, 0.07, dye.of(ink(0xE8B84A)));
    brush.polygon(&[(0.13, -0.9), (0.3, -0.845), (0.14, -0.83)], plumage.beak.darker(0.2));
    brush.circle(0.075, -0.89, 0.022, WHITE);
    brush.circle(0.08, -0.89, 0.013, BLACK);
    brush
        .turned(-0.06, -0.62, 12.0 + waddle * 10.0)
        .blob(&[(-0.05, 0.0), (0.06, 0.0), (0.03, 0.36), (-0.06, 0.3)], plumage.body.lighter(0.1));
}

fn heron(brush: &mut Brush<'_>, pose: &Pose, plumage: &Plumage) {
    let step = if pose.action == Action::Walk { wave(pose.turns) * 0.05 } else { 0.0 };
    brush.line(
        &[(0.0, -0.5), (0.03 + step, -0.26), (0.0 + step, 0.0)],
        0.02,
        plumage.belly.darker(0.3),
    );
    brush.line(
        &[(-0.05, -0.5), (-0.03 - step, -0.26), (-0.06 - step, 0.0)],
        0.02,
        plumage.belly.darker(0.45),
    );
    brush.blob_shaded(
        &spots([-0.36, -0.5, -0.16, -0.66, 0.06, -0.65, 0.13, -0.55, 0.02, -0.47, -0.2, -0.45]),
        plumage.body,
        plumage.dark,
    );
    let sway = pose.breath() * 0.012;
    brush.curve(
        &[(0.06, -0.58), (0.16, -0.68), (0.08, -0.82), (0.16 + sway, -0.98)],
        0.05,
        plumage.body,
    );
    brush.circle(0.18 + sway, -1.0, 0.048, plumage.body);
    brush.blob(
        &[
            (0.2 + sway, -1.03),
            (0.3 + sway, -0.99),
            (0.31 + sway, -0.92),
            (0.26 + sway, -0.95),
            (0.2 + sway, -0.97),
        ],
        plumage.eye,
    );
    brush.circle(0.19 + sway, -1.01, 0.01, plumage.eye);
}

fn duck(brush: &mut Brush<'_>, role: &Role, plumage: &Plumage) {
    let swan = role.name.contains("swan");
    brush.blob_shaded(
        &spots([
            -0.56, -0.3, -0.34, -0.26, 0.0, -0.38, 0.3, -0.3, 0.4, -0.1, 0.26, 0.03, -0.2, 0.04,
            -0.44, -0.06,
        ]),
        plumage.body.lighter(0.06),
        plumage.body.darker(0.14),
    );
    if swan {
        brush.curve(
            &[(0.3, -0.16), (0.48, -0.4), (0.3, -0.62), (0.38, -0.84)],
            0.085,
            plumage.body,
        );
        brush.oval(0.43, -0.86, 0.09, 0.065, plumage.body);
        brush.polygon(&[(0.49, -0.9), (0.64, -0.83), (0.49, -0.82)], plumage.beak);
        brush.circle(0.46, -0.88, 0.014, plumage.eye);
    } else {
        let head = if plumage.local.brightness() < 0.5 {
            plumage.dark.mix(ink(0x2F6B4A).alpha(1.0), 0.35)
        } else {
            plumage.body
        };
        brush.limb((0.3, -0.18), (0.38, -0.48), 0.1, 0.075, head);
        brush.circle(0.41, -0.55, 0.115, head);
        brush.blob(&[(0.49, -0.58), (0.66, -0.54), (0.66, -0.48), (0.5, -0.48)], plumage.beak);
        brush.circle(0.44, -0.58, 0.02, plumage.eye);
    }
    brush.blob_shaded(
        &spots([0.12, -0.3, -0.14, -0.34, -0.48, -0.22, -0.22, -0.08, 0.1, -0.1]),
        plumage.dark.lighter(if swan { 0.5 } else { 0.0 }),
        plumage.dark,
    );
}

fn chicken(brush: &mut Brush<'_>, pose: &Pose, plumage: &Plumage, dye: Dye<'_>) {
    let peck = if pose.action == Action::Work {
        pose.clock.swing(0.8, 0.0).max(0.0) * 0.2
    } else {
        pose.breath() * 0.012
    };
    for x in [-0.04, 0.08] {
        brush.line(&[(x, -0.26), (x + 0.01, -0.03), (x + 0.09, 0.0)], 0.026, plumage.beak);
    }
    brush.blob(
        &spots([-0.2, -0.42, -0.5, -0.78, -0.42, -0.84, -0.3, -0.72, -0.24, -0.8, -0.1, -0.5]),
        plumage.dark,
    );
    brush.blob_shaded(
        &spots([
            -0.36, -0.42, -0.16, -0.56, 0.12, -0.62, 0.28, -0.5, 0.24, -0.3, 0.0, -0.18, -0.24,
            -0.24,
        ]),
        plumage.body,
        plumage.dark,
    );
    brush.limb((0.18, -0.5), (0.24, -0.78 + peck), 0.12, 0.085, plumage.body);
    brush.circle(0.25, -0.84 + peck, 0.09, plumage.body);
    let comb = dye.of(ink(0xC43A34));
    for at in 0..3 {
        brush.circle(0.2 + index(at) * 0.05, -0.94 + peck, 0.038, comb);
    }
    brush.oval(0.31, -0.75 + peck, 0.025, 0.05, comb);
    brush.polygon(&[(0.32, -0.87 + peck), (0.42, -0.83 + peck), (0.32, -0.8 + peck)], plumage.beak);
    brush.circle(0.28, -0.86 + peck, 0.016, plumage.eye);
    brush.blob(
        &spots([0.1, -0.48, -0.14, -0.46, -0.26, -0.34, -0.04, -0.26, 0.12, -0.34]),
        plumage.dark,
    );
}

fn butterfly(brush: &mut Brush<'_>, pose: &Pose, plumage: &Plumage, dye: Dye<'_>) {
    let open = 0.35 + 0.65 * (0.5 + 0.5 * wave(pose.turns));
    let mut brush = brush.turned(0.0, -0.5, 14.0);
    for (side, dim) in [(-1.0_f32, 0.12), (1.0, 0.0)] {
        let mut wing = brush.placed(tiny_skia::Transform::from_scale(side * open, 1.0));
        let (bright, dark) = (plumage.body.lighter(0.1).darker(dim), plumage.dark.darker(0.4));
        wing.blob(&spots([0.02, -0.02, 0.16, -0.34, 0.46, -0.46, 0.54, -0.26, 0.36, -0.02]), dark);
        wing.blob(
            &spots([0.05, -0.05, 0.18, -0.29, 0.42, -0.39, 0.46, -0.26, 0.32, -0.06]),
            bright,
        );
        wing.blob(&spots([0.02, 0.0, 0.34, 0.0, 0.42, 0.2, 0.26, 0.38, 0.1, 0.24]), dark);
        wing.blob(
            &spots([0.05, 0.02, 0.31, 0.03, 0.36, 0.18, 0.24, 0.31, 0.12, 0.2]),
            bright.mix(plumage.beak, 0.25),
        );
        for (x, y) in [(0.45, -0.33), (0.46, -0.24), (0.37, 0.16), (0.3, 0.28)] {
            wing.circle(x, y, 0.02, dye.of(WHITE));
        }
        wing.line(&[(0.05, -0.04), (0.4, -0.3)], 0.012, dark);
        wing.line(&[(0.05, -0.02), (0.38, -0.12)], 0.012, dark);
    }
    brush.limb((0.0, -0.16), (0.0, 0.2), 0.03, 0.02, plumage.eye);
    brush.circle(0.0, -0.19, 0.035, plumage.eye);
    brush.curve(&[(0.0, -0.2), (0.05, -0.3), (0.11, -0.36)], 0.01, plumage.eye);
    brush.curve(&[(0.0, -0.2), (-0.04, -0.3), (-0.09, -0.36)], 0.01, plumage.eye);
}

fn bee(brush: &mut Brush<'_>, pose: &Pose, plumage: &Plumage, dye: Dye<'_>) {
    let beat = wave(pose.turns) * 0.3;
    let mut brush = brush.at(0.0, -0.45, 1.0);
    for turn in [-24.0 - beat * 60.0, 12.0 - beat * 60.0] {
        brush.turned(0.02, -0.16, turn).oval(
            -0.06,
            -0.24,
            0.11,
            0.24,
            dye.of(ink(0xDCE8F2)).alpha(0.55),
        );
    }
    brush.oval_shaded(
        [-0.14, 0.02, 0.32, 0.2],
        plumage.body.lighter(0.1),
        plumage.body.darker(0.2),
    );
    for x in [-0.34, -0.2, -0.06] {
        brush.within().rect(x, -0.3, 0.075, 0.6, plumage.eye.alpha(0.85));
    }
    brush.circle(0.2, -0.03, 0.155, plumage.body.darker(0.15));
    brush.circle(0.37, 0.0, 0.105, plumage.eye);
    brush.circle(0.41, -0.03, 0.03, WHITE.alpha(0.8));
    brush.curve(&[(0.4, -0.08), (0.47, -0.2), (0.54, -0.22)], 0.015, plumage.eye);
    for x in [0.02, 0.12, 0.22] {
        brush.line(&[(x, 0.14), (x - 0.03, 0.28)], 0.016, plumage.eye);
    }
}

fn dragon(brush: &mut Brush<'_>, role: &Role, pose: &Pose, plumage: &Plumage, dye: Dye<'_>) {
    let beat = wave(pose.turns);
    let stands = matches!(role.action, Action::Sit | Action::Walk | Action::Lie | Action::Look);
    let lift = if stands { 0.8 } else { 0.72 + 0.42 * beat };
    let mut brush = brush.at(0.0, if stands { -0.3 } else { -0.42 + beat * 0.03 }, 1.0);
    membrane(
        &mut brush,
        (0.12, -0.08),
        lift * 0.9,
        plumage.dark.darker(0.3),
        plumage.dark.darker(0.5),
    );
    let tail: Vec<Spot> = (0..=12)
        .map(|at| index(at) / 12.0)
        .map(|s| (-0.22 - s * 0.78, 0.02 + s * 0.1 + wave(s * 1.1 - pose.turns * 0.5) * 0.09 * s))
        .collect();
    for (at, pair) in tail.windows(2).enumerate() {
        if let [from, to] = pair {
            let thick = 0.1 - 0.0078 * index(at);
            brush.limb(*from, *to, thick, thick - 0.007, plumage.body);
            brush.polygon(
                &[
                    (from.0, from.1 - thick),
                    (from.0 - 0.05, from.1 - thick - 0.045),
                    (to.0, to.1 - thick),
                ],
                plumage.dark,
            );
        }
    }
    if let Some(end) = tail.last() {
        brush.polygon(
            &[
                (end.0 + 0.04, end.1),
                (end.0 - 0.03, end.1 - 0.07),
                (end.0 - 0.14, end.1 + 0.02),
                (end.0 - 0.02, end.1 + 0.06),
            ],
            plumage.dark,
        );
    }
    for x in [-0.18, 0.16] {
        let knee = (x + 0.06, 0.14);
        brush.limb((x, 0.05), knee, 0.09, 0.05, plumage.body.darker(0.12));
        brush.limb(knee, (x - 0.02, 0.27), 0.045, 0.03, plumage.body.darker(0.12));
        brush.oval(x + 0.02, 0.28, 0.07, 0.025, plumage.dark);
    }
    brush.blob_shaded(
        &spots([
            -0.3, -0.04, -0.12, -0.14, 0.12, -0.16, 0.3, -0.1, 0.34, 0.03, 0.2, 0.15, -0.05, 0.16,
            -0.26, 0.1,
        ]),
        plumage.body.lighter(0.05),
        plumage.body.darker(0.2),
    );
    brush.within().blob(
        &spots([0.34, 0.05, 0.1, 0.08, -0.2, 0.08, -0.1, 0.22, 0.2, 0.2]),
        plumage.belly.alpha(0.7),
    );
    let sway = wave(pose.turns * 0.5) * 0.03;
    let neck = [(0.26, -0.04), (0.42, -0.16), (0.42 + sway, -0.34), (0.56 + sway, -0.46)];
    for (at, pair) in neck.windows(2).enumerate() {
        if let [from, to] = pair {
            let thick = 0.105 - 0.018 * index(at);
            brush.limb(*from, *to, thick, thick - 0.016, plumage.body);
            brush.polygon(
                &[
                    (from.0 - thick, from.1),
                    (from.0 - thick - 0.04, from.1 - 0.06),
                    (to.0 - thick * 0.9, to.1),
                ],
                plumage.dark,
            );
        }
    }
    let mut head = brush.at(0.6 + sway, -0.49, 0.2);
    head.polygon(&[(-0.2, -0.3), (-0.9, -0.85), (0.15, -0.45)], plumage.dark);
    head.polygon(&[(-0.3, -0.1), (-0.95, -0.35), (0.0, 0.1)], plumage.dark.darker(0.15));
    head.blob_shaded(
        &spots([-0.35, 0.1, -0.2, -0.42, 0.3, -0.4, 0.95, -0.12, 1.05, 0.1, 0.4, 0.2, 0.0, 0.36]),
        plumage.body.lighter(0.08),
        plumage.body.darker(0.1),
    );
    head.blob(
        &spots([0.0, 0.2, 0.45, 0.26, 0.92, 0.32, 0.5, 0.46, 0.05, 0.42]),
        plumage.body.darker(0.22),
    );
    head.oval(0.22, -0.14, 0.12, 0.1, dye.own(ink(0xF2C23A)));
    head.oval(0.24, -0.14, 0.035, 0.09, BLACK);
    membrane(&mut brush, (0.06, -0.1), lift, plumage.body.darker(0.06), plumage.dark);
    if role.ridden {
        brush.limb((0.02, -0.14), (0.04, -0.28), 0.045, 0.04, plumage.eye.lighter(0.25));
        brush.circle(0.05, -0.34, 0.034, dye.of(ink(0xC89070)));
    }
}

/// A bat's wing: fingers with skin between them.
fn membrane(brush: &mut Brush<'_>, root: Spot, lift: f32, skin: Ink, bones: Ink) {
    let wrist = (root.0 + 0.06, root.1 - 0.18 - 0.26 * lift);
    let fingers: Vec<Spot> = [(-0.16, 0.42), (-0.46, 0.3), (-0.66, 0.06)]
        .iter()
        .map(|(x, y)| (wrist.0 + x, wrist.1 - y * lift + (1.0 - lift.abs()) * 0.1))
        .collect();
    let mut shape = vec![root, wrist];
    for (at, tip) in fingers.iter().enumerate() {
        shape.push(*tip);
        let next = fingers.get(at + 1).copied().unwrap_or((root.0 - 0.34, root.1 + 0.04));
        shape.push((f32::midpoint(tip.0, next.0) + 0.06, f32::midpoint(tip.1, next.1) + 0.06));
    }
    shape.push((root.0 - 0.32, root.1 + 0.05));
    brush.polygon_shaded(&shape, skin.lighter(0.08), skin.darker(0.2));
    for tip in &fingers {
        brush.line(&[wrist, *tip], 0.016, bones);
    }
    brush.limb(root, wrist, 0.035, 0.022, bones);
}
