//! Every adapter through a whole gateway against the lab, whose ledger says what really happened.

use image::{ImageFormat, RgbImage};
use retake_lab::{Entry, Provider};
use serde_json::{Value, json};

use crate::laboratory::Laboratory;

/// What an account renders in these tests.
struct QueuePosition {
    account: &'static str,
    /// For text, and for a picture to start from where that is another one.
    models: [&'static str; 2],
    seconds: &'static str,
    provider: Provider,
}

const fn seat(
    account: &'static str,
    models: [&'static str; 2],
    seconds: &'static str,
    provider: Provider,
) -> QueuePosition {
    QueuePosition { account, models, seconds, provider }
}

impl QueuePosition {
    fn request(&self, model: &str) -> Value {
        json!({
            "model": format!("{}/{model}", self.account),
            "prompt": "a lighthouse in a storm",
            "size": "1280x720",
            "seconds": self.seconds,
        })
    }

    async fn makes_a_video_from_text(self) {
        let laboratory = Laboratory::calm().await;

        let video = laboratory.make(self.request(self.models[0])).await;

        self.was_made_once(&laboratory, &video);
    }

    async fn makes_a_video_from_a_picture(self) {
        let laboratory = Laboratory::calm().await;

        let request = self.request(self.models[1]);
        let video = laboratory.make_from(a_picture(), &request).await;

        self.was_made_once(&laboratory, &video);
    }

    /// The video is what was asked for, and the provider rendered it once and for us.
    fn was_made_once(&self, laboratory: &Laboratory, video: &Value) {
        assert_eq!(video["status"], "completed", "{video:#}");
        let output = &video["retake"]["output"];
        let milliseconds = self.seconds.parse::<u64>().unwrap() * 1000;
        assert_eq!(output["duration_ms"], milliseconds, "{video:#}");
        assert_eq!((&output["width"], &output["height"]), (&json!(1280), &json!(720)));
        let seen: Vec<Entry> = laboratory.seen(self.provider);
        assert_eq!(seen.len(), 1, "{seen:#?}");
        assert_eq!((seen[0].accepted, seen[0].outcome.as_str()), (true, "done"), "{seen:#?}");
    }
}

/// A picture of the size of the videos.
pub(crate) fn a_picture() -> Vec<u8> {
    let mut bytes = std::io::Cursor::new(Vec::new());
    RgbImage::new(1280, 720).write_to(&mut bytes, ImageFormat::Png).unwrap();
    bytes.into_inner()
}

/// The two tests of an account.
macro_rules! accounts {
    ($($name:ident: $seat:expr;)*) => {$(
        mod $name {
            use super::*;

            #[tokio::test]
            async fn makes_a_video_from_text() {
                $seat.makes_a_video_from_text().await;
            }

            #[tokio::test]
            async fn makes_a_video_from_a_picture() {
                $seat.makes_a_video_from_a_picture().await;
            }
        }
    )*};
}

const WAN: [&str; 2] = ["Wan-AI/Wan2.2-T2V-A14B-Diffusers", "Wan-AI/Wan2.2-I2V-A14B-Diffusers"];

/// Retired at Google, and still spoken by others.
const VEO_PREVIEW: &str = "veo-3.1-generate-preview";

accounts! {
    // verifies: openai: text, image, download
    openai: seat("openai", ["sora-2", "sora-2"], "4", Provider::Openai);
    // verifies: openai/relay: text, image, download
    relay: seat("relay", ["sora-2", "sora-2"], "4", Provider::Openai);
    // verifies: openai/azure: text, image, download
    azure: seat("azure", ["sora-2", "sora-2"], "4", Provider::Openai);
    // verifies: openai/azure-jobs: text, image, download
    azure_jobs: seat("azure-jobs", ["sora", "sora"], "4", Provider::Openai);
    // verifies: openai/openrouter: text, image, download
    openrouter: seat("openrouter", ["google/veo-3.1", "google/veo-3.1"], "4", Provider::Openai);
    // verifies: openai/vllm-omni: text, image, download
    vllm: seat("vllm", WAN, "4", Provider::Openai);
    // verifies: openai/sglang: text, image, download
    sglang: seat("sglang", WAN, "4", Provider::Openai);
    // verifies: openai/litellm: text, image, download
    litellm: seat("litellm", ["sora-2", "sora-2"], "4", Provider::Openai);
    // verifies: openai/newapi: text, image, download
    newapi: seat("newapi", ["sora-2", "sora-2"], "4", Provider::Openai);
    // verifies: google: text, image, download
    vertex: seat("vertex", ["veo-3.1-generate-001", "veo-3.1-generate-001"], "4", Provider::Google);
    // verifies: google/gemini-operations: text, image, download
    gemini: seat("gemini", [VEO_PREVIEW, VEO_PREVIEW], "4", Provider::Google);
    // verifies: google/interactions: text, image, download
    omni: seat("omni", ["gemini-omni-1.1-flash", "gemini-omni-1.1-flash"], "4", Provider::Google);
    // verifies: runway: text, image, download
    runway: seat("runway", ["gen4.5", "gen4_turbo"], "5", Provider::Runway);
    // verifies: luma/agents: text, image, download
    agents: seat("agents", ["ray-3.2", "ray-3.2"], "5", Provider::Luma);
    // verifies: fal: text, image, download
    fal: seat("fal", ["fal-ai/veo3.1", "fal-ai/veo3.1"], "4", Provider::Fal);
    // verifies: replicate: text, image, download
    replicate: seat("replicate", ["google/veo-3.1", "google/veo-3.1"], "4", Provider::Replicate);
}

// verifies: luma: text, download
#[tokio::test]
async fn luma_makes_a_video_from_text() {
    seat("luma", ["ray-2", "ray-2"], "5", Provider::Luma).makes_a_video_from_text().await;
}
