//! Every scenario that comes with the lab, played through a gateway: what the gateway says of a video has to
//! be what the lab's ledger says.

use futures::future::join_all;
use retake_lab::{Entry, FaultKind, Provider, ScenarioSource, builtin};
use serde_json::{Value, json};

use crate::laboratory::Laboratory;

/// Who is asked, in turn from scenario to scenario.
const ASKED: [(&str, &str, Provider); 6] = [
    ("openai/sora-2", "4", Provider::Openai),
    ("vertex/veo-3.1-generate-001", "4", Provider::Google),
    ("runway/gen4.5", "5", Provider::Runway),
    ("luma/ray-2", "5", Provider::Luma),
    ("fal/fal-ai/veo3.1", "4", Provider::Fal),
    ("replicate/google/veo-3.1", "4", Provider::Replicate),
];

/// Faults of the file: the render was done, and still there is no video that could be handed out.
const SPOILT: [FaultKind; 5] = [
    FaultKind::WrongDuration,
    FaultKind::WrongSize,
    FaultKind::Corrupt,
    FaultKind::DoneWithoutVideo,
    FaultKind::Partial,
];

/// Those of them that leave nothing to deliver. A file that plays and differs is delivered, with a warning.
const UNUSABLE: [FaultKind; 2] = [FaultKind::Corrupt, FaultKind::DoneWithoutVideo];

struct Played {
    video: Value,
    entries: Vec<Entry>,
}

impl Played {
    /// One video in a scenario, of the provider whose turn it is.
    async fn one(scenario: &str, turn: usize) -> Self {
        let (model, seconds, provider) = ASKED[turn % ASKED.len()];
        let laboratory = Laboratory::with(source(scenario), "").await;
        let request = json!({
            "model": model, "prompt": "a lighthouse", "size": "1280x720", "seconds": seconds,
        });
        let video = laboratory.make(request).await;
        Self { video, entries: laboratory.seen(provider) }
    }

    fn attempts(&self) -> &[Value] {
        self.video["retake"]["attempts"].as_array().map_or(&[], Vec::as_slice)
    }

    /// Whether an attempt knows of the render that the lab accepted.
    fn is_known(&self, entry: &Entry) -> bool {
        let Some(id) = &entry.remote_id else { return true };
        let knows = |attempt: &Value| {
            attempt["remote_id"].as_str().is_some_and(|known| known.contains(id.as_str()))
        };
        self.attempts().iter().any(knows)
    }

    /// Attempts whose render nobody can find, and which say that they may be on the bill.
    fn doubtful(&self) -> usize {
        let doubts = |attempt: &&Value| {
            let message = attempt["fault"]["message"].as_str().unwrap_or_default();
            message.contains("may have been")
        };
        self.attempts().iter().filter(doubts).count()
    }

    /// What must hold whatever went wrong.
    fn agrees(&self, scenario: &str) {
        let Self { video, entries } = self;
        let told = || format!("{scenario}: {video:#}\n{entries:#?}");
        let unknown = entries.iter().filter(|entry| !self.is_known(entry)).count();
        assert!(unknown <= self.doubtful(), "a render is unaccounted for: {}", told());
        let creates = entries.len();
        assert!(creates <= self.attempts().len(), "more creates than attempts: {}", told());
        let has = |entry: &Entry, kinds: &[FaultKind]| {
            kinds.iter().any(|kind| entry.faults.iter().any(|name| name == kind.name()))
        };
        let spoils = |entry: &Entry| has(entry, &SPOILT);
        let done: Vec<_> = entries.iter().filter(|entry| entry.outcome == "done").collect();
        match video["status"].as_str() {
            Some("completed") => {
                let sound = done.iter().filter(|entry| !spoils(entry)).count();
                let usable = done.iter().filter(|entry| !has(entry, &UNUSABLE)).count();
                assert!(usable >= 1, "completed without a render: {}", told());
                assert!(sound <= 1 + self.doubtful(), "rendered twice: {}", told());
            }
            Some("failed") => {
                assert!(
                    done.iter().all(|entry| spoils(entry) || !self.is_known(entry)),
                    "{}",
                    told()
                );
                self.names_the_cause(told);
            }
            _ => unreachable!("it has ended"),
        }
    }

    /// A refusal or failure that the provider explained is told by its cause.
    fn names_the_cause(&self, told: impl Fn() -> String) {
        let explained = ["refused", "fail", "credit-out", "soft-block", "rate-limited"];
        let Some(last) = self.entries.last() else { return };
        let is_explained = last.faults.iter().any(|name| explained.contains(&name.as_str()));
        if let (true, Some(cause)) = (is_explained, last.true_cause) {
            let expected = serde_json::to_value(cause).unwrap();
            let code = self.video["error"]["code"].as_str().unwrap_or_default();
            assert_eq!(Some(code), expected.as_str(), "{}", told());
        }
    }
}

/// The scenario of that name. A file that breaks off at every download would be waited for as long as its link
/// lasts, so those faults end here after two.
fn source(scenario: &str) -> ScenarioSource {
    let passing = [FaultKind::Truncated, FaultKind::ExpiredLink, FaultKind::MissingOnce];
    if passing.iter().any(|kind| kind.name() == scenario) {
        let rule = format!("[[fault]]\nwhat = {{ kind = \"{scenario}\", times = 2 }}\n");
        return ScenarioSource::Text(rule);
    }
    ScenarioSource::Named(scenario.into())
}

/// Shapes in which an answer or a file goes wrong and the render does not. They are not played here yet.
const NOT_PLAYED: [FaultKind; 18] = [
    FaultKind::ProxyAfterAccept,
    FaultKind::LateAnswer,
    FaultKind::LateCreate,
    FaultKind::DisguisedRefusal,
    FaultKind::PollMissing,
    FaultKind::PollEnvelope,
    FaultKind::DripPolls,
    FaultKind::FailedWithFile,
    FaultKind::UnknownWithFile,
    FaultKind::Clamped,
    FaultKind::FileRefused,
    FaultKind::PageForFile,
    FaultKind::JsonForFile,
    FaultKind::EmptyFile,
    FaultKind::HalfFile,
    FaultKind::TrailingBytes,
    FaultKind::Grain,
    FaultKind::DripDownload,
];

/// Scenarios with this remainder, so that several tests share them.
async fn play(share: usize, shares: usize) {
    let is_played = |name: &&str| NOT_PLAYED.iter().all(|kind| kind.name() != *name);
    let names = builtin::names().filter(is_played).enumerate();
    let mine = names.filter(|(turn, _)| turn % shares == share);
    let played = mine.map(|(turn, scenario)| async move {
        Played::one(scenario, turn).await.agrees(scenario);
    });
    join_all(played).await;
}

macro_rules! shares {
    ($of:literal: $($name:ident = $share:literal),*) => {$(
        #[tokio::test]
        async fn $name() {
            play($share, $of).await;
        }
    )*};
}

shares! { 7:
    every_scenario_ends_as_the_ledger_says_1 = 0,
    every_scenario_ends_as_the_ledger_says_2 = 1,
    every_scenario_ends_as_the_ledger_says_3 = 2,
    every_scenario_ends_as_the_ledger_says_4 = 3,
    every_scenario_ends_as_the_ledger_says_5 = 4,
    every_scenario_ends_as_the_ledger_says_6 = 5,
    every_scenario_ends_as_the_ledger_says_7 = 6
}

#[tokio::test]
async fn a_render_of_another_size_or_length_is_bought_once_and_delivered_with_a_warning() {
    for (scenario, warning) in
        [("wrong-size", "size_differs"), ("wrong-duration", "duration_differs")]
    {
        let Played { video, entries } = Played::one(scenario, 0).await;

        assert_eq!(video["status"], "completed", "{video:#}");
        assert_eq!(entries.len(), 1, "{entries:#?}");
        let output = &video["retake"]["output"];
        let warnings = output["warnings"].as_array().unwrap();
        assert!(warnings.contains(&json!(warning)), "{output:#}");
        assert_eq!(output["differences"][0]["kind"], warning, "{output:#}");
        assert_eq!(output["asked"]["size"], "1280x720", "{output:#}");
        assert!(output["measured"]["duration_ms"].is_u64(), "{output:#}");
        let cost = &video["retake"]["cost"];
        assert!(cost["estimated_usd_micros"].as_u64().unwrap() > 0, "{cost:#}");
    }
}
