//! How fast a video is made: `cargo bench -p retake-animatic`.
//!
//! Prints frames per second and multiples of real time for drawing alone, for converting and
//! encoding alone (both in one thread), and for the whole, which uses all cores. Name prompts after
//! `--` to measure others than the built-in ones.

use std::error::Error;
use std::io::{Cursor, Write as _, stdout};
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use retake_animatic::{
    Brief, FPS, I420, OpenH264Encoder, Painter, VideoEncoder as _, render, storyboard,
};
use tiny_skia::Pixmap;

const SECONDS: u32 = 10;
const GROUP: u32 = 30;
const PROMPTS: [&str; 3] = [
    "A red fox runs through a snowy forest at dawn, tracking shot. Cut to a close-up of the fox.",
    "A sailboat on a stormy ocean at night, rain, handheld camera. Then sunrise, calm, aerial view.",
    "A woman walks through a neon city street in the rain, the camera dollies in slowly.",
];

fn main() -> Result<(), Box<dyn Error>> {
    // `cargo bench` passes `--bench`, `cargo test --benches` nothing.
    let named: Vec<String> = std::env::args().skip(1).filter(|it| !it.starts_with("--")).collect();
    let prompts: Vec<&str> = if named.is_empty() {
        PROMPTS.to_vec()
    } else {
        named.iter().map(String::as_str).collect()
    };
    for prompt in prompts {
        for (width, height) in [(1280, 720), (1920, 1080)] {
            measure(prompt, width, height)?;
        }
    }
    Ok(())
}

fn measure(prompt: &str, width: u32, height: u32) -> Result<(), Box<dyn Error>> {
    let brief = Brief {
        prompt: prompt.to_owned(),
        negative_prompt: None,
        seconds: SECONDS,
        width,
        height,
        seed: 1,
        looped: false,
        audio: true,
        first_frame: None,
        characters: Vec::new(),
        continues: None,
    };
    let (drawing, encoding, coded) = draw_then_encode(&brief)?;
    let begun = Instant::now();
    let mut file = Cursor::new(Vec::new());
    let video = render(&brief, &mut file, &mut |_| ControlFlow::Continue(()))?;
    let whole = begun.elapsed();

    writeln!(stdout(), "{width}x{height}, {SECONDS} s: {prompt}")?;
    line("draw", drawing)?;
    line("encode", encoding)?;
    line("whole", whole)?;
    let kilobytes = |bytes: u64| bytes / 1000 / u64::from(SECONDS);
    writeln!(
        stdout(),
        "  {} kB/s of pictures, {} kB/s in the file",
        kilobytes(coded as u64),
        kilobytes(video.bytes)
    )?;
    Ok(())
}

/// Draws and encodes in this thread; how long each took, and how many bytes came out.
fn draw_then_encode(brief: &Brief) -> Result<(Duration, Duration, usize), Box<dyn Error>> {
    let mut painter = Painter::new(brief, &storyboard(brief))?;
    let mut canvas = Pixmap::new(brief.width, brief.height).ok_or("no such canvas")?;
    let mut picture = I420::new(brief.width, brief.height);
    let mut encoder = OpenH264Encoder::new(brief.width, brief.height)?;
    let (mut drawing, mut encoding) = (Duration::ZERO, Duration::ZERO);
    let mut coded = Vec::new();
    for frame in 0..SECONDS * FPS {
        let begun = Instant::now();
        painter.paint(frame, &mut canvas);
        drawing += begun.elapsed();

        let begun = Instant::now();
        if frame % GROUP == 0 {
            encoder.start_group()?;
        }
        picture.convert(&canvas);
        encoder.encode(&picture, &mut coded)?;
        encoding += begun.elapsed();
    }
    Ok((drawing, encoding, coded.len()))
}

fn line(what: &str, took: Duration) -> std::io::Result<()> {
    let seconds = took.as_secs_f64();
    writeln!(
        stdout(),
        "  {what:6} {:7.1} frames per second, {:4.1} times real time",
        f64::from(SECONDS * FPS) / seconds,
        f64::from(SECONDS) / seconds,
    )
}
