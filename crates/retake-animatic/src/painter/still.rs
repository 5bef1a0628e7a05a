//! A given picture as the first frame: it fills the frame and is then moved through by the camera.

use super::PaintError;
use crate::scene::num::{real, size};
use crate::scene::plate::{Lie, Plate, Scratch};
use crate::scene::view::{self, Clock, View};
use crate::storyboard::{Move, Shot};
use tiny_skia::Pixmap;

/// The picture, cut to the frame's shape.
#[derive(Debug)]
pub(super) struct Still {
    plate: Plate,
    scratch: Scratch,
}

impl Still {
    /// A picture that is as large as the frame.
    pub(super) fn of(pixels: Pixmap) -> Result<Self, PaintError> {
        let (width, height) = (pixels.width(), pixels.height());
        let aspect = real(width) / real(height);
        let area = [-aspect / 2.0, -0.5, aspect / 2.0, 0.5];
        let plate = Plate::painted(area, real(height), 1.0, Lie::Upright, |_| {});
        let plate = plate.ok_or(PaintError::Size { width, height })?.with(pixels);
        Ok(Self { plate, scratch: Scratch::default() })
    }

    /// The picture at a time of its shot. It is flat, so moves only pan and zoom, and every one of
    /// them starts from the whole picture.
    pub(super) fn paint(&mut self, shot: &Shot, now: f32, looped: bool, canvas: &mut Pixmap) {
        let length = real(shot.frames) / real(crate::storyboard::FPS);
        let clock = Clock { now, length, looped };
        let start = view::view(shot, &Clock { now: 0.0, ..clock });
        let here = view::view(shot, &clock);
        let moved = |now: f32, then: f32| now - then;
        let pan = (
            moved(here.pan.0, start.pan.0) + moved(here.truck.0, start.truck.0),
            moved(here.pan.1, start.pan.1) + moved(here.truck.1, start.truck.1),
        );
        let grown = (here.scale(1.0) / start.scale(1.0)).max(1.0 / 1.3);
        let breath = if shot.camera == Move::Static { 0.0 } else { 0.05 };
        let grown = if grown < 1.0 { 1.0 + (1.0 - grown) * 0.3 } else { grown };
        // Panning needs room: the picture grows as far as the camera turns away from its middle.
        let room = 1.0
            + 2.0 * pan.1.abs().max(pan.0.abs() / (real(canvas.width()) / real(canvas.height())));
        let zoom = (grown + breath * clock.progress()).max(room);
        let view = View { pan, truck: (0.0, 0.0), dolly: 0.0, zoom };
        let limit = canvas.height() as usize;
        self.plate.lay(canvas, &view, limit, &mut self.scratch);
    }
}

/// Cuts and scales a picture so that it fills a frame. Of what is too tall, `focus` says how much is
/// cut away above: 0.5 is half of it.
pub(crate) fn cover(
    rgba: &[u8],
    from: (u32, u32),
    (width, height): (u32, u32),
    focus: f32,
) -> Option<Pixmap> {
    let mut out = Pixmap::new(width, height)?;
    let scale = (real(width) / real(from.0)).max(real(height) / real(from.1));
    let (wide, high) = (real(width) / scale, real(height) / scale);
    let (left, top) = ((real(from.0) - wide) / 2.0, (real(from.1) - high) * focus);
    let steps = size((1.0 / scale).ceil()).min(8);
    let source = rgba.as_chunks::<4>().0;
    for (at, pixel) in out.data_mut().as_chunks_mut::<4>().0.iter_mut().enumerate() {
        let at = u32::try_from(at).unwrap_or(0);
        let (x, y) = (real(at % width), real(at / width));
        let mut sum = [0.0_f32; 3];
        for sample in 0..steps * steps {
            let (sx, sy) = (real(sample % steps) + 0.5, real(sample / steps) + 0.5);
            let spot =
                (left + (x + sx / real(steps)) / scale, top + (y + sy / real(steps)) / scale);
            let read = between(source, from, (spot.0 - 0.5, spot.1 - 0.5));
            for (total, part) in sum.iter_mut().zip(read) {
                *total += part;
            }
        }
        let [red, green, blue] =
            sum.map(|part| crate::scene::num::byte(part / real(steps * steps) / 255.0));
        *pixel = [red, green, blue, 255];
    }
    Some(out)
}

/// The colour between four pixels, over black where it is transparent.
fn between(source: &[[u8; 4]], (width, height): (u32, u32), (x, y): (f32, f32)) -> [f32; 3] {
    let column = |at: i32| u32::try_from(at.max(0)).unwrap_or(0).min(width - 1);
    let row = |at: i32| u32::try_from(at.max(0)).unwrap_or(0).min(height - 1);
    let (left, top) = (crate::scene::num::floor(x), crate::scene::num::floor(y));
    let (fx, fy) = (x - x.floor(), y - y.floor());
    let read = |dx: i32, dy: i32| {
        let at = row(top + dy) as usize * width as usize + column(left + dx) as usize;
        let [red, green, blue, alpha] = source.get(at).copied().unwrap_or([0; 4]);
        [red, green, blue].map(|part| f32::from(part) * f32::from(alpha) / 255.0)
    };
    let corners = [
        (read(0, 0), (1.0 - fx) * (1.0 - fy)),
        (read(1, 0), fx * (1.0 - fy)),
        (read(0, 1), (1.0 - fx) * fy),
        (read(1, 1), fx * fy),
    ];
    let mut sum = [0.0; 3];
    for (colour, share) in corners {
        for (total, part) in sum.iter_mut().zip(colour) {
            *total += part * share;
        }
    }
    sum
}
