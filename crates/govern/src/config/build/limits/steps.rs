//! What happens when a share of a cap is used up.

use super::{At, Checking, Fault};
use crate::{
    config::{
        problem::closest,
        raw::{Raw, RawAction, RawLimit, RawStep},
        resolve::is_model_name,
    },
    limit::{Action, Step},
};

impl Checking<'_> {
    pub(super) fn steps(&mut self, limit: &RawLimit, raw: &Raw, path: &str) -> Vec<Step> {
        let mut good: Vec<Step> = Vec::new();
        for (at, step) in limit.steps.iter().enumerate() {
            let (Some(step), path) = (step, format!("{path}[{at}]")) else { continue };
            let share = step.at.trim().strip_suffix('%').and_then(|share| share.trim().parse::<u8>().ok());
            let Some(share) = share.filter(|share| (1..=100).contains(share)) else {
                let message = format!("`{}` is no share of a cap", step.at);
                let fix = "write a whole number of percent from `1%` to `100%`";
                self.report.error(Fault::OutOfRange, At::Value(&format!("{path}.at")), message, fix);
                continue;
            };
            let Some(action) = self.action(step, raw, &path) else { continue };
            self.reachable(&good, share, &action, &path);
            good.push(Step { at: share, action });
        }
        good.sort_by_key(|step| step.at);
        good
    }

    fn reachable(&mut self, before: &[Step], share: u8, action: &Action, path: &str) {
        let refuses = before.iter().find(|step| step.action == Action::Refuse && step.at <= share);
        if let Some(refuses) = refuses {
            let message = format!("calls are refused at {}% already, so this is never reached", refuses.at);
            self.report.error(Fault::NoEffect, At::Value(path), message, "remove one of the two steps");
        }
        let same = |step: &&Step| std::mem::discriminant(&step.action) == std::mem::discriminant(action);
        let twice = before.iter().find(|step| same(step) && (*action != Action::Warn || step.at == share));
        if twice.is_some() {
            let message = "a limit warns once at a share, and does each of the other things at one share";
            self.report.error(Fault::Duplicate, At::Value(path), message, "keep one of the two steps");
        }
        if before.last().is_some_and(|last| last.at > share) {
            let fix = "put the steps in the order in which they are reached";
            self.report.warning(Fault::NoEffect, At::Value(path), "this step comes before the one above it", fix);
        }
    }

    fn action(&mut self, step: &RawStep, raw: &Raw, path: &str) -> Option<Action> {
        let own = [
            ("to", step.to.is_some(), RawAction::Downgrade),
            ("wait", step.wait.is_some(), RawAction::Queue),
            ("places", step.places.is_some(), RawAction::Queue),
        ];
        for (name, _, of) in own.iter().filter(|(_, written, of)| *written && *of != step.action) {
            let message = format!("`{name}` means nothing here: it is for `do: {of:?}`").to_lowercase();
            let at = format!("{path}.{name}");
            self.report.error(Fault::NoEffect, At::Value(&at), message, format!("remove `{name}`"));
        }
        match step.action {
            RawAction::Warn => Some(Action::Warn),
            RawAction::Refuse => Some(Action::Refuse),
            RawAction::Queue => Some(Action::Queue {
                wait: self.duration(step.wait.as_ref(), &format!("{path}.wait"), std::time::Duration::from_secs(10)),
                places: step.places.unwrap_or(100),
            }),
            RawAction::Downgrade => {
                let Some(to) = step.to.as_deref() else {
                    let fix = "add `to: MODEL`";
                    self.report.error(Fault::MissingField, At::Value(path), "`downgrade` needs the model to use", fix);
                    return None;
                };
                let account = to.split_once('/').map(|(account, _)| account);
                let known =
                    raw.models.contains_key(to) || account.is_some_and(|account| raw.providers.contains_key(account));
                if !known || !is_model_name(to) {
                    let fix = match closest(to, raw.models.keys().map(String::as_str)) {
                        Some(meant) => format!("did you mean `{meant}`?"),
                        None => "name a model under `models`, or `account/model`".to_owned(),
                    };
                    let message = format!("there is no model `{to}` to downgrade to");
                    self.report.error(Fault::UnknownModel, At::Value(&format!("{path}.to")), message, fix);
                    return None;
                }
                Some(Action::Downgrade { to: to.into() })
            }
        }
    }
}
