//! What a file says about itself: its index (`moov`), and what its fragments add up to.
//!
//! A file is whole when everything that its index and its fragments point at is there. What else
//! stands in it, padding that is cut short or bytes behind the last box, is nobody's concern.

use std::io::{Read, Seek, SeekFrom};

use super::boxes::{self, TopLevelBox, Unreadable};
use super::fragments::{self, Defaults};
use super::probe::{self, MAX_TRACKS, ProbeError};
use crate::budget::Budget;

/// The index of a file, and where the fragments are.
#[derive(Debug)]
pub(super) struct Index {
    /// Length of the file.
    pub(super) bytes: u64,
    pub(super) moov: Vec<u8>,
    /// Whether the index comes before the data.
    pub(super) faststart: bool,
    /// Of fragmented files: what a fragment may leave unsaid.
    pub(super) defaults: Option<Defaults>,
    pub(super) fragments: Vec<TopLevelBox>,
    totals: Vec<Total>,
}

/// What the fragments add to one track.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Total {
    pub(super) track: u32,
    pub(super) samples: u64,
    /// In ticks of the track.
    pub(super) duration: u64,
    /// The first byte after the last sample.
    pub(super) end: u64,
}

impl Index {
    /// Reads the index; `budget` is the share of the file's structure.
    pub(super) fn read(
        reader: &mut (impl Read + Seek),
        bytes: u64,
        budget: &Budget,
    ) -> Result<Self, ProbeError> {
        let (mut moov, mut data, mut fragments) = (None, None, Vec::new());
        let mut overviews = Vec::new();
        let mut broken = None;
        for found in boxes::top_level(reader, bytes, budget) {
            match found {
                Ok(found) => match &found.kind {
                    b"moov" if moov.is_none() => moov = Some(found),
                    b"mdat" if data.is_none() => data = Some(found.begins_at),
                    b"moof" => {
                        budget.hold(size_of::<TopLevelBox>() as u64 * 2)?;
                        fragments.push(found);
                    }
                    b"sidx" => {
                        budget.hold(size_of::<TopLevelBox>() as u64 * 2)?;
                        overviews.push(found);
                    }
                    _ => {}
                },
                Err(Unreadable {
                    error: error @ (ProbeError::Io(_) | ProbeError::Budget(_)),
                    ..
                }) => {
                    return Err(error);
                }
                Err(unreadable) => broken = Some(unreadable),
            }
        }
        let Some(found) = moov else {
            return Err(broken.map_or_else(|| probe::no_index(bytes), |broken| broken.error));
        };
        let faststart = data.is_none_or(|data| found.begins_at < data);
        let moov = boxes::read_content(reader, found, budget)?;
        let defaults = Defaults::read(&moov);
        if defaults.is_none() {
            fragments.clear();
            overviews.clear();
        } else if let Some(broken) = broken.filter(Unreadable::belongs_to_a_fragment) {
            return Err(broken.error);
        }
        let mut index = Self { bytes, moov, faststart, defaults, fragments, totals: Vec::new() };
        index.add_up(reader, budget)?;
        for overview in overviews {
            index.hold_against(reader, overview, budget)?;
        }
        Ok(index)
    }

    /// What the fragments add to the track with this number.
    pub(super) fn total(&self, track: Option<u32>) -> Total {
        let found = self.totals.iter().find(|total| Some(total.track) == track);
        found.copied().unwrap_or_default()
    }

    /// Shows each run of each fragment.
    pub(super) fn visit_runs(
        &self,
        reader: &mut (impl Read + Seek),
        budget: &Budget,
        mut visit: impl FnMut(&fragments::Run<'_>) -> Result<(), ProbeError>,
    ) -> Result<(), ProbeError> {
        let Some(defaults) = &self.defaults else { return Ok(()) };
        for moof in &self.fragments {
            let _memory = budget.borrow(moof.content_len)?;
            let content = boxes::read_content(reader, *moof, budget)?;
            fragments::visit_runs(&content, moof.begins_at, defaults, &mut visit)?;
        }
        Ok(())
    }

    /// Whether all is there of which an overview (`sidx`) says how long it is.
    fn hold_against(
        &self,
        reader: &mut (impl Read + Seek),
        overview: TopLevelBox,
        budget: &Budget,
    ) -> Result<(), ProbeError> {
        let _memory = budget.borrow(overview.content_len)?;
        let content = boxes::read_content(reader, overview, budget)?;
        let begins_at = overview.content_at + overview.content_len;
        let ends_at = fragments::covered(&content, begins_at);
        match ends_at.filter(|needed| *needed > self.bytes) {
            None => Ok(()),
            Some(needed) => {
                let what = "what its overview (`sidx`) names".to_owned();
                Err(ProbeError::Truncated { what, needed, found: self.bytes })
            }
        }
    }

    fn add_up(
        &mut self,
        reader: &mut (impl Read + Seek),
        budget: &Budget,
    ) -> Result<(), ProbeError> {
        let mut totals: Vec<Total> = Vec::new();
        self.visit_runs(reader, budget, |run| {
            let known = totals.iter().position(|total| total.track == run.track);
            let at = known.unwrap_or(totals.len());
            if at == MAX_TRACKS {
                return Err(ProbeError::TooComplex("more than 64 tracks"));
            }
            if known.is_none() {
                totals.push(Total { track: run.track, ..Total::default() });
            }
            let total = &mut totals[at];
            total.samples = total.samples.saturating_add(run.count.into());
            total.duration = total.duration.saturating_add(run.duration());
            if run.count > 0 {
                total.end = total.end.max(run.end()?);
            }
            Ok(())
        })?;
        self.totals = totals;
        Ok(())
    }
}

/// The length of the file.
pub(super) fn length(reader: &mut impl Seek) -> Result<u64, ProbeError> {
    Ok(reader.seek(SeekFrom::End(0))?)
}
