//! What stands in each room: shelves, counters, beds, boards.

use crate::scene::brush::Brush;
use crate::scene::chance::Chance;
use crate::scene::ink::{BLACK, Ink, WHITE, ink};
use crate::scene::num::{count, index};
use crate::scene::plate::Area;
use crate::stage::Setting;
use crate::storyboard::Place;

/// A brush with the room's measures: metres, from a spot on the floor, upwards negative.
struct Fitter<'b, 'p, 's> {
    brush: &'b mut Brush<'p>,
    setting: &'s Setting,
    depth: f32,
    foot: f32,
    metre: f32,
}

impl<'b, 'p, 's> Fitter<'b, 'p, 's> {
    fn new(brush: &'b mut Brush<'p>, setting: &'s Setting, depth: f32) -> Self {
        Self { brush, setting, depth, foot: setting.foot(depth), metre: setting.metre_at(depth) }
    }

    /// From metres to the picture.
    fn spot(&self, x: f32, up: f32) -> (f32, f32) {
        (x * self.metre, self.foot - up * self.metre)
    }

    /// A box with a lit face: middle, height of its foot, width, height, in metres.
    fn block(&mut self, x: f32, up: f32, wide: f32, high: f32, local: Ink) {
        let (left, top) = self.spot(x - wide / 2.0, up + high);
        let (lit, shade) = (self.lit(local), self.shade(local));
        self.brush.rect_shaded([left, top, wide * self.metre, high * self.metre], lit, shade);
        self.brush.rect(left, top, wide * self.metre, 0.03 * self.metre, lit.lighter(0.14));
    }

    fn lit(&self, local: Ink) -> Ink {
        self.setting.light.lit(local, self.depth * 0.7)
    }

    fn shade(&self, local: Ink) -> Ink {
        self.setting.light.shade(local, self.depth * 0.7)
    }

    /// A lamp's glow.
    fn glow(&mut self, x: f32, up: f32, reach: f32) {
        let (x, y) = self.spot(x, up);
        let light = &self.setting.light;
        let warm = light.own(ink(0xFFD292)).alpha(0.12 + 0.42 * light.lamps);
        let reach = reach * self.metre;
        self.brush.light().glow(x, y, reach, reach, warm);
    }

    /// A lamp that hangs from the ceiling.
    fn pendant(&mut self, x: f32, up: f32, local: Ink) {
        let (px, py) = self.spot(x, up);
        let m = self.metre;
        let shade = self.shade(local);
        self.brush.line(&[(px, -1.2), (px, py)], 0.02 * m, shade.darker(0.5));
        self.brush.polygon(
            &[
                (px - 0.05 * m, py - 0.12 * m),
                (px + 0.05 * m, py - 0.12 * m),
                (px + 0.2 * m, py + 0.08 * m),
                (px - 0.2 * m, py + 0.08 * m),
            ],
            shade,
        );
        let bulb = self.setting.light.own(ink(0xFFEBC4));
        self.brush.oval(px, py + 0.09 * m, 0.13 * m, 0.04 * m, bulb);
        self.glow(x, up - 0.15, 1.1);
    }

    /// Books in a row on a board.
    fn books(&mut self, left: f32, up: f32, wide: f32, chance: &mut Chance) {
        let spines = [
            ink(0x8A3A34),
            ink(0x3A5A4A),
            ink(0x34486A),
            ink(0xB08A4A),
            ink(0x5A3A5A),
            ink(0xC8B898),
            ink(0x7A5038),
        ];
        let mut x = left;
        while x < left + wide - 0.03 {
            let (thick, high) = (chance.range(0.03, 0.07), chance.range(0.2, 0.29));
            if chance.odds(0.93) {
                let tone = self.lit(chance.pick(&spines, WHITE)).darker(chance.range(0.0, 0.25));
                let (px, py) = self.spot(x, up + high);
                self.brush.rect(px, py, thick * self.metre * 0.92, high * self.metre, tone);
                self.brush.rect(
                    px,
                    py + high * self.metre * 0.2,
                    thick * self.metre * 0.92,
                    0.018 * self.metre,
                    tone.lighter(0.3),
                );
            }
            x += thick;
        }
    }

    /// A bookcase from the floor.
    fn bookcase(&mut self, x: f32, wide: f32, shelves: usize, chance: &mut Chance) {
        let high = 0.36 * index(shelves) + 0.12;
        let wood = ink(0x5C3E2A);
        self.block(x, 0.0, wide, high, wood);
        for shelf in 0..shelves {
            let up = 0.1 + 0.36 * index(shelf);
            let (left, top) = self.spot(x - wide / 2.0 + 0.04, up + 0.32);
            let hollow = self.shade(wood).darker(0.5);
            self.brush.rect(left, top, (wide - 0.08) * self.metre, 0.32 * self.metre, hollow);
            self.books(x - wide / 2.0 + 0.06, up, wide - 0.12, chance);
        }
    }

    fn table(&mut self, x: f32, wide: f32, high: f32, local: Ink) {
        let dark = self.shade(local).darker(0.3);
        for side in [-0.44, 0.44] {
            let (px, py) = self.spot(x + side * wide - 0.03, high);
            self.brush.rect(px, py, 0.06 * self.metre, high * self.metre, dark);
        }
        self.block(x, high - 0.05, wide, 0.06, local);
    }

    fn plant(&mut self, x: f32, up: f32, size: f32) {
        let mut chance = Chance::new(self.setting.seed, 721);
        let green = (self.lit(ink(0x5E8A4C)), self.shade(ink(0x47703C)));
        self.block(x, up, 0.3 * size, 0.3 * size, ink(0xA8684A));
        for at in 0..13 {
            let turn = (index(at) - 6.0) * 0.2;
            let reach = chance.range(0.4, 0.75) * size;
            let (bx, by) = self.spot(x, up + 0.3 * size);
            let tip = (bx + turn.sin() * reach * self.metre, by - turn.cos() * reach * self.metre);
            let middle = (f32::midpoint(bx, tip.0) - 0.03 * self.metre, f32::midpoint(by, tip.1));
            self.brush.blob(
                &[
                    (bx, by),
                    middle,
                    tip,
                    (f32::midpoint(bx, tip.0) + 0.05 * self.metre, f32::midpoint(by, tip.1)),
                ],
                if at % 2 == 0 { green.0 } else { green.1 },
            );
        }
    }

    fn frame(&mut self, x: f32, up: f32, wide: f32, high: f32, picture: Ink) {
        self.block(x, up, wide, high, ink(0x4A3A2C));
        self.block(x, up + 0.05, wide - 0.1, high - 0.1, picture);
    }

    fn monitor(&mut self, x: f32, up: f32) {
        self.block(x, up, 0.06, 0.14, ink(0x3A3C42));
        self.block(x, up + 0.12, 0.72, 0.44, ink(0x24262C));
        let (left, top) = self.spot(x - 0.33, up + 0.53);
        let light = &self.setting.light;
        self.brush.rect_shaded(
            [left, top, 0.66 * self.metre, 0.38 * self.metre],
            light.own(ink(0x8CC4F0)),
            light.own(ink(0x34609C)),
        );
    }
}

/// Half the room's visible width in metres.
fn half(fit: &Fitter<'_, '_, '_>) -> f32 {
    (fit.setting.aspect * 0.5 / fit.metre).max(1.2)
}

/// Fittings that stand against the back wall.
pub(super) fn against_wall(brush: &mut Brush<'_>, setting: &Setting, area: Area, place: Place) {
    let mut fit = Fitter::new(brush, setting, super::WALL);
    let side = half(&fit);
    match place {
        Place::Kitchen => kitchen(&mut fit, side),
        Place::Bedroom => bedroom(&mut fit, side),
        Place::Office => office(&mut fit, side),
        Place::Library => library(&mut fit, area),
        Place::Classroom => classroom(&mut fit, side),
        Place::Cafe => cafe(&mut fit, side),
        Place::Factory => factory(&mut fit, side, area),
        Place::Lab => lab(&mut fit, side),
        _ => living(&mut fit, side),
    }
}

fn kitchen(fit: &mut Fitter<'_, '_, '_>, side: f32) {
    let (cabinet, top) = (ink(0x5F7A74), ink(0xD8CFBE));
    let tile = fit.lit(ink(0xE2DCCE));
    let (left, y) = fit.spot(-side * 1.6, 1.5);
    fit.brush.rect(left, y, side * 3.2 * fit.metre, 0.06 * fit.metre, tile.darker(0.2).alpha(0.5));
    for at in 0..count(side * 3.2 / 0.62) {
        let x = -side * 1.6 + 0.31 + 0.62 * index(at);
        fit.block(x, 0.0, 0.6, 0.86, cabinet);
        fit.block(x + 0.2, 0.72, 0.1, 0.02, ink(0xC8A860));
        if !(-1.4..=0.2).contains(&x) {
            fit.block(x, 1.5, 0.6, 0.72, cabinet.lighter(0.06));
            fit.block(x + 0.2, 1.58, 0.02, 0.12, ink(0xC8A860));
        }
    }
    fit.block(0.0, 0.86, side * 3.2, 0.08, top);
    fit.block(side * 0.52, 0.0, 0.66, 0.95, ink(0x3A3C40));
    fit.block(side * 0.52, 1.7, 0.7, 0.16, ink(0x8A8E92));
    fit.block(side * 0.52, 0.95, 0.3, 0.18, ink(0xA84A3A));
    for (at, tone) in [0xB8683A, 0x8A8E94, 0x6E5A4A].iter().enumerate() {
        let (px, py) = fit.spot(-0.95 + 0.3 * index(at), 1.5);
        let (tone, m) = (fit.lit(ink(*tone)), fit.metre);
        fit.brush.line(&[(px, py - 0.25 * m), (px, py)], 0.03 * m, tone.darker(0.3));
        fit.brush.circle(px, py + 0.1 * m, 0.12 * m, tone);
    }
    for (x, high, tone) in [
        (-0.6, 0.3, 0xC8A04A),
        (-0.42, 0.22, 0x8AA05A),
        (0.1, 0.26, 0xD8D0C0),
        (0.3, 0.2, 0xB8503A),
    ] {
        fit.block(x - side * 0.12, 0.94, 0.13, high, ink(tone));
    }
    fit.plant(-side * 0.62, 0.94, 0.5);
}

fn bedroom(fit: &mut Fitter<'_, '_, '_>, side: f32) {
    fit.frame(-side * 0.42, 1.5, 0.7, 0.55, ink(0x7A96A8));
    fit.block(-side * 0.4, 0.0, 2.3, 1.15, ink(0x6A4A36));
    fit.block(-side * 0.4, 0.3, 2.1, 0.42, ink(0xD8D2C8));
    for x in [-0.5, 0.5] {
        let (px, py) = fit.spot(-side * 0.4 + x, 0.84);
        let (tone, m) = (fit.lit(ink(0xF0ECE4)), fit.metre);
        fit.brush.round_shaded(
            [px - 0.36 * m, py, 0.72 * m, 0.3 * m],
            0.12 * m,
            tone,
            tone.darker(0.2),
        );
    }
    fit.block(-side * 0.4, 0.0, 2.2, 0.5, ink(0x7A6A8E));
    fit.block(side * 0.16, 0.0, 0.5, 0.55, ink(0x6A4A36));
    lamp(fit, side * 0.16, 0.55, 0.5);
    curtains(fit, side * 0.56, 1.9);
    fit.plant(side * 0.86, 0.0, 1.3);
}

/// A table or floor lamp with a cloth shade.
fn lamp(fit: &mut Fitter<'_, '_, '_>, x: f32, up: f32, high: f32) {
    fit.block(x, up, 0.05, high, ink(0x8A6A3A));
    let (px, py) = fit.spot(x, up + high);
    let m = fit.metre;
    let tone = fit
        .setting
        .light
        .own(ink(0xFFE2B0))
        .mix(fit.lit(ink(0xE8DCC4)), 1.0 - fit.setting.light.lamps);
    fit.brush.polygon_shaded(
        &[
            (px - 0.11 * m, py - 0.26 * m),
            (px + 0.11 * m, py - 0.26 * m),
            (px + 0.2 * m, py + 0.04 * m),
            (px - 0.2 * m, py + 0.04 * m),
        ],
        tone.darker(0.1),
        tone,
    );
    fit.glow(x, up + high, 1.5);
}

fn curtains(fit: &mut Fitter<'_, '_, '_>, x: f32, wide: f32) {
    let cloth = ink(0xB0A090);
    for side in [-1.0_f32, 1.0] {
        for at in 0..4 {
            let dim = 0.12 * index(at % 2);
            fit.block(
                x + side * (wide * 0.5 + 0.12 * index(at) - 0.1),
                0.1,
                0.13,
                2.75,
                cloth.darker(dim),
            );
        }
    }
    fit.block(x, 2.82, wide + 1.0, 0.05, ink(0x5A4636));
}

fn living(fit: &mut Fitter<'_, '_, '_>, side: f32) {
    let mut chance = Chance::new(fit.setting.seed, 722);
    curtains(fit, side * 0.5, 2.0);
    let caption = fit.setting.shot.caption.to_lowercase();
    fit.frame(-side * 0.3, 1.55, 0.8, 0.6, ink(0x6A8A9A));
    fit.frame(-side * 0.3 - 0.8, 1.62, 0.45, 0.5, ink(0xB88A6A));
    if caption.contains("fire") {
        fit.block(-side * 0.3, 0.0, 1.8, 1.25, ink(0x8A7A6E));
        fit.block(-side * 0.3, 0.0, 1.1, 0.8, ink(0x1E1816));
        fit.block(-side * 0.3, 1.25, 2.0, 0.09, ink(0x5C4030));
        let (x, y) = fit.spot(-side * 0.3, 0.2);
        let (m, fire) = (fit.metre, fit.setting.light.own(ink(0xFF9A3A)));
        fit.brush.blob(
            &[
                (x - 0.3 * m, y + 0.1 * m),
                (x - 0.16 * m, y - 0.25 * m),
                (x, y - 0.42 * m),
                (x + 0.14 * m, y - 0.2 * m),
                (x + 0.3 * m, y + 0.1 * m),
            ],
            fire,
        );
        fit.brush.light().glow(x, y, 1.8 * m, 1.4 * m, fire.alpha(0.6));
    } else {
        sofa(fit, -side * 0.36, ink(0x4F6A72));
    }
    lamp(fit, -side * 0.82, 0.0, 1.5);
    fit.bookcase(side * 0.04, 0.8, 5, &mut chance);
    fit.plant(side * 0.9, 0.0, 1.6);
}

fn sofa(fit: &mut Fitter<'_, '_, '_>, x: f32, cloth: Ink) {
    let m = fit.metre;
    let (lit, shade) = (fit.lit(cloth), fit.shade(cloth));
    let (left, top) = fit.spot(x - 1.1, 0.95);
    fit.brush.round_shaded([left, top, 2.2 * m, 0.85 * m], 0.14 * m, lit, shade);
    for at in 0..2 {
        fit.brush.round_shaded(
            [left + (0.16 + 0.95 * index(at)) * m, top + 0.4 * m, 0.92 * m, 0.26 * m],
            0.08 * m,
            lit.lighter(0.1),
            lit.darker(0.1),
        );
    }
    for at in [-0.12, 2.02] {
        fit.brush.round_shaded(
            [left + at * m, top + 0.28 * m, 0.3 * m, 0.6 * m],
            0.1 * m,
            lit.lighter(0.05),
            shade,
        );
    }
    fit.brush.turned(left + 0.42 * m, top + 0.28 * m, -14.0).round(
        [-0.18 * m, -0.16 * m, 0.36 * m, 0.34 * m],
        0.06 * m,
        shade.mix(ink(0xD89A4A), 0.6),
    );
}

fn office(fit: &mut Fitter<'_, '_, '_>, side: f32) {
    for x in [-side * 0.7, -side * 0.16, side * 0.38, side * 0.9] {
        fit.table(x, 1.5, 0.74, ink(0xC0A888));
        fit.monitor(x - 0.15, 0.76);
        fit.block(x + 0.5, 0.76, 0.2, 0.12, ink(0xE4E0D8));
        fit.block(x, 0.0, 0.5, 0.95, ink(0x3A424C));
    }
    for at in 0..4 {
        fit.pendant(-side * 0.8 + side * 0.54 * index(at), 2.6, ink(0x3A3C42));
    }
    fit.plant(-side * 0.95, 0.0, 1.4);
}

fn library(fit: &mut Fitter<'_, '_, '_>, area: Area) {
    let mut chance = Chance::new(fit.setting.seed, 723);
    let mut x = area[0] / fit.metre;
    while x < area[2] / fit.metre {
        fit.bookcase(x + 0.8, 1.55, 9, &mut chance);
        fit.block(x, 0.0, 0.1, 3.5, ink(0x4A3020));
        x += 1.62;
    }
    for at in 0..3 {
        fit.glow(-2.4 + 2.4 * index(at), 2.4, 1.7);
        fit.block(-2.4 + 2.4 * index(at), 2.42, 0.3, 0.1, ink(0xC8A050));
    }
    let (x0, y0) = fit.spot(1.15, 0.0);
    let (x1, y1) = fit.spot(0.7, 3.0);
    let wood = fit.lit(ink(0x9A6E44));
    for shift in [0.0, 0.34] {
        fit.brush.line(
            &[(x0 + shift * fit.metre, y0), (x1 + shift * fit.metre, y1)],
            0.05 * fit.metre,
            wood,
        );
    }
    for at in 1..9 {
        let share = index(at) / 9.0;
        let (x, y) = (x0 + (x1 - x0) * share, y0 + (y1 - y0) * share);
        fit.brush.line(&[(x, y), (x + 0.34 * fit.metre, y)], 0.04 * fit.metre, wood.darker(0.15));
    }
}

fn classroom(fit: &mut Fitter<'_, '_, '_>, side: f32) {
    fit.block(-side * 0.12, 0.95, 3.6, 1.35, ink(0x7A5636));
    fit.block(-side * 0.12, 1.02, 3.45, 1.2, ink(0x2F4A3E));
    let chalk = fit.lit(ink(0xE8EEE8)).alpha(0.75);
    let m = fit.metre;
    for row in 0..4 {
        let (x, y) = fit.spot(-side * 0.12 - 1.5, 2.02 - 0.22 * index(row));
        let long = 0.9 + 0.5 * index(row * 3 % 4) / 2.0;
        let spots: Vec<(f32, f32)> = (0..18)
            .map(|at| {
                (
                    x + index(at) / 17.0 * long * m,
                    y + 0.03 * m * (index(at) * 1.9 + index(row)).sin(),
                )
            })
            .collect();
        fit.brush.curve(&spots, 0.022 * m, chalk);
    }
    let (x, y) = fit.spot(-side * 0.12 + 0.9, 1.62);
    if let Some(round) = crate::scene::brush::oval(x, y, 0.32 * m, 0.32 * m) {
        fit.brush.stroke(&round, 0.024 * m, chalk);
    }
    fit.brush.line(
        &[(x - 0.32 * m, y), (x + 0.32 * m, y), (x, y - 0.32 * m), (x - 0.32 * m, y)],
        0.02 * m,
        chalk,
    );
    fit.block(-side * 0.12, 0.92, 3.5, 0.05, ink(0xB89468));
    let (cx, cy) = fit.spot(-side * 0.12, 2.62);
    let (white, dark) = (fit.lit(ink(0xF0ECE0)), fit.shade(ink(0x2A2A2E)));
    fit.brush.circle(cx, cy, 0.19 * m, dark);
    fit.brush.circle(cx, cy, 0.165 * m, white);
    fit.brush.line(
        &[(cx, cy - 0.11 * m), (cx, cy), (cx + 0.08 * m, cy + 0.03 * m)],
        0.02 * m,
        dark,
    );
    fit.frame(-side * 0.82, 1.4, 0.7, 0.5, ink(0x9AC0D0));
}

fn cafe(fit: &mut Fitter<'_, '_, '_>, side: f32) {
    fit.block(side * 0.55, 0.0, 2.6, 1.08, ink(0x5A3E2C));
    fit.block(side * 0.55, 1.08, 2.75, 0.08, ink(0xA88258));
    for row in 0..3 {
        fit.block(side * 0.58, 1.62 + 0.46 * index(row), 2.3, 0.05, ink(0x6A4A34));
        for at in 0..9 {
            let high = 0.18 + 0.06 * index(at * 5 % 4);
            let tones = [ink(0x3F6A4A), ink(0x8A3A2E), ink(0xC8A050), ink(0xD8D4C8), ink(0x4A5A78)];
            fit.block(
                side * 0.58 - 1.0 + 0.25 * index(at),
                1.67 + 0.46 * index(row),
                0.1,
                high,
                tones[(at + row * 2) % 5],
            );
        }
    }
    fit.block(side * 0.3, 1.16, 0.5, 0.4, ink(0xB0B4B8));
    fit.block(side * 0.3, 1.3, 0.36, 0.1, ink(0x2A2C30));
    fit.block(side * 0.75, 1.16, 0.55, 0.3, ink(0xD8E0E0));
    for at in 0..5 {
        fit.pendant(-side * 0.85 + side * 0.42 * index(at), 2.15, ink(0x2E2A28));
    }
    fit.frame(-side * 0.98, 1.4, 0.6, 0.8, ink(0x3A3E3A));
}

fn factory(fit: &mut Fitter<'_, '_, '_>, side: f32, area: Area) {
    let m = fit.metre;
    let steel = fit.shade(ink(0x5A5E64));
    for at in 0..7 {
        let x = area[0] + (area[2] - area[0]) * index(at) / 6.0;
        fit.brush.rect(x - 0.09 * m, area[1], 0.18 * m, fit.foot - area[1], steel);
    }
    let y = fit.spot(0.0, 3.1).1;
    fit.brush.rect(area[0], y, area[2] - area[0], 0.12 * m, steel);
    for at in 0..14 {
        let x = area[0] + (area[2] - area[0]) * index(at) / 13.0;
        fit.brush.line(&[(x, y), (x + 0.4 * m, y - 0.6 * m), (x + 0.8 * m, y)], 0.05 * m, steel);
    }
    for (x, wide, high, tone) in [
        (-side * 0.72, 1.5, 1.7, 0x4F7478),
        (-side * 0.16, 1.0, 1.2, 0xB0803A),
        (side * 0.42, 1.7, 1.5, 0x5A6670),
        (side * 0.92, 0.9, 1.9, 0x7A4A3E),
    ] {
        fit.block(x, 0.0, wide, high, ink(tone));
        fit.block(x, high * 0.55, wide * 0.6, high * 0.2, ink(0x24282C));
        for at in 0..3 {
            let (px, py) = fit.spot(x - wide * 0.3 + 0.16 * index(at), high * 0.36);
            let lamp = fit.setting.light.own([ink(0xF04A3A), ink(0xF0C04A), ink(0x5AE08A)][at]);
            fit.brush.circle(px, py, 0.035 * m, lamp);
            fit.brush.light().glow(px, py, 0.16 * m, 0.16 * m, lamp.alpha(0.5));
        }
    }
    for row in 0..2 {
        let (x, y) = fit.spot(-side * 1.6, 2.3 + 0.3 * index(row));
        let pipe = fit.lit(ink(0xA87A4A));
        fit.brush.rect_shaded([x, y, side * 3.2 * m, 0.12 * m], pipe, pipe.darker(0.4));
    }
    for at in 0..3 {
        fit.pendant(-side * 0.6 + side * 0.6 * index(at), 2.7, ink(0x3A3E40));
    }
}

fn lab(fit: &mut Fitter<'_, '_, '_>, side: f32) {
    for at in 0..count(side * 3.0 / 0.9) {
        let x = -side * 1.5 + 0.45 + 0.9 * index(at);
        fit.block(x, 0.0, 0.88, 0.86, ink(0xB8C6CC));
        fit.block(x, 0.76, 0.4, 0.02, ink(0x7A8A92));
    }
    fit.block(0.0, 0.86, side * 3.0, 0.06, ink(0x3E4A52));
    for x in [-side * 0.8, -side * 0.3, side * 0.2] {
        fit.block(x, 1.55, 1.1, 0.7, ink(0xD8E2E6));
        fit.block(x, 1.6, 1.0, 0.6, ink(0x9FB4BE));
    }
    let m = fit.metre;
    for (at, tone) in
        [0x4AC0E0, 0x7AE08A, 0xE07AB0, 0xF0C04A, 0x4AC0E0, 0x9A7AF0].iter().enumerate()
    {
        let (x, y) = fit.spot(-side * 0.66 + 0.28 * index(at), 0.92);
        let (glass, liquid) = (WHITE.alpha(0.5), fit.setting.light.own(ink(*tone)));
        fit.brush.polygon(
            &[
                (x - 0.03 * m, y - 0.3 * m),
                (x + 0.03 * m, y - 0.3 * m),
                (x + 0.1 * m, y),
                (x - 0.1 * m, y),
            ],
            glass,
        );
        fit.brush.polygon(
            &[
                (x - 0.055 * m, y - 0.15 * m),
                (x + 0.055 * m, y - 0.15 * m),
                (x + 0.1 * m, y),
                (x - 0.1 * m, y),
            ],
            liquid,
        );
        fit.brush.light().glow(x, y - 0.1 * m, 0.3 * m, 0.3 * m, liquid.alpha(0.35));
    }
    fit.monitor(side * 0.34, 0.92);
    fit.monitor(side * 0.34 + 0.8, 0.92);
    let panel = fit.setting.light.own(ink(0xF2FBFF));
    for at in 0..3 {
        let (x, y) = fit.spot(-side * 0.8 + side * 0.65 * index(at), 2.95);
        fit.brush.rect(x, y, 1.1 * m, 0.06 * m, panel);
        fit.brush.light().glow(x + 0.55 * m, y, 1.2 * m, 0.6 * m, panel.alpha(0.3));
    }
}

/// Furniture in the room, behind the subject.
pub(super) fn in_the_room(brush: &mut Brush<'_>, setting: &Setting, area: Area, place: Place) {
    let mut fit = Fitter::new(brush, setting, 1.3);
    let side = half(&fit);
    let _ = area;
    match place {
        Place::Classroom => {
            for x in [-side * 0.8, side * 0.75] {
                fit.table(x, 1.1, 0.72, ink(0xC09A68));
                fit.block(x, 0.0, 0.4, 0.85, ink(0x5A6A78));
            }
        }
        Place::Cafe => {
            for x in [-side * 0.85, side * 0.9] {
                fit.table(x, 0.9, 0.74, ink(0x8A6444));
                fit.block(x, 0.74, 0.1, 0.1, ink(0xECE6DA));
                fit.block(x - 0.65, 0.0, 0.42, 0.46, ink(0x4A362A));
                fit.block(x - 0.84, 0.46, 0.06, 0.5, ink(0x4A362A));
            }
        }
        Place::Library => {
            for x in [-side * 0.85, side * 0.85] {
                fit.table(x, 1.4, 0.76, ink(0x6A4428));
                fit.block(x - 0.2, 0.76, 0.34, 0.07, ink(0x8A3A34));
                fit.block(x - 0.18, 0.83, 0.3, 0.05, ink(0x3A5A4A));
                lamp(&mut fit, x + 0.35, 0.76, 0.3);
            }
        }
        Place::Bedroom | Place::Living => {
            let foot = setting.foot(1.15);
            let rug = setting.light.half(ink(0x9A5A4A), 1.2);
            fit.brush.oval(0.0, foot, setting.aspect * 0.3, 0.05, rug);
            fit.brush.oval(0.0, foot, setting.aspect * 0.26, 0.04, rug.lighter(0.12));
        }
        Place::Office => {
            fit.table(-side * 0.9, 1.4, 0.74, ink(0xB89C78));
            fit.monitor(-side * 0.9, 0.76);
        }
        Place::Lab => {
            fit.block(side * 0.95, 0.0, 1.2, 0.9, ink(0xC8D4D8));
            fit.block(side * 0.95, 0.9, 0.34, 0.5, ink(0x5A6A74));
        }
        Place::Factory => {
            fit.block(-side * 0.95, 0.0, 1.0, 0.7, ink(0x9A7A4A));
            fit.block(side * 0.98, 0.0, 0.8, 1.0, ink(0x8A6A44));
        }
        _ => {}
    }
}

/// Dark shapes close to the camera, at the edges of the picture.
pub(super) fn close_by(brush: &mut Brush<'_>, setting: &Setting, area: Area, place: Place) {
    let dark = setting.light.shade(ink(0x2A221E), 1.0).mix(BLACK, 0.35);
    let side = -setting.light.sun.0.signum();
    let x = side * setting.aspect * 0.48;
    match place {
        Place::Library | Place::Office | Place::Living | Place::Bedroom | Place::Cafe => {
            for at in 0..9 {
                let turn = (index(at) - 4.0) * 0.24;
                let tip = (x + turn.sin() * 0.24, 0.5 - turn.cos() * 0.3);
                brush.blob(
                    &[
                        (x, 0.6),
                        (f32::midpoint(x, tip.0) - 0.03, f32::midpoint(0.6, tip.1)),
                        tip,
                        (f32::midpoint(x, tip.0) + 0.035, f32::midpoint(0.6, tip.1)),
                    ],
                    dark,
                );
            }
        }
        Place::Kitchen | Place::Lab => {
            let _ = area;
            brush.round([x - 0.07, 0.3, 0.14, 0.5], 0.03, dark);
            brush.round([x - 0.02, 0.2, 0.05, 0.2], 0.02, dark);
        }
        _ => {}
    }
}
