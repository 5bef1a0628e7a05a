//! Following a prediction, and stopping it.

use std::{sync::Arc, time::Duration};

use http::Method;
use retake_core::{
    catalog::Catalog,
    fault::{Fault, FaultKind, FaultSource},
    money::Usd,
    signal::Stage,
};
use serde_json::Value as Json;

use super::{PROVIDER, calls::Calls, fault, media};
use crate::{
    CancelOutcome, Flow, Polled, Render,
    call::{Answer, Call, Reply},
    polling, response,
};

/// A prediction repeats its input and its log, and may carry what came out.
const LARGEST_PREDICTION: usize = 64 << 20;
const PAUSE: Duration = Duration::from_secs(5);
const SHORTEST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_mins(1);
/// How much of the end of the log is searched for progress, in bytes.
const END_OF_LOG: usize = 4096;

pub(super) fn poll(
    calls: &Calls,
    catalog: &Arc<Catalog>,
    render: &Render,
) -> Flow<Result<Polled, Fault>> {
    let (catalog, asked) = (Arc::clone(catalog), render.clone());
    Flow::once(get(calls, &render.remote_id), move |answer| {
        read(answer, &asked.remote_id, |prediction| charged(prediction, &catalog, &asked))
    })
}

/// What a prediction has cost: makers' video models are billed by the second of video that came out, which is in the
/// metrics, at the price that the catalog has for such a second (Replicate's page on billing, 2026-11).
fn charged(prediction: &Json, catalog: &Catalog, asked: &Render) -> Option<Usd> {
    // None at all is no measure of a video that came out.
    let seconds = response::number(prediction, "/metrics/video_output_duration_seconds")
        .filter(|seconds| *seconds > 0.0)?;
    let model = catalog.model(PROVIDER, &asked.model)?;
    let spec = &asked.spec;
    #[expect(
        clippy::cast_precision_loss,
        reason = "a video costs far less than nine billion dollars"
    )]
    let whole = model.price(spec.seconds, spec.size, spec.audio).micros() as f64 / 1e6;
    response::usd(whole * seconds / f64::from(spec.seconds.max(1)))
}

/// The request for a prediction.
pub(super) fn get(calls: &Calls, id: &str) -> Call {
    let call = calls.signed(Call::get(calls.prediction(id)));
    Call { largest_answer: LARGEST_PREDICTION, ..call }
}

fn read(
    answer: Answer,
    asked: &str,
    charged: impl Fn(&Json) -> Option<Usd>,
) -> Result<Polled, Fault> {
    let reply = answer.map_err(|problem| response::silence(&problem))?;
    if matches!(reply.status.as_u16(), 404 | 410) {
        return Err(response::unknown_render(&reply, "Replicate"));
    }
    let json = reply.json().unwrap_or_default();
    // Every prediction carries its id ("Create a prediction", 2026-11-21).
    let matched = polling::match_render(&json, "/id", asked);
    let is_success = reply.status.is_success();
    let status = response::text(&json, "/status");
    let status = status.filter(|_| is_success || polling::may_end(&reply, matched));
    let polled = status.map(|status| prediction(&reply, &json, status, charged(&json)));
    let has_failed = |polled: &Polled| matches!(polled, Polled::Failed { .. });
    if !is_success {
        return polled.filter(has_failed).ok_or_else(|| fault::of_reply(&reply, Stage::Poll));
    }
    let unreadable = || response::unexpected(&reply, "the prediction cannot be read");
    let polled = polled.ok_or_else(unreadable)?;
    polling::refuse_another(&reply, matched)?;
    if has_failed(&polled) {
        polling::require_name(&reply, matched)?;
    }
    Ok(polled)
}

fn prediction(reply: &Reply, json: &Json, status: &str, charged: Option<Usd>) -> Polled {
    match status.trim().to_ascii_lowercase().as_str() {
        "starting" => running(reply, 0, None),
        "processing" => running(reply, progress(json), None),
        "succeeded" => succeeded(json, charged),
        "failed" => {
            let fault = fault::of_prediction(json);
            // A file beside a failure is looked at before another one is paid for.
            if media::is_a_video(json) && response::may_have_a_file(&fault) {
                Polled::Disputed { fault, charged }
            } else {
                Polled::Failed { fault, charged }
            }
        }
        "canceled" | "cancelled" => {
            failed(FaultKind::Lost, "the prediction was cancelled at Replicate".into())
        }
        "aborted" => {
            // What did not start is not billed ("Set deadlines for predictions", 2025-10-16).
            let message = "the prediction did not start before its deadline";
            let fault = Fault::new(FaultKind::Overloaded, FaultSource::Provider, message);
            Polled::Failed { fault, charged: Some(Usd::ZERO) }
        }
        // A file beside a word that nobody has documented is looked at as well.
        _ if media::is_a_video(json) => Polled::Rendered { charged },
        _ => {
            let word = response::quoted(status);
            let note = format!("Replicate says `{word}`, which is no status we know");
            running(reply, 0, Some(note))
        }
    }
}

/// A success counts only with a video. One without is over where its files were removed, or where content rules or the
/// request itself kept it from having any.
fn succeeded(json: &Json, charged: Option<Usd>) -> Polled {
    if media::video(json).is_some() {
        return Polled::Rendered { charged };
    }
    if media::is_removed(json) {
        let fault = Fault::new(FaultKind::Lost, FaultSource::Provider, media::REMOVED);
        return Polled::Failed { fault, charged };
    }
    let fault = response::text(json, "/error").map(|_| fault::of_prediction(json));
    match fault.filter(|fault| !response::may_have_a_file(fault)) {
        Some(fault) => Polled::Failed { fault, charged },
        None => polling::without_file("Replicate"),
    }
}

/// Percent done, as far as the log shows it: many models draw a bar, ` 42%|████`.
fn progress(json: &Json) -> u8 {
    let log = response::text(json, "/logs").unwrap_or_default().as_bytes();
    let end = &log[log.len().saturating_sub(END_OF_LOG)..];
    let Some(at) = end.windows(2).rposition(|pair| pair == b"%|") else { return 0 };
    let digits = end[..at].iter().rev().take_while(|byte| byte.is_ascii_digit()).count().min(3);
    let number = std::str::from_utf8(&end[at - digits..at]).ok().and_then(|text| text.parse().ok());
    number.map_or(0, response::percent)
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
pub(super) fn cancel(calls: &Calls, id: &str) -> Flow<Result<CancelOutcome, Fault>> {
    let url = format!("{}/cancel", calls.prediction(id));
    Flow::once(calls.signed(Call::change(Method::POST, url)), |answer| {
        let reply = answer.map_err(|problem| response::silence(&problem))?;
        let json = reply.json().unwrap_or_default();
        match reply.status.as_u16() {
            200..=299 => Ok(match response::text(&json, "/status") {
                Some("succeeded" | "failed") => CancelOutcome::AlreadyOver,
                Some("canceled" | "cancelled" | "aborted") => CancelOutcome::Stopped,
                _ => CancelOutcome::Requested,
            }),
            404 | 410 => Ok(CancelOutcome::NotKnown),
            _ => Err(fault::of_reply(&reply, Stage::Poll)),
        }
    })
}
