//! The page of `/docs`, made from the description of the API.
//!
//! Everything that is shown is escaped, although it all comes from this program: a description may hold `<`.

use serde_json::Value;

use super::schema::{line, table};

/// The whole page.
pub(super) fn render(described: &Value, style: &str) -> String {
    let info = &described["info"];
    let (title, version) = (text(&info["title"]), text(&info["version"]));
    let tags: Vec<_> = described["tags"].as_array().into_iter().flatten().collect();
    let menu: String = tags.iter().map(|tag| menu_of(described, tag)).collect();
    let groups: String = tags.iter().map(|tag| group(described, tag)).collect();
    format!(
        "<!doctype html><html lang=en><head><meta charset=utf-8>\
         <meta name=viewport content=\"width=device-width, initial-scale=1\">\
         <meta name=color-scheme content=\"light dark\"><title>{title} API</title><style>{style}</style>\
         <body><a class=skip href=\"#main\">Skip to the content</a>\
         <nav aria-label=Contents><p><strong>{title}</strong> {version}{menu}\
         <p><a href=\"#schemas\">Schemas</a><p><a href=\"/openapi.json\">openapi.json</a></nav>\
         <main id=main tabindex=-1><h1>{title} API</h1>{about}{key}{groups}\
         <h2 id=schemas>Schemas</h2>{schemas}</main></html>\n",
        about = prose(info["description"].as_str().unwrap_or_default()),
        key = key(described),
        schemas = schemas(described),
    )
}

/// How the examples find the gateway, and what they show it.
fn key(described: &Value) -> String {
    let about = prose(
        described["components"]["securitySchemes"]["key"]["description"]
            .as_str()
            .unwrap_or_default(),
    );
    format!(
        "<h2 id=key>Address and key</h2>{about}<p>The examples take both from the environment:{}",
        example("export RETAKE_URL=http://127.0.0.1:8080\nexport RETAKE_API_KEY=…")
    )
}

/// The operations of a tag, as they stand in the description.
fn operations<'a>(described: &'a Value, tag: &'a Value) -> Vec<(&'a str, &'a str, &'a Value)> {
    let paths = described["paths"].as_object().into_iter().flatten();
    let all = paths.flat_map(|(path, item)| {
        let methods = item.as_object().into_iter().flatten();
        methods.map(move |(method, operation)| (method.as_str(), path.as_str(), operation))
    });
    all.filter(|(.., operation)| operation["tags"][0] == tag["name"]).collect()
}

fn menu_of(described: &Value, tag: &Value) -> String {
    let name = text(&tag["name"]);
    let entries = joined(operations(described, tag), |(method, path, operation)| {
        let (id, path) = (text(&operation["operationId"]), escape(path));
        format!("<li><a href=\"#{id}\"><b>{}</b> {path}</a>", method.to_uppercase())
    });
    format!("<p><a href=\"#tag-{name}\">{name}</a><ul>{entries}</ul>")
}

fn group(described: &Value, tag: &Value) -> String {
    let name = text(&tag["name"]);
    let about = prose(tag["description"].as_str().unwrap_or_default());
    let operations = joined(operations(described, tag), |(method, path, it)| {
        operation(described, method, path, it)
    });
    format!("<h2 id=\"tag-{name}\">{name}</h2>{about}{operations}")
}

fn operation(described: &Value, method: &str, path: &str, operation: &Value) -> String {
    let (id, summary) = (text(&operation["operationId"]), text(&operation["summary"]));
    let about = prose(operation["description"].as_str().unwrap_or_default());
    let open = if operation["security"].is_null() { "" } else { "<p>Needs no key." };
    format!(
        "<section aria-labelledby=\"{id}\"><h3 id=\"{id}\"><code><b>{method}</b> {path}</code></h3>\
         <p class=summary>{summary}.{about}{open}{parameters}{body}{responses}{curl}</section>",
        method = method.to_uppercase(),
        path = escape(path),
        parameters = parameters(operation),
        body = body(described, operation),
        responses = responses(operation),
        curl = example(&curl(described, method, path, operation)),
    )
}

fn parameters(operation: &Value) -> String {
    let rows = joined(operation["parameters"].as_array().into_iter().flatten(), |it| {
        let must = if it["required"] == true { "" } else { " <small>optional</small>" };
        let (name, place, line) = (text(&it["name"]), text(&it["in"]), line(&it["schema"]));
        let about = prose(it["description"].as_str().unwrap_or_default());
        format!("<tr><th scope=row><code>{name}</code>{must}<td>{place}<td>{line}<td>{about}")
    });
    if rows.is_empty() {
        return rows;
    }
    format!(
        "<h4>Parameters</h4><table><thead><tr><th scope=col>Name<th scope=col>In<th scope=col>Value\
         <th scope=col>Meaning<tbody>{rows}</table>"
    )
}

fn body(described: &Value, operation: &Value) -> String {
    let forms = operation["requestBody"]["content"].as_object().into_iter().flatten();
    let forms = joined(forms, |(media_type, form)| {
        let fields = table(resolved(described, &form["schema"]));
        let (media_type, line) = (escape(media_type), line(&form["schema"]));
        format!("<details><summary><code>{media_type}</code>: {line}</summary>{fields}</details>")
    });
    if forms.is_empty() { forms } else { format!("<h4>Body</h4>{forms}") }
}

fn responses(operation: &Value) -> String {
    let rows = operation["responses"].as_object().into_iter().flatten();
    let rows = joined(rows, |(status, response)| {
        let about = prose(response["description"].as_str().unwrap_or_default());
        let content = response["content"].as_object().into_iter().flatten();
        let shown: Vec<_> = content
            .map(|(media_type, form)| {
                // Of an error the description names the codes; the shape is always the same.
                let schema = form["schema"]["allOf"].get(0).unwrap_or(&form["schema"]);
                format!("<code>{}</code>: {}", escape(media_type), line(schema))
            })
            .collect();
        format!("<tr><th scope=row>{}<td>{about}<td>{}", escape(status), shown.join("<br>"))
    });
    format!(
        "<h4>Answers</h4><table><thead><tr><th scope=col>Status<th scope=col>Meaning<th scope=col>Body\
         <tbody>{rows}</table>"
    )
}

fn schemas(described: &Value) -> String {
    let schemas = described["components"]["schemas"].as_object().into_iter().flatten();
    joined(schemas, |(name, schema)| {
        let about = prose(schema["description"].as_str().unwrap_or_default());
        let fields = table(schema);
        let line = if fields.is_empty() { format!("<p>{}", line(schema)) } else { fields };
        let name = escape(name);
        format!("<section><h3 id=\"schema-{name}\">{name}</h3>{about}{line}</section>")
    })
}

/// A call of the operation, to be tried in a shell.
fn curl(described: &Value, method: &str, path: &str, operation: &Value) -> String {
    let path = path.replace('{', "$").replace('}', "");
    let mut words = vec![format!("curl \"$RETAKE_URL{}\"", path.replace("$id", "$ID"))];
    if method != "get" {
        words.push(format!("-X {}", method.to_uppercase()));
    }
    if operation["security"].is_null() {
        words.push("-H \"Authorization: Bearer $RETAKE_API_KEY\"".into());
    }
    let form = &operation["requestBody"]["content"]["application/json"];
    if form.is_object() {
        let example = &resolved(described, &form["schema"])["examples"][0];
        words.push("-H \"Content-Type: application/json\"".into());
        words.push(format!("-d '{}'", example.to_string().replace('\'', "'\\''")));
    }
    let answers = operation["responses"]["200"]["content"].as_object();
    match answers.and_then(|content| content.keys().next()).map(String::as_str) {
        Some("text/event-stream") => words.push("--no-buffer".into()),
        Some("video/mp4") => words.push("--output video.mp4".into()),
        _ => {}
    }
    words.join(" \\\n  ")
}

/// The schema that a reference leads to, also where null would do as well.
fn resolved<'a>(described: &'a Value, schema: &'a Value) -> &'a Value {
    let schema = schema["oneOf"].get(0).unwrap_or(schema);
    let target = schema["$ref"]
        .as_str()
        .and_then(|target| described.pointer(target.trim_start_matches('#')));
    target.unwrap_or(schema)
}

/// Something to be copied. It can be reached and scrolled by keyboard.
fn example(text: &str) -> String {
    format!("<pre tabindex=0 aria-label=Example><code>{}</code></pre>", escape(text))
}

fn text(value: &Value) -> String {
    escape(value.as_str().unwrap_or_default())
}

/// Paragraphs, and what stands between backticks as code.
pub(super) fn prose(text: &str) -> String {
    let paragraphs = text.split("\n\n").filter(|paragraph| !paragraph.trim().is_empty());
    joined(paragraphs, |paragraph| {
        let shown = joined(paragraph.split('`').enumerate(), |(at, part)| match at % 2 {
            0 => escape(part),
            _ => format!("<code>{}</code>", escape(part)),
        });
        format!("<p>{shown}")
    })
}

/// What is shown of each, one after another.
fn joined<T>(items: impl IntoIterator<Item = T>, shown: impl FnMut(T) -> String) -> String {
    items.into_iter().map(shown).collect()
}

pub(super) fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn page() -> String {
        render(&crate::api::document(), "")
    }

    /// What stands in quotes after `before`, at every place.
    fn quoted<'a>(page: &'a str, before: &str) -> BTreeSet<&'a str> {
        page.split(before).skip(1).filter_map(|rest| rest.split('"').next()).collect()
    }

    #[test]
    fn every_link_of_the_page_leads_to_a_place_in_it() {
        let page = page();
        let places: BTreeSet<_> =
            quoted(&page, " id=\"").into_iter().chain(["main", "schemas", "key"]).collect();

        let links = quoted(&page, "href=\"#");

        assert!(links.len() > 30, "{links:?}");
        assert!(links.is_subset(&places), "{:?}", links.difference(&places));
    }

    #[test]
    fn every_operation_has_an_example_that_needs_nothing_but_the_environment() {
        let described = crate::api::document();
        let page = page();
        let count: usize = described["paths"]
            .as_object()
            .unwrap()
            .values()
            .map(|item| item.as_object().unwrap().len())
            .sum();

        assert_eq!(page.matches("curl &quot;$RETAKE_URL/").count(), count);
        assert!(page.contains("-d '{&quot;prompt&quot;:"));
        assert!(!page.contains("-d 'null'"), "a body without an example");
    }

    #[test]
    fn nothing_is_fetched_and_no_script_runs() {
        let page = page();

        for word in ["<script", "src=", "@import", "url(", "<link", "<img", "javascript:", " on"] {
            let in_a_tag = page.split('<').any(|tag| {
                let tag = tag.split('>').next().unwrap_or_default();
                format!("<{tag}").contains(word)
            });
            assert!(!in_a_tag, "{word}");
        }
    }

    #[test]
    fn what_looks_like_markup_is_shown_as_it_is() {
        assert_eq!(prose("a `<b>` & c"), "<p>a <code>&lt;b&gt;</code> &amp; c");
    }
}
