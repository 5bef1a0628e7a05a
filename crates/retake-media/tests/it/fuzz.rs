//! What hostile files cost, for each parser, in work and in memory.
//!
//! `cargo run -p retake-media --release --example fuzz` does the same for longer, and measures time.

use retake_media::{Budget, StillError, StillLimits};
use retake_media::{Picture, Still};

use crate::mutator::{self, Dice, Parser, feed, mutate};

/// Files for each parser.
const FILES: u64 = 150;
/// Small, so that a short run covers many files.
const LIMITS: StillLimits = StillLimits { pixels: 1 << 20, memory: 80 << 20 };
/// What is allocated without being paid for: whatever does not grow with the file.
const SMALL_CHANGE: u64 = 8 << 20;

fn fuzz(parser: Parser) {
    let seeds = mutator::seeds(parser);
    for number in 0..FILES {
        let mut dice = Dice::new(number);
        let mut file = seeds[usize::try_from(number).unwrap() % seeds.len()].clone();
        mutate(&mut file, &mut dice);
        let len = file.len() as u64;

        let cost = feed(parser, &file, LIMITS);

        let whole = match parser {
            // Opened four times, two of them for joining it with itself, and joining a sample costs
            // four times what listing it does.
            Parser::Mp4 | Parser::WebM => (4 + 2 * 4) * (2_000_000 + 16 * len),
            _ => 1 << 30,
        };
        assert!(cost.work <= whole, "{parser:?} {number}: {cost:?} for {len} bytes");
        let bound = 2 * cost.paid + 2 * len + SMALL_CHANGE;
        assert!(cost.allocated <= bound, "{parser:?} {number}: {cost:?} for {len} bytes");
    }
}

#[test]
fn what_hostile_mp4_files_make_the_reader_allocate_was_paid_for() {
    fuzz(Parser::Mp4);
}

#[test]
fn what_hostile_h264_streams_make_the_decoder_allocate_was_paid_for() {
    fuzz(Parser::H264);
}

#[test]
fn what_hostile_webm_files_make_the_reader_allocate_was_paid_for() {
    fuzz(Parser::WebM);
}

#[test]
fn what_hostile_jpegs_make_the_decoder_allocate_was_paid_for() {
    fuzz(Parser::Jpeg);
}

#[test]
fn what_hostile_pngs_make_the_decoder_allocate_was_paid_for() {
    fuzz(Parser::Png);
}

#[test]
fn what_hostile_webps_make_the_decoder_allocate_was_paid_for() {
    fuzz(Parser::WebP);
}

/// Decodes, and yields the error, which has to come before anything large was allocated.
fn too_costly(file: &[u8]) {
    let budget = StillLimits::default().budget();
    let mut outcome = None;

    let used = allocation_counter::measure(|| {
        outcome = Some(Picture::decode_within(file, StillLimits::default(), &budget));
    });

    let error = outcome.unwrap().unwrap_err();
    assert!(matches!(error, StillError::TooCostly), "{error}");
    assert!(used.bytes_max <= 4 * file.len() as u64 + SMALL_CHANGE, "{} bytes", used.bytes_max);
}

#[test]
fn a_jpeg_of_thousands_of_scans_is_turned_away_before_it_is_decoded() {
    let whole = mutator::progressive(&mutator::flat(2048, 2048));
    let scan = whole.windows(2).rposition(|pair| pair == [0xFF, 0xDA]).unwrap();
    let (before, last) = whole.split_at(scan);
    let scans = last[..last.len() - 2].repeat(6000);

    too_costly(&[before, &scans, &[0xFF, 0xD9]].concat());
}

#[test]
fn a_png_of_millions_of_chunks_is_turned_away_before_it_is_decoded() {
    let seed = mutator::seeds(Parser::Png).swap_remove(0);
    let head = 8 + 25;
    // An unknown chunk without content, and its checksum.
    let chunk = [0, 0, 0, 0, b'a', b'b', b'C', b'd', 0, 0, 0, 0];

    too_costly(&[&seed[..head], &chunk.repeat(2_200_000), &seed[head..]].concat());
}

#[test]
fn a_large_photograph_is_decoded_within_the_budget() {
    // Twelve million pixels in ten scans, as telephones take them.
    let photo = mutator::progressive(&mutator::flat(4000, 3000));
    let budget = StillLimits::default().budget();

    let picture = Picture::decode_within(&photo, StillLimits::default(), &budget).unwrap();

    assert_eq!((picture.width, picture.height), (4000, 3000));
    assert!(budget.work_spent() < 300_000_000, "{} units", budget.work_spent());
    assert!(Still::read_within(&photo, &Budget::default()).is_ok());
}
