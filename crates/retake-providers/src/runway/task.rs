//! What a task says of itself: how far it is, where its file is, or why there is none.

use std::time::Duration;

use retake_core::{
    fault::{Fault, FaultKind, FaultSource},
    money::Usd,
    signal::Stage,
};
use serde_json::Value as Json;

use super::fault;
use crate::{
    Answer, Call, Download, FetchError, Polled, Reply, polling,
    response::{self, quoted, text},
};

/// The docs ask for at least five seconds between two looks; the SDK takes about six.
const PACE: Duration = Duration::from_secs(6);

/// A throttled task waits for another one to end, which takes longer.
const SLOW_PACE: Duration = Duration::from_secs(15);

enum Task {
    Running {
        percent: u8,
        ask_again_in: Duration,
        note: Option<String>,
    },
    /// With a file, and what it failed of if it says so.
    Done {
        link: String,
        charged: Option<Usd>,
        fault: Option<Fault>,
    },
    WithoutFile,
    Over {
        fault: Fault,
        charged: Option<Usd>,
    },
}

/// Reads the answer to a poll.
pub(super) fn polled(answer: Answer, asked: &str) -> Result<Polled, Fault> {
    let reply = answer.map_err(|problem| response::silence(&problem))?;
    Ok(match task(&reply, asked)? {
        Task::Running { percent, ask_again_in, note } => {
            Polled::Running { percent, ask_again_in, note }
        }
        Task::Done { charged, fault, .. } => Polled::with_file(fault, charged),
        Task::WithoutFile => polling::without_file("Runway"),
        Task::Over { fault, charged } => Polled::Failed { fault, charged },
    })
}

/// Reads the same answer for the file. Its link is signed and needs no key.
pub(super) fn download(answer: Answer, asked: &str) -> Result<Download, FetchError> {
    let reply = answer.map_err(|problem| FetchError::Later(response::silence(&problem)))?;
    match task(&reply, asked).map_err(FetchError::Later)? {
        Task::Done { link, .. } => Ok(Download::From(Call::get(link))),
        Task::Over { fault, .. } => Err(FetchError::Gone(fault)),
        Task::WithoutFile | Task::Running { .. } => Err(FetchError::Later(over(
            FaultKind::Runtime,
            "the task was finished and has no file any more".into(),
        ))),
    }
}

/// A signed link that does not open any more is replaced by the next look at the task.
pub(super) fn refused_download(reply: &Reply) -> FetchError {
    match reply.status.as_u16() {
        401 | 403 => {
            let message = format!("the link has expired: {}", response::plain(&reply.body));
            FetchError::Later(over(FaultKind::Lost, message))
        }
        _ => response::refused_download(reply),
    }
}

fn task(reply: &Reply, asked: &str) -> Result<Task, Fault> {
    if matches!(reply.status.as_u16(), 404 | 410) {
        return Err(response::unknown_render(reply, "Runway"));
    }
    let json = reply.json().unwrap_or_default();
    // Every task carries its id ("Task", SDK 5.24.0).
    let matched = polling::match_render(&json, "/id", asked);
    let is_success = reply.status.is_success();
    let status = text(&json, "/status").filter(|_| is_success || polling::may_end(reply, matched));
    let task = status.map(|status| read(reply, &json, status));
    if !is_success {
        let end = task.filter(|task| matches!(task, Task::Over { .. }));
        return end.ok_or_else(|| fault::of_reply(reply, Stage::Poll));
    }
    let task = task.ok_or_else(|| response::unexpected(reply, "the answer is no task"))?;
    polling::refuse_another(reply, matched)?;
    if matches!(task, Task::Over { .. }) {
        polling::require_name(reply, matched)?;
    }
    Ok(task)
}

fn read(reply: &Reply, json: &Json, status: &str) -> Task {
    let running =
        |percent, pace, note| Task::Running { percent, ask_again_in: ask_again(reply, pace), note };
    let charged = fault::cost(json);
    let ended = |fault| Task::Over { fault, charged };
    let done = |link| Task::Done { link, charged, fault: None };
    match status.trim().to_ascii_uppercase().as_str() {
        "PENDING" => running(0, PACE, None),
        "THROTTLED" => running(0, SLOW_PACE, None),
        "RUNNING" => running(percent(json), PACE, None),
        "SUCCEEDED" => link(json).map_or(Task::WithoutFile, done),
        "FAILED" => {
            let fault = fault::of_task(json);
            // A file beside a failure is looked at before another one is paid for.
            match link(json).filter(|_| response::may_have_a_file(&fault)) {
                Some(link) => Task::Done { link, charged, fault: Some(fault) },
                None => ended(fault),
            }
        }
        "CANCELLED" | "CANCELED" => {
            let message = "the task was cancelled at Runway".into();
            ended(over(FaultKind::Lost, message).with_code("CANCELLED"))
        }
        // A file beside a word that nobody has documented is looked at as well.
        _ => {
            let note = format!("Runway calls it `{}`", quoted(status));
            link(json).map_or_else(|| running(0, PACE, Some(note)), done)
        }
    }
}

fn over(kind: FaultKind, message: String) -> Fault {
    Fault::new(kind, FaultSource::Provider, message)
}

fn percent(json: &Json) -> u8 {
    response::number(json, "/progress").map_or(0, response::percent_of_share)
}

fn link(json: &Json) -> Option<String> {
    let output = json.pointer("/output")?;
    let outputs = output.as_array().map_or(std::slice::from_ref(output), Vec::as_slice);
    let mut links = outputs.iter().filter_map(Json::as_str);
    links.find(|link| polling::is_link(link)).map(str::to_owned)
}

/// When to ask again: the provider's own pause first, within reason.
fn ask_again(reply: &Reply, pace: Duration) -> Duration {
    let asked = reply.retry_after().and_then(|pause| Duration::try_from(pause).ok());
    asked.map_or(pace, |pause| pause.clamp(Duration::from_secs(1), Duration::from_mins(1)))
}
