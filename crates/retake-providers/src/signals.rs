//! How adapters hand over what they found in an answer: its codes, its texts, the field at fault.
//!
//! An adapter reads the form of its provider's answers and stops there. What codes and texts mean is decided for all
//! adapters alike, in `retake_core::signal`, from the tables beside it.

use retake_core::signal::{Author, Place, Signals, Stage, table::GENERAL};

use crate::{
    call::Reply,
    refusal::{before_page, codes, is_about_input},
    response::page_title,
    transport::request_id,
};

/// The entry of the general table for an input that could not be fetched.
const INPUT_NOT_FETCHED: &str = "request.input_not_fetched";

/// What the tables call a failed render that names no code, where codes are documented.
pub(crate) const WITHOUT_CODE: &str = "without_code";

/// The signals of an answer in the provider's own form, as far as its head has any.
pub(crate) fn of_reply(vendor: &str, stage: Stage, reply: &Reply) -> Signals {
    Signals {
        status: Some(reply.status.as_u16()),
        request_id: request_id(reply),
        retry_after: reply.retry_after(),
        ..Signals::new(vendor, stage)
    }
}

/// The signals of an answer in a form that is not the provider's: of its body nothing counts.
pub(crate) fn of_stranger(reply: &Reply) -> Signals {
    let author = if page_title(&reply.body).is_some() { Author::Page } else { Author::Stranger };
    Signals { author, ..of_reply("", Stage::Create, reply) }
}

/// The same signals, with those of a text: known codes in it, phrases, and whether an input could not be fetched. Codes
/// that stand where codes do are to be added before, because they say more.
pub(crate) fn with_text(signals: Signals, text: &str) -> Signals {
    let text = before_page(text);
    let known = codes::in_text(text).filter(|code| codes::sure(code).is_some());
    with_phrases(known.fold(signals, |signals, code| signals.with_code(code, Place::Text)), text)
}

/// The same signals, with the phrases of a text, and whether an input could not be fetched.
pub(crate) fn with_phrases(signals: Signals, text: &str) -> Signals {
    let text = before_page(text);
    let signals = signals.with_text(text);
    if is_about_input(text) { signals.with_phrase(INPUT_NOT_FETCHED, GENERAL) } else { signals }
}

/// The same signals, with those of several texts.
pub(crate) fn with_texts<'a>(signals: Signals, texts: impl Iterator<Item = &'a str>) -> Signals {
    texts.fold(signals, with_text)
}

/// The same signals, with a code that stands where codes do, if there is one.
pub(crate) fn with_code(signals: Signals, code: Option<&str>) -> Signals {
    match code {
        Some(code) => signals.with_code(code, Place::Code),
        None => signals,
    }
}
