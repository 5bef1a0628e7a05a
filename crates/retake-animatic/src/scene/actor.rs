//! Actors: the figures of a shot, where they stand, how they move, and how the light meets them.
//!
//! Every figure is a puppet drawn in its own measures: feet at the origin, y downwards, about one
//! unit tall. Here it is sized for the framing, led along its path, lit, and put on the ground
//! with a shadow.

mod beast;
mod bird;
mod human;
mod place;
mod portrait;
mod sea;
mod thing;
mod vehicle;

use super::brush::Brush;
use super::ink::{BLACK, Ink};
use super::light::Light;
use super::num::{real, wave};
use super::pixels;
use super::plate::Lens;
use super::relief::{self, Relief};
use super::view::{Clock, View};
use crate::stage::{Setting, Stage};
use crate::storyboard::{Action, Figure, Heading, Move, Role, Shot};
use tiny_skia::{Pixmap, Transform};

/// A figure with its part to play.
#[derive(Clone, Debug)]
pub(crate) struct Actor {
    pub(crate) role: Role,
    /// Which of several alike it is; varies colour and pace.
    pub(crate) rank: usize,
    /// Where its feet are when the shot begins.
    x: f32,
    y: f32,
    /// Frame heights to one measure of the puppet.
    scale: f32,
    depth: f32,
    /// 1 when it faces right, -1 when it faces left.
    facing: f32,
    /// Frame heights a second that it moves within the frame.
    pace: f32,
    /// Whether it touches the ground.
    grounded: bool,
    bust: bool,
}

/// What a puppet needs to know about the moment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pose {
    pub(crate) action: Action,
    /// Turns of its gait, wings or wheels.
    pub(crate) turns: f32,
    /// The clock of the shot, for everything slower.
    pub(crate) clock: Clock,
    /// Which of several alike it is.
    pub(crate) rank: usize,
    pub(crate) heading: Heading,
    pub(crate) indoors: bool,
}

impl Pose {
    /// A slow breath, between -1 and 1.
    pub(crate) fn breath(&self) -> f32 {
        self.clock.swing(0.28, super::num::index(self.rank) * 0.37)
    }
}

/// Turns a puppet's own colours into those of the scene.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Dye<'l> {
    pub(crate) light: &'l Light,
    pub(crate) depth: f32,
}

impl Dye<'_> {
    /// A colour in the light of the scene.
    pub(crate) fn of(&self, local: Ink) -> Ink {
        let lit = self.light.lit(local, self.depth).mix(self.light.shade(local, self.depth), 0.42);
        // Even at night a subject keeps a little of its own colour.
        let keep = 0.16 + 0.16 * self.light.darkness();
        lit.mix(local.scaled(0.55).graded(self.light.look), keep)
    }

    /// A colour that shines by itself.
    pub(crate) fn own(&self, local: Ink) -> Ink {
        self.light.own(local)
    }
}

/// All actors of a shot.
#[derive(Debug)]
pub(crate) struct Cast {
    actors: Vec<Actor>,
    /// Frame heights a second that the camera follows at.
    follow: f32,
    sheet: Option<Pixmap>,
}

impl Cast {
    pub(crate) fn new(setting: &Setting, clock: &Clock) -> Self {
        let (actors, follow) = place::cast(setting, clock);
        Self { actors, follow, sheet: None }
    }

    /// How far the camera will have followed by the end.
    pub(crate) fn travel(&self, clock: &Clock) -> f32 {
        self.follow * clock.length
    }

    /// How far it has followed by now.
    pub(crate) fn travelled(&self, clock: &Clock) -> f32 {
        self.follow * clock.now
    }

    /// Draws all actors, the farthest first.
    pub(crate) fn lay(&mut self, frame: &mut Pixmap, stage: &Stage, view: &View, clock: &Clock) {
        let fits =
            |sheet: &Pixmap| sheet.width() == frame.width() && sheet.height() == frame.height();
        let sheet = self.sheet.take().filter(fits);
        let Some(mut sheet) = sheet.or_else(|| Pixmap::new(frame.width(), frame.height())) else {
            return;
        };
        for actor in &self.actors {
            actor.lay(frame, &mut sheet, stage, view, clock);
        }
        self.sheet = Some(sheet);
    }
}

/// Where an actor is at a moment: feet, size and lean.
#[derive(Clone, Copy, Debug)]
struct Mark {
    x: f32,
    y: f32,
    scale: f32,
    degrees: f32,
    /// Height above the ground, for the shadow.
    lifted: f32,
}

impl Actor {
    fn pose(&self, clock: &Clock, indoors: bool) -> Pose {
        let (per_second, _) = place::gait(self.role.figure, self.role.action);
        let offset = super::num::index(self.rank) * 0.37;
        Pose {
            action: self.role.action,
            turns: clock.turns(per_second) + offset,
            clock: *clock,
            rank: self.rank,
            heading: self.role.heading,
            indoors,
        }
    }

    /// Where the path and the action have taken it.
    fn mark(&self, clock: &Clock, view: &View) -> Mark {
        let moved = if clock.looped { clock.share() } else { 0.0 };
        let x = self.x + self.pace * if clock.looped { moved * clock.length } else { clock.now };
        let mut mark = Mark { x, y: self.y, scale: self.scale, degrees: 0.0, lifted: 0.0 };
        let phase = super::num::index(self.rank) * 0.29;
        let size = self.scale;
        match self.role.action {
            Action::Jump => {
                let share = (clock.turns(0.75) + phase).fract();
                mark.lifted = (4.0 * share * (1.0 - share)).max(0.0) * 0.32 * size;
            }
            Action::Fall => {
                let done = if clock.looped { wave(clock.share() * 0.5) } else { clock.share() };
                mark.y += (done * done - 0.35) * 0.55;
                mark.degrees = clock.turns(0.12) * 360.0;
            }
            Action::Rise => {
                let done = if clock.looped { clock.progress() } else { clock.share().powi(2) };
                if self.role.figure.flies() || self.role.figure == Figure::Lantern {
                    mark.y += 0.2 - done * 0.62;
                }
            }
            Action::Float | Action::Fly | Action::Swim => {
                mark.y += clock.swing(0.22, phase) * 0.022 * size.min(1.0);
                mark.degrees = clock.swing(0.16, phase + 0.2) * 2.2;
            }
            _ if self.role.figure.sails() => {
                mark.y += clock.swing(0.2, phase) * 0.008;
                mark.degrees = clock.swing(0.15, phase + 0.15) * 1.6;
            }
            _ if self.role.figure.flies() => mark.y += clock.swing(0.15, phase) * 0.02,
            _ => {}
        }
        match self.role.heading {
            Heading::Toward => mark.scale *= 0.82 + 0.36 * clock.progress(),
            Heading::Away => mark.scale *= 1.12 - 0.3 * clock.progress(),
            Heading::Left | Heading::Right => {}
        }
        mark.y -= mark.lifted;
        let (x, y) = view.project((mark.x, mark.y), self.depth);
        Mark { x, y, scale: mark.scale * view.scale(self.depth), ..mark }
    }

    fn lay(
        &self,
        frame: &mut Pixmap,
        sheet: &mut Pixmap,
        stage: &Stage,
        view: &View,
        clock: &Clock,
    ) {
        let light = &stage.setting.light;
        let mark = self.mark(clock, view);
        let pose = self.pose(clock, light.indoor);
        let lens = Lens::of(frame);
        if self.grounded && !self.bust {
            self.shadow(frame, light, &mark, lens);
        }
        let [left, top, right, bottom] =
            place::bounds(self.role.figure, self.role.action, self.bust);
        let reach = left.abs().max(right.abs()).max(top.abs()).max(bottom.abs());
        let (wide, high) = if mark.degrees.abs() > 20.0 {
            (reach, (reach, reach))
        } else {
            (left.abs().max(right.abs()), (-top, bottom))
        };
        let corner =
            |x: f32, y: f32| lens.pixel((mark.x + x * mark.scale, mark.y + y * mark.scale));
        let (from, to) = (corner(-wide, -high.0), corner(wide, high.1));
        let Some(area) = pixels::clip(frame, [from.0, from.1, to.0, to.1]) else { return };
        clear(sheet, area);
        let placed = Transform::from_translate(mark.x, mark.y)
            .pre_rotate(mark.degrees)
            .pre_scale(mark.scale * self.facing, mark.scale);
        let mut brush = Brush::new(sheet, lens.transform().pre_concat(placed));
        let dye = Dye { light, depth: self.depth };
        self.draw(&mut brush, &pose, dye, &stage.setting.shot);
        let span = mark.scale * place::volume(self.role.figure, self.bust) * real(frame.height());
        relief::light(sheet, area, &self.relief(light, span));
        if self.role.figure.sails() {
            mirror(frame, sheet, area, corner(0.0, 0.0).1, clock);
        }
        merge(frame, sheet, area);
        self.shine(&mut Brush::new(frame, lens.transform().pre_concat(placed)), &pose, dye);
    }

    fn draw(&self, brush: &mut Brush<'_>, pose: &Pose, dye: Dye<'_>, shot: &Shot) {
        use crate::storyboard::Family as F;
        let figure = self.role.figure;
        match figure.family() {
            F::Human if self.bust => portrait::draw(brush, &self.role, pose, dye, shot),
            F::Human => human::draw(brush, &self.role, pose, dye),
            F::Vehicle => vehicle::draw(brush, &self.role, pose, dye),
            F::Object => thing::draw(brush, &self.role, pose, dye),
            F::Animal if figure.swims() || figure == Figure::Frog => {
                sea::draw(brush, &self.role, pose, dye);
            }
            F::Animal if bird::is_winged(figure) => bird::draw(brush, &self.role, pose, dye),
            F::Animal => beast::draw(brush, &self.role, pose, dye),
        }
    }

    /// Light that comes from the figure itself, over everything: lamps, flames, engines.
    fn shine(&self, brush: &mut Brush<'_>, pose: &Pose, dye: Dye<'_>) {
        vehicle::shine(brush, &self.role, pose, dye);
        thing::shine(brush, &self.role, pose, dye);
    }

    fn relief(&self, light: &Light, span: f32) -> Relief {
        let side = light.sun.0.signum();
        // The puppet is lit where it stands in the frame, whichever way it faces.
        let toward = (side * 0.78, -0.62);
        let veil = (-(self.depth - 1.0).max(0.0) * 0.35).exp();
        let key = light.own(light.key).scaled(veil);
        let shade = Ink { red: 0.5, green: 0.52, blue: 0.62, alpha: 1.0 };
        Relief { toward, key, shade, rim: 0.55, span }
    }

    /// A soft patch on the ground, longer when the light is low.
    fn shadow(&self, frame: &mut Pixmap, light: &Light, mark: &Mark, lens: Lens) {
        let footprint = place::footprint(self.role.figure, self.role.action) * mark.scale;
        let low = (0.3 + light.sun.1).clamp(0.0, 0.28) / 0.28;
        let strength = if light.disc || light.indoor { 0.46 } else { 0.32 };
        let height = mark.lifted / mark.scale.max(0.01);
        let fade = (1.0 - height * 1.6).clamp(0.25, 1.0);
        let ground = mark.y + mark.lifted;
        let mut brush = Brush::new(frame, lens.transform());
        let side = light.sun.0.signum();
        let dark = BLACK.mix(light.own(light.sky_top), 0.12);
        let long = footprint * (0.7 + 1.9 * low);
        if light.disc {
            let x = mark.x - side * long * 0.72;
            brush.glow(
                x,
                ground,
                long * 1.25,
                footprint * 0.17,
                dark.alpha(strength * 0.75 * fade),
            );
        }
        brush.glow(
            mark.x,
            ground,
            footprint * 1.1,
            footprint * 0.2,
            dark.alpha(strength * 1.5 * fade),
        );
    }
}

fn clear(sheet: &mut Pixmap, [left, top, right, bottom]: [usize; 4]) {
    let width = sheet.width() as usize;
    let pixels = sheet.data_mut().as_chunks_mut::<4>().0;
    for row in pixels.chunks_exact_mut(width).take(bottom).skip(top) {
        if let Some(part) = row.get_mut(left..right) {
            part.fill([0; 4]);
        }
    }
}

fn merge(frame: &mut Pixmap, sheet: &Pixmap, [left, top, right, bottom]: [usize; 4]) {
    let width = frame.width() as usize;
    let from = sheet.data().as_chunks::<4>().0.chunks_exact(width);
    let to = frame.data_mut().as_chunks_mut::<4>().0.chunks_exact_mut(width);
    for (below, above) in to.zip(from).take(bottom).skip(top) {
        for (pixel, &top) in below.iter_mut().zip(above).take(right).skip(left) {
            match top[3] {
                0 => {}
                255 => *pixel = top,
                _ => *pixel = pixels::over(pixels::word(top), pixels::word(*pixel)).to_le_bytes(),
            }
        }
    }
}

/// The mirror image of what floats, below its waterline, stirred.
fn mirror(
    frame: &mut Pixmap,
    sheet: &Pixmap,
    [left, top, right, bottom]: [usize; 4],
    line: f32,
    clock: &Clock,
) {
    let width = frame.width() as usize;
    let height = frame.height() as usize;
    let line = usize::try_from(super::num::floor(line.max(0.0))).unwrap_or(0).min(bottom);
    let source = sheet.data().as_chunks::<4>().0;
    let pixels = frame.data_mut().as_chunks_mut::<4>().0;
    for down in 0..line.saturating_sub(top).min(height.saturating_sub(line)) {
        let share = super::num::index(down) / super::num::index(line - top).max(1.0);
        let stir = wave(super::num::index(down) * 0.045 + clock.turns(0.6)) * (1.0 + share * 9.0);
        let shift = isize::try_from(super::num::floor(stir)).unwrap_or(0);
        let fade = u32::from(super::num::byte(0.5 * (1.0 - share * 0.6)));
        for x in left..right {
            let from = (line - 1 - down) * width + x.saturating_add_signed(shift).min(width - 1);
            let Some(above) = source.get(from).filter(|above| above[3] > 0) else { continue };
            if let Some(pixel) = pixels.get_mut((line + down) * width + x) {
                let faded = pixels::blend(0, pixels::word(*above), fade);
                *pixel = pixels::over(faded, pixels::word(*pixel)).to_le_bytes();
            }
        }
    }
}

/// Whether the camera goes along with what moves.
fn follows(shot: &Shot, looped: bool) -> bool {
    !looped && !matches!(shot.camera, Move::Static | Move::Whip)
}
