//! Who is told that a provider no longer takes our credential.

use std::{
    io::{BufRead, BufReader, Write},
    net::{Ipv4Addr, TcpListener},
    sync::{Arc, Mutex},
    time::Duration,
};

use serde_json::json;
use testkit::{Answer, Harness, Upstream};

use crate::setup::{account, chat};

/// A gateway whose provider refuses every credential, with these recipients.
async fn scene(recipients: &str) -> (Upstream, Harness) {
    let refuses = Answer::json(401, &json!({ "error": { "message": "no", "code": "invalid_api_key" } }));
    let upstream = Upstream::answering(refuses);
    let config = format!("providers:\n{}alerts:\n{recipients}", account("chat", "openai", &upstream));
    let setup = Harness::of(env!("CARGO_BIN_EXE_tollgate"), &config);
    let gateway = setup.env("PROVIDER_KEY", &testkit::harness::mint()).env("SIGNING_KEY", &signing_key()).start().await;
    (upstream, gateway)
}

fn signing_key() -> String {
    use base64::{Engine, engine::general_purpose::STANDARD};
    format!("whsec_{}", STANDARD.encode(b"a key of this test, and no secret"))
}

async fn fail(gateway: &Harness) {
    let answer = gateway.client().post("/v1/chat/completions", &chat("chat/m")).send().await;
    assert_eq!(answer.status, 502, "{}", answer.text());
}

#[tokio::test]
async fn a_refused_credential_is_told_once_to_all_who_want_to_know() {
    let (webhook, slack, pager) = (
        Upstream::answering(Answer::new(204)),
        Upstream::answering(Answer::new(200)),
        Upstream::answering(Answer::new(202)),
    );
    let deaf = Upstream::answering(Answer::new(200));
    let recipients = format!(
        "  - {{name: hook, kind: webhook, url: '{}/in?x=1', secret: '${{SIGNING_KEY}}', private: true}}\n\
         \x20 - {{name: chat, kind: slack, url: '{}/services/t', private: true}}\n\
         \x20 - {{name: pager, kind: pagerduty, url: '{}/v2/enqueue', routing_key: '${{PROVIDER_KEY}}', private: true}}\n\
         \x20 - {{name: deaf, kind: slack, url: '{}', private: true, on: [limit_warning]}}\n",
        webhook.url(),
        slack.url(),
        pager.url(),
        deaf.url()
    );
    let (_upstream, gateway) = scene(&recipients).await;
    for _ in 0..3 {
        fail(&gateway).await;
    }
    let told = webhook.until("the alert", |seen| !seen.is_empty()).await.remove(0);
    assert_eq!((told.method.as_str(), told.path.as_str()), ("POST", "/in?x=1"));
    let body = told.json();
    assert_eq!(body["type"], "tollgate.credential_refused");
    assert_eq!((&body["data"]["account"], &body["data"]["status"]), (&json!("chat"), &json!(401)));
    let (id, time) = (told.header("webhook-id").unwrap(), told.header("webhook-timestamp").unwrap());
    let now = gateway_seconds();
    assert!((time.parse::<i64>().unwrap() - now).abs() < 60, "{time} is not {now}");
    let signed = [id.as_bytes(), b".", time.as_bytes(), b".", &told.body].concat();
    let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, b"a key of this test, and no secret");
    let tag = {
        use base64::{Engine, engine::general_purpose::STANDARD};
        STANDARD.encode(aws_lc_rs::hmac::sign(&key, &signed))
    };
    assert_eq!(told.header("webhook-signature"), Some(format!("v1,{tag}").as_str()));

    slack.until("the alert", |seen| !seen.is_empty()).await;
    assert!(
        slack.last().json()["text"].as_str().unwrap().contains("account chat refuses"),
        "{:?}",
        slack.last().json()
    );
    pager.until("the alert", |seen| !seen.is_empty()).await;
    assert_eq!(pager.last().json()["dedup_key"], "credential_refused/chat");

    fail(&gateway).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    for recipient in [&webhook, &slack, &pager] {
        assert_eq!(recipient.requests().len(), 1, "told once");
    }
    assert_eq!(deaf.requests().len(), 0, "it did not ask for this");
    assert_eq!(gateway.metrics().await.sum("tollgate_alerts_total", &[("outcome", "delivered")]), Some(3.0));
}

fn gateway_seconds() -> i64 {
    gateway::clock::now_seconds()
}

#[tokio::test]
async fn sec_031_a_redirect_is_not_followed_and_a_public_webhook_never_leads_inside() {
    let inside = Upstream::answering(Answer::new(204));
    let redirecting = Upstream::answering(Answer::new(307).header("location", &format!("{}/stolen", inside.url())));
    let recipients = format!(
        "  - {{name: moved, kind: webhook, url: '{}', secret: '${{SIGNING_KEY}}', private: true}}\n\
         \x20 - {{name: local, kind: slack, url: 'https://127.0.0.1:8443/x'}}\n\
         \x20 - {{name: metadata, kind: slack, url: 'https://[::ffff:a9fe:a9fe]/x'}}\n",
        redirecting.url()
    );
    let (_upstream, gateway) = scene(&recipients).await;
    fail(&gateway).await;
    redirecting.until("the alert", |seen| !seen.is_empty()).await;
    let begun = std::time::Instant::now();
    // The public ones are tried again: a name may resolve elsewhere later. An address will not, and it costs nothing.
    while gateway.metrics().await.sum("tollgate_alerts_total", &[("outcome", "failed")]) < Some(3.0) {
        assert!(begun.elapsed() < Duration::from_secs(20), "{}", gateway.log());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(redirecting.requests().len(), 1, "a redirect is final");
    assert_eq!(inside.requests().len(), 0);
    assert!(gateway.log().contains("not a public host"), "{}", gateway.log());
}

#[tokio::test]
async fn a_mail_is_sent_by_the_operators_server() {
    let (port, mails) = mail_server();
    let recipients = format!(
        "  - {{name: ops, kind: email, smtp: {{host: 127.0.0.1, port: {port}, security: none}}, \
         from: tollgate@example.com, to: [ops@example.com, boss@example.com]}}\n"
    );
    let (_upstream, gateway) = scene(&recipients).await;
    fail(&gateway).await;
    let begun = std::time::Instant::now();
    loop {
        let mail = mails.lock().unwrap().clone();
        if mail.ends_with("QUIT\r\n") || mail.contains("\r\n.\r\n") {
            assert!(mail.contains("RCPT TO:<boss@example.com>"), "{mail}");
            assert!(mail.contains("Subject: [tollgate] the provider of account chat refuses"), "{mail}");
            assert!(mail.contains("Auto-Submitted: auto-generated"), "{mail}");
            return;
        }
        assert!(begun.elapsed() < Duration::from_secs(20), "{mail}\n{}", gateway.log());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// A mail server that takes one mail, and what it was told.
fn mail_server() -> (u16, Arc<Mutex<String>>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    let told = Arc::new(Mutex::new(String::new()));
    let heard = told.clone();
    std::thread::spawn(move || {
        let (mut socket, _) = listener.accept().unwrap();
        let mut lines = BufReader::new(socket.try_clone().unwrap());
        socket.write_all(b"220 test ESMTP\r\n").unwrap();
        let mut in_data = false;
        loop {
            let mut line = String::new();
            if lines.read_line(&mut line).unwrap_or(0) == 0 {
                return;
            }
            heard.lock().unwrap().push_str(&line);
            let answer: &[u8] = match line.get(..4).unwrap_or_default() {
                _ if in_data && line != ".\r\n" => continue,
                "DATA" => {
                    in_data = true;
                    b"354 go on\r\n"
                }
                "QUIT" => b"221 bye\r\n",
                _ => {
                    in_data = false;
                    b"250 OK\r\n"
                }
            };
            socket.write_all(answer).unwrap();
        }
    });
    (port, told)
}
