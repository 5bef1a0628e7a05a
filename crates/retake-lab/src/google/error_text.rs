//! Google's errors: the status and the text for each refusal and failure of the simulator.
//!
//! The shapes that a scenario can ask for are the names in the lists given to `pick`.

use super::{
    safety,
    status::{Code, Status},
};
use crate::{
    fault::Cause,
    simulator::{Failure, Reason, Refusal},
};

/// The API that was called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Api {
    /// Bearer tokens; Cloud quotas and billing.
    Vertex,
    /// API keys; the Gemini API's tiers and prepaid credit.
    Gemini,
}

impl Api {
    const fn service(self) -> &'static str {
        match self {
            Self::Vertex => "aiplatform.googleapis.com",
            Self::Gemini => "generativelanguage.googleapis.com",
        }
    }
}

/// The error for a refused call.
pub(super) fn refusal(api: Api, it: &Refusal) -> Status {
    use Reason as R;
    let (service, is_array) = (api.service(), it.shape.as_deref() == Some("array"));
    let status = match it.reason {
        R::MissingKey | R::UnknownKey | R::KeyRevoked => return auth_error(api, it.reason),
        R::SoftBlock => {
            Status::new(Code::PermissionDenied, "Consumer 'projects/lab' has been suspended.")
                .with_error_info("CONSUMER_SUSPENDED", service)
        }
        R::CreditOut => billing_error(api),
        R::TooFast => {
            quota_exceeded(api, "requests per minute", "PerMinute").with_retry_info(it.retry_after)
        }
        R::TooManyToday => {
            quota_exceeded(api, "requests per day", "PerDay").with_retry_info(it.retry_after)
        }
        R::TooManyAtOnce => quota_exceeded(api, "concurrent operations", "Concurrent"),
        R::Overloaded => overloaded(),
        R::AfterAccept | R::Poll => transient_error(it.cause).with_retry_info(it.retry_after),
        R::Scripted if it.is_generic => generic_error(),
        R::Scripted if it.cause == Cause::ContentModeration => {
            safety::refusal(it.pick(&safety::shapes(false)), it.sample)
        }
        // `array` selects only the wrapping; the error is then of the first shape.
        R::Scripted => error_by_cause(api, it.cause, |shapes| match shapes.first() {
            Some(first) if is_array => first,
            _ => it.pick(shapes),
        })
        .with_retry_info(it.retry_after),
    };
    let wrapped = is_array || (it.shape.is_none() && it.sample % 5 == 1);
    Status { is_in_array: api == Api::Gemini && wrapped, ..status }
}

/// The error of a failed render. Most moderation failures have shapes of their own and do not get
/// here.
pub(super) fn failure(api: Api, it: &Failure) -> Status {
    if it.is_generic {
        return generic_error();
    }
    match it.cause {
        Cause::ContentModeration => safety::refusal(it.pick(&safety::shapes(false)), it.sample),
        cause => error_by_cause(api, cause, |shapes| it.pick(shapes)),
    }
}

fn generic_error() -> Status {
    Status::new(Code::Internal, "Internal error encountered.")
}

fn overloaded() -> Status {
    Status::new(Code::Unavailable, "The model is overloaded. Please try again later.")
}

/// A transient error, in response to a poll or to an accepted create.
fn transient_error(cause: Cause) -> Status {
    match cause {
        Cause::Capacity => overloaded(),
        Cause::DependencyTimeout => deadline_exceeded(),
        _ => generic_error(),
    }
}

fn deadline_exceeded() -> Status {
    Status::new(Code::DeadlineExceeded, "Deadline expired before operation could complete.")
}

fn error_by_cause<'a>(api: Api, cause: Cause, pick: impl Fn(&[&'a str]) -> &'a str) -> Status {
    let service = api.service();
    match cause {
        Cause::RuntimeError => match pick(&["internal", "cancelled"]) {
            "cancelled" => Status::new(Code::Cancelled, "The operation was cancelled."),
            _ => Status::new(
                Code::Internal,
                "Video generation failed due to an internal server issue. Please try again later.",
            ),
        },
        Cause::Capacity => match pick(&["resource-exhausted", "unavailable"]) {
            "resource-exhausted" => Status::new(
                Code::ResourceExhausted,
                "Resource has been exhausted (e.g. check quota).",
            ),
            _ => overloaded(),
        },
        Cause::InvalidRequest => match pick(&["invalid-argument", "not-found"]) {
            "not-found" => {
                Status::new(Code::NotFound, "The input video was not found or has expired.")
            }
            _ => Status::invalid("Request contains an invalid argument."),
        },
        Cause::DependencyTimeout => deadline_exceeded(),
        Cause::Account => match pick(&["permission-denied", "failed-precondition", "billing-quota"])
        {
            "failed-precondition" => Status::new(
                Code::FailedPrecondition,
                "User location is not supported for the API use without billing enabled.",
            ),
            "billing-quota" => billing_error(Api::Gemini),
            _ => Status::new(
                Code::PermissionDenied,
                "Permission 'aiplatform.endpoints.predict' denied on resource (or it may not exist).",
            )
            .with_error_info("IAM_PERMISSION_DENIED", service),
        },
        Cause::ContentModeration => safety::refusal("video-safety", 0),
    }
}

/// A quota that was exceeded in some window.
fn quota_exceeded(api: Api, what: &str, window: &str) -> Status {
    let (metric, id) = match api {
        Api::Vertex => (
            "aiplatform.googleapis.com/long_running_online_prediction_requests_per_base_model",
            format!("LongRunningOnlinePredictionRequests{window}PerProjectPerRegionPerBaseModel"),
        ),
        Api::Gemini => (
            "generativelanguage.googleapis.com/generate_video_requests",
            format!("GenerateVideoRequests{window}PerProjectPerModel"),
        ),
    };
    let message = match api {
        Api::Vertex => format!("Quota exceeded for {metric} ({what})."),
        Api::Gemini => format!(
            "You exceeded your current quota ({what}), please check your plan and billing details."
        ),
    };
    Status::new(Code::ResourceExhausted, message).with_quota_failure(metric, &id)
}

/// Insufficient credit.
fn billing_error(api: Api) -> Status {
    match api {
        Api::Vertex => Status::new(
            Code::PermissionDenied,
            "This API method requires billing to be enabled on project lab.",
        )
        .with_error_info("BILLING_DISABLED", api.service()),
        Api::Gemini => Status::new(
            Code::ResourceExhausted,
            "Your prepayment credits are depleted. Please manage your project and billing.",
        ),
    }
}

fn auth_error(api: Api, reason: Reason) -> Status {
    let service = api.service();
    match (api, reason) {
        (Api::Vertex, Reason::MissingKey) => Status::new(
            Code::Unauthenticated,
            "Request is missing required authentication credential. Expected OAuth 2 access token.",
        )
        .with_error_info("CREDENTIALS_MISSING", service),
        (Api::Vertex, Reason::KeyRevoked) => {
            Status::new(Code::Unauthenticated, "The account of this credential was disabled.")
                .with_error_info("ACCOUNT_STATE_INVALID", service)
        }
        (Api::Vertex, _) => invalid_token(),
        (Api::Gemini, Reason::MissingKey) => Status::new(
            Code::PermissionDenied,
            "Method doesn't allow unregistered callers. Please use an API key.",
        ),
        (Api::Gemini, Reason::KeyRevoked) => Status::new(
            Code::PermissionDenied,
            "Your API key was reported as leaked. Please use another API key.",
        ),
        (Api::Gemini, _) => {
            Status::new(Code::InvalidArgument, "API key not valid. Please pass a valid API key.")
                .with_error_info("API_KEY_INVALID", service)
        }
    }
}

/// A token that the lab did not issue, or that has expired.
pub(super) fn invalid_token() -> Status {
    Status::new(
        Code::Unauthenticated,
        "Request had invalid authentication credentials. Expected OAuth 2 access token.",
    )
    .with_error_info("ACCESS_TOKEN_EXPIRED", Api::Vertex.service())
}
