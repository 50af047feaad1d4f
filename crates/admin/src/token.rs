//! The admin token: one secret for the whole control plane, until there are people with accounts.

use std::path::Path;

use axum::{
    extract::{Request, State},
    http::{HeaderValue, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use store::secret::Secret;
use subtle::ConstantTimeEq;

use crate::problem::Problem;

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

    fn is(&self, shown: &str) -> bool {
        self.expose().as_bytes().ct_eq(shown.as_bytes()).into()
    }
}

/// Lets a request pass if it shows the token as `Authorization: Bearer <token>`, in exactly one header.
pub(crate) async fn require(State(token): State<Token>, request: Request, next: Next) -> Response {
    let mut shown = request.headers().get_all(header::AUTHORIZATION).iter();
    let bearer = match (shown.next(), shown.next()) {
        (Some(one), None) => one.to_str().ok().and_then(|text| {
            let (scheme, rest) = text.split_once(' ')?;
            scheme.eq_ignore_ascii_case("bearer").then(|| rest.trim())
        }),
        _ => None,
    };
    if bearer.is_some_and(|bearer| token.is(bearer)) {
        return next.run(request).await;
    }
    let mut refusal = Problem::unauthorized().into_response();
    refusal.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    refusal
}
