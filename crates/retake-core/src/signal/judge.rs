//! From signals to a fault: one order of evidence for all providers.
//!
//! 1. Codes that mean one thing, the first that is known. For each the vendor's own table is asked first, then those
//!    whose codes relays pass on.
//! 2. The vendor's own phrases, then those of its codes that leave room for them.
//! 3. The general phrases.
//! 4. Phrases that say little: the vendor's own, then, unless the status says much, the general ones. Then the vendor's
//!    codes that say little.
//! 5. A status that says much.
//! 6. That another server did not take the key, or wants money; a relay's general code; any other status that it
//!    repeats.
//! 7. The name of the field at fault, unless the server itself failed.
//! 8. The status: the vendor's own reading of it before the usual one.
//!
//! Of a body that the provider did not write only the status counts. The order follows the survey of failure codes: a
//! provider's code before the body's, a code before a text, and the status last, because one status stands for several
//! causes at every provider.

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

use super::{
    Author, CodeSignal, Place, Signals,
    status::{kind_of_foreign_status, kind_of_status, says_much},
    table::{Entry, GENERAL, Table, Tables, Weight},
};
use crate::fault::{Fault, FaultKind, FaultSource};

/// What signals come to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Judgement {
    /// What kind of failure it is.
    pub kind: FaultKind,
    /// Whose failure it is.
    pub source: FaultSource,
    /// The pause that the provider asked for.
    pub retry_after: Option<SignedDuration>,
    /// The code to show: the one that decided, else the first that stands where codes do.
    pub code: Option<String>,
    /// What decided.
    pub by: DecidedBy,
}

/// The signal that decided.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DecidedBy {
    /// A code that means one thing.
    Code {
        /// The code as it was written.
        code: String,
        /// The id of its entry.
        id: String,
    },
    /// A code that says little.
    GeneralCode {
        /// The code as it was written.
        code: String,
        /// The id of its entry.
        id: String,
    },
    /// A phrase.
    Phrase {
        /// The id of its entry.
        id: String,
        /// The table that has the entry.
        table: String,
    },
    /// The status of another server that the answer repeats.
    Relayed(u16),
    /// The name of the field at fault.
    Field,
    /// The status.
    Status(u16),
    /// Nothing: no signal means anything that is known.
    Nothing,
}

impl Judgement {
    /// The fault, with words for people.
    pub fn into_fault(self, message: impl Into<String>) -> Fault {
        let fault = Fault::new(self.kind, self.source, message).after(self.retry_after);
        Fault { code: self.code, ..fault }
    }

    /// Whether nothing but the status, or nothing at all, says what it is.
    pub fn is_by_status(&self) -> bool {
        matches!(self.by, DecidedBy::Status(_) | DecidedBy::Nothing)
    }
}

/// What signals come to.
pub fn judge(signals: &Signals) -> Judgement {
    let tables = Tables::shipped();
    let vendor: Vec<_> = tables.of_vendor(&signals.vendor).collect();
    let of_codes = vendor.iter().copied().chain(tables.passed_on());
    conclude(signals, weigh(signals, &vendor, &of_codes.collect::<Vec<_>>()))
}

/// What the vendor's own table alone makes of signals, and the status. What proves that a create was refused is read so:
/// a sentence of anybody's proves nothing.
pub fn judge_by_own_table(signals: &Signals) -> Judgement {
    let own: Vec<_> = Tables::shipped().own(&signals.vendor).into_iter().collect();
    conclude(signals, weigh(signals, &own, &own))
}

type Decision = (FaultKind, DecidedBy);

fn conclude(signals: &Signals, decision: Option<Decision>) -> Judgement {
    let (kind, by) = decision.unwrap_or((FaultKind::UnknownProviderError, DecidedBy::Nothing));
    let decided = match &by {
        DecidedBy::Code { code, .. } => signals.codes.iter().find(|it| it.code == *code),
        _ => None,
    };
    let is_shown = |it: &&CodeSignal| !matches!(it.place, Place::Form | Place::Header);
    let first = || signals.codes.iter().find(|it| matches!(it.place, Place::Code | Place::Reason));
    let code = decided.filter(is_shown).or_else(first).map(|it| it.code.clone());
    let source = FaultSource::Provider;
    Judgement { kind, source, retry_after: signals.retry_after, code, by }
}

/// The first evidence that counts. `tables` are those of phrases, the vendor's first; `of_codes` those of codes.
fn weigh(signals: &Signals, tables: &[&Table], of_codes: &[&Table]) -> Option<Decision> {
    if signals.author != Author::Provider {
        let status = signals.status?;
        let kind = kind_of_foreign_status(status, signals.author);
        return Some((kind, DecidedBy::Status(status)));
    }
    let own: Vec<_> = tables.iter().copied().filter(|table| table.name() != GENERAL).collect();
    let says_much = signals.status.is_some_and(says_much);
    by_code(signals, of_codes, Weight::Sure)
        .or_else(|| {
            let firm = |table| {
                by_phrase(signals, table, Weight::Firm)
                    .or_else(|| by_code(signals, &[table], Weight::Firm))
            };
            tables.iter().copied().find_map(firm)
        })
        .or_else(|| {
            let loose = |table| by_phrase(signals, table, Weight::General);
            let speaking = if says_much { &own } else { tables };
            speaking.iter().copied().find_map(loose)
        })
        .or_else(|| by_code(signals, &own, Weight::General))
        .or_else(|| by_status(signals, tables).filter(|_| says_much))
        .or_else(|| by_relayed(signals, |kind| matches!(kind, FaultKind::Auth | FaultKind::Quota)))
        .or_else(|| by_code(signals, of_codes, Weight::General))
        .or_else(|| by_relayed(signals, |_| true))
        .or_else(|| by_field(signals))
        .or_else(|| by_status(signals, tables))
}

fn by_code(signals: &Signals, tables: &[&Table], weight: Weight) -> Option<Decision> {
    signals.codes.iter().find_map(|signal| {
        let mut known = tables.iter().filter_map(|table| table.code(signal, weight));
        let entry = known.find(|entry| entry.counts(signals))?;
        let (code, id) = (signal.code.clone(), entry.id.clone());
        let by = match weight {
            Weight::General => DecidedBy::GeneralCode { code, id },
            Weight::Sure | Weight::Firm => DecidedBy::Code { code, id },
        };
        Some((entry.kind, by))
    })
}

fn by_phrase(signals: &Signals, table: &Table, weight: Weight) -> Option<Decision> {
    let is_there = |entry: &&Entry| {
        signals.phrases.iter().any(|it| it.table == table.name() && it.id == entry.id)
    };
    let mut entries = table.phrases().filter(|entry| entry.weight_of_phrase() == weight);
    let entry = entries.find(|entry| is_there(entry) && entry.counts(signals))?;
    let by = DecidedBy::Phrase { id: entry.id.clone(), table: table.name().to_owned() };
    Some((entry.kind, by))
}

fn by_relayed(signals: &Signals, fits: impl Fn(FaultKind) -> bool) -> Option<Decision> {
    let kinds = signals.relayed.iter().map(|status| (kind_of_status(*status), *status));
    let mut fitting = kinds.filter(|(kind, _)| fits(*kind));
    fitting.next().map(|(kind, status)| (kind, DecidedBy::Relayed(status)))
}

fn by_field(signals: &Signals) -> Option<Decision> {
    let is_of_server = signals.status.is_some_and(|status| (500..600).contains(&status));
    (signals.field.is_some() && !is_of_server).then_some((FaultKind::BadRequest, DecidedBy::Field))
}

fn by_status(signals: &Signals, tables: &[&Table]) -> Option<Decision> {
    let status = signals.status?;
    let known = tables.iter().find_map(|table| table.status(status));
    Some((known.unwrap_or_else(|| kind_of_status(status)), DecidedBy::Status(status)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signal::Stage;

    fn signals(vendor: &str, status: Option<u16>) -> Signals {
        Signals { status, ..Signals::new(vendor, Stage::Create) }
    }

    fn kind(signals: &Signals) -> FaultKind {
        judge(signals).kind
    }

    #[test]
    fn a_code_that_means_one_thing_goes_before_every_text() {
        let refused = signals("openai", Some(400))
            .with_code("server_error", Place::Code)
            .with_code("moderation_blocked", Place::Code)
            .with_text("too many requests");

        let judged = judge(&refused);

        assert_eq!(judged.kind, FaultKind::RefusedContent);
        assert_eq!(judged.code.as_deref(), Some("moderation_blocked"));
    }

    #[test]
    fn a_vendors_own_meaning_of_a_code_goes_before_that_of_all_others() {
        let waited = |vendor| signals(vendor, None).with_code("request_timeout", Place::Code);

        assert_eq!(kind(&waited("fal")), FaultKind::Overloaded);
        assert_eq!(kind(&waited("openai")), FaultKind::Timeout);
    }

    #[test]
    fn a_vendors_own_phrase_goes_before_the_general_ones() {
        let spent = |vendor, minutes| {
            let retry_after = Some(SignedDuration::from_mins(minutes));
            let signals = signals(vendor, Some(429)).with_text("daily limit");
            Signals { retry_after, ..signals }
        };

        assert_eq!(kind(&spent("fal", 1)), FaultKind::Quota);
        assert_eq!(kind(&spent("runway", 1)), FaultKind::Overloaded);
        assert_eq!(kind(&spent("runway", 60)), FaultKind::Quota);
        let down = |vendor| kind(&signals(vendor, Some(503)).with_text("Service Unavailable"));
        assert_eq!(down("luma"), FaultKind::Overloaded);
        assert_eq!(down("luma-agents"), FaultKind::Timeout);
    }

    #[test]
    fn a_phrase_goes_before_a_relays_general_code_and_that_before_a_plain_status() {
        let relayed = |status, text: &str| {
            kind(
                &signals("openai", status).with_code("upstream_error", Place::Code).with_text(text),
            )
        };

        assert_eq!(relayed(Some(400), "blocked by moderation"), FaultKind::RefusedContent);
        assert_eq!(relayed(Some(400), "it went wrong"), FaultKind::Runtime);
        assert_eq!(relayed(Some(401), "it went wrong"), FaultKind::Auth);
    }

    #[test]
    fn words_about_a_value_say_less_than_a_status_that_says_much() {
        let invalid = |status| kind(&signals("luma", Some(status)).with_text("it is invalid"));

        assert_eq!(invalid(400), FaultKind::BadRequest);
        assert_eq!(invalid(500), FaultKind::BadRequest);
        assert_eq!(invalid(401), FaultKind::Auth);
    }

    #[test]
    fn the_field_at_fault_says_what_it_is_unless_the_server_failed() {
        let named =
            |status| kind(&Signals { field: Some("seed".into()), ..signals("fal", status) });

        assert_eq!(named(None), FaultKind::BadRequest);
        assert_eq!(named(Some(500)), FaultKind::Runtime);
    }

    #[test]
    fn of_a_stranger_only_the_status_counts() {
        let page = Signals {
            author: Author::Page,
            ..signals("openai", Some(403)).with_text("refused by moderation")
        };

        assert_eq!(kind(&page), FaultKind::Overloaded);
    }

    #[test]
    fn a_status_for_money_is_load_where_the_text_says_so() {
        let kind = |status, text| kind(&signals("luma", Some(status)).with_text(text));

        assert_eq!(kind(402, "Rate limit exceeded, slow down"), FaultKind::Overloaded);
        assert_eq!(kind(403, "Too many requests from this key"), FaultKind::Overloaded);
        assert_eq!(kind(499, "the model is overloaded"), FaultKind::Overloaded);
        assert_eq!(kind(402, "Too many unpaid bills: insufficient balance"), FaultKind::Quota);
        assert_eq!(kind(403, "forbidden"), FaultKind::Quota);
    }

    #[test]
    fn what_nobody_knows_stays_unknown() {
        let judged = judge(&signals("fal", None).with_code("brand_new", Place::Code));

        assert_eq!(judged.by, DecidedBy::Nothing);
        assert_eq!(judged.kind, FaultKind::UnknownProviderError);
        assert_eq!(judged.code.as_deref(), Some("brand_new"));
    }

    #[test]
    fn a_sentence_of_anybodys_is_nothing_in_a_vendors_own_table() {
        let said = signals("google", Some(500))
            .with_code("DEADLINE_EXCEEDED", Place::Code)
            .with_text("the quota service was late");

        assert_eq!(judge_by_own_table(&said).kind, FaultKind::Timeout);
    }

    #[test]
    fn signals_are_kept_as_plain_values() {
        let kept = signals("runway", Some(429)).with_code("SAFETY", Place::Code).with_text("daily");

        let text = serde_json::to_string(&kept).unwrap();

        assert_eq!(serde_json::from_str::<Signals>(&text).unwrap(), kept);
    }
}
