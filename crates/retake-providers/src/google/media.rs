//! What all three wires say of pictures, sizes and seeds, and how files lie in answers.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use retake_core::{
    fault::{Fault, FaultKind, FaultSource},
    request::{Picture, RenderSpec},
    size::Size,
};
use serde_json::Value as Json;

use crate::FetchError;

/// The longest answer that may carry a file, in bytes: base64 of a file of 72 MiB. Google publishes no limit; eight
/// seconds in 4k stay below it. What is longer belongs into `storage_uri`.
pub(super) const LARGEST_INLINE: usize = 96 << 20;

/// Where a finished file is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum File {
    /// At a link, `gs://` or `https://`.
    Link(String),
    /// In the answer, as base64.
    Inline(String),
}

/// The shape of a size, as all wires write it.
pub(super) fn aspect_ratio(size: Size) -> &'static str {
    if size.width > size.height { "16:9" } else { "9:16" }
}

/// The resolution of a size; nothing for pixels that no resolution of Google's has.
pub(super) fn resolution(size: Size) -> Option<&'static str> {
    let long_side = size.width.max(size.height);
    match (long_side, size.short_side()) {
        (640, 360) => Some("360p"),
        (1280, 720) => Some("720p"),
        (1920, 1080) => Some("1080p"),
        (3840, 2160) => Some("4k"),
        _ => None,
    }
}

/// The lower `bits` of a seed. Google reads shorter seeds than the gateway makes up; one that fits goes
/// through as it is.
pub(super) fn seed(spec: &RenderSpec, bits: u32) -> u64 {
    spec.seed & ((1 << bits) - 1)
}

/// A file as base64.
pub(super) fn encoded(bytes: &Bytes) -> String {
    STANDARD.encode(bytes)
}

/// The picture to start from with its bytes; nothing without one.
///
/// A picture without bytes is a fault: without it another video would come out.
pub(super) fn first_frame<'a>(
    spec: &'a RenderSpec,
    bytes: Option<&'a Bytes>,
) -> Result<Option<(&'a Picture, &'a Bytes)>, Fault> {
    match (&spec.first_frame, bytes) {
        (None, _) => Ok(None),
        (Some(picture), Some(bytes)) => Ok(Some((picture, bytes))),
        (Some(_), None) => Err(refused("the picture to start from could not be read")),
    }
}

/// The pictures of those who are to appear.
pub(super) fn characters<'a>(
    spec: &'a RenderSpec,
    bytes: &'a [Bytes],
) -> Result<Vec<(&'a Picture, &'a Bytes)>, Fault> {
    if spec.characters.len() != bytes.len() {
        return Err(refused("a picture of a character could not be read"));
    }
    Ok(spec.characters.iter().map(|one| &one.picture).zip(bytes).collect())
}

/// What no wire of Google's can say, whatever the model.
pub(super) fn check(spec: &RenderSpec) -> Result<(), Fault> {
    if spec.origin.is_some() {
        return Err(refused(
            "Google's models make nothing from another video here; leave `video` out",
        ));
    }
    if spec.looped {
        return Err(refused("Google's models cannot loop; leave `loop` out"));
    }
    if resolution(spec.size).is_none() {
        let message = format!(
            "Google renders no {}; ask for 1280x720, 1920x1080 or 3840x2160, or the same upright",
            spec.size
        );
        return Err(refused(&message));
    }
    if spec.first_frame.is_some() && !spec.characters.is_empty() {
        let message =
            "a picture to start from and characters exclude each other at Google; leave one out";
        return Err(refused(message));
    }
    Ok(())
}

/// A request that cannot be said on the wire: what, and the way out.
pub(super) fn refused(message: &str) -> Fault {
    Fault::new(FaultKind::BadRequest, FaultSource::Caller, message)
}

/// The bytes of a file that came as base64.
pub(super) fn decoded(text: &str) -> Result<Bytes, FetchError> {
    STANDARD.decode(text).map(Bytes::from).map_err(|error| {
        let message = format!("the file in the answer is no base64: {error}");
        FetchError::Later(Fault::new(FaultKind::Malformed, FaultSource::Provider, message))
    })
}

/// A file that was promised and is not there yet.
pub(super) fn not_yet() -> Fault {
    let message = "the video is said to be on its way again; asking later";
    Fault::new(FaultKind::Overloaded, FaultSource::Provider, message)
}

/// Takes a text that is not empty out of an object, without copying it.
pub(super) fn take(json: &mut Json, field: &str) -> Option<String> {
    match json.get_mut(field)?.take() {
        Json::String(text) if !text.is_empty() => Some(text),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::a_submission;

    #[test]
    fn each_size_has_its_resolution_and_others_have_none() {
        assert_eq!(resolution(Size::new(3840, 2160)), Some("4k"));
        assert_eq!(resolution(Size::new(360, 640)), Some("360p"));
        assert_eq!(resolution(Size::new(1792, 1024)), None);
        assert_eq!(aspect_ratio(Size::new(720, 1280)), "9:16");
    }

    #[test]
    fn a_seed_that_fits_goes_through_as_it_is() {
        let with = |seed_asked| RenderSpec { seed: seed_asked, ..a_submission("m").spec };

        assert_eq!(seed(&with(4_294_967_295), 32), 4_294_967_295);
        assert_eq!(seed(&with(1 << 52 | 7), 32), 7);
    }
}
