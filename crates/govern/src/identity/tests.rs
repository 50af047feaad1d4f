use serde_json::{Value, json};

use super::*;

const NOW: i64 = 1_790_000_000_000_000;

fn issuer() -> Issuer {
    Issuer {
        name: "corp".into(),
        issuer: "https://login.example.com/".to_owned(),
        audience: vec!["tollgate".to_owned()],
        algorithms: Algorithm::ALL.to_vec(),
        keys: Arc::new(KeysAt {
            place: KeysPlace::At("https://login.example.com/keys".to_owned()),
            ca_file: None,
            token_file: None,
            refresh: Duration::from_secs(600),
            max_stale: Duration::from_secs(3_600),
        }),
        leeway: Duration::from_secs(30),
        places: Places {
            user: Some(Path("email".to_owned())),
            team: Some(Path("/realm/groups".to_owned())),
            ..Places::default()
        },
        unknown_users: false,
        models: Some(vec!["fast".to_owned()]),
        subjects: vec![Subject {
            matching: vec![(Path("email".to_owned()), vec![Pattern::new("*@ops.example.com").unwrap()])],
            owner: Owner { team: Some("ops".into()), ..Owner::default() },
            models: vec!["*".to_owned()],
        }],
    }
}

fn directory() -> Directory {
    let raw = json!({
        "teams": { "research": {}, "all": {}, "ops": {}, "closed": { "disabled": true } },
        "virtual_accounts": { "batch": { "team": "research" } },
        "users": {
            "ada": { "email": "Ada@example.com", "teams": { "all": "viewer", "research": "developer" } },
            "eve": { "email": "eve@ops.example.com", "teams": { "ops": "viewer" } },
            "bob": { "email": "bob@example.com", "disabled": true },
        },
    });
    let (directory, flaws) = Directory::new(Arc::new(serde_json::from_value(raw).unwrap()), Arc::default());
    assert_eq!(flaws, []);
    directory
}

fn claims(more: &Value) -> Claims {
    let mut all = json!({
        "iss": "https://login.example.com/", "aud": ["tollgate"], "sub": "u-1", "exp": NOW / 1_000_000 + 600,
    });
    for (name, value) in more.as_object().unwrap() {
        all[name] = value.clone();
    }
    Claims::read(all.to_string().as_bytes()).unwrap()
}

fn bearer(more: &Value) -> Result<Bearer, Unfit> {
    issuer().bearer(&claims(more), &directory(), NOW)
}

#[test]
fn claims_say_where_a_bearer_belongs() {
    let found = bearer(&json!({ "email": "ada@example.com", "realm": { "groups": ["research", "all"] } })).unwrap();
    assert_eq!((found.key.id.0.as_str(), found.key.name.as_str()), ("corp:u-1", "ada@example.com"));
    let principal = &found.key.principal;
    assert_eq!(principal.to_path(), ";o=default;t=research;u=ada;", "the first group that is one of her teams");
    assert_eq!(found.key.models, ["fast"]);
    assert_eq!(found.until, NOW + 630_000_000);

    let nobody = bearer(&json!({ "realm": { "groups": [] } })).unwrap();
    assert_eq!((&nobody.key.principal.user, &nobody.key.principal.team), (&None, &None));
}

#[test]
fn whom_the_directory_does_not_know_or_has_disabled_is_refused() {
    let of = |issuer: &Issuer, email: &str| issuer.bearer(&claims(&json!({ "email": email })), &directory(), NOW);
    assert!(matches!(of(&issuer(), "new@example.com"), Err(Unfit::Owner(_))));
    assert_eq!(of(&issuer(), "bob@example.com"), Err(Unfit::Disabled));
    let open = Issuer { unknown_users: true, ..issuer() };
    let new = open.bearer(
        &claims(&json!({ "email": "new@example.com", "realm": { "groups": ["x", "ops"] } })),
        &directory(),
        NOW,
    );
    assert_eq!(new.unwrap().key.principal.to_path(), ";o=default;t=ops;u=new@example.com;");
    assert_eq!(of(&open, "bob@example.com"), Err(Unfit::Disabled), "who is known is not unknown");

    let says = |owner: Owner| {
        let matching = vec![(Path("sub".to_owned()), vec![Pattern::new("*").unwrap()])];
        let subjects = vec![Subject { matching, owner, models: vec![] }];
        let issuer = Issuer { places: Places::default(), subjects, ..issuer() };
        issuer.bearer(&claims(&json!({})), &directory(), NOW)
    };
    let account = Owner { virtual_account: Some("batch".to_owned()), ..Owner::default() };
    assert_eq!(says(account).unwrap().key.principal.to_path(), ";o=default;t=research;v=batch;");
    assert_eq!(says(Owner { team: Some("closed".to_owned()), ..Owner::default() }), Err(Unfit::Disabled));
    assert!(matches!(says(Owner { team: Some("nope".to_owned()), ..Owner::default() }), Err(Unfit::Owner(_))));
}

#[test]
fn who_matches_is_what_the_subject_says() {
    let found = bearer(&json!({ "email": "eve@ops.example.com", "realm": { "groups": ["research"] } })).unwrap();
    assert_eq!((found.key.principal.team.as_deref(), &*found.key.models), (Some("ops"), &["*".to_owned()][..]));
    assert_eq!(found.key.principal.user.as_deref(), Some("eve"), "the rest is the claims'");

    for unverified in [json!(false), json!("false")] {
        let said = bearer(&json!({ "email": "eve@ops.example.com", "email_verified": unverified }));
        assert_eq!(said, Err(Unfit::UnverifiedEmail));
        let by_match = Issuer { places: Places::default(), ..issuer() };
        let found = by_match.bearer(
            &claims(&json!({ "email": "eve@ops.example.com", "email_verified": unverified })),
            &directory(),
            NOW,
        );
        assert_eq!(found.unwrap().key.models, ["fast"], "an address that is not verified matches nothing");
    }
    let closed = Issuer { models: None, ..issuer() };
    assert_eq!(
        closed.bearer(&claims(&json!({ "email": "ada@example.com" })), &directory(), NOW),
        Err(Unfit::NotAdmitted)
    );
}

#[test]
fn times_are_numbers_and_bounded_by_the_leeway() {
    let seconds = NOW / 1_000_000;
    for (more, said) in [
        (json!({ "exp": seconds - 29 }), None),
        (json!({ "exp": seconds - 30 }), Some(Unfit::Expired)),
        (json!({ "exp": seconds as f64 + 0.5 }), None),
        (json!({ "exp": 1e300 }), None),
        (json!({ "exp": -1e300 }), Some(Unfit::Expired)),
        (json!({ "exp": i64::MIN }), Some(Unfit::Expired)),
        (json!({ "exp": u64::MAX }), None),
        (json!({ "exp": seconds.to_string() }), Some(Unfit::NoTime("exp"))),
        (json!({ "exp": true }), Some(Unfit::NoTime("exp"))),
        (json!({ "exp": null }), Some(Unfit::NoTime("exp"))),
        (json!({ "nbf": seconds + 30 }), None),
        (json!({ "nbf": seconds + 31 }), Some(Unfit::NotYet)),
        (json!({ "nbf": "0" }), Some(Unfit::NoTime("nbf"))),
        (json!({ "nbf": i64::MAX }), Some(Unfit::NotYet)),
    ] {
        assert_eq!(bearer(&more).err(), said, "{more}");
    }
}

#[test]
fn texts_that_could_be_taken_for_others_are_refused() {
    for (more, said) in [
        (json!({ "sub": 7 }), Unfit::Subject),
        (json!({ "sub": " " }), Unfit::Subject),
        (json!({ "sub": "x".repeat(257) }), Unfit::Subject),
        (json!({ "sub": "a\u{0}b" }), Unfit::Subject),
        (json!({ "email": { "value": "a" } }), Unfit::Claim("email".to_owned())),
        (json!({ "email": "a\nb" }), Unfit::Claim("email".to_owned())),
        (json!({ "email": ["", 7] }), Unfit::Claim("email".to_owned())),
        (json!({ "aud": "tollgate2" }), Unfit::Audience),
        (json!({ "aud": { "0": "tollgate" } }), Unfit::Audience),
        (json!({ "iss": "https://login.example.com" }), Unfit::Issuer),
        (json!({ "events": {} }), Unfit::Notice),
    ] {
        assert_eq!(bearer(&more), Err(said), "{more}");
    }
    for bad in ["", "[]", "7", "{", "null", "\"{}\""] {
        assert_eq!(Claims::read(bad.as_bytes()), Err(Unfit::NotClaims), "{bad}");
    }
}
