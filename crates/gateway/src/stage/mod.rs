//! The stages of a request, in the order of [`pipeline::handle`](crate::pipeline::handle). Each takes what the stage
//! before proved and returns a new proof.

mod attempt;
mod authenticate;
mod authorize;
mod compose;
mod count;
mod dispatch;
mod encode;
mod fit;
mod form;
mod inspect;
mod judge;
mod keep;
mod need;
mod passage;
mod plan;
mod read;
mod recollect;
mod refer;
mod reserve;
mod resume;
mod settle;
mod task;
mod undress;

pub use authenticate::{Caller, authenticate, identify};
pub use authorize::{Grant, authorize};
pub use compose::{Composed, compose};
pub use dispatch::{Sent, dispatch};
pub use inspect::inspect;
pub use keep::keep;
pub use passage::passage;
pub use read::{Asked, read};
pub use recollect::{Recollection, recollect};
pub use reserve::reserve;
pub use resume::{Thread, resume};
pub use settle::settle;

use plan::plan;
