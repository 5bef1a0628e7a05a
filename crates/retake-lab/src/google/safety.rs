//! The safety filters' categories and their support codes (Google Cloud, "Responsible AI for Veo",
//! 2026-11-21).

use super::status::{Code, Status};

/// A category: the name of its shape, how messages name it, and its support codes.
type Category = (&'static str, &'static str, &'static [&'static str]);

const CATEGORIES: &[Category] = &[
    ("child", "child safety", &["58061214", "17301594"]),
    ("celebrity", "a photorealistic likeness of a prominent person", &["29310472", "15236754"]),
    ("video-safety", "video safety", &["64151117", "42237218"]),
    ("dangerous", "dangerous content", &["62263041"]),
    ("hate", "hate", &["57734940", "22137204"]),
    ("other", "other safety issues", &["74803281", "29578790", "42876398"]),
    (
        "prohibited",
        "prohibited content",
        &["89371032", "49114662", "63429089", "72817394", "60599140"],
    ),
    ("third-party", "interests of third-party content providers", &["35561574", "35561575"]),
    ("sexual", "sexual content", &["90789179", "43188360"]),
    ("toxic", "toxic content", &["78610348"]),
    ("violence", "violence", &["61493863", "56562880"]),
    ("vulgar", "vulgar content", &["32635315"]),
    ("pii", "personal information", &["92201652"]),
    ("person", "a person or face", &["39322892"]),
];

/// The shape of a block that has no support code: the sound track was refused.
const AUDIO: &str = "audio";

/// The names of the shapes; `audio` blocks are for outputs only.
pub(super) fn shapes(of_output: bool) -> Vec<&'static str> {
    let names = CATEGORIES.iter().map(|(name, ..)| *name);
    names.chain(of_output.then_some(AUDIO)).collect()
}

/// One of `raiMediaFilteredReasons`.
pub(super) fn reason(shape: &str, sample: u64) -> String {
    match find_category(shape, sample) {
        Some((label, code)) => format!(
            "The generated video was filtered out because it may violate the usage guidelines \
             ({label}). Rephrase the prompt and try again. Support codes: {code}"
        ),
        None => "The video could not be delivered because of an issue with its audio. You were \
                 not charged. Try again or change the prompt."
            .to_owned(),
    }
}

/// The error for a prompt that is refused by the create.
pub(super) fn refusal(shape: &str, sample: u64) -> Status {
    let (label, code) = find_category(shape, sample).unwrap_or(("safety", "64151117"));
    Status::new(
        Code::InvalidArgument,
        format!(
            "The prompt could not be submitted: it contains words that violate the usage \
             guidelines ({label}). Support codes: {code}"
        ),
    )
}

fn find_category(shape: &str, sample: u64) -> Option<(&'static str, &'static str)> {
    let (_, label, codes) = CATEGORIES.iter().find(|(name, ..)| *name == shape)?;
    let nth = usize::try_from(sample >> 8).unwrap_or_default() % codes.len().max(1);
    Some((label, codes.get(nth)?))
}
