//! The claims of a token, and what makes them unfit.

use serde_json::{Map, Value};

use super::Issuer;

/// Longer than the subject of any provider (RFC 7519 leaves it open, OpenID Connect says 255).
const MOST_CHARACTERS: usize = 256;

/// What a token says. Whether it may be believed is not known here.
#[derive(Debug, Clone, PartialEq)]
pub struct Claims(Map<String, Value>);

/// Where a claim is: a name of the top level, or a JSON pointer (`/kubernetes.io/namespace`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Path(pub String);

/// Why a token lets nobody in. For the log: callers are told one thing for all of them.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    #[error("the claims are no JSON object")]
    NotClaims,
    #[error("the issuer is another")]
    Issuer,
    #[error("it is meant for somebody else: `aud` names none of `audience`")]
    Audience,
    #[error("`{0}` is missing or no number")]
    NoTime(&'static str),
    #[error("it has expired")]
    Expired,
    #[error("it is not valid yet")]
    NotYet,
    #[error("it tells of an event (`events`) and is no credential")]
    Notice,
    #[error("`sub` is missing, empty, longer than 256 characters or has control characters")]
    Subject,
    #[error("the claim `{0}` is no plain text of at most 256 characters")]
    Claim(String),
    #[error("`email_verified` is false")]
    UnverifiedEmail,
    #[error("it names an owner who makes no sense here: {0}")]
    Owner(String),
    #[error("whom it names is disabled")]
    Disabled,
    #[error("none of `subjects` matches, and the issuer has no `models` for others")]
    NotAdmitted,
}

impl Claims {
    /// Reads the payload of a token.
    ///
    /// # Errors
    /// It is no JSON object.
    pub fn read(json: &[u8]) -> Result<Self, Unfit> {
        serde_json::from_slice(json).map(Self).map_err(|_| Unfit::NotClaims)
    }

    /// Whether the token says that it is this issuer's, and meant for here. More than one entry may have the same issuer.
    #[must_use]
    pub fn are_of(&self, issuer: &Issuer) -> bool {
        self.0.get("iss").and_then(Value::as_str) == Some(&issuer.issuer) && self.is_meant_for(&issuer.audience)
    }

    /// Whether the token is this issuer's, for here and for now. `now`: microseconds since 1970. Returns from when on it is
    /// not.
    ///
    /// # Errors
    /// Why not.
    pub fn valid(&self, issuer: &Issuer, now: i64) -> Result<i64, Unfit> {
        if self.0.get("iss").and_then(Value::as_str) != Some(&issuer.issuer) {
            return Err(Unfit::Issuer);
        }
        if !self.is_meant_for(&issuer.audience) {
            return Err(Unfit::Audience);
        }
        if self.0.contains_key("events") {
            return Err(Unfit::Notice);
        }
        let leeway = i64::try_from(issuer.leeway.as_micros()).unwrap_or(i64::MAX);
        let until = self.time("exp")?.ok_or(Unfit::NoTime("exp"))?.saturating_add(leeway);
        if now >= until {
            return Err(Unfit::Expired);
        }
        if self.time("nbf")?.is_some_and(|from| now < from.saturating_sub(leeway)) {
            return Err(Unfit::NotYet);
        }
        Ok(until)
    }

    /// `sub`: whom the token is about.
    ///
    /// # Errors
    /// There is no plain text.
    pub fn subject(&self) -> Result<&str, Unfit> {
        self.0.get("sub").and_then(Value::as_str).filter(|text| is_plain(text)).ok_or(Unfit::Subject)
    }

    /// What a claim says: its text, or the first of its texts; `None` if it is not there.
    ///
    /// # Errors
    /// It says something else, or it is an e-mail address that the issuer has not verified: whoever may write any address
    /// into an account would become anybody.
    pub fn text(&self, path: &Path) -> Result<Option<&str>, Unfit> {
        let text = match self.get(path) {
            None | Some(Value::Null) => return Ok(None),
            Some(Value::Array(list)) if list.is_empty() => return Ok(None),
            Some(Value::Array(list)) => list.first().and_then(Value::as_str),
            Some(value) => value.as_str(),
        };
        let text = text.filter(|text| is_plain(text)).ok_or_else(|| Unfit::Claim(path.0.clone()))?;
        match self.is_unverified(path) {
            true => Err(Unfit::UnverifiedEmail),
            false => Ok(Some(text)),
        }
    }

    /// All texts that a claim says; none that the issuer has not verified.
    pub fn texts<'c>(&'c self, path: &Path) -> impl Iterator<Item = &'c str> {
        let value = self.get(path).filter(|_| !self.is_unverified(path));
        let list = value.and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        value.and_then(Value::as_str).into_iter().chain(list.iter().filter_map(Value::as_str))
    }

    /// What people call the bearer, where the issuer says so in the usual way.
    pub(super) fn usual_name(&self) -> Option<&str> {
        let text = |name: &str| self.0.get(name).and_then(Value::as_str).filter(|text| is_plain(text));
        text("preferred_username").or_else(|| text("email")).or_else(|| text("name"))
    }

    /// Some providers write their truth values as texts.
    fn is_unverified(&self, path: &Path) -> bool {
        let verified = self.0.get("email_verified");
        path.0 == "email" && verified.is_some_and(|word| *word == Value::Bool(false) || word.as_str() == Some("false"))
    }

    fn get(&self, Path(path): &Path) -> Option<&Value> {
        if !path.starts_with('/') {
            return self.0.get(path);
        }
        let mut steps = path.split('/').skip(1).map(|step| step.replace("~1", "/").replace("~0", "~"));
        let first = self.0.get(&steps.next()?)?;
        steps.try_fold(first, |value, step| value.get(&step))
    }

    /// `aud` is a text or a list of texts.
    fn is_meant_for(&self, audience: &[String]) -> bool {
        let is_ours = |text: &str| audience.iter().any(|ours| ours == text);
        match self.0.get("aud") {
            Some(Value::String(one)) => is_ours(one),
            Some(Value::Array(several)) => several.iter().filter_map(Value::as_str).any(is_ours),
            _ => false,
        }
    }

    /// A time of RFC 7519: seconds since 1970, as a number and nothing else. In microseconds.
    fn time(&self, name: &'static str) -> Result<Option<i64>, Unfit> {
        let Some(value) = self.0.get(name) else { return Ok(None) };
        if let Some(seconds) = value.as_i64() {
            return Ok(Some(seconds.saturating_mul(1_000_000)));
        }
        let seconds = value.as_f64().filter(|seconds| seconds.is_finite()).ok_or(Unfit::NoTime(name))?;
        #[expect(clippy::cast_possible_truncation, reason = "what is too large becomes the largest")]
        Ok(Some((seconds * 1e6) as i64))
    }
}

/// A text that may stand in ids, records and log lines.
fn is_plain(text: &str) -> bool {
    !text.trim().is_empty() && text.chars().count() <= MOST_CHARACTERS && !text.contains(char::is_control)
}
