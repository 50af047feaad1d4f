//! A webhook of anybody's, signed so that its receiver knows that we sent it and when.
//! <https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md>

use aws_lc_rs::hmac;
use base64::{Engine, engine::general_purpose::STANDARD};
use govern::alert::SigningKey;
use http::{HeaderMap, HeaderName, HeaderValue, header::InvalidHeaderValue};
use serde_json::{Value, json};

use super::Alert;

/// What is posted.
pub(super) fn body(alert: &Alert) -> Value {
    let mut data = alert.details.clone();
    data.insert("summary".to_owned(), alert.summary.as_str().into());
    data.insert("subject".to_owned(), alert.subject.as_str().into());
    data.insert("severity".to_owned(), alert.kind.severity().into());
    json!({ "type": format!("tollgate.{}", alert.kind.as_str()), "timestamp": alert.time(), "data": data })
}

/// The headers that prove where a body comes from. `now`: seconds since 1970, of this try; the id is that of the alert,
/// whichever try it is.
///
/// # Errors
/// None that an id and a number could cause.
pub(super) fn signed(alert: &Alert, body: &[u8], key: &SigningKey, now: i64) -> Result<HeaderMap, InvalidHeaderValue> {
    let id = alert.id.to_string();
    let mut context = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, &key.0));
    context.update(format!("{id}.{now}.").as_bytes());
    context.update(body);
    let signature = format!("v1,{}", STANDARD.encode(context.sign()));
    let headers = [("webhook-id", id), ("webhook-timestamp", now.to_string()), ("webhook-signature", signature)];
    headers
        .into_iter()
        .map(|(name, value)| Ok((HeaderName::from_static(name), HeaderValue::try_from(value)?)))
        .collect()
}
