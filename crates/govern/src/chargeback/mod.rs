//! Whose money it was: spend by scope, statements, shared costs and credits, exports, and what a provider's own report
//! says of the same calls. Sums alone: where they are kept is the store's matter.
//!
//! Every amount is a whole number of nano-dollars. Whatever is divided is divided so that the parts sum to the whole.

pub mod calendar;
pub mod csv;
mod figures;
pub mod focus;
pub mod place;
pub mod plan;
pub mod reconcile;
mod share;
pub mod statement;

pub use figures::Figures;
pub use place::Place;
pub use share::{percent, split, without_percent};
