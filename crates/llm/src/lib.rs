//! How models are spoken to: wire formats, vendors and prices, as pure functions over bytes.
//!
//! Three ideas carry the crate:
//!
//! - [`Dialect`]: a wire format. It reads and writes a [`Call`], a [`Reply`] and a stream of [`Event`]s.
//! - [`Provider`](provider::Provider): a vendor. It says which dialect it speaks, where, with which credential,
//!   and what its failures mean.
//! - [`Envelope`](envelope::Envelope): a request body that is governed without being decoded.
//!
//! Nothing here does I/O, is async, reads a clock or draws a random number.

pub mod audio;
pub mod call;
pub mod catalog;
pub mod dialect;
pub mod embed;
pub mod envelope;
pub mod event;
pub mod failure;
pub mod frame;
pub mod image;
mod json;
pub mod loss;
pub mod moderate;
pub mod ocr;
pub mod price;
pub mod provider;
pub mod reply;
pub mod rerank;
pub mod signature;
pub mod structured;
pub mod task;
pub mod tokens;
pub mod usage;
pub mod wire;

pub use call::Call;
pub use dialect::Dialect;
pub use event::Event;
pub use loss::Loss;
pub use reply::Reply;
pub use usage::Usage;
pub use wire::Wire;
