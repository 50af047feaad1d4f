//! The project's own chores, so that none of them is a shell script: `cargo xtask <command>`. One file per command.

mod catalog;

use anyhow::Result;
use clap::Parser;

#[derive(Debug, Parser)]
#[command(about)]
enum Command {
    Catalog(catalog::Args),
}

fn main() -> Result<()> {
    match Command::parse() {
        Command::Catalog(args) => catalog::run(&args),
    }
}
