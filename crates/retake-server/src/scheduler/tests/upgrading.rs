//! What an earlier version recorded is known to this one.

use std::sync::{Arc, atomic::Ordering};

use super::{Scripted, Stage, a_loss, taken};
use crate::accounts::{Accounts, respell_places};

/// Says where the account is.
fn at(stage: &mut Stage, place: &str) {
    let mut account = stage.scheduler.accounts.get("north").unwrap().clone();
    account.place = Some(place.to_owned());
    account.concurrency = 2;
    stage.scheduler.accounts = Accounts::new(vec![account]);
}

#[tokio::test]
async fn a_render_of_an_earlier_version_is_nobody_elses_to_adopt() {
    let answers = vec![taken("r-7"), a_loss()];
    let north = Scripted { found: Some("r-7".into()), ..Scripted::that_answers(answers) };
    let north = Arc::new(north);
    let providers = [("north", Arc::clone(&north))];
    let mut stage = Stage::with(&providers).await;
    at(&mut stage, "openai http://127.0.0.1:9499/v1");
    stage.play(1).await;

    at(&mut stage, "openai localhost:9499/");
    respell_places(stage.scheduler.ledger.as_ref()).await.unwrap();
    let other = stage.another(&providers).await;
    stage.play(12).await;

    assert!(north.looks.load(Ordering::SeqCst) > 0);
    let ledger = &stage.scheduler.ledger;
    let [owner, other] = [&stage.id, &other].map(|id| ledger.job(id));
    let (owner, other) = (owner.await.unwrap().unwrap(), other.await.unwrap().unwrap());
    assert_eq!(owner.life.open_attempt().unwrap().remote_id.as_deref(), Some("r-7"));
    let lost = &other.life.attempts[0];
    assert!(lost.lost_at.is_some() && lost.remote_id.is_none(), "{lost:?}");
}
