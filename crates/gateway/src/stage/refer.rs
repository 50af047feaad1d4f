//! Items that a question names instead of repeating them.
//!
//! A client that lets answers be kept says `{"type": "item_reference", "id": ..}` for what was answered before, as Vercel's
//! AI SDK does. An item of an answer that the gateway keeps is put in its place: only OpenAI would know the id. Any other
//! stays as it is, for the provider to judge.

use std::collections::HashMap;

use govern::{Code, Error};
use serde_json::Value;

use super::{Asked, resume::unavailable};
use crate::{
    Gateway,
    responses::{KeptTurn, bare},
};

/// Answers that one question may name items of: each is looked up.
const MOST: usize = 200;

/// Puts the items of kept answers in the place of their names.
///
/// # Errors
/// 400 for items of more than [`MOST`] answers; 503 if the store cannot be asked; what [`Asked::replace`] gives.
pub(super) async fn spell_out(gw: &Gateway, owner: &str, asked: &mut Asked) -> Result<(), Error> {
    let Some(raw) = asked.envelope.raw("input") else { return Ok(()) };
    if memchr::memmem::find(raw, b"item_reference").is_none() {
        return Ok(());
    }
    let Ok(mut items) = serde_json::from_slice::<Vec<Value>>(raw) else { return Ok(()) };
    let mut answers: HashMap<String, Vec<Value>> = HashMap::new();
    let mut found = false;
    for item in &mut items {
        let Some((id, answer)) = named(item) else { continue };
        if !answers.contains_key(&answer) {
            if answers.len() == MOST {
                let message = format!("items of more than {MOST} answers are named: send the items themselves");
                return Err(Error::new(Code::InvalidRequest, message).at("input"));
            }
            let kept = gw.responses.store.find(owner, &answer).await.map_err(unavailable)?;
            let output = kept.and_then(|kept| kept.turn).map(|turn| output_of(&turn)).unwrap_or_default();
            answers.insert(answer.clone(), output);
        }
        let of = answers.get(&answer).map(Vec::as_slice).unwrap_or_default();
        if let Some(whole) = of.iter().find(|whole| whole.get("id").and_then(Value::as_str) == Some(&*id)) {
            *item = bare(whole.clone());
            found = true;
        }
    }
    if !found {
        return Ok(());
    }
    let mut edit = asked.envelope.edit();
    edit.set("input", &Value::Array(items));
    let most = gw.rules.load().settings.bounds.body_bytes;
    asked.replace(gw, edit.finish(), most)
}

/// The id that an item names, and the id of the answer that it is of: `msg_x_0` is of `resp_x`.
fn named(item: &Value) -> Option<(String, String)> {
    if item.get("type")?.as_str()? != "item_reference" {
        return None;
    }
    let id = item.get("id")?.as_str()?;
    let (_kind, rest) = id.split_once('_')?;
    let (answer, _at) = rest.rsplit_once('_')?;
    Some((id.to_owned(), format!("resp_{answer}")))
}

fn output_of(turn: &KeptTurn) -> Vec<Value> {
    let mut response: Value = serde_json::from_str(&turn.response).unwrap_or_default();
    match response.get_mut("output").map(Value::take) {
        Some(Value::Array(items)) => items,
        _ => Vec::new(),
    }
}
