//! Every adapter through a whole gateway against the lab, whose ledger says what really happened.

use image::{ImageFormat, RgbImage};
use retake_lab::{Lab, Provider, ScenarioSource};
use reqwest::multipart::{Form, Part};
use serde_json::{Value, json};

use crate::laboratory::{Laboratory, causes};

/// A model of each account, with a size and a length that it renders, and whose lab sees it.
const MODELS: [(&str, &str, &str, &str, Provider); 15] = [
    ("openai", "sora-2", "1280x720", "4", Provider::Openai),
    ("azure", "sora-2", "1280x720", "4", Provider::Openai),
    ("openrouter", "google/veo-3.1", "1280x720", "4", Provider::Openai),
    ("vllm", "Wan-AI/Wan2.2-T2V-A14B-Diffusers", "1280x720", "4", Provider::Openai),
    ("sglang", "Wan-AI/Wan2.2-T2V-A14B-Diffusers", "1280x720", "4", Provider::Openai),
    ("litellm", "sora-2", "1280x720", "4", Provider::Openai),
    ("newapi", "sora-2", "1280x720", "4", Provider::Openai),
    ("vertex", "veo-3.1-generate-001", "1280x720", "4", Provider::Google),
    ("gemini", "veo-3.1-generate-preview", "1280x720", "4", Provider::Google),
    ("omni", "gemini-omni-1.1-flash", "1280x720", "4", Provider::Google),
    ("runway", "gen4.5", "1280x720", "5", Provider::Runway),
    ("luma", "ray-2", "1280x720", "5", Provider::Luma),
    ("agents", "ray-3.2", "1280x720", "5", Provider::Luma),
    ("fal", "fal-ai/veo3.1", "1280x720", "4", Provider::Fal),
    ("replicate", "google/veo-3.1", "1280x720", "4", Provider::Replicate),
];

fn a_request(account: &str, model: &str, size: &str, seconds: &str) -> Value {
    json!({
        "model": format!("{account}/{model}"),
        "prompt": "a lighthouse in a storm",
        "size": size,
        "seconds": seconds,
    })
}

async fn renders_from_text(at: &str) {
    let (account, model, size, seconds, provider) =
        MODELS.into_iter().find(|(account, ..)| *account == at).unwrap();
    let laboratory = Laboratory::calm().await;

    let video = laboratory.make(a_request(account, model, size, seconds)).await;

    assert_eq!(video["status"], "completed", "{video:#}");
    assert_eq!(video["retake"]["output"]["duration_ms"], video_length(seconds), "{video:#}");
    let seen = laboratory.seen(provider);
    assert_eq!(seen.len(), 1, "{seen:#?}");
    assert_eq!((seen[0].accepted, seen[0].outcome.as_str()), (true, "done"));
    assert!(seen[0].downloads > 0 || matches!(account, "vertex" | "omni"), "{seen:#?}");
}

fn video_length(seconds: &str) -> u64 {
    seconds.parse::<u64>().unwrap() * 1000
}
