//! Looks for a render whose submit got no answer, in the list of renders.
//!
//! A create carries no tag of ours, and the list repeats no more than prompt, model, size, length and time. So a
//! render counts as ours when it is the only one in the minutes after the intent that was asked for in the same
//! words, and everything about it can be seen. Two of them, one that hides its prompt, or a picture to start from
//! (which no list repeats) leave the question open: it could be another job's. Even the only one could be
//! that of another job with the same wish, whose own submit was answered: those are known by name, and passed over.
//!
//! Nothing of the kind counts as absence only if the walk got past the intent in good order, or came to the end
//! of a list that is documented to show all, and if nothing of that time could be ours under another echo: servers
//! rewrite prompts and round sizes and lengths, so a difference rules out only where the list repeats by contract,
//! and where the prompt is not all that differs. For the one that is ours any end of a list will do: what an end hides
//! could only be another render of the same wish, and taking the one that shows costs less than buying a third.

use std::{collections::BTreeSet, sync::Arc};

use jiff::{SignedDuration, Timestamp};
use retake_core::{fault::Fault, request::Shot};
use serde_json::Value as Json;

use super::{account::Account, dialect::List, fault};
use crate::{
    Answer, Call, LookUp, Lost, RemoteId, Talk, reading,
    window::{Age, Window},
};

/// A create that was sent is taken within this time, or never.
const SENT_WITHIN: SignedDuration = SignedDuration::from_mins(10);
/// A page has up to a hundred renders; nobody makes more than these pages in the time.
const MOST_PAGES: usize = 10;

/// Looks for a lost render.
pub(super) fn talk(account: &Arc<Account>, lost: &Lost) -> Talk<Result<LookUp, Fault>> {
    if account.dialect.list == List::None {
        return Talk::Over(Ok(unknowable(account)));
    }
    let walk = Walk {
        account: Arc::clone(account),
        model: lost.submission.model.clone(),
        shot: lost.submission.shot.clone(),
        window: Window::new(lost.begun_at, SENT_WITHIN),
        known: lost.known.clone(),
        found: Vec::new(),
        unclear: false,
        unlike: false,
        ordered: true,
        last: None,
        pages: 0,
    };
    walk.ask(None)
}

fn unknowable(account: &Account) -> LookUp {
    LookUp::Unknowable { over_after: account.dialect.longest }
}

/// A walk through the list, newest first.
struct Walk {
    account: Arc<Account>,
    model: String,
    shot: Shot,
    window: Window,
    /// Renders that the ledger knows as an attempt's.
    known: BTreeSet<RemoteId>,
    found: Vec<RemoteId>,
    /// Something was seen that could be ours and does not say enough.
    unclear: bool,
    /// Something was seen that differs from what was asked, as a server shows it that changes what it was given.
    unlike: bool,
    /// So far every render was older than the one before.
    ordered: bool,
    last: Option<Timestamp>,
    pages: usize,
}

/// What one entry of the list is to us.
enum Entry {
    Ours(RemoteId),
    /// Nothing speaks against it, but not enough for it.
    Unclear,
    /// It differs, but nobody promises that the list repeats what was asked.
    Unlike,
    Other,
}

/// Where a walk ended.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    /// At renders that are older than ours.
    Past,
    /// Where the list says that it ends.
    OfList,
    /// At the end of the only page, of which nothing says whether it is all.
    OfPage,
    /// Somewhere before the end.
    CutOff,
}

impl Walk {
    fn ask(mut self, after: Option<&str>) -> Talk<Result<LookUp, Fault>> {
        self.pages += 1;
        let mut query = vec![("limit", "100"), ("order", "desc")];
        query.extend(after.map(|after| ("after", after)));
        let url = self.account.url(self.account.dialect.create, &query);
        let call = self.account.sign(Call::get(url));
        Talk::ask(call, |answer| self.read(answer))
    }

    fn read(mut self, answer: Answer) -> Talk<Result<LookUp, Fault>> {
        let reply = match answer {
            Ok(reply) => reply,
            Err(problem) => return Talk::Over(Err(reading::silence(&problem))),
        };
        if matches!(reply.status.as_u16(), 400 | 404 | 405 | 501) {
            return Talk::Over(Ok(unknowable(&self.account)));
        }
        if !reply.status.is_success() {
            return Talk::Over(Err(fault::of_reply(&reply)));
        }
        self.window.learn(&reply);
        let json = reply.json().unwrap_or_default();
        let Some(entries) = json.pointer("/data").and_then(Json::as_array) else {
            return Talk::Over(Ok(unknowable(&self.account)));
        };
        let mut is_past = false;
        for entry in entries {
            is_past |= self.see(entry);
        }
        if is_past && self.ordered {
            return Talk::Over(Ok(self.verdict(End::Past)));
        }
        let has_more = json.pointer("/has_more").and_then(Json::as_bool);
        let last = || reading::id(entries.last()?, "/id");
        let last = reading::id(&json, "/last_id").or_else(last);
        match (has_more, last) {
            (Some(true), Some(last)) if self.pages < MOST_PAGES => self.ask(Some(last)),
            (Some(false), _) => Talk::Over(Ok(self.verdict(End::OfList))),
            // A relay that does not know of pages shows what it has.
            (None, _) if self.pages == 1 => Talk::Over(Ok(self.verdict(End::OfPage))),
            _ => Talk::Over(Ok(self.verdict(End::CutOff))),
        }
    }

    /// Takes note of an entry. True when it is older than anything that could be ours.
    fn see(&mut self, entry: &Json) -> bool {
        let at = reading::number(entry, "/created_at").and_then(timestamp);
        if let (Some(at), Some(last)) = (at, self.last) {
            self.ordered &= at <= last;
        }
        self.last = at.or(self.last);
        let age = at.map_or(Age::Within, |at| self.window.age(at));
        match self.compare(entry, at.is_some()) {
            Entry::Ours(id) if age == Age::Within => self.found.push(id),
            // A clock that shows another zone's time moves a render out of the window.
            Entry::Ours(_) | Entry::Unclear if age != Age::Within => {
                self.unlike |= !self.is_verbatim() && at.is_some_and(|at| self.window.is_near(at));
            }
            Entry::Unlike if age == Age::Within => self.unlike = true,
            Entry::Ours(_) | Entry::Unclear => self.unclear = true,
            Entry::Unlike | Entry::Other => {}
        }
        age == Age::Before
    }

    /// Whether the list is documented to repeat what was asked.
    fn is_verbatim(&self) -> bool {
        self.account.dialect.list == List::Verbatim
    }

    fn compare(&self, entry: &Json, is_dated: bool) -> Entry {
        let id = reading::id(entry, "/id");
        if id.is_some_and(|id| self.known.contains(id)) {
            return Entry::Other;
        }
        let prompt =
            reading::text(entry, "/prompt").map(|text| text.trim() == self.shot.prompt.trim());
        let seconds = first_number(entry, &["/seconds", "/n_seconds", "/duration"])
            .map(|seconds| (seconds - f64::from(self.shot.seconds)).abs() < 0.5);
        let size = size(entry).map(|size| size == self.shot.size.to_string());
        let model = reading::text(entry, "/model").map(|model| is_same_model(model, &self.model));
        let is_remade = reading::text(entry, "/remixed_from_video_id").is_some();
        let is_another = prompt == Some(false) && [seconds, size, model].contains(&Some(false));
        if self.is_verbatim() && (is_remade || is_another) {
            return Entry::Other;
        }
        if is_remade || [prompt, seconds, size].contains(&Some(false)) {
            return Entry::Unlike;
        }
        let all_seen = is_dated && [prompt, seconds, size, model] == [Some(true); 4];
        match id {
            Some(id) if all_seen && self.shot.first_frame.is_none() => Entry::Ours(id.to_owned()),
            // A server may echo another name for a model than it was asked by, so that alone rules nothing out.
            _ => Entry::Unclear,
        }
    }

    fn verdict(mut self, end: End) -> LookUp {
        let is_whole = matches!(self.account.dialect.list, List::Whole | List::Verbatim);
        let shows_all = end == End::Past || (end == End::OfList && is_whole);
        match (self.found.len(), self.unclear) {
            (1, false) if end != End::CutOff => {
                self.found.pop().map_or_else(|| unknowable(&self.account), LookUp::Found)
            }
            (0, false) if shows_all && !self.unlike => LookUp::Absent,
            _ => unknowable(&self.account),
        }
    }
}

/// Seconds since 1970, or the same in milliseconds.
fn timestamp(number: f64) -> Option<Timestamp> {
    let seconds = if number > 1e11 { number / 1000.0 } else { number };
    let since = SignedDuration::try_from_secs_f64(seconds).ok()?;
    Timestamp::UNIX_EPOCH.checked_add(since).ok()
}

fn first_number(entry: &Json, fields: &[&str]) -> Option<f64> {
    fields.iter().find_map(|field| reading::number(entry, field))
}

fn size(entry: &Json) -> Option<String> {
    let sides = || {
        let side = |name| entry.pointer(name).and_then(Json::as_u64);
        Some(format!("{}x{}", side("/width")?, side("/height")?))
    };
    reading::text(entry, "/size").map(str::to_owned).or_else(sides)
}

/// Whether two names are one model: a dated name is the same as the plain one.
fn is_same_model(one: &str, other: &str) -> bool {
    plain_name(one) == plain_name(other)
}

fn plain_name(name: &str) -> &str {
    let is_date =
        |tail: &str| tail.len() == 11 && tail.bytes().all(|b| b == b'-' || b.is_ascii_digit());
    let at = name.len().saturating_sub(11);
    match (name.get(..at), name.get(at..)) {
        (Some(plain), Some(tail)) if !plain.is_empty() && is_date(tail) => plain,
        _ => name,
    }
}
