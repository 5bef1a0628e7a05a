//! Extending a video: what is new begins with the last picture of what is there, and is put behind it.
//!
//! The samples of both are copied as they are, so the first part stays what it was to the last bit.

use std::{
    fs::File,
    io::{self, BufReader, BufWriter},
    path::Path,
};

use retake_animatic::{Brief, Continuation};
use retake_core::fault::{Fault, FaultKind, FaultSource, chain};
use retake_media::{PictureError, Pictures, StitchError, stitch};

use super::pool::{Part, Render, no_room, put_in_place, write_part};
use crate::SourceVideo;

/// Renders what is new, and writes the whole into `finished`. `frames` is how many there are so far.
pub(super) fn extend_to_file(
    mut brief: Brief,
    source: &SourceVideo,
    frames: u32,
    finished: &Path,
    render: &Render,
) -> Result<(), Fault> {
    let last = Pictures::open(source.open()).and_then(|mut pictures| pictures.last());
    let last = last.map_err(|error| unreadable(&error))?;
    let last_picture = last.to_webp().map_err(|error| broken(&error))?;
    brief.continues = Some(Continuation { last_picture, frames });

    let new = Part(finished.with_extension("new.part"));
    write_part(&brief, &new.0, render)?;
    let whole = Part(finished.with_extension("part"));
    join(source, &new.0, &whole.0)?;
    put_in_place(&whole, finished, render)
}

fn join(source: &SourceVideo, new: &Path, whole: &Path) -> Result<(), Fault> {
    let new = BufReader::new(File::open(new).map_err(|error| no_room(&error))?);
    let out = BufWriter::new(File::create(whole).map_err(|error| no_room(&error))?);
    match stitch(source.open(), new, out) {
        Ok(_) => Ok(()),
        Err(StitchError::Write(error)) => Err(no_room(&error)),
        Err(error) => Err(broken(&error)),
    }
}

/// The video to be extended cannot be read: its file is gone, or it is coded in another way.
fn unreadable(error: &PictureError) -> Fault {
    let message = format!("the video to be extended cannot be read: {}", chain(error));
    Fault::new(FaultKind::BadRequest, FaultSource::Caller, message)
}

fn broken(error: &(dyn std::error::Error + 'static)) -> Fault {
    if let Some(source) = error.source().and_then(|source| source.downcast_ref::<io::Error>()) {
        return no_room(source);
    }
    let message = format!("the video cannot be extended: {}", chain(error));
    Fault::new(FaultKind::BadRequest, FaultSource::Caller, message)
}
