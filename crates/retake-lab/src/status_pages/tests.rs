use jiff::SignedDuration;
use serde_json::Value;

use crate::{Lab, LabConfig, ScenarioSource};

async fn a_lab_with_incidents() -> Lab {
    let incident = |provider: &str| {
        format!(
            "[[incident]]\nprovider = \"{provider}\"\nname = \"Trouble\"\nfrom = \"10m\"\nuntil = \"1h\"\n"
        )
    };
    let all = ["openai", "runway", "replicate", "luma", "google", "fal"];
    let scenario = ScenarioSource::Text(all.map(incident).concat());
    let config = LabConfig { scenario, speed: Some(0.01), ..LabConfig::default() };
    Lab::start(config).await.unwrap()
}

async fn page(lab: &Lab, path: &str) -> Value {
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let url = format!("{}{path}", lab.urls().status());
    client.get(url).send().await.unwrap().json().await.unwrap()
}

#[tokio::test]
async fn an_incident_is_told_in_each_format_while_it_lasts() {
    let lab = a_lab_with_incidents().await;
    let places = [
        ("/openai/api/v2/summary.json", "/status/indicator", "none", "major"),
        ("/runway/api/v2/summary.json", "/components/0/status", "operational", "partial_outage"),
        ("/replicate/api/v2/summary.json", "/status/indicator", "none", "major"),
        ("/luma/index.json", "/data/attributes/aggregate_state", "operational", "downtime"),
        ("/fal/summary.json", "/page/status", "UP", "MAJOROUTAGE"),
    ];
    for (moment, is_on) in [("0s", false), ("30m", true), ("1h", false)] {
        lab.clock().advance(moment.parse::<SignedDuration>().unwrap());
        for (path, place, calm, bad) in places {
            let page = page(&lab, path).await;
            let expected = if is_on { bad } else { calm };
            assert_eq!(page.pointer(place).unwrap(), expected, "{path} {moment}");
        }
    }
}

#[tokio::test]
async fn google_s_list_keeps_what_is_over_and_openai_s_feed_names_the_component() {
    let lab = a_lab_with_incidents().await;
    lab.clock().advance(SignedDuration::from_mins(30));
    let native = page(&lab, "/openai/proxy/status.openai.com").await;
    let open = page(&lab, "/google/incidents.json").await;

    lab.clock().advance(SignedDuration::from_hours(1));
    let over = page(&lab, "/google/incidents.json").await;

    let affected = &native["summary"]["affected_components"][0];
    assert_eq!(
        (&affected["component_id"], &affected["status"]),
        (&"component0".into(), &"partial_outage".into())
    );
    assert!(open[0].get("end").is_none() && over[0]["end"].is_string());
    assert_eq!(over[0]["most_recent_update"]["status"], "AVAILABLE");
}
