//! Questions: <https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html>

mod cache;
mod knobs;
mod more;
mod read;
mod tools;
mod turns;
mod write;

pub use read::read;
pub(super) use read::read_value;
pub(super) use write::body;
pub use write::write;

#[cfg(test)]
mod tests;
