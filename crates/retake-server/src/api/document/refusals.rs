//! The errors that an operation can give, as responses of its description.
//!
//! A handler lists its own under `x-refusals`, as `"409 video_not_ready"`, or by the name of a group for what
//! several have in common. What follows from how an operation is called (that it needs a key, reads a
//! body, has a name in its path) is added here.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

const LISTED: &str = "x-refusals";

/// What intake can say of a request for a video.
const INTAKE: &[&str] = &[
    "400 address_not_allowed",
    "400 character_not_found",
    "400 character_not_in_prompt",
    "400 contradicting_size",
    "400 download_failed",
    "400 empty_prompt",
    "400 image_too_large",
    "400 invalid_image",
    "400 invalid_request",
    "400 invalid_type",
    "400 invalid_value",
    "400 missing_required_parameter",
    "400 model_not_found",
    "400 model_shut_down",
    "400 prompt_too_long",
    "400 reference_size_mismatch",
    "400 unknown_parameter",
    "400 unsupported_parameter",
    "400 unsupported_seconds",
    "400 unsupported_size",
    "404 video_not_found",
    "422 idempotency_key_reused",
    "429 concurrency_limit_exceeded",
    "503 storage_full",
    "503 storage_unavailable",
];
/// What can be wrong with the video that another one is made from.
const SEQUEL: &[&str] = &[
    "404 video_has_no_content",
    "404 video_not_found",
    "409 video_not_ready",
    "410 video_expired",
    "410 video_file_missing",
];
const ANYWHERE: &[&str] = &["403 cross_site_request", "421 unknown_host", "500 internal_error"];
/// Whatever is answered out of what callers share.
const SHARED: &[&str] = &["429 concurrency_limit_exceeded", "503 gateway_overloaded"];
const HEALTH: [&str; 2] = ["/healthz", "/readyz"];
const WITH_A_KEY: &[&str] =
    &["401 invalid_api_key", "401 missing_api_key", "503 ledger_unavailable"];
const THAT_WRITES: &[&str] = &["503 storage_full"];
const WITH_A_NAME: &[&str] = &["400 invalid_value"];
const WITH_A_BODY: &[&str] = &[
    "400 incomplete_body",
    "400 invalid_json",
    "400 invalid_value",
    "413 request_too_large",
    "503 storage_full",
    "503 storage_unavailable",
];
const WITH_A_FORM: &[&str] = &["400 invalid_multipart", "415 unsupported_media_type"];

/// Gives every operation the errors that it can give.
pub(super) fn add(described: &mut Value) {
    let paths = described["paths"].as_object_mut().into_iter().flatten();
    for (path, item) in paths {
        for (method, operation) in item.as_object_mut().into_iter().flatten() {
            let known = operation.clone();
            let refusals = of(path, method, &known);
            let Some(operation) = operation.as_object_mut() else { continue };
            operation.remove(LISTED);
            let responses = operation.entry("responses").or_insert_with(|| json!({}));
            for (status, codes) in refusals {
                responses[status] = response(status, &codes);
            }
        }
    }
}

/// The codes of an operation, by their status.
fn of<'a>(path: &str, method: &str, operation: &'a Value) -> BTreeMap<&'a str, Vec<&'a str>> {
    let body = &operation["requestBody"]["content"];
    let needs_key = operation["security"].is_null();
    let groups = [
        (true, ANYWHERE),
        (!HEALTH.contains(&path), SHARED),
        (needs_key, WITH_A_KEY),
        (needs_key && method != "get", THAT_WRITES),
        (path.contains('{'), WITH_A_NAME),
        (body.is_object(), WITH_A_BODY),
        (body["multipart/form-data"].is_object(), WITH_A_FORM),
    ];
    let mut all: Vec<&str> =
        groups.iter().filter(|(holds, _)| *holds).flat_map(|(_, group)| *group).copied().collect();
    let listed = operation[LISTED].as_array().into_iter().flatten();
    for name in listed.filter_map(Value::as_str) {
        match name {
            "intake" => all.extend(INTAKE),
            "sequel" => all.extend(SEQUEL),
            single => all.push(single),
        }
    }
    all.sort_unstable();
    all.dedup();
    let mut sorted = BTreeMap::<_, Vec<_>>::new();
    for (status, code) in all.iter().filter_map(|refusal| refusal.split_once(' ')) {
        sorted.entry(status).or_default().push(code);
    }
    sorted
}

fn response(status: &str, codes: &[&str]) -> Value {
    let listed: Vec<_> = codes.iter().map(|code| format!("`{code}`")).collect();
    let mut response = Map::new();
    response.insert(
        "description".into(),
        json!(format!("{}: {}.", meaning(status), listed.join(", "))),
    );
    let code = json!({ "properties": { "code": { "enum": codes } } });
    let schema = json!({
        "allOf": [{ "$ref": "#/components/schemas/Error" }, { "properties": { "error": code } }],
    });
    response.insert("content".into(), json!({ "application/json": { "schema": schema } }));
    if let Some((header, description)) = header(status) {
        let header_is =
            json!({ header: { "description": description, "schema": { "type": "string" } } });
        response.insert("headers".into(), header_is);
    }
    Value::Object(response)
}

fn meaning(status: &str) -> &'static str {
    match status {
        "400" => "The request is wrong",
        "401" => "A key is missing or not accepted",
        "403" => "It is not allowed",
        "404" => "It is not there",
        "409" => "It is too early",
        "410" => "It is gone",
        "413" => "It is too large",
        "415" => "The body is of the wrong kind",
        "416" => "The file has no such range",
        "421" => "The gateway has another name",
        "422" => "It contradicts an earlier request",
        "429" => "It is too much at once",
        "503" => "It cannot be done now",
        _ => "It is our fault",
    }
}

fn header(status: &str) -> Option<(&'static str, &'static str)> {
    match status {
        "401" => Some(("www-authenticate", "How to authenticate: `Bearer`.")),
        "409" | "422" => Some(("x-should-retry", "`false`: repeating it gives the same answer.")),
        "416" => Some(("content-range", "How long the file is.")),
        "429" | "503" => Some(("retry-after", "Seconds after which to ask again.")),
        _ => None,
    }
}
