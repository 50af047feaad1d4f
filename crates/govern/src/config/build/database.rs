//! The database that replicas share, and the secret that they must share with it.

use super::{At, Checking, Fault};
use crate::{
    config::{raw::Raw, snapshot::Secret},
    key::Pepper,
};

impl Checking<'_> {
    pub(super) fn database(&mut self, raw: &Raw) -> Option<Secret> {
        const PATH: &str = "database.url";
        let url = raw.database.as_ref()?.url.expose().trim();
        self.report.mask(url);
        let rest = url.strip_prefix("postgres://").or_else(|| url.strip_prefix("postgresql://"));
        let (authority, name) = rest.and_then(|rest| rest.split_once('/')).unwrap_or_default();
        let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
        let name = name.split('?').next().unwrap_or_default();
        // A socket's folder can stand behind the question mark in place of a host.
        if (host.is_empty() && !url.contains("host=")) || name.is_empty() {
            let fix = "write it as `postgres://USER:PASSWORD@HOST:PORT/NAME`, best as `${DATABASE_URL}`";
            let message = "`database.url` is no address of a PostgreSQL database";
            self.report.error(Fault::BadUrl, At::Value(PATH), message, fix);
            return None;
        }
        if authority.rsplit_once('@').is_some_and(|(user, _)| user.contains(':')) {
            self.warn_of_literal(PATH, "DATABASE_URL");
        }
        Some(Secret::new(url))
    }

    pub(super) fn pepper(&mut self, raw: &Raw) -> Option<Secret> {
        let text = raw.pepper.as_ref()?.expose();
        self.report.mask(text.trim());
        if let Err(why) = text.parse::<Pepper>() {
            let fix = "put the output of `openssl rand -hex 32` into TOLLGATE_PEPPER and write `${TOLLGATE_PEPPER}`";
            self.report.error(Fault::SampleSecret, At::Value("pepper"), format!("`pepper` cannot be used: {why}"), fix);
            return None;
        }
        self.warn_of_literal("pepper", "TOLLGATE_PEPPER");
        Some(Secret::new(text))
    }
}
