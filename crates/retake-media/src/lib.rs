//! Video files and stills: read, check, write.
//!
//! Three questions are answered here, all of them about bytes that somebody else may have made:
//!
//! - *Is this a video that plays, and which?* [`probe`] reads the structure of an MP4 or MOV file
//!   and [`Expectation::check`] compares it with what was asked for.
//! - *Is this a picture?* [`Still::read`] reads its header, [`Picture::decode`] its pixels.
//! - *How is a video written?* [`Mp4Writer`] streams H.264 and AAC into a file that starts playing
//!   before it has been downloaded.
//!
//! Nothing here knows the network, a clock or an async runtime. Input is taken to be hostile: no
//! length it names is allocated before the bytes behind it were seen, and no input panics.

mod mp4;
mod still;
mod verify;

pub use mp4::{
    AacTrack, AvcConfig, AvcError, AvcTrack, Codec, MediaTime, Movie, Mp4Writer, PictureTrack,
    ProbeError, SoundTrack, VideoFile, WriteError, append_length_prefixed, is_key_frame, nal_units,
    probe,
};
pub use still::{Picture, Still, StillError, StillFormat, StillLimits};
pub use verify::{Expectation, Mismatch};
