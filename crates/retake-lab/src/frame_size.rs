//! Frame sizes in pixels from a resolution and an aspect ratio: `720p`, `16:9`.

/// The minimum and the maximum length of a side, in pixels.
const SIDES: (u32, u32) = (64, 4096);

/// The width and height, both even, of a frame whose shorter side is `resolution` (`"720p"`,
/// `"4k"`) with the aspect ratio `aspect` (`"16:9"`). Values that cannot be parsed count as 720p
/// and 16:9.
pub(crate) fn pixels(resolution: &str, aspect: &str) -> (u32, u32) {
    let short = short_side(resolution);
    let (across, down) = proportion(aspect);
    let scaled = |long: u32, part: u32| even(short.saturating_mul(long).div_ceil(part.max(1)));
    if across >= down {
        (scaled(across, down), even(short))
    } else {
        (even(short), scaled(down, across))
    }
}

fn short_side(resolution: &str) -> u32 {
    let text = resolution.trim().to_ascii_lowercase();
    if text == "4k" {
        return 2160;
    }
    text.trim_end_matches('p').parse().unwrap_or(720)
}

fn proportion(aspect: &str) -> (u32, u32) {
    let part = |text: &str| text.trim().parse().ok().filter(|it| (1..=100).contains(it));
    let parts = aspect.split_once(':').and_then(|(x, y)| Some((part(x)?, part(y)?)));
    parts.unwrap_or((16, 9))
}

fn even(side: u32) -> u32 {
    side.clamp(SIDES.0, SIDES.1) & !1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_in_words_becomes_even_pixels_within_bounds() {
        for (resolution, aspect, expected) in [
            ("720p", "16:9", (1280, 720)),
            ("480p", "16:9", (854, 480)),
            ("1080p", "9:16", (1080, 1920)),
            ("4k", "16:9", (3840, 2160)),
            ("768P", "1:1", (768, 768)),
            ("nonsense", "auto", (1280, 720)),
            ("99999p", "100:1", (4096, 4096)),
            ("0p", "0:0", (64, 64)),
        ] {
            assert_eq!(pixels(resolution, aspect), expected, "{resolution} {aspect}");
        }
    }
}
