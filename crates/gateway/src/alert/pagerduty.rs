//! PagerDuty's Events API, version 2: <https://developer.pagerduty.com/docs/events-api-v2/trigger-events/>

use govern::config::Secret;
use serde_json::{Value, json};

use super::Alert;

/// The longest summary and the longest key that it takes, in characters.
const LONGEST_SUMMARY: usize = 1024;
const LONGEST_KEY: usize = 255;

/// What is posted. Alerts about one subject are one incident.
pub(super) fn body(alert: &Alert, routing_key: &Secret) -> Value {
    let key = format!("{}/{}", alert.kind.as_str(), alert.subject);
    json!({
        "routing_key": routing_key.expose(),
        "event_action": "trigger",
        "dedup_key": key.chars().take(LONGEST_KEY).collect::<String>(),
        "payload": {
            "summary": alert.summary.chars().take(LONGEST_SUMMARY).collect::<String>(),
            "source": "tollgate",
            "severity": alert.kind.severity(),
            "timestamp": alert.time(),
            "class": alert.kind.as_str(),
            "custom_details": alert.details,
        },
    })
}
