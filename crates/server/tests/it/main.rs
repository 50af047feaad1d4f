//! The gateway as its users meet it: the real binary, real sockets, a scripted provider.
//!
//! One binary for all of them, one file per subject. A test that proves a row of `docs/cases.md` carries its number.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

mod administration;
mod alerts;
mod bedrock;
mod chargeback;
mod cost;
mod directory;
mod disconnect;
mod edge;
mod faults;
mod first_call;
mod fleet;
mod gemini;
mod guardrails;
mod identity;
mod invoke;
mod journal;
mod keys;
mod kill;
mod limits;
mod operations;
mod passthrough;
mod prices;
mod reload;
mod responses;
mod routing;
mod secrets;
mod security;
mod setup;
mod streaming;
mod structured;
mod tls;
mod traces;
mod translation;
mod unpriced;
mod vertex;
