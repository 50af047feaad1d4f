//! The tree of who belongs where, as far as people made it by the API and not in the file.

use std::collections::{BTreeMap, BTreeSet};

use govern::{
    audit::{Author, Deed},
    config::raw::RawDirectory,
    directory::Kind,
};
use serde_json::{Map, Value};

use crate::{Error, Store, audit::Act, notice, sql::sql};

/// Objects of one kind, by id, as JSON.
type Objects = BTreeMap<(String, String), Value>;

impl Store {
    /// The tree as kept. An object that this version cannot read is left out: what belongs to it is refused.
    ///
    /// # Errors
    /// The database cannot be read.
    pub async fn tree(&self) -> Result<RawDirectory, Error> {
        let rows = sql(SELECT).all(&self.database).await?;
        let mut objects = Objects::new();
        for row in rows {
            objects.insert((row.try_get("kind")?, row.try_get("id")?), body(row.try_get("body")?));
        }
        Ok(directory(&objects))
    }

    /// Changes the tree: all of what `change` did, or nothing if it refuses. Changes are made one after the other, over all
    /// replicas, so that `change` sees what it will stand beside.
    ///
    /// # Errors
    /// What `change` refuses with, or the database cannot be written.
    pub async fn change_tree<T, E: From<Error>>(
        &self,
        author: &Author,
        change: impl FnOnce(&mut RawDirectory) -> Result<T, E>,
    ) -> Result<T, E> {
        let mut act = self.act(author).await?;
        // First of all: whoever comes next waits here until this one is done.
        act.tell(notice::Kind::Directory).await?;
        let mut kept = Objects::new();
        for row in sql(SELECT).all(&mut act).await? {
            let key = (row.try_get("kind")?, row.try_get("id")?);
            kept.insert(key, body(row.try_get("body")?));
        }
        let mut tree = directory(&kept);
        let before = objects(&tree);
        let done = change(&mut tree)?;
        let after = objects(&tree);
        let keys: BTreeSet<_> = before.keys().chain(after.keys()).collect();
        let changed: Vec<_> = keys.into_iter().filter(|key| before.get(*key) != after.get(*key)).collect();
        for key in &changed {
            write(&mut act, key, after.get(*key), author.at).await?;
        }
        let actions: Vec<String> = changed.iter().map(|key| action(key, &before, &after)).collect();
        let deeds = changed.iter().zip(&actions).map(|((kind, id), action)| Deed {
            before: before.get(&(kind.clone(), id.clone())).cloned(),
            after: after.get(&(kind.clone(), id.clone())).cloned(),
            ..Deed::new(action, singular(kind), id)
        });
        act.commit_all(&deeds.collect::<Vec<_>>()).await?;
        Ok(done)
    }
}

/// Keeps an object, or forgets it.
async fn write(act: &mut Act<'_>, (kind, id): &(String, String), body: Option<&Value>, at: i64) -> Result<(), Error> {
    let statement = match body {
        None => sql("DELETE FROM tree WHERE kind = $1 AND id = $2").bind(kind).bind(id),
        Some(body) => sql("INSERT INTO tree (kind, id, body, changed_at) VALUES ($1, $2, $3, $4) \
                           ON CONFLICT (kind, id) DO UPDATE SET body = $3, changed_at = $4")
        .bind(kind)
        .bind(id)
        .bind(body.to_string())
        .bind(at),
    };
    statement.run(act).await.map(|_| ())
}

/// `teams.create`, `teams.change` or `teams.delete`.
fn action(key: &(String, String), before: &Objects, after: &Objects) -> String {
    let verb = match (before.contains_key(key), after.contains_key(key)) {
        (false, _) => "create",
        (true, true) => "change",
        (true, false) => "delete",
    };
    format!("{}.{verb}", key.0)
}

fn singular(kind: &str) -> &'static str {
    Kind::ALL.iter().find(|known| known.plural() == kind).map_or("object", |known| known.as_str())
}

const SELECT: &str = "SELECT kind, id, body FROM tree";

fn body(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or(Value::Null)
}

/// The objects of a tree.
fn objects(tree: &RawDirectory) -> Objects {
    let Ok(Value::Object(kinds)) = serde_json::to_value(tree) else { return Objects::new() };
    let all = kinds.into_iter().flat_map(|(kind, all)| {
        let all = if let Value::Object(all) = all { all } else { Map::new() };
        all.into_iter().map(move |(id, body)| ((kind.clone(), id), body))
    });
    all.collect()
}

/// The tree of these objects.
fn directory(objects: &Objects) -> RawDirectory {
    let mut kinds = Map::new();
    for ((kind, id), body) in objects {
        let alone = Value::from_iter([(kind.as_str(), Value::from_iter([(id.as_str(), body.clone())]))]);
        if let Err(error) = serde_json::from_value::<RawDirectory>(alone) {
            tracing::warn!(kind, id, %error, "an object of the tree is of another version, or damaged: it is left out");
            continue;
        }
        if let Value::Object(all) = kinds.entry(kind.as_str()).or_insert_with(|| Value::Object(Map::new())) {
            all.insert(id.clone(), body.clone());
        }
    }
    serde_json::from_value(Value::Object(kinds)).unwrap_or_default()
}
