//! Accounts with providers.

use std::{collections::HashMap, path::PathBuf, sync::Arc};

use llm::{
    Dialect, Wire,
    price::{Listed, Price, parse_decimal},
    provider::{self, Auth, Place, Provider},
};

use super::{At, Checking, Fault};
use crate::config::{
    problem::{closest, list},
    quantity,
    raw::{RawOnDisconnect, RawPrice, RawProvider},
    shape::join,
    snapshot::{Account, OnDisconnect, Secret, Timeouts},
};

/// The accounts, and the names of all of them: one with a problem is still known to its targets.
pub(super) struct Accounts {
    pub good: HashMap<Arc<str>, Arc<Account>>,
    pub names: Vec<String>,
}

impl Checking<'_> {
    pub(super) fn accounts(&mut self, raw: &std::collections::BTreeMap<String, RawProvider>) -> Accounts {
        let mut good = HashMap::new();
        for (name, raw) in raw {
            let path = join("providers", name);
            if self.account_name(name, &path)
                && let Some(account) = self.account(name, raw, &path)
            {
                good.insert(Arc::clone(&account.name), Arc::new(account));
            }
        }
        Accounts { good, names: raw.keys().cloned().collect() }
    }

    fn account_name(&mut self, name: &str, path: &str) -> bool {
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
        let good = !name.is_empty() && name.len() <= 64 && name.chars().all(plain);
        if !good {
            let fix = "use at most 64 letters, digits, `.`, `-` and `_`";
            self.report.error(Fault::BadName, At::Name(path), format!("`{name}` is no name for an account"), fix);
        }
        good
    }

    fn account(&mut self, name: &str, raw: &RawProvider, path: &str) -> Option<Account> {
        let provider = self.provider(name, raw, path);
        let timeouts = self.timeouts(raw.timeouts.as_ref(), &format!("{path}.timeouts"), Timeouts::default());
        let headers = self.headers(&raw.headers, &format!("{path}.headers"));
        let forward_headers = self.header_names(&raw.forward_headers, &format!("{path}.forward_headers"));
        let prices = self.prices(raw, path);
        let provider = provider?;
        let base_url = self.base_url(provider, raw, path);
        let credential = self.credential(provider, raw, path);
        Some(Account {
            name: name.into(),
            provider,
            place: Place::default(),
            base_url: base_url?,
            credential,
            headers,
            forward_headers,
            timeouts,
            on_disconnect: match raw.on_disconnect {
                Some(RawOnDisconnect::Drain) => OnDisconnect::Drain,
                Some(RawOnDisconnect::Cancel) | None => OnDisconnect::Cancel,
            },
            prices,
            ca_file: raw.ca_file.as_ref().map(PathBuf::from),
        })
    }

    fn provider(&mut self, name: &str, raw: &RawProvider, path: &str) -> Option<&'static dyn Provider> {
        let kind = raw.kind.as_deref().unwrap_or(name);
        let found = provider::find(kind);
        if found.is_none() {
            let ids = || provider::ALL.iter().map(|provider| provider.id());
            let fix = match closest(kind, ids()) {
                Some(meant) if raw.kind.is_some() => format!("did you mean `kind: {meant}`?"),
                Some(meant) => format!("did you mean `{meant}`? Else add `kind:`"),
                None => format!("add `kind:` with one of {}", list(ids())),
            };
            let message = format!("no provider is called `{kind}`");
            match raw.kind {
                Some(_) => self.report.error(Fault::UnknownProvider, At::Value(&format!("{path}.kind")), message, fix),
                None => self.report.error(Fault::UnknownProvider, At::Name(path), message, fix),
            }
        }
        found
    }

    fn base_url(&mut self, provider: &dyn Provider, raw: &RawProvider, path: &str) -> Option<String> {
        let at = format!("{path}.base_url");
        if provider.answer(Wire::Chat(Dialect::OpenAiChat), b"{}").is_some() {
            if raw.base_url.is_some() {
                let message = format!("`{}` answers from within the gateway", provider.id());
                self.report.error(Fault::NoEffect, At::Value(&at), message, "remove `base_url`");
            }
            return Some(String::new());
        }
        let Some(written) = &raw.base_url else {
            let default = provider.base_url().map(str::to_owned);
            // A value that is there and could not be read has been reported already.
            if default.is_none() && !self.report.stands_in_file(&at) {
                let message = format!("`{path}` says not where `{}` is reached", provider.id());
                let fix = "add `base_url: http://127.0.0.1:8000/v1`";
                self.report.error(Fault::MissingField, At::Name(path), message, fix);
            }
            return default;
        };
        let url = self.url(written, &at)?;
        if quantity::url(written).is_ok_and(|url| !url.secure && !url.loopback) {
            let message = "prompts and the credential travel unencrypted to another machine";
            self.report.warning(Fault::PlainHttp, At::Value(&at), message, "use `https://`");
        }
        Some(url)
    }

    fn credential(&mut self, provider: &dyn Provider, raw: &RawProvider, path: &str) -> Option<Secret> {
        let at = format!("{path}.api_key");
        if let Some(key) = &raw.api_key {
            if provider.auth() == Auth::None {
                let message = format!("`{}` takes no credential", provider.id());
                self.report.error(Fault::NoEffect, At::Value(&at), message, "remove `api_key`");
            }
            return self.secret(key.expose(), &at, provider.key_env().unwrap_or("API_KEY"));
        }
        if self.report.stands_in_file(&at) {
            return None;
        }
        // A server of one's own (vLLM, Ollama) has a usual variable only if it insists on a key.
        let variable = provider.key_env()?;
        let found = (self.lookup)(variable).filter(|key| !key.trim().is_empty());
        if found.is_none() {
            let message = format!("`{path}` has no credential, and {variable} is not set");
            let fix = format!("set {variable}, or add `api_key: ${{NAME}}`");
            self.report.error(Fault::MissingSecret, At::Name(path), message, fix);
        }
        self.secret(&found?, &at, variable)
    }

    /// A credential that can be sent, with a word about where it stands.
    fn secret(&mut self, written: &str, path: &str, variable: &str) -> Option<Secret> {
        let text = written.trim();
        self.report.mask(text);
        if text.len() < SHORTEST_SECRET || is_sample(text) {
            let fix = format!("put the real one into {variable} and write `${{{variable}}}`");
            let message = format!("`{path}` is empty, shorter than {SHORTEST_SECRET} characters or a placeholder");
            self.report.error(Fault::SampleSecret, At::Value(path), message, fix);
            return None;
        }
        if !text.bytes().all(|b| b.is_ascii_graphic()) {
            let message = "the credential has blanks or characters that no header can carry";
            self.report.error(Fault::BadHeader, At::Value(path), message, "look for a stray line break or quote");
            return None;
        }
        self.warn_of_literal(path, variable);
        Some(Secret::new(text))
    }

    /// A secret that stands in the file ends up in backups, logs of changes and chats.
    pub(super) fn warn_of_literal(&mut self, path: &str, variable: &str) {
        if self.report.stands_in_file(path) && !self.report.is_from_environment(path) {
            let fix = format!("put it into the environment and write `${{{variable}}}`");
            self.report.warning(Fault::SecretInFile, At::Value(path), "a secret stands in the file itself", fix);
        }
    }

    fn prices(&mut self, raw: &RawProvider, path: &str) -> HashMap<String, Price> {
        let mut good = HashMap::new();
        for (model, raw) in &raw.prices {
            let path = join(&format!("{path}.prices"), model);
            let mut rate = |name: &str, dollars: Option<f64>| {
                let dollars = dollars?;
                // Dollars per million tokens are millions of pico-dollars per token; the text of a float is exact.
                let exact = parse_decimal(&dollars.to_string(), 6).ok().and_then(|rate| u64::try_from(rate.value).ok());
                // A million dollars per million tokens: beyond every price, short of every overflow.
                let rate = exact.filter(|rate| *rate <= 1_000_000_000_000);
                if rate.is_none() {
                    let message = format!("{dollars} is no price in dollars per million tokens");
                    let fix = "write a number from 0 to 1000000";
                    self.report.error(Fault::OutOfRange, At::Value(&format!("{path}.{name}")), message, fix);
                }
                rate
            };
            let RawPrice {
                input,
                output,
                cache_read,
                cache_write,
                cache_write_1h,
                reasoning,
                input_audio,
                output_audio,
            } = *raw;
            let listed = Listed {
                input: rate("input", Some(input)),
                output: rate("output", Some(output)),
                cache_read: rate("cache_read", cache_read),
                cache_write: rate("cache_write", cache_write),
                cache_write_1h: rate("cache_write_1h", cache_write_1h),
                reasoning: rate("reasoning", reasoning),
                input_audio: rate("input_audio", input_audio),
                output_audio: rate("output_audio", output_audio),
            };
            good.extend(Price::flat(&listed).map(|price| (model.clone(), price)));
        }
        good
    }
}

/// Shorter than every provider's key: a slip, or a secret that can be guessed.
const SHORTEST_SECRET: usize = 8;

/// Whether a text is what examples write in place of a credential.
fn is_sample(text: &str) -> bool {
    const WHOLE: &[&str] = &["12345678", "password"];
    const PARTS: &[&str] =
        &["...", "<", ">", "changeme", "change-me", "change_me", "placeholder", "replace", "xxxx", "your-", "your_"];
    let text = text.to_ascii_lowercase();
    WHOLE.contains(&text.as_str()) || PARTS.iter().any(|part| text.contains(part))
}
