//! What a question of the Responses API goes on from.
//!
//! An answer that a provider keeps is gone on from at the account that made it. One that the gateway keeps is put in
//! front of what is asked: from there on the question is like any other, wherever it goes. Thought that only its maker
//! can read leads to the account that sealed it.

use std::{collections::HashSet, sync::Arc};

use bytes::Bytes;
use govern::{Code, Error, config::snapshot::Target};
use llm::{dialect::openai_responses::Echo, envelope::Envelope, signature};
use serde::Deserialize;
use serde_json::{Map, Value};
use tokio::sync::OwnedSemaphorePermit;

use super::{Asked, Grant, read::unreadable, refer::spell_out};
use crate::{
    Gateway,
    clock::now_seconds,
    http::Surface,
    observe::Recording,
    responses::{KeptResponse, ResponseStoreDown, digest, items_of},
};

/// A question of the Responses API: whose it is, and what is kept of it.
#[derive(Debug)]
pub struct Thread {
    /// What the answer is called, if the gateway gives it a name: `resp_..`
    pub id: String,
    /// The id of the caller's key.
    pub owner: String,
    /// Whether the answer is to be kept.
    pub store: bool,
    pub previous: Option<String>,
    /// The JSON of `input`, as it was sent.
    pub input: Bytes,
    /// The targets that the caller may use.
    pub targets: Vec<Arc<Target>>,
    /// The account whose thought is in the question: no other can read it.
    pub sealed_by: Option<Arc<str>>,
    /// `input` is part of the body.
    _held: Arc<OwnedSemaphorePermit>,
}

impl Thread {
    /// What the answer repeats of the question.
    #[must_use]
    pub fn echo(&self, body: &[u8]) -> Echo {
        let mut fields: Map<String, Value> = serde_json::from_slice(body).unwrap_or_default();
        if let Some(previous) = &self.previous {
            fields.insert("previous_response_id".to_owned(), Value::from(&**previous));
        }
        Echo { id: Some(self.id.clone()), created: Some(now_seconds()), ..Echo::of(fields) }
    }

    /// Whether a thought in the question is none of this target's.
    #[must_use]
    pub fn is_foreign_to(&self, target: &Target) -> bool {
        self.sealed_by.as_ref().is_some_and(|account| *account != target.account.name)
    }

    /// Whether it matters which account an answer came from.
    #[must_use]
    pub fn has_choice(&self) -> bool {
        let accounts: HashSet<&str> = self.targets.iter().map(|target| &*target.account.name).collect();
        accounts.len() > 1
    }
}

/// Finds what the question goes on from, and narrows the targets to those that can.
///
/// # Errors
/// 404 if the caller has no such answer; 409 if the account that keeps it serves none of the model's targets; 503 if the
/// store cannot be asked.
pub async fn resume(gw: &Gateway, grant: &mut Grant, asked: Asked, record: &Recording) -> Result<Asked, Error> {
    if asked.surface != Surface::Responses {
        return Ok(asked);
    }
    Box::pin(resume_thread(gw, grant, asked, record)).await
}

async fn resume_thread(gw: &Gateway, grant: &mut Grant, mut asked: Asked, record: &Recording) -> Result<Asked, Error> {
    let owner = grant.caller.key.id.0.clone();
    spell_out(gw, &owner, &mut asked).await?;
    let envelope = &asked.envelope;
    let previous: Option<String> = envelope.get("previous_response_id", "the id of a response").map_err(unreadable)?;
    let store: Option<bool> = envelope.get("store", "true or false").map_err(unreadable)?;
    let input = envelope.raw("input").map_or_else(|| Bytes::from_static(b"[]"), |raw| envelope.body().slice_ref(raw));
    if let Some(id) = &previous {
        let chain = gw.responses.store.chain(&owner, id).await.map_err(unavailable)?;
        match chain.last() {
            None => return Err(unknown(id)),
            Some(KeptResponse { turn: None, account, .. }) => stay_with(grant, id, account)?,
            Some(_) => {
                let body = put_in_front(envelope, &chain, &input)?;
                let most = grant_limit(gw);
                asked.replace(gw, body, most)?;
            }
        }
    }
    let mut thread = Thread {
        id: format!("resp_{}", record.id().simple()),
        owner,
        store: store.unwrap_or(true),
        previous,
        input,
        targets: grant.targets.clone(),
        sealed_by: None,
        _held: asked.held(),
    };
    if thread.has_choice() {
        thread.sealed_by = sealed_by(gw, &thread.owner, &asked.envelope).await;
    }
    asked.thread = Some(Arc::new(thread));
    Ok(asked)
}

/// The answer is at a provider: only the account that made it can go on from there.
fn stay_with(grant: &mut Grant, id: &str, account: &str) -> Result<(), Error> {
    let wire = Surface::Responses.wire();
    grant.targets.retain(|target| *target.account.name == *account && target.wire(wire) == Some(wire));
    if !grant.targets.is_empty() {
        return Ok(());
    }
    let message = format!(
        "the response `{}` is kept by another account than those that serve `{}`: \
         name a model of the account that made it, or send the whole conversation as `input`",
        shorten(id),
        grant.route.name
    );
    Err(Error::new(Code::ResponseElsewhere, message).at("previous_response_id"))
}

/// The body with the turns before in front of its input.
fn put_in_front(envelope: &Envelope, chain: &[KeptResponse], input: &[u8]) -> Result<Bytes, Error> {
    let broken = |kept: &KeptResponse| {
        let message = format!("the response `{}` goes on from one that was deleted", shorten(&kept.id));
        Error::new(Code::ResponseNotFound, message).at("previous_response_id")
    };
    let mut items: Vec<Value> = Vec::new();
    for (at, kept) in chain.iter().enumerate() {
        let Some(turn) = kept.turn.as_ref().filter(|_| at > 0 || kept.previous.is_none()) else {
            return Err(broken(kept));
        };
        items.extend(items_of(turn));
    }
    let own: Value = serde_json::from_slice(input).unwrap_or_default();
    items.extend(crate::responses::as_items(own));
    let mut edit = envelope.edit();
    edit.set("input", &Value::Array(items));
    edit.remove("previous_response_id");
    Ok(edit.finish())
}

fn grant_limit(gw: &Gateway) -> usize {
    gw.rules.load().settings.bounds.body_bytes
}

/// The account that sealed the last thought of the question, if that is known.
async fn sealed_by(gw: &Gateway, owner: &str, envelope: &Envelope) -> Option<Arc<str>> {
    #[derive(Deserialize)]
    struct Item<'a> {
        #[serde(borrow, default)]
        encrypted_content: Option<std::borrow::Cow<'a, str>>,
    }
    let raw = envelope.raw("input")?;
    memchr::memmem::find(raw, b"encrypted_content")?;
    let items: Vec<Item<'_>> = serde_json::from_slice(raw).ok()?;
    let seal = items.iter().rev().find_map(|item| {
        let seal = item.encrypted_content.as_deref()?;
        (!seal.is_empty() && signature::marked(seal).is_none()).then_some(seal)
    })?;
    gw.responses.sealed_by(owner, &digest(seal)).await
}

/// The store of answers cannot be asked.
pub(super) fn unavailable(down: ResponseStoreDown) -> Error {
    Error::new(Code::StoreUnavailable, "the response cannot be looked up now; try again shortly").because(down)
}

fn unknown(id: &str) -> Error {
    let message = format!("there is no response `{}` of this key", shorten(id));
    Error::new(Code::ResponseNotFound, message).at("previous_response_id")
}

/// An id that a caller made up, as it may be shown.
pub(super) fn shorten(id: &str) -> String {
    id.chars().filter(|c| !c.is_control()).take(100).collect()
}
