//! The size of a video in Luma's words: a shape and a resolution.

use retake_core::size::{Ratio, Size};

/// A size in Luma's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Frame {
    /// `16:9`.
    pub(super) aspect_ratio: &'static str,
    /// `720p`.
    pub(super) resolution: &'static str,
}

/// Says a size with these shapes and resolutions. The error says why it cannot be said.
pub(super) fn say(
    size: Size,
    shapes: &[&'static str],
    resolutions: &[&'static str],
) -> Result<Frame, String> {
    let lines = match size.short_side() {
        2160 => "4k".to_owned(),
        lines => format!("{lines}p"),
    };
    let fits = |name: &&str| name.parse::<Ratio>().is_ok_and(|ratio| size.has_ratio(ratio));
    let aspect_ratio = shapes.iter().find(|name| fits(name));
    let resolution = resolutions.iter().find(|name| **name == lines);
    match (aspect_ratio, resolution) {
        (Some(aspect_ratio), Some(resolution)) => Ok(Frame { aspect_ratio, resolution }),
        _ => Err(format!(
            "the size {size} cannot be said to Luma; take one of the shapes {} at {}",
            shapes.join(", "),
            resolutions.join(", ")
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_is_said_as_shape_and_resolution() {
        let say = |size: &str| say(size.parse().unwrap(), &["16:9", "9:16"], &["720p", "4k"]);

        assert_eq!(say("1280x720"), Ok(Frame { aspect_ratio: "16:9", resolution: "720p" }));
        assert_eq!(say("2160x3840"), Ok(Frame { aspect_ratio: "9:16", resolution: "4k" }));
        assert!(say("1920x1080").unwrap_err().contains("720p, 4k"));
        assert!(say("720x720").is_err());
    }
}
