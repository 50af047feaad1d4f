//! The settings of the process, and the quantities that all parts share.

use std::{path::PathBuf, time::Duration};

use super::{At, Checking, Fault};
use crate::config::{
    quantity,
    raw::{Raw, RawBounds, RawJournal, RawJournalSync, RawOnFull, RawTimeouts, RawUnpriced},
    snapshot::{EdgeBounds, JournalRule, JournalSync, OnFull, Settings, Timeouts, Unpriced},
};

impl Checking<'_> {
    pub(super) fn settings(&mut self, raw: &Raw) -> Settings {
        let default = Settings::default();
        let listen = self.address(raw.listen.as_ref(), "listen").unwrap_or(default.listen);
        let admin_listen = self.address(raw.admin_listen.as_ref(), "admin_listen");
        if admin_listen == Some(listen) {
            let fix = "leave `admin_listen` out: the first address serves both then";
            self.report.error(
                Fault::Duplicate,
                At::Value("admin_listen"),
                "`admin_listen` is the same as `listen`",
                fix,
            );
        }
        let data_dir = raw.data_dir.as_deref().unwrap_or("./data");
        if data_dir.trim().is_empty() || data_dir.contains('\0') {
            let fix = "write a directory such as `./data`";
            self.report.error(Fault::BadName, At::Value("data_dir"), "`data_dir` names no directory", fix);
        }
        Settings {
            listen,
            admin_listen,
            data_dir: PathBuf::from(data_dir),
            database: self.database(raw),
            pepper: self.pepper(raw),
            bounds: self.bounds(&raw.bounds),
            drain_timeout: self.pause(raw.drain_timeout.as_ref(), "drain_timeout", default.drain_timeout),
            keepalive: self.duration(raw.keepalive.as_ref(), "keepalive", default.keepalive),
            most_drains: raw.most_drains.map_or(default.most_drains, |most| most as usize),
            describe_headers: raw.describe_headers.unwrap_or(default.describe_headers),
            unpriced: match raw.unpriced {
                Some(RawUnpriced::Deny) => Unpriced::Deny,
                Some(RawUnpriced::Estimate) => Unpriced::Estimate,
                Some(RawUnpriced::Allow) | None => Unpriced::Allow,
            },
            assumed_output_tokens: raw.assumed_output_tokens.map_or(default.assumed_output_tokens, u64::from),
            otlp_endpoint: raw.otlp.as_ref().and_then(|otlp| self.url(&otlp.endpoint, "otlp.endpoint")),
            cors_origins: self.origins(raw),
            record_days: raw.records.keep_days.unwrap_or(default.record_days),
            chargeback: self.chargeback(&raw.chargeback),
            journal: self.journal(&raw.journal),
        }
    }

    /// Timeouts as written over those that hold without.
    pub(super) fn timeouts(&mut self, raw: Option<&RawTimeouts>, path: &str, base: Timeouts) -> Timeouts {
        let Some(raw) = raw else { return base };
        let timeouts = Timeouts {
            connect: self.duration(raw.connect.as_ref(), &format!("{path}.connect"), base.connect),
            first_token: self.duration(raw.first_token.as_ref(), &format!("{path}.first_token"), base.first_token),
            answer: self.duration(raw.answer.as_ref(), &format!("{path}.answer"), base.answer),
            idle: self.duration(raw.idle.as_ref(), &format!("{path}.idle"), base.idle),
            total: self.duration(raw.total.as_ref(), &format!("{path}.total"), base.total),
        };
        let parts = [
            ("connect", &raw.connect, timeouts.connect),
            ("first_token", &raw.first_token, timeouts.first_token),
            ("answer", &raw.answer, timeouts.answer),
            ("idle", &raw.idle, timeouts.idle),
        ];
        for (name, written, part) in parts {
            if written.is_some() && part > timeouts.total {
                let message = format!("`{name}` is longer than the {:?} that the whole call may take", timeouts.total);
                let fix = "raise `total`, or lower it";
                self.report.warning(Fault::NoEffect, At::Value(&format!("{path}.{name}")), message, fix);
            }
        }
        timeouts
    }

    /// A duration longer than nothing.
    pub(super) fn duration(&mut self, text: Option<&String>, path: &str, default: Duration) -> Duration {
        let duration = self.pause(text, path, default);
        if duration.is_zero() {
            let fix = "write a duration such as `5s`";
            self.report.error(Fault::BadDuration, At::Value(path), format!("`{path}` is nothing at all"), fix);
        }
        duration
    }

    /// A duration that may be nothing.
    pub(super) fn pause(&mut self, text: Option<&String>, path: &str, default: Duration) -> Duration {
        let Some(text) = text else { return default };
        quantity::duration(text).unwrap_or_else(|| {
            let fix = "write a number and its unit: `100ms`, `5s`, `10m`, `1h`, `1d`";
            self.report.error(Fault::BadDuration, At::Value(path), format!("`{text}` is no duration"), fix);
            default
        })
    }

    /// A URL without a slash at its end.
    pub(super) fn url(&mut self, text: &str, path: &str) -> Option<String> {
        match quantity::url(text) {
            Ok(url) => Some(url.text.to_owned()),
            Err(why) => {
                let fix = "write an address such as `https://api.example.com/v1`";
                self.report.error(Fault::BadUrl, At::Value(path), format!("`{path}` is no address: {why}"), fix);
                None
            }
        }
    }

    fn bounds(&mut self, raw: &RawBounds) -> EdgeBounds {
        let default = EdgeBounds::default();
        let bounds = EdgeBounds {
            header_timeout: self.duration(raw.header_timeout.as_ref(), "bounds.header_timeout", default.header_timeout),
            body_timeout: self.duration(raw.body_timeout.as_ref(), "bounds.body_timeout", default.body_timeout),
            body_bytes: self.size(raw.body_bytes.as_ref(), "bounds.body_bytes", default.body_bytes),
            answer_bytes: self.size(raw.answer_bytes.as_ref(), "bounds.answer_bytes", default.answer_bytes),
            connections: raw.connections.map_or(default.connections, |most| most as usize),
            inflight_bytes: self.size(raw.inflight_bytes.as_ref(), "bounds.inflight_bytes", default.inflight_bytes),
        };
        if bounds.inflight_bytes < bounds.body_bytes {
            let path = if raw.inflight_bytes.is_some() { "bounds.inflight_bytes" } else { "bounds.body_bytes" };
            let fix = "raise `inflight_bytes`, or lower `body_bytes`";
            let message = "`inflight_bytes` is smaller than `body_bytes`: the largest body could never be taken";
            self.report.error(Fault::OutOfRange, At::Value(path), message, fix);
        }
        bounds
    }

    fn journal(&mut self, raw: &RawJournal) -> JournalRule {
        /// A few segments, and what is reserved.
        const LEAST: usize = 16 << 20;
        let default = JournalRule::default();
        let most = usize::try_from(default.max_bytes).unwrap_or(usize::MAX);
        let max_bytes = self.size(raw.max_bytes.as_ref(), "journal.max_bytes", most);
        if max_bytes < LEAST {
            let message = "`journal.max_bytes` is too little for the calls of one busy minute";
            self.report.error(Fault::OutOfRange, At::Value("journal.max_bytes"), message, "write `16MiB` or more");
        }
        JournalRule {
            sync: match raw.sync {
                Some(RawJournalSync::Background) | None => JournalSync::Background,
                Some(RawJournalSync::BeforeCall) => JournalSync::BeforeCall,
                Some(RawJournalSync::Off) => JournalSync::Off,
            },
            on_full: match raw.on_full {
                Some(RawOnFull::Refuse) | None => OnFull::Refuse,
                Some(RawOnFull::Degrade) => OnFull::Degrade,
            },
            max_bytes: max_bytes as u64,
        }
    }

    fn size(&mut self, text: Option<&String>, path: &str, default: usize) -> usize {
        let Some(text) = text else { return default };
        match quantity::size(text) {
            Some(0) => {
                let fix = "write a size such as `32MiB`";
                self.report.error(Fault::OutOfRange, At::Value(path), format!("`{path}` is nothing at all"), fix);
                default
            }
            Some(size) => size,
            None => {
                let fix = "write a number and its unit: `64KiB`, `32MiB`, `1GiB`";
                self.report.error(Fault::BadSize, At::Value(path), format!("`{text}` is no size"), fix);
                default
            }
        }
    }

    fn address(&mut self, text: Option<&String>, path: &str) -> Option<std::net::SocketAddr> {
        let text = text?;
        let address = quantity::address(text);
        if address.is_none() {
            let fix = "write `127.0.0.1:8080`, or `0.0.0.0:8080` for every address of the machine";
            self.report.error(Fault::BadAddress, At::Value(path), format!("`{text}` is no address to listen at"), fix);
        }
        address
    }

    fn origins(&mut self, raw: &Raw) -> Vec<String> {
        let mut good = Vec::new();
        for (at, origin) in raw.cors_origins.iter().enumerate() {
            let Some(origin) = origin else { continue };
            let path = format!("cors_origins[{at}]");
            match quantity::url(origin) {
                Ok(url) if !url.has_path => good.push(url.text.to_ascii_lowercase()),
                _ => {
                    let fix = "write scheme, host and port alone: `https://app.example.com`";
                    self.report.error(
                        Fault::BadUrl,
                        At::Value(&path),
                        format!("`{origin}` is no origin of a browser"),
                        fix,
                    );
                }
            }
        }
        good
    }
}
