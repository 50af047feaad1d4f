//! Every route, asked by every role, about one's own and about another tenant's.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test may panic")]

use std::{collections::HashMap, sync::Arc};

use admin::{Admin, Of, Route, Token, routes};
use axum::{
    Router,
    body::Body,
    http::{Request, header},
};
use gateway::{
    clock::now_micros,
    keys::Keyring,
    observe::{Metrics, Record},
};
use govern::{
    Code, Error, Principal, Rules,
    audit::Author,
    config,
    directory::{Kind, Owner},
    key::{Env, Parsed, Pepper},
    role::{BUILT_IN, Permission, built_in},
};
use http_body_util::BodyExt;
use store::{NewKey, Store};
use tower::ServiceExt;
use uuid::Uuid;

const TREE: &str = "
providers: { echo: {} }
organizations: { acme: {}, other: {} }
divisions: { emea: { organization: acme }, theirs-d: { organization: other } }
teams: { red: { division: emea }, theirs-t: { division: theirs-d } }
projects: { atlas: { team: red }, theirs-p: { team: theirs-t } }
virtual_accounts: { ci: { team: red }, theirs-v: { team: theirs-t } }
users:
  mate: { organization: acme, teams: { red: viewer } }
  theirs-u: { organization: other, teams: { theirs-t: viewer } }
  nobody: { organization: acme }
ROLES
bindings:
  acme-b: { user: mate, role: viewer, organization: acme }
  theirs-b: { user: theirs-u, role: viewer, organization: other }
BINDINGS
";

/// The id of an object of each kind: of the caller's tenant, and of another.
fn ids(kind: Kind) -> (&'static str, &'static str) {
    match kind {
        Kind::Organization => ("acme", "other"),
        Kind::Division => ("emea", "theirs-d"),
        Kind::Team => ("red", "theirs-t"),
        Kind::Project => ("atlas", "theirs-p"),
        Kind::User => ("mate", "theirs-u"),
        Kind::VirtualAccount => ("ci", "theirs-v"),
        Kind::Role => ("viewer", "viewer"),
        Kind::Binding => ("acme-b", "theirs-b"),
    }
}

struct Fixture {
    router: Router,
    store: Store,
    /// By role; `nobody` has none.
    keys: HashMap<&'static str, String>,
    token: String,
    mine: (String, Uuid),
    theirs: (String, Uuid),
    _dir: tempfile::TempDir,
}

/// Somebody of each role, over the organization `acme`; nobody's role goes beyond it.
fn rules() -> Arc<Rules> {
    let users: String = BUILT_IN.iter().map(|(role, _)| format!("  u-{role}: {{ organization: acme }}\n")).collect();
    let bindings: String = BUILT_IN
        .iter()
        .map(|(role, _)| format!("  b-{role}: {{ user: u-{role}, role: {role}, organization: acme }}\n"))
        .collect();
    let text = TREE.replace("ROLES\n", &users).replace("BINDINGS\n", &bindings);
    let checked = config::check(&text, &|_| None, &|_| Ok(()), 0);
    let draft = checked.draft.unwrap_or_else(|| panic!("{:#?}", checked.problems));
    Arc::new(draft.into_rules(&Pepper::new(&[0; 32]), 1))
}

async fn key(store: &Store, owner: Owner) -> (String, String) {
    let new = NewKey {
        env: Env::Live,
        name: "k".into(),
        owner,
        models: vec!["*".into()],
        expires_at: None,
        parallel: None,
        created_at: now_micros(),
    };
    let minted = store.create_key(&Author::new("test", 1), &Pepper::new(&[0; 32]), &new).await.unwrap();
    (minted.id.0.clone(), minted.text.expose().to_owned())
}

async fn record(store: &Store, organization: &str, team: &str) -> Uuid {
    let principal = Principal { organization: organization.into(), team: Some(team.into()), ..Principal::default() };
    let record = Record { id: Uuid::now_v7(), principal: Some(principal.into()), ..Record::default() };
    store.keep(std::slice::from_ref(&record)).await.unwrap();
    record.id
}

impl Fixture {
    async fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).await.unwrap();
        let rules = rules();
        let mut keys = HashMap::new();
        for role in BUILT_IN.iter().map(|(role, _)| *role).chain(["nobody"]) {
            let user = if role == "nobody" { role.to_owned() } else { format!("u-{role}") };
            keys.insert(role, key(&store, Owner { user: Some(user), ..Owner::default() }).await.1);
        }
        let of = |team: &str| Owner { team: Some(team.into()), ..Owner::default() };
        let mine = (key(&store, of("red")).await.0, record(&store, "acme", "red").await);
        let theirs = (key(&store, of("theirs-t")).await.0, record(&store, "other", "theirs-t").await);
        let ring = Arc::new(Keyring::new(
            Pepper::new(&[0; 32]),
            Arc::new(store.clone()),
            Metrics::new("test").key_lookups.clone(),
        ));
        let token = Token::open(dir.path()).unwrap();
        let in_force = rules.clone();
        let admin = Admin {
            store: store.clone(),
            token: token.clone(),
            pepper: Arc::new(Pepper::new(&[0; 32])),
            identify: Arc::new(move |headers| {
                let (ring, rules) = (ring.clone(), rules.clone());
                Box::pin(async move {
                    let refused = || Error::new(Code::Unauthenticated, "no");
                    let text = headers[header::AUTHORIZATION].to_str().unwrap().trim_start_matches("Bearer ");
                    let parsed = Parsed::parse(text).map_err(|_| refused())?;
                    let rule = ring.find(&rules, &parsed).await.unwrap().ok_or_else(refused)?;
                    rule.admits(ring.pepper(), &parsed, now_micros()).map_err(|_| refused())?;
                    Ok(rule)
                })
            }),
            listen: "127.0.0.1:8080".parse().unwrap(),
            rules: Arc::new(move || in_force.clone()),
        };
        let token = token.expose().to_string();
        Self { router: admin::router(admin), store, keys, token, mine, theirs, _dir: dir }
    }

    async fn ask(&self, route: &Route, path: &str, bearer: Option<&str>) -> (u16, String) {
        let mut request = Request::builder().method(route.method.clone()).uri(format!("/api{path}"));
        if let Some(bearer) = bearer {
            request = request.header(header::AUTHORIZATION, format!("Bearer {bearer}"));
        }
        let body = match (route.method.as_str(), route.path) {
            ("PATCH", _) => r#"{"disabled": false}"#,
            ("POST", "/v1/keys") if path.ends_with("theirs") => r#"{"name": "x", "team": "theirs-t"}"#,
            ("POST", "/v1/keys") => r#"{"name": "x", "team": "red"}"#,
            _ => "",
        };
        let answer = self.router.clone().oneshot(request.body(Body::from(body)).unwrap()).await.unwrap();
        let status = answer.status().as_u16();
        (status, String::from_utf8_lossy(&answer.into_body().collect().await.unwrap().to_bytes()).into_owned())
    }

    /// The path of the route with an object of the caller's tenant, or another's; `None`: the route names no object.
    fn path(&self, route: &Route, theirs: bool) -> Option<String> {
        let (key, record) = if theirs { &self.theirs } else { &self.mine };
        let id = match route.kind {
            Some(kind) if theirs => ids(kind).1.to_owned(),
            Some(kind) => ids(kind).0.to_owned(),
            None if route.path.starts_with("/v1/keys") => key.clone(),
            None => record.to_string(),
        };
        (route.path.contains("{id}") && route.kind != Some(Kind::Role)).then(|| route.path.replace("{id}", &id))
    }
}

#[tokio::test]
async fn sec_005_every_route_answers_every_role_as_the_table_says() {
    let mut all: Vec<Route> = routes().collect();
    // What is deleted cannot be asked for afterwards.
    all.sort_by_key(|route| *route.method == "DELETE");
    let mut judged = 0;
    for (role, _) in BUILT_IN {
        // Deleting what others are about to ask for would spoil the table: each role has an installation of its own.
        let fixture = Fixture::new().await;
        let bearer = Some(fixture.keys[role].as_str());
        let held = built_in(role).unwrap();
        for route in &all {
            let has = held.has(route.permission);
            let own = route.own.is_some_and(|own| held.has(own));
            let named = format!("{role} {} {}", route.method, route.path);
            if route.of == Of::Installation {
                let (status, text) = fixture.ask(route, route.path, bearer).await;
                assert_eq!(status, 403, "{named}: a role of one tenant does not reach over all of them: {text}");
            } else if let (Some(mine), Some(theirs)) = (fixture.path(route, false), fixture.path(route, true)) {
                // Another's first: it must be as it was afterwards.
                let (status, text) = fixture.ask(route, &theirs, bearer).await;
                let expected = if has || own { 404 } else { 403 };
                assert_eq!(status, expected, "{named}, another tenant's: {text}");
                assert!(!text.contains("theirs"), "{named}: {text}");
                let (status, text) = fixture.ask(route, &mine, bearer).await;
                match (has, own) {
                    // What an organization is belongs to the installation, not to those in it.
                    (true, _) if route.kind == Some(Kind::Organization) && !route.permission.reads() => {
                        assert_eq!(status, 403, "{named}: {text}");
                    }
                    (true, _) => assert!(matches!(status, 200 | 204 | 409), "{named}: {status} {text}"),
                    (false, _) => assert_eq!(status, 403, "{named}: {text}"),
                }
            } else if !route.path.contains("{id}") {
                let (status, text) = fixture.ask(route, route.path, bearer).await;
                let makes = *route.method == "POST";
                let expected = if has {
                    if makes { 201 } else { 200 }
                } else if own && !makes {
                    200
                } else {
                    403
                };
                assert_eq!(status, expected, "{named}: {text}");
                assert!(!text.contains("theirs"), "{named}: {text}");
            }
            judged += 1;
        }
        let theirs = fixture.store.key(&fixture.theirs.0).await.unwrap();
        assert!(
            theirs.is_some_and(|key| !key.rule.disabled && key.rule.previous.is_none()),
            "{role} changed a key of others"
        );
    }
    assert_eq!(judged, BUILT_IN.len() * all.len());
}

#[tokio::test]
async fn sec_005_without_a_role_nothing_opens_and_without_a_credential_less() {
    let fixture = Fixture::new().await;
    for route in routes() {
        for theirs in [false, true] {
            let path = fixture.path(&route, theirs).unwrap_or_else(|| route.path.to_owned());
            assert_eq!(fixture.ask(&route, &path, None).await.0, 401, "{path}");
            assert_eq!(fixture.ask(&route, &path, Some("tg_live_nothing")).await.0, 401, "{path}");
            assert_eq!(fixture.ask(&route, &path, Some(&fixture.keys["nobody"])).await.0, 403, "{path}");
        }
        if route.permission.reads() && route.of == Of::Object && route.kind != Some(Kind::Role) {
            let path = fixture.path(&route, true).unwrap_or_else(|| route.path.to_owned());
            let (status, text) = fixture.ask(&route, &path, Some(&fixture.token)).await;
            assert_eq!(status, 200, "the admin token sees everything: {path}: {text}");
        }
    }
}

#[test]
fn every_permission_is_asked_for_somewhere_and_roles_are_as_they_are_told() {
    for permission in Permission::ALL {
        let asked = routes().any(|route| route.permission == *permission || route.own == Some(*permission));
        assert!(asked, "{} opens nothing", permission.as_str());
    }
    for (role, may, may_not) in [
        ("admin", Permission::UsersWrite, Permission::TenantsWrite),
        ("auditor", Permission::KeysRead, Permission::KeysWrite),
        ("billing", Permission::SpendWrite, Permission::KeysRead),
        ("team_admin", Permission::KeysWrite, Permission::UsersWrite),
        ("developer", Permission::KeysOwn, Permission::KeysWrite),
        ("viewer", Permission::RecordsRead, Permission::KeysRead),
    ] {
        let held = built_in(role).unwrap();
        assert!(held.has(may) && !held.has(may_not), "{role}");
    }
}
