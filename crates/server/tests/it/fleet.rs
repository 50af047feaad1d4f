//! Several gateways on one PostgreSQL: what one is told all know, and what the database suffers callers do not.
//!
//! Where PostgreSQL is not installed, each of these says that it is skipped.

use std::{
    process::Command,
    time::{Duration, Instant},
};

use serde_json::Value;
use testkit::{
    Harness, Postgres, Upstream,
    fixture::{openai_chat_text, openai_usage},
};

use crate::setup::{chat, output_of};

const PATH: &str = "/v1/chat/completions";

/// From a change until every process must act on it.
const SOON: Duration = Duration::from_secs(1);

/// Longest wait of a caller whom only the database could help.
const REFUSED_WITHIN: Duration = Duration::from_secs(4);

/// Some gateways on one database.
struct Fleet {
    replicas: Vec<Harness>,
    server: Postgres,
    url: String,
    pepper: String,
    _upstream: Upstream,
}

impl Fleet {
    async fn of(size: usize) -> Option<Self> {
        let server = Postgres::alone()?;
        let (url, pepper) = (server.database(), random_hex());
        let upstream = Upstream::by(|_| openai_chat_text("hello", &openai_usage(7, 3)));
        let config = format!(
            "database: {{ url: \"${{DATABASE_URL}}\" }}\npepper: \"${{TOLLGATE_PEPPER}}\"\nproviders:\n  chat: {{ kind: \
             openai_like, base_url: \"{}/v1\", api_key: a-key-of-nobody }}\n",
            upstream.url()
        );
        let start = |_| {
            Harness::of(env!("CARGO_BIN_EXE_tollgate"), &config)
                .env("DATABASE_URL", &url)
                .env("TOLLGATE_PEPPER", &pepper)
                .start()
        };
        // All at once: the schema is made by one of them.
        let replicas = futures_util::future::join_all((0..size).map(start)).await;
        Some(Self { replicas, server, url, pepper, _upstream: upstream })
    }

    /// `tollgate keys ...` with a replica's configuration.
    fn keys(&self, replica: usize, arguments: &[&str]) -> String {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tollgate"));
        command.env_clear().env("DATABASE_URL", &self.url).env("TOLLGATE_PEPPER", &self.pepper);
        command.env("TOLLGATE_TEST_KEY", self.replicas[replica].key());
        command.arg("keys").arg("--config").arg(self.replicas[replica].folder().join("config.yaml")).args(arguments);
        output_of(&mut command)
    }

    async fn ask(&self, replica: usize, key: &str) -> u16 {
        let call = self.replicas[replica].stranger().post(PATH, &chat("chat/m")).header("x-api-key", key);
        call.send().await.status
    }

    async fn until_all(&self, key: &str, status: u16, within: Duration) {
        let begun = Instant::now();
        for replica in 0..self.replicas.len() {
            loop {
                let found = self.ask(replica, key).await;
                if found == status {
                    break;
                }
                assert!(begun.elapsed() < within, "replica {replica}: still {found} after {:?}", begun.elapsed());
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        }
    }
}

fn id(key: &str) -> &str {
    key.split('_').nth(2).unwrap()
}

fn random_hex() -> String {
    let random = || testkit::harness::mint();
    // Digits of two keys' checksums and secrets, as bytes: random enough to pass for a pepper.
    let bytes: Vec<u8> = random()
        .bytes()
        .zip(random().bytes())
        .map(|(one, other)| one.wrapping_mul(31) ^ other.wrapping_mul(7))
        .collect();
    bytes.iter().skip(20).take(32).map(|byte| format!("{byte:02x}")).collect()
}

#[tokio::test]
async fn case_097_a_key_of_one_replica_is_good_at_all_and_ends_at_all_within_a_second() {
    let Some(fleet) = Fleet::of(3).await else { return };
    let key = fleet.keys(0, &["create", "--name", "shared"]);
    for replica in 0..3 {
        assert_eq!(fleet.ask(replica, &key).await, 200, "replica {replica}, at once");
    }
    for change in [["disable", "401"], ["enable", "200"], ["delete", "401"]] {
        fleet.keys(1, &[change[0], id(&key)]);
        fleet.until_all(&key, change[1].parse().unwrap(), SOON).await;
    }
    // All are in one list, whoever is asked.
    let records = fleet.replicas[2].records(3).await;
    let ours = records.iter().filter(|record| record["key_id"] == id(&key) && record["status"] == 200).count();
    assert!(ours >= 3, "{ours}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sec_020_a_key_is_revoked_everywhere_while_it_is_in_use() {
    let Some(fleet) = Fleet::of(3).await else { return };
    let key = fleet.keys(0, &["create", "--name", "busy"]);
    let stop = tokio_util::sync::CancellationToken::new();
    let load = futures_util::future::join_all((0..12).map(|client| {
        let (fleet, key, stop) = (&fleet, &key, &stop);
        async move {
            let mut last_good = None;
            while !stop.is_cancelled() {
                match fleet.ask(client % 3, key).await {
                    200 => last_good = Some(Instant::now()),
                    401 => {}
                    other => panic!("{other}"),
                }
            }
            last_good
        }
    }));
    let revoke = async {
        tokio::time::sleep(Duration::from_millis(500)).await;
        let fleet = &fleet;
        let revoked = tokio::task::block_in_place(|| {
            fleet.keys(1, &["disable", id(&key)]);
            Instant::now()
        });
        tokio::time::sleep(Duration::from_secs(3)).await;
        stop.cancel();
        revoked
    };
    let (last_good, revoked) = tokio::join!(load, revoke);
    let late = last_good.into_iter().flatten().filter_map(|at| at.checked_duration_since(revoked)).max();
    println!("the last accepted call ended {late:?} after the revocation");
    assert!(late.unwrap_or_default() < SOON, "{late:?}");
}

/// What holds while the database does not serve.
async fn works_without_the_database(fleet: &Fleet, known: &str) {
    let stranger = testkit::harness::mint();
    let begun = Instant::now();
    let mut calls = 0;
    while begun.elapsed() < Duration::from_secs(6) {
        for replica in 0..fleet.replicas.len() {
            assert_eq!(fleet.ask(replica, known).await, 200, "a known key, after {:?}", begun.elapsed());
            calls += 1;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    for (replica, gateway) in fleet.replicas.iter().enumerate() {
        let asked = Instant::now();
        assert_eq!(fleet.ask(replica, &stranger).await, 503, "an unknown key is not called wrong");
        assert!(asked.elapsed() < REFUSED_WITHIN, "{:?}", asked.elapsed());
        let asked = Instant::now();
        let answer = gateway.admin().get("/api/v1/requests").send().await;
        assert_eq!(answer.status, 503, "{}", answer.text());
        assert!(asked.elapsed() < REFUSED_WITHIN, "{:?}", asked.elapsed());
    }
    println!("{calls} calls of a known key, all answered");
}

/// What holds once it serves again, without a restart.
async fn recovers(fleet: &Fleet, known: &str) {
    let stranger = testkit::harness::mint();
    fleet.until_all(&stranger, 401, Duration::from_secs(10)).await;
    let fresh = fleet.keys(0, &["create", "--name", "fresh"]);
    fleet.until_all(&fresh, 200, SOON).await;
    fleet.keys(0, &["disable", id(known)]);
    fleet.until_all(known, 401, SOON).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fault_014_a_database_that_is_killed_costs_no_call_of_a_known_key() {
    let Some(fleet) = Fleet::of(3).await else { return };
    let key = fleet.keys(0, &["create", "--name", "known"]);
    fleet.until_all(&key, 200, SOON).await;
    // Another key changes just before: what is known must outlive that.
    fleet.keys(0, &["create", "--name", "other"]);
    fleet.server.kill();
    works_without_the_database(&fleet, &key).await;
    fleet.server.start();
    recovers(&fleet, &key).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fault_014_a_database_that_hangs_hangs_nobody() {
    let Some(fleet) = Fleet::of(3).await else { return };
    let key = fleet.keys(0, &["create", "--name", "known"]);
    fleet.until_all(&key, 200, SOON).await;
    fleet.server.freeze();
    works_without_the_database(&fleet, &key).await;
    fleet.server.thaw();
    recovers(&fleet, &key).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn case_081_a_database_that_can_only_be_read_goes_on_admitting_keys() {
    let Some(fleet) = Fleet::of(2).await else { return };
    let key = fleet.keys(0, &["create", "--name", "known"]);
    let second = fleet.keys(0, &["create", "--name", "second"]);
    fleet.until_all(&key, 200, SOON).await;
    fleet.server.ask("postgres", "ALTER SYSTEM SET default_transaction_read_only = on");
    fleet.server.ask("postgres", "SELECT pg_reload_conf()");
    for replica in 0..2 {
        assert_eq!(fleet.ask(replica, &key).await, 200);
        assert_eq!(fleet.ask(replica, &second).await, 200, "a key can still be read");
        assert_eq!(fleet.replicas[replica].admin().get("/api/v1/requests").send().await.status, 200);
    }
    fleet.server.ask("postgres", "ALTER SYSTEM RESET default_transaction_read_only");
    fleet.server.ask("postgres", "SELECT pg_reload_conf()");
    recovers(&fleet, &key).await;
}

#[tokio::test]
async fn sec_002_a_replica_with_another_pepper_does_not_start() {
    let Some(fleet) = Fleet::of(1).await else { return };
    let mut command = Command::new(env!("CARGO_BIN_EXE_tollgate"));
    command.env_clear().env("DATABASE_URL", &fleet.url).env("TOLLGATE_PEPPER", random_hex());
    command.env("TOLLGATE_TEST_KEY", testkit::harness::mint());
    command.arg("serve").arg("--config").arg(fleet.replicas[0].folder().join("config.yaml"));
    let output = command.output().unwrap();
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && text.contains("TOLLGATE_PEPPER"), "{text}");
    let log: Value = Value::String(fleet.replicas[0].log());
    assert!(!log.to_string().contains(&fleet.pepper), "a secret in the log");
}
