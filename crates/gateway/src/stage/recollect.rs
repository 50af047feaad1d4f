//! Looks up, deletes or cancels an answer that is kept: here, or at the provider that made it.

use std::sync::Arc;

use axum::body::Body;
use govern::{Code, Error, config::snapshot::Target};
use http::{HeaderValue, Method, Response, header};
use llm::price::Price;
use serde_json::{Value, json};

use super::{
    Caller,
    passage::Passage,
    resume::{shorten, unavailable},
};
use crate::{
    Gateway, InForce,
    http::{Answer, RawRequest},
    responses::{KeptResponse, KeptTurn, as_items},
};

/// What a request for a kept answer comes to.
pub enum Recollection {
    /// The gateway keeps the answer.
    Here(Answer),
    /// The provider does.
    Elsewhere(Box<Passage>),
}

/// Finds a kept answer.
///
/// # Errors
/// 404 if the caller has none with this id; 400 for what cannot be done with it; 503 if the store cannot be asked.
pub async fn recollect(
    gw: &Gateway,
    rules: Arc<InForce>,
    caller: Caller,
    raw: RawRequest,
) -> Result<Recollection, Error> {
    let head = raw.head;
    let (id, below) = parts(head.uri.path());
    let owner = caller.key.id.0.clone();
    let kept = gw.responses.store.find(&owner, id).await.map_err(unavailable)?.ok_or_else(|| unknown(id))?;
    let query = head.uri.query().unwrap_or_default();
    let Some(turn) = &kept.turn else {
        let target = at_provider(&rules, &kept)?;
        let query = if query.is_empty() { String::new() } else { format!("?{query}") };
        let path = format!("/responses/{}{below}{query}", llm::provider::escape(id));
        return Ok(Recollection::Elsewhere(Box::new(Passage::to(rules, caller, target, (head.method, path)))));
    };
    let answer = match (&head.method, below) {
        (&Method::DELETE, "") => {
            gw.responses.store.forget(&owner, id).await.map_err(unavailable)?;
            json!({"id": id, "object": "response", "deleted": true}).to_string()
        }
        (&Method::GET, "") if asks(query, "stream") == Some("true") => {
            let message = "this response is whole: leave out `stream`, which is for responses in the background";
            return Err(Error::new(Code::InvalidRequest, message).at("stream"));
        }
        (&Method::GET, "") => turn.response.clone(),
        (&Method::GET, "/input_items") => page(turn, query)?.to_string(),
        (&Method::POST, "/cancel") => {
            let message = "only a response in the background can be cancelled, and this one is whole";
            return Err(Error::new(Code::InvalidRequest, message));
        }
        _ => return Err(unknown(id)),
    };
    let mut answer = Response::new(Body::from(answer));
    answer.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    Ok(Recollection::Here(answer))
}

/// The id in `/v1/responses/ID/BELOW`, and what is below it with its slash.
fn parts(path: &str) -> (&str, &str) {
    let rest = path.strip_prefix("/v1/responses/").unwrap_or_default();
    rest.find('/').map_or((rest, ""), |slash| rest.split_at(slash))
}

/// The account that keeps the answer. Looking it up costs nothing.
fn at_provider(rules: &InForce, kept: &KeptResponse) -> Result<Target, Error> {
    let Some(account) = rules.accounts.get(&*kept.account) else {
        let message = format!("the account that keeps the response `{}` is no longer configured", shorten(&kept.id));
        return Err(Error::new(Code::ResponseElsewhere, message));
    };
    let model = kept.target.split_once('/').map_or(&*kept.target, |(_, model)| model);
    Ok(Target { price: Some(Arc::new(Price::default())), ..Target::plain(account, model) })
}

/// What was asked, in pages: <https://platform.openai.com/docs/api-reference/responses/input-items>
fn page(turn: &KeptTurn, query: &str) -> Result<Value, Error> {
    let input = serde_json::from_str(&turn.input).unwrap_or_default();
    let mut items: Vec<Value> = as_items(input).into_iter().enumerate().map(|(at, item)| named(item, at)).collect();
    match asks(query, "order") {
        Some("asc") => {}
        None | Some("desc") => items.reverse(),
        Some(_) => return Err(Error::new(Code::InvalidRequest, "`order` must be `asc` or `desc`").at("order")),
    }
    let limit = match asks(query, "limit").map(str::parse::<usize>) {
        None => 20,
        Some(Ok(limit @ 1..=100)) => limit,
        Some(_) => return Err(Error::new(Code::InvalidRequest, "`limit` must be from 1 to 100").at("limit")),
    };
    let id = |item: &Value| item.get("id").and_then(Value::as_str).unwrap_or_default().to_owned();
    if let Some(after) = asks(query, "after") {
        let Some(at) = items.iter().position(|item| id(item) == after) else {
            return Err(Error::new(Code::InvalidRequest, "`after` must be the id of an item of this list").at("after"));
        };
        items.drain(..=at);
    }
    let has_more = items.len() > limit;
    items.truncate(limit);
    let (first, last) = (items.first().map(&id), items.last().map(&id));
    Ok(json!({"object": "list", "data": items, "first_id": first, "last_id": last, "has_more": has_more}))
}

/// An item with an id; a message's text as content.
fn named(mut item: Value, at: usize) -> Value {
    let Some(fields) = item.as_object_mut() else { return item };
    let kind = fields.get("type").and_then(Value::as_str).unwrap_or("message").to_owned();
    if let Some(Value::String(text)) = fields.get("content") {
        let content = json!([{"type": "input_text", "text": text}]);
        fields.insert("content".to_owned(), content);
    }
    fields.entry("id").or_insert_with(|| json!(format!("{}_{at}", if kind == "message" { "msg" } else { "item" })));
    fields.insert("type".to_owned(), Value::String(kind));
    item
}

/// The value of a parameter of the query.
fn asks<'q>(query: &'q str, name: &str) -> Option<&'q str> {
    query.split('&').find_map(|pair| pair.split_once('=').filter(|(key, _)| *key == name).map(|(_, value)| value))
}

fn unknown(id: &str) -> Error {
    Error::new(Code::ResponseNotFound, format!("there is no response `{}` of this key", shorten(id)))
}
