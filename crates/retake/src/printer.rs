//! The only place that prints. stdout is data, stderr is talk.
//!
//! Prompts and error messages come from elsewhere, so what goes to a terminal is made
//! harmless here: control characters are shown, not obeyed. A reader that hangs up
//! (`retake videos list | head -1`) is no error, and a full disk behind stdout is.

use std::io::{self, ErrorKind, IsTerminal as _, Write};

use retake_server::config::Environment;
use serde::Serialize;

use crate::exit::{Exit, Failure};

/// How this command talks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Printer {
    /// Data and failures as JSON.
    pub(crate) json: bool,
    /// No talk, only data and failures.
    pub(crate) quiet: bool,
    color: bool,
}

/// How a piece of text looks on a terminal.
#[derive(Clone, Copy, Debug)]
enum Style {
    Error,
    Hint,
}

#[expect(
    clippy::unused_self,
    reason = "who prints needs a printer, also for what looks the same everywhere"
)]
impl Printer {
    pub(crate) fn new(json: bool, quiet: bool, environment: &Environment) -> Self {
        let dumb = environment.get("TERM") == Some("dumb");
        let color = io::stderr().is_terminal() && environment.get("NO_COLOR").is_none() && !dumb;
        Self { json, quiet, color }
    }

    /// Whether a person watches stderr, so that something may move there.
    pub(crate) fn is_watched(self) -> bool {
        !self.quiet && io::stderr().is_terminal()
    }

    pub(crate) fn has_color(self) -> bool {
        self.color
    }

    /// Data on stdout: whole lines, which may be several.
    pub(crate) fn data(self, text: &str) -> Result<(), Failure> {
        let text: String = text.lines().flat_map(|line| [printable(line), "\n".into()]).collect();
        to_stdout(text.as_bytes())
    }

    /// Text of our own making on stdout, byte for byte.
    pub(crate) fn verbatim(self, text: &[u8]) -> Result<(), Failure> {
        to_stdout(text)
    }

    /// One JSON document on stdout.
    pub(crate) fn json(self, value: &impl Serialize) -> Result<(), Failure> {
        let text = serde_json::to_string_pretty(value)
            .map_err(|error| Failure::caused_by(Exit::Failed, &error))?;
        to_stdout(format!("{}\n", harmless_json(&text)).as_bytes())
    }

    /// Talk on stderr.
    pub(crate) fn say(self, line: &str) {
        if !self.quiet {
            to_stderr(&format!("{}\n", printable(line)));
        }
    }

    /// Tells why the command did not do what it was asked.
    pub(crate) fn failure(self, failure: &Failure) {
        if !failure.is_worth_telling() {
            return;
        }
        if self.json {
            to_stderr(&format!("{}\n", harmless_json(&failure.to_json().to_string())));
            return;
        }
        let message: Vec<_> = failure.message().lines().map(printable).collect();
        to_stderr(&format!("{} {}\n", self.paint(Style::Error, "error:"), message.join("\n")));
        for hint in failure.hints() {
            to_stderr(&format!("{} {}\n", self.paint(Style::Hint, "hint:"), printable(hint)));
        }
    }

    /// Our own text in a colour, where there is colour.
    fn paint(self, style: Style, text: &str) -> String {
        if !self.color {
            return text.to_owned();
        }
        let code = match style {
            Style::Error => "1;31",
            Style::Hint => "36",
        };
        format!("\x1b[{code}m{text}\x1b[0m")
    }
}

/// Text that a terminal shows and does not obey: controls and characters that reorder or
/// hide others are written as escapes.
pub(crate) fn printable(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\t' => shown.push(' '),
            c if is_harmful(c) => shown.extend(c.escape_unicode()),
            c => shown.push(c),
        }
    }
    shown
}

/// JSON whose strings a terminal cannot obey either. serde escapes the ASCII controls, but
/// not these; outside of strings they cannot occur.
fn harmless_json(text: &str) -> String {
    let harmless = |c: char| {
        if c != '\n' && is_harmful(c) { format!("\\u{:04x}", u32::from(c)) } else { c.to_string() }
    };
    text.chars().map(harmless).collect()
}

fn is_harmful(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

fn to_stdout(bytes: &[u8]) -> Result<(), Failure> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(bytes).and_then(|()| stdout.flush()).map_err(|error| output_failure(&error))
}

/// What it means that stdout takes no more.
pub(crate) fn output_failure(error: &io::Error) -> Failure {
    match error.kind() {
        ErrorKind::BrokenPipe => Failure::nobody_listens(),
        _ => Failure::new(Exit::CannotWrite, format!("cannot write to standard output: {error}")),
    }
}

/// Talk that nobody can hear is no reason to fail.
fn to_stderr(text: &str) {
    let _ = io::stderr().lock().write_all(text.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prompt_cannot_command_the_terminal() {
        let prompt = "a cat\u{1b}]0;owned\u{7}\u{9b}31m\r\u{202e}gnp 猫 👩‍🚀";

        let shown = printable(prompt);

        assert!(!shown.chars().any(is_harmful), "{shown}");
        assert!(shown.contains("a cat\\u{1b}]0;owned") && shown.contains('猫'), "{shown}");
    }

    #[test]
    fn json_stays_json_when_it_is_made_harmless() {
        let value = serde_json::json!({ "prompt": "a\u{9b}b\u{202e}c\n\u{1b}" });

        let text = harmless_json(&serde_json::to_string_pretty(&value).unwrap());

        assert!(!text.chars().any(|c| c != '\n' && is_harmful(c)), "{text}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&text).unwrap(), value);
    }
}
