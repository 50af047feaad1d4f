//! `CountTokens`: <https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_CountTokens.html>
//!
//! The question stands in `input`, as it would go to Converse or, in base64, to `invoke`.

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Map, Value, json};

use super::{invoke, request};
use crate::{
    Call, Loss,
    dialect::{Malformed, WriteFor, anthropic, body, field::Field},
};

/// Reads the question whose tokens are counted. Of the bodies for `invoke` Anthropic's is read.
///
/// # Errors
/// Names the field that is wrong.
pub fn read(bytes: &[u8]) -> Result<Call, Malformed> {
    let value = body::json("the body", bytes)?;
    let root = Field::root(&value);
    let input = root.need("input", "an object with converse or invokeModel")?;
    if let Some(converse) = input.get("converse") {
        return request::read_value(converse.value);
    }
    let native = input.need("invokeModel", "an object with body, unless converse is there")?;
    let native = native.need("body", "the body for invoke, in base64")?;
    let decoded = STANDARD.decode(native.text()?).map_err(|_| native.wrong("base64"))?;
    if !invoke::is_anthropic(&decoded) {
        let right = "the body of a Claude, with anthropic_version: others are counted at a Bedrock account alone";
        return Err(native.wrong(right));
    }
    anthropic::request::read_count(&invoke::named(&decoded, "m")?).map(|call| Call { model: String::new(), ..call })
}

/// What of a question to Converse is counted; the rest is refused.
const COUNTED: &[&str] = &["messages", "system", "toolConfig", "additionalModelRequestFields"];

/// Writes it, as a question to Converse.
///
/// # Errors
/// Those of [`request::write`].
pub fn write(call: &Call, target: &WriteFor) -> Result<(Vec<u8>, Loss), Malformed> {
    let (body, loss) = request::body(call, target)?;
    let counted: Map<String, Value> = body.into_iter().filter(|(name, _)| COUNTED.contains(&name.as_str())).collect();
    Ok((json!({"input": {"converse": counted}}).to_string().into_bytes(), loss))
}

/// Reads the answer: how many tokens the question has.
///
/// # Errors
/// The body is not such an answer.
pub fn read_counted(bytes: &[u8]) -> Result<u64, Malformed> {
    let value = body::json("the answer", bytes)?;
    Field::root(&value).need("inputTokens", "a whole number")?.whole(0, u64::MAX)
}

/// Writes the answer.
#[must_use]
pub fn write_counted(tokens: u64) -> Vec<u8> {
    json!({"inputTokens": tokens}).to_string().into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::Part;

    #[test]
    fn a_question_is_counted_in_both_of_its_forms() {
        let words = |call: &Call| match &call.turns[0].parts[0] {
            Part::Text(text) => text.text.clone(),
            other => panic!("{other:?}"),
        };
        let converse = json!({"input": {"converse": {"messages": [{"role": "user", "content": [{"text": "Hi"}]}]}}});
        let call = read(converse.to_string().as_bytes()).unwrap();
        assert_eq!(words(&call), "Hi");
        let native = json!({"anthropic_version": "bedrock-2023-05-31", "max_tokens": 1,
            "messages": [{"role": "user", "content": "Hi"}]});
        let body = STANDARD.encode(native.to_string());
        let native = read(json!({"input": {"invokeModel": {"body": body}}}).to_string().as_bytes()).unwrap();
        assert_eq!((words(&native), native.model.as_str()), ("Hi".to_owned(), ""));
        let limited = Call { knobs: crate::call::Knobs { max_tokens: Some(9), ..call.knobs.clone() }, ..call };
        let (written, loss) = write(&limited, &WriteFor::default()).unwrap();
        assert_eq!(serde_json::from_slice::<Value>(&written).unwrap(), converse, "a limit is not counted");
        assert!(loss.is_none());
    }

    #[test]
    fn what_cannot_be_counted_is_named() {
        let field = |body: Value| read(body.to_string().as_bytes()).unwrap_err().field.unwrap();
        assert_eq!(field(json!({})), "input");
        assert_eq!(field(json!({"input": {}})), "input.invokeModel");
        assert_eq!(field(json!({"input": {"invokeModel": {"body": "?"}}})), "input.invokeModel.body");
        let titan = STANDARD.encode(r#"{"inputText":"Hi"}"#);
        assert_eq!(field(json!({"input": {"invokeModel": {"body": titan}}})), "input.invokeModel.body");
        assert_eq!(read_counted(&write_counted(7)), Ok(7));
        assert!(read_counted(b"{}").is_err());
    }
}
