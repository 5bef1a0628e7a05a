use super::*;

fn simulator_playing(scenario: &str) -> Simulator {
    // Slow enough that time passes only when a test advances it.
    Simulator::new(Clock::new(None, 0.01), Scenario::read(scenario).unwrap())
}

fn create(id: &str, prompt: &str) -> Create {
    Create {
        id: id.to_owned(),
        key: "key-1".to_owned(),
        prompt: prompt.to_owned(),
        price_micros: 400_000,
        ..Create::default()
    }
}

fn accept(simulator: &Simulator, provider: Provider, id: &str, prompt: &str) -> JobView {
    match simulator.admit(provider, create(id, prompt)) {
        Admission::Accepted(job) => job,
        _ => panic!("{id} was not accepted"),
    }
}

fn refused(simulator: &Simulator, provider: Provider, prompt: &str) -> Refusal {
    match simulator.admit(provider, create("refused", prompt)) {
        Admission::Refused(refusal) => refusal,
        _ => panic!("it was not refused"),
    }
}

const HOUR: SignedDuration = SignedDuration::from_hours(1);

#[test]
fn a_job_waits_runs_and_is_done_as_the_clock_goes() {
    let simulator = simulator_playing("[defaults]\nqueue = \"10s\"\nrender = \"100s\"");

    let queued = accept(&simulator, Provider::Openai, "a", "a cat");
    simulator.clock.advance(SignedDuration::from_secs(40));
    let running = simulator.find_job(Provider::Openai, "a").unwrap();
    simulator.clock.advance(HOUR);
    let done = simulator.find_job(Provider::Openai, "a").unwrap();

    assert!(matches!(queued.state, JobState::Queued { ahead: 0 }));
    assert!(matches!(running.state, JobState::Running { .. }) && running.percent() > 10);
    assert!(matches!(done.state, JobState::Done));
    assert_eq!((done.billed_micros, running.billed_micros), (400_000, 0));
}

#[test]
fn a_job_above_the_concurrency_waits_and_moves_up_when_one_is_cancelled() {
    let simulator = simulator_playing("[defaults]\nconcurrency = 1\nover_concurrency = \"queue\"");
    accept(&simulator, Provider::Runway, "a", "lab:stuck");
    let second = accept(&simulator, Provider::Runway, "b", "a cat");
    simulator.clock.advance(HOUR);
    let waiting = simulator.find_job(Provider::Runway, "b").unwrap();

    simulator.cancel(Provider::Runway, "a").unwrap();
    let moved = simulator.find_job(Provider::Runway, "b").unwrap();

    assert!(matches!(second.state, JobState::Queued { ahead: 1 }));
    assert!(matches!(waiting.state, JobState::Queued { ahead: 1 }));
    assert!(moved.starts_at <= moved.now);
}

#[test]
fn one_too_many_in_a_minute_is_told_when_to_come_again() {
    let simulator = simulator_playing("[defaults]\ncreates_per_minute = 1");
    accept(&simulator, Provider::Openai, "a", "a cat");

    let refusal = refused(&simulator, Provider::Openai, "a dog");
    simulator.clock.advance(SignedDuration::from_secs(61));

    assert_eq!((refusal.cause, refusal.reason), (Cause::Capacity, Reason::TooFast));
    assert!(refusal.retry_after.is_some());
    accept(&simulator, Provider::Openai, "b", "a dog");
}

#[test]
fn credit_that_open_jobs_will_need_is_not_spent_twice() {
    let simulator = simulator_playing("[defaults]\ncredit_micros = 700_000");
    accept(&simulator, Provider::Fal, "a", "a cat lab:fail=runtime_error");

    let refusal = refused(&simulator, Provider::Fal, "a dog");
    simulator.clock.advance(HOUR);

    assert_eq!(refusal.reason, Reason::CreditOut);
    accept(&simulator, Provider::Fal, "b", "a dog");
}

#[test]
fn a_soft_block_stays_and_concerns_one_key_only() {
    let simulator =
        simulator_playing("[[fault]]\nwhen = { nth = 1 }\nwhat = { kind = \"soft-block\" }");

    let first = refused(&simulator, Provider::Luma, "a");
    let second = refused(&simulator, Provider::Luma, "a");
    let other = Create { key: "key-2".to_owned(), ..create("c", "a") };

    assert_eq!((first.reason, second.reason), (Reason::SoftBlock, Reason::SoftBlock));
    assert!(matches!(simulator.admit(Provider::Luma, other), Admission::Accepted(_)));
}

#[test]
fn a_late_success_fails_first() {
    let simulator = simulator_playing("");
    accept(&simulator, Provider::Google, "a", "lab:late-success");

    simulator.clock.advance(SignedDuration::from_secs(60));
    let failed = simulator.find_job(Provider::Google, "a").unwrap();
    simulator.clock.advance(HOUR);
    let done = simulator.find_job(Provider::Google, "a").unwrap();

    assert!(matches!(failed.state, JobState::Failed(Failure { billed: false, .. })));
    assert!(matches!(done.state, JobState::Done));
}

#[test]
fn what_was_accepted_without_an_answer_is_in_the_list_and_in_the_history() {
    let simulator = simulator_playing("");

    let cut = simulator.admit(Provider::Openai, create("a", "lab:drop-after-accept"));
    let never = simulator.admit(Provider::Openai, create("b", "lab:drop-before-accept"));

    assert!(matches!((cut, never), (Admission::AcceptedThenDropped, Admission::DropConnection)));
    assert_eq!(simulator.list_jobs(Provider::Openai, "key-1").len(), 1);
    assert_eq!(simulator.history().len(), 2);
}
