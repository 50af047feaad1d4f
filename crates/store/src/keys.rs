//! Gateway keys: made, listed, rotated, disabled, deleted, and found for the request path.

use std::sync::Arc;

use crate::{
    Error, Kind, Store,
    audit::Act,
    secret::random,
    sql::{Row, Sql, sql},
};
use futures_util::future::BoxFuture;
use gateway::keys::{KeySource, KeySourceDown};
use govern::{
    access::Access,
    audit::{Author, Deed},
    directory::Owner,
    key::{Env, KeyHash, KeyId, KeyRule, Minted, Origin, Pepper},
};

/// What a new key shall be.
#[derive(Debug, Clone, PartialEq)]
pub struct NewKey {
    pub env: Env,
    /// For people.
    pub name: String,
    /// To whom it belongs.
    pub owner: Owner,
    /// What it may call; `*` for everything.
    pub models: Vec<String>,
    /// Microseconds since 1970 from which it is refused.
    pub expires_at: Option<i64>,
    /// Most calls in flight at once.
    pub parallel: Option<u32>,
    /// Microseconds since 1970.
    pub created_at: i64,
}

/// A key of the store. Its place in the tree is worked out where the configuration is known.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredKey {
    pub rule: KeyRule,
    pub env: Env,
    /// Microseconds since 1970.
    pub created_at: i64,
}

impl KeySource for Store {
    fn find<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<Option<Arc<KeyRule>>, KeySourceDown>> {
        Box::pin(async move {
            let key = self.key(id).await.map_err(|error| KeySourceDown(error.to_string()))?;
            Ok(key.map(|key| Arc::new(key.rule)))
        })
    }

    fn version<'a>(&'a self) -> BoxFuture<'a, Result<i64, KeySourceDown>> {
        Box::pin(async move { self.version_of(Kind::Keys).await.map_err(|error| KeySourceDown(error.to_string())) })
    }

    fn may_have_changed(&self) -> BoxFuture<'_, ()> {
        Box::pin(Self::may_have_changed(self))
    }
}

impl Store {
    /// Makes a key. Its text is in the answer and nowhere else: what is kept is a hash.
    ///
    /// # Errors
    /// The database cannot be written.
    pub async fn create_key(&self, author: &Author, pepper: &Pepper, key: &NewKey) -> Result<Minted, Error> {
        let minted = Minted::new(key.env, &*random()?);
        let models = serde_json::Value::from(key.models.clone()).to_string();
        let mut act = self.change_of_keys(author).await?;
        sql("INSERT INTO keys (id, env, name, hash, models, expires_at, disabled, parallel, created_at, owner_user, \
             owner_virtual_account, owner_project, owner_team, owner_organization) \
             VALUES ($1, $2, $3, $4, $5, $6, 0, $7, $8, $9, $10, $11, $12, $13)")
        .bind(&minted.id.0)
        .bind(key.env.as_str())
        .bind(&key.name)
        .bind(minted.hash(pepper).to_string())
        .bind(models)
        .bind(key.expires_at)
        .bind(key.parallel)
        .bind(key.created_at)
        .bind(&key.owner.user)
        .bind(&key.owner.virtual_account)
        .bind(&key.owner.project)
        .bind(&key.owner.team)
        .bind(&key.owner.organization)
        .run(&mut act)
        .await?;
        let made = in_act(&mut act, &minted.id.0).await?.map(|key| state(&key));
        act.commit(&Deed { after: made, ..Deed::new("keys.create", "key", &minted.id.0) }).await?;
        Ok(minted)
    }

    /// All keys, by time of creation.
    ///
    /// # Errors
    /// The database cannot be read, or a row is damaged.
    pub async fn keys(&self) -> Result<Vec<StoredKey>, Error> {
        let rows = sql(SELECT).push(" ORDER BY created_at, id").all(&self.database).await?;
        rows.iter().map(stored).collect()
    }

    /// The key with this id.
    ///
    /// # Errors
    /// As [`Store::keys`].
    pub async fn key(&self, id: &str) -> Result<Option<StoredKey>, Error> {
        let row = sql(SELECT).push(" WHERE id = ").push_bind(id).first(&self.database).await?;
        row.as_ref().map(stored).transpose()
    }

    /// Refuses the key from now on, or accepts it again. False if there is no such key.
    ///
    /// # Errors
    /// The database cannot be written.
    pub async fn disable_key(&self, author: &Author, id: &str, disabled: bool) -> Result<bool, Error> {
        let action = if disabled { "keys.disable" } else { "keys.enable" };
        let change = sql("UPDATE keys SET disabled = $2 WHERE id = $1").bind(id).bind(i64::from(disabled));
        self.change_key(author, action, id, change).await
    }

    /// Gives the key a new secret; the old one is accepted until `old_until` (microseconds since 1970). `None` if there
    /// is no such key.
    ///
    /// # Errors
    /// The database cannot be written.
    pub async fn rotate_key(
        &self,
        author: &Author,
        pepper: &Pepper,
        id: &str,
        old_until: i64,
    ) -> Result<Option<Minted>, Error> {
        let Some(key) = self.key(id).await? else { return Ok(None) };
        let minted = Minted::renewed(key.env, key.rule.id, &*random()?);
        let change = sql("UPDATE keys SET previous_hash = hash, previous_until = $3, hash = $2 WHERE id = $1")
            .bind(id)
            .bind(minted.hash(pepper).to_string())
            .bind(old_until);
        Ok(self.change_key(author, "keys.rotate", id, change).await?.then_some(minted))
    }

    /// Forgets the key. False if there is no such key. Records keep its id and name.
    ///
    /// # Errors
    /// The database cannot be written.
    pub async fn delete_key(&self, author: &Author, id: &str) -> Result<bool, Error> {
        self.change_key(author, "keys.delete", id, sql("DELETE FROM keys WHERE id = $1").bind(id)).await
    }

    /// Does something to a key, and notes what became of it. False if there is no such key.
    async fn change_key(&self, author: &Author, action: &str, id: &str, change: Sql) -> Result<bool, Error> {
        let mut act = self.change_of_keys(author).await?;
        let Some(before) = in_act(&mut act, id).await? else { return Ok(false) };
        change.run(&mut act).await?;
        let after = in_act(&mut act, id).await?.map(|key| state(&key));
        act.commit(&Deed { before: Some(state(&before)), after, ..Deed::new(action, "key", id) }).await?;
        Ok(true)
    }

    /// A change that every replica will notice.
    async fn change_of_keys<'a>(&self, author: &'a Author) -> Result<Act<'a>, Error> {
        let mut act = self.act(author).await?;
        act.tell(Kind::Keys).await?;
        Ok(act)
    }
}

const SELECT: &str = "SELECT id, env, name, hash, previous_hash, previous_until, models, expires_at, disabled, parallel, \
                      created_at, owner_user, owner_virtual_account, owner_project, owner_team, owner_organization \
                      FROM keys";

/// The key as this change sees it.
async fn in_act(act: &mut Act<'_>, id: &str) -> Result<Option<StoredKey>, Error> {
    let row = sql(SELECT).push(" WHERE id = ").push_bind(id).first(act).await?;
    row.as_ref().map(stored).transpose()
}

/// What the audit log hashes of a key. Of its secret that is a hash already.
fn state(key: &StoredKey) -> serde_json::Value {
    let KeyRule { name, hash, previous, owner, models, expires_at, disabled, parallel, .. } = &key.rule;
    serde_json::json!({
        "env": key.env,
        "name": name,
        "hash": hash.to_string(),
        "previous": previous.as_ref().map(|(hash, until)| (hash.to_string(), until)),
        "models": models,
        "expires_at": expires_at,
        "disabled": disabled,
        "parallel": parallel,
        "created_at": key.created_at,
        "user": owner.user,
        "virtual_account": owner.virtual_account,
        "project": owner.project,
        "team": owner.team,
        "organization": owner.organization,
    })
}

fn stored(row: &Row) -> Result<StoredKey, Error> {
    let id: String = row.try_get("id")?;
    let damaged = |problem: String| Error::Damaged { what: format!("key {id}"), problem };
    let hash = |text: String| text.parse::<KeyHash>().map_err(|error| damaged(error.to_string()));
    let previous = match (row.try_get("previous_hash")?, row.try_get("previous_until")?) {
        (Some(previous), Some(until)) => Some((hash(previous)?, until)),
        _ => None,
    };
    let models: String = row.try_get("models")?;
    let parallel: Option<i64> = row.try_get("parallel")?;
    let rule = KeyRule {
        name: row.try_get("name")?,
        owner: Owner {
            user: row.try_get("owner_user")?,
            virtual_account: row.try_get("owner_virtual_account")?,
            project: row.try_get("owner_project")?,
            team: row.try_get("owner_team")?,
            organization: row.try_get("owner_organization")?,
        },
        principal: Arc::default(),
        hash: hash(row.try_get("hash")?)?,
        previous,
        models: serde_json::from_str(&models).map_err(|error| damaged(error.to_string()))?,
        access: Access::default(),
        bounds: Arc::default(),
        expires_at: row.try_get("expires_at")?,
        disabled: row.try_get::<i64>("disabled")? != 0,
        parallel: parallel.map(u32::try_from).transpose().map_err(|error| damaged(error.to_string()))?,
        origin: Origin::Store,
        id: KeyId(id.clone()),
    };
    let env = match row.try_get("env")? {
        "live" => Env::Live,
        "test" => Env::Test,
        other => return Err(damaged(format!("its env is {other}"))),
    };
    Ok(StoredKey { rule, env, created_at: row.try_get("created_at")? })
}
