//! What the API says, as far as the command line reads it.
//!
//! Written from the documentation of the API and tolerant of what it does not know: a
//! server may be newer than this command. The whole answer is kept as it came, for `--json`.

use serde::Deserialize;
use serde_json::Value;

/// A video, with the answer it was read from.
#[derive(Clone, Debug)]
pub(crate) struct Video {
    pub(crate) known: Known,
    pub(crate) whole: Value,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Known {
    pub(crate) id: String,
    pub(crate) status: String,
    #[serde(default)]
    pub(crate) model: Option<String>,
    #[serde(default)]
    pub(crate) progress: f64,
    #[serde(default)]
    pub(crate) created_at: i64,
    #[serde(default)]
    pub(crate) completed_at: Option<i64>,
    #[serde(default)]
    pub(crate) expires_at: Option<i64>,
    #[serde(default)]
    pub(crate) prompt: Option<String>,
    #[serde(default)]
    pub(crate) size: Option<String>,
    #[serde(default)]
    pub(crate) seconds: Option<String>,
    #[serde(default)]
    pub(crate) error: Option<VideoError>,
    #[serde(default)]
    pub(crate) retake: Extension,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct VideoError {
    #[serde(default)]
    pub(crate) code: String,
    #[serde(default)]
    pub(crate) message: String,
}

/// What only Retake tells.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Extension {
    pub(crate) state: Option<String>,
    pub(crate) stage: Option<String>,
    pub(crate) eta_ms: Option<u64>,
    pub(crate) seed: Option<u64>,
    pub(crate) changes: Vec<Change>,
    pub(crate) cost: Option<Cost>,
    pub(crate) attempts: Vec<Attempt>,
    pub(crate) output: Option<Output>,
}

/// What something cost, in millionths of a US dollar.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Cost {
    pub(crate) estimated_usd_micros: Option<u64>,
    pub(crate) certain: bool,
}

impl Cost {
    /// The cost in a few words; nothing where nothing was spent.
    pub(crate) fn told(self) -> Option<String> {
        let Some(micros) = self.estimated_usd_micros else {
            return Some("cost not known".to_owned());
        };
        let cents = micros.div_ceil(10_000);
        let amount = format!("${}.{:02}", cents / 100, cents % 100);
        let told = if self.certain {
            format!("cost {amount}")
        } else {
            format!("cost about {amount}, as listed")
        };
        (cents > 0).then_some(told)
    }
}

/// What is not as it was asked for.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Change {
    pub(crate) param: String,
    pub(crate) asked: String,
    pub(crate) given: Option<String>,
    pub(crate) why: String,
}

impl Change {
    /// The change in a line.
    pub(crate) fn told(&self) -> String {
        let Self { param, asked, given, why } = self;
        match given {
            Some(given) => format!("{param} {asked} became {given}: {why}"),
            None => format!("{param} {asked} was left out: {why}"),
        }
    }
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Attempt {
    pub(crate) number: u64,
    pub(crate) route: Value,
    pub(crate) state: Value,
    pub(crate) cost: Option<Cost>,
    pub(crate) fault: Option<AttemptFault>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct AttemptFault {
    pub(crate) kind: Value,
    pub(crate) message: String,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Output {
    pub(crate) bytes: Option<u64>,
    pub(crate) sha256: Option<String>,
    pub(crate) width: u32,
    pub(crate) height: u32,
    pub(crate) duration_ms: u64,
    pub(crate) video_codec: Option<String>,
    pub(crate) audio_codec: Option<String>,
    pub(crate) media_type: String,
    pub(crate) asked: Spec,
    pub(crate) warnings: Vec<String>,
}

/// What a video was to be.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Spec {
    pub(crate) size: Option<String>,
    pub(crate) duration_ms: Option<u64>,
}

impl Output {
    /// What is odd about the file, in a line; nothing when nothing is.
    pub(crate) fn oddities(&self) -> Option<String> {
        let told = |name: &String| match name.as_str() {
            "size_differs" => {
                let asked = self.asked.size.as_deref().unwrap_or("another size");
                format!("it is {}x{}, not {asked}", self.width, self.height)
            }
            "duration_differs" => {
                let asked = self.asked.duration_ms.unwrap_or_default();
                format!("it plays {}, not {}", in_seconds(self.duration_ms), in_seconds(asked))
            }
            "sound_missing" => "it has no sound".to_owned(),
            other => format!("it is {other}"),
        };
        let told: Vec<_> = self.warnings.iter().map(told).collect();
        (!told.is_empty()).then(|| told.join("; "))
    }
}

fn in_seconds(ms: u64) -> String {
    format!("{}.{:03} s", ms / 1_000, ms % 1_000)
}

/// A page of videos.
#[derive(Debug)]
pub(crate) struct Page {
    pub(crate) videos: Vec<Video>,
    pub(crate) last_id: Option<String>,
    pub(crate) has_more: bool,
}

impl Video {
    pub(crate) fn read(whole: Value) -> Result<Self, serde_json::Error> {
        Ok(Self { known: Known::deserialize(&whole)?, whole })
    }

    pub(crate) fn id(&self) -> &str {
        &self.known.id
    }

    pub(crate) fn prompt(&self) -> &str {
        self.known.prompt.as_deref().unwrap_or_default()
    }

    pub(crate) fn has_ended(&self) -> bool {
        matches!(self.known.status.as_str(), "completed" | "failed")
    }

    pub(crate) fn is_completed(&self) -> bool {
        self.known.status == "completed"
    }

    /// Retake's finer state where it is told, else the status.
    pub(crate) fn state(&self) -> &str {
        self.known.retake.state.as_deref().unwrap_or(&self.known.status)
    }

    /// Seconds between two moments of its life, where both are known.
    pub(crate) fn took_s(&self) -> Option<u64> {
        u64::try_from(self.known.completed_at? - self.known.created_at).ok()
    }
}

impl Page {
    pub(crate) fn read(whole: Value) -> Result<Self, serde_json::Error> {
        #[derive(Deserialize)]
        struct Listed {
            data: Vec<Value>,
            #[serde(default)]
            last_id: Option<String>,
            #[serde(default)]
            has_more: bool,
        }
        let Listed { data, last_id, has_more } = Listed::deserialize(whole)?;
        let videos = data.into_iter().map(Video::read).collect::<Result<_, _>>()?;
        Ok(Self { videos, last_id, has_more })
    }
}

/// A word of the API that may also be something larger: `"rendering"`, or an object.
pub(crate) fn word(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
