//! Looks at a video file, or joins two:
//!
//! ```text
//! cargo run -p retake-media --example pictures -- FILE [FOLDER]
//! cargo run -p retake-media --example pictures -- stitch FIRST SECOND OUT
//! ```
//!
//! Says how the file looks and how long that took, and leaves `thumbnail.webp`, `spritesheet.jpg` and
//! `last.webp` in the folder.

use std::error::Error;
use std::fs::{self, File};
use std::io::{BufReader, BufWriter, Write as _, stdout};
use std::path::Path;
use std::time::{Duration, Instant};

use retake_media::{Pictures, looks, preview, spritesheet, stitch, thumbnail};

type Outcome<T> = Result<T, Box<dyn Error>>;

fn main() -> Outcome<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    match words.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["stitch", first, second, out] => {
            let out = BufWriter::new(File::create(out)?);
            let joined = stitch(File::open(first)?, File::open(second)?, out)?;
            writeln!(stdout(), "{joined:?}")?;
            Ok(())
        }
        [file] => look(file, None),
        [file, folder] => look(file, Some(Path::new(folder))),
        _ => Err("usage: pictures FILE [FOLDER] | pictures stitch FIRST SECOND OUT".into()),
    }
}

fn look(file: &str, folder: Option<&Path>) -> Outcome<()> {
    let open = || Ok::<_, std::io::Error>(BufReader::new(File::open(file)?));
    let (verdict, took) = timed(|| Ok(looks(open()?)?))?;
    writeln!(stdout(), "{verdict:?} in {took:.1?}")?;
    let (small, took) = timed(|| Ok(thumbnail(open()?)?))?;
    let (width, height, bytes) = (small.width, small.height, small.webp.len());
    writeln!(
        stdout(),
        "thumbnail {width}x{height} of {:?}: {bytes} bytes in {took:.1?}",
        small.at
    )?;
    let (sheet, took) = timed(|| Ok(spritesheet(open()?)?))?;
    let (tile, bytes) = ((sheet.tile_width, sheet.tile_height), sheet.jpeg.len());
    writeln!(
        stdout(),
        "spritesheet {}x{} of {tile:?}: {bytes} bytes in {took:.1?}",
        sheet.columns,
        sheet.rows
    )?;
    let (_, took) = timed(|| Ok(preview(open()?)?))?;
    writeln!(stdout(), "all of it in {took:.1?}")?;
    if let Some(folder) = folder {
        fs::create_dir_all(folder)?;
        fs::write(folder.join("thumbnail.webp"), &small.webp)?;
        fs::write(folder.join("spritesheet.jpg"), &sheet.jpeg)?;
        let last = Pictures::open(open()?)?.last()?;
        fs::write(folder.join("last.webp"), last.to_webp()?)?;
    }
    Ok(())
}

fn timed<T>(work: impl FnOnce() -> Outcome<T>) -> Outcome<(T, Duration)> {
    let begun = Instant::now();
    let outcome = work()?;
    Ok((outcome, begun.elapsed()))
}
