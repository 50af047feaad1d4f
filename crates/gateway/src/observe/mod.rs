//! What is told of requests: the record of each, and the meters of all.

mod attempt;
pub mod compact;
pub mod metric;
mod outcome;
pub mod record;
mod reprice;
pub mod trace;

pub use attempt::Attempt;
pub use metric::Metrics;
pub use outcome::{Lane, Outcome, Recovered};
pub use record::{Record, Recording};
pub use reprice::{Priced, Repriced, Which};
