//! Following a prediction, and stopping it.

use std::time::Duration;

use http::Method;
use retake_core::fault::{Fault, FaultKind, FaultSource};
use serde_json::Value as Json;

use super::{calls::Calls, fault, media};
use crate::{
    CancelOutcome, Polled, Talk,
    call::{Answer, Call, Reply},
    reading,
};

const PAUSE: Duration = Duration::from_secs(5);
const SHORTEST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_mins(1);
/// How much of the end of the log is searched for progress, in bytes.
const END_OF_LOG: usize = 4096;

pub(super) fn poll(calls: &Calls, id: &str) -> Talk<Result<Polled, Fault>> {
    Talk::once(get(calls, id), read)
}

/// The request for a prediction.
pub(super) fn get(calls: &Calls, id: &str) -> Call {
    calls.signed(Call::get(calls.prediction(id)))
}

fn read(answer: Answer) -> Result<Polled, Fault> {
    let reply = answer.map_err(|problem| reading::silence(&problem))?;
    if reply.status == http::StatusCode::NOT_FOUND {
        let message =
            format!("Replicate does not know the prediction: {}", reading::plain(&reply.body));
        return Ok(failed(FaultKind::Lost, message));
    }
    if !reply.status.is_success() {
        return Err(fault::of_reply(&reply));
    }
    let unreadable = || reading::unrecognised(&reply, "the prediction cannot be read");
    let json = reply.json().ok_or_else(unreadable)?;
    let status = reading::text(&json, "/status").ok_or_else(unreadable)?;
    Ok(match status {
        "starting" => running(&reply, 0, None),
        "processing" => running(&reply, progress(&json), None),
        "succeeded" => succeeded(&json),
        "failed" => Polled::failed(fault::of_prediction(&json)),
        "canceled" => failed(FaultKind::Lost, "the prediction was cancelled at Replicate".into()),
        "aborted" => {
            failed(FaultKind::Overloaded, "the prediction did not start before its deadline".into())
        }
        word => {
            let word = reading::quoted(word);
            let note = format!("Replicate says `{word}`, which is no status we know");
            running(&reply, 0, Some(note))
        }
    })
}

/// A success counts only with a video.
fn succeeded(json: &Json) -> Polled {
    if media::video(json).is_some() {
        return Polled::RENDERED;
    }
    if media::is_removed(json) {
        return failed(FaultKind::Lost, media::REMOVED.into());
    }
    if reading::text(json, "/error").is_some() {
        return Polled::failed(fault::of_prediction(json));
    }
    failed(FaultKind::Malformed, "the prediction succeeded without a video".into())
}

/// Percent done, as far as the log shows it: many models draw a bar, ` 42%|████`.
fn progress(json: &Json) -> u8 {
    let log = reading::text(json, "/logs").unwrap_or_default().as_bytes();
    let end = &log[log.len().saturating_sub(END_OF_LOG)..];
    let Some(at) = end.windows(2).rposition(|pair| pair == b"%|") else { return 0 };
    let digits = end[..at].iter().rev().take_while(|byte| byte.is_ascii_digit()).count().min(3);
    let number = std::str::from_utf8(&end[at - digits..at]).ok().and_then(|text| text.parse().ok());
    number.map_or(0, reading::percent)
}

fn running(reply: &Reply, percent: u8, note: Option<String>) -> Polled {
    let asked = reply.retry_after().and_then(|pause| Duration::try_from(pause).ok());
    let ask_again_in = asked.unwrap_or(PAUSE).clamp(SHORTEST_PAUSE, LONGEST_PAUSE);
    Polled::Running { percent, ask_again_in, note }
}

fn failed(kind: FaultKind, message: String) -> Polled {
    Polled::failed(Fault::new(kind, FaultSource::Provider, message))
}

/// Stops a prediction. One that is over is answered as it is.
pub(super) fn cancel(calls: &Calls, id: &str) -> Talk<Result<CancelOutcome, Fault>> {
    let url = format!("{}/cancel", calls.prediction(id));
    Talk::once(calls.signed(Call::change(Method::POST, url)), |answer| {
        let reply = answer.map_err(|problem| reading::silence(&problem))?;
        match reply.status.as_u16() {
            200..=299 | 404 | 410 => Ok(CancelOutcome::Over),
            _ => Err(fault::of_reply(&reply)),
        }
    })
}
