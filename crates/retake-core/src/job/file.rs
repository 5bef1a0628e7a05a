//! What is known of an attempt's file, and when it counts as lost.
//!
//! A failed download is not a failed render: the render is paid for, and another one would be paid for again. So
//! whatever a download brings (a web page, half a file, a refusal), it is tried again, and only three things end it:
//! the provider says again and again that the file is gone, several downloads bring the same unusable bytes, or the
//! time for it is over.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    fault::{Fault, FaultKind, FaultSource},
    output::OutputSpec,
    policy::Policy,
    time::whole_seconds,
};

/// What is known of an attempt's file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct FileRecord {
    /// What the provider announced, where that differs from what was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub announced: Option<OutputSpec>,
    /// When the render was seen to be finished.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rendered_at: Option<Timestamp>,
    /// Since when the provider says that the render failed, for a reason that may be that of the question alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub doubted_since: Option<Timestamp>,
    /// Downloads that failed for a reason that is not ours.
    #[serde(skip_serializing_if = "is_zero")]
    pub refused_downloads: u32,
    /// Whether it is kept, although it is not what was asked for.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub set_aside: bool,
    /// Since when, and how often in a row, the provider says that it is gone.
    #[serde(skip_serializing_if = "Option::is_none")]
    gone: Option<Gone>,
    /// The unusable file that the last download brought.
    #[serde(skip_serializing_if = "Option::is_none")]
    unusable: Option<Unusable>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Gone {
    since: Timestamp,
    times: u32,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Unusable {
    sha256: String,
    is_whole: bool,
    times: u32,
}

/// What a failed download shows of the file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum DownloadFinding {
    /// The provider says that it is not there.
    Gone,
    /// It is a video file that cannot be used.
    Unusable {
        /// Its digest, in hexadecimal.
        sha256: String,
        /// Whether all of it is there, so that it is damaged and not cut short.
        is_whole: bool,
    },
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands out references")]
fn is_zero(count: &u32) -> bool {
    *count == 0
}

impl FileRecord {
    /// Notes what a failed download shows. One that shows nothing of the file (no connection, a web page in its
    /// place) changes nothing.
    pub(super) fn add(&mut self, finding: Option<&DownloadFinding>, now: Timestamp) {
        match finding {
            None => {}
            Some(DownloadFinding::Gone) => {
                let gone = self.gone.get_or_insert(Gone { since: now, times: 0 });
                gone.times = gone.times.saturating_add(1);
            }
            Some(DownloadFinding::Unusable { sha256, is_whole }) => {
                self.gone = None;
                let same = self.unusable.take().filter(|known| known.sha256 == *sha256);
                let times = same.map_or(0, |known| known.times).saturating_add(1);
                let (sha256, is_whole) = (sha256.clone(), *is_whole);
                self.unusable = Some(Unusable { sha256, is_whole, times });
            }
        }
    }

    /// Why the file counts as lost after this many failed downloads, if it does. What stands in the way on our side
    /// never makes it so.
    pub(super) fn loss(
        &self,
        failed: u32,
        fault: &Fault,
        policy: &Policy,
        now: Timestamp,
    ) -> Option<Fault> {
        if fault.source == FaultSource::Gateway {
            return None;
        }
        let ended = |kind, why: String| {
            let message = format!("{why}: {}", fault.message);
            Some(Fault { kind, message, source: FaultSource::Provider, ..fault.clone() })
        };
        if let Some(unusable) = &self.unusable {
            let enough =
                if unusable.is_whole { Policy::SAME_DAMAGED } else { Policy::SAME_INCOMPLETE };
            if unusable.times >= enough {
                let why = format!(
                    "{} downloads of the finished render brought the same unusable file",
                    unusable.times
                );
                return ended(FaultKind::Malformed, why);
            }
        }
        if let Some(gone) = &self.gone
            && gone.times >= Policy::MIN_GONE
            && now >= gone.since + Policy::GONE_AFTER
        {
            let why = "the provider lost the file of a finished render, which may have been billed";
            return ended(FaultKind::Lost, why.to_owned());
        }
        let over = self.rendered_at.is_some_and(|at| now >= at + policy.fetch_within);
        if over && failed >= Policy::MIN_FETCHES {
            let within = whole_seconds(policy.fetch_within);
            let why = format!(
                "the file of a finished render, which may have been billed, could not be downloaded within {within:#}"
            );
            return ended(FaultKind::Lost, why);
        }
        None
    }
}
