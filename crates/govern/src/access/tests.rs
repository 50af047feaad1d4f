use super::*;
use crate::testing::{route, target};

fn key(models: Vec<String>, access: Access, bounds: Vec<Arc<Boundary>>) -> KeyRule {
    KeyRule { models, access, bounds: bounds.into(), name: "k".into(), ..crate::testing::key() }
}

fn names(models: &[&str], route: &Route) -> Vec<String> {
    let models: Vec<String> = models.iter().map(ToString::to_string).collect();
    match permitted(&key(models, Access::default(), vec![]), route, None) {
        Ok(targets) => targets.iter().map(|target| target.name.to_string()).collect(),
        Err(error) => {
            assert_eq!(error.code, Code::ModelNotAllowed);
            vec![]
        }
    }
}

#[test]
fn a_pattern_captures_what_the_star_stands_for() {
    for (pattern, name, captured) in [
        ("gpt-*", "gpt-4o", Some("4o")),
        ("gpt-*", "gpt-", Some("")),
        ("*", "anything", Some("anything")),
        ("*-mini", "gpt-4o-mini", Some("gpt-4o")),
        ("a*a", "a", None),
        ("a*a", "aa", Some("")),
        ("gpt-4o", "gpt-4o", Some("")),
        ("gpt-4o", "gpt-4o ", None),
        ("gpt-4o", "GPT-4o", None),
        ("openai/*", "openai/gpt-4o", Some("gpt-4o")),
        ("openai/*", "openai2/gpt-4o", None),
    ] {
        assert_eq!(Pattern::new(pattern).unwrap().captures(name), captured, "{pattern} on {name}");
    }
    assert_eq!(Pattern::new("a*b*c"), Err(TwoStars));
}

#[test]
fn case_093_the_allow_list_is_checked_on_the_resolved_target() {
    let fast = route("fast", vec![target("openai/gpt-4o-mini"), target("groq/llama-3.1-8b")]);
    assert_eq!(names(&["fast"], &fast), ["openai/gpt-4o-mini", "groq/llama-3.1-8b"], "the name grants all of it");
    assert_eq!(names(&["openai/*"], &fast), ["openai/gpt-4o-mini"], "an alias opens only what its targets open");
    assert_eq!(names(&["llama-*"], &fast), ["groq/llama-3.1-8b"], "the provider's own name counts");
    assert_eq!(names(&["fa*"], &fast), Vec::<String>::new(), "a pattern is never held against the alias");
    assert_eq!(names(&["*"], &fast).len(), 2);
    assert_eq!(names(&[], &fast), Vec::<String>::new());
    assert_eq!(names(&["Fast", "fast ", "openai"], &fast), Vec::<String>::new(), "names are exact");

    let any = route("gpt-*", vec![target("openai/gpt-4o"), target("azure/gpt-4o")]);
    assert_eq!(names(&["azure/gpt-4o"], &any), ["azure/gpt-4o"]);
    assert_eq!(names(&["gpt-4o-mini"], &any), Vec::<String>::new());
    assert_eq!(names(&["gpt-*"], &any).len(), 2);
}

fn boundary(kind: Kind, id: &str, access: Access) -> Arc<Boundary> {
    Arc::new(Boundary { kind, id: id.into(), access })
}

fn list(entries: &[&str]) -> Option<Vec<String>> {
    Some(entries.iter().map(ToString::to_string).collect())
}

#[test]
fn case_092_a_right_is_what_every_level_and_the_key_allow() {
    let fast = route("fast", vec![target("openai/gpt-4o-mini"), target("groq/llama-3.1-8b"), target("azure/gpt-4o")]);
    let team = |access| {
        vec![boundary(Kind::Organization, "acme", Access::default()), boundary(Kind::Team, "research", access)]
    };
    let all = || vec!["*".to_owned()];
    let asked = |key: &KeyRule, operation| match permitted(key, &fast, operation) {
        Ok(targets) => Ok(targets.iter().map(|target| target.name.to_string()).collect::<Vec<_>>().join(" ")),
        Err(error) => Err(error.message.to_string()),
    };
    let models = |entries| Access { models: list(entries), ..Access::default() };
    let providers = |entries| Access { providers: list(entries), ..Access::default() };
    let operations = |operations: &[Operation]| Access { operations: Some(operations.to_vec()), ..Access::default() };

    // A fallback that the team may not use is left out, in its order.
    let narrow = key(all(), Access::default(), team(models(&["openai/*", "azure/*"])));
    assert_eq!(asked(&narrow, None).as_deref(), Ok("openai/gpt-4o-mini azure/gpt-4o"));
    // Levels are held against the targets, as the key is: neither opens what the other closes.
    let both = key(vec!["groq/*".into()], Access::default(), team(models(&["openai/*"])));
    assert_eq!(
        asked(&both, None).unwrap_err(),
        "key k may not use the model that was asked for: its `models` do not list it"
    );
    let wide = key(all(), Access::default(), team(models(&[])));
    assert!(asked(&wide, None).unwrap_err().starts_with("team research may not use the model"));
    let own = key(all(), providers(&["groq"]), team(providers(&["g*", "openai"])));
    assert_eq!(asked(&own, None).as_deref(), Ok("groq/llama-3.1-8b"));

    let chat = key(all(), Access::default(), team(operations(&[Operation::Chat])));
    assert!(asked(&chat, Some(Operation::Chat)).is_ok() && asked(&chat, Some(Operation::CountTokens)).is_ok());
    assert!(asked(&chat, None).is_ok(), "a list of models shows what may be asked anything at all");
    let refused = asked(&chat, Some(Operation::Embed)).unwrap_err();
    assert_eq!(refused, "team research may not ask this of models: its `operations` do not list it");
}

#[test]
fn a_decision_says_who_allows_what_by_which_entry() {
    let target = target("openai/gpt-4o");
    let want = Want { route: "fast", target: &target, operation: Some(Operation::Chat) };
    let team =
        Access { models: list(&["x", "openai/*"]), operations: Some(vec![Operation::Embed]), ..Access::default() };
    let key = key(vec!["fast".into()], Access::default(), vec![boundary(Kind::Team, "research", team)]);
    let said: Vec<_> = reasons(&key, want).map(|it| (it.who(&key), it.right.as_str(), it.allowed, it.by)).collect();
    assert_eq!(
        said,
        [
            ("key k".to_owned(), "models", true, Some("fast")),
            ("team research".to_owned(), "models", true, Some("openai/*")),
            ("team research".to_owned(), "operations", false, None),
        ]
    );
}

#[test]
fn pass_through_wants_all_of_the_account_from_everybody() {
    let account = &target("openai/gpt-4o").account.clone();
    let all = || vec!["*".to_owned()];
    let may = |key: &KeyRule| whole_account(key, account).is_ok();
    assert!(may(&key(all(), Access::default(), vec![])));
    assert!(!may(&key(vec!["openai/gpt-4o".into()], Access::default(), vec![])));
    for (access, allowed) in [
        (Access { models: list(&["openai/*"]), ..Access::default() }, true),
        (Access { models: list(&["openai/gpt*"]), ..Access::default() }, false),
        (Access { providers: list(&["openai"]), ..Access::default() }, true),
        (Access { providers: list(&["groq"]), ..Access::default() }, false),
        (Access { operations: Some(vec![Operation::Other]), ..Access::default() }, true),
        (Access { operations: Some(vec![Operation::Chat]), ..Access::default() }, false),
    ] {
        assert_eq!(may(&key(all(), access.clone(), vec![])), allowed, "{access:?}");
        assert_eq!(
            may(&key(all(), Access::default(), vec![boundary(Kind::Team, "t", access.clone())])),
            allowed,
            "{access:?}"
        );
    }
}
