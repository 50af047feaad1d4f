//! Configuration in three forms: [`raw`] as written, [`build`] checks it and reports every problem, [`snapshot`] is what
//! a request reads.

mod bill;
pub mod build;
pub mod credential;
mod environment;
mod journal;
pub mod price;
pub(crate) mod problem;
mod quantity;
pub mod raw;
mod report;
mod resolve;
mod secret;
mod shape;
pub mod shown;
pub mod snapshot;
mod target;
pub mod tree;
mod variable;

pub use bill::{Asked, Basis, Bill};
pub use build::{Checked, Draft, check, check_raw, schema};
pub use credential::Credential;
pub use problem::{Fault, Place, Problem, Severity};
pub use raw::Raw;
pub use resolve::{By, Resolved};
pub use secret::Secret;
pub use snapshot::{BadSetting, GuardCheck, GuardRule, Rules};
pub use variable::Lookup;
