//! Which answers to polls are final, and which only failed to be one.

use retake_core::fault::FaultKind::RefusedContent;
use serde_json::{Value as Json, json};

use crate::{Polled, testing};

/// Failures to ask about a render that have the form of a failed one, with its name.
fn failures_to_ask() -> Vec<Json> {
    let with_code = |code: Json| {
        [
            json!({ "id": "t", "status": "failed", "code": code, "message": "no" }),
            json!({ "id": "t", "status": "failed", "error": { "code": code, "message": "no" } }),
            json!({ "code": code, "data": { "task_id": "t", "status": "FAILURE" } }),
        ]
    };
    let codes = [
        "do_request_failed",
        "fail_to_fetch_task",
        "get_channel_failed",
        "upstream_error",
        "upstream_timeout",
        "gateway_timeout",
        "request_timeout",
        "bad_response_status_code",
        "task_not_exist",
        "Bad_Gateway",
    ];
    let with_text = |status: &str, text: &str| {
        [
            json!({ "id": "t", "status": status, "message": text }),
            json!({ "id": "t", "status": status, "error": text }),
            json!({ "id": "t", "status": status, "error": { "message": text } }),
            json!({ "task_id": "t", "task_status": status, "task_status_msg": text }),
            json!({ "code": "success", "data": { "task_id": "t", "status": status, "fail_reason": text } }),
        ]
    };
    let texts = [
        ("failed", "upstream request timed out"),
        ("failed", "Get \"https://x/v1/tasks/t\": context deadline exceeded"),
        ("FAILURE", "failed to fetch task status: EOF"),
        ("timeout", "the upstream did not answer"),
        ("timeout", "polling timed out"),
        ("rejected", "the poll was rejected by the gateway"),
        ("rejected", "too many requests"),
        ("error", "failed to query the task"),
    ];
    let numbers = [json!(500), json!("500"), json!(502), json!(404), json!(429)];
    let in_envelope = numbers.into_iter().flat_map(|number| {
        [
            json!({ "code": number, "id": "t", "status": "failed", "message": "internal error" }),
            json!({ "code": number, "msg": "no", "data": { "task_id": "t", "status": "failed" } }),
        ]
    });
    let coded = codes.into_iter().flat_map(|code| with_code(code.into()));
    let told = texts.into_iter().flat_map(|(status, text)| with_text(status, text));
    coded.chain(told).chain(in_envelope).collect()
}

#[test]
fn a_failure_to_ask_in_the_form_of_a_failed_render_ends_nothing() {
    for variant in super::VARIANTS {
        for body in failures_to_ask() {
            let polled = super::poll_for("t", variant, [testing::json(200, &body)]);
            assert!(polled.is_err(), "{variant:?} {body}: {polled:?}");
        }
    }
}

#[test]
fn what_a_provider_says_of_the_render_itself_is_final_whatever_else_it_says() {
    for body in [
        json!({ "id": "t", "status": "failed", "error": { "code": "upstream_error",
            "message": "{\"error\":{\"code\":\"moderation_blocked\",\"message\":\"Blocked.\"}}" } }),
        json!({ "id": "t", "status": "rejected", "message": "the prompt is not allowed" }),
        json!({ "id": "t", "status": "timeout" }),
        json!({ "id": "t", "status": "failed", "code": 1026, "message": "the model crashed" }),
        json!({ "id": "t", "status": "FAILURE", "fail_reason": "task failed, code: 7 , message: no" }),
        json!({ "code": 0, "data": { "task_id": "t", "task_status": "failed", "task_status_msg": "system error" } }),
    ] {
        assert_eq!(
            super::poll_for(
                "t",
                Some("newapi"),
                [testing::json(200, &body), testing::json(404, &json!({}))]
            )
            .map(|polled| matches!(polled, Polled::Failed { .. } | Polled::Doubtful { .. })),
            Ok(true),
            "{body}"
        );
    }
}

#[test]
fn a_failure_of_load_of_time_or_of_the_key_is_doubtful_and_any_other_one_is_not() {
    let failed = |error: Json| json!({ "id": "t", "status": "failed", "error": error });
    for (body, is_doubtful) in [
        (failed(json!({ "code": "rate_limit_exceeded", "message": "slow down" })), true),
        (json!({ "id": "t", "status": "expired" }), true),
        (failed(json!({ "code": "invalid_api_key", "message": "no" })), true),
        (failed(json!({ "code": "moderation_blocked", "message": "no" })), false),
        (failed(json!({ "code": "invalid_value", "message": "no such size" })), false),
    ] {
        for variant in super::VARIANTS {
            let answers = [&body, &json!({})].map(|it| testing::json(200, it));
            let polled = super::poll_for("t", variant, answers);
            let is_as_expected = match polled {
                Ok(Polled::Doubtful { .. }) => is_doubtful,
                Ok(Polled::Failed { .. }) => !is_doubtful,
                _ => false,
            };
            assert!(is_as_expected, "{variant:?} {body}: {polled:?}");
        }
    }
}

#[test]
fn a_code_of_moderation_in_an_answer_that_names_no_render_ends_none() {
    for (status, body) in [
        (400, json!({ "error": { "code": "moderation_blocked", "message": "Blocked." } })),
        (200, json!({ "error": { "code": "content_filter", "message": "blocked by WAF" } })),
        (451, json!({ "error": { "code": "content_policy_violation", "message": "no" } })),
    ] {
        for variant in
            [None, Some("newapi"), Some("litellm"), Some("vllm-omni"), Some("openrouter")]
        {
            let polled = super::poll_for("t", variant, [testing::json(status, &body)]);
            assert!(polled.is_err(), "{variant:?} {status} {body}: {polled:?}");
        }
    }
}

#[test]
fn of_several_renders_in_an_answer_the_one_that_was_asked_about_counts() {
    let listed = json!({ "data": [
        { "id": "other", "status": "failed", "error": { "message": "no" } },
        { "id": "t", "status": "processing" },
    ] });
    let polled = super::poll_for("t", Some("relay"), [testing::json(200, &listed)]);
    assert!(matches!(polled, Ok(Polled::Running { note: None, .. })), "{polled:?}");

    let nested =
        json!({ "id": "t", "status": "in_progress", "data": { "id": "u", "status": "failed" } });
    let polled = super::poll_for("t", Some("newapi"), [testing::json(200, &nested)]);
    assert!(matches!(polled, Ok(Polled::Running { .. })), "{polled:?}");
}

#[test]
fn a_relay_may_pass_on_answers_of_xai_which_name_no_render() {
    let poll = |variant, body: Json| {
        super::poll_for("r", variant, [testing::json(200, &body), testing::json(404, &json!({}))])
    };
    let failed =
        json!({ "status": "failed", "error": { "code": "internal_error", "message": "no" } });
    let withheld = json!({ "status": "done", "video": { "url": "", "respect_moderation": false } });

    assert!(matches!(poll(Some("relay"), failed.clone()), Ok(Polled::Failed { .. })));
    assert!(poll(Some("openrouter"), failed).is_err());
    let Ok(Polled::Failed { fault, .. }) = poll(Some("relay"), withheld) else {
        panic!("withheld")
    };
    assert_eq!(fault.kind, RefusedContent);
}
