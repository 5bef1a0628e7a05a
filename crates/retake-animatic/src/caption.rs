//! What is written over the picture: caption, slate, timecode, progress.
//!
//! Set in the embedded fonts only, so that a frame looks the same on every machine. Each shot's
//! words are shaped once and then laid into its frames.

pub(crate) mod letters;
pub(crate) mod words;

use crate::scene::brush::Brush;
use crate::scene::ink::{WHITE, ink};
use crate::scene::num::{floor, index, real};
use crate::scene::pixels;
use crate::storyboard::{FPS, Framing, Move, Shot, Storyboard};
use letters::{Letters, Weight};
use tiny_skia::{Pixmap, Transform};

/// Margin that television keeps free, and so do we.
pub(crate) const SAFE: f32 = 0.05;

/// Size of the small type.
fn small(width: f32, height: f32) -> f32 {
    (height.min(width * 0.9) * 0.0235).max(7.0)
}

/// How far down slate, time code and mark reach.
pub(crate) fn below_slate(width: f32, height: f32) -> f32 {
    height * SAFE + small(width, height) * 3.2
}

/// The writing over all frames of one video.
#[derive(Debug)]
pub(crate) struct Captions {
    width: f32,
    height: f32,
    letters: Letters,
    shown: bool,
    slates: Vec<Slate>,
    frames: u32,
    /// Frames of the clip that this one goes on from.
    before: u32,
    digits: Vec<Pixmap>,
    mark: Option<Pixmap>,
    current: Option<(usize, Written)>,
}

/// What a shot says about itself.
#[derive(Debug)]
struct Slate {
    start: u32,
    caption: String,
    title: [String; 3],
    camera: Move,
}

/// The words of one shot, ready to be laid.
#[derive(Debug)]
struct Written {
    lines: Vec<Pixmap>,
    slate: Option<Pixmap>,
}

impl Captions {
    /// The writing over a video that goes on from one of `before` frames.
    pub(crate) fn new(storyboard: &Storyboard, width: u32, height: u32, before: u32) -> Self {
        let count = storyboard.shots.len();
        let mut letters = Letters::embedded();
        let shots = storyboard.shots.iter().enumerate();
        let slates = shots.map(|(at, shot)| slate(shot, at, count, &mut letters)).collect();
        let mut captions = Self {
            width: real(width),
            height: real(height),
            letters,
            shown: storyboard.captions,
            slates,
            frames: storyboard.frames,
            before,
            digits: Vec::new(),
            mark: None,
            current: None,
        };
        let small = captions.small();
        let white = WHITE.alpha(0.92);
        captions.digits = "0123456789:"
            .chars()
            .filter_map(|digit| {
                captions.letters.set(&digit.to_string(), small, Weight::Strong, white)
            })
            .collect();
        captions.mark =
            captions.letters.set("ANIMATIC", small * 0.72, Weight::Strong, white.alpha(0.6));
        captions
    }

    fn small(&self) -> f32 {
        small(self.width, self.height)
    }

    /// Lays the writing over a frame; `fade` between 0 and 1.
    pub(crate) fn lay(&mut self, frame: &mut Pixmap, at: u32, shot: usize, fade: f32) {
        if self.current.as_ref().is_none_or(|(known, _)| *known != shot) {
            let written = self.write(shot);
            self.current = Some((shot, written));
        }
        let (margin_x, margin_y) = (self.width * SAFE, self.height * SAFE);
        let small = self.small();
        if let Some((_, written)) = &self.current {
            if let Some(title) = &written.slate {
                put(frame, title, (margin_x - pad(small), margin_y - pad(small)), fade);
                let camera = self.slates.get(shot).map_or(Move::Static, |slate| slate.camera);
                let x = margin_x + real(title.width()) - pad(small) + small * 0.3;
                arrow(frame, camera, (x, margin_y + small * 0.62), small, fade);
            }
            let mut bottom = self.height - margin_y - small * 0.6;
            for line in written.lines.iter().rev() {
                let left = (self.width - real(line.width())) / 2.0;
                put(frame, line, (left, bottom - real(line.height())), fade);
                bottom -= real(line.height()) * 0.74;
            }
        }
        self.timecode(frame, at, (self.width - margin_x, margin_y), fade);
        self.progress(frame, at, fade);
    }

    fn write(&mut self, shot: usize) -> Written {
        let mut written = Written { lines: Vec::new(), slate: None };
        let Some(slate) = self.slates.get(shot) else { return written };
        let small = self.small();
        let (caption, titles) = (slate.caption.clone(), slate.title.clone());
        let room = self.width * (1.0 - 2.0 * SAFE);
        if self.shown && self.height >= 90.0 {
            let size = (self.height.min(self.width * 0.9) * 0.035).max(8.0);
            let lines = words::balanced(&caption, room * 0.86, |text| {
                self.letters.width(text, size, Weight::Plain)
            });
            let white = WHITE.alpha(0.97);
            written.lines = lines
                .iter()
                .filter_map(|line| self.letters.set(line, size, Weight::Plain, white))
                .collect();
        }
        let clock = self.letters.width("00:00:00:00", small, Weight::Strong);
        let free = room - clock - small * 3.5;
        let fits =
            titles.iter().find(|title| self.letters.width(title, small, Weight::Strong) <= free);
        if let Some(title) = fits {
            written.slate = self.letters.set(title, small, Weight::Strong, WHITE.alpha(0.92));
        }
        written
    }

    /// Hours, minutes, seconds and frames, from the right.
    fn timecode(&self, frame: &mut Pixmap, at: u32, (right, top): (f32, f32), fade: f32) {
        let small = self.small();
        let at = self.before.saturating_add(at);
        let seconds = at / FPS;
        let code = format!(
            "{:02}:{:02}:{:02}:{:02}",
            seconds / 3600,
            seconds / 60 % 60,
            seconds % 60,
            at % FPS
        );
        let advance = |digit: char| small * if digit == ':' { 0.32 } else { 0.66 };
        let whole: f32 = code.chars().map(advance).sum();
        if whole > self.width * 0.6 {
            return;
        }
        let mut x = right - whole;
        for digit in code.chars() {
            let index = digit.to_digit(10).map_or(10, |digit| digit as usize);
            if let Some(glyph) = self.digits.get(index) {
                let centred = x + (advance(digit) - real(glyph.width())) / 2.0;
                put(frame, glyph, (centred, top - pad(small)), fade);
            }
            x += advance(digit);
        }
        if let Some(mark) = &self.mark {
            put(
                frame,
                mark,
                (right - real(mark.width()) + pad(small), top + small * 1.25 - pad(small)),
                fade,
            );
        }
    }

    /// A thin line along the bottom, with a tick where each shot begins.
    fn progress(&self, frame: &mut Pixmap, at: u32, fade: f32) {
        let thick = (self.height * 0.0035).max(1.0).round();
        let y = self.height - thick;
        let mut brush = Brush::new(frame, Transform::identity());
        brush.rect(0.0, y, self.width, thick, WHITE.alpha(0.22 * fade));
        let whole = real(self.before.saturating_add(self.frames).max(1));
        let done = real(self.before.saturating_add(at + 1)) / whole * self.width;
        brush.rect(0.0, y, done, thick, ink(0xF2B84B).alpha(0.95 * fade));
        let starts = self.slates.iter().map(|slate| self.before.saturating_add(slate.start));
        for start in starts.filter(|&start| start > 0) {
            let x = real(start) / whole * self.width;
            brush.rect(
                x - thick / 2.0,
                y - thick * 1.5,
                thick,
                thick * 2.5,
                WHITE.alpha(0.9 * fade),
            );
        }
    }
}

/// Space that letters keep around themselves for their shadow.
fn pad(size: f32) -> f32 {
    letters::padding(size)
}

/// Lays a small picture at whole pixels.
pub(crate) fn put(frame: &mut Pixmap, picture: &Pixmap, (x, y): (f32, f32), fade: f32) {
    let (left, top) = (floor(x + 0.5), floor(y + 0.5));
    let stride = frame.width() as usize * 4;
    let share = u32::from(crate::scene::num::byte(fade)) + 1;
    let rows = picture.data().chunks_exact(picture.width() as usize * 4);
    for (down, row) in rows.enumerate() {
        let Ok(y) = usize::try_from(i64::from(top) + i64::try_from(down).unwrap_or(0)) else {
            continue;
        };
        let Some(line) = frame.data_mut().get_mut(y * stride..(y + 1) * stride) else { continue };
        let skip = usize::try_from(-left).unwrap_or(0);
        let start = usize::try_from(left).unwrap_or(0);
        let source = row.as_chunks::<4>().0.iter().skip(skip);
        for (pixel, above) in line.as_chunks_mut::<4>().0.iter_mut().skip(start).zip(source) {
            if above[3] > 0 {
                let above = pixels::blend(0, pixels::word(*above), share.min(256));
                *pixel = pixels::over(above, pixels::word(*pixel)).to_le_bytes();
            }
        }
    }
}

fn slate(shot: &Shot, at: usize, count: usize, letters: &mut Letters) -> Slate {
    let framing = match shot.framing {
        Framing::ExtremeWide => "EXTREME WIDE",
        Framing::Wide => "WIDE",
        Framing::Medium => "MEDIUM",
        Framing::Close => "CLOSE-UP",
        Framing::ExtremeClose => "EXTREME CLOSE-UP",
    };
    let camera = match shot.camera {
        Move::Whip => "WHIP PAN".to_owned(),
        Move::Track => "TRACKING".to_owned(),
        camera => camera.word().to_uppercase(),
    };
    let number = format!("{}/{count}", at + 1);
    Slate {
        start: shot.start,
        caption: words::cleaned(&shot.caption, |letter| letters.can_set(letter)),
        title: [
            format!("SHOT {number}  ·  {framing}  ·  {camera}"),
            format!("{number}  ·  {framing}  ·  {camera}"),
            format!("SHOT {number}"),
        ],
        camera: shot.camera,
    }
}

/// A small sign for the move of the camera.
fn arrow(frame: &mut Pixmap, camera: Move, (x, y): (f32, f32), size: f32, fade: f32) {
    let mut brush =
        Brush::new(frame, Transform::from_translate(x + size * 0.5, y).pre_scale(size, size));
    let tone = ink(0xF2B84B).alpha(0.95 * fade);
    let degrees = match camera {
        Move::PanRight | Move::Track | Move::Whip => 0.0,
        Move::PanLeft => 180.0,
        Move::TiltUp | Move::CraneUp | Move::Aerial => -90.0,
        Move::TiltDown | Move::CraneDown => 90.0,
        Move::ZoomIn | Move::DollyIn => {
            corners(&mut brush, 0.36, 0.16, tone);
            return;
        }
        Move::ZoomOut | Move::DollyOut => {
            corners(&mut brush, 0.14, 0.4, tone);
            return;
        }
        Move::Orbit => {
            let round: Vec<(f32, f32)> = (0..=9)
                .map(|at| (index(at) * 0.56).sin_cos())
                .map(|(s, c)| (c * 0.34, s * 0.34))
                .collect();
            brush.curve(&round, 0.1, tone);
            brush.polygon(&[(0.16, -0.5), (0.42, -0.24), (0.08, -0.14)], tone);
            return;
        }
        Move::Handheld => {
            brush.curve(
                &[(-0.42, 0.0), (-0.22, -0.2), (0.0, 0.0), (0.22, 0.2), (0.42, 0.0)],
                0.1,
                tone,
            );
            return;
        }
        Move::Static => {
            brush.round([-0.17, -0.17, 0.34, 0.34], 0.05, tone);
            return;
        }
    };
    let mut brush = brush.turned(0.0, 0.0, degrees);
    brush.line(&[(-0.4, 0.0), (0.26, 0.0)], 0.1, tone);
    brush.line(&[(0.08, -0.24), (0.34, 0.0), (0.08, 0.24)], 0.1, tone);
}

/// Four arrows towards or away from the middle.
fn corners(brush: &mut Brush<'_>, tail: f32, head: f32, tone: crate::scene::ink::Ink) {
    for (sx, sy) in [(-1.0, -1.0), (1.0, -1.0), (1.0, 1.0), (-1.0, 1.0)] {
        brush.line(&[(sx * tail, sy * tail), (sx * head, sy * head)], 0.09, tone);
        let back = if head > tail { -0.16 } else { 0.16 };
        brush.line(
            &[
                (sx * (head + back), sy * head),
                (sx * head, sy * head),
                (sx * head, sy * (head + back)),
            ],
            0.09,
            tone,
        );
    }
}
