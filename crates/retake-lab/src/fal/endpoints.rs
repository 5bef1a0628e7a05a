//! The models that the emulator offers, by family: their inputs and their prices per second.
//!
//! fal has a schema for each endpoint. A family stands for all endpoints of a vendor with the same
//! inputs, so that a new version of a model works before it is listed. Prices are those of the
//! provider page of 2026-11-21 where it has one, else the lab's own.

use crate::scenario::rule::is_glob_match;

/// Endpoints that share their inputs and their price.
#[derive(Debug)]
pub(super) struct Family {
    /// Patterns of endpoint ids, in which `*` matches anything.
    patterns: &'static [&'static str],
    /// The lengths in seconds that a caller can request.
    pub(super) seconds: &'static [u32],
    /// The default length in seconds.
    pub(super) default_seconds: u32,
    pub(super) resolutions: &'static [&'static str],
    pub(super) aspects: &'static [&'static str],
    /// The maximum number of characters in a prompt.
    pub(super) max_prompt_chars: usize,
    /// Whether there is sound by default.
    pub(super) has_sound: bool,
    /// The price of a second in millionths of a US dollar.
    pub(super) second_micros: u64,
}

const WIDE: &[&str] = &["16:9", "9:16", "1:1", "4:3", "3:4", "21:9", "9:21"];
const HD: &[&str] = &["720p", "1080p"];

const BASE: Family = Family {
    patterns: &[],
    seconds: &[5, 10],
    default_seconds: 5,
    resolutions: &["480p", "540p", "580p", "720p", "1080p"],
    aspects: WIDE,
    max_prompt_chars: 10_000,
    has_sound: false,
    second_micros: 50_000,
};

/// All families; the first with a matching pattern is used.
const FAMILIES: &[Family] = &[
    Family {
        patterns: &["fal-ai/veo3*", "google/veo*"],
        seconds: &[4, 6, 8],
        default_seconds: 8,
        resolutions: &["720p", "1080p", "4k"],
        aspects: &["16:9", "9:16", "1:1"],
        max_prompt_chars: 20_000,
        has_sound: true,
        second_micros: 400_000,
    },
    Family {
        patterns: &["fal-ai/kling-video/*", "kling/*"],
        seconds: &[3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15],
        resolutions: HD,
        aspects: &["16:9", "9:16", "1:1"],
        max_prompt_chars: 2_500,
        second_micros: 70_000,
        ..BASE
    },
    Family {
        patterns: &["bytedance/seedance-*", "fal-ai/bytedance/seedance/*"],
        seconds: &[2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15],
        resolutions: &["480p", "720p", "1080p"],
        has_sound: true,
        second_micros: 303_400,
        ..BASE
    },
    Family {
        patterns: &["minimax/*", "fal-ai/minimax/*"],
        seconds: &[4, 5, 6, 8, 10, 12, 15],
        default_seconds: 6,
        resolutions: &["512p", "768p", "1080p"],
        second_micros: 60_000,
        ..BASE
    },
    Family { patterns: &["fal-ai/wan*", "wan/*"], seconds: &[2, 3, 4, 5, 8, 10, 15], ..BASE },
    Family {
        patterns: &["fal-ai/pika/*"],
        seconds: &[5, 8, 10],
        resolutions: HD,
        second_micros: 40_000,
        ..BASE
    },
    Family {
        patterns: &["fal-ai/luma-dream-machine*"],
        seconds: &[5, 9, 10],
        resolutions: &["540p", "720p", "1080p", "4k"],
        max_prompt_chars: 5_000,
        second_micros: 100_000,
        ..BASE
    },
    Family {
        patterns: &["fal-ai/pixverse/*", "fal-ai/ltx*", "fal-ai/hunyuan-video*", "fal-ai/vidu/*"],
        seconds: &[4, 5, 6, 8, 10],
        ..BASE
    },
];

/// The endpoints in the list of models.
pub(super) const LISTED: &[&str] = &[
    "fal-ai/veo3.1",
    "fal-ai/veo3.1/fast",
    "fal-ai/veo3.1/image-to-video",
    "fal-ai/veo3.1/first-last-frame-to-video",
    "fal-ai/veo3.1/reference-to-video",
    "fal-ai/kling-video/v3/pro/text-to-video",
    "fal-ai/kling-video/v3/pro/image-to-video",
    "fal-ai/kling-video/v2.5-turbo/pro/text-to-video",
    "fal-ai/kling-video/v2.5-turbo/pro/image-to-video",
    "bytedance/seedance-2.0/text-to-video",
    "bytedance/seedance-2.0/image-to-video",
    "bytedance/seedance-2.5/text-to-video",
    "minimax/h3/text-to-video",
    "minimax/h3/image-to-video",
    "fal-ai/minimax/hailuo-2.3/pro/text-to-video",
    "fal-ai/wan/v2.2-a14b/text-to-video",
    "fal-ai/wan/v2.2-a14b/image-to-video",
    "fal-ai/pika/v2.2/text-to-video",
    "fal-ai/pika/v2.2/image-to-video",
    "fal-ai/luma-dream-machine/ray-2",
    "fal-ai/luma-dream-machine/ray-2/image-to-video",
];

/// Namespaces that may precede the owner of an app.
const NAMESPACES: &[&str] = &["workflows", "comfy"];

/// The family of an endpoint, if the emulator knows it.
pub(super) fn family(endpoint: &str) -> Option<&'static Family> {
    let fits = |family: &&Family| family.patterns.iter().any(|it| is_glob_match(it, endpoint));
    FAMILIES.iter().find(fits)
}

/// The app of an endpoint: its owner and alias, without the rest of the path. The paths of its
/// requests begin with it.
pub(super) fn app(endpoint: &str) -> Option<String> {
    let parts: Vec<&str> = endpoint.split('/').collect();
    let is_spaced = parts.first().is_some_and(|it| NAMESPACES.contains(it));
    let parts = parts.get(..if is_spaced { 3 } else { 2 })?;
    parts.iter().all(|it| !it.is_empty()).then(|| parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_app_is_its_owner_and_alias_only() {
        for (endpoint, expected) in [
            ("fal-ai/kling-video/v3/pro/image-to-video", Some("fal-ai/kling-video")),
            ("fal-ai/veo3.1", Some("fal-ai/veo3.1")),
            ("workflows/me/mine/step", Some("workflows/me/mine")),
            ("fal-ai", None),
            ("fal-ai/", None),
        ] {
            assert_eq!(app(endpoint).as_deref(), expected, "{endpoint}");
        }
    }

    #[test]
    fn every_listed_endpoint_has_a_family_whose_usual_length_can_be_asked_for() {
        for endpoint in LISTED {
            let family = family(endpoint).unwrap();
            assert!(family.seconds.contains(&family.default_seconds), "{endpoint}");
        }
        assert!(family("fal-ai/flux/dev").is_none());
    }
}
