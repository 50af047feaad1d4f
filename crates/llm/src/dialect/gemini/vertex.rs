//! What Vertex AI wants otherwise in a body of the Gemini API's.
//!
//! Both take the same `generateContent`, but to Vertex a content without a role is an error, where the Gemini API takes it
//! for the user's; and Vertex counts a question as it is, where the Gemini API wants all but bare contents in
//! `generateContentRequest` (<https://ai.google.dev/api/tokens#v1beta.CountTokensRequest>,
//! <https://cloud.google.com/vertex-ai/docs/reference/rest/v1beta1/projects.locations.endpoints/countTokens>).
//! What is already right passes as the bytes that it is.

use std::{borrow::Cow, collections::BTreeMap};

use serde::Deserialize;
use serde_json::{Map, Value, json, value::RawValue};

use super::names;

/// The body with a role on every content; `None` if all have one.
#[must_use]
pub fn with_roles(body: &[u8]) -> Option<Vec<u8>> {
    #[derive(Deserialize)]
    struct Body<'a> {
        #[serde(borrow)]
        contents: Vec<&'a RawValue>,
    }
    let read: Body<'_> = serde_json::from_slice(body).ok()?;
    let mut out = Vec::new();
    let mut copied = 0;
    for content in read.contents {
        let fields: BTreeMap<Cow<'_, str>, &RawValue> = serde_json::from_str(content.get()).ok()?;
        let (at, taken, role): (usize, usize, &[u8]) = match fields.get("role").map(|role| role.get()) {
            Some(null) if null == "null" => (place(body, null)?, null.len(), br#""user""#),
            Some(_) => continue,
            None if fields.is_empty() => (place(body, content.get())? + 1, 0, br#""role":"user""#),
            None => (place(body, content.get())? + 1, 0, br#""role":"user","#),
        };
        out.extend_from_slice(body.get(copied..at)?);
        out.extend_from_slice(role);
        copied = at + taken;
    }
    if copied == 0 {
        return None;
    }
    out.extend_from_slice(body.get(copied..)?);
    Some(out)
}

/// Where a piece of `body` begins in it.
fn place(body: &[u8], piece: &str) -> Option<usize> {
    piece.as_ptr().addr().checked_sub(body.as_ptr().addr())
}

/// What of a question Vertex counts; it refuses the rest.
const COUNTED: &[&str] = &["contents", "systemInstruction", "tools", "generationConfig"];

/// The question of a count as Vertex takes it: as it is, without `generateContentRequest` around it; `None` if nothing is.
#[must_use]
pub fn bare_count(body: &[u8]) -> Option<Vec<u8>> {
    let Value::Object(mut fields) = read(body)? else { return None };
    let Value::Object(mut question) = fields.remove("generateContentRequest")? else { return None };
    question.retain(|name, _| COUNTED.contains(&name.as_str()));
    Some(Value::Object(question).to_string().into_bytes())
}

/// The question of a count as the Gemini API takes it: in `generateContentRequest` if it has more than contents; `None` if
/// it is there, or has not.
#[must_use]
pub fn wrapped_count(body: &[u8], model: &str) -> Option<Vec<u8>> {
    let Value::Object(mut fields) = read(body)? else { return None };
    let more = |name: &String| name != "contents" && COUNTED.contains(&name.as_str());
    if fields.contains_key("generateContentRequest") || !fields.keys().any(more) {
        return None;
    }
    let model = if model.contains('/') { model.to_owned() } else { format!("models/{model}") };
    let mut question = Map::from_iter([("model".to_owned(), Value::from(model))]);
    fields.remove("model");
    question.extend(fields);
    Some(json!({"generateContentRequest": question}).to_string().into_bytes())
}

/// A batch of embeddings as Vertex takes it: the path alone names the model, and by another name than the Gemini API's;
/// `None` if no request names it.
#[must_use]
pub fn without_models(body: &[u8]) -> Option<Vec<u8>> {
    let mut body: Value = serde_json::from_slice(body).ok()?;
    let requests = body.get_mut("requests")?.as_array_mut()?;
    let named = requests.iter_mut().filter_map(|request| request.as_object_mut()?.shift_remove("model")).count();
    (named > 0).then(|| body.to_string().into_bytes())
}

fn read(body: &[u8]) -> Option<Value> {
    names::normalise(serde_json::from_slice(body).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(body: Option<Vec<u8>>) -> Option<String> {
        body.map(|body| String::from_utf8(body).unwrap())
    }

    #[test]
    fn a_content_without_a_role_is_the_users_and_no_other_byte_changes() {
        let told = br#"{ "contents":[ {"role" :"user","parts":[]} ],"x":1.0}"#;
        assert_eq!(with_roles(told), None);
        let untold = br#"{ "x":1.50, "contents" : [ {"parts":[{"text":"a"}]}, {"role":"model","parts":[]},{ "parts":[],"role":null}, {}] , "y" : {}}"#;
        assert_eq!(
            text(with_roles(untold)).unwrap(),
            r#"{ "x":1.50, "contents" : [ {"role":"user","parts":[{"text":"a"}]}, {"role":"model","parts":[]},{ "parts":[],"role":"user"}, {"role":"user"}] , "y" : {}}"#
        );
        for odd in [&b"{}"[..], br#"{"contents":"Hello"}"#, br#"{"contents":["Hello"]}"#, b"["] {
            assert_eq!(with_roles(odd), None);
        }
    }

    #[test]
    fn a_batch_does_not_name_its_model() {
        let body = br#"{"requests":[{"model":"models/m","content":{"parts":[{"text":"a"}]},"taskType":"CLUSTERING"}]}"#;
        let bare = r#"{"requests":[{"content":{"parts":[{"text":"a"}]},"taskType":"CLUSTERING"}]}"#;
        assert_eq!(text(without_models(body)).unwrap(), bare);
        assert_eq!(without_models(bare.as_bytes()), None);
    }

    #[test]
    fn a_count_is_asked_for_in_the_form_of_either() {
        let whole = br#"{"generate_content_request":{"model":"models/m","contents":[{"parts":[]}],"tool_config":{},"system_instruction":{"parts":[]}}}"#;
        let bare = bare_count(whole).unwrap();
        assert_eq!(
            text(Some(bare.clone())).unwrap(),
            r#"{"contents":[{"parts":[]}],"systemInstruction":{"parts":[]}}"#
        );
        assert_eq!(bare_count(&bare), None);
        let again = wrapped_count(&bare, "gemini-2.5-flash").unwrap();
        assert_eq!(
            text(Some(again.clone())).unwrap(),
            r#"{"generateContentRequest":{"model":"models/gemini-2.5-flash","contents":[{"parts":[]}],"systemInstruction":{"parts":[]}}}"#
        );
        assert_eq!(wrapped_count(&again, "m"), None);
        assert_eq!(wrapped_count(br#"{"contents":[]}"#, "m"), None, "contents alone are taken as they are");
    }
}
