//! What every ledger promises, whichever engine is behind it.
//!
//! A test here takes an [`Engine`], which opens the same store as often as it is asked: twice for two
//! replicas, again for a restart. [`conformance!`] makes each of them a test of one engine.

pub(crate) mod accepting;
pub(crate) mod cancelling;
pub(crate) mod claiming;
pub(crate) mod deleting;
pub(crate) mod evidence;
pub(crate) mod feeding;
pub(crate) mod fencing;
pub(crate) mod files;
pub(crate) mod histories;
pub(crate) mod listing;
pub(crate) mod notices;
pub(crate) mod nudging;
pub(crate) mod owning;
pub(crate) mod pruning;
pub(crate) mod renders;
pub(crate) mod repeating;
pub(crate) mod settling;
pub(crate) mod timeline;

use std::sync::Arc;

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp, civil::Date};
use retake_core::{
    catalog::Catalog,
    decide::{SlotWait, World, apply, slot_waits},
    fault::{Fault, FaultKind, FaultSource},
    ids::{ReplicaId, VideoId},
    job::{Event, JobRecord},
    output::{Difference, OutputSpec},
    plan::{Candidate, Plan, PlanContext, plan},
    policy::Policy,
    request::VideoRequest,
};

use crate::{Change, Claimed, Committed, FileType, Ledger, NewJob, Output, Slots, StoreError};

/// One store, empty at first, and any number of ways to it.
#[async_trait]
pub(crate) trait Engine: Send + Sync {
    /// Opens the store, as a further replica would.
    async fn open(&self) -> Arc<dyn Ledger>;

    /// Every byte that is kept, as far as it can be seen from outside, while the ledgers are open.
    async fn everything(&self) -> Vec<u8>;

    /// The number that a query of another hand comes to.
    async fn number(&self, query: &str) -> i64;
}

/// Makes a test of each promise for one engine, given an expression that makes a store, or `None` where
/// there is nothing to make it in.
macro_rules! conformance {
    ($store:expr => $($room:ident: $($promise:ident),+ $(,)?;)+) => {
        $(mod $room {
            use super::*;

            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $promise() {
                if let Some(store) = $store {
                    crate::conformance::$room::$promise(&store).await;
                }
            })+
        })+
    };
    ($store:expr) => {
        crate::conformance::conformance! { $store =>
            accepting:
                an_accepted_job_is_there_after_a_restart,
                an_id_is_accepted_once,
                a_closed_ledger_takes_nothing;
            claiming:
                a_job_is_claimed_by_one_of_many_claimers,
                slots_hold_across_replicas,
                slots_that_each_replica_has_for_itself_are_counted_at_that_replica,
                an_open_attempt_keeps_its_slot_between_claims,
                a_render_that_is_over_at_its_provider_holds_no_slot_there,
                a_submit_of_which_nobody_knows_what_became_holds_no_slot,
                a_poll_is_handed_out_though_every_slot_is_taken,
                what_has_been_due_longest_goes_first,
                nothing_is_claimed_before_its_time,
                a_job_waits_while_nobody_has_its_account,
                a_lowered_concurrency_lets_open_attempts_finish,
                the_next_moment_ignores_jobs_that_wait_for_a_slot,
                a_job_goes_to_the_first_of_its_accounts_that_has_a_free_slot,
                those_whose_first_choice_it_is_come_before_those_that_only_make_do_with_it,
                a_job_leaves_every_queue_when_it_begins_and_when_it_is_stopped,
                a_job_that_is_given_back_waits_where_its_holder_says,
                an_unknown_replica_cannot_claim;
            fencing:
                a_lost_lease_cannot_finish_a_job,
                the_lease_of_an_earlier_claim_cannot_write,
                begin_and_submit_run_under_one_claim,
                a_job_that_needs_another_slot_is_freed,
                a_job_ends_at_most_once,
                a_silent_replica_loses_its_jobs_and_a_lively_one_keeps_them,
                the_slot_of_a_submit_that_was_never_recorded_is_free_again,
                a_forgotten_replica_is_told_so;
            cancelling:
                a_cancel_while_the_job_is_held_reaches_its_holder,
                a_cancel_makes_a_held_job_due_as_soon_as_it_is_given_back,
                a_cancel_that_its_holder_acts_on_keeps_the_holders_pause,
                a_holder_that_knows_of_the_cancel_sets_the_pace,
                a_cancel_racing_a_commit_is_never_lost,
                a_waiting_job_that_is_cancelled_needs_no_slot,
                a_job_cancelled_while_claimed_keeps_its_slot_until_it_is_given_back,
                a_cancel_after_the_end_changes_nothing,
                a_second_cancel_leaves_no_second_line;
            nudging:
                news_of_a_job_that_nobody_holds_makes_it_due_at_once,
                news_never_puts_off_what_is_due_already,
                news_of_a_held_job_makes_it_due_as_soon_as_it_is_freed,
                a_job_that_waits_for_a_slot_keeps_its_place,
                news_of_an_attempt_that_ends_does_not_shorten_the_pause_before_the_next,
                a_job_that_is_over_or_unknown_has_no_news,
                news_takes_nothing_from_a_request_to_stop,
                news_racing_a_commit_is_never_lost;
            listing:
                pages_meet_without_gap_or_overlap,
                a_deleted_job_is_left_out_and_still_a_place_to_go_on_from,
                a_page_after_an_unknown_id_begins_where_it_would_be,
                a_list_says_how_many_slots_are_in_use_where_its_jobs_wait;
            deleting:
                only_a_job_that_is_over_can_be_deleted,
                a_deleted_job_is_gone_for_everyone,
                a_second_delete_changes_nothing,
                none_of_the_words_of_a_deleted_character_or_endpoint_is_kept_anywhere,
                none_of_the_words_of_a_deleted_job_is_kept_anywhere,
                a_deleted_job_leaves_what_the_audit_needs;
            timeline:
                every_change_adds_one_line_that_names_its_attempt,
                a_timeline_is_read_on_from_a_place;
            evidence:
                what_was_said_is_kept_word_for_word_with_its_attempt,
                each_attempt_has_its_own_exchanges,
                an_event_of_no_attempt_leaves_its_exchanges_with_the_last_one,
                the_first_and_the_newest_exchanges_of_an_attempt_stay,
                a_lost_lease_leaves_no_exchanges,
                deleting_a_job_erases_what_was_said_for_it_and_for_no_other,
                a_providers_odd_word_is_noted_with_its_attempt;
            files:
                a_file_is_to_be_removed_when_its_time_is_over,
                the_file_of_a_deleted_job_is_to_be_removed_at_once,
                a_sweep_learns_which_keys_are_needed;
            notices:
                every_end_is_told_once_to_each_endpoint_that_asked_for_it,
                nothing_is_told_of_an_end_that_was_not_recorded,
                an_owner_hears_only_of_its_own_videos_and_the_machines_owner_of_all,
                a_disabled_deleted_or_revoked_listener_is_recorded_nothing,
                a_delivery_is_handed_to_one_of_many_claimers,
                an_endpoint_is_served_one_delivery_at_a_time_and_the_others_go_ahead,
                failing_endpoints_come_last_and_leave_room,
                a_try_that_fails_is_made_again_and_each_is_on_record,
                a_delivery_of_a_silent_replica_is_due_again_and_its_late_report_refused,
                an_endpoint_that_is_gone_keeps_what_waits_until_it_is_enabled_again,
                a_delivery_can_be_made_once_more,
                a_former_secret_signs_along_until_its_time,
                a_change_is_kept_and_one_that_changes_nothing_leaves_no_trace,
                an_owner_has_no_more_endpoints_than_it_may,
                pages_of_endpoints_and_deliveries_meet_without_gap_or_overlap,
                a_deleted_endpoint_is_gone_with_all_that_waits_for_it;
            pruning:
                what_ended_long_ago_is_dropped_a_little_at_a_time,
                a_deleted_endpoint_with_many_deliveries_keeps_no_word_of_its_tries;
            owning:
                a_key_is_found_by_its_digest_until_it_is_forgotten_nowhere,
                a_revoked_key_keeps_its_first_moment,
                a_list_of_one_owner_shows_nobody_elses,
                an_owner_has_no_more_open_jobs_than_it_may,
                a_request_that_began_before_its_key_was_revoked_is_not_accepted_after_it,
                a_character_and_its_picture_are_kept,
                characters_are_counted_listed_and_removed_for_each_owner,
                an_open_extension_keeps_the_file_it_builds_on,
                a_secret_of_the_gateway_is_made_once_for_all_replicas,
                the_first_key_of_an_administrator_takes_the_endpoints_that_were_there,
                endpoints_from_before_a_first_key_without_rights_are_told_nothing;
            repeating:
                a_repeated_request_gets_the_first_job_and_records_nothing,
                another_request_under_the_same_name_is_refused,
                a_first_request_is_never_taken_for_a_repetition,
                a_first_request_that_was_refused_is_not_answered_with_an_older_job,
                a_repetition_counts_for_its_owner_and_its_time_only,
                many_repetitions_at_once_make_one_job,
                of_one_owner_the_latest_requests_are_remembered_and_no_more_than_those;
            feeding:
                the_feed_has_every_event_in_the_order_of_commits,
                the_feed_of_an_owner_is_its_own,
                a_place_that_is_none_is_refused,
                what_is_old_is_pruned_in_portions;
            settling:
                a_submit_that_nobody_waits_for_is_handed_out_until_it_is_settled,
                whoever_took_too_long_over_a_submit_cannot_settle_it,
                an_unsettled_submit_is_handed_to_one_of_many_claimers,
                two_jobs_never_adopt_the_same_render,
                a_render_that_was_answered_for_is_nobody_elses_to_adopt,
                a_render_that_is_found_wakes_its_job_and_a_stale_holder_does_not_undo_it,
                a_found_render_is_adopted_and_takes_its_slot,
                a_render_that_an_unanswered_create_may_have_made_is_nobodys_to_adopt,
                a_create_of_another_request_keeps_no_render_from_whoever_lost_it,
                what_came_with_an_event_is_on_record_with_it,
                the_lost_submit_of_a_deleted_job_is_handed_out_without_it,
                the_next_attempt_waits_for_its_own_slot;
            renders:
                a_render_is_known_at_another_spelling_of_its_place_once_it_was_moved_there,
                of_many_renders_around_a_lost_submit_the_nearest_are_told;
            histories:
                random_histories_keep_every_promise;
        }
    };
}
pub(crate) use conformance;

pub(crate) const NOON: Timestamp = Timestamp::constant(1_800_000_000, 0);

/// A moment some seconds after noon.
pub(crate) fn noon_plus(seconds: i64) -> Timestamp {
    NOON + SignedDuration::from_secs(seconds)
}

/// A plan over these accounts.
pub(crate) fn a_plan_over(accounts: &[&str]) -> Plan {
    let catalog = Catalog::shipped().unwrap();
    let model = catalog.model("animatic", "animatic").unwrap();
    let candidates: Vec<_> = accounts
        .iter()
        .map(|account| Candidate { route: format!("{account}/animatic").parse().unwrap(), model })
        .collect();
    let terms = PlanContext::plain(7, Date::constant(2026, 11, 21));
    plan(&a_request(), &candidates, &terms).unwrap()
}

pub(crate) fn a_request() -> VideoRequest {
    VideoRequest {
        prompt: "a lighthouse in \"fog\"; its light goes round".to_owned(),
        ..VideoRequest::default()
    }
}

/// A job on the account `north`, made at `at`.
pub(crate) fn a_job(at: Timestamp) -> NewJob {
    a_job_over(&["north"], at)
}

pub(crate) fn a_job_over(accounts: &[&str], at: Timestamp) -> NewJob {
    let plan = a_plan_over(accounts);
    NewJob {
        id: VideoId::new(at),
        created_at: at,
        owner: None,
        request: a_request(),
        waits: waits_at(&JobRecord::default(), &plan, at),
        plan,
        repeat: None,
        max_open: None,
    }
}

pub(crate) fn slots(account: &str, concurrency: u32) -> Vec<Slots> {
    vec![Slots { account: account.to_owned(), concurrency, at: None }]
}

pub(crate) fn accepted(remote_id: &str) -> Event {
    Event::Accepted { remote_id: remote_id.to_owned() }
}

pub(crate) fn attempt_failed() -> Event {
    Event::AttemptFailed { fault: a_fault() }
}

pub(crate) fn a_fault() -> Fault {
    let mut fault = Fault::new(FaultKind::Overloaded, FaultSource::Provider, "HTTP 503");
    fault.retry_after = Some(SignedDuration::from_secs(10));
    fault
}

pub(crate) fn an_output(key: &str) -> Output {
    Output {
        key: key.to_owned(),
        bytes: 1_234_567,
        sha256: "00ff".to_owned(),
        width: 1280,
        height: 720,
        duration_ms: 8_000,
        frames: Some(192),
        video_codec: "h264".to_owned(),
        audio_codec: None,
        thumbnail: None,
        spritesheet: None,
        no_preview: None,
        warnings: Vec::new(),
        attempt: Some(1),
        file_type: FileType::Webm,
        asked: OutputSpec { duration_ms: Some(7_000), ..OutputSpec::default() },
        differences: vec![Difference::DurationDiffers { asked_ms: 7_000, found_ms: 8_000 }],
    }
}

/// A replica at work on a ledger.
pub(crate) struct Worker {
    pub(crate) ledger: Arc<dyn Ledger>,
    pub(crate) me: ReplicaId,
}

impl Worker {
    /// A replica that is known since noon.
    pub(crate) async fn at(engine: &dyn Engine) -> Self {
        let (ledger, me) = (engine.open().await, ReplicaId::new(NOON));
        ledger.register(&me, NOON).await.unwrap();
        Self { ledger, me }
    }

    pub(crate) async fn accept(&self, job: NewJob) -> VideoId {
        self.ledger.accept(&job).await.unwrap();
        job.id
    }

    /// Claims with that many slots on `north`.
    pub(crate) async fn claim(&self, concurrency: u32, now: Timestamp) -> Vec<Claimed> {
        self.ledger.claim(&self.me, &slots("north", concurrency), 100, now).await.unwrap()
    }

    /// Claims the one job there is to claim.
    pub(crate) async fn claim_one(&self, now: Timestamp) -> Claimed {
        let mut claimed = self.claim(100, now).await;
        assert_eq!(claimed.len(), 1, "one job was to be claimed");
        claimed.remove(0)
    }

    /// Records what happened at `at`, and goes on under the same lease.
    pub(crate) async fn tell(
        &self,
        held: &mut Claimed,
        event: Event,
        at: Timestamp,
    ) -> Result<Committed, StoreError> {
        self.change(held, event, at, true).await
    }

    /// Records what happened at `at`, and gives the job back.
    pub(crate) async fn tell_and_free(
        &self,
        mut held: Claimed,
        event: Event,
        at: Timestamp,
    ) -> Result<Committed, StoreError> {
        self.change(&mut held, event, at, false).await
    }

    /// Takes a claimed job to its end, with a file that expires an hour later.
    pub(crate) async fn finish(&self, mut held: Claimed, key: &str, at: Timestamp) {
        for event in [Event::Begun { route: 0 }, accepted("r-1"), Event::Rendered] {
            self.tell(&mut held, event, at).await.unwrap();
        }
        let stored = Change {
            output: Some(an_output(key)),
            expires_at: Some(at + SignedDuration::from_hours(1)),
            ..change_of(&held, Event::Stored, at, false)
        };
        self.ledger.commit(&held.lease, &stored).await.unwrap();
    }

    async fn change(
        &self,
        held: &mut Claimed,
        event: Event,
        at: Timestamp,
        keep_lease: bool,
    ) -> Result<Committed, StoreError> {
        let change = change_of(held, event, at, keep_lease);
        let committed = self.ledger.commit(&held.lease, &change).await?;
        held.job.record = change.record;
        Ok(committed)
    }
}

/// The slots that a job waits for from a moment on.
fn waits_at(record: &JobRecord, plan: &Plan, at: Timestamp) -> Vec<SlotWait> {
    slot_waits(record, plan, &World::default(), &Policy::default(), at)
}

/// The slots that a job waits for which is given back until a moment.
pub(crate) fn waits_of(held: &Claimed, at: Timestamp) -> Vec<SlotWait> {
    waits_at(&held.job.record, &held.job.plan, at)
}

/// What the rules make of an event.
pub(crate) fn change_of(held: &Claimed, event: Event, at: Timestamp, keep_lease: bool) -> Change {
    let (world, policy) = (World::default(), Policy::default());
    let applied =
        apply(&held.job.record, vec![event], &held.job.plan, &world, &policy, at).unwrap();
    Change {
        events: applied.events,
        at,
        record: applied.record,
        due: applied.due,
        waits: applied.waits,
        output: None,
        expires_at: None,
        exchanges: Vec::new(),
        keep_lease,
        render: None,
    }
}
