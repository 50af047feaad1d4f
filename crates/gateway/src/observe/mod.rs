//! What is told of requests: the record of each, and the meters of all.

pub mod compact;
pub mod metric;
pub mod record;
mod reprice;
pub mod trace;

pub use metric::Metrics;
pub use record::{Attempt, Lane, Outcome, Record, Recording, Recovered};
pub use reprice::{Priced, Repriced, Which};
