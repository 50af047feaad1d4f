//! What tests, benches and people with a curl need around a gateway, over real sockets.
//!
//! - [`Upstream`]: a scripted provider that can answer anything a provider ever answered (cut, slow, wrong, silent) and
//!   records what it was asked, when the asker left, and how many tokens it really sent.
//! - [`fixture`]: ready-made answers in each dialect.
//! - [`identity`]: an identity provider, and tokens of all kinds.
//! - [`Harness`]: the real `tollgate` binary as a child process.
//! - [`Postgres`]: a real PostgreSQL that can be stopped, frozen and started again.
//! - [`soak`]: kills the gateway under load and compares its records with what the upstream knows.
//! - [`Client`]: a small HTTP client that shows chunks as they come, and a raw one for bytes that no client would send.
//!
//! Deliberately no part of any production binary: it panics with a clear message where a test should fail.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a broken test setup must fail the test at once"
)]

pub mod client;
pub mod fixture;
pub mod harness;
pub mod identity;
pub mod metrics;
pub mod postgres;
pub mod process;
pub mod soak;
pub mod upstream;

pub use client::{Client, Response, Stream};
pub use harness::Harness;
pub use metrics::Metrics;
pub use postgres::Postgres;
pub use upstream::{Answer, Frame, Seen, Truth, Upstream};
