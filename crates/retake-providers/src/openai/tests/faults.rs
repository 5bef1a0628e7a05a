//! What failures are read as.

use retake_core::fault::FaultKind::{
    self, Auth, BadRequest, Lost, Overloaded, Quota, RefusedContent, Runtime, Timeout,
    UnknownProviderError,
};
use serde_json::{Value as Json, json};

use super::{poll, submit};
use crate::{
    Polled, SubmitError,
    testing::{self, NOON, a_render, a_submission, hold},
};

fn of_create(status: u16, body: &Json) -> FaultKind {
    match submit(Some("relay"), status, body) {
        Err(SubmitError::Refused(fault) | SubmitError::Lost(fault)) => fault.kind,
        Ok(taken) => panic!("taken as {taken:?}"),
    }
}

fn of_text(status: u16, body: &'static str) -> FaultKind {
    let talk = super::adapter(Some("relay")).submit(&a_submission("m"), NOON);
    match hold(talk, [testing::reply(status, &[], body)]).1 {
        Err(SubmitError::Refused(fault) | SubmitError::Lost(fault)) => fault.kind,
        Ok(taken) => panic!("taken as {taken:?}"),
    }
}

fn failed(variant: Option<&str>, status: u16, body: &Json) -> retake_core::fault::Fault {
    match poll(variant, status, body) {
        Ok(Polled::Failed { fault, .. } | Polled::Doubtful { fault, .. }) => fault,
        other => panic!("not failed: {other:?}"),
    }
}

// verifies: openai: failures
#[test]
fn every_documented_code_of_openai_has_its_kind() {
    let table = [
        (400, "invalid_value", BadRequest),
        (400, "invalid_type", BadRequest),
        (400, "sentinel_block", RefusedContent),
        (400, "content_policy_violation", RefusedContent),
        (400, "moderation_blocked", RefusedContent),
        (400, "billing_hard_limit_reached", Quota),
        (401, "invalid_api_key", Auth),
        (404, "model_not_found", BadRequest),
        (429, "rate_limit_exceeded", Overloaded),
        (429, "slow_down", Overloaded),
        (429, "insufficient_quota", Quota),
        (429, "credit_balance_exhausted", Quota),
        (429, "organization_spend_limit_exceeded", Quota),
        (429, "project_spend_limit_exceeded", Quota),
        (429, "organization_usage_limit_exceeded", Quota),
        (500, "server_error", Runtime),
        (503, "server_is_overloaded", Overloaded),
    ];

    for (status, code, kind) in table {
        let error =
            json!({ "message": "m", "type": "invalid_request_error", "param": null, "code": code });
        assert_eq!(of_create(status, &json!({ "error": error })), kind, "{code}");
    }
    for (code, kind) in [
        ("moderation_blocked", RefusedContent),
        ("video_generation_failed", Runtime),
        ("internal_error", Runtime),
    ] {
        let job =
            json!({ "id": "v", "status": "failed", "error": { "code": code, "message": "m" } });
        assert_eq!(failed(None, 200, &job).kind, kind, "{code}");
    }
}

#[test]
fn the_type_decides_where_the_code_is_missing() {
    let of_type = |status, kind: &str| {
        of_create(
            status,
            &json!({ "error": { "message": "m", "type": kind, "param": null, "code": null } }),
        )
    };

    assert_eq!(of_type(429, "insufficient_quota"), Quota);
    assert_eq!(of_type(429, "rate_limit_error"), Overloaded);
    assert_eq!(of_type(503, "service_unavailable_error"), Overloaded);
    assert_eq!(of_type(403, "invalid_request_error"), Quota);
    assert_eq!(of_type(400, "video_generation_user_error"), BadRequest);
}

#[test]
fn texts_decide_where_codes_are_general() {
    let told = |status, message: &str| {
        of_create(
            status,
            &json!({ "error": { "message": message, "type": "invalid_request_error" } }),
        )
    };

    assert_eq!(told(400, "Inpaint image must match the requested width and height"), BadRequest);
    assert_eq!(told(400, "We are under heavy load, come back later"), Overloaded);
    assert_eq!(told(403, "Your organization must be verified to use this model"), Quota);
    assert_eq!(told(429, "Too many running tasks"), Overloaded);
    assert_eq!(told(429, "You reached your monthly spending limit"), Quota);
    assert_eq!(told(400, "Timeout while downloading the picture"), Timeout);
    assert_eq!(told(400, "Green net check failed for image"), RefusedContent);
    assert_eq!(told(404, "No endpoints match your guardrail restrictions and data policy"), Quota);
    assert_eq!(told(500, "当前分组上游负载已饱和"), Overloaded);
}

#[test]
fn a_refusal_inside_the_words_of_a_relay_is_found() {
    let inner = r#"{"error":{"code":"moderation_blocked","type":"video_generation_user_error","message":"Blocked."}}"#;
    let in_text = json!({ "error": { "message": format!("[Vendor group A, status: BadRequest] {inner}"), "type": "server_error" } });
    let twice = json!({ "success": false, "error": { "message": json!({ "error": "Internal", "message": format!("upstream failed: {inner}") }).to_string() } });
    let python = json!({ "detail": "job v_1 ended with status 'failed': {'code': 'moderation_blocked', 'message': 'Blocked.'}" });

    assert_eq!(of_create(500, &in_text), RefusedContent);
    assert_eq!(of_create(500, &twice), RefusedContent);
    // A gateway's 502 on a poll, and yet the render's own failure.
    let fault = failed(Some("relay"), 502, &python);
    assert_eq!((fault.kind, fault.code.as_deref()), (RefusedContent, Some("moderation_blocked")));
    assert_eq!(fault.message, "HTTP 502: Blocked.");
}

// verifies: openai/relay: failures
#[test]
fn the_answers_of_other_makers_are_read_through_a_relay() {
    let google = json!({ "error": { "code": 403, "message": "x", "status": "PERMISSION_DENIED",
        "details": [{ "reason": "PUBLIC_ERROR_MODEL_ACCESS_DENIED" }] } });
    assert_eq!(of_create(403, &google), Quota);
    let traffic = json!({ "error": { "code": 429, "message": "x",
        "details": [{ "reason": "PUBLIC_ERROR_UNUSUAL_ACTIVITY_TOO_MUCH_TRAFFIC" }] } });
    assert_eq!(of_create(429, &traffic), Overloaded);
    let by_dots =
        |code: &str| of_create(400, &json!({ "error": { "code": code, "message": "m" } }));
    assert_eq!(by_dots("InputTextSensitiveContentDetected.PolicyViolation"), RefusedContent);
    assert_eq!(by_dots("AllocationQuota.FreeTierOnly"), Quota);
    assert_eq!(by_dots("InvalidEndpointOrModel.ModelIDAccessDisabled"), Quota);
    assert_eq!(by_dots("InvalidEndpointOrModel.NotFound"), BadRequest);
    let xai = json!({ "code": "The caller may not do this", "error": "Your team has used all available credits" });
    assert_eq!(of_create(403, &xai), Quota);
    let soft_block = json!({ "error": { "message": "PUBLIC_ERROR_UNUSUAL_ACTIVITY: evaluation failed",
        "type": "server_error", "code": "generation_failed", "status_code": 500 } });
    assert_eq!(of_create(500, &soft_block), Quota);
}

#[test]
fn codes_that_are_numbers_and_answers_that_are_texts_are_read() {
    assert_eq!(
        of_create(402, &json!({ "error": { "code": 402, "message": "Not enough credits" } })),
        Quota
    );
    assert_eq!(
        of_create(429, &json!({ "code": 2002, "msg": "Concurrent limit exceeded" })),
        Overloaded
    );
    assert_eq!(of_create(429, &json!({ "code": 2003, "msg": "Daily limit exceeded" })), Quota);
    assert_eq!(
        of_create(
            422,
            &json!({ "detail": [{ "loc": ["body", "prompt"], "msg": "Field required" }] })
        ),
        BadRequest
    );
    assert_eq!(of_text(422, "resolution_conflict: the size is fixed"), BadRequest);
    assert_eq!(of_text(504, "<html><title>2api | 504: Gateway time-out</title></html>"), Timeout);
    assert_eq!(of_text(500, ""), Runtime);
    assert_eq!(of_text(200, "\u{fffd}nothing that anybody knows"), UnknownProviderError);
}

#[test]
fn a_success_with_an_error_and_no_name_is_a_refusal() {
    let errors = [
        json!({ "error": { "code": "insufficient_balance", "message": "top up" } }),
        json!({ "code": 1008, "message": "insufficient balance", "data": null }),
        json!({ "base_resp": { "status_code": 1008, "status_msg": "insufficient balance" } }),
    ];

    for error in errors {
        let end = submit(Some("relay"), 200, &error);
        let Err(SubmitError::Refused(fault)) = end else { panic!("{error}: {end:?}") };
        assert_eq!(fault.kind, Quota, "{error}");
    }
}

#[test]
fn a_create_that_may_have_been_taken_is_lost() {
    let lost = |end| assert!(matches!(end, Err(SubmitError::Lost(_))), "{end:?}");

    lost(submit(None, 200, &json!({ "object": "video" })));
    lost(submit(None, 200, &json!({ "id": ".." })));
    lost(submit(None, 504, &json!({})));
    lost(submit(Some("relay"), 500, &json!({ "error": { "message": "upstream timed out" } })));
    lost(submit(Some("relay"), 200, &json!({ "code": 500, "msg": "timeout" })));
    let talk = super::adapter(None).submit(&a_submission("m"), NOON);
    lost(hold(talk, [testing::silence(true)]).1.map(|taken| taken.remote_id));
}

#[test]
fn a_name_is_found_in_every_envelope() {
    let named = |body: Json| submit(Some("relay"), 200, &body).unwrap();

    assert_eq!(named(json!({ "id": "video_1", "error": { "message": "x" } })), "video_1");
    assert_eq!(
        named(json!({ "code": "success", "data": { "id": 7, "task_id": "task_1" } })),
        "task_1"
    );
    assert_eq!(named(json!({ "request_id": "r-1" })), "r-1");
    assert_eq!(named(json!({ "id": 42 })), "42");
}

#[test]
fn the_end_of_the_api_is_told_where_it_shows() {
    let end = submit(
        None,
        404,
        &json!({ "error": { "message": "Unknown path", "type": "invalid_request_error" } }),
    );

    let Err(SubmitError::Refused(fault)) = end else { panic!("{end:?}") };
    assert_eq!(fault.kind, BadRequest);
    assert!(fault.message.contains("2026-09-24"), "{}", fault.message);
}

#[test]
fn a_render_that_failed_says_why_in_every_form() {
    let kind = |variant, status, name: &str| failed(variant, status, &super::fixture(name)).kind;

    assert_eq!(kind(None, 200, "failed-2026-08"), RefusedContent);
    assert_eq!(kind(Some("azure-jobs"), 200, "azure-job-failed-2025-12"), RefusedContent);
    assert_eq!(kind(Some("vllm-omni"), 500, "vllm-omni-failed-0.30"), Runtime);
    assert_eq!(kind(Some("newapi"), 200, "newapi-generic-failed-2026"), RefusedContent);
    let told = |job: Json| failed(Some("openrouter"), 200, &job).kind;
    assert_eq!(
        told(
            json!({ "id": "g", "status": "failed", "error": "blocked by moderation; credits were returned" })
        ),
        RefusedContent
    );
    assert_eq!(
        told(
            json!({ "id": "g", "status": "failed", "error": "upstream bizCode=451, msg=prompt_unsafe" })
        ),
        RefusedContent
    );
    assert_eq!(
        told(json!({ "id": "g", "status": "failed", "error": "422 499 Client Closed Request" })),
        Timeout
    );
    assert_eq!(
        told(json!({ "id": "g", "status": "failed", "error": { "message": "what is this" } })),
        UnknownProviderError
    );
    assert_eq!(told(json!({ "id": "g", "status": "failed", "error": null })), UnknownProviderError);
    assert_eq!(told(json!({ "id": "g", "status": "cancelled" })), Runtime);
    assert_eq!(told(json!({ "id": "g", "status": "expired" })), Timeout);
    assert_eq!(told(json!({ "id": "g", "status": "dead" })), UnknownProviderError);
    assert_eq!(told(json!({ "id": "g", "status": "deleted" })), Lost);
}

#[test]
fn a_success_that_is_a_failure_is_one() {
    let with_error = json!({ "id": "v", "status": "completed", "error": { "message": "the model is overloaded" } });
    assert_eq!(failed(None, 200, &with_error).kind, Overloaded);
    let in_disguise = json!({ "error": { "code": "task_failed", "message": "no luck" } });
    assert_eq!(failed(Some("relay"), 200, &in_disguise).kind, Runtime);
    let unknown = json!({ "error": { "message": "Video not found" } });
    assert_eq!(poll(None, 404, &unknown).unwrap_err().kind, Lost);
}

#[test]
fn a_question_that_was_not_answered_is_no_failure_of_the_render() {
    for (status, kind) in
        [(401, Auth), (403, Overloaded), (429, Overloaded), (500, Runtime), (503, Overloaded)]
    {
        assert_eq!(poll(None, status, &json!({})).unwrap_err().kind, kind);
    }
    let busy = json!({ "error": { "code": "rate_limit_exceeded", "message": "slower" } });
    assert_eq!(poll(Some("relay"), 200, &busy).unwrap_err().kind, Overloaded);
    let talk = super::adapter(None).poll(&a_render("m", "v"), NOON);
    let page = hold(talk, [testing::reply(200, &[], "<html>maintenance</html>")]).1;
    assert_eq!(page.unwrap_err().kind, UnknownProviderError);
}

#[test]
fn a_proven_refusal_beside_the_name_of_the_request_is_one_and_beside_a_state_it_is_none() {
    let refused =
        json!({ "id": "req_abc", "error": { "code": "insufficient_quota", "message": "no" } });
    let Err(SubmitError::Refused(fault)) = submit(Some("relay"), 200, &refused) else {
        panic!("it was taken")
    };
    assert_eq!(fault.kind, Quota);

    let mut queued = refused.clone();
    queued["status"] = "queued".into();
    assert_eq!(submit(Some("relay"), 200, &queued), Ok("req_abc".to_owned()));
    assert_eq!(
        submit(Some("relay"), 200, &json!({ "id": "v", "error": null })),
        Ok("v".to_owned())
    );
}

#[test]
fn a_name_beside_words_alone_that_refuse_is_that_of_a_render() {
    for message in ["ok: a robot flagged by moderation", "moderation_blocked for a robot"] {
        let body = json!({ "code": 1, "message": message, "data": { "task_id": "t" } });
        assert_eq!(submit(Some("relay"), 200, &body), Ok("t".to_owned()), "{body}");
    }
    let body = json!({ "code": 401, "message": "no such key", "data": { "task_id": "t" } });
    assert!(matches!(submit(Some("relay"), 200, &body), Err(SubmitError::Refused(_))));
}

#[test]
fn an_error_whose_body_is_the_render_tells_that_it_was_taken() {
    let error = json!({ "message": "conflict: already exists", "code": "conflict" });
    let video = json!({ "id": "v", "object": "video", "status": "queued", "error": error });
    for status in [408, 409, 425, 429, 499, 500, 502, 503] {
        assert_eq!(submit(Some("litellm"), status, &video), Ok("v".to_owned()), "{status}");
    }
    let bare = json!({ "id": "v", "status": "queued", "error": { "message": "webhook failed" } });
    for body in [bare.clone(), json!({ "data": bare })] {
        assert_eq!(submit(Some("litellm"), 500, &body), Ok("v".to_owned()), "{body}");
    }
    let queued = json!({ "id": "v", "status": "queued", "model": "m" });
    for status in [409, 429] {
        assert_eq!(submit(Some("relay"), status, &queued), Ok("v".to_owned()), "{status}");
    }
    let blocked = json!({ "code": "moderation_blocked", "message": "Thumbnail blocked" });
    let video = json!({ "id": "v", "object": "video", "error": blocked });
    assert_eq!(submit(Some("relay"), 200, &video), Ok("v".to_owned()));
    let enveloped = json!({ "id": "req-1", "data": { "task_id": "t", "status": "queued" } });
    assert_eq!(submit(Some("relay"), 200, &enveloped), Ok("t".to_owned()));
    // Under the status of a refusal it may be the request that has a name.
    assert!(matches!(submit(Some("litellm"), 409, &bare), Err(SubmitError::Refused(_))));
    let over = json!({ "id": "v", "object": "video", "status": "failed", "error": error });
    assert!(submit(Some("litellm"), 500, &over).is_err());
}

#[test]
fn a_relay_that_passed_a_create_on_and_was_not_answered_has_lost_it_under_any_status() {
    for (status, body) in [
        (400, json!({ "error": { "type": "upstream_error", "message": "unexpected EOF" } })),
        (400, json!({ "error": { "code": "do_request_failed", "message": "no answer" } })),
        (400, json!({ "error": { "code": "bad_response_body", "message": "cannot read it" } })),
        (409, json!({ "error": { "message": "The request is being processed" } })),
        (409, json!({ "message": "a request with this id is being processed" })),
        (422, json!({ "detail": "upstream request timed out" })),
        (400, json!({ "message": "Upstream request failed" })),
        (409, json!({ "error": { "message": "a generation is already in progress for this id" } })),
        (429, json!({ "error": { "message": "upstream timed out" } })),
        (
            429,
            json!({ "error": { "message": "context deadline exceeded", "type": "upstream_error" } }),
        ),
        (
            429,
            json!({ "error": { "code": "rate_limit_exceeded", "message": "your request has been queued and will run" } }),
        ),
        (
            500,
            json!({ "error": { "code": "slow_down", "message": "The job was accepted and is in the queue" } }),
        ),
        (
            409,
            json!({ "error": { "code": "invalid_value", "message": "An identical request is already being processed" } }),
        ),
        (400, json!({ "error": { "code": "output_moderation", "message": "It was blocked" } })),
        (400, json!({ "error": { "message": "unexpected end of JSON input" } })),
        (422, json!({ "error": { "message": "upstream returned status 500" } })),
        (
            500,
            json!({ "error": { "type": "invalid_request_error", "code": "500",
                "message": "'NoneType' object has no attribute 'get'" } }),
        ),
        (
            500,
            json!({ "error": { "type": "api_error", "param": "video_id", "message": "cannot serialise it" } }),
        ),
        (200, json!({ "code": 400, "message": "bad gateway from upstream" })),
        (200, json!({ "code": 400, "message": "billing webhook failed" })),
        (200, json!({ "success": false, "message": "quota service unavailable" })),
        (200, json!({ "error": { "message": "the moderation log is full" } })),
        (
            200,
            json!({ "base_resp": { "status_code": 1000, "status_msg": "unknown error, quota unchanged" } }),
        ),
    ] {
        for variant in [Some("relay"), Some("newapi"), Some("litellm"), Some("openrouter")] {
            let Err(SubmitError::Lost(fault)) = submit(variant, status, &body) else {
                panic!("{variant:?} {status} {body}")
            };
            let is_reason = matches!(fault.kind, RefusedContent | BadRequest | Quota | Auth);
            assert!(!is_reason, "{status} {body}: {fault:?}");
        }
    }
}

#[test]
fn what_a_relay_says_plainly_is_a_refusal_under_any_status() {
    let error =
        |code: &str, message: &str| json!({ "error": { "code": code, "message": message } });
    for (status, body, kind) in [
        (500, error("invalid_value", "Invalid value: 'duration'"), BadRequest),
        (500, error("content_policy_violation", "no"), RefusedContent),
        (500, error("InputTextSensitiveContentDetected.PolicyViolation", "m"), RefusedContent),
        (500, json!({ "error": { "code": 401, "message": "no" } }), Auth),
        (502, json!({ "error": { "code": 402, "message": "no" } }), Quota),
        (
            500,
            json!({ "error": { "code": 422, "message": "duration must be 4, 8 or 12" } }),
            BadRequest,
        ),
        (
            500,
            json!({ "error": { "type": "invalid_request_error", "message": "no such size" } }),
            BadRequest,
        ),
        (
            500,
            json!({ "error": { "type": "upstream_error", "message": "bad response status code 401" } }),
            Auth,
        ),
        (
            400,
            json!({ "error": { "type": "upstream_error", "message": "bad response status code 400" } }),
            Runtime,
        ),
        (
            429,
            json!({ "error": { "type": "upstream_error", "message": "Upstream rate limit exceeded" } }),
            Overloaded,
        ),
        (
            400,
            json!({ "error": { "type": "upstream_error", "message": "the prompt is too long" } }),
            BadRequest,
        ),
        (503, error("model_not_found", "No available channel for model x"), BadRequest),
    ] {
        let end = submit(Some("relay"), status, &body);
        let Err(SubmitError::Refused(fault)) = end else { panic!("{status} {body}: {end:?}") };
        assert_eq!(fault.kind, kind, "{status} {body}");
    }
}

#[test]
fn a_relays_own_plain_words_are_a_refusal_in_a_success_and_in_a_failure() {
    let error =
        |code: &str, message: &str| json!({ "error": { "code": code, "message": message } });
    for (status, body, kind) in [
        (
            200,
            json!({ "code": 1301, "message": "Trigger the content security policy of the platform" }),
            RefusedContent,
        ),
        (
            200,
            json!({ "base_resp": { "status_code": 2013, "status_msg": "invalid params, duration" } }),
            BadRequest,
        ),
        (200, json!({ "code": 401, "message": "no" }), Auth),
        (200, json!({ "code": 400, "message": "duration is invalid" }), BadRequest),
        (500, json!("user quota is not enough"), Quota),
        (
            500,
            json!({ "code": "InternalError.Algo", "message": "Missing Content-Length of multimodal url." }),
            BadRequest,
        ),
        (
            503,
            error("ModelUnavailable", "Model is unavailable, please try again later."),
            Overloaded,
        ),
        (503, error("server_is_overloaded", "The server is overloaded"), Overloaded),
    ] {
        let end = submit(Some("relay"), status, &body);
        let Err(SubmitError::Refused(fault)) = end else { panic!("{status} {body}: {end:?}") };
        assert_eq!(fault.kind, kind, "{status} {body}");
    }
}

#[test]
fn googles_exhausted_minute_is_load_also_where_it_was_passed_on() {
    let google = |details: Json| {
        json!({ "error": { "code": 429, "status": "RESOURCE_EXHAUSTED",
            "message": "You exceeded your current quota, please check your plan and billing details.",
            "details": details } })
    };
    let retry = json!({ "@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "34s" });
    let quota = |id: &str| json!({ "violations": [{ "quotaId": id }] });
    let soon = google(json!([quota("RequestsPerMinutePerProject"), retry]));
    let raw = json!({ "error": { "code": 429, "message": "Provider returned error",
        "metadata": { "provider_name": "Google", "raw": soon.to_string() } } });
    let in_text =
        json!({ "error": { "type": "upstream_error", "message": format!("upstream: {soon}") } });
    let flat = json!({ "error": { "code": "rate_limited",
        "message": "You exceeded your current quota, check your billing details. Please retry in 34.07s." } });

    for body in [soon.clone(), json!([soon]), raw, in_text, flat] {
        for variant in [Some("relay"), Some("newapi"), Some("openrouter")] {
            let end = submit(variant, 429, &body);
            let Err(SubmitError::Refused(fault)) = end else { panic!("{body}: {end:?}") };
            assert_eq!(fault.kind, Overloaded, "{body}");
            assert_eq!(fault.retry_after.map(|pause| pause.as_secs()), Some(34), "{body}");
        }
    }
    assert_eq!(of_create(429, &google(json!([quota("RequestsPerDayPerProject"), retry]))), Quota);
}
