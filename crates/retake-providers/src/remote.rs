//! A provider behind an API: an adapter that says what to send, and the transport that sends it.

mod linked;
mod own_words;

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;
use futures::{StreamExt as _, stream, stream::BoxStream};
use http::StatusCode;
use jiff::{SignedDuration, Timestamp};
use retake_core::{
    decide::RouteTimes,
    evidence::Exchange,
    fault::{Fault, FaultKind, FaultSource},
    money::Usd,
    request::RenderSpec,
    time::whole_seconds,
};

use self::{linked::Content, own_words::OwnWords};
use crate::{
    AccountStatus, Adapter, Answer, Call, CancelOutcome, Download, FetchError, Flow, Hook,
    HookError, Log, Pace, Polled, Provider, Reconciliation, Render, Submission, SubmitError,
    Submitted, Transport, UnconfirmedSubmit, refusal, response,
    secrets::{self, Guarded},
};

/// A server beside the one that took a render may not have heard of it at first, which is not worth a word.
const FIRST_LOOKS: SignedDuration = SignedDuration::from_secs(60);
/// How soon a render is asked about again that its provider does not know, at first and later on.
const SOONEST_LOOK: SignedDuration = SignedDuration::from_secs(5);
const LATEST_LOOK: SignedDuration = SignedDuration::from_mins(1);

/// So many listed renders are asked about in turn for one lost create.
const MOST_CANDIDATES: usize = 4;

/// Longer answers are read where others do not wait for it.
const LONG_ANSWER: usize = 256 << 10;

/// A file as it comes.
type File = BoxStream<'static, Result<Bytes, Fault>>;

/// An account at a provider with an API.
pub struct Remote {
    adapter: Box<dyn Adapter>,
    transport: Transport,
    now: Arc<dyn Fn() -> Timestamp + Send + Sync>,
    poll_interval: Option<Duration>,
    render_timeout: Duration,
}

impl Remote {
    /// Puts an adapter and a transport together; `now` tells the time.
    pub fn new(
        adapter: Box<dyn Adapter>,
        transport: Transport,
        now: impl Fn() -> Timestamp + Send + Sync + 'static,
    ) -> Self {
        let render_timeout = adapter.render_timeout();
        Self { adapter, transport, now: Arc::new(now), poll_interval: None, render_timeout }
    }

    /// The same account, asked in another rhythm, or with other patience, than is usual there.
    #[must_use]
    pub fn with_pace(
        self,
        poll_interval: Option<Duration>,
        render_timeout: Option<Duration>,
    ) -> Self {
        let render_timeout = render_timeout.unwrap_or(self.render_timeout);
        Self { poll_interval, render_timeout, ..self }
    }

    /// The same account, whose files have to arrive at this pace at least.
    #[must_use]
    pub fn with_download_pace(self, pace: Pace) -> Self {
        Self { transport: self.transport.with_pace(pace), ..self }
    }

    async fn hold<T: Guarded + Send + 'static>(&self, talk: Flow<T>, log: &Log) -> T {
        self.hold_with_statuses(talk, None, log).await.0
    }

    /// The same about a render, with the statuses of the answers, which are read without the caller's own words.
    async fn hold_with_statuses<T: Guarded + Send + 'static>(
        &self,
        mut talk: Flow<T>,
        spec: Option<&RenderSpec>,
        log: &Log,
    ) -> (T, Vec<StatusCode>) {
        let own = spec.map(OwnWords::of);
        let mut statuses = Vec::new();
        loop {
            match talk {
                Flow::Done(value) => return (value.guarded(self.transport.secrets()), statuses),
                Flow::Ask { call, then } => {
                    let answer = self.transport.send(&call, (self.now)(), log).await;
                    statuses.extend(answer.as_ref().ok().map(|reply| reply.status));
                    let answer = answer.map(|reply| {
                        let left = own.as_ref().and_then(|own| own.left_out(&reply.body));
                        let body = left.unwrap_or_else(|| reply.body.clone());
                        crate::Reply { at: (self.now)(), body, ..reply }
                    });
                    talk = go_on(then, answer).await;
                }
            }
        }
    }

    /// Opens a file. JSON that names one instead is followed once.
    async fn open(&self, call: &Call, log: &Log) -> Result<File, FetchError> {
        let text = match Content::of(self.open_once(call, log).await?).await {
            Content::File(file) => return Ok(file),
            Content::Json(text) => text,
        };
        let no_file = || linked::no_file(&text).guarded(self.transport.secrets());
        let call = linked::call(call, &text).ok_or_else(no_file)?;
        match self.open_once(&call, log).await {
            Ok(file) => match Content::of(file).await {
                Content::File(file) => Ok(file),
                Content::Json(_) => Err(no_file()),
            },
            // Another answer may name another address.
            Err(FetchError::Gone(fault) | FetchError::Later(fault)) => {
                Err(FetchError::Later(fault))
            }
        }
    }

    async fn open_once(&self, call: &Call, log: &Log) -> Result<File, FetchError> {
        let opened = self.transport.download(call, (self.now)(), log).await?;
        opened.map_err(|reply| {
            self.adapter.refused_download(&reply).guarded(self.transport.secrets())
        })
    }

    /// Whether a secret is in a provider's name for a render, or was cut out of it before it was read.
    fn repeats_secret(&self, remote_id: &str) -> bool {
        self.transport.secrets().are_in(remote_id) || secrets::were_cut(remote_id)
    }

    /// Looks for a lost render in what its provider lists.
    async fn look_once(
        &self,
        lost: &UnconfirmedSubmit,
        log: &Log,
    ) -> Result<Reconciliation, Fault> {
        let own = Log::default();
        let looked = self.hold(self.adapter.look_up(lost, (self.now)()), &own).await;
        // A list tells of everybody's renders on this account, and what is kept is shown to one caller.
        for exchange in own.take() {
            log.keep(Exchange { received: None, ..exchange });
        }
        looked
    }

    /// Whether a render that is listed can be asked about. A list may show what its account cannot have, and a job that
    /// took it rather than its own would wait for it until its time is over.
    async fn knows(&self, lost: &UnconfirmedSubmit, id: &str, log: &Log) -> bool {
        let render = Render {
            remote_id: id.to_owned(),
            model: lost.submission.model.clone(),
            spec: lost.submission.spec.clone(),
            begun_at: lost.begun_at,
            give_up: None,
        };
        let talk = self.adapter.poll(&render, (self.now)());
        let polled = self.hold_with_statuses(talk, Some(&render.spec), log).await.0;
        !polled.is_err_and(|fault| is_not_known(&fault))
    }

    fn unknowable(&self) -> Reconciliation {
        Reconciliation::Unknowable { over_after: self.render_timeout }
    }

    /// `times` the longest that renders take there, from the begin of this one.
    fn longest(&self, render: &Render, times: i32) -> Timestamp {
        let longest = signed(self.render_timeout).saturating_mul(times);
        render.begun_at.checked_add(longest).unwrap_or(Timestamp::MAX)
    }

    /// When the time is over of a render that its provider calls running, or does not know.
    fn over_at(&self, render: &Render) -> Timestamp {
        let over = self.longest(render, 1);
        render.give_up.map_or(over, |it| it.slow_at.min(over))
    }

    /// The same where polls bring no answer. That says nothing of the render, so it gets as long again.
    fn over_unheard_at(&self, render: &Render) -> Timestamp {
        let over = self.longest(render, 2);
        render.give_up.and_then(|it| it.silent_at).map_or(over, |at| at.min(over))
    }

    /// A provider that does not know a render has not said what became of it: a server beside the one that took
    /// it may not have heard of it yet, a relay may have lost its list. So it is asked again.
    fn not_known(&self, render: &Render, fault: &Fault) -> Polled {
        self.ask_again(render, self.over_at(render), |until| {
            format!(
                "the provider said that it does not know the render ({}); it is asked again until {until:#} \
                 after the submit",
                fault.message
            )
        })
    }

    /// No answer, or one that is too long to be read, says nothing of the render.
    fn not_told(&self, render: &Render, fault: &Fault) -> Polled {
        self.ask_again(render, self.over_unheard_at(render), |until| {
            format!(
                "the poll brought no answer that could be read ({}); it is asked again until {until:#} after \
                 the submit",
                fault.message
            )
        })
    }

    fn ask_again(
        &self,
        render: &Render,
        until: Timestamp,
        note: impl FnOnce(SignedDuration) -> String,
    ) -> Polled {
        let age = (self.now)().duration_since(render.begun_at);
        let pause = (age / 10).clamp(SOONEST_LOOK, LATEST_LOOK).unsigned_abs();
        let until = whole_seconds(until.duration_since(render.begun_at));
        let note = (age >= FIRST_LOOKS).then(|| note(until));
        Polled::Running { percent: 0, ask_again_in: self.poll_interval.unwrap_or(pause), note }
    }

    /// Stops a render that should have been over long ago, as far as the provider can, so that nothing is billed
    /// for what nobody waits for. `silence` is what the last poll brought instead of a word about the render.
    async fn give_up(&self, render: &Render, log: &Log, silence: Option<&Fault>) -> Polled {
        let now = (self.now)();
        let stopped = self.hold(self.adapter.cancel(render, now), log).await;
        let after = whole_seconds(now.duration_since(render.begun_at));
        let told = silence.map(|fault| format!(" (the last poll: {fault})")).unwrap_or_default();
        let is_early = now <= self.longest(render, if silence.is_none() { 1 } else { 2 });
        let why = if is_early && render.give_up.is_some() {
            ", and another route still fits into the job's time"
        } else {
            ""
        };
        let goes_on = stopped != Ok(CancelOutcome::Stopped);
        if goes_on && render.give_up.is_none() && now <= self.longest(render, 2) {
            // Nothing else could be tried meanwhile, and it may still come.
            return self.ask_again(render, self.longest(render, 2), |until| {
                format!(
                    "it should have been over after {:#} and could not be stopped{told}, so it is waited for \
                     until {until:#} after the submit",
                    whole_seconds(signed(self.render_timeout))
                )
            });
        }
        let billed = match goes_on {
            true if now < self.longest(render, 2) => {
                "it could not be stopped and may be billed, so it is watched"
            }
            true => "it could not be stopped and may be billed",
            false => "it may have been billed",
        };
        let message = format!("it was not finished after {after:#}{told}{why}; {billed}");
        // Whether the provider was slow, or nobody could tell.
        let heard = silence.is_none_or(is_not_known);
        let source = if heard { FaultSource::Provider } else { FaultSource::Network };
        Polled::GivenUp { fault: Fault::new(FaultKind::Timeout, source, message), goes_on }
    }
}

/// Reads an answer. One that is long takes its time, and others should not wait for it.
async fn go_on<T: Send + 'static>(then: crate::flow::Continue<T>, answer: Answer) -> Flow<T> {
    if answer.as_ref().map_or(0, |reply| reply.body.len()) < LONG_ANSWER {
        return then(answer);
    }
    match tokio::task::spawn_blocking(move || then(answer)).await {
        Ok(talk) => talk,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            // It was never begun, because the process ends.
            Err(_) => std::future::pending().await,
        },
    }
}

/// What is left of a failure when it is not taken for more than it says: a server that fails itself may say so of every
/// render, and the next time it does not; and a caller's own words, quoted, say nothing of what was charged.
fn believable(polled: Polled, is_error: bool, spec: &RenderSpec) -> Polled {
    let Polled::Failed { fault, charged } = polled else { return polled };
    let is_quoted = words_of(spec).any(response::says_not_charged);
    let charged = charged.filter(|amount| *amount != Usd::ZERO || !is_quoted);
    if is_error { Polled::Doubtful { fault, charged } } else { Polled::Failed { fault, charged } }
}

/// A refusal by what its body says, under a status that is none of a refusal, is in doubt where the caller's own words
/// would prove it as well: the answer may quote them.
fn provable(error: SubmitError, status: Option<StatusCode>, spec: &RenderSpec) -> SubmitError {
    let is_refusal = status.is_none_or(response::is_turned_away);
    match error {
        SubmitError::Refused(fault) if !is_refusal && words_of(spec).any(refusal::proves) => {
            SubmitError::Lost(fault)
        }
        error => error,
    }
}

/// What its caller wrote of a request.
fn words_of(spec: &RenderSpec) -> impl Iterator<Item = &str> {
    let names = spec.characters.iter().map(|character| character.name.as_str());
    [Some(spec.prompt.as_str()), spec.negative_prompt.as_deref()].into_iter().flatten().chain(names)
}

/// Whether the provider said that it does not know the render.
fn is_not_known(fault: &Fault) -> bool {
    fault.kind == FaultKind::Lost && fault.source != FaultSource::Network
}

/// Whether the answer did not come as a whole.
fn is_unread(fault: &Fault) -> bool {
    fault.kind == FaultKind::Lost && fault.source == FaultSource::Network
}

/// The file again, unless nothing of it comes or it begins as a page or as JSON does.
async fn unless_text(mut file: File) -> Option<File> {
    let piece = file.next().await?.ok()?;
    let begins = piece.iter().find(|byte| !byte.is_ascii_whitespace());
    let is_text = matches!(begins, None | Some(b'<' | b'{' | b'['));
    (!is_text).then(|| stream::once(async move { Ok(piece) }).chain(file).boxed())
}

/// What two places come to that both did not hand out a file: it is gone only where both say so.
fn less_final(first: Option<FetchError>, second: FetchError) -> FetchError {
    match (first, second) {
        (None, FetchError::Gone(fault)) => FetchError::Later(fault),
        (Some(first @ FetchError::Later(_)), _) => first,
        (_, second) => second,
    }
}

fn signed(time: Duration) -> SignedDuration {
    SignedDuration::try_from(time).unwrap_or(SignedDuration::MAX)
}

#[async_trait]
impl Provider for Remote {
    async fn submit(&self, submission: Submission, log: &Log) -> Result<Submitted, SubmitError> {
        let talk = self.adapter.submit(&submission, (self.now)());
        let spec = Some(&submission.spec);
        let (submitted, statuses) = self.hold_with_statuses(talk, spec, log).await;
        let last = statuses.last().copied();
        let submitted = submitted.map_err(|error| provable(error, last, &submission.spec))?;
        if self.repeats_secret(&submitted.remote_id) {
            // It would be shown to the caller, and no provider names a render after a key.
            let message = "the provider's id for the render repeats a secret, so it cannot be used";
            let fault = Fault::new(FaultKind::UnknownProviderError, FaultSource::Provider, message);
            return Err(SubmitError::Lost(fault));
        }
        Ok(submitted)
    }

    async fn look_up(&self, lost: &UnconfirmedSubmit, log: &Log) -> Result<Reconciliation, Fault> {
        let mut lost = lost.clone();
        let mut nearest = None;
        for _ in 0..MOST_CANDIDATES {
            match self.look_once(&lost, log).await? {
                Reconciliation::Found(id) | Reconciliation::Marked(id)
                    if self.repeats_secret(&id) =>
                {
                    break;
                }
                Reconciliation::Marked(id) => return Ok(Reconciliation::Marked(id)),
                Reconciliation::Found(id) if self.knows(&lost, &id, log).await => {
                    return Ok(Reconciliation::Found(id));
                }
                Reconciliation::Found(id) => {
                    lost.known.insert(id.clone());
                    nearest.get_or_insert(id);
                }
                Reconciliation::Absent if nearest.is_none() => return Ok(Reconciliation::Absent),
                // Whoever has not found out by now never will.
                Reconciliation::Absent | Reconciliation::Unknowable { .. } => break,
            }
        }
        // Where none can be asked about yet, the first may be later on.
        Ok(nearest.map_or_else(|| self.unknowable(), Reconciliation::Found))
    }

    async fn poll(&self, render: &Render, log: &Log) -> Result<Polled, Fault> {
        let talk = self.adapter.poll(render, (self.now)());
        let (polled, statuses) = self.hold_with_statuses(talk, Some(&render.spec), log).await;
        // What says that it failed may have come with any of them, such as the look for its result.
        let is_error = statuses.first().is_some_and(|status| !status.is_success())
            || statuses.iter().any(StatusCode::is_server_error);
        let mut polled = polled.map(|polled| believable(polled, is_error, &render.spec));
        match (&mut polled, self.poll_interval) {
            (Ok(Polled::Running { ask_again_in, .. }), Some(every)) => *ask_again_in = every,
            (Err(fault), Some(every)) => {
                let every = signed(every);
                fault.retry_after.get_or_insert(every);
            }
            _ => {}
        }
        let now = (self.now)();
        let is_over = now > self.over_at(render);
        match polled {
            Ok(Polled::Running { .. }) if is_over => Ok(self.give_up(render, log, None).await),
            // It has been asked again for long enough.
            Ok(Polled::Doubtful { fault, charged }) if is_over => {
                Ok(Polled::Failed { fault, charged })
            }
            // Only a word about this very render ends it.
            Err(fault) if is_not_known(&fault) && is_over => {
                Ok(self.give_up(render, log, Some(&fault)).await)
            }
            Err(fault) if is_not_known(&fault) => Ok(self.not_known(render, &fault)),
            Err(fault) if now > self.over_unheard_at(render) => {
                Ok(self.give_up(render, log, Some(&fault)).await)
            }
            Err(fault) if is_unread(&fault) => Ok(self.not_told(render, &fault)),
            polled => polled,
        }
    }

    async fn fetch(
        &self,
        render: &Render,
        log: &Log,
    ) -> Result<BoxStream<'static, Result<Bytes, Fault>>, FetchError> {
        let talk = self.adapter.fetch(render, (self.now)());
        match self.hold_with_statuses(talk, Some(&render.spec), log).await.0? {
            Download::Whole(bytes) => Ok(stream::once(async move { Ok(bytes) }).boxed()),
            Download::From(call) => self.open(&call, log).await,
            Download::Either(first, second) => {
                let opened = match self.open(&first, log).await {
                    Ok(file) => unless_text(file).await.ok_or(None),
                    Err(error) => Err(Some(error)),
                };
                match opened {
                    Ok(file) => Ok(file),
                    Err(error) => {
                        self.open(&second, log).await.map_err(|other| less_final(error, other))
                    }
                }
            }
        }
    }

    async fn cancel(&self, render: &Render, log: &Log) -> Result<CancelOutcome, Fault> {
        self.hold(self.adapter.cancel(render, (self.now)()), log).await
    }

    fn times(&self, model: &str) -> RouteTimes {
        RouteTimes {
            create: Some(signed(self.adapter.create_timeout().min(self.transport.patience()))),
            usual: signed(self.adapter.usual_render(model)),
            longest: signed(self.render_timeout),
        }
    }

    async fn check(&self, log: &Log) -> Result<AccountStatus, Fault> {
        self.hold(self.adapter.check((self.now)()), log).await
    }

    async fn verify_hook(&self, hook: Hook, log: &Log) -> Result<(), HookError> {
        self.hold(self.adapter.verify_hook(hook), log).await
    }
}

#[cfg(test)]
mod tests;
