//! Entries with the names of their parties: what people see, and what an exported file holds.

use std::net::IpAddr;

use serde_json::{Map, Value, json};

use super::{Entry, Party, time};

/// An entry with the names of its parties.
#[derive(Debug, Clone, PartialEq)]
pub struct Shown {
    pub entry: Entry,
    /// Who did it; `None`: erased.
    pub actor: Option<Party>,
    /// The person it was done to, if it was one who is not erased.
    pub person: Option<Party>,
}

impl Shown {
    /// The name of who did it.
    #[must_use]
    pub fn actor(&self) -> &str {
        self.actor.as_ref().map_or("(erased)", |party| &party.name)
    }

    /// What it was done to: `kind/id`, with the name of a person in it.
    #[must_use]
    pub fn target(&self) -> String {
        match &self.person {
            Some(party) => party.name.replacen(':', "/", 1),
            None => self.entry.target.clone(),
        }
    }

    /// From where.
    #[must_use]
    pub fn ip(&self) -> Option<IpAddr> {
        self.actor.as_ref()?.open_ip(&self.entry.ip)
    }

    /// What of an action is the verb: `create` of `keys.create`.
    #[must_use]
    pub fn verb(&self) -> &str {
        self.entry.action.rsplit('.').next().unwrap_or_default()
    }

    /// As one JSON object. With `proof`, it carries what its hash was made of, so that a file of them can be verified by
    /// [`Shown::from_json`].
    #[must_use]
    pub fn json(&self, proof: bool) -> Value {
        let Entry { seq, at, tenant, action, fields, before_hash, after_hash, request_id, prev_hash, hash, .. } =
            &self.entry;
        let text = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        let mut shown = Map::new();
        let mut put = |name: &str, value: Value| shown.insert(name.to_owned(), value);
        put("seq", json!(seq));
        put("time", json!(time(*at)));
        put("actor", json!(self.actor()));
        put("tenant", json!(tenant));
        put("action", json!(action));
        put("target", json!(self.target()));
        put("fields", fields.split(',').filter(|name| !name.is_empty()).collect());
        put("before_hash", json!(text(before_hash)));
        put("after_hash", json!(text(after_hash)));
        put("ip", json!(self.ip()));
        put("request_id", json!(text(request_id)));
        put("prev_hash", json!(prev_hash));
        put("hash", json!(hash));
        if proof {
            put("canonical", json!(self.entry.canonical()));
            put("actor_key", json!(self.actor.as_ref().map(|party| party.key().to_string())));
            put("target_key", json!(self.person.as_ref().map(|party| party.key().to_string())));
        }
        Value::Object(shown)
    }

    /// Reads one line of an exported file.
    ///
    /// # Errors
    /// It is no such line, or what it shows is not what its hash was made of. Whether the hash is right and follows from
    /// the one before is for [`super::Verifier`] to say.
    pub fn from_json(line: &str) -> Result<Self, &'static str> {
        let value: Value = serde_json::from_str(line).map_err(|_| "it is no JSON")?;
        let text = |name: &str| value.get(name).and_then(Value::as_str);
        let (canonical, hash) = text("canonical").zip(text("hash")).ok_or("it lacks `canonical` or `hash`")?;
        let entry = Entry::from_line(&format!("{canonical}\t{hash}")).ok_or("its `canonical` is none")?;
        let actor = text("actor").zip(text("actor_key")).and_then(|(name, key)| Party::read(name, key));
        let person = text("target").zip(text("target_key"));
        let person = person.and_then(|(name, key)| Party::read(name.replacen('/', ":", 1), key));
        if actor.as_ref().is_some_and(|party| party.id != entry.actor) {
            return Err("its actor is not the one that was entered");
        }
        if person.as_ref().is_some_and(|party| entry.target.strip_prefix("user/") != Some(&party.id)) {
            return Err("its target is not the one that was entered");
        }
        let shown = Self { entry, actor, person };
        if shown.json(true) != value {
            return Err("what it shows is not what was entered");
        }
        Ok(shown)
    }
}
