//! The audit log: who changed what, in a chain that shows every later touch.
//!
//! An [`Entry`] holds the hash of the one before it, and its own over its [canonical bytes](Entry::canonical); a
//! [`Checkpoint`] signs the head of the chain, so that what is cut off at the end is missed too. [`Verifier`] finds the
//! first entry that is not as it was written. What of an entry tells of a person stands in a [`Party`] beside the chain and
//! can be erased there: the chain holds a meaningless id, and ciphertext under a key that goes with the party.
//!
//! It says that something changed and who did it, not what it was before: it holds hashes of both states and the names of
//! the fields that differ.

pub mod cef;
pub mod checkpoint;
pub mod ocsf;
mod party;
mod shown;
mod verify;

use std::{fmt::Write, net::IpAddr};

use aws_lc_rs::digest::{SHA256, digest};
use serde_json::{Map, Value};

pub use checkpoint::{Checkpoint, CheckpointKey};
pub use party::{Party, Sealed};
pub use shown::Shown;
pub use verify::{Finding, Verified, Verifier};

/// Who acts on the control plane, from where and when. Every change of an administrative table wants one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Author {
    /// `user:<id>`, `virtual_account:<id>`, `cli:<os user>`, `admin_token` or `system`.
    pub actor: String,
    /// The organization whose affair it is.
    pub tenant: String,
    pub ip: Option<IpAddr>,
    pub request_id: Option<String>,
    /// Microseconds since 1970.
    pub at: i64,
}

impl Author {
    /// Somebody of the default organization, at this time (microseconds since 1970), from nowhere in particular.
    #[must_use]
    pub fn new(actor: impl Into<String>, at: i64) -> Self {
        let tenant = crate::principal::DEFAULT_ORGANIZATION.to_owned();
        Self { actor: actor.into(), tenant, ip: None, request_id: None, at }
    }
}

/// What is done, to what.
#[derive(Debug, Clone, PartialEq)]
pub struct Deed<'a> {
    /// The kind of object in the plural and the verb: `keys.create`, `users.disable`, `requests.content.view`.
    pub action: &'a str,
    /// The kind of object in the singular: `key`, `user`.
    pub kind: &'a str,
    pub id: &'a str,
    /// The object before and after; `None` where there is none. Never with a secret in it, only with its hash.
    pub before: Option<Value>,
    pub after: Option<Value>,
}

impl<'a> Deed<'a> {
    /// A deed that changes no object: a view of content, a refusal worth remembering.
    #[must_use]
    pub fn new(action: &'a str, kind: &'a str, id: &'a str) -> Self {
        Self { action, kind, id, before: None, after: None }
    }

    #[must_use]
    pub fn before(self, state: Value) -> Self {
        Self { before: Some(state), ..self }
    }

    #[must_use]
    pub fn after(self, state: Value) -> Self {
        Self { after: Some(state), ..self }
    }

    /// The fields that differ, in the order of the alphabet, separated by commas. Of an object that is made or deleted:
    /// nothing.
    #[must_use]
    pub fn fields(&self) -> String {
        let (Some(Value::Object(before)), Some(Value::Object(after))) = (&self.before, &self.after) else {
            return String::new();
        };
        let differs = |name: &&String| before.get(*name) != after.get(*name);
        let mut names: Vec<&String> = before.keys().chain(after.keys()).filter(differs).collect();
        names.sort_unstable();
        names.dedup();
        names.iter().map(|name| name.as_str()).collect::<Vec<_>>().join(",")
    }
}

/// The hash of an object's state, in hexadecimal; nothing for none.
///
/// Of a person it is keyed: an address book would do to find out whose e-mail address has a plain hash.
#[must_use]
pub fn state_hash(state: Option<&Value>, person: Option<&Party>) -> String {
    let Some(state) = state else { return String::new() };
    let text = sorted(state).to_string();
    person.map_or_else(|| sha256(text.as_bytes()), |person| person.hash(text.as_bytes()))
}

/// A value of which equal ones have equal texts.
fn sorted(value: &Value) -> Value {
    match value {
        Value::Object(fields) => {
            let mut fields: Vec<_> = fields.iter().map(|(name, value)| (name.clone(), sorted(value))).collect();
            fields.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
            Value::Object(fields.into_iter().collect::<Map<_, _>>())
        }
        Value::Array(items) => items.iter().map(sorted).collect(),
        other => other.clone(),
    }
}

/// One row of the log, as it is kept. Every text but the hash goes into the hash.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Entry {
    /// From 1, without gaps.
    pub seq: i64,
    /// Microseconds since 1970, by the clock of the process that wrote it.
    pub at: i64,
    /// [`Party::id`].
    pub actor: String,
    pub tenant: String,
    pub action: String,
    /// `kind/id`; of a user `user/<id of a party>`.
    pub target: String,
    pub fields: String,
    /// [`state_hash`] of the states.
    pub before_hash: String,
    pub after_hash: String,
    /// Sealed under the key of the actor; empty for none.
    pub ip: String,
    pub request_id: String,
    pub prev_hash: String,
    /// SHA-256 of [`Entry::canonical`], in hexadecimal.
    pub hash: String,
}

/// What stands in the first entry for the hash of the one before.
pub const GENESIS: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// Fields of a line, the hash included.
pub(crate) const FIELDS: usize = 13;

impl Entry {
    /// The names of the columns in the order of [`Entry::canonical`], the hash last.
    pub const COLUMNS: [&'static str; FIELDS] = [
        "seq",
        "at",
        "actor",
        "tenant",
        "action",
        "target",
        "fields",
        "before_hash",
        "after_hash",
        "ip",
        "request_id",
        "prev_hash",
        "hash",
    ];

    /// Puts the entry behind `head`, the last one's number and hash: cleans its texts, numbers and hashes it.
    #[must_use]
    pub fn chained(mut self, head: (i64, &str)) -> Self {
        for text in [
            &mut self.actor,
            &mut self.tenant,
            &mut self.action,
            &mut self.target,
            &mut self.fields,
            &mut self.request_id,
        ] {
            clean(text);
        }
        self.seq = head.0 + 1;
        self.prev_hash = head.1.to_owned();
        self.hash = sha256(self.canonical().as_bytes());
        self
    }

    /// The bytes that are hashed: all columns but the hash, in order, with a tab between each two. No text holds a
    /// control character, so that no two entries have the same bytes.
    #[must_use]
    pub fn canonical(&self) -> String {
        let texts = [
            &self.actor,
            &self.tenant,
            &self.action,
            &self.target,
            &self.fields,
            &self.before_hash,
            &self.after_hash,
            &self.ip,
            &self.request_id,
            &self.prev_hash,
        ];
        let mut line = String::with_capacity(48 + texts.iter().map(|text| text.len() + 1).sum::<usize>());
        let _ = write!(line, "{}\t{}", self.seq, self.at);
        for text in texts {
            line.push('\t');
            line.push_str(text);
        }
        line
    }

    /// Reads a line: [`Entry::canonical`], a tab and the hash. `None` if it is none.
    #[must_use]
    pub fn from_line(line: &str) -> Option<Self> {
        let parts: Vec<&str> = line.split('\t').collect();
        let [seq, at, actor, tenant, action, target, fields, before_hash, after_hash, ip, request_id, prev_hash, hash] =
            <[&str; FIELDS]>::try_from(parts).ok()?;
        Some(Self {
            seq: seq.parse().ok()?,
            at: at.parse().ok()?,
            actor: actor.into(),
            tenant: tenant.into(),
            action: action.into(),
            target: target.into(),
            fields: fields.into(),
            before_hash: before_hash.into(),
            after_hash: after_hash.into(),
            ip: ip.into(),
            request_id: request_id.into(),
            prev_hash: prev_hash.into(),
            hash: hash.into(),
        })
    }
}

/// A time as RFC 3339 in UTC.
pub(crate) fn time(micros: i64) -> String {
    jiff::Timestamp::from_microsecond(micros).map_or_else(|_| micros.to_string(), |time| time.to_string())
}

/// Control characters, tab and line break among them, become `\u{9}`.
fn clean(text: &mut String) {
    if text.chars().any(char::is_control) {
        let escaped = |c: char| if c.is_control() { c.escape_unicode().to_string() } else { c.to_string() };
        *text = text.chars().map(escaped).collect();
    }
}

/// SHA-256 in hexadecimal.
#[must_use]
pub fn sha256(bytes: &[u8]) -> String {
    hex(digest(&SHA256, bytes).as_ref())
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        let _ = write!(text, "{byte:02x}");
    }
    text
}

pub(crate) fn unhex<const N: usize>(text: &str) -> Option<[u8; N]> {
    if text.len() != N * 2 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let mut bytes = [0; N];
    for (at, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(text.get(at * 2..at * 2 + 2)?, 16).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests;
