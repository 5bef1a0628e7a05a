//! `retake videos`: looking after the videos there are.

use std::path::PathBuf;

use retake_server::{Work, clock::Clock};
use serde_json::{Value, json};

use crate::{
    exit::{Exit, Failure},
    follow,
    generate::summary,
    interrupt::{Interrupt, stopped},
    output::Destination,
    progress::Progress,
    session::{Context, Session},
    table::{shortened, span, table},
    wire::{Cost, Output, Video, word},
};

/// Most videos that the API lists at once.
const PAGE: u32 = 100;
/// Columns of a prompt in the list.
const PROMPT_WIDTH: usize = 48;

#[derive(Debug, clap::Subcommand)]
pub(crate) enum Videos {
    /// List videos, the newest first
    List {
        /// How many
        #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=100))]
        limit: u32,
        /// Only those older than this one
        #[arg(long, value_name = "ID")]
        after: Option<String>,
        /// All there are
        #[arg(long, conflicts_with = "limit")]
        all: bool,
    },
    /// Show everything about a video
    Show { id: String },
    /// Fetch the file of a finished video
    Download {
        id: String,
        /// Where it goes; `-` is stdout [default: a name made from the prompt]
        #[arg(long, short, value_name = "FILE")]
        output: Option<PathBuf>,
        /// Overwrite the output file
        #[arg(long)]
        force: bool,
        /// Wait until it is finished, and work on it if nobody else does
        #[arg(long)]
        wait: bool,
    },
    /// Delete videos that have ended, with their files
    Delete {
        #[arg(required = true, value_name = "ID")]
        ids: Vec<String>,
    },
    /// Stop videos that are being made
    Cancel {
        #[arg(required = true, value_name = "ID")]
        ids: Vec<String>,
    },
}

pub(crate) async fn run(context: &Context, command: Videos) -> Result<(), Failure> {
    let work = match command {
        Videos::List { .. } | Videos::Show { .. } | Videos::Delete { .. } => Work::Paused,
        Videos::Download { wait, .. } if !wait => Work::Paused,
        // A video whose render is under way ends when the work on it does.
        Videos::Download { .. } | Videos::Cancel { .. } => Work::Running,
    };
    let mut interrupt = Interrupt::listen()
        .map_err(|error| Failure::new(Exit::Failed, format!("cannot hear signals: {error}")))?;
    let mut session = Session::open(context, work).await?;
    let outcome = tokio::select! {
        biased;
        exit = interrupt.wait() => Err(stopped(exit, "interrupted; the videos are as they were")),
        outcome = act(context, &mut session, &command) => outcome,
    };
    tokio::select! {
        biased;
        () = session.close() => {}
        _ = interrupt.wait() => {}
    }
    outcome
}

async fn act(context: &Context, session: &mut Session, command: &Videos) -> Result<(), Failure> {
    match command {
        Videos::List { limit, after, all } => {
            list(context, session, (!all).then_some(*limit), after.clone()).await
        }
        Videos::Show { id } => {
            let video = session.gateway().video(id).await?.video;
            if context.printer.json {
                return context.printer.json(&video.whole);
            }
            context.printer.data(&described(&video))
        }
        Videos::Download { id, output, force, wait } => {
            let mut video = session.gateway().video(id).await?.video;
            let destination = Destination::choose(output.as_deref(), video.prompt(), *force)?;
            if *wait {
                let progress = Progress::new(context.printer);
                video = follow::until_ended(context, session, id, &progress).await?;
            }
            download(context, session, &video, &destination).await
        }
        Videos::Delete { ids } => {
            for id in ids {
                let answer = session.gateway().delete(id).await?;
                told(context, &answer, &format!("{id} is deleted"))?;
            }
            Ok(())
        }
        Videos::Cancel { ids } => {
            for id in ids {
                cancel(context, session, id).await?;
            }
            Ok(())
        }
    }
}

async fn list(
    context: &Context,
    session: &Session,
    limit: Option<u32>,
    mut after: Option<String>,
) -> Result<(), Failure> {
    let is_first_page = after.is_none();
    let mut videos = Vec::new();
    let has_more = loop {
        let page = session.gateway().videos(limit.unwrap_or(PAGE), after.as_deref()).await?;
        videos.extend(page.videos);
        after = page.last_id;
        if limit.is_some() || !page.has_more || after.is_none() {
            break page.has_more;
        }
    };
    if context.printer.json {
        return context.printer.json(&json!({
            "object": "list",
            "data": videos.iter().map(|video| &video.whole).collect::<Vec<_>>(),
            "first_id": videos.first().map(Video::id),
            "last_id": videos.last().map(Video::id),
            "has_more": has_more,
        }));
    }
    if videos.is_empty() {
        context.printer.say(if is_first_page {
            "there are no videos yet; make one with `retake generate PROMPT`"
        } else {
            "there are no videos after that one"
        });
        return Ok(());
    }
    let now = Clock::system().now().as_second();
    let rows: Vec<_> = videos.iter().map(|video| row(video, now)).collect();
    let headings = ["ID", "STATE", "DONE", "MODEL", "LENGTH", "SIZE", "AGE", "PROMPT"];
    context.printer.data(&table(headings, &rows))?;
    if has_more && let Some(last) = videos.last() {
        context.printer.say(&format!("there are more: --after {} or --all", last.id()));
    }
    Ok(())
}

fn row(video: &Video, now: i64) -> [String; 8] {
    let known = &video.known;
    [
        known.id.clone(),
        video.state().to_owned(),
        format!("{:.0} %", known.progress),
        known.model.clone().unwrap_or_default(),
        known.seconds.as_ref().map(|seconds| format!("{seconds} s")).unwrap_or_default(),
        known.size.clone().unwrap_or_default(),
        span(u64::try_from(now - known.created_at).unwrap_or_default()),
        shortened(video.prompt(), PROMPT_WIDTH),
    ]
}

/// Everything about a video, a fact a line.
fn described(video: &Video) -> String {
    let (known, ours) = (&video.known, &video.known.retake);
    let output = ours.output.as_ref();
    let codecs = output.map(|output| {
        let codecs = [&output.video_codec, &output.audio_codec];
        codecs.into_iter().flatten().cloned().collect::<Vec<_>>().join(", ")
    });
    let facts = [
        ("id", Some(known.id.clone())),
        ("state", Some(format!("{}, {:.0} %", video.state(), known.progress))),
        ("error", known.error.as_ref().map(|error| format!("{} ({})", error.message, error.code))),
        ("model", known.model.clone()),
        ("prompt", Some(video.prompt().split_whitespace().collect::<Vec<_>>().join(" "))),
        ("created", moment(Some(known.created_at))),
        ("finished", moment(known.completed_at)),
        ("kept until", moment(known.expires_at)),
        ("file", output.is_some().then(|| summary(video))),
        ("codecs", codecs),
        ("sha256", output.and_then(|output| output.sha256.clone())),
        ("warning", output.and_then(Output::oddities)),
        ("cost", ours.cost.map(|cost| cost.told().unwrap_or_else(|| "nothing".to_owned()))),
    ];
    let attempts = ours.attempts.iter().map(|attempt| {
        let fault = attempt.fault.as_ref();
        let fault = fault.map(|fault| format!(": {} ({})", fault.message, word(&fault.kind)));
        let (route, state) = (word(&attempt.route), word(&attempt.state));
        let price = attempt.cost.and_then(Cost::told).map(|cost| format!(" ({cost})"));
        let (price, fault) = (price.unwrap_or_default(), fault.unwrap_or_default());
        let told = format!("{} at {route}, {state}{price}{fault}", attempt.number);
        ("attempt", told)
    });
    let changes = ours.changes.iter().map(|change| ("changed", change.told()));
    let facts = facts.into_iter().filter_map(|(name, fact)| Some((name, fact?)));
    let lines: Vec<_> = facts
        .chain(changes)
        .chain(attempts)
        .map(|(name, fact)| format!("{name:<11} {fact}"))
        .collect();
    lines.join("\n")
}

fn moment(seconds: Option<i64>) -> Option<String> {
    jiff::Timestamp::from_second(seconds?).ok().map(|moment| moment.to_string())
}

async fn download(
    context: &Context,
    session: &mut Session,
    video: &Video,
    destination: &Destination,
) -> Result<(), Failure> {
    if video.known.status == "failed" {
        return Err(follow::failed(video));
    }
    if !video.is_completed() {
        let state = video.state().replace('_', " ");
        return Err(Failure::new(Exit::Failed, format!("{} is still {state}", video.id()))
            .hint("add --wait to wait until it is finished"));
    }
    destination.fetch(context, session, video).await?;
    let output = video.known.retake.output.as_ref();
    let Some(path) = destination.path(output) else { return Ok(()) };
    let path = path.display().to_string();
    if context.printer.json {
        let mut whole = video.whole.clone();
        whole["file"] = json!(path);
        return context.printer.json(&whole);
    }
    context.printer.data(&if context.printer.quiet {
        path
    } else {
        format!("{path}  {}", summary(video))
    })
}

async fn cancel(context: &Context, session: &mut Session, id: &str) -> Result<(), Failure> {
    let mut video = session.gateway().cancel(id).await?;
    if !video.has_ended() {
        let progress = Progress::new(context.printer);
        video = follow::until_ended(context, session, id, &progress).await?;
    }
    let line = match video.state() {
        "cancelled" => format!("{id} is cancelled"),
        state => format!("{id} had ended already: {state}"),
    };
    told(context, &video.whole, &line)
}

fn told(context: &Context, answer: &Value, line: &str) -> Result<(), Failure> {
    if context.printer.json {
        return context.printer.json(answer);
    }
    context.printer.say(line);
    Ok(())
}
