//! What an answer to a poll comes to.
//!
//! Whose render it tells of is looked at first, and then whether what it says is final: relays put a failure to ask about
//! a render into the form of a failed render.

use std::time::Duration;

use jiff::SignedDuration;
use retake_core::{
    fault::{Fault, FaultKind, FaultSource},
    money::Usd,
    signal::Stage,
};
use serde_json::Value as Json;

use super::{
    dialect::{Dialect, Names, Source},
    fault, media, names, question,
    status::{self, State, state},
};
use crate::{
    Answer, Polled, Reply,
    polling::{self, RenderMatch},
    response,
};

/// Words that relays also use for a question that came to nothing.
const LOOSE_WORDS: &[&str] = &["error", "timeout", "rejected"];

/// What an answer to a poll comes to.
#[derive(Debug)]
pub(super) enum Verdict {
    /// This, as it is.
    Polled(Polled),
    /// The render has failed by its own word, tells of an error beside its success, or has a word for its state that
    /// nobody has documented, and names no file. Whether there is one shows where files are handed out.
    Look(Look),
}

/// A render whose file has to be looked for.
#[derive(Debug)]
pub(super) struct Look {
    claim: Claim,
    charged: Option<Usd>,
}

/// What a render says of itself.
#[derive(Debug)]
enum Claim {
    Failed(Fault),
    /// It is finished, beside an error.
    Finished(Fault),
    /// Something that nobody has documented, which counts as this.
    Unknown(Polled),
}

impl Look {
    /// What the answer to the look makes of the render.
    pub(super) fn read(self, answer: Answer) -> Result<Polled, Fault> {
        let Self { claim, charged } = self;
        match (claim, answer) {
            (Claim::Failed(fault), Ok(reply)) if media::is_handed_out(&reply) => {
                Ok(Polled::Disputed { fault, charged })
            }
            (_, Ok(reply)) if media::is_handed_out(&reply) => Ok(Polled::Rendered { charged }),
            (Claim::Unknown(polled), _) => Ok(polled),
            // A file that is said to be there may be late.
            (Claim::Finished(_), Ok(reply)) if !media::is_refused(&reply) => {
                Err(response::unexpected(&reply, "the file of a finished render did not come"))
            }
            (Claim::Finished(_), Err(problem)) => Err(response::silence(&problem)),
            // Nor is a file that nobody could ask for one that is not there.
            (Claim::Failed(fault), answer) if !is_refused(&answer) => {
                Ok(doubtful(failed(fault, charged)))
            }
            (Claim::Failed(fault) | Claim::Finished(fault), _) => Ok(failed(fault, charged)),
        }
    }
}

/// Reads the answer to a poll.
pub(super) fn read(
    dialect: &'static Dialect,
    asked: &str,
    answer: Answer,
) -> Result<Verdict, Fault> {
    let reply = answer.map_err(|problem| response::silence(&problem))?;
    let json = reply.json().unwrap_or_default();
    let found = status::job(dialect, &json, asked);
    let matched = names::match_render(dialect.names, &json, found.unwrap_or(&json), asked);
    polling::refuse_another(&reply, matched)?;
    let state = found.and_then(state);
    if let (Some(job), Some(over)) = (found, state.filter(|state| is_over_without_file(*state)))
        && let Some(verdict) = ended(dialect, &reply, &json, job, over, matched)
    {
        return Ok(verdict);
    }
    if !reply.status.is_success() {
        return refused_poll(dialect, &reply, matched).map(Verdict::Polled);
    }
    let polled = match (found, state) {
        (Some(job), Some(State::Done)) => return finished(dialect, &reply, &json, job, matched),
        (Some(job), Some(State::Running)) => running(dialect, &reply, job, None),
        (Some(_), Some(_)) => {
            return Err(response::unexpected(
                &reply,
                "the answer says nothing final of the render",
            ));
        }
        // A file beside a word that nobody has documented is looked at as well.
        (Some(job), None) if has_file(&json, job) => {
            Polled::Rendered { charged: charged(&json, job) }
        }
        (Some(job), None) => {
            let word = response::quoted(status::word(job).unwrap_or_default());
            let note = format!("the status `{word}` is not documented");
            let polled = running(dialect, &reply, job, Some(note));
            if hands_out_content(dialect) {
                let charged = charged(&json, job);
                return Ok(Verdict::Look(Look { claim: Claim::Unknown(polled), charged }));
            }
            polled
        }
        (None, _) => without_status(dialect, &reply, &json, matched)?,
    };
    Ok(Verdict::Polled(polled))
}

/// What the word of a render that it is over without a file comes to; nothing where that is no final word.
fn ended(
    dialect: &'static Dialect,
    reply: &Reply,
    json: &Json,
    job: &Json,
    state: State,
    matched: RenderMatch,
) -> Option<Verdict> {
    let fault = failure(reply, json, job, state);
    let may_have_a_file = response::may_have_a_file(&fault);
    // A file beside a failure is looked at before another one is paid for.
    if may_have_a_file && reply.status.is_success() && has_file(json, job) {
        return Some(Verdict::Polled(Polled::Disputed { fault, charged: charged(json, job) }));
    }
    if !is_final(dialect, reply, json, job, matched, &fault) {
        return None;
    }
    let charged = charged(json, job);
    Some(if may_have_a_file && hands_out_content(dialect) {
        Verdict::Look(Look { claim: Claim::Failed(fault), charged })
    } else {
        Verdict::Polled(failed(fault, charged))
    })
}

fn failed(fault: Fault, charged: Option<Usd>) -> Polled {
    let told = || response::says_not_charged(&fault.message).then_some(Usd::ZERO);
    Polled::Failed { charged: charged.or_else(told), fault }
}

/// The same failure, which is asked about again before it is believed.
pub(super) fn doubtful(polled: Polled) -> Polled {
    match polled {
        Polled::Failed { fault, charged } => Polled::Doubtful { fault, charged },
        polled => polled,
    }
}

/// Whether the answer to the look for a file says that there is none.
fn is_refused(answer: &Answer) -> bool {
    answer.as_ref().is_ok_and(media::is_refused)
}

/// Whether files are handed out at a place of the render's own, which its answers need not name.
fn hands_out_content(dialect: &Dialect) -> bool {
    dialect.result != Source::Generation
}

fn has_file(json: &Json, job: &Json) -> bool {
    media::named(json, job).is_some() || media::is_inline(json, job)
}

/// Whether a failure is the final word about the render that was asked about, and not an error about the question in
/// the form of one. What content rules refused is always the render.
fn is_final(
    dialect: &'static Dialect,
    reply: &Reply,
    json: &Json,
    job: &Json,
    matched: RenderMatch,
    fault: &Fault,
) -> bool {
    let is_about_the_question = reply.status.is_redirection()
        || matches!(reply.status.as_u16(), 401 | 403 | 404 | 408 | 410 | 429);
    let is_refused = fault.kind == FaultKind::RefusedContent;
    let is_unanswered = !is_refused && question::is_unanswered(json, job);
    let is_loose = status::plain_word(job).is_some_and(|word| LOOSE_WORDS.contains(&&*word));
    let is_doubtful = is_loose
        && !is_refused
        && (matches!(fault.kind, FaultKind::Overloaded | FaultKind::Auth)
            || question::speaks_of_another_server(json, job));
    if is_about_the_question || is_unanswered || is_doubtful {
        return false;
    }
    match matched {
        RenderMatch::Asked => true,
        RenderMatch::Another => false,
        RenderMatch::Unnamed => {
            // As xAI writes it.
            let is_explained = response::text(job, "/error/code").is_some();
            dialect.names == Names::SameOrNone
                && is_explained
                && !is_loose
                && reply.status.is_success()
                && !fault::code_says_no(json)
        }
    }
}

fn is_over_without_file(state: State) -> bool {
    !matches!(state, State::Running | State::Done)
}

/// The fault of a render that is over without a file.
fn failure(reply: &Reply, json: &Json, job: &Json, state: State) -> Fault {
    let told = fault::of_job(reply, json, job);
    let provider = |kind, message| Fault::new(kind, FaultSource::Provider, message);
    match (state, told) {
        (_, Some(fault)) => fault,
        (State::Cancelled, None) => {
            provider(FaultKind::Runtime, "it was cancelled at the provider").with_code("cancelled")
        }
        (State::Expired, None) => {
            provider(FaultKind::Timeout, "it expired before it was finished").with_code("expired")
        }
        (State::Deleted, None) => {
            provider(FaultKind::Lost, "it was deleted at the provider").with_code("deleted")
        }
        _ => provider(FaultKind::UnknownProviderError, "it failed, and no reason was given"),
    }
}

/// A render that calls itself finished. One that tells of an error as well and names no file has to show that it has
/// one; one without a generation to fetch may get it later.
fn finished(
    dialect: &'static Dialect,
    reply: &Reply,
    json: &Json,
    job: &Json,
    matched: RenderMatch,
) -> Result<Verdict, Fault> {
    let charged = charged(json, job);
    let rendered = Ok(Verdict::Polled(Polled::Rendered { charged }));
    if has_file(json, job) {
        return rendered;
    }
    if is_withheld(json, job) {
        require_name(dialect, reply, matched)?;
        let message = "the video was withheld by moderation";
        let fault = Fault::new(FaultKind::RefusedContent, FaultSource::Provider, message);
        return Ok(Verdict::Polled(failed(fault, charged)));
    }
    let told = fault::of_finished_job(job);
    if hands_out_content(dialect) {
        let Some(fault) = told else { return rendered };
        require_name(dialect, reply, matched)?;
        return Ok(Verdict::Look(Look { claim: Claim::Finished(fault), charged }));
    }
    if media::generation(job).is_some() {
        return rendered;
    }
    match told.filter(|fault| !response::may_have_a_file(fault)) {
        Some(fault) => {
            require_name(dialect, reply, matched)?;
            Ok(Verdict::Polled(failed(fault, charged)))
        }
        None => Ok(Verdict::Polled(polling::without_file(dialect.facts.title))),
    }
}

/// Refuses an end that does not name its render, where answers always do.
fn require_name(dialect: &Dialect, reply: &Reply, matched: RenderMatch) -> Result<(), Fault> {
    match (dialect.names, matched) {
        (Names::SameOrNone, RenderMatch::Unnamed) => Ok(()),
        _ => polling::require_name(reply, matched),
    }
}

/// Whether moderation withheld the video of a render: xAI calls such a render done, and says so beside the missing
/// address (xAI's API reference, 2026).
fn is_withheld(json: &Json, job: &Json) -> bool {
    let says_so = |it: &Json| it.pointer("/video/respect_moderation") == Some(&Json::Bool(false));
    says_so(job) || says_so(json) || job.get("respect_moderation") == Some(&Json::Bool(false))
}

/// What the answer says that the render has cost. In dollars: `usage.cost` (`OpenRouter`'s API reference, 2026). In
/// ticks of 1/10,000,000,000 dollar: `usage.cost_in_usd_ticks` (xAI's API reference, 2026). As a list of what was
/// taken: Kling's `billing`, of which only cash in dollars is one (its task pages, 2026-10).
fn charged(json: &Json, job: &Json) -> Option<Usd> {
    let number =
        |place: &str| response::number(job, place).or_else(|| response::number(json, place));
    let is_own_key =
        || [job, json].iter().any(|it| it.pointer("/usage/is_byok") == Some(&Json::Bool(true)));
    let in_dollars = || response::usd(number("/usage/cost")?).filter(|_| !is_own_key());
    let in_ticks = || response::usd(number("/usage/cost_in_usd_ticks")? / 1e10);
    let billed = || {
        let bills = job.get("billing").or_else(|| json.get("billing"))?.as_array()?;
        let cash = |bill: &Json| {
            let is_cash = response::text(bill, "/charge_type") == Some("cash");
            let is_usd =
                response::text(bill, "/currency").is_some_and(|it| it.eq_ignore_ascii_case("usd"));
            response::number(bill, "/amount").filter(|_| is_cash && is_usd)
        };
        let amounts: Option<Vec<_>> = bills.iter().take(16).map(cash).collect();
        response::usd(amounts.filter(|all| !all.is_empty())?.iter().sum())
    };
    in_ticks().or_else(in_dollars).or_else(billed)
}

fn running(dialect: &'static Dialect, reply: &Reply, job: &Json, note: Option<String>) -> Polled {
    Polled::Running { percent: percent(job), ask_again_in: pause(dialect, reply), note }
}

/// Percent done, as a number, as a text with a sign, or as a share.
fn percent(job: &Json) -> u8 {
    let with_sign = || response::text(job, "/progress")?.trim().trim_end_matches('%').parse().ok();
    if let Some(value) = response::number(job, "/progress").or_else(with_sign) {
        return response::percent(value);
    }
    response::number(job, "/progress_pct").map_or(0, response::percent_of_share)
}

/// When to ask again: as the answer says, else as the dialect's documentation does; 1 to 60 seconds.
fn pause(dialect: &'static Dialect, reply: &Reply) -> Duration {
    let hint = || {
        let ms = reply.header("openai-poll-after-ms")?.trim().parse::<u32>().ok()?;
        Some(SignedDuration::from_millis(ms.into()))
    };
    let asked = reply.retry_after().or_else(hint).and_then(|pause| pause.try_into().ok());
    let (least, most) = (Duration::from_secs(1), Duration::from_mins(1));
    asked.unwrap_or(dialect.poll_interval).clamp(least, most)
}

/// A poll that was answered with an error. Only what is about the render itself is its end; whatever keeps the question
/// from being answered, a 404 among it, is asked again.
fn refused_poll(dialect: &Dialect, reply: &Reply, matched: RenderMatch) -> Result<Polled, Fault> {
    let fault = fault::of_reply(reply, Stage::Poll);
    let is_of_the_render = || require_name(dialect, reply, matched).is_ok();
    if reply.json().is_some() && fault::is_about_a_render(&fault) && is_of_the_render() {
        return Ok(Polled::failed(fault));
    }
    match reply.status.as_u16() {
        404 | 410 => Err(Fault { kind: FaultKind::Lost, ..fault }),
        _ => Err(fault),
    }
}

/// A success without a status: an error in disguise, a finished file, or a render that has no status yet.
fn without_status(
    dialect: &'static Dialect,
    reply: &Reply,
    json: &Json,
    matched: RenderMatch,
) -> Result<Polled, Fault> {
    if media::named(json, json).is_some() || media::is_inline(json, json) {
        return Ok(Polled::Rendered { charged: charged(json, json) });
    }
    if let Some(fault) = fault::of_failure_in_success(reply, json, Stage::Poll) {
        // A firewall on the way blocks a question with the same code as a provider a render.
        let is_final =
            fault::is_about_a_render(&fault) && require_name(dialect, reply, matched).is_ok();
        return if is_final { Ok(Polled::failed(fault)) } else { Err(fault) };
    }
    if status::id(json).is_some() {
        let note = "the answer has no status yet".to_owned();
        return Ok(running(dialect, reply, json, Some(note)));
    }
    Err(response::unexpected(reply, "the answer has no status"))
}
