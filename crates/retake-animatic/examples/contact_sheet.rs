//! Draws frames of prompts side by side, to see at a glance what the renderer makes of them.
//!
//! ```sh
//! cargo run --release -p retake-animatic --example contact_sheet -- sheet.png 1280x720 4 5 "a dog runs"
//! ```
//!
//! With `-` for the file nothing is kept: every frame is drawn and the pace is reported.
//!
//! Arguments: file, size of a frame, frames per prompt, seconds, then prompts. A prompt may end in
//! `|negative prompt`. Frames are shown at a third of their size; with one frame per prompt, at half.

use retake_animatic::{Brief, Painter, storyboard};
use std::io::{self, Write as _};
use std::time::Instant;
use tiny_skia::{FilterQuality, Pixmap, PixmapPaint, Transform};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let mut next = |what: &str| arguments.next().ok_or(format!("missing argument: {what}"));
    let file = next("file")?;
    let size = next("size")?;
    let (width, height) = size.split_once('x').ok_or("a size looks like 1280x720")?;
    let (width, height): (u32, u32) = (width.parse()?, height.parse()?);
    let per_prompt: u32 = next("frames per prompt")?.parse()?;
    let seconds: u32 = next("seconds")?.parse()?;
    let prompts: Vec<String> = arguments.collect();
    if file == "-" {
        return pace(&prompts, (width, height), seconds);
    }
    let rows = u32::try_from(prompts.len())?.max(1);
    let share: u32 = if per_prompt == 1 { 2 } else { 3 };
    let columns = if per_prompt == 1 { 3 } else { per_prompt };
    let lines = if per_prompt == 1 { rows.div_ceil(columns) } else { rows };
    let (small, low) = (width / share, height / share);
    let mut sheet = Pixmap::new(small * columns, low * lines).ok_or("no sheet of that size")?;
    for (row, prompt) in (0..).zip(&prompts) {
        let (prompt, negative) =
            prompt.split_once('|').map_or((prompt.as_str(), None), |(prompt, negative)| {
                (prompt, Some(negative.to_owned()))
            });
        let brief = Brief {
            prompt: prompt.into(),
            negative_prompt: negative,
            seconds,
            width,
            height,
            seed: 7,
            looped: false,
            audio: false,
            first_frame: None,
        };
        let board = storyboard(&brief);
        let mut painter = Painter::new(&brief, &board)?;
        let mut canvas = Pixmap::new(width, height).ok_or("no canvas of that size")?;
        for shown in 0..per_prompt {
            let frame = (2 * shown + 1) * board.frames / (2 * per_prompt);
            painter.paint(frame, &mut canvas);
            let (column, line) =
                if per_prompt == 1 { (row % columns, row / columns) } else { (shown, row) };
            let scale = 1.0 / share as f32;
            let place = Transform::from_translate((column * small) as f32, (line * low) as f32)
                .pre_scale(scale, scale);
            let paint = PixmapPaint { quality: FilterQuality::Bilinear, ..PixmapPaint::default() };
            sheet.draw_pixmap(0, 0, canvas.as_ref(), &paint, place, None);
        }
    }
    sheet.save_png(&file)?;
    Ok(())
}

fn brief(prompt: &str, (width, height): (u32, u32), seconds: u32) -> Brief {
    let (prompt, negative) = prompt
        .split_once('|')
        .map_or((prompt, None), |(prompt, negative)| (prompt, Some(negative.to_owned())));
    Brief {
        prompt: prompt.into(),
        negative_prompt: negative,
        seconds,
        width,
        height,
        seed: 7,
        looped: false,
        audio: false,
        first_frame: None,
    }
}

/// Draws every frame of every prompt and says how fast that went.
fn pace(
    prompts: &[String],
    size: (u32, u32),
    seconds: u32,
) -> Result<(), Box<dyn std::error::Error>> {
    let mut canvas = Pixmap::new(size.0, size.1).ok_or("no canvas of that size")?;
    for prompt in prompts {
        let brief = brief(prompt, size, seconds);
        let board = storyboard(&brief);
        let mut painter = Painter::new(&brief, &board)?;
        let start = Instant::now();
        painter.paint(0, &mut canvas);
        let first = start.elapsed();
        for frame in 1..board.frames {
            painter.paint(frame, &mut canvas);
        }
        let rest =
            start.elapsed().checked_sub(first).unwrap().as_secs_f32() / (board.frames - 1) as f32;
        let ready = first.as_secs_f32() * 1000.0;
        writeln!(io::stdout(), "{:6.1} frames/s, first after {ready:.0} ms: {prompt}", 1.0 / rest)?;
    }
    Ok(())
}
