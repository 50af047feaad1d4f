//! `tollgate schema`: the JSON Schema of the configuration, for editors.

use std::{io::Write, process::ExitCode};

use govern::config::build;

use super::Outcome;

pub fn run(out: &mut dyn Write) -> Outcome {
    writeln!(out, "{:#}", build::schema())?;
    Ok(ExitCode::SUCCESS)
}
