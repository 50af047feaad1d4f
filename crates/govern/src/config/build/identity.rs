//! Identity providers whose tokens are taken in place of keys.

use std::{collections::HashSet, path::PathBuf, sync::Arc, time::Duration};

use super::{At, Checking, Fault};
use crate::{
    access::Pattern,
    config::{
        quantity,
        raw::{Raw, RawIssuer, RawSubject, RawUnknown},
    },
    directory::{Directory, Owner},
    identity::{Algorithm, Issuer, KeysAt, KeysPlace, Path, Places, Subject},
};

/// Fetching more often than this tells nothing new and bothers the issuer.
const SHORTEST_REFRESH: Duration = Duration::from_secs(10);

/// Clocks that are further apart are wrong (RFC 7519 speaks of "no more than a few minutes").
const LONGEST_LEEWAY: Duration = Duration::from_secs(60);

impl Checking<'_> {
    pub(super) fn issuers(&mut self, raw: &Raw, directory: &Directory) -> Vec<Arc<Issuer>> {
        let mut names = HashSet::new();
        let mut good = Vec::new();
        for (at, issuer) in raw.identity.issuers.iter().enumerate() {
            let Some(issuer) = issuer else { continue };
            let path = format!("identity.issuers[{at}]");
            self.issuer_name(&issuer.name, &mut names, &format!("{path}.name"));
            if let Some(issuer) = self.issuer(issuer, (raw, directory), &path) {
                good.push(Arc::new(issuer));
            }
        }
        good
    }

    fn issuer(&mut self, issuer: &RawIssuer, (raw, directory): (&Raw, &Directory), path: &str) -> Option<Issuer> {
        let audience: Vec<String> = issuer.audience.iter().flatten().filter(|text| !text.is_empty()).cloned().collect();
        if audience.is_empty() {
            let message = "without `audience` tokens that were made for others would be taken";
            let fix = "name the audience that the issuer writes into tokens for this gateway";
            self.report.error(Fault::MissingField, At::Value(&format!("{path}.audience")), message, fix);
        }
        if issuer.models.is_none() && issuer.subjects.is_empty() {
            let message = "nobody could come in: the issuer has neither `subjects` nor `models`";
            let fix = "say what every bearer may call (`models: [\"*\"]`), or who is admitted (`subjects`)";
            self.report.error(Fault::MissingField, At::Value(path), message, fix);
        }
        let keys = self.keys_at(issuer, path)?;
        let models = issuer.models.as_ref().map(|_| self.allow_list(issuer.models.as_ref(), raw, path));
        let subjects = issuer.subjects.iter().enumerate().filter_map(|(at, subject)| {
            let subject = subject.as_ref()?;
            self.subject(subject, (raw, directory), &format!("{path}.subjects[{at}]"))
        });
        let subjects = subjects.collect();
        let algorithms = issuer
            .algorithms
            .as_ref()
            .map_or_else(|| Algorithm::ALL.to_vec(), |algorithms| algorithms.iter().flatten().copied().collect());
        Some(Issuer {
            name: issuer.name.as_str().into(),
            issuer: issuer.issuer.clone(),
            audience,
            algorithms,
            keys: Arc::new(keys),
            leeway: self.leeway(issuer, path),
            places: self.places(issuer, path),
            unknown_users: matches!(issuer.unknown_users, Some(RawUnknown::Admit)),
            models,
            subjects,
        })
    }

    fn keys_at(&mut self, issuer: &RawIssuer, path: &str) -> Option<KeysAt> {
        let (text, at) = match &issuer.jwks_url {
            Some(url) => (url, format!("{path}.jwks_url")),
            None => (&issuer.issuer, format!("{path}.issuer")),
        };
        let url = match quantity::url(text) {
            Ok(url) => url,
            Err(why) => {
                let fix =
                    "write an address such as `https://login.example.com`; of an issuer that is none, give `jwks_url`";
                self.report.error(Fault::BadUrl, At::Value(&at), format!("`{text}` is no address: {why}"), fix);
                return None;
            }
        };
        if !url.secure && !url.loopback {
            let message = "keys that come without encryption can be anybody's";
            self.report.error(Fault::PlainHttp, At::Value(&at), message, "use `https://`");
            return None;
        }
        let place = match issuer.jwks_url {
            Some(_) => KeysPlace::At(url.text.to_owned()),
            None => KeysPlace::Discovered(issuer.issuer.clone()),
        };
        let refresh_at = format!("{path}.refresh");
        let refresh = self.duration(issuer.refresh.as_ref(), &refresh_at, Duration::from_secs(600));
        if refresh < SHORTEST_REFRESH {
            let fix = "write at least `10s`";
            self.report.error(Fault::OutOfRange, At::Value(&refresh_at), "keys are fetched too often", fix);
        }
        let max_stale_at = format!("{path}.max_stale");
        let max_stale = self.duration(issuer.max_stale.as_ref(), &max_stale_at, Duration::from_secs(86_400));
        if max_stale < refresh {
            let message = "`max_stale` is shorter than `refresh`: keys would end before they are fetched again";
            self.report.error(Fault::OutOfRange, At::Value(&max_stale_at), message, "raise it");
        }
        let (ca_file, token_file) = (issuer.ca_file.as_ref(), issuer.token_file.as_ref());
        Some(KeysAt {
            place,
            ca_file: ca_file.map(PathBuf::from),
            token_file: token_file.map(PathBuf::from),
            refresh,
            max_stale,
        })
    }

    fn leeway(&mut self, issuer: &RawIssuer, path: &str) -> Duration {
        let at = format!("{path}.leeway");
        let leeway = self.pause(issuer.leeway.as_ref(), &at, Duration::from_secs(30));
        if leeway > LONGEST_LEEWAY {
            let message = "tokens would be taken for too long after their end";
            self.report.error(Fault::OutOfRange, At::Value(&at), message, "write at most `60s`, and set the clocks");
        }
        leeway
    }

    fn places(&mut self, issuer: &RawIssuer, path: &str) -> Places {
        let mut place = |name: &str, claim: &Option<String>| {
            let claim = claim.as_deref()?;
            self.claim(claim, &format!("{path}.claims.{name}"))
        };
        let claims = &issuer.claims;
        Places {
            name: place("name", &claims.name),
            user: place("user", &claims.user),
            virtual_account: place("virtual_account", &claims.virtual_account),
            project: place("project", &claims.project),
            team: place("team", &claims.team),
            organization: place("organization", &claims.organization),
        }
    }

    fn claim(&mut self, claim: &str, path: &str) -> Option<Path> {
        if claim.trim().is_empty() || claim == "/" {
            let fix =
                "write the name of a claim, such as `email`, or a JSON pointer, such as `/kubernetes.io/namespace`";
            self.report.error(Fault::BadName, At::Value(path), "the name of a claim is empty", fix);
            return None;
        }
        Some(Path(claim.to_owned()))
    }

    fn subject(&mut self, subject: &RawSubject, (raw, directory): (&Raw, &Directory), path: &str) -> Option<Subject> {
        let at = format!("{path}.match");
        if subject.matching.is_empty() {
            let message = "a subject without `match` would be everybody";
            let fix =
                "write what claims must be, such as `match: { sub: \"repo:acme/app:*\" }`; for everybody, use `models`";
            self.report.error(Fault::MissingField, At::Value(&at), message, fix);
            return None;
        }
        let mut matching = Vec::new();
        for (claim, pattern) in &subject.matching {
            let at = format!("{at}.{claim}");
            let path = self.claim(claim, &at);
            match Pattern::new(pattern.as_str()) {
                Ok(pattern) if !pattern.text.is_empty() => matching.extend(path.map(|path| (path, vec![pattern]))),
                _ => {
                    let fix = "write the claim's value, or a pattern with one `*`";
                    self.report.error(Fault::BadName, At::Value(&at), format!("`{pattern}` is no pattern"), fix);
                }
            }
        }
        let owner = Owner {
            user: subject.user.clone(),
            virtual_account: subject.virtual_account.clone(),
            project: subject.project.clone(),
            team: subject.team.clone(),
            organization: subject.organization.clone(),
        };
        if let Err(bad) = directory.place(&owner) {
            let fault = if bad.unknown.is_some() { Fault::UnknownReference } else { Fault::Contradiction };
            let fix = "name what the file declares; people and services belong to one place";
            self.report.error(fault, At::Value(&format!("{path}.{}", bad.field)), bad.message, fix);
        }
        let models = self.allow_list(subject.models.as_ref(), raw, path);
        (matching.len() == subject.matching.len()).then_some(Subject { matching, owner, models })
    }

    fn issuer_name<'n>(&mut self, name: &'n str, names: &mut HashSet<&'n str>, path: &str) {
        let good = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_';
        if name.is_empty() || name.len() > 64 || !name.chars().all(good) {
            let fix = "write lower-case letters, digits, `-` and `_`, at most 64";
            self.report.error(Fault::BadName, At::Value(path), format!("`{name}` is no name for an issuer"), fix);
        } else if !names.insert(name) {
            let fix = "give each issuer its own name";
            self.report.error(Fault::Duplicate, At::Value(path), format!("two issuers are called `{name}`"), fix);
        }
    }
}
