//! `cargo xtask schema`: writes the JSON Schema of the configuration to `config/schema.json`.

use anyhow::Result;
use clap::Parser;

use crate::generated::{self, Page};

/// Write `config/schema.json` from the types that read the configuration
#[derive(Debug, Parser)]
pub struct Args {
    /// Only say whether the file is as it should be
    #[arg(long)]
    check: bool,
}

pub fn run(args: &Args) -> Result<()> {
    generated::keep(&[page()?], args.check, "schema")
}

fn page() -> Result<Page> {
    let text = serde_json::to_string_pretty(govern::config::schema())? + "\n";
    Ok(Page { path: "config/schema.json", text })
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_schema_in_the_repository_is_the_one_of_the_code() {
        super::run(&super::Args { check: true }).unwrap();
    }
}
