//! What wraps an answer's bytes on their way to the caller: [`Relay`] and [`Translate`] understand them, [`Guarded`] holds
//! them back until they are cleared, [`StreamBody`] moves them, [`Settlement`] accounts for them when they end, however
//! they end.

mod guarded;
mod lane;
mod relay;
mod settlement;
mod stream;
mod translate;
mod waiting;

pub use guarded::Guarded;
pub use lane::{Feed, LaneBody};
pub use relay::Relay;
pub use settlement::{Settlement, Spent};
pub use stream::{Opened, StreamBody};
pub use translate::Translate;
pub use waiting::{Done, Waiting};
