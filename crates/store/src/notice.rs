//! Changes that every replica must hear of: of keys, and of whatever else is held in memory.
//!
//! Each kind has a version in `meta`, raised in the transaction of the change, so that one read tells whether to look. On
//! PostgreSQL the change also sends a notice, which arrives within milliseconds; versions are asked for every
//! [`POLL`] besides, since a notice can be lost with its connection.

use std::time::Duration;

use sqlx::postgres::PgListener;

use crate::{
    Error, Store,
    database::{Change, Database},
    sql::sql,
};

/// How often versions are asked for.
pub const POLL: Duration = Duration::from_millis(400);

/// Where notices are sent.
const CHANNEL: &str = "tollgate_changes";

/// A connection that says nothing for this long is made anew: the server may have gone without a word.
const SILENCE: Duration = Duration::from_secs(30);

/// What can change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Gateway keys.
    Keys,
    /// Who belongs where, and who may do what.
    Directory,
}

impl Kind {
    /// Its row in `meta`.
    fn name(self) -> &'static str {
        match self {
            Self::Keys => "keys_version",
            Self::Directory => "directory_version",
        }
    }
}

impl Change {
    /// Makes every replica look for changes of this kind once the change is committed. Changes of one kind are committed one
    /// after the other.
    pub(crate) async fn note(&mut self, kind: Kind) -> Result<(), Error> {
        sql("INSERT INTO meta (name, value) VALUES ($1, 1) ON CONFLICT (name) DO UPDATE SET value = meta.value + 1")
            .bind(kind.name())
            .run(&mut *self)
            .await?;
        if let Self::Postgres(_) = self {
            sql("SELECT pg_notify($1, $2)").bind(CHANNEL).bind(kind.name()).run(self).await?;
        }
        Ok(())
    }
}

impl Store {
    /// A number that grows with every change of this kind.
    ///
    /// # Errors
    /// The database cannot be read.
    pub async fn version_of(&self, kind: Kind) -> Result<i64, Error> {
        let row = sql("SELECT value FROM meta WHERE name = $1").bind(kind.name()).first(&self.database).await?;
        row.map_or(Ok(0), |row| row.value())
    }

    /// Waits until something may have changed: for a notice, at most [`POLL`].
    pub async fn may_have_changed(&self) {
        let _ = tokio::time::timeout(POLL, self.noticed.notified()).await;
    }

    /// Hears notices, for as long as the process lives. Without PostgreSQL there are none.
    pub async fn listen(&self) {
        let Database::Postgres { read, .. } = &self.database else { return std::future::pending().await };
        loop {
            let heard = async {
                let mut listener = PgListener::connect_with(read).await?;
                listener.listen(CHANNEL).await?;
                while let Ok(notice) = tokio::time::timeout(SILENCE, listener.recv()).await {
                    notice?;
                    self.noticed.notify_waiters();
                }
                Ok::<_, sqlx::Error>(())
            };
            if let Err(error) = heard.await {
                tracing::debug!(%error, "notices cannot be heard; versions are asked for instead");
                tokio::time::sleep(POLL).await;
            }
        }
    }
}
