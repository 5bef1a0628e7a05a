//! One sentence has one cause, whoever says it.

use retake_core::{
    fault::{Fault, FaultKind},
    signal::{
        Signals, Stage, judge,
        table::{Table, Tables},
    },
};
use serde_json::{Value as Json, json};

use super::{Subject, subjects};
use crate::{Polled, SubmitError, testing::reply};

impl Subject {
    /// The name of the table of its vendor.
    fn table(&self) -> &str {
        let provider = self.name.split('/').next().unwrap_or_default();
        if self.is("luma/agents") { "luma-agents" } else { provider }
    }

    /// A render that failed with that sentence and no code that is known.
    fn failed_with(&self, text: &str) -> Json {
        let body = if self.is_operation() {
            json!({ "done": true, "error": { "code": 13, "message": text } })
        } else if self.is("google") {
            json!({ "status": "failed", "errors": [{ "code": "internal", "message": text }] })
        } else if self.is("runway") {
            json!({ "status": "FAILED", "failure": text })
        } else if self.is("luma") {
            json!({ "state": "failed", "failure_reason": text })
        } else if self.is("fal") {
            json!({ "status": "COMPLETED", "error": text })
        } else if self.is("replicate") {
            json!({ "status": "failed", "error": text })
        } else {
            json!({ "status": "failed", "error": { "message": text, "type": "upstream_error" } })
        };
        self.named(Some(self.own_id()), body)
    }

    fn refused_with(&self, text: &str) -> Fault {
        match self.create(&reply(400, &[], self.own(text).to_string())) {
            Err(SubmitError::Refused(fault) | SubmitError::Lost(fault)) => fault,
            created => panic!("{} {text}: {created:?}", self.name),
        }
    }

    /// What a poll makes of it; nothing where it is taken for an error about the question.
    fn polled_with(&self, text: &str) -> Option<Fault> {
        match self.poll(&reply(200, &[], self.failed_with(text).to_string())) {
            Ok(Polled::Failed { fault, .. } | Polled::Doubtful { fault, .. }) => Some(fault),
            Ok(polled) => panic!("{} {text}: {polled:?}", self.name),
            Err(_) => None,
        }
    }

    /// Whether the vendor's own table has something to say of a text.
    fn has_own(&self, text: &str) -> bool {
        let own = Tables::shipped().own(self.table());
        own.is_some_and(|table| table.phrases_in(text).next().is_some())
    }
}

#[test]
fn a_general_phrase_has_the_same_cause_at_every_provider() {
    let phrases = Tables::shipped().general().flat_map(Table::phrases);
    let phrases = phrases.flat_map(|entry| &entry.any);
    let texts: Vec<_> = phrases.map(|phrase| format!("it says {phrase} here")).collect();
    assert!(texts.len() > 100);
    for subject in subjects() {
        for text in texts.iter().filter(|text| !subject.has_own(text)) {
            let expected = judge(&Signals::new("nobody", Stage::Poll).with_text(text)).kind;

            let refused = subject.refused_with(text);
            assert_eq!(refused.kind, expected, "{} refuses: {text}", subject.name);
            let failed = subject.polled_with(text).map_or(expected, |fault| fault.kind);
            assert_eq!(failed, expected, "{} fails: {text}", subject.name);
        }
    }
}

#[test]
fn a_sentence_about_moderation_is_one_cause_at_every_provider() {
    for text in [
        "The video was moderated.",
        "Your request was rejected as a result of our safety system.",
        "The prompt contains blacklisted words",
        "flagged as sensitive",
        "This violates our usage guidelines",
    ] {
        for subject in subjects() {
            assert_eq!(
                subject.refused_with(text).kind,
                FaultKind::RefusedContent,
                "{} {text}",
                subject.name
            );
        }
    }
}
