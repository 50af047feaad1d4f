//! Guardrails: names and sides are checked here, kinds and their settings by the data plane, which alone knows them.

use std::collections::HashSet;

use super::{At, Checking, Fault};
use crate::config::{
    raw::{RawGuardrail, RawSide},
    snapshot::{BadSetting, GuardRule},
};

impl Checking<'_> {
    pub(super) fn guardrails(&mut self, raw: &[Option<RawGuardrail>]) -> Vec<GuardRule> {
        let mut names = HashSet::new();
        let mut rules = Vec::new();
        for (at, raw) in raw.iter().enumerate() {
            let Some(raw) = raw else { continue };
            let path = format!("guardrails[{at}]");
            self.guardrail_name(&raw.name, &mut names, &format!("{path}.name"));
            let screens = |side| raw.screens.as_ref().is_none_or(|sides| sides.contains(&Some(side)));
            let rule = GuardRule {
                name: raw.name.clone(),
                kind: raw.kind.clone(),
                input: screens(RawSide::Input),
                output: screens(RawSide::Output),
                settings: raw.settings.clone().into(),
            };
            if let Err(BadSetting { field, message }) = (self.guards)(&rule) {
                let path = match field.as_str() {
                    "" => path,
                    "kind" => format!("{path}.kind"),
                    field => format!("{path}.settings.{field}"),
                };
                let fix = "docs/guardrails.md lists the kinds and their settings";
                self.report.error(Fault::BadGuardrail, At::Value(&path), message, fix);
            }
            rules.push(rule);
        }
        rules
    }

    fn guardrail_name<'n>(&mut self, name: &'n str, names: &mut HashSet<&'n str>, path: &str) {
        if name.trim().is_empty() || name.len() > 128 || name.contains(char::is_control) {
            let fix = "write a name of at most 128 characters";
            self.report.error(Fault::BadName, At::Value(path), "a guardrail needs a name", fix);
        } else if !names.insert(name) {
            let fix = "give each guardrail its own name";
            self.report.error(Fault::Duplicate, At::Value(path), format!("two guardrails are called `{name}`"), fix);
        }
    }
}
