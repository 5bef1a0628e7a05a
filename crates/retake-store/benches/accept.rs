//! How many jobs a second the ledger takes on durably, and how long one of them waits for its answer.
//!
//! `cargo bench -p retake-store --bench accept -- --stored 1000000 --open 100000 --seconds 5 --dir PATH`
//!
//! `--keep FILE` makes the ledger there and leaves it, for the bench of the gateway.
//! `--database URL` measures a PostgreSQL database, which should be empty, instead of a file under `--dir`.
//! `--stored` finished jobs and `--open` waiting ones are there before; a table gives the figures for 1, 16
//! and 64 producers that each wait for their answer before they go on, and what the other verbs take then.
#![expect(clippy::print_stdout, clippy::unwrap_used, reason = "a bench prints, and may break off")]

use std::{
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use jiff::{SignedDuration, Timestamp, civil::Date};
use retake_core::{
    catalog::Catalog,
    decide::SlotWait,
    ids::{ReplicaId, VideoId},
    job::{Event, JobRecord},
    plan::{Candidate, Plan, PlanContext, plan},
    request::VideoRequest,
};
use retake_store::{Change, Claimed, Ledger, NewJob, Page, PostgresLedger, Slots, SqliteLedger};
use tokio::task::JoinSet;

const START: Timestamp = Timestamp::constant(1_800_000_000, 0);
const PRODUCERS: [usize; 3] = [1, 16, 64];

struct Options {
    stored: u32,
    open: u32,
    seconds: u64,
    dir: Option<PathBuf>,
    keep: Option<PathBuf>,
    database: Option<String>,
}

/// Everything a producer needs to make jobs of its own.
#[derive(Clone)]
struct Maker {
    request: VideoRequest,
    plan: Plan,
    begun: Instant,
}

impl Maker {
    fn new() -> Self {
        let prompt =
            "A lighthouse on a cliff at dusk, its light going round; slow push in. ".repeat(6);
        let request = VideoRequest { prompt, ..VideoRequest::default() };
        let catalog = Catalog::shipped().unwrap();
        let model = catalog.model("animatic", "animatic").unwrap();
        let routes = ["north/animatic", "south/animatic"];
        let candidates: Vec<_> = routes
            .map(|route| Candidate { route: route.parse().unwrap(), model })
            .into_iter()
            .collect();
        let plan =
            plan(&request, &candidates, &PlanContext::plain(7, Date::constant(2026, 11, 21)))
                .unwrap();
        Self { request, plan, begun: Instant::now() }
    }

    fn now(&self) -> Timestamp {
        START + SignedDuration::try_from(self.begun.elapsed()).unwrap()
    }

    fn job(&self) -> NewJob {
        let now = self.now();
        let (request, plan) = (self.request.clone(), self.plan.clone());
        NewJob {
            id: VideoId::new(now),
            created_at: now,
            owner: None,
            request,
            plan,
            waits: vec![SlotWait { account: "north".to_owned(), from: now }],
            repeat: None,
            max_open: None,
        }
    }
}

fn main() {
    let options = options();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(run(&options));
}

fn options() -> Options {
    let mut options =
        Options { stored: 0, open: 0, seconds: 3, dir: None, keep: None, database: None };
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let mut value = || words.next().unwrap();
        match word.as_str() {
            "--stored" => options.stored = value().parse().unwrap(),
            "--open" => options.open = value().parse().unwrap(),
            "--seconds" => options.seconds = value().parse().unwrap(),
            "--dir" => options.dir = Some(value().into()),
            "--keep" => options.keep = Some(value().into()),
            "--database" => options.database = Some(value()),
            _ => {}
        }
    }
    options
}

async fn run(options: &Options) {
    let here = options.dir.clone().unwrap_or_else(std::env::temp_dir);
    let folder = tempfile::tempdir_in(here).unwrap();
    let file = options.keep.clone().unwrap_or_else(|| folder.path().join("retake.db"));
    let ledger: Arc<dyn Ledger> = match &options.database {
        Some(url) => Arc::new(PostgresLedger::connect(url).await.unwrap()),
        None => Arc::new(SqliteLedger::open(&file).unwrap()),
    };
    let maker = Maker::new();
    let replica = ReplicaId::new(START);
    ledger.register(&replica, START).await.unwrap();

    let filled = Instant::now();
    fill(&ledger, &maker, options.stored).await;
    finish_all(&ledger, &maker, &replica, options.stored).await;
    fill(&ledger, &maker, options.open).await;
    println!(
        "{} finished and {} waiting jobs before, made in {:.0} s\n",
        options.stored,
        options.open,
        filled.elapsed().as_secs_f64()
    );

    println!("| producers | accepts/s | p50 ms | p99 ms | max ms |");
    println!("|---:|---:|---:|---:|---:|");
    for producers in PRODUCERS {
        let took = produce(&ledger, &maker, producers, options.seconds).await;
        let rate = per_second(took.len(), options.seconds);
        println!("| {producers} | {rate} | {} |", percentiles(took));
    }
    verbs(&ledger, &maker, &replica).await;
    ledger.close().await.unwrap();
}

/// Takes on that many jobs, as fast as it goes.
async fn fill(ledger: &Arc<dyn Ledger>, maker: &Maker, count: u32) {
    let mut producers = JoinSet::new();
    for n in 0..256 {
        let (ledger, maker) = (Arc::clone(ledger), maker.clone());
        let share = count / 256 + u32::from(n < count % 256);
        producers.spawn(async move {
            for _ in 0..share {
                ledger.accept(&maker.job()).await.unwrap();
            }
        });
    }
    producers.join_all().await;
}

/// Takes all waiting jobs to their end.
async fn finish_all(ledger: &Arc<dyn Ledger>, maker: &Maker, replica: &ReplicaId, count: u32) {
    let mut done = 0;
    while done < count {
        let now = maker.now();
        let claimed = ledger.claim(replica, &slots(512), 512, now).await.unwrap();
        done += u32::try_from(claimed.len()).unwrap();
        let mut ending = JoinSet::new();
        for claim in claimed {
            let ledger = Arc::clone(ledger);
            ending.spawn(async move { end(&*ledger, &claim, now).await });
        }
        ending.join_all().await;
    }
}

async fn end(ledger: &dyn Ledger, held: &Claimed, now: Timestamp) {
    let mut record = JobRecord::default();
    for event in [Event::CancelRequested, Event::Cancelled] {
        record = retake_core::job::advance(&record, &event, &held.job.plan, now).unwrap();
    }
    ledger.commit(&held.lease, &change(record, Event::Cancelled, now, false)).await.unwrap();
}

fn change(record: JobRecord, event: Event, at: Timestamp, keep_lease: bool) -> Change {
    let (output, expires_at, exchanges) = (None, None, Vec::new());
    Change {
        events: vec![event],
        at,
        record,
        due: Some(at),
        waits: Vec::new(),
        output,
        expires_at,
        exchanges,
        keep_lease,
        render: None,
    }
}

fn slots(concurrency: u32) -> Vec<Slots> {
    vec![Slots { account: "north".to_owned(), concurrency, at: None }]
}

/// How long each answer took, over all producers.
async fn produce(
    ledger: &Arc<dyn Ledger>,
    maker: &Maker,
    producers: usize,
    seconds: u64,
) -> Vec<Duration> {
    let until = Instant::now() + Duration::from_secs(seconds);
    let mut running = JoinSet::new();
    for _ in 0..producers {
        let (ledger, maker) = (Arc::clone(ledger), maker.clone());
        running.spawn(async move {
            let mut took = Vec::new();
            while Instant::now() < until {
                let job = maker.job();
                let asked = Instant::now();
                ledger.accept(&job).await.unwrap();
                took.push(asked.elapsed());
            }
            took
        });
    }
    running.join_all().await.concat()
}

/// One caller at a time: a claim of one job, its first commit, a look at it, a page, the next moment.
async fn verbs(ledger: &Arc<dyn Ledger>, maker: &Maker, replica: &ReplicaId) {
    let mut took: [Vec<Duration>; 5] = Default::default();
    let plenty = slots(1_000_000);
    for _ in 0..500 {
        let now = maker.now();
        let asked = Instant::now();
        let claimed = ledger.claim(replica, &plenty, 1, now).await.unwrap();
        took[0].push(asked.elapsed());
        let Some(held) = claimed.first() else { break };
        let begun = Event::Begun { route: 0 };
        let next = retake_core::job::advance(&held.job.record, &begun, &held.job.plan, now);
        let change = Change {
            due: Some(now + SignedDuration::from_hours(1)),
            ..change(next.unwrap(), begun, now, false)
        };
        let asked = Instant::now();
        ledger.commit(&held.lease, &change).await.unwrap();
        took[1].push(asked.elapsed());
        let asked = Instant::now();
        ledger.job(&held.job.id).await.unwrap();
        took[2].push(asked.elapsed());
        let asked = Instant::now();
        let page =
            Page { owner: None, after: Some(held.job.id.clone()), limit: 20, newest_first: true };
        ledger.list(&page).await.unwrap();
        took[3].push(asked.elapsed());
        let asked = Instant::now();
        ledger.next_due(&plenty).await.unwrap();
        took[4].push(asked.elapsed());
    }
    println!("\n| verb, one caller | p50 ms | p99 ms | max ms |");
    println!("|---|---:|---:|---:|");
    for (verb, took) in ["claim", "commit", "job", "list 20", "next_due"].iter().zip(took) {
        println!("| {verb} | {} |", percentiles(took));
    }
}

fn per_second(count: usize, seconds: u64) -> u64 {
    u64::try_from(count).unwrap() / seconds.max(1)
}

fn percentiles(mut took: Vec<Duration>) -> String {
    took.sort_unstable();
    let at = |percent: usize| {
        let place = (took.len() * percent / 100).min(took.len().saturating_sub(1));
        took.get(place).map_or(0.0, |time| time.as_secs_f64() * 1000.0)
    };
    format!("{:.2} | {:.2} | {:.2}", at(50), at(99), at(100))
}
