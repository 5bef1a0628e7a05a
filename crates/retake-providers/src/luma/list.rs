//! Finds a Dream Machine generation whose create got no answer.
//!
//! The list repeats what was asked, the callback URL included, and ours carries the tag of the attempt. So a
//! generation is ours only if it carries our tag. That there is none is a promise, and is only made after the
//! whole list, or all of it back to the time before the intent, was read and nothing in it is in doubt. A date alone
//! takes the doubt from none that shows our prompt. Luma documents no order, so the newest-first order is believed only
//! while enough entries show it.

use std::{collections::BTreeSet, time::Duration};

use jiff::{SignedDuration, Timestamp};
use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use retake_core::{fault::Fault, signal::Stage};
use serde_json::Value as Json;

use super::{Api, fault};
use crate::{
    Answer, Call, Flow, Reconciliation, RemoteId, UnconfirmedSubmit,
    likeness::Likeness,
    listing,
    response::{self, text},
    window::{Age, Window},
};

/// Entries of one page.
const PAGE: usize = 100;

/// The longest walk, in pages.
const MOST_PAGES: usize = 50;

/// How many entries have to be in order before the order is believed.
const CONVINCING: usize = 10;

/// A create was sent within this time after its intent.
const SENT_WITHIN: SignedDuration = SignedDuration::from_mins(15);

/// The parameter of a URL for notices that names the attempt.
const TAG: &str = "tag=";

/// The hook with the tag of an attempt.
pub(super) fn tagged(hook: &str, tag: &str) -> String {
    let separator = if hook.contains('?') { '&' } else { '?' };
    format!("{hook}{separator}{}", mark(tag))
}

fn mark(tag: &str) -> String {
    format!("{TAG}{}", utf8_percent_encode(tag, NON_ALPHANUMERIC))
}

/// The tag in a URL, however a server that lists it spells it. Some escape an escape again, and some what is a `&`.
fn tag_in(url: &str) -> Option<String> {
    let once = percent_decode_str(url).decode_utf8_lossy();
    let twice = percent_decode_str(&once).decode_utf8_lossy().replace("&amp;", "&");
    let (_, query) = twice.split_once('?')?;
    let query = query.split('#').next()?;
    query.split('&').find_map(|part| part.trim().strip_prefix(TAG)).map(str::to_owned)
}

/// What is looked for.
pub(super) struct Wanted {
    /// Nothing when no tag was sent.
    tag: Option<String>,
    prompt: String,
    known: BTreeSet<RemoteId>,
    window: Window,
    over_after: Duration,
}

impl Wanted {
    pub(super) fn new(lost: &UnconfirmedSubmit, over_after: Duration) -> Self {
        let submission = &lost.submission;
        Self {
            tag: submission.hook.as_ref().map(|_| submission.tag.clone()),
            prompt: submission.spec.prompt.trim().to_owned(),
            known: lost.known.clone(),
            window: Window::new(lost.begun_at, SENT_WITHIN),
            over_after,
        }
    }

    /// Whether an entry carries our tag. Without one, nothing can be shown to be ours.
    fn owns(&self, entry: &Json) -> bool {
        let listed = text(entry, "/request/callback_url").and_then(tag_in);
        listed.is_some() && listed == self.tag
    }

    /// Whether a tag is the whole tag of another attempt. What begins ours may be ours cut short.
    fn is_anothers(&self, listed: &str) -> bool {
        let id = |tag: &str| {
            let (id, attempt) = tag.rsplit_once('-')?;
            attempt.parse::<u32>().ok()?;
            let digits = id.strip_prefix("video_")?;
            digits.bytes().all(|byte| byte.is_ascii_hexdigit()).then_some(digits.len())
        };
        // Without a tag of ours, whatever has one is another's.
        let Some(own) = self.tag.as_deref() else { return true };
        id(listed).is_some() && id(listed) == id(own) && !own.starts_with(listed)
    }

    fn is_too_old(&self, made_at: Timestamp) -> bool {
        self.window.age(made_at) == Age::Before
    }

    /// Whether no zone's clock could have made it look too old.
    fn is_beyond(&self, made_at: Timestamp) -> bool {
        self.is_too_old(made_at) && !self.window.is_near(made_at)
    }

    /// Whether an entry without our tag may be ours all the same: new enough by a clock that need not be right, and not
    /// another's by its tag or its name. What was asked alone rules nothing out: Luma may enhance a prompt or name a
    /// model otherwise.
    fn may_own(&self, entry: &Json) -> bool {
        let likeness = text(entry, "/request/prompt")
            .map_or(Likeness::Hidden, |prompt| Likeness::compare(&self.prompt, prompt));
        let is_old = created_at(entry)
            .is_some_and(|at| self.is_too_old(at) && !self.window.could_be_ours(at, likeness));
        // A server may leave the end of a URL away or mask it, so one without a whole tag says nothing.
        let listed = text(entry, "/request/callback_url").and_then(tag_in);
        let is_tagged = listed.is_some_and(|tag| self.is_anothers(&tag));
        let is_known = response::id(entry, "/id").is_some_and(|id| self.known.contains(id));
        !(is_old || is_tagged || is_known)
    }
}

fn created_at(entry: &Json) -> Option<Timestamp> {
    listing::moment(text(entry, "/created_at")?)
}

/// Walks the list.
pub(super) fn find(api: Api, wanted: Wanted) -> Flow<Result<Reconciliation, Fault>> {
    walk(api, wanted, Walk::default())
}

fn walk(api: Api, mut wanted: Wanted, so_far: Walk) -> Flow<Result<Reconciliation, Fault>> {
    let path = format!("generations?limit={PAGE}&offset={}", so_far.entries);
    let call = api.signed(Call::get(api.url(&path)));
    Flow::ask(call, move |answer| {
        if let Ok(reply) = &answer {
            wanted.window.learn(reply);
        }
        let page = match page(answer) {
            Ok(page) => page,
            Err(fault) => return Flow::Done(Err(fault)),
        };
        match so_far.go_on(&page, &wanted) {
            Step::Found(id) => Flow::Done(Ok(Reconciliation::Marked(id))),
            Step::Nothing => Flow::Done(Ok(Reconciliation::Absent)),
            Step::Doubt => {
                Flow::Done(Ok(Reconciliation::Unknowable { over_after: wanted.over_after }))
            }
            Step::Further(so_far) => walk(api, wanted, so_far),
        }
    })
}

struct Page {
    entries: Vec<Json>,
    has_more: bool,
    /// It tells of an error as well, so it need not show everything.
    is_troubled: bool,
}

fn page(answer: Answer) -> Result<Page, Fault> {
    let reply = answer.map_err(|problem| response::silence(&problem))?;
    if !reply.status.is_success() {
        return Err(fault::of_reply(&reply, Stage::LookUp));
    }
    let unreadable = || response::unexpected(&reply, "the answer is not a list of generations");
    let mut json = reply.json().ok_or_else(unreadable)?;
    let is_troubled = listing::is_troubled(&reply, &json, "generations");
    let has_more = json.pointer("/has_more").and_then(Json::as_bool);
    let entries = json.pointer_mut("/generations").map(Json::take);
    let Some(Json::Array(entries)) = entries else { return Err(unreadable()) };
    let has_more = has_more.unwrap_or(!entries.is_empty());
    Ok(Page { entries, has_more, is_troubled })
}

enum Step {
    Found(RemoteId),
    Nothing,
    Doubt,
    Further(Walk),
}

/// What was seen of the list so far.
struct Walk {
    pages: usize,
    entries: usize,
    oldest: Timestamp,
    is_newest_first: bool,
    in_doubt: bool,
}

impl Default for Walk {
    fn default() -> Self {
        let oldest = Timestamp::MAX;
        Self { pages: 0, entries: 0, oldest, is_newest_first: true, in_doubt: false }
    }
}

impl Walk {
    fn go_on(mut self, page: &Page, wanted: &Wanted) -> Step {
        for entry in &page.entries {
            match (wanted.owns(entry), response::id(entry, "/id")) {
                (true, Some(id)) => return Step::Found(id.to_owned()),
                (true, None) => self.in_doubt = true,
                (false, _) => self.in_doubt |= wanted.may_own(entry),
            }
            self.note_age(entry);
        }
        self.in_doubt |= page.is_troubled;
        self.pages += 1;
        self.entries += page.entries.len();
        let is_stuck = page.entries.is_empty() && page.has_more;
        // Where the dates are another zone's, ours is further down than they say.
        let is_last = is_stuck || self.pages == MOST_PAGES;
        let is_past = self.is_newest_first
            && self.entries >= CONVINCING
            && (wanted.is_beyond(self.oldest) || (is_last && wanted.is_too_old(self.oldest)));
        if is_last && page.has_more && !is_past {
            return Step::Doubt;
        }
        match (page.has_more && !is_past, self.in_doubt) {
            (true, _) => Step::Further(self),
            (false, true) => Step::Doubt,
            (false, false) => Step::Nothing,
        }
    }

    fn note_age(&mut self, entry: &Json) {
        match created_at(entry) {
            Some(at) => {
                self.is_newest_first &= at <= self.oldest;
                self.oldest = self.oldest.min(at);
            }
            None => self.is_newest_first = false,
        }
    }
}
