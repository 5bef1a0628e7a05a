//! `GET /videos/models`: the capabilities of a few models, as `OpenRouter` lists them.
//!
//! The fields are those of its SDK (1.3.19); the values are those of the models' vendors and of the
//! list on 2026-10-07. Models that are not listed here are served all the same.

use axum::Json;
use serde_json::{Value, json};

/// The shorter side of a resolution, in pixels.
const RESOLUTIONS: [(&str, u32); 8] = [
    ("360p", 360),
    ("480p", 480),
    ("720p", 720),
    ("768p", 768),
    ("1080p", 1080),
    ("1K", 1024),
    ("2K", 1440),
    ("4K", 2160),
];
const RATIOS: [(&str, u32, u32); 9] = [
    ("16:9", 16, 9),
    ("9:16", 9, 16),
    ("1:1", 1, 1),
    ("4:3", 4, 3),
    ("3:4", 3, 4),
    ("3:2", 3, 2),
    ("2:3", 2, 3),
    ("21:9", 21, 9),
    ("9:21", 9, 21),
];

/// The capabilities of one model.
pub(super) struct Card {
    id: &'static str,
    name: &'static str,
    /// The lengths in seconds; the first is the default.
    pub(super) durations: &'static [u64],
    pub(super) resolutions: &'static [&'static str],
    pub(super) ratios: &'static [&'static str],
    frames: &'static [&'static str],
    pub(super) audio: bool,
    seed: bool,
    /// The price of a second in millionths of a US dollar.
    pub(super) second_micros: u64,
}

const WIDE: &[&str] = &["16:9", "9:16"];

const CARDS: [Card; 3] = [
    Card {
        id: "google/veo-3.1",
        name: "Google: Veo 3.1",
        durations: &[8, 6, 4],
        resolutions: &["720p", "1080p"],
        ratios: WIDE,
        frames: &["first_frame", "last_frame"],
        audio: true,
        seed: true,
        second_micros: 400_000,
    },
    Card {
        id: "openai/sora-2-pro",
        name: "OpenAI: Sora 2 Pro",
        durations: &[4, 8, 12, 16, 20],
        resolutions: &["720p", "1080p"],
        ratios: WIDE,
        frames: &["first_frame"],
        audio: true,
        seed: false,
        second_micros: 300_000,
    },
    Card {
        id: "x-ai/grok-imagine-video-1.5-lite",
        name: "xAI: Grok Imagine Video 1.5 Lite",
        durations: &[5, 1, 2, 3, 4, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15],
        resolutions: &["480p", "720p", "1080p"],
        ratios: &["16:9", "9:16", "1:1", "4:3", "3:4", "3:2", "2:3"],
        frames: &["first_frame"],
        audio: true,
        seed: false,
        second_micros: 50_000,
    },
];

/// The capabilities of a model, if it is listed.
pub(super) fn find(model: &str) -> Option<&'static Card> {
    CARDS.iter().find(|card| card.id == model)
}

impl Card {
    /// The sizes of its resolutions in its aspect ratios.
    pub(super) fn sizes(&self) -> Vec<String> {
        let pairs = self.resolutions.iter().flat_map(|resolution| {
            self.ratios.iter().filter_map(move |ratio| pixels(resolution, ratio))
        });
        pairs.map(|(width, height)| format!("{width}x{height}")).collect()
    }

    fn to_json(&self) -> Value {
        let mut durations = self.durations.to_vec();
        durations.sort_unstable();
        let price = super::dollars(self.second_micros).to_string();
        json!({
            "id": self.id,
            "canonical_slug": self.id,
            "name": self.name,
            "description": "A model of the lab.",
            "created": 1_760_000_000,
            "supported_resolutions": self.resolutions,
            "supported_aspect_ratios": self.ratios,
            "supported_sizes": self.sizes(),
            "supported_durations": durations,
            "supported_frame_images": self.frames,
            "generate_audio": self.audio.then_some(true),
            "seed": self.seed.then_some(true),
            "upscale_factor": null,
            "creativity": null,
            "pricing_skus": { "duration_seconds": price },
            "allowed_passthrough_parameters": [],
        })
    }
}

/// The list of models, without authentication.
pub(super) async fn list() -> Json<Value> {
    let cards: Vec<Value> = CARDS.iter().map(Card::to_json).collect();
    Json(json!({ "data": cards }))
}

/// The width and height of a resolution in an aspect ratio, both even.
pub(super) fn pixels(resolution: &str, ratio: &str) -> Option<(u32, u32)> {
    let (_, short) = RESOLUTIONS.into_iter().find(|(name, _)| *name == resolution)?;
    let (_, across, down) = RATIOS.into_iter().find(|(name, ..)| *name == ratio)?;
    let long = (short * across.max(down)).div_ceil(across.min(down)).next_multiple_of(2);
    Some(if across >= down { (long, short) } else { (short, long) })
}
