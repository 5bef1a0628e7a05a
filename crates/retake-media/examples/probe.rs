//! Prints what a video file is: `cargo run -p retake-media --example probe -- FILE...`

use std::fs::File;
use std::io::{BufReader, Write as _, stdout};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    for path in std::env::args().skip(1) {
        match retake_media::probe(BufReader::new(File::open(&path)?)) {
            Ok(video) => writeln!(stdout(), "{path}: {video:#?}")?,
            Err(error) => writeln!(stdout(), "{path}: {error}")?,
        }
    }
    Ok(())
}
