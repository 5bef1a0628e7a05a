//! `retake generate`: from a prompt to a file.

use std::{
    io::Read as _,
    path::{Path, PathBuf},
    time::Duration,
};

use reqwest::{
    RequestBuilder,
    multipart::{Form, Part},
};
use retake_server::{Work, config::ByteSize};
use serde_json::{Map, Value, json};

use crate::{
    exit::{Exit, Failure},
    follow,
    gateway::CallError,
    interrupt::{Interrupt, stopped},
    output::Destination,
    progress::Progress,
    session::{Context, Session},
    table::bytes,
    wire::{Cost, Output, Video},
};

/// The size of a video that asks for neither size nor aspect ratio and begins with no picture.
const SIZE: &str = "1280x720";
/// Longest prompt read from stdin. The gateway has its own, smaller limit.
const LONGEST_PROMPT: u64 = 1 << 20;
/// How long an interrupted command waits for a request under way, and for the end of a video.
const LAST_WORDS: Duration = Duration::from_secs(2);

#[derive(Debug, clap::Args)]
pub(crate) struct Generate {
    /// What to show; `-` reads it from stdin
    #[arg(allow_hyphen_values = true)]
    prompt: String,
    /// Where the video goes; `-` is stdout [default: a name made from the prompt]
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Overwrite the output file
    #[arg(long)]
    force: bool,
    /// Who renders it [default: `default_model` of the settings]
    #[arg(long, short)]
    model: Option<String>,
    /// How long it is [default: 4, or what the model renders next to that]
    #[arg(long)]
    seconds: Option<u32>,
    /// Width and height in pixels [default: 1280x720, or that of the reference]
    #[arg(long, value_name = "WxH")]
    size: Option<String>,
    /// Its shape instead of its size, for example 9:16
    #[arg(long, value_name = "W:H", conflicts_with = "size")]
    aspect_ratio: Option<String>,
    /// The same seed makes the same video again
    #[arg(long)]
    seed: Option<u64>,
    /// What not to show
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
    negative_prompt: Option<String>,
    /// Let the last frame meet the first
    #[arg(long = "loop")]
    looped: bool,
    /// Leave out the sound
    #[arg(long)]
    no_audio: bool,
    /// Whether lengths, sizes and extras may be changed to what a model takes [default: only on routes behind
    /// one that takes them as they are, and for models that stand in for one that is gone]
    #[arg(long, value_name = "HOW", value_parser = ["strict", "nearest"])]
    fit: Option<String>,
    /// What to do with a video that plays and is not what was asked for: deliver it with a warning, or try another
    /// route first [default: `policy.on_output_mismatch` of the gateway]
    #[arg(long, value_name = "HOW", value_parser = ["keep", "retry"])]
    on_output_mismatch: Option<String>,
    /// A picture to begin with (JPEG, PNG or WebP)
    #[arg(long, value_name = "FILE")]
    reference: Option<PathBuf>,
}

/// Makes a video and brings it home.
pub(crate) async fn run(context: &Context, mut args: Generate) -> Result<(), Failure> {
    args.prompt = read_prompt(args.prompt)?;
    let destination = Destination::choose(args.output.as_deref(), &args.prompt, args.force)?;
    if destination.is_stdout() && context.printer.json {
        return Err(Failure::new(Exit::BadInput, "stdout cannot take both the video and JSON")
            .hint("leave out --json, or name a file with -o FILE"));
    }
    args.reference.as_deref().map(check_reference).transpose()?;
    let mut interrupt = Interrupt::listen()
        .map_err(|error| Failure::new(Exit::Failed, format!("cannot hear signals: {error}")))?;
    let mut session = tokio::select! {
        biased;
        exit = interrupt.wait() => return Err(stopped(exit, "interrupted; nothing was begun")),
        session = Session::open(context, Work::Running) => session?,
    };
    let outcome = make(context, &mut session, &args, &destination, &mut interrupt).await;
    tokio::select! {
        biased;
        () = session.close() => {}
        _ = interrupt.wait() => {}
    }
    outcome
}

async fn make(
    context: &Context,
    session: &mut Session,
    args: &Generate,
    destination: &Destination,
    interrupt: &mut Interrupt,
) -> Result<(), Failure> {
    let progress = Progress::new(context.printer);
    let created = {
        let mut creating = Box::pin(create(context, session, args));
        tokio::select! {
            biased;
            exit = interrupt.wait() => {
                // The request may be on its way: hear it out, so that nothing is left behind.
                Err((exit, tokio::time::timeout(LAST_WORDS, creating).await))
            }
            created = &mut creating => Ok(created?),
        }
    };
    let video = match created {
        Ok(video) => video,
        Err((exit, Ok(Ok(video)))) => return Err(cancel(session, &video, exit).await),
        Err((exit, Ok(Err(_)))) => return Err(stopped(exit, "interrupted; nothing was begun")),
        Err((exit, Err(_))) => {
            return Err(stopped(exit, "interrupted before the server answered")
                .hint("`retake videos list` shows whether the video was begun all the same"));
        }
    };
    progress.begin(&video);
    let finished = tokio::select! {
        biased;
        exit = interrupt.wait() => Err(exit),
        finished = finish(context, session, &video, destination, &progress) => Ok(finished?),
    };
    progress.end();
    match finished {
        Ok(video) => report(context, &video, destination),
        Err(exit) => Err(cancel(session, &video, exit).await),
    }
}

/// Asks for the video. Only a request that nobody can have heard is repeated.
async fn create(
    context: &Context,
    session: &mut Session,
    args: &Generate,
) -> Result<Video, Failure> {
    loop {
        if let (Some(path), Some(largest)) = (&args.reference, session.largest_upload()) {
            check_length(path, largest)?;
        }
        let body = Body::of(args).await?;
        match session.gateway().create(|request| body.add_to(request)).await {
            Ok(video) => return Ok(video),
            Err(error) if error.was_not_heard() => session.recover(context, error).await?,
            Err(error) if error.may_pass() => {
                let failure = Failure::from(error);
                return Err(match &args.reference {
                    // A server that refuses a large body may hang up before it is sent.
                    Some(_) => failure.hint("a smaller reference may get through"),
                    None => failure,
                }
                .hint("`retake videos list` shows whether the video was begun all the same"));
            }
            Err(error) => return Err(error.into()),
        }
    }
}

async fn finish(
    context: &Context,
    session: &mut Session,
    video: &Video,
    destination: &Destination,
    progress: &Progress,
) -> Result<Video, Failure> {
    let video = follow::until_ended(context, session, video.id(), progress).await?;
    if !video.is_completed() {
        if context.printer.json {
            context.printer.json(&video.whole)?;
        }
        return Err(follow::failed(&video));
    }
    destination.fetch(context, session, &video).await?;
    Ok(video)
}

/// Stops a video that is no longer wanted and sees that it has stopped.
async fn cancel(session: &Session, video: &Video, exit: Exit) -> Failure {
    let (gateway, id) = (session.gateway(), video.id());
    let ended = async {
        let mut video = gateway.cancel(id).await?;
        while !video.has_ended() {
            tokio::time::sleep(Duration::from_millis(50)).await;
            video = gateway.video(id).await?.video;
        }
        Ok::<_, CallError>(video)
    };
    match tokio::time::timeout(LAST_WORDS, ended).await {
        Ok(Ok(video)) if video.is_completed() => {
            stopped(exit, format!("interrupted, but {id} was finished already"))
                .hint(format!("fetch it with `retake videos download {id}`"))
        }
        Ok(Ok(_)) => stopped(exit, format!("interrupted, {id} was cancelled")),
        Ok(Err(error)) => {
            let why = Failure::from(error);
            stopped(exit, format!("interrupted, but {id} could not be cancelled: {why}"))
                .hint(format!("try `retake videos cancel {id}`"))
        }
        Err(_) => stopped(exit, format!("interrupted, {id} is being cancelled")),
    }
}

fn report(context: &Context, video: &Video, destination: &Destination) -> Result<(), Failure> {
    let printer = context.printer;
    let path = destination.path(video.known.retake.output.as_ref());
    let path = path.map(|path| path.display().to_string());
    if printer.json {
        let mut whole = video.whole.clone();
        whole["file"] = json!(path);
        return printer.json(&whole);
    }
    if let Some(odd) = video.known.retake.output.as_ref().and_then(Output::oddities) {
        printer.say(&format!("the video is not quite what was asked for: {odd}"));
    }
    match path {
        None => {
            printer.say(&summary(video));
            Ok(())
        }
        Some(path) if printer.quiet => printer.data(&path),
        Some(path) => printer.data(&format!("{path}  {}", summary(video))),
    }
}

/// Size, length, seed and time taken, as far as they are known.
pub(crate) fn summary(video: &Video) -> String {
    let (known, ours) = (&video.known, &video.known.retake);
    let output = ours.output.as_ref();
    let facts = [
        output.and_then(|output| output.bytes).map(bytes),
        output.map(|o| format!("{}.{} s", o.duration_ms / 1_000, o.duration_ms % 1_000 / 100)),
        output.map(|o| format!("{}x{}", o.width, o.height)).or_else(|| known.size.clone()),
        ours.seed.map(|seed| format!("seed {seed}")),
        video.took_s().map(|seconds| format!("took {seconds} s")),
        ours.cost.and_then(Cost::told),
    ];
    facts.into_iter().flatten().collect::<Vec<_>>().join(" · ")
}

/// What is sent: JSON, or a form when there is a file to go with it.
enum Body {
    Json(Value),
    Form(Form),
}

impl Body {
    async fn of(args: &Generate) -> Result<Self, Failure> {
        let fields = args.fields();
        let Some(path) = &args.reference else { return Ok(Self::Json(Value::Object(fields))) };
        let part = Part::file(path).await.map_err(|error| unreadable(path, &error))?;
        let part = part
            .mime_str(media_type(path))
            .map_err(|error| Failure::caused_by(Exit::Failed, &error))?;
        let text = |value: Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let form = fields
            .into_iter()
            .fold(Form::new(), |form, (name, value)| form.text(name, text(value)));
        Ok(Self::Form(form.part("input_reference", part)))
    }

    fn add_to(self, request: RequestBuilder) -> RequestBuilder {
        match self {
            Self::Json(value) => request.json(&value),
            Self::Form(form) => request.multipart(form),
        }
    }
}

impl Generate {
    /// What only Retake knows; nothing when none of it was asked for.
    fn ours(&self) -> Option<Value> {
        let fields = [("fit", &self.fit), ("on_output_mismatch", &self.on_output_mismatch)];
        let given: Map<_, _> = fields
            .into_iter()
            .filter_map(|(name, value)| Some((name.to_owned(), json!(value.as_ref()?))))
            .collect();
        (!given.is_empty()).then_some(Value::Object(given))
    }

    /// The fields of the request. What was not asked for is left to the gateway.
    fn fields(&self) -> Map<String, Value> {
        // A picture brings its size along.
        let is_open = self.aspect_ratio.is_none() && self.reference.is_none();
        let size = self.size.as_deref().or(is_open.then_some(SIZE));
        let fields = [
            ("prompt", Some(json!(self.prompt))),
            ("model", self.model.as_ref().map(|model| json!(model))),
            ("seconds", self.seconds.map(|seconds| json!(seconds.to_string()))),
            ("size", size.map(|size| json!(size))),
            ("aspect_ratio", self.aspect_ratio.as_ref().map(|ratio| json!(ratio))),
            ("seed", self.seed.map(|seed| json!(seed))),
            ("negative_prompt", self.negative_prompt.as_ref().map(|text| json!(text))),
            ("loop", self.looped.then_some(json!(true))),
            ("audio", self.no_audio.then_some(json!(false))),
            ("retake", self.ours()),
        ];
        fields.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
    }
}

fn read_prompt(given: String) -> Result<String, Failure> {
    if given != "-" {
        return Ok(given);
    }
    let mut prompt = String::new();
    std::io::stdin().lock().take(LONGEST_PROMPT).read_to_string(&mut prompt).map_err(|error| {
        Failure::new(Exit::BadInput, format!("the prompt on stdin cannot be read: {error}"))
            .hint("send it as UTF-8 text")
    })?;
    Ok(prompt.trim().to_owned())
}

fn check_reference(path: &Path) -> Result<(), Failure> {
    match std::fs::metadata(path) {
        Ok(found) if found.is_file() => {
            std::fs::File::open(path).map(drop).map_err(|error| unreadable(path, &error))
        }
        Ok(_) => Err(Failure::new(
            Exit::BadInput,
            format!("the reference `{}` is no file", path.display()),
        )
        .hint("give a JPEG, PNG or WebP picture")),
        Err(error) => Err(unreadable(path, &error)),
    }
}

fn check_length(path: &Path, largest: ByteSize) -> Result<(), Failure> {
    let found = std::fs::metadata(path).map_err(|error| unreadable(path, &error))?;
    if found.len() <= largest.as_u64() {
        return Ok(());
    }
    let (shown, length) = (path.display(), bytes(found.len()));
    let message = format!("the reference `{shown}` has {length}, more than {largest}");
    Err(Failure::new(Exit::BadInput, message)
        .hint("give a smaller picture, or raise server.max_upload"))
}

fn unreadable(path: &Path, error: &std::io::Error) -> Failure {
    let message = format!("the reference `{}` cannot be read: {error}", path.display());
    Failure::new(Exit::BadInput, message).hint("give the path of a JPEG, PNG or WebP picture")
}

fn media_type(path: &Path) -> &'static str {
    let ending = path.extension().unwrap_or_default().to_ascii_lowercase();
    match ending.to_str() {
        Some("jpg" | "jpeg") => "image/jpeg",
        Some("png") => "image/png",
        Some("webp") => "image/webp",
        _ => "application/octet-stream",
    }
}
