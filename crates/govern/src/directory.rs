//! Who belongs where: organizations, divisions, teams, projects, the people and services in them, and to whom a key
//! belongs.
//!
//! A directory is compiled from what the file declares and what the database holds. A file's object goes before a
//! stored one of the same id, and never refers to a stored one, so that a file can be judged alone. What is wrong is
//! left out and reported as a [`Flaw`]: a key that belongs to something left out is refused.

mod build;
mod owner;
#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use serde::{Deserialize, Serialize};

use crate::{
    Principal,
    access::Boundary,
    config::{Fault, problem::closest, raw::RawDirectory},
    key::Origin,
    role::{Binding, Permissions},
};

pub use owner::{BadOwner, Owner};

/// The compiled tree. Every place in it knows all that it belongs to, so that nothing is walked for a request.
#[derive(Debug, Default)]
pub struct Directory {
    organizations: Places,
    divisions: Places,
    teams: Places,
    projects: Places,
    virtual_accounts: Places,
    users: HashMap<Arc<str>, Arc<User>>,
    pub(crate) roles: HashMap<Arc<str>, Permissions>,
    pub(crate) bindings: BTreeMap<Arc<str>, Binding>,
    /// What it was compiled from.
    file: Arc<RawDirectory>,
    stored: Arc<RawDirectory>,
}

type Places = HashMap<Arc<str>, Arc<Place>>;

/// A place in the tree: an organization, division, team, project or virtual account, or a person in one of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    pub principal: Arc<Principal>,
    /// For people; empty if it has none of its own.
    pub name: Arc<str>,
    /// It, or something that it belongs to, is disabled: its keys are refused.
    pub disabled: bool,
    /// What it and the levels above it allow, the lowest first; those that bound nothing are left out.
    pub bounds: Vec<Arc<Boundary>>,
    pub origin: Origin,
}

/// A person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    pub id: Arc<str>,
    /// Directly under their organization.
    pub place: Place,
    /// In lower case.
    pub email: Option<Arc<str>>,
    /// Ids of teams, with the role there.
    pub teams: BTreeMap<Arc<str>, Arc<str>>,
}

/// What an object of the tree is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    Organization,
    Division,
    Team,
    Project,
    User,
    VirtualAccount,
    Role,
    Binding,
}

impl Kind {
    /// All of them, from the top down.
    pub const ALL: &'static [Self] = &[
        Self::Organization,
        Self::Division,
        Self::Team,
        Self::Project,
        Self::User,
        Self::VirtualAccount,
        Self::Role,
        Self::Binding,
    ];

    /// The word in settings and messages.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Organization => "organization",
            Self::Division => "division",
            Self::Team => "team",
            Self::Project => "project",
            Self::User => "user",
            Self::VirtualAccount => "virtual_account",
            Self::Role => "role",
            Self::Binding => "binding",
        }
    }

    /// The setting that lists all of the kind.
    #[must_use]
    pub fn plural(self) -> &'static str {
        match self {
            Self::Organization => "organizations",
            Self::Division => "divisions",
            Self::Team => "teams",
            Self::Project => "projects",
            Self::User => "users",
            Self::VirtualAccount => "virtual_accounts",
            Self::Role => "roles",
            Self::Binding => "bindings",
        }
    }
}

/// Something that is wrong with an object, which is therefore left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flaw {
    pub fault: Fault,
    pub kind: Kind,
    pub id: String,
    /// The setting of the object; empty for its id.
    pub field: String,
    pub message: String,
    pub fix: String,
    pub origin: Origin,
}

impl Directory {
    /// Compiles the tree of a file and of the database.
    #[must_use]
    pub fn new(file: Arc<RawDirectory>, stored: Arc<RawDirectory>) -> (Self, Vec<Flaw>) {
        build::build(file, stored)
    }

    /// The tree with other stored objects.
    #[must_use]
    pub fn with_stored(&self, stored: Arc<RawDirectory>) -> (Self, Vec<Flaw>) {
        Self::new(self.file.clone(), stored)
    }

    /// What the file declares.
    #[must_use]
    pub fn file(&self) -> &Arc<RawDirectory> {
        &self.file
    }

    /// What the database holds.
    #[must_use]
    pub fn stored(&self) -> &Arc<RawDirectory> {
        &self.stored
    }

    /// The place with this id. People are found by [`Directory::user`].
    #[must_use]
    pub fn find(&self, kind: Kind, id: &str) -> Option<&Arc<Place>> {
        self.places(kind)?.get(id)
    }

    /// The binding with this id.
    #[must_use]
    pub fn binding(&self, id: &str) -> Option<&Binding> {
        self.bindings.get(id)
    }

    #[must_use]
    pub fn user(&self, id: &str) -> Option<&Arc<User>> {
        self.users.get(id)
    }

    /// The person with this id or e-mail address.
    #[must_use]
    pub fn user_called(&self, name: &str) -> Option<&Arc<User>> {
        let has_address = |user: &&Arc<User>| user.email.as_deref().is_some_and(|email| name.to_lowercase() == email);
        self.users.get(name).or_else(|| self.users.values().find(has_address))
    }

    /// The id that was probably meant.
    #[must_use]
    pub fn closest(&self, kind: Kind, id: &str) -> Option<&str> {
        match kind {
            Kind::User => closest(id, self.users.keys().map(|id| &**id)),
            _ => closest(id, self.places(kind)?.keys().map(|id| &**id)),
        }
    }

    fn places_mut(&mut self, kind: Kind) -> Option<&mut Places> {
        match kind {
            Kind::Organization => Some(&mut self.organizations),
            Kind::Division => Some(&mut self.divisions),
            Kind::Team => Some(&mut self.teams),
            Kind::Project => Some(&mut self.projects),
            Kind::VirtualAccount => Some(&mut self.virtual_accounts),
            Kind::User | Kind::Role | Kind::Binding => None,
        }
    }

    fn places(&self, kind: Kind) -> Option<&Places> {
        match kind {
            Kind::Organization => Some(&self.organizations),
            Kind::Division => Some(&self.divisions),
            Kind::Team => Some(&self.teams),
            Kind::Project => Some(&self.projects),
            Kind::VirtualAccount => Some(&self.virtual_accounts),
            Kind::User | Kind::Role | Kind::Binding => None,
        }
    }
}

/// Whether a text can be an id of the tree.
#[must_use]
pub fn is_id(text: &str) -> bool {
    let ordinary = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit();
    let bytes = text.as_bytes();
    (1..=MOST_ID).contains(&bytes.len())
        && bytes.first().is_some_and(|c| ordinary(*c))
        && bytes.iter().all(|c| ordinary(*c) || b"-._@+".contains(c))
}

/// Bytes of an id: as long as most addresses of people.
const MOST_ID: usize = 128;
