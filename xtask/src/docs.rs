//! `cargo xtask docs`: writes the reference pages of `docs/` from the tables of the code.

use std::fmt::Write as _;

use anyhow::Result;
use clap::Parser;
use govern::{Code, config::Fault, route::Strategy};
use llm::{
    Dialect, Wire,
    provider::{self, Auth, Cloud, Operation},
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
         has its own: `api_key`, `keys`, or an identity of the cloud named here under `credential`. What stands in braces is\n\
         a setting of the account. Where a client speaks one of a provider's formats, its bytes are passed on; else they are\n\
         translated into the first. Some models of a provider may speak others.\n\n\
         | kind | converses in | offers besides | address | credential |\n|---|---|---|---|---|\n"
    );
    for provider in provider::ALL {
        let mut credential = match (provider.auth(), provider.key_env()) {
            (Auth::None, _) => "none".to_owned(),
            (_, Some(variable)) => format!("`{variable}`"),
            (_, None) if provider.cloud().is_some() => "an API key".to_owned(),
            (_, None) => "if the server wants one".to_owned(),
        };
        // IBM's keys are exchanged behind the scenes: no identity is configured for it.
        if let Some(cloud) = provider.cloud().filter(|cloud| *cloud != Cloud::Ibm) {
            credential.push_str(&format!(" or `{}_...`", cloud.as_str()));
        }
        let address = match provider.base_url() {
            Some(url) => format!("`{url}`"),
            None if provider.answer(Wire::Chat(Dialect::OpenAiChat), b"{}").is_some() => {
                "within the gateway".to_owned()
            }
            None => "`base_url` of the account".to_owned(),
        };
        let speaks: Vec<_> = provider.speaks(Operation::Chat, "").iter().map(|wire| wire.words().as_str()).collect();
        let offers: Vec<_> = OFFERS
            .iter()
            .filter(|(operation, _)| !provider.speaks(*operation, "").is_empty())
            .map(|(_, name)| *name)
            .collect();
        _ = writeln!(
            page,
            "| `{}` | {} | {} | {address} | {credential} |",
            provider.id(),
            speaks.join(", "),
            offers.join(", ")
        );
    }
    page
}

/// What a provider may offer besides conversations.
const OFFERS: &[(Operation, &str)] = &[
    (Operation::CountTokens, "token counts"),
    (Operation::Embed, "embeddings"),
    (Operation::Rerank, "reranks"),
    (Operation::Image, "pictures"),
    (Operation::ImageEdit, "edits of pictures"),
    (Operation::Speech, "speech"),
    (Operation::Transcribe, "transcriptions"),
    (Operation::Translate, "translations"),
    (Operation::Moderate, "moderation"),
    (Operation::Ocr, "OCR"),
];

#[cfg(test)]
mod tests {
    #[test]
    fn the_pages_in_the_repository_are_those_of_the_code() {
        super::run(&super::Args { check: true }).unwrap();
    }
}
