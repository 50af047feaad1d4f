//! Tokens of identity providers in place of keys.

use std::time::{Duration, Instant};

use aws_lc_rs::hmac;
use serde_json::{Value, json};
use testkit::{
    Answer, Harness, Response, Upstream,
    fixture::{openai_chat_text, openai_usage},
    identity::{IdentityProvider, Signer, base64, twin, unsigned},
};

use crate::setup::{Scene, account, chat, start, with};

const PATH: &str = "/v1/chat/completions";

/// Seconds since 1970.
fn now() -> i64 {
    jiff::Timestamp::now().as_second()
}

fn hello() -> Upstream {
    Upstream::answering(openai_chat_text("hello", &openai_usage(7, 3)))
}

/// A gateway that takes the tokens of this provider; what is more about the issuer stands in `more`.
async fn scene(provider: &IdentityProvider, more: &str) -> Scene {
    let issuer = provider.issuer();
    let config = format!(
        "teams: {{research: {{}}}}\nvirtual_accounts: {{batch: {{}}, ci: {{}}}}\nidentity:\n  issuers:\n    - name: corp\n      issuer: '{issuer}'\n      audience: [tollgate]\n{more}"
    );
    Scene::of(hello(), &config).await
}

const EVERYBODY: &str = "      models: ['*']\n      claims: {user: email, team: groups}\n      unknown_users: admit\n";

fn claims(provider: &IdentityProvider, subject: &str) -> Value {
    json!({ "iss": provider.issuer(), "aud": "tollgate", "sub": subject, "iat": now(), "exp": now() + 600 })
}

async fn ask(scene: &Scene, token: &str) -> Response {
    let request = scene.gateway.stranger().post(PATH, &chat("chat/m"));
    request.header("authorization", &format!("Bearer {token}")).send().await
}

#[tokio::test]
async fn a_token_is_taken_in_place_of_a_key() {
    let signer = Signer::rs256("one");
    let provider = IdentityProvider::with(&[&signer]);
    let scene = scene(&provider, EVERYBODY).await;
    let token = signer.token(&with(
        claims(&provider, "u-17"),
        &json!({ "email": "ada@example.com", "groups": ["research", "all"], "aud": ["other", "tollgate"] }),
    ));
    let answer = ask(&scene, &token).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let record = scene.record().await;
    assert_eq!((&record["key_id"], &record["key_name"]), (&json!("corp:u-17"), &json!("ada@example.com")));
    assert_eq!(
        (&record["principal"]["user"], &record["principal"]["team"]),
        (&json!("ada@example.com"), &json!("research"))
    );
    let models = scene.gateway.stranger().get("/v1/models").header("x-api-key", &token).send().await;
    assert_eq!(models.status, 200, "{}", models.text());
}

#[tokio::test]
async fn workloads_are_known_by_their_claims_and_others_stay_outside() {
    let signer = Signer::es256("one");
    let provider = IdentityProvider::with(&[&signer]);
    let subjects = "      subjects:\n        \
        - {match: {sub: 'system:serviceaccount:ml:*', /kubernetes.io/namespace: ml}, virtual_account: batch, models: [chat/m]}\n        \
        - {match: {sub: 'repo:acme/app:*'}, virtual_account: ci, models: [claude/m]}\n";
    let scene = scene(&provider, subjects).await;
    let pod =
        with(claims(&provider, "system:serviceaccount:ml:trainer"), &json!({ "kubernetes.io": { "namespace": "ml" } }));
    assert_eq!(ask(&scene, &signer.token(&pod)).await.status, 200);
    assert_eq!(ask(&scene, &signer.token(&claims(&provider, "repo:acme/app:ref:refs/heads/main"))).await.status, 403);
    for stranger in ["repo:evil/app:ref:refs/heads/main", "system:serviceaccount:ml:trainer"] {
        assert_eq!(ask(&scene, &signer.token(&claims(&provider, stranger))).await.status, 401, "{stranger}");
    }
}

/// A token with the tag of an HMAC in place of a signature.
fn by_hmac(claims: &Value, secret: &[u8]) -> String {
    let signed = unsigned(&json!({ "alg": "HS256", "kid": "rsa" }), claims);
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), signed.as_bytes());
    format!("{signed}.{}", base64(tag))
}

fn pem(rsa: &Signer) -> String {
    use base64::Engine;
    let der = base64::engine::general_purpose::STANDARD.encode(rsa.public_der());
    let lines: Vec<&str> = der.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap()).collect();
    format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", lines.join("\n"))
}

/// Tokens that must not let anybody in, and why.
fn bad_tokens(
    provider: &IdentityProvider,
    rsa: &Signer,
    ec: &Signer,
    attacker: &Upstream,
) -> Vec<(&'static str, String)> {
    let good = claims(provider, "u-1");
    let header = json!({ "alg": "RS256", "kid": "rsa", "typ": "JWT" });
    let claim = |name: &str, value: Value| rsa.token(&with(good.clone(), &json!({ name: value })));
    let without = |name: &str| {
        let mut less = good.clone();
        less.as_object_mut().unwrap().remove(name);
        rsa.token(&less)
    };
    let head = |more: Value| rsa.token_with(&with(header.clone(), &more), &good);
    let hmac = |secret: &[u8]| by_hmac(&good, secret);
    let thief = Signer::rs256("rsa");
    let evil = attacker.url();
    let token = rsa.token(&good);
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let by_ec = ec.token(&good);
    vec![
        ("alg none", format!("{}.", unsigned(&json!({ "alg": "none" }), &good))),
        ("alg None with a signature", format!("{}.{signature}", unsigned(&json!({ "alg": "None" }), &good))),
        ("no alg", rsa.token_with(&json!({ "kid": "rsa" }), &good)),
        ("HS256 by the public key as PEM", hmac(pem(rsa).as_bytes())),
        ("HS256 by the public key as DER", hmac(&rsa.public_der())),
        ("HS256 by the modulus", hmac(rsa.jwk()["n"].as_str().unwrap().as_bytes())),
        ("an RSA key for ES256", rsa.token_with(&json!({ "alg": "ES256", "kid": "rsa" }), &good)),
        ("an EC key for RS256", ec.token_with(&json!({ "alg": "RS256", "kid": "ec" }), &good)),
        (
            "a kid that is a path",
            thief.token_with(&with(header.clone(), &json!({ "kid": "../../../../dev/null" })), &good),
        ),
        (
            "a kid that is SQL",
            thief.token_with(&with(header.clone(), &json!({ "kid": "x' UNION SELECT 'a' --" })), &good),
        ),
        (
            "a kid that is an address",
            thief.token_with(&with(header.clone(), &json!({ "kid": format!("{evil}/k") })), &good),
        ),
        ("a kid that is no text", head(json!({ "kid": ["rsa"] }))),
        ("jku", thief.token_with(&with(header.clone(), &json!({ "kid": "e", "jku": format!("{evil}/keys") })), &good)),
        ("x5u", thief.token_with(&with(header.clone(), &json!({ "kid": "e", "x5u": format!("{evil}/c") })), &good)),
        ("its own jwk", thief.token_with(&with(header.clone(), &json!({ "jwk": thief.jwk() })), &good)),
        ("another's key", thief.token(&good)),
        ("crit", head(json!({ "crit": ["b64"], "b64": false }))),
        ("a wrong aud", claim("aud", json!("somebody"))),
        ("an aud that begins alike", claim("aud", json!("tollgate2"))),
        ("no aud", without("aud")),
        ("a wrong iss", claim("iss", json!("https://evil.example"))),
        ("an iss with a slash more", claim("iss", json!(format!("{}/", provider.issuer())))),
        ("an iss in a list", claim("iss", json!([provider.issuer()]))),
        ("exp as a text", claim("exp", json!((now() + 600).to_string()))),
        ("exp as nothing", claim("exp", Value::Null)),
        ("no exp", without("exp")),
        ("an exp of yesterday", claim("exp", json!(now() - 86_400))),
        ("a negative exp", claim("exp", json!(-1))),
        ("an nbf of tomorrow", claim("nbf", json!(now() + 86_400))),
        ("an nbf as a text", claim("nbf", json!("0"))),
        ("no sub", without("sub")),
        ("an empty sub", claim("sub", json!(""))),
        ("a sub with a line feed", claim("sub", json!("a\nb"))),
        ("a notice", claim("events", json!({ "http://schemas.openid.net/event/backchannel-logout": {} }))),
        (
            "an unverified address",
            rsa.token(&with(good.clone(), &json!({ "email": "ceo@example.com", "email_verified": false }))),
        ),
        ("changed claims", format!("{}.{signature}", unsigned(&header, &claims(provider, "u-2")))),
        ("no signature", format!("{signed}.")),
        ("two parts", signed.to_owned()),
        ("four parts", format!("{token}.{signature}")),
        ("padding", format!("{token}=")),
        ("a signature of zeros", format!("{}.{}", by_ec.rsplit_once('.').unwrap().0, base64([0; 64]))),
        ("a huge token", claim("padding", json!("x".repeat(40_000)))),
        ("dots", "...".to_owned()),
        ("nearly a key", format!("{}.", testkit::harness::mint())),
    ]
}

#[tokio::test]
async fn sec_019_a_bad_token_is_refused_and_nothing_in_it_is_fetched() {
    let (rsa, ec) = (Signer::rs256("rsa"), Signer::es256("ec"));
    let provider = IdentityProvider::with(&[&rsa, &ec]);
    let attacker = Upstream::answering(Answer::json(200, &json!({ "keys": [] })));
    let scene = scene(&provider, EVERYBODY).await;
    assert_eq!(ask(&scene, &rsa.token(&claims(&provider, "u-1"))).await.status, 200);

    let mut said = None;
    for (what, token) in bad_tokens(&provider, &rsa, &ec, &attacker) {
        let answer = ask(&scene, &token).await;
        assert_eq!(answer.status, 401, "{what}: {}", answer.text());
        let error = answer.json()["error"].clone();
        assert_eq!(said.get_or_insert(error.clone()), &error, "{what}: the refusal does not say why");
    }
    assert!(attacker.requests().is_empty(), "{:?}", attacker.requests());
    assert_eq!(scene.upstream.requests().len(), 1, "only the good one reached the provider");
}

#[tokio::test]
async fn sec_019_the_twin_of_a_signature_is_another_token() {
    let ec = Signer::es256("ec");
    let provider = IdentityProvider::with(&[&ec]);
    let scene = scene(&provider, EVERYBODY).await;
    for number in 0..8 {
        let token = ec.token(&claims(&provider, &format!("u-{number}")));
        assert_eq!(ask(&scene, &token).await.status, 200);
        assert_eq!(ask(&scene, &twin(&token)).await.status, 401);
        assert_eq!(ask(&scene, &token).await.status, 200, "the first one still counts");
    }
}

#[tokio::test]
async fn sec_019_tokens_that_begin_alike_never_share_an_identity() {
    let signer = Signer::ed25519("one");
    let provider = IdentityProvider::with(&[&signer]);
    let scene = scene(&provider, EVERYBODY).await;
    let tokens = ["u-1", "u-2"].map(|subject| signer.token(&claims(&provider, subject)));
    assert_eq!(tokens[0][..20], tokens[1][..20]);
    for _ in 0..3 {
        for token in &tokens {
            assert_eq!(ask(&scene, token).await.status, 200);
        }
    }
    let records = scene.gateway.records(6).await;
    let of = |id: &str| records.iter().filter(|record| record["key_id"] == id).count();
    assert_eq!((of("corp:u-1"), of("corp:u-2")), (3, 3));
}

#[tokio::test]
async fn sec_004_a_token_beside_another_credential_is_a_conflict() {
    let signer = Signer::rs256("one");
    let provider = IdentityProvider::with(&[&signer]);
    let scene = scene(&provider, EVERYBODY).await;
    let token = signer.token(&claims(&provider, "u-1"));
    let other = signer.token(&claims(&provider, "u-2"));
    for (name, value) in
        [("x-api-key", scene.gateway.key()), ("x-goog-api-key", &other), ("authorization", "Bearer a.b.c")]
    {
        let request = scene.gateway.stranger().post(PATH, &chat("chat/m"));
        let request = request.header("api-key", &token).header(name, value);
        let answer = request.send().await;
        assert_eq!(
            (answer.status, &answer.json()["error"]["code"]),
            (400, &json!("conflicting_credentials")),
            "{name}"
        );
    }
    for name in ["x-api-key", "api-key", "x-goog-api-key"] {
        let request = scene.gateway.stranger().post(PATH, &chat("chat/m")).header(name, &token);
        assert_eq!(request.header("authorization", &format!("Bearer {token}")).send().await.status, 200, "{name}");
    }
    let query = scene.gateway.stranger().post(&format!("{PATH}?key={token}"), &chat("chat/m")).send().await;
    assert_eq!(query.status, 401);
    assert!(
        scene.gateway.records(3).await.iter().all(|record| record["status"] != 200 || record["key_id"] == "corp:u-1")
    );
}

#[tokio::test]
async fn fault_019_a_clock_may_be_off_by_the_leeway_and_no_more() {
    let signer = Signer::ed25519("one");
    let provider = IdentityProvider::with(&[&signer]);
    let scene = scene(&provider, &format!("{EVERYBODY}      leeway: 60s\n")).await;
    for (claim, off, status) in
        [("exp", -45, 200), ("nbf", 45, 200), ("exp", -61, 401), ("nbf", 75, 401), ("exp", -3_600, 401)]
    {
        let token = signer.token(&with(claims(&provider, "u-1"), &json!({ claim: now() + off })));
        assert_eq!(ask(&scene, &token).await.status, status, "{claim} {off}");
    }
    // A token that is known ends all the same.
    let token = signer.token(&with(claims(&provider, "u-1"), &json!({ "exp": now() - 57 })));
    assert_eq!(ask(&scene, &token).await.status, 200);
    tokio::time::sleep(Duration::from_secs(4)).await;
    assert_eq!(ask(&scene, &token).await.status, 401);
}

#[tokio::test]
async fn fault_032_the_keys_of_an_issuer_that_is_down_go_on_and_it_is_not_asked_per_request() {
    let (old, new, wrong) = (Signer::es256("old"), Signer::es256("new"), Signer::es256("wrong"));
    let provider = IdentityProvider::with(&[&old]);
    let scene = scene(&provider, EVERYBODY).await;
    for number in 0..50 {
        let token = old.token(&claims(&provider, &format!("u-{number}")));
        assert_eq!(ask(&scene, &token).await.status, 200);
    }
    assert_eq!(provider.asked(), 1, "fetched once");

    // Another key: known as soon as a token names it.
    provider.rotate(&[&old, &new]);
    let token = new.token(&claims(&provider, "u-1"));
    assert_eq!(ask(&scene, &token).await.status, 200, "a new key counts at once");
    assert_eq!(provider.asked(), 2);
    for number in 0..50 {
        let stranger = wrong.named(&format!("made-up-{number}"));
        assert_eq!(ask(&scene, &stranger.token(&claims(&provider, "u-1"))).await.status, 401);
    }
    assert_eq!(provider.asked(), 2, "unknown keys cause one fetch a minute");

    provider.go_down();
    for (signer, number) in [(&old, 1), (&new, 2), (&old, 3)] {
        let token = signer.token(&claims(&provider, &format!("down-{number}")));
        assert_eq!(ask(&scene, &token).await.status, 200, "keys that are held go on");
    }
    assert_eq!(ask(&scene, &token).await.status, 200);
}

#[tokio::test]
async fn fault_032_an_issuer_that_was_never_reached_is_a_503_and_a_slow_one_holds_up_nobody_else() {
    let signer = Signer::es256("one");
    let provider = IdentityProvider::with(&[&signer]);
    provider.go_down();
    let scene = scene(&provider, EVERYBODY).await;
    let token = signer.token(&claims(&provider, "u-1"));
    let answer = ask(&scene, &token).await;
    assert_eq!((answer.status, &answer.json()["error"]["code"]), (503, &json!("issuer_unavailable")));
    assert!(answer.header("retry-after").is_some());

    provider.be_slow(Duration::from_secs(3), &[&signer]);
    let begun = Instant::now();
    let answer = scene.gateway.client().post(PATH, &chat("chat/m")).send().await;
    assert_eq!(answer.status, 200, "keys do not wait for issuers");
    assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
    loop {
        match ask(&scene, &token).await.status {
            200 => break,
            status => assert_eq!(status, 503),
        }
        assert!(begun.elapsed() < Duration::from_secs(30), "the issuer is asked again by itself");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

#[tokio::test]
async fn sec_020_the_tokens_of_a_person_who_is_disabled_are_refused_within_a_second() {
    let signer = Signer::es256("one");
    let provider = IdentityProvider::with(&[&signer]);
    let upstream = hello();
    let config = |disabled: bool| {
        let (account, issuer) = (account("chat", "openai", &upstream), provider.issuer());
        format!(
            "providers:\n{account}users: {{ada: {{email: ada@example.com, disabled: {disabled}}}}}\nidentity:\n  issuers:\n    \
             - {{name: corp, issuer: '{issuer}', audience: [tollgate], claims: {{user: email}}, models: ['*']}}\n"
        )
    };
    let mut gateway = start(&config(false)).await;
    let mail = |address: &str| signer.token(&with(claims(&provider, "u-1"), &json!({ "email": address })));
    let (ada, stranger) = (mail("Ada@example.com"), mail("eve@example.com"));
    let ask = async |gateway: &Harness, token: &str| {
        gateway.stranger().post(PATH, &chat("chat/m")).header("x-api-key", token).send().await.status
    };
    assert_eq!((ask(&gateway, &ada).await, ask(&gateway, &stranger).await), (200, 401));
    gateway.write_config(&config(true));
    let begun = Instant::now();
    while ask(&gateway, &ada).await != 401 {
        assert!(begun.elapsed() < Duration::from_secs(1), "a token that is known outlives its user");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
