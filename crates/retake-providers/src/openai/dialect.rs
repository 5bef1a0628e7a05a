//! What differs between the servers that speak `/v1/videos`, as data.
//!
//! A dialect says where things are, what the fields are called and what can be relied on. It says nothing
//! about reading: answers are read in the same tolerant way for all.

mod known;

use std::time::Duration;

pub(super) use self::known::{
    AZURE, AZURE_JOBS, LITELLM, NEWAPI, OPENAI, OPENROUTER, RELAY, RELAY_JSON, SGLANG, VLLM_OMNI,
};
use crate::{ProviderInfo, Settings, SettingsError};

/// How one kind of server speaks.
#[derive(Clone, Copy, Debug)]
pub(super) struct Dialect {
    /// What is known of its accounts.
    pub(super) facts: ProviderInfo,
    /// Where its API begins, for a base URL that names no more than a host.
    pub(super) root: &'static str,
    /// How the key is shown.
    pub(super) key: Key,
    /// Where renders are made and listed.
    pub(super) create: &'static str,
    /// The API version that every URL names, where one has to.
    pub(super) api_version: Option<&'static str>,
    /// How a create is written.
    pub(super) encoding: Encoding,
    /// How its fields are called.
    pub(super) words: Words,
    /// Where the file is.
    pub(super) result: Source,
    /// How its answers name a render.
    pub(super) names: Names,
    /// What its list is worth.
    pub(super) list: List,
    /// Whether DELETE stops a render that runs. Elsewhere it only removes one that is over.
    pub(super) delete_stops: bool,
    /// What is asked to see whether the account works.
    pub(super) check: Check,
    /// How its notices are signed.
    pub(super) hook: Signed,
    /// The pause between two polls, unless an answer asks for another.
    pub(super) poll_interval: Duration,
    /// The longest that a render takes.
    pub(super) longest: Duration,
    /// The usual time of a render, rounded up.
    pub(super) usual: Duration,
    /// What to say when nothing is found where videos should be made.
    pub(super) removed: Option<&'static str>,
}

/// How the key is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Key {
    /// `Authorization: Bearer …`; without a key not at all where `needed` is false.
    Bearer {
        /// Whether nothing goes without one.
        needed: bool,
    },
    /// In a header of its own: `api-key`.
    Header(&'static str),
}

/// How a create is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Encoding {
    /// As a form, as OpenAI's own clients send it even without a file.
    Form,
    /// As JSON.
    Json,
    /// As JSON, but as a form when a picture comes with it.
    JsonOrForm,
}

/// How the fields of a create are called. A dot leads into an object: `metadata.seed`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Words {
    /// The length.
    pub(super) seconds: Number,
    /// The length once more, where what stands behind the server reads it under another name.
    pub(super) seconds_too: Option<Number>,
    /// Width and height.
    pub(super) size: Shape,
    /// The negative prompt.
    pub(super) negative: Option<&'static str>,
    /// The seed.
    pub(super) seed: Option<Word>,
    /// The switch for sound.
    pub(super) audio: Option<Word>,
    /// The picture to start from.
    pub(super) first_frame: Picture,
    /// Where a notice is to be sent, where a create can say so. Only `https` ones are taken.
    pub(super) hook: Option<&'static str>,
    /// What is always said.
    pub(super) fixed: &'static [(&'static str, u32)],
}

/// A field that not every model behind a server takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Word {
    /// The server documents it for all its models.
    Always(&'static str),
    /// Only said when the catalog has the model and says that it takes it.
    IfListed(&'static str),
}

/// How a number is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Number {
    /// As a text: `"4"`.
    Text(&'static str),
    /// As a number: `4`.
    Plain(&'static str),
}

/// How width and height are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// As one text: `1280x720`.
    Size(&'static str),
    /// As two numbers: `width`, `height`.
    Sides,
}

/// How the picture to start from is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Picture {
    /// As a file of a form; in JSON as an object with an `image_url`.
    File(&'static str),
    /// As a text: a `data:` URL, or a public one when it is too large for that.
    Url(&'static str),
    /// `OpenRouter`'s list of frames.
    Frames,
    /// Azure's list of things to paint in, at frame 0, with the file beside it.
    Inpaint,
}

/// Where the file of a finished render is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Source {
    /// At `/content` below the render.
    Content,
    /// The render may name an address; else at `/content`.
    NamedOrContent,
    /// At the content of the render's first generation, which has an id of its own.
    Generation,
}

/// How the answer to a poll names the render that was asked about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Names {
    /// As the answer to the create did, always.
    Same,
    /// As `LiteLLM` does: with the way to the provider around the provider's own id, and that way may be written
    /// otherwise than at the create.
    Routed,
    /// As the answer to the create did, or not at all.
    SameOrNone,
}

/// What a list of renders is worth for finding one whose submit got no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum List {
    /// There is none, or it does not show all.
    None,
    /// It shows what is there, but how far it goes back is not known.
    Some,
    /// It is documented to show all, so that its end is the end.
    Whole,
    /// The same, and it repeats what was asked. Others rewrite prompts and round sizes and lengths.
    Verbatim,
}

/// What is asked to see whether the account works.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Check {
    /// One entry of the list of renders: it also shows that there is a Videos API.
    List,
    /// The models.
    Models,
    /// `OpenRouter`'s account of the key.
    Key,
}

/// How notices are signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Signed {
    /// No notices are sent.
    Never,
    /// As Standard Webhooks says.
    Standard,
    /// `OpenRouter`'s way: hexadecimal, over time, comma and body; without a secret not at all.
    OpenRouter,
}

const KNOWN: [&Dialect; 9] =
    [&OPENAI, &AZURE, &AZURE_JOBS, &OPENROUTER, &VLLM_OMNI, &SGLANG, &LITELLM, &NEWAPI, &RELAY];

impl Dialect {
    /// The dialect of an account. A relay can be told to take JSON by the option `encoding`.
    pub(super) fn of(settings: &Settings) -> Result<&'static Self, SettingsError> {
        let variant = settings.facts()?.variant;
        let found = KNOWN.into_iter().find(|dialect| dialect.facts.variant == variant);
        let dialect = match found {
            // What speaks like OpenAI elsewhere may have a list that is none.
            Some(_) if variant.is_none() && settings.is_elsewhere() => &known::OPENAI_ELSEWHERE,
            Some(dialect) => dialect,
            None => &RELAY,
        };
        match settings.option("encoding") {
            None => Ok(dialect),
            Some("json") if variant == RELAY.facts.variant => Ok(&RELAY_JSON),
            Some("form") if dialect.encoding == Encoding::Form => Ok(dialect),
            Some(other) => Err(SettingsError::Unusable {
                option: "encoding",
                why: format!("`{other}` is not `json` or `form`, or no choice for this variant"),
            }),
        }
    }
}
