//! What is remembered: records of requests and gateway keys. The only SQL of the project is here.
//!
//! SQL keeps to the subset that SQLite and PostgreSQL share, and one suite of tests (`tests/suite`) runs on each
//! database. The request path never waits for this crate: records arrive in batches behind a bounded queue
//! ([`gateway::sink::Sink`]), and keys are read through a cache ([`gateway::keys::KeySource`]).

mod ask;
mod audit;
mod books;
mod checkpoints;
mod counters;
mod database;
mod keys;
mod migrations;
mod notice;
mod open;
mod postgres;
mod prices;
mod requests;
mod responses;
mod rollup;
pub mod secret;
mod spend;
mod sql;
mod sqlite;
mod statement;
mod tree;
mod write;

pub use audit::{AuditFilter, AuditLines};
pub use checkpoints::Checkpoints;
pub use counters::Booked;
pub use keys::{NewKey, StoredKey};
pub use notice::Kind;
pub use open::Store;
pub use prices::{Change, KeptPrice, MOST_REPRICED, Repricing, Step};
pub use requests::{Filter, Kept, Page, StatusClass};
pub use rollup::Drift;
pub use spend::{By, Condition, Grain, MOST_BY, MOST_SPENT, Period, SpendQuery, Spent};

/// Why the store could not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file or directory of the data directory.
    #[error("{}: {source}", path.display())]
    File { path: std::path::PathBuf, source: std::io::Error },
    #[error("the pepper cannot be used: {0}")]
    Pepper(govern::key::NotAPepper),
    /// The keys of the database were made under another pepper.
    #[error(
        "the database's keys were made under another pepper than this process has: give every replica the same as \
         `pepper` (TOLLGATE_PEPPER), or the file `pepper` in its data directory"
    )]
    OtherPepper,
    /// What is in a file or row is not what was put there.
    #[error("{what} is damaged: {problem}")]
    Damaged { what: String, problem: String },
    /// The address of the database cannot be used; the address itself holds a password and is not told.
    #[error("the database's url is not one of PostgreSQL: {0}")]
    Url(String),
    /// No answer of the database came in time. What was asked may have been done.
    #[error("the database did not answer within {} ms", .0.as_millis())]
    Slow(std::time::Duration),
    /// The question itself cannot be answered: why, in words for the one who asks.
    #[error("{0}")]
    Asked(String),
    #[error("the database: {0}")]
    Database(#[from] sqlx::Error),
    #[error("the database's schema: {0}")]
    Schema(#[from] sqlx::migrate::MigrateError),
}
