//! `tollgate migrate`: brings the database's schema up to date, as every start does, before the first new replica starts.

use std::{io::Write, process::ExitCode};

use store::Store;

use super::{Outcome, config::Data};

#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    pub data: Data,
    /// Only says what is missing; exit status 1 if anything is.
    #[arg(long)]
    pub check: bool,
}

pub async fn run(args: &Args, out: &mut dyn Write) -> Outcome {
    let here = args.data.installation()?;
    let missing = Store::missing_steps(&here.dir, here.database.as_ref()).await?;
    for (number, name) in &missing {
        writeln!(out, "{} {number:04} {name}", if args.check { "missing" } else { "step" })?;
    }
    if missing.is_empty() {
        writeln!(out, "the schema is up to date")?;
    } else if args.check {
        return Ok(ExitCode::FAILURE);
    } else {
        here.store().await?.close().await;
        writeln!(out, "the schema is up to date now")?;
    }
    Ok(ExitCode::SUCCESS)
}
