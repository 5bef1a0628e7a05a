//! `retake lab`: the providers' APIs on local ports, until it is told to stop.

use std::path::{Path, PathBuf};

use retake_lab::{
    FaultKind, Lab, LabConfig, LabError, Provider, Scenario, ScenarioSource, Urls, builtin,
    urls_from,
};
use retake_server::config::LogFormat;
use serde_json::json;

use crate::{
    cli::log,
    exit::{Exit, Failure},
    interrupt::Interrupt,
    session::Context,
    table::table,
};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// First of eight ports in a row [default: free ones]
    #[arg(long, value_name = "PORT")]
    base_port: Option<u16>,
    /// What goes wrong when: a name from --list, or a TOML file, which is read again when it changes
    #[arg(long, value_name = "NAME|FILE", default_value = "calm")]
    scenario: String,
    /// How many times as fast as the world's the lab's clock runs
    #[arg(long, value_name = "X")]
    speed: Option<f64>,
    /// Decides everything that the scenario leaves open
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// Print the base URLs as lines for a shell; with --base-port, start nothing
    #[arg(long)]
    print_env: bool,
    /// List the scenarios and the faults
    #[arg(long)]
    list: bool,
}

pub(crate) async fn run(context: &Context, args: Args) -> Result<(), Failure> {
    if args.list {
        return list(context);
    }
    if let (Some(base), true) = (args.base_port, args.print_env) {
        return context.printer.data(&lines(&urls_from(base)));
    }
    // Whoever edits a scenario wants to know whether it is played.
    log("info", LogFormat::Pretty, context.printer);
    let mut interrupt = Interrupt::listen()
        .map_err(|error| Failure::new(Exit::Failed, format!("cannot hear signals: {error}")))?;
    let config = LabConfig {
        base_port: args.base_port,
        scenario: source(&args.scenario),
        speed: args.speed,
        seed: args.seed,
    };
    let lab = Lab::start(config).await.map_err(|error| {
        let exit =
            if matches!(error, LabError::Port { .. }) { Exit::Failed } else { Exit::BadInput };
        Failure::caused_by(exit, &error)
    })?;
    ready(context, lab.urls(), args.print_env)?;
    interrupt.wait().await;
    lab.stop().await;
    Ok(())
}

/// A file if it looks like one, else a name.
fn source(text: &str) -> ScenarioSource {
    let is_toml = Path::new(text).extension().is_some_and(|it| it.eq_ignore_ascii_case("toml"));
    if is_toml || text.contains(std::path::MAIN_SEPARATOR) {
        ScenarioSource::File(PathBuf::from(text))
    } else {
        ScenarioSource::Named(text.to_owned())
    }
}

fn ready(context: &Context, urls: &Urls, print_env: bool) -> Result<(), Failure> {
    if print_env {
        return context.printer.data(&lines(urls));
    }
    if context.printer.json {
        return context.printer.json(&json!(**urls));
    }
    let rows: Vec<_> = variables(urls).map(|(_, name, url)| [name.to_owned(), url]).collect();
    for line in table(["API", "BASE URL"], &rows).lines() {
        context.printer.say(line);
    }
    context
        .printer
        .say("any key will do; GET /__lab/ledger on the control port tells what happened");
    Ok(())
}

/// The variable, the name and the base URL that each vendor's SDK takes.
fn variables(urls: &Urls) -> impl Iterator<Item = (&'static str, &'static str, String)> {
    use Provider as P;
    let providers = [
        ("RETAKE_LAB_OPENAI", P::Openai, "/v1"),
        ("RETAKE_LAB_GOOGLE", P::Google, ""),
        ("RETAKE_LAB_RUNWAY", P::Runway, ""),
        ("RETAKE_LAB_LUMA", P::Luma, "/dream-machine/v1"),
        ("RETAKE_LAB_FAL", P::Fal, ""),
        ("RETAKE_LAB_REPLICATE", P::Replicate, ""),
    ];
    let providers = providers.map(|(variable, provider, path)| {
        (variable, provider.name(), urls.provider(provider).to_owned() + path)
    });
    providers.into_iter().chain([
        ("RETAKE_LAB_STATUS", "status", urls.status().to_owned()),
        ("RETAKE_LAB_CONTROL", "control", urls.control().to_owned()),
    ])
}

fn lines(urls: &Urls) -> String {
    let lines: Vec<_> =
        variables(urls).map(|(variable, _, url)| format!("{variable}={url}")).collect();
    lines.join("\n")
}

fn list(context: &Context) -> Result<(), Failure> {
    let about = |name: &str| Scenario::from_name(name).map(|it| it.about).unwrap_or_default();
    let named: Vec<_> = builtin::ALL.iter().map(|it| [it.0.to_owned(), about(it.0)]).collect();
    let faults = FaultKind::ALL.iter();
    let faults: Vec<_> =
        faults.map(|kind| [kind.name().to_owned(), kind.about().to_owned()]).collect();
    if context.printer.json {
        return context.printer.json(&json!({ "scenarios": named, "faults": faults }));
    }
    let scenarios = table(["SCENARIO", "WHAT HAPPENS"], &named);
    let faults = table(["FAULT", "WHAT HAPPENS (each is a scenario too)"], &faults);
    context.printer.data(&format!("{scenarios}\n{faults}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_variables_of_known_ports_are_known() {
        let text = lines(&urls_from(9000));

        assert!(text.contains("RETAKE_LAB_OPENAI=http://127.0.0.1:9001/v1\n"), "{text}");
        assert!(
            text.contains("RETAKE_LAB_LUMA=http://127.0.0.1:9004/dream-machine/v1\n"),
            "{text}"
        );
        assert!(text.ends_with("RETAKE_LAB_CONTROL=http://127.0.0.1:9000"), "{text}");
        assert_eq!(text.lines().count(), 8);
    }

    #[test]
    fn a_scenario_with_a_folder_or_toml_in_its_name_is_a_file() {
        assert!(matches!(source("./calm"), ScenarioSource::File(_)));
        assert!(matches!(source("mine.toml"), ScenarioSource::File(_)));
        assert!(matches!(source("calm"), ScenarioSource::Named(_)));
    }
}
