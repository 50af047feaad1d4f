//! `cargo xtask docs`: writes the reference pages of `docs/` from the tables of the code.

use std::fmt::Write as _;

use anyhow::Result;
use clap::Parser;
use govern::{Code, config::Fault, route::Strategy};
use llm::{
    Dialect, Wire,
    provider::{self, Auth, Operation},
};
use serde_json::Value;

use crate::{
    generated::{self, Page},
    matrix,
};

/// Write the reference pages: errors, problems of a configuration, settings, providers
#[derive(Debug, Parser)]
pub struct Args {
    /// Only say whether the pages are as they should be
    #[arg(long)]
    check: bool,
}

pub fn run(args: &Args) -> Result<()> {
    let pages = [
        Page { path: "docs/errors.md", text: errors() },
        Page { path: "docs/problems.md", text: problems() },
        Page { path: "docs/configuration.md", text: configuration(govern::config::schema()) },
        Page { path: "docs/providers.md", text: providers() },
        Page { path: "docs/matrix.md", text: matrix::page(MARK) },
    ];
    generated::keep(&pages, args.check, "docs")
}

const MARK: &str = "<!-- Written by `cargo xtask docs`. -->\n\n";

fn errors() -> String {
    let mut page = format!(
        "{MARK}# Errors\n\n\
         Every error has the shape of the API that was called, a stable `code` (OpenAI shape) and the header\n\
         `x-tollgate-error-source`, which says whose doing it is. `x-should-retry: false` says that the same request\n\
         cannot succeed later. Where the provider's own status tells more (409, 413, 422, 529 and the like), it is kept.\n\n\
         | code | status | type | source | retry | meaning |\n|---|---|---|---|---|---|\n"
    );
    for code in Code::ALL {
        let retry = if code.is_retryable() { "yes" } else { "no" };
        _ = writeln!(
            page,
            "| `{}` | {} | `{}` | {} | {retry} | {} |",
            code.as_str(),
            code.status(),
            code.kind(),
            code.whose().as_str(),
            code.meaning()
        );
    }
    page
}

fn problems() -> String {
    let mut page = format!(
        "{MARK}# Problems of a configuration\n\n\
         What `tollgate check` says of a file. All problems are shown at once, each with its code, its place and a fix.\n\n\
         | code | meaning |\n|---|---|\n"
    );
    for fault in Fault::ALL {
        _ = writeln!(page, "| `{}` | {} |", fault.as_str(), fault.meaning());
    }
    page
}

fn configuration(schema: &Value) -> String {
    let mut page = format!(
        "{MARK}# Settings\n\n\
         `config/example.yaml` shows all of them in use; `config/schema.json` teaches them to an editor.\n\
         Durations read `100ms`, `5s`, `10m`, `1h`, `1d`; sizes `64KiB`, `32MiB`, `1GiB`.\n\n"
    );
    section(&mut page, "At the top", schema);
    for (name, definition) in schema.get("$defs").and_then(Value::as_object).into_iter().flatten() {
        if definition.get("properties").is_some() {
            let title = definition.get("description").and_then(Value::as_str).unwrap_or(name);
            section(&mut page, title.split('.').next().unwrap_or(title), definition);
        }
    }
    page.push_str("## Strategies\n\n| strategy | meaning |\n|---|---|\n");
    for strategy in Strategy::ALL {
        _ = writeln!(page, "| `{}` | {} |", strategy.as_str(), strategy.meaning());
    }
    page
}

fn section(page: &mut String, title: &str, definition: &Value) {
    _ = write!(page, "## {title}\n\n| setting | meaning |\n|---|---|\n");
    for (name, property) in definition.get("properties").and_then(Value::as_object).into_iter().flatten() {
        let text = property.get("description").and_then(Value::as_str).unwrap_or_default().replace('\n', " ");
        _ = writeln!(page, "| `{name}` | {} |", text.replace('|', "\\|"));
    }
    page.push('\n');
}

fn providers() -> String {
    let mut page = format!(
        "{MARK}# Providers\n\n\
         `kind` of an account under `providers`. A credential is taken from the variable named here unless the account\n\
         has an `api_key`.\n\n\
         | kind | speaks | address | credential | token counting |\n|---|---|---|---|---|\n"
    );
    for provider in provider::ALL {
        let credential = match (provider.auth(), provider.key_env()) {
            (Auth::None, _) => "none".to_owned(),
            (_, Some(variable)) => format!("`{variable}`"),
            (_, None) => "if the server wants one".to_owned(),
        };
        let address = match provider.base_url() {
            Some(url) => format!("`{url}`"),
            None if provider.answer(Wire::Chat(Dialect::OpenAiChat), b"{}").is_some() => {
                "within the gateway".to_owned()
            }
            None => "`base_url` of the account".to_owned(),
        };
        let speaks: Vec<_> = provider.speaks(Operation::Chat, "").iter().map(|wire| wire.words().as_str()).collect();
        let counts =
            if provider.speaks(Operation::CountTokens, "").is_empty() { "reckoned" } else { "by the provider" };
        _ = writeln!(page, "| `{}` | {} | {address} | {credential} | {counts} |", provider.id(), speaks.join(", "));
    }
    page
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_pages_in_the_repository_are_those_of_the_code() {
        super::run(&super::Args { check: true }).unwrap();
    }
}
