//! The audit log as an auditor meets it.

use std::fs;

use serde_json::Value;

use super::*;

/// Makes a key and disables it: two entries.
fn two_changes(dir: &Path) {
    let text = prints(dir, &["keys", "create", "--name", "a"]);
    let key = Parsed::parse(text.trim()).unwrap();
    prints(dir, &["keys", "disable", key.id]);
}

/// What verification says when it finds fault.
fn faults(dir: &Path, line: &[&str]) -> String {
    let line: Vec<&str> = ["audit", "verify"].iter().chain(line).copied().collect();
    let (out, outcome) = tollgate(dir, &line);
    assert_eq!(outcome.unwrap(), ExitCode::FAILURE, "{out}");
    out
}

fn exported(dir: &Path, format: &str) -> String {
    prints(dir, &["audit", "export", "--format", format])
}

#[test]
fn what_is_done_on_the_command_line_is_listed_with_who_did_it() {
    let dir = tempfile::tempdir().unwrap();
    two_changes(dir.path());
    let list = prints(dir.path(), &["audit", "list", "--json"]);
    let entries: Vec<Value> = list.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let of = |name: &str| entries.iter().map(|entry| entry[name].as_str().unwrap().to_owned()).collect::<Vec<_>>();
    assert_eq!(of("action"), ["keys.disable", "keys.create"]);
    assert!(of("actor").iter().all(|actor| actor.starts_with("cli:")), "{list}");
    assert_eq!(entries[0]["fields"][0], "disabled");
    let creations = prints(dir.path(), &["audit", "list", "--action", "keys.create"]);
    assert_eq!(creations.lines().count(), 2, "a head and one entry: {creations}");
    let good = prints(dir.path(), &["audit", "verify"]);
    assert!(good.starts_with("2 entries are as they were written; 2 checkpoints agree"), "{good}");
}

#[test]
fn sec_037_a_database_restored_from_an_old_copy_is_found_out() {
    let dir = tempfile::tempdir().unwrap();
    let (database, copy) = (dir.path().join("data/tollgate.db"), dir.path().join("copy"));
    two_changes(dir.path());
    fs::copy(&database, &copy).unwrap();
    two_changes(dir.path());
    for rest in ["tollgate.db-wal", "tollgate.db-shm"] {
        let _ = fs::remove_file(dir.path().join("data").join(rest));
    }
    fs::copy(&copy, &database).unwrap();
    let found = faults(dir.path(), &[]);
    assert!(found.starts_with("entry 3: it is missing") && found.contains("tells of entry 4"), "{found}");
    // Going on from the old copy does not hide it.
    two_changes(dir.path());
    assert!(faults(dir.path(), &[]).starts_with("entry 3: "));
}

#[test]
fn sec_037_an_edited_export_is_found_at_its_first_entry() {
    let dir = tempfile::tempdir().unwrap();
    two_changes(dir.path());
    two_changes(dir.path());
    let path = dir.path().join("export.json");
    let verify = |text: &str| {
        fs::write(&path, text).unwrap();
        let line = ["audit", "verify", path.to_str().unwrap()];
        let (out, outcome) = tollgate(dir.path(), &line);
        (out, outcome.unwrap())
    };
    let good = exported(dir.path(), "json");
    assert_eq!(verify(&good).1, ExitCode::SUCCESS);
    let lines: Vec<&str> = good.lines().collect();
    let with = |order: &[usize]| order.iter().map(|at| format!("{}\n", lines[*at])).collect::<String>();
    let actor = serde_json::from_str::<Value>(lines[2]).unwrap()["actor"].as_str().unwrap().to_owned();
    for (edited, seq) in [
        (good.replacen("keys.disable", "keys.enable_", 1), 2),
        (with(&[0, 1, 2]) + &lines[3].replace(&actor, "cli:somebody"), 4),
        (with(&[0, 2, 3]), 2),
        (with(&[0, 2, 1, 3]), 2),
        (with(&[1, 2, 3]), 1),
        (with(&[0]) + "{}\n" + &with(&[2, 3]), 2),
    ] {
        let (out, code) = verify(&edited);
        assert_eq!(code, ExitCode::FAILURE, "{out}");
        assert!(out.starts_with(&format!("entry {seq}: ")), "entry {seq}? {out}");
    }
    // A shorter file is an older one, unless a checkpoint says otherwise.
    let own = dir.path().join("data/audit_checkpoints");
    fs::write(&path, with(&[0, 1])).unwrap();
    let line = [path.to_str().unwrap(), "--checkpoints", own.to_str().unwrap()];
    assert!(faults(dir.path(), &line).starts_with("entry 3: it is missing"));
}

#[test]
fn sec_037_checkpoints_that_were_touched_or_signed_by_strangers_are_told() {
    let dir = tempfile::tempdir().unwrap();
    two_changes(dir.path());
    let file = dir.path().join("data/audit_checkpoints");
    let good = fs::read_to_string(&file).unwrap();
    fs::write(&file, good.replacen("\"seq\":1", "\"seq\":2", 1)).unwrap();
    let found = faults(dir.path(), &[]);
    assert!(found.contains("audit_checkpoints:1: its signature is wrong"), "{found}");
    fs::write(&file, good).unwrap();

    let stranger = tempfile::tempdir().unwrap();
    two_changes(stranger.path());
    let theirs = stranger.path().join("data/audit_checkpoints");
    let found = faults(dir.path(), &["--checkpoints", theirs.to_str().unwrap()]);
    assert!(found.contains("not trusted"), "{found}");
    let key = prints(stranger.path(), &["audit", "key"]);
    let found = faults(dir.path(), &["--checkpoints", theirs.to_str().unwrap(), "--key", key.trim()]);
    assert!(found.starts_with("entry 1: the chain was written anew"), "{found}");
    #[cfg(unix)]
    for name in ["audit_key", "audit_checkpoints"] {
        use std::os::unix::fs::PermissionsExt;
        let mode = fs::metadata(dir.path().join("data").join(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
}

#[test]
fn the_log_is_exported_in_the_formats_of_collectors() {
    let dir = tempfile::tempdir().unwrap();
    two_changes(dir.path());
    let cef = exported(dir.path(), "cef");
    assert!(cef.lines().all(|line| line.starts_with("CEF:0|Tollgate|Tollgate|")), "{cef}");
    let ocsf = exported(dir.path(), "ocsf");
    let classes: Vec<Value> =
        ocsf.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()["type_uid"].clone()).collect();
    assert_eq!(classes, [600_301, 600_303]);
    let later = prints(dir.path(), &["audit", "export", "--after", "1"]);
    assert_eq!(later.lines().count(), 1);
}

#[test]
fn a_person_is_erased_and_the_log_still_verifies() {
    let dir = tempfile::tempdir().unwrap();
    two_changes(dir.path());
    let list = prints(dir.path(), &["audit", "list", "--json"]);
    let actor =
        serde_json::from_str::<Value>(list.lines().next().unwrap()).unwrap()["actor"].as_str().unwrap().to_owned();
    // What erases is done by the same person here, who is entered anew.
    prints(dir.path(), &["audit", "erase", &actor]);
    let list = prints(dir.path(), &["audit", "list"]);
    assert_eq!(list.matches("(erased)").count(), 2, "{list}");
    prints(dir.path(), &["audit", "verify"]);
    assert!(fails(dir.path(), &["audit", "erase", "user:nobody"]).contains("knows nobody called user:nobody"));
}
