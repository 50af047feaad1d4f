//! The data plane: moves bytes, enforces the rules, records what happened.
//!
//! [`pipeline::handle`] is the life of a request. Its stages are files of [`stage`]; what wraps the answer's bytes is in
//! [`body`]; how providers are reached is in [`upstream`]. The crate knows no database: it sees [`keys::KeySource`] and
//! [`sink::Sink`], and the `server` crate plugs the store in.

pub mod alert;
pub mod body;
pub mod clock;
pub mod gateway;
pub mod guard;
pub mod http;
pub mod identity;
pub mod keys;
pub mod ledger;
pub mod observe;
pub mod pipeline;
pub mod responses;
pub mod sink;
pub mod stage;
pub mod tasks;
pub mod upstream;

pub use gateway::{Gateway, InForce, Parts, Unusable};
