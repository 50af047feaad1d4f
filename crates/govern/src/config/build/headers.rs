//! Which headers a configuration may name.

use std::collections::BTreeMap;

use super::{At, Checking, Fault};
use crate::config::{raw::Items, shape::join};

/// Headers that the gateway or the connection itself sets: credentials, framing, hop by hop.
/// <https://www.rfc-editor.org/rfc/rfc9110#section-7.6.1>
const OWN: &[&str] = &[
    "accept-encoding",
    "api-key",
    "authorization",
    "connection",
    "content-encoding",
    "content-length",
    "content-type",
    "cookie",
    "expect",
    "forwarded",
    "host",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "set-cookie",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "x-api-key",
    "x-goog-api-key",
];

impl Checking<'_> {
    /// Headers that are sent, with lower-case names.
    pub(super) fn headers(&mut self, headers: &BTreeMap<String, String>, path: &str) -> Vec<(String, String)> {
        let mut good: Vec<(String, String)> = Vec::new();
        for (name, value) in headers {
            let at = join(path, name);
            if !value.bytes().all(|b| b == b'\t' || (b' '..=b'~').contains(&b)) {
                let fix = "write printable ASCII on one line";
                self.report.error(
                    Fault::BadHeader,
                    At::Value(&at),
                    format!("the value of `{name}` is not allowed in HTTP"),
                    fix,
                );
            }
            let lower = name.to_ascii_lowercase();
            if good.iter().any(|(other, _)| *other == lower) {
                let message = format!("the header `{lower}` stands twice");
                self.report.error(Fault::Duplicate, At::Name(&at), message, "keep one of them");
            } else if self.header_name(name, &at) {
                good.push((lower, value.trim().to_owned()));
            }
        }
        good
    }

    /// Names of headers that are passed on, in lower case.
    pub(super) fn header_names(&mut self, names: &Items<String>, path: &str) -> Vec<String> {
        let names = names.iter().enumerate().filter_map(|(at, name)| Some((at, name.as_ref()?)));
        let good = names.filter(|(at, name)| self.header_name(name, &format!("{path}[{at}]")));
        good.map(|(_, name)| name.to_ascii_lowercase()).collect()
    }

    fn header_name(&mut self, name: &str, path: &str) -> bool {
        let token = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
        let lower = name.to_ascii_lowercase();
        if name.is_empty() || !name.bytes().all(token) {
            let fix = "use letters, digits and `-`";
            self.report.error(Fault::BadHeader, At::Name(path), format!("`{name}` is no name of a header"), fix);
            return false;
        }
        if OWN.contains(&lower.as_str()) || lower.starts_with("x-tollgate-") || lower.starts_with("x-forwarded-") {
            let fix = "leave it out; a credential belongs in `api_key`";
            self.report.error(
                Fault::BadHeader,
                At::Name(path),
                format!("the gateway itself rules over `{lower}`"),
                fix,
            );
            return false;
        }
        true
    }
}
