//! Decodes single pictures of an H.264 track.
//!
//! `parameters` and `slice` read just enough of a stream to hold it against the standard's limits,
//! `gate` lets only what keeps to them pass, and `pictures` decodes: from the key frame before a moment
//! up to it, and nothing else of the file.
//!
//! The decoder is young and is fed with files from anywhere. Built without its hand-written kernels
//! it is safe Rust throughout; that is slower, and worth it.

mod bits;
mod frame;
mod limits;
mod parameters;
mod pictures;
mod slice;

pub(crate) use frame::Frame;
pub use pictures::{PictureError, Pictures};
