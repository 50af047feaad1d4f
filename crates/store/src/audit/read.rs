//! The audit log, read: by pages for people, by lines for verification.

use std::collections::HashMap;

use govern::audit::{Entry, Party, Shown};

use super::read_party;
use crate::{
    Error, Store,
    sql::{Row, Sql, sql},
};

/// Which entries.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AuditFilter {
    /// Of this organization alone.
    pub tenant: Option<String>,
    /// By this actor, as in [`govern::audit::Author::actor`].
    pub actor: Option<String>,
    /// `keys.create`, or `keys.` for all that is done to keys.
    pub action: Option<String>,
    /// `kind/id`.
    pub target: Option<String>,
    /// Microseconds since 1970: from the one on, before the other.
    pub since: Option<i64>,
    pub until: Option<i64>,
}

/// A piece of the log for [`govern::audit::Verifier::take`].
#[derive(Debug)]
pub struct AuditLines {
    pub text: Vec<u8>,
    /// Where the next piece begins.
    pub next: i64,
}

/// Entries of a piece of lines: large enough for the cost of a statement not to matter, a few megabytes at most.
const LINES: i64 = 8_192;

impl Store {
    /// The entries that a filter lets through, the newest first: at most `limit`, older than `before`.
    ///
    /// # Errors
    /// The database cannot be read.
    pub async fn audit(&self, filter: &AuditFilter, before: Option<i64>, limit: u32) -> Result<Vec<Shown>, Error> {
        let query = sql(SELECT).push(" WHERE seq < ").push_bind(before.unwrap_or(i64::MAX));
        let Some(query) = self.filtered(query, filter).await? else { return Ok(Vec::new()) };
        self.shown(query.push(" ORDER BY seq DESC LIMIT ").push_bind(limit)).await
    }

    /// The entries that a filter lets through, the oldest first: at most `limit`, newer than `after`.
    ///
    /// # Errors
    /// The database cannot be read.
    pub async fn audit_after(&self, filter: &AuditFilter, after: i64, limit: u32) -> Result<Vec<Shown>, Error> {
        let query = sql(SELECT).push(" WHERE seq > ").push_bind(after);
        let Some(query) = self.filtered(query, filter).await? else { return Ok(Vec::new()) };
        self.shown(query.push(" ORDER BY seq LIMIT ").push_bind(limit)).await
    }

    /// The number of entries and the hash of the last, as they were noted with it.
    ///
    /// # Errors
    /// The database cannot be read.
    pub async fn audit_head(&self) -> Result<(i64, String), Error> {
        let row = sql("SELECT seq, hash FROM audit_head WHERE one = 1").first(&self.database).await?;
        let row =
            row.ok_or_else(|| Error::Damaged { what: "table audit_head".into(), problem: "it has no row".into() })?;
        Ok((row.try_get("seq")?, row.try_get("hash")?))
    }

    /// The next lines with numbers above `after`; `None` at the end. The database puts them together: that is several
    /// times as fast as columns one by one.
    ///
    /// # Errors
    /// The database cannot be read.
    pub async fn audit_lines(&self, after: i64) -> Result<Option<AuditLines>, Error> {
        let row = sql(
            "SELECT string_agg(concat_ws($1, seq, at, actor, tenant, action, target, fields, before_hash, after_hash, \
             ip, request_id, prev_hash, hash), $2 ORDER BY seq) AS text, MAX(seq) AS next \
             FROM (SELECT * FROM audit WHERE seq > $3 ORDER BY seq LIMIT $4) AS piece",
        )
        .bind("\t")
        .bind("\n")
        .bind(after)
        .bind(LINES)
        .first(&self.database)
        .await?;
        let Some(row) = row else { return Ok(None) };
        let next: Option<i64> = row.try_get("next")?;
        let Some(next) = next else { return Ok(None) };
        // SQLite gives the bytes of a text whatever they are; a text of PostgreSQL's is always one.
        let text = row.try_get::<Vec<u8>>("text").or_else(|_| row.try_get::<String>("text").map(String::into_bytes))?;
        Ok(Some(AuditLines { text, next }))
    }

    /// The first entry that names a party which is not as it was entered, or is gone though nobody erased it, and what is
    /// wrong with it. `None`: all are well.
    ///
    /// # Errors
    /// The database cannot be read.
    pub async fn audit_party_fault(&self) -> Result<Option<(i64, String)>, Error> {
        let mut first: Option<(i64, String)> = None;
        let mut note = |seq: Option<i64>, what: &str| {
            if let Some(seq) = seq.filter(|seq| first.as_ref().is_none_or(|(known, _)| seq < known)) {
                first = Some((seq, what.to_owned()));
            }
        };
        for row in sql("SELECT id, name, key FROM audit_parties").all(&self.database).await? {
            let kept = read_party(&row).ok();
            if kept
                .as_ref()
                .is_none_or(|kept| Party::read(&*kept.name, &kept.key()).is_none_or(|new| new.id != kept.id))
            {
                let id: String = row.try_get("id")?;
                note(self.first_with(&id).await?, "the name of who did it, or was done to, was changed");
            }
        }
        let lost = sql("SELECT MIN(seq) AS seq FROM audit WHERE actor NOT IN (SELECT id FROM audit_parties) \
             AND 'party/' || actor NOT IN (SELECT target FROM audit WHERE action = 'users.erase')");
        let row = lost.first(&self.database).await?;
        note(row.map(|row| row.value()).transpose()?.flatten(), "who did it was deleted, and not by an erasure");
        Ok(first)
    }

    async fn first_with(&self, party: &str) -> Result<Option<i64>, Error> {
        let row = sql("SELECT MIN(seq) AS seq FROM audit WHERE actor = $1 OR target = $2")
            .bind(party)
            .bind(format!("user/{party}"))
            .first(&self.database)
            .await?;
        Ok(row.map(|row| row.value()).transpose()?.flatten())
    }

    /// `None` if nothing can pass: it names somebody whom the log does not know.
    async fn filtered(&self, mut query: Sql, filter: &AuditFilter) -> Result<Option<Sql>, Error> {
        if let Some(name) = &filter.actor {
            let Some(id) = self.party_id(name).await? else { return Ok(None) };
            query = query.push(" AND actor = ").push_bind(id);
        }
        if let Some(target) = &filter.target {
            let target = match target.split_once('/') {
                Some(("user", user)) => match self.party_id(&format!("user:{user}")).await? {
                    Some(id) => format!("user/{id}"),
                    None => return Ok(None),
                },
                _ => target.clone(),
            };
            query = query.push(" AND target = ").push_bind(target);
        }
        if let Some(tenant) = &filter.tenant {
            query = query.push(" AND tenant = ").push_bind(tenant);
        }
        if let Some(action) = &filter.action {
            query = match action.strip_suffix('.') {
                // A range in place of LIKE: nothing in it can be a wildcard. `/` follows `.`.
                Some(kind) => {
                    query.push(" AND action > ").push_bind(action).push(" AND action < ").push_bind(format!("{kind}/"))
                }
                None => query.push(" AND action = ").push_bind(action),
            };
        }
        if let Some(since) = filter.since {
            query = query.push(" AND at >= ").push_bind(since);
        }
        if let Some(until) = filter.until {
            query = query.push(" AND at < ").push_bind(until);
        }
        Ok(Some(query))
    }

    async fn party_id(&self, name: &str) -> Result<Option<String>, Error> {
        let row = sql("SELECT id FROM audit_parties WHERE name = $1").bind(name).first(&self.database).await?;
        row.map(|row| row.value()).transpose()
    }

    /// Entries with the names of their parties.
    async fn shown(&self, query: Sql) -> Result<Vec<Shown>, Error> {
        let entries = query.all(&self.database).await?;
        let entries = entries.iter().map(entry).collect::<Result<Vec<Entry>, Error>>()?;
        let mut parties: HashMap<String, Option<Party>> = HashMap::new();
        let mut shown = Vec::with_capacity(entries.len());
        for entry in entries {
            let person = entry.target.strip_prefix("user/").map(str::to_owned);
            for id in std::iter::once(&entry.actor).chain(&person) {
                if !parties.contains_key(id) {
                    parties.insert(id.clone(), self.party(id).await?);
                }
            }
            let actor = parties.get(&entry.actor).cloned().flatten();
            let person = person.and_then(|id| parties.get(&id).cloned().flatten());
            shown.push(Shown { entry, actor, person });
        }
        Ok(shown)
    }

    async fn party(&self, id: &str) -> Result<Option<Party>, Error> {
        let row = sql("SELECT id, name, key FROM audit_parties WHERE id = $1").bind(id).first(&self.database).await?;
        row.as_ref().map(read_party).transpose()
    }
}

const SELECT: &str = "SELECT seq, at, actor, tenant, action, target, fields, before_hash, after_hash, ip, request_id, \
                      prev_hash, hash FROM audit";

fn entry(row: &Row) -> Result<Entry, Error> {
    Ok(Entry {
        seq: row.try_get("seq")?,
        at: row.try_get("at")?,
        actor: row.try_get("actor")?,
        tenant: row.try_get("tenant")?,
        action: row.try_get("action")?,
        target: row.try_get("target")?,
        fields: row.try_get("fields")?,
        before_hash: row.try_get("before_hash")?,
        after_hash: row.try_get("after_hash")?,
        ip: row.try_get("ip")?,
        request_id: row.try_get("request_id")?,
        prev_hash: row.try_get("prev_hash")?,
        hash: row.try_get("hash")?,
    })
}
