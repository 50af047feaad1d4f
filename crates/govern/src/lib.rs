//! Who may do what, at what cost: callers, access, routes, limits, configuration and errors, as pure functions.
//!
//! Nothing here does I/O, is async, reads a clock or draws a random number: time and seeds are arguments.

pub mod access;
pub mod alert;
pub mod audit;
pub mod chargeback;
pub mod config;
pub mod directory;
pub mod error;
pub mod identity;
pub mod key;
pub mod limit;
pub mod money;
pub mod principal;
pub mod role;
pub mod route;
#[cfg(test)]
mod testing;

pub use config::Rules;
pub use directory::Directory;
pub use error::{Code, Error};
pub use money::Money;
pub use principal::Principal;
