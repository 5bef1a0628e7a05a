//! What is known of providers and their models, as the tables of docs/providers.md.

use retake_core::catalog::{Catalog, CatalogError, Model};
use retake_providers::{ProviderInfo, facts};

/// The tables, in Markdown.
pub fn known_markdown() -> Result<String, CatalogError> {
    let catalog = Catalog::shipped()?;
    let accounts = facts().map(account).collect::<String>();
    let models = catalog.models().iter().filter(|model| model.name != "*").map(row);
    Ok(format!(
        "### Accounts\n\n\
         | provider | variant | what it is | key | base URL | also needed |\n|---|---|---|---|---|---|\n{accounts}\n\
         ### Models\n\n\
         Limits and list prices as the catalog has them. A price is for the plainest kind of video; the catalog's files \
         (`crates/retake-core/src/catalog/`) have those for other sizes, lengths and sound, and where each fact comes from.\n\n\
         | provider | model | seconds | sizes | can | a second | checked |\n|---|---|---|---|---|---|---|\n{}",
        models.collect::<String>()
    ))
}

fn account(facts: &ProviderInfo) -> String {
    let variables = |names: &[&str]| {
        names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
    };
    let options = facts.option_variables.iter().map(|(option, names)| match names {
        [] => format!("`{option}`"),
        names => format!("`{option}` ({})", variables(names)),
    });
    let usual = facts.base_url.map_or_else(|| "yours".to_owned(), |url| format!("`{url}`"));
    let url = match facts.base_url_variables {
        [] => usual,
        names => format!("{usual} ({})", variables(names)),
    };
    format!(
        "| {} | {} | {} | {} | {url} | {} |\n",
        facts.provider,
        facts.variant.map_or_else(String::new, |variant| format!("`{variant}`")),
        facts.title,
        variables(facts.key_variables),
        options.collect::<Vec<_>>().join(", ")
    )
}

fn row(model: &Model) -> String {
    let sizes: Vec<_> = model.sizes.iter().map(ToString::to_string).collect();
    let sizes = match sizes.as_slice() {
        [first, second, rest @ ..] if rest.len() > 1 => {
            format!("{first}, {second} and {} more", rest.len())
        }
        few => few.join(", "),
    };
    let variant = model.variant.as_ref().map_or_else(String::new, |it| format!(" `{it}`"));
    let price = match model.shutdown {
        Some(day) => format!("shut down on {day}"),
        None => match model.price_of_a_second() {
            Some(price) => price.to_string(),
            None => "not known".to_owned(),
        },
    };
    format!(
        "| {}{variant} | `{}` | {} | {sizes} | {} | {price} | {} |\n",
        model.provider,
        model.name,
        model.seconds,
        abilities(model).join(", "),
        model.checked
    )
}

fn abilities(model: &Model) -> Vec<&'static str> {
    let picture = if model.needs_first_frame { "picture needed" } else { "picture" };
    [
        (model.first_frame, picture),
        (model.audio, "sound"),
        (model.looping, "loop"),
        (model.seed, "seed"),
    ]
    .into_iter()
    .filter_map(|(can, word)| can.then_some(word))
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_provider_and_every_model_has_its_row() {
        let page = known_markdown().unwrap();

        for facts in facts() {
            assert!(page.contains(facts.title), "{}", facts.title);
        }
        for model in Catalog::shipped().unwrap().models().iter().filter(|it| it.name != "*") {
            assert!(page.contains(&format!("`{}`", model.name)), "{model}");
        }
    }
}
