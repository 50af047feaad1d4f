//! `tollgate check`: exit code 0, 1 with errors, 2 with warnings under `--strict`.

use std::{io::Write, path::PathBuf, process::ExitCode};

use clap::ValueEnum;
use serde_json::json;

use super::{
    Outcome,
    config::{File, variable},
};

#[derive(Debug, clap::Args)]
pub struct Args {
    /// The file; `-` is standard input. Default: the one that `serve` would read.
    pub file: Option<PathBuf>,
    /// Warnings count: exit code 2.
    #[arg(long)]
    pub strict: bool,
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    #[default]
    Text,
    Json,
}

const WARNED: u8 = 2;

pub fn run(args: &Args, out: &mut dyn Write) -> Outcome {
    let file = File { config: args.file.clone().or_else(|| variable("TOLLGATE_CONFIG").map(PathBuf::from)) };
    let name = file.name();
    let problems = file.check()?.problems;
    let errors = problems.iter().filter(|problem| problem.is_error()).count();
    let warnings = problems.len() - errors;
    match args.format {
        Format::Json => {
            let listed: Vec<_> = problems.iter().map(|problem| problem.to_json(&name)).collect();
            let report = json!({ "file": name, "errors": errors, "warnings": warnings, "problems": listed });
            writeln!(out, "{report:#}")?;
        }
        Format::Text => {
            for problem in &problems {
                writeln!(out, "{}", problem.explain(&name))?;
            }
            let count = |count: usize, one: &str| format!("{count} {one}{}", if count == 1 { "" } else { "s" });
            match (errors, warnings) {
                (0, 0) => writeln!(out, "{name}: no problems")?,
                _ => writeln!(out, "{name}: {}, {}", count(errors, "error"), count(warnings, "warning"))?,
            }
        }
    }
    Ok(match (errors, warnings) {
        (1.., _) => ExitCode::FAILURE,
        (0, 1..) if args.strict => ExitCode::from(WARNED),
        _ => ExitCode::SUCCESS,
    })
}
