//! `/openapi.json`: the description of the API, made of what stands at the handlers.
//!
//! Routes come into being together with their description, and the types of answers describe themselves; here
//! the whole gets its title, its tags and its key, and every operation the errors that it can give
//! ([`refusals`]).

mod refusals;

use serde_json::Value;
use utoipa::{
    Modify, OpenApi,
    openapi::{
        OpenApi as Description,
        security::{HttpAuthScheme, HttpBuilder, SecurityScheme},
    },
};

use super::{events::EventData, problem::ErrorBody};

/// The frame into which the routes are put.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Retake",
        description = "A gateway for AI video generation that speaks OpenAI's Videos API. Code written for \
            `/v1/videos` runs on it unchanged; what Retake adds stands under `retake`, in requests and answers alike.\n\n\
            Every answer carries `x-request-id`. Every error has OpenAI's shape, and its `code` has a page in the \
            documentation.",
        license(name = "Apache-2.0", identifier = "Apache-2.0"),
    ),
    servers((url = "/", description = "This gateway.")),
    tags(
        (name = "videos", description = "Make videos, follow them, fetch and delete them."),
        (name = "models", description = "What may be asked for."),
        (name = "events", description = "What happens, while it happens."),
        (name = "webhooks", description = "Where to tell that videos have ended."),
        (name = "keys", description = "Who may call. For administrators."),
        (name = "gateway", description = "How the gateway is, and how to talk to it. Needs no key."),
    ),
    components(schemas(ErrorBody, EventData)),
    security(("key" = [])),
    modifiers(&Key),
)]
pub(super) struct Frame;

struct Key;

impl Modify for Key {
    fn modify(&self, described: &mut Description) {
        let description = "A key of `retake keys create NAME` or `POST /retake/v1/keys`. A gateway on \
                           loopback that has no keys yet needs none.";
        let bearer =
            HttpBuilder::new().scheme(HttpAuthScheme::Bearer).description(Some(description));
        let components = described.components.get_or_insert_default();
        components.add_security_scheme("key", SecurityScheme::Http(bearer.build()));
    }
}

/// The whole description, errors included.
#[expect(clippy::expect_used, reason = "a description has only text for keys, as a test shows")]
pub(super) fn complete(described: &Description) -> Value {
    let mut described = serde_json::to_value(described).expect("a description is JSON");
    merge_remarks(&mut described);
    refusals::add(&mut described);
    described
}

/// Puts a remark on a field into the schema of the field. The generator sets the two side by side, with the
/// remark as an object of its own, so that no value would fit both.
fn merge_remarks(value: &mut Value) {
    let remarked = value
        .get("allOf")
        .and_then(Value::as_array)
        .filter(|parts| parts.len() == 2)
        .and_then(|parts| {
            let remark = parts[1].as_object()?;
            let says_nothing_else = remark.keys().all(|key| key == "description" || key == "type");
            (says_nothing_else && remark.contains_key("description"))
                .then(|| (parts[0].clone(), remark["description"].clone()))
        });
    if let Some((mut schema, description)) = remarked {
        schema["description"] = description;
        *value = schema;
    }
    match value {
        Value::Object(object) => object.values_mut().for_each(merge_remarks),
        Value::Array(list) => list.iter_mut().for_each(merge_remarks),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::json;

    use super::super::{CODES, bodies, create, document};
    use super::*;

    fn operations(described: &Value) -> Vec<(String, Value)> {
        let paths = described["paths"].as_object().unwrap();
        let named = paths.iter().flat_map(|(path, item)| {
            let methods = item.as_object().unwrap().iter();
            methods.map(move |(method, operation)| (format!("{method} {path}"), operation.clone()))
        });
        named.collect()
    }

    fn codes(response: &Value) -> Vec<String> {
        let error =
            &response["content"]["application/json"]["schema"]["allOf"][1]["properties"]["error"];
        let codes = error["properties"]["code"]["enum"].as_array().cloned().unwrap_or_default();
        codes.iter().map(|code| code.as_str().unwrap().to_owned()).collect()
    }

    #[test]
    fn every_operation_says_what_it_does_under_a_name_of_its_own() {
        let mut names = BTreeSet::new();
        for (route, operation) in operations(&document()) {
            assert!(operation["summary"].as_str().is_some_and(|text| text.len() > 8), "{route}");
            assert!(operation["tags"][0].is_string(), "{route}");
            let good = ["200", "204"].map(|status| operation["responses"][status].is_object());
            assert!(good.contains(&true), "{route}");
            assert!(names.insert(operation["operationId"].as_str().unwrap().to_owned()), "{route}");
            for parameter in operation["parameters"].as_array().into_iter().flatten() {
                assert!(parameter["description"].is_string(), "{route}: {parameter}");
                assert!(parameter["schema"].is_object(), "{route}: {parameter}");
            }
        }
    }

    #[test]
    fn only_what_anybody_may_read_needs_no_key() {
        let open: Vec<_> = operations(&document())
            .into_iter()
            .filter(|(_, operation)| !operation["security"].is_null())
            .map(|(route, _)| route)
            .collect();

        let expected = [
            "get /docs",
            "get /healthz",
            "get /openapi.json",
            "get /readyz",
            // Providers have a code in the path instead.
            "post /retake/v1/hooks/{account}/{tag}/{code}",
            "get /retake/v1/pictures/{key}/{code}",
        ];
        assert_eq!(open, expected);
        assert_eq!(document()["security"], json!([{ "key": [] }]));
    }

    #[test]
    fn every_error_is_described_under_the_status_that_its_page_names() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/errors");
        for (route, operation) in operations(&document()) {
            for (status, response) in operation["responses"].as_object().unwrap() {
                for code in codes(response) {
                    assert!(CODES.contains(&code.as_str()), "{route} names the unknown {code}");
                    let page = std::fs::read_to_string(format!("{folder}/{code}.md")).unwrap();
                    let seen = page.lines().find(|line| line.starts_with("Seen as: ")).unwrap();
                    assert!(
                        seen.contains(status.as_str()),
                        "{route}: {code} under {status}, but {seen}"
                    );
                }
            }
        }
    }

    #[test]
    fn bodies_describe_exactly_the_parameters_that_are_read() {
        fn named<T: utoipa::PartialSchema>() -> BTreeSet<String> {
            let schema = serde_json::to_value(T::schema()).unwrap();
            assert_eq!(schema["additionalProperties"], json!(false));
            let names = schema["properties"].as_object().unwrap().keys();
            names.map(|name| name.split('[').next().unwrap().to_owned()).collect()
        }
        let known = |names: &[&str]| names.iter().map(ToString::to_string).collect::<BTreeSet<_>>();

        assert_eq!(named::<bodies::Create>(), known(&create::KNOWN));
        assert_eq!(named::<bodies::CreateForm>(), known(&create::KNOWN));
        assert_eq!(named::<bodies::Remix>(), known(create::KNOWN_OF_REMIX));
        assert_eq!(named::<bodies::Edit>(), known(create::KNOWN_OF_EDIT));
        assert_eq!(named::<bodies::EditForm>(), known(create::KNOWN_OF_EDIT));
        assert_eq!(named::<bodies::Extend>(), known(create::KNOWN_OF_EXTENSION));
        assert_eq!(named::<bodies::ExtendForm>(), known(create::KNOWN_OF_EXTENSION));
    }

    #[test]
    fn every_reference_leads_somewhere() {
        fn look(value: &Value, whole: &Value) {
            match value {
                Value::Object(object) => {
                    if let Some(Value::String(target)) = object.get("$ref") {
                        assert!(whole.pointer(&target[1..]).is_some(), "{target} leads nowhere");
                    }
                    object.values().for_each(|value| look(value, whole));
                }
                Value::Array(list) => list.iter().for_each(|value| look(value, whole)),
                _ => {}
            }
        }
        let described = document();

        look(&described, &described);
    }

    #[test]
    fn every_schema_is_one_of_json_schema() {
        let described = document();
        for (name, schema) in described["components"]["schemas"].as_object().unwrap() {
            let checked = jsonschema::draft202012::meta::validate(schema);
            assert!(checked.is_ok(), "{name}: {:?}", checked.err());
        }
    }

    #[test]
    fn nothing_of_how_it_was_made_is_left() {
        let text = document().to_string();

        assert!(document()["openapi"].as_str().unwrap().starts_with("3.1."));
        assert!(!text.contains("x-refusals"));
    }
}
