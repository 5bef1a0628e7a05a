//! What follows from a receiver's answer. No IO: what was sent and what came back are arguments.

use std::time::Duration;

use http::StatusCode;
use jiff::{SignedDuration, Timestamp};
use retake_core::delivery_schedule::pause_after;
use retake_store::outbox::record::{ClaimedDelivery, DisabledWhy, ThenDeliver, Tried};

use crate::egress::{Answer, EgressError};

/// What is kept of a complaint.
const LONGEST_ERROR: usize = 300;
/// An endpoint to which nothing gets through for this long is not told anything more.
const HOPELESS: SignedDuration = SignedDuration::from_hours(5 * 24);

/// Judges a try that began at `at` and took `took`.
pub(super) fn judge(
    held: &ClaimedDelivery,
    answer: &Result<Answer, EgressError>,
    at: Timestamp,
    took: Duration,
) -> Tried {
    let duration_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
    let now = at + SignedDuration::try_from(took).unwrap_or_default();
    let status = answer.as_ref().ok().map(|answer| answer.status);
    let error = match answer {
        Err(error) => Some(error.to_string().chars().take(LONGEST_ERROR).collect()),
        Ok(answer) => complaint(answer.status),
    };
    let (then, disable) = if error.is_none() {
        (ThenDeliver::Done, None)
    } else if status == Some(StatusCode::GONE) {
        (ThenDeliver::GiveUp, Some(DisabledWhy::Gone))
    } else {
        let asked = answer.as_ref().ok().and_then(|answer| asked_pause(answer, now));
        match pause_after(held.delivery.failures.saturating_add(1), asked) {
            Some(pause) => (ThenDeliver::AgainAt(now + pause), None),
            None => (ThenDeliver::GiveUp, is_hopeless(held, now).then_some(DisabledWhy::Failing)),
        }
    };
    Tried { at, duration_ms, status: status.map(|one| one.as_u16()), error, then, disable }
}

/// Why an answer does not count as taking the delivery.
fn complaint(status: StatusCode) -> Option<String> {
    let code = status.as_u16();
    match code {
        200..=299 => None,
        300..=399 => Some(format!(
            "it answered {code}; redirects are not followed, so give the URL that it leads to"
        )),
        410 => Some("it answered 410, which says that it is gone for good".to_owned()),
        _ => Some(format!("it answered {code}; only 2xx says that a delivery was taken")),
    }
}

/// The pause that a receiver asks for, in seconds or until a date.
fn asked_pause(answer: &Answer, now: Timestamp) -> Option<SignedDuration> {
    let text = answer.retry_after.as_deref()?.trim();
    if let Ok(seconds) = text.parse::<u32>() {
        return Some(SignedDuration::from_secs(seconds.into()));
    }
    let until = jiff::fmt::rfc2822::parse(text).ok()?.timestamp();
    Some(until.duration_since(now))
}

fn is_hopeless(held: &ClaimedDelivery, now: Timestamp) -> bool {
    held.endpoint.failing_since.is_some_and(|since| now.duration_since(since) >= HOPELESS)
}

#[cfg(test)]
mod tests {
    use retake_core::delivery_schedule::EventType;
    use retake_core::ids::{EndpointId, EventId, ReplicaId, VideoId};
    use retake_store::outbox::record::{Delivery, DeliveryLease, DeliveryState, Endpoint, Secret};

    use super::*;

    const NOON: Timestamp = Timestamp::constant(1_800_000_000, 0);

    fn held(failures: u32, failing_since: Option<Timestamp>) -> ClaimedDelivery {
        let (endpoint, delivery) = (EndpointId::new(NOON), EventId::new(NOON));
        ClaimedDelivery {
            lease: DeliveryLease {
                endpoint: endpoint.clone(),
                delivery: delivery.clone(),
                epoch: 1,
                replica: ReplicaId::new(NOON),
            },
            delivery: Delivery {
                id: delivery,
                endpoint: endpoint.clone(),
                event_type: EventType::VideoCompleted,
                video: VideoId::new(NOON),
                created_at: NOON,
                state: DeliveryState::Pending,
                due_at: Some(NOON),
                ended_at: None,
                failures,
                tries: Vec::new(),
            },
            endpoint: Endpoint {
                id: endpoint,
                owner: None,
                name: "receiver".into(),
                url: "https://receiver.example/".into(),
                event_types: EventType::ALL.to_vec(),
                secret: Secret::new("whsec_"),
                former_secret: None,
                created_at: NOON,
                updated_at: NOON,
                disabled: None,
                failing_since,
            },
        }
    }

    fn judged(failures: u32, status: u16, retry_after: Option<&str>) -> Tried {
        let status = StatusCode::from_u16(status).unwrap();
        let answer = Ok(Answer { status, retry_after: retry_after.map(str::to_owned) });
        judge(&held(failures, None), &answer, NOON, Duration::ZERO)
    }

    fn again_in(seconds: i64) -> ThenDeliver {
        ThenDeliver::AgainAt(NOON + SignedDuration::from_secs(seconds))
    }

    #[test]
    fn only_2xx_takes_a_delivery() {
        for status in [200, 201, 202, 204, 299] {
            assert_eq!(
                (judged(0, status, None).then, judged(0, status, None).error),
                (ThenDeliver::Done, None)
            );
        }
        for status in [301, 302, 307, 400, 401, 404, 429, 500, 503] {
            let tried = judged(0, status, None);
            assert_eq!((tried.then, tried.status), (again_in(5), Some(status)));
            assert!(tried.error.unwrap().contains(&status.to_string()));
        }
    }

    #[test]
    fn a_receiver_that_is_gone_is_told_nothing_more() {
        let tried = judged(0, 410, None);

        assert_eq!((tried.then, tried.disable), (ThenDeliver::GiveUp, Some(DisabledWhy::Gone)));
    }

    #[test]
    fn no_answer_is_a_failed_try() {
        let error = Err(EgressError::TooManyRedirects);

        let tried = judge(&held(1, None), &error, NOON, Duration::from_millis(1500));

        assert_eq!((tried.status, tried.duration_ms), (None, 1500));
        let due = NOON + SignedDuration::from_millis(301_500);
        assert_eq!(tried.then, ThenDeliver::AgainAt(due), "counted from the end of the try");
    }

    #[test]
    fn a_receiver_may_say_when_it_wants_to_be_asked_again() {
        assert_eq!(judged(0, 503, Some("120")).then, again_in(120));
        assert_eq!(judged(0, 429, Some(" 7 ")).then, again_in(7));
        assert_eq!(judged(0, 503, Some("999999999")).then, again_in(3600));
        let in_ten_minutes =
            (NOON + SignedDuration::from_mins(10)).to_zoned(jiff::tz::TimeZone::UTC);
        let date = in_ten_minutes.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
        assert_eq!(judged(0, 503, Some(&date)).then, again_in(600));
        for nonsense in ["soon", "-5", "", "Sun, 99 Nov 2026", "\u{1F570}"] {
            assert_eq!(judged(0, 503, Some(nonsense)).then, again_in(5), "{nonsense}");
        }
    }

    #[test]
    fn after_the_last_try_it_is_given_up_and_only_a_hopeless_endpoint_is_disabled() {
        let days = |days: i64| Some(NOON - SignedDuration::from_hours(24 * days));
        let answer = Ok(Answer { status: StatusCode::BAD_GATEWAY, retry_after: None });
        let judged = |failures, since| judge(&held(failures, since), &answer, NOON, Duration::ZERO);

        let last = judged(7, days(1));
        assert_eq!((last.then, last.disable), (ThenDeliver::GiveUp, None));
        assert_eq!(judged(7, days(6)).disable, Some(DisabledWhy::Failing));
        assert_eq!(judged(2, days(6)).disable, None, "each delivery has its day");
        assert_eq!(judged(u32::MAX, None).then, ThenDeliver::GiveUp);
    }
}
