//! Who is told what needs attention.

use std::collections::HashSet;

use base64::{Engine, engine::general_purpose::STANDARD};

use super::{At, Checking, Fault};
use crate::{
    alert::{Endpoint, Mail, MailSecurity, Recipient, Rule, SigningKey},
    config::{
        problem::list,
        quantity,
        raw::{RawAlert, RawAlertKind as Kind, RawSmtp},
        snapshot::Secret,
    },
};

/// Where PagerDuty takes events: <https://developer.pagerduty.com/docs/events-api-v2/trigger-events/>
const PAGERDUTY: &str = "https://events.pagerduty.com/v2/enqueue";

/// What Standard Webhooks asks of a key, at least: 192 bits.
const LEAST_KEY: usize = 24;

/// The settings of a kind: those it needs, and those it may have.
fn form(kind: Kind) -> (&'static [&'static str], &'static [&'static str]) {
    match kind {
        Kind::Webhook => (&["url", "secret"], &["private"]),
        Kind::Slack => (&["url"], &["private"]),
        Kind::PagerDuty => (&["routing_key"], &["url", "private"]),
        Kind::Email => (&["smtp", "from", "to"], &[]),
    }
}

const SETTINGS: [&str; 7] = ["url", "secret", "routing_key", "private", "smtp", "from", "to"];

impl Checking<'_> {
    pub(super) fn alerts(&mut self, raw: &[Option<RawAlert>]) -> Vec<Rule> {
        let mut names = HashSet::new();
        let mut rules = Vec::new();
        for (at, raw) in raw.iter().enumerate() {
            let Some(raw) = raw else { continue };
            let path = format!("alerts[{at}]");
            if raw.name.trim().is_empty() || !names.insert(raw.name.as_str()) {
                let fix = "give each recipient a name of its own";
                let at = format!("{path}.name");
                self.report.error(Fault::Duplicate, At::Value(&at), "the name is empty or stands twice", fix);
            }
            let kinds = raw.on.iter().flatten().flatten().copied().collect();
            if let Some(to) = self.recipient(raw, &path) {
                rules.push(Rule { name: raw.name.as_str().into(), to, kinds });
            }
        }
        rules
    }

    fn recipient(&mut self, raw: &RawAlert, path: &str) -> Option<Recipient> {
        let (needs, may) = form(raw.kind);
        let stands = |checking: &Self, name: &str| checking.report.stands_in_file(&format!("{path}.{name}"));
        let missing: Vec<_> = needs.iter().copied().filter(|name| !stands(self, name)).collect();
        if !missing.is_empty() {
            let message = format!("this kind of recipient needs {}", list(missing.iter().copied()));
            self.report.error(Fault::MissingField, At::Value(path), message, "see docs/alerts.md");
        }
        for name in SETTINGS.iter().filter(|name| !needs.contains(name) && !may.contains(name)) {
            if stands(self, name) {
                let at = format!("{path}.{name}");
                let message = format!("`{name}` means nothing to this kind of recipient");
                self.report.error(Fault::NoEffect, At::Value(&at), message, format!("remove `{name}`"));
            }
        }
        match raw.kind {
            Kind::Webhook => {
                let endpoint = self.endpoint(raw, path);
                let key = self.signing_key(raw.secret.as_ref()?, &format!("{path}.secret"));
                Some(Recipient::Webhook { endpoint: endpoint?, key: key? })
            }
            Kind::Slack => self.endpoint(raw, path).map(Recipient::Slack),
            Kind::PagerDuty => {
                let endpoint = match &raw.url {
                    Some(_) => self.endpoint(raw, path)?,
                    None => Endpoint { url: Secret::new(PAGERDUTY), private: false },
                };
                let at = format!("{path}.routing_key");
                let routing_key = self.secret(raw.routing_key.as_ref()?.expose(), &at, "PAGERDUTY_ROUTING_KEY")?;
                Some(Recipient::PagerDuty { endpoint, routing_key })
            }
            Kind::Email => self.mail(raw, path).map(Recipient::Email),
        }
    }

    fn endpoint(&mut self, raw: &RawAlert, path: &str) -> Option<Endpoint> {
        let url = raw.url.as_ref()?;
        let private = raw.private.unwrap_or(false);
        let at = format!("{path}.url");
        // A query is welcome: some receivers know by it whom they are told by.
        let (address, query) = url.expose().split_once('?').unwrap_or((url.expose(), ""));
        let why = match quantity::url(address) {
            Err(why) => Some(why),
            Ok(_) => {
                query.contains(|c: char| c.is_whitespace() || c.is_control() || c == '#').then_some("its query is none")
            }
        };
        if let Some(why) = why {
            let fix = "write an address such as `https://alerts.example.com/tollgate`";
            self.report.error(Fault::BadUrl, At::Value(&at), format!("`url` is no address: {why}"), fix);
            return None;
        }
        if !private && !url.expose().starts_with("https://") {
            let fix = "write `https://`, or `private: true` if it lies in your own network";
            self.report.error(Fault::BadUrl, At::Value(&at), "alerts leave the network by https alone", fix);
            return None;
        }
        Some(Endpoint { url: url.clone(), private })
    }

    /// A key as Standard Webhooks writes it.
    fn signing_key(&mut self, secret: &Secret, path: &str) -> Option<SigningKey> {
        let text = secret.expose();
        self.report.mask(text);
        let bytes = STANDARD.decode(text.strip_prefix("whsec_").unwrap_or(text)).ok();
        match bytes.filter(|bytes| bytes.len() >= LEAST_KEY) {
            Some(bytes) => Some(SigningKey(bytes.into())),
            None => {
                let fix = "write `whsec_` and the output of `openssl rand -base64 32`, best by way of `${NAME}`";
                let message = "`secret` is not base64 of at least 24 bytes";
                self.report.error(Fault::BadKey, At::Value(path), message, fix);
                None
            }
        }
    }

    fn mail(&mut self, raw: &RawAlert, path: &str) -> Option<Mail> {
        let RawSmtp { host, port, security, user, password } = raw.smtp.as_ref()?;
        let security = security.unwrap_or(MailSecurity::Tls);
        let usual = match security {
            MailSecurity::Tls => 465,
            MailSecurity::StartTls => 587,
            MailSecurity::None => 25,
        };
        let login = match (user, password) {
            (Some(user), Some(password)) => Some((user.clone(), password.clone())),
            (None, None) => None,
            _ => {
                let at = format!("{path}.smtp");
                self.report.error(
                    Fault::MissingField,
                    At::Value(&at),
                    "a login is a `user` and a `password`",
                    "add the other",
                );
                return None;
            }
        };
        if login.is_some() && security == MailSecurity::None {
            let fix = "write `security: tls` or `start_tls`";
            let at = format!("{path}.smtp.password");
            self.report.error(Fault::BadKey, At::Value(&at), "a password is not sent in the clear", fix);
            return None;
        }
        let mut is_address = |text: &str, at: &str| {
            let good = text.split_once('@').is_some_and(|(name, host)| !name.is_empty() && !host.is_empty())
                && !text.contains(|c: char| c.is_whitespace() || c.is_control());
            if !good {
                let fix = "write an address such as `ops@example.com`";
                self.report.error(Fault::BadName, At::Value(at), format!("`{text}` is no mail address"), fix);
            }
            good
        };
        let from = raw.from.clone()?;
        let mut good = is_address(&from, &format!("{path}.from"));
        let mut to = Vec::new();
        for (at, address) in raw.to.iter().flatten().enumerate() {
            let Some(address) = address else { continue };
            good &= is_address(address, &format!("{path}.to[{at}]"));
            to.push(address.clone());
        }
        let port = port.unwrap_or(usual);
        good.then(|| Mail { host: host.clone(), port, security, login, from, to })
    }
}
