//! How far a render is, and where its file is.

use std::time::Duration;

use retake_core::{fault::FaultKind, money::Usd, size::Size};
use secrecy::ExposeSecret as _;
use serde_json::{Value as Json, json};

use super::{adapter, fixture, poll, poll_for, submit};
use crate::{
    Call, Download, Echo, FetchError, Polled, Value,
    testing::{self, NOON, a_render, a_submission, hold},
};

fn running(polled: Polled) -> (u8, Duration, Option<String>) {
    match polled {
        Polled::Running { percent, ask_again_in, note } => (percent, ask_again_in, note),
        other => panic!("not running: {other:?}"),
    }
}

#[test]
fn progress_is_read_as_a_number_a_text_or_a_share() {
    let percent = |job: Json| running(poll(Some("relay"), 200, &job).unwrap()).0;

    assert_eq!(percent(fixture("in-progress-2026-08")), 33);
    assert_eq!(
        percent(
            json!({ "code": "success", "data": { "status": "IN_PROGRESS", "progress": "45%" } })
        ),
        45
    );
    assert_eq!(percent(json!({ "status": "running", "progress_pct": 0.42 })), 42);
    assert_eq!(percent(json!({ "status": "queued", "progress": "soon" })), 0);
}

#[test]
fn a_word_that_nobody_documents_is_still_running_and_noted() {
    let (_, _, note) =
        running(poll(Some("newapi"), 200, &json!({ "id": "t", "status": "unknown" })).unwrap());
    assert_eq!(note.as_deref(), Some("the status `unknown` is not documented"));

    let (_, _, note) =
        running(poll(Some("relay"), 200, &json!({ "request_id": "r", "id": "t" })).unwrap());
    assert_eq!(note.as_deref(), Some("the answer has no status yet"));
}

#[test]
fn the_next_question_waits_as_long_as_the_answer_asks() {
    let pause = |headers: &[(&'static str, &str)]| {
        let answer = testing::reply(200, headers, r#"{"id":"v","status":"queued"}"#);
        let talk = adapter(None).poll(&a_render("m", "v"), NOON);
        running(hold(talk, [answer]).1.unwrap()).1
    };

    assert_eq!(pause(&[]), Duration::from_secs(10));
    assert_eq!(pause(&[("openai-poll-after-ms", "2500")]), Duration::from_millis(2500));
    assert_eq!(
        pause(&[("openai-poll-after-ms", "5"), ("retry-after", "7")]),
        Duration::from_secs(7)
    );
    assert_eq!(pause(&[("openai-poll-after-ms", "5")]), Duration::from_secs(1));
    assert_eq!(pause(&[("retry-after", "9000")]), Duration::from_mins(1));
}

#[test]
fn a_finished_render_is_known_under_every_word() {
    for name in ["completed-2026-08", "newapi-completed-2026"] {
        assert_eq!(poll(Some("relay"), 200, &fixture(name)), Ok(Polled::RENDERED), "{name}");
    }
    for word in ["completed", "succeeded", "SUCCESS", "done", "Finished"] {
        let job = json!({ "status": word, "message": "Video generated successfully" });
        assert_eq!(poll(Some("relay"), 200, &job), Ok(Polled::RENDERED), "{word}");
    }
    let envelope = json!({ "status": "success", "data": { "status": "processing" } });
    assert!(matches!(poll(Some("relay"), 200, &envelope), Ok(Polled::Running { .. })));
}

fn fetched(variant: &str, job: &Json) -> Result<Download, FetchError> {
    let name = submit(Some(variant), 200, job).unwrap_or_else(|_| "v 1".to_owned());
    let talk = adapter(Some(variant)).fetch(&a_render("m", &name), NOON);
    hold(talk, [testing::json(200, job)]).1
}

fn download(variant: &str, job: &Json) -> Call {
    match fetched(variant, job).unwrap() {
        Download::From(call) | Download::Either(call, _) => call,
        Download::Whole(bytes) => panic!("{} bytes", bytes.len()),
    }
}

#[test]
fn a_file_that_an_answer_names_is_looked_for_at_the_content_as_well() {
    let job = json!({ "id": "v-1", "status": "completed", "url": "https://cdn.example.com/v.mp4" });

    let Ok(Download::Either(named, content)) = fetched("relay", &job) else { panic!("one place") };

    assert_eq!(named.url, "https://cdn.example.com/v.mp4");
    assert!(!carries_key(&named) && carries_key(&content), "{named:?} {content:?}");
    assert!(content.url.ends_with("/videos/v-1/content"), "{}", content.url);
}

fn carries_key(call: &Call) -> bool {
    call.headers.iter().any(|(_, value)| {
        matches!(value, Value::Secret(secret) if secret.expose_secret().contains("nobody"))
    })
}

// verifies: openai: download
#[test]
fn openai_hands_the_file_out_below_the_render() {
    let (calls, end) = hold(adapter(None).fetch(&a_render("m", "video_1"), NOON), []);

    let Ok(Download::From(call)) = end else { panic!("{end:?}") };
    assert!(calls.is_empty() && carries_key(&call));
    assert_eq!(call.url, "https://api.openai.com/v1/videos/video_1/content");
}

// verifies: openai/azure-jobs: download
#[test]
fn the_file_of_an_azure_job_is_that_of_its_first_generation() {
    let call = download("azure-jobs", &fixture("azure-job-succeeded-2025-12"));

    assert_eq!(
        call.url,
        "https://host.example.com/openai/v1/video/generations/gen_00000000/content/video?api-version=preview"
    );
    assert_eq!(call.headers[0].0, "api-key");
}

#[test]
fn the_key_goes_along_to_the_accounts_own_host_and_nowhere_else() {
    let own = download("openrouter", &fixture("openrouter-completed-2026-07"));
    assert!(carries_key(&own) && own.url.starts_with("https://openrouter.ai/"));

    for elsewhere in [
        "https://cdn.example.com/file.mp4",
        "https://host.example.com.evil.example/file.mp4",
        "https://host.example.com:8443/file.mp4",
        "http://host.example.com/file.mp4",
    ] {
        let call =
            download("relay", &json!({ "id": "v", "status": "completed", "url": elsewhere }));
        assert_eq!(call.url, elsewhere);
        assert!(!carries_key(&call), "{elsewhere}");
    }
}

#[test]
fn an_address_that_can_be_read_in_two_ways_is_not_followed() {
    for odd in [
        r"https://evil.example\@host.example.com/file.mp4",
        "https://host.example.com@evil.example/file.mp4",
        "https://host.example.com/a b",
    ] {
        let call = download("relay", &json!({ "id": "v", "status": "completed", "url": odd }));
        assert_eq!(call.url, "https://host.example.com/v1/videos/v/content", "{odd}");
    }
}

// verifies: openai/relay: download
#[test]
fn every_place_for_a_result_is_known() {
    let url = "https://cdn.example.com/file.mp4";
    for place in [
        json!({ "url": url }),
        json!({ "urls": [url] }),
        json!({ "unsigned_urls": [url] }),
        json!({ "video_url": url }),
        json!({ "metadata": { "url": url } }),
        json!({ "metadata": { "video_url": url } }),
        json!({ "video": { "url": url } }),
        json!({ "output": [url] }),
        json!({ "data": [{ "url": url }] }),
        json!({ "fail_reason": url }),
        json!({ "result_url": url }),
    ] {
        let mut job = place.clone();
        job["id"] = "v".into();
        job["status"] = "completed".into();
        assert_eq!(download("relay", &job).url, url, "{place}");
        assert_eq!(poll(Some("relay"), 200, &job), Ok(Polled::RENDERED), "{place}");
    }
}

#[test]
fn a_path_is_below_the_accounts_own_host_and_without_any_address_there_is_the_content() {
    let call = download(
        "relay",
        &json!({ "id": "v", "status": "completed", "url": "/v1/files/9/content" }),
    );
    assert_eq!(call.url, "https://host.example.com:443/v1/files/9/content");
    assert!(carries_key(&call));

    let call =
        download("sglang", &json!({ "id": "v", "status": "completed", "url": "/tmp/out.mp4" }));
    assert_eq!(call.url, "https://host.example.com/v1/videos/v/content");
}

#[test]
fn a_file_that_came_with_the_answer_is_taken_from_it() {
    let inline = json!({ "id": "v", "status": "completed", "url": "data:video/mp4;base64,AAAB" });

    let Ok(Download::Whole(bytes)) = fetched("relay", &inline) else { panic!("no bytes") };
    assert_eq!(&bytes[..], [0, 0, 1]);
}

#[test]
fn a_render_that_is_over_without_a_file_may_have_one_and_one_that_runs_again_comes_later() {
    for status in ["deleted", "expired"] {
        assert!(fetched("relay", &json!({ "id": "v", "status": status })).is_ok(), "{status}");
    }
    let blocked = json!({ "id": "v", "status": "failed", "error": "blocked by moderation" });
    assert!(matches!(fetched("relay", &blocked), Err(FetchError::Gone(_))));
    assert!(matches!(
        fetched("relay", &json!({ "id": "v", "status": "processing" })),
        Err(FetchError::Later(_))
    ));
}

#[test]
fn a_download_that_brought_nothing_is_tried_again_whatever_was_said() {
    let refused = |status, body: &'static str| {
        let reply = testing::reply(status, &[], body).unwrap();
        adapter(Some("vllm-omni")).refused_download(&reply)
    };

    assert!(matches!(
        refused(404, r#"{"detail":"Generation is still in-progress"}"#),
        FetchError::Later(_)
    ));
    assert!(matches!(refused(409, "{}"), FetchError::Later(_)));
    assert!(matches!(
        refused(403, "<?xml?><Error><Code>ExpiredToken</Code></Error>"),
        FetchError::Later(_)
    ));
    for (status, body) in [(404, r#"{"detail":"Video not found"}"#), (410, "{}")] {
        let FetchError::Later(fault) = refused(status, body) else { panic!("{status}") };
        assert_eq!(fault.kind, FaultKind::Lost, "{status}");
    }
    assert!(matches!(refused(422, r#"{"detail":"the job failed"}"#), FetchError::Later(_)));
}

// verifies: openai/vllm-omni: cancel
#[test]
fn only_vllm_omni_stops_a_render_by_deleting_it() {
    let render = a_render("m", "v");
    for variant in super::VARIANTS.into_iter().filter(|name| *name != Some("vllm-omni")) {
        assert!(hold(adapter(variant).cancel(&render, NOON), []).0.is_empty());
    }
    let cancel = |status| {
        let answer = testing::json(status, &json!({}));
        hold(adapter(Some("vllm-omni")).cancel(&render, NOON), [answer])
    };
    assert_eq!(cancel(200).0[0].method, http::Method::DELETE);
    assert!(cancel(404).1.is_ok() && cancel(409).1.is_ok() && cancel(500).1.is_err());
}

#[test]
fn what_an_answer_says_that_a_render_has_cost_is_read_in_dollars() {
    let charged = |job: Json| match poll(Some("relay"), 200, &job).unwrap() {
        Polled::Rendered { charged } | Polled::Failed { charged, .. } => charged,
        other => panic!("{other:?}"),
    };
    let usd = |micros| Some(Usd::from_micros(micros));

    assert_eq!(charged(fixture("openrouter-completed-2026-07")), usd(400_000));
    let ticks = json!({ "status": "done", "video": { "url": "https://x/v.mp4" },
        "usage": { "cost_in_usd_ticks": 5_000_000_000_u64 } });
    assert_eq!(charged(ticks), usd(500_000));
    let billing = |kind: &str, currency: &str| {
        json!({ "id": "t", "status": "succeeded", "url": "https://x/v.mp4",
            "billing": [{ "charge_type": kind, "amount": "0.42", "currency": currency }] })
    };
    assert_eq!(charged(billing("cash", "USD")), usd(420_000));
    assert_eq!(charged(billing("unit", "USD")), None);
    assert_eq!(charged(billing("cash", "CNY")), None);
    let own_key =
        json!({ "id": "g", "status": "completed", "usage": { "cost": 0.01, "is_byok": true } });
    assert_eq!(charged(own_key), None);
    let returned = json!({ "id": "g", "status": "failed", "error": "blocked by moderation; credits were returned" });
    assert_eq!(charged(returned), Some(Usd::ZERO));
    let failed =
        json!({ "id": "g", "status": "failed", "error": "no luck", "usage": { "cost": 0 } });
    assert_eq!(charged(failed), Some(Usd::ZERO));
    assert_eq!(charged(json!({ "id": "g", "status": "failed", "error": "no luck" })), None);
}

#[test]
fn a_file_beside_a_failure_or_an_unknown_word_is_looked_at_before_another_is_paid_for() {
    let with_url = |status: &str, error: &str| json!({ "id": "t", "status": status, "error": error, "video_url": "https://x/v.mp4" });

    for job in [
        json!({ "id": "t", "status": "unknown", "metadata": { "url": "https://x/v.mp4" } }),
        with_url("failed", "an internal error occurred"),
        json!({ "id": "t", "status": "failed", "fail_reason": "https://x/v.mp4" }),
        with_url("expired", ""),
    ] {
        let looked_at = match poll(Some("newapi"), 200, &job) {
            Ok(Polled::Disputed { .. }) => job["status"] != "unknown",
            Ok(Polled::Rendered { .. }) => job["status"] == "unknown",
            _ => false,
        };
        assert!(looked_at, "{job}");
        assert_eq!(download("newapi", &job).url, "https://x/v.mp4");
    }
    let deleted = json!({ "id": "t", "status": "deleted" });
    let talk = adapter(Some("relay")).poll(&a_render("m", "t"), NOON);
    let file = testing::reply(200, &[("content-type", "video/mp4")], "\0\0\0\x18ftypmp42");
    let (calls, polled) = hold(talk, [testing::json(200, &deleted), file]);
    assert_eq!(calls.len(), 2, "the content of a deleted render is asked for");
    assert!(matches!(polled, Ok(Polled::Disputed { .. })), "{polled:?}");
    let blocked = with_url("failed", "blocked by moderation");
    assert!(matches!(poll(Some("newapi"), 200, &blocked), Ok(Polled::Failed { .. })));
}

#[test]
fn a_file_inside_an_answer_about_a_render_has_room() {
    for variant in ["newapi", "relay", "openrouter", "sglang"] {
        let talk = adapter(Some(variant)).poll(&a_render("m", "v"), NOON);
        let (calls, _) = hold(talk, [testing::json(200, &json!({}))]);
        assert!(calls[0].largest_answer >= 96 << 20, "{variant}");
    }
    let inline = json!({ "b64_json": "AAAB" });
    assert!(matches!(poll(Some("relay"), 200, &inline), Ok(Polled::Rendered { .. })));
}

#[test]
fn what_a_create_says_that_will_be_rendered_is_heard() {
    let echo = |body: Json| {
        let talk = adapter(Some("relay")).submit(&a_submission("m"), NOON);
        hold(talk, [testing::json(200, &body)]).1.unwrap().echo
    };
    let of = |duration_ms, size| Echo { duration_ms, size };
    let hd = Some(Size::new(1280, 720));

    assert_eq!(
        echo(json!({ "id": "v", "seconds": "10", "size": "1280x720" })),
        of(Some(10_000), hd)
    );
    assert_eq!(echo(json!({ "id": "v", "duration": 7.292 })), of(Some(7_292), None));
    let enveloped = json!({ "code": 0, "data": { "task_id": "t", "duration": 10, "width": 1280, "height": 720 } });
    assert_eq!(echo(enveloped), of(Some(10_000), hd));
    assert_eq!(echo(json!({ "id": "v", "seconds": "", "size": "auto" })), Echo::default());
    assert_eq!(echo(json!({ "id": "v", "seconds": -3, "width": 0, "height": 0 })), Echo::default());
}

/// A file as it is handed out, and answers that are none.
fn handed_out() -> [crate::Answer; 4] {
    let video = |status, media_type, body: &'static [u8]| {
        testing::reply(status, &[("content-type", media_type)], body)
    };
    [
        video(206, "video/mp4", b"\0\0\0\x18ftypmp42"),
        video(200, "application/octet-stream", b"\x1a\x45\xdf\xa3webm"),
        video(200, "text/plain", b"\0\0\0\x18ftypisom"),
        testing::reply(302, &[("location", "https://cdn.example.com/v.mp4")], ""),
    ]
}

/// Answers that say that there is no file.
fn refusals_of_a_file() -> Vec<crate::Answer> {
    let answers = [
        (400, "{}"),
        (404, r#"{"detail":"Video not found"}"#),
        (410, ""),
        (422, r#"{"detail":"the job failed"}"#),
    ];
    in_octets(&answers)
}

/// Answers that leave it open whether there is one.
fn no_answers_about_a_file() -> Vec<crate::Answer> {
    let answers = [
        (401, r#"{"error":{"message":"token expired"}}"#),
        (403, ""),
        (404, r#"{"detail":"the file is not ready yet"}"#),
        (408, ""),
        (409, r#"{"error":{"message":"the file is not ready yet"}}"#),
        (425, ""),
        (429, r#"{"error":{"message":"slow down"}}"#),
        (500, ""),
        (503, "<html><title>503 Service Unavailable</title></html>"),
        (200, r#"{"error":"no"}"#),
        (200, ""),
        (200, "<html>sign in</html>"),
    ];
    in_octets(&answers).into_iter().chain([true, false].map(testing::silence)).collect()
}

fn in_octets(answers: &[(u16, &'static str)]) -> Vec<crate::Answer> {
    let octets = [("content-type", "application/octet-stream")];
    answers.iter().map(|(status, body)| testing::reply(*status, &octets, *body)).collect()
}

/// A render that failed, or is over without a file, by each word for that but one.
fn over_without_a_file() -> impl Iterator<Item = Json> {
    ["failed", "error", "expired", "timeout", "cancelled", "aborted", "deleted"]
        .into_iter()
        .map(|word| json!({ "id": "v", "status": word, "error": { "code": "internal", "message": "the worker was lost" } }))
}

#[test]
fn a_failed_render_counts_as_failed_once_its_content_is_refused() {
    for failed in over_without_a_file() {
        let poll = |content| poll_for("v", None, [testing::json(200, &failed), content]);

        for content in handed_out() {
            let polled = poll(content.clone());
            assert!(matches!(polled, Ok(Polled::Disputed { .. })), "{content:?}: {polled:?}");
        }
        for content in refusals_of_a_file() {
            let polled = poll(content.clone());
            assert!(matches!(polled, Ok(Polled::Failed { .. })), "{content:?}: {polled:?}");
        }
    }
    // What moderation blocked has no file.
    let blocked =
        json!({ "id": "v", "status": "failed", "error": { "code": "moderation_blocked" } });
    let polled = poll_for("v", None, [testing::json(200, &blocked)]);
    assert!(matches!(polled, Ok(Polled::Failed { .. })), "{polled:?}");
}

#[test]
fn a_failed_render_is_asked_about_again_where_the_look_for_its_file_got_no_answer() {
    for failed in over_without_a_file() {
        for content in no_answers_about_a_file() {
            let polled = poll_for("v", None, [testing::json(200, &failed), content.clone()]);
            assert!(matches!(polled, Ok(Polled::Doubtful { .. })), "{content:?}: {polled:?}");
        }
    }
}

#[test]
fn a_success_beside_an_error_is_judged_by_its_file() {
    let both = json!({ "id": "v", "status": "completed", "error": { "message": "overloaded" } });
    let poll = |content| poll_for("v", None, [testing::json(200, &both), content]);

    for content in handed_out() {
        assert_eq!(poll(content.clone()), Ok(Polled::RENDERED), "{content:?}");
    }
    for (status, body) in [(404, r#"{"detail":"Video not found"}"#), (422, "{}"), (410, "{}")] {
        let polled = poll(testing::reply(status, &[], body));
        assert!(matches!(polled, Ok(Polled::Doubtful { .. })), "{status}: {polled:?}");
    }
    for (status, body) in [(404, r#"{"detail":"not ready"}"#), (409, "{}"), (503, ""), (200, "{}")]
    {
        let polled = poll(testing::reply(status, &[], body));
        assert!(polled.is_err(), "{status}: {polled:?}");
    }
    assert!(poll(testing::silence(true)).is_err());
    let unnamed = json!({ "status": "completed", "error": { "message": "overloaded" } });
    assert!(poll_for("v", None, [testing::json(200, &unnamed)]).is_err());
    let mut with_url = both.clone();
    with_url["url"] = "https://cdn.example.com/v.mp4".into();
    let polled = poll_for("v", Some("relay"), [testing::json(200, &with_url)]);
    assert_eq!(polled, Ok(Polled::RENDERED));
}

#[test]
fn a_look_at_the_content_asks_for_its_beginning_only() {
    let failed = json!({ "id": "v", "status": "failed" });
    let answers = [testing::json(200, &failed), testing::json(404, &json!({}))];
    let (calls, _) = hold(adapter(None).poll(&a_render("m", "v"), NOON), answers);

    assert_eq!(calls[1].url, "https://api.openai.com/v1/videos/v/content");
    assert_eq!((calls[1].effect, calls[1].enough), (crate::Effect::Asks, Some(1024)));
    assert!(carries_key(&calls[1]) && calls[1].headers.iter().any(|(name, _)| *name == "range"));
}

#[test]
fn an_azure_job_without_a_generation_is_asked_again_unless_its_reason_is_final() {
    let job = |reason: Json| json!({ "id": "t", "status": "succeeded", "generations": [], "failure_reason": reason });
    let poll = |reason| poll_for("t", Some("azure-jobs"), [testing::json(200, &job(reason))]);

    assert!(matches!(poll(json!(null)), Ok(Polled::Running { note: Some(_), .. })));
    assert!(matches!(poll(json!("internal_error")), Ok(Polled::Running { note: Some(_), .. })));
    assert!(matches!(poll(json!("output_moderation")), Ok(Polled::Failed { .. })));
}
