//! Which calls a limit counts, and for whom.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::Arc,
};

use llm::provider::Operation;

use crate::{Principal, access::Pattern, config::snapshot::Target, key::KeyRule};

/// A call, as far as limits tell calls apart.
#[derive(Debug, Clone, Copy)]
pub struct Subject<'a> {
    pub principal: &'a Principal,
    pub key: &'a KeyRule,
    /// The configured name that was asked for.
    pub route: &'a str,
    pub target: &'a Target,
    pub operation: Operation,
    /// As the caller names them.
    pub end_user: Option<&'a str>,
    /// As the caller names them.
    pub tags: &'a BTreeMap<String, String>,
}

/// Names of one kind; empty: nothing is said of it.
pub type Names = BTreeSet<Arc<str>>;

/// Conditions on a call. What is empty says nothing.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Scope {
    pub organizations: Names,
    pub divisions: Names,
    pub teams: Names,
    pub projects: Names,
    pub users: Names,
    pub virtual_accounts: Names,
    /// Ids or names of keys.
    pub keys: Names,
    /// Held against the name that was asked for, `account/model`, and the provider's own name for the model.
    pub models: Vec<Pattern>,
    /// Accounts, or kinds of provider.
    pub providers: Names,
    pub operations: Vec<Operation>,
    pub end_users: Names,
    pub metadata: BTreeMap<Arc<str>, Names>,
}

impl Scope {
    /// All that it says of callers holds.
    pub(super) fn admits_caller(&self, subject: &Subject<'_>) -> bool {
        self.of_caller(subject).into_iter().flatten().all(|holds| holds)
    }

    /// Some of what it says of callers holds.
    pub(super) fn names_caller(&self, subject: &Subject<'_>) -> bool {
        self.of_caller(subject).into_iter().flatten().any(|holds| holds)
    }

    pub(super) fn admits_target(&self, subject: &Subject<'_>) -> bool {
        let counting = subject.operation == Operation::CountTokens && self.operations.is_empty();
        !counting && self.of_target(subject).into_iter().flatten().all(|holds| holds)
    }

    pub(super) fn names_target(&self, subject: &Subject<'_>) -> bool {
        self.of_target(subject).into_iter().flatten().any(|holds| holds)
    }

    pub(super) fn admits_words(&self, subject: &Subject<'_>) -> bool {
        self.of_words(subject).all(|holds| holds)
    }

    pub(super) fn names_words(&self, subject: &Subject<'_>) -> bool {
        self.of_words(subject).any(|holds| holds)
    }

    pub(super) fn depends_on_words(&self) -> bool {
        !self.end_users.is_empty() || !self.metadata.is_empty()
    }

    /// Whether nothing is said.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    fn of_caller(&self, subject: &Subject<'_>) -> [Option<bool>; 7] {
        let Subject { principal, key, .. } = subject;
        [
            among(&self.organizations, Some(&principal.organization)),
            among(&self.divisions, principal.division.as_deref()),
            among(&self.teams, principal.team.as_deref()),
            among(&self.projects, principal.project.as_deref()),
            among(&self.users, principal.user.as_deref()),
            among(&self.virtual_accounts, principal.virtual_account.as_deref()),
            said(&self.keys, |names| names.contains(key.id.0.as_str()) || names.contains(key.name.as_str())),
        ]
    }

    fn of_target(&self, subject: &Subject<'_>) -> [Option<bool>; 3] {
        let Subject { route, target, operation, .. } = subject;
        let matches = |pattern: &Pattern| {
            [*route, &target.name, &target.model].into_iter().any(|name| pattern.captures(name).is_some())
        };
        let account = &target.account;
        [
            (!self.models.is_empty()).then(|| self.models.iter().any(matches)),
            said(&self.providers, |names| names.contains(&account.name) || names.contains(account.provider.id())),
            (!self.operations.is_empty()).then(|| self.operations.contains(operation)),
        ]
    }

    fn of_words(&self, subject: &Subject<'_>) -> impl Iterator<Item = bool> {
        let end_user = among(&self.end_users, subject.end_user);
        let tags = subject.tags;
        let metadata = self
            .metadata
            .iter()
            .map(move |(name, values)| tags.get(&**name).is_some_and(|value| values.contains(value.as_str())));
        end_user.into_iter().chain(metadata)
    }
}

fn said(names: &Names, holds: impl FnOnce(&Names) -> bool) -> Option<bool> {
    (!names.is_empty()).then(|| holds(names))
}

fn among(names: &Names, name: Option<&str>) -> Option<bool> {
    said(names, |names| name.is_some_and(|name| names.contains(name)))
}

/// What of a call can have a counter of its own.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Dimension {
    Organization,
    Division,
    Team,
    Project,
    User,
    VirtualAccount,
    Key,
    /// The model that answers, by the name that its account knows it by.
    Model,
    /// The account that answers.
    Provider,
    EndUser,
    Metadata(Arc<str>),
}

impl Dimension {
    /// All but the keys of metadata.
    pub const NAMED: &'static [Self] = &[
        Self::Organization,
        Self::Division,
        Self::Team,
        Self::Project,
        Self::User,
        Self::VirtualAccount,
        Self::Key,
        Self::Model,
        Self::Provider,
        Self::EndUser,
    ];

    /// `user`, `end_user`, `metadata.NAME`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        match text.strip_prefix("metadata.") {
            Some(name) => (!name.is_empty()).then(|| Self::Metadata(name.into())),
            None => Self::NAMED.iter().find(|named| named.to_string() == text).cloned(),
        }
    }

    /// Whether it is the caller who says it, call by call.
    #[must_use]
    pub const fn is_said(&self) -> bool {
        matches!(self, Self::EndUser | Self::Metadata(_))
    }

    /// Whether a call has it. What callers say of a call counts as said: whoever leaves it out shares a counter with all
    /// who do, and escapes nothing.
    pub(super) fn has(&self, subject: &Subject<'_>) -> bool {
        self.is_said() || self.value(subject).is_some()
    }

    fn value<'a>(&self, subject: &Subject<'a>) -> Option<&'a str> {
        let Subject { principal, .. } = subject;
        match self {
            Self::Organization => Some(&principal.organization),
            Self::Division => principal.division.as_deref(),
            Self::Team => principal.team.as_deref(),
            Self::Project => principal.project.as_deref(),
            Self::User => principal.user.as_deref(),
            Self::VirtualAccount => principal.virtual_account.as_deref(),
            Self::Key => Some(&subject.key.id.0),
            Self::Model => Some(subject.target.name.split_once('/').map_or(&*subject.target.name, |(_, model)| model)),
            Self::Provider => Some(&subject.target.account.name),
            Self::EndUser => subject.end_user,
            Self::Metadata(name) => subject.tags.get(&**name).map(String::as_str),
        }
    }
}

impl fmt::Display for Dimension {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Organization => "organization",
            Self::Division => "division",
            Self::Team => "team",
            Self::Project => "project",
            Self::User => "user",
            Self::VirtualAccount => "virtual_account",
            Self::Key => "key",
            Self::Model => "model",
            Self::Provider => "provider",
            Self::EndUser => "end_user",
            Self::Metadata(name) => return write!(f, "metadata.{name}"),
        })
    }
}

/// Whom a counter counts for: a value for each dimension of its limit.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Entity(Vec<(Dimension, Option<Arc<str>>)>);

impl Entity {
    /// The entity that a call is counted for.
    #[must_use]
    pub fn of(per: &[Dimension], subject: &Subject<'_>) -> Self {
        Self(per.iter().map(|dimension| (dimension.clone(), dimension.value(subject).map(Arc::from))).collect())
    }

    /// Whether all calls share it.
    #[must_use]
    pub fn is_everybody(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether it has all of these values.
    #[must_use]
    pub fn is(&self, named: &BTreeMap<Dimension, Arc<str>>) -> bool {
        named.iter().all(|(dimension, name)| {
            self.0.iter().any(|(own, value)| own == dimension && value.as_deref() == Some(&**name))
        })
    }
}

/// `user=alice,model=gpt-4o`. What would end a value is escaped, so that no two entities have one text.
impl fmt::Display for Entity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, (dimension, value)) in self.0.iter().enumerate() {
            let comma = if place > 0 { "," } else { "" };
            write!(f, "{comma}{dimension}")?;
            let Some(value) = value else { continue };
            f.write_str("=")?;
            for letter in value.chars() {
                match letter {
                    '%' | ',' | '=' | '/' => write!(f, "%{:02X}", u32::from(letter))?,
                    letter if letter.is_control() => write!(f, "%{:02X}", u32::from(letter))?,
                    letter => write!(f, "{letter}")?,
                }
            }
        }
        Ok(())
    }
}
