//! The admin API as those who run a gateway meet it: people with roles, and what they may and may not do.

use std::time::{Duration, Instant};

use http::Method;
use serde_json::{Value, json};
use testkit::{Client, Harness, Response};

use crate::setup::{chat, start};

const CONFIG: &str = "
providers: { echo: {} }
models: { fast: { targets: [echo/echo] } }
organizations: { acme: {}, other: {} }
teams: { fixed: { organization: acme } }
";

/// From a change until every process must act on it.
const SOON: Duration = Duration::from_secs(1);

async fn put(client: &Client, path: &str, body: &Value) -> Response {
    client.request(Method::PUT, &format!("/api/v1/{path}")).body(body.to_string()).send().await
}

async fn ask(client: &Client, method: Method, path: &str) -> Response {
    client.request(method, &format!("/api/v1/{path}")).send().await
}

fn bearer(gateway: &Harness, key: &str) -> Client {
    gateway.stranger().with("authorization", &format!("Bearer {key}"))
}

/// Waits until the answer of the question has this status.
async fn until(status: u16, mut ask: impl AsyncFnMut() -> Response) -> Response {
    let begun = Instant::now();
    loop {
        let answer = ask().await;
        if answer.status == status {
            return answer;
        }
        assert!(begun.elapsed() < SOON, "{} after {:?}: {}", answer.status, begun.elapsed(), answer.text());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// A gateway with a team `red` of ACME, run by `lead`, whose key is the answer.
async fn scene() -> (Harness, Client, Client) {
    let gateway = start(CONFIG).await;
    let root = gateway.admin();
    for (path, body) in [
        ("teams/red", json!({"organization": "acme"})),
        ("teams/blue", json!({"organization": "other"})),
        ("projects/atlas", json!({"team": "red"})),
        ("users/lead", json!({"organization": "acme", "teams": {"red": "team_admin"}})),
        ("users/dev", json!({"organization": "acme", "teams": {"red": "developer"}})),
        ("users/rival", json!({"organization": "other", "teams": {"blue": "team_admin"}})),
    ] {
        let answer = put(&root, path, &body).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
    }
    let lead = key_of(&gateway, &root, json!({"name": "lead", "user": "lead"})).await;
    (gateway, root, lead)
}

async fn key_of(gateway: &Harness, by: &Client, new: Value) -> Client {
    // The tree follows within a second.
    let made = until(201, async || by.post("/api/v1/keys", &new).send().await).await;
    bearer(gateway, made.json()["key"].as_str().unwrap())
}

#[tokio::test]
async fn case_097_rights_and_revocations_are_in_force_within_a_second() {
    let (gateway, root, lead) = scene().await;
    let call = async |client: &Client| client.post("/v1/chat/completions", &chat("fast")).send().await;
    assert_eq!(call(&lead).await.status, 200);
    for (change, status) in [
        (json!({"organization": "acme", "teams": {"red": "team_admin"}, "disabled": true}), 401),
        (json!({"organization": "acme", "teams": {"red": "team_admin"}}), 200),
        (json!({"organization": "acme", "access": {"models": ["nothing"]}}), 403),
        (json!({"organization": "acme", "teams": {"red": "team_admin"}}), 200),
    ] {
        assert_eq!(put(&root, "users/lead", &change).await.status, 200);
        until(status, async || call(&lead).await).await;
    }
    assert_eq!(ask(&root, Method::DELETE, "users/lead").await.status, 204);
    until(401, async || call(&lead).await).await;
    until(401, async || ask(&lead, Method::GET, "teams").await).await;
    let records = gateway.records(1).await;
    assert!(records.iter().any(|record| record["principal"]["user"] == "lead"));
}

#[tokio::test]
async fn sec_007_nobody_gives_more_than_they_hold() {
    let (gateway, root, lead) = scene().await;
    // Within their team a lead does what there is to do.
    assert_eq!(put(&lead, "projects/beta", &json!({"team": "red"})).await.status, 200);
    assert_eq!(put(&lead, "bindings/b", &json!({"user": "dev", "role": "viewer", "team": "red"})).await.status, 200);
    let made =
        until(201, async || lead.post("/api/v1/keys", &json!({"name": "k", "project": "beta"})).send().await).await;
    assert_eq!(made.json()["principal"], json!({"organization": "acme", "team": "red", "project": "beta"}));
    // Not beyond it.
    for (path, body, status) in [
        ("teams/red", json!({"organization": "acme", "access": {}}), 403),
        ("teams/new", json!({"organization": "acme"}), 404),
        ("projects/gamma", json!({"organization": "acme"}), 404),
        ("projects/gamma", json!({"team": "blue"}), 404),
        ("projects/atlas", json!({"organization": "acme"}), 404),
        ("users/dev", json!({"organization": "acme", "teams": {"red": "owner"}}), 403),
        ("bindings/c", json!({"user": "lead", "role": "owner", "team": "red"}), 403),
        ("bindings/c", json!({"user": "lead", "role": "viewer", "organization": "acme"}), 403),
        ("bindings/c", json!({"user": "lead", "role": "owner"}), 403),
        ("roles/all", json!({"permissions": ["tree.read"]}), 403),
        ("organizations/mine", json!({}), 403),
    ] {
        let answer = put(&lead, path, &body).await;
        assert!(matches!(answer.status, 403 | 404), "{path} {body}: {} {}", answer.status, answer.text());
        assert!(answer.status == status || status == 403, "{path} {body}: {} {}", answer.status, answer.text());
    }
    let before = ask(&root, Method::GET, "keys?limit=200").await.json()["keys"].as_array().unwrap().len();
    for new in [
        json!({"name": "k", "team": "blue"}),
        json!({"name": "k", "organization": "acme"}),
        json!({"name": "k"}),
        json!({"name": "k", "user": "rival"}),
    ] {
        let answer = lead.post("/api/v1/keys", &new).send().await;
        assert!(matches!(answer.status, 403 | 404), "{new}: {} {}", answer.status, answer.text());
    }
    // Nor with wider bounds than those of the key that asks.
    let narrow = json!({"name": "narrow", "user": "lead", "models": ["fast", "echo/e*"], "parallel": 2, "expires_at": "2099-01-01T00:00:00Z"});
    let narrow = key_of(&gateway, &root, narrow).await;
    let good = json!({"name": "k", "team": "red", "models": ["echo/echo*"], "parallel": 1, "expires_at": "2098-01-01T00:00:00Z"});
    assert_eq!(narrow.post("/api/v1/keys", &good).send().await.status, 201);
    for (field, wider) in [
        ("models", json!(["*"])),
        ("models", json!(["echo/*"])),
        ("models", Value::Null),
        ("parallel", json!(3)),
        ("parallel", Value::Null),
        ("expires_at", json!("2099-01-02T00:00:00Z")),
        ("expires_at", Value::Null),
    ] {
        let mut new = good.clone();
        new[field] = wider;
        let answer = narrow.post("/api/v1/keys", &new).send().await;
        assert_eq!(answer.status, 403, "{new}: {}", answer.text());
        assert_eq!(answer.json()["code"], "exceeds_own_rights");
    }
    let after = ask(&root, Method::GET, "keys?limit=200").await.json()["keys"].as_array().unwrap().len();
    assert_eq!(after, before + 2, "what was refused was not kept");
}

#[tokio::test]
async fn sec_006_what_belongs_to_another_tenant_is_not_there() {
    let (gateway, root, lead) = scene().await;
    let rival = key_of(&gateway, &root, json!({"name": "rival", "user": "rival"})).await;
    let theirs =
        root.post("/api/v1/keys", &json!({"name": "theirs", "team": "blue"})).send().await.json()["id"].clone();
    let never = ask(&lead, Method::GET, "keys/000000000000").await;
    for path in [format!("keys/{}", theirs.as_str().unwrap()), "teams/blue".into(), "users/rival".into()] {
        for method in [Method::GET, Method::DELETE] {
            let answer = ask(&lead, method.clone(), &path).await;
            assert!(matches!(answer.status, 403 | 404), "{method} {path}: {}", answer.text());
            if method == Method::GET {
                assert_eq!((answer.status, answer.text()), (404, never.text()), "{path}");
            }
        }
    }
    let listed = ask(&lead, Method::GET, "teams").await.json();
    assert_eq!(listed["teams"].as_array().unwrap().iter().map(|team| &team["id"]).collect::<Vec<_>>(), ["red"]);
    assert_eq!(rival.post("/v1/chat/completions", &chat("fast")).send().await.status, 200);
    gateway.records(1).await;
    assert_eq!(ask(&lead, Method::GET, "requests").await.json()["requests"], json!([]));
    assert_eq!(ask(&rival, Method::GET, "requests").await.json()["requests"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn sec_008_a_body_says_one_thing_and_nothing_else() {
    let (_gateway, root, lead) = scene().await;
    for (path, body) in [
        ("users/dev", r#"{"organization": "acme", "role": "admin"}"#),
        ("users/dev", r#"{"organization": "acme", "__proto__": {"role": "admin"}}"#),
        ("users/dev", r#"{"organization": "other", "organization": "acme"}"#),
        ("users/dev", r#"{"organization": "acme", "teams": {"red": "viewer", "r\u0065d": "owner"}}"#),
        ("users/dev", r#"{"organization": "acme", "teams": {"__proto__": "owner"}}"#),
        ("users/dev", r#"["acme"]"#),
        ("users/dev", r#"{"organization": 1}"#),
        ("users/dev", "{"),
        ("users/DEV", "{}"),
        ("teams/red", r#"{"organization": "nowhere"}"#),
        ("bindings/b", r#"{"user": "dev", "role": "emperor"}"#),
        ("roles/r", r#"{"permissions": ["everything"]}"#),
    ] {
        let answer = root.request(Method::PUT, &format!("/api/v1/{path}")).body(body).send().await;
        assert_eq!(answer.status, 400, "{path} {body}: {}", answer.text());
    }
    let dev = ask(&root, Method::GET, "users/dev").await.json();
    assert_eq!((&dev["organization"], &dev["teams"]), (&json!("acme"), &json!({"red": "developer"})));
    let answer = lead.request(Method::PUT, "/api/v1/users/lead").body(r#"{"teams": {"red": "owner"}}"#).send().await;
    assert_eq!(answer.status, 403, "{}", answer.text());
}

#[tokio::test]
async fn what_the_file_declares_is_changed_there_and_what_is_needed_is_not_deleted() {
    let (_gateway, root, _lead) = scene().await;
    let answer = put(&root, "teams/fixed", &json!({"organization": "other"})).await;
    assert_eq!((answer.status, &answer.json()["code"]), (409, &json!("managed_by_file")));
    let answer = ask(&root, Method::DELETE, "teams/red").await;
    assert_eq!((answer.status, &answer.json()["code"]), (409, &json!("in_use")));
    assert_eq!(ask(&root, Method::GET, "teams/fixed").await.json()["managed_by"], "file");
    assert_eq!(ask(&root, Method::GET, "teams/red").await.json()["managed_by"], "api");
    let page = ask(&root, Method::GET, "teams?limit=2").await.json();
    assert_eq!((page["teams"].as_array().unwrap().len(), &page["next_cursor"]), (2, &json!("fixed")));
    let page = ask(&root, Method::GET, "teams?limit=999999999&cursor=fixed").await.json();
    assert_eq!((page["teams"][0]["id"].as_str(), &page["next_cursor"]), (Some("red"), &Value::Null));
}

#[tokio::test]
async fn the_answer_to_what_a_key_may_do_gives_every_reason() {
    let (gateway, root, _lead) = scene().await;
    put(&root, "teams/red", &json!({"organization": "acme", "access": {"providers": ["nobody"]}})).await;
    let made = until(201, async || {
        root.post("/api/v1/keys", &json!({"name": "k", "team": "red", "models": ["fast"]})).send().await
    })
    .await;
    let (id, key) = (made.json()["id"].as_str().unwrap().to_owned(), made.json()["key"].as_str().unwrap().to_owned());
    let refused = async || bearer(&gateway, &key).post("/v1/chat/completions", &chat("fast")).send().await;
    until(403, refused).await;
    let answer = ask(&root, Method::GET, &format!("keys/{id}/access?model=fast&operation=chat")).await.json();
    assert_eq!(answer["allowed"], false);
    assert_eq!(
        answer["targets"],
        json!([{"target": "echo/echo", "allowed": false, "because": [
            {"who": "key k", "right": "models", "allowed": true, "by": "fast"},
            {"who": "team red", "right": "providers", "allowed": false, "by": null},
        ]}])
    );
    let none = ask(&root, Method::GET, &format!("keys/{id}/access")).await.json();
    assert_eq!(none["models"], json!([]));
}
