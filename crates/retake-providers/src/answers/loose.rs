//! Words and codes that refusals are made of, in answers that refuse nothing.

use retake_core::fault::FaultKind;
use serde_json::{Value as Json, json};

use super::{Subject, subjects};
use crate::{SubmitError, testing::reply};

/// What servers say that failed over something of their own, in words that refusals are made of.
const LOOSE_WORDS: [(u16, &str); 60] = [
    (500, "Failed to send usage email: insufficient credits at the mail provider"),
    (503, "Too many requests are being written to the job log"),
    (500, "The server is overloaded, please contact billing if this persists"),
    (500, "billing service unavailable, charge will be retried"),
    (500, "Not enough quota on disk to store the video"),
    (503, "Service temporarily unavailable. Your quota is fine."),
    (504, "Upstream request timed out (billing webhook)"),
    (500, "Failed to save moderation log"),
    (500, "unauthorized access to shared memory segment"),
    (500, "model not found in cache while finalizing"),
    (500, "moderation service timed out"),
    (500, "the moderation queue is backed up"),
    (500, "content filter crashed with exit code 137"),
    (500, "content policy violation checker failed to load"),
    (500, "content_policy_violation checker failed to load"),
    (500, "NSFW detector: CUDA out of memory"),
    (500, "unsafe memory access in the decoder"),
    (500, "copyright watermark step failed"),
    (500, "sensitive content detection error"),
    (500, "safety system did not answer"),
    (500, "Failed to charge payment method, render accepted"),
    (500, "payment gateway is not reachable"),
    (500, "usage limit check: connection refused"),
    (500, "spend limit service unreachable"),
    (500, "insufficient quota on volume /data"),
    (500, "insufficient balance between shards"),
    (500, "invalid token in JSON at position 0"),
    (500, "unexpected token < in JSON"),
    (500, "invalid key in redis reply"),
    (500, "Invalid API key for the storage bucket"),
    (500, "authentication failed for user postgres"),
    (500, "unsupported operand type(s) for +: 'NoneType' and 'int'"),
    (500, "'NoneType' object is not valid"),
    (500, "expected an object, got undefined"),
    (500, "the output must be uploaded first"),
    (500, "invalid parameter passed to the kernel"),
    (500, "pixel is out of range at frame 30"),
    (500, "model not found on worker 7"),
    (500, "status 404 while uploading the result"),
    (500, "webhook receiver answered 401"),
    (500, "bad response status code 502"),
    (500, "whitelisted worker is gone"),
    (500, "suspended coroutine was never resumed"),
    (500, "no quota information"),
    (503, "Temporarily unavailable, you were not billed"),
    (529, "unauthorized"),
    (500, "moderation"),
    (500, "rate limit exceeded, quota resets in 3s"),
    (500, "too many open files"),
    (500, "the model is not available in your region, see billing"),
    (500, "permission denied: /var/log/moderation"),
    (500, "deployment is restarting"),
    (500, "free tier node pool is draining"),
    (500, "no such key in the credit balance table"),
    (500, "content-filter sidecar answered 401"),
    (500, "HTTP 402 from the metrics endpoint"),
    (500, "code 403 from the log sink"),
    (502, "Incorrect API key provided by the callback receiver, connection reset"),
    (500, "billing maintenance"),
    (500, "审核服务超时"),
];

#[test]
fn a_code_beside_words_of_a_failure_on_the_way_proves_no_refusal() {
    let said = "Bad gateway from upstream: connection reset";
    for (name, body) in [
        (
            "google/",
            json!({ "error": { "code": 400, "status": "INVALID_ARGUMENT", "message": said } }),
        ),
        ("fal/", json!({ "detail": said, "error_type": "bad_request" })),
        ("fal/", json!({ "detail": "no", "error_type": "file_storage_error" })),
        ("fal/", json!({ "detail": "no", "error_type": "image_service_unavailable" })),
        ("replicate/", json!({ "title": "Bad request", "detail": said, "status": 400 })),
        (
            "openai/relay",
            json!({ "error": { "code": "content_filter", "message": "it timed out" } }),
        ),
        ("openai/relay", json!({ "error": { "code": 401, "message": "the webhook said no" } })),
        ("openai/relay", json!({ "error": { "type": "invalid_request_error", "message": said } })),
        (
            "openai/relay",
            json!({ "error": { "type": "invalid_request_error",
                "message": "duplicate key value violates unique constraint \"tasks_pkey\"" } }),
        ),
        (
            "openai/relay",
            json!({ "error": { "type": "upstream_response_error", "param": "task_id",
                "message": "task_id must not be empty" } }),
        ),
        (
            "openai/relay",
            json!({ "error": { "code": "invalid_value", "message": "insert of task record failed" } }),
        ),
        (
            "openai/relay",
            json!({ "error": { "code": "content_filter", "message": "could not store result" } }),
        ),
    ] {
        let subjects = subjects();
        let subject = subjects.iter().find(|subject| subject.name == name).unwrap();
        let created = subject.create(&reply(500, &[], body.to_string()));

        assert!(matches!(created, Err(SubmitError::Lost(_))), "{name} {body}: {created:?}");
    }
}

/// A text in every form in which servers tell of errors.
fn in_every_form(subject: &Subject, status: u16, text: &str) -> [Json; 7] {
    [
        subject.own(text),
        json!({ "error": text }),
        json!({ "message": text }),
        json!({ "detail": text }),
        json!({ "error": { "message": text, "code": status } }),
        json!({ "error": { "message": format!("upstream failed: {{\"error\":\"{text}\"}}") } }),
        json!(text),
    ]
}

/// What clients of other servers say, under the status of a refusal, when they got no answer, and what servers say of a
/// request that they have had.
const NO_ANSWERS: [(u16, &str); 20] = [
    (400, "Request timeout"),
    (400, "litellm.Timeout: Connection timed out after 600.0 seconds."),
    (400, "net/http: timeout awaiting response headers"),
    (400, "The operation was aborted due to timeout"),
    (400, "socket hang up"),
    (400, "fetch failed"),
    (422, "read ECONNRESET"),
    (400, "connect ETIMEDOUT 10.0.0.1:443"),
    (400, "Remote end closed connection without response"),
    (400, "upstream prematurely closed connection while reading response header"),
    (400, "Client disconnected"),
    (400, "TypeError: Failed to fetch"),
    (400, "write EPIPE"),
    (424, "getaddrinfo EAI_AGAIN vendor.example.com"),
    (400, "HTTPSConnectionPool(host='v', port=443): Max retries exceeded"),
    (429, "A previous identical request is still running"),
    (409, "The task was just queued"),
    (409, "duplicate request"),
    (409, "This request has already been submitted"),
    (400, "server closed the connection unexpectedly"),
];

#[test]
fn a_refusal_that_tells_of_an_answer_that_did_not_come_is_none() {
    for subject in subjects() {
        for (status, text) in NO_ANSWERS {
            let typed = json!({ "error": { "message": text, "type": "invalid_request_error" } });
            let bodies = in_every_form(&subject, status, text).into_iter().chain([typed]);
            for body in bodies.map(|body| body.to_string()).chain([text.to_owned()]) {
                let created = subject.create(&reply(status, &[], body.clone()));

                let is_lost = matches!(created, Err(SubmitError::Lost(_)));
                assert!(is_lost, "{} {status} {body}: {created:?}", subject.name);
            }
        }
    }
}

#[test]
fn words_of_refusals_in_a_server_that_failed_prove_no_refusal() {
    for subject in subjects() {
        for (status, text) in LOOSE_WORDS {
            for body in in_every_form(&subject, status, text) {
                let created = subject.create(&reply(status, &[], body.to_string()));

                let Err(SubmitError::Lost(fault)) = created else {
                    panic!("{} {status} {body}: {created:?}", subject.name)
                };
                let is_reason = matches!(
                    fault.kind,
                    FaultKind::RefusedContent
                        | FaultKind::Quota
                        | FaultKind::Auth
                        | FaultKind::BadRequest
                );
                assert!(!is_reason, "{} {status} {body}: {fault:?}", subject.name);
            }
        }
    }
}

#[test]
fn codes_that_only_resemble_those_of_refusals_prove_no_refusal() {
    for subject in subjects() {
        for code in [
            "content_filter_timeout",
            "content_filter.timeout",
            "moderation_unavailable",
            "billing_service_down",
            "quota_lookup_failed",
            "unauthorized_upstream",
            "internal_error",
            "upstream_error",
        ] {
            for body in [
                json!({ "error": { "code": code, "message": "no" } }),
                json!({ "error": { "type": code, "message": "no" } }),
                json!({ "code": code, "message": "no" }),
                json!({ "error": code }),
                json!({ "detail": "no", "error_type": code }),
            ] {
                let created = subject.create(&reply(500, &[], body.to_string()));

                let is_lost = matches!(created, Err(SubmitError::Lost(_)));
                assert!(is_lost, "{} {body}: {created:?}", subject.name);
            }
        }
    }
}

#[test]
fn the_name_of_a_status_is_no_word_of_the_provider() {
    let names = [
        (500, "Internal Server Error"),
        (502, "Bad Gateway"),
        (503, "Service Unavailable"),
        (503, "503 Service Temporarily Unavailable"),
        (504, "Gateway Time-out"),
    ];
    for subject in subjects() {
        for (status, name) in names {
            let created = subject.create(&reply(status, &[], subject.own(name).to_string()));

            let is_lost = matches!(created, Err(SubmitError::Lost(_)));
            assert!(is_lost, "{} {status} {name}: {created:?}", subject.name);
        }
        for body in [
            json!({ "message": "Forbidden" }),
            json!({ "error": "Forbidden" }),
            json!({ "detail": "Access denied." }),
            json!({ "message": "Missing Authentication Token" }),
            json!({ "success": false, "errors": [{ "code": 1020, "message": "Access denied" }] }),
        ] {
            let created = subject.create(&reply(403, &[], body.to_string()));

            let Err(SubmitError::Refused(fault)) = created else {
                panic!("{} {body}: {created:?}", subject.name)
            };
            assert_eq!(fault.kind, FaultKind::Overloaded, "{} {body}", subject.name);
        }
    }
}
