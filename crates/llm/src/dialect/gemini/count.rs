//! `countTokens`: <https://ai.google.dev/api/tokens#method:-models.counttokens>

use serde::Deserialize;
use serde_json::{Value, json};

use super::{names, request};
use crate::{
    Call, Loss,
    dialect::{Malformed, WriteFor},
};

/// Reads the question whose tokens are counted: a body of its own, or one in `generateContentRequest`.
///
/// # Errors
/// Those of [`request::read`].
pub fn read(body: &[u8]) -> Result<Call, Malformed> {
    let value = serde_json::from_slice(body)
        .map_err(|wrong| Malformed { field: None, message: format!("the body must be JSON: {wrong}") })?;
    let value = names::normalise(value)?;
    let mut call = request::read_value(value.get("generateContentRequest").unwrap_or(&value))?;
    call.extra.fields.shift_remove("model");
    Ok(call)
}

/// Writes it. All that a question holds is counted only in `generateContentRequest`, which wants the model's name again.
///
/// # Errors
/// Those of [`request::write`].
pub fn write(call: &Call, target: &WriteFor) -> Result<(Vec<u8>, Loss), Malformed> {
    let (mut body, loss) = request::body(call, target)?;
    let model = match call.model.contains('/') {
        true => call.model.clone(),
        false => format!("models/{}", call.model),
    };
    body.insert("model".to_owned(), model.into());
    Ok((json!({"generateContentRequest": Value::Object(body)}).to_string().into_bytes(), loss))
}

/// Reads the answer: how many tokens the question has.
///
/// # Errors
/// The body is not such an answer.
pub fn read_counted(body: &[u8]) -> Result<u64, Malformed> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Counted {
        total_tokens: u64,
    }
    let counted: Counted = serde_json::from_slice(body).map_err(|wrong| Malformed {
        field: Some("totalTokens".into()),
        message: format!("totalTokens must be a whole number: {wrong}"),
    })?;
    Ok(counted.total_tokens)
}

/// Writes the answer.
#[must_use]
pub fn write_counted(tokens: u64) -> Vec<u8> {
    json!({"totalTokens": tokens}).to_string().into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_is_counted_in_both_of_its_forms() {
        let contents = json!([{"role": "user", "parts": [{"text": "Hello"}]}]);
        let bare = read(json!({"contents": contents}).to_string().as_bytes()).unwrap();
        let whole = json!({"generate_content_request": {"model": "models/gemini-2.5-flash", "contents": contents}});
        let mut call = read(whole.to_string().as_bytes()).unwrap();
        assert_eq!(call, bare);
        call.model = "gemini-2.5-flash".into();
        let (written, _) = write(&call, &WriteFor::default()).unwrap();
        let written: Value = serde_json::from_slice(&written).unwrap();
        assert_eq!(written["generateContentRequest"]["model"], "models/gemini-2.5-flash");
        assert_eq!(written["generateContentRequest"]["contents"], contents);
        assert_eq!(read_counted(&write_counted(7)), Ok(7));
        assert!(read_counted(b"{}").is_err());
    }
}
