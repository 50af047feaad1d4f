//! Who belongs where: keys of people, services, teams and projects, and what becomes of them.

use std::{
    process::{Command, Output},
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use testkit::Harness;

use crate::setup::{chat, start};

const TREE: &str = "
providers: { echo: {} }
organizations: { acme: {} }
teams:
  research: { organization: acme }
  ops: {}
projects:
  atlas: { team: research }
users:
  ada: { organization: acme, teams: { research: developer } }
  bob: { teams: { ops: developer } }
virtual_accounts:
  ci: { project: atlas }
";

/// From a change until every process must act on it.
const SOON: Duration = Duration::from_secs(1);

async fn status(gateway: &Harness, key: &str) -> u16 {
    let call = gateway.stranger().post("/v1/chat/completions", &chat("echo/echo")).header("x-api-key", key);
    call.send().await.status
}

/// `tollgate keys ...` with the gateway's configuration and data.
fn keys(gateway: &Harness, arguments: &[&str]) -> Output {
    let folder = gateway.folder();
    let mut command = Command::new(env!("CARGO_BIN_EXE_tollgate"));
    command.args(["keys", "--data-dir"]).arg(folder.join("data"));
    command
        .arg("--config")
        .arg(folder.join("config.yaml"))
        .env("TOLLGATE_TEST_KEY", gateway.key())
        .args(arguments)
        .output()
        .unwrap()
}

fn create(gateway: &Harness, of: &[&str]) -> String {
    let done = keys(gateway, &[&["create", "--name", "k"], of].concat());
    assert!(done.status.success(), "{of:?}: {}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8(done.stdout).unwrap().trim().to_owned()
}

#[tokio::test]
async fn every_record_says_whose_call_it_was_and_lists_go_by_it() {
    let gateway = start(TREE).await;
    for of in [
        &["--user", "ada"][..],
        &["--user", "ada", "--project", "atlas"],
        &["--virtual-account", "ci"],
        &["--team", "ops"],
    ] {
        assert_eq!(status(&gateway, &create(&gateway, of)).await, 200, "{of:?}");
    }
    assert_eq!(status(&gateway, gateway.key()).await, 200);
    let mut records = gateway.records(5).await;
    records.sort_by_key(|record| record["at"].as_i64());
    let principals: Vec<_> = records.iter().map(|record| record["principal"].clone()).collect();
    assert_eq!(
        principals,
        [
            json!({"organization": "acme", "team": "research", "user": "ada"}),
            json!({"organization": "acme", "team": "research", "project": "atlas", "user": "ada"}),
            json!({"organization": "acme", "team": "research", "project": "atlas", "virtual_account": "ci"}),
            json!({"organization": "default", "team": "ops"}),
            json!({"organization": "default"}),
        ]
    );
    for (query, count) in [
        ("organization=acme", 3),
        ("team=research", 3),
        ("team=res", 0),
        ("project=atlas", 2),
        ("user=ada", 2),
        ("user=ada&project=atlas", 1),
        ("virtual_account=ci", 1),
        ("organization=default", 2),
    ] {
        let list = gateway.admin().get(&format!("/api/v1/requests?{query}")).send().await;
        assert_eq!(list.json()["requests"].as_array().map(Vec::len), Some(count), "{query}: {}", list.text());
    }
    let shown = Command::new(env!("CARGO_BIN_EXE_tollgate"))
        .args(["logs", "--data-dir"])
        .arg(gateway.folder().join("data"))
        .args(["show", records[2]["id"].as_str().unwrap()])
        .output()
        .unwrap();
    let shown = String::from_utf8(shown.stdout).unwrap();
    assert!(shown.contains("virtual account ci, project atlas, team research, organization acme"), "{shown}");
}

#[tokio::test]
async fn sec_020_a_persons_keys_end_with_them_within_a_second() {
    let mut gateway = start(TREE).await;
    let (ada, bob) = (create(&gateway, &["--user", "ada"]), create(&gateway, &["--user", "bob"]));
    for (tree, refused) in [
        (TREE.replace("ada: { organization: acme,", "ada: { organization: acme, disabled: true,"), true),
        (TREE.to_owned(), false),
        // Gone altogether.
        (TREE.replace("ada: {", "zoe: {"), true),
        (TREE.to_owned(), false),
        // No longer in any team: still a person of the organization.
        (TREE.replace("teams: { research: developer }", "teams: {}"), false),
        (TREE.replace("acme: {}", "acme: { disabled: true }"), true),
    ] {
        gateway.write_config(&tree);
        let begun = Instant::now();
        let wanted = if refused { 401 } else { 200 };
        while status(&gateway, &ada).await != wanted {
            assert!(begun.elapsed() < SOON, "not {wanted} with {tree}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        assert_eq!(status(&gateway, &bob).await, 200, "nobody else is concerned");
    }
}

#[tokio::test]
async fn a_key_of_nobody_is_not_made() {
    let gateway = start(TREE).await;
    for (of, why) in [
        (&["--user", "adda"][..], "error: --user: there is no user `adda`; did you mean `ada`?\n"),
        (&["--team", "reserch"], "error: --team: there is no team `reserch`; did you mean `research`?\n"),
        (&["--user", "bob", "--team", "research"], "error: --team: user `bob` is not in team `research`\n"),
    ] {
        let done = keys(&gateway, &[&["create", "--name", "k"], of].concat());
        assert_eq!((done.status.code(), String::from_utf8(done.stderr).unwrap().as_str()), (Some(1), why));
    }
    let list: Value = serde_json::from_slice(&keys(&gateway, &["list", "--json"]).stdout).unwrap();
    assert_eq!(list["keys"], json!([]));
}

#[tokio::test]
async fn case_093_what_a_team_may_not_call_no_key_of_it_may() {
    let tree = TREE
        .replace("research: { organization: acme }", "research: { organization: acme, access: { models: [fast, 'second/*'], operations: [chat] } }")
        .replace("providers: { echo: {} }", "providers: { echo: {}, second: { kind: echo } }\nmodels:\n  fast: { targets: [echo/echo] }\n  both: { targets: [echo/echo, second/echo] }");
    let gateway = start(&tree).await;
    let (ada, bob) = (create(&gateway, &["--user", "ada"]), create(&gateway, &["--user", "bob"]));
    let ask = async |key: &str, path: &str, body: &Value| {
        let answer = gateway.stranger().post(path, body).header("x-api-key", key).send().await;
        (answer.status, answer.text())
    };
    const CHAT: &str = "/v1/chat/completions";
    for (model, status) in [("fast", 200), ("second/echo", 200), ("both", 200), ("echo/echo", 403), ("nothing", 404)] {
        let (got, text) = ask(&ada, CHAT, &chat(model)).await;
        assert_eq!(got, status, "{model}: {text}");
        assert_eq!(got == 403, text.contains("team research may not use the model"), "{text}");
    }
    let records = gateway.records(5).await;
    let both = records.iter().find(|record| record["model"] == "both").unwrap();
    assert_eq!(both["target"], "second/echo", "the target that the team may not use is left out");
    assert_eq!(ask(&bob, CHAT, &chat("echo/echo")).await.0, 200);

    let embed = json!({"model": "fast", "input": "hello"});
    let (status, text) = ask(&ada, "/v1/embeddings", &embed).await;
    assert_eq!(status, 403, "{text}");
    assert!(text.contains("its `operations` do not list it"), "{text}");

    let listed = gateway.stranger().get("/v1/models").header("x-api-key", &ada).send().await.json();
    let mut names: Vec<_> =
        listed["data"].as_array().unwrap().iter().map(|model| model["id"].as_str().unwrap().to_owned()).collect();
    names.sort();
    assert_eq!(names, ["both", "fast"]);
}
