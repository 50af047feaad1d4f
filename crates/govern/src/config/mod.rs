//! Configuration in three forms: [`raw`] as written, [`build`] checks it and reports every problem, [`snapshot`] is what
//! a request reads.

pub mod build;
pub mod raw;
pub mod snapshot;

pub use snapshot::Rules;
