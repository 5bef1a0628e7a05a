//! What follows from a failed download of a finished render.
//!
//! A failed download is not a failed render: the render is paid for, and another one would be paid for again. So
//! whatever a download brings (a web page, half a file, a refusal), it is tried again, and only three things end it:
//! the provider says again and again that the file is gone, several downloads bring the same unusable bytes, or the
//! time for it is over.

use jiff::{SignedDuration, Timestamp};

use crate::{
    fault::{Fault, FaultKind, FaultSource},
    job::{Attempt, DownloadFinding},
    policy::Policy,
    time::whole_seconds,
};

/// What follows from a failed download.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AfterDownload {
    /// The file is downloaded again then.
    AgainAt(Timestamp),
    /// The file is lost, and the attempt fails with this.
    Lost(Fault),
}

/// Says what follows when a download of an attempt's file failed at `now` with this fault, which showed this of the
/// file. The attempt does not know of it yet.
pub fn after_download(
    attempt: &Attempt,
    fault: &Fault,
    finding: Option<&DownloadFinding>,
    policy: &Policy,
    now: Timestamp,
) -> AfterDownload {
    let mut attempt = attempt.clone();
    attempt.add_failed_download(fault, finding, now);
    // What stands in the way on our side never loses a file.
    if fault.source != FaultSource::Gateway
        && let Some(lost) =
            believed_failure(&attempt, fault, now).or_else(|| loss(&attempt, fault, policy, now))
    {
        return AfterDownload::Lost(lost);
    }
    let growing = SignedDuration::from_secs(1) * (1 << attempt.failed_fetches.min(8));
    let pause = fault.retry_after.unwrap_or(growing);
    AfterDownload::AgainAt(now + pause.clamp(Policy::SHORTEST_PAUSE, Policy::LONG_PAUSE))
}

/// What the provider said of the failure of its render, once enough downloads of the file that it showed all the same
/// came to nothing, over some time: a store may be late.
fn believed_failure(attempt: &Attempt, download: &Fault, now: Timestamp) -> Option<Fault> {
    // It may have been called finished first, and failed later.
    let since = attempt.file.doubted_since.max(attempt.file.rendered_at);
    let is_over = since.is_some_and(|at| now >= at + Policy::DISPUTED_FOR);
    let is_enough = attempt.file.refused_downloads >= Policy::DISPUTED_FETCHES && is_over;
    let said = attempt.fault.as_ref().filter(|_| is_enough)?;
    let message = format!(
        "{}; the file that was shown beside it could not be used: {}",
        said.message, download.message
    );
    Some(Fault { message, ..said.clone() })
}

/// Why the file counts as lost, if it does.
fn loss(attempt: &Attempt, fault: &Fault, policy: &Policy, now: Timestamp) -> Option<Fault> {
    let ended = |kind, why: String| {
        let message = format!("{why}: {}", fault.message);
        Some(Fault { kind, message, source: FaultSource::Provider, ..fault.clone() })
    };
    let file = &attempt.file;
    if let Some(unusable) = &file.unusable {
        let enough = if unusable.is_whole { Policy::SAME_DAMAGED } else { Policy::SAME_INCOMPLETE };
        // A store may show something else in its place for a while.
        let is_over = unusable.since.is_some_and(|since| now >= since + Policy::GONE_AFTER);
        if unusable.times >= enough && is_over {
            let why = format!(
                "{} downloads of the finished render brought the same unusable file",
                unusable.times
            );
            return ended(FaultKind::Malformed, why);
        }
    }
    if let Some(gone) = &file.gone
        && gone.times >= Policy::MIN_GONE
        && now >= gone.since + Policy::GONE_AFTER
    {
        let why = "the provider lost the file of a finished render, which may have been billed";
        return ended(FaultKind::Lost, why.to_owned());
    }
    let over = file.rendered_at.is_some_and(|at| now >= at + policy.fetch_within);
    if over && attempt.failed_fetches >= Policy::MIN_FETCHES {
        let within = whole_seconds(policy.fetch_within);
        let why = format!(
            "the file of a finished render, which may have been billed, could not be downloaded within {within:#}"
        );
        return ended(FaultKind::Lost, why);
    }
    None
}
