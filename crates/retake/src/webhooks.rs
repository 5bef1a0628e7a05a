//! `retake webhooks`: who is told when videos end, and how that went.

use reqwest::Url;
use retake_server::{Work, clock::Clock};
use serde_json::{Map, Value, json};

use crate::{
    exit::{Exit, Failure},
    session::{Context, Session},
    table::{shortened, span, table},
    wire::word,
};

/// What an endpoint is told unless it is said otherwise: everything.
const ALL: [&str; 2] = ["video.completed", "video.failed"];
/// Most deliveries that the API lists at once.
const PAGE: u32 = 100;
const URL_WIDTH: usize = 48;
const ERROR_WIDTH: usize = 60;

#[derive(Debug, clap::Subcommand)]
pub(crate) enum Webhooks {
    /// Make an endpoint; its signing secret is shown once
    Create {
        /// Where deliveries go
        url: String,
        /// What it is for [default: the host of the URL]
        #[arg(long)]
        name: Option<String>,
        /// What it is told; may be given twice [default: all of them]
        #[arg(long = "event", value_name = "EVENT")]
        events: Vec<String>,
    },
    /// List the endpoints there are
    List,
    /// Show everything about an endpoint
    Show { id: String },
    /// Change an endpoint, switch it off or on again
    Update {
        id: String,
        /// Where deliveries go
        #[arg(long)]
        url: Option<String>,
        /// What it is for
        #[arg(long)]
        name: Option<String>,
        /// All that it is told; may be given twice
        #[arg(long = "event", value_name = "EVENT")]
        events: Vec<String>,
        /// Tell it again
        #[arg(long)]
        enable: bool,
        /// Tell it nothing
        #[arg(long, conflicts_with = "enable")]
        disable: bool,
    },
    /// Delete endpoints, with all that waits for them
    Delete {
        #[arg(required = true, value_name = "ID")]
        ids: Vec<String>,
    },
    /// Replace the signing secret; the old one signs along for a day
    Rotate {
        id: String,
        /// The old one must not sign any more, because somebody else knows it
        #[arg(long)]
        at_once: bool,
    },
    /// Send a sample now, and tell what the endpoint answers
    Test {
        id: String,
        /// What it is told
        #[arg(long, default_value = ALL[0])]
        event: String,
    },
    /// List what was delivered to an endpoint, the newest first
    Deliveries {
        id: String,
        /// How many
        #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=i64::from(PAGE)))]
        limit: u32,
        /// Only those older than this one
        #[arg(long, value_name = "DELIVERY")]
        after: Option<String>,
    },
    /// Deliver something once more
    Redeliver { id: String, delivery: String },
}

pub(crate) async fn run(context: &Context, command: Webhooks) -> Result<(), Failure> {
    let session = Session::open(context, Work::Paused).await?;
    let outcome = act(context, &session, command).await;
    session.close().await;
    outcome
}

async fn act(context: &Context, session: &Session, command: Webhooks) -> Result<(), Failure> {
    let gateway = session.gateway();
    match command {
        Webhooks::Create { url, name, events } => {
            let events = if events.is_empty() { ALL.map(str::to_owned).to_vec() } else { events };
            let name = name.unwrap_or_else(|| host_of(&url));
            let body = json!({ "name": name, "url": url, "event_types": events });
            let made = gateway.post(&path(&[]), &body).await?;
            secret(context, &made, &format!("made {}", text(&made, "id")))
        }
        Webhooks::List => list(context, session).await,
        Webhooks::Show { id } => {
            let endpoint = gateway.get(&path(&[&id])).await?;
            shown(context, &endpoint, &described(&endpoint))
        }
        Webhooks::Update { id, url, name, events, enable, disable } => {
            let change = change(url, name, events, (enable || disable).then_some(enable));
            if change.is_empty() {
                return Err(Failure::new(Exit::BadInput, "there is nothing to change")
                    .hint("see `retake webhooks update --help`"));
            }
            let endpoint = gateway.post(&path(&[&id]), &Value::Object(change)).await?;
            shown(context, &endpoint, &described(&endpoint))
        }
        Webhooks::Delete { ids } => {
            for id in ids {
                let answer = gateway.delete_at(&path(&[&id])).await?;
                told(context, &answer, &format!("{id} is deleted"))?;
            }
            Ok(())
        }
        Webhooks::Rotate { id, at_once } => {
            let body = json!({ "keep_old_secret_active_for_24_hours": !at_once });
            let rotated = gateway.post(&path(&[&id, "rotate_secret"]), &body).await?;
            let old = if at_once { "does not sign any more" } else { "signs along for a day" };
            secret(context, &rotated, &format!("the old secret of {id} {old}"))
        }
        Webhooks::Test { id, event } => {
            let body = json!({ "event_type": event });
            tested(context, &gateway.post(&path(&[&id, "test"]), &body).await?)
        }
        Webhooks::Deliveries { id, limit, after } => {
            deliveries(context, session, &id, limit, after.as_deref()).await
        }
        Webhooks::Redeliver { id, delivery } => {
            let path = path(&[&id, "deliveries", &delivery, "redeliver"]);
            let again = gateway.post(&path, &json!({})).await?;
            told(
                context,
                &again,
                &format!("{delivery} is delivered again as soon as a gateway runs"),
            )
        }
    }
}

fn path<'a>(below: &[&'a str]) -> Vec<&'a str> {
    [&["v1", "webhook_endpoints"], below].concat()
}

fn host_of(url: &str) -> String {
    let host = Url::parse(url).ok().and_then(|url| Some(url.host_str()?.to_owned()));
    host.unwrap_or_else(|| "webhook".to_owned())
}

fn change(
    url: Option<String>,
    name: Option<String>,
    events: Vec<String>,
    enabled: Option<bool>,
) -> Map<String, Value> {
    let events = (!events.is_empty()).then_some(events);
    let named = [
        ("url", url.map(Value::from)),
        ("name", name.map(Value::from)),
        ("event_types", events.map(Value::from)),
        ("retake", enabled.map(|enabled| json!({ "enabled": enabled }))),
    ];
    named.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
}

/// Shows an endpoint's new secret, the only time that it can be read.
fn secret(context: &Context, endpoint: &Value, line: &str) -> Result<(), Failure> {
    let printer = context.printer;
    if printer.json {
        return printer.json(endpoint);
    }
    printer.say(line);
    printer.say("keep this signing secret; it cannot be shown again:");
    printer.data(&text(endpoint, "signing_secret"))
}

fn shown(context: &Context, answer: &Value, lines: &str) -> Result<(), Failure> {
    if context.printer.json { context.printer.json(answer) } else { context.printer.data(lines) }
}

fn told(context: &Context, answer: &Value, line: &str) -> Result<(), Failure> {
    if context.printer.json {
        return context.printer.json(answer);
    }
    context.printer.say(line);
    Ok(())
}

/// A test has a result whatever the endpoint says; for a script only 2xx is a success.
fn tested(context: &Context, result: &Value) -> Result<(), Failure> {
    let code = result["status_code"].as_u64().unwrap_or_default();
    let line = format!("the endpoint answered {code}");
    if (200..300).contains(&code) {
        return told(context, result, &line);
    }
    if context.printer.json {
        context.printer.json(result)?;
    }
    Err(Failure::new(Exit::Failed, line).hint("only 2xx says that a delivery was taken"))
}

async fn list(context: &Context, session: &Session) -> Result<(), Failure> {
    let (mut endpoints, mut after): (Vec<Value>, Option<String>) = (Vec::new(), None);
    loop {
        let page = session.gateway().page(&path(&[]), PAGE, after.as_deref()).await?;
        endpoints.extend(page["data"].as_array().cloned().unwrap_or_default());
        after = page["last_id"].as_str().map(str::to_owned);
        if page["has_more"] != true || after.is_none() {
            break;
        }
    }
    if context.printer.json {
        let (first, last) = (endpoints.first(), endpoints.last());
        return context.printer.json(&json!({
            "object": "list",
            "first_id": first.map(|one| &one["id"]),
            "last_id": last.map(|one| &one["id"]),
            "has_more": false,
            "data": endpoints,
        }));
    }
    if endpoints.is_empty() {
        context
            .printer
            .say("nobody is told yet; make an endpoint with `retake webhooks create URL`");
        return Ok(());
    }
    let rows: Vec<_> = endpoints.iter().map(endpoint_row).collect();
    context.printer.data(&table(["ID", "NAME", "URL", "EVENTS", "STATE"], &rows))
}

async fn deliveries(
    context: &Context,
    session: &Session,
    id: &str,
    limit: u32,
    after: Option<&str>,
) -> Result<(), Failure> {
    let page = session.gateway().page(&path(&[id, "deliveries"]), limit, after).await?;
    if context.printer.json {
        return context.printer.json(&page);
    }
    let now = Clock::system().now().as_second();
    let listed = page["data"].as_array().into_iter().flatten();
    let rows: Vec<_> = listed.map(|one| delivery_row(one, now)).collect();
    if rows.is_empty() {
        context.printer.say("nothing was to be delivered yet");
        return Ok(());
    }
    let headings = ["ID", "EVENT", "VIDEO", "AGE", "STATE", "TRIES", "LAST"];
    context.printer.data(&table(headings, &rows))?;
    if page["has_more"] == true {
        context.printer.say(&format!("there are more: --after {}", text(&page, "last_id")));
    }
    Ok(())
}

fn endpoint_row(endpoint: &Value) -> [String; 5] {
    [
        text(endpoint, "id"),
        text(endpoint, "name"),
        shortened(&text(endpoint, "url"), URL_WIDTH),
        events(endpoint),
        state(endpoint),
    ]
}

fn delivery_row(delivery: &Value, now: i64) -> [String; 7] {
    let tries = delivery["tries"].as_array().map(Vec::as_slice).unwrap_or_default();
    let last =
        tries.last().map(|last| match (last["error"].as_str(), last["status_code"].as_u64()) {
            (Some(error), _) => shortened(error, ERROR_WIDTH),
            (None, Some(code)) => code.to_string(),
            (None, None) => String::new(),
        });
    let age = now - delivery["created_at"].as_i64().unwrap_or(now);
    [
        text(delivery, "id"),
        text(delivery, "event_type"),
        text(delivery, "video_id"),
        span(u64::try_from(age).unwrap_or_default()),
        text(delivery, "state"),
        tries.len().to_string(),
        last.unwrap_or_default(),
    ]
}

/// Everything about an endpoint, a fact a line.
fn described(endpoint: &Value) -> String {
    let ours = &endpoint["retake"];
    let facts = [
        ("id", Some(text(endpoint, "id"))),
        ("name", Some(text(endpoint, "name"))),
        ("url", Some(text(endpoint, "url"))),
        ("told", Some(events(endpoint))),
        ("state", Some(state(endpoint))),
        ("secret", endpoint["signing_secret_hint"].as_str().map(str::to_owned)),
        (
            "old secret",
            moment(&ours["former_secret_until"]).map(|at| format!("signs along until {at}")),
        ),
        ("made", moment(&endpoint["created_at"])),
        ("changed", moment(&endpoint["updated_at"])),
    ];
    let facts = facts.into_iter().filter_map(|(name, fact)| Some((name, fact?)));
    facts.map(|(name, fact)| format!("{name:<10} {fact}")).collect::<Vec<_>>().join("\n")
}

fn events(endpoint: &Value) -> String {
    let events = endpoint["event_types"].as_array().into_iter().flatten();
    events.map(word).collect::<Vec<_>>().join(", ")
}

fn state(endpoint: &Value) -> String {
    let ours = &endpoint["retake"];
    match (ours["disabled_because"].as_str(), moment(&ours["failing_since"])) {
        (Some("gone"), _) => "disabled: it said that it is gone".to_owned(),
        (Some("failing"), _) => "disabled: nothing got through for days".to_owned(),
        (Some(_), _) => "disabled".to_owned(),
        (None, Some(since)) => format!("failing since {since}"),
        (None, None) => "works".to_owned(),
    }
}

fn text(of: &Value, name: &str) -> String {
    of[name].as_str().unwrap_or_default().to_owned()
}

fn moment(seconds: &Value) -> Option<String> {
    jiff::Timestamp::from_second(seconds.as_i64()?).ok().map(|moment| moment.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_is_told_by_what_matters() {
        let mut endpoint = json!({
            "id": "whep_1", "name": "shop", "url": "https://shop.example/hook",
            "event_types": ["video.completed"], "signing_secret_hint": "whsec_…j40c",
            "created_at": 1_800_000_000, "updated_at": 1_800_000_060,
            "retake": { "enabled": true, "failing_since": 1_800_000_000 },
        });

        insta::assert_snapshot!(described(&endpoint), @r"
        id         whep_1
        name       shop
        url        https://shop.example/hook
        told       video.completed
        state      failing since 2027-01-15T08:00:00Z
        secret     whsec_…j40c
        made       2027-01-15T08:00:00Z
        changed    2027-01-15T08:01:00Z
        ");
        endpoint["retake"] = json!({ "disabled_because": "gone" });
        assert_eq!(endpoint_row(&endpoint)[4], "disabled: it said that it is gone");
    }

    #[test]
    fn a_delivery_is_told_with_its_last_try() {
        let delivery = json!({
            "id": "evt_1", "event_type": "video.failed", "video_id": "video_1", "created_at": 100,
            "state": "pending", "tries": [
                { "status_code": 500, "error": "it answered 500" },
                { "status_code": null, "error": "`shop.example` did not answer" },
            ],
        });

        let row = delivery_row(&delivery, 160).join(" | ");

        assert_eq!(
            row,
            "evt_1 | video.failed | video_1 | 60 s | pending | 2 | `shop.example` did not answer"
        );
    }

    #[test]
    fn only_what_was_named_is_changed() {
        let none = change(None, None, Vec::new(), None);
        let some = change(None, Some("shop".into()), vec!["video.failed".into()], Some(false));

        assert!(none.is_empty());
        let expected = json!({
            "name": "shop", "event_types": ["video.failed"], "retake": { "enabled": false },
        });
        assert_eq!(Value::Object(some), expected);
    }
}
