//! `retake doctor`: whether everything works, and what to do where it does not.
//!
//! Each line says what was really done. The renderer is tried on a data directory of its
//! own that is thrown away: a check must not work off somebody's queue.

use std::{
    borrow::Cow,
    net::SocketAddr,
    time::{Duration, Instant},
};

use retake_server::{
    AccountProblem, Seen, Store, Work, check_accounts,
    config::{BUILT_IN, Config},
    data_dir::DataDir,
};
use serde_json::json;

use crate::{
    exit::{Exit, Failure},
    follow,
    gateway::Gateway,
    interrupt::{Interrupt, stopped},
    progress::Progress,
    session::{Context, Session, start, unusable},
    table::bytes,
};

/// Longest time a test render of one second may take.
const LONGEST_RENDER: Duration = Duration::from_mins(2);

/// One thing that was tried: what was seen, or what is wrong with it.
struct Check {
    name: Cow<'static, str>,
    result: Result<String, Failure>,
}

pub(crate) async fn run(context: &Context) -> Result<(), Failure> {
    let mut interrupt = Interrupt::listen()
        .map_err(|error| Failure::new(Exit::Failed, format!("cannot hear signals: {error}")))?;
    let checks = tokio::select! {
        biased;
        exit = interrupt.wait() => return Err(stopped(exit, "interrupted")),
        checks = examine(context) => checks,
    };
    let ill = checks.iter().filter(|check| check.result.is_err()).count();
    if context.printer.json {
        let checks: Vec<_> = checks.iter().map(Check::to_json).collect();
        context.printer.json(&json!({ "ok": ill == 0, "checks": checks }))?;
    } else {
        let lines: Vec<_> = checks.iter().map(Check::to_text).collect();
        context.printer.data(&lines.join("\n"))?;
    }
    match ill {
        0 => Ok(()),
        1 => Err(Failure::new(Exit::Failed, "one check found a problem")),
        many => Err(Failure::new(Exit::Failed, format!("{many} checks found problems"))),
    }
}

async fn examine(context: &Context) -> Vec<Check> {
    match context.server() {
        Ok(Some(url)) => {
            let server = async { Ok(visit(&Gateway::at(url)?.with_key(context.key())).await?) };
            vec![Check::new("server", server.await)]
        }
        Ok(None) => examine_here(context).await,
        Err(failure) => vec![Check::new("server", Err(failure))],
    }
}

async fn examine_here(context: &Context) -> Vec<Check> {
    let loaded = match context.load(Vec::new()) {
        Ok(loaded) => loaded,
        Err(failure) => return vec![Check::new("settings", Err(failure))],
    };
    let from = match &loaded.file {
        Some(file) => format!("{} is fine", file.display()),
        None => "no settings file, the defaults are in force where no variable says otherwise"
            .to_owned(),
    };
    let settings = match context.store().name() {
        Ok(place) => Ok(format!("{from}; the ledger is in {place}")),
        Err(error) => Err(Failure::caused_by(Exit::BadInput, &error)),
    };
    let mut checks = vec![Check::new("settings", settings)];
    let data_dir = data_dir(&loaded.config);
    let usable = data_dir.is_ok();
    checks.push(Check::new("data directory", data_dir));
    if usable {
        checks.push(Check::new("disk", disk(&loaded.config)));
        checks.push(Check::new("ledger", ledger(context).await));
    }
    checks.push(Check::new("renderer", renderer(context, &loaded.config).await));
    checks.extend(check_accounts(&loaded.config).await.into_iter().map(account));
    checks
}

/// One line for an account.
fn account(seen: Seen) -> Check {
    let ill = |trouble: AccountProblem| {
        let failure = Failure::new(Exit::Failed, trouble.message);
        trouble.hint.into_iter().fold(failure, Failure::hint)
    };
    Check { name: format!("account {}", seen.account).into(), result: seen.standing.map_err(ill) }
}

fn data_dir(config: &Config) -> Result<String, Failure> {
    let data_dir = DataDir::prepare(&config.data_dir).map_err(|error| unusable(&error))?;
    let folder = data_dir.path().display();
    Ok(match data_dir.running_server() {
        Some(holder) => {
            format!("{folder} can be written and is in use by the retake at {}", holder.url)
        }
        None => format!("{folder} can be written and is not in use"),
    })
}

fn disk(config: &Config) -> Result<String, Failure> {
    let data_dir = DataDir::prepare(&config.data_dir).map_err(|error| unusable(&error))?;
    let free = data_dir.free_space().map_err(|error| unusable(&error))?;
    let least = config.assets.min_free_space.as_u64();
    if free < least {
        let (free, least) = (bytes(free), bytes(least));
        return Err(Failure::new(
            Exit::CannotWrite,
            format!("{free} are free, and new videos need {least} (assets.min_free_space)"),
        )
        .hint("make room, for example with `retake videos delete ID`"));
    }
    Ok(format!("{} are free", bytes(free)))
}

/// Opens the ledger by way of a gateway, ours or the one that runs, and reads from it.
async fn ledger(context: &Context) -> Result<String, Failure> {
    let session = Session::open(context, Work::Paused).await?;
    let seen = async {
        let newest = session.gateway().videos(1, None).await?;
        let server = visit(session.gateway()).await?;
        Ok(match newest.videos.first() {
            Some(video) => format!("opened and read, newest video {}; {server}", video.id()),
            None => format!("opened and read, no videos yet; {server}"),
        })
    };
    let seen = seen.await;
    session.close().await;
    seen
}

async fn visit(gateway: &Gateway) -> Result<String, crate::gateway::CallError> {
    let version = gateway.health().await?;
    let models = gateway.models().await?;
    let models = models["data"].as_array().map_or(0, Vec::len);
    let url = gateway.url().origin().ascii_serialization();
    Ok(format!("gateway {version} answered at {url} and offers {models} model(s)"))
}

/// Renders one second in a folder of its own.
async fn renderer(context: &Context, config: &Config) -> Result<String, Failure> {
    let broken = |error: std::io::Error| {
        Failure::new(Exit::CannotWrite, format!("no temporary folder: {error}"))
            .hint("make room in the folder for temporary files, or set TMPDIR to another")
    };
    let folder = tempfile::tempdir().map_err(broken)?;
    let mut config = config.clone();
    config.server.bind = SocketAddr::from(([127, 0, 0, 1], 0));
    config.data_dir = folder.path().join("doctor");
    config.assets.folder = std::path::PathBuf::new();
    let data_dir = DataDir::prepare(&config.data_dir).map_err(|error| unusable(&error))?;
    let held = data_dir.try_hold().map_err(|error| unusable(&error))?;
    let mut session =
        Session::of(start(&config, held, &Store::Embedded, Work::Running).await?, &config)?;
    let rendered = tokio::time::timeout(LONGEST_RENDER, render(context, &mut session)).await;
    session.close().await;
    rendered.unwrap_or_else(|_| {
        Err(Failure::new(Exit::Failed, "a test video of 1 s took more than 2 minutes")
            .hint("see whether the machine is busy with something else"))
    })
}

async fn render(context: &Context, session: &mut Session) -> Result<String, Failure> {
    let request = json!({
        "model": BUILT_IN, "prompt": "a quiet harbour at dawn", "seconds": "1", "size": "640x360",
    });
    let begun = Instant::now();
    let video = session.gateway().create(|call| call.json(&request)).await?;
    let progress = Progress::new(context.printer);
    let video = follow::until_ended(context, session, video.id(), &progress).await?;
    if !video.is_completed() {
        return Err(follow::failed(&video));
    }
    let took = begun.elapsed().as_secs_f32();
    Ok(format!("rendered a test video of 1 s at 640x360 in {took:.1} s, and threw it away"))
}

impl Check {
    fn new(name: &'static str, result: Result<String, Failure>) -> Self {
        Self { name: name.into(), result }
    }

    fn to_text(&self) -> String {
        match &self.result {
            Ok(seen) => format!("✓ {}: {seen}", self.name),
            Err(failure) => {
                let hints = failure.hints().iter().map(|hint| format!("\n    {hint}"));
                format!("✗ {}: {}{}", self.name, failure.message(), hints.collect::<String>())
            }
        }
    }

    fn to_json(&self) -> serde_json::Value {
        let hints = self.result.as_ref().err().map(Failure::hints).unwrap_or_default();
        json!({
            "name": self.name,
            "ok": self.result.is_ok(),
            "message": self.result.as_ref().map_or_else(Failure::message, Clone::clone),
            "hints": hints,
        })
    }
}
