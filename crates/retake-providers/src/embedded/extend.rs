//! Extending a video: what is new begins with the last picture of what is there, and is put behind it.
//!
//! The samples of both are copied as they are, so the first part stays what it was to the last bit. That
//! needs a first part that is coded much like what is put behind it; one that is not is refused.

use std::{
    fs::File,
    io::{self, BufReader, BufWriter},
    path::Path,
    time::Duration,
};

use retake_animatic::{Brief, Continuation};
use retake_core::{
    fault::{Fault, FaultKind, FaultSource, chain},
    request::{Origin, RenderSpec},
};
use retake_media::{PictureError, Pictures, StitchError, can_precede, stitch};

use super::pool::{Part, Render, no_room, put_in_place, write_part};
use crate::{SourceVideo, Unfit};

/// What makes most videos fit to be extended.
const REMEDY: &str = "`ffmpeg -i clip.mp4 -r 24 -c:v libx264 -pix_fmt yuv420p -c:a aac -ar 48000 -ac 2 \
    fit.mp4` makes one that can be extended";

/// How far the length that a file states may be from how long its pictures are shown.
const OFF: Duration = Duration::from_millis(100);

/// Whether a video can be extended: what is new can be put behind it, and its last picture decoded.
pub(super) fn examine(source: &SourceVideo, spec: &RenderSpec) -> Result<(), Unfit> {
    let unfit = |reason: String| Unfit { reason, remedy: REMEDY };
    let sequel = retake_animatic::coding(spec.size.width, spec.size.height);
    let shown = can_precede(source.open(), sequel).map_err(|error| unfit(chain(&error)))?;
    let shown = shown.as_duration();
    let stated = Duration::from_millis(spec.continued().map_or(0, Origin::plays_ms));
    if stated.abs_diff(shown) > OFF {
        let (stated, shown) = (stated.as_secs_f64(), shown.as_secs_f64());
        return Err(unfit(format!(
            "it states {stated:.3} seconds and has pictures for {shown:.3}"
        )));
    }
    let last = Pictures::open(source.open()).and_then(|mut pictures| pictures.last());
    last.map(drop).map_err(|error| unfit(chain(&error)))
}

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
