//! The control plane as a client sees it.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]

use std::sync::Arc;

use axum::{
    Router,
    body::Body,
    http::{HeaderMap, Request, StatusCode, header},
};
use gateway::observe::{Attempt, Outcome, Record};
use govern::{Rules, config, key::Pepper};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use store::Store;
use tower::ServiceExt;
use uuid::Uuid;

struct Fixture {
    router: Router,
    store: Store,
    token: String,
    _dir: tempfile::TempDir,
}

struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    text: String,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap()
    }

    fn header(&self, name: header::HeaderName) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

impl Fixture {
    async fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).await.unwrap();
        let token = admin::Token::open(dir.path()).unwrap();
        let listen = "0.0.0.0:8080".parse().unwrap();
        let admin = admin::Admin {
            store: store.clone(),
            token: token.clone(),
            pepper: Arc::new(Pepper::new(&[0; 32])),
            identify: Arc::new(|_| {
                Box::pin(async { Err(govern::Error::new(govern::Code::Unauthenticated, "no keys here")) })
            }),
            listen,
            rules: rules(),
        };
        let router = admin::router(admin);
        Self { router, store, token: token.expose().to_string(), _dir: dir }
    }

    async fn send(&self, request: Request<Body>) -> Answer {
        let (parts, body) = self.router.clone().oneshot(request).await.unwrap().into_parts();
        let text = String::from_utf8(body.collect().await.unwrap().to_bytes().to_vec()).unwrap();
        Answer { status: parts.status, headers: parts.headers, text }
    }

    async fn get(&self, path: &str) -> Answer {
        let bearer = format!("Bearer {}", self.token);
        self.send(Request::get(path).header(header::AUTHORIZATION, bearer).body(Body::empty()).unwrap()).await
    }

    async fn keep(&self, records: impl IntoIterator<Item = Record>) {
        self.store.keep(&records.into_iter().collect::<Vec<_>>()).await.unwrap();
    }
}

/// A configuration whose only model costs a micro-dollar for each token.
fn rules() -> Arc<dyn Fn() -> Arc<Rules> + Send + Sync> {
    let text =
        "providers: { a: { kind: vllm, base_url: 'http://127.0.0.1:1', prices: { m: { input: 1, output: 1 } } } }";
    let draft = config::check(text, &|_| None, &|_| Ok(()), 0).draft.unwrap();
    let rules = Arc::new(draft.into_rules(&Pepper::new(&[0; 32]), 1));
    Arc::new(move || rules.clone())
}

const START: i64 = 1_800_000_000_000_000;

/// A record that arrived `second` seconds after 2027-01-15T08:00:00Z.
fn record(second: i64) -> Record {
    let at = START + second * 1_000_000;
    let id = Uuid::from_u128(u128::try_from(at / 1000).unwrap() << 80 | 7 << 76 | 8 << 60);
    Record {
        id,
        at,
        status: 200,
        outcome: Outcome::Success,
        model: Some(format!("model-{second}")),
        ..Record::default()
    }
}

/// The models of the listed records.
fn models(answer: &Answer) -> Vec<String> {
    let list = answer.json();
    list["requests"].as_array().unwrap().iter().map(|record| record["model"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn nothing_of_the_api_is_open() {
    let fixture = Fixture::new().await;
    fixture.keep([record(1)]).await;
    let token = &fixture.token;
    let shown = [
        vec![],
        vec![String::new()],
        vec!["Bearer ".into()],
        vec![format!("Basic {token}")],
        vec![token.clone()],
        vec![format!("Bearer {}", &token[1..])],
        vec![format!("Bearer {token}0")],
        vec![format!("Bearer {}", token.to_uppercase())],
        vec![format!("Bearer {token}"), "Bearer other".into()],
        vec!["Bearer ' OR 1=1--".into()],
    ];
    for path in ["/api/v1/requests", &format!("/api/v1/requests/{}", record(1).id), "/api/v1/none", "/api"] {
        for headers in &shown {
            let request = headers
                .iter()
                .fold(Request::get(path), |request, value| request.header(header::AUTHORIZATION, value.as_str()));
            let answer = fixture.send(request.body(Body::empty()).unwrap()).await;
            assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{path} {headers:?}");
            assert_eq!(answer.header(header::WWW_AUTHENTICATE), "Bearer");
            assert_eq!(answer.json()["code"], "unauthorized");
            assert!(!answer.text.contains(token.as_str()));
        }
    }
    assert_eq!(fixture.get("/api/v1/requests").await.status, StatusCode::OK);
}

#[tokio::test]
async fn records_are_paged_newest_first() {
    let fixture = Fixture::new().await;
    fixture.keep((1..=5).map(record)).await;
    let first = fixture.get("/api/v1/requests?limit=2").await;
    assert_eq!(models(&first), ["model-5", "model-4"]);
    let next = |answer: &Answer| answer.json()["next_cursor"].as_str().map(str::to_owned);
    let second = fixture.get(&format!("/api/v1/requests?limit=2&cursor={}", next(&first).unwrap())).await;
    assert_eq!(models(&second), ["model-3", "model-2"]);
    let third = fixture.get(&format!("/api/v1/requests?limit=2&cursor={}", next(&second).unwrap())).await;
    assert_eq!((models(&third), next(&third)), (vec!["model-1".to_owned()], None));
}

#[tokio::test]
async fn a_full_last_page_has_no_next_one() {
    let fixture = Fixture::new().await;
    fixture.keep((0..200).map(record)).await;
    let answer = fixture.get("/api/v1/requests?limit=1000000000").await;
    assert_eq!((models(&answer).len(), &answer.json()["next_cursor"]), (200, &Value::Null));
    fixture.keep([record(200)]).await;
    let answer = fixture.get("/api/v1/requests?limit=1000000000").await;
    assert_eq!((models(&answer).len(), answer.json()["next_cursor"].is_string()), (200, true), "the cap is 200");
}

#[tokio::test]
async fn records_are_filtered() {
    let fixture = Fixture::new().await;
    fixture
        .keep([
            Record { key_id: Some("abc".into()), ..record(1) },
            Record { status: 429, outcome: Outcome::Refused, ..record(2) },
            Record { model: Some("a model/50%".into()), ..record(3) },
        ])
        .await;
    for (query, expected) in [
        ("", vec!["a model/50%", "model-2", "model-1"]),
        ("key=abc", vec!["model-1"]),
        ("status=4xx", vec!["model-2"]),
        ("outcome=refused", vec!["model-2"]),
        ("model=a+model%2F50%25", vec!["a model/50%"]),
        ("since=2027-01-15T08:00:02Z", vec!["a model/50%", "model-2"]),
        ("until=2027-01-15T09:00:02%2B01:00", vec!["model-1"]),
        ("status=4xx&key=abc", vec![]),
    ] {
        assert_eq!(models(&fixture.get(&format!("/api/v1/requests?{query}")).await), expected, "{query}");
    }
}

#[tokio::test]
async fn a_wrong_parameter_is_named() {
    let fixture = Fixture::new().await;
    for (query, param) in [
        ("stauts=4xx", "stauts"),
        ("limit=0", "limit"),
        ("limit=-1", "limit"),
        ("limit=ten", "limit"),
        ("limit=1&limit=2", "limit"),
        ("status=404", "status"),
        ("outcome=great", "outcome"),
        ("since=yesterday", "since"),
        ("until=1800000000", "until"),
        ("cursor=1", "cursor"),
        ("offset=100000", "offset"),
    ] {
        let answer = fixture.get(&format!("/api/v1/requests?{query}")).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{query}");
        assert_eq!(answer.header(header::CONTENT_TYPE), "application/problem+json");
        let problem = answer.json();
        assert_eq!((&problem["param"], &problem["status"]), (&json!(param), &json!(400)), "{query}");
        assert!(problem["detail"].as_str().unwrap().contains(param), "{query}");
    }
}

#[tokio::test]
async fn one_record_is_found_by_its_id() {
    let fixture = Fixture::new().await;
    fixture.keep([record(1)]).await;
    let answer = fixture.get(&format!("/api/v1/requests/{}", record(1).id)).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(serde_json::from_str::<Record>(&answer.text).unwrap(), record(1));
    for id in [record(2).id.to_string(), "nonsense".into(), "%27%20OR%201=1--".into()] {
        let answer = fixture.get(&format!("/api/v1/requests/{id}")).await;
        assert_eq!((answer.status, &answer.json()["code"]), (StatusCode::NOT_FOUND, &json!("not_found")), "{id}");
    }
}

#[tokio::test]
async fn other_paths_and_methods_are_problems_too() {
    let fixture = Fixture::new().await;
    assert_eq!(fixture.get("/api/v1/none").await.json()["detail"], "there is nothing at /api/v1/none");
    let bearer = format!("Bearer {}", fixture.token);
    let post = Request::post("/api/v1/requests").header(header::AUTHORIZATION, bearer).body(Body::empty()).unwrap();
    let answer = fixture.send(post).await;
    assert_eq!((answer.status.as_u16(), &answer.json()["code"]), (405, &json!("method_not_allowed")));
}

#[tokio::test]
async fn a_store_that_is_down_is_503_without_details() {
    let fixture = Fixture::new().await;
    fixture.store.close().await;
    let answer = fixture.get("/api/v1/requests").await;
    assert_eq!((answer.status.as_u16(), &answer.json()["code"]), (503, &json!("store_unavailable")));
    assert!(!answer.text.to_lowercase().contains("sql"));
}

#[tokio::test]
async fn the_status_page_stands_alone() {
    let fixture = Fixture::new().await;
    let evil = Request::get("/").header(header::HOST, "evil.example").body(Body::empty()).unwrap();
    let page = fixture.send(evil).await;
    assert_eq!((page.status, page.header(header::CONTENT_TYPE)), (StatusCode::OK, "text/html; charset=utf-8"));
    assert!(page.text.contains("curl http://127.0.0.1:8080/v1/chat/completions"));
    assert!(!page.text.contains("evil") && !page.text.contains("{{"));
    assert!(!page.text.contains(&fixture.token));
    let policy = page.header(header::CONTENT_SECURITY_POLICY);
    assert!(policy.starts_with("default-src 'none'; script-src 'self'") && !policy.contains("unsafe"), "{policy}");
    let mut files = 0;
    for part in page.text.split(['"', '\'']).filter(|part| part.starts_with('/')) {
        let file = fixture.send(Request::get(part).body(Body::empty()).unwrap()).await;
        assert_eq!((file.status, file.header(header::X_CONTENT_TYPE_OPTIONS)), (StatusCode::OK, "nosniff"), "{part}");
        assert!(!file.text.contains("//") || !file.text.contains("http"), "{part} asks nobody else");
        files += 1;
    }
    assert_eq!(files, 2, "its style and its script");
}

/// Markup in a record stays data on its whole way: JSON that a browser must not guess at, and a script that makes text
/// nodes only, under a policy that would not run it either.
#[tokio::test]
async fn hostile_records_stay_text() {
    let fixture = Fixture::new().await;
    let hostile = "<script>alert(1)</script><img src=x onerror=alert(1)>\u{202e}\"'";
    fixture.keep([Record { model: Some(hostile.into()), user: Some(hostile.into()), ..record(1) }]).await;
    let answer = fixture.get("/api/v1/requests").await;
    assert_eq!(answer.json()["requests"][0]["model"], hostile);
    assert_eq!(answer.header(header::CONTENT_TYPE), "application/json");
    assert_eq!(answer.header(header::X_CONTENT_TYPE_OPTIONS), "nosniff");
    assert_eq!(answer.header(header::CACHE_CONTROL), "no-store");
    let script = fixture.send(Request::get("/assets/status.js").body(Body::empty()).unwrap()).await.text;
    assert!(script.contains("textContent"));
    for sink in
        ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "Function(", "srcdoc", "href"]
    {
        assert!(!script.contains(sink), "{sink}");
    }
    let page = fixture.send(Request::get("/").body(Body::empty()).unwrap()).await.text;
    assert!(!page.contains("onclick") && !page.contains("<style") && !page.contains("javascript:"));
}

#[tokio::test]
async fn records_are_priced_in_bounded_calls_that_go_on_where_the_last_one_ended() {
    let fixture = Fixture::new().await;
    let usage = llm::Usage { input: 2, ..Default::default() };
    let open = |second| {
        let attempt = Attempt { target: "a/m".into(), usage, unpriced: true, ..Attempt::default() };
        Record { usage, unpriced: true, attempts: vec![attempt], ..record(second) }
    };
    fixture.keep((0..10_100).map(open)).await;
    let apply = async |body: Value| {
        let bearer = format!("Bearer {}", fixture.token);
        let request = Request::post("/api/v1/prices/apply").header(header::AUTHORIZATION, bearer);
        let answer = fixture.send(request.body(Body::from(body.to_string())).unwrap()).await;
        assert_eq!((answer.status, answer.header(header::CACHE_CONTROL)), (StatusCode::OK, "no-store"));
        answer.json()
    };
    let first = apply(json!({})).await;
    assert_eq!((&first["seen"], &first["changed"]), (&json!(10_000), &json!(10_000)), "{first}");
    let second = apply(json!({ "cursor": first["next_cursor"] })).await;
    let expected = json!({
        "dry_run": false, "seen": 100, "changed": 100, "unknown_before": 100, "left": 0,
        "cost_before": 0, "cost_after": 200_000, "next_cursor": null,
    });
    assert_eq!(second, expected);
    let one = fixture.get(&format!("/api/v1/requests/{}", record(3).id)).await.json();
    assert_eq!((&one["cost"], &one["cost_changes"][0]["after"]["cost"]), (&json!(2_000), &json!(2_000)));
}
