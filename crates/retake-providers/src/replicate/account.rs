//! Whether an account works. Replicate tells who it is and nothing of its credit.

use retake_core::{fault::Fault, signal::Stage};

use super::{calls::Calls, fault};
use crate::{AccountStatus, Flow, call::Call, response};

pub(super) fn check(calls: &Calls) -> Flow<Result<AccountStatus, Fault>> {
    Flow::once(calls.signed(Call::get(calls.url("account"))), |answer| {
        let reply = answer.map_err(|problem| response::silence(&problem))?;
        if !reply.status.is_success() {
            return Err(fault::of_reply(&reply, Stage::Account));
        }
        let json = reply.json().unwrap_or_default();
        let name = response::text(&json, "/username").map(response::quoted);
        let kind =
            response::text(&json, "/type").map_or_else(|| "account".into(), response::quoted);
        let summary = match name {
            Some(name) => format!("{kind} {name}; Replicate does not tell the credit"),
            None => return Err(response::unexpected(&reply, "the account cannot be read")),
        };
        Ok(AccountStatus { summary, ..AccountStatus::default() })
    })
}
