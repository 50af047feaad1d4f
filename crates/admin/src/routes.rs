//! Every route of the admin API, each one row: what it takes to ask it stands beside it. The router is made of the table, so
//! that a route without a permission cannot exist.

use std::sync::Arc;

use axum::{
    Extension, Router,
    body::Bytes,
    extract::{RawPathParams, RawQuery, State},
    http::Method,
    response::{IntoResponse, Response},
    routing::{MethodFilter, on},
};
use futures_util::future::BoxFuture;
use govern::{directory::Kind, role::Permission};

use crate::{Admin, actor::Actor, audit, keys, objects, openapi, prices, problem::Problem, requests, spend};

/// A route.
#[derive(Debug, Clone, Copy)]
pub struct Route {
    pub method: &'static Method,
    /// Behind `/api`.
    pub path: &'static str,
    pub permission: Permission,
    /// Does instead of the permission for what is one's own.
    pub own: Option<Permission>,
    pub of: Of,
    /// The kind of object, where one handler serves several.
    pub kind: Option<Kind>,
    /// One sentence for the documentation.
    pub summary: &'static str,
    handler: Handler,
}

/// What the permission must be held for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Of {
    /// The whole installation. Checked before the handler runs.
    Installation,
    /// The object, or each of a list. The handler finds it and asks [`Actor::must`]; here it must be held anywhere.
    Object,
}

type Handler = fn(Call) -> BoxFuture<'static, Result<Response, Problem>>;

/// A request that may pass.
pub(crate) struct Call {
    pub admin: Admin,
    pub actor: Arc<Actor>,
    pub route: Route,
    params: Vec<(String, String)>,
    pub query: String,
    pub body: Bytes,
}

impl Call {
    /// A part of the path, such as `id`.
    pub fn param(&self, name: &str) -> &str {
        self.params.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
    }
}

macro_rules! routes {
    ($($method:ident $path:literal $permission:ident $(or $own:ident)? on $of:ident, $handler:path, $summary:literal;)+) => {
        &[$(Route {
            method: &Method::$method,
            path: $path,
            permission: Permission::$permission,
            own: routes!(@own $($own)?),
            of: Of::$of,
            kind: None,
            summary: $summary,
            handler: |call| Box::pin($handler(call)),
        }),+]
    };
    (@own) => { None };
    (@own $own:ident) => { Some(Permission::$own) };
}

/// The routes with handlers of their own.
const SINGLE: &[Route] = routes! {
    GET    "/v1/requests"            RecordsRead on Object, requests::list, "Records, newest first.";
    GET    "/v1/requests/{id}"       RecordsRead on Object, requests::one, "One record.";
    GET    "/v1/openapi.json"        TreeRead on Object, openapi::show, "This description.";
    POST   "/v1/prices/apply"        SpendWrite on Installation, prices::apply, "Prices records whose cost was not known.";
    GET    "/v1/audit"               AuditRead on Installation, audit::list, "Who changed what, newest first, over all organizations.";
    GET    "/v1/spend"               SpendRead on Installation, spend::list, "What was spent, over all organizations.";
    GET    "/v1/spend/focus"         SpendRead on Installation, spend::focus, "What was spent, in the columns of FOCUS 1.2.";
    GET    "/v1/prices/{*version}"   SpendRead on Installation, prices::show, "A price that was in force.";
    GET    "/v1/keys"                KeysRead or KeysOwn on Object, keys::list, "Keys, by time of creation.";
    POST   "/v1/keys"                KeysWrite or KeysOwn on Object, keys::create, "Makes a key; its text is in the answer, once.";
    GET    "/v1/keys/{id}"           KeysRead or KeysOwn on Object, keys::show, "One key.";
    PATCH  "/v1/keys/{id}"           KeysWrite or KeysOwn on Object, keys::change, "Disables a key, or accepts it again.";
    DELETE "/v1/keys/{id}"           KeysWrite or KeysOwn on Object, keys::delete, "Forgets a key; its records stay.";
    POST   "/v1/keys/{id}/rotate"    KeysWrite or KeysOwn on Object, keys::rotate, "Gives a key a new secret.";
    GET    "/v1/keys/{id}/access"    KeysRead or KeysOwn on Object, keys::access, "What a key may call, and why.";
};

/// The paths, list and single, of every kind of object, and the permissions to read and write it.
const KINDS: &[(Kind, &str, &str, Permission, Permission)] = &[
    (Kind::Organization, "/v1/organizations", "/v1/organizations/{id}", Permission::TreeRead, Permission::TenantsWrite),
    (Kind::Division, "/v1/divisions", "/v1/divisions/{id}", Permission::TreeRead, Permission::TreeWrite),
    (Kind::Team, "/v1/teams", "/v1/teams/{id}", Permission::TreeRead, Permission::TreeWrite),
    (Kind::Project, "/v1/projects", "/v1/projects/{id}", Permission::TreeRead, Permission::TreeWrite),
    (Kind::User, "/v1/users", "/v1/users/{id}", Permission::UsersRead, Permission::UsersWrite),
    (
        Kind::VirtualAccount,
        "/v1/virtual_accounts",
        "/v1/virtual_accounts/{id}",
        Permission::TreeRead,
        Permission::TreeWrite,
    ),
    (Kind::Role, "/v1/roles", "/v1/roles/{id}", Permission::RolesRead, Permission::RolesWrite),
    (Kind::Binding, "/v1/bindings", "/v1/bindings/{id}", Permission::RolesRead, Permission::RolesWrite),
];

/// All routes.
pub fn routes() -> impl Iterator<Item = Route> {
    let of_kind = |&(kind, list, one, read, write): &(Kind, &'static str, &'static str, Permission, Permission)| {
        let route = |method, path, permission, summary, handler| Route {
            method,
            path,
            permission,
            own: None,
            of: Of::Object,
            kind: Some(kind),
            summary,
            handler,
        };
        [
            route(&Method::GET, list, read, "All of the kind that the caller may see.", |call| {
                Box::pin(objects::list(call))
            }),
            route(&Method::GET, one, read, "One object.", |call| Box::pin(objects::show(call))),
            route(&Method::PUT, one, write, "Makes the object, or replaces it.", |call| Box::pin(objects::put(call))),
            route(&Method::DELETE, one, write, "Deletes the object.", |call| Box::pin(objects::delete(call))),
        ]
    };
    SINGLE.iter().copied().chain(KINDS.iter().flat_map(of_kind))
}

/// The router of the table.
pub(crate) fn router() -> Router<Admin> {
    routes().fold(Router::new(), |router, route| {
        let Ok(method) = MethodFilter::try_from(route.method.clone()) else { return router };
        let handler = async move |State(admin): State<Admin>,
                                  Extension(actor): Extension<Arc<Actor>>,
                                  params: RawPathParams,
                                  RawQuery(query): RawQuery,
                                  body: Bytes| {
            let params = params.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
            let call = Call { admin, actor, route, params, query: query.unwrap_or_default(), body };
            run(call).await.unwrap_or_else(IntoResponse::into_response)
        };
        router.route(route.path, on(method, handler))
    })
}

async fn run(call: Call) -> Result<Response, Problem> {
    let Route { permission, own, of, handler, .. } = call.route;
    let powers = &call.actor.powers;
    let held = match of {
        Of::Installation => powers.everywhere().has(permission),
        Of::Object => powers.anywhere(permission) || own.is_some_and(|own| powers.anywhere(own)),
    };
    if !held {
        return Err(Problem::forbidden(permission));
    }
    handler(call).await
}
