//! The log: one line per event to standard error, JSON when nobody reads it live.

use std::{io::IsTerminal, str::FromStr};

use tracing_subscriber::{EnvFilter, filter::Directive, fmt};

/// Starts the log. `TOLLGATE_LOG` filters it (`info`, `gateway=debug`); `TOLLGATE_LOG_FORMAT` is `text` or `json`.
pub fn init() {
    let filter = EnvFilter::try_from_env("TOLLGATE_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    // The watcher of the configuration would tell of every line that is written to a log beside it.
    let filter = filter.add_directive(Directive::from_str("notify=warn").unwrap_or_default());
    let to_terminal = std::io::stderr().is_terminal();
    let json = match std::env::var("TOLLGATE_LOG_FORMAT").as_deref() {
        Ok("json") => true,
        Ok("text") => false,
        _ => !to_terminal,
    };
    let log = fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(to_terminal && !json);
    // A second start in the same process (tests) keeps the first log.
    let _ = if json { log.json().flatten_event(true).try_init() } else { log.try_init() };
}
