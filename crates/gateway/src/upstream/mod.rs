//! How providers are reached: connections, credentials, standing.

pub mod address;
mod answer;
mod betas;
mod body;
mod conceal;
mod connect;
pub mod credential;
pub mod fetch;
pub mod images;
mod lines;
mod pool;
mod post;
pub mod request;
pub mod sign;
mod targets;
mod unwrap;

pub use answer::{UpstreamBody, plain, retry_after};
pub use betas::known_betas;
pub use body::RequestBody;
pub use conceal::{conceal, is_presentable};
pub use pool::{Pool, SendError, TlsError, UpstreamPool, tls};
pub use post::HttpPost;
pub use targets::{TargetState, Targets, label as target_label};
pub use unwrap::Unwrap;
