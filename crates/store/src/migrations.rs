//! The steps that bring a database to this version's schema: additive, in order, each run once.

use std::borrow::Cow;

use sqlx::{
    SqlSafeStr,
    migrate::{Migration, MigrationType, Migrator},
};

/// Every step: version, name, text. A step that was released is never edited: its checksum is in every database.
const STEPS: &[(i64, &str, &str)] = &[
    (1, "requests, keys, meta", include_str!("../migrations/0001_requests_keys_meta.sql")),
    (2, "responses", include_str!("../migrations/0002_responses.sql")),
    (3, "prices, repricings", include_str!("../migrations/0003_prices.sql")),
];

/// The steps, ready to run.
///
/// An older binary may open a database that a newer one has extended, since steps only add.
pub(crate) fn migrator() -> Migrator {
    let mut migrator = Migrator::with_migrations(
        STEPS
            .iter()
            .map(|&(version, name, text)| {
                Migration::new(version, Cow::Borrowed(name), MigrationType::Simple, text.into_sql_str(), false)
            })
            .collect(),
    );
    migrator.set_ignore_missing(true);
    migrator
}
