//! `retake config`: the settings in force, the settings there are.

use retake_server::config;
use serde_json::json;

use crate::{
    exit::{Exit, Failure},
    session::Context,
};

#[derive(Debug, clap::Subcommand)]
pub(crate) enum Settings {
    /// Check the settings and tell everything that is wrong with them
    Check,
    /// Show the settings in force, each with where it came from
    Show,
    /// Print a retake.toml with every setting, its meaning and its default
    Reference {
        /// As a page of documentation
        #[arg(long)]
        markdown: bool,
    },
}

pub(crate) fn run(context: &Context, command: &Settings) -> Result<(), Failure> {
    let printer = context.printer;
    if let Settings::Reference { markdown } = command {
        let text = if *markdown { config::reference_markdown() } else { config::reference() };
        return printer.verbatim(text.as_bytes());
    }
    let loaded = context.load(Vec::new())?;
    let ledger = context.store().name();
    let ledger = ledger.map_err(|error| Failure::caused_by(Exit::BadInput, &error))?;
    let file = loaded.file.as_ref().map(|file| file.display().to_string());
    match (command, printer.json) {
        (Settings::Show, true) => {
            printer.json(&json!({ "file": file, "ledger": ledger, "settings": loaded.config }))
        }
        (Settings::Show, false) => printer.data(&loaded.render_toml()),
        (_, true) => printer.json(&json!({ "file": file, "ledger": ledger, "ok": true })),
        (_, false) => {
            match file {
                Some(file) => printer.say(&format!("{file} is fine")),
                None => printer.say(
                    "there is no settings file; the defaults are in force where no variable says otherwise",
                ),
            }
            printer.say(&format!("the ledger is in {ledger}"));
            Ok(())
        }
    }
}
