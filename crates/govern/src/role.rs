//! What people may do to the gateway itself: permissions, the roles that bundle them, and who holds which where.
//!
//! A right is a permission at a scope. It is given by a binding, or by the role that a person has in a team. Nobody can
//! give what they do not hold ([`Powers::cover`]), and what stands outside of everything that one may read does not
//! exist for one ([`Powers::judge`]).

use std::sync::Arc;

use crate::{Directory, Principal, directory::Kind, key::Origin};

/// Lists the permissions: variant, name, whether it only reads, meaning.
macro_rules! permissions {
    ($($variant:ident $name:literal $reads:literal $meaning:literal;)+) => {
        /// Something that a route of the admin API asks for. The list is closed: a route without one cannot be written.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Permission { $(#[doc = $meaning] $variant),+ }

        impl Permission {
            /// All of them, in the order of the documentation.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The name in settings and answers.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $name),+ }
            }

            /// One sentence for the documentation.
            #[must_use]
            pub fn meaning(self) -> &'static str {
                match self { $(Self::$variant => $meaning),+ }
            }

            /// It changes nothing.
            #[must_use]
            pub fn reads(self) -> bool {
                match self { $(Self::$variant => $reads),+ }
            }
        }
    };
}

permissions! {
    TreeRead     "tree.read"     true  "See organizations, divisions, teams, projects and virtual accounts.";
    TreeWrite    "tree.write"    false "Make, change and delete what stands below the scope: divisions, teams, projects, virtual accounts.";
    TenantsWrite "tenants.write" false "Make, change and delete organizations.";
    UsersRead    "users.read"    true  "See people.";
    UsersWrite   "users.write"   false "Make, change and delete people, and say which teams they are in.";
    RolesRead    "roles.read"    true  "See roles and bindings.";
    RolesWrite   "roles.write"   false "Make, change and delete roles and bindings, as far as one's own rights go.";
    KeysRead     "keys.read"     true  "See keys, without their secrets, and what they may do.";
    KeysWrite    "keys.write"    false "Make, rotate, disable and delete keys of whatever stands in the scope.";
    KeysOwn      "keys.own"      false "Make, rotate, disable and delete one's own keys.";
    RecordsRead  "records.read"  true  "See records of requests.";
    AuditRead    "audit.read"    true  "See who changed what.";
    SpendRead    "spend.read"    true  "See prices and what was spent.";
    SpendWrite   "spend.write"   false "Price records anew.";
}

/// A set of permissions.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Permissions(u32);

impl Permissions {
    #[must_use]
    pub fn of(list: &[Permission]) -> Self {
        Self(list.iter().fold(0, |set, permission| set | 1 << *permission as u32))
    }

    #[must_use]
    pub fn all() -> Self {
        Self::of(Permission::ALL)
    }

    #[must_use]
    pub fn has(self, permission: Permission) -> bool {
        self.0 & 1 << permission as u32 != 0
    }

    /// Those of either.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Those that are not in `other`.
    #[must_use]
    pub fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    #[must_use]
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    pub fn iter(self) -> impl Iterator<Item = Permission> {
        Permission::ALL.iter().copied().filter(move |permission| self.has(*permission))
    }
}

/// The roles that are always there: name, permissions.
pub const BUILT_IN: &[(&str, &str)] = &[
    ("owner", "Everything."),
    ("admin", "Everything but organizations."),
    ("auditor", "Sees everything, changes nothing."),
    ("billing", "Sees records and spend, and prices records anew."),
    ("team_admin", "Runs what stands below a team: projects, virtual accounts, keys, and who may do what there."),
    ("developer", "Makes keys for themselves; sees the team's records."),
    ("viewer", "Sees the tree, records and spend."),
];

/// The permissions of a role that is always there.
#[must_use]
pub fn built_in(role: &str) -> Option<Permissions> {
    use Permission::{
        KeysOwn, KeysRead, KeysWrite, RecordsRead, RolesRead, RolesWrite, SpendRead, SpendWrite, TenantsWrite,
        TreeRead, TreeWrite, UsersRead,
    };
    let readers: Vec<_> = Permission::ALL.iter().copied().filter(|permission| permission.reads()).collect();
    Some(match role {
        "owner" => Permissions::all(),
        "admin" => Permissions::all().without(Permissions::of(&[TenantsWrite])),
        "auditor" => Permissions::of(&readers),
        "billing" => Permissions::of(&[TreeRead, RecordsRead, SpendRead, SpendWrite]),
        "team_admin" => Permissions::of(&[
            TreeRead,
            TreeWrite,
            UsersRead,
            RolesRead,
            RolesWrite,
            KeysRead,
            KeysWrite,
            KeysOwn,
            RecordsRead,
            SpendRead,
        ]),
        "developer" => Permissions::of(&[TreeRead, KeysRead, KeysOwn, RecordsRead, SpendRead]),
        "viewer" => Permissions::of(&[TreeRead, RecordsRead, SpendRead]),
        _ => return None,
    })
}

/// Where a permission holds: a level and all below it. `None`: the whole installation, over all organizations.
pub type Scope = Option<(Kind, Arc<str>)>;

/// Whether a place lies in a scope.
#[must_use]
pub fn covers(scope: &Scope, place: &Principal) -> bool {
    let Some((kind, id)) = scope else { return true };
    let at = match kind {
        Kind::Organization => Some(&place.organization),
        Kind::Division => place.division.as_ref(),
        Kind::Team => place.team.as_ref(),
        Kind::Project => place.project.as_ref(),
        Kind::User => place.user.as_ref(),
        Kind::VirtualAccount => place.virtual_account.as_ref(),
        Kind::Role | Kind::Binding => None,
    };
    at == Some(id)
}

/// All that somebody may do, and where.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Powers(pub Vec<(Scope, Permissions)>);

/// The answer to a wish.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    Allowed,
    /// They may know that it is there, and may not do this.
    Forbidden,
    /// For them it is not there.
    Hidden,
}

impl Powers {
    /// Everything, everywhere.
    #[must_use]
    pub fn unbounded() -> Self {
        Self(vec![(None, Permissions::all())])
    }

    /// What holds at a place.
    #[must_use]
    pub fn at(&self, place: &Principal) -> Permissions {
        let held = self.0.iter().filter(|(scope, _)| covers(scope, place));
        held.fold(Permissions::default(), |all, (_, more)| all.and(*more))
    }

    /// What holds for the whole installation.
    #[must_use]
    pub fn everywhere(&self) -> Permissions {
        let held = self.0.iter().filter(|(scope, _)| scope.is_none());
        held.fold(Permissions::default(), |all, (_, more)| all.and(*more))
    }

    /// Whether something at this place may be done; `None` is what belongs to no organization.
    #[must_use]
    pub fn judge(&self, permission: Permission, place: Option<&Principal>) -> Verdict {
        let held = match place {
            Some(place) => self.at(place),
            None => self.everywhere(),
        };
        match (held.has(permission), held.is_empty()) {
            (true, _) => Verdict::Allowed,
            (false, false) => Verdict::Forbidden,
            (false, true) => Verdict::Hidden,
        }
    }

    /// Whether this permission is held anywhere at all.
    #[must_use]
    pub fn anywhere(&self, permission: Permission) -> bool {
        self.0.iter().any(|(_, held)| held.has(permission))
    }

    /// What of `wanted` is not held at the scope: nobody gives what they do not have.
    #[must_use]
    pub fn missing(&self, wanted: Permissions, at: Option<&Principal>) -> Permissions {
        wanted.without(at.map_or_else(|| self.everywhere(), |place| self.at(place)))
    }
}

/// Who has which role where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Binding {
    /// [`Kind::User`] or [`Kind::VirtualAccount`], and its id.
    pub subject: (Kind, Arc<str>),
    pub role: Arc<str>,
    pub scope: Scope,
    pub origin: Origin,
}

impl Binding {
    fn is_of(&self, who: &Principal) -> bool {
        match self.subject.0 {
            Kind::User => who.user.as_ref() == Some(&self.subject.1),
            Kind::VirtualAccount => who.virtual_account.as_ref() == Some(&self.subject.1),
            _ => false,
        }
    }
}

impl Directory {
    /// The permissions of a role.
    #[must_use]
    pub fn role(&self, id: &str) -> Option<Permissions> {
        built_in(id).or_else(|| self.roles.get(id).copied())
    }

    /// All that the holder of a key may do: by bindings, and for a person by their roles in teams.
    #[must_use]
    pub fn powers(&self, who: &Principal) -> Powers {
        let mut powers = Vec::new();
        if let Some(user) = who.user.as_deref().and_then(|user| self.user(user)) {
            let roles = user.teams.iter().filter_map(|(team, role)| Some((team, self.role(role)?)));
            powers.extend(roles.map(|(team, role)| (Some((Kind::Team, team.clone())), role)));
        }
        let mine = self.bindings.values().filter(|binding| binding.is_of(who));
        powers.extend(mine.filter_map(|binding| Some((binding.scope.clone(), self.role(&binding.role)?))));
        Powers(powers)
    }
}
