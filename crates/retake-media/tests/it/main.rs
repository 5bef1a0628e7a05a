//! Files written by this crate, judged by an independent reader and by our own.

mod files;
mod hostile;
mod written;
