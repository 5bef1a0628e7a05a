//! The codes that providers, and the relays before them, give a failure.
//!
//! OpenAI's own are documented or were reported; the others are those of the makers whose answers relays pass
//! on. Codes are compared in lower case; of a dotted one the longest known beginning counts.

use retake_core::fault::FaultKind;

use FaultKind::{Auth, BadRequest, Overloaded, Quota, RefusedContent, Runtime, Timeout};

/// Codes and their kinds.
pub(crate) type Table = &'static [(&'static str, FaultKind)];

/// Codes that mean one thing.
pub(crate) const SURE: Table = &[
    // Content rules.
    ("moderation_blocked", RefusedContent),
    ("content_policy_violation", RefusedContent),
    ("sentinel_block", RefusedContent),
    ("input_moderation", RefusedContent),
    ("output_moderation", RefusedContent),
    ("content_moderated", RefusedContent),
    ("content_filter", RefusedContent),
    ("responsible_ai_policy_violation", RefusedContent),
    ("prompt_unsafe", RefusedContent),
    ("datainspectionfailed", RefusedContent),
    ("data_inspection_failed", RefusedContent),
    ("internalerror.algo.datainspectionfailed", RefusedContent),
    ("ipinfringementsuspect", RefusedContent),
    ("inputtextsensitivecontentdetected", RefusedContent),
    ("inputimagesensitivecontentdetected", RefusedContent),
    ("inputvideosensitivecontentdetected", RefusedContent),
    ("inputaudiosensitivecontentdetected", RefusedContent),
    ("outputtextsensitivecontentdetected", RefusedContent),
    ("outputimagesensitivecontentdetected", RefusedContent),
    ("outputvideosensitivecontentdetected", RefusedContent),
    ("outputaudiosensitivecontentdetected", RefusedContent),
    ("inputtextriskdetection", RefusedContent),
    ("inputimageriskdetection", RefusedContent),
    ("safety", RefusedContent),
    ("input_preprocessing.safety", RefusedContent),
    // The account: money, quota, rights.
    ("insufficient_quota", Quota),
    ("credit_balance_exhausted", Quota),
    ("organization_spend_limit_exceeded", Quota),
    ("project_spend_limit_exceeded", Quota),
    ("organization_usage_limit_exceeded", Quota),
    ("billing_hard_limit_reached", Quota),
    ("billing_not_active", Quota),
    ("account_deactivated", Quota),
    ("unsupported_country_region_territory", Quota),
    ("insufficient_user_quota", Quota),
    ("pre_consume_token_quota_failed", Quota),
    ("insufficient_balance", Quota),
    ("quotaexceeded", Quota),
    ("accountquotaexceeded", Quota),
    ("accountoverdueerror", Quota),
    ("arrearage", Quota),
    ("allocationquota", Quota),
    ("throttling.allocationquota", Quota),
    ("modelnotopen", Quota),
    ("accessdenied", Quota),
    ("invalidendpointormodel.modelidaccessdisabled", Quota),
    ("public_error_model_access_denied", Quota),
    ("public_error_user_quota_reached", Quota),
    ("public_error_unusual_activity", Quota),
    // The key.
    ("invalid_api_key", Auth),
    ("invalid_token", Auth),
    ("invalidapikey", Auth),
    ("authenticationerror", Auth),
    ("unauthenticated", Auth),
    // Too much going on.
    ("rate_limit_exceeded", Overloaded),
    ("slow_down", Overloaded),
    ("server_is_overloaded", Overloaded),
    ("heavy_load", Overloaded),
    ("too_many_requests", Overloaded),
    ("get_channel_failed", Overloaded),
    ("serveroverloaded", Overloaded),
    ("ratelimitexceeded", Overloaded),
    ("modelaccountratelimitexceeded", Overloaded),
    ("modelaccountrpmratelimitexceeded", Overloaded),
    ("modelaccounttpmratelimitexceeded", Overloaded),
    ("modelloadingerror", Overloaded),
    ("throttling", Overloaded),
    ("modelunavailable", Overloaded),
    ("modelservingerror", Overloaded),
    ("public_error_concurrent_limit_reached", Overloaded),
    ("public_error_unusual_activity_too_much_traffic", Overloaded),
    // The request.
    ("invalid_value", BadRequest),
    ("invalid_type", BadRequest),
    ("model_not_found", BadRequest),
    ("deploymentnotfound", BadRequest),
    ("modelnotexist", BadRequest),
    ("unsupported_parameter", BadRequest),
    ("unsupported_value", BadRequest),
    ("unknown_parameter", BadRequest),
    ("missing_required_parameter", BadRequest),
    ("missingparameter", BadRequest),
    ("string_above_max_length", BadRequest),
    ("resolution_conflict", BadRequest),
    ("invalidparameter.datainspection", BadRequest),
    ("invalidparameter.tasktypemismatch", BadRequest),
    ("invalidendpointormodel", BadRequest),
    ("public_error_image_too_small", BadRequest),
    ("asset.invalid", BadRequest),
    // Something behind it did not answer.
    ("gateway_timeout", Timeout),
    ("request_timeout", Timeout),
    ("upstream_timeout", Timeout),
    ("deadline_exceeded", Timeout),
    ("invalidurl.timeout", Timeout),
    ("internalerror.timeout", Timeout),
    ("third_party.unavailable", Timeout),
    // The render.
    ("internal.bad_output", Runtime),
];

/// Codes that say little: they count when the texts say nothing.
pub(crate) const GENERAL: Table = &[
    ("invalid_request", BadRequest),
    ("invalid_request_error", BadRequest),
    ("video_generation_user_error", BadRequest),
    ("image_generation_user_error", BadRequest),
    ("invalid_argument", BadRequest),
    ("invalid-argument", BadRequest),
    ("invalidparameter", BadRequest),
    ("invalid_parameter", BadRequest),
    ("not_found", BadRequest),
    ("not_found_error", BadRequest),
    ("badrequest", BadRequest),
    ("bad_request", BadRequest),
    ("permission_denied", Quota),
    ("failed_precondition", Quota),
    ("authentication_error", Auth),
    ("permission_error", Quota),
    ("rate_limit_error", Overloaded),
    ("service_unavailable", Overloaded),
    ("service_unavailable_error", Overloaded),
    ("resource_exhausted", Overloaded),
    ("toomanyrequests", Overloaded),
    ("unavailable", Overloaded),
    ("server_error", Runtime),
    ("internal_error", Runtime),
    ("internal_server_error", Runtime),
    ("internal", Runtime),
    ("internalerror", Runtime),
    ("internalserviceerror", Runtime),
    ("video_generation_failed", Runtime),
    ("generation_failed", Runtime),
    ("task_failed", Runtime),
    ("upstream_error", Runtime),
    ("bad_response", Runtime),
    ("bad_response_status_code", Runtime),
    ("do_request_failed", Runtime),
];

/// Codes by which a relay says that it did not understand, or not get, another server's answer (new-api, 2026).
pub(crate) const RELAYED: &[&str] = &[
    "upstream_error",
    "bad_response",
    "bad_response_status_code",
    "bad_response_body",
    "do_request_failed",
    "fail_to_fetch_task",
    "bad_gateway",
];

/// Codes that tell of a render and not of the question about it.
pub(crate) const RENDER: &[&str] =
    &["video_generation_failed", "generation_failed", "task_failed", "internal.bad_output"];

/// What a code means: the whole of it, or the longest beginning that ends at a dot.
pub(crate) fn kind(table: Table, code: &str) -> Option<FaultKind> {
    let code = super::lower(code);
    let mut known = code.as_str();
    loop {
        if let Some((_, kind)) = table.iter().find(|(name, _)| *name == known) {
            return Some(*kind);
        }
        known = known.rsplit_once('.')?.0;
    }
}

/// The words of a text that can be codes: no word of a language has a `_` or a dot inside, or capitals beside small
/// letters in its middle.
pub(crate) fn in_text(text: &str) -> impl Iterator<Item = String> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.');
    let words = text.split(move |c| !is_part(c)).map(|word| word.trim_matches('.'));
    let can_be = |word: &&str| {
        word.len() > 3
            && (word.contains(['_', '.']) || word[1..].contains(|c: char| c.is_ascii_uppercase()))
    };
    words.filter(can_be).take(64).map(str::to_owned)
}
