//! What is known of an attempt's file.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::output::OutputSpec;

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
    pub(crate) gone: Option<Gone>,
    /// The unusable file that the last download brought.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) unusable: Option<Unusable>,
}

/// That the provider says that a file is gone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Gone {
    /// When it said so first.
    pub(crate) since: Timestamp,
    /// How often it said so, without a file in between.
    pub(crate) times: u32,
}

/// A file that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Unusable {
    /// Its digest, in hexadecimal.
    pub(crate) sha256: String,
    /// Whether all of it is there, so that it is damaged and not cut short.
    pub(crate) is_whole: bool,
    /// How many downloads in a row brought it.
    pub(crate) times: u32,
    /// When the first of them did; nothing in a record that was made before it was kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) since: Option<Timestamp>,
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
                let times = same.as_ref().map_or(0, |known| known.times).saturating_add(1);
                let since = same.and_then(|known| known.since).or(Some(now));
                let (sha256, is_whole) = (sha256.clone(), *is_whole);
                self.unusable = Some(Unusable { sha256, is_whole, times, since });
            }
        }
    }
}
