//! The lists of `proof.toml`: what proves a refusal, and what stands beside one that proves nothing.

use std::sync::LazyLock;

use retake_core::fault::FaultKind;
use serde::Deserialize;

/// The file as it is.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Lists {
    pub(super) no_room: Vec<String>,
    pub(super) load: Vec<String>,
    pub(super) trouble: Vec<String>,
    pub(super) work: Vec<String>,
    pub(super) machinery: Vec<String>,
    pub(super) request_types: Vec<String>,
    pub(super) codes_in_prose: Vec<String>,
    pub(super) answered: Vec<String>,
    pub(super) fields: Vec<String>,
    pub(crate) network: Vec<String>,
    pub(super) silence: Vec<String>,
    pub(super) passed_on: Vec<String>,
    pub(super) had_before: Vec<String>,
    pub(super) relayed_codes: Vec<String>,
    pub(super) render_codes: Vec<String>,
    pub(super) clear: Vec<Phrases>,
    pub(super) whole: Vec<Phrases>,
}

/// Phrases that prove one kind.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Phrases {
    pub(super) kind: FaultKind,
    pub(super) any: Vec<String>,
}

/// The lists that ship with this version.
pub(crate) fn lists() -> &'static Lists {
    static LISTS: LazyLock<Lists> = LazyLock::new(|| {
        #[expect(clippy::expect_used, reason = "a test reads the file that ships")]
        read().expect("the lists of what proves a refusal can be read")
    });
    &LISTS
}

fn read() -> Result<Lists, toml::de::Error> {
    toml::from_str(include_str!("proof.toml"))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use retake_core::signal::{Signals, Stage, judge};

    use super::*;

    #[test]
    fn the_lists_are_in_small_letters_and_say_nothing_twice() {
        let lists = read().unwrap();
        let proofs = || lists.clear.iter().chain(&lists.whole).map(|it| &it.any);
        let others = [&lists.no_room, &lists.load, &lists.trouble, &lists.work, &lists.machinery];
        let more = [&lists.network, &lists.silence, &lists.passed_on, &lists.had_before];

        for list in others.into_iter().chain(more).chain(proofs()) {
            let once: BTreeSet<_> = list.iter().collect();
            assert_eq!(once.len(), list.len(), "{list:?}");
            assert!(!list.is_empty() && list.iter().all(|it| *it == it.to_lowercase()), "{list:?}");
        }
    }

    #[test]
    fn what_a_phrase_proves_is_what_it_is_judged_to_be() {
        for phrases in lists().clear.iter().chain(&lists().whole) {
            let judged = |phrase: &String| {
                judge(&Signals::new("nobody", Stage::Create).with_text(phrase)).kind
            };
            let others: Vec<_> =
                phrases.any.iter().filter(|it| judged(it) != phrases.kind).collect();
            assert!(others.is_empty(), "{:?}: {others:?}", phrases.kind);
        }
    }
}
