//! Paths of providers that are open to callers.

use super::{At, Checking, Fault};
use crate::{
    access::Pattern,
    config::{problem::list, raw::RawPassthrough, snapshot::Passthrough},
};

const METHODS: &[&str] = &["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD"];

impl Checking<'_> {
    pub(super) fn passthrough(&mut self, raw: &RawPassthrough, path: &str) -> Passthrough {
        let mut methods = Vec::new();
        for (at, written) in raw.methods.iter().flatten().enumerate() {
            let Some(written) = written else { continue };
            if let Some(known) = METHODS.iter().find(|known| *known == written) {
                methods.push(*known);
            } else {
                let message = format!("`{written}` is no method that can be opened");
                let fix = format!("write one of {}", list(METHODS.iter().copied()));
                self.report.error(Fault::BadName, At::Value(&format!("{path}.methods[{at}]")), message, fix);
            }
        }
        if raw.methods.is_none() {
            methods.extend(["GET", "POST"]);
        }
        let mut paths = Vec::new();
        for (at, written) in raw.paths.iter().enumerate() {
            let Some(written) = written else { continue };
            match Pattern::new(written.clone()) {
                Ok(pattern) if written.starts_with('/') => paths.push(pattern),
                _ => {
                    let message = format!("`{written}` is no path that can be opened");
                    let fix = "write a path with a slash in front and at most one `*`, such as `/files/*`";
                    self.report.error(Fault::BadName, At::Value(&format!("{path}.paths[{at}]")), message, fix);
                }
            }
        }
        Passthrough { methods, paths }
    }
}
