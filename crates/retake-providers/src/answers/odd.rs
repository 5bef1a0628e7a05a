//! Answers in odd forms: compressed, as events, cut off, too long, and with names for a render that no path can carry
//! as they are.

use percent_encoding::percent_decode_str;
use reqwest::Url;
use serde_json::{Value as Json, json};

use super::{Subject, end, subjects};
use crate::{
    Flow, Polled, SubmitError, Submitted, Transport,
    call::{Answer, NoAnswer},
    testing::{NOON, a_render, reply},
    transport::encoding::compressed,
};

impl Subject {
    /// The answer to a create that was taken.
    fn taken(&self, id: Json) -> Json {
        self.named(Some(id), json!({}))
    }

    fn is_taken(&self, answer: &Answer, form: &str) {
        let created = self.create(answer);

        let is_named = created.as_ref().is_ok_and(|it| it.remote_id == self.render);
        assert!(is_named, "{} {form}: {created:?}", self.name);
    }

    fn is_lost(&self, answer: &Answer, form: &str) {
        let created = self.create(answer);

        assert!(matches!(created, Err(SubmitError::Lost(_))), "{} {form}: {created:?}", self.name);
    }

    /// A name for a render among those that are not documented.
    fn odd_id(&self, id: &str) -> Json {
        if self.is_operation() { format!("models/m/operations/{id}").into() } else { id.into() }
    }

    /// The addresses that are asked when a render is polled, and whether the last call has the name in its body.
    fn asked(&self, remote_id: &str) -> (Vec<String>, bool) {
        let (mut talk, mut urls) =
            (self.adapter.poll(&a_render(self.model, remote_id), NOON), vec![]);
        let mut is_in_body = false;
        while let Flow::Ask { call, then } = talk {
            is_in_body |= format!("{:?}", call.body).contains("operationName");
            urls.push(call.url.clone());
            talk = then(reply(404, &[], "{}"));
        }
        (urls, is_in_body)
    }
}

async fn decoded(status: u16, headers: &[(&'static str, &str)], body: &Json) -> Answer {
    let transport = Transport::new("https://host.example.com").unwrap();
    let body = compressed(body.to_string().as_bytes());
    transport.decoded(reply(status, headers, body).unwrap(), 4 << 20, false).await
}

#[tokio::test]
async fn a_create_that_was_taken_is_read_also_where_its_answer_is_compressed() {
    for subject in subjects() {
        let taken = subject.taken(subject.own_id());
        for headers in [&[("content-encoding", "gzip")][..], &[]] {
            subject.is_taken(&decoded(200, headers, &taken).await, "gzip");
        }
    }
}

#[test]
fn a_create_that_was_taken_is_read_also_where_its_answer_comes_as_events() {
    for subject in subjects() {
        let taken = subject.taken(subject.own_id());
        for form in [
            format!("data: {taken}\n\n"),
            format!("event: created\r\ndata: {taken}\r\n\r\ndata: [DONE]\r\n\r\n"),
            format!(": ping\n\ndata: {taken}"),
            format!("data: {taken}\n\ndata: {{\"error\":{{\"message\":\"invalid api key\"}}}}\n\n"),
        ] {
            let answer = reply(200, &[("content-type", "text/event-stream")], form.clone());
            subject.is_taken(&answer, &form);
        }
    }
}

#[test]
fn a_success_that_cannot_be_read_is_never_a_refusal() {
    let said = "a sign: invalid api key, insufficient balance, content policy violation";
    for subject in subjects() {
        let taken = subject.taken(subject.own_id()).to_string();
        let begun = taken.trim_end_matches('}');
        for body in [
            format!("{begun},\"prompt\":\"{said}"),
            format!("data: {begun},\"prompt\":\"{said}"),
            format!("event: error\ndata: {said}\n\n"),
            format!("[{begun},\"error\":{{\"message\":\"{said}"),
        ] {
            subject.is_lost(&reply(200, &[], body.clone()), &body);
        }
        let encoded = [&b"\x1f\x8b\x08"[..], said.as_bytes(), &[0xff, 0xfe]].concat();
        subject.is_lost(&reply(200, &[("content-encoding", "br")], encoded), "br");
        let too_long = NoAnswer {
            sent: true,
            slow: false,
            message: "the answer is longer than 4194304 bytes".into(),
        };
        subject.is_lost(&Err(too_long), "too long");
    }
}

#[test]
fn an_odd_name_for_a_render_is_asked_for_as_it_is_or_the_create_is_lost() {
    let long = "x".repeat(1 << 20);
    let kilobyte = "y".repeat(900);
    let odd = [
        "a b",
        "a/b",
        "a//b",
        "../../admin",
        "a/../../b",
        "..",
        ".",
        "a?b=c",
        "a#b",
        "a%2fb",
        "%2e%2e",
        "a\"b",
        "a'b",
        "a\\b",
        "a:b@c",
        "http://evil.example/x",
        "ü",
        "动画",
        "\u{202e}x",
        "a\nb",
        "a\0b",
        "",
        "   ",
        "{}",
        "a;b",
        "a&b",
        "a+b",
        "~a",
        "*",
        "a|b",
        "-",
        &kilobyte,
        &long,
    ];
    for subject in subjects() {
        for id in odd {
            let taken = subject.taken(subject.odd_id(id));
            let remote_id = match subject.create(&reply(200, &[], taken.to_string())) {
                Ok(Submitted { remote_id, .. }) => remote_id,
                Err(SubmitError::Lost(_)) => continue,
                Err(refused) => panic!("{} {id:?}: {refused:?}", subject.name),
            };
            let (urls, is_in_body) = subject.asked(&remote_id);
            for url in urls {
                let read = Url::parse(&url).unwrap();
                assert_eq!(read.as_str(), url, "{} {id:?}: it is read in one way", subject.name);
                let path = percent_decode_str(read.path()).decode_utf8().unwrap();
                let is_asked = is_in_body || path.contains(id);
                assert!(is_asked, "{} {id:?}: {url}", subject.name);
            }
        }
    }
}

#[tokio::test]
async fn a_poll_is_read_also_where_its_answer_is_compressed_or_comes_as_events() {
    for subject in subjects() {
        let failed = subject.failed(Some(subject.own_id()));
        for status in [200, 500] {
            let events = reply(status, &[], format!("data: {failed}\n\n"));
            for answer in [decoded(status, &[("content-encoding", "gzip")], &failed).await, events]
            {
                let render = a_render(subject.model, subject.render);
                let polled = end(subject.adapter.poll(&render, NOON), &answer);

                let has_failed =
                    matches!(polled, Ok(Polled::Failed { .. } | Polled::Doubtful { .. }));
                assert!(has_failed, "{} {status}: {polled:?}", subject.name);
            }
        }
    }
}
