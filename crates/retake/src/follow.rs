//! Following a video until it has ended, whatever happens to the gateway meanwhile.

use std::time::Duration;

use crate::{
    exit::{Exit, Failure},
    progress::Progress,
    session::{Context, Session},
    wire::Video,
};

/// How often a gateway on this machine is asked, and the longest pause for another.
const NEAR: Duration = Duration::from_millis(150);
const FAR: Duration = Duration::from_secs(2);

/// Asks until the video has completed or failed. A gateway that goes away is replaced or
/// waited for: the video goes on from the ledger.
pub(crate) async fn until_ended(
    context: &Context,
    session: &mut Session,
    id: &str,
    progress: &Progress,
) -> Result<Video, Failure> {
    loop {
        match session.gateway().video(id).await {
            Ok(polled) => {
                session.reached();
                progress.show(&polled.video);
                if polled.video.has_ended() {
                    return Ok(polled.video);
                }
                let pause =
                    if session.is_local() { NEAR } else { polled.poll_after.unwrap_or(FAR) };
                tokio::time::sleep(pause.clamp(NEAR, FAR)).await;
            }
            Err(error) => {
                progress.note("the server does not answer, trying again");
                session.recover(context, error).await.map_err(|failure| resume(failure, id))?;
            }
        }
    }
}

/// A failure, with the way back to a video that lives on.
pub(crate) fn resume(failure: Failure, id: &str) -> Failure {
    match failure.exit {
        Exit::NotFound | Exit::Success => failure,
        _ => failure.hint(format!("the video goes on: `retake videos download {id} --wait`")),
    }
}

/// What a video that did not complete has to say.
pub(crate) fn failed(video: &Video) -> Failure {
    let (code, message) = match &video.known.error {
        Some(error) => (error.code.as_str(), error.message.as_str()),
        None => ("", "it gave no reason"),
    };
    let failure = Failure::new(Exit::Failed, format!("{} failed: {message}", video.id()))
        .code(Some(code.to_owned()).filter(|code| !code.is_empty()));
    if code.is_empty() || code == "cancelled" {
        return failure;
    }
    failure.hint(format!("`retake videos show {}` shows what was tried", video.id()))
}
