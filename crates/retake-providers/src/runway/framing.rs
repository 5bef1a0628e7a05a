//! How each model wants to be told the size of the video.
//!
//! Most models are given pixels, as `1280:720`. Some are given a shape and a resolution, and some, when they
//! start from a picture, take its shape and are only told the resolution. Preflight has seen to it that the
//! picture is as large as the video, so following it is exact.
//!
//! `runwayml` 5.24.0, types of `text_to_video` and `image_to_video`, 2026-11-21.

use retake_core::size::{Ratio, Size};
use serde_json::{Map, Value as Json};

/// How a size is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Framing {
    /// `ratio: "1280:720"`.
    Pixels,
    /// `ratio: "16:9"` and `resolution: "768p"`.
    Shape,
    /// `resolution: "720p"`; the shape is the picture's.
    Resolution,
    /// `ratio: "auto_720p"`; the shape is the picture's.
    Auto,
    /// There is no word for it.
    Unsaid,
}

const SHAPES: [&str; 8] = ["16:9", "9:16", "1:1", "4:3", "3:4", "3:2", "2:3", "21:9"];

/// What Gen-4.5 renders from a text alone; the other sizes need a picture.
const GEN45_FROM_TEXT: [Size; 2] = [Size::new(1280, 720), Size::new(720, 1280)];

fn framing(model: &str, from_picture: bool) -> Framing {
    match (model, from_picture) {
        ("hailuo3", _) | ("grok_imagine_1_5", false) => Framing::Shape,
        ("happyhorse_1_0" | "grok_imagine_1_5" | "h3_max", true) => Framing::Resolution,
        ("kling_4" | "wan3" | "wan3_prime" | "grok_imagine_1_5_lite", true) => Framing::Auto,
        // Without a picture H3 Max is told no shape, and from a picture Kling 2.5 is told no resolution.
        ("h3_max", false) | ("kling2.5_turbo_pro", true) => Framing::Unsaid,
        _ => Framing::Pixels,
    }
}

/// Says `size` in a request for `model`. The error says why it cannot be said, and what can be done.
pub(super) fn say(
    size: Size,
    model: &str,
    from_picture: bool,
    body: &mut Map<String, Json>,
) -> Result<(), String> {
    if model == "gen4.5" && !from_picture && !GEN45_FROM_TEXT.contains(&size) {
        return Err(format!(
            "`gen4.5` renders {size} only from a picture; send one, or ask for 1280x720 or 720x1280"
        ));
    }
    let unsayable = || format!("`{model}` cannot be told the size {size}; ask for another size");
    match framing(model, from_picture) {
        Framing::Pixels => {
            body.insert("ratio".into(), format!("{}:{}", size.width, size.height).into());
        }
        Framing::Shape => {
            body.insert("ratio".into(), shape(size).ok_or_else(unsayable)?.into());
            body.insert("resolution".into(), resolution(size, model).ok_or_else(unsayable)?.into());
        }
        Framing::Resolution => {
            body.insert("resolution".into(), resolution(size, model).ok_or_else(unsayable)?.into());
        }
        Framing::Auto => {
            body.insert("ratio".into(), format!("auto_{}", tier(size)).into());
        }
        Framing::Unsaid => return Err(unsayable()),
    }
    Ok(())
}

fn shape(size: Size) -> Option<&'static str> {
    let fits = |name: &&str| name.parse::<Ratio>().is_ok_and(|ratio| size.has_ratio(ratio));
    SHAPES.iter().find(|name| fits(name)).copied()
}

/// The word for the resolution. The models of `MiniMax` name the shorter side, the others an area.
fn resolution(size: Size, model: &str) -> Option<&'static str> {
    match (model, size.short_side()) {
        ("hailuo3" | "h3_max", 768) => Some("768p"),
        ("hailuo3", 1440) => Some("2k"),
        ("h3_max", 480) => Some("480p"),
        ("hailuo3" | "h3_max", _) => None,
        _ => Some(tier(size)),
    }
}

/// The resolution whose area this size has: 960x960 and 1280x720 are both 720p.
fn tier(size: Size) -> &'static str {
    match u64::from(size.width) * u64::from(size.height) {
        ..650_000 => "480p",
        650_000..1_500_000 => "720p",
        _ => "1080p",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(model: &str, from_picture: bool, size: &str) -> Result<String, String> {
        let mut body = Map::new();
        say(size.parse().unwrap(), model, from_picture, &mut body)?;
        Ok(Json::Object(body).to_string())
    }

    #[test]
    fn most_models_are_given_pixels() {
        for (model, from_picture) in
            [("gen4.5", true), ("veo3.1", false), ("seedance2_5", true), ("wan3", false)]
        {
            let words = said(model, from_picture, "1280x720").unwrap();

            assert_eq!(words, r#"{"ratio":"1280:720"}"#, "{model}");
        }
    }

    #[test]
    fn models_with_words_of_their_own_are_given_those() {
        let hailuo = said("hailuo3", false, "1366x768").unwrap();
        let happy = said("happyhorse_1_0", true, "960x960").unwrap();
        let kling = said("kling_4", true, "2200x940").unwrap();

        assert_eq!(hailuo, r#"{"ratio":"16:9","resolution":"768p"}"#);
        assert_eq!(happy, r#"{"resolution":"720p"}"#);
        assert_eq!(kling, r#"{"ratio":"auto_1080p"}"#);
    }

    #[test]
    fn a_size_without_a_word_is_refused_with_a_way_out() {
        assert!(said("gen4.5", false, "960x960").unwrap_err().contains("1280x720"));
        assert!(said("hailuo3", false, "1280x720").unwrap_err().contains("another size"));
        assert!(said("kling2.5_turbo_pro", true, "1280x720").is_err());
    }
}
