//! Through air and space: planes, rotors, rockets, balloons.

use super::Paint;
use crate::scene::actor::{Dye, Pose};
use crate::scene::brush::{Brush, spots};
use crate::scene::ink::{Ink, WHITE, ink};
use crate::scene::num::{index, wave};
use crate::storyboard::Role;

pub(super) fn plane(brush: &mut Brush<'_>, paint: &Paint) {
    let mut brush = brush.turned(0.0, -0.35, -4.0);
    brush.polygon(
        &[(0.1, -0.04), (-0.36, -0.44), (-0.52, -0.44), (-0.2, -0.02)],
        paint.dark.mix(paint.body, 0.35),
    );
    brush.polygon_shaded(
        &[(-0.9, -0.08), (-1.2, -0.5), (-1.0, -0.5), (-0.66, -0.1)],
        paint.light,
        paint.body,
    );
    brush.blob_shaded(
        &spots([
            -1.2, -0.06, -0.7, -0.13, 0.2, -0.15, 0.86, -0.13, 1.18, -0.02, 0.9, 0.09, 0.1, 0.13,
            -0.6, 0.1,
        ]),
        paint.light.lighter(0.3),
        paint.body.darker(0.25),
    );
    brush
        .blob(&[(0.86, -0.1), (1.0, -0.08), (1.05, -0.03), (0.88, -0.03)], paint.glass.darker(0.3));
    for at in 0..13 {
        brush.circle(-0.62 + index(at) * 0.11, -0.04, 0.02, paint.glass.darker(0.2));
    }
    brush.line(&[(-1.1, 0.02), (1.0, 0.03)], 0.025, ink(0x2F5F9E).mix(paint.body, 0.3));
    brush.polygon_shaded(
        &[(0.28, 0.04), (-0.5, 0.36), (-0.72, 0.36), (-0.22, 0.04)],
        paint.body.lighter(0.1),
        paint.dark,
    );
    brush.round_shaded([-0.26, 0.14, 0.32, 0.13], 0.06, paint.metal, paint.tyre);
    brush.polygon(
        &[(-0.92, -0.02), (-1.24, 0.1), (-1.08, 0.1), (-0.74, 0.0)],
        paint.dark.mix(paint.body, 0.4),
    );
}

pub(super) fn helicopter(brush: &mut Brush<'_>, pose: &Pose, paint: &Paint) {
    brush.polygon_shaded(
        &[(-0.1, -0.62), (-1.1, -0.66), (-1.12, -0.58), (-0.1, -0.4)],
        paint.body.lighter(0.05),
        paint.dark,
    );
    brush.polygon(&[(-1.0, -0.6), (-1.18, -0.86), (-1.06, -0.86), (-0.88, -0.6)], paint.body);
    let tail = wave(pose.turns * 1.7);
    brush.line(
        &[(-1.08, -0.62 - 0.16 * tail), (-1.08, -0.62 + 0.16 * tail)],
        0.03,
        paint.tyre.alpha(0.7),
    );
    brush.blob_shaded(
        &spots([
            -0.4, -0.56, -0.1, -0.78, 0.36, -0.76, 0.64, -0.5, 0.56, -0.26, 0.0, -0.2, -0.34, -0.32,
        ]),
        paint.light.mix(paint.body, 0.6),
        paint.dark,
    );
    brush
        .blob(&[(0.2, -0.7), (0.44, -0.66), (0.6, -0.48), (0.24, -0.44)], paint.glass.lighter(0.1));
    brush.round([-0.14, -0.64, 0.26, 0.22], 0.03, paint.glass);
    brush.line(&[(0.06, -0.78), (0.06, -0.9)], 0.05, paint.tyre);
    let sweep = wave(pose.turns * 1.1).abs().max(0.25);
    brush.oval(0.06, -0.91, 1.05, 0.02, paint.tyre.alpha(0.25));
    brush.line(&[(0.06 - sweep, -0.91), (0.06 + sweep, -0.91)], 0.026, paint.tyre.alpha(0.9));
    brush.line(&[(-0.3, -0.04), (0.5, -0.04), (0.58, -0.09)], 0.03, paint.tyre);
    for x in [-0.12, 0.34] {
        brush.line(&[(x, -0.24), (x, -0.05)], 0.025, paint.tyre);
    }
}

pub(super) fn rocket(brush: &mut Brush<'_>, paint: &Paint, dye: Dye<'_>) {
    let red = dye.of(ink(0xB83A30));
    for side in [-1.0_f32, 1.0] {
        brush.blob(
            &[(side * 0.1, -0.36), (side * 0.28, -0.12), (side * 0.3, 0.06), (side * 0.12, -0.04)],
            red,
        );
    }
    brush.polygon_shaded(
        &[(-0.07, -0.04), (0.07, -0.04), (0.1, 0.06), (-0.1, 0.06)],
        paint.metal,
        paint.tyre,
    );
    brush.blob_shaded(
        &spots([
            0.0, -1.08, 0.1, -0.92, 0.155, -0.66, 0.15, -0.3, 0.11, -0.02, -0.11, -0.02, -0.15,
            -0.3, -0.155, -0.66, -0.1, -0.92,
        ]),
        paint.light.lighter(0.2),
        paint.body,
    );
    brush.within().polygon(&[(-0.3, -1.2), (0.3, -1.2), (0.3, -0.88), (-0.3, -0.88)], red);
    brush.within().rect(-0.3, -0.32, 0.6, 0.06, red.darker(0.1));
    brush.circle(0.0, -0.68, 0.075, paint.metal.darker(0.2));
    brush.circle(0.0, -0.68, 0.054, paint.glass.lighter(0.25));
    brush.blob(&[(-0.02, -0.3), (0.02, -0.3), (0.02, 0.04), (-0.02, 0.04)], red.darker(0.15));
}

pub(super) fn spaceship(
    brush: &mut Brush<'_>,
    role: &Role,
    pose: &Pose,
    paint: &Paint,
    dye: Dye<'_>,
) {
    let saucer =
        ["ufo", "saucer", "alien", "mothership"].iter().any(|word| role.name.contains(word));
    let glow = dye.own(ink(0x8AE0FF));
    if saucer {
        brush.oval_shaded([0.0, -0.52, 0.4, 0.3], paint.glass.lighter(0.45), paint.glass);
        brush.blob_shaded(
            &spots([-1.2, -0.36, -0.5, -0.52, 0.5, -0.52, 1.2, -0.36, 0.5, -0.18, -0.5, -0.18]),
            paint.light,
            paint.dark,
        );
        for at in 0..7 {
            let lit = (pose.clock.turns(1.0) + index(at) / 7.0).fract() < 0.5;
            brush.circle(-0.9 + index(at) * 0.3, -0.34, 0.045, if lit { glow } else { paint.dark });
        }
        return;
    }
    brush.polygon_shaded(
        &[(0.1, -0.4), (-0.75, -0.78), (-1.0, -0.78), (-0.7, -0.4)],
        paint.dark.lighter(0.1),
        paint.dark,
    );
    brush.blob_shaded(
        &spots([
            -1.1, -0.3, -1.05, -0.5, -0.5, -0.58, 0.2, -0.54, 0.9, -0.42, 1.24, -0.34, 0.8, -0.27,
            0.0, -0.2, -0.8, -0.2,
        ]),
        paint.light,
        paint.dark,
    );
    for (left, wide) in [(-0.84, 0.3), (-0.46, 0.22), (-0.14, 0.34)] {
        brush.round([left, -0.42, wide, 0.1], 0.02, paint.dark.alpha(0.55));
        brush.line(
            &[(left, -0.48), (left + wide, -0.48)],
            0.012,
            paint.light.lighter(0.2).alpha(0.7),
        );
    }
    brush.blob(
        &[(0.34, -0.46), (0.68, -0.41), (0.82, -0.36), (0.4, -0.36)],
        glow.mix(paint.glass, 0.35),
    );
    brush.polygon_shaded(
        &[(0.0, -0.28), (-0.8, 0.06), (-1.1, 0.06), (-0.8, -0.28)],
        paint.body,
        paint.dark,
    );
    for y in [-0.46, -0.34] {
        brush.round([-1.2, y - 0.05, 0.16, 0.1], 0.02, paint.tyre);
        brush.oval(-1.2, y, 0.03, 0.045, glow);
    }
    for at in 0..9 {
        brush.circle(-0.6 + index(at) * 0.1, -0.25, 0.01, glow.alpha(0.9));
    }
}

pub(super) fn drone(brush: &mut Brush<'_>, pose: &Pose, paint: &Paint) {
    let blur = wave(pose.turns * 2.3).abs();
    for (x, y, dim) in
        [(-0.48, -0.46, 0.3), (0.44, -0.47, 0.3), (-0.66, -0.4, 0.0), (0.66, -0.4, 0.0)]
    {
        brush.limb((0.0, -0.3), (x, y + 0.06), 0.035, 0.024, paint.body.darker(dim));
        brush.rect(x - 0.03, y - 0.01, 0.06, 0.09, paint.metal.darker(dim));
        brush.oval(x, y - 0.025, 0.2, 0.018, paint.metal.alpha(0.35));
        brush.line(
            &[(x - 0.19 * blur, y - 0.025), (x + 0.19 * blur, y - 0.025)],
            0.018,
            paint.tyre,
        );
    }
    brush.blob_shaded(
        &spots([-0.26, -0.26, -0.2, -0.38, 0.1, -0.42, 0.28, -0.32, 0.26, -0.22, 0.0, -0.18]),
        paint.light.mix(paint.body, 0.6),
        paint.dark,
    );
    brush.circle(0.1, -0.14, 0.075, paint.tyre);
    brush.circle(0.125, -0.14, 0.04, paint.glass.lighter(0.2));
    brush.circle(-0.16, -0.26, 0.018, ink(0x58F08A));
    for x in [-0.2, 0.22] {
        brush.line(&[(x, -0.2), (x * 1.25, -0.02)], 0.022, paint.tyre);
    }
}

pub(super) fn balloon(brush: &mut Brush<'_>, pose: &Pose, paint: &Paint, dye: Dye<'_>) {
    let basket = dye.of(ink(0x7A5632));
    for x in [-0.09, 0.09] {
        brush.line(&[(x * 2.0, -0.42), (x, -0.14)], 0.01, paint.tyre);
    }
    brush.round_shaded([-0.1, -0.16, 0.2, 0.15], 0.025, basket.lighter(0.1), basket.darker(0.2));
    brush.line(&[(-0.11, -0.15), (0.11, -0.15)], 0.022, basket.darker(0.3));
    brush.circle(-0.03, -0.2, 0.03, paint.skin);
    let envelope = spots([
        0.0, -1.1, 0.3, -1.02, 0.46, -0.78, 0.38, -0.56, 0.15, -0.38, -0.15, -0.38, -0.38, -0.56,
        -0.46, -0.78, -0.3, -1.02,
    ]);
    brush.blob_shaded(&envelope, paint.body.lighter(0.1), paint.body.darker(0.12));
    let gores: [Ink; 2] = [dye.of(ink(0xF0C25A)), dye.of(ink(0xEFE6D4))];
    let _ = pose;
    for (at, side) in [-1.0_f32, 1.0].iter().enumerate() {
        let curve = [
            (0.0, -1.12),
            (side * 0.13, -1.02),
            (side * 0.2, -0.78),
            (side * 0.16, -0.56),
            (side * 0.07, -0.38),
            (side * 0.13, -0.36),
            (side * 0.28, -0.55),
            (side * 0.34, -0.78),
            (side * 0.22, -1.0),
        ];
        brush.within().blob(&curve, gores.get(at).copied().unwrap_or(WHITE));
    }
    brush
        .within()
        .blob(&spots([0.0, -1.12, 0.06, -0.78, 0.03, -0.37, -0.03, -0.37, -0.06, -0.78]), gores[1]);
}
