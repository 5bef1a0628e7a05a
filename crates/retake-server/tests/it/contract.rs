//! The contract: what `/openapi.json` says of an answer holds for every answer that a test gets.

use std::{
    collections::HashMap,
    sync::{Arc, LazyLock, Mutex, PoisonError},
};

use jsonschema::Validator;
use reqwest::{Method, Response};
use serde_json::{Value, json};

static DESCRIBED: LazyLock<Value> = LazyLock::new(retake_server::openapi);
static CHECKS: LazyLock<Mutex<HashMap<String, Arc<Validator>>>> = LazyLock::new(Mutex::default);

/// Hands an answer on, once it was held against the description of its operation.
pub(crate) async fn kept(method: &Method, path: &str, answer: Response) -> Response {
    let Some(operation) = operation(method, path) else {
        let status = answer.status().as_u16();
        assert!([401, 403, 404, 405, 421].contains(&status), "{method} {path} is not described");
        return answer;
    };
    let status = answer.status().as_u16();
    let described = &operation["responses"][status.to_string()];
    assert!(described.is_object(), "{method} {path} is not described to answer {status}");
    let media_type = answer.headers().get("content-type").map(|it| it.to_str().unwrap().to_owned());
    let Some(media_type) = media_type else { return answer };
    let schema = &described["content"][&media_type]["schema"];
    assert!(
        schema.is_object(),
        "{method} {path} is not described to answer {status} with {media_type}"
    );
    if media_type != "application/json" {
        return answer;
    }
    let (mut copy, headers) = (http::Response::builder().status(status), answer.headers().clone());
    copy.headers_mut().unwrap().extend(headers);
    let body = answer.bytes().await.unwrap();
    // An answer to HEAD says what it would hold, and holds nothing.
    if *method != Method::HEAD {
        holds(schema, &serde_json::from_slice(&body).unwrap());
    }
    Response::from(copy.body(body).unwrap())
}

/// Fails where a value is not as a schema of the description says.
pub(crate) fn holds(schema: &Value, value: &Value) {
    let mut checks = CHECKS.lock().unwrap_or_else(PoisonError::into_inner);
    let check = checks.entry(schema.to_string()).or_insert_with(|| {
        let mut whole = schema.clone();
        whole["components"] = DESCRIBED["components"].clone();
        let check = jsonschema::draft202012::options().should_validate_formats(true).build(&whole);
        Arc::new(check.unwrap())
    });
    let check = Arc::clone(check);
    drop(checks);
    let wrong: Vec<_> = check
        .iter_errors(value)
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?} in {value:#}");
}

/// A schema of the description by its name.
pub(crate) fn schema(name: &str) -> Value {
    assert!(DESCRIBED["components"]["schemas"][name].is_object(), "there is no schema {name}");
    json!({ "$ref": format!("#/components/schemas/{name}") })
}

/// What the description says of a method of a path. A path with fewer names in it goes first.
fn operation(method: &Method, path: &str) -> Option<&'static Value> {
    let path = path.split('?').next().unwrap_or_default();
    let described = DESCRIBED["paths"].as_object()?;
    let item = described.get(path).or_else(|| {
        let fitting = described.iter().find(|(pattern, _)| fits(pattern, path));
        fitting.map(|(_, item)| item)
    })?;
    // Whatever can be got can be asked for its head.
    let method = if *method == Method::HEAD { Method::GET } else { method.clone() };
    Some(&item[method.as_str().to_lowercase()]).filter(|operation| operation.is_object())
}

fn fits(pattern: &str, path: &str) -> bool {
    let (pattern, path): (Vec<_>, Vec<_>) =
        (pattern.split('/').collect(), path.split('/').collect());
    let same = |(pattern, part): (&&str, &&str)| pattern.starts_with('{') || pattern == part;
    pattern.len() == path.len() && pattern.iter().zip(&path).all(same)
}
