//! Chat completions, moderations and the list of models: enough for a reviewer of prompts.
//!
//! Responses are deterministic. When the last message asks for JSON, the reply is `{"verdict":
//! "allow" | "refuse", "phrase": …, "reason": …}`, decided by the scenario's phrases; else it is
//! one sentence.

use std::convert::Infallible;

use axum::{
    Json, Router,
    body::Body,
    extract::{Path, Request, State},
    response::{IntoResponse as _, Response},
    routing::{get, post},
};
use futures::stream;
use http::{StatusCode, header};
use serde_json::{Value, json};

use super::{create_request, dialect::OpenAiCaller, errors};
use crate::{
    emulator_context::EmulatorContext, request_body, router_ext::RouterExt as _,
    scenario::Moderation,
};

const CHAT_MODELS: [&str; 3] = ["gpt-6-luna", "gpt-6.1-sol", "gpt-5.5"];
/// The categories of `omni-moderation-latest` (OpenAI specification 2.3.0).
const CATEGORIES: [&str; 13] = [
    "harassment",
    "harassment/threatening",
    "hate",
    "hate/threatening",
    "illicit",
    "illicit/violent",
    "self-harm",
    "self-harm/intent",
    "self-harm/instructions",
    "sexual",
    "sexual/minors",
    "violence",
    "violence/graphic",
];

fn model_json(context: &EmulatorContext, id: &str) -> Value {
    let created = context.clock().wall().as_second() - 86_400;
    json!({ "id": id, "object": "model", "created": created, "owned_by": "openai" })
}

fn model_ids(context: &EmulatorContext) -> Vec<&'static str> {
    let videos = create_request::MODELS.into_iter().filter(|_| !context.scenario().shutdown);
    videos.chain(CHAT_MODELS).chain(["omni-moderation-latest"]).collect()
}

/// The routes for a reviewer of prompts, below a prefix.
pub(super) fn router(prefix: &str) -> Router<EmulatorContext> {
    let at = |path: &str| format!("{prefix}{path}");
    Router::new()
        .at(&at("/models"), get(list_models))
        .at(&at("/models/{id}"), get(retrieve_model))
        .at(&at("/chat/completions"), post(complete))
        .at(&at("/moderations"), post(moderate))
}

async fn list_models(State(context): State<EmulatorContext>, _: OpenAiCaller) -> Json<Value> {
    let data: Vec<_> = model_ids(&context).into_iter().map(|id| model_json(&context, id)).collect();
    Json(json!({ "object": "list", "data": data }))
}

async fn retrieve_model(
    State(context): State<EmulatorContext>,
    Path(id): Path<String>,
    _: OpenAiCaller,
) -> Response {
    if model_ids(&context).contains(&id.as_str()) {
        Json(model_json(&context, &id)).into_response()
    } else {
        create_request::model_not_found(&id).into_response()
    }
}

async fn complete(
    State(context): State<EmulatorContext>,
    _: OpenAiCaller,
    request: Request,
) -> Response {
    let body = match read_body(request).await {
        Ok(body) => body,
        Err(error) => return error.into_response(),
    };
    let model = body.get("model").and_then(Value::as_str).unwrap_or_default().to_owned();
    let last = body.pointer("/messages").and_then(Value::as_array).and_then(|all| all.last());
    let Some(last) = last.map(|last| message_text(&last["content"])) else {
        let code = Some("missing_required_parameter");
        return errors::invalid("Missing required parameter: 'messages'.", Some("messages"), code)
            .into_response();
    };
    let answer = reply(&context, &last);
    let id = format!("chatcmpl-{}", context.new_hex_id(29));
    let created = context.clock().wall().as_second();
    let head = json!({ "id": id, "created": created, "model": model });
    if body.get("stream").and_then(Value::as_bool) == Some(true) {
        let has_usage = body.pointer("/stream_options/include_usage").and_then(Value::as_bool);
        return stream_response(&head, &last, &answer, has_usage == Some(true));
    }
    let choice = json!({
        "index": 0,
        "message": { "role": "assistant", "content": answer, "refusal": null },
        "logprobs": null,
        "finish_reason": "stop",
    });
    let usage = usage(&last, &answer);
    let rest = json!({ "object": "chat.completion", "choices": [choice], "usage": usage });
    Json(merge_objects(&head, &rest)).into_response()
}

async fn read_body(request: Request) -> Result<Value, errors::ApiError> {
    request_body::read_json(request.into_body()).await.map_err(|error| errors::body_error(&error))
}

/// The text of a message, whose content is text or parts.
fn message_text(content: &Value) -> String {
    if let Some(text) = content.as_str() {
        return text.to_owned();
    }
    let parts = content.as_array().into_iter().flatten();
    let texts = parts.filter_map(|part| part.get("text").and_then(Value::as_str));
    texts.collect::<Vec<_>>().join("\n")
}

fn refused_phrase(context: &EmulatorContext, text: &str) -> Option<String> {
    let moderation = &context.scenario().moderation;
    let input = Moderation::find_phrase(&moderation.input, text);
    input.or_else(|| Moderation::find_phrase(&moderation.midrender, text)).map(str::to_owned)
}

fn reply(context: &EmulatorContext, question: &str) -> String {
    let phrase = refused_phrase(context, question);
    if !question.to_lowercase().contains("json") {
        return "This is the lab; it read your message and has nothing to add.".to_owned();
    }
    let verdict = if phrase.is_some() { "refuse" } else { "allow" };
    let reason =
        if phrase.is_some() { "the scenario refuses this phrase" } else { "nothing found" };
    json!({ "verdict": verdict, "phrase": phrase, "reason": reason }).to_string()
}

/// Four characters to a token, roughly.
fn usage(question: &str, answer: &str) -> Value {
    let (prompt, completion) = (question.len().div_ceil(4), answer.len().div_ceil(4));
    json!({ "prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion })
}

fn merge_objects(head: &Value, rest: &Value) -> Value {
    let fields = head.as_object().into_iter().chain(rest.as_object()).flatten();
    Value::Object(fields.map(|(name, value)| (name.clone(), value.clone())).collect())
}

fn stream_response(head: &Value, question: &str, answer: &str, has_usage: bool) -> Response {
    let chunk = |delta: Value, finish: Value| {
        let choice =
            json!({ "index": 0, "delta": delta, "logprobs": null, "finish_reason": finish });
        merge_objects(head, &json!({ "object": "chat.completion.chunk", "choices": [choice] }))
    };
    let mut chunks = vec![chunk(json!({ "role": "assistant", "content": "" }), Value::Null)];
    let words = answer.split_inclusive(' ').map(|word| json!({ "content": word }));
    chunks.extend(words.map(|delta| chunk(delta, Value::Null)));
    chunks.push(chunk(json!({}), json!("stop")));
    if has_usage {
        let rest = json!({
            "object": "chat.completion.chunk", "choices": [], "usage": usage(question, answer),
        });
        chunks.push(merge_objects(head, &rest));
    }
    let lines = chunks.into_iter().map(|chunk| format!("data: {chunk}\n\n"));
    let lines = lines.chain(["data: [DONE]\n\n".to_owned()]);
    let body = Body::from_stream(stream::iter(lines.map(Ok::<_, Infallible>)));
    ([(header::CONTENT_TYPE, "text/event-stream")], body).into_response()
}

async fn moderate(
    State(context): State<EmulatorContext>,
    _: OpenAiCaller,
    request: Request,
) -> Response {
    let body = match read_body(request).await {
        Ok(body) => body,
        Err(error) => return error.into_response(),
    };
    let texts: Vec<String> = match &body["input"] {
        Value::String(text) => vec![text.clone()],
        Value::Array(all) if all.iter().all(Value::is_string) => {
            all.iter().filter_map(|it| it.as_str().map(str::to_owned)).collect()
        }
        parts @ Value::Array(_) => vec![message_text(parts)],
        _ => {
            let code = Some("missing_required_parameter");
            let message = "Missing required parameter: 'input'.";
            return errors::error(
                StatusCode::BAD_REQUEST,
                message,
                "invalid_request_error",
                Some("input"),
                code,
            )
            .into_response();
        }
    };
    let results: Vec<Value> = texts.iter().map(|text| moderation_result(&context, text)).collect();
    let model = body.get("model").and_then(Value::as_str).unwrap_or("omni-moderation-latest");
    let id = format!("modr-{}", context.new_hex_id(24));
    Json(json!({ "id": id, "model": model, "results": results })).into_response()
}

/// A phrase that the scenario refuses counts as graphic violence.
fn moderation_result(context: &EmulatorContext, text: &str) -> Value {
    let flagged = refused_phrase(context, text).is_some();
    let is_hit = |category: &str| flagged && category.starts_with("violence");
    let each = |value: &dyn Fn(&str) -> Value| {
        let fields = CATEGORIES.into_iter().map(|name| (name.to_owned(), value(name)));
        Value::Object(fields.collect())
    };
    json!({
        "flagged": flagged,
        "categories": each(&|name| json!(is_hit(name))),
        "category_scores": each(&|name| json!(if is_hit(name) { 0.97 } else { 0.0002 })),
        "category_applied_input_types": each(&|_| json!(["text"])),
    })
}
