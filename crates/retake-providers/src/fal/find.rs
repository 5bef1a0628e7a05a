//! Looking for a request whose submit got no answer: fal lists requests together with what they were given.
//!
//! The list is sorted by when a request ended and filtered by how it ended (fal docs, 2026-11-21), so one that
//! still waits or runs may be missing. That something is absent is therefore said only when it would have
//! ended by now. It is also filtered by fal's clock, so what is asked for begins long before the intent by ours.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use retake_core::{
    catalog::Catalog,
    fault::{Fault, FaultKind, FaultSource},
    signal::Stage,
};
use serde_json::Value as Json;

use super::{
    LONGEST_RENDER, PROVIDER, fault,
    places::{Places, encoded, is_plain, ticket_of},
};
use crate::{
    Flow, Reconciliation, UnconfirmedSubmit,
    call::{Answer, Call},
    listing,
    model_host::{self, Listed, Search},
    response,
};

/// Requests on a page; each may hold a picture of a megabyte.
const PAGE: usize = 20;
const MOST_PAGES: usize = 50;
const LARGEST_PAGE: usize = 64 << 20;
/// How long to wait before the list is read again.
const AGAIN: SignedDuration = SignedDuration::from_mins(2);

type Found = Result<Reconciliation, Fault>;

pub(super) fn look_up(
    places: &Arc<Places>,
    catalog: &Catalog,
    lost: &UnconfirmedSubmit,
    now: Timestamp,
) -> Flow<Found> {
    // The catalog may have said it otherwise when it was sent.
    let Ok(said) = model_host::encode(catalog, PROVIDER, &lost.submission) else {
        return Flow::Done(Ok(Reconciliation::Unknowable { over_after: LONGEST_RENDER }));
    };
    let may_run = now.duration_since(lost.lost_at).unsigned_abs() < LONGEST_RENDER;
    let walk = Walk { places: Arc::clone(places), path: said.path.clone(), may_run };
    walk.page(Search::new(said, lost), None, 0)
}

/// A walk through the pages of the list.
struct Walk {
    places: Arc<Places>,
    path: String,
    may_run: bool,
}

impl Walk {
    fn page(self, search: Search, cursor: Option<&str>, seen: usize) -> Flow<Found> {
        let cursor = cursor.map(|cursor| format!("&cursor={}", encoded(cursor)));
        let path = format!(
            "models/requests/by-endpoint?endpoint_id={}&limit={PAGE}&start={}&expand=payloads{}",
            encoded(&self.path),
            encoded(&search.start().to_string()),
            cursor.unwrap_or_default()
        );
        let call = self.places.signed(Call::get(self.places.platform(&path)));
        let call = Call { largest_answer: LARGEST_PAGE, ..call };
        Flow::ask(call, move |answer| self.read(search, answer, seen + 1))
    }

    fn read(self, mut search: Search, answer: Answer, seen: usize) -> Flow<Found> {
        let unknowable =
            || Flow::Done(Ok(Reconciliation::Unknowable { over_after: LONGEST_RENDER }));
        let reply = match answer {
            Ok(reply) => reply,
            Err(problem) => return Flow::Done(Err(response::silence(&problem))),
        };
        match reply.status.as_u16() {
            200..=299 => {}
            // Not every key may see the list, and there is no other way.
            403 | 404 => return unknowable(),
            _ => return Flow::Done(Err(fault::of_reply(&reply, Stage::LookUp))),
        }
        let json = reply.json().unwrap_or_default();
        search.learn(&reply);
        let Some(items) = json.get("items").and_then(Json::as_array) else {
            return Flow::Done(Err(response::unexpected(&reply, "the list cannot be read")));
        };
        if listing::is_troubled(&reply, &json, "items") {
            search.doubt();
        }
        for item in items {
            search.consider(self.listed(item));
        }
        let next = response::text(&json, "/next_cursor");
        let has_more = json.get("has_more").and_then(Json::as_bool).unwrap_or(next.is_some());
        match next {
            Some(cursor) if has_more && seen < MOST_PAGES => self.page(search, Some(cursor), seen),
            _ => {
                if has_more {
                    search.doubt();
                }
                Flow::Done(self.verdict(search))
            }
        }
    }

    fn listed<'a>(&self, item: &'a Json) -> Listed<'a> {
        let id = response::id(item, "/request_id").filter(|id| is_plain(id) && !id.contains('/'));
        let time = |pointer| listing::moment(response::text(item, pointer)?);
        Listed {
            id: id.map(|id| ticket_of(&self.path, id)),
            is_doubted: false,
            made_at: time("/sent_at").or_else(|| time("/started_at")),
            input: item.get("json_input"),
        }
    }

    fn verdict(&self, search: Search) -> Found {
        let verdict = search.verdict(LONGEST_RENDER);
        if verdict == Reconciliation::Absent && self.may_run {
            let message = "it is not listed, but fal may list only what is over";
            let fault = Fault::new(FaultKind::Lost, FaultSource::Provider, message);
            return Err(fault.after(Some(AGAIN)));
        }
        Ok(verdict)
    }
}
