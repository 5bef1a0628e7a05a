//! Providers that tell when a render is done, instead of being asked again and again.

use std::net::{SocketAddr, TcpListener};

use reqwest::StatusCode;
use retake_lab::ScenarioSource;
use serde_json::{Value, json};

use crate::laboratory::Laboratory;

/// A gateway that asks so seldom that only a notice can finish a video in time, at a lab that plays `scenario`.
async fn laboratory(scenario: &str) -> Laboratory {
    let bind = a_free_port();
    let settings = format!("[server]\nbind = \"{bind}\"\npublic_url = \"http://{bind}\"\n");
    let scenario = ScenarioSource::Named(scenario.into());
    Laboratory::that_waits_to_be_told(scenario, &settings).await
}

/// A port that nobody has and that the system gives nobody by itself, as it does with higher ones: the gateway binds it
/// only later, and has to know its URL before. Tests that run beside this one begin to look elsewhere.
fn a_free_port() -> SocketAddr {
    const FIRST: u32 = 20_000;
    const COUNT: u32 = 12_000;
    let begin = std::process::id().wrapping_mul(97);
    (0..COUNT)
        .filter_map(|step| u16::try_from(FIRST + begin.wrapping_add(step) % COUNT).ok())
        .map(|port| SocketAddr::from(([127, 0, 0, 1], port)))
        .find(|address| TcpListener::bind(address).is_ok())
        .unwrap()
}

fn a_request(model: &str, seconds: &str) -> Value {
    json!({ "model": model, "prompt": "a lighthouse", "size": "1280x720", "seconds": seconds })
}

async fn is_told(scenario: &str, model: &str, seconds: &str) {
    let laboratory = laboratory(scenario).await;

    let video = laboratory.make(a_request(model, seconds)).await;

    assert_eq!(video["status"], "completed", "{video:#}");
    assert_eq!(video["retake"]["attempts"].as_array().unwrap().len(), 1, "{video:#}");
}

// verifies: fal: notices
#[tokio::test]
async fn a_notice_of_fal_finishes_a_video() {
    is_told("calm", "fal/fal-ai/veo3.1", "4").await;
}

// verifies: replicate: notices
#[tokio::test]
async fn a_notice_of_replicate_finishes_a_video() {
    is_told("calm", "replicate/google/veo-3.1", "4").await;
}

// verifies: luma: notices
#[tokio::test]
async fn a_notice_of_luma_finishes_a_video() {
    is_told("calm", "luma/ray-2", "5").await;
}

// verifies: google/interactions: notices
#[tokio::test]
async fn a_notice_of_gemini_finishes_a_video() {
    is_told("calm", "omni/gemini-omni-1.1-flash", "4").await;
}

#[tokio::test]
async fn a_notice_that_comes_twice_does_no_harm() {
    is_told("webhook-twice", "fal/fal-ai/veo3.1", "4").await;
}

#[tokio::test]
async fn a_forged_notice_does_not_count_and_the_true_one_does() {
    is_told("webhook-forged", "replicate/google/veo-3.1", "4").await;
}

// verifies: luma: image
#[tokio::test]
async fn luma_is_given_a_picture_at_a_url_that_leads_to_it() {
    let laboratory = laboratory("calm").await;
    let picture = crate::providers::a_picture();

    let video = laboratory.make_from(picture.clone(), &a_request("luma/ray-2", "5")).await;

    assert_eq!(video["status"], "completed", "{video:#}");
    let id = video["id"].as_str().unwrap();
    let said = laboratory.retake.get(&format!("/retake/v1/videos/{id}/exchanges")).await;
    let said: Value = said.json().await.unwrap();
    // What is kept of the URL is not enough to fetch the picture.
    let kept = said["data"][0]["sent"].as_str().unwrap();
    assert!(kept.contains("/retake/v1/…") && !kept.contains("/retake/v1/pictures/"), "{kept}");
}

#[tokio::test]
async fn nobody_can_make_up_a_url_for_notices_or_pictures() {
    let laboratory = laboratory("calm").await;
    let retake = &laboratory.retake;
    let code = "0".repeat(32);

    let hook = format!("/retake/v1/hooks/fal/video_{}-1/{code}", "0".repeat(32));
    assert_eq!(retake.post(&hook, json!({})).await.status(), StatusCode::NOT_FOUND);
    let picture = format!("/retake/v1/pictures/x/{code}");
    assert_eq!(retake.get(&picture).await.status(), StatusCode::NOT_FOUND);
}
