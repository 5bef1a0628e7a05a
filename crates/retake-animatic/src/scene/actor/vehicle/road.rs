//! On wheels: cars, lorries, trains, cycles.

use super::Paint;
use crate::scene::actor::Pose;
use crate::scene::brush::{Brush, Spot, spots};
use crate::scene::ink::{BLACK, WHITE, ink};
use crate::scene::num::{index, wave};
use crate::storyboard::{Action, Figure, Role};
use std::f32::consts::TAU;

/// A wheel that turns with the way it goes.
fn wheel(brush: &mut Brush<'_>, (x, y): Spot, radius: f32, turns: f32, paint: &Paint) {
    brush.circle(x, y, radius, paint.tyre);
    brush.circle(x, y, radius * 0.62, paint.metal.darker(0.25));
    for at in 0..5 {
        let turn = (turns + index(at) / 5.0) * TAU;
        let (sin, cos) = turn.sin_cos();
        brush.line(
            &[(x, y), (x + cos * radius * 0.56, y + sin * radius * 0.56)],
            radius * 0.16,
            paint.metal,
        );
    }
    brush.circle(x, y, radius * 0.16, paint.metal.lighter(0.2));
}

/// Turns of a wheel for turns of the gait; one of those leads this far in the puppet's measures.
fn rolled(pose: &Pose, radius: f32) -> f32 {
    if pose.action == Action::Drive || pose.action == Action::Run {
        pose.turns * 1.9 / (TAU * radius)
    } else {
        0.1
    }
}

fn bounce(pose: &Pose) -> f32 {
    if pose.action == Action::Drive { wave(pose.turns * 2.6) * 0.006 } else { 0.0 }
}

pub(super) fn car(brush: &mut Brush<'_>, pose: &Pose, paint: &Paint) {
    let (turns, y) = (rolled(pose, 0.2), bounce(pose));
    brush.oval(0.0, -0.1, 1.05, 0.1, BLACK.alpha(0.55));
    let mut body = brush.at(0.0, y, 1.0);
    let hull = spots([
        -1.18, -0.2, -1.2, -0.46, -1.12, -0.58, -0.78, -0.62, -0.52, -0.9, -0.1, -0.96, 0.28,
        -0.92, 0.58, -0.63, 1.02, -0.55, 1.2, -0.4, 1.2, -0.2, 0.6, -0.15, -0.6, -0.15,
    ]);
    body.blob_shaded(&hull, paint.light.mix(paint.body, 0.55), paint.body.darker(0.3));
    body.blob_shaded(
        &[(-0.68, -0.62), (-0.48, -0.85), (-0.14, -0.89), (-0.13, -0.62)],
        paint.glass.lighter(0.2),
        paint.glass,
    );
    body.blob_shaded(
        &[(-0.06, -0.62), (-0.06, -0.89), (0.24, -0.85), (0.46, -0.63)],
        paint.glass.lighter(0.2),
        paint.glass,
    );
    body.oval(0.16, -0.68, 0.065, 0.085, paint.tyre.alpha(0.75));
    body.line(&[(-0.1, -0.6), (-0.12, -0.24)], 0.012, paint.dark);
    body.line(&[(-1.1, -0.42), (1.1, -0.4)], 0.014, paint.dark.alpha(0.6));
    body.line(&[(-1.08, -0.52), (0.95, -0.5)], 0.02, paint.light.alpha(0.55));
    body.round([0.08, -0.52, 0.12, 0.025], 0.01, paint.metal);
    body.blob(&[(1.08, -0.46), (1.19, -0.4), (1.18, -0.33), (1.06, -0.38)], ink(0xFFF2CC));
    body.blob(&[(-1.19, -0.47), (-1.12, -0.47), (-1.12, -0.36), (-1.19, -0.37)], ink(0xD23A2E));
    body.rect(-1.15, -0.26, 2.3, 0.045, paint.dark.darker(0.3));
    for x in [-0.72, 0.74] {
        brush.circle(x, -0.21, 0.25, BLACK.alpha(0.75));
        wheel(brush, (x, -0.2), 0.2, turns, paint);
    }
}

pub(super) fn sports_car(brush: &mut Brush<'_>, pose: &Pose, paint: &Paint) {
    let (turns, y) = (rolled(pose, 0.2), bounce(pose) * 0.6);
    brush.oval(0.0, -0.09, 1.25, 0.09, BLACK.alpha(0.55));
    let mut body = brush.at(0.0, y, 1.0);
    body.polygon(
        &[(-1.32, -0.5), (-1.36, -0.66), (-1.0, -0.64), (-1.08, -0.5)],
        paint.dark.darker(0.2),
    );
    let hull = spots([
        -1.36, -0.2, -1.36, -0.46, -1.1, -0.56, -0.62, -0.62, -0.3, -0.73, 0.02, -0.75, 0.34,
        -0.68, 0.68, -0.5, 1.16, -0.4, 1.4, -0.27, 1.4, -0.16, 0.6, -0.12, -0.6, -0.12,
    ]);
    body.blob_shaded(&hull, paint.light.mix(paint.body, 0.45), paint.body.darker(0.35));
    body.blob_shaded(
        &spots([-0.36, -0.57, -0.22, -0.68, 0.02, -0.7, 0.28, -0.64, 0.5, -0.5, 0.1, -0.52]),
        paint.glass.darker(0.1),
        paint.glass.darker(0.4),
    );
    body.curve(
        &[(-1.2, -0.42), (-0.4, -0.44), (0.6, -0.4), (1.2, -0.33)],
        0.02,
        paint.light.alpha(0.7),
    );
    body.polygon(&[(-0.58, -0.42), (-0.3, -0.36), (-0.58, -0.3)], paint.dark.darker(0.4));
    body.polygon(&[(1.1, -0.39), (1.33, -0.31), (1.3, -0.27), (1.1, -0.34)], ink(0xFFF6DC));
    body.rect(-1.37, -0.44, 0.1, 0.05, ink(0xE23A2E));
    body.rect(-1.2, -0.2, 2.5, 0.05, paint.dark.darker(0.45));
    for x in [-0.88, 0.86] {
        brush.circle(x, -0.215, 0.25, BLACK.alpha(0.8));
        wheel(brush, (x, -0.205), 0.205, turns, paint);
    }
}

pub(super) fn lorry(brush: &mut Brush<'_>, role: &Role, pose: &Pose, paint: &Paint) {
    let (turns, y) = (rolled(pose, 0.17), bounce(pose));
    brush.oval(0.0, -0.08, 1.25, 0.08, BLACK.alpha(0.5));
    let mut body = brush.at(0.0, y, 1.0);
    let window = if paint.night { ink(0xFFE0A0).mix(paint.glass, 0.25) } else { paint.glass };
    if role.figure == Figure::Bus {
        body.round_shaded(
            [-1.25, -1.06, 2.5, 0.92],
            0.1,
            paint.light.mix(paint.body, 0.6),
            paint.body.darker(0.22),
        );
        for at in 0..6 {
            body.round([-1.13 + index(at) * 0.36, -0.93, 0.3, 0.34], 0.03, window);
            body.oval(
                -0.98 + index(at) * 0.36,
                -0.66,
                0.06,
                0.1,
                paint.tyre.alpha(if at % 2 == 0 { 0.5 } else { 0.0 }),
            );
        }
        body.round([1.02, -0.94, 0.2, 0.6], 0.03, paint.glass.lighter(0.1));
        body.rect(-1.25, -0.46, 2.5, 0.06, paint.light.alpha(0.8));
    } else {
        body.round_shaded(
            [-1.28, -1.08, 1.66, 0.88],
            0.04,
            paint.light.lighter(0.3),
            paint.light.darker(0.12),
        );
        for at in 0..5 {
            body.line(
                &[(-1.0 + index(at) * 0.3, -1.05), (-1.0 + index(at) * 0.3, -0.24)],
                0.012,
                paint.dark.alpha(0.3),
            );
        }
        body.blob_shaded(
            &spots([
                0.44, -0.2, 0.44, -0.84, 0.56, -0.92, 0.86, -0.9, 1.04, -0.56, 1.22, -0.46, 1.25,
                -0.2,
            ]),
            paint.body.lighter(0.12),
            paint.body.darker(0.25),
        );
        body.blob(&[(0.62, -0.58), (0.62, -0.82), (0.84, -0.82), (0.98, -0.57)], window);
    }
    body.rect(-1.25, -0.22, 2.5, 0.07, paint.tyre);
    body.round([1.17, -0.38, 0.08, 0.09], 0.02, ink(0xFFF2CC));
    for x in [-0.92, -0.5, 0.86] {
        if role.figure == Figure::Bus && (x + 0.5_f32).abs() < 0.01 {
            continue;
        }
        brush.circle(x, -0.175, 0.205, BLACK.alpha(0.7));
        wheel(brush, (x, -0.17), 0.17, turns, paint);
    }
}

pub(super) fn train(brush: &mut Brush<'_>, role: &Role, pose: &Pose, paint: &Paint) {
    let steam =
        role.name.contains("steam") || role.name.contains("locomotive") || role.name == "train";
    let turns = rolled(pose, 0.12);
    let window = if paint.night { ink(0xFFDC96).mix(paint.glass, 0.2) } else { paint.glass };
    for car in 0..2 {
        let left = -3.3 + index(car) * 1.66;
        brush.round_shaded(
            [left, -0.92, 1.58, 0.76],
            0.06,
            paint.light.mix(paint.body, 0.7),
            paint.body.darker(0.28),
        );
        brush.rect(left, -0.42, 1.58, 0.05, paint.light.alpha(0.7));
        for at in 0..5 {
            brush.round([left + 0.1 + index(at) * 0.29, -0.78, 0.2, 0.26], 0.02, window);
        }
        for x in [0.24, 0.5, 1.08, 1.34] {
            wheel(brush, (left + x, -0.11), 0.11, turns, paint);
        }
        brush.rect(left - 0.1, -0.24, 0.14, 0.05, paint.tyre);
    }
    if steam {
        locomotive(brush, turns, paint);
    } else {
        brush.blob_shaded(
            &spots([
                0.02, -0.16, 0.02, -0.94, 0.5, -0.94, 0.92, -0.84, 1.28, -0.5, 1.4, -0.24, 1.3,
                -0.14,
            ]),
            paint.light.mix(paint.body, 0.4),
            paint.body.darker(0.25),
        );
        brush.blob(
            &[(0.78, -0.78), (1.0, -0.68), (1.14, -0.52), (0.84, -0.54)],
            paint.glass.darker(0.3),
        );
        brush.rect(0.02, -0.4, 1.24, 0.06, ink(0xC23A34).mix(paint.body, 0.2));
        for at in 0..2 {
            brush.round([0.12 + index(at) * 0.3, -0.78, 0.2, 0.26], 0.02, window);
        }
        for x in [0.26, 0.54, 1.0] {
            wheel(brush, (x, -0.11), 0.11, turns, paint);
        }
    }
    if steam {
        for at in 0..9 {
            let age = (pose.clock.turns(0.5) + index(at) / 9.0).fract();
            let (x, y) = (1.0 - age * 2.2, -1.0 - age * 0.1 + wave(index(at) * 0.4) * 0.04);
            brush.circle(
                x,
                y.max(-1.02),
                0.07 + age * 0.14,
                paint.metal.lighter(0.5).alpha(0.5 * (1.0 - age)),
            );
        }
    }
}

fn locomotive(brush: &mut Brush<'_>, turns: f32, paint: &Paint) {
    let dark = paint.dark.darker(0.25);
    brush.round_shaded([0.02, -0.96, 0.4, 0.82], 0.03, paint.body, dark);
    brush.round([-0.02, -1.0, 0.48, 0.07], 0.02, dark);
    brush.round([0.1, -0.84, 0.22, 0.22], 0.02, paint.glass);
    brush.round_shaded([0.4, -0.72, 0.86, 0.44], 0.12, paint.body.lighter(0.14), dark);
    for x in [0.58, 0.86, 1.1] {
        brush.rect(x, -0.72, 0.03, 0.44, paint.metal.alpha(0.7));
    }
    brush.polygon(&[(0.96, -0.7), (0.92, -1.0), (1.12, -1.0), (1.08, -0.7)], dark);
    brush.round([0.66, -0.82, 0.13, 0.13], 0.05, paint.metal);
    brush.circle(1.27, -0.5, 0.2, dark);
    brush.circle(1.3, -0.58, 0.055, ink(0xFFF0C4));
    brush.polygon(&[(1.2, -0.24), (1.46, -0.04), (1.14, -0.04)], dark);
    brush.rect(0.02, -0.3, 1.22, 0.07, dark);
    for (x, radius) in [(0.24, 0.17), (0.62, 0.17), (1.0, 0.12)] {
        wheel(brush, (x, -radius), radius, turns, paint);
    }
    let (sin, cos) = (turns * TAU).sin_cos();
    let crank = |x: f32| (x + cos * 0.09, -0.17 + sin * 0.09);
    brush.line(&[crank(0.24), crank(0.62)], 0.035, paint.metal.lighter(0.15));
}

pub(super) fn bicycle(brush: &mut Brush<'_>, role: &Role, pose: &Pose, paint: &Paint) {
    let turns = rolled(pose, 0.3);
    let (back, front) = ((-0.42, -0.3), (0.44, -0.3));
    for hub in [back, front] {
        spoked(brush, hub, 0.28, turns, paint);
    }
    let (crank, seat, bar) = ((-0.02, -0.3), (-0.16, -0.72), (0.34, -0.74));
    for line in [
        [back, crank],
        [crank, seat],
        [seat, back],
        [crank, bar],
        [(-0.12, -0.62), (0.32, -0.64)],
        [bar, front],
    ] {
        brush.line(&line, 0.038, paint.body);
    }
    brush.line(&[bar, (0.3, -0.86), (0.42, -0.84)], 0.032, paint.tyre);
    brush.line(&[(-0.25, -0.75), (-0.06, -0.74)], 0.06, paint.tyre);
    let pedal = if rolled(pose, 0.3) > 0.11 { pose.turns * 0.55 } else { 0.1 };
    if role.ridden || role.action == Action::Drive || role.name.contains("cyclist") {
        cyclist(brush, (crank, seat, (0.38, -0.83)), pedal, paint);
    } else {
        let (sin, cos) = (pedal * TAU).sin_cos();
        brush.line(&[crank, (crank.0 + cos * 0.11, crank.1 + sin * 0.11)], 0.03, paint.metal);
    }
}

fn spoked(brush: &mut Brush<'_>, (x, y): Spot, radius: f32, turns: f32, paint: &Paint) {
    if let Some(rim) = crate::scene::brush::oval(x, y, radius, radius) {
        brush.stroke(&rim, 0.045, paint.tyre);
    }
    for at in 0..8 {
        let (sin, cos) = ((turns + index(at) / 8.0) * TAU).sin_cos();
        brush.line(&[(x, y), (x + cos * radius, y + sin * radius)], 0.008, paint.metal.alpha(0.8));
    }
    brush.circle(x, y, 0.03, paint.metal);
}

/// A rider whose feet go round with the pedals.
fn cyclist(
    brush: &mut Brush<'_>,
    (crank, seat, grip): (Spot, Spot, Spot),
    pedal: f32,
    paint: &Paint,
) {
    let hip = (seat.0, seat.1 - 0.07);
    for (at, tone) in [(0.5, paint.tyre.lighter(0.12)), (0.0, paint.tyre.lighter(0.2))] {
        let (sin, cos) = ((pedal + at) * TAU).sin_cos();
        let foot = (crank.0 + cos * 0.12, crank.1 + sin * 0.12);
        let knee = knee(hip, foot, 0.31);
        brush.limb(hip, knee, 0.07, 0.05, tone);
        brush.limb(knee, foot, 0.05, 0.03, tone);
        brush.oval(foot.0 + 0.04, foot.1 + 0.02, 0.07, 0.026, paint.tyre);
        brush.line(&[crank, foot], 0.025, paint.metal);
    }
    let shoulder = (hip.0 + 0.22, hip.1 - 0.33);
    brush.limb(hip, shoulder, 0.085, 0.08, paint.cloth);
    brush.limb(
        shoulder,
        (shoulder.0 + 0.1, shoulder.1 + 0.18),
        0.045,
        0.035,
        paint.cloth.lighter(0.1),
    );
    brush.limb((shoulder.0 + 0.1, shoulder.1 + 0.18), grip, 0.034, 0.026, paint.skin);
    let head = (shoulder.0 + 0.1, shoulder.1 - 0.14);
    brush.oval(head.0, head.1, 0.068, 0.082, paint.skin);
    brush.blob(
        &[
            (head.0 - 0.09, head.1 - 0.01),
            (head.0 - 0.05, head.1 - 0.1),
            (head.0 + 0.05, head.1 - 0.1),
            (head.0 + 0.09, head.1 - 0.03),
        ],
        paint.light,
    );
}

/// Where a knee is between hip and foot, bent forward.
fn knee(hip: Spot, foot: Spot, bone: f32) -> Spot {
    let (dx, dy) = (foot.0 - hip.0, foot.1 - hip.1);
    let apart = dx.hypot(dy).clamp(0.01, bone * 1.99);
    let out = (bone * bone - apart * apart / 4.0).max(0.0).sqrt();
    (
        f32::midpoint(hip.0, foot.0) + dy / apart * out,
        f32::midpoint(hip.1, foot.1) - dx / apart * out,
    )
}

pub(super) fn motorcycle(brush: &mut Brush<'_>, role: &Role, pose: &Pose, paint: &Paint) {
    let turns = rolled(pose, 0.27);
    let mut brush = brush.at(0.0, bounce(pose) * 0.5, 1.0);
    for x in [-0.48, 0.5] {
        wheel(&mut brush, (x, -0.27), 0.27, turns, paint);
    }
    brush.line(&[(0.5, -0.27), (0.3, -0.78)], 0.05, paint.metal);
    brush.line(&[(0.3, -0.78), (0.2, -0.88), (0.32, -0.9)], 0.035, paint.tyre);
    brush.blob_shaded(
        &[(-0.32, -0.22), (-0.28, -0.48), (0.22, -0.5), (0.24, -0.24)],
        paint.metal,
        paint.tyre,
    );
    brush.line(&[(-0.05, -0.24), (-0.62, -0.22)], 0.06, paint.metal);
    brush.blob_shaded(
        &[(-0.14, -0.5), (0.0, -0.7), (0.26, -0.72), (0.34, -0.54)],
        paint.light.mix(paint.body, 0.5),
        paint.body,
    );
    brush.blob(
        &spots([-0.72, -0.6, -0.5, -0.58, -0.05, -0.62, -0.1, -0.5, -0.5, -0.48]),
        paint.tyre.lighter(0.08),
    );
    brush.circle(0.38, -0.68, 0.075, ink(0xFFF0CC));
    if role.ridden || role.action == Action::Drive || role.name.contains("biker") {
        let hip = (-0.22, -0.66);
        brush.limb(hip, (0.12, -0.56), 0.08, 0.055, paint.tyre.lighter(0.16));
        brush.limb((0.12, -0.56), (0.0, -0.24), 0.055, 0.035, paint.tyre.lighter(0.16));
        brush.limb(hip, (-0.06, -1.0), 0.09, 0.095, paint.cloth.darker(0.4));
        brush.limb((-0.05, -0.99), (0.08, -0.84), 0.05, 0.038, paint.cloth.darker(0.3));
        brush.limb((0.08, -0.84), (0.27, -0.88), 0.038, 0.03, paint.cloth.darker(0.3));
        brush.circle(0.02, -1.16, 0.105, paint.body.mix(WHITE, 0.1));
        brush.blob(&[(0.05, -1.22), (0.12, -1.18), (0.12, -1.12), (0.04, -1.12)], BLACK.alpha(0.8));
    }
}
