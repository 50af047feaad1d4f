//! Commands as an operator types them.

mod audit;

use std::path::Path;

use gateway::{
    ledger::journal::{Folder, Most, recover},
    observe::{Attempt, Outcome as Ended, Record},
};
use govern::{config::snapshot::JournalRule, key::Parsed};

use super::*;

/// Runs a command line in this directory's data; gives what it printed and its exit code's text.
fn tollgate(dir: &Path, line: &[&str]) -> (String, anyhow::Result<ExitCode>) {
    let data = dir.join("data");
    let mut words = vec!["tollgate"];
    words.extend(line);
    if matches!(line.first(), Some(&("audit" | "keys" | "ledger" | "logs" | "prices"))) {
        words.splice(2..2, ["--data-dir", data.to_str().unwrap()]);
    }
    let cli = Cli::try_parse_from(words).unwrap();
    let mut out = Vec::new();
    let outcome = run(cli.command, &mut out);
    (String::from_utf8(out).unwrap(), outcome)
}

/// What a command that must succeed printed.
fn prints(dir: &Path, line: &[&str]) -> String {
    let (out, outcome) = tollgate(dir, line);
    assert_eq!(outcome.unwrap(), ExitCode::SUCCESS, "{line:?}");
    out
}

fn fails(dir: &Path, line: &[&str]) -> String {
    let (out, outcome) = tollgate(dir, line);
    assert_eq!(out, "", "{line:?}");
    format!("{:#}", outcome.unwrap_err())
}

fn file(dir: &Path, text: &str) -> String {
    let path = dir.join("tollgate.yaml");
    std::fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

/// The settings of an account at this address, with a credential of its own.
fn account(address: &str) -> String {
    let credential = uuid::Uuid::now_v7().simple();
    format!("kind: openai_like\n    base_url: http://{address}/v1\n    api_key: {credential}")
}

#[test]
fn the_commands_are_well_formed() {
    use clap::CommandFactory;
    Cli::command().debug_assert();
}

#[test]
fn check_tells_by_its_exit_code() {
    let dir = tempfile::tempdir().unwrap();
    let check = |text: &str, more: &[&str]| {
        let path = file(dir.path(), text);
        let line: Vec<&str> = ["check", path.as_str()].into_iter().chain(more.iter().copied()).collect();
        let (out, outcome) = tollgate(dir.path(), &line);
        (out, outcome.unwrap())
    };
    let good = "providers:\n  echo: {}\n";
    assert_eq!(check(good, &["--strict"]).1, ExitCode::SUCCESS);
    let (out, code) = check("providers:\n  echo: {}\nlissten: 127.0.0.1:1\n", &[]);
    assert_eq!(code, ExitCode::FAILURE);
    assert!(out.contains("tollgate.yaml:3:1") && out.contains("1 error, 0 warnings"), "{out}");
    let warns = "providers:\n  echo: {}\nkeys:\n- {name: old, id: AAAAAAAAAAAA, expires: 2001-01-01, hash: 'hmac-sha256:HASH'}\n"
        .replace("HASH", &"0".repeat(64));
    assert_eq!(check(&warns, &[]).1, ExitCode::SUCCESS);
    let (out, code) = check(&warns, &["--strict"]);
    assert_eq!(code, ExitCode::from(2), "{out}");
    let (out, _) = check("providers: 5", &["--format", "json"]);
    let report: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!((&report["errors"], &report["problems"][0]["line"]), (&1.into(), &1.into()), "{report}");
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let dir = tempfile::tempdir().unwrap();
    assert!(fails(dir.path(), &["check", "/nowhere/tollgate.yaml"]).contains("/nowhere/tollgate.yaml"));
}

#[test]
fn the_schema_is_json() {
    let dir = tempfile::tempdir().unwrap();
    let schema: serde_json::Value = serde_json::from_str(&prints(dir.path(), &["schema"])).unwrap();
    assert!(schema["properties"]["providers"].is_object());
}

#[test]
fn completions_know_the_commands() {
    let dir = tempfile::tempdir().unwrap();
    for shell in ["bash", "zsh", "fish"] {
        assert!(prints(dir.path(), &["completions", shell]).contains("doctor"), "{shell}");
    }
}

#[test]
fn a_key_lives_and_dies() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    let created = prints(
        dir,
        &["keys", "create", "--name", "me", "--models", "chat,openai/*", "--expires", "90d", "--env", "test"],
    );
    let parsed = Parsed::parse(created.trim()).unwrap();
    let id = parsed.id;
    let list = || -> serde_json::Value { serde_json::from_str(&prints(dir, &["keys", "list", "--json"])).unwrap() };
    let key = list()["keys"][0].clone();
    assert_eq!(
        (&key["id"], &key["name"], &key["env"], &key["state"]),
        (&id.into(), &"me".into(), &"test".into(), &"active".into())
    );
    assert_eq!(key["models"], serde_json::json!(["chat", "openai/*"]));
    let days = (key["expires_at"].as_i64().unwrap() - key["created_at"].as_i64().unwrap()) / 86_400_000_000;
    assert_eq!(days, 90);

    let rotated = prints(dir, &["keys", "rotate", id, "--overlap", "1h"]);
    assert_ne!(rotated, created);
    assert_eq!(Parsed::parse(rotated.trim()).unwrap().id, id);
    assert!(list()["keys"][0]["old_secret_until"].is_i64());
    prints(dir, &["keys", "disable", id]);
    assert_eq!(list()["keys"][0]["state"], "disabled");
    prints(dir, &["keys", "enable", id]);
    assert_eq!(list()["keys"][0]["state"], "active");
    let table = prints(dir, &["keys", "list"]);
    assert!(table.starts_with("ID ") && table.contains(id), "{table}");
    for secret in [&created, &rotated] {
        assert!(!table.contains(secret.split('_').nth(3).unwrap()));
    }
    prints(dir, &["keys", "delete", id]);
    assert_eq!(list()["keys"], serde_json::json!([]));
    for command in ["disable", "enable", "rotate", "delete"] {
        assert!(fails(dir, &["keys", command, id]).contains("tollgate keys list"), "{command}");
    }
}

#[test]
fn a_wrong_key_is_not_made() {
    let dir = tempfile::tempdir().unwrap();
    for (line, expected) in [
        (vec!["--name", " "], "--name"),
        (vec!["--name", "x", "--models", "a,,b"], "--models"),
        (vec!["--name", "x", "--models", "*a*"], "--models"),
        (vec!["--name", "x", "--expires", "soon"], "--expires"),
        (vec!["--name", "x", "--expires", "2001-01-01"], "over already"),
        (vec!["--name", "x", "--expires=-1d"], "negative"),
    ] {
        let line: Vec<&str> = ["keys", "create"].into_iter().chain(line).collect();
        assert!(fails(dir.path(), &line).contains(expected), "{line:?}");
    }
    assert_eq!(prints(dir.path(), &["keys", "list", "--json"]).matches("\"id\"").count(), 0);
}

#[test]
fn models_have_their_targets_and_prices() {
    let dir = tempfile::tempdir().unwrap();
    let path = file(
        dir.path(),
        &format!(
            "providers:\n  eu:\n    {}\n    prices: {{m: {{input: 0.25, output: 2}}}}\n  echo: {{}}\nmodels:\n  fast: {{targets: [eu/m, \
             echo/echo]}}\n",
            account("127.0.0.1:1")
        ),
    );
    let report: serde_json::Value =
        serde_json::from_str(&prints(dir.path(), &["models", "--config", &path, "--json"])).unwrap();
    assert_eq!(report["models"][0]["model"], "fast");
    assert_eq!(report["models"][0]["target"], "eu/m");
    assert_eq!(report["models"][0]["usd_per_million"]["input"], 0.25);
    assert_eq!(report["models"][1]["target"], "echo/echo");
    let table = prints(dir.path(), &["models", "--config", &path]);
    assert!(table.contains("fast   eu/m       0.25"), "{table}");
}

fn keep(dir: &Path, records: &[Record]) {
    let kept = async {
        let store = store::Store::open(&dir.join("data")).await?;
        store.keep(records).await?;
        store.close().await;
        Ok(ExitCode::SUCCESS)
    };
    wait(kept).unwrap();
}

fn record(model: &str) -> Record {
    Record {
        id: uuid::Uuid::now_v7(),
        at: 1_800_000_000_000_000,
        model: Some(model.into()),
        status: 502,
        outcome: Ended::Failed,
        error: Some("provider_error".into()),
        attempts: vec![Attempt {
            target: "openai/gpt".into(),
            started: 1_000,
            latency: 2_000,
            failure: Some("connect".into()),
            ..Attempt::default()
        }],
        ..Record::default()
    }
}

#[test]
fn logs_are_shown_in_lines_and_whole() {
    let dir = tempfile::tempdir().unwrap();
    let records = [record("first"), Record { status: 200, ..record("second") }];
    keep(dir.path(), &records);
    let lines = prints(dir.path(), &["logs", "tail", "--once"]);
    let lines: Vec<&str> = lines.lines().collect();
    assert_eq!(lines.len(), 3, "a head and two records: {lines:?}");
    assert!(lines[1].contains("first") && lines[1].ends_with(&records[0].id.to_string()), "oldest first");
    for (column, cell) in [("STATUS", "502"), ("MODEL", "first"), ("ID", &records[0].id.to_string())] {
        let end = if column == "STATUS" {
            lines[0].find(column).unwrap() + 6 - cell.len()
        } else {
            lines[0].find(column).unwrap()
        };
        assert_eq!(
            lines[1].get(end..end + cell.len()),
            Some(cell),
            "{column} stands under its head:\n{}\n{}",
            lines[0],
            lines[1]
        );
    }
    let filtered = prints(dir.path(), &["logs", "tail", "--once", "--status", "2xx", "--json"]);
    assert_eq!(serde_json::from_str::<Record>(&filtered).unwrap(), records[1]);
    let whole = prints(dir.path(), &["logs", "show", &records[0].id.to_string()]);
    assert!(whole.contains("provider_error") && whole.contains("attempt 1") && whole.contains("connect"), "{whole}");
    let unknown = uuid::Uuid::now_v7().to_string();
    assert!(fails(dir.path(), &["logs", "show", &unknown]).contains(&unknown));
}

#[test]
fn a_record_cannot_play_tricks_on_a_terminal() {
    let dir = tempfile::tempdir().unwrap();
    let hostile = record("a\u{1b}[2J\r\nb\u{202e}c\u{9b}0m");
    keep(dir.path(), std::slice::from_ref(&hostile));
    for line in [vec!["logs", "tail", "--once"], vec!["logs", "show", &hostile.id.to_string()]] {
        let out = prints(dir.path(), &line);
        assert!(!out.contains(['\u{1b}', '\r', '\u{202e}', '\u{9b}']), "{out:?}");
        assert!(out.contains("a\\u{1b}[2J"), "{out}");
    }
}

#[test]
fn the_doctor_names_what_is_wrong() {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let dir = tempfile::tempdir().unwrap();
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let data = dir.path().join("data");
    let path = file(
        dir.path(),
        &format!("data_dir: {}\nproviders:\n  gone:\n    {}\n", data.display(), account(&closed.to_string())),
    );
    let (out, outcome) = tollgate(dir.path(), &["doctor", "--config", &path]);
    assert_eq!(outcome.unwrap(), ExitCode::FAILURE);
    assert!(out.contains("ok    configuration") && out.contains("ok    data directory"), "{out}");
    assert!(out.contains("WRONG provider account gone"), "{out}");
}

#[test]
fn the_doctor_finds_a_provider_and_a_wrong_clock() {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let dir = tempfile::tempdir().unwrap();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let asked = std::thread::spawn(move || {
        use std::io::Read;
        let (mut socket, _) = listener.accept().unwrap();
        let mut request = vec![0; 4096];
        let length = socket.read(&mut request).unwrap();
        let answer = "HTTP/1.1 404 Not Found\r\ndate: Sun, 06 Nov 1994 08:49:37 GMT\r\ncontent-length: 0\r\n\r\n";
        socket.write_all(answer.as_bytes()).unwrap();
        String::from_utf8(request[..length].to_vec()).unwrap()
    });
    let account = account(&address.to_string());
    let credential = account.rsplit(' ').next().unwrap();
    let data = dir.path().join("data");
    let path = file(dir.path(), &format!("data_dir: {}\nproviders:\n  here:\n    {account}\n", data.display()));
    let (out, outcome) = tollgate(dir.path(), &["doctor", "--config", &path]);
    assert_eq!(outcome.unwrap(), ExitCode::FAILURE, "the clock is off");
    assert!(out.contains("ok    provider account here") && out.contains("WRONG clock"), "{out}");
    let request = asked.join().unwrap();
    assert!(request.starts_with("HEAD /v1 HTTP/1.1") && !request.contains(credential), "{request}");
}

#[test]
fn ledger_verify_says_what_is_damaged_and_by_its_exit_code() {
    let dir = tempfile::tempdir().unwrap();
    assert_eq!(prints(dir.path(), &["ledger", "verify"]), "the journal is whole\n");
    let journal = dir.path().join("data/journal");
    {
        let (own, _) = Folder::take(&journal).unwrap();
        let metrics = gateway::observe::Metrics::new("test");
        let (journal, _) =
            recover(std::sync::Arc::new(own), &[], JournalRule::default(), &metrics, &|_, _| {}).unwrap();
        for _ in 0..3 {
            journal.hold(&Record { id: uuid::Uuid::now_v7(), ..Record::default() }, Most::default()).unwrap();
        }
    }
    let whole = prints(dir.path(), &["ledger", "verify"]);
    assert!(
        whole.starts_with("1: 1 segments, ") && whole.contains("3 holds, 0 checkpoints, 0 settled, 3 not"),
        "{whole}"
    );
    let segment = journal.join("1/0000000001.log");
    let mut bytes = std::fs::read(&segment).unwrap();
    bytes[60] ^= 1;
    std::fs::write(&segment, &bytes).unwrap();
    let (out, outcome) = tollgate(dir.path(), &["ledger", "verify", "--json"]);
    assert_eq!(outcome.unwrap(), ExitCode::FAILURE);
    let told: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!((&told["whole"], &told["folders"][0]["unsettled"]), (&false.into(), &2.into()), "{told}");
    assert!(told["folders"][0]["damage"][0]["what"]["unreadable"]["bytes"].is_u64(), "{told}");
    let (out, _) = tollgate(dir.path(), &["ledger", "verify"]);
    assert!(out.contains("1: DAMAGED segment 1 at byte 24: "), "{out}");
}
