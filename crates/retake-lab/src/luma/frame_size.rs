//! Frame sizes in pixels from an aspect ratio and a resolution.

/// Width and height in pixels, both even: the resolution is the shorter side.
pub(super) fn pixels(aspect: &str, resolution: &str) -> (u32, u32) {
    let part = |it: Option<&str>| it.and_then(|it| it.parse::<u32>().ok()).filter(|it| *it > 0);
    let mut parts = aspect.split(':');
    let (wide, high) = (part(parts.next()).unwrap_or(16), part(parts.next()).unwrap_or(9));
    let short: u32 = match resolution {
        "360p" => 360,
        "540p" => 540,
        "1080p" => 1080,
        "4k" => 2160,
        _ => 720,
    };
    let long = short.saturating_mul(wide.max(high)) / wide.min(high);
    if wide >= high { (long & !1, short) } else { (short, long & !1) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_resolution_is_the_shorter_side() {
        assert_eq!(pixels("16:9", "540p"), (960, 540));
        assert_eq!(pixels("9:16", "1080p"), (1080, 1920));
        assert_eq!(pixels("1:1", "720p"), (720, 720));
        assert_eq!(pixels("21:9", "720p"), (1680, 720));
    }
}
