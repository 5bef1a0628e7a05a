//! Necks and heads: what people recognise an animal by.

use super::build::{Build, Coat, Ears, Marks};
use super::{Pose, quadratic};
use crate::scene::brush::{Brush, Spot, spots};
use crate::scene::ink::{BLACK, Ink, WHITE};
use crate::scene::num::{index, wave};
use crate::storyboard::{Action, Figure, Role};

/// Neck, head and everything on it; `nod` lowers the neck by so many degrees.
pub(super) fn neck_and_head(
    brush: &mut Brush<'_>,
    root: Spot,
    nod: f32,
    role: &Role,
    build: &Build,
    coat: &Coat,
    pose: &Pose,
) {
    let angle = (build.neck_angle - nod).to_radians();
    let end = (root.0 + angle.cos() * build.neck, root.1 - angle.sin() * build.neck);
    let thick = build.chest * if build.neck > 0.25 { 0.62 } else { 0.72 };
    let slim = build.head * 0.46;
    brush.limb(
        (root.0 - build.chest * 0.25, root.1 + build.chest * 0.1),
        end,
        thick,
        slim,
        coat.fur,
    );
    if build.marks == Marks::Spots {
        for at in 0..9 {
            let share = index(at) / 9.0;
            let spot = (root.0 + (end.0 - root.0) * share, root.1 + (end.1 - root.1) * share);
            brush.within().circle(
                spot.0 + 0.02 * wave(share * 5.0),
                spot.1,
                0.026,
                coat.mane.alpha(0.8),
            );
        }
    }
    mane(brush, root, end, role, build, coat);
    let tilt = match build.figure {
        Figure::Horse | Figure::Deer | Figure::Giraffe | Figure::Camel => 32.0,
        Figure::Elephant => 12.0,
        _ => 8.0,
    };
    let mut head = brush.turned(end.0, end.1, tilt + nod * 0.3);
    let mut head = head.at(build.head * 0.1, -build.head * 0.1, build.head);
    skull(&mut head, role, build, coat, pose);
}

fn mane(brush: &mut Brush<'_>, root: Spot, end: Spot, role: &Role, build: &Build, coat: &Coat) {
    match build.figure {
        Figure::Horse => {
            let spots: Vec<Spot> = (0..=6)
                .map(|at| {
                    let share = index(at) / 6.0;
                    let out = if at % 2 == 0 { 0.085 } else { 0.06 };
                    (
                        root.0 + (end.0 - root.0) * share - out,
                        root.1 + (end.1 - root.1) * share - 0.05,
                    )
                })
                .collect();
            let mut shape = spots;
            shape.push((end.0 + 0.03, end.1 - build.head * 0.45));
            shape.extend([(end.0 - 0.01, end.1 + 0.02), (root.0 - 0.03, root.1 - 0.02)]);
            brush.blob(&shape, coat.mane);
        }
        Figure::Lion if !role.name.contains("lioness") && !role.name.contains("cub") => {
            for at in 0..14 {
                let turn = index(at) / 14.0 * std::f32::consts::TAU;
                let (x, y) = (
                    end.0 + turn.cos() * build.head * 0.95 - 0.01,
                    end.1 + turn.sin() * build.head * 1.1 + 0.02,
                );
                brush.circle(
                    x,
                    y,
                    build.head * 0.52,
                    coat.mane.mix(coat.fur, 0.12 * index(at % 3)),
                );
            }
            brush.oval(end.0, end.1 + 0.02, build.head * 1.05, build.head * 1.15, coat.mane);
        }
        Figure::Wolf | Figure::Dog | Figure::Fox => {
            let (x, y) = (end.0 - build.head * 0.1, end.1 + build.head * 0.62);
            brush.blob(
                &[
                    (x - 0.06, y - 0.04),
                    (x + 0.07, y - 0.03),
                    (x + 0.05, y + 0.09),
                    (x - 0.02, y + 0.12),
                ],
                coat.belly.mix(coat.fur, 0.45),
            );
        }
        _ => {}
    }
}

/// A head in profile; its own measure is one, the muzzle points right.
fn skull(brush: &mut Brush<'_>, role: &Role, build: &Build, coat: &Coat, pose: &Pose) {
    if build.figure == Figure::Elephant {
        elephant(brush, coat, pose);
        return;
    }
    let (dark, fur) = (coat.dark, if build.marks == Marks::Wool { coat.mane } else { coat.fur });
    let reach = 0.42 + build.muzzle * 0.75;
    ear(brush, build, coat, true);
    horns(brush, role, build, coat, true);
    let face = if matches!(build.figure, Figure::Fox | Figure::Wolf) { coat.belly } else { fur };
    let round = if build.figure == Figure::Monkey { coat.belly } else { fur };
    brush.oval_shaded([0.0, 0.0, 0.58, 0.56], fur.lighter(0.06), fur.darker(0.06));
    let drop = 0.06 + build.muzzle * 0.06;
    let muzzle = [
        (0.1, -0.36),
        (0.36, -0.26),
        (reach * 0.8, -0.14 + drop),
        (reach, 0.02 + drop),
        (reach * 0.94, 0.24 + drop),
        (reach * 0.5, 0.36),
        (0.05, 0.44),
    ];
    brush.blob(&muzzle, fur);
    brush.within().blob(
        &[
            (0.16, 0.1),
            (reach * 0.7, 0.06 + drop),
            (reach * 1.02, 0.14 + drop),
            (reach * 0.6, 0.44),
            (0.0, 0.5),
        ],
        face.lighter(0.06).mix(coat.belly, 0.6),
    );
    if build.figure == Figure::Monkey {
        brush.oval(0.24, 0.06, 0.34, 0.4, round);
    }
    if build.figure == Figure::Panda {
        brush.turned(0.2, -0.08, 30.0).oval(0.0, 0.0, 0.15, 0.2, coat.sock);
    }
    if build.marks == Marks::Stripes {
        for at in 0..3 {
            brush.within().line(
                &[(-0.3 + index(at) * 0.16, -0.6), (-0.22 + index(at) * 0.14, -0.28)],
                0.06,
                dark,
            );
        }
    }
    let nose = (reach * 0.98, 0.02 + drop);
    if build.figure == Figure::Pig {
        brush.oval(reach, 0.1 + drop, 0.1, 0.17, coat.belly.darker(0.12));
    } else if !build.hoofed {
        brush.oval(nose.0, nose.1, 0.105, 0.085, dark);
        brush.oval(nose.0 + 0.02, nose.1 - 0.03, 0.035, 0.018, WHITE.alpha(0.4));
    } else {
        brush.oval(nose.0 - 0.05, nose.1 + 0.06, 0.035, 0.045, dark.alpha(0.7));
    }
    brush.curve(
        &[
            (reach * 0.97, 0.17 + drop),
            (reach * 0.75, 0.24 + drop),
            (reach * 0.55, 0.22 + drop * 0.5),
        ],
        0.032,
        dark.alpha(0.6),
    );
    eye(brush, role, dark, pose);
    if build.figure == Figure::Dog
        && matches!(role.action, Action::Run | Action::Sit | Action::Walk)
    {
        let pant = 0.1 + 0.04 * wave(pose.clock.turns(2.4));
        brush.blob(
            &[
                (reach * 0.62, 0.26 + drop),
                (reach * 0.84, 0.24 + drop),
                (reach * 0.84, 0.34 + drop + pant),
                (reach * 0.7, 0.36 + drop + pant),
            ],
            crate::scene::ink::ink(0xC9616A),
        );
    }
    if matches!(build.figure, Figure::Cat | Figure::Tiger | Figure::Lion) {
        for dy in [-0.05, 0.03, 0.1] {
            brush.line(
                &[(reach * 0.8, 0.18 + dy * 0.5), (reach * 0.8 - 0.5, 0.2 + dy * 2.0)],
                0.012,
                WHITE.alpha(0.5),
            );
        }
    }
    horns(brush, role, build, coat, false);
    ear(brush, build, coat, false);
}

fn eye(brush: &mut Brush<'_>, role: &Role, dark: Ink, pose: &Pose) {
    let blink = (pose.clock.turns(0.3) + 0.35 * index(pose.rank)).fract() > 0.955;
    if role.action == Action::Lie || blink {
        brush.curve(&[(0.13, -0.09), (0.22, -0.05), (0.31, -0.1)], 0.035, dark);
        return;
    }
    brush.oval(0.22, -0.1, 0.088, 0.095, dark);
    brush.circle(0.25, -0.13, 0.03, WHITE.alpha(0.9));
    let _ = BLACK;
}

fn ear(brush: &mut Brush<'_>, build: &Build, coat: &Coat, far: bool) {
    let tone = if far { coat.far } else { coat.fur };
    let inside = coat.belly.darker(0.15);
    let shift = if far { 0.2 } else { -0.06 };
    let mut brush = brush.at(shift, 0.0, 1.0);
    let tone =
        if build.marks == Marks::Panda || build.marks == Marks::Wool { coat.mane } else { tone };
    match build.ears {
        Ears::None | Ears::Sail => {}
        Ears::Floppy if far => {}
        Ears::Floppy => brush.blob_shaded(
            &spots([-0.12, -0.46, 0.04, -0.38, 0.02, 0.05, -0.12, 0.3, -0.3, 0.18, -0.32, -0.2]),
            tone.darker(0.16),
            tone.darker(0.3),
        ),
        Ears::Pointed => {
            brush.polygon(&[(-0.34, -0.28), (-0.16, -0.92), (0.1, -0.42)], tone.darker(0.08));
            if !far {
                brush.polygon(&[(-0.24, -0.38), (-0.15, -0.76), (0.0, -0.44)], inside);
            }
        }
        Ears::Round => {
            brush.circle(-0.24, -0.46, 0.2, tone.darker(0.1));
            brush.circle(-0.24, -0.45, 0.11, inside.darker(0.2));
        }
        Ears::Long => {
            brush.turned(-0.12, -0.4, -24.0).blob(
                &spots([-0.1, 0.0, -0.16, -0.5, 0.0, -0.95, 0.14, -0.5, 0.1, 0.0]),
                tone.darker(0.06),
            );
            if !far {
                brush.turned(-0.12, -0.4, -24.0).blob(
                    &spots([-0.04, -0.1, -0.07, -0.5, 0.0, -0.8, 0.07, -0.5, 0.04, -0.1]),
                    inside,
                );
            }
        }
    }
}

fn horns(brush: &mut Brush<'_>, role: &Role, build: &Build, coat: &Coat, far: bool) {
    let tone = if far { coat.ivory.darker(0.35) } else { coat.ivory };
    let shift = if far { 0.18 } else { 0.0 };
    match build.figure {
        Figure::Deer if !matches!(role.name.as_str(), "doe" | "fawn") => {
            let wood = coat.ivory.darker(if far { 0.5 } else { 0.3 });
            let beam: Vec<Spot> = (0..=6)
                .map(|at| {
                    quadratic(
                        (-0.1 + shift, -0.45),
                        (-0.75 + shift, -0.9),
                        (-0.1 + shift, -1.8),
                        index(at) / 6.0,
                    )
                })
                .collect();
            brush.curve(&beam, 0.09, wood);
            for at in [2, 3, 5] {
                if let Some(spot) = beam.get(at) {
                    brush.line(&[*spot, (spot.0 + 0.3, spot.1 - 0.32)], 0.065, wood);
                }
            }
        }
        Figure::Cow => brush.curve(
            &[(-0.1 + shift, -0.42), (0.0 + shift, -0.7), (0.2 + shift, -0.85)],
            0.1,
            tone,
        ),
        Figure::Giraffe => {
            brush.line(&[(-0.1 + shift, -0.4), (-0.14 + shift, -0.82)], 0.1, coat.mane);
            brush.circle(-0.14 + shift, -0.86, 0.08, coat.mane);
        }
        Figure::Horse if role.name.contains("unicorn") && !far => {
            brush.polygon(&[(0.14, -0.4), (0.32, -0.36), (0.62, -1.25)], coat.ivory);
        }
        Figure::Sheep if role.name.contains("ram") || role.name.contains("goat") => {
            brush.curve(&[(-0.1, -0.4), (-0.5, -0.5), (-0.6, -0.1), (-0.3, 0.1)], 0.14, tone);
        }
        _ => {}
    }
}

fn elephant(brush: &mut Brush<'_>, coat: &Coat, pose: &Pose) {
    brush.blob_shaded(
        &spots([
            -0.5, -0.2, -0.2, -0.62, 0.3, -0.52, 0.52, -0.1, 0.5, 0.35, 0.1, 0.55, -0.35, 0.45,
        ]),
        coat.fur.lighter(0.05),
        coat.fur.darker(0.1),
    );
    let sway = wave(pose.clock.turns(0.3)) * 0.16;
    let spots: Vec<Spot> = (0..=10)
        .map(|at| quadratic((0.4, 0.1), (0.78, 0.75), (0.52 + sway, 1.5), index(at) / 10.0))
        .collect();
    for (at, pair) in spots.windows(2).enumerate() {
        if let [from, to] = pair {
            let thick = 0.22 - 0.013 * index(at);
            brush.limb(*from, *to, thick, thick - 0.012, coat.fur.darker(0.03 * index(at % 2)));
        }
    }
    brush.curve(&[(0.36, 0.42), (0.6, 0.72), (0.95, 0.66)], 0.1, coat.ivory);
    let flap = wave(pose.clock.turns(0.45)) * 0.06;
    brush.blob_shaded(
        &[
            (-0.1, -0.5),
            (-0.55, -0.6),
            (-0.85 - flap, -0.1),
            (-0.62 - flap, 0.52),
            (-0.2, 0.62),
            (0.02, 0.1),
        ],
        coat.fur.darker(0.08),
        coat.fur.darker(0.24),
    );
    brush.oval(0.24, -0.14, 0.045, 0.05, coat.dark);
}
