//! The objects of the tree: organizations, divisions, teams, projects, people, virtual accounts, roles and bindings, all in
//! the form that the configuration has them in.
//!
//! A change is judged on the tree before it and on the tree after it, in the transaction that makes it: by where the object
//! stands, by what it would give, and by what it would break.

use std::{collections::HashSet, sync::Arc};

use axum::{
    Json,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use govern::{
    Directory, Principal,
    config::raw::RawDirectory,
    directory::{Flaw, Kind},
    key::Origin,
    role::{BUILT_IN, Permission, built_in},
};
use serde_json::{Map, Value, json};

use crate::{actor::Actor, listing::paged, problem::Problem, requests::AS_DATA, routes::Call, strict};

pub(crate) async fn list(call: Call) -> Result<Response, Problem> {
    let Some(kind) = call.route.kind else { return Err(Problem::missing()) };
    let directory = (call.admin.rules)().directory.clone();
    let mut seen: Vec<(String, Value)> = Vec::new();
    for (tree, origin) in [(directory.file(), Origin::File), (directory.stored(), Origin::Store)] {
        for (id, body) in of_kind(tree, kind) {
            let shown = find(&directory, kind, &id).is_some() && sees(&call.actor, &directory, kind, &id);
            if shown && !seen.iter().any(|(known, _)| *known == id) {
                seen.push((id.clone(), described(&id, body, origin)));
            }
        }
    }
    if kind == Kind::Role {
        let fixed = BUILT_IN.iter().map(|(id, description)| {
            let permissions: Vec<_> = built_in(id).unwrap_or_default().iter().map(Permission::as_str).collect();
            let body =
                json!({ "id": id, "description": description, "permissions": permissions, "managed_by": "built_in" });
            ((*id).to_owned(), body)
        });
        seen.extend(fixed);
    }
    paged(kind.plural(), seen, &call.query)
}

pub(crate) async fn show(call: Call) -> Result<Response, Problem> {
    let Some(kind) = call.route.kind else { return Err(Problem::missing()) };
    let directory = (call.admin.rules)().directory.clone();
    let id = call.param("id");
    for (tree, origin) in [(directory.file(), Origin::File), (directory.stored(), Origin::Store)] {
        if let Some((_, body)) = of_kind(tree, kind).into_iter().find(|(known, _)| known == id)
            && sees(&call.actor, &directory, kind, id)
        {
            return Ok((AS_DATA, Json(described(id, body, origin))).into_response());
        }
    }
    Err(Problem::missing())
}

pub(crate) async fn put(call: Call) -> Result<Response, Problem> {
    let body = Value::Object(strict::object(&call.body)?);
    change(&call, Some(body.clone())).await?;
    let id = call.param("id");
    Ok((StatusCode::OK, AS_DATA, Json(described(id, body, Origin::Store))).into_response())
}

pub(crate) async fn delete(call: Call) -> Result<Response, Problem> {
    change(&call, None).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// Puts the object there, or takes it away.
async fn change(call: &Call, body: Option<Value>) -> Result<(), Problem> {
    let Some(kind) = call.route.kind else { return Err(Problem::missing()) };
    let (id, actor, permission) = (call.param("id").to_owned(), call.actor.clone(), call.route.permission);
    let file = (call.admin.rules)().directory.file().clone();
    let wish = Wish { kind, id, body, actor, permission };
    let what = format!("{} {}", kind.as_str(), wish.id);
    call.admin.store.change_tree(&call.actor.author(), move |stored| wish.grant(&file, stored)).await?;
    tracing::info!(actor = %call.actor.name, object = what, "the tree was changed");
    Ok(())
}

/// A change that somebody wants.
struct Wish {
    kind: Kind,
    id: String,
    /// `None`: it shall go.
    body: Option<Value>,
    actor: Arc<Actor>,
    permission: Permission,
}

impl Wish {
    fn grant(&self, file: &Arc<RawDirectory>, stored: &mut RawDirectory) -> Result<(), Problem> {
        let (before, flaws) = Directory::new(file.clone(), Arc::new(stored.clone()));
        let exists = of_kind(stored, self.kind).iter().any(|(id, _)| *id == self.id);
        let in_file = of_kind(file, self.kind).iter().any(|(id, _)| *id == self.id);
        let place = home(&before, self.kind, &self.id);
        if exists || in_file {
            self.judge(place.as_ref()).map_err(|problem| match sees(&self.actor, &before, self.kind, &self.id) {
                // What one may see does not turn into nothing because one may not change it.
                true => Problem::forbidden(self.permission),
                false => problem,
            })?;
        }
        if in_file {
            let message =
                format!("the configuration file declares {} `{}`: change it there", self.kind.as_str(), self.id);
            return Err(Problem::conflict("managed_by_file", message));
        }
        if !exists && self.body.is_none() {
            return Err(Problem::missing());
        }
        self.gives_no_more(&before)?;
        *stored = self.applied(stored)?;
        let (after, now) = Directory::new(file.clone(), Arc::new(stored.clone()));
        self.breaks_nothing(&flaws, &now, &after)?;
        if self.body.is_some() {
            self.judge(home(&after, self.kind, &self.id).as_ref())?;
            self.gives_no_more(&after)?;
        }
        Ok(())
    }

    fn judge(&self, place: Option<&Option<Principal>>) -> Result<(), Problem> {
        // What does not hang together is for those alone who may do everything.
        self.actor.must(self.permission, place.and_then(Option::as_ref))
    }

    fn applied(&self, stored: &RawDirectory) -> Result<RawDirectory, Problem> {
        let mut tree = serde_json::to_value(stored).map_err(strict::wrong)?;
        let all = tree.get_mut(self.kind.plural()).and_then(Value::as_object_mut);
        let all = all.ok_or_else(Problem::missing)?;
        match &self.body {
            Some(body) => _ = all.insert(self.id.clone(), body.clone()),
            None => _ = all.remove(&self.id),
        }
        serde_json::from_value(tree).map_err(strict::wrong)
    }

    fn breaks_nothing(&self, before: &[Flaw], now: &[Flaw], after: &Directory) -> Result<(), Problem> {
        let known: HashSet<_> = before.iter().map(|flaw| (flaw.kind, &flaw.id, &flaw.field)).collect();
        let mut new = now.iter().filter(|flaw| !known.contains(&(flaw.kind, &flaw.id, &flaw.field)));
        let mine = |flaw: &&Flaw| flaw.kind == self.kind && flaw.id == self.id;
        if let Some(flaw) = now.iter().find(mine) {
            // Whoever may not see what is named is told that it is not there, as if it were not.
            let message = format!("{}; {}", flaw.message, self.hint(flaw));
            return Err(Problem::bad_parameter(if flaw.field.is_empty() { "id" } else { &flaw.field }, message));
        }
        if let Some(flaw) = new.next() {
            let sees = self.actor.powers.everywhere().has(Permission::TreeRead)
                || sees(&self.actor, after, flaw.kind, &flaw.id);
            let who = if sees { format!("{} `{}`", flaw.kind.as_str(), flaw.id) } else { "something".to_owned() };
            let message = format!("{who} would no longer hang together: change or delete it first");
            return Err(Problem::conflict("in_use", message));
        }
        Ok(())
    }

    /// A suggestion may name what only others may see.
    fn hint(&self, flaw: &Flaw) -> String {
        if self.actor.key.is_none() {
            flaw.fix.clone()
        } else {
            "see what it may name in the list of its kind".to_owned()
        }
    }

    /// Nobody gives, or takes away, a role with more than they hold themselves.
    fn gives_no_more(&self, directory: &Directory) -> Result<(), Problem> {
        let held = |role: &str, place: Option<&Principal>| {
            let wanted = directory.role(role).unwrap_or_default();
            let missing = self.actor.powers.missing(wanted, place);
            match missing.iter().next() {
                None => Ok(()),
                Some(first) => {
                    let message = format!("the role `{role}` holds {}, which you do not hold there", first.as_str());
                    Err(Problem::refused("exceeds_own_rights", message))
                }
            }
        };
        match self.kind {
            Kind::Binding => match directory.binding(&self.id) {
                Some(binding) => {
                    let place = match &binding.scope {
                        Some((kind, id)) => Some(directory.find(*kind, id).ok_or_else(Problem::missing)?),
                        None => None,
                    };
                    held(&binding.role, place.map(|place| &*place.principal))
                }
                None => Ok(()),
            },
            Kind::Role => match directory.role(&self.id) {
                Some(_) => held(&self.id, None),
                None => Ok(()),
            },
            Kind::User => {
                let Some(user) = directory.user(&self.id) else { return Ok(()) };
                user.teams.iter().try_for_each(|(team, role)| {
                    held(role, directory.find(Kind::Team, team).map(|place| &*place.principal))
                })
            }
            _ => Ok(()),
        }
    }
}

/// Where one must hold the right to change the object: a level above it, since whoever runs a level does not run its bounds.
/// `None`: there is no such object. `Some(None)`: it belongs to no organization.
#[expect(clippy::option_option, reason = "what is not there is not what belongs to nobody")]
fn home(directory: &Directory, kind: Kind, id: &str) -> Option<Option<Principal>> {
    let mut place = find(directory, kind, id)?;
    if let Some(place) = &mut place {
        match kind {
            Kind::Organization => return Some(None),
            Kind::Division => place.division = None,
            Kind::Team => place.team = None,
            Kind::Project => place.project = None,
            Kind::User => place.user = None,
            Kind::VirtualAccount => place.virtual_account = None,
            Kind::Role | Kind::Binding => {}
        }
    }
    Some(place)
}

/// Where the object stands.
#[expect(clippy::option_option, reason = "what is not there is not what belongs to nobody")]
fn find(directory: &Directory, kind: Kind, id: &str) -> Option<Option<Principal>> {
    match kind {
        Kind::User => directory.user(id).map(|user| Some((*user.place.principal).clone())),
        Kind::Role => directory.role(id).map(|_| None),
        Kind::Binding => Some(match &directory.binding(id)?.scope {
            Some((kind, id)) => Some((*directory.find(*kind, id)?.principal).clone()),
            None => None,
        }),
        _ => directory.find(kind, id).map(|place| Some((*place.principal).clone())),
    }
}

/// Whether somebody may see the object.
fn sees(actor: &Actor, directory: &Directory, kind: Kind, id: &str) -> bool {
    let permission = match kind {
        Kind::User => Permission::UsersRead,
        Kind::Role | Kind::Binding => Permission::RolesRead,
        _ => Permission::TreeRead,
    };
    match (kind, find(directory, kind, id)) {
        // What roles there are is no secret of anybody's.
        (Kind::Role, _) => actor.powers.anywhere(permission),
        (_, None) => actor.may(permission, None),
        (Kind::User, Some(place)) => {
            let teams = directory.user(id).into_iter().flat_map(|user| user.teams.keys());
            let in_team = |team: &Arc<str>| {
                directory.find(Kind::Team, team).is_some_and(|team| actor.may(permission, Some(&team.principal)))
            };
            actor.user().is_some_and(|user| **user == *id)
                || actor.may(permission, place.as_ref())
                || teams.into_iter().any(in_team)
        }
        (_, Some(place)) => actor.may(permission, place.as_ref()),
    }
}

/// The objects of a kind, by id.
fn of_kind(tree: &RawDirectory, kind: Kind) -> Vec<(String, Value)> {
    macro_rules! all {
        ($map:ident) => {
            tree.$map.iter().map(|(id, it)| (id.clone(), serde_json::to_value(it).unwrap_or_default())).collect()
        };
    }
    match kind {
        Kind::Organization => all!(organizations),
        Kind::Division => all!(divisions),
        Kind::Team => all!(teams),
        Kind::Project => all!(projects),
        Kind::User => all!(users),
        Kind::VirtualAccount => all!(virtual_accounts),
        Kind::Role => all!(roles),
        Kind::Binding => all!(bindings),
    }
}

/// The object as it is shown: with its id, and who manages it.
fn described(id: &str, body: Value, origin: Origin) -> Value {
    let mut shown = Map::new();
    shown.insert("id".to_owned(), id.into());
    if let Value::Object(fields) = body {
        shown.extend(fields);
    }
    let by = if origin == Origin::File { "file" } else { "api" };
    shown.insert("managed_by".to_owned(), by.into());
    shown.into()
}
