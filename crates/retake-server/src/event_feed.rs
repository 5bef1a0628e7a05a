//! News: what happens to videos, told to whoever listens while it happens.
//!
//! One task reads the ledger's feed and hands each line to all listeners, so that ten thousand of them
//! cost one read. It reads when the bell rings and once a second besides, for what other replicas do.
//! A listener that comes late, or was too slow, catches up from the ledger by itself.

use std::{collections::VecDeque, sync::Arc};

use jiff::{SignedDuration, Timestamp};
use retake_core::{
    fault::chain,
    ids::{KeyId, VideoId},
    job::JobState,
};
use retake_store::{FeedLine, Job, Ledger, StoreError};
use tokio::sync::{Notify, broadcast};

use crate::{clock::Clock, tasks::Tasks, vitals::Pulse};

/// Without a ring the ledger is read again after this long.
const LOOK_AGAIN: SignedDuration = SignedDuration::from_secs(1);
/// Items that a listener may be behind before it has to catch up from the ledger.
const BEHIND: usize = 1024;
const PAGE: u32 = 200;
/// The same for one listener that catches up, which holds them until they are taken.
const PAGE_OF_ONE: u32 = 20;

/// Something that happened to a video, with the video as it is now.
#[derive(Clone, Debug)]
pub(crate) struct Item {
    pub(crate) line: FeedLine,
    /// The video; nothing once it was deleted.
    pub(crate) job: Option<Job>,
    pub(crate) at: Timestamp,
}

/// Where news come from.
#[derive(Clone)]
pub(crate) struct EventFeed {
    clock: Clock,
    items: broadcast::Sender<Arc<Item>>,
    ledger: Arc<dyn Ledger>,
    rung: Arc<Notify>,
}

/// What somebody wants to hear of.
#[derive(Clone, Debug)]
pub(crate) enum Topic {
    /// Every video of an owner; nothing for everybody's.
    All(Option<KeyId>),
    /// One video.
    Video(VideoId),
}

/// Somebody who listens.
pub(crate) struct Listener {
    news: EventFeed,
    topic: Topic,
    live: broadcast::Receiver<Arc<Item>>,
    /// Read from the ledger, and not told yet.
    backlog: VecDeque<Arc<Item>>,
    /// The place after the last thing told, in the words of the topic: of the feed, or of the timeline.
    place: Place,
    catching_up: bool,
    /// Told from the ledger since listening began: the live line may bring them once more.
    told: VecDeque<String>,
}

#[derive(Clone, Debug)]
enum Place {
    Feed(Option<String>),
    Timeline(u64),
}

impl EventFeed {
    pub(crate) fn new(ledger: Arc<dyn Ledger>, clock: Clock) -> Self {
        Self { clock, items: broadcast::Sender::new(BEHIND), ledger, rung: Arc::default() }
    }

    /// Something was committed.
    pub(crate) fn ring(&self) {
        self.rung.notify_one();
    }

    /// Reads the feed for all listeners, until the end.
    pub(crate) async fn run(self, pulse: Pulse, tasks: Tasks) {
        let mut place: Option<String> = None;
        while !tasks.is_stopping() {
            match self.read_on(place.take()).await {
                Ok(next) => place = Some(next),
                Err(error) => tracing::warn!(error = chain(&error), "no news"),
            }
            pulse.beat();
            tokio::select! {
                () = self.rung.notified() => {}
                () = self.clock.wait_until(self.clock.now() + LOOK_AGAIN) => {}
                () = tasks.stopping() => {}
            }
        }
    }

    /// Tells what is new after a place, and returns the next one.
    async fn read_on(&self, place: Option<String>) -> Result<String, StoreError> {
        let Some(mut place) = place.filter(|_| self.items.receiver_count() > 0) else {
            // Nobody listens, so there is nothing to tell but where it goes on.
            return self.ledger.feed_end().await;
        };
        loop {
            let lines = self.ledger.feed(None, Some(&place), PAGE).await?;
            let is_last = lines.len() < PAGE as usize;
            for line in lines {
                place.clone_from(&line.cursor);
                // Everybody may have left in the meantime.
                let _ = self.items.send(Arc::new(self.item(line).await?));
            }
            if is_last {
                return Ok(place);
            }
        }
    }

    async fn item(&self, line: FeedLine) -> Result<Item, StoreError> {
        let job = self.ledger.job(&line.id).await?;
        Ok(Item { line, job, at: self.clock.now() })
    }

    /// Listens to everything of an owner, from a place on or from now.
    pub(crate) async fn listen_to_all(
        &self,
        owner: Option<KeyId>,
        after: Option<String>,
    ) -> Result<Listener, StoreError> {
        let live = self.items.subscribe();
        let after = match after {
            // A place that is none is refused now, while there is somebody to tell.
            Some(after) => {
                self.ledger.feed(owner.as_ref(), Some(&after), 0).await.map(|_| after)?
            }
            None => self.ledger.feed_end().await?,
        };
        Ok(self.listener(Topic::All(owner), live, Place::Feed(Some(after))))
    }

    /// Listens to one video, from a place in its timeline on.
    pub(crate) fn listen_to(&self, id: VideoId, after: u64) -> Listener {
        let live = self.items.subscribe();
        self.listener(Topic::Video(id), live, Place::Timeline(after))
    }

    fn listener(
        &self,
        topic: Topic,
        live: broadcast::Receiver<Arc<Item>>,
        place: Place,
    ) -> Listener {
        // The reader may have been asleep because nobody listened.
        self.ring();
        let (backlog, told) = (VecDeque::new(), VecDeque::new());
        Listener { news: self.clone(), topic, live, backlog, place, catching_up: true, told }
    }
}

impl Item {
    /// Whether nothing comes after it.
    pub(crate) fn is_last(&self) -> bool {
        self.job.as_ref().is_none_or(|job| job.record.state.is_ended())
    }

    /// The state the video is in.
    pub(crate) fn state(&self) -> Option<&JobState> {
        self.job.as_ref().map(|job| &job.record.state)
    }
}

impl Listener {
    /// The next thing that happens. It can be dropped while it waits, and nothing is lost.
    pub(crate) async fn next(&mut self) -> Result<Arc<Item>, StoreError> {
        loop {
            if let Some(item) = self.backlog.pop_front() {
                return Ok(item);
            }
            if self.catching_up {
                self.catch_up().await?;
                continue;
            }
            match self.live.recv().await {
                Ok(item) if self.concerns(&item) && !self.was_told(&item) => {
                    self.place = self.place_of(&item);
                    return Ok(item);
                }
                Ok(_) => {}
                // Too slow, or the reader is gone: the ledger has it all.
                Err(broadcast::error::RecvError::Lagged(_)) => self.catching_up = true,
                Err(broadcast::error::RecvError::Closed) => std::future::pending().await,
            }
        }
    }

    /// Reads the next page after the place reached.
    async fn catch_up(&mut self) -> Result<(), StoreError> {
        let ledger = Arc::clone(&self.news.ledger);
        let lines = match (&self.topic, &self.place) {
            (Topic::All(owner), Place::Feed(after)) => {
                ledger.feed(owner.as_ref(), after.as_deref(), PAGE_OF_ONE).await?
            }
            (Topic::Video(id), Place::Timeline(after)) => {
                let lines = ledger.events(id, *after, PAGE_OF_ONE).await?;
                let line =
                    |line| FeedLine { cursor: String::new(), owner: None, id: id.clone(), line };
                lines.into_iter().map(line).collect()
            }
            _ => Vec::new(),
        };
        let is_last = lines.len() < PAGE_OF_ONE as usize;
        for line in lines {
            let item = Arc::new(self.news.item(line).await?);
            self.place = self.place_of(&item);
            self.told.push_back(mark(&item));
            self.backlog.push_back(item);
        }
        while self.told.len() > BEHIND {
            self.told.pop_front();
        }
        self.catching_up = !is_last;
        Ok(())
    }

    fn concerns(&self, item: &Item) -> bool {
        match &self.topic {
            Topic::All(owner) => owner.is_none() || *owner == item.line.owner,
            Topic::Video(id) => *id == item.line.id,
        }
    }

    fn was_told(&self, item: &Item) -> bool {
        let mark = mark(item);
        self.told.contains(&mark)
    }

    fn place_of(&self, item: &Item) -> Place {
        match self.topic {
            Topic::All(_) => Place::Feed(Some(item.line.cursor.clone())),
            Topic::Video(_) => Place::Timeline(item.line.line.seq),
        }
    }
}

fn mark(item: &Item) -> String {
    format!("{} {}", item.line.id, item.line.line.seq)
}
