//! A gateway that is killed again and again while its clients go on asking for videos.
//!
//! What it has on record in the end is held against the answers of its clients, and what a receiver of
//! webhooks was told against both.

use std::{
    collections::BTreeSet,
    fs,
    hash::{BuildHasher as _, RandomState},
    path::Path,
    thread,
    time::{Duration, SystemTime},
};

use serde_json::{Value, json};

use crate::{
    clients::Clients,
    database::Schema,
    receiver::{Endpoint, NEAR},
    server::{Server, data_dir},
};

const KILLS: usize = 10;
const CLIENTS: usize = 3;
/// Videos asked for just before each kill, one by each client.
const BURST: usize = CLIENTS;
/// A render takes about as long, so kills hit every stage of one.
const A_RENDER: Duration = Duration::from_millis(400);
/// An answer takes about as long, so kills hit before, in and after the acceptance.
const AN_ANSWER: Duration = Duration::from_millis(4);
/// In a database that replicas share, a gateway that was silent for this long is taken for dead.
const LEASE: &str = "6s";

#[test]
fn ten_kills_at_random_moments_lose_nothing_invent_nothing_and_leave_nothing_behind() {
    ten_kills(&[NEAR]);
}

#[test]
fn ten_kills_at_random_moments_lose_and_invent_nothing_in_postgresql_either() {
    let Some(schema) = Schema::of_test("killing") else { return };
    ten_kills(&[NEAR, ("RETAKE_DATABASE_URL", &schema.url()), ("RETAKE_POLICY__LEASE", LEASE)]);
}

fn ten_kills(variables: &[(&str, &str)]) {
    let mut chance = Chance::new();
    let home = tempfile::tempdir().unwrap();
    let mut server = Server::start_with(home.path(), variables);
    let endpoint = Endpoint::at(&server);
    let clients = Clients::of(&server, CLIENTS);

    for kill in 0..KILLS {
        chance.pause(A_RENDER);
        for number in 0..BURST {
            clients.wish(kill * BURST + number);
        }
        chance.pause(AN_ANSWER);
        server.kill_9();
        server = Server::start_with(home.path(), variables);
        clients.go_to(&server);
    }
    assert_eq!(clients.refusals(), 0, "a gateway that answers takes videos");
    let answers = clients.leave();
    let page = all_ended(&server);

    assert_eq!(answers.len(), KILLS * BURST);
    let asked: BTreeSet<_> = answers.values().map(String::as_str).collect();
    assert_eq!(asked.len(), answers.len(), "two requests got the same video");
    each_was_made_and_told_once(&server, &endpoint, &page, &asked);
    let attempts = videos(&page).flat_map(|video| video["retake"]["attempts"].as_array().unwrap());
    assert!(attempts.count() > answers.len(), "no kill hit a render, so nothing was shown");
    drop(server);
    nothing_else_is_kept(home.path(), variables, &page);
}

/// Waits until every video has ended.
pub(crate) fn all_ended(server: &Server) -> Value {
    server.until("/v1/videos?limit=100", "all ended", |page| {
        videos(page).all(|video| matches!(video["status"].as_str(), Some("completed" | "failed")))
    })
}

/// The videos that were asked for are those on record and those that a receiver was told of, once each.
pub(crate) fn each_was_made_and_told_once(
    server: &Server,
    endpoint: &Endpoint,
    page: &Value,
    asked: &BTreeSet<&str>,
) {
    let listed: BTreeSet<_> = videos(page).map(|video| video["id"].as_str().unwrap()).collect();
    assert_eq!(&listed, asked, "a video was lost or invented");
    for video in videos(page) {
        was_made_once(server, video);
    }
    endpoint.told_of_each_once(server, asked);
}

pub(crate) fn was_made_once(server: &Server, video: &Value) {
    assert_eq!(video["status"], "completed", "{video:#}");
    let attempts = video["retake"]["attempts"].as_array().unwrap();
    let won = attempts.iter().filter(|attempt| attempt["state"] == "succeeded").count();
    assert_eq!(won, 1, "{video:#}");
    let id = video["id"].as_str().unwrap();
    let content = server.bytes(&format!("/v1/videos/{id}/content"));
    assert_eq!(json!(content.len()), video["retake"]["output"]["bytes"]);
    let timeline = server.bytes(&format!("/retake/v1/videos/{id}/events"));
    let timeline = String::from_utf8(timeline).unwrap();
    for event in ["accepted", "completed"] {
        let told = timeline.lines().filter(|line| *line == format!("event: {event}")).count();
        assert_eq!(told, 1, "{event} in {timeline}");
    }
}

/// After its next start the gateway has removed what the kills left, and nothing else.
fn nothing_else_is_kept(home: &Path, variables: &[(&str, &str)], page: &Value) {
    let assets = data_dir(home).join("assets");
    for file in files_below(&assets) {
        let file = fs::File::options().write(true).open(file).unwrap();
        // A young file may belong to a video that is about to be recorded, and would be left alone.
        file.set_modified(SystemTime::UNIX_EPOCH).unwrap();
    }
    let known: BTreeSet<_> =
        videos(page).map(|video| video["retake"]["output"]["sha256"].as_str().unwrap()).collect();
    let is_known = |file: &Path| {
        let stem = file.file_stem().unwrap().to_str().unwrap();
        file.starts_with(assets.join("videos")) && known.contains(stem)
    };

    let _server = Server::start_with(home, variables);
    crate::server::until("only known files are left", || {
        files_below(&assets).iter().all(|file| is_known(file)).then_some(())
    });

    let films = files_below(&assets).into_iter().filter(|file| file.extension().unwrap() == "mp4");
    assert_eq!(films.count(), known.len());
    let work = files_below(&data_dir(home).join("work"));
    assert!(work.is_empty(), "{work:?}");
}

fn files_below(folder: &Path) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        if entry.path().is_dir() {
            found.extend(files_below(&entry.path()));
        } else {
            found.push(entry.path());
        }
    }
    found
}

fn videos(page: &Value) -> impl Iterator<Item = &Value> {
    page["data"].as_array().unwrap().iter()
}

/// Random pauses that can be had again (splitmix64).
pub(crate) struct Chance(u64);

impl Chance {
    /// Takes another seed each time, or the one in `RETAKE_TEST_SEED`.
    #[expect(clippy::print_stderr, reason = "whoever sees the test fail needs the seed")]
    pub(crate) fn new() -> Self {
        let given = std::env::var_os("RETAKE_TEST_SEED").map(|text| text.into_string().unwrap());
        let seed =
            given.map_or_else(|| RandomState::new().hash_one(0), |text| text.parse().unwrap());
        eprintln!("RETAKE_TEST_SEED={seed}");
        Self(seed)
    }

    /// Waits, but not as long as this.
    pub(crate) fn pause(&mut self, longest: Duration) {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut drawn = self.0;
        drawn = (drawn ^ (drawn >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        drawn = (drawn ^ (drawn >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let micros = u64::try_from(longest.as_micros()).unwrap();
        let drawn = drawn ^ (drawn >> 31);
        thread::park_timeout(Duration::from_micros(drawn % micros));
    }
}
