//! What providers that host models of many makers have in common: shots in the words of a catalog entry,
//! pictures inside a request, and the search for a render whose submit got no answer.
//!
//! Neither fal nor Replicate takes a name of ours for a render. What identifies one is its input, with the seed
//! in it, and the time at which it was made; a render may be claimed only when both fit. Of several that fit and that no
//! attempt owns, each is as good as the other: the ledger gives each to one attempt.

use std::{collections::BTreeSet, time::Duration};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use jiff::{SignedDuration, Timestamp};
use retake_core::{
    catalog::{Catalog, ModelInput},
    fault::{Fault, FaultKind, FaultSource},
};
use serde_json::Value as Json;

use crate::{
    Reconciliation, RemoteId, Submission, SubmitError, UnconfirmedSubmit,
    call::Reply,
    likeness::Likeness,
    window::{Age, Window},
};

/// A submit was sent no later than this after its intent, uploads included.
const SENT_WITHIN: SignedDuration = SignedDuration::from_mins(15);
/// A list that takes a time to begin at is asked for what is this much older than the intent: whether it could be ours is
/// for the window to say, which learns from the answer how wrong our own clock is.
const ASKED_BACK: SignedDuration = SignedDuration::from_hours(24);

/// The submission in the words of the model's entry.
pub(crate) fn encode(
    catalog: &Catalog,
    provider: &str,
    submission: &Submission,
) -> Result<ModelInput, SubmitError> {
    let Submission { model, spec, first_frame, .. } = submission;
    let entry = catalog.model(provider, model).ok_or_else(|| {
        refusal(format!(
            "the catalog has no entry `{provider}/{model}`, so nobody knows how its inputs are called; describe \
             it in a catalog file"
        ))
    })?;
    let said = entry.encode(spec).map_err(|problem| refusal(problem.to_string()))?;
    if said.picture.is_some() && first_frame.is_none() {
        return Err(refusal(
            "the picture to start from is not there any more; send it again".into(),
        ));
    }
    Ok(said)
}

/// A submit that is turned down before anything is sent.
pub(crate) fn refusal(message: String) -> SubmitError {
    SubmitError::Refused(Fault::new(FaultKind::BadRequest, FaultSource::Caller, message))
}

/// A picture as part of a request.
pub(crate) fn data_uri(media_type: &str, bytes: &[u8]) -> String {
    format!("data:{media_type};base64,{}", STANDARD.encode(bytes))
}

/// The name of a file for an upload, by its type.
pub(crate) fn file_name(media_type: &str) -> &'static str {
    match media_type {
        "image/png" => "first-frame.png",
        "image/webp" => "first-frame.webp",
        _ => "first-frame.jpg",
    }
}

/// A search through the list of what an account has rendered.
#[derive(Debug)]
pub(crate) struct Search {
    said: ModelInput,
    window: Window,
    known: BTreeSet<RemoteId>,
    /// What could be ours, by how far from the intent it was made.
    found: Vec<(SignedDuration, RemoteId)>,
    is_unsure: bool,
}

/// One line of such a list.
#[derive(Debug)]
pub(crate) struct Listed<'a> {
    /// Its name; nothing when there is none that could be used.
    pub(crate) id: Option<RemoteId>,
    /// Something else speaks against it, so that it is claimed by nobody, though it may stand against an absence.
    pub(crate) is_doubted: bool,
    /// When it was made, as far as that is told.
    pub(crate) made_at: Option<Timestamp>,
    /// What it was given.
    pub(crate) input: Option<&'a Json>,
}

impl Search {
    /// A search for what was sent, and lost.
    pub(crate) fn new(said: ModelInput, lost: &UnconfirmedSubmit) -> Self {
        let window = Window::new(lost.begun_at, SENT_WITHIN);
        Self { said, window, known: lost.known.clone(), found: Vec::new(), is_unsure: false }
    }

    /// Takes note of the clock of whoever lists.
    pub(crate) fn learn(&mut self, reply: &Reply) {
        self.window.learn(reply);
    }

    /// From when on a list is asked for.
    pub(crate) fn start(&self) -> Timestamp {
        self.window.start(ASKED_BACK)
    }

    /// Takes note that the list need not show everything.
    pub(crate) fn doubt(&mut self) {
        self.is_unsure = true;
    }

    /// Whether what was made then is too old to be it.
    pub(crate) fn is_too_old(&self, made_at: Timestamp) -> bool {
        self.window.age(made_at) == Age::Before
    }

    /// Whether the input is the one that was sent, or not shown.
    pub(crate) fn may_be_given(&self, input: Option<&Json>) -> bool {
        compare(&self.said, input) != Likeness::Other
    }

    /// Looks at one line of the list. True when it is older than anything that could be ours.
    pub(crate) fn consider(&mut self, listed: Listed<'_>) -> bool {
        if listed.id.as_ref().is_some_and(|id| self.known.contains(id)) {
            return listed.made_at.is_some_and(|at| self.is_too_old(at));
        }
        let likeness = compare(&self.said, listed.input);
        // Without a seed, the same input may well be somebody else's.
        let is_marked = likeness == Likeness::Same && self.said.seed.is_some();
        let dated = listed.made_at.map(|at| (at, self.window.age(at)));
        match (dated, listed.id) {
            (Some((at, Age::Within)), Some(id)) if is_marked && !listed.is_doubted => {
                self.found.push((self.window.distance(at), id));
            }
            // A list may show an input with other words, another seed or another length than sent.
            (None | Some((_, Age::Within)), _) => self.is_unsure = true,
            // A clock that is wrong moves a render out of the window. An input that is not shown any more was removed
            // because the render is old.
            (Some((at, _)), _)
                if likeness != Likeness::Hidden && self.window.could_be_ours(at, likeness) =>
            {
                self.is_unsure = true;
            }
            (Some((_, age)), _) => return age == Age::Before,
        }
        false
    }

    /// What came of it, once everything was seen.
    pub(crate) fn verdict(self, over_after: Duration) -> Reconciliation {
        match (self.found.into_iter().min(), self.is_unsure) {
            (Some((_, id)), _) => Reconciliation::Found(id),
            (None, false) => Reconciliation::Absent,
            (None, true) => Reconciliation::Unknowable { over_after },
        }
    }
}

/// Compares an input that was listed with the one that was sent. A provider may list more than was sent (its
/// own defaults), and it may list a picture under another address.
fn compare(said: &ModelInput, listed: Option<&Json>) -> Likeness {
    let Some(listed) = listed.and_then(Json::as_object).filter(|listed| !listed.is_empty()) else {
        return Likeness::Hidden;
    };
    if said.picture.as_ref().is_some_and(|name| !listed.contains_key(name)) {
        return Likeness::Other;
    }
    let mut likeness = Likeness::Same;
    for (name, sent) in &said.inputs {
        match (sent, listed.get(name)) {
            (Json::String(sent), Some(Json::String(listed))) => {
                match Likeness::compare(sent, listed) {
                    Likeness::Same => {}
                    Likeness::Changed => likeness = Likeness::Changed,
                    Likeness::Hidden | Likeness::Other => return Likeness::Other,
                }
            }
            (sent, Some(listed)) if equal(sent, listed) => {}
            _ => return Likeness::Other,
        }
    }
    likeness
}

fn equal(one: &Json, other: &Json) -> bool {
    one == other || (one.is_number() && other.is_number() && one.as_f64() == other.as_f64())
}

/// Answers of every kind, for tests that no reader panics.
#[cfg(test)]
pub(crate) mod anything {
    use http::{HeaderMap, HeaderValue, StatusCode};
    use proptest::prelude::*;
    use serde_json::{Value as Json, json};

    use crate::{
        call::{Answer, Reply},
        testing::{NOON, silence},
    };

    /// An answer with arbitrary JSON or arbitrary bytes, with any status, or none at all. `names` are those
    /// that the reader looks for, `words` texts that it knows.
    pub(crate) fn any_answer(
        names: &'static [&'static str],
        words: &'static [&'static str],
    ) -> impl Strategy<Value = Answer> {
        let body = prop_oneof![
            3 => any_json(names, words).prop_map(|json| json.to_string().into_bytes()),
            1 => proptest::collection::vec(any::<u8>(), 0..64),
        ];
        let status = prop_oneof![Just(200_u16), Just(404), 100_u16..=999];
        let reply = (status, body, ".{0,12}").prop_map(|(status, body, header)| {
            let value = HeaderValue::from_str(&header).ok();
            let names = ["retry-after", "x-fal-error-type"];
            let headers = names.into_iter().zip(value.iter().cloned().cycle());
            let headers = headers.map(|(name, value)| (name.parse().unwrap(), value));
            Ok(Reply {
                status: StatusCode::from_u16(status).unwrap(),
                headers: headers.collect::<HeaderMap>(),
                body: body.into(),
                at: NOON,
            })
        });
        prop_oneof![9 => reply, 1 => any::<bool>().prop_map(silence)]
    }

    fn any_json(
        names: &'static [&'static str],
        words: &'static [&'static str],
    ) -> impl Strategy<Value = Json> {
        let leaf = prop_oneof![
            Just(Json::Null),
            any::<bool>().prop_map(Json::from),
            any::<f64>().prop_map(|number| json!(number)),
            any::<u64>().prop_map(Json::from),
            proptest::sample::select(words).prop_map(Json::from),
            ".{0,16}".prop_map(Json::from),
        ];
        leaf.prop_recursive(4, 48, 6, move |inner| {
            let object = proptest::collection::btree_map(
                proptest::sample::select(names).prop_map(str::to_owned),
                inner.clone(),
                0..8,
            );
            prop_oneof![
                1 => proptest::collection::vec(inner, 0..4).prop_map(Json::from),
                3 => object.prop_map(|fields| Json::Object(fields.into_iter().collect())),
            ]
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::testing::NOON;

    fn a_search(seed: Option<u64>) -> Search {
        let mut inputs = serde_json::Map::new();
        inputs.insert("prompt".into(), "fog".into());
        if let Some(seed) = seed {
            inputs.insert("seed".into(), seed.into());
        }
        let seed = seed.map(|_| "seed".to_owned());
        let said = ModelInput { path: "a/b".into(), inputs, picture: None, seed };
        let window = Window::new(NOON, SENT_WITHIN);
        let known = BTreeSet::from(["owned".to_owned()]);
        Search { said, window, known, found: Vec::new(), is_unsure: false }
    }

    fn verdict(mut search: Search, lines: &[(&str, i64, Json)]) -> Reconciliation {
        for (id, seconds, input) in lines {
            let made_at = NOON.checked_add(SignedDuration::from_secs(*seconds)).ok();
            let id = Some((*id).to_owned());
            search.consider(Listed { id, is_doubted: false, made_at, input: Some(input) });
        }
        search.verdict(Duration::from_hours(1))
    }

    #[test]
    fn the_same_input_with_our_seed_is_ours_even_with_defaults_beside_it() {
        let listed = json!({ "prompt": "fog", "seed": 7.0, "resolution": "720p" });

        assert_eq!(
            verdict(a_search(Some(7)), &[("r", 3, listed)]),
            Reconciliation::Found("r".into())
        );
    }

    #[test]
    fn what_could_be_somebody_elses_is_not_claimed() {
        let unknowable = Reconciliation::Unknowable { over_after: Duration::from_hours(1) };
        let seedless = [("r", 3, json!({ "prompt": "fog" }))];

        assert_eq!(verdict(a_search(None), &seedless), unknowable);
        let old = [("r", -601, json!({ "prompt": "fog", "seed": 8 }))];
        assert_eq!(verdict(a_search(Some(7)), &old), Reconciliation::Absent);
        let old = [("r", -24 * 3600, json!({ "prompt": "fog" }))];
        assert_eq!(verdict(a_search(None), &old), unknowable);
    }

    #[test]
    fn of_several_that_nobody_owns_the_one_made_nearest_to_the_intent_is_ours() {
        let same = json!({ "prompt": "fog", "seed": 7 });
        let listed = |names: [&'static str; 3]| {
            [9, 3, -60]
                .map(|seconds| seconds)
                .into_iter()
                .zip(names)
                .map(|(seconds, name)| (name, seconds, same.clone()))
        };

        let lines: Vec<_> = listed(["q", "r", "s"]).collect();
        assert_eq!(verdict(a_search(Some(7)), &lines), Reconciliation::Found("r".into()));
        let lines: Vec<_> = listed(["q", "owned", "s"]).collect();
        assert_eq!(verdict(a_search(Some(7)), &lines), Reconciliation::Found("q".into()));
    }

    #[test]
    fn a_render_with_our_seed_under_another_clock_stands_against_an_absence_and_is_ours_when_that_clock_is_known()
     {
        let same = json!({ "prompt": "fog", "seed": 7 });
        let unknowable = Reconciliation::Unknowable { over_after: Duration::from_hours(1) };
        for hours in [-9, 2, 9] {
            let listed = [("r", hours * 3600, same.clone())];
            assert_eq!(verdict(a_search(Some(7)), &listed), unknowable, "{hours}");
            let mut search = a_search(Some(7));
            let date = jiff::fmt::rfc2822::DateTimePrinter::new();
            let date =
                date.timestamp_to_rfc9110_string(&(NOON + SignedDuration::from_hours(hours)));
            search.learn(&crate::testing::reply(200, &[("date", &date.unwrap())], "").unwrap());
            assert_eq!(verdict(search, &listed), Reconciliation::Found("r".into()), "{hours}");
        }
        let last_week = |input| [("r", -7 * 24 * 3600, input)];
        assert_eq!(verdict(a_search(Some(7)), &last_week(same)), unknowable);
        let other = json!({ "prompt": "fog", "seed": 8 });
        assert_eq!(verdict(a_search(Some(7)), &last_week(other)), Reconciliation::Absent);
    }

    #[test]
    fn absence_is_not_promised_while_something_listed_cannot_be_told_apart() {
        let unknowable = Reconciliation::Unknowable { over_after: Duration::from_hours(1) };
        let shortened = json!({ "prompt": "f", "seed": 7 });
        let spelled = json!({ "prompt": "Fog!", "seed": 7 });
        let earlier = |hours: i64| [("r", -hours * 3600, spelled.clone())];
        assert_eq!(verdict(a_search(Some(7)), &earlier(14)), unknowable);
        assert_eq!(verdict(a_search(Some(7)), &earlier(20)), Reconciliation::Absent);
        assert!(a_search(Some(7)).may_be_given(Some(&spelled)));

        assert_eq!(verdict(a_search(Some(7)), &[("r", 3, shortened)]), unknowable);
        assert_eq!(verdict(a_search(Some(7)), &[("r", 3, json!({}))]), unknowable);
        let echoed = json!({ "prompt": "fog", "seed": 8, "duration": 5 });
        assert_eq!(verdict(a_search(Some(7)), &[("r", 3, echoed.clone())]), unknowable);
        assert_eq!(verdict(a_search(Some(7)), &[("owned", 3, echoed)]), Reconciliation::Absent);
    }
}
