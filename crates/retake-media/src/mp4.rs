//! The MP4 container (ISO/IEC 14496-12), as far as one picture track and one sound track need it.
//!
//! `avc` knows H.264's byte stream, `movie` describes a file to be written and lays out its index,
//! `write` streams samples into it. `boxes` walks the boxes of a file that was handed to us, `index`
//! finds what the file says about itself, `tables` and `fragments` add its sample tables up, and
//! `probe` draws the conclusions (`video`).
//! `reader` lists the samples themselves (`track`, from `samples` and `runs`), and
//! `timeline` when they are shown. Reading and writing
//! share no code, so that a mistake in one is not repeated in the other's favour; only `stitch`,
//! which makes one file of two, does both.

mod avc;
mod boxes;
mod fragments;
mod index;
mod movie;
mod probe;
mod reader;
mod runs;
mod samples;
mod stitch;
mod tables;
mod timeline;
mod track;
mod video;
mod write;

pub use avc::{AvcConfig, AvcError, append_length_prefixed, is_key_frame, nal_units};
pub use movie::{AacTrack, AvcTrack, Movie};
pub(crate) use probe::LONGEST;
pub use probe::{ProbeError, probe, probe_within};
pub use reader::Mp4Reader;
pub use stitch::{
    Part, Sequel, StitchError, Stitched, can_precede, can_precede_within, stitch, stitch_within,
};
pub use track::{Sample, Track};
pub use video::{Codec, Container, MediaTime, PictureTrack, SoundTrack, VideoFile};
pub use write::{Mp4Writer, WriteError};
