//! The project's own chores, so that none of them is a shell script: `cargo xtask <command>`. One file per command.

mod catalog;
mod docs;
mod generated;
mod matrix;
mod schema;
mod tidy;

use anyhow::Result;
use clap::Parser;

#[derive(Debug, Parser)]
#[command(about)]
enum Command {
    Catalog(catalog::Args),
    Docs(docs::Args),
    Schema(schema::Args),
    Tidy(tidy::Args),
}

fn main() -> Result<()> {
    match Command::parse() {
        Command::Catalog(args) => catalog::run(&args),
        Command::Docs(args) => docs::run(&args),
        Command::Schema(args) => schema::run(&args),
        Command::Tidy(args) => tidy::run(&args),
    }
}
