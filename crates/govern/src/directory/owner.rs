//! To whom a key belongs, and the place that this gives its holder.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{Directory, Kind, Place, User};
use crate::{
    Principal,
    access::Boundary,
    key::{KeyRule, Origin},
    principal::DEFAULT_ORGANIZATION,
};

/// To whom a key belongs, by ids. Empty: directly to the organization `default`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Owner {
    /// A person: the key ends with them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// A service.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub virtual_account: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub project: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub team: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub organization: Option<String>,
}

/// An owner that makes no sense in the tree.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct BadOwner {
    /// `user`, `virtual_account`, `project`, `team` or `organization`.
    pub field: &'static str,
    pub message: String,
    /// The one that was named is not there at all.
    pub unknown: Option<(Kind, String)>,
}

impl Owner {
    /// Whether nothing is named.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl Directory {
    /// The place of whoever holds a key of this owner.
    ///
    /// # Errors
    /// Something that is named does not exist, two of them contradict each other, or the person is not in the team.
    pub fn place(&self, owner: &Owner) -> Result<Arc<Place>, BadOwner> {
        if let (Some(_), Some(_)) = (&owner.user, &owner.virtual_account) {
            return Err(contradiction("virtual_account", "a key belongs to a user or a virtual account, not to both"));
        }
        let place = match (&owner.user, &owner.virtual_account) {
            (Some(user), _) => {
                let user = self.users.get(user.as_str()).ok_or_else(|| unknown(Kind::User, user))?;
                Arc::new(self.personal(user, owner)?)
            }
            (_, Some(account)) => {
                let account = self.named(Kind::VirtualAccount, account)?;
                match self.level(owner)? {
                    Some((field, level)) => Arc::new(within(account, level, field)?),
                    None => account.clone(),
                }
            }
            (None, None) => match self.level(owner)? {
                Some((_, level)) => level.clone(),
                None => self.named(Kind::Organization, DEFAULT_ORGANIZATION)?.clone(),
            },
        };
        agree("team", owner.team.as_deref(), place.principal.team.as_deref())?;
        agree("organization", owner.organization.as_deref(), Some(&*place.principal.organization))?;
        Ok(place)
    }

    /// The key with its place in the tree. One whose owner is gone or disabled is disabled.
    #[must_use]
    pub fn settle(&self, mut key: KeyRule) -> KeyRule {
        match self.place(&key.owner) {
            Ok(place) => {
                key.principal = place.principal.clone();
                key.disabled |= place.disabled;
                key.bounds = place.bounds.as_slice().into();
            }
            Err(_) => key.disabled = true,
        }
        key
    }

    fn named(&self, kind: Kind, id: &str) -> Result<&Arc<Place>, BadOwner> {
        self.find(kind, id).ok_or_else(|| unknown(kind, id))
    }

    /// The lowest level that is named.
    fn level(&self, owner: &Owner) -> Result<Option<(&'static str, &Arc<Place>)>, BadOwner> {
        let named =
            [(Kind::Project, &owner.project), (Kind::Team, &owner.team), (Kind::Organization, &owner.organization)];
        let mut lowest = None;
        for (kind, id) in named {
            if let Some(id) = id {
                // What stands above the lowest is looked up too: a slip of the pen is told, not passed over.
                let place = self.named(kind, id)?;
                lowest = lowest.or(Some((kind.as_str(), place)));
            }
        }
        Ok(lowest)
    }

    /// A person's place: the project or team that the key names, else the one team that they are in.
    fn personal(&self, user: &User, owner: &Owner) -> Result<Place, BadOwner> {
        let level = match self.level(owner)? {
            Some((field @ ("project" | "team"), level)) => {
                let team = level.principal.team.as_deref();
                if team.is_some_and(|team| !user.teams.contains_key(team)) {
                    let team = team.unwrap_or_default();
                    let which = if field == "project" { ", to which the project belongs" } else { "" };
                    let message = format!("user `{}` is not in team `{team}`{which}", user.id);
                    return Err(contradiction(field, message));
                }
                Some((field, level))
            }
            Some(_) => None,
            None => None,
        };
        let only_team = || match user.teams.len() {
            1 => user.teams.keys().next().and_then(|team| self.teams.get(team)),
            _ => None,
        };
        match (level, only_team()) {
            (Some((field, level)), _) => within(&user.place, level, field),
            (None, Some(team)) => within(&user.place, team, "team"),
            (None, None) => Ok(user.place.clone()),
        }
    }
}

/// Somebody at a level: both must belong to the same, as far as both say so.
fn within(who: &Place, level: &Place, field: &'static str) -> Result<Place, BadOwner> {
    let (mine, theirs) = (&who.principal, &level.principal);
    let differs = |mine: &Option<Arc<str>>, theirs: &Option<Arc<str>>| mine.is_some() && mine != theirs;
    let apart = mine.organization != theirs.organization
        || differs(&mine.division, &theirs.division)
        || differs(&mine.team, &theirs.team)
        || differs(&mine.project, &theirs.project);
    if apart {
        let (kind, id) = match (&mine.user, &mine.virtual_account) {
            (Some(user), _) => (Kind::User, user),
            (_, Some(account)) => (Kind::VirtualAccount, account),
            _ => (Kind::Organization, &mine.organization),
        };
        let message = format!("{} `{id}` belongs elsewhere than the {field}", kind.as_str());
        return Err(contradiction(field, message));
    }
    let principal = Principal {
        user: mine.user.clone(),
        virtual_account: mine.virtual_account.clone(),
        ..Principal::clone(theirs)
    };
    Ok(Place {
        principal: Arc::new(principal),
        name: who.name.clone(),
        disabled: who.disabled || level.disabled,
        bounds: both(&who.bounds, &level.bounds),
        origin: if who.origin == Origin::File { level.origin } else { who.origin },
    })
}

/// What either is bound by; what they have in common once.
fn both(mine: &[Arc<Boundary>], theirs: &[Arc<Boundary>]) -> Vec<Arc<Boundary>> {
    let own = mine.iter().filter(|bound| !theirs.contains(bound));
    own.chain(theirs).cloned().collect()
}

/// What is named besides the lowest level must be what that belongs to.
fn agree(field: &'static str, named: Option<&str>, is: Option<&str>) -> Result<(), BadOwner> {
    match named {
        Some(named) if is != Some(named) => {
            let message = match is {
                Some(is) => format!("what is named besides belongs to {field} `{is}`, not to `{named}`"),
                None => format!("what is named besides belongs to no {field}"),
            };
            Err(contradiction(field, message))
        }
        _ => Ok(()),
    }
}

fn unknown(kind: Kind, id: &str) -> BadOwner {
    let message = format!("there is no {} `{id}`", kind.as_str().replace('_', " "));
    BadOwner { field: kind.as_str(), message, unknown: Some((kind, id.to_owned())) }
}

fn contradiction(field: &'static str, message: impl Into<String>) -> BadOwner {
    BadOwner { field, message: message.into(), unknown: None }
}
