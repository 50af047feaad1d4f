//! What wraps an answer's bytes on their way to the caller: [`Relay`] and [`Translate`] understand them, [`Opaque`] does
//! not, [`Guarded`] holds them back until they are cleared, [`Wrapped`] puts them into Amazon's messages, [`StreamBody`]
//! moves them, [`Settlement`] accounts for them when they end, however they end.

mod guarded;
mod kept;
mod lane;
mod opaque;
mod opened;
mod relay;
mod settlement;
mod stream;
mod translate;
mod waiting;
mod wrapped;

pub use guarded::Guarded;
pub use kept::{Keeper, KeptBody};
pub use lane::{Feed, LaneBody};
pub use opaque::{Opaque, Tee};
pub use opened::{Noted, Opened, Passed};
pub use relay::Relay;
pub use settlement::{Settlement, Spent};
pub use stream::StreamBody;
pub use translate::Translate;
pub use waiting::{Done, Waiting};
pub use wrapped::Wrapped;
