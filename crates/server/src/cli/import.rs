//! `tollgate import`: another gateway's configuration in, Tollgate's out, and a report of what has no counterpart.

mod deployment;
mod litellm;
#[cfg(test)]
mod tests;
mod yaml;

use std::{fs, io::Write, path::PathBuf, process::ExitCode};

use anyhow::Context as _;
use clap::Subcommand;
use serde_json::{Map, Value};

use super::Outcome;

#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    pub from: From,
}

/// Whose configuration it is.
#[derive(Debug, Subcommand)]
pub enum From {
    /// The `config.yaml` of LiteLLM's proxy.
    Litellm {
        file: PathBuf,
        /// Where the configuration is written. Default: standard output; the report goes to standard error.
        #[arg(long)]
        output: Option<PathBuf>,
    },
}

/// What became of a file.
pub struct Imported {
    /// Tollgate's configuration.
    pub config: Map<String, Value>,
    /// What could not be carried over, or needs a look, by line.
    pub notes: Vec<Note>,
}

/// Something that a person must know.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Note {
    /// Counted from 1; 0: the file as a whole.
    pub line: usize,
    /// Where it stands: `model_list[2].litellm_params.rpm`.
    pub path: String,
    pub message: String,
}

pub fn run(args: &Args, out: &mut dyn Write) -> Outcome {
    let From::Litellm { file, output } = &args.from;
    let name = file.display().to_string();
    let text = fs::read_to_string(file).with_context(|| format!("cannot read {name}"))?;
    let Imported { config, mut notes } =
        litellm::import(&text).map_err(|message| anyhow::anyhow!("{name}: {message}"))?;
    notes.sort();
    let written =
        format!("# Imported from {name}. `tollgate check` shows what is still missing.\n\n{}", yaml::write(&config));
    match output {
        None => out.write_all(written.as_bytes())?,
        Some(path) => fs::write(path, written).with_context(|| format!("cannot write {}", path.display()))?,
    }
    let mut report = std::io::stderr().lock();
    for note in &notes {
        writeln!(report, "{name}:{}: {}: {}", note.line, note.path, note.message)?;
    }
    writeln!(report, "{} to look at", notes.len())?;
    Ok(ExitCode::SUCCESS)
}
