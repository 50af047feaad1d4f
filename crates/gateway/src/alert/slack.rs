//! An incoming webhook of Slack, or of one that takes the same.
//! <https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks/>

use serde_json::{Value, json};

use super::Alert;

/// What is posted: one line, and the details as fields below it.
pub(super) fn body(alert: &Alert) -> Value {
    let sign = if alert.kind.severity() == "error" { ":rotating_light:" } else { ":warning:" };
    let line = format!("{sign} *Tollgate*: {}", escaped(&alert.summary));
    let mut blocks = vec![json!({ "type": "section", "text": { "type": "mrkdwn", "text": line } })];
    // Slack takes ten elements of a context.
    let fields: Vec<Value> = alert
        .details
        .iter()
        .take(10)
        .map(|(name, value)| {
            let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            json!({ "type": "mrkdwn", "text": format!("{}: `{}`", escaped(name), escaped(&value.replace('`', "'"))) })
        })
        .collect();
    if !fields.is_empty() {
        blocks.push(json!({ "type": "context", "elements": fields }));
    }
    json!({ "text": line, "blocks": blocks })
}

/// Slack's three control characters: <https://docs.slack.dev/messaging/formatting-message-text/>
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
