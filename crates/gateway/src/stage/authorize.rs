//! May they: the model, the targets behind it, and which of them this caller may use.

use std::sync::Arc;

use govern::{
    Code, Error, Rules,
    access::permitted,
    config::{
        By, Resolved,
        snapshot::{Route, Target},
    },
};

use super::{Asked, Caller};
use crate::{observe::Recording, upstream::target_label};

/// A caller's right to a model.
#[derive(Debug)]
pub struct Grant {
    pub caller: Caller,
    pub route: Arc<Route>,
    /// The targets of the route that the caller may use. Never empty.
    pub targets: Vec<Arc<Target>>,
}

/// Resolves the model and checks the caller's right to its targets.
///
/// # Errors
/// 404 if no model, account or wildcard answers to the name; 403 if the caller may use none of its targets.
pub fn authorize(rules: &Rules, caller: Caller, asked: &Asked, record: &Recording) -> Result<Grant, Error> {
    let name = asked.envelope.model();
    let Some(Resolved { route, by }) = rules.resolve(name) else {
        return Err(Error::new(Code::ModelNotFound, unknown_model(name)).at("model"));
    };
    let targets = permitted(&caller.key, &route, Some(asked.surface.operation()))?;
    // Metrics name what the operator named; a name that the caller made up is known by its target.
    let label = match (by, targets.first()) {
        (By::Account | By::Catalogue, Some(target)) => target_label(target),
        _ => route.name.clone(),
    };
    record.label(label);
    Ok(Grant { caller, route, targets })
}

fn unknown_model(name: &str) -> String {
    let name: String = name.chars().filter(|c| !c.is_control()).take(100).collect();
    format!("there is no model `{name}`: GET /v1/models lists those that this key may use")
}
