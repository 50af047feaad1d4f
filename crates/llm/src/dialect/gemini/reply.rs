//! Whole answers: <https://ai.google.dev/api/generate-content#v1beta.GenerateContentResponse>

mod glance;
mod read;
mod write;

pub use glance::glance;
pub use read::read;
pub use write::write;

pub(super) use write::part as write_part;
