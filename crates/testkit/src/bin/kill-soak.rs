//! Kills the gateway again and again under load, and says whether a record was lost, doubled or wrong.

use std::path::PathBuf;

use anyhow::Context as _;
use clap::Parser;
use testkit::soak::KillSoak;

/// Kills a gateway under load and compares its records with what the provider knows.
#[derive(Debug, Parser)]
struct Options {
    /// The binary.
    #[arg(long, default_value = "target/debug/tollgate")]
    gateway: PathBuf,
    #[arg(long, default_value_t = 1_000)]
    kills: usize,
    /// Calls at once.
    #[arg(long, default_value_t = 24)]
    callers: usize,
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

#[tokio::main(flavor = "multi_thread")]
async fn main() -> anyhow::Result<()> {
    let Options { gateway, kills, callers, seed } = Options::parse();
    // The gateway is started in a folder of its own.
    let gateway = gateway.canonicalize().with_context(|| gateway.display().to_string())?;
    let report = KillSoak { gateway, kills, callers, seed }.run().await;
    println!("{report}");
    anyhow::ensure!(report.is_good(), "records and truth differ");
    Ok(())
}
