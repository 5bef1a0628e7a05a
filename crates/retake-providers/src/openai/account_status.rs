//! Whether an account works: the cheapest question that needs the key, since no dialect but `OpenRouter`'s tells
//! of credit. Where OpenAI's own API is meant, the list of renders is asked for, because it also shows whether there
//! still is a Videos API.

use std::sync::Arc;

use retake_core::{
    fault::{Fault, FaultKind},
    signal::Stage,
};
use serde_json::Value as Json;

use super::{account::Account, dialect::Check, fault, status};
use crate::{AccountStatus, Answer, Call, Flow, Reply, response};

/// Asks whether the account works.
pub(super) fn talk(account: &Arc<Account>) -> Flow<Result<AccountStatus, Fault>> {
    let dialect = account.dialect;
    let url = match dialect.check {
        Check::List => account.url(dialect.create, &[("limit", "1")]),
        Check::Models => account.url("/models", &[]),
        Check::Key => account.url("/key", &[]),
    };
    let owner = Arc::clone(account);
    Flow::once(account.sign(Call::get(url)), move |answer| read(&owner, answer))
}

fn read(account: &Account, answer: Answer) -> Result<AccountStatus, Fault> {
    let reply = answer.map_err(|problem| response::silence(&problem))?;
    if !reply.status.is_success() {
        return refused(account, &reply);
    }
    let json = reply.json().filter(Json::is_object);
    let json = json.ok_or_else(|| response::unexpected(&reply, "the answer is no JSON"))?;
    if let Some(fault) = fault::of_failure_in_success(&reply, &json, Stage::Account) {
        return troubled(fault);
    }
    Ok(match account.dialect.check {
        Check::Key => of_key(&json),
        Check::List => {
            AccountStatus { summary: "the key is accepted".into(), ..AccountStatus::default() }
        }
        Check::Models => {
            let count = json.pointer("/data").and_then(Json::as_array).map_or(0, Vec::len);
            let summary = format!("the key is accepted, models: {count}");
            AccountStatus { summary, ..AccountStatus::default() }
        }
    })
}

/// A refusal of the key or the account is an answer to the question; a busy server is none.
fn refused(account: &Account, reply: &Reply) -> Result<AccountStatus, Fault> {
    let body = fault::body_of(reply, Stage::Account);
    let is_list = account.dialect.check == Check::List;
    let body = if is_list { status::explained(account.dialect, reply, body) } else { body };
    troubled(body.into_fault())
}

fn troubled(fault: Fault) -> Result<AccountStatus, Fault> {
    match fault.kind {
        FaultKind::Auth | FaultKind::Quota | FaultKind::BadRequest => Ok(AccountStatus {
            summary: fault.message.clone(),
            trouble: Some(fault),
            ..AccountStatus::default()
        }),
        _ => Err(fault),
    }
}

/// `OpenRouter`'s account of a key (its API reference, 2026): dollars, and null where there is no limit.
fn of_key(json: &Json) -> AccountStatus {
    let credit_micros = response::number(json, "/data/limit_remaining").map(micros);
    let used = response::number(json, "/data/usage").unwrap_or_default();
    let left = credit_micros.map_or_else(
        || "no limit".to_owned(),
        |_| {
            let left = response::number(json, "/data/limit_remaining").unwrap_or_default();
            format!("{left:.2} USD left")
        },
    );
    let trouble = (credit_micros == Some(0)).then(|| {
        let message = "the key has reached its spending limit";
        Fault::new(FaultKind::Quota, retake_core::fault::FaultSource::Provider, message)
    });
    AccountStatus {
        summary: format!("{left}, {used:.2} USD used"),
        credit_micros,
        trouble,
        concurrency: None,
    }
}

/// Dollars in millionths, not below nothing.
fn micros(dollars: f64) -> u64 {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "it is between 0 and a billion dollars"
    )]
    let micros = (dollars.clamp(0.0, 1e9) * 1e6).round() as u64;
    micros
}
