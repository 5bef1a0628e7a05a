//! Looking for a prediction whose submit got no answer: Replicate lists them all, the newest first.

use std::sync::Arc;

use jiff::Timestamp;
use retake_core::{catalog::Catalog, fault::Fault, signal::Stage};
use serde_json::Value as Json;

use super::{
    LONGEST_RENDER, PROVIDER,
    calls::{Calls, encoded},
    fault,
    request::Target,
};
use crate::{
    Flow, Reconciliation, UnconfirmedSubmit,
    call::{Answer, Call},
    listing,
    model_host::{self, Listed, Search},
    response,
};

/// A page has a hundred predictions.
const MOST_PAGES: usize = 40;
/// Each of them may hold a picture of a quarter of a megabyte.
const LARGEST_PAGE: usize = 64 << 20;

type Found = Result<Reconciliation, Fault>;

pub(super) fn look_up(
    calls: &Arc<Calls>,
    catalog: &Catalog,
    lost: &UnconfirmedSubmit,
) -> Flow<Found> {
    // The catalog may have said it otherwise when it was sent.
    let Ok(said) = model_host::encode(catalog, PROVIDER, &lost.submission) else {
        return Flow::Done(Ok(Reconciliation::Unknowable { over_after: LONGEST_RENDER }));
    };
    let Some(target) = Target::of(&said.path) else {
        return Flow::Done(Ok(Reconciliation::Unknowable { over_after: LONGEST_RENDER }));
    };
    let hook = lost.submission.hook.clone();
    let walk = Walk { calls: Arc::clone(calls), model: target.model, hook };
    walk.page(Search::new(said, lost), None, 0)
}

/// A walk through the pages of the list, back to when the submit was begun.
struct Walk {
    calls: Arc<Calls>,
    model: Option<String>,
    hook: Option<String>,
}

impl Walk {
    fn page(self, search: Search, cursor: Option<&str>, seen: usize) -> Flow<Found> {
        let cursor = cursor.map(|cursor| format!("?cursor={}", encoded(cursor)));
        let url = self.calls.url(&format!("predictions{}", cursor.unwrap_or_default()));
        let call = self.calls.signed(Call::get(url));
        let call = Call { largest_answer: LARGEST_PAGE, ..call };
        Flow::ask(call, move |answer| self.read(search, answer, seen + 1))
    }

    fn read(self, mut search: Search, answer: Answer, seen: usize) -> Flow<Found> {
        let reply = match answer {
            Ok(reply) if reply.status.is_success() => reply,
            Ok(reply) => return Flow::Done(Err(fault::of_reply(&reply, Stage::LookUp))),
            Err(problem) => return Flow::Done(Err(response::silence(&problem))),
        };
        let json = reply.json().unwrap_or_default();
        search.learn(&reply);
        let Some(results) = json.get("results").and_then(Json::as_array) else {
            return Flow::Done(Err(response::unexpected(&reply, "the list cannot be read")));
        };
        if listing::is_troubled(&reply, &json, "results") {
            search.doubt();
        }
        let mut is_back = false;
        for prediction in results {
            if let Some(id) = self.marked(prediction) {
                return Flow::Done(Ok(Reconciliation::Marked(id)));
            }
            is_back |= self.consider(&mut search, prediction);
        }
        match json.get("next") {
            _ if is_back => Flow::Done(Ok(search.verdict(LONGEST_RENDER))),
            None | Some(Json::Null) => Flow::Done(Ok(search.verdict(LONGEST_RENDER))),
            Some(next) => match cursor(next) {
                Some(cursor) if seen < MOST_PAGES => self.page(search, Some(&cursor), seen),
                // What the walk did not come to could only be another one in our words.
                _ => {
                    search.doubt();
                    Flow::Done(Ok(search.verdict(LONGEST_RENDER)))
                }
            },
        }
    }

    /// The prediction's name, if it carries the URL that only ours carries.
    fn marked(&self, prediction: &Json) -> Option<String> {
        let hook = self.hook.as_deref()?;
        let is_ours = response::text(prediction, "/webhook") == Some(hook);
        response::id(prediction, "/id").filter(|_| is_ours).map(str::to_owned)
    }

    /// Another model's prediction is somebody else's, unless it was given our input: a model may be listed under
    /// another name than it was asked by. One with another URL for notices is somebody else's too. But such a URL may
    /// have been written in another way as well, so both still stand in the way of a promise. True when the prediction
    /// is older than anything that could be ours.
    fn consider(&self, search: &mut Search, prediction: &Json) -> bool {
        let listed_and_sent = |pointer, own| response::text(prediction, pointer).zip(own);
        let is_another_model = listed_and_sent("/model", self.model.as_deref())
            .is_some_and(|(listed, sent)| !listed.eq_ignore_ascii_case(sent));
        let has_another_hook = listed_and_sent("/webhook", self.hook.as_deref())
            .is_some_and(|(listed, sent)| listed != sent);
        let (input, made_at) = (prediction.get("input"), made_at(prediction));
        if is_another_model && !search.may_be_given(input) {
            return made_at.is_some_and(|at| search.is_too_old(at));
        }
        search.consider(Listed {
            id: response::id(prediction, "/id").map(str::to_owned),
            is_doubted: is_another_model || has_another_hook,
            made_at,
            input,
        })
    }
}

fn made_at(prediction: &Json) -> Option<Timestamp> {
    listing::moment(response::text(prediction, "/created_at")?)
}

/// The place in the list that the address of the next page names. Nothing else of that address is used.
fn cursor(next: &Json) -> Option<String> {
    let (_, query) = next.as_str()?.split_once('?')?;
    let cursor = query.split('&').find_map(|pair| pair.strip_prefix("cursor="))?;
    let decoded = percent_encoding::percent_decode_str(cursor).decode_utf8().ok()?;
    Some(decoded.into_owned()).filter(|cursor| !cursor.is_empty() && cursor.len() <= 1024)
}
