//! Renders a prompt, so that people can look at it:
//!
//! ```text
//! cargo run --release -p retake-animatic --example render -- \
//!     "A red fox runs through snow" fox.mp4 1280x720 8 1
//! ```
//!
//! Size, seconds and seed may be left out. Options: `--frames DIR N` draws N evenly spaced frames
//! and a contact sheet as PNG files into DIR (and no video when the file is `-`), `--loop`,
//! `--silent`, `--first-frame PICTURE`, `--character NAME PICTURE`, and `--continues PICTURE FRAMES`
//! with the last picture of an earlier clip and its length.

use std::error::Error;
use std::fs::{self, File};
use std::io::{BufWriter, Write as _, stderr, stdout};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::Instant;

use image::imageops::{self, FilterType};
use image::{Rgba, RgbaImage};
use retake_animatic::{Brief, Character, Continuation, FPS, Painter, render, storyboard};
use tiny_skia::Pixmap;

type Outcome<T> = Result<T, Box<dyn Error>>;

struct Call {
    brief: Brief,
    file: PathBuf,
    frames: Option<(PathBuf, u32)>,
}

fn main() -> Outcome<()> {
    let call = read_call()?;
    for shot in &storyboard(&call.brief).shots {
        writeln!(stderr(), "{shot:?}")?;
    }
    if let Some((folder, count)) = &call.frames {
        draw_frames(&call.brief, folder, *count)?;
    }
    if call.file.as_os_str() != "-" {
        make_video(&call.brief, &call.file)?;
    }
    Ok(())
}

fn read_call() -> Outcome<Call> {
    const USAGE: &str = "usage: render PROMPT FILE [WxH] [SECONDS] [SEED] [--frames DIR N] \
                         [--loop] [--silent] [--first-frame PICTURE] [--character NAME PICTURE] \
                         [--continues PICTURE FRAMES]";
    let (mut plain, mut frames, mut first_frame) = (Vec::new(), None, None);
    let (mut looped, mut audio) = (false, true);
    let (mut characters, mut continues) = (Vec::new(), None);
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        match word.as_str() {
            "--frames" => {
                let folder = words.next().ok_or(USAGE)?;
                frames = Some((folder.into(), words.next().ok_or(USAGE)?.parse()?));
            }
            "--first-frame" => first_frame = Some(fs::read(words.next().ok_or(USAGE)?)?),
            "--character" => {
                let name = words.next().ok_or(USAGE)?;
                let picture = fs::read(words.next().ok_or(USAGE)?)?;
                characters.push(Character { name, picture });
            }
            "--continues" => {
                let last_picture = fs::read(words.next().ok_or(USAGE)?)?;
                let frames = words.next().ok_or(USAGE)?.parse()?;
                continues = Some(Continuation { last_picture, frames });
            }
            "--loop" => looped = true,
            "--silent" => audio = false,
            _ => plain.push(word),
        }
    }
    let or = |at: usize, usual: &'static str| plain.get(at).map_or(usual, String::as_str);
    let (width, height) = or(2, "1280x720").split_once('x').ok_or(USAGE)?;
    let brief = Brief {
        prompt: plain.first().ok_or(USAGE)?.clone(),
        negative_prompt: None,
        width: width.parse()?,
        height: height.parse()?,
        seconds: or(3, "8").parse()?,
        seed: or(4, "1").parse()?,
        looped,
        audio,
        first_frame,
        characters,
        continues,
    };
    Ok(Call { brief, file: plain.get(1).ok_or(USAGE)?.into(), frames })
}

fn make_video(brief: &Brief, path: &Path) -> Outcome<()> {
    let begun = Instant::now();
    let out = BufWriter::new(File::create(path)?);
    let video = render(brief, out, &mut |_| ControlFlow::Continue(()))?;
    let seconds = begun.elapsed().as_secs_f64();
    writeln!(
        stdout(),
        "{}: {video:?}, {:.1} frames per second, {:.1} times real time",
        path.display(),
        f64::from(video.frames) / seconds,
        f64::from(brief.seconds) / seconds,
    )?;
    Ok(())
}

fn draw_frames(brief: &Brief, folder: &Path, count: u32) -> Outcome<()> {
    const COLUMNS: u32 = 4;
    const THUMB: u32 = 480;
    fs::create_dir_all(folder)?;
    let board = storyboard(brief);
    let mut painter = Painter::new(brief, &board)?;
    let mut canvas = Pixmap::new(brief.width, brief.height).ok_or("no such canvas")?;
    let thumb_height = THUMB * brief.height / brief.width;
    let rows = count.div_ceil(COLUMNS);
    let ground = Rgba([24, 24, 24, 255]);
    let mut sheet = RgbaImage::from_pixel(COLUMNS * THUMB, rows * thumb_height, ground);
    for number in 0..count {
        let frame = (board.frames - 1) * number / count.saturating_sub(1).max(1);
        painter.paint(frame, &mut canvas);
        let picture = RgbaImage::from_raw(brief.width, brief.height, canvas.data().to_vec());
        let picture = picture.ok_or("the canvas has another size")?;
        let second = f64::from(frame) / f64::from(FPS);
        picture.save(folder.join(format!("frame-{frame:05}-{second:.2}s.png")))?;
        let thumb = imageops::resize(&picture, THUMB, thumb_height, FilterType::Triangle);
        let (column, row) = (number % COLUMNS, number / COLUMNS);
        let at = (i64::from(column * THUMB), i64::from(row * thumb_height));
        imageops::replace(&mut sheet, &thumb, at.0, at.1);
    }
    sheet.save(folder.join("sheet.png"))?;
    Ok(())
}
