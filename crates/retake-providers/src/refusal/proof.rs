//! What proves that a create was refused where its status does not: the body of a server that failed, or of a
//! success that is none.
//!
//! Words such as "billing", "quota" or "moderation" stand in such bodies for anything: a payment service that is
//! down, a full disk, a log that could not be written. So only this counts, for all adapters: a code that means one
//! thing and stands where codes stand, a number that the words beside it agree with, and whole phrases that say what
//! was refused. None of them counts beside words of a failure on the way or of something that comes after the
//! refusal could have been given. What is not proved may have been taken on, and be on the bill.

use retake_core::fault::FaultKind::{self, Auth, BadRequest, Overloaded, Quota};

use super::{
    codes, input,
    lists::{Phrases, lists},
    lower,
    report::Report,
    words,
};

/// What is proved, and the code that proves it, if one does.
pub(crate) type Proof = (FaultKind, Option<String>);

/// Whether a text tells of an answer that did not come, or of a request that was taken on before. That an input could
/// not be fetched is neither.
pub(crate) fn tells_of_no_answer(text: &str) -> bool {
    let lists = lists();
    [&lists.network, &lists.silence].iter().any(|it| input::tells_beside_input(text, it, false))
        || has(&short(text), &lists.had_before)
}

/// Whether any part of an answer tells that this very request was had before, or what came out of it: then it is no
/// refusal, whatever else stands in it.
pub(crate) fn was_had_before(reports: &[Report]) -> bool {
    reports.iter().any(|report| {
        report.message.as_deref().is_some_and(text_was_had_before)
            || report.code.as_deref().is_some_and(is_of_output)
    })
}

/// Whether a code concerns what came out of a render.
fn is_of_output(code: &str) -> bool {
    let code = lower(code);
    code.starts_with("output") && lists().render_codes.contains(&code)
}

/// Whether a text tells that this very request was had before.
pub(crate) fn text_was_had_before(text: &str) -> bool {
    has(&short(text), &lists().had_before)
}

/// Whether a text tells of a server's own work on a request that it has taken on.
pub(crate) fn tells_of_work(text: &str) -> bool {
    has(&short(text), &lists().work)
}

/// What an answer proves that is no refusal by its status.
pub(crate) fn find(reports: &[Report], status: u16) -> Option<Proof> {
    if was_had_before(reports) {
        return None;
    }
    let inside_out = || reports.iter().rev();
    let is_relayed = is_relayed(reports);
    inside_out()
        .find_map(by_code)
        .or_else(|| inside_out().find_map(in_prose))
        .or_else(|| inside_out().find_map(|it| by_number(it, status)))
        .or_else(|| inside_out().filter(|_| !is_relayed).find_map(by_type))
        .or_else(|| by_phrase(reports))
        .or_else(|| by_load(reports, status).filter(|_| !is_relayed))
}

/// Whether a code, a number or a type proves what an answer is, and not its words alone.
pub(crate) fn has_code(reports: &[Report], status: u16) -> bool {
    let is_relayed = is_relayed(reports);
    reports.iter().any(|report| {
        by_code(report).is_some()
            || by_number(report, status).is_some()
            || (!is_relayed && by_type(report).is_some())
    })
}

/// Whether a relay says under the status of a refusal that what it passed on was not answered.
pub(crate) fn is_passed_on(reports: &[Report], status: u16) -> bool {
    let texts = || reports.iter().filter_map(|report| report.message.as_deref());
    let is_about_input = is_about_input(reports);
    let is_unanswered = |text: &str| {
        [&lists().network, &lists().silence, &lists().passed_on]
            .iter()
            .any(|it| input::tells_beside_input(text, it, is_about_input))
    };
    // The key and the account are looked at before anything is passed on.
    let is_of_account = matches!(status, 401..=403);
    if was_had_before(reports) {
        return true;
    }
    if texts().any(|it| !is_of_account && is_unanswered(it)) {
        return find(reports, status).is_none();
    }
    // These statuses of another server are refusals also where the relay did not understand its words.
    let is_refusal = matches!(status, 401..=403 | 429) || texts().any(|it| answered(it).is_some());
    let speaks_of_request = || words::kind(texts()).is_some_and(is_reason);
    is_relayed(reports) && !is_refusal && !speaks_of_request() && find(reports, status).is_none()
}

/// Whether an answer says, in any part of it, that an input could not be fetched.
fn is_about_input(reports: &[Report]) -> bool {
    reports.iter().any(|report| {
        let texts = [&report.message, &report.code, &report.kind].into_iter().flatten();
        texts.into_iter().any(|text| input::is_concerned(text))
            || report.param.as_deref().is_some_and(input::is_file_field)
    })
}

/// Whether an answer speaks of a failure on the way, beside which a code proves nothing.
pub(crate) fn is_in_trouble(reports: &[Report]) -> bool {
    reports.iter().any(|report| has(&text(report), &lists().trouble))
}

fn is_relayed(reports: &[Report]) -> bool {
    let names = reports.iter().flat_map(|report| [&report.code, &report.kind]).flatten();
    names.into_iter().any(|name| super::is_relayed(name))
}

/// A code that means one thing.
fn by_code(report: &Report) -> Option<Proof> {
    let text = text(report);
    let names = [&report.code, &report.kind].into_iter().flatten();
    let mut hits = names.filter_map(|name| Some((exact(name)?, Some(name.clone()))));
    // What has no room is unavailable; what checks contents and is unavailable has not refused anything.
    let is_checked = |kind| kind == Overloaded || !text.contains("unavailable");
    hits.find(|(kind, _)| is_checked(*kind))
        .filter(|_| !has(&text, &lists().trouble) && !has(&text, &lists().work))
}

/// What a code means; one with more behind a dot only where that is not the failure of what checks.
fn exact(name: &str) -> Option<FaultKind> {
    const OF_THE_CHECK: [&str; 5] = ["timeout", "error", "fail", "internal", "unavailable"];
    let name = lower(name);
    let is_clear = codes::is_listed(&name) || !has(&name, &OF_THE_CHECK);
    codes::sure(&name).filter(|kind| is_clear && proves(*kind))
}

fn in_prose(report: &Report) -> Option<Proof> {
    let text = report.message.as_deref().map(super::before_page)?;
    if is_doubtful(&short(text)) {
        return None;
    }
    let is_plain = |name: &String| {
        let name = lower(name);
        lists().codes_in_prose.contains(&name) || name.starts_with("public_error_")
    };
    let mut names = codes::in_text(text).filter(is_plain);
    names.find_map(|name| Some((exact(&name)?, Some(name))))
}

/// A number that another server's status, or the words beside it, agree with.
fn by_number(report: &Report, status: u16) -> Option<Proof> {
    let text = text(report);
    if is_doubtful(&text) {
        return None;
    }
    let number = report.status();
    let word = report.kind.as_deref().and_then(codes::general);
    let is_business = || {
        let code = report.code.as_deref().and_then(|code| code.parse::<u32>().ok());
        (200..300).contains(&status) && code.is_some_and(|code| code >= 1000)
    };
    let is_about_request = !text.contains("upstream") && words::speaks_of_request(&text);
    let kind = match number {
        Some(401) => Auth,
        Some(402) => Quota,
        Some(429) => Overloaded,
        Some(400 | 403 | 404) if word.is_some_and(is_reason) => word?,
        Some(400 | 403..=405 | 413 | 415 | 422) if is_about_request => BadRequest,
        _ if is_about_request && is_business() => BadRequest,
        _ => return None,
    };
    Some((kind, None))
}

/// A type that stands for the request, or the name of the parameter that is wrong.
fn by_type(report: &Report) -> Option<Proof> {
    let text = text(report);
    let loose = words::kind(std::iter::once(&*text));
    let names = [&report.code, &report.kind].into_iter().flatten();
    let names: Vec<_> = names.into_iter().map(|name| lower(name)).collect();
    let known = |name: &String| codes::sure(name).or_else(|| codes::general(name));
    let mut kinds = loose.into_iter().chain(names.iter().filter_map(known));
    // A code that is a server's own status contradicts the type.
    let is_of_server =
        names.iter().any(|name| name.parse().is_ok_and(|code| (500..600).contains(&code)));
    if is_of_server || is_doubtful(&text) || kinds.any(|kind| !is_reason(kind)) {
        return None;
    }
    let is_request = names.iter().any(|name| lists().request_types.contains(name));
    // An id is the server's own: nothing that is sent has one.
    let is_sent = |param: &String| {
        let param = lower(param);
        !param.ends_with("_id") && has(&param, &lists().fields)
    };
    let names_parameter = report.param.as_ref().is_some_and(is_sent) && report.message.is_some();
    if is_request || names_parameter {
        return Some((loose.unwrap_or(BadRequest), None));
    }
    names.iter().any(|name| name == "authentication_error").then_some((Auth, None))
}

/// A phrase that says what was refused, or the status by which another server did.
fn by_phrase(reports: &[Report]) -> Option<Proof> {
    let texts: Vec<_> = reports.iter().rev().map(text).collect();
    if texts.iter().any(|text| is_doubtful(text)) {
        return None;
    }
    let clear = |text: &String| first(&lists().clear, |phrase| text.contains(phrase));
    let whole =
        |text: &String| first(&lists().whole, |phrase| text.trim_end_matches(['.', '!']) == phrase);
    let by_status = |text: &String| match answered(text)? {
        401 => Some(Auth),
        402 => Some(Quota),
        _ => None,
    };
    let kind = texts.iter().find_map(clear).or_else(|| texts.iter().find_map(whole));
    kind.or_else(|| texts.iter().find_map(by_status)).map(|kind| (kind, None))
}

/// A server that has no room. That it is overloaded is said by any server that fails, so it counts where the status
/// says so too.
fn by_load(reports: &[Report], status: u16) -> Option<Proof> {
    let texts: Vec<_> = reports.iter().map(text).collect();
    let is_doubtful = |text: &String| {
        let is_part = |word: &String| word != "unavailable" && text.contains(word);
        lists().machinery.iter().any(is_part)
            || has(text, &lists().trouble)
            || has(text, &lists().work)
    };
    if texts.iter().any(is_doubtful) {
        return None;
    }
    let is_load = |text: &String| {
        has(text, &lists().no_room) || (matches!(status, 503 | 529) && has(text, &lists().load))
    };
    texts.iter().any(is_load).then_some((Overloaded, None))
}

fn first(table: &[Phrases], fits: impl Fn(&str) -> bool) -> Option<FaultKind> {
    let found = table.iter().find(|phrases| phrases.any.iter().any(|phrase| fits(phrase)));
    found.map(|phrases| phrases.kind)
}

/// The status, from 400 up and that of a refusal, by which another server answered a relay.
fn answered(text: &str) -> Option<u16> {
    let text = short(text);
    let number = |marker: &String| {
        let rest =
            text.split_once(marker.as_str())?.1.trim_start_matches([' ', ':', '=', '(', '"']);
        let rest = rest.strip_prefix("status code ").unwrap_or(rest);
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        rest.get(..digits).filter(|_| digits == 3)?.parse::<u16>().ok()
    };
    let told = lists().answered.iter().find_map(number);
    told.filter(|status| matches!(status, 400..=407 | 410..=428 | 430..=451))
}

/// Whether a kind can be proved: a reason why there is no render, or that there is no room for one.
fn proves(kind: FaultKind) -> bool {
    is_reason(kind) || kind == Overloaded
}

fn is_reason(kind: FaultKind) -> bool {
    crate::response::is_reason(kind)
}

fn is_doubtful(text: &str) -> bool {
    let lists = lists();
    let doubts = [&lists.trouble, &lists.machinery, &lists.work];
    let open = [&lists.network, &lists.silence, &lists.had_before];
    doubts.into_iter().chain(open).any(|words| has(text, words))
}

fn has<S: AsRef<str>>(text: &str, words: &[S]) -> bool {
    words.iter().any(|word| text.contains(word.as_ref()))
}

/// The text of a report as it is searched.
fn text(report: &Report) -> String {
    report.message.as_deref().map(super::before_page).map(short).unwrap_or_default()
}

fn short(text: &str) -> String {
    words::searched(text.trim())
}
