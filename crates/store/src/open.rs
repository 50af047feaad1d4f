//! Opens what is remembered.

use std::path::{Path, PathBuf};

use govern::config::Secret as Hidden;

use crate::{Error, database::Database, postgres, secret, sqlite};

/// What is remembered: one database, and the data directory beside it. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Store {
    pub(crate) database: Database,
    dir: PathBuf,
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
        Ok(Self { database, dir: dir.to_owned() })
    }

    /// The data directory.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Finishes what was begun and lets go of the database.
    pub async fn close(&self) {
        self.database.close().await;
    }
}
