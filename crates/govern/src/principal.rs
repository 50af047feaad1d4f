//! Who is calling: a place in the tree of the organization, as limits, access and chargeback see it.
//!
//! organization → division → team → project; a user or a virtual account (a service) acts in it, through a key or a token.
//! What is unknown is `None`: a key that belongs to nobody stands directly under the organization.

use std::{fmt::Write as _, sync::Arc};

use serde::{Deserialize, Serialize};

/// The organization of whatever names none.
pub const DEFAULT_ORGANIZATION: &str = "default";

/// The ids of everything that a caller belongs to. An id is unique among its kind.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Principal {
    /// The tenant: nothing is ever seen across it.
    pub organization: Arc<str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub division: Option<Arc<str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub team: Option<Arc<str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub project: Option<Arc<str>>,
    /// The person whose key or token it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<Arc<str>>,
    /// The service whose key or token it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub virtual_account: Option<Arc<str>>,
}

impl Default for Principal {
    fn default() -> Self {
        Self {
            organization: DEFAULT_ORGANIZATION.into(),
            division: None,
            team: None,
            project: None,
            user: None,
            virtual_account: None,
        }
    }
}

/// The letter of each level in a path. They are in databases and journals: never another meaning for one of them.
const LETTERS: [char; 6] = ['o', 'd', 't', 'p', 'u', 'v'];

impl Principal {
    /// The place as one text: `;o=default;t=research;u=ada;` names organization, team and user.
    #[must_use]
    pub fn to_path(&self) -> String {
        let Self { organization, division, team, project, user, virtual_account } = self;
        let below = [division, team, project, user, virtual_account].map(Option::as_ref);
        let ids = [Some(organization)].into_iter().chain(below);
        let mut path = String::with_capacity(48);
        path.push(';');
        for (letter, id) in LETTERS.into_iter().zip(ids) {
            if let Some(id) = id {
                step(&mut path, letter, id);
            }
        }
        path
    }

    /// The place that [`Principal::to_path`] wrote. Levels of a newer version are skipped.
    #[must_use]
    pub fn from_path(path: &str) -> Self {
        let mut principal = Self::default();
        for (level, id) in path.split(';').filter_map(|step| step.split_once('=')) {
            let id: Arc<str> = id.replace("%3B", ";").replace("%25", "%").into();
            match level {
                "o" => principal.organization = id,
                "d" => principal.division = Some(id),
                "t" => principal.team = Some(id),
                "p" => principal.project = Some(id),
                "u" => principal.user = Some(id),
                "v" => principal.virtual_account = Some(id),
                _ => {}
            }
        }
        principal
    }
}

/// Which places: every level that is set must be that one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PlaceFilter {
    pub organization: Option<String>,
    pub division: Option<String>,
    pub team: Option<String>,
    pub project: Option<String>,
    pub user: Option<String>,
    pub virtual_account: Option<String>,
}

impl PlaceFilter {
    /// The pieces that a path holds if it is one of these places, such as `;t=research;`.
    pub fn pieces(&self) -> impl Iterator<Item = String> {
        let Self { organization, division, team, project, user, virtual_account } = self;
        let ids = [organization, division, team, project, user, virtual_account];
        LETTERS.into_iter().zip(ids).filter_map(|(letter, id)| {
            let mut piece = String::from(";");
            step(&mut piece, letter, id.as_deref()?);
            Some(piece)
        })
    }
}

fn step(path: &mut String, letter: char, id: &str) {
    path.push(letter);
    path.push('=');
    // Ids of the tree are plain; one that an identity provider made up may be anything.
    for c in id.chars() {
        match c {
            '%' | ';' => _ = write!(path, "%{:02X}", u32::from(c)),
            c => path.push(c),
        }
    }
    path.push(';');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_comes_back_as_it_was() {
        let id = |text: &str| Some(Arc::<str>::from(text));
        let full = Principal {
            organization: "acme".into(),
            division: id("emea"),
            team: id("a;u=root;"),
            project: id("%3B=%"),
            user: id("ada@example.com"),
            virtual_account: id(""),
        };
        assert_eq!(Principal::from_path(&full.to_path()), full);
        assert_eq!(Principal::default().to_path(), ";o=default;");
        assert_eq!(Principal::from_path(";o=default;"), Principal::default());
        assert_eq!(Principal::from_path(";o=acme;x=new;").organization, "acme".into());
    }

    #[test]
    fn a_filter_is_pieces_of_the_path() {
        let ada = Principal { team: Some("a;b".into()), user: Some("ada".into()), ..Principal::default() };
        let holds = |filter: PlaceFilter| filter.pieces().all(|piece| ada.to_path().contains(&piece));
        let id = |id: &str| Some(id.to_owned());
        assert!(holds(PlaceFilter { team: id("a;b"), user: id("ada"), ..PlaceFilter::default() }));
        assert!(!holds(PlaceFilter { team: id("a"), ..PlaceFilter::default() }));
        assert!(!holds(PlaceFilter { team: id("ada"), ..PlaceFilter::default() }));
    }
}
