//! What can be done with videos that exist: look, list, cancel, delete, open the file.

use std::{collections::BTreeMap, sync::Arc};

use retake_core::{
    fault::chain,
    ids::VideoId,
    job::{Hold, HoldKind},
};
use retake_store::{Job, KeptExchange, Ledger, Listing, Output, Page, StoreError};

use crate::{
    accounts::Accounts,
    assets::{AssetError, Assets},
    clock::Clock,
    event_feed::EventFeed,
    keys::Caller,
    scheduler::Wakeup,
};

/// The videos of this gateway.
#[derive(Clone)]
pub(crate) struct Videos {
    pub(crate) accounts: Accounts,
    pub(crate) assets: Assets,
    pub(crate) bell: Wakeup,
    pub(crate) clock: Clock,
    pub(crate) ledger: Arc<dyn Ledger>,
    pub(crate) news: EventFeed,
}

/// Why nothing could be done with a video.
#[derive(Debug, thiserror::Error)]
pub(crate) enum VideoError {
    /// No such video.
    #[error("there is no video `{id}`; `GET /v1/videos` lists those there are")]
    Unknown {
        /// What was asked for, shortened.
        id: String,
    },
    /// It is still being made.
    #[error(
        "the video `{id}` is {state} ({progress} %); its content exists once `GET /v1/videos/{id}` says `completed`"
    )]
    NotReady {
        /// Which video.
        id: VideoId,
        /// Where it stands.
        state: &'static str,
        /// How far it is.
        progress: u8,
    },
    /// It ended without a file.
    #[error(
        "the video `{id}` {state} and has no content; `GET /v1/videos/{id}` says why under `error`"
    )]
    NoContent {
        /// Which video.
        id: VideoId,
        /// How it ended.
        state: &'static str,
    },
    /// Its file was removed when its time was up.
    #[error(
        "the file of the video `{id}` was kept until {expired_at} and is gone; ask for the video again"
    )]
    Expired {
        /// Which video.
        id: VideoId,
        /// Until when it was kept.
        expired_at: String,
    },
    /// It cannot be deleted while it is being made.
    #[error(
        "the video `{id}` is still being made; cancel it first with `POST /v1/videos/{id}/cancel`"
    )]
    NotEnded {
        /// Which video.
        id: VideoId,
    },
    /// The file could not be read.
    #[error("the file of the video could not be read")]
    Assets(#[from] AssetError),
    /// No ledger.
    #[error("the ledger did not answer")]
    Store(#[from] StoreError),
}

impl Videos {
    /// The video by that id.
    pub(crate) async fn get(&self, caller: &Caller, id: &str) -> Result<Job, VideoError> {
        let Ok(known) = id.parse::<VideoId>() else { return Err(unknown(id)) };
        let job = self.ledger.job(&known).await?;
        // Somebody else's video is no more there than one that never was.
        let job = job.filter(|job| caller.may_see(job.owner.as_ref()));
        let mut job = job.ok_or_else(|| unknown(id))?;
        let mut in_use = BTreeMap::new();
        for account in job.awaited_accounts() {
            in_use.insert(account.clone(), self.ledger.slots_in_use(account).await?);
        }
        job.record.hold = self.slot_hold(&job, &in_use).or(job.record.hold);
        Ok(job)
    }

    /// Why a job that is to begin does not, if it is not just about to: none of its accounts has a free slot.
    fn slot_hold(&self, job: &Job, in_use: &BTreeMap<String, u32>) -> Option<Hold> {
        let of = |account: &String| in_use.get(account).copied().unwrap_or(0);
        let waits = job.awaited_accounts().iter();
        let reasons: Option<Vec<_>> =
            waits.map(|account| self.wait_for(account, of(account))).collect();
        let reasons = reasons.filter(|reasons| !reasons.is_empty())?;
        let is_missing = |account: &String| self.accounts.get(account).is_none();
        let kind = if job.awaited_accounts().iter().all(is_missing) {
            HoldKind::Account
        } else {
            HoldKind::Slot
        };
        Some(Hold { kind, until: None, reason: reasons.join("; ") })
    }

    /// Why a job cannot begin on this account now, if it cannot.
    fn wait_for(&self, name: &str, in_use: u32) -> Option<String> {
        let Some(account) = self.accounts.get(name) else {
            return Some(format!("the account {name} is not configured here any more"));
        };
        let all = account.concurrency;
        // Of the renderer each gateway has its own.
        let counted = if account.provider.is_resident() {
            String::new()
        } else {
            format!(" ({in_use} of {all} in use)")
        };
        (in_use >= all).then(|| format!("waiting for a free slot of account {name}{counted}"))
    }

    /// What was said with providers for a video.
    pub(crate) async fn exchanges(
        &self,
        caller: &Caller,
        id: &str,
    ) -> Result<Vec<KeptExchange>, VideoError> {
        let job = self.get(caller, id).await?;
        Ok(self.ledger.exchanges(&job.id).await?)
    }

    /// Has a provider asked about a video now: there is said to be news.
    pub(crate) async fn nudge(&self, id: &VideoId) -> Result<(), VideoError> {
        if self.ledger.nudge(id, self.clock.now()).await? {
            self.bell.ring();
        }
        Ok(())
    }

    /// Whether the ledger answers and there is room for videos; and how much.
    pub(crate) async fn ready(&self) -> Result<u64, VideoError> {
        self.ledger.health().await?;
        Ok(self.assets.check_room()?)
    }

    /// A page of videos.
    pub(crate) async fn list(&self, page: Page) -> Result<Listing, VideoError> {
        let mut listing = self.ledger.list(&page).await?;
        for job in &mut listing.jobs {
            job.record.hold = self.slot_hold(job, &listing.slots_in_use).or(job.record.hold.take());
        }
        Ok(listing)
    }

    /// Asks to stop a video that is being made; one that has ended stays as it is.
    pub(crate) async fn cancel(&self, caller: &Caller, id: &str) -> Result<Job, VideoError> {
        let job = self.get(caller, id).await?;
        match self.ledger.request_cancel(&job.id, self.clock.now()).await {
            Ok(job) => {
                self.bell.ring();
                self.news.ring();
                Ok(job)
            }
            Err(StoreError::NotFound { .. }) => Err(unknown(id)),
            Err(error) => Err(error.into()),
        }
    }

    /// Deletes a video that has ended, its file first.
    pub(crate) async fn delete(&self, caller: &Caller, id: &str) -> Result<VideoId, VideoError> {
        let job = self.get(caller, id).await?;
        match self.ledger.delete(&job.id, self.clock.now()).await {
            Ok(_) => {}
            Err(StoreError::NotEnded { .. }) => return Err(VideoError::NotEnded { id: job.id }),
            Err(StoreError::NotFound { .. }) => return Err(unknown(id)),
            Err(error) => return Err(error.into()),
        }
        for key in brought_along(&job) {
            // The same picture may have come with another video; then it stays for that one.
            if let Err(error) = self.assets.discard(key, self.ledger.as_ref()).await {
                tracing::warn!(job.id = %job.id, error = chain(&error), "a file stayed behind");
            }
        }
        if let Some(output) = &job.output {
            // Somebody else's video may have the same content.
            match self.assets.discard(&output.key, self.ledger.as_ref()).await {
                Ok(_) => self.ledger.file_removed(&job.id, self.clock.now()).await?,
                // The video is deleted all the same; the sweep takes the file.
                Err(error) => {
                    tracing::warn!(job.id = %job.id, error = chain(&error), "a file stayed behind");
                }
            }
        }
        Ok(job.id)
    }

    /// The file of a finished video.
    pub(crate) async fn content(
        &self,
        caller: &Caller,
        id: &str,
    ) -> Result<(Job, Output), VideoError> {
        let job = self.get(caller, id).await?;
        let state = job.record.state.as_str();
        let id = job.id.clone();
        if !job.record.state.is_ended() {
            return Err(VideoError::NotReady { id, state, progress: job.record.progress });
        }
        let Some(output) = job.output.clone() else {
            return Err(VideoError::NoContent { id, state });
        };
        let past = job.expires_at.filter(|until| *until <= self.clock.now());
        if job.file_removed_at.is_some() || past.is_some() {
            let expired_at = job.expires_at.map(|at| at.to_string()).unwrap_or_default();
            return Err(VideoError::Expired { id, expired_at });
        }
        Ok((job, output))
    }
}

/// The files that came with the request: nobody is to find them, or what is written in them, once it is gone.
fn brought_along(job: &Job) -> impl Iterator<Item = &str> {
    let pictures = job.request.first_frame.iter().map(|picture| picture.key.as_str());
    let origin = job.request.origin.iter().filter(|origin| origin.is_upload());
    pictures.chain(origin.filter_map(|origin| origin.key.as_deref()))
}

fn unknown(id: &str) -> VideoError {
    VideoError::Unknown { id: id.chars().take(64).collect() }
}
