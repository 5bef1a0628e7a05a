//! Schemas in words and tables.

use serde_json::Value;

use super::page::{escape, prose};

/// A schema as a line: its type, and what limits its values.
pub(super) fn line(schema: &Value) -> String {
    let mut words = vec![kind(schema)];
    words.extend(limits(schema));
    words.join(", ")
}

/// The properties of a schema as a table; nothing where it has none.
pub(super) fn table(schema: &Value) -> String {
    let mut rows = String::new();
    for part in std::iter::once(schema).chain(schema["allOf"].as_array().into_iter().flatten()) {
        let required = part["required"].as_array();
        let is_required =
            |name: &str| required.is_some_and(|names| names.iter().any(|it| it == name));
        for (name, property) in part["properties"].as_object().into_iter().flatten() {
            let must = if is_required(name) { "" } else { " <small>optional</small>" };
            let (name, line) = (escape(name), line(property));
            let text = prose(property["description"].as_str().unwrap_or_default());
            rows.extend(["<tr><th scope=row><code>", &name, "</code>", must]);
            rows.extend(["<td>", &line, "<td>", &text]);
        }
    }
    if rows.is_empty() {
        return rows;
    }
    format!(
        "<table><thead><tr><th scope=col>Name<th scope=col>Value<th scope=col>Meaning<tbody>{rows}</table>"
    )
}

/// The type of a schema, with a link to where it is described.
fn kind(schema: &Value) -> String {
    if let Some(target) = schema["$ref"].as_str() {
        let name = escape(target.rsplit('/').next().unwrap_or(target));
        return format!("<a href=\"#schema-{name}\">{name}</a>");
    }
    for several in ["oneOf", "anyOf"] {
        if let Some(list) = schema[several].as_array() {
            return list.iter().map(line).collect::<Vec<_>>().join("; or ");
        }
    }
    if let Some(list) = schema["allOf"].as_array() {
        return list.iter().map(kind).collect::<Vec<_>>().join(" with ");
    }
    if let Some(words) = schema["enum"].as_array() {
        let shown = words.iter().map(|word| format!("<code>{}</code>", escape(&plain(word))));
        return shown.collect::<Vec<_>>().join(" or ");
    }
    let names = match &schema["type"] {
        Value::String(name) => vec![name.as_str()],
        Value::Array(names) => names.iter().filter_map(Value::as_str).collect(),
        _ => vec!["anything"],
    };
    let of = if schema["items"].is_object() {
        format!(" of {}", line(&schema["items"]))
    } else {
        String::new()
    };
    format!("{}{of}", escape(&names.join(" or ")))
}

fn limits(schema: &Value) -> Vec<String> {
    const KNOWN: [(&str, &str); 9] = [
        ("minimum", "at least"),
        ("maximum", "at most"),
        ("minLength", "characters at least:"),
        ("maxLength", "characters at most:"),
        ("minItems", "entries at least:"),
        ("maxItems", "entries at most:"),
        ("pattern", "matches"),
        ("format", "format"),
        ("default", "else"),
    ];
    let given = KNOWN.iter().filter(|(key, _)| !schema[*key].is_null());
    given
        .map(|(key, words)| format!("{words} <code>{}</code>", escape(&plain(&schema[*key]))))
        .collect()
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
