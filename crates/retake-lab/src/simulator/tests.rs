use super::*;

fn a_stage(scenario: &str) -> Simulator {
    // Slow enough that only what a test puts forward passes.
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

fn accept(stage: &Simulator, provider: Provider, id: &str, prompt: &str) -> JobView {
    match stage.admit(provider, create(id, prompt)) {
        Admission::Accepted(job) => job,
        _ => panic!("{id} was not accepted"),
    }
}

fn refused(stage: &Simulator, provider: Provider, prompt: &str) -> Refusal {
    match stage.admit(provider, create("refused", prompt)) {
        Admission::Refused(refusal) => refusal,
        _ => panic!("it was not refused"),
    }
}

const HOUR: SignedDuration = SignedDuration::from_hours(1);

#[test]
fn a_job_waits_runs_and_is_done_as_the_clock_goes() {
    let stage = a_stage("[defaults]\nqueue = \"10s\"\nrender = \"100s\"");

    let queued = accept(&stage, Provider::Openai, "a", "a cat");
    stage.clock.advance(SignedDuration::from_secs(40));
    let running = stage.look(Provider::Openai, "a").unwrap();
    stage.clock.advance(HOUR);
    let done = stage.look(Provider::Openai, "a").unwrap();

    assert!(matches!(queued.state, State::Queued { ahead: 0 }));
    assert!(matches!(running.state, State::Running { .. }) && running.percent() > 10);
    assert!(matches!(done.state, State::Done));
    assert_eq!((done.billed_micros, running.billed_micros), (400_000, 0));
}

#[test]
fn a_job_above_the_concurrency_waits_and_moves_up_when_one_is_cancelled() {
    let stage = a_stage("[defaults]\nconcurrency = 1\nover_concurrency = \"queue\"");
    accept(&stage, Provider::Runway, "a", "lab:stuck");
    let second = accept(&stage, Provider::Runway, "b", "a cat");
    stage.clock.advance(HOUR);
    let waiting = stage.look(Provider::Runway, "b").unwrap();

    stage.cancel(Provider::Runway, "a").unwrap();
    let moved = stage.look(Provider::Runway, "b").unwrap();

    assert!(matches!(second.state, State::Queued { ahead: 1 }));
    assert!(matches!(waiting.state, State::Queued { ahead: 1 }));
    assert!(moved.starts_at <= moved.now);
}

#[test]
fn one_too_many_in_a_minute_is_told_when_to_come_again() {
    let stage = a_stage("[defaults]\ncreates_per_minute = 1");
    accept(&stage, Provider::Openai, "a", "a cat");

    let refusal = refused(&stage, Provider::Openai, "a dog");
    stage.clock.advance(SignedDuration::from_secs(61));

    assert_eq!((refusal.cause, refusal.reason), (Cause::Capacity, Reason::TooFast));
    assert!(refusal.retry_after.is_some());
    accept(&stage, Provider::Openai, "b", "a dog");
}

#[test]
fn credit_that_open_jobs_will_need_is_not_spent_twice() {
    let stage = a_stage("[defaults]\ncredit_micros = 700_000");
    accept(&stage, Provider::Fal, "a", "a cat lab:fail=runtime_error");

    let refusal = refused(&stage, Provider::Fal, "a dog");
    stage.clock.advance(HOUR);

    assert_eq!(refusal.reason, Reason::CreditOut);
    accept(&stage, Provider::Fal, "b", "a dog");
}

#[test]
fn a_soft_block_stays_and_concerns_one_key_only() {
    let stage = a_stage("[[fault]]\nwhen = { nth = 1 }\nwhat = { kind = \"soft-block\" }");

    let first = refused(&stage, Provider::Luma, "a");
    let second = refused(&stage, Provider::Luma, "a");
    let other = Create { key: "key-2".to_owned(), ..create("c", "a") };

    assert_eq!((first.reason, second.reason), (Reason::SoftBlock, Reason::SoftBlock));
    assert!(matches!(stage.admit(Provider::Luma, other), Admission::Accepted(_)));
}

#[test]
fn a_late_success_fails_first() {
    let stage = a_stage("");
    accept(&stage, Provider::Google, "a", "lab:late-success");

    stage.clock.advance(SignedDuration::from_secs(60));
    let failed = stage.look(Provider::Google, "a").unwrap();
    stage.clock.advance(HOUR);
    let done = stage.look(Provider::Google, "a").unwrap();

    assert!(matches!(failed.state, State::Failed(Failure { billed: false, .. })));
    assert!(matches!(done.state, State::Done));
}

#[test]
fn what_was_accepted_without_an_answer_is_in_the_list_and_in_the_history() {
    let stage = a_stage("");

    let cut = stage.admit(Provider::Openai, create("a", "lab:drop-after-accept"));
    let never = stage.admit(Provider::Openai, create("b", "lab:drop-before-accept"));

    assert!(matches!((cut, never), (Admission::AcceptedThenCut, Admission::Cut)));
    assert_eq!(stage.list(Provider::Openai, "key-1").len(), 1);
    assert_eq!(stage.history().len(), 2);
}
