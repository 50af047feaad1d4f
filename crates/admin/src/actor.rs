//! Who asks the control plane, and what they may do.
//!
//! The admin token may do everything. A gateway key of a person or a virtual account may do what their roles say, on what
//! stands in their scopes; whatever else there is does not exist for it.

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use futures_util::future::BoxFuture;
use gateway::clock::now_micros;
use govern::{
    Code, Principal,
    audit::Author,
    key::KeyRule,
    role::{Permission, Powers, Verdict},
};

use crate::{Admin, problem::Problem};

/// Finds the gateway key that a request shows.
pub type Identify = Arc<dyn Fn(HeaderMap) -> BoxFuture<'static, Result<Arc<KeyRule>, govern::Error>> + Send + Sync>;

/// Somebody who asks.
#[derive(Debug)]
pub(crate) struct Actor {
    /// As in the audit log: `admin_token`, `user:ada`.
    pub name: String,
    pub powers: Powers,
    /// The key that was shown; `None`: the admin token.
    pub key: Option<Arc<KeyRule>>,
}

impl Actor {
    fn of_key(admin: &Admin, key: Arc<KeyRule>) -> Self {
        let principal = &key.principal;
        let name = match (&principal.user, &principal.virtual_account) {
            (Some(user), _) => format!("user:{user}"),
            (_, Some(account)) => format!("virtual_account:{account}"),
            _ => format!("key:{}", key.id),
        };
        Self { name, powers: (admin.rules)().directory.powers(principal), key: Some(key) }
    }

    /// Whose deed is entered in the audit log, now.
    pub fn author(&self) -> Author {
        let mut author = Author::new(self.name.clone(), now_micros());
        if let Some(key) = &self.key {
            author.tenant = key.principal.organization.to_string();
        }
        author
    }

    /// Their id, if they are a person.
    pub fn user(&self) -> Option<&Arc<str>> {
        self.key.as_ref()?.principal.user.as_ref()
    }

    /// Whether they may do this to what stands there; `None` is what belongs to no organization.
    ///
    /// # Errors
    /// 404 for what is not there for them, 403 for what they may see and not do.
    pub fn must(&self, permission: Permission, place: Option<&Principal>) -> Result<(), Problem> {
        match self.powers.judge(permission, place) {
            Verdict::Allowed => Ok(()),
            Verdict::Forbidden => Err(Problem::forbidden(permission)),
            Verdict::Hidden => {
                tracing::warn!(actor = %self.name, permission = permission.as_str(), "somebody asked for what is not theirs");
                Err(Problem::missing())
            }
        }
    }

    pub fn may(&self, permission: Permission, place: Option<&Principal>) -> bool {
        self.powers.judge(permission, place) == Verdict::Allowed
    }
}

/// Lets a request pass if it shows the admin token or a gateway key, as `Authorization: Bearer ...`, in exactly one header.
pub(crate) async fn require(State(admin): State<Admin>, mut request: Request, next: Next) -> Response {
    match actor(&admin, request.headers()).await {
        Ok(actor) => {
            request.extensions_mut().insert(Arc::new(actor));
            next.run(request).await
        }
        Err(problem) => {
            let mut refusal = problem.into_response();
            refusal.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
            refusal
        }
    }
}

async fn actor(admin: &Admin, headers: &HeaderMap) -> Result<Actor, Problem> {
    let mut shown = headers.get_all(header::AUTHORIZATION).iter();
    let bearer = match (shown.next(), shown.next()) {
        (Some(one), None) => one.to_str().ok().and_then(|text| {
            let (scheme, rest) = text.split_once(' ')?;
            scheme.eq_ignore_ascii_case("bearer").then(|| rest.trim())
        }),
        _ => None,
    };
    let bearer = bearer.ok_or_else(Problem::unauthorized)?;
    if admin.token.is(bearer) {
        return Ok(Actor { name: "admin_token".to_owned(), powers: Powers::unbounded(), key: None });
    }
    // The key is shown in this one header; whatever others say is not asked.
    let mut alone = HeaderMap::new();
    alone.extend(headers.get(header::AUTHORIZATION).map(|value| (header::AUTHORIZATION, value.clone())));
    match (admin.identify)(alone).await {
        Ok(key) => Ok(Actor::of_key(admin, key)),
        Err(error) if error.code == Code::StoreUnavailable => Err(Problem::unavailable()),
        Err(_) => Err(Problem::unauthorized()),
    }
}
