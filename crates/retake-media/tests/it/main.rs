//! Files written by this crate, judged by an independent reader and by our own.

#![expect(clippy::unwrap_used, reason = "helpers of tests have nobody to hand an error to")]

mod bombs;
mod boxes;
mod elements;
mod files;
mod films;
mod foreign;
mod fuzz;
mod hostile;
mod mutator;
mod pictures;
mod previews;
mod stitched;
mod webm;
mod written;
