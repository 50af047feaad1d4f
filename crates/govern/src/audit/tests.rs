use serde_json::json;
use zeroize::Zeroizing;

use super::*;

fn party(name: &str) -> Party {
    Party::new(name, Zeroizing::new([name.len() as u8; 32]))
}

fn chain(length: i64) -> Vec<Entry> {
    let mut head = (0, GENESIS.to_owned());
    let alice = party("user:alice");
    let entries = (1..=length).map(|at| {
        let entry = Entry {
            at,
            actor: alice.id.clone(),
            tenant: "default".into(),
            action: "keys.create".into(),
            target: format!("key/{at}"),
            after_hash: state_hash(Some(&json!({ "name": at })), None),
            ..Entry::default()
        };
        let entry = entry.chained((head.0, &head.1));
        head = (entry.seq, entry.hash.clone());
        entry
    });
    entries.collect()
}

fn lines(entries: &[Entry]) -> String {
    entries.iter().map(|entry| format!("{}\t{}\n", entry.canonical(), entry.hash)).collect()
}

fn verify(entries: &[Entry], checkpoints: &[Checkpoint]) -> Result<Verified, Finding> {
    let mut verifier = Verifier::new(checkpoints.to_vec());
    let text = lines(entries);
    // In two pieces, as the store yields them.
    let middle = text.match_indices('\n').nth(entries.len() / 2).map_or(0, |(at, _)| at + 1);
    verifier.take(&text.as_bytes()[..middle])?;
    verifier.take(&text.as_bytes()[middle..])?;
    verifier.finish(None)
}

fn rehashed(entry: &Entry) -> Entry {
    Entry { hash: sha256(entry.canonical().as_bytes()), ..entry.clone() }
}

fn key() -> CheckpointKey {
    CheckpointKey::new(&[9; 32]).unwrap()
}

#[test]
fn a_chain_that_was_left_alone_is_good() {
    let entries = chain(10);
    let checkpoint = key().sign(7, &entries[6].hash, 1);
    let verified = verify(&entries, &[checkpoint]).unwrap();
    assert_eq!((verified.entries, verified.checkpoints), (10, 1));
    assert_eq!(verified.head, entries[9].hash);
    assert_eq!(verify(&[], &[]).unwrap().entries, 0);
}

/// Where each kind of touch is found.
#[test]
fn every_touch_is_found_at_the_first_entry_that_is_wrong() {
    type Touch = fn(&mut Vec<Entry>);
    let touches: &[(&str, i64, Touch)] = &[
        ("changed", 5, |e| e[4].action = "keys.delete".into()),
        ("changed with its hash", 5, |e| {
            e[4].action = "keys.delete".into();
            e[4] = rehashed(&e[4]);
        }),
        ("the first changed with its hash", 1, |e| {
            e[0].tenant = "other".into();
            e[0] = rehashed(&e[0]);
        }),
        ("time changed", 3, |e| e[2].at += 1),
        ("a tab moved between fields", 5, |e| {
            e[4].action = "keys".into();
            e[4].tenant = "default\tcreate".into();
        }),
        ("a line break put in", 5, |e| e[4].target.push('\n')),
        ("deleted", 5, |e| drop(e.remove(4))),
        ("the first deleted", 1, |e| drop(e.remove(0))),
        ("deleted and numbered anew", 5, |e| {
            e.remove(4);
            e[4..].iter_mut().for_each(|entry| entry.seq -= 1);
        }),
        ("deleted, numbered and hashed anew", 5, |e| {
            e.remove(4);
            e[4..].iter_mut().for_each(|entry| {
                entry.seq -= 1;
                *entry = rehashed(entry);
            });
        }),
        ("swapped", 4, |e| {
            e.swap(3, 6);
            (e[3].seq, e[6].seq) = (4, 7);
        }),
        ("swapped in the file", 4, |e| e.swap(3, 6)),
        ("put in twice", 6, |e| e.insert(5, e[4].clone())),
        ("hash changed", 5, |e| e[4].hash = e[3].hash.clone()),
        ("previous hash changed", 5, |e| e[4].prev_hash = e[4].hash.clone()),
    ];
    for (what, seq, touch) in touches {
        let mut entries = chain(10);
        touch(&mut entries);
        let found = verify(&entries, &[]).expect_err(what);
        assert_eq!(found.seq, *seq, "{what}: {found}");
    }
}

#[test]
fn what_was_cut_off_at_the_end_is_missed_by_checkpoints_and_by_the_count() {
    let entries = chain(10);
    let checkpoint = key().sign(10, &entries[9].hash, 1);
    assert_eq!(verify(&entries[..7], &[checkpoint]).unwrap_err().seq, 8);
    let mut verifier = Verifier::new(vec![]);
    verifier.take(lines(&entries[..7]).as_bytes()).unwrap();
    assert_eq!(verifier.finish(Some(10)).unwrap_err().seq, 8);
}

#[test]
fn a_chain_written_anew_disagrees_with_its_checkpoints() {
    let entries = chain(10);
    let checkpoints: Vec<_> = [4, 9].iter().map(|seq| key().sign(*seq, &entries[*seq as usize - 1].hash, 1)).collect();
    let mut head = (4, entries[3].hash.clone());
    let mut forged = entries.clone();
    for entry in &mut forged[4..] {
        entry.actor = party("user:mallory").id;
        *entry = entry.clone().chained((head.0, &head.1));
        head = (entry.seq, entry.hash.clone());
    }
    assert!(verify(&forged, &[]).is_ok(), "the chain alone cannot tell");
    assert_eq!(verify(&forged, &checkpoints).unwrap_err().seq, 5);
}

/// The last entry stands alone: its checkpoint tells which of the two that disagree is the right one.
#[test]
fn the_last_pair_is_judged_by_a_checkpoint() {
    let mut entries = chain(10);
    let checkpoint = key().sign(10, &entries[9].hash, 1);
    entries[8].action = "keys.delete".into();
    entries[8] = rehashed(&entries[8]);
    assert_eq!(verify(&entries, &[checkpoint]).unwrap_err().seq, 9);
}

#[test]
fn checkpoints_are_believed_only_with_a_good_signature_of_a_known_key() {
    let key = key();
    let line = key.sign(3, &"ab".repeat(32), 77).line();
    let trusted = [key.public()];
    assert_eq!(Checkpoint::read(&line, &trusted).unwrap().seq, 3);
    assert_eq!(Checkpoint::read(&line, &[]), Err(checkpoint::Unsigned::UnknownKey));
    for (from, to) in [("\"seq\":3", "\"seq\":2"), ("\"at\":77", "\"at\":78"), ("abab", "abac")] {
        let forged = line.replacen(from, to, 1);
        assert_ne!(forged, line);
        assert_eq!(Checkpoint::read(&forged, &trusted), Err(checkpoint::Unsigned::BadSignature), "{to}");
    }
    for bad in ["", "{}", "[1,2]", &line[1..]] {
        assert_eq!(Checkpoint::read(bad, &trusted), Err(checkpoint::Unsigned::NoCheckpoint), "{bad}");
    }
    assert_eq!(format!("{key:?}"), "[checkpoint key]");
}

#[test]
fn control_characters_never_get_into_the_chain() {
    let entry = Entry { target: "key/a\tb\nc\u{1b}[0m".into(), ..Entry::default() }.chained((0, GENESIS));
    assert_eq!(entry.target, r"key/a\u{9}b\u{a}c\u{1b}[0m");
    assert_eq!(Entry::from_line(&format!("{}\t{}", entry.canonical(), entry.hash)), Some(entry));
}

#[test]
fn fields_that_differ_are_named_without_their_values() {
    let deed = Deed::new("keys.update", "key", "1")
        .before(json!({ "name": "a", "models": ["x"], "gone": 1 }))
        .after(json!({ "name": "b", "models": ["x"], "new": null }));
    assert_eq!(deed.fields(), "gone,name,new");
    assert_eq!(Deed::new("keys.create", "key", "1").after(json!({ "name": "b" })).fields(), "");
}

#[test]
fn equal_states_have_equal_hashes_and_those_of_people_are_keyed() {
    let hash = |text: &str, person: Option<&Party>| state_hash(Some(&serde_json::from_str(text).unwrap()), person);
    assert_eq!(hash(r#"{"a":{"c":1,"b":[2]},"d":3}"#, None), hash(r#"{"d":3,"a":{"b":[2],"c":1}}"#, None));
    assert_ne!(hash(r#"{"a":1}"#, None), hash(r#"{"a":2}"#, None));
    assert_ne!(hash(r#"{"a":1}"#, None), hash(r#"{"a":1}"#, Some(&party("user:alice"))));
    assert_eq!(state_hash(None, None), "");
}

/// An entry by a person on a person, from an address.
fn shown() -> Shown {
    let (alice, bob) = (party("user:alice"), party("user:bobby"));
    let entry = Entry {
        at: 1_700_000_000_000_000,
        actor: alice.id.clone(),
        tenant: "acme".into(),
        action: "users.disable".into(),
        target: format!("user/{}", bob.id),
        fields: "disabled".into(),
        ip: alice.seal_ip("192.0.2.7".parse().unwrap(), [1; 12]).unwrap(),
        request_id: "r-1".into(),
        ..Entry::default()
    };
    Shown { entry: entry.chained((0, GENESIS)), actor: Some(alice), person: Some(bob) }
}

#[test]
fn an_exported_line_shows_people_and_proves_what_it_shows() {
    let line = shown().json(true).to_string();
    assert_eq!(Shown::from_json(&line).unwrap(), shown());
    let plain = shown().json(false);
    assert_eq!((&plain["actor"], &plain["target"]), (&json!("user:alice"), &json!("user/bobby")));
    assert_eq!((&plain["ip"], &plain["time"]), (&json!("192.0.2.7"), &json!("2023-11-14T22:13:20Z")));
    for (from, to) in [
        ("user:alice", "user:mallory"),
        ("user/bobby", "user/carol"),
        ("192.0.2.7", "192.0.2.8"),
        ("\"acme\"", "\"other\""),
        ("\"disabled\"", "\"enabled\""),
        ("2023-11-14", "2023-11-15"),
        ("\"seq\":1", "\"seq\":2"),
        ("\"action\":\"users.disable\"", "\"action\":\"users.enable\""),
    ] {
        let edited = line.replacen(from, to, 1);
        assert_ne!(edited, line, "{from}");
        assert!(Shown::from_json(&edited).is_err(), "{from} to {to}");
    }
}

#[test]
fn an_erased_person_leaves_no_name_and_a_good_chain() {
    let erased = Shown { actor: None, person: None, ..shown() };
    let line = erased.json(true).to_string();
    for trace in ["alice", "bob", "192.0.2.7"] {
        assert!(!line.contains(trace), "{trace}");
    }
    assert!(Shown::from_json(&line).is_ok());
    let mut verifier = Verifier::new(vec![]);
    verifier.take(lines(&[erased.entry]).as_bytes()).unwrap();
    assert!(verifier.finish(None).is_ok());
}

#[test]
fn a_line_of_cef_escapes_what_would_end_a_field() {
    let mut shown = shown();
    shown.entry.action = r"keys.a|b\c".into();
    shown.entry.tenant = r"a=b\c".into();
    let line = cef::line(&shown, "0.1|0");
    assert!(line.starts_with(r"CEF:0|Tollgate|Tollgate|0.1\|0|keys.a\|b\\c|keys.a\|b\\c user|3|"), "{line}");
    assert!(line.contains(r" cs1=a\=b\\c ") && line.contains(" src=192.0.2.7 ") && line.contains("rt=1700000000000 "));
    assert!(!line.contains('\n') && !line.contains("c6a2"), "{line}");
}

#[test]
fn an_event_of_ocsf_has_what_its_class_requires() {
    let event = ocsf::event(&shown(), "0.1.0");
    assert_eq!(
        (&event["class_uid"], &event["activity_id"], &event["type_uid"]),
        (&json!(3001), &json!(5), &json!(300_105))
    );
    assert_eq!(event["user"]["uid"], "bobby");
    assert_eq!(event["time"], json!(1_700_000_000_000_i64));
    let mut key = shown();
    (key.person, key.entry.target, key.entry.action) = (None, "key/1".into(), "keys.rotate".into());
    let event = ocsf::event(&key, "0.1.0");
    assert_eq!(
        (&event["class_uid"], &event["activity_id"], &event["type_uid"]),
        (&json!(6003), &json!(3), &json!(600_303))
    );
    for required in ["actor", "api", "category_uid", "metadata", "severity_id", "src_endpoint", "time"] {
        assert!(!event[required].is_null(), "{required}");
    }
    assert_eq!((&event["api"]["operation"], &event["metadata"]["version"]), (&json!("keys.rotate"), &json!("1.6.0")));
}

/// Run with `cargo test --release -p govern -- --ignored --nocapture audit_speed`.
#[test]
#[ignore = "a measurement, not a check"]
fn audit_speed() {
    let begun = std::time::Instant::now();
    let entries = chain(200_000);
    println!("{:.2} µs per entry made", begun.elapsed().as_secs_f64() * 5.0);
    let text = lines(&entries);
    let begun = std::time::Instant::now();
    let mut verifier = Verifier::new(vec![]);
    verifier.take(text.as_bytes()).unwrap();
    println!("{:.2} M entries verified a second", 0.2 / begun.elapsed().as_secs_f64());
}
