//! Talks of every dialect, held with answers from files and from here.

mod asking;
mod dialects;
mod faults;
mod finding;
mod listening;
mod look_up;

use std::sync::Arc;

use bytes::Bytes;
use proptest::prelude::*;
use retake_core::{catalog::Catalog, request::Picture, size::Size};
use serde_json::Value as Json;

use crate::{
    Adapter, Flow, Hook, Polled, Settings, Submission, SubmitError, UnconfirmedSubmit,
    testing::{self, NOON, a_render, a_submission, hold},
};

const VARIANTS: [Option<&str>; 9] = [
    None,
    Some("azure"),
    Some("azure-jobs"),
    Some("openrouter"),
    Some("vllm-omni"),
    Some("sglang"),
    Some("litellm"),
    Some("newapi"),
    Some("relay"),
];

/// The settings of an account at that variant, where customers have an address of their own at `host.example.com`.
fn settings(variant: Option<&str>) -> Settings {
    let mut settings = Settings {
        provider: "openai".into(),
        variant: variant.map(str::to_owned),
        api_key: "sk-of-nobody".into(),
        ..Settings::default()
    };
    if settings.facts().unwrap().base_url.is_none() {
        settings.base_url = Some("https://host.example.com".into());
    }
    settings
}

fn open(settings: &Settings) -> Box<dyn Adapter> {
    super::adapter(settings, &Arc::new(Catalog::shipped().unwrap())).unwrap()
}

fn adapter(variant: Option<&str>) -> Box<dyn Adapter> {
    open(&settings(variant))
}

fn fixture(name: &str) -> Json {
    let path = format!("{}/fixtures/openai/{name}.json", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

/// A submission with a picture to start from, of seven bytes.
fn with_picture(mut submission: Submission) -> Submission {
    submission.spec.first_frame = Some(Picture {
        key: "frame".into(),
        size: Size::new(1280, 720),
        media_type: "image/png".into(),
    });
    submission.first_frame = Some(Bytes::from_static(b"\x89PNG..."));
    submission
}

fn submit(variant: Option<&str>, status: u16, body: &Json) -> Result<String, SubmitError> {
    let talk = adapter(variant).submit(&a_submission("any-model"), NOON);
    hold(talk, [testing::json(status, body)]).1.map(|taken| taken.remote_id)
}

/// What a poll makes of that answer, where the render has the name that a create's answer of this form gives it, and no
/// file is handed out.
fn poll(
    variant: Option<&str>,
    status: u16,
    body: &Json,
) -> Result<Polled, retake_core::fault::Fault> {
    let name = submit(variant, 200, body).unwrap_or_else(|_| "video_1".to_owned());
    let refused = testing::json(404, &serde_json::json!({ "detail": "Video not found" }));
    let mut talk = adapter(variant).poll(&a_render("any-model", &name), NOON);
    loop {
        match talk {
            Flow::Done(polled) => return polled,
            Flow::Ask { call, then } => {
                let is_file = call.url.contains("/content");
                talk = then(if is_file { refused.clone() } else { testing::json(status, body) });
            }
        }
    }
}

fn poll_for(
    name: &str,
    variant: Option<&str>,
    answers: impl IntoIterator<Item = crate::Answer>,
) -> Result<Polled, retake_core::fault::Fault> {
    hold(adapter(variant).poll(&a_render("any-model", name), NOON), answers).1
}

proptest! {
    // verifies: openai: hostile answers
    #[test]
    fn no_answer_of_any_kind_breaks_a_reader(
        variant in prop::sample::select(VARIANTS.to_vec()),
        answers in prop::collection::vec(testing::any_answer(), 16),
    ) {
        let (adapter, render) = (adapter(variant), a_render("m", "video_1"));
        let lost = UnconfirmedSubmit { submission: a_submission("m"), begun_at: NOON, lost_at: NOON, known: std::collections::BTreeSet::default() };

        hold(adapter.submit(&a_submission("m"), NOON), answers.clone()).1.ok();
        hold(adapter.poll(&render, NOON), answers.clone()).1.ok();
        hold(adapter.look_up(&lost, NOON), answers.clone()).1.ok();
        hold(adapter.fetch(&render, NOON), answers.clone()).1.ok();
        hold(adapter.cancel(&render, NOON), answers.clone()).1.ok();
        hold(adapter.check(NOON), answers.clone()).1.ok();
        for reply in answers.into_iter().flatten() {
            let _ = adapter.refused_download(&reply);
            let hook = Hook { headers: reply.headers, body: reply.body, at: NOON };
            hold(adapter.verify_hook(hook), []).1.ok();
        }
    }

    #[test]
    fn a_text_around_any_json_breaks_no_reader(before in ".{0,20}", json in testing::any_json()) {
        let text = format!("{before}{json}");
        let body = serde_json::json!({ "error": { "message": text } });

        poll(Some("relay"), 500, &body).ok();
        submit(Some("relay"), 200, &body).ok();
    }
}
