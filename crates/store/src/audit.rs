//! The audit log: what administrators did, in the same transaction as what they did.
//!
//! Every change of an administrative table begins with [`Store::act`] and ends with [`Act::commit`], which wants the deed:
//! there is no other way to keep it. How entries hang together is in [`govern::audit`].

mod read;

use aws_lc_rs::aead::NONCE_LEN;
use govern::audit::{Author, Deed, Entry, Party, state_hash};

use crate::{
    Error, Kind, Store,
    database::Change,
    secret::random,
    sql::{On, Row, sql},
};

pub use read::{AuditFilter, AuditLines};

/// A change of administrative tables by somebody. Dropped without [`Act::commit`], nothing of it was done.
pub(crate) struct Act<'a> {
    change: Change,
    author: &'a Author,
}

impl Store {
    /// Begins a change of administrative tables.
    pub(crate) async fn act<'a>(&self, author: &'a Author) -> Result<Act<'a>, Error> {
        Ok(Act { change: self.database.change().await?, author })
    }

    /// Notes a deed that changes no table: a view of content, a refusal worth remembering.
    ///
    /// # Errors
    /// The database cannot be written.
    pub async fn note(&self, author: &Author, deed: &Deed<'_>) -> Result<(), Error> {
        self.act(author).await?.commit(deed).await
    }

    /// Notes many deeds of one author at once.
    ///
    /// # Errors
    /// As [`Store::note`].
    pub async fn note_all(&self, author: &Author, deeds: &[Deed<'_>]) -> Result<(), Error> {
        self.act(author).await?.commit_all(deeds).await
    }

    /// Erases a person, called as in [`Author::actor`], from the audit log: the name, and the key without which what is
    /// sealed of the person cannot be read. The chain stays as it is. False if the log does not know the person.
    ///
    /// # Errors
    /// The database cannot be written.
    pub async fn erase_party(&self, author: &Author, name: &str) -> Result<bool, Error> {
        self.database.overwrite_deleted().await?;
        let mut act = self.act(author).await?;
        let Some(party) = party(&mut act.change, name).await? else { return Ok(false) };
        // By its id: the entry of the erasure must not bring the name back.
        let erased = Deed::new("users.erase", "party", &party.id);
        sql("DELETE FROM audit_parties WHERE id = $1").bind(&party.id).run(&mut act.change).await?;
        act.commit(&erased).await?;
        self.database.forget_deleted().await?;
        Ok(true)
    }
}

impl Act<'_> {
    /// Makes every replica look for changes of this kind once the change is kept.
    pub(crate) async fn tell(&mut self, kind: Kind) -> Result<(), Error> {
        self.change.note(kind).await
    }

    /// The transaction, for what writes as part of it.
    pub(crate) fn change(&mut self) -> &mut Change {
        &mut self.change
    }

    /// Keeps what was changed, together with what is said of it.
    pub(crate) async fn commit(self, deed: &Deed<'_>) -> Result<(), Error> {
        self.commit_all(std::slice::from_ref(deed)).await
    }

    /// As [`Act::commit`], for a change of many objects.
    pub(crate) async fn commit_all(mut self, deeds: &[Deed<'_>]) -> Result<(), Error> {
        // The row is locked from here to the end of the transaction: appenders, of whatever process, queue up for it.
        let head = sql("UPDATE audit_head SET seq = seq WHERE one = 1 RETURNING seq, hash")
            .first(&mut self.change)
            .await?
            .ok_or_else(|| Error::Damaged { what: "table audit_head".into(), problem: "it has no row".into() })?;
        let mut head: (i64, String) = (head.try_get("seq")?, head.try_get("hash")?);
        for deed in deeds {
            let entry = self.entry(deed).await?.chained((head.0, &head.1));
            insert(&entry, &mut self.change).await?;
            head = (entry.seq, entry.hash);
        }
        sql("UPDATE audit_head SET seq = $1, hash = $2 WHERE one = 1")
            .bind(head.0)
            .bind(&head.1)
            .run(&mut self.change)
            .await?;
        self.change.commit().await
    }

    async fn entry(&mut self, deed: &Deed<'_>) -> Result<Entry, Error> {
        let actor = self.party_of(&self.author.actor.clone()).await?;
        // What is done to a person is told by the person's meaningless id, and hashed under the person's key.
        let person = match deed.kind {
            "user" => Some(self.party_of(&format!("user:{}", deed.id)).await?),
            _ => None,
        };
        let target = person.as_ref().map_or(deed.id, |person| &person.id);
        let ip = self.author.ip.map(|ip| Ok::<_, Error>(actor.seal_ip(ip, *random::<NONCE_LEN>()?))).transpose()?;
        Ok(Entry {
            at: self.author.at,
            tenant: self.author.tenant.clone(),
            action: deed.action.to_owned(),
            target: format!("{}/{target}", deed.kind),
            fields: deed.fields(),
            before_hash: state_hash(deed.before.as_ref(), person.as_ref()),
            after_hash: state_hash(deed.after.as_ref(), person.as_ref()),
            ip: ip.flatten().unwrap_or_default(),
            request_id: self.author.request_id.clone().unwrap_or_default(),
            actor: actor.id,
            ..Entry::default()
        })
    }

    /// The party of this name, made if there is none.
    async fn party_of(&mut self, name: &str) -> Result<Party, Error> {
        if let Some(known) = party(&mut self.change, name).await? {
            return Ok(known);
        }
        let new = Party::new(name, random()?);
        sql("INSERT INTO audit_parties (id, name, key) VALUES ($1, $2, $3)")
            .bind(&new.id)
            .bind(&new.name)
            .bind(new.key().as_str())
            .run(&mut self.change)
            .await?;
        Ok(new)
    }
}

impl<'a> From<&'a mut Act<'_>> for On<'a> {
    fn from(act: &'a mut Act<'_>) -> Self {
        Self::Change(&mut act.change)
    }
}

async fn insert(entry: &Entry, change: &mut Change) -> Result<(), Error> {
    sql("INSERT INTO audit (seq, at, actor, tenant, action, target, fields, before_hash, after_hash, ip, request_id, \
         prev_hash, hash) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)")
    .bind(entry.seq)
    .bind(entry.at)
    .bind(&entry.actor)
    .bind(&entry.tenant)
    .bind(&entry.action)
    .bind(&entry.target)
    .bind(&entry.fields)
    .bind(&entry.before_hash)
    .bind(&entry.after_hash)
    .bind(&entry.ip)
    .bind(&entry.request_id)
    .bind(&entry.prev_hash)
    .bind(&entry.hash)
    .run(change)
    .await?;
    Ok(())
}

async fn party(change: &mut Change, name: &str) -> Result<Option<Party>, Error> {
    let row = sql("SELECT id, name, key FROM audit_parties WHERE name = $1").bind(name).first(change).await?;
    row.as_ref().map(read_party).transpose()
}

/// A party as it was kept, whether or not its id fits: that is for verification to say.
fn read_party(row: &Row) -> Result<Party, Error> {
    let (name, key): (String, String) = (row.try_get("name")?, row.try_get("key")?);
    let damaged = || Error::Damaged { what: "a party of the audit log".into(), problem: "its key is none".into() };
    let mut party = Party::read(name, &key).ok_or_else(damaged)?;
    party.id = row.try_get("id")?;
    Ok(party)
}
