//! The ledger's verbs: everything the rest of the system may ask of it.
//!
//! Every verb is one durable transaction: when it returns `Ok`, a power cut changes nothing. A caller that
//! stops waiting does not undo what it asked for. A job is acted on under a [`Lease`], and every write of a
//! leaseholder is fenced by replica and epoch, so that one which lost its lease cannot write.
//!
//! How many attempts are open on an account is counted here, in the same transaction that hands the job
//! out, so that [`Slots`] hold over all replicas. A job occupies a slot from the claim that is to begin an
//! attempt until its render is over at the provider, or nobody knows whether there is one.

use async_trait::async_trait;
use jiff::Timestamp;
use retake_core::{
    decide::SlotWait,
    ids::{CharacterId, KeyId, ReplicaId, VideoId},
};

use crate::{
    error::StoreError,
    outbox::Outbox,
    record::{
        Accepted, ApiKey, Change, Claimed, Committed, Deleted, ExpiredFile, FeedLine, Finding, Job,
        KeptExchange, KeyAdded, Lease, Listing, NewJob, Page, Recorded, Slots, StoredCharacter,
        SubmitLease, Unsettled,
    },
    renders::RenderWindow,
};

/// The memory of the system.
#[async_trait]
pub trait Ledger: Outbox + Send + Sync {
    /// Records a job together with the first event of its timeline. It is due at once. A repeated request
    /// records nothing and learns the job of the first one; one that is refused for its owner's limit, and was
    /// none, also ends what was known of its like, so that its own repetition is a new request.
    async fn accept(&self, job: &NewJob) -> Result<Accepted, StoreError>;

    /// Hands out jobs whose time has come: first those that need no new slot (polls, downloads, cancels),
    /// the longest due first, then as many waiting ones as accounts have free slots. Of each account those go first
    /// whose first choice it is, then those whose second choice it is, and so on, each time the longest due first.
    /// A job none of whose accounts is among `slots` goes on waiting.
    async fn claim(
        &self,
        replica: &ReplicaId,
        slots: &[Slots],
        limit: u32,
        now: Timestamp,
    ) -> Result<Vec<Claimed>, StoreError>;

    /// Records what happened to a claimed job. A request to cancel that came in between is never lost: it
    /// is merged into the life, reported back, and makes the job due at once when it is freed. An attempt that ends
    /// while nobody knows whether its submit arrived is handed out by [`claim_unsettled`](Self::claim_unsettled)
    /// from then on. [`StoreError::RenderTaken`] when a render that was found is another attempt's,
    /// [`StoreError::RenderInDoubt`] when it may be that of a create which is not answered yet.
    async fn commit(&self, lease: &Lease, change: &Change) -> Result<Committed, StoreError>;

    /// Gives a job back with nothing new to record; it is due again at `due`. `waits` are the slots that it waits for
    /// from now on.
    async fn release(
        &self,
        lease: &Lease,
        due: Timestamp,
        waits: &[SlotWait],
    ) -> Result<(), StoreError>;

    /// Records that the owner wants the job stopped, and makes it due. A job that is over, or was asked to
    /// stop before, is returned as it is. Needs no lease.
    async fn request_cancel(&self, id: &VideoId, now: Timestamp) -> Result<Job, StoreError>;

    /// Makes a job due at once, because something came in for it from outside: its provider has news. One
    /// that is held is due as soon as it is freed, unless its holder already knows that it is to be stopped
    /// and sets the pace itself. Needs no lease, and leaves no line in the timeline.
    ///
    /// Whether there was an attempt to ask about: not of a job that is over or unknown, and not of one that
    /// waits for a slot, which keeps its place among those that wait.
    async fn nudge(&self, id: &VideoId, now: Timestamp) -> Result<bool, StoreError>;

    /// One job, unless it was deleted.
    async fn job(&self, id: &VideoId) -> Result<Option<Job>, StoreError>;

    /// Jobs in the order of their ids, which is the order of their making, with what is known of the slots that they
    /// wait for.
    async fn list(&self, page: &Page) -> Result<Listing, StoreError>;

    /// Hides a job that is over and erases the words of its owner: its prompts, what was said with providers,
    /// and every text that may quote them. Kinds, codes, costs and moments stay for the audit.
    async fn delete(&self, id: &VideoId, now: Timestamp) -> Result<Deleted, StoreError>;

    /// The timeline of a job after a place in it (0 for the whole), oldest first; empty when unknown.
    async fn events(
        &self,
        id: &VideoId,
        after_seq: u64,
        limit: u32,
    ) -> Result<Vec<Recorded>, StoreError>;

    /// What was said with providers for a job, oldest first; empty when unknown or deleted. Of each attempt
    /// there are at most 32: its first 4 and its newest ones.
    async fn exchanges(&self, id: &VideoId) -> Result<Vec<KeptExchange>, StoreError>;

    /// Hands out lost submits that no job waits for and whose time has come, the longest due first. Each is due
    /// again at `until`, whatever becomes of whoever took it.
    async fn claim_unsettled(
        &self,
        limit: u32,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<Vec<Unsettled>, StoreError>;

    /// Records what was found out about a lost submit that no job waits for. A job that is open and has no attempt
    /// under way is due at once when a render of its own was found. [`StoreError::RenderTaken`] when the render is
    /// another attempt's; [`StoreError::LeaseLost`] when somebody else looks after it by now, or nobody has to.
    async fn settle_submit(
        &self,
        lease: &SubmitLease,
        finding: &Finding,
        now: Timestamp,
    ) -> Result<(), StoreError>;

    /// The names of the renders near a lost submit that are known to be other attempts', the nearest first. There are
    /// at most 10,000 of them, of the year before it and after it.
    async fn known_renders(&self, window: &RenderWindow) -> Result<Vec<String>, StoreError>;

    /// The places that renders are recorded at, as in [`RenderClaim::place`](crate::RenderClaim::place).
    async fn render_places(&self) -> Result<Vec<String>, StoreError>;

    /// Moves at most `limit` renders from one place to another, because the first is another spelling of the second.
    /// What is recorded at the second already stays as it is. Returns how many left the first.
    async fn move_renders(&self, from: &str, to: &str, limit: u32) -> Result<u64, StoreError>;

    /// The events of all jobs, or of one owner's, in the order of their commits, after a place in it
    /// (`None` for the beginning of what is still kept).
    async fn feed(
        &self,
        owner: Option<&KeyId>,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Vec<FeedLine>, StoreError>;

    /// The place after the last event there is.
    async fn feed_end(&self) -> Result<String, StoreError>;

    /// Records an API key. The first one takes the webhook endpoints that were there before it, if it is an
    /// administrator's; else they are disabled.
    async fn add_key(&self, key: &ApiKey) -> Result<KeyAdded, StoreError>;

    /// The secret of the gateway by that name, the same for all replicas; `fresh` where there was none yet.
    async fn secret(&self, name: &str, fresh: &str, now: Timestamp) -> Result<String, StoreError>;

    /// The key with that digest, good or not.
    async fn key_by_digest(&self, digest: &str) -> Result<Option<ApiKey>, StoreError>;

    /// All keys, revoked ones too, oldest first.
    async fn keys(&self) -> Result<Vec<ApiKey>, StoreError>;

    /// Takes a key out of use. One that was revoked before keeps its moment.
    async fn revoke_key(&self, id: &KeyId, now: Timestamp) -> Result<ApiKey, StoreError>;

    /// Whether there is any key, revoked ones included: from the first one on, every caller needs one.
    async fn has_keys(&self) -> Result<bool, StoreError>;

    /// Records a character, if its owner has fewer than `most`.
    async fn add_character(&self, character: &StoredCharacter, most: u32)
    -> Result<(), StoreError>;

    /// One character.
    async fn character(&self, id: &CharacterId) -> Result<Option<StoredCharacter>, StoreError>;

    /// Characters, the newest first, and whether there are more: those of an owner, or everybody's. They begin
    /// after the one that is named, which need not exist any more.
    async fn characters(
        &self,
        owner: Option<&KeyId>,
        after: Option<&CharacterId>,
        limit: u32,
    ) -> Result<(Vec<StoredCharacter>, bool), StoreError>;

    /// Removes a character. Jobs that it appears in keep what they need of it. Whether there was one.
    async fn delete_character(&self, id: &CharacterId) -> Result<bool, StoreError>;

    /// Drops what has had its time: repetitions that count no more or are too many for their owner, and the feed
    /// before `feed_since`; at most `limit` of each. Returns how many lines went.
    async fn prune(
        &self,
        now: Timestamp,
        feed_since: Timestamp,
        limit: u32,
    ) -> Result<u64, StoreError>;

    /// The earliest moment at which [`claim`](Self::claim) with these slots could hand something out, as
    /// things stand: jobs that wait for an occupied slot do not count.
    async fn next_due(&self, slots: &[Slots]) -> Result<Option<Timestamp>, StoreError>;

    /// The accounts that jobs wait for, whether or not they have free slots. A job whose account nobody
    /// offers any more would wait for ever, so the scheduler compares these with what is configured.
    async fn awaited_accounts(&self) -> Result<Vec<String>, StoreError>;

    /// How many slots of an account are in use, over all replicas.
    async fn slots_in_use(&self, account: &str) -> Result<u32, StoreError>;

    /// Makes a replica known; only a known one can claim. Counts as its first heartbeat.
    async fn register(&self, replica: &ReplicaId, now: Timestamp) -> Result<(), StoreError>;

    /// Says that a replica is alive. [`StoreError::ReplicaForgotten`] when its leases were voided: it
    /// must drop what it holds and register again. [`StoreError::NewerSchema`] when another version has changed the
    /// schema meanwhile: this one must not go on.
    async fn heartbeat(&self, replica: &ReplicaId, now: Timestamp) -> Result<(), StoreError>;

    /// Forgets the replicas whose last heartbeat is before `silent_since` and frees their jobs, due
    /// `now`, and the webhook endpoints they served. Returns how many jobs were freed.
    async fn expire_leases(
        &self,
        silent_since: Timestamp,
        now: Timestamp,
    ) -> Result<u64, StoreError>;

    /// Files to remove: those past their time and those of deleted jobs, the longest overdue first.
    async fn expired_files(
        &self,
        now: Timestamp,
        limit: u32,
    ) -> Result<Vec<ExpiredFile>, StoreError>;

    /// Records that a job's file is gone.
    async fn file_removed(&self, id: &VideoId, now: Timestamp) -> Result<(), StoreError>;

    /// Those of the keys that are still needed: a job's output until that was removed, its pictures until
    /// then too, neither once the job was deleted, the file that an open job builds on, and the pictures of
    /// characters. A file that is being brought home or was just
    /// uploaded is not known yet, so a sweep leaves young files alone.
    async fn known_keys(&self, keys: &[String]) -> Result<Vec<String>, StoreError>;

    /// Whether the ledger can be read and takes writes, as far as that can be said cheaply.
    async fn health(&self) -> Result<(), StoreError>;

    /// The time by the clock of the ledger; nothing where it has none but ours.
    async fn clock(&self) -> Result<Option<Timestamp>, StoreError> {
        Ok(None)
    }

    /// Finishes what was asked for so far and lets go of the store. Every later verb is refused.
    async fn close(&self) -> Result<(), StoreError>;
}
