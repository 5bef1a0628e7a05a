//! On water: sails, ships, boats. The waterline is the origin.

use super::Paint;
use crate::scene::actor::{Dye, Pose};
use crate::scene::brush::{Brush, spots};
use crate::scene::ink::{WHITE, ink};
use crate::scene::num::{index, wave};
use crate::storyboard::Role;

pub(super) fn sailboat(
    brush: &mut Brush<'_>,
    role: &Role,
    pose: &Pose,
    paint: &Paint,
    dye: Dye<'_>,
) {
    let tall = ["pirate", "galleon", "sailing", "viking", "ship"]
        .iter()
        .any(|word| role.name.contains(word));
    let wood = dye.of(ink(0x6B4630));
    let belly = 0.02 * wave(pose.turns * 0.7);
    if tall {
        brush.blob_shaded(
            &spots([
                -0.66, -0.34, -0.6, 0.02, -0.3, 0.08, 0.36, 0.08, 0.62, -0.06, 0.72, -0.26, 0.4,
                -0.2, -0.3, -0.2,
            ]),
            wood.lighter(0.08),
            wood.darker(0.3),
        );
        brush.line(&[(-0.62, -0.14), (0.6, -0.14)], 0.02, wood.lighter(0.25));
        for (x, height) in [(-0.34, 0.86), (0.04, 1.05), (0.38, 0.84)] {
            brush.line(&[(x, -0.16), (x, -height)], 0.022, wood.darker(0.3));
            for row in 0..2 {
                let (top, bottom) = (
                    -height + 0.06 + index(row) * height * 0.4,
                    -height * 0.62 + 0.06 + index(row) * height * 0.38,
                );
                let wide = 0.13 + index(row) * 0.04;
                brush.blob_shaded(
                    &[
                        (x - wide * 0.8, top),
                        (x + wide * 0.8, top),
                        (x + wide + 0.06 + belly, f32::midpoint(top, bottom)),
                        (x + wide, bottom),
                        (x - wide, bottom),
                        (x - wide * 0.7 + 0.05, f32::midpoint(top, bottom)),
                    ],
                    paint.light,
                    paint.body.darker(0.1),
                );
            }
        }
        brush.line(&[(0.64, -0.24), (0.75, -0.34)], 0.022, wood);
        return;
    }
    brush.line(&[(0.02, -0.1), (0.02, -1.1)], 0.022, wood);
    brush.blob_shaded(
        &[(0.0, -1.07), (-0.16 + belly, -0.6), (-0.5 + belly, -0.17), (-0.1, -0.15), (0.0, -0.16)],
        paint.light,
        paint.body.darker(0.08),
    );
    brush.blob_shaded(
        &[(0.05, -0.98), (0.3 - belly, -0.5), (0.56 - belly, -0.17), (0.06, -0.17)],
        paint.light.lighter(0.2),
        paint.body,
    );
    brush.line(&[(-0.05, -0.6), (-0.3, -0.5)], 0.008, paint.dark.alpha(0.4));
    brush.blob_shaded(
        &spots([-0.6, -0.13, -0.5, 0.04, -0.1, 0.09, 0.4, 0.06, 0.66, -0.14, 0.1, -0.1]),
        dye.of(ink(0xE9E6E0)),
        dye.of(ink(0x8E2F2A)),
    );
    brush.line(&[(-0.58, -0.09), (0.6, -0.095)], 0.016, dye.of(ink(0x27405E)));
    brush.curve(&[(0.7, 0.04), (0.4, 0.09), (-0.2, 0.1), (-0.7, 0.07)], 0.02, WHITE.alpha(0.5));
}

pub(super) fn ship(brush: &mut Brush<'_>, paint: &Paint, dye: Dye<'_>) {
    let white = dye.of(ink(0xE9E8E2));
    let window = if paint.night { ink(0xFFE0A0) } else { paint.glass };
    brush.blob_shaded(
        &spots([
            -1.36, -0.24, -1.28, 0.04, -0.9, 0.1, 0.9, 0.1, 1.2, -0.02, 1.44, -0.3, 0.7, -0.22,
            -0.8, -0.22,
        ]),
        paint.body.lighter(0.05),
        paint.dark,
    );
    brush.rect(-1.28, 0.0, 2.42, 0.05, dye.of(ink(0x8E322C)));
    for (row, (left, wide)) in [(-1.0, 1.9), (-0.86, 1.56), (-0.7, 1.2)].iter().enumerate() {
        let top = -0.35 - index(row) * 0.125;
        brush.round_shaded(
            [*left, top, *wide, 0.135],
            0.02,
            white.lighter(0.05),
            white.darker(0.15),
        );
        for at in 0..12 {
            let x = left + 0.06 + index(at) * (wide - 0.1) / 12.0;
            brush.rect(x, top + 0.04, 0.06, 0.05, window);
        }
    }
    for x in [-0.36, 0.02] {
        brush.polygon_shaded(
            &[(x, -0.6), (x + 0.03, -0.86), (x + 0.2, -0.86), (x + 0.2, -0.6)],
            dye.of(ink(0xB5402E)),
            dye.of(ink(0x7E2B20)),
        );
        brush.rect(x + 0.025, -0.87, 0.18, 0.06, paint.tyre);
    }
    brush.line(&[(0.6, -0.6), (0.6, -0.9)], 0.02, paint.metal);
    brush.curve(&[(1.36, 0.05), (0.8, 0.12), (-0.6, 0.13), (-1.5, 0.08)], 0.03, WHITE.alpha(0.45));
}

pub(super) fn boat(brush: &mut Brush<'_>, role: &Role, pose: &Pose, paint: &Paint) {
    let manned = role.ridden || !matches!(role.name.as_str(), "surfboard" | "raft");
    if manned {
        let stroke = wave(pose.turns);
        let (hip, shoulder) = ((-0.08, -0.16), (-0.08 + 0.08 * stroke, -0.5));
        brush.limb(hip, (0.2, -0.12), 0.07, 0.05, paint.tyre.lighter(0.2));
        brush.limb(hip, shoulder, 0.085, 0.085, paint.cloth);
        brush.circle(shoulder.0 + 0.03, shoulder.1 - 0.15, 0.085, paint.skin);
        brush.blob(
            &[
                (shoulder.0 - 0.1, shoulder.1 - 0.17),
                (shoulder.0, shoulder.1 - 0.26),
                (shoulder.0 + 0.13, shoulder.1 - 0.18),
            ],
            paint.tyre,
        );
        let hand = (0.26 + 0.1 * stroke, -0.3);
        brush.limb(shoulder, hand, 0.045, 0.03, paint.cloth.lighter(0.1));
        brush.line(&[(hand.0 - 0.12, hand.1 - 0.14), (hand.0 + 0.2, 0.1)], 0.025, paint.light);
        brush.oval(hand.0 + 0.22, 0.08, 0.04, 0.07, paint.light);
    }
    brush.blob_shaded(
        &spots([
            -0.9, -0.24, -0.68, 0.02, -0.3, 0.09, 0.34, 0.09, 0.7, 0.02, 0.92, -0.26, 0.5, -0.13,
            -0.5, -0.12,
        ]),
        paint.body.lighter(0.12),
        paint.dark,
    );
    brush.curve(&[(-0.86, -0.2), (-0.4, -0.09), (0.4, -0.1), (0.88, -0.22)], 0.028, paint.light);
    brush.curve(&[(0.8, 0.05), (0.3, 0.11), (-0.4, 0.11), (-0.85, 0.06)], 0.02, WHITE.alpha(0.4));
}
