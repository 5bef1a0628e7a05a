//! The models of each path and their fields.
//!
//! The table is `offers.txt`, taken from the types of the SDK; this module parses it and has the
//! prices (Runway's pricing page and third parties' tables, 2026-11-21).

/// The paths below `/v1/` that create a video, as the table names them.
pub(super) const ENDPOINTS: &[&str] = &[
    "text_to_video",
    "image_to_video",
    "video_to_video",
    "character_performance",
    "video_upscale",
    "video_to_hdr",
];

const TABLE: &str = include_str!("offers.txt");

/// The fields of one model on one path.
#[derive(Clone, Debug)]
pub(super) struct Offer {
    pub(super) model: &'static str,
    /// The maximum length of a prompt, in UTF-16 code units.
    pub(super) max_prompt_units: usize,
    pub(super) fields: Vec<Field>,
}

/// A field of the body.
#[derive(Clone, Copy, Debug)]
pub(super) struct Field {
    pub(super) name: &'static str,
    pub(super) is_required: bool,
    /// The allowed values, separated by `|`: words, or a range of whole numbers like `2..10`.
    pub(super) allowed: Option<&'static str>,
}

impl Field {
    fn parse(text: &'static str) -> Self {
        let (name, allowed) =
            text.split_once('=').map_or((text, None), |(name, it)| (name, Some(it)));
        let bare = name.strip_suffix('!');
        Self { name: bare.unwrap_or(name), is_required: bare.is_some(), allowed }
    }
}

impl Offer {
    /// The field of this name.
    pub(super) fn field(&self, name: &str) -> Option<&Field> {
        self.fields.iter().find(|field| field.name == name)
    }
}

/// The models on a path.
pub(super) fn offers(endpoint: &str) -> impl Iterator<Item = Offer> {
    TABLE.lines().filter_map(move |line| {
        let mut words = line.split(' ');
        if words.next() != Some(endpoint) {
            return None;
        }
        let model = words.next()?;
        let max_prompt_units = words.next()?.parse().ok()?;
        Some(Offer { model, max_prompt_units, fields: words.map(Field::parse).collect() })
    })
}

/// The names of all models, each once.
pub(super) fn model_names() -> Vec<&'static str> {
    let all = ENDPOINTS.iter().flat_map(|endpoint| offers(endpoint));
    let mut names: Vec<_> = all.map(|offer| offer.model).collect();
    names.sort_unstable();
    names.dedup();
    names
}

/// The credits for a second of video, and the minimum for a task.
///
/// Where no price is known, 20 credits a second stand in.
pub(super) fn price(model: &str, audio: bool, height: u32) -> (u64, u64) {
    match model {
        "gen4.5" => (12, 0),
        "gen4_turbo" | "act_two" => (5, 0),
        "aleph2" => (28, 56),
        "veo3.1" => (if audio { 40 } else { 20 }, 0),
        "veo3.1_fast" => (if audio { 15 } else { 10 }, 0),
        "seedance2" if height > 1440 => (150, 0),
        "seedance2" if height > 1000 => (40, 0),
        "seedance2" => (36, 0),
        "seedance2_fast" => (29, 0),
        "seedance2_mini" => (16, 0),
        "seedance2_5" if height > 1000 => (68, 80),
        "seedance2_5" if height < 600 => (20, 80),
        "seedance2_5" => (30, 80),
        "gemini_omni_flash" | "hailuo3" => (10, 0),
        _ => (20, 0),
    }
}

/// The additional credits for a second in a format that is not MP4.
pub(super) fn surcharge(format: &str) -> u64 {
    match format {
        "mp4" | "mov" => 0,
        it if it.contains("hdr") || it == "hlg" => 20,
        _ => 5,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_of_the_table_is_an_offer_with_a_model_and_fields() {
        let lines = TABLE.lines().filter(|it| !it.is_empty() && !it.starts_with('#')).count();

        let all: Vec<_> = ENDPOINTS.iter().flat_map(|it| offers(it)).collect();

        assert_eq!(all.len(), lines);
        assert!(all.iter().all(|it| !it.fields.is_empty() && it.max_prompt_units > 0));
    }

    #[test]
    fn the_gen_4_family_takes_no_sound_and_no_negative_prompt() {
        for offer in offers("image_to_video").filter(|it| it.model.starts_with("gen4")) {
            assert!(offer.field("audio").is_none() && offer.field("negativePrompt").is_none());
            assert!(offer.field("ratio").is_some_and(|it| it.is_required));
        }
    }
}
