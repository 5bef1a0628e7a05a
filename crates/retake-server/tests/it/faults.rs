//! Every scenario that comes with the lab, played through a gateway: what the gateway says of a video has to
//! be what the lab's ledger says.

use futures::future::join_all;
use retake_lab::{Entry, FaultKind, Provider, ScenarioSource, builtin};
use serde_json::{Value, json};

use crate::laboratory::Laboratory;

/// A model, a length in seconds that it can make, and whose it is.
type Asked = (&'static str, &'static str, Provider);

/// Who is asked, in turn from scenario to scenario.
const ASKED: [Asked; 6] = [
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
    model: &'static str,
    video: Value,
    entries: Vec<Entry>,
}

impl Played {
    /// One video in a scenario, of the provider whose turn it is.
    async fn one(scenario: &str, turn: usize) -> Self {
        // Only those who keep files behind the API's own host ask for the key there.
        let is_keyed = scenario == FaultKind::LinkNeedsKey.name();
        let turn = if is_keyed { 0 } else { turn };
        Self::of(source(scenario), ASKED[turn % ASKED.len()]).await
    }

    /// One video in a scenario, of this model.
    async fn of(scenario: ScenarioSource, asked: Asked) -> Self {
        Self::at(&Laboratory::with(scenario, "").await, asked).await
    }

    /// One video of this model.
    async fn at(laboratory: &Laboratory, (model, seconds, provider): Asked) -> Self {
        let request = json!({
            "model": model, "prompt": "a lighthouse", "size": "1280x720", "seconds": seconds,
        });
        let video = laboratory.make(request).await;
        Self { model, video, entries: laboratory.seen(provider) }
    }

    /// Whether nobody knows what a render costs there: on a server of one's own it is on no bill.
    fn has_no_price(&self) -> bool {
        ["vllm/", "sglang/"].iter().any(|own| self.model.starts_with(own))
    }

    /// What is on the bill, in millionths of a US dollar.
    fn billed(&self) -> u64 {
        self.entries.iter().map(|entry| entry.billed_micros).sum()
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

    /// What must hold of the cost whatever went wrong: a sum that is told as certain is what was billed, and what
    /// was billed is never told as free.
    fn tells_what_it_cost(&self, told: impl Fn() -> String) {
        let cost = &self.video["retake"]["cost"];
        if self.has_no_price() {
            let unknown = json!({
                "charged_usd_micros": null, "estimated_usd_micros": null, "certain": false,
            });
            assert_eq!(*cost, unknown, "a price that nobody knows: {}", told());
            return;
        }
        let billed = self.billed();
        let estimated = cost["estimated_usd_micros"].as_u64().unwrap();
        let charged = cost["charged_usd_micros"].as_u64();
        if cost["certain"].as_bool().unwrap() {
            assert_eq!(
                (charged, estimated),
                (Some(billed), billed),
                "the cost is wrong: {}",
                told()
            );
        } else {
            assert!(charged.unwrap_or(0) <= billed, "more is told as charged: {}", told());
            assert!(estimated > 0, "what may have been billed is told as free: {}", told());
            assert!(estimated >= billed, "less is told than was billed: {}", told());
        }
    }

    /// What must hold whatever went wrong.
    fn agrees(&self, scenario: &str) {
        let Self { video, entries, .. } = self;
        let told = || format!("{scenario}: {video:#}\n{entries:#?}");
        self.tells_what_it_cost(told);
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
/// lasts, so those faults end here after two; and what comes late comes soon after the limit of these accounts.
fn source(scenario: &str) -> ScenarioSource {
    let late = [FaultKind::LateCreate, FaultKind::LateAnswer];
    if late.iter().any(|kind| kind.name() == scenario) {
        return ScenarioSource::Text(a_rule(&format!("kind = \"{scenario}\", lasting = \"15s\"")));
    }
    if scenario == FaultKind::SlowPolls.name() {
        return ScenarioSource::Text(a_rule(&format!("kind = \"{scenario}\", lasting = \"8s\"")));
    }
    let drips = [FaultKind::DripPolls, FaultKind::DripDownload];
    if drips.iter().any(|kind| kind.name() == scenario) {
        return ScenarioSource::Text(a_rule(&format!("kind = \"{scenario}\", lasting = \"0s\"")));
    }
    let passing = [FaultKind::Truncated, FaultKind::ExpiredLink, FaultKind::MissingOnce];
    if passing.iter().any(|kind| kind.name() == scenario) {
        return ScenarioSource::Text(a_rule(&format!("kind = \"{scenario}\", times = 2")));
    }
    ScenarioSource::Named(scenario.into())
}

/// Scenarios with this remainder, so that several tests share them.
async fn play(share: usize, shares: usize) {
    let mine = builtin::names().enumerate().filter(|(turn, _)| turn % shares == share);
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
        let Played { video, entries, .. } = Played::one(scenario, 0).await;

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

/// A scenario in which this happens to every create.
fn a_rule(what: &str) -> String {
    format!("[[fault]]\nwhat = {{ {what} }}\n")
}

/// Those whose lost creates can be found in a list.
const LISTED: [Asked; 6] = [
    ("openai/sora-2", "4", Provider::Openai),
    ("vllm/Wan-AI/Wan2.2-T2V-A14B-Diffusers", "4", Provider::Openai),
    ("sglang/Wan-AI/Wan2.2-T2V-A14B-Diffusers", "4", Provider::Openai),
    ("luma/ray-2", "5", Provider::Luma),
    ("fal/fal-ai/veo3.1", "4", Provider::Fal),
    ("replicate/google/veo-3.1", "4", Provider::Replicate),
];

/// An address to call back at, which marks the jobs of those who are told one; nobody answers there.
const REACHED_BY_NOBODY: &str =
    "[server]\nbind = \"127.0.0.1:0\"\npublic_url = \"http://127.0.0.1:9\"\n";

/// However it went, the provider rendered once, and the caller has that video.
async fn one_is_bought_and_delivered(what: &str, asked: Asked) {
    let model = asked.0;
    let laboratory = Laboratory::with(ScenarioSource::Text(a_rule(what)), REACHED_BY_NOBODY).await;

    let played = Played::at(&laboratory, asked).await;

    let Played { video, entries, .. } = &played;
    let told = || format!("{what} at {model}: {video:#}\n{entries:#?}");
    assert_eq!(video["status"], "completed", "{}", told());
    assert_eq!(entries.len(), 1, "{}", told());
    assert_eq!((entries[0].accepted, entries[0].outcome.as_str()), (true, "done"), "{}", told());
    assert!(entries[0].billed_micros > 0, "{}", told());
    assert_eq!(played.attempts().len(), 1, "{}", told());
    played.tells_what_it_cost(told);
    if !model.starts_with("newapi/") && !played.has_no_price() {
        // Luma counts pixels, and its list price is rounded.
        let (billed, cost) = (played.billed(), &video["retake"]["cost"]);
        let estimated = cost["estimated_usd_micros"].as_u64().unwrap();
        assert!(estimated.abs_diff(billed) <= billed / 100, "{}", told());
    }
}

/// Each shape, at everybody who is asked.
macro_rules! bought_once {
    ($($name:ident: $asked:expr, $what:literal;)*) => {$(
        #[tokio::test]
        async fn $name() {
            let played = $asked.into_iter().map(|it| one_is_bought_and_delivered($what, it));
            join_all(played).await;
        }
    )*};
}

/// A relay, which puts its own errors around those of others.
const RELAY: [Asked; 1] = [("newapi/sora-2", "4", Provider::Openai)];

bought_once! {
    a_create_that_lands_after_the_first_look_is_found_and_not_made_again:
        LISTED, "kind = \"late-create\", lasting = \"15s\"";
    an_answer_that_comes_after_its_limit_is_found_and_not_made_again:
        LISTED, "kind = \"late-answer\", lasting = \"15s\"";
    a_502_of_a_proxy_after_the_create_was_taken_costs_no_second_render:
        LISTED, "kind = \"proxy-after-accept\", shape = \"502\"";
    a_503_of_a_proxy_after_the_create_was_taken_costs_no_second_render:
        LISTED, "kind = \"proxy-after-accept\", shape = \"503\"";
    a_504_of_a_proxy_after_the_create_was_taken_costs_no_second_render:
        LISTED, "kind = \"proxy-after-accept\", shape = \"504\"";
    a_302_of_a_proxy_after_the_create_was_taken_costs_no_second_render:
        LISTED, "kind = \"proxy-after-accept\", shape = \"302\"";
    a_307_of_a_proxy_after_the_create_was_taken_costs_no_second_render:
        LISTED, "kind = \"proxy-after-accept\", shape = \"307\"";
    a_404_in_mid_render_ends_nothing:
        ASKED, "kind = \"poll-missing\", progress = 0.2";
    a_minute_of_404_in_mid_render_ends_nothing:
        ASKED, "kind = \"poll-missing\", progress = 0.2, lasting = \"1m\"";
    an_envelope_that_says_do_request_failed_ends_nothing:
        RELAY, "kind = \"poll-envelope\", shape = \"do_request_failed\"";
    an_envelope_that_says_500_ends_nothing:
        RELAY, "kind = \"poll-envelope\", shape = \"500\"";
    an_envelope_that_says_fail_to_fetch_task_ends_nothing:
        RELAY, "kind = \"poll-envelope\", shape = \"fail_to_fetch_task\"";
    a_web_page_in_place_of_the_file_costs_no_second_render:
        ASKED, "kind = \"page-for-file\"";
    json_in_place_of_the_file_costs_no_second_render:
        ASKED, "kind = \"json-for-file\"";
    an_empty_file_costs_no_second_render:
        ASKED, "kind = \"empty-file\"";
    half_a_file_with_the_length_of_the_half_costs_no_second_render:
        ASKED, "kind = \"half-file\"";
    half_a_file_without_a_length_costs_no_second_render:
        ASKED, "kind = \"half-file\", shape = \"chunked\"";
    a_file_that_is_refused_once_with_403_costs_no_second_render:
        ASKED, "kind = \"file-refused\", shape = \"403\"";
    a_file_that_is_refused_once_with_404_costs_no_second_render:
        ASKED, "kind = \"file-refused\", shape = \"404\"";
    a_file_that_is_refused_once_with_410_costs_no_second_render:
        ASKED, "kind = \"file-refused\", shape = \"410\"";
    bytes_after_the_last_box_are_no_fault:
        ASKED, "kind = \"trailing-bytes\"";
    a_render_in_the_steps_of_its_model_is_kept_and_delivered:
        ASKED, "kind = \"grain\"";
    a_file_beside_the_word_failed_is_looked_at_before_another_is_bought:
        ASKED, "kind = \"failed-with-file\"";
    a_file_beside_the_word_unknown_is_looked_at_before_another_is_bought:
        ASKED, "kind = \"unknown-with-file\"";
}

/// Those whose answers name the length that they will make.
const ANNOUNCING: [Asked; 5] = [
    ("openai/sora-2", "12", Provider::Openai),
    ("relay/sora-2", "12", Provider::Openai),
    ("vllm/Wan-AI/Wan2.2-T2V-A14B-Diffusers", "4", Provider::Openai),
    ("sglang/Wan-AI/Wan2.2-T2V-A14B-Diffusers", "4", Provider::Openai),
    ("litellm/sora-2", "12", Provider::Openai),
];

/// A shorter video than was asked for is bought once, delivered with a warning, and never told cheaper than it was.
async fn a_clamped_one_is_delivered(asked: Asked, is_announced: bool) {
    let (model, seconds, provider) = asked;
    let scenario = ScenarioSource::Text(a_rule("kind = \"clamped\""));
    let played = Played::of(scenario, asked).await;

    let Played { video, entries, .. } = &played;
    let told = || format!("clamped at {model}: {video:#}\n{entries:#?}");
    assert_eq!(video["status"], "completed", "{}", told());
    assert_eq!((entries.len(), played.attempts().len()), (1, 1), "{}", told());
    assert_eq!(provider, entries[0].provider);
    let output = &video["retake"]["output"];
    assert!(
        output["warnings"].as_array().unwrap().contains(&json!("duration_differs")),
        "{}",
        told()
    );
    let asked_ms = seconds.parse::<u64>().unwrap() * 1000;
    assert_eq!(output["asked"]["duration_ms"], asked_ms, "{}", told());
    let made = output["measured"]["duration_ms"].as_u64().unwrap();
    assert!(made < asked_ms, "{}", told());
    if is_announced {
        let announced = played.attempts()[0]["announced"]["duration_ms"].as_u64();
        assert!(announced.is_some_and(|it| it.abs_diff(made) < 250), "{}", told());
    }
    played.tells_what_it_cost(told);
}

#[tokio::test]
async fn a_render_that_is_clamped_is_bought_once_and_delivered_with_a_warning() {
    join_all(ASKED.into_iter().map(|it| a_clamped_one_is_delivered(it, false))).await;
}

#[tokio::test]
async fn a_relay_that_clamps_is_heard_when_it_answers_the_create() {
    join_all(ANNOUNCING.into_iter().map(|it| a_clamped_one_is_delivered(it, true))).await;
}

/// What a caller is told of a create that was refused for this cause under the status 500.
async fn a_disguised_refusal_is_heard(cause: &str, asked: Asked) {
    let model = asked.0;
    let rule = a_rule(&format!("kind = \"disguised-refusal\", cause = \"{cause}\""));
    let played = Played::of(ScenarioSource::Text(rule), asked).await;

    let Played { video, entries, .. } = &played;
    let told = || format!("{cause} at {model}: {video:#}\n{entries:#?}");
    assert_eq!(video["status"], "failed", "{}", told());
    assert_eq!(video["error"]["code"], cause, "{}", told());
    assert_eq!((entries.len(), played.attempts().len()), (1, 1), "{}", told());
    let fault = &played.attempts()[0]["fault"];
    assert_eq!(fault["source"], "provider", "{}", told());
    assert!(fault["message"].as_str().is_some_and(|text| !text.is_empty()), "{}", told());
    assert_eq!(played.doubtful(), 0, "{}", told());
    let free = json!({ "charged_usd_micros": 0, "estimated_usd_micros": 0, "certain": true });
    assert_eq!(video["retake"]["cost"], free, "{}", told());
}

#[tokio::test]
async fn the_cause_of_a_refusal_under_the_status_500_is_heard_and_nothing_is_tried_again() {
    let causes = ["account", "content_moderation", "invalid_request"];
    let asked = ASKED.into_iter().flat_map(|it| causes.map(|cause| (cause, it)));
    join_all(asked.map(|(cause, it)| a_disguised_refusal_is_heard(cause, it))).await;
}
