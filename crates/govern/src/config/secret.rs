//! A text that nobody may see.

use std::fmt;

/// A credential. It cannot be printed, and it is erased from memory when it is dropped.
///
/// ```
/// let secret = govern::config::Secret::new("a credential");
/// assert_eq!(format!("{secret} {secret:?}"), "[secret] [secret]");
/// assert_eq!(secret.expose(), "a credential");
/// ```
///
/// It cannot be serialised either:
///
/// ```compile_fail,E0277
/// let secret = govern::config::Secret::new("a credential");
/// serde_json::to_string(&secret);
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(zeroize::Zeroizing<String>);

impl Secret {
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(zeroize::Zeroizing::new(text.into()))
    }

    /// The text itself, for the one place that sends it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl<'de> serde::Deserialize<'de> for Secret {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self::new)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}
