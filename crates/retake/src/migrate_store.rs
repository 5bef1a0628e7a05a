//! `retake migrate-store`: from the ledger in the data directory to one in a database.

use retake_server::{
    DATABASE_URL, Store, StoreError,
    data_dir::{DataDir, DataDirError},
    ledger_migration::{MoveError, Moved, move_ledger},
};
use serde_json::json;

use crate::{
    exit::{Exit, Failure},
    session::{Context, store_exit, unusable},
    table::bytes,
};

pub(crate) async fn run(context: &Context) -> Result<(), Failure> {
    if context.server()?.is_some() {
        let message = "a ledger is moved on the machine of its gateway";
        return Err(Failure::new(Exit::BadInput, message).hint(
            "leave out --server and RETAKE_SERVER, and name the folder with --data-dir if it is not the usual one",
        ));
    }
    let Store::Postgres(url) = context.store() else {
        let message = format!("{DATABASE_URL} does not say where the ledger is to go");
        return Err(Failure::new(Exit::BadInput, message)
            .hint(format!("set {DATABASE_URL}=postgres://USER:PASSWORD@HOST/DATABASE")));
    };
    let config = context.load(Vec::new())?.config;
    if !config.data_dir.is_dir() {
        return Err(failure(&MoveError::NoLedger { path: config.data_dir }));
    }
    let data_dir = DataDir::prepare(&config.data_dir).map_err(|error| unusable(&error))?;
    let held = data_dir.try_hold().map_err(|error| match error {
        DataDirError::HeldBy { .. } => Failure::caused_by(Exit::Failed, &error)
            .hint("end the gateway that works on it; its jobs go on afterwards"),
        other => unusable(&other),
    })?;
    let assets = data_dir.assets_folder(&config);
    let moved = move_ledger(&held, &url, &assets).await.map_err(|error| failure(&error))?;
    tell(context, &moved, &data_dir, &assets)
}

fn tell(
    context: &Context,
    moved: &Moved,
    data_dir: &DataDir,
    assets: &std::path::Path,
) -> Result<(), Failure> {
    let Moved { imported, copied, database, left } = moved;
    let (left, assets_folder) = (left.display().to_string(), assets.display().to_string());
    if context.printer.json {
        return context.printer.json(&json!({
            "database": database,
            "videos": imported.jobs,
            "keys": imported.keys,
            "webhook_endpoints": imported.endpoints,
            "files": copied.files,
            "bytes": copied.bytes,
            "assets_folder": assets_folder,
            "former_ledger": left,
        }));
    }
    context.printer.data(&format!(
        "{database}  {} videos · {} keys · {} webhook endpoints",
        imported.jobs, imported.keys, imported.endpoints
    ))?;
    if assets == data_dir.assets_path() {
        context.printer.say(&format!(
            "the files stay in {assets_folder}; for gateways on other machines set assets.folder to a folder \
             that all can reach, and copy them there"
        ));
    } else {
        context.printer.say(&format!(
            "{} files ({}) are in {assets_folder}",
            copied.files,
            bytes(copied.bytes)
        ));
    }
    context.printer.say(&format!(
        "go on with {DATABASE_URL} set, for gateways and commands alike; {left} is not used any more"
    ));
    Ok(())
}

fn failure(error: &MoveError) -> Failure {
    let exit = match error {
        MoveError::NoLedger { .. }
        | MoveError::MovedBefore { .. }
        | MoveError::Several { .. }
        | MoveError::NoFiles { .. }
        | MoveError::Store(StoreError::NotEmpty { .. }) => Exit::BadInput,
        MoveError::Copy(_) | MoveError::Aside { .. } => Exit::CannotWrite,
        MoveError::Store(error) => store_exit(error),
        MoveError::InDoubt { .. } => Exit::Unreachable,
    };
    Failure::caused_by(exit, error)
}
