//! Feeds every parser with hostile files, and says what the worst of them cost:
//!
//! ```text
//! cargo run -p retake-media --release --example fuzz -- --seconds 60 [--seed 1]
//! ```
//!
//! The seconds are for each parser. The worst files are left in `target/fuzz`.

#![expect(clippy::unwrap_used, reason = "shared with the tests, where nobody takes an error")]

use std::fs;
use std::io::{Write as _, stdout};
use std::time::{Duration, Instant};

use retake_media::StillLimits;

#[path = "../tests/it/boxes.rs"]
mod boxes;
#[path = "../tests/it/elements.rs"]
mod elements;
#[path = "../tests/it/mutator.rs"]
mod mutator;

use mutator::{Cost, Dice, Parser, feed, mutate};

const PARSERS: [Parser; 6] =
    [Parser::Mp4, Parser::H264, Parser::WebM, Parser::Jpeg, Parser::Png, Parser::WebP];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let number = |name: &str, usual: u64| {
        let at = words.iter().position(|word| word == name);
        let given = at.and_then(|at| words.get(at + 1)).map(|word| word.parse());
        given.unwrap_or(Ok(usual))
    };
    let (seconds, seed) = (number("--seconds", 60)?, number("--seed", 1)?);
    fs::create_dir_all("target/fuzz")?;
    for parser in PARSERS {
        let worst = run(parser, Duration::from_secs(seconds), seed);
        let Worst { files, time, allocated, paid, work, slowest } = worst;
        writeln!(
            stdout(),
            "{parser:?}: {files} files; at worst {time:.1?}, {} MiB ({} MiB paid), {work} units",
            allocated >> 20,
            paid >> 20
        )?;
        fs::write(format!("target/fuzz/slowest-{parser:?}"), slowest)?;
    }
    Ok(())
}

#[derive(Default)]
struct Worst {
    files: u64,
    time: Duration,
    allocated: u64,
    paid: u64,
    work: u64,
    slowest: Vec<u8>,
}

fn run(parser: Parser, duration: Duration, seed: u64) -> Worst {
    let seeds = mutator::seeds(parser);
    let (begun, mut worst) = (Instant::now(), Worst::default());
    while begun.elapsed() < duration {
        let mut dice = Dice::new(seed.wrapping_add(worst.files));
        let which = usize::try_from(worst.files).unwrap_or(0) % seeds.len();
        let mut file = seeds[which].clone();
        // What was slow becomes slower.
        if worst.files.is_multiple_of(3)
            && !worst.slowest.is_empty()
            && worst.slowest.len() < 1 << 20
        {
            file.clone_from(&worst.slowest);
        }
        mutate(&mut file, &mut dice);
        let started = Instant::now();
        let Cost { work, paid, allocated } = feed(parser, &file, StillLimits::default());
        let took = started.elapsed();
        worst.files += 1;
        worst.allocated = worst.allocated.max(allocated);
        worst.paid = worst.paid.max(paid);
        worst.work = worst.work.max(work);
        if took > worst.time {
            (worst.time, worst.slowest) = (took, file);
        }
    }
    worst
}
