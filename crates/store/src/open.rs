//! Opens what is remembered.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use govern::{config::Secret as Hidden, key::Pepper};
use tokio::sync::Notify;

use crate::{Error, database::Database, postgres, rollup::Rollup, secret, sql::sql, sqlite};

/// What is remembered: one database, and the data directory beside it. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Store {
    pub(crate) database: Database,
    pub(crate) rollup: Arc<Rollup>,
    dir: PathBuf,
    /// Told of every notice of a change.
    pub(crate) noticed: Arc<Notify>,
}

impl Store {
    /// Opens the embedded database in this directory; makes both (readable by their owner alone) if they do not exist, and
    /// brings the schema up to date.
    ///
    /// # Errors
    /// The directory cannot be written, or the file is not a database of ours.
    pub async fn open(dir: &Path) -> Result<Self, Error> {
        Self::connect(dir, None).await
    }

    /// Opens the PostgreSQL database at this address, `postgres://USER:PASSWORD@HOST:PORT/NAME`; without one, the embedded
    /// database. Brings the schema up to date. The directory holds what belongs to this process alone.
    ///
    /// # Errors
    /// As [`Store::open`]; the address cannot be read, or nobody answers there.
    pub async fn connect(dir: &Path, url: Option<&Hidden>) -> Result<Self, Error> {
        secret::private_dir(dir)?;
        let database = match url {
            None => sqlite::open(dir).await?,
            Some(url) => postgres::open(url.expose()).await?,
        };
        Ok(Self { database, rollup: Arc::default(), dir: dir.to_owned(), noticed: Arc::default() })
    }

    /// Numbers and names of the steps that the schema of a database needs and has not had. Nothing is changed.
    ///
    /// # Errors
    /// As [`Store::connect`].
    pub async fn missing_steps(dir: &Path, url: Option<&Hidden>) -> Result<Vec<(i64, String)>, Error> {
        match url {
            None => sqlite::missing(dir).await,
            Some(url) => postgres::missing(url.expose()).await,
        }
    }

    /// The data directory.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Makes sure that this is the pepper under which the keys of the database were made: a replica with another would call
    /// every one of them wrong. A database that nobody shares takes another for its own as long as it has no keys.
    ///
    /// # Errors
    /// It is another one, or the database cannot be used.
    pub async fn belongs_to(&self, pepper: &Pepper) -> Result<(), Error> {
        let mark = pepper.mark();
        let known = "SELECT value FROM meta WHERE name = 'pepper'";
        // Most starts change nothing, and then nothing is written.
        if sql(known).first(&self.database).await?.map(|row| row.value::<i64>()).transpose()? == Some(mark) {
            return Ok(());
        }
        let mut change = self.database.change().await?;
        sql("INSERT INTO meta (name, value) VALUES ('pepper', $1) ON CONFLICT (name) DO NOTHING")
            .bind(mark)
            .run(&mut change)
            .await?;
        if let Database::Sqlite { .. } = self.database {
            sql("UPDATE meta SET value = $1 WHERE name = 'pepper' AND NOT EXISTS (SELECT 1 FROM keys)")
                .bind(mark)
                .run(&mut change)
                .await?;
        }
        let row = sql(known).first(&mut change).await?;
        change.commit().await?;
        match row.map(|row| row.value::<i64>()).transpose()? {
            Some(found) if found == mark => Ok(()),
            _ => Err(Error::OtherPepper),
        }
    }

    /// Finishes what was begun and lets go of the database.
    pub async fn close(&self) {
        self.database.close().await;
    }
}
