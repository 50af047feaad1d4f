//! Roles, and who has them where.

use std::sync::Arc;

use super::{Building, Node, flaw_node};
use crate::{
    config::{
        Fault,
        problem::{closest, list},
        raw::{RawBinding, RawDirectory},
    },
    directory::Kind,
    key::Origin,
    role::{BUILT_IN, Binding, Permission, Permissions, Scope, built_in},
};

impl Building {
    pub(super) fn roles(&mut self, raw: &RawDirectory, origin: Origin) {
        for (id, it) in &raw.roles {
            let node = flaw_node(Kind::Role, id, origin);
            let taken = self.directory.roles.contains_key(id.as_str());
            if built_in(id).is_some() {
                let message = format!("the role `{id}` is always there and cannot be another");
                self.flaw(&node, (Fault::Duplicate, ""), message, "choose another id");
                continue;
            }
            if !self.is_free(Kind::Role, id, origin, taken) {
                continue;
            }
            let mut permissions = Permissions::default();
            let mut good = true;
            for (at, name) in it.permissions.iter().enumerate() {
                let Some(name) = name else { continue };
                let all = || Permission::ALL.iter().map(|permission| permission.as_str());
                match Permission::ALL.iter().find(|permission| permission.as_str() == name) {
                    Some(permission) => permissions = permissions.and(Permissions::of(&[*permission])),
                    None => {
                        let fix = match closest(name, all()) {
                            Some(meant) => format!("did you mean `{meant}`?"),
                            None => format!("use some of {}", list(all())),
                        };
                        let message = format!("there is no permission `{name}`");
                        self.flaw(&node, (Fault::UnknownValue, &format!("permissions[{at}]")), message, fix);
                        good = false;
                    }
                }
            }
            if good {
                self.directory.roles.insert(id.as_str().into(), permissions);
            }
        }
    }

    /// Whether there is such a role; reported if not.
    pub(super) fn knows_role(&mut self, node: &Node<'_>, role: &str, field: &str) -> bool {
        if self.directory.role(role).is_some() {
            return true;
        }
        let own = self.directory.roles.keys().map(|id| &**id);
        let known: Vec<&str> = BUILT_IN.iter().map(|(id, _)| *id).chain(own).collect();
        let fix = match closest(role, known.iter().copied()) {
            Some(meant) => format!("did you mean `{meant}`?"),
            None => format!("use one of {}", list(known.into_iter().take(12))),
        };
        self.flaw(node, (Fault::UnknownReference, field), format!("there is no role `{role}`"), fix);
        false
    }

    pub(super) fn bindings(&mut self, raw: &RawDirectory, origin: Origin) {
        for (id, it) in &raw.bindings {
            let taken = self.directory.bindings.contains_key(id.as_str());
            if !self.is_free(Kind::Binding, id, origin, taken) {
                continue;
            }
            let node = flaw_node(Kind::Binding, id, origin);
            let role = self.knows_role(&node, &it.role, "role");
            let (subject, scope) = (self.subject(&node, it), self.scope(&node, it));
            if let (true, Some(subject), Some(scope)) = (role, subject, scope) {
                let binding = Binding { subject, role: it.role.as_str().into(), scope, origin };
                self.directory.bindings.insert(id.as_str().into(), binding);
            }
        }
    }

    fn subject(&mut self, node: &Node<'_>, it: &RawBinding) -> Option<(Kind, Arc<str>)> {
        match (&it.user, &it.virtual_account) {
            (Some(user), None) => match self.directory.users.get(user.as_str()) {
                Some(user) => Some((Kind::User, user.id.clone())),
                None => {
                    let fix = match closest(user, self.directory.users.keys().map(|id| &**id)) {
                        Some(meant) => format!("did you mean `{meant}`?"),
                        None => "declare it under `users`".to_owned(),
                    };
                    self.flaw(node, (Fault::UnknownReference, "user"), format!("there is no user `{user}`"), fix);
                    None
                }
            },
            (None, Some(account)) => {
                self.reference(node, Kind::VirtualAccount, account)?;
                Some((Kind::VirtualAccount, account.as_str().into()))
            }
            _ => {
                let message = "a binding gives a role to one `user` or one `virtual_account`".to_owned();
                self.flaw(node, (Fault::Contradiction, ""), message, "name one of the two");
                None
            }
        }
    }

    fn scope(&mut self, node: &Node<'_>, it: &RawBinding) -> Option<Scope> {
        let levels = [
            (Kind::Organization, &it.organization),
            (Kind::Division, &it.division),
            (Kind::Team, &it.team),
            (Kind::Project, &it.project),
        ];
        let mut named = levels.into_iter().filter_map(|(kind, id)| Some((kind, id.as_deref()?)));
        match (named.next(), named.next()) {
            (None, _) => Some(None),
            (Some((kind, id)), None) => {
                self.reference(node, kind, id)?;
                Some(Some((kind, id.into())))
            }
            (Some(_), Some((kind, _))) => {
                let message = "a binding holds at one level".to_owned();
                self.flaw(
                    node,
                    (Fault::Contradiction, kind.as_str()),
                    message,
                    "name one level: what is below is included",
                );
                None
            }
        }
    }
}
