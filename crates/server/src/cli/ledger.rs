//! `tollgate ledger`: whether what was written down of spend is whole.

use std::{io::Write, path::Path, process::ExitCode};

use anyhow::Context;
use gateway::ledger::journal::{Folder, Scan, scan};
use serde_json::json;

use super::{Outcome, config::Data};

#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    data: Data,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Reads the journal and says what is in it, and what is damaged. Changes nothing; the gateway may run. The exit code is
    /// 1 if there is damage.
    Verify {
        /// Prints JSON.
        #[arg(long)]
        json: bool,
    },
}

pub fn run(args: &Args, out: &mut dyn Write) -> Outcome {
    let Command::Verify { json } = args.command;
    let path = args.data.installation()?.dir.join("journal");
    let mut whole = true;
    let mut told = Vec::new();
    for name in folders(&path)? {
        let folder = path.join(&name);
        let found = Folder::look(&folder).and_then(|folder| scan(&folder));
        let found = found.with_context(|| format!("{} cannot be read", folder.display()))?;
        whole &= found.damage.is_empty();
        if json {
            told.push(json!({
                "folder": name, "segments": found.segments, "unsettled": found.open.len(), "damage": found.damage,
            }));
        } else {
            tell(&name, &found, out)?;
        }
    }
    if json {
        writeln!(out, "{}", json!({ "whole": whole, "folders": told }))?;
    } else if whole {
        writeln!(out, "the journal is whole")?;
    }
    Ok(if whole { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn tell(name: &str, found: &Scan, out: &mut dyn Write) -> anyhow::Result<()> {
    let sum = |of: fn(&gateway::ledger::journal::Scanned) -> u64| found.segments.iter().map(of).sum::<u64>();
    writeln!(
        out,
        "{name}: {} segments, {} bytes, {} holds, {} checkpoints, {} settled, {} not settled",
        found.segments.len(),
        sum(|segment| segment.bytes),
        sum(|segment| segment.holds),
        sum(|segment| segment.checkpoints),
        sum(|segment| segment.settled),
        found.open.len(),
    )?;
    for damage in &found.damage {
        writeln!(out, "{name}: DAMAGED {damage}")?;
    }
    Ok(())
}

/// The folders of the processes that use, or used, this data directory.
fn folders(path: &Path) -> anyhow::Result<Vec<String>> {
    let entries = match std::fs::read_dir(path) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error).with_context(|| format!("{} cannot be read", path.display())),
    };
    let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let mut names: Vec<String> = names.filter(|name| name.parse::<u32>().is_ok()).collect();
    names.sort_unstable();
    Ok(names)
}
