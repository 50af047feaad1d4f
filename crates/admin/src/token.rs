//! The admin token: one secret that may do everything, for the first steps and for emergencies.

use std::path::Path;

use store::secret::Secret;
use subtle::ConstantTimeEq;

/// The admin token. Cannot be printed.
#[derive(Debug, Clone)]
pub struct Token(Secret);

impl Token {
    /// The token in `<data_dir>/admin_token`, made if there is none.
    ///
    /// # Errors
    /// The file cannot be read or written, or holds something else.
    pub fn open(data_dir: &Path) -> Result<Self, store::Error> {
        Secret::open(data_dir, "admin_token").map(Self)
    }

    /// The token's text.
    #[must_use]
    pub fn expose(&self) -> zeroize::Zeroizing<String> {
        self.0.to_hex()
    }

    pub(crate) fn is(&self, shown: &str) -> bool {
        self.expose().as_bytes().ct_eq(shown.as_bytes()).into()
    }
}
