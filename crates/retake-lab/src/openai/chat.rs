//! Chat completions, moderations and the list of models: enough for a reviewer of prompts.
//!
//! Answers are the same for the same question. When the last message asks for JSON, the answer is
//! `{"verdict": "allow" | "refuse", "phrase": …, "reason": …}`, judged by the scenario's phrases;
//! else it is one sentence.

use std::convert::Infallible;

use axum::{
    Json,
    body::Body,
    extract::{Path, Request, State},
    response::{IntoResponse as _, Response},
};
use futures::stream;
use http::{HeaderMap, StatusCode, header};
use serde_json::{Value, json};

use super::{ask, videos, wire};
use crate::{emulator_context::EmulatorContext, intake, scenario::Moderation};

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

fn describe(desk: &EmulatorContext, id: &str) -> Value {
    let created = desk.clock().wall().as_second() - 86_400;
    json!({ "id": id, "object": "model", "created": created, "owned_by": "openai" })
}

fn known(desk: &EmulatorContext) -> Vec<&'static str> {
    let videos = ask::MODELS.into_iter().filter(|_| !desk.scenario().shutdown);
    videos.chain(CHAT_MODELS).chain(["omni-moderation-latest"]).collect()
}

pub(super) async fn models(State(desk): State<EmulatorContext>, headers: HeaderMap) -> Response {
    match videos::key(&desk, &headers) {
        Ok(_) => {
            let data: Vec<_> = known(&desk).into_iter().map(|id| describe(&desk, id)).collect();
            Json(json!({ "object": "list", "data": data })).into_response()
        }
        Err(problem) => problem.into_response(),
    }
}

pub(super) async fn model(
    State(desk): State<EmulatorContext>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Response {
    match videos::key(&desk, &headers) {
        Ok(_) if known(&desk).contains(&id.as_str()) => Json(describe(&desk, &id)).into_response(),
        Ok(_) => ask::no_model(&id).into_response(),
        Err(problem) => problem.into_response(),
    }
}

pub(super) async fn complete(State(desk): State<EmulatorContext>, request: Request) -> Response {
    let body = match read(&desk, request).await {
        Ok(body) => body,
        Err(problem) => return problem.into_response(),
    };
    let model = body.get("model").and_then(Value::as_str).unwrap_or_default().to_owned();
    let last = body.pointer("/messages").and_then(Value::as_array).and_then(|all| all.last());
    let Some(last) = last.map(|last| said(&last["content"])) else {
        let code = Some("missing_required_parameter");
        return wire::invalid("Missing required parameter: 'messages'.", Some("messages"), code)
            .into_response();
    };
    let answer = reply(&desk, &last);
    let id = format!("chatcmpl-{}", desk.hex(29));
    let created = desk.clock().wall().as_second();
    let head = json!({ "id": id, "created": created, "model": model });
    if body.get("stream").and_then(Value::as_bool) == Some(true) {
        let wants_usage = body.pointer("/stream_options/include_usage").and_then(Value::as_bool);
        return streamed(&head, &last, &answer, wants_usage == Some(true));
    }
    let choice = json!({
        "index": 0,
        "message": { "role": "assistant", "content": answer, "refusal": null },
        "logprobs": null,
        "finish_reason": "stop",
    });
    let usage = usage(&last, &answer);
    let rest = json!({ "object": "chat.completion", "choices": [choice], "usage": usage });
    Json(joined(&head, &rest)).into_response()
}

async fn read(desk: &EmulatorContext, request: Request) -> Result<Value, wire::Problem> {
    videos::key(desk, request.headers())?;
    intake::json(request.into_body()).await.map_err(|why| wire::unreadable(&why))
}

/// The text of a message, whose content is text or parts.
fn said(content: &Value) -> String {
    if let Some(text) = content.as_str() {
        return text.to_owned();
    }
    let parts = content.as_array().into_iter().flatten();
    let texts = parts.filter_map(|part| part.get("text").and_then(Value::as_str));
    texts.collect::<Vec<_>>().join("\n")
}

fn offence(desk: &EmulatorContext, text: &str) -> Option<String> {
    let moderation = &desk.scenario().moderation;
    let input = Moderation::offence(&moderation.input, text);
    input.or_else(|| Moderation::offence(&moderation.midrender, text)).map(str::to_owned)
}

fn reply(desk: &EmulatorContext, question: &str) -> String {
    let phrase = offence(desk, question);
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
    let (asked, said) = (question.len().div_ceil(4), answer.len().div_ceil(4));
    json!({ "prompt_tokens": asked, "completion_tokens": said, "total_tokens": asked + said })
}

fn joined(head: &Value, rest: &Value) -> Value {
    let fields = head.as_object().into_iter().chain(rest.as_object()).flatten();
    Value::Object(fields.map(|(name, value)| (name.clone(), value.clone())).collect())
}

fn streamed(head: &Value, question: &str, answer: &str, wants_usage: bool) -> Response {
    let chunk = |delta: Value, finish: Value| {
        let choice =
            json!({ "index": 0, "delta": delta, "logprobs": null, "finish_reason": finish });
        joined(head, &json!({ "object": "chat.completion.chunk", "choices": [choice] }))
    };
    let mut chunks = vec![chunk(json!({ "role": "assistant", "content": "" }), Value::Null)];
    let words = answer.split_inclusive(' ').map(|word| json!({ "content": word }));
    chunks.extend(words.map(|delta| chunk(delta, Value::Null)));
    chunks.push(chunk(json!({}), json!("stop")));
    if wants_usage {
        let rest = json!({
            "object": "chat.completion.chunk", "choices": [], "usage": usage(question, answer),
        });
        chunks.push(joined(head, &rest));
    }
    let lines = chunks.into_iter().map(|chunk| format!("data: {chunk}\n\n"));
    let lines = lines.chain(["data: [DONE]\n\n".to_owned()]);
    let body = Body::from_stream(stream::iter(lines.map(Ok::<_, Infallible>)));
    ([(header::CONTENT_TYPE, "text/event-stream")], body).into_response()
}

pub(super) async fn moderate(State(desk): State<EmulatorContext>, request: Request) -> Response {
    let body = match read(&desk, request).await {
        Ok(body) => body,
        Err(problem) => return problem.into_response(),
    };
    let texts: Vec<String> = match &body["input"] {
        Value::String(text) => vec![text.clone()],
        Value::Array(all) if all.iter().all(Value::is_string) => {
            all.iter().filter_map(|it| it.as_str().map(str::to_owned)).collect()
        }
        parts @ Value::Array(_) => vec![said(parts)],
        _ => {
            let code = Some("missing_required_parameter");
            let message = "Missing required parameter: 'input'.";
            return wire::error(
                StatusCode::BAD_REQUEST,
                message,
                "invalid_request_error",
                Some("input"),
                code,
            )
            .into_response();
        }
    };
    let results: Vec<Value> = texts.iter().map(|text| judged(&desk, text)).collect();
    let model = body.get("model").and_then(Value::as_str).unwrap_or("omni-moderation-latest");
    let id = format!("modr-{}", desk.hex(24));
    Json(json!({ "id": id, "model": model, "results": results })).into_response()
}

/// A phrase that the scenario refuses counts as graphic violence.
fn judged(desk: &EmulatorContext, text: &str) -> Value {
    let flagged = offence(desk, text).is_some();
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
