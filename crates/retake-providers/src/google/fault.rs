//! Google's errors: the codes of `google.rpc`, their details, the numbers of filters, and texts.

use jiff::SignedDuration;
use retake_core::{
    fault::{Fault, FaultKind, FaultSource},
    signal::{
        self, CodeSignal, Judgement, Place, Signals, Stage,
        table::{Tables, Weight},
    },
};
use serde_json::Value as Json;

use super::safety;
use crate::{
    AccountStatus,
    call::{Answer, Reply},
    response::{self, ErrorBody},
    signals,
};

/// The table of signals that is Google's own.
const VENDOR: &str = "google";
/// What the table calls a quota for a day, and one for a minute.
const PER_DAY: &str = "per_day";
const PER_MINUTE: &str = "per_minute";

/// The code of a spent quota.
const EXHAUSTED: &str = "RESOURCE_EXHAUSTED";

/// The longest pause that is taken from an answer.
const LONGEST_PAUSE: SignedDuration = SignedDuration::from_hours(24);

/// An error as Google writes it, `{code, status, message, details}`, in whatever it was found.
pub(super) struct Told<'a> {
    code: Option<String>,
    message: &'a str,
    reason: Option<&'a str>,
    quotas: String,
    retry_after: Option<SignedDuration>,
}

impl<'a> Told<'a> {
    /// Reads an error object.
    pub(super) fn read(error: &'a Json) -> Self {
        let details = error.get("details").and_then(Json::as_array).map_or(&[][..], |list| list);
        let text = |field| details.iter().find_map(|one| response::text(one, field));
        let quotas: Vec<_> =
            details.iter().filter_map(|one| one.get("violations")).map(Json::to_string).collect();
        Self {
            code: response::text(error, "/status").map(name_of_word).or_else(|| code(error)),
            message: response::text(error, "/message").or(error.as_str()).unwrap_or_default(),
            reason: text("/reason").or_else(|| public_reason(error)),
            quotas: quotas.join(" "),
            retry_after: text("/retryDelay").and_then(delay).or_else(|| pause_in(error)),
        }
    }

    /// What it comes to; nothing when neither code nor text says anything.
    pub(super) fn fault(&self) -> Option<Fault> {
        let judged = signal::judge(&self.signals(Signals::new(VENDOR, Stage::Poll)));
        (!judged.is_by_status()).then(|| self.told(&judged))
    }

    /// Whether Google's own table says that content rules refused it.
    pub(super) fn is_blocked(&self) -> bool {
        let signals = self.signals(Signals::new(VENDOR, Stage::Poll));
        signal::judge_by_own_table(&signals).kind == FaultKind::RefusedContent
    }

    /// What was found, with the number of a filter before a reason and a reason before the code.
    fn signals(&self, signals: Signals) -> Signals {
        let filter = safety::code(self.message).map(|(number, _)| number);
        let quota = |name: &str, code| self.quotas.contains(name).then_some(code);
        let (day, minute) = (quota("PerDay", PER_DAY), quota("PerMinute", PER_MINUTE));
        let codes = [
            (filter, Place::Filter),
            (self.reason, Place::Reason),
            (day, Place::Detail),
            (minute, Place::Detail),
            (self.code.as_deref(), Place::Code),
        ];
        let found = codes.into_iter().filter_map(|(code, place)| Some((code?, place)));
        let signals = found.fold(signals, |signals, (code, place)| signals.with_code(code, place));
        let retry_after = self.retry_after.or(signals.retry_after);
        Signals { retry_after, ..signals::with_text(signals, self.message) }
    }

    /// A judgement in words for people, under the code that says most.
    fn told(&self, judged: &Judgement) -> Fault {
        let by_reason = self.reason.and_then(kind_of_reason);
        if judged.kind == FaultKind::RefusedContent {
            let fault = refused_content(self.message);
            let code = self.reason.or(self.code.as_deref());
            let code = code.filter(|_| safety::code(self.message).is_none());
            return code.map_or(fault.clone(), |code| fault.with_code(short(code)));
        }
        let code = by_reason.and(self.reason).or(self.code.as_deref()).or(self.reason);
        let message = match (response::quoted(self.message), code) {
            (empty, code) if empty.is_empty() => format!("Google says {}", code.unwrap_or("no")),
            (text, _) => text,
        };
        let fault = Fault::new(judged.kind, judged.source, message).after(self.retry_after);
        match code {
            Some(code) => fault.with_code(short(code)),
            None => fault,
        }
    }

    /// Whether the number of a filter, a reason or a word for the code says what it is, and not only a text or a
    /// number. That Google is unavailable says nothing of a request that may have been taken on.
    fn is_named(&self, error: &Json) -> bool {
        let is_reasoned = self.reason.and_then(kind_of_reason).is_some();
        let has_word =
            ["/status", "/code"].iter().any(|place| response::text(error, place).is_some());
        let is_open = matches!(self.code.as_deref(), Some("UNAVAILABLE" | "INTERNAL" | "UNKNOWN"));
        safety::code(self.message).is_some() || is_reasoned || (has_word && !is_open)
    }
}

/// The fault of an answer with a status that is no success.
pub(super) fn of(reply: &Reply, stage: Stage) -> Fault {
    body(reply, stage).into_fault()
}

/// The same of the answer to a create, with who wrote it.
pub(super) fn body_of(reply: &Reply) -> ErrorBody {
    body(reply, Stage::Create)
}

/// Google's own body has an `error`.
fn body(reply: &Reply, stage: Stage) -> ErrorBody {
    let body = reply.json().unwrap_or_default();
    let Some(error) = error_in(&body) else { return ErrorBody::of(reply, VENDOR, None, None) };
    let told = Told::read(error);
    let signals = told.signals(signals::of_reply(VENDOR, stage, reply));
    let own = signal::judge_by_own_table(&signals);
    // Under a status that leaves open what happened a sentence of anybody's is no reason.
    let is_believed =
        |it: &Judgement| response::is_turned_away(reply.status) || !response::is_reason(it.kind);
    let judged = Some(signal::judge(&signals)).filter(is_believed).unwrap_or_else(|| own.clone());
    let fault = if judged.is_by_status() {
        Fault::new(judged.kind, judged.source, response::at_status(reply, told.message))
    } else {
        told.told(&judged)
    };
    let pause = reply.retry_after().or(fault.retry_after);
    let by_code = told.is_named(error).then_some(own.kind);
    ErrorBody::of(reply, VENDOR, Some(fault.after(pause)), by_code)
}

/// What an error comes to that says in Google's form that a quota is spent, wherever it was passed on: load, where it
/// says when to come back, or a matter of the account.
pub(crate) fn exhaustion(error: &Json) -> Option<Fault> {
    let told = Told::read(error);
    let is_exhaustion =
        matches!(told.code.as_deref(), Some(EXHAUSTED) | None) || pause_in(error).is_some();
    let is_googles = told.retry_after.is_some()
        || (told.code.is_some() && error.get("details").is_some_and(Json::is_array));
    let is_other = told.reason.and_then(kind_of_reason).is_some();
    if !is_exhaustion || !is_googles || is_other {
        return None;
    }
    // It is one, whatever code it was given on the way.
    let told = Told { code: Some(EXHAUSTED.into()), reason: None, ..told };
    let mut signals = told.signals(Signals::new(VENDOR, Stage::Poll));
    signals.codes.retain(|it| it.place != Place::Filter);
    let judged = signal::judge_by_own_table(&signals);
    let fault = Fault::new(judged.kind, judged.source, response::quoted(told.message));
    Some(fault.with_code(EXHAUSTED).after(told.retry_after))
}

/// The error in an answer: `{error}`, or a list with it as the front end sends it at times.
pub(super) fn error_in(body: &Json) -> Option<&Json> {
    let object = body.as_array().and_then(|list| list.first()).unwrap_or(body);
    object.get("error").filter(|error| error.is_object() || error.is_string())
}

/// A refusal by the filters, with what to do next.
pub(super) fn refused_content(text: &str) -> Fault {
    let code = safety::code(text);
    let advice = safety::advice(code, text);
    let message = match response::quoted(text) {
        empty if empty.is_empty() => {
            format!("Google's filters refused it without a word: {advice}")
        }
        said => format!("Google's filters refused it: {said} ({advice})"),
    };
    let fault = Fault::new(FaultKind::RefusedContent, FaultSource::Provider, message);
    match code {
        Some((number, _)) => fault.with_code(number),
        None => fault,
    }
}

/// What an answer says of the account: nothing is in the way when it is a success.
pub(super) fn account_status(answer: Answer, summary: &str) -> Result<AccountStatus, Fault> {
    let reply = answer.map_err(|problem| response::silence(&problem))?;
    if reply.status.is_success() {
        return Ok(AccountStatus { summary: summary.to_owned(), ..AccountStatus::default() });
    }
    in_the_way(of(&reply, Stage::Account))
}

/// What a fault says of the account: it stands in the way of new renders, or only kept the question from
/// being answered.
pub(super) fn in_the_way(fault: Fault) -> Result<AccountStatus, Fault> {
    match fault.kind {
        FaultKind::Auth | FaultKind::Quota | FaultKind::BadRequest => {
            let summary = fault.message.clone();
            Ok(AccountStatus { summary, trouble: Some(fault), ..AccountStatus::default() })
        }
        _ => Err(fault),
    }
}

/// The code of an error object: a number of `google.rpc` or of HTTP, a word, or a URI that ends with a word.
fn code(error: &Json) -> Option<String> {
    let code = error.get("code")?;
    if let Some(word) = code.as_str().filter(|word| !word.trim().is_empty()) {
        return Some(name_of_word(word));
    }
    name_of_number(code.as_i64()?).map(str::to_owned)
}

fn name_of_word(word: &str) -> String {
    let last = word.trim().rsplit(['/', '#']).next().unwrap_or_default();
    short(last).to_ascii_uppercase().replace(['-', ' '], "_")
}

/// The name of a number of `google.rpc.Code`, or of the HTTP status that stands for it.
fn name_of_number(number: i64) -> Option<&'static str> {
    Some(match number {
        1 | 499 => "CANCELLED",
        2 => "UNKNOWN",
        3 | 400 => "INVALID_ARGUMENT",
        4 | 504 => "DEADLINE_EXCEEDED",
        5 | 404 => "NOT_FOUND",
        6 => "ALREADY_EXISTS",
        7 | 403 => "PERMISSION_DENIED",
        8 | 429 => "RESOURCE_EXHAUSTED",
        9 => "FAILED_PRECONDITION",
        10 | 409 => "ABORTED",
        11 => "OUT_OF_RANGE",
        12 | 501 => "UNIMPLEMENTED",
        13 | 500 => "INTERNAL",
        14 | 503 => "UNAVAILABLE",
        15 => "DATA_LOSS",
        16 | 401 => "UNAUTHENTICATED",
        _ => return None,
    })
}

/// A reason that stands in the text itself.
fn public_reason(error: &Json) -> Option<&str> {
    let text = response::text(error, "/message").or(error.as_str())?;
    text.split(|c: char| !(c.is_ascii_uppercase() || c == '_'))
        .find(|word| word.starts_with("PUBLIC_ERROR_"))
}

fn kind_of_reason(reason: &str) -> Option<FaultKind> {
    let signal = CodeSignal { code: reason.to_owned(), place: Place::Reason };
    let table = Tables::shipped().own(VENDOR)?;
    table.code(&signal, Weight::Sure).map(|entry| entry.kind)
}

/// A length of time as protobuf writes it in JSON: `"34.5s"`.
fn delay(text: &str) -> Option<SignedDuration> {
    let seconds: f64 = text.trim().strip_suffix('s')?.parse().ok()?;
    let pause = SignedDuration::try_from_secs_f64(seconds).ok()?;
    Some(pause.clamp(SignedDuration::ZERO, LONGEST_PAUSE))
}

/// The pause that a text names: `Please retry in 34.07s.`
fn pause_in(error: &Json) -> Option<SignedDuration> {
    let text = response::text(error, "/message").or(error.as_str())?;
    let (_, after) = text.split_once("lease retry in ")?;
    let end = after.find(|c: char| !(c.is_ascii_digit() || c == '.'))?;
    delay(after.get(..=end)?)
}

fn short(code: &str) -> String {
    code.chars().take(80).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::testing;

    fn kind(error: &Json) -> Option<FaultKind> {
        Told::read(error).fault().map(|fault| fault.kind)
    }

    // verifies: google: failures
    #[test]
    fn each_code_of_google_rpc_has_its_kind() {
        for (number, expected) in [
            (1, FaultKind::Runtime),
            (2, FaultKind::Runtime),
            (3, FaultKind::BadRequest),
            (4, FaultKind::Timeout),
            (5, FaultKind::BadRequest),
            (7, FaultKind::Quota),
            (8, FaultKind::Overloaded),
            (9, FaultKind::Quota),
            (13, FaultKind::Runtime),
            (14, FaultKind::Overloaded),
            (16, FaultKind::Auth),
        ] {
            let error = json!({ "code": number, "message": "no" });

            assert_eq!(kind(&error), Some(expected), "{number}");
        }
    }

    #[test]
    fn each_support_code_is_a_refusal_and_stays_with_the_fault() {
        for (code, _) in safety::all() {
            let message = format!("The prompt could not be submitted. Support codes: {code}");
            let fault = Told::read(&json!({ "code": 3, "message": message })).fault().unwrap();

            assert_eq!(fault.kind, FaultKind::RefusedContent);
            assert_eq!(fault.code.as_deref(), Some(code));
        }
    }

    #[test]
    fn one_status_is_told_apart_by_its_text_and_its_details() {
        let told = |code: i64, message: &str| kind(&json!({ "code": code, "message": message }));
        let reasoned = |code: i64, reason: &str| {
            kind(&json!({ "code": code, "message": "no", "details": [{ "reason": reason }] }))
        };

        assert_eq!(
            told(400, "API key not valid. Please pass a valid API key."),
            Some(FaultKind::Auth)
        );
        assert_eq!(told(400, "blocked by safety filters"), Some(FaultKind::RefusedContent));
        assert_eq!(told(429, "check your plan and billing details"), Some(FaultKind::Quota));
        assert_eq!(told(429, "reCAPTCHA evaluation failed"), Some(FaultKind::Quota));
        assert_eq!(told(13, "experiencing high load"), Some(FaultKind::Overloaded));
        assert_eq!(told(400, "allow_all for personGeneration"), Some(FaultKind::BadRequest));
        assert_eq!(reasoned(403, "SERVICE_DISABLED"), Some(FaultKind::Quota));
        assert_eq!(reasoned(400, "API_KEY_INVALID"), Some(FaultKind::Auth));
        assert_eq!(
            reasoned(429, "PUBLIC_ERROR_UNUSUAL_ACTIVITY_TOO_MUCH_TRAFFIC"),
            Some(FaultKind::Quota)
        );
        assert_eq!(
            kind(&json!("PUBLIC_ERROR_CONCURRENT_LIMIT_REACHED")),
            Some(FaultKind::Overloaded)
        );
    }

    #[test]
    fn a_quota_for_a_day_is_spent_and_one_for_a_minute_is_load() {
        let exhausted = |id: &str| {
            kind(&json!({
                "code": 429,
                "message": "You exceeded your current quota, please check your plan and billing details.",
                "details": [{ "violations": [{ "quotaId": id }] }],
            }))
        };

        assert_eq!(exhausted("RequestsPerDayPerProject"), Some(FaultKind::Quota));
        assert_eq!(exhausted("RequestsPerMinutePerProject"), Some(FaultKind::Overloaded));
    }

    #[test]
    fn a_refusal_that_says_when_to_come_back_is_load_although_it_speaks_of_billing() {
        let told = |details: Json| {
            kind(&json!({
                "code": 429,
                "status": "RESOURCE_EXHAUSTED",
                "message": "You exceeded your current quota, please check your plan and billing details.",
                "details": details,
            }))
        };

        assert_eq!(told(json!([{ "retryDelay": "34s" }])), Some(FaultKind::Overloaded));
        assert_eq!(told(json!([])), Some(FaultKind::Quota));
        let of_a_day =
            json!([{ "retryDelay": "34s" }, { "violations": [{ "quotaId": "PerDayPerProject" }] }]);
        assert_eq!(told(of_a_day), Some(FaultKind::Quota));
    }

    #[test]
    fn the_front_ends_list_is_read_as_its_error_with_its_pause() {
        let body = json!([{ "error": {
            "code": 429,
            "status": "RESOURCE_EXHAUSTED",
            "message": "Resource has been exhausted",
            "details": [{ "@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "34.5s" }],
        } }]);
        let reply = testing::json(429, &body).unwrap();

        let fault = of(&reply, Stage::Poll);

        assert_eq!(fault.kind, FaultKind::Overloaded);
        assert_eq!(fault.code.as_deref(), Some("RESOURCE_EXHAUSTED"));
        assert_eq!(fault.retry_after, Some(SignedDuration::from_millis(34_500)));
    }

    #[test]
    fn an_answer_without_an_error_is_judged_by_its_status() {
        let reply = testing::reply(502, &[], "<html>Bad Gateway</html>").unwrap();

        let fault = of(&reply, Stage::Poll);

        assert_eq!(fault.kind, FaultKind::Runtime);
        assert!(fault.message.contains("Bad Gateway"), "{fault}");
    }
}
