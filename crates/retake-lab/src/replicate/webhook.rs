//! Webhooks, signed as Standard Webhooks are, and the secret to check them with.

use axum::{
    Json,
    extract::State,
    response::{IntoResponse as _, Response},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use http::HeaderMap;
use serde_json::json;
use sha2::Sha256;

use super::{
    authenticate,
    view::{self, Notes},
};
use crate::{
    emulator_context::{EmulatorContext, Moment, News},
    simulator::{JobView, State as JobState},
    webhook_sender::Notice,
};

/// Pauses before further tries, in seconds (the documentation says only that there are some).
const PAUSES: &[i64] = &[10, 30, 60, 300, 900];
/// What the lab signs with. It is for show; there is nothing to protect.
const SECRET: &[u8] = b"retake-lab-replicate-webhooks";
/// What somebody else would sign with.
const OTHER_SECRET: &[u8] = b"not-the-secret-of-this-account";

/// `GET /v1/webhooks/default/secret`.
pub(super) async fn secret(State(desk): State<EmulatorContext>, headers: HeaderMap) -> Response {
    match authenticate(&desk, &headers) {
        Ok(_) => {
            Json(json!({ "key": format!("whsec_{}", STANDARD.encode(SECRET)) })).into_response()
        }
        Err(early) => early.into_response(),
    }
}

/// Tells the webhook of a prediction, if it has one, what it wants to hear.
pub(super) fn tell(desk: &EmulatorContext, job: &JobView) {
    let Some(url) = Notes::of(job).text("webhook").map(str::to_owned) else { return };
    let teller = desk.clone();
    desk.tell(job, &[Moment::Started, Moment::Ended], PAUSES, move |news| {
        notices(&teller, &url, news)
    });
}

/// The notices of a moment: the end of one that succeeded has its output and its completion.
fn notices(desk: &EmulatorContext, url: &str, news: &News<'_>) -> Vec<Notice> {
    let is_done = matches!(news.job.state, JobState::Done);
    let events: &[&str] = match news.moment {
        Moment::Started => &["start", "logs"],
        Moment::Ended if is_done => &["output", "completed"],
        Moment::Ended => &["completed"],
    };
    let wanted = events.iter().enumerate().filter(|(_, event)| Notes::of(news.job).wants(event));
    wanted.map(|(nth, _)| notice(desk, url, news, nth)).collect()
}

fn notice(desk: &EmulatorContext, url: &str, news: &News<'_>, nth: usize) -> Notice {
    let body = view::prediction(desk, news.job).to_string();
    let (id, at) = (format!("msg_{}{nth}", news.id), news.wall.as_second().to_string());
    let secret = if news.is_genuine { SECRET } else { OTHER_SECRET };
    let signature = signature(secret, &format!("{id}.{at}.{body}"));
    let headers = [
        ("content-type", "application/json".to_owned()),
        ("webhook-id", id),
        ("webhook-timestamp", at),
        ("webhook-signature", format!("v1,{signature}")),
    ];
    let headers = headers.map(|(name, value)| (name.to_owned(), value)).to_vec();
    Notice { url: url.to_owned(), headers, body: body.into_bytes() }
}

fn signature(secret: &[u8], message: &str) -> String {
    // A key of any length will do, so there is no error.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret) else { return String::new() };
    mac.update(message.as_bytes());
    STANDARD.encode(mac.finalize().into_bytes())
}
