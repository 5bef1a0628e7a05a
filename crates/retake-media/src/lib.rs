//! Video files and stills: read, check, write.
//!
//! Five questions are answered here, all of them about bytes that somebody else may have made:
//!
//! - *Is this a video that plays, and which?* [`probe`] reads the structure of an MP4, MOV or
//!   WebM file.
//! - *What does it look like?* [`Pictures`] decodes single ones; [`preview()`] makes a thumbnail and
//!   a spritesheet of some, and notices when all are black or the same, or the sound is silent.
//! - *Is this a picture?* [`Still::read`] reads its header, [`Picture::decode`] its pixels.
//! - *How is a video written?* [`Mp4Writer`] streams H.264 and AAC into a file that starts playing
//!   before it has been downloaded.
//! - *How do two videos become one?* [`stitch`] copies their samples behind each other.
//!
//! Nothing here knows the network, a clock or an async runtime. Input is taken to be hostile: work
//! and memory are paid for from the [`Budget`] of a file before they are spent, whoever lost interest
//! cancels the rest, and no input panics.

mod budget;
mod h264;
mod mp4;
mod preview;
mod still;
mod webm;

pub use budget::{Budget, BudgetError, CancelGuard, Watched};
pub use h264::{PictureError, Pictures};
pub use mp4::{
    AacTrack, AvcConfig, AvcError, AvcTrack, Codec, Container, MediaTime, Movie, Mp4Reader,
    Mp4Writer, Part, PictureTrack, ProbeError, Sample, Sequel, SoundTrack, StitchError, Stitched,
    Track, VideoFile, WriteError, append_length_prefixed, can_precede, can_precede_within,
    is_key_frame, nal_units, probe, probe_within, stitch, stitch_within,
};
pub use preview::{
    Looks, Preview, Spritesheet, Thumbnail, is_silent, looks, preview, preview_within, spritesheet,
    thumbnail, thumbnail_within,
};
pub use still::{Picture, Still, StillError, StillFormat, StillLimits};
