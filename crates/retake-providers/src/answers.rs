//! Tables over all adapters: what answers of strangers, odd answers and hidden reasons come to, wherever they are given.

mod inputs;
mod loose;
mod odd;
mod polls;
mod sentences;

use std::sync::Arc;

use retake_core::{
    catalog::Catalog,
    fault::{Fault, FaultKind},
};
use serde_json::{Value as Json, json};

use crate::{
    Adapter, FetchError, Flow, Polled, Settings, Submission, SubmitError, Submitted,
    call::Answer,
    fal, google, luma, openai, replicate, runway,
    testing::{NOON, a_render, a_submission, reply},
};

/// An adapter, a model that it renders, and the name of a render as it gives them.
pub(crate) struct Subject {
    pub(crate) name: String,
    pub(crate) adapter: Box<dyn Adapter>,
    model: &'static str,
    render: &'static str,
}

fn subject(provider: &str, variant: Option<&str>, model: &'static str) -> Subject {
    let mut settings = Settings {
        provider: provider.into(),
        variant: variant.map(str::to_owned),
        api_key: "id-of-nobody:secret".into(),
        ..Settings::default()
    };
    settings.options.insert("project".into(), "a-project".into());
    if settings.facts().unwrap().base_url.is_none() {
        settings.base_url = Some("https://host.example.com".into());
    }
    let catalog = Arc::new(Catalog::shipped().unwrap());
    let adapter = match provider {
        "openai" => openai::adapter(&settings, &catalog),
        "google" => google::adapter(&settings, &catalog),
        "runway" => runway::adapter(&settings, &catalog),
        "luma" => luma::adapter(&settings, &catalog),
        "fal" => fal::adapter(&settings, &catalog),
        _ => replicate::adapter(&settings, &catalog),
    };
    let render = match provider {
        "google" => "models/m/operations/1",
        "fal" => "fal-ai/veo3.1/requests/r-1",
        _ => "r-1",
    };
    let name = format!("{provider}/{}", variant.unwrap_or_default());
    Subject { name, adapter: adapter.unwrap(), model, render }
}

pub(crate) fn subjects() -> Vec<Subject> {
    let openai = [
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
    let others = [
        subject("google", None, "veo-3.1-generate-001"),
        subject("google", Some("interactions"), "gemini-omni-1.2-flash"),
        subject("google", Some("gemini-operations"), "veo-3.1-generate-preview"),
        subject("runway", None, "gen4.5"),
        subject("luma", None, "ray-2"),
        subject("luma", Some("agents"), "ray-3.2"),
        subject("fal", None, "fal-ai/veo3.1"),
        subject("replicate", None, "google/veo-3.1"),
    ];
    openai
        .map(|variant| subject("openai", variant, "any-model"))
        .into_iter()
        .chain(others)
        .collect()
}

/// How a talk ends in which everything is answered alike.
fn end<T>(mut talk: Flow<T>, answer: &Answer) -> T {
    loop {
        match talk {
            Flow::Done(value) => return value,
            Flow::Ask { then, .. } => talk = then(answer.clone()),
        }
    }
}

impl Subject {
    fn submission(&self) -> Submission {
        let mut submission = a_submission(self.model);
        if matches!(self.model, "gen4.5" | "ray-2" | "ray-3.2") {
            submission.spec.audio = false;
            submission.spec.seconds = 5;
        }
        submission
    }

    fn create(&self, answer: &Answer) -> Result<Submitted, SubmitError> {
        end(self.adapter.submit(&self.submission(), NOON), answer)
    }

    fn poll(&self, answer: &Answer) -> Result<Polled, Fault> {
        end(self.adapter.poll(&a_render(self.model, self.render), NOON), answer)
    }

    /// A body in the form that the provider documents for its errors.
    fn own(&self, text: &str) -> Json {
        match self.name.split('/').next().unwrap() {
            "google" => json!({ "error": { "code": 500, "message": text, "status": "INTERNAL" } }),
            "runway" => json!({ "error": text }),
            "luma" | "fal" => json!({ "detail": text }),
            "replicate" => json!({ "title": "Internal error", "detail": text, "status": 500 }),
            _ => json!({ "error": { "message": text, "type": "server_error", "code": null } }),
        }
    }
}

/// Bodies that no provider documents for an error, and that say under the status of a refusal no more than that the
/// request went no further.
const TURNED_AWAY: [&str; 6] = [
    "",
    "<!DOCTYPE html><html><head><title>502 Bad Gateway</title></head><body>nginx</body></html>",
    "<html><title>Attention Required! | Cloudflare</title>You are unable to access this; your credit card, rate limit \
     and content policy are not the matter</html>",
    "{}",
    "null",
    "Access to this site is blocked",
];

/// The same, which tell under every status of a server behind that did not answer.
const NOT_ANSWERED: [&str; 5] = [
    "upstream connect error or disconnect/reset before headers",
    "upstream prematurely closed connection while reading response header",
    "<html><title>504 Gateway Time-out</title></html>",
    "The request timed out",
    "Error: socket hang up",
];

/// All bodies that no provider documents for an error.
fn strangers() -> impl Iterator<Item = &'static str> {
    TURNED_AWAY.into_iter().chain(NOT_ANSWERED)
}

/// The statuses at which whoever stands on the way turns a request away.
const OF_A_REFUSAL: [u16; 9] = [400, 402, 403, 405, 409, 423, 425, 429, 451];

/// Statuses that a server on the way gives after it passed a request on.
const IN_DOUBT: [u16; 17] =
    [300, 301, 302, 303, 307, 308, 408, 499, 500, 502, 503, 504, 520, 521, 522, 524, 529];

#[test]
fn a_create_that_a_stranger_answered_after_it_may_have_passed_it_on_is_lost() {
    for subject in subjects() {
        for status in IN_DOUBT {
            for body in strangers() {
                let created = subject.create(&reply(status, &[("location", "/elsewhere")], body));

                let is_lost = matches!(created, Err(SubmitError::Lost(_)));
                assert!(is_lost, "{} {status} {body:?}: {created:?}", subject.name);
            }
        }
    }
}

#[test]
fn a_create_that_a_stranger_turned_away_is_no_matter_of_the_account() {
    for subject in subjects() {
        for status in OF_A_REFUSAL {
            for body in TURNED_AWAY {
                let created = subject.create(&reply(status, &[], body));

                let Err(SubmitError::Refused(fault)) = created else {
                    panic!("{} {status} {body:?}: {created:?}", subject.name)
                };
                assert_eq!(fault.kind, FaultKind::Overloaded, "{} {status} {body:?}", subject.name);
            }
        }
    }
}

#[test]
fn a_create_that_a_stranger_turned_away_for_want_of_an_answer_is_lost() {
    for subject in subjects() {
        for status in OF_A_REFUSAL {
            for body in NOT_ANSWERED {
                let created = subject.create(&reply(status, &[], body));

                let is_lost = matches!(created, Err(SubmitError::Lost(_)));
                assert!(is_lost, "{} {status} {body:?}: {created:?}", subject.name);
            }
        }
    }
}

#[test]
fn a_create_that_failed_with_anothers_refusal_inside_is_answered_and_keeps_the_words() {
    let reasons = [
        ("upstream answered 401: Incorrect API key provided", FaultKind::Auth),
        ("bad response status code 401", FaultKind::Auth),
        ("bad response status code 402", FaultKind::Quota),
        (r#"{"error":{"code":402,"message":"Not enough credits"}}"#, FaultKind::Quota),
        ("the prompt was refused by moderation", FaultKind::RefusedContent),
        (
            r#"vendor: {"error":{"code":"moderation_blocked","message":"Blocked by moderation."}}"#,
            FaultKind::RefusedContent,
        ),
        (
            r#"{"error":{"code":"invalid_value","message":"Invalid value","param":"duration"}}"#,
            FaultKind::BadRequest,
        ),
    ];
    for subject in subjects() {
        for (text, kind) in reasons {
            for status in [500, 502, 503] {
                let body = subject.own(text).to_string();
                let created = subject.create(&reply(status, &[], body));

                let Err(SubmitError::Refused(fault)) = created else {
                    panic!("{} {status} {text}: {created:?}", subject.name)
                };
                assert_eq!(fault.kind, kind, "{} {status} {text}: {fault}", subject.name);
                assert!(fault.message.len() > "HTTP 500: ".len(), "{}: {fault}", subject.name);
            }
        }
    }
}

/// Refusals as their providers word them, by subject, with what they come to.
fn worded_refusals() -> Vec<(&'static str, Json, FaultKind)> {
    vec![
        (
            "runway/",
            json!({ "error": "The input was refused by content moderation." }),
            FaultKind::RefusedContent,
        ),
        (
            "runway/",
            json!({ "error": "There are not enough credits to run this task." }),
            FaultKind::Quota,
        ),
        ("runway/", json!({ "error": "The organization has been suspended." }), FaultKind::Quota),
        (
            "runway/",
            json!({ "error": "Validation of body failed", "issues": [{ "code": "too_big", "message": "too big" }] }),
            FaultKind::BadRequest,
        ),
        ("luma/", json!({ "detail": "Contains blacklisted words" }), FaultKind::RefusedContent),
        ("luma/", json!({ "detail": "No keyframes provided" }), FaultKind::BadRequest),
        ("luma/", json!({ "detail": "Insufficient credits" }), FaultKind::Quota),
        ("luma/agents", json!({ "detail": "Invalid API key" }), FaultKind::Auth),
        (
            "fal/",
            json!({ "detail": [{ "loc": ["body"], "msg": "no", "type": "content_policy_violation" }] }),
            FaultKind::RefusedContent,
        ),
        (
            "fal/",
            json!({ "detail": "User is locked. Reason: Exhausted balance." }),
            FaultKind::Quota,
        ),
        (
            "replicate/",
            json!({ "title": "Input flagged", "detail": "flagged as sensitive (E005)", "status": 422 }),
            FaultKind::RefusedContent,
        ),
        (
            "replicate/",
            json!({ "title": "Insufficient credit", "detail": "You have none", "status": 402 }),
            FaultKind::Quota,
        ),
        (
            "google/",
            json!({ "error": { "code": 400, "status": "INVALID_ARGUMENT", "message": "no such duration" } }),
            FaultKind::BadRequest,
        ),
        (
            "google/interactions",
            json!({ "error": { "code": 403, "status": "PERMISSION_DENIED", "message": "no" } }),
            FaultKind::Quota,
        ),
        (
            "openai/",
            json!({ "error": { "message": "no", "type": "invalid_request_error", "param": "seconds", "code": "invalid_value" } }),
            FaultKind::BadRequest,
        ),
    ]
}

#[test]
fn a_refusal_in_the_providers_own_words_counts_under_a_500_too() {
    let subjects = subjects();
    for (name, body, kind) in worded_refusals() {
        let subject = subjects.iter().find(|subject| subject.name == name).unwrap();
        let created = subject.create(&reply(500, &[], body.to_string()));

        let Err(SubmitError::Refused(fault)) = created else {
            panic!("{name} {body}: {created:?}")
        };
        assert_eq!(fault.kind, kind, "{name} {body}");
    }
    let flagged =
        json!({ "title": "Input flagged", "detail": "flagged as sensitive (E005)", "status": 422 });
    let replicate = subjects.iter().find(|subject| subject.name == "replicate/").unwrap();
    let created = replicate.create(&reply(422, &[], flagged.to_string()));
    assert!(
        matches!(created, Err(SubmitError::Refused(ref fault)) if fault.kind == FaultKind::RefusedContent),
        "{created:?}"
    );
}

#[test]
fn a_server_that_only_says_that_it_failed_may_have_taken_the_create() {
    for subject in subjects() {
        for (status, text) in [
            (500, "Internal server error"),
            (500, "context deadline exceeded"),
            (502, "Bad Gateway"),
            (504, "The request took too long."),
            (504, "overloaded"),
        ] {
            let created = subject.create(&reply(status, &[], subject.own(text).to_string()));

            let is_lost = matches!(created, Err(SubmitError::Lost(_)));
            assert!(is_lost, "{} {status} {text}: {created:?}", subject.name);
        }
    }
}

#[test]
fn a_server_that_says_itself_that_it_is_overloaded_has_taken_nothing_on() {
    for subject in subjects() {
        let body = subject.own("We are experiencing high load, please try again later").to_string();
        let created = subject.create(&reply(503, &[], body));

        let is_refused = matches!(created, Err(SubmitError::Refused(_)));
        assert!(is_refused, "{}: {created:?}", subject.name);
    }
}

/// Answers to a poll that are about the question and not about the render.
fn about_the_question() -> Vec<Answer> {
    let envelopes = [
        json!({ "code": "do_request_failed", "message": "Get \"https://x\": EOF", "data": null }),
        json!({ "code": "fail_to_fetch_task", "message": "task not found", "data": null }),
        json!({ "code": 500, "msg": "internal error" }),
        json!({ "code": 500, "message": "render failed to be fetched", "data": null }),
        json!({ "error": { "message": "upstream failed", "type": "upstream_error", "code": null } }),
        json!({ "error": { "message": "model not found", "type": "x", "code": "model_not_found" } }),
        json!({ "status": "error", "message": "failed to query the task" }),
        json!({ "detail": "Not Found" }),
        json!({}),
        json!([]),
        json!("failed"),
    ];
    let mut answers = Vec::new();
    for status in [200, 400, 404, 410, 500] {
        answers.extend(envelopes.iter().map(|body| reply(status, &[], body.to_string())));
    }
    for status in [200, 204, 302, 401, 403, 404, 408, 410, 429, 500, 502, 503, 504, 524] {
        answers.extend(strangers().map(|body| reply(status, &[], body)));
    }
    answers
}

#[test]
fn only_a_final_word_about_the_render_itself_ends_it() {
    for subject in subjects() {
        for answer in about_the_question() {
            let polled = subject.poll(&answer);

            let goes_on = matches!(polled, Err(_) | Ok(Polled::Running { .. }));
            assert!(goes_on, "{} {answer:?}: {polled:?}", subject.name);
        }
    }
}

#[test]
fn a_failed_download_is_never_the_end_of_a_file() {
    for subject in subjects() {
        for status in [200, 204, 301, 400, 401, 403, 404, 409, 410, 416, 422, 429, 500, 503] {
            for body in strangers().chain([r#"{"detail":"Video not found"}"#]) {
                let reply = reply(status, &[], body).unwrap();

                let FetchError::Later(fault) = subject.adapter.refused_download(&reply) else {
                    panic!("{} {status} {body:?}", subject.name)
                };
                if matches!(status, 404 | 410) {
                    assert_eq!(fault.kind, FaultKind::Lost, "{} {status} {body:?}", subject.name);
                }
            }
        }
    }
}

#[test]
fn a_fetch_that_is_not_answered_leaves_the_file_where_it_is() {
    for subject in subjects() {
        for answer in about_the_question() {
            let render = a_render(subject.model, subject.render);
            let fetched = end(subject.adapter.fetch(&render, NOON), &answer);

            let is_gone = matches!(fetched, Err(FetchError::Gone(_)));
            assert!(!is_gone, "{} {answer:?}: {fetched:?}", subject.name);
        }
    }
}

#[test]
fn a_render_is_usually_over_long_before_it_is_given_up() {
    for subject in subjects() {
        let usual = subject.adapter.usual_render(subject.model);

        assert!(usual * 2 <= subject.adapter.render_timeout(), "{}", subject.name);
        assert!(subject.adapter.create_timeout() <= usual, "{}", subject.name);
    }
}
