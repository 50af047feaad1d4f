//! The command line: one file per command.
//!
//! Commands print what they were asked for to standard output and everything else to standard error, so that output can
//! be piped. An error is one line, and the exit code is 1.

mod audit;
mod check;
mod completions;
pub mod config;
mod doctor;
mod import;
mod keys;
mod ledger;
mod logs;
mod migrate;
mod models;
mod prices;
mod reconcile;
mod schema;
pub mod serve;
mod statement;
mod table;
#[cfg(test)]
mod tests;
mod usage;

use std::{
    io::{self, Write},
    process::ExitCode,
};

use clap::{Parser, Subcommand};

/// A generative-AI gateway: one binary between applications and every model they use.
#[derive(Debug, Parser)]
#[command(name = "tollgate", version)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Runs the gateway.
    Serve(serve::Args),
    /// Checks a configuration file: every problem with its place and how to mend it.
    Check(check::Args),
    /// Prints the JSON Schema of the configuration.
    Schema,
    /// Makes, lists and withdraws gateway keys.
    Keys(keys::Args),
    /// Lists the models that callers can ask for, and what they cost.
    Models(models::Args),
    /// Shows prices that were in force, and prices records whose cost was not known.
    Prices(prices::Args),
    /// Shows what was spent, by whom and for what: as a table, CSV, JSON or FOCUS.
    Usage(usage::Args),
    /// Prints what somebody owes for a month.
    Statement(statement::Args),
    /// Compares a provider's own report with what is recorded here, and explains every difference.
    Reconcile(reconcile::Args),
    /// Shows what was asked, who answered and what it cost.
    Logs(logs::Args),
    /// Shows who changed what, and whether the audit log is as it was written.
    Audit(audit::Args),
    /// Looks whether the journal of spend is whole.
    Ledger(ledger::Args),
    /// Turns another gateway's configuration into one of Tollgate, and says by line what it could not carry over.
    Import(import::Args),
    /// Looks whether everything that the gateway needs is there.
    Doctor(doctor::Args),
    /// Brings the database's schema up to date. Every start does so too.
    Migrate(migrate::Args),
    /// Prints completions for a shell.
    Completions(completions::Args),
}

/// What a command did. An error ends the program with exit code 1.
pub type Outcome = anyhow::Result<ExitCode>;

/// Runs the command line of this process. `serve` runs the gateway.
pub fn main(serve: impl FnOnce(serve::Args) -> Outcome) -> ExitCode {
    let command = Cli::parse().command;
    let mut out = io::stdout().lock();
    let outcome = match command {
        // The gateway logs from many threads: it must not find standard output locked.
        Command::Serve(args) => {
            drop(out);
            serve(args)
        }
        other => run(other, &mut out).and_then(|code| Ok(out.flush().map(|()| code)?)),
    };
    match outcome {
        Ok(code) => code,
        // The reader of a pipe may leave when it has seen enough.
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Runs a command that ends by itself.
fn run(command: Command, out: &mut dyn Write) -> Outcome {
    match command {
        Command::Serve(_) => anyhow::bail!("serve is not run here"),
        Command::Check(args) => check::run(&args, out),
        Command::Schema => schema::run(out),
        Command::Keys(args) => wait(keys::run(args, out)),
        Command::Models(args) => models::run(&args, out),
        Command::Prices(args) => wait(prices::run(args, out)),
        Command::Usage(args) => wait(usage::run(args, out)),
        Command::Statement(args) => wait(statement::run(args, out)),
        Command::Reconcile(args) => wait(reconcile::run(args, out)),
        Command::Logs(args) => wait(logs::run(args, out)),
        Command::Audit(args) => wait(audit::run(args, out)),
        Command::Ledger(args) => ledger::run(&args, out),
        Command::Import(args) => import::run(&args, out),
        Command::Doctor(args) => wait(doctor::run(&args, out)),
        Command::Migrate(args) => wait(async move { migrate::run(&args, out).await }),
        Command::Completions(args) => completions::run(&args, out),
    }
}

/// A command needs one thread.
fn wait(command: impl Future<Output = Outcome>) -> Outcome {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(command)
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}
