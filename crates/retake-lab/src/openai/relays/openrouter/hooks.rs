//! Tells the `callback_url` of a request how its job ended.
//!
//! Signed as the webhook guide says (`OpenRouter` docs, 2026-11-21): HMAC-SHA256, in hexadecimal
//! digits, of the time and the body with a comma between them, and only when the account has a
//! secret. That is the secret of the endpoint with this URL in the scenario's
//! `[[providers.openai.webhooks]]`, else of the first one there.

use ring::hmac;
use serde_json::{Value, json};

use super::{generation, links, status, usage};
use crate::{
    digits::hex,
    emulator_context::{EmulatorContext, Moment, News},
    openai::wire,
    simulator::{JobView, State},
    webhook_sender::Notice,
};

/// Pauses between tries, in seconds. How often it tries is not documented; these are ours.
const PAUSES: &[i64] = &[10, 60, 300];

/// Has the callback of a job told, if there is one.
pub(in crate::openai) fn tell(desk: &EmulatorContext, job: &JobView) {
    let url = job.create.request.get("callback_url").and_then(Value::as_str);
    let Some(url) = url.map(str::to_owned) else { return };
    let (teller, secret) = (desk.clone(), secret(desk, &url));
    desk.tell(job, &[Moment::Ended], PAUSES, move |news| {
        vec![notice(&teller, &url, secret.as_deref(), news)]
    });
}

fn secret(desk: &EmulatorContext, url: &str) -> Option<String> {
    let hooks = desk.conditions().webhooks;
    let own = hooks.iter().find(|hook| hook.url == url).or_else(|| hooks.first());
    own.map(|hook| hook.secret.clone()).filter(|secret| !secret.is_empty())
}

fn notice(desk: &EmulatorContext, url: &str, secret: Option<&str>, news: &News<'_>) -> Notice {
    let body = body(desk, news).to_string();
    let state = status(news.job);
    let mut headers = vec![
        ("content-type".to_owned(), "application/json".to_owned()),
        ("x-openrouter-idempotency-key".to_owned(), format!("{}-{state}", news.job.id())),
    ];
    if let Some(secret) = secret {
        let secret = if news.is_genuine { secret } else { "somebody else" };
        let at = news.wall.as_second();
        let signature = sign(secret, &format!("{at},{body}"));
        headers.push(("x-openrouter-signature".to_owned(), format!("t={at},v1={signature}")));
    }
    Notice { url: url.to_owned(), headers, body: body.into_bytes() }
}

fn body(desk: &EmulatorContext, news: &News<'_>) -> Value {
    let (job, state) = (news.job, status(news.job));
    let mut data = json!({
        "id": job.id(),
        "status": state,
        "generation_id": generation(job),
        "model": job.create.model,
    });
    match &job.state {
        State::Done => {
            data["unsigned_urls"] = json!(links(desk, job));
            data["usage"] = usage(job);
        }
        State::Failed(failure) => data["error"] = json!(wire::failure(failure).1),
        _ => {}
    }
    let kind = format!("video.generation.{state}");
    json!({ "type": kind, "created_at": news.wall.to_string(), "data": data })
}

fn sign(secret: &str, text: &str) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    hex(hmac::sign(&key, text.as_bytes()).as_ref())
}
