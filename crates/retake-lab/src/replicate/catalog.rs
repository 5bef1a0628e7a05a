//! The models that the emulator offers: their owners, inputs and prices.
//!
//! Replicate publishes the inputs of a model as a JSON schema, which is generated from the same
//! table as the validation. A family stands for all models of a vendor with the same inputs. Names
//! are those of the provider page of 2026-11-21; values that it does not list are the lab's own.

use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

use crate::{hex, scenario::rule::is_glob_match};

/// Models that share their inputs and their price.
#[derive(Debug)]
pub(super) struct Family {
    /// Patterns of `owner/name`, in which `*` matches anything.
    patterns: &'static [&'static str],
    /// The fields for a first image and a last one.
    pub(super) image_fields: &'static [&'static str],
    /// Whether the first image is required.
    pub(super) is_image_required: bool,
    /// The lengths in seconds; the first is the default.
    pub(super) seconds: &'static [u32],
    /// The resolutions; the first is the default. Empty if the model has only one.
    pub(super) resolutions: &'static [&'static str],
    pub(super) aspects: &'static [&'static str],
    pub(super) has_sound: bool,
    /// Whether the output is a list of files.
    pub(super) has_output_list: bool,
    /// The price of a second in millionths of a US dollar.
    pub(super) second_micros: u64,
}

const BASE: Family = Family {
    patterns: &[],
    image_fields: &["image", "last_frame"],
    is_image_required: false,
    seconds: &[5, 10],
    resolutions: &["720p", "480p", "1080p"],
    aspects: &["16:9", "9:16", "1:1", "4:3", "3:4", "21:9", "9:21"],
    has_sound: false,
    has_output_list: false,
    second_micros: 60_000,
};

const FAMILIES: &[Family] = &[
    Family {
        patterns: &["google/veo-*"],
        seconds: &[8, 6, 4],
        resolutions: &["720p", "1080p"],
        aspects: &["16:9", "9:16"],
        has_sound: true,
        second_micros: 400_000,
        ..BASE
    },
    Family {
        patterns: &["kwaivgi/kling-*"],
        image_fields: &["start_image", "end_image"],
        seconds: &[5, 10, 3, 4, 6, 7, 8, 9, 11, 12, 13, 14, 15],
        resolutions: &[],
        aspects: &["16:9", "9:16", "1:1"],
        second_micros: 70_000,
        ..BASE
    },
    Family {
        patterns: &["bytedance/seedance-*"],
        image_fields: &["image", "last_frame_image"],
        seconds: &[5, 2, 3, 4, 6, 7, 8, 9, 10, 11, 12],
        ..BASE
    },
    Family {
        patterns: &["minimax/*"],
        image_fields: &["first_frame_image", "last_frame_image"],
        seconds: &[6, 10],
        resolutions: &["768p", "512p", "1080p"],
        ..BASE
    },
    Family {
        patterns: &["luma/ray-*"],
        image_fields: &["start_image", "end_image"],
        seconds: &[5, 9],
        resolutions: &[],
        second_micros: 100_000,
        ..BASE
    },
    Family {
        patterns: &["wan-video/*-i2v*"],
        image_fields: &["image", "last_image"],
        is_image_required: true,
        ..BASE
    },
    Family { patterns: &["wan-video/*"], image_fields: &[], ..BASE },
    Family {
        patterns: &["runwayml/gen4-turbo"],
        image_fields: &["image"],
        is_image_required: true,
        resolutions: &[],
        ..BASE
    },
    Family { patterns: &["pixverse/*"], seconds: &[5, 8], ..BASE },
    Family { patterns: &["leonardoai/*"], seconds: &[5], resolutions: &[], ..BASE },
    Family {
        patterns: &["tencent/hunyuan-video"],
        image_fields: &[],
        has_output_list: true,
        ..BASE
    },
];

/// The models in the list, whose versions can be run by their id alone.
pub(super) const LISTED: &[&str] = &[
    "google/veo-3.1",
    "google/veo-3.1-fast",
    "google/veo-3",
    "google/veo-3-fast",
    "kwaivgi/kling-v2.1",
    "kwaivgi/kling-v2.5-turbo-pro",
    "kwaivgi/kling-v2.6",
    "bytedance/seedance-1-lite",
    "bytedance/seedance-1-pro",
    "bytedance/seedance-1-pro-fast",
    "minimax/hailuo-02",
    "minimax/hailuo-2.3",
    "minimax/video-01",
    "luma/ray-2-540p",
    "luma/ray-2-720p",
    "luma/ray-flash-2-720p",
    "wan-video/wan-2.5-t2v",
    "wan-video/wan-2.5-i2v",
    "wan-video/wan-2.2-t2v-fast",
    "wan-video/wan-2.2-i2v-fast",
    "runwayml/gen4-turbo",
    "pixverse/pixverse-v5",
    "leonardoai/motion-2.0",
    "tencent/hunyuan-video",
];

/// The family of `owner/name`, if the emulator knows it.
pub(super) fn family(model: &str) -> Option<&'static Family> {
    FAMILIES.iter().find(|it| it.patterns.iter().any(|pattern| is_glob_match(pattern, model)))
}

/// The id of a model's only version: 64 hexadecimal digits.
pub(super) fn version_id(model: &str) -> String {
    hex::encode(&Sha256::digest(model))
}

/// The model of a `version`: an id, `owner/name:id` or `owner/name`.
pub(super) fn find_model(version: &str) -> Option<String> {
    if let Some((model, id)) = version.split_once(':') {
        return (family(model).is_some() && id == version_id(model)).then(|| model.to_owned());
    }
    if version.contains('/') {
        return family(version).map(|_| version.to_owned());
    }
    LISTED.iter().find(|model| version_id(model) == version).map(|it| (*it).to_owned())
}

impl Family {
    /// The default resolution; some models have it in their name.
    pub(super) fn default_resolution(&self, model: &str) -> String {
        let named = model.rsplit('-').next().filter(|it| it.ends_with('p') && it.len() <= 5);
        let named = named.filter(|it| it.trim_end_matches('p').parse::<u32>().is_ok());
        named.or(self.resolutions.first().copied()).unwrap_or("720p").to_owned()
    }

    /// The model's interface as an OpenAPI document, as Cog generates it.
    pub(super) fn schema(&self) -> Value {
        let mut properties = Map::new();
        let mut kinds = Map::new();
        let mut put = |name: &str, mut about: Value| {
            about["x-order"] = json!(properties.len());
            about["title"] = json!(name);
            properties.insert(name.to_owned(), about);
        };
        put("prompt", json!({ "type": "string", "description": "What to show" }));
        for image in self.image_fields {
            let about = "A picture to start or to end with";
            put(image, json!({ "type": "string", "format": "uri", "description": about }));
        }
        let words = |words: &[&str]| json!(words);
        for (name, kind, values) in [
            ("duration", "integer", json!(self.seconds)),
            ("resolution", "string", words(self.resolutions)),
            ("aspect_ratio", "string", words(self.aspects)),
        ] {
            let default = values.get(0).cloned().unwrap_or_default();
            if default.is_null() {
                continue;
            }
            let place = format!("#/components/schemas/{name}");
            put(name, json!({ "allOf": [{ "$ref": place }], "default": default }));
            let kind = json!({
                "type": kind, "enum": values, "title": name, "description": "An enumeration.",
            });
            kinds.insert(name.to_owned(), kind);
        }
        put("negative_prompt", json!({ "type": "string", "description": "What not to show" }));
        put("seed", json!({ "type": "integer", "description": "Leave out for another each time" }));
        if self.has_sound {
            put("generate_audio", json!({ "type": "boolean", "default": true }));
        }
        let needed = self.image_fields.first().filter(|_| self.is_image_required);
        let required: Vec<&str> = std::iter::once("prompt").chain(needed.copied()).collect();
        let input = json!({
            "type": "object", "title": "Input", "required": required, "properties": properties,
        });
        kinds.insert("Input".to_owned(), input);
        kinds.insert("Output".to_owned(), self.output_schema());
        json!({
            "openapi": "3.0.2",
            "info": { "title": "Cog", "version": "0.1.0" },
            "paths": {},
            "components": { "schemas": kinds },
        })
    }

    fn output_schema(&self) -> Value {
        let file = json!({ "type": "string", "format": "uri" });
        if self.has_output_list {
            json!({ "type": "array", "items": file, "title": "Output" })
        } else {
            json!({ "type": "string", "format": "uri", "title": "Output" })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_found_by_its_id_with_and_without_the_model() {
        let id = version_id("google/veo-3.1");
        for version in [id.clone(), format!("google/veo-3.1:{id}"), "google/veo-3.1".to_owned()] {
            assert_eq!(find_model(&version).as_deref(), Some("google/veo-3.1"), "{version}");
        }
        assert_eq!(find_model("google/veo-3.1:0000"), None);
        assert_eq!(find_model("me/mine"), None);
    }

    #[test]
    fn every_listed_model_has_a_schema_that_asks_for_a_prompt() {
        for model in LISTED {
            let schema = family(model).unwrap().schema();
            let required = schema.pointer("/components/schemas/Input/required/0");
            assert_eq!(required, Some(&json!("prompt")), "{model}");
        }
    }

    #[test]
    fn a_resolution_in_the_name_is_the_model_s() {
        let default = |model| family(model).unwrap().default_resolution(model);
        assert_eq!(default("luma/ray-2-540p"), "540p");
        assert_eq!(default("minimax/hailuo-02"), "768p");
        assert_eq!(default("kwaivgi/kling-v2.1"), "720p");
    }
}
