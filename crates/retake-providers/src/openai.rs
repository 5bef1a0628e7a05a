//! OpenAI's Videos API, and the many servers that speak it in a dialect of their own.
//!
//! OpenAI removed the API on 2026-09-24, and its shape lives on: at Azure for some weeks longer, at `OpenRouter`,
//! in self-hosted servers, and at every relay that resells other makers' models. They differ in how a request is
//! written, where the file is and how a failure looks. What differs is data: a [`Dialect`] for each variant.
//! What is read is read tolerantly for all of them, because relays pass on each other's answers.
//!
//! Nothing here can be named by us: no dialect takes an idempotency key or a tag. A submit whose answer was
//! lost is looked for in the list, where there is one ([`look_up`]).

mod account;
mod account_status;
mod dialect;
mod fault;
mod hook;
mod look_up;
mod media;
mod names;
mod poll;
mod question;
mod request;
mod status;
#[cfg(test)]
mod tests;

use std::{sync::Arc, time::Duration};

use http::Method;
use jiff::Timestamp;
use retake_core::{
    catalog::Catalog,
    fault::{Fault, FaultKind},
};

use self::{account::Account, dialect::Dialect, poll::Verdict};
use crate::{
    AccountStatus, Adapter, Call, CancelOutcome, Download, FetchError, Flow, Hook, HookError,
    Polled, ProviderInfo, Reconciliation, Render, Reply, Settings, SettingsError, Submission,
    SubmitError, Submitted, UnconfirmedSubmit,
};

/// A create may carry a picture, and relays upload it before they answer.
const CREATE_PATIENCE: Duration = Duration::from_mins(2);

pub(crate) const FACTS: &[ProviderInfo] = &[
    dialect::OPENAI.facts,
    dialect::AZURE.facts,
    dialect::AZURE_JOBS.facts,
    dialect::OPENROUTER.facts,
    dialect::VLLM_OMNI.facts,
    dialect::SGLANG.facts,
    dialect::LITELLM.facts,
    dialect::NEWAPI.facts,
    dialect::RELAY.facts,
];

/// The adapter for an account.
pub(crate) fn adapter(
    settings: &Settings,
    catalog: &Arc<Catalog>,
) -> Result<Box<dyn Adapter>, SettingsError> {
    let dialect = Dialect::of(settings)?;
    Ok(Box::new(OpenAi {
        account: Arc::new(Account::new(settings, dialect)?),
        catalog: Arc::clone(catalog),
    }))
}

struct OpenAi {
    account: Arc<Account>,
    catalog: Arc<Catalog>,
}

/// Looks for the file where an answer leaves it open whether there is one. A relay that could not ask tells of load, of
/// time or of its key in the form of a failed render, so such a failure is told as doubtful.
fn follow(
    account: &Account,
    asked: &str,
    read: Result<Verdict, Fault>,
) -> Flow<Result<Polled, Fault>> {
    match read {
        Ok(Verdict::Polled(polled)) => Flow::Done(Ok(doubted(polled))),
        Ok(Verdict::Look(look)) => {
            Flow::once(media::begin(account, asked), |answer| look.read(answer).map(doubted))
        }
        Err(fault) => Flow::Done(Err(fault)),
    }
}

fn doubted(polled: Polled) -> Polled {
    let is_of_the_question = matches!(
        &polled,
        Polled::Failed { fault, .. }
            if matches!(fault.kind, FaultKind::Overloaded | FaultKind::Timeout | FaultKind::Auth)
    );
    if is_of_the_question { poll::doubtful(polled) } else { polled }
}

impl Adapter for OpenAi {
    fn render_timeout(&self) -> Duration {
        self.account.dialect.longest
    }

    fn usual_render(&self, _model: &str) -> Duration {
        self.account.dialect.usual
    }

    fn create_timeout(&self) -> Duration {
        CREATE_PATIENCE
    }

    fn submit(
        &self,
        submission: &Submission,
        _now: Timestamp,
    ) -> Flow<Result<Submitted, SubmitError>> {
        let dialect = self.account.dialect;
        let entry = self.catalog.model(dialect.facts.provider, &submission.model);
        let body = match request::body(dialect, submission, entry) {
            Ok(body) => body,
            Err(fault) => return Flow::Done(Err(SubmitError::Refused(fault))),
        };
        let url = self.account.url(dialect.create, &[]);
        let call = Call::change(Method::POST, url).body(body);
        let call = Call { patience: CREATE_PATIENCE, ..self.account.sign(call) };
        Flow::once(call, move |answer| status::read_create(dialect, answer))
    }

    fn look_up(
        &self,
        lost: &UnconfirmedSubmit,
        _now: Timestamp,
    ) -> Flow<Result<Reconciliation, Fault>> {
        look_up::talk(&self.account, lost)
    }

    fn poll(&self, render: &Render, _now: Timestamp) -> Flow<Result<Polled, Fault>> {
        let (account, asked) = (Arc::clone(&self.account), render.remote_id.clone());
        Flow::ask(self.account.job(&render.remote_id), move |answer| {
            follow(&account, &asked, poll::read(account.dialect, &asked, answer))
        })
    }

    fn fetch(&self, render: &Render, _now: Timestamp) -> Flow<Result<Download, FetchError>> {
        media::talk(&self.account, render)
    }

    fn refused_download(&self, reply: &Reply) -> FetchError {
        media::refused(reply)
    }

    fn cancel(&self, render: &Render, _now: Timestamp) -> Flow<Result<CancelOutcome, Fault>> {
        if !self.account.dialect.delete_stops {
            return Flow::Done(Ok(CancelOutcome::GoesOn));
        }
        let job = self.account.job(&render.remote_id);
        let call = Call { method: Method::DELETE, effect: crate::Effect::Changes, ..job };
        Flow::once(call, |answer| status::read_stop(&answer))
    }

    fn check(&self, _now: Timestamp) -> Flow<Result<AccountStatus, Fault>> {
        account_status::talk(&self.account)
    }

    fn verify_hook(&self, hook: Hook) -> Flow<Result<(), HookError>> {
        Flow::Done(hook::verify(&self.account, &hook))
    }
}
