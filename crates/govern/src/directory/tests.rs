use serde_json::{Value, json};

use super::*;

fn raw(tree: Value) -> Arc<RawDirectory> {
    Arc::new(serde_json::from_value(tree).unwrap())
}

fn acme() -> Arc<RawDirectory> {
    raw(json!({
        "organizations": { "acme": {} },
        "divisions": { "emea": { "organization": "acme" } },
        "teams": { "research": { "division": "emea" }, "ops": { "organization": "acme" }, "loose": {} },
        "projects": { "atlas": { "team": "research" }, "wide": { "division": "emea" } },
        "users": {
            "ada": { "organization": "acme", "email": "Ada@Example.com", "teams": { "research": "developer" } },
            "bob": { "organization": "acme", "teams": { "research": "developer", "ops": "viewer" } },
            "eve": { "organization": "acme", "disabled": true },
            "out": {},
        },
        "virtual_accounts": { "ci": { "team": "research" }, "cron": { "organization": "acme" } },
    }))
}

#[track_caller]
fn whole(file: Arc<RawDirectory>) -> Directory {
    let (directory, flaws) = Directory::new(file, Arc::default());
    assert_eq!(flaws, []);
    directory
}

fn owner(owner: Value) -> Owner {
    serde_json::from_value(owner).unwrap()
}

/// The path of the place that an owner gives, or the field that is wrong.
fn path(directory: &Directory, of: Value) -> Result<String, &'static str> {
    directory.place(&owner(of)).map(|place| place.principal.to_path()).map_err(|bad| bad.field)
}

#[test]
fn an_owner_is_placed_with_all_that_it_belongs_to() {
    let directory = whole(acme());
    for (of, is) in [
        (json!({}), ";o=default;"),
        (json!({"organization": "acme"}), ";o=acme;"),
        (json!({"team": "research"}), ";o=acme;d=emea;t=research;"),
        (json!({"team": "loose"}), ";o=default;t=loose;"),
        (json!({"project": "atlas"}), ";o=acme;d=emea;t=research;p=atlas;"),
        (json!({"project": "atlas", "team": "research", "organization": "acme"}), ";o=acme;d=emea;t=research;p=atlas;"),
        (json!({"project": "wide"}), ";o=acme;d=emea;p=wide;"),
        (json!({"user": "ada"}), ";o=acme;d=emea;t=research;u=ada;"),
        (json!({"user": "ada", "project": "atlas"}), ";o=acme;d=emea;t=research;p=atlas;u=ada;"),
        (json!({"user": "bob"}), ";o=acme;u=bob;"),
        (json!({"user": "bob", "team": "ops"}), ";o=acme;t=ops;u=bob;"),
        (json!({"user": "bob", "project": "wide"}), ";o=acme;d=emea;p=wide;u=bob;"),
        (json!({"user": "out"}), ";o=default;u=out;"),
        (json!({"virtual_account": "ci"}), ";o=acme;d=emea;t=research;v=ci;"),
        (json!({"virtual_account": "ci", "project": "atlas"}), ";o=acme;d=emea;t=research;p=atlas;v=ci;"),
        (json!({"virtual_account": "cron", "project": "wide"}), ";o=acme;d=emea;p=wide;v=cron;"),
    ] {
        assert_eq!(path(&directory, of.clone()), Ok(is.to_owned()), "{of}");
    }
}

#[test]
fn an_owner_that_makes_no_sense_is_refused() {
    let directory = whole(acme());
    for (of, field) in [
        (json!({"user": "adda"}), "user"),
        (json!({"team": "resarch"}), "team"),
        (json!({"project": "atlas", "team": "nothing"}), "team"),
        (json!({"user": "ada", "virtual_account": "ci"}), "virtual_account"),
        (json!({"user": "ada", "team": "ops"}), "team"),
        (json!({"user": "eve", "project": "atlas"}), "project"),
        (json!({"user": "out", "team": "research"}), "team"),
        (json!({"user": "out", "project": "wide"}), "project"),
        (json!({"user": "ada", "organization": "default"}), "organization"),
        (json!({"project": "atlas", "team": "ops"}), "team"),
        (json!({"team": "research", "organization": "default"}), "organization"),
        (json!({"virtual_account": "ci", "team": "ops"}), "team"),
        (json!({"virtual_account": "ci", "project": "wide"}), "project"),
    ] {
        assert_eq!(path(&directory, of.clone()), Err(field), "{of}");
    }
    assert_eq!(directory.closest(Kind::Team, "resarch"), Some("research"));
}

#[test]
fn what_is_disabled_above_is_disabled_below() {
    let disabled = |change: &dyn Fn(&mut Value), of: Value| {
        let mut tree = serde_json::to_value(&*acme()).unwrap();
        change(&mut tree);
        whole(raw(tree)).place(&owner(of)).unwrap().disabled
    };
    let set = |path: &'static str| move |tree: &mut Value| tree.pointer_mut(path).unwrap()["disabled"] = true.into();
    assert!(!disabled(&|_| {}, json!({"user": "ada", "project": "atlas"})));
    for path in ["/organizations/acme", "/divisions/emea", "/teams/research", "/projects/atlas", "/users/ada"] {
        assert!(disabled(&set(path), json!({"user": "ada", "project": "atlas"})), "{path}");
    }
    for path in ["/organizations/acme", "/divisions/emea", "/teams/research", "/virtual_accounts/ci"] {
        assert!(disabled(&set(path), json!({"virtual_account": "ci"})), "{path}");
    }
    assert!(!disabled(&set("/teams/ops"), json!({"user": "bob"})), "one of several teams takes nobody's key");
    assert!(disabled(&set("/teams/ops"), json!({"user": "bob", "team": "ops"})));
}

#[test]
fn a_flaw_names_the_object_and_what_would_be_right() {
    let flaws = |tree: Value| {
        let (_, flaws) = Directory::new(raw(tree), Arc::default());
        flaws
            .into_iter()
            .map(|it| format!("{} {}.{} {}", it.fault.as_str(), it.id, it.field, it.fix))
            .collect::<Vec<_>>()
    };
    for (tree, flaw) in [
        (json!({"teams": {"a b": {}}}), "bad_name a b. "),
        (json!({"teams": {"Research": {}}}), "bad_name Research. "),
        (json!({"teams": {"": {}}}), "bad_name . "),
        (
            json!({"divisions": {"a": {}}, "teams": {"x": {"division": "b"}}}),
            "unknown_reference x.division did you mean `a`?",
        ),
        (
            json!({"teams": {"x": {"organization": "defualt"}}}),
            "unknown_reference x.organization did you mean `default`?",
        ),
        (json!({"projects": {"x": {"team": "y"}}}), "unknown_reference x.team declare it under `teams`"),
        (
            json!({"organizations": {"acme": {}}, "divisions": {"d": {}}, "teams": {"x": {"division": "d", "organization": "acme"}}}),
            "contradiction x.organization remove `organization`",
        ),
        (json!({"users": {"u": {"teams": {"x": "viewer"}}}}), "unknown_reference u.teams.x declare it"),
        (
            json!({"organizations": {"acme": {}}, "teams": {"x": {"organization": "acme"}}, "users": {"u": {"teams": {"x": "viewer"}}}}),
            "contradiction u.teams.x remove",
        ),
        (json!({"users": {"u": {"email": "u at home"}}}), "bad_name u.email "),
        (json!({"users": {"u": {"email": "a@b"}, "v": {"email": "A@B"}}}), "duplicate v.email "),
    ] {
        let found = flaws(tree);
        assert_eq!(found.len(), 1, "{flaw}: {found:#?}");
        assert!(found[0].starts_with(flaw), "{flaw}: {found:#?}");
    }
}

#[test]
fn stored_objects_stand_beside_the_files_and_never_over_them() {
    let stored = raw(json!({
        "teams": { "new": { "division": "emea" }, "research": { "organization": "default" } },
        "users": { "zoe": { "teams": { "new": "viewer" }, "organization": "acme" }, "yan": { "email": "ada@example.com" } },
    }));
    let (directory, flaws) = Directory::new(acme(), stored.clone());
    let wrong: Vec<_> = flaws.iter().map(|it| (it.id.as_str(), it.field.as_str(), it.origin)).collect();
    assert_eq!(wrong, [("research", "", Origin::Store), ("yan", "email", Origin::Store)]);
    assert_eq!(path(&directory, json!({"user": "zoe"})), Ok(";o=acme;d=emea;t=new;u=zoe;".into()));
    assert_eq!(path(&directory, json!({"team": "research"})), Ok(";o=acme;d=emea;t=research;".into()));
    assert_eq!(directory.find(Kind::Team, "new").unwrap().origin, Origin::Store);

    let (directory, flaws) = directory.with_stored(Arc::default());
    assert_eq!(flaws, []);
    assert!(directory.user("zoe").is_none() && directory.user("ada").is_some());

    // A file does not see what is stored: it is judged alone.
    let file = raw(json!({"projects": {"p": {"team": "new"}}}));
    let (_, flaws) = Directory::new(file, stored);
    assert!(flaws.iter().any(|it| it.id == "p" && it.field == "team"), "{flaws:?}");
}

#[test]
fn roles_and_bindings_give_powers_at_their_level_and_below() {
    use crate::role::{Permission, Verdict};
    let mut tree = serde_json::to_value(&*acme()).unwrap();
    tree["roles"] = json!({"keeper": {"permissions": ["tree.read", "keys.write"]}});
    tree["bindings"] = json!({
        "a": {"user": "bob", "role": "keeper", "division": "emea"},
        "b": {"virtual_account": "ci", "role": "auditor"},
    });
    tree["users"]["ada"]["teams"] = json!({"research": "team_admin"});
    let directory = whole(raw(tree));
    let place = |of: Value| directory.place(&owner(of)).unwrap().principal.clone();
    let powers = |of: Value| directory.powers(&place(of));
    let atlas = place(json!({"project": "atlas"}));
    let ops = place(json!({"team": "ops"}));

    let bob = powers(json!({"user": "bob"}));
    assert_eq!(
        bob.judge(Permission::KeysWrite, Some(&atlas)),
        Verdict::Allowed,
        "a division holds its teams' projects"
    );
    assert_eq!(bob.judge(Permission::UsersWrite, Some(&atlas)), Verdict::Forbidden);
    assert_eq!(bob.judge(Permission::KeysWrite, Some(&ops)), Verdict::Forbidden, "there he is a viewer");
    assert_eq!(bob.judge(Permission::KeysWrite, Some(&place(json!({})))), Verdict::Hidden);
    assert_eq!(bob.judge(Permission::KeysWrite, None), Verdict::Hidden);

    let ada = powers(json!({"user": "ada"}));
    assert_eq!(ada.judge(Permission::RolesWrite, Some(&atlas)), Verdict::Allowed);
    assert_eq!(ada.judge(Permission::RolesWrite, Some(&ops)), Verdict::Hidden);
    let owner_role = directory.role("owner").unwrap();
    assert!(!ada.missing(owner_role, Some(&atlas)).is_empty(), "what she does not hold she cannot give");
    assert!(ada.missing(directory.role("viewer").unwrap(), Some(&atlas)).is_empty());

    let ci = powers(json!({"virtual_account": "ci"}));
    assert_eq!(ci.judge(Permission::KeysRead, None), Verdict::Allowed, "without a level: everywhere");
    assert!(powers(json!({"user": "eve"})).0.is_empty());
    assert!(powers(json!({"team": "research"})).0.is_empty(), "the key of a team is nobody's");
}

#[test]
fn a_role_or_binding_that_makes_no_sense_is_reported() {
    let flaws = |tree: Value| {
        let (_, flaws) = Directory::new(raw(tree), Arc::default());
        flaws
            .into_iter()
            .map(|it| format!("{} {}.{}: {}", it.fault.as_str(), it.id, it.field, it.fix))
            .collect::<Vec<_>>()
    };
    let bind = |binding: Value| json!({"users": {"u": {}}, "teams": {"t": {}}, "bindings": {"b": binding}});
    for (tree, flaw) in [
        (
            json!({"roles": {"r": {"permissions": ["keys.raed"]}}}),
            "unknown_value r.permissions[0]: did you mean `keys.read`?",
        ),
        (json!({"roles": {"owner": {"permissions": []}}}), "duplicate owner.: "),
        (bind(json!({"user": "u", "role": "veiwer"})), "unknown_reference b.role: did you mean `viewer`?"),
        (bind(json!({"user": "x", "role": "viewer"})), "unknown_reference b.user: "),
        (bind(json!({"role": "viewer"})), "contradiction b.: "),
        (bind(json!({"user": "u", "role": "viewer", "team": "s"})), "unknown_reference b.team: "),
        (
            bind(json!({"user": "u", "role": "viewer", "team": "t", "organization": "default"})),
            "contradiction b.team: ",
        ),
        (json!({"teams": {"t": {}}, "users": {"u": {"teams": {"t": "boss"}}}}), "unknown_reference u.teams.t: "),
    ] {
        let found = flaws(tree);
        assert_eq!(found.len(), 1, "{flaw}: {found:#?}");
        assert!(found[0].starts_with(flaw), "{flaw}: {found:#?}");
    }
}
