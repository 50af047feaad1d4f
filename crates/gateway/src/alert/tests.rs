//! The bodies that recipients read, and the signature that they check.

use govern::{alert::SigningKey, config::Secret};
use serde_json::json;

use super::*;

fn alert() -> Alert {
    let alert = Alert::new(Kind::LimitWarning, "project-x/2026-11", "limit <project-x> is at 80 % & rising");
    Alert { at: 1_795_000_000_000_000, ..alert.with("limit", "project-x").with("percent", 80) }
}

#[test]
fn a_webhook_says_what_happened_when_and_in_which_words() {
    let alert = alert();
    assert_eq!(
        webhook::body(&alert),
        json!({
            "type": "tollgate.limit_warning",
            "timestamp": "2026-11-18T11:06:40Z",
            "data": {
                "limit": "project-x",
                "percent": 80,
                "summary": "limit <project-x> is at 80 % & rising",
                "subject": "project-x/2026-11",
                "severity": "warning",
            },
        })
    );
}

#[test]
fn sec_031_a_signature_covers_id_time_and_body() {
    let key =
        SigningKey(base64::Engine::decode(&base64::engine::general_purpose::STANDARD, test_key()).unwrap().into());
    let alert = Alert { id: Uuid::from_u128(7), ..alert() };
    let headers = |body: &[u8], now| {
        let headers = webhook::signed(&alert, body, &key, now).unwrap();
        headers.iter().map(|(name, value)| format!("{name}: {}", value.to_str().unwrap())).collect::<Vec<_>>()
    };
    let first = headers(b"{}", 1_700_000_000);
    assert_eq!(first[0], format!("webhook-id: {}", alert.id));
    assert_eq!(first[1], "webhook-timestamp: 1700000000");
    let expected = {
        let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, &key.0);
        let tag = aws_lc_rs::hmac::sign(&key, format!("{}.1700000000.{{}}", alert.id).as_bytes());
        format!("webhook-signature: v1,{}", base64::Engine::encode(&base64::engine::general_purpose::STANDARD, tag))
    };
    assert_eq!(first[2], expected);
    assert_ne!(headers(b"{} ", 1_700_000_000)[2], first[2], "the body");
    assert_ne!(headers(b"{}", 1_700_000_001)[2], first[2], "the time");
}

/// 32 bytes that are no secret.
fn test_key() -> String {
    base64::Engine::encode(&base64::engine::general_purpose::STANDARD, [7; 32])
}

#[test]
fn slack_gets_text_that_is_no_markup() {
    let body = slack::body(&alert().with("model", "<!channel> `x`")).to_string();
    assert!(body.contains("limit &lt;project-x&gt; is at 80 % &amp; rising"), "{body}");
    assert!(body.contains("&lt;!channel&gt; 'x'"), "{body}");
    assert!(!body.contains("<!channel>"), "{body}");
}

#[test]
fn pagerduty_gets_one_incident_per_subject_within_its_bounds() {
    let key = Secret::new("a routing key");
    let mut alert = alert();
    let first = pagerduty::body(&alert, &key);
    assert_eq!(first["routing_key"], "a routing key");
    assert_eq!(first["event_action"], "trigger");
    assert_eq!(first["dedup_key"], "limit_warning/project-x/2026-11");
    assert_eq!(first["payload"]["severity"], "warning");
    assert_eq!(first["payload"]["custom_details"]["percent"], 80);
    alert.summary = "é".repeat(5_000);
    alert.subject = "s".repeat(5_000);
    let long = pagerduty::body(&alert, &key);
    assert_eq!(long["payload"]["summary"].as_str().unwrap().chars().count(), 1_024);
    assert_eq!(long["dedup_key"].as_str().unwrap().chars().count(), 255);
}

#[test]
fn what_does_not_fit_the_queue_is_counted_and_nobody_waits() {
    let metrics = Metrics::new("test");
    let (alerts, mut exit) = Alerts::new(metrics.clone());
    for _ in 0..QUEUE + 3 {
        alerts.raise(alert());
    }
    assert!(metrics.encode().contains("tollgate_alerts_total{outcome=\"dropped\"} 3"), "{}", metrics.encode());
    assert_eq!(exit.try_recv().unwrap().summary, alert().summary);
}
