//! Tokens of identity providers in place of keys: whose are taken, and what their claims say about a caller.
//!
//! A token is a JWT ([RFC 7519](https://www.rfc-editor.org/rfc/rfc7519)): a user's from a sign-in, or a workload's own, such
//! as those of Kubernetes service accounts and of GitHub Actions. The signature is the data plane's business; here is what
//! the claims must be, and whom they make of the bearer.

mod claims;

use std::{path::PathBuf, sync::Arc, time::Duration};

use schemars::JsonSchema;
use serde::Deserialize;

use crate::{
    Principal,
    access::Pattern,
    directory::{Directory, Kind, Owner},
    key::{KeyId, KeyRule},
};

pub use claims::{Claims, Path, Unfit};

/// An identity provider whose tokens are taken.
#[derive(Debug, Clone, PartialEq)]
pub struct Issuer {
    /// For people; the first part of the ids of its bearers.
    pub name: Arc<str>,
    /// The `iss` of its tokens, to the letter.
    pub issuer: String,
    /// A token must be meant for one of them: its `aud`. Never empty.
    pub audience: Vec<String>,
    /// What its signatures may be made with. Never empty.
    pub algorithms: Vec<Algorithm>,
    pub keys: Arc<KeysAt>,
    /// How far its clock may be from ours.
    pub leeway: Duration,
    pub places: Places,
    /// Whether a user whom the directory does not know comes in, under the name that the claim says.
    pub unknown_users: bool,
    /// What a bearer may call whom none of `subjects` matches; `None`: such a token is refused.
    pub models: Option<Vec<String>>,
    /// The first that matches decides.
    pub subjects: Vec<Subject>,
}

/// Where the keys of an issuer are found, and how long they count.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct KeysAt {
    /// The address of the key set, or of the issuer, which tells where it is (OpenID Connect Discovery 1.0).
    pub place: KeysPlace,
    /// A PEM file with further certificate authorities.
    pub ca_file: Option<PathBuf>,
    /// A file with a bearer token that is shown when the keys are fetched.
    pub token_file: Option<PathBuf>,
    /// How often they are fetched.
    pub refresh: Duration,
    /// How long they count if they cannot be fetched.
    pub max_stale: Duration,
}

/// The address of a key set.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum KeysPlace {
    /// At this address.
    At(String),
    /// Where the issuer with this address says.
    Discovered(String),
}

/// A signature algorithm of RFC 7518 or RFC 8037. Those with a shared secret are not among them: whoever can check such a
/// signature can make one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize, JsonSchema)]
pub enum Algorithm {
    RS256,
    RS384,
    RS512,
    PS256,
    PS384,
    PS512,
    ES256,
    ES384,
    EdDSA,
}

impl Algorithm {
    pub const ALL: &'static [Self] = &[
        Self::RS256,
        Self::RS384,
        Self::RS512,
        Self::PS256,
        Self::PS384,
        Self::PS512,
        Self::ES256,
        Self::ES384,
        Self::EdDSA,
    ];
}

/// Which claims say where a bearer belongs.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Places {
    pub name: Option<Path>,
    pub user: Option<Path>,
    pub virtual_account: Option<Path>,
    pub project: Option<Path>,
    pub team: Option<Path>,
    pub organization: Option<Path>,
}

/// Bearers who are alike: what their claims must be, and what they are then.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Subject {
    /// All of these claims must match, each by one of its patterns. Never empty.
    pub matching: Vec<(Path, Vec<Pattern>)>,
    /// What it says goes before the claims.
    pub owner: Owner,
    pub models: Vec<String>,
}

/// Someone whose token is good.
#[derive(Debug, Clone, PartialEq)]
pub struct Bearer {
    /// What takes the part of the key: its id is `ISSUER:SUBJECT`, which no key's id can be.
    pub key: KeyRule,
    /// Microseconds since 1970 from which the token is refused.
    pub until: i64,
}

impl Issuer {
    /// Who the bearer is, by claims that are signed, and where they belong. `now`: microseconds since 1970.
    ///
    /// # Errors
    /// The token is not for here, not for now, nobody is admitted by such claims, or whom they name is not known or disabled.
    pub fn bearer(&self, claims: &Claims, directory: &Directory, now: i64) -> Result<Bearer, Unfit> {
        let until = claims.valid(self, now)?;
        let subject = claims.subject()?;
        let matched = self.subjects.iter().find(|subject| subject.matches(claims));
        let (said, models) = match (matched, &self.models) {
            (Some(subject), _) => (subject.owner.clone(), subject.models.clone()),
            (None, Some(models)) => (Owner::default(), models.clone()),
            (None, None) => return Err(Unfit::NotAdmitted),
        };
        let (owner, stranger) = self.owner(claims, said, directory)?;
        let name = match &self.places.name {
            Some(path) => claims.text(path)?,
            None => claims.usual_name(),
        };
        let name = name.unwrap_or(subject).to_owned();
        let place = directory.place(&owner).map_err(|bad| Unfit::Owner(bad.message))?;
        if place.disabled {
            return Err(Unfit::Disabled);
        }
        let id = KeyId(format!("{}:{subject}", self.name));
        let mut key = directory.settle(KeyRule::of_bearer(id, name, owner, models));
        if stranger.is_some() {
            key.principal = Arc::new(Principal { user: stranger, ..Principal::clone(&key.principal) });
        }
        Ok(Bearer { key, until })
    }

    /// To whom the bearer belongs, and the name of a user whom the directory does not know.
    fn owner(&self, claims: &Claims, said: Owner, directory: &Directory) -> Result<(Owner, Option<Arc<str>>), Unfit> {
        let of = |said: Option<String>, path: &Option<Path>| match (said, path) {
            (Some(said), _) => Ok(Some(said)),
            (None, Some(path)) => Ok(claims.text(path)?.map(str::to_owned)),
            (None, None) => Ok(None),
        };
        let places = &self.places;
        let named = of(said.user, &places.user)?;
        let user = named.as_deref().and_then(|name| directory.user_called(name));
        let stranger = named.as_deref().filter(|_| user.is_none() && self.unknown_users).map(Arc::from);
        let virtual_account = of(said.virtual_account, &places.virtual_account)?;
        // Whoever is in several groups of the provider's belongs to the first that is a team here, and theirs.
        let is_team = |team: &str| match user {
            Some(user) => user.teams.contains_key(team),
            None => directory.find(Kind::Team, team).is_some(),
        };
        let team = match (said.team, &places.team) {
            (Some(said), _) => Some(said),
            (None, Some(path)) if virtual_account.is_none() => {
                claims.texts(path).find(|team| is_team(team)).map(str::to_owned)
            }
            (None, _) => None,
        };
        let owner = Owner {
            user: user.map(|user| user.id.to_string()).or(named.filter(|_| stranger.is_none())),
            virtual_account,
            project: of(said.project, &places.project)?,
            team,
            organization: of(said.organization, &places.organization)?,
        };
        Ok((owner, stranger))
    }
}

impl Subject {
    fn matches(&self, claims: &Claims) -> bool {
        self.matching.iter().all(|(path, patterns)| {
            claims.texts(path).any(|text| patterns.iter().any(|pattern| pattern.captures(text).is_some()))
        })
    }
}

#[cfg(test)]
mod tests;
