//! What carries people: on roads and rails, on water, through air and space.

mod air;
mod road;
mod ship;

use super::{Dye, Pose};
use crate::scene::brush::Brush;
use crate::scene::ink::{Ink, ink};
use crate::scene::num::index;
use crate::storyboard::{Figure, Role, Tint};

pub(super) fn bounds(figure: Figure) -> [f32; 4] {
    match figure {
        Figure::Car => [-1.3, -1.0, 1.3, 0.12],
        Figure::SportsCar => [-1.5, -0.86, 1.5, 0.12],
        Figure::Truck | Figure::Bus => [-1.4, -1.12, 1.4, 0.12],
        Figure::Train => [-3.4, -1.1, 1.5, 0.12],
        Figure::Bicycle | Figure::Motorcycle => [-0.85, -1.35, 0.85, 0.1],
        Figure::Sailboat => [-0.75, -1.15, 0.75, 0.14],
        Figure::Ship => [-1.5, -0.95, 1.5, 0.16],
        Figure::Boat => [-0.95, -0.8, 0.95, 0.14],
        Figure::Plane => [-1.3, -0.9, 1.3, 0.2],
        Figure::Helicopter => [-1.2, -1.0, 1.1, 0.1],
        Figure::Rocket => [-0.4, -1.12, 0.4, 0.6],
        Figure::Spaceship => [-1.4, -0.85, 1.3, 0.2],
        Figure::Drone => [-0.85, -0.75, 0.85, 0.1],
        _ => [-0.55, -1.15, 0.55, 0.1],
    }
}

/// The paints of a vehicle, in the light of the scene.
pub(super) struct Paint {
    pub(super) body: Ink,
    pub(super) dark: Ink,
    pub(super) light: Ink,
    pub(super) glass: Ink,
    pub(super) tyre: Ink,
    pub(super) metal: Ink,
    pub(super) skin: Ink,
    pub(super) cloth: Ink,
    pub(super) night: bool,
}

/// A vehicle, its wheels or waterline at the origin.
pub(super) fn draw(brush: &mut Brush<'_>, role: &Role, pose: &Pose, dye: Dye<'_>) {
    let tints = [0x0, 0x3E5C76, 0x8C8F94, 0x5B6B4E];
    // A colour that the prompt names is everybody's; left to us, no two are alike.
    let usual = [Tint(0x8F, 0x2F, 0x2B), Tint(0x4D, 0x6A, 0x83)];
    let named = role.tint.is_some_and(|tint| !usual.contains(&tint));
    let custom = role.tint.map_or(ink(0x8F2F2B), Ink::from);
    let local = tints
        .get(pose.rank % 4)
        .filter(|_| pose.rank > 0 && matches!(role.figure, Figure::Car | Figure::Truck) && !named)
        .map_or(custom, |tint| ink(*tint));
    let paint = Paint {
        body: dye.of(local),
        dark: dye.of(local.darker(0.4)),
        light: dye.of(local.lighter(0.45)),
        glass: dye.of(ink(0x3A4C5C)).mix(dye.own(dye.light.sky_low), 0.35),
        tyre: dye.of(ink(0x1E1E22)),
        metal: dye.of(ink(0xA9AEB4)),
        skin: dye.of(ink(0xC89070)),
        cloth: dye.of(ink(0x3C5A7A)),
        night: dye.light.lamps > 0.45,
    };
    match role.figure {
        Figure::Car => road::car(brush, pose, &paint),
        Figure::SportsCar => road::sports_car(brush, pose, &paint),
        Figure::Truck | Figure::Bus => road::lorry(brush, role, pose, &paint),
        Figure::Train => road::train(brush, role, pose, &paint),
        Figure::Bicycle => road::bicycle(brush, role, pose, &paint),
        Figure::Motorcycle => road::motorcycle(brush, role, pose, &paint),
        Figure::Sailboat => ship::sailboat(brush, role, pose, &paint, dye),
        Figure::Ship => ship::ship(brush, &paint, dye),
        Figure::Boat => ship::boat(brush, role, pose, &paint),
        Figure::Plane => air::plane(brush, &paint),
        Figure::Helicopter => air::helicopter(brush, pose, &paint),
        Figure::Rocket => air::rocket(brush, &paint, dye),
        Figure::Spaceship => air::spaceship(brush, role, pose, &paint, dye),
        Figure::Drone => air::drone(brush, pose, &paint),
        _ => air::balloon(brush, pose, &paint, dye),
    }
}

/// Head lamps, engines, burners.
pub(super) fn shine(brush: &mut Brush<'_>, role: &Role, pose: &Pose, dye: Dye<'_>) {
    let flicker = 0.85 + 0.15 * (pose.clock.turns(7.0) * 6.3).sin();
    let lamps = dye.light.lamps;
    let warm = dye.own(ink(0xFFE2A8));
    match role.figure {
        Figure::Car
        | Figure::SportsCar
        | Figure::Truck
        | Figure::Bus
        | Figure::Train
        | Figure::Motorcycle
            if lamps > 0.45 =>
        {
            let [_, top, right, _] = bounds(role.figure);
            let (x, y) = (
                right * 0.93,
                if role.figure == Figure::Train { -0.36 } else { top.max(-1.0) * 0.44 },
            );
            let (x, y) = if role.figure == Figure::Motorcycle { (0.52, -0.66) } else { (x, y) };
            brush.light().glow(x, y, 0.3, 0.22, warm.alpha(0.75 * lamps));
            if let Some(beam) = crate::scene::brush::polygon(&[
                (x, y - 0.04),
                (x + 1.5, y - 0.1),
                (x + 1.5, y + 0.52),
                (x, y + 0.05),
            ]) {
                brush.light().shade(
                    &beam,
                    ((x, y), warm.alpha(0.34 * lamps)),
                    ((x + 1.4, y), warm.alpha(0.0)),
                );
            }
            let back = bounds(role.figure)[0] * 0.93;
            brush.light().glow(back, y, 0.2, 0.14, dye.own(ink(0xFF3A2A)).alpha(0.7 * lamps));
        }
        Figure::Rocket if role.action != crate::storyboard::Action::Still => {
            brush.light().glow(0.0, 0.28, 0.36 * flicker, 0.5, dye.own(ink(0xFFB04A)).alpha(0.9));
            brush.light().glow(0.0, 0.14, 0.14, 0.3 * flicker, dye.own(ink(0xFFF4D0)));
        }
        Figure::Spaceship => {
            for y in [-0.46, -0.34] {
                brush.light().glow(-1.06, y, 0.34 * flicker, 0.1, dye.own(ink(0x6AB8FF)));
            }
        }
        Figure::HotAirBalloon => brush.light().glow(
            0.0,
            -0.3,
            0.1,
            0.12 * flicker,
            dye.own(ink(0xFFB04A)).alpha(0.5 + 0.4 * lamps),
        ),
        Figure::Ship if lamps > 0.4 => {
            for at in 0..9 {
                brush.light().glow(-0.72 + index(at) * 0.15, -0.34, 0.05, 0.04, warm.alpha(lamps));
            }
        }
        Figure::Plane | Figure::Drone | Figure::Helicopter => {
            let blink = (pose.clock.turns(1.2)).fract() < 0.25;
            if blink {
                brush.light().glow(-0.2, -0.36, 0.12, 0.12, dye.own(ink(0xFF4A3A)));
            }
        }
        _ => {}
    }
}
