//! Looks for a render whose submit got no answer, in the list of renders.
//!
//! A create carries no tag of ours, and the list repeats no more than prompt, model, size, length and time. So a
//! render counts as ours when it is one in the minutes after the intent that was asked for in the same
//! words, and everything about it can be seen. One that hides its prompt, or a picture to start from
//! (which no list repeats) leaves the question open: it could be another job's. So could one that shows everything, of
//! another job with the same wish whose own submit was answered: those are known by name, and passed over. Of
//! several that nobody owns the nearest to the intent is taken: the ledger gives each to one attempt, so that jobs with
//! the same wish that lost their answers together share them out.
//!
//! Nothing of the kind counts as absence only if the walk got past the intent in good order, or came to the end
//! of a list that is documented to show all, and if nothing of that time could be ours under another echo: servers
//! rewrite prompts and round sizes and lengths, so a difference rules out only where the list repeats by contract,
//! and where the prompt is not all that differs. Nor does a date rule out anything else that shows our words, unless
//! the list is that contract's. For the one that is ours any end of a list will do: what an end hides
//! could only be another render of the same wish, and taking the one that shows costs less than buying a third.

use std::{collections::BTreeSet, sync::Arc};

use jiff::{SignedDuration, Timestamp};
use retake_core::{fault::Fault, request::RenderSpec, signal::Stage};
use serde_json::Value as Json;

use super::{
    account::Account,
    dialect::List,
    fault, names,
    status::{self, State},
};
use crate::{
    Answer, Call, Flow, Reconciliation, RemoteId, UnconfirmedSubmit,
    likeness::Likeness,
    listing, response,
    window::{Age, Window},
};

/// A create that was sent is taken within this time, or never.
const SENT_WITHIN: SignedDuration = SignedDuration::from_mins(10);
/// A page has up to a hundred renders; nobody makes more than these pages in the time.
const MOST_PAGES: usize = 10;

/// Looks for a lost render.
pub(super) fn talk(
    account: &Arc<Account>,
    lost: &UnconfirmedSubmit,
) -> Flow<Result<Reconciliation, Fault>> {
    if account.dialect.list == List::None {
        return Flow::Done(Ok(unknowable(account)));
    }
    let walk = Walk {
        account: Arc::clone(account),
        model: lost.submission.model.clone(),
        spec: lost.submission.spec.clone(),
        window: Window::new(lost.begun_at, SENT_WITHIN),
        known: lost.known.clone(),
        found: Vec::new(),
        unclear: false,
        unlike: false,
        shows: Shows::Finished,
        reached: Reached::Window,
        ordered: true,
        last: None,
        pages: 0,
    };
    walk.ask(None)
}

fn unknowable(account: &Account) -> Reconciliation {
    Reconciliation::Unknowable { over_after: account.dialect.longest }
}

/// A walk through the list, newest first.
struct Walk {
    account: Arc<Account>,
    model: String,
    spec: RenderSpec,
    window: Window,
    /// Renders that the ledger knows as an attempt's.
    known: BTreeSet<RemoteId>,
    /// What could be ours, by how far from the intent it was made.
    found: Vec<(SignedDuration, RemoteId)>,
    /// Something was seen that could be ours and does not say enough.
    unclear: bool,
    /// Something was seen that differs from what was asked, as a server shows it that changes what it was given. Or a page
    /// told of an error, so that it need not show everything.
    unlike: bool,
    /// Lists that promise nothing may show finished renders only.
    shows: Shows,
    reached: Reached,
    /// So far every render was older than the one before.
    ordered: bool,
    last: Option<Timestamp>,
    pages: usize,
}

/// What was seen in the list so far.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Shows {
    /// No render that is under way.
    Finished,
    /// One that is.
    Running,
}

/// How far back the list was read.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Reached {
    /// Not past what could be ours.
    Window,
    /// To something that is older than anything that could be ours.
    Past,
    /// The same, and no zone's clock could have made it seem so.
    Beyond,
}

/// What one entry of the list is to us.
enum Entry {
    Ours(RemoteId),
    /// Nothing speaks against it, but not enough for it.
    Unclear(Likeness),
    /// It differs, but nobody promises that the list repeats what was asked.
    Unlike(Likeness),
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
    fn ask(mut self, after: Option<&str>) -> Flow<Result<Reconciliation, Fault>> {
        self.pages += 1;
        let mut query = vec![("limit", "100"), ("order", "desc")];
        query.extend(after.map(|after| ("after", after)));
        let url = self.account.url(self.account.dialect.create, &query);
        let call = self.account.sign(Call::get(url));
        Flow::ask(call, |answer| self.read(answer))
    }

    fn read(mut self, answer: Answer) -> Flow<Result<Reconciliation, Fault>> {
        let reply = match answer {
            Ok(reply) => reply,
            Err(problem) => return Flow::Done(Err(response::silence(&problem))),
        };
        if matches!(reply.status.as_u16(), 400 | 404 | 405 | 501) {
            return Flow::Done(Ok(unknowable(&self.account)));
        }
        if !reply.status.is_success() {
            return Flow::Done(Err(fault::of_reply(&reply, Stage::LookUp)));
        }
        self.window.learn(&reply);
        let json = reply.json().unwrap_or_default();
        let Some(entries) = json.pointer("/data").and_then(Json::as_array) else {
            return Flow::Done(Ok(unknowable(&self.account)));
        };
        self.unlike |= listing::is_troubled(&reply, &json, "data");
        for entry in entries {
            self.see(entry);
        }
        if self.reached == Reached::Beyond && self.ordered {
            return Flow::Done(Ok(self.verdict(End::Past)));
        }
        let has_more = json.pointer("/has_more").and_then(Json::as_bool);
        let last = || status::id(entries.last()?);
        let last = response::id(&json, "/last_id").map(str::to_owned).or_else(last);
        match (has_more, last) {
            // Where the dates are another zone's, ours is further down than they say.
            (Some(true), Some(last)) if self.pages < MOST_PAGES => self.ask(Some(&last)),
            _ if self.reached > Reached::Window && self.ordered => {
                Flow::Done(Ok(self.verdict(End::Past)))
            }
            (Some(false), _) => Flow::Done(Ok(self.verdict(End::OfList))),
            // A relay that does not know of pages shows what it has.
            (None, _) if self.pages == 1 => Flow::Done(Ok(self.verdict(End::OfPage))),
            _ => Flow::Done(Ok(self.verdict(End::CutOff))),
        }
    }

    /// Takes note of an entry.
    fn see(&mut self, entry: &Json) {
        if status::state(entry) == Some(State::Running) {
            self.shows = Shows::Running;
        }
        let at = response::number(entry, "/created_at").and_then(listing::timestamp);
        if let (Some(at), Some(last)) = (at, self.last) {
            self.ordered &= at <= last;
        }
        self.last = at.or(self.last);
        let age = at.map_or(Age::Within, |at| self.window.age(at));
        let compared = self.compare(entry, at.is_some());
        let likeness = match &compared {
            Entry::Ours(_) => Likeness::Same,
            Entry::Unclear(likeness) | Entry::Unlike(likeness) => *likeness,
            Entry::Other => Likeness::Other,
        };
        // A clock that is wrong moves a render out of the window.
        let may_be_moved =
            !self.is_verbatim() && at.is_some_and(|at| self.window.could_be_ours(at, likeness));
        match compared {
            Entry::Ours(id) if age == Age::Within => {
                let distance = at.map(|at| self.window.distance(at));
                self.found.push((distance.unwrap_or_default(), id));
            }
            Entry::Ours(_) | Entry::Unclear(_) | Entry::Unlike(_) if age != Age::Within => {
                self.unlike |= may_be_moved;
            }
            Entry::Unlike(_) => self.unlike = true,
            Entry::Ours(_) | Entry::Unclear(_) => self.unclear = true,
            Entry::Other => {}
        }
        if let Some(at) = at.filter(|_| age == Age::Before && !may_be_moved) {
            let is_near = !self.is_verbatim() && self.window.is_near(at);
            self.reached = self.reached.max(if is_near { Reached::Past } else { Reached::Beyond });
        }
    }

    /// Whether the list is documented to repeat what was asked.
    fn is_verbatim(&self) -> bool {
        self.account.dialect.list == List::Verbatim
    }

    fn compare(&self, entry: &Json, is_dated: bool) -> Entry {
        let id = status::id(entry);
        let names = names::FIELDS.iter().filter_map(|field| response::id(entry, field));
        if names.chain(id.as_deref()).any(|name| self.known.contains(name)) {
            return Entry::Other;
        }
        let likeness = response::text(entry, "/prompt")
            .map_or(Likeness::Hidden, |prompt| Likeness::compare(&self.spec.prompt, prompt));
        let seconds = first_number(entry, &["/seconds", "/n_seconds", "/duration"])
            .map(|seconds| (seconds - f64::from(self.spec.seconds)).abs() < 0.5);
        let size = size(entry).map(|size| size == self.spec.size.to_string());
        let model = response::text(entry, "/model").map(|model| is_same_model(model, &self.model));
        let is_remade = response::text(entry, "/remixed_from_video_id").is_some();
        // A model may be listed under another name than it was asked by, so that speaks against none.
        let is_another = likeness == Likeness::Other && [seconds, size].contains(&Some(false));
        if self.is_verbatim() && (is_remade || is_another) {
            return Entry::Other;
        }
        let is_unlike = matches!(likeness, Likeness::Changed | Likeness::Other);
        let is_otherwise = is_remade || [seconds, size].contains(&Some(false));
        if is_otherwise || is_unlike {
            return Entry::Unlike(if is_otherwise { Likeness::Other } else { likeness });
        }
        let is_same = likeness == Likeness::Same;
        let all_seen = is_dated && is_same && [seconds, size, model] == [Some(true); 3];
        match id {
            Some(id) if all_seen && self.spec.first_frame.is_none() => Entry::Ours(id),
            _ => Entry::Unclear(likeness),
        }
    }

    fn verdict(self, end: End) -> Reconciliation {
        let is_whole = matches!(self.account.dialect.list, List::Whole | List::Verbatim);
        let shows_all = match end {
            End::Past => is_whole || self.shows == Shows::Running,
            End::OfList => is_whole,
            End::OfPage | End::CutOff => false,
        };
        match self.found.into_iter().min() {
            Some((_, id)) if !self.unclear && end != End::CutOff => Reconciliation::Found(id),
            None if shows_all && !self.unclear && !self.unlike => Reconciliation::Absent,
            _ => unknowable(&self.account),
        }
    }
}

fn first_number(entry: &Json, fields: &[&str]) -> Option<f64> {
    fields.iter().find_map(|field| response::number(entry, field))
}

fn size(entry: &Json) -> Option<String> {
    let sides = || {
        let side = |name| entry.pointer(name).and_then(Json::as_u64);
        Some(format!("{}x{}", side("/width")?, side("/height")?))
    };
    response::text(entry, "/size").map(str::to_owned).or_else(sides)
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
