//! Gateway keys: made, listed, changed, rotated and deleted by whoever may, and what a key may call, and why.
//!
//! Nobody makes a key that may do more than they: not for a place that they do not run, and not with wider bounds than the
//! key that they ask with.

use std::sync::Arc;

use axum::{
    Json,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use gateway::clock::now_micros;
use govern::{
    Principal, Rules,
    access::{Pattern, Want, operation_name, permitted, reasons},
    config::raw::RawOperation,
    directory::Owner,
    key::{Env, KeyRule, Minted, Origin},
    role::Permission,
};
use schemars::{JsonSchema, schema_for};
use serde::Deserialize;
use serde_json::{Value, json};
use store::NewKey;

use crate::{
    actor::Actor,
    listing::paged,
    problem::Problem,
    requests::{AS_DATA, TIME, pairs, time},
    routes::Call,
    strict,
};

/// How long an old secret is accepted after a rotation, unless said otherwise; and at most.
const OVERLAP: u32 = 24 * 3_600;
const MOST_OVERLAP: u32 = 30 * 24 * 3_600;

/// What a new key shall be.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct New {
    name: String,
    /// `live` or `test`.
    #[schemars(with = "Option<String>")]
    env: Option<Env>,
    models: Option<Vec<String>>,
    /// A time such as 2027-01-31T12:00:00Z.
    expires_at: Option<String>,
    parallel: Option<u32>,
    user: Option<String>,
    virtual_account: Option<String>,
    project: Option<String>,
    team: Option<String>,
    organization: Option<String>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Edit {
    disabled: bool,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Rotation {
    /// How long the old secret is still accepted.
    overlap_seconds: Option<u32>,
}

/// A key that is there for the caller.
struct Found {
    rule: Arc<KeyRule>,
    env: Option<Env>,
    created_at: Option<i64>,
}

/// The schemas of what is sent here, by name.
pub(crate) fn schemas() -> [(String, Value); 3] {
    [("NewKey", schema_for!(New)), ("KeyChange", schema_for!(Edit)), ("KeyRotation", schema_for!(Rotation))]
        .map(|(name, schema)| (name.to_owned(), schema.into()))
}

pub(crate) async fn list(call: Call) -> Result<Response, Problem> {
    let rules = (call.admin.rules)();
    let mut all = Vec::new();
    for key in rules.keys.values() {
        all.push((String::new(), Found { rule: key.clone(), env: None, created_at: None }));
    }
    for key in call.admin.store.keys().await? {
        let order = format!("{:020}", key.created_at);
        let (env, created_at) = (Some(key.env), Some(key.created_at));
        all.push((order, Found { rule: Arc::new(rules.directory.settle(key.rule)), env, created_at }));
    }
    let mine = all.into_iter().filter(|(_, key)| may(&call, &rules, &key.rule));
    let shown = mine.map(|(order, key)| (format!("{order}-{}", key.rule.id), described(&key))).collect();
    paged("keys", shown, &call.query)
}

pub(crate) async fn show(call: Call) -> Result<Response, Problem> {
    let key = find(&call).await?;
    Ok((AS_DATA, Json(described(&key))).into_response())
}

pub(crate) async fn create(call: Call) -> Result<Response, Problem> {
    let new: New = strict::read(&call.body)?;
    let rules = (call.admin.rules)();
    let now = now_micros();
    let owner = Owner {
        user: new.user,
        virtual_account: new.virtual_account,
        project: new.project,
        team: new.team,
        organization: new.organization,
    };
    let place = rules.directory.place(&owner).map_err(|bad| {
        // A name that is wrong and one that is not theirs read the same.
        let known = if bad.unknown.is_some() { "there is no such object, or it is not yours" } else { &*bad.message };
        Problem::bad_parameter(bad.field, known)
    });
    let place = match place {
        Ok(place) => place,
        Err(problem) => return Err(problem),
    };
    let own = place.principal.user.is_some() && place.principal.user.as_ref() == call.actor.user();
    if !(own && call.actor.powers.anywhere(Permission::KeysOwn)) {
        call.actor.must(Permission::KeysWrite, Some(&place.principal))?;
    }
    let wrong_time = || Problem::bad_parameter("expires_at", format!("expires_at must be {TIME}, later than now"));
    let expires_at = match &new.expires_at {
        Some(text) => Some(time(text).filter(|at| *at > now).ok_or_else(wrong_time)?),
        None => None,
    };
    let key = NewKey {
        env: new.env.unwrap_or(Env::Live),
        name: new.name,
        owner,
        models: new.models.unwrap_or_else(|| vec!["*".to_owned()]),
        expires_at,
        parallel: new.parallel,
        created_at: now,
    };
    check(&key)?;
    if let Some(with) = &call.actor.key {
        no_wider(&key, with)?;
    }
    let minted = call.admin.store.create_key(&call.actor.author(), &call.admin.pepper, &key).await?;
    tracing::info!(actor = %call.actor.name, key = %minted.id, "a key was made");
    let mut answer = told(&minted);
    if let (Some(fields), Ok(found)) = (answer.as_object_mut(), by_id(&call, &minted.id.0).await)
        && let Value::Object(more) = described(&found)
    {
        fields.extend(more);
    }
    Ok((StatusCode::CREATED, AS_DATA, Json(answer)).into_response())
}

pub(crate) async fn change(call: Call) -> Result<Response, Problem> {
    let edit: Edit = strict::read(&call.body)?;
    let key = writable(&call).await?;
    call.admin.store.disable_key(&call.actor.author(), &key.rule.id.0, edit.disabled).await?;
    tracing::info!(actor = %call.actor.name, key = %key.rule.id, disabled = edit.disabled, "a key was changed");
    show(call).await
}

pub(crate) async fn rotate(call: Call) -> Result<Response, Problem> {
    let rotation: Rotation = strict::read(&call.body)?;
    let key = writable(&call).await?;
    let overlap = rotation.overlap_seconds.unwrap_or(OVERLAP);
    if overlap > MOST_OVERLAP {
        let message = format!("overlap_seconds must be at most {MOST_OVERLAP}, thirty days");
        return Err(Problem::bad_parameter("overlap_seconds", message));
    }
    let until = now_micros().saturating_add(i64::from(overlap) * 1_000_000);
    let minted = call.admin.store.rotate_key(&call.actor.author(), &call.admin.pepper, &key.rule.id.0, until).await?;
    let minted = minted.ok_or_else(Problem::missing)?;
    tracing::info!(actor = %call.actor.name, key = %key.rule.id, "a key was rotated");
    let mut answer = told(&minted);
    if let Some(fields) = answer.as_object_mut() {
        fields.insert("old_secret_until".to_owned(), until.into());
    }
    Ok((AS_DATA, Json(answer)).into_response())
}

pub(crate) async fn delete(call: Call) -> Result<Response, Problem> {
    let key = writable(&call).await?;
    call.admin.store.delete_key(&call.actor.author(), &key.rule.id.0).await?;
    tracing::info!(actor = %call.actor.name, key = %key.rule.id, "a key was deleted");
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// `?model=fast` and `&operation=chat`: the decision on every target, with all of its reasons.
pub(crate) async fn access(call: Call) -> Result<Response, Problem> {
    let key = find(&call).await?.rule;
    let rules = (call.admin.rules)();
    let (mut model, mut operation) = (None, None);
    for (name, value) in pairs(&call.query)? {
        match name.as_str() {
            "model" => model = Some(value),
            "operation" => {
                let wrong = |_| Problem::bad_parameter("operation", format!("there is no operation `{value}`"));
                let raw: RawOperation = serde_json::from_value(value.clone().into()).map_err(wrong)?;
                operation = Some(raw.into());
            }
            _ => return Err(Problem::bad_parameter(&name, "there are the parameters model and operation")),
        }
    }
    let Some(model) = model else {
        let mut names: Vec<_> = rules
            .models
            .iter()
            .filter(|(_, route)| permitted(&key, route, operation).is_ok())
            .map(|(name, _)| name)
            .collect();
        names.sort();
        return Ok((AS_DATA, Json(json!({ "key": key.id, "disabled": key.disabled, "models": names }))).into_response());
    };
    let unknown = || Problem::bad_parameter("model", "no model, account or pattern answers to this name");
    let route = rules.resolve(&model).ok_or_else(unknown)?.route;
    let mut any = false;
    let targets: Vec<Value> = route
        .targets
        .iter()
        .map(|target| {
            let want = Want { route: &route.name, target, operation };
            let allowed = reasons(&key, want).all(|reason| reason.allowed);
            any |= allowed;
            let because: Vec<Value> = reasons(&key, want)
                .map(
                    |it| json!({ "who": it.who(&key), "right": it.right.as_str(), "allowed": it.allowed, "by": it.by }),
                )
                .collect();
            json!({ "target": target.name, "allowed": allowed, "because": because })
        })
        .collect();
    let answer = json!({
        "key": key.id,
        "model": model,
        "operation": operation.map(operation_name),
        "allowed": any && !key.disabled,
        "disabled": key.disabled,
        "targets": targets,
    });
    Ok((AS_DATA, Json(answer)).into_response())
}

/// The key of the path, if the caller may do to it what the route says.
async fn find(call: &Call) -> Result<Found, Problem> {
    let found = by_id(call, call.param("id")).await?;
    let rules = (call.admin.rules)();
    if is_own(&call.actor, &found.rule) && call.route.own.is_some_and(|own| call.actor.powers.anywhere(own)) {
        return Ok(found);
    }
    let place = place(&rules, &found.rule);
    call.actor.must(call.route.permission, place.as_deref())?;
    Ok(found)
}

async fn by_id(call: &Call, id: &str) -> Result<Found, Problem> {
    let rules = (call.admin.rules)();
    if let Some(rule) = rules.keys.get(id) {
        return Ok(Found { rule: rule.clone(), env: None, created_at: None });
    }
    let key = call.admin.store.key(id).await?.ok_or_else(Problem::missing)?;
    let rule = Arc::new(rules.directory.settle(key.rule));
    Ok(Found { rule, env: Some(key.env), created_at: Some(key.created_at) })
}

/// The key of the path, if it can be changed here.
async fn writable(call: &Call) -> Result<Found, Problem> {
    let found = find(call).await?;
    if found.rule.origin == Origin::File {
        let message = format!("the configuration file declares the key `{}`: change it there", found.rule.name);
        return Err(Problem::conflict("managed_by_file", message));
    }
    Ok(found)
}

fn may(call: &Call, rules: &Rules, key: &KeyRule) -> bool {
    let own = is_own(&call.actor, key) && call.route.own.is_some_and(|own| call.actor.powers.anywhere(own));
    own || call.actor.may(call.route.permission, place(rules, key).as_deref())
}

fn is_own(actor: &Actor, key: &KeyRule) -> bool {
    actor.user().is_some_and(|user| key.owner.user.as_deref() == Some(&**user))
}

/// Where it stands; `None` if its owner is gone.
fn place(rules: &Rules, key: &KeyRule) -> Option<Arc<Principal>> {
    rules.directory.place(&key.owner).ok().map(|place| place.principal.clone())
}

fn check(key: &NewKey) -> Result<(), Problem> {
    if key.name.trim().is_empty() || key.name.len() > 128 || key.name.contains(char::is_control) {
        return Err(Problem::bad_parameter("name", "name must be a text of at most 128 characters, for people"));
    }
    if key.models.len() > 1_000 {
        return Err(Problem::bad_parameter("models", "models must have at most 1000 entries"));
    }
    if let Some(bad) = key.models.iter().find(|entry| entry.is_empty() || Pattern::new(entry.as_str()).is_err()) {
        return Err(Problem::bad_parameter("models", format!("{bad:?} is neither a name nor a pattern with one *")));
    }
    if key.parallel == Some(0) {
        return Err(Problem::bad_parameter("parallel", "parallel must be a number above 0"));
    }
    Ok(())
}

/// A key that is made with another has no wider bounds than it.
fn no_wider(new: &NewKey, with: &KeyRule) -> Result<(), Problem> {
    let covered = |entry: &String| {
        // A pattern is held against a pattern as it stands: what `gpt-4*` matches, `gpt-*` matches too.
        with.models.iter().any(|mine| Pattern { text: mine.clone() }.captures(entry).is_some())
    };
    let wider = |what: &str| {
        Err(Problem::refused(
            "exceeds_own_rights",
            format!("{what} of the new key would go beyond those of the key you ask with"),
        ))
    };
    if !new.models.iter().all(covered) {
        return wider("models");
    }
    if with.expires_at.is_some_and(|mine| new.expires_at.is_none_or(|new| new > mine)) {
        return wider("expires_at");
    }
    if with.parallel.is_some_and(|mine| new.parallel.is_none_or(|new| new > mine)) {
        return wider("parallel");
    }
    Ok(())
}

/// The secret, which is in this answer and nowhere else.
fn told(minted: &Minted) -> Value {
    json!({ "id": minted.id, "key": minted.text.expose() })
}

fn described(key: &Found) -> Value {
    let rule = &key.rule;
    let now = now_micros();
    let state = match rule.expires_at {
        _ if rule.disabled => "disabled",
        Some(at) if at <= now => "expired",
        _ => "active",
    };
    json!({
        "id": rule.id,
        "name": rule.name,
        "owner": rule.owner,
        "principal": rule.principal,
        "env": key.env,
        "state": state,
        "models": rule.models,
        "parallel": rule.parallel,
        "expires_at": rule.expires_at,
        "old_secret_until": rule.previous.as_ref().map(|(_, until)| until).filter(|until| **until > now),
        "created_at": key.created_at,
        "managed_by": if rule.origin == Origin::File { "file" } else { "api" },
    })
}
