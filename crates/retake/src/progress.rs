//! What a person sees while a video is made: a bar on a terminal, a few plain lines elsewhere.

use std::{cell::RefCell, time::Duration};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::{printer::Printer, wire::Video};

const TICK: Duration = Duration::from_millis(120);

/// The progress of one video.
#[derive(Debug)]
pub(crate) struct Progress {
    printer: Printer,
    bar: Option<ProgressBar>,
    /// The last note, so that it is not repeated with every try.
    noted: RefCell<String>,
}

impl Progress {
    pub(crate) fn new(printer: Printer) -> Self {
        let bar = printer.is_watched().then(|| {
            let bar = ProgressBar::with_draw_target(Some(100), ProgressDrawTarget::stderr());
            bar.set_style(style(printer.has_color()));
            bar.set_message("queued");
            bar.enable_steady_tick(TICK);
            bar
        });
        Self { printer, bar, noted: RefCell::default() }
    }

    /// The video was accepted.
    pub(crate) fn begin(&self, video: &Video) {
        if self.bar.is_none() {
            let known = &video.known;
            let facts = [
                known.model.clone(),
                known.seconds.as_ref().map(|seconds| format!("{seconds} s")),
                known.size.clone(),
            ];
            let facts: Vec<_> = facts.into_iter().flatten().collect();
            self.printer.say(&format!("making {} ({})", video.id(), facts.join(", ")));
        }
        self.show(video);
        for change in &video.known.retake.changes {
            self.note(&change.told());
        }
    }

    pub(crate) fn show(&self, video: &Video) {
        self.noted.borrow_mut().clear();
        let Some(bar) = &self.bar else { return };
        bar.set_message(stage(video).to_owned());
        bar.set_prefix(left(video.known.retake.eta_ms));
        // In range by construction: clamped before it is cut to a whole number.
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 100")]
        bar.set_position(video.known.progress.clamp(0.0, 100.0) as u64);
    }

    /// Something worth knowing, once.
    pub(crate) fn note(&self, note: &str) {
        if *self.noted.borrow() == note {
            return;
        }
        note.clone_into(&mut self.noted.borrow_mut());
        match &self.bar {
            Some(bar) => bar.suspend(|| self.printer.say(note)),
            None => self.printer.say(note),
        }
    }

    /// Takes the bar away.
    pub(crate) fn end(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.end();
    }
}

fn stage(video: &Video) -> &str {
    match video.known.retake.stage.as_deref() {
        Some("submitting") => "starting",
        Some(stage @ ("queued" | "waiting" | "rendering" | "storing" | "done")) => stage,
        _ if video.known.status == "queued" => "queued",
        _ => "rendering",
    }
}

fn left(eta_ms: Option<u64>) -> String {
    match eta_ms.map(|ms| ms.div_ceil(1_000)) {
        None | Some(0) => String::new(),
        Some(seconds @ 1..=90) => format!("about {seconds} s left"),
        Some(seconds) => format!("about {} min left", seconds.div_ceil(60)),
    }
}

fn style(color: bool) -> ProgressStyle {
    let bar = if color { "{bar:30.cyan/dim}" } else { "{bar:30}" };
    let template =
        format!("{{spinner}} {{msg:<9}} {bar} {{percent:>3}} %  {{elapsed}}  {{prefix}}");
    ProgressStyle::with_template(&template)
        .unwrap_or_else(|_| ProgressStyle::default_bar())
        .progress_chars("━╸─")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_left_is_told_roughly_and_only_when_known() {
        let told = [None, Some(0), Some(1_200), Some(89_000), Some(200_000)].map(left);

        assert_eq!(told, ["", "", "about 2 s left", "about 89 s left", "about 4 min left"]);
    }
}
