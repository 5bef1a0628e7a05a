//! What a create comes to that was answered with an error, or not at all: refused, or lost.

use http::StatusCode;
use retake_core::{
    fault::{Fault, FaultKind},
    signal::{self, kind_of_status, table::Tables},
};

use super::{foreign_fault, silence};
use crate::{
    SubmitError,
    call::{NoAnswer, Reply},
    signals,
};

/// What a submit that got no answer comes to: a call that never left is safe to make again.
pub(crate) fn unanswered_submit(problem: &NoAnswer) -> SubmitError {
    let fault = silence(problem);
    if problem.sent {
        return SubmitError::Lost(fault);
    }
    // Nothing is there and nothing is billed: a dead connection is no verdict on the request.
    SubmitError::Refused(Fault { kind: FaultKind::Overloaded, ..fault })
}

/// The body of an answer that is no success, by who wrote it and what it proves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ErrorBody {
    /// The provider: it has the form that its documentation shows, and says plainly what was refused.
    Refusal(Fault),
    /// The provider, which says no more than that it failed.
    Own(Fault),
    /// The provider, which had passed the request on and was not answered, whatever the status stands for.
    PassedOn(Fault),
    /// Somebody else, or nobody: a page, a text, nothing at all.
    Foreign(Fault),
}

impl ErrorBody {
    /// The body of an answer in which `own` is what the provider's own error body says, and `by_code` what a code in
    /// it means that the provider documents. `vendor` is whose table of signals was read.
    ///
    /// Relays and gateways put another server's refusal (its 401, its 402, its content rules, its complaint about a
    /// parameter) into a 500 of their own, as JSON, as a text, or as JSON in a text. So what the status does not say is
    /// looked for in the body, and counts where it leaves no doubt.
    pub(crate) fn of(
        reply: &Reply,
        vendor: &str,
        own: Option<Fault>,
        by_code: Option<FaultKind>,
    ) -> Self {
        let Some(fault) = own else { return Self::of_stranger(reply, foreign_fault(reply)) };
        let json = reply.json().unwrap_or_default();
        if crate::refusal::tells_of_render(&json) {
            return Self::PassedOn(without_reason(StatusCode::BAD_GATEWAY, "", fault));
        }
        if is_turned_away(reply.status) {
            // A code for a bad request says less than the words that it was passed on.
            let is_settled =
                by_code.is_some_and(|kind| proves_alone(kind) && kind != FaultKind::BadRequest);
            let is_passed_on = !is_settled && crate::refusal::is_passed_on(&json, reply.status);
            return Self::at_refusal(reply, fault, is_passed_on);
        }
        let is_in_trouble = crate::refusal::is_in_trouble(&json);
        let by_code = by_code.filter(|kind| match kind {
            FaultKind::Overloaded => true,
            kind => is_reason(*kind) && !is_in_trouble,
        });
        // The code proves it; what it is about the texts may say better.
        let proof = by_code.map(|kind| match fault.kind {
            said if is_reason(kind) && is_reason(said) => (said, None),
            _ => (kind, None),
        });
        match proof.or_else(|| crate::refusal::proof(&json, reply.status)) {
            Some((kind, code)) => {
                Self::Refusal(Fault { kind, code: code.or(fault.code.clone()), ..fault })
            }
            None if is_in_trouble => Self::PassedOn(without_reason(reply.status, vendor, fault)),
            None => Self::Own(without_reason(reply.status, vendor, fault)),
        }
    }

    /// A body that the provider did not write. What it says of a request that was taken on may stand anywhere in a page.
    pub(crate) fn of_stranger(reply: &Reply, fault: Fault) -> Self {
        let is_taken_on = crate::refusal::text_tells_of_render(&words_of_page(&reply.body));
        if is_taken_on { Self::PassedOn(fault) } else { Self::Foreign(fault) }
    }

    /// The body of an answer whose status is that of a refusal.
    pub(crate) fn at_refusal(reply: &Reply, fault: Fault, is_passed_on: bool) -> Self {
        if is_passed_on {
            return Self::PassedOn(without_reason(StatusCode::BAD_GATEWAY, "", fault));
        }
        // A proxy fills the same form with the words of the status, and that is no word about the account.
        if reply.status == StatusCode::FORBIDDEN && only_repeats_status(reply.status, &fault) {
            return Self::Foreign(Fault {
                kind: signal::judge(&signals::of_stranger(reply)).kind,
                ..fault
            });
        }
        Self::Own(fault)
    }

    /// What it says.
    pub(crate) fn into_fault(self) -> Fault {
        match self {
            Self::Refusal(fault)
            | Self::Own(fault)
            | Self::PassedOn(fault)
            | Self::Foreign(fault) => fault,
        }
    }
}

/// The same fault without a reason that is only hinted at: what is left is the status, as the vendor means it.
pub(crate) fn without_reason(status: StatusCode, vendor: &str, fault: Fault) -> Fault {
    if !is_reason(fault.kind) {
        return fault;
    }
    let status = status.as_u16();
    let meant = Tables::shipped().own(vendor).and_then(|table| table.status(status));
    Fault { kind: meant.unwrap_or_else(|| kind_of_status(status)), ..fault }
}

/// Whether a kind is a reason why there is no render, and not only the news that there is none.
pub(crate) fn is_reason(kind: FaultKind) -> bool {
    matches!(
        kind,
        FaultKind::RefusedContent | FaultKind::BadRequest | FaultKind::Quota | FaultKind::Auth
    )
}

/// Whether a kind proves by itself that nothing was taken on.
fn proves_alone(kind: FaultKind) -> bool {
    is_reason(kind) || kind == FaultKind::Overloaded
}

/// What a page that somebody else wrote says, as far as it is looked at.
fn words_of_page(body: &[u8]) -> String {
    const LOOKED_AT: usize = 16 << 10;
    String::from_utf8_lossy(body.get(..LOOKED_AT).unwrap_or(body)).into_owned()
}

/// Whether a status is given by whoever does not pass a request on.
pub(crate) fn is_turned_away(status: StatusCode) -> bool {
    status.is_client_error() && !matches!(status.as_u16(), 408 | 499)
}

/// What a create that was answered with an error comes to.
///
/// Only the provider's own error body proves a refusal: that nothing was taken on and nothing is billed. It does
/// so at any status when it says plainly why there is no render: content rules, a parameter, money, the key; when it
/// says that there is no room, unless the status is one of a server that waited for another one; and at any status
/// that stands for the request's own fault, unless it says that it passed the request on. `shed` are the statuses at
/// which the provider documents that it turns requests away, so that its own body proves a refusal there whatever it
/// says beyond the words of the status.
///
/// Without that body, a status that a proxy gives after it passed the request on (any redirect, 408, 499, everything
/// from 500 up) leaves open whether there is a render. The other statuses from 400 up are given by whoever does not
/// pass a request on.
pub(crate) fn failed_create(status: StatusCode, body: ErrorBody, shed: &[u16]) -> SubmitError {
    let number = status.as_u16();
    let is_shed = shed.contains(&number);
    let is_refusal = match &body {
        ErrorBody::PassedOn(_) => false,
        ErrorBody::Foreign(fault) => {
            is_turned_away(status) && !crate::refusal::tells_of_no_answer(&fault.message)
        }
        // A gateway fills the same form with the words of its status.
        ErrorBody::Own(fault) => {
            let sheds = !only_repeats_status(status, fault)
                && !crate::refusal::tells_of_work(&fault.message);
            is_turned_away(status) || (is_shed && sheds)
        }
        ErrorBody::Refusal(fault) => {
            fault.kind != FaultKind::Overloaded || is_shed || !is_of_a_gateway(number)
        }
    };
    let fault = body.into_fault();
    if is_refusal { SubmitError::Refused(fault) } else { SubmitError::Lost(fault) }
}

/// Whether a status is given by a server that passes requests on and waits for another one.
fn is_of_a_gateway(status: u16) -> bool {
    matches!(status, 300..=399 | 502 | 504 | 520..=528)
}

/// Whether a fault says no more than its status does, as gateways fill a form with.
fn only_repeats_status(status: StatusCode, fault: &Fault) -> bool {
    /// What proxies write for the names of statuses.
    const NAMES: [&str; 5] = [
        "access denied",
        "access forbidden",
        "request forbidden",
        "request blocked",
        "missing authentication token",
    ];
    /// What they write for those of a server that failed, whatever stands around it.
    const OUTAGES: [&str; 9] = [
        "service unavailable",
        "service temporarily unavailable",
        "service is unavailable",
        "service is temporarily unavailable",
        "the service is unavailable",
        "the service is temporarily unavailable",
        "temporarily unavailable",
        "gateway time-out",
        "bad gateway",
    ];
    let said = fault.message.strip_prefix("HTTP ").and_then(|text| Some(text.split_once(": ")?.1));
    let number = status.as_str();
    let plain = |text: &str| {
        let text = text.to_lowercase().replace('_', " ");
        let text = text.trim_start_matches(number).trim_start_matches([':', ' ', '-']);
        text.trim_end_matches(['.', '!']).trim().to_owned()
    };
    let is_name = |text: &str| {
        let text = plain(text);
        let reason = status.canonical_reason().unwrap_or_default().to_lowercase();
        let is_outage = || OUTAGES.iter().any(|name| text.contains(name));
        text.is_empty()
            || text == reason
            || text.ends_with("without a word")
            || NAMES.contains(&&*text)
            || (status.is_server_error() && is_outage())
    };
    let is_number = |code: &str| code.bytes().all(|byte| byte.is_ascii_digit());
    let says_code = fault.code.as_deref().is_some_and(|code| !is_number(code) && !is_name(code));
    !says_code && is_name(said.unwrap_or(&fault.message))
}

#[cfg(test)]
mod tests {
    use retake_core::fault::FaultSource;

    use super::*;

    fn is_refused(status: u16, body: ErrorBody, shed: &[u16]) -> bool {
        let status = StatusCode::from_u16(status).unwrap();
        matches!(failed_create(status, body, shed), SubmitError::Refused(_))
    }

    #[test]
    fn only_the_providers_own_error_body_proves_that_nothing_was_taken_on() {
        use FaultKind as K;
        let fault = |kind| Fault::new(kind, FaultSource::Provider, "no");
        let own = |kind| ErrorBody::Own(fault(kind));
        let refusal = |kind| ErrorBody::Refusal(fault(kind));
        let foreign = |status| {
            let reply = crate::testing::reply(status, &[], "<html>no</html>").unwrap();
            ErrorBody::of(&reply, "", None, None)
        };

        for status in [300, 302, 307, 408, 499, 500, 501, 502, 503, 504, 520, 522, 524, 529, 599] {
            assert!(!is_refused(status, foreign(status), &[]), "{status}");
            assert!(!is_refused(status, foreign(status), &[status]), "{status}");
            for kind in [K::Auth, K::Quota, K::RefusedContent, K::BadRequest] {
                assert!(is_refused(status, refusal(kind), &[]), "{status} {kind:?}");
            }
            for kind in [K::Quota, K::Runtime, K::Timeout, K::UnknownProviderError, K::Overloaded] {
                assert!(!is_refused(status, own(kind), &[]), "{status} {kind:?}");
                assert!(is_refused(status, own(kind), &[status]), "{status} {kind:?}");
            }
        }
        for status in [400, 401, 402, 403, 404, 405, 409, 413, 422, 425, 429, 451] {
            assert!(is_refused(status, foreign(status), &[]), "{status}");
            assert!(is_refused(status, own(K::Timeout), &[]), "{status}");
            assert!(!is_refused(status, ErrorBody::PassedOn(fault(K::Timeout)), &[]), "{status}");
        }
        for status in [200, 429, 500, 503, 529] {
            assert!(is_refused(status, refusal(K::Overloaded), &[]), "{status}");
        }
        for status in [302, 502, 504, 524] {
            assert!(!is_refused(status, refusal(K::Overloaded), &[]), "{status}");
            assert!(is_refused(status, refusal(K::Overloaded), &[status]), "{status}");
        }
    }

    #[test]
    fn a_form_that_is_filled_with_the_words_of_its_status_proves_nothing() {
        let own = |text: &str| {
            ErrorBody::Own(Fault::new(FaultKind::Overloaded, FaultSource::Provider, text))
        };

        assert!(!is_refused(502, own("HTTP 502: Bad Gateway"), &[502]));
        assert!(!is_refused(502, own("bad gateway."), &[502]));
        assert!(is_refused(502, own("HTTP 502: We are shedding load"), &[502]));
        assert!(!is_refused(503, own("HTTP 503: Service Unavailable"), &[503]));
        assert!(!is_refused(503, own("503 Service Temporarily Unavailable"), &[503]));
        assert!(!is_refused(503, own("Service unavailable. Your quota is fine."), &[503]));
        assert!(is_refused(503, own("HTTP 503: We are shedding load"), &[503]));
        assert!(!is_refused(529, own("HTTP 529 without a word"), &[]));
    }

    #[test]
    fn a_submit_that_never_left_is_refused_and_one_that_left_is_lost() {
        let problem = |sent| NoAnswer { sent, slow: false, message: "no connection".into() };

        assert!(matches!(unanswered_submit(&problem(false)), SubmitError::Refused(_)));
        assert!(matches!(unanswered_submit(&problem(true)), SubmitError::Lost(_)));
    }
}
