//! `retake backup`: a copy of the data directory, while a gateway works on it.

use std::path::PathBuf;

use retake_server::{
    Store,
    backup::{BackupError, backup},
    data_dir::DataDir,
};
use serde_json::json;

use crate::{
    exit::{Exit, Failure},
    session::{Context, unusable},
    table::bytes,
};

#[derive(Debug, clap::Args)]
pub(crate) struct Backup {
    /// Where it goes: a folder that is new or empty
    folder: PathBuf,
}

pub(crate) async fn run(context: &Context, args: Backup) -> Result<(), Failure> {
    if context.server()?.is_some() {
        return Err(Failure::new(Exit::BadInput, "a backup is made on the machine of the gateway")
            .hint("leave out --server and RETAKE_SERVER, and name the folder with --data-dir if it is not the usual one"));
    }
    if context.store() != Store::Embedded {
        return Err(Failure::new(
            Exit::BadInput,
            "the ledger is in the database that RETAKE_DATABASE_URL names, so a copy of the data directory is no backup",
        )
        .hint("back the database up with its own tools, such as pg_dump, together with assets.folder"));
    }
    let config = context.load(Vec::new())?.config;
    if !config.data_dir.is_dir() {
        return Err(failure(&BackupError::NoLedger { path: config.data_dir }));
    }
    let source = DataDir::prepare(&config.data_dir).map_err(|error| unusable(&error))?;
    let (assets, target) = (source.assets_folder(&config), args.folder.clone());
    let copied = tokio::task::spawn_blocking(move || backup(&source, &assets, &target)).await;
    let copied = copied.map_err(|error| Failure::caused_by(Exit::Failed, &error))?;
    let copied = copied.map_err(|error| failure(&error))?;
    let folder = args.folder.display().to_string();
    if context.printer.json {
        return context
            .printer
            .json(&json!({ "folder": folder, "files": copied.files, "bytes": copied.bytes }));
    }
    context.printer.data(&format!("{folder}  {} files · {}", copied.files, bytes(copied.bytes)))?;
    context.printer.say(&format!("to restore it: retake serve --data-dir {folder}"));
    Ok(())
}

fn failure(error: &BackupError) -> Failure {
    match error {
        BackupError::DataDir(error) => unusable(error),
        BackupError::NotEmpty { .. }
        | BackupError::NoLedger { .. }
        | BackupError::Within { .. } => Failure::caused_by(Exit::BadInput, error),
        _ => Failure::caused_by(Exit::CannotWrite, error),
    }
}
