//! What an earlier version recorded is known to this one.

use std::sync::{Arc, atomic::Ordering};

use super::{SchedulerTest, Scripted, a_loss, taken};
use crate::accounts::{Accounts, respell_places};

/// Says where the account is.
fn at(test: &mut SchedulerTest, place: &str) {
    let mut account = test.scheduler.accounts.get("north").unwrap().clone();
    account.place = Some(place.to_owned());
    account.concurrency = 2;
    test.scheduler.accounts = Accounts::new(vec![account]);
}

#[tokio::test]
async fn a_render_of_an_earlier_version_is_nobody_elses_to_adopt() {
    let answers = vec![taken("r-7"), a_loss()];
    let north = Scripted { found: Some("r-7".into()), ..Scripted::that_answers(answers) };
    let north = Arc::new(north);
    let providers = [("north", Arc::clone(&north))];
    let mut test = SchedulerTest::with(&providers).await;
    at(&mut test, "openai http://127.0.0.1:9499/v1");
    test.play(1).await;

    at(&mut test, "openai localhost:9499/");
    respell_places(test.scheduler.ledger.as_ref()).await.unwrap();
    let other = test.another(&providers).await;
    test.play(12).await;

    assert!(north.looks.load(Ordering::SeqCst) > 0);
    let ledger = &test.scheduler.ledger;
    let [owner, other] = [&test.id, &other].map(|id| ledger.job(id));
    let (owner, other) = (owner.await.unwrap().unwrap(), other.await.unwrap().unwrap());
    assert_eq!(owner.record.open_attempt().unwrap().remote_id.as_deref(), Some("r-7"));
    let lost = &other.record.attempts[0];
    assert!(lost.lost_at.is_some() && lost.remote_id.is_none(), "{lost:?}");
}
