//! From the tree as written to the compiled one.
//!
//! Levels are compiled from the top down, and each refers to levels above its own alone: a cycle cannot be written.

mod roles;

use std::{collections::HashMap, sync::Arc};

use super::{Directory, Flaw, Kind, Place, User, is_id};
use crate::{
    Principal,
    access::{Access, Boundary},
    config::{
        Fault,
        problem::{closest, list},
        raw::{RawAccess, RawDirectory},
    },
    key::Origin,
    principal::DEFAULT_ORGANIZATION,
};

pub(super) fn build(file: Arc<RawDirectory>, stored: Arc<RawDirectory>) -> (Directory, Vec<Flaw>) {
    let mut building = Building { directory: Directory::default(), flaws: Vec::new(), emails: HashMap::new() };
    let root = Place {
        principal: Arc::default(),
        name: DEFAULT_ORGANIZATION.into(),
        disabled: false,
        bounds: Vec::new(),
        origin: Origin::File,
    };
    building.directory.organizations.insert(DEFAULT_ORGANIZATION.into(), Arc::new(root));
    // The file first, and whole: it never refers to what the database holds.
    for (raw, origin) in [(&file, Origin::File), (&stored, Origin::Store)] {
        building.roles(raw, origin);
        building.levels(raw, origin);
        building.people(raw, origin);
        building.bindings(raw, origin);
    }
    let directory = Directory { file, stored, ..building.directory };
    (directory, building.flaws)
}

struct Building {
    directory: Directory,
    flaws: Vec<Flaw>,
    /// Whose address it is.
    emails: HashMap<String, String>,
}

/// An object of a level, as far as all levels are alike.
struct Node<'r> {
    kind: Kind,
    id: &'r str,
    name: Option<&'r str>,
    disabled: bool,
    access: Option<&'r RawAccess>,
    origin: Origin,
    /// What it may belong to, the nearest first.
    parents: &'r [(Kind, Option<&'r str>)],
}

impl Building {
    fn levels(&mut self, raw: &RawDirectory, origin: Origin) {
        use Kind::{Division, Organization, Project, Team, VirtualAccount};
        /// All levels have these three settings.
        macro_rules! nodes {
            ($map:ident, $kind:expr, $($parent:ident $field:ident),*) => {
                for (id, it) in &raw.$map {
                    self.node(&Node {
                        kind: $kind,
                        id,
                        name: it.name.as_deref(),
                        disabled: it.disabled.unwrap_or(false),
                        access: it.access.as_ref(),
                        origin,
                        parents: &[$(($parent, it.$field.as_deref())),*],
                    });
                }
            };
        }
        nodes!(organizations, Organization,);
        nodes!(divisions, Division, Organization organization);
        nodes!(teams, Team, Division division, Organization organization);
        nodes!(projects, Project, Team team, Division division, Organization organization);
        nodes!(
            virtual_accounts, VirtualAccount,
            Project project, Team team, Division division, Organization organization
        );
    }

    fn node(&mut self, node: &Node<'_>) {
        let Node { kind, id, origin, .. } = *node;
        let is_default = kind == Kind::Organization && id == DEFAULT_ORGANIZATION;
        let taken = !is_default && self.directory.find(kind, id).is_some();
        if !self.is_free(kind, id, origin, taken) {
            return;
        }
        let Some(parent) = self.parent(node) else { return };
        let Some(bounds) = self.bounds(node, parent.as_deref()) else { return };
        let id: Arc<str> = id.into();
        let mut principal = parent.as_ref().map_or_else(Principal::default, |parent| (*parent.principal).clone());
        match kind {
            Kind::Organization => principal.organization = id.clone(),
            Kind::Division => principal.division = Some(id.clone()),
            Kind::Team => principal.team = Some(id.clone()),
            Kind::Project => principal.project = Some(id.clone()),
            Kind::VirtualAccount => principal.virtual_account = Some(id.clone()),
            Kind::User | Kind::Role | Kind::Binding => {}
        }
        let place = Place {
            principal: Arc::new(principal),
            name: node.name.unwrap_or_default().into(),
            disabled: node.disabled || parent.is_some_and(|parent| parent.disabled),
            bounds,
            origin,
        };
        if let Some(places) = self.directory.places_mut(kind) {
            places.insert(id, Arc::new(place));
        }
    }

    /// What it belongs to: the one that is named, or the organization `default`; nothing for an organization. `None` if
    /// what is named makes no sense.
    fn parent(&mut self, node: &Node<'_>) -> Option<Option<Arc<Place>>> {
        let mut nearest: Option<(Kind, Arc<Place>)> = None;
        for (kind, id) in node.parents.iter().filter_map(|(kind, id)| Some((*kind, (*id)?))) {
            let place = self.reference(node, kind, id)?;
            match &nearest {
                None => nearest = Some((kind, place)),
                // `team: research, organization: acme` says one thing twice; it must be the same thing.
                Some((near, below)) if !belongs(below, kind, id) => {
                    let message = format!("this {} does not belong to {} `{id}`", near.as_str(), kind.as_str());
                    let fix = format!("remove `{}`: what it belongs to is known by `{}`", kind.as_str(), near.as_str());
                    self.flaw(node, (Fault::Contradiction, kind.as_str()), message, fix);
                    return None;
                }
                Some(_) => {}
            }
        }
        match nearest {
            Some((_, place)) => Some(Some(place)),
            None if node.kind == Kind::Organization => Some(None),
            None => Some(self.directory.organizations.get(DEFAULT_ORGANIZATION).cloned()),
        }
    }

    fn people(&mut self, raw: &RawDirectory, origin: Origin) {
        for (id, it) in &raw.users {
            let node = Node {
                kind: Kind::User,
                id,
                name: it.name.as_deref(),
                disabled: it.disabled.unwrap_or(false),
                access: it.access.as_ref(),
                origin,
                parents: &[(Kind::Organization, it.organization.as_deref())],
            };
            if !self.is_free(Kind::User, id, origin, self.directory.users.contains_key(id.as_str())) {
                continue;
            }
            let Some(Some(parent)) = self.parent(&node) else { continue };
            let Some(email) = self.email(&node, it.email.as_deref()) else { continue };
            let mut teams = std::collections::BTreeMap::new();
            let mut good = true;
            for (team, role) in &it.teams {
                good &= self.knows_role(&node, role, &format!("teams.{team}"));
                match self.reference(&node, Kind::Team, team) {
                    Some(place) if place.principal.organization == parent.principal.organization => {
                        teams.insert(Arc::from(team.as_str()), Arc::from(role.as_str()));
                    }
                    Some(_) => {
                        let message = format!("team `{team}` belongs to another organization");
                        self.flaw(&node, (Fault::Contradiction, &format!("teams.{team}")), message, "remove it");
                        good = false;
                    }
                    None => good = false,
                }
            }
            if !good {
                continue;
            }
            let Some(bounds) = self.bounds(&node, Some(&parent)) else { continue };
            let id: Arc<str> = id.as_str().into();
            let principal = Principal { user: Some(id.clone()), ..(*parent.principal).clone() };
            let place = Place {
                principal: Arc::new(principal),
                name: it.name.as_deref().unwrap_or_default().into(),
                disabled: node.disabled || parent.disabled,
                bounds,
                origin,
            };
            self.directory.users.insert(id.clone(), Arc::new(User { id, place, email, teams }));
        }
    }

    /// What it allows and what those above it do; `None` if an entry is no pattern.
    fn bounds(&mut self, node: &Node<'_>, parent: Option<&Place>) -> Option<Vec<Arc<Boundary>>> {
        let above = parent.map(|parent| parent.bounds.clone()).unwrap_or_default();
        let Some(raw) = node.access else { return Some(above) };
        let access = match Access::read(raw) {
            Ok(access) => access,
            Err((field, entry)) => {
                let message = format!("`{entry}` is no name and no pattern");
                let fix = "write a name, or a pattern with one `*`";
                self.flaw(node, (Fault::BadName, &format!("access.{field}")), message, fix);
                return None;
            }
        };
        let own =
            (access != Access::default()).then(|| Arc::new(Boundary { kind: node.kind, id: node.id.into(), access }));
        Some(own.into_iter().chain(above).collect())
    }

    /// The address in lower case; `None` if it is none, or somebody else's.
    #[expect(clippy::option_option, reason = "an address that is wrong is not one that is left out")]
    fn email(&mut self, node: &Node<'_>, email: Option<&str>) -> Option<Option<Arc<str>>> {
        let Some(email) = email else { return Some(None) };
        let lower = email.to_lowercase();
        let is_address = lower.len() <= 254
            && lower.split_once('@').is_some_and(|(name, host)| !name.is_empty() && !host.is_empty())
            && lower.matches('@').count() == 1
            && !lower.contains(|c: char| c.is_whitespace() || c.is_control());
        if !is_address {
            let message = format!("`{email}` is no address of a person");
            self.flaw(node, (Fault::BadName, "email"), message, "write `name@example.com`");
            return None;
        }
        if let Some(other) = self.emails.get(&lower) {
            let message = format!("user `{other}` has the same address");
            self.flaw(node, (Fault::Duplicate, "email"), message, "give each person their own, or keep one of the two");
            return None;
        }
        self.emails.insert(lower.clone(), node.id.to_owned());
        Some(Some(lower.into()))
    }

    /// What the object refers to. A file's object sees the file's alone.
    fn reference(&mut self, node: &Node<'_>, kind: Kind, id: &str) -> Option<Arc<Place>> {
        if let Some(place) = self.directory.find(kind, id) {
            return Some(place.clone());
        }
        let known: Vec<&str> = self.directory.places(kind).into_iter().flatten().map(|(id, _)| &**id).collect();
        let fix = match closest(id, known.iter().copied()) {
            Some(meant) => format!("did you mean `{meant}`?"),
            None if known.len() > 1 && known.len() <= 12 => format!("use one of {}", list(known)),
            None => format!("declare it under `{}`", kind.plural()),
        };
        let field = if node.kind == Kind::User && kind == Kind::Team {
            format!("teams.{id}")
        } else {
            kind.as_str().to_owned()
        };
        let message = format!("there is no {} `{id}`", kind.as_str());
        self.flaw(node, (Fault::UnknownReference, &field), message, fix);
        None
    }

    fn is_free(&mut self, kind: Kind, id: &str, origin: Origin, taken: bool) -> bool {
        let node = flaw_node(kind, id, origin);
        if !is_id(id) {
            let message = format!("`{id}` cannot be an id");
            let fix = "use at most 128 lower-case letters, digits and `-`, `.`, `_`, `@`, `+`; a letter or digit first";
            self.flaw(&node, (Fault::BadName, ""), message, fix);
        } else if taken {
            let message = format!("the file declares the {} `{id}`", kind.as_str());
            self.flaw(&node, (Fault::Duplicate, ""), message, "change it in the file, or choose another id");
            return false;
        }
        is_id(id)
    }

    fn flaw(&mut self, node: &Node<'_>, (fault, field): (Fault, &str), message: String, fix: impl Into<String>) {
        self.flaws.push(Flaw {
            fault,
            kind: node.kind,
            id: node.id.to_owned(),
            field: field.to_owned(),
            message,
            fix: fix.into(),
            origin: node.origin,
        });
    }
}

/// An object of which no more is known than its id.
fn flaw_node(kind: Kind, id: &str, origin: Origin) -> Node<'_> {
    Node { kind, id, name: None, disabled: false, access: None, origin, parents: &[] }
}

fn belongs(place: &Place, kind: Kind, id: &str) -> bool {
    let principal = &place.principal;
    let own = match kind {
        Kind::Organization => Some(&principal.organization),
        Kind::Division => principal.division.as_ref(),
        Kind::Team => principal.team.as_ref(),
        Kind::Project => principal.project.as_ref(),
        Kind::User => principal.user.as_ref(),
        Kind::VirtualAccount => principal.virtual_account.as_ref(),
        Kind::Role | Kind::Binding => None,
    };
    own.is_some_and(|own| **own == *id)
}
