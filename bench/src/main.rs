//! What a call through Tollgate costs, against the same call through a bare proxy on the same core in the same run.
//!
//! `bench run` measures Tollgate, `bench peers` other gateways the same way. The load generator and the upstream share
//! one core and one thread; whatever is measured has the other core to itself. See `README.md` for how to read the
//! figures.

mod bare;
mod load;
mod measure;
mod memory;
mod peers;
mod report;
mod scenario;
mod subject;
mod upstream;

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use anyhow::{Context as _, Result};
use clap::{Args, Parser, Subcommand, ValueEnum};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Measures what a gateway adds to a call.
#[derive(Debug, Parser)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Measures Tollgate against a bare proxy and against the upstream itself.
    Run(Run),
    /// Installs LiteLLM and the Portkey gateway in a temporary folder and measures them the same way.
    Peers(Run),
    /// The bare proxy alone: forwards every request to one upstream.
    Bare {
        #[arg(long, default_value = "127.0.0.1:0")]
        listen: SocketAddr,
        #[arg(long)]
        upstream: SocketAddr,
        #[arg(long, value_enum, default_value = "current-thread")]
        flavour: Flavour,
    },
}

/// What is measured, and for how long.
#[derive(Debug, Clone, Args)]
struct Run {
    /// The main scenarios only, in about a minute.
    #[arg(long)]
    quick: bool,
    /// Only scenarios whose name holds this text, such as `relay-1k-json`.
    #[arg(long)]
    only: Option<String>,
    /// Interleaved runs of each scenario.
    #[arg(long)]
    runs: Option<usize>,
    /// Threads of the runtime, in the bare proxy and in Tollgate.
    #[arg(long, value_enum, default_value = "current-thread")]
    flavour: Flavour,
    /// Also loads Tollgate for so many minutes (`10m`) or seconds (`90s`) and watches its memory.
    #[arg(long, value_parser = duration)]
    soak: Option<Duration>,
    /// The tollgate binary. Without it, the release build of this checkout is made and measured.
    #[arg(long)]
    tollgate: Option<PathBuf>,
    /// Only the upstream and the bare proxy: shows what the machine itself allows.
    #[arg(long)]
    baseline: bool,
    /// Where the results go.
    #[arg(long, default_value = "bench/results/latest.json")]
    output: PathBuf,
}

/// How many threads serve.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Flavour {
    CurrentThread,
    MultiThread,
}

fn main() -> Result<()> {
    match Cli::parse().command {
        Command::Bare { listen, upstream, flavour } => bare::serve(listen, upstream, flavour),
        Command::Run(run) => on_load_core(async move {
            let upstream = upstream::Upstream::start().await?;
            let report = measure::all(&run, &upstream).await?;
            report.print();
            report.write(&run.output)
        }),
        Command::Peers(run) => on_load_core(async move {
            let upstream = upstream::Upstream::start().await?;
            let report = peers::all(&run, &upstream).await?;
            report.print();
            report.write(&run.output.with_file_name("peers.json"))
        }),
    }
}

/// Load and upstream run on one thread, pinned to the first core.
fn on_load_core(work: impl Future<Output = Result<()>>) -> Result<()> {
    let mut cores = rustix::thread::CpuSet::new();
    cores.set(subject::LOAD_CORE);
    rustix::thread::sched_setaffinity(None, &cores).context("this machine has no core 0 for the load")?;
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(work)
}

fn duration(text: &str) -> Result<Duration, String> {
    let (digits, unit) = text.split_at(text.trim_end_matches(char::is_alphabetic).len());
    let number: u64 = digits.parse().map_err(|_| format!("{text:?} is no duration; write 10m or 90s"))?;
    match unit {
        "s" => Ok(Duration::from_secs(number)),
        "m" => Ok(Duration::from_secs(number * 60)),
        _ => Err(format!("{text:?} has no unit; write 10m or 90s")),
    }
}
