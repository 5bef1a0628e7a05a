//! Rooms: a back wall with its windows, a floor, and what makes each room what it is.

mod fittings;
mod wide;

use crate::scene::brush::{Brush, polygon};
use crate::scene::ink::{Ink, WHITE, ink};
use crate::scene::live::{Live, Mote};
use crate::scene::num::index;
use crate::scene::plate::Area;
use crate::scene::sky;
use crate::stage::{Layer, Setting, Stage};
use crate::storyboard::{Hour, Place, Weather};
pub(super) use wide::{corridor, stage, studio};

/// How far away the back wall is.
const WALL: f32 = 1.6;

struct Room {
    wall: Ink,
    floor: Ink,
    /// Windows: their middles in halves of the wall's width, width and height in metres.
    windows: &'static [(f32, f32, f32)],
    boards: bool,
}

fn plan(place: Place) -> Room {
    let room =
        |wall, floor, windows, boards| Room { wall: ink(wall), floor: ink(floor), windows, boards };
    match place {
        Place::Kitchen => room(0xC9BCA4, 0xA08464, &[(-0.2, 1.5, 1.1)], true),
        Place::Bedroom => room(0xA9A2B0, 0x8C6C50, &[(0.56, 1.3, 1.7)], true),
        Place::Office => room(
            0xB4B8BC,
            0x6C6E74,
            &[(-0.62, 1.7, 1.9), (-0.05, 1.7, 1.9), (0.52, 1.7, 1.9)],
            false,
        ),
        Place::Library => room(0x6A4A36, 0x5A3E2C, &[], true),
        Place::Classroom => room(0xC6C8B4, 0x9A8464, &[(0.74, 1.3, 1.6)], true),
        Place::Cafe => room(0x7A5A48, 0x5C4434, &[(-0.5, 2.6, 1.8)], true),
        Place::Factory => {
            room(0x7A7C7E, 0x66666A, &[(-0.6, 1.6, 0.9), (0.0, 1.6, 0.9), (0.6, 1.6, 0.9)], false)
        }
        Place::Lab => room(0xD2DCE0, 0xA8B4BA, &[(0.62, 1.6, 1.2)], false),
        _ => room(0xB89A80, 0x7E5E44, &[(0.5, 1.6, 1.7)], true),
    }
}

pub(super) fn room(stage: &mut Stage) {
    let place = stage.setting.shot.place;
    let room = plan(place);
    // Rooms are seen from the height of somebody who stands in them.
    stage.setting.metre = stage.setting.metre.clamp(0.27, 0.34);
    if stage.setting.horizon > -0.2 {
        stage.setting.horizon -= 0.06;
        stage.setting.drop += 0.05;
    }
    outside(stage);
    let foot = stage.setting.foot(WALL);
    stage.upright(WALL, (-9.0, foot + 0.004), |brush, setting, area| {
        wall(brush, setting, area, &room);
        fittings::against_wall(brush, setting, area, place);
    });
    stage.ground(|brush, setting, area| floor(brush, setting, area, &room));
    stage.upright(1.3, (-9.0, 9.0), |brush, setting, area| {
        fittings::in_the_room(brush, setting, area, place);
    });
    beams(stage, &room);
    stage.upright(0.62, (-0.9, 0.9), |brush, setting, area| {
        fittings::close_by(brush, setting, area, place);
    });
    let dust = stage.setting.light.own(ink(0xFFEED0));
    stage.before.push(Layer::Live(Live::Motes {
        kind: Mote::Dust,
        colour: dust.alpha(0.7),
        amount: 26,
    }));
}

/// What can be seen through the windows.
fn outside(stage: &mut Stage) {
    let mut open = stage.setting.clone();
    open.shot.place = Place::Meadow;
    let light = crate::scene::light::Light::of(&open.shot, open.aspect, open.light.sun.0.signum());
    let inside = std::mem::replace(&mut stage.setting.light, light);
    stage.sky(|brush, setting, area| {
        sky::paint(brush, setting, area);
        let base = setting.horizon + 0.01;
        let mut chance = setting.chance(701);
        let mut x = area[0];
        while x < area[2] {
            let (wide, tall) = (chance.range(0.05, 0.12), chance.range(0.05, 0.22));
            brush.rect(x, base - tall, wide, tall + 0.3, setting.light.shade(ink(0x6A7684), 5.0));
            for _ in 0..4 {
                if setting.light.lamps > 0.4 {
                    brush.rect(
                        x + chance.range(0.01, wide - 0.02),
                        base - tall * chance.unit(),
                        0.008,
                        0.01,
                        setting.light.own(ink(0xFFD890)),
                    );
                }
            }
            x += wide;
        }
    });
    stage.setting.light = inside;
}

/// The wall, with holes for its windows, frames around them and lamplight on it.
fn wall(brush: &mut Brush<'_>, setting: &Setting, area: Area, room: &Room) {
    let light = &setting.light;
    let [left, top, right, _] = area;
    let foot = setting.foot(WALL);
    let metre = setting.metre_at(WALL);
    let (lit, shade) = (light.lit(room.wall, 1.4), light.shade(room.wall, 1.4));
    let side = light.sun.0.signum();
    if let Some(path) = polygon(&[(left, top), (right, top), (right, foot), (left, foot)]) {
        let (from, to) =
            if side > 0.0 { (shade.darker(0.12), lit) } else { (lit, shade.darker(0.12)) };
        brush.shade(&path, ((-setting.aspect * 0.5, 0.0), from), ((setting.aspect * 0.5, 0.0), to));
    }
    brush.rect_shaded(
        [left, top, right - left, 0.3],
        shade.darker(0.5).alpha(0.55),
        shade.darker(0.5).alpha(0.0),
    );
    brush.rect(left, foot - 0.16 * metre, right - left, 0.16 * metre, shade.darker(0.28));
    for &(middle, wide, high) in room.windows {
        let (wide, high) = (wide * metre * 1.15, high * metre * 1.15);
        let (x, y) = (middle * setting.aspect * 0.5 / 1.0, foot - 1.05 * metre - high);
        window(brush, setting, [x - wide / 2.0, y, wide, high], shade);
    }
}

fn window(brush: &mut Brush<'_>, setting: &Setting, area: [f32; 4], frame: Ink) {
    let [x, y, wide, high] = area;
    let rim = wide.min(high) * 0.06;
    let light = &setting.light;
    let day = light.lamps < 0.6;
    let bright = light.own(if day { ink(0xFFF6E2) } else { ink(0x3A4E78) });
    brush.rect(x - rim, y - rim, wide + rim * 2.0, high + rim * 2.0, frame.lighter(0.25));
    brush.clear(x, y, wide, high);
    if day {
        brush.rect(x, y, wide, high, bright.alpha(0.28));
        brush.light().glow(
            x + wide / 2.0,
            y + high / 2.0,
            wide * 1.3,
            high * 1.2,
            bright.alpha(0.3),
        );
    }
    brush.rect(x + wide / 2.0 - rim * 0.3, y, rim * 0.6, high, frame.lighter(0.2));
    brush.rect(x, y + high * 0.45, wide, rim * 0.6, frame.lighter(0.2));
    brush.rect(x - rim * 1.6, y + high + rim * 0.6, wide + rim * 3.2, rim, frame.lighter(0.32));
    if matches!(setting.shot.weather, Weather::Rain | Weather::Storm) {
        let mut chance = setting.chance(702);
        for _ in 0..40 {
            let (dx, dy) = (x + chance.unit() * wide, y + chance.unit() * high * 0.9);
            brush.line(
                &[(dx, dy), (dx, dy + high * chance.range(0.01, 0.08))],
                rim * 0.12,
                WHITE.alpha(0.45),
            );
        }
    }
}

fn floor(brush: &mut Brush<'_>, setting: &Setting, area: Area, room: &Room) {
    let light = &setting.light;
    let [left, top, right, bottom] = area;
    let (far, near) = (light.lit(room.floor, 1.8), light.shade(room.floor, 1.0));
    let top = top.max(setting.foot(WALL));
    brush.rect_shaded([left, top, right - left, bottom - top], far, near.darker(0.1));
    let reach = (bottom - setting.horizon) / (setting.foot(WALL) - setting.horizon).max(0.02);
    let dark = near.darker(0.4).alpha(0.4);
    for at in 0..42 {
        let x = (index(at) - 20.5) * 0.1;
        brush.line(&[(x, setting.foot(WALL)), (x * reach, bottom)], 0.0022, dark);
    }
    if !room.boards {
        for at in 0..12 {
            let y = setting.foot(WALL / 1.2_f32.powi(at));
            brush.rect(left, y, right - left, 0.003, dark);
        }
    }
    brush.glow(0.0, setting.foot(1.2), setting.aspect * 0.5, 0.1, far.lighter(0.25).alpha(0.3));
}

/// Light that falls from the windows across the room.
fn beams(stage: &mut Stage, room: &Room) {
    let hour = stage.setting.shot.hour;
    if stage.setting.light.lamps > 0.6 || room.windows.is_empty() {
        return;
    }
    let strength = if matches!(hour, Hour::Golden | Hour::Dawn | Hour::Sunset | Hour::Morning) {
        0.24
    } else {
        0.14
    };
    let windows = room.windows;
    stage.upright(1.5, (-9.0, 9.0), |brush, setting, _| {
        let metre = setting.metre_at(WALL);
        let foot = setting.foot(WALL);
        let tone = setting.light.own(setting.light.key.lighter(0.2));
        for &(middle, wide, high) in windows {
            let (wide, high) = (wide * metre, high * metre);
            let (x, y) = (middle * setting.aspect * 0.5, foot - 1.05 * metre - high);
            let lean = -middle.signum() * 0.34;
            let shaft = [
                (x - wide / 2.0, y),
                (x + wide / 2.0, y),
                (x + wide * 0.7 + lean, 0.44),
                (x - wide * 0.7 + lean, 0.44),
            ];
            if let Some(path) = polygon(&shaft) {
                brush.light().shade(
                    &path,
                    ((x, y), tone.alpha(strength)),
                    ((x + lean, 0.44), tone.alpha(0.0)),
                );
            }
        }
    });
}
