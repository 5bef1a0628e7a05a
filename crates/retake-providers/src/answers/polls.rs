//! What answers to polls come to, wherever they are given: whose render they tell of, and whether that is final.

use serde_json::{Value as Json, json};

use super::{Subject, end, subjects};
use crate::{
    Download, FetchError, Polled,
    testing::{NOON, a_render, reply},
};

const FILE: &str = "https://cdn.example.com/v.mp4";

impl Subject {
    pub(super) fn is(&self, provider: &str) -> bool {
        self.name.starts_with(provider)
    }

    pub(super) fn is_operation(&self) -> bool {
        self.is("google") && !self.is("google/interactions")
    }

    /// The field for the name of a render.
    fn id_field(&self) -> &'static str {
        match () {
            () if self.is_operation() => "name",
            () if self.is("fal") => "request_id",
            () => "id",
        }
    }

    fn status_field(&self) -> &'static str {
        if self.is("luma") { "state" } else { "status" }
    }

    /// The name of the render as its answers carry it.
    pub(super) fn own_id(&self) -> Json {
        if self.is("fal") { "r-1".into() } else { self.render.into() }
    }

    pub(super) fn named(&self, id: Option<Json>, mut body: Json) -> Json {
        if let Some(id) = id {
            body[self.id_field()] = id;
        }
        body
    }

    /// A render that failed for a reason that asks for another try.
    pub(super) fn failed(&self, id: Option<Json>) -> Json {
        let body = if self.is_operation() {
            json!({ "done": true, "error": { "code": 13, "message": "internal" } })
        } else if self.is("google") {
            json!({ "status": "failed", "errors": [{ "code": "internal", "message": "no" }] })
        } else if self.is("runway") {
            json!({ "status": "FAILED", "failure": "no", "failureCode": "INTERNAL" })
        } else if self.is("luma") {
            json!({ "state": "failed", "failure_reason": "Job failed", "failure_code": "generation_failed" })
        } else if self.is("fal") {
            json!({ "status": "COMPLETED", "error": "no", "error_type": "runner_disconnected" })
        } else if self.is("replicate") {
            json!({ "status": "failed", "error": "Unknown error (E1000)" })
        } else {
            json!({ "status": "failed", "error": { "message": "an internal error occurred" } })
        };
        self.named(id, body)
    }

    /// A render with that status and with what its provider would name as its file.
    pub(super) fn with_file(&self, id: Option<Json>, status: &str, link: &Json) -> Json {
        let body = if self.is_operation() {
            json!({ "done": status == "done", "response": { "videos": [{ "gcsUri": link }] } })
        } else if self.is("google") {
            json!({ "status": status, "steps": [
                { "type": "model_output", "content": [{ "type": "video", "uri": link }] } ] })
        } else if self.is("luma/agents") {
            json!({ "state": status, "output": [{ "type": "video", "url": link }] })
        } else if self.is("luma") {
            json!({ "state": status, "assets": { "video": link } })
        } else if self.is("fal") {
            // The one answer stands for the status and for the result.
            json!({ "status": status, "video": { "url": link } })
        } else if self.is("runway") || self.is("replicate") {
            json!({ "status": status, "output": [link] })
        } else if self.is("openai/azure-jobs") {
            json!({ "status": status, "url": link, "generations": [{ "id": "gen_1" }] })
        } else {
            json!({ "status": status, "url": link })
        };
        self.named(id, body)
    }

    pub(super) fn done(&self) -> &'static str {
        match () {
            () if self.is("runway") => "SUCCEEDED",
            () if self.is("fal") => "COMPLETED",
            () if self.is("replicate") || self.is("openai/azure-jobs") => "succeeded",
            () if self.is_operation() => "done",
            () => "completed",
        }
    }

    fn goes_on(&self, status: u16, body: &Json) {
        let polled = self.poll(&reply(status, &[], body.to_string()));

        let goes_on = matches!(polled, Err(_) | Ok(Polled::Running { .. }));
        assert!(goes_on, "{} {status} {body}: {polled:?}", self.name);
        let fetched = self.fetch(status, body);
        assert!(!matches!(fetched, Err(FetchError::Gone(_))), "{} {body}: {fetched:?}", self.name);
    }

    fn has_failed(&self, status: u16, body: &Json) {
        let polled = self.poll(&reply(status, &[], body.to_string()));

        // The one answer also stands for that to the look for a file, which refuses none.
        let has_failed = matches!(polled, Ok(Polled::Failed { .. } | Polled::Doubtful { .. }));
        assert!(has_failed, "{} {status} {body}: {polled:?}", self.name);
    }

    fn is_rendered(&self, body: &Json) {
        let polled = self.poll(&reply(200, &[], body.to_string()));

        let is_rendered = matches!(polled, Ok(Polled::Rendered { .. }));
        assert!(is_rendered, "{} {body}: {polled:?}", self.name);
        assert!(self.fetch(200, body).is_ok(), "{} {body}", self.name);
    }

    fn is_disputed(&self, body: &Json) {
        let polled = self.poll(&reply(200, &[], body.to_string()));

        let is_disputed = matches!(polled, Ok(Polled::Disputed { .. }));
        assert!(is_disputed, "{} {body}: {polled:?}", self.name);
        assert!(self.fetch(200, body).is_ok(), "{} {body}", self.name);
    }

    fn fetch(&self, status: u16, body: &Json) -> Result<Download, FetchError> {
        let render = a_render(self.model, self.render);
        end(self.adapter.fetch(&render, NOON), &reply(status, &[], body.to_string()))
    }
}

/// What may stand where the name of a render is, and is not the name of the one that was asked about.
fn other_ids() -> Vec<Option<Json>> {
    let ids = [
        json!("r-2"),
        json!("r-11"),
        json!("R 1"),
        json!("models/m/operations/2"),
        json!("fal-ai/veo3.1/requests/r-2"),
        json!(""),
        json!("  "),
        json!(7),
        json!(-1),
        json!(1.5),
        json!(null),
        json!(true),
        json!([]),
        json!(["r-1"]),
        json!({ "id": "r-1" }),
    ];
    ids.into_iter().map(Some).chain([None]).collect()
}

#[test]
fn a_failure_ends_only_the_render_that_it_names() {
    for subject in subjects() {
        // vLLM-Omni tells of a failed render under a 500.
        for status in [200, 400, 422, 500, 502] {
            subject.has_failed(status, &subject.failed(Some(subject.own_id())));
            for id in other_ids() {
                subject.goes_on(status, &subject.failed(id));
            }
        }
    }
}

#[test]
fn only_a_failure_is_believed_under_the_status_of_a_failure() {
    for subject in subjects() {
        let own = subject.with_file(Some(subject.own_id()), subject.done(), &FILE.into());
        let own = if subject.is_operation() { with_link(own) } else { own };
        for status in [400, 500, 502] {
            let polled = subject.poll(&reply(status, &[], own.to_string()));
            assert!(polled.is_err(), "{} {status} {own}: {polled:?}", subject.name);
        }
    }
}

#[test]
fn the_success_of_another_render_is_not_delivered() {
    for subject in subjects() {
        let own = subject.with_file(Some(subject.own_id()), subject.done(), &FILE.into());
        if !subject.is_operation() || subject.is("google/gemini") {
            subject.is_rendered(&if subject.is_operation() { with_link(own) } else { own });
        }
        for id in ["r-2", "models/m/operations/2"] {
            let other = subject.with_file(Some(id.into()), subject.done(), &FILE.into());
            let polled = subject.poll(&reply(200, &[], other.to_string()));
            assert!(polled.is_err(), "{} {other}: {polled:?}", subject.name);

            // Where the content is asked for by the name of the render, it is that of no other.
            let fetched = subject.fetch(200, &other);
            let is_by_name =
                matches!(&fetched, Ok(Download::From(call)) if call.url.contains("r-1"));
            let is_later = matches!(fetched, Err(FetchError::Later(_)));
            assert!(is_later || is_by_name, "{} {other}: {fetched:?}", subject.name);
        }
    }
}

/// The same operation with its file at a link, as the Gemini API's wire gives it.
fn with_link(mut body: Json) -> Json {
    body["response"] =
        json!({ "generateVideoResponse": { "generatedSamples": [{ "video": { "uri": FILE } }] } });
    body
}

#[test]
fn a_success_without_a_file_is_asked_again() {
    let nothing = [json!(null), json!(""), json!([]), json!({}), json!(7), json!("https://")];
    // Where the file is handed out below the render itself, its success says that it is there.
    let hands_out = |subject: &Subject| subject.is("openai") && !subject.is("openai/azure-jobs");
    for subject in subjects().into_iter().filter(|subject| !hands_out(subject)) {
        let links = nothing
            .iter()
            .filter(|link| !subject.is("google") || link.as_str() != Some("https://"));
        for link in links {
            let mut body = subject.with_file(Some(subject.own_id()), subject.done(), link);
            for field in ["generations", "url"].iter().filter(|_| subject.is("openai")) {
                body[*field] = json!([]);
            }
            subject.goes_on(200, &body);
        }
        let mut bare = json!({});
        bare[subject.status_field()] = subject.done().into();
        bare["done"] = true.into();
        subject.goes_on(200, &subject.named(Some(subject.own_id()), bare));
    }
}

#[test]
fn a_file_beside_a_word_that_nobody_documents_is_looked_at_and_without_one_it_is_asked_again() {
    for subject in subjects().into_iter().filter(|subject| !subject.is_operation()) {
        for word in ["pondering", "Ready-ish", "UNKNOWN", "9"] {
            let with = |link: Json| subject.with_file(Some(subject.own_id()), word, &link);

            subject.is_rendered(&with(FILE.into()));
            for nothing in [json!(null), json!(""), json!("https://"), json!([])] {
                if !(subject.is("google") && nothing.as_str() == Some("https://")) {
                    subject.goes_on(200, &with(nothing));
                }
            }
        }
    }
    for subject in subjects().into_iter().filter(Subject::is_operation) {
        for done in [json!(false), json!(null), json!("maybe")] {
            let mut body = subject.named(Some(subject.own_id()), json!({ "done": done }));
            subject.goes_on(200, &body);
            body["response"] = json!({ "videos": [{ "gcsUri": "gs://a-bucket/v.mp4" }] });
            let polled = subject.poll(&reply(200, &[], body.to_string()));
            assert!(matches!(polled, Ok(Polled::Rendered { .. })), "{} {body}", subject.name);
        }
    }
}

#[test]
fn a_status_counts_in_any_case_and_with_blanks_around_it() {
    let ways: [fn(&str) -> String; 3] =
        [str::to_uppercase, str::to_lowercase, |word| format!(" {word}\n")];
    for subject in subjects().into_iter().filter(|subject| !subject.is_operation()) {
        for way in ways {
            let done = way(subject.done());
            subject.is_rendered(&subject.with_file(Some(subject.own_id()), &done, &FILE.into()));

            let mut failed = subject.failed(Some(subject.own_id()));
            let word = way(failed[subject.status_field()].as_str().unwrap());
            failed[subject.status_field()] = word.into();
            subject.has_failed(200, &failed);
        }
    }
}

#[test]
fn a_status_that_is_no_text_ends_nothing() {
    for subject in subjects().into_iter().filter(|subject| !subject.is_operation()) {
        for status in
            [json!(null), json!(3), json!(false), json!(["failed"]), json!({ "state": "failed" })]
        {
            let mut body = subject.failed(Some(subject.own_id()));
            body[subject.status_field()] = status;
            subject.goes_on(200, &body);
        }
    }
}

#[test]
fn another_renders_failure_in_an_envelope_or_a_list_ends_nothing() {
    for subject in subjects() {
        for id in [json!("r-2"), json!(null)] {
            let failed = subject.failed(Some(id));
            for body in [
                json!({ "data": failed }),
                json!({ "data": [failed] }),
                json!({ "code": 0, "data": { "task": failed } }),
                json!({ "task": failed }),
                json!({ "result": failed, "code": "success" }),
                json!([failed]),
                json!([[failed]]),
                json!({ "error": failed }),
            ] {
                subject.goes_on(200, &body);
            }
        }
    }
}

#[test]
fn a_failure_with_the_status_of_a_question_that_was_not_answered_ends_nothing() {
    for subject in subjects() {
        for status in [301, 302, 307, 401, 403, 404, 408, 410, 429] {
            subject.goes_on(status, &subject.failed(Some(subject.own_id())));
        }
    }
}

#[test]
fn a_file_beside_a_failure_is_looked_at_also_where_it_is_not_named() {
    for subject in subjects().into_iter().filter(|it| !it.is("google") && !it.is("fal")) {
        for id in [Some(subject.own_id()), None] {
            let mut body = subject.failed(id.clone());
            let file = subject.with_file(id, "x", &FILE.into());
            for field in ["output", "assets", "url", "generations"] {
                if let Some(value) = file.get(field) {
                    body[field] = value.clone();
                }
            }
            subject.is_disputed(&body);
        }
    }
}
