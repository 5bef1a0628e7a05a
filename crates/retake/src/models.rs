//! `retake models`: what can be asked for.

use retake_server::{Work, known_markdown};
use serde_json::Value;

use crate::{
    exit::{Exit, Failure},
    session::{Context, Session},
    table::table,
};

/// Sizes named in the table; the rest are counted.
const SIZES_SHOWN: usize = 3;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// All providers and models that are known, as a part of the documentation
    #[arg(long, hide = true)]
    markdown: bool,
}

pub(crate) async fn run(context: &Context, args: &Args) -> Result<(), Failure> {
    if args.markdown {
        let tables = known_markdown().map_err(|error| Failure::caused_by(Exit::Failed, &error))?;
        return context.printer.data(&tables);
    }
    let session = Session::open(context, Work::Paused).await?;
    let models = session.gateway().models().await;
    session.close().await;
    let models = models?;
    if context.printer.json {
        return context.printer.json(&models);
    }
    let rows: Vec<_> = models["data"].as_array().into_iter().flatten().map(row).collect();
    let headings = ["MODEL", "PROVIDER", "SECONDS", "SIZES", "CAN", "PRICE"];
    context.printer.data(&table(headings, &rows))
}

fn row(model: &Value) -> [String; 6] {
    let accepts = &model["retake"]["accepts"];
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    [
        text(&model["id"]),
        text(&model["owned_by"]),
        seconds(&accepts["seconds"]),
        sizes(&accepts["sizes"]),
        abilities(accepts),
        price(accepts["usd_micros_per_second"].as_u64()),
    ]
}

fn seconds(seconds: &Value) -> String {
    match (&seconds["min"], &seconds["max"], seconds["one_of"].as_array()) {
        (_, _, Some(allowed)) => {
            allowed.iter().map(Value::to_string).collect::<Vec<_>>().join(", ")
        }
        (Value::Number(min), Value::Number(max), None) => format!("{min} to {max}"),
        _ => String::new(),
    }
}

fn sizes(sizes: &Value) -> String {
    let sizes: Vec<_> = sizes.as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let shown = sizes.iter().take(SIZES_SHOWN).copied().collect::<Vec<_>>().join(", ");
    match sizes.len().saturating_sub(SIZES_SHOWN) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

fn abilities(accepts: &Value) -> String {
    let named =
        [("audio", "audio"), ("loop", "loop"), ("seed", "seed"), ("input_reference", "reference")];
    let able = named.iter().filter(|(field, _)| accepts[*field] == Value::Bool(true));
    able.map(|(_, name)| *name).collect::<Vec<_>>().join(", ")
}

fn price(micros: Option<u64>) -> String {
    match micros {
        None => "not known".to_owned(),
        Some(0) => "free".to_owned(),
        Some(micros) => {
            format!("${}.{:03} a second", micros / 1_000_000, micros % 1_000_000 / 1_000)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_is_told_in_a_row() {
        let model = serde_json::json!({
            "id": "sora-2", "owned_by": "openai", "retake": { "accepts": {
                "seconds": { "one_of": [4, 8, 12] }, "sizes": ["a", "b", "c", "d"],
                "audio": true, "loop": false, "input_reference": true,
                "usd_micros_per_second": 100_000,
            }},
        });

        let told = row(&model).join(" | ");

        assert_eq!(
            told,
            "sora-2 | openai | 4, 8, 12 | a, b, c and 1 more | audio, reference | $0.100 a second"
        );
    }
}
