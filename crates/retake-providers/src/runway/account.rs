//! What the account has left: credit, tier, concurrency and the count of the day.

use retake_core::{
    fault::{Fault, FaultKind, FaultSource},
    signal::Stage,
};
use serde_json::{Map, Value as Json};

use super::fault;
use crate::{
    AccountStatus, Answer,
    response::{self, number, quoted},
};

/// A credit costs a cent (pricing page, 2026-11-21).
const MICROS_PER_CREDIT: f64 = 10_000.0;

/// The credits that each tier may buy in a month, from the first tier on (tiers page, 2026-04).
const TIERS: [f64; 5] = [10_000.0, 50_000.0, 200_000.0, 2_000_000.0, 10_000_000.0];

/// How many models with a spent day are named.
const MOST_NAMED: usize = 3;

/// Reads `GET /v1/organization`.
pub(super) fn account_status(answer: Answer) -> Result<AccountStatus, Fault> {
    let reply = answer.map_err(|problem| response::silence(&problem))?;
    if !reply.status.is_success() {
        return Err(fault::of_reply(&reply, Stage::Account));
    }
    let unreadable = || response::unexpected(&reply, "the answer is no account");
    let json = reply.json().ok_or_else(unreadable)?;
    let credits = number(&json, "/creditBalance").ok_or_else(unreadable)?;
    let concurrency = concurrency(&json);
    let spent = spent_today(&json);
    let mut words = vec![format!("credit {:.2} USD", credits / 100.0)];
    words.extend(tier(&json));
    words.extend(concurrency.map(|most| format!("up to {most} of a model at once")));
    words.extend(spent.map(|models| format!("the day's limit is reached for {models}")));
    let trouble = (credits <= 0.0).then(|| {
        let message = "no credit is left; buy some at https://dev.runwayml.com/";
        Fault::new(FaultKind::Quota, FaultSource::Provider, message)
    });
    let credit_micros = Some(micros(credits));
    Ok(AccountStatus { summary: words.join(", "), credit_micros, concurrency, trouble })
}

fn micros(credits: f64) -> u64 {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "casts of floats saturate, and a debt counts as nothing"
    )]
    let micros = (credits * MICROS_PER_CREDIT) as u64;
    micros
}

fn tier(json: &Json) -> Option<String> {
    let spend = number(json, "/tier/maxMonthlyCreditSpend")?;
    let tier = TIERS.iter().position(|most| (most - spend).abs() < 0.5);
    Some(match tier {
        Some(below) => format!("tier {}", below + 1),
        None => format!("{:.0} USD a month", spend / 100.0),
    })
}

fn models<'a>(json: &'a Json, pointer: &str) -> Option<&'a Map<String, Json>> {
    json.pointer(pointer)?.as_object()
}

/// The limit is each model's own; the largest counts, because what is beyond a smaller one only waits.
fn concurrency(json: &Json) -> Option<u32> {
    let limits = models(json, "/tier/models")?.values();
    let most =
        limits.filter_map(|model| model.pointer("/maxConcurrentGenerations")?.as_u64()).max()?;
    u32::try_from(most).ok().filter(|most| *most > 0)
}

fn spent_today(json: &Json) -> Option<String> {
    let limits = models(json, "/tier/models")?;
    let is_spent = |name: &&String| {
        let most =
            limits.get(*name).and_then(|limit| limit.pointer("/maxDailyGenerations")?.as_u64());
        let done = models(json, "/usage/models")
            .and_then(|used| used.get(*name)?.pointer("/dailyGenerations")?.as_u64());
        most.zip(done).is_some_and(|(most, done)| done >= most)
    };
    let spent: Vec<_> =
        limits.keys().filter(is_spent).take(MOST_NAMED).map(|name| quoted(name)).collect();
    (!spent.is_empty()).then(|| spent.join(", "))
}
