//! Frame sizes in pixels from a ratio and a resolution.

/// Width and height in pixels, both even. A ratio in pixels is taken as it is; one in small numbers
/// is scaled to the resolution's shorter side.
pub(super) fn pixels(ratio: Option<&str>, resolution: Option<&str>) -> (u32, u32) {
    let ratio = ratio.unwrap_or_default();
    let (wide, high) = parts(ratio).unwrap_or((16, 9));
    if wide >= 100 {
        return (wide & !1, high & !1);
    }
    let short = short_side(ratio.strip_prefix("auto_").or(resolution).unwrap_or("720p"));
    let (less, more) = (wide.min(high).max(1), wide.max(high));
    let long = short.saturating_mul(more) / less;
    if wide >= high { (long & !1, short) } else { (short, long & !1) }
}

fn parts(ratio: &str) -> Option<(u32, u32)> {
    let (wide, high) = ratio.split_once(':')?;
    Some((wide.parse().ok()?, high.parse().ok()?))
}

fn short_side(resolution: &str) -> u32 {
    match resolution.to_ascii_lowercase().as_str() {
        "360p" => 360,
        "480p" => 480,
        "768p" => 768,
        "1080p" | "1k" => 1080,
        "2k" => 1440,
        "4k" => 2160,
        _ => 720,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pixels_are_taken_as_they_are_and_proportions_are_filled() {
        for (ratio, resolution, expected) in [
            (Some("1280:720"), None, (1280, 720)),
            (Some("9:16"), Some("1080p"), (1080, 1920)),
            (Some("auto_1080p"), None, (1920, 1080)),
            (Some("21:9"), Some("768P"), (1792, 768)),
            (Some("adaptive"), None, (1280, 720)),
            (None, None, (1280, 720)),
        ] {
            assert_eq!(pixels(ratio, resolution), expected, "{ratio:?}");
        }
    }
}
