//! A restart continues every job from the ledger alone.

use serde_json::json;

use crate::gateway::TestGateway;

#[tokio::test]
async fn jobs_that_a_shutdown_interrupted_are_finished_after_the_restart() {
    let retake = TestGateway::start().await;
    let mut ids = Vec::new();
    for seed in 0..4 {
        ids.push(retake.create(json!({ "seed": seed, "seconds": "3" })).await);
    }
    retake.until(&ids[0], &["in_progress"]).await;

    let retake = retake.restarted().await;

    for id in &ids {
        let done = retake.until_ended(id).await;
        assert_eq!(done["status"], "completed", "{done:#}");
        let attempts = done["retake"]["attempts"].as_array().unwrap();
        let won = attempts.iter().filter(|attempt| attempt["state"] == "succeeded").count();
        assert_eq!(won, 1, "{done:#}");
    }
}
