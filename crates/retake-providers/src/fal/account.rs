//! Whether an account works.
//!
//! The credit is told to admin keys only. For others, the list of requests is the cheapest question that a key
//! is needed for.

use std::sync::Arc;

use retake_core::{
    fault::{Fault, FaultKind, FaultSource},
    signal::Stage,
};
use serde_json::Value as Json;

use super::{fault, places::Places};
use crate::{
    AccountStatus, Flow,
    call::{Answer, Call, Reply},
    response,
};

pub(super) fn check(places: &Arc<Places>) -> Flow<Result<AccountStatus, Fault>> {
    let billing = places.signed(Call::get(places.platform("account/billing?expand=credits")));
    let list = "models/requests/by-endpoint?endpoint_id=fal-ai%2Fveo3.1&limit=1";
    let list = places.signed(Call::get(places.platform(list)));
    Flow::ask(billing, move |answer| match answer {
        Ok(reply) if reply.status.is_success() => Flow::Done(Ok(account_status(&reply))),
        Ok(reply) if matches!(reply.status.as_u16(), 403 | 404) => Flow::once(list, read_list),
        Ok(reply) => Flow::Done(Err(fault::of_reply(&reply, Stage::Account))),
        Err(problem) => Flow::Done(Err(response::silence(&problem))),
    })
}

fn account_status(reply: &Reply) -> AccountStatus {
    let json = reply.json().unwrap_or_default();
    let who = response::text(&json, "/username")
        .map_or_else(String::new, |name| format!(", account {}", response::quoted(name)));
    let Some(credit) = credit(&json) else {
        return AccountStatus {
            summary: format!("the key works{who}"),
            ..AccountStatus::default()
        };
    };
    let trouble = (credit <= 0.0).then(|| {
        let message = "the credit is used up; add some at fal.ai/dashboard/billing";
        Fault::new(FaultKind::Quota, FaultSource::Provider, message)
    });
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a cast from a number with a point ends at the limits of the type"
    )]
    let credit_micros = Some((credit * 1e6) as u64);
    AccountStatus {
        summary: format!("credit {credit:.2} USD{who}"),
        credit_micros,
        trouble,
        ..AccountStatus::default()
    }
}

fn credit(json: &Json) -> Option<f64> {
    let is_dollars = response::text(json, "/credits/currency").is_none_or(|name| name == "USD");
    response::number(json, "/credits/current_balance").filter(|_| is_dollars)
}

fn read_list(answer: Answer) -> Result<AccountStatus, Fault> {
    let reply = answer.map_err(|problem| response::silence(&problem))?;
    if !reply.status.is_success() {
        return Err(fault::of_reply(&reply, Stage::Account));
    }
    let summary = "the key works; fal tells the credit to admin keys only".to_owned();
    Ok(AccountStatus { summary, ..AccountStatus::default() })
}
