//! A gateway that is killed again and again while it works with providers that are paid for each render. What was
//! paid, the lab's ledger knows.

use std::{collections::BTreeSet, fs, time::Duration};

use retake_lab::{Entry, Lab, LabConfig, Provider, ScenarioSource};
use serde_json::{Value, json};

use crate::{
    killing::{Chance, all_ended},
    server::Server,
};

const KILLS: usize = 8;
const BURST: usize = 3;
/// A render at the lab takes about as long, so kills hit every stage of one.
const A_RENDER: Duration = Duration::from_millis(400);
/// A submit takes about as long, so kills hit before, in and after it.
const A_SUBMIT: Duration = Duration::from_millis(8);

/// Kills a gateway with an account at the lab, and yields its videos and what the provider saw.
fn killed(
    account: &str,
    policy: &str,
    scenario: ScenarioSource,
    provider: Provider,
    request: &Value,
) -> (Vec<Value>, Vec<Entry>) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let lab = LabConfig { scenario, speed: Some(100.0), ..LabConfig::default() };
    let lab = runtime.block_on(Lab::start(lab)).unwrap();
    let home = tempfile::tempdir().unwrap();
    let url = lab.urls().provider(provider);
    let settings = format!(
        "[accounts.lab]\nbase_url = \"{url}\"\napi_key_env = \"LAB_KEY\"\npoll_interval = \"20ms\"\n\
         render_timeout = \"40s\"\nresponse_timeout = \"5s\"\nconcurrency = 8\n{account}\n\
         [policy]\nretry_delay = \"50ms\"\nmax_attempts = 50\n{policy}\n"
    );
    fs::write(home.path().join("retake.toml"), settings).unwrap();
    let variables = [("LAB_KEY", "key_of_nobody")];
    let mut chance = Chance::new();
    let mut server = Server::start_with(home.path(), &variables);
    for _ in 0..KILLS {
        chance.pause(A_RENDER);
        for _ in 0..BURST {
            server.create(request);
        }
        chance.pause(A_SUBMIT);
        server.kill_9();
        server = Server::start_with(home.path(), &variables);
    }
    let page = all_ended(&server);
    let videos = page["data"].as_array().unwrap().clone();
    drop(server);
    let entries = lab.ledger().entries;
    runtime.block_on(lab.stop());
    (videos, entries)
}

/// Attempts of which the gateway itself says that they may be on the bill for nothing.
fn doubtful(videos: &[Value]) -> usize {
    let attempts = videos.iter().flat_map(|it| it["retake"]["attempts"].as_array().unwrap());
    let doubts = |attempt: &&Value| {
        let message = attempt["fault"]["message"].as_str().unwrap_or_default();
        message.contains("may have been")
    };
    attempts.filter(doubts).count()
}

/// Every render that was paid for is that of a video, and each video has one of its own.
fn nothing_is_paid_unseen(videos: &[Value], entries: &[Entry]) -> usize {
    assert_eq!(videos.len(), KILLS * BURST);
    let mut won = BTreeSet::new();
    for video in videos {
        assert_eq!(video["status"], "completed", "{video:#}");
        let attempts = video["retake"]["attempts"].as_array().unwrap();
        let last = attempts.last().unwrap();
        assert_eq!(last["state"], "succeeded", "{video:#}");
        assert!(won.insert(last["remote_id"].as_str().unwrap()), "two videos share a render");
    }
    let paid = entries.iter().filter(|entry| entry.billed_micros > 0).count();
    paid - won.len()
}

// verifies: fal: look-up
#[test]
fn eight_kills_pay_for_each_video_once_where_lost_renders_can_be_looked_up() {
    let request = json!({
        "model": "fal-ai/veo3.1", "prompt": "a lighthouse", "size": "1280x720", "seconds": "4",
    });

    // fal lists a render when it is over, so it is looked for twice, two minutes apart.
    let policy = "on_unknown_submit = \"continue_after:150s\"";
    let calm = ScenarioSource::Named("calm".into());
    let (videos, entries) = killed("provider = \"fal\"", policy, calm, Provider::Fal, &request);

    let unneeded = nothing_is_paid_unseen(&videos, &entries);
    assert_eq!(unneeded, 0, "{entries:#?}");
}

/// Answers of proxies and of the provider that say nothing true of the render, each for a part of the videos.
const MISLEADING: &str = r#"
    [[fault]]
    when = { probability = 0.2 }
    what = { kind = "proxy-after-accept", shape = "503" }
    [[fault]]
    when = { probability = 0.3 }
    what = { kind = "poll-missing", progress = 0.2, times = 2 }
    [[fault]]
    when = { probability = 0.4 }
    what = { kind = "page-for-file", times = 1 }
    [[fault]]
    when = { probability = 0.5 }
    what = { kind = "half-file", times = 1 }
"#;

#[test]
fn eight_kills_among_misleading_answers_pay_for_each_video_once_where_lost_renders_can_be_looked_up()
 {
    let request = json!({
        "model": "google/veo-3.1", "prompt": "a lighthouse", "size": "1280x720", "seconds": "4",
    });

    let policy = "on_unknown_submit = \"continue_after:150s\"";
    let misleading = ScenarioSource::Text(MISLEADING.into());
    let account = "provider = \"replicate\"";
    let (videos, entries) = killed(account, policy, misleading, Provider::Replicate, &request);

    let unneeded = nothing_is_paid_unseen(&videos, &entries);
    assert_eq!(unneeded, 0, "{entries:#?}");
}

// verifies: runway: look-up
#[test]
fn eight_kills_pay_for_nothing_that_is_not_told_where_lost_renders_cannot_be_found() {
    let request = json!({
        "model": "gen4.5", "prompt": "a lighthouse", "size": "1280x720", "seconds": "5",
    });

    let policy = "on_unknown_submit = \"continue_after:2s\"";
    let calm = ScenarioSource::Named("calm".into());
    let account = "provider = \"runway\"";
    let (videos, entries) = killed(account, policy, calm, Provider::Runway, &request);

    let unneeded = nothing_is_paid_unseen(&videos, &entries);
    let doubtful = doubtful(&videos);
    assert!(unneeded <= doubtful, "{unneeded} renders paid for nothing, {doubtful} told of");
}
