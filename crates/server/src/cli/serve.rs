//! `tollgate serve`: what the command line may say over the configuration.

use std::net::SocketAddr;

#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    pub config: super::config::File,
    /// Address and port to listen at, over the configuration's.
    #[arg(long, env = "TOLLGATE_LISTEN")]
    pub listen: Option<SocketAddr>,
    /// Threads that serve requests. Default: one per core.
    #[arg(long, env = "TOLLGATE_WORKERS", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub workers: Option<u16>,
}
