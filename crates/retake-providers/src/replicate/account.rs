//! Whether an account works. Replicate tells who it is and nothing of its credit.

use retake_core::fault::Fault;

use super::{calls::Calls, fault};
use crate::{AccountStatus, Talk, call::Call, reading};

pub(super) fn check(calls: &Calls) -> Talk<Result<AccountStatus, Fault>> {
    Talk::once(calls.signed(Call::get(calls.url("account"))), |answer| {
        let reply = answer.map_err(|problem| reading::silence(&problem))?;
        if !reply.status.is_success() {
            return Err(fault::of_reply(&reply));
        }
        let json = reply.json().unwrap_or_default();
        let name = reading::text(&json, "/username").map(reading::quoted);
        let kind = reading::text(&json, "/type").map_or_else(|| "account".into(), reading::quoted);
        let summary = match name {
            Some(name) => format!("{kind} {name}; Replicate does not tell the credit"),
            None => return Err(reading::unexpected(&reply, "the account cannot be read")),
        };
        Ok(AccountStatus { summary, ..AccountStatus::default() })
    })
}
