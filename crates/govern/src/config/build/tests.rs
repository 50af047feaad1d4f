use std::time::Duration;

use llm::{Usage, price::Money, provider::Operation};
use proptest::prelude::*;

use super::*;
use crate::{
    config::{Asked, BadSetting, Severity, raw::Raw, resolve::By},
    key::{Env, Minted, Parsed, RANDOM_BYTES},
    route::Strategy,
};

/// A data plane that knows `keywords` with `words`, and no more.
fn known_guard(rule: &GuardRule) -> Result<(), BadSetting> {
    let bad = |field: &str, message: &str| Err(BadSetting { field: field.to_owned(), message: message.to_owned() });
    match (rule.kind.as_str(), rule.settings["words"].as_array()) {
        ("keywords", Some(words)) => match words.iter().position(|word| !word.is_string()) {
            Some(at) => bad(&format!("words[{at}]"), "a word is a text"),
            None => Ok(()),
        },
        ("keywords", None) => bad("", "`words` is missing"),
        _ => bad("kind", "there is no such guard"),
    }
}

/// A moment in 2026, in microseconds since 1970.
const NOW: i64 = 1_790_000_000_000_000;

fn minted(seed: u8) -> Minted {
    Minted::new(Env::Test, &[seed; RANDOM_BYTES])
}

fn environment(name: &str) -> Option<String> {
    match name {
        "OPENAI_API_KEY" | "GROQ_API_KEY" | "UPSTREAM_KEY" | "CLOUDFLARE_API_KEY" => {
            Some(format!("canary{}", name.len()))
        }
        "KEY_CI" => Some(minted(1).text.expose().to_owned()),
        "PORT" => Some("9090".to_owned()),
        "YES" => Some("true".to_owned()),
        _ => None,
    }
}

fn checked(text: &str) -> Checked {
    check(text, &environment, &known_guard, NOW)
}

#[track_caller]
fn rules(text: &str) -> Rules {
    let checked = checked(text);
    let problems: Vec<_> = checked.problems.iter().map(|problem| problem.explain("test.yaml")).collect();
    match checked.draft {
        Some(draft) => draft.into_rules(&Pepper::new(&[7; 32]), 1),
        None => panic!("{}", problems.join("\n")),
    }
}

/// The problems as `code path line:column`.
fn problems(text: &str) -> Vec<String> {
    let brief = |problem: &Problem| {
        let place = problem.place.map_or_else(String::new, |at| format!(" {}:{}", at.line, at.column));
        format!("{} {}{place}", problem.fault.as_str(), problem.path)
    };
    checked(text).problems.iter().map(brief).collect()
}

#[track_caller]
fn has(text: &str, problem: &str) {
    let found = problems(text);
    assert!(found.iter().any(|found| found.starts_with(problem)), "{problem} is not among {found:#?}");
}

const WHOLE: &str = r#"
listen: 127.0.0.1:${PORT}
admin_listen: "[::1]:9091"
data_dir: /var/lib/tollgate
providers:
  openai: { api_key: ${OPENAI_API_KEY} }
  groq:
  local:
    kind: vllm
    base_url: http://127.0.0.1:8000/v1/
    timeouts: { first_token: 120s }
    on_disconnect: drain
    headers: { X-Team: 007 }
    forward_headers: [X-Trace]
    prices:
      llama: { input: 0.15, output: 0.6, cache_read: 0 }
models:
  fast:
    targets:
      - openai/gpt-4o-mini
      - target: groq/llama-3.1-8b-instant
        override: { temperature: 0, max_tokens: 500 }
        headers: { x-a: b }
      - local/llama
    retry: { attempts: 3, base: 50ms, max: 2s, total_attempts: 5, budget_percent: 10 }
    timeouts: { idle: 30s }
    strict: ${YES}
  spread:
    strategy: weighted
    targets: [{ target: openai/gpt-4o, weight: 3 }, { target: local/llama }]
  "gpt-*": { targets: ["openai/gpt-*"] }
  "gpt-4*": { targets: ["openai/gpt-4*"] }
keys:
  - { name: ci, secret: ${KEY_CI}, models: [fast, "openai/*"], expires: 2027-01-01, parallel: 8 }
  - name: app
    hash: hmac-sha256:0000000000000000000000000000000000000000000000000000000000000001
    id: abcdefABCDEF
    disabled: true
guardrails:
  - { name: slurs, kind: keywords, screens: [output], settings: { words: ["${PORT}", b], whole_word: true } }
  - { name: plans, kind: keywords, settings: { words: [c] } }
bounds: { header_timeout: 5s, body_bytes: 1MiB, answer_bytes: 2MiB, connections: 50, inflight_bytes: 10MiB }
drain_timeout: 0s
keepalive: 5s
most_drains: 3
describe_headers: false
unpriced: deny
otlp: { endpoint: "http://localhost:4318/" }
cors_origins: ["https://app.example.com"]
records: { keep_days: 7 }
"#;

#[test]
fn a_configuration_that_says_everything_means_it() {
    let rules = rules(WHOLE);
    let settings = &rules.settings;
    assert_eq!(settings.listen.to_string(), "127.0.0.1:9090");
    assert_eq!(settings.admin_listen.unwrap().to_string(), "[::1]:9091");
    assert_eq!(settings.data_dir, Path::new("/var/lib/tollgate"));
    assert_eq!(settings.bounds.header_timeout, Duration::from_secs(5));
    assert_eq!(settings.bounds.body_timeout, Duration::from_secs(60));
    assert_eq!((settings.bounds.body_bytes, settings.bounds.connections), (1 << 20, 50));
    assert_eq!((settings.drain_timeout, settings.keepalive), (Duration::ZERO, Duration::from_secs(5)));
    assert_eq!((settings.most_drains, settings.describe_headers, settings.record_days), (3, false, 7));
    assert_eq!(settings.unpriced, crate::config::snapshot::Unpriced::Deny);
    assert_eq!(settings.otlp_endpoint.as_deref(), Some("http://localhost:4318"));
    assert_eq!(settings.cors_origins, ["https://app.example.com"]);

    let local = &rules.accounts["local"];
    assert_eq!((local.base_url.as_str(), local.provider.id()), ("http://127.0.0.1:8000/v1", "vllm"));
    assert_eq!(local.headers, [("x-team".to_owned(), "007".to_owned())]);
    assert_eq!(local.forward_headers, ["x-trace"]);
    assert_eq!(local.on_disconnect, crate::config::snapshot::OnDisconnect::Drain);
    assert_eq!(rules.accounts["groq"].credential.secrets().next().unwrap().expose(), "canary12", "the usual variable");

    let fast = &rules.models["fast"];
    assert_eq!(fast.targets.iter().map(|target| target.priority).collect::<Vec<_>>(), [1, 2, 3]);
    assert_eq!(fast.targets[1].overrides.len(), 2);
    assert_eq!((fast.retry.attempts, fast.strict, fast.strategy), (3, true, Strategy::Priority));
    assert_eq!(fast.targets[2].timeouts.first_token, Duration::from_secs(120), "the account's");
    assert_eq!(fast.targets[0].timeouts.first_token, Duration::from_secs(60), "the default");
    assert_eq!(fast.targets[2].timeouts.idle, Duration::from_secs(30), "the route's");
    assert_eq!(rules.models["spread"].strategy, Strategy::Weighted);
    assert_eq!(
        rules.wildcards.iter().map(|(pattern, _)| pattern.text.as_str()).collect::<Vec<_>>(),
        ["gpt-4*", "gpt-*"]
    );
    let sides: Vec<_> = rules.guardrails.iter().map(|rule| (rule.name.as_str(), rule.input, rule.output)).collect();
    assert_eq!(sides, [("slurs", false, true), ("plans", true, true)]);
    assert_eq!(rules.guardrails[0].settings, serde_json::json!({ "words": ["9090", "b"], "whole_word": true }));
    assert_eq!((rules.hash.len(), rules.generation), (64, 1));
}

#[test]
fn case_069_a_custom_price_belongs_to_its_account_alone() {
    let text = "providers:\n  a: { kind: openai, api_key: \"${UPSTREAM_KEY}\", prices: { gpt-4o: { input: 0.15, output: 0.6 } } }\n  b: { kind: openai, api_key: \"${UPSTREAM_KEY}\" }\n";
    let rules = rules(text);
    let cost = |name: &str| {
        let route = rules.resolve(name).unwrap().route;
        let usage = Usage { input: 1_000_000, output: 1_000_000, ..Usage::default() };
        route.targets[0].bill(&usage, &Asked { operation: Operation::Chat, tier: None, words: &[] }).cost.unwrap()
    };
    assert_eq!(cost("a/gpt-4o"), Money(750_000_000), "0.15 and 0.60 dollars, to the nano-dollar");
    assert!(cost("b/gpt-4o") > Money(5_000_000_000), "the catalogue's");
}

#[test]
fn keys_of_the_file_admit_their_holders() {
    let rules = rules(WHOLE);
    let ci = minted(1);
    let parsed = Parsed::parse(ci.text.expose()).unwrap();
    let rule = &rules.keys[parsed.id];
    assert_eq!(rule.admits(&Pepper::new(&[7; 32]), &parsed, NOW), Ok(()));
    assert_eq!((rule.parallel, rule.models.len()), (Some(8), 2));
    assert_eq!(rule.admits(&Pepper::new(&[7; 32]), &parsed, i64::MAX), Err(crate::key::Denied::Expired));
    assert!(rules.keys["abcdefABCDEF"].disabled);
    assert_eq!(rules.keys["abcdefABCDEF"].models, ["*"]);
}

#[test]
fn names_resolve_in_order() {
    let rules = rules(WHOLE);
    let resolve = |asked: &str| {
        rules
            .resolve(asked)
            .map(|found| (found.by, found.route.targets[0].name.to_string(), found.route.name.to_string()))
    };
    let right = |by, target: &str, name: &str| Some((by, target.to_owned(), name.to_owned()));
    assert_eq!(resolve("fast"), right(By::Name, "openai/gpt-4o-mini", "fast"));
    assert_eq!(resolve("groq/x/y"), right(By::Account, "groq/x/y", "groq/x/y"));
    assert_eq!(resolve("gpt-4o"), right(By::Wildcard, "openai/gpt-4o", "gpt-4*"));
    assert_eq!(resolve("gpt-3.5-turbo"), right(By::Wildcard, "openai/gpt-3.5-turbo", "gpt-*"));
    assert_eq!(resolve("o3"), right(By::Catalogue, "openai/o3", "o3"));
    let known = rules.resolve("gpt-4o").unwrap().route;
    assert!(known.targets[0].price.is_some(), "a wildcard's target is looked up by what it became");
}

#[test]
fn a_name_that_is_not_exactly_a_name_resolves_to_nothing() {
    let rules = rules(WHOLE);
    for asked in [
        "",
        "Fast",
        "FAST",
        " fast",
        "fast ",
        "fast/",
        "/fast",
        "fast\0",
        "fast\n",
        "gpt-*",
        "gpt-4 ",
        "openai/",
        "openai//",
        "OpenAI/gpt-4o",
        "openai%2fgpt-4o",
        "nobody/gpt-4o",
        "./fast",
        "claude-sonnet-4-5",
        &"gpt-".repeat(100),
    ] {
        let found = rules.resolve(asked);
        // A second slash belongs to the model's name, which is the provider's to refuse.
        let harmless = asked == "openai//" && found.as_ref().is_some_and(|found| &*found.route.targets[0].model == "/");
        assert!(found.is_none() || harmless, "{asked:?} is {found:?}");
    }
}

#[test]
fn all_problems_are_reported_at_once_with_their_places() {
    let text = "\
lisen: 127.0.0.1:80
providers:
  openia: {}
  openai:
    api_kye: x
    timeouts: { connect: 5, idle: never }
models:
  fast:
    targets: [openia2/x, gpt-4o, { target: openai/o3, wieght: 2 }]
    retry: { attempts: 0 }
  empty: { targets: [] }
  none: {}
bounds: { body_bytes: huge, connections: many }
unpriced: maybe
";
    assert_eq!(
        problems(text),
        [
            "unknown_field lisen 1:1",
            "unknown_provider providers.openia 3:3",
            "unknown_field providers.openai.api_kye 5:5",
            "bad_duration providers.openai.timeouts.connect 6:26",
            "bad_duration providers.openai.timeouts.idle 6:35",
            "unknown_account models.fast.targets[0] 9:15",
            "bad_target models.fast.targets[1] 9:26",
            "unknown_field models.fast.targets[2].wieght 9:55",
            "out_of_range models.fast.retry.attempts 10:24",
            "missing_field models.empty.targets 11:21",
            "missing_field models.none 12:9",
            "bad_size bounds.body_bytes 13:23",
            "wrong_type bounds.connections 13:42",
            "unknown_value unpriced 14:11",
        ]
    );
}

#[test]
fn a_problem_is_explained_with_a_caret_and_a_fix() {
    let checked = checked("providers:\n  openai:\n    api_kye: x\n");
    assert_eq!(
        checked.problems[0].explain("tollgate.yaml"),
        "\
error[unknown_field]: there is no setting `api_kye` in `providers.openai`
  --> tollgate.yaml:3:5 at providers.openai.api_kye
 3 |     api_kye: x
   |     ^^^^^^^
  fix: did you mean `api_key`?
"
    );
    let json = checked.problems[0].to_json("tollgate.yaml");
    assert_eq!((json["code"].as_str(), json["line"].as_u64()), (Some("unknown_field"), Some(3)));
}

#[test]
fn sec_002_a_database_without_an_address_and_a_weak_pepper_are_refused() {
    for (text, problem) in [
        ("database: { url: 'mysql://u:p@h/n' }", "bad_url database.url 1:18"),
        ("database: { url: 'postgres://h' }", "bad_url database.url 1:18"),
        ("database: { url: 'postgres://u:p@h/n' }", "secret_in_file database.url 1:18"),
        ("database: {}", "missing_field database"),
        ("pepper: short", "sample_secret pepper 1:9"),
        ("pepper: ''", "sample_secret pepper 1:9"),
        ("pepper: \"0000000000000000000000000000000000000000000000000000000000000000\"", "sample_secret pepper 1:9"),
        ("pepper: 000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f", "sample_secret pepper 1:9"),
        ("pepper: Y2hhbmdlLW1lLXBsZWFzZS0xMjM0NTY3ODkwYWJjZGU=", "sample_secret pepper 1:9"),
    ] {
        has(text, problem);
    }
}

#[test]
fn each_wrong_setting_has_its_problem() {
    for (text, problem) in [
        ("- a list", "wrong_type  1:1"),
        ("listen: [1", "syntax  1:9"),
        ("a: b: c", "syntax  1:5"),
        ("listen: 1\nlisten: 2", "duplicate listen 2:1"),
        ("listen: example.com:80", "bad_address listen 1:9"),
        ("listen: 127.0.0.1:80\nadmin_listen: 127.0.0.1:80", "duplicate admin_listen 2:15"),
        ("data_dir: ''", "bad_name data_dir 1:11"),
        ("listen: ${NOWHERE}", "bad_variable listen 1:9"),
        ("listen: ${NO WHERE}", "bad_variable listen 1:9"),
        ("keepalive: 0s", "bad_duration keepalive 1:12"),
        ("keepalive: .nan", "bad_duration keepalive 1:12"),
        ("most_drains: -1", "wrong_type most_drains 1:14"),
        ("most_drains: 1.5", "wrong_type most_drains 1:14"),
        ("most_drains: '1'", "wrong_type most_drains 1:14"),
        ("describe_headers: yes", "wrong_type describe_headers 1:19"),
        ("records: { keep_days: 99999 }", "out_of_range records.keep_days 1:23"),
        ("bounds: { body_bytes: 1GiB }", "out_of_range bounds.body_bytes 1:23"),
        ("bounds: { body_bytes: 0B }", "out_of_range bounds.body_bytes 1:23"),
        ("cors_origins: ['https://a.b/c']", "bad_url cors_origins[0] 1:16"),
        ("cors_origins: ['*']", "bad_url cors_origins[0] 1:16"),
        ("otlp: { endpoint: collector }", "bad_url otlp.endpoint 1:19"),
        ("providers: { 'a/b': { kind: ollama } }", "bad_name providers.\"a/b\" 1:14"),
        ("providers: { openai_like: {} }", "missing_field providers.openai_like 1:14"),
        ("providers: { echo: { base_url: 'https://h' } }", "no_effect providers.echo.base_url 1:32"),
        ("providers: { echo: { api_key: '${KEY_CI}' } }", "no_effect providers.echo.api_key 1:31"),
        ("providers: { anthropic: {} }", "missing_secret providers.anthropic 1:14"),
        ("providers: { anthropic: { api_key: '${NONE:-}' } }", "sample_secret providers.anthropic.api_key 1:36"),
        ("providers: { openai: { base_url: 'https://u:p@h' } }", "bad_url providers.openai.base_url 1:34"),
        ("providers: { openai: { base_url: 'http://h/v1' } }", "plain_http providers.openai.base_url 1:34"),
        (
            "providers: { openai: { prices: { m: { input: -1, output: 1 } } } }",
            "out_of_range providers.openai.prices.m.input 1:46",
        ),
        (
            "providers: { openai: { prices: { m: { input: .nan, output: 1 } } } }",
            "wrong_type providers.openai.prices.m.input 1:46",
        ),
        (
            "providers: { openai: { prices: { m: { input: 1e300, output: 1 } } } }",
            "out_of_range providers.openai.prices.m.input 1:46",
        ),
        ("models: { 'a*b*': { targets: [openai/x] } }", "bad_name models.\"a*b*\" 1:11"),
        ("models: { 'a b': { targets: [openai/x] } }", "bad_name models.\"a b\" 1:11"),
        ("guardrails: [{ name: g }]", "missing_field guardrails[0] 1:14"),
        ("guardrails: [{ name: g, kind: bouncer }]", "bad_guardrail guardrails[0].kind 1:31"),
        ("guardrails: [{ name: g, kind: keywords }]", "bad_guardrail guardrails[0] 1:14"),
        (
            "guardrails: [{ name: g, kind: keywords, settings: { words: [a, [b]] } }]",
            "bad_guardrail guardrails[0].settings.words[1] 1:64",
        ),
        ("guardrails: [{ name: '', kind: keywords, settings: { words: [a] } }]", "bad_name guardrails[0].name 1:22"),
        (
            "guardrails: [{ name: g, kind: keywords, screens: [inpt], settings: { words: [a] } }]",
            "unknown_value guardrails[0].screens[0] 1:51",
        ),
        (
            "guardrails: [{ name: g, kind: keywords, screens: [], settings: { words: [a] } }]",
            "missing_field guardrails[0].screens 1:50",
        ),
        (
            "guardrails:\n- &g { name: g, kind: keywords, settings: { words: [a] } }\n- *g",
            "duplicate guardrails[1].name",
        ),
        ("keys: [{ name: a }]", "missing_field keys[0] 1:8"),
        ("keys: [{ secret: '${KEY_CI}' }]", "missing_field keys[0] 1:8"),
        ("keys: [{ name: a, secret: tg_live_no }]", "bad_key keys[0].secret 1:27"),
        ("keys: [{ name: a, hash: tg }]", "bad_key keys[0].hash 1:25"),
        ("keys: [{ name: a, hash: x, secret: '${KEY_CI}' }]", "duplicate keys[0] 1:8"),
        ("keys: [{ name: a, secret: '${KEY_CI}', expires: soon }]", "bad_time keys[0].expires 1:49"),
        ("keys: [{ name: a, secret: '${KEY_CI}', expires: 2020-01-01 }]", "expired keys[0].expires 1:49"),
        ("keys: [{ name: a, secret: '${KEY_CI}', parallel: 0 }]", "out_of_range keys[0].parallel 1:50"),
        ("keys: [{ name: a, secret: '${KEY_CI}', models: [fsat] }]", "unknown_model keys[0].models[0] 1:49"),
        ("keys: [{ name: a, secret: '${KEY_CI}' }, { name: a, secret: '${KEY_CI}' }]", "duplicate keys[1].name 1:50"),
        ("keys: [{ name: a, secret: '${KEY_CI}' }, { name: b, secret: '${KEY_CI}' }]", "duplicate keys[1] 1:42"),
    ] {
        has(text, problem);
    }
}

#[test]
fn each_wrong_target_has_its_problem() {
    for (target, problem) in [
        ("{ target: 'openai/*' }", "bad_target models.m.targets[0].target 5:18"),
        ("'*/x'", "unknown_account"),
        ("other", "bad_target models.m.targets[0] 5:8"),
        ("openai/gpt-4o-mimi", "unpriced models.m.targets[0] 5:8"),
        ("openai/", "bad_target"),
        ("/x", "bad_target"),
        ("{ target: openai/x, weight: 0 }", "no_weight models.m.targets"),
        ("{ target: openai/x, weight: -1 }", "wrong_type models.m.targets[0].weight"),
        ("{ target: openai/x, weight: .nan }", "wrong_type models.m.targets[0].weight"),
        ("{ target: openai/x, weight: 2 }", "no_effect models.m.targets[0].weight"),
        ("{ target: openai/x, override: { model: y } }", "bad_override models.m.targets[0].override.model"),
        ("{ target: openai/x, override: { stream: true } }", "bad_override"),
        ("{ target: openai/x, override: { stop: [a] } }", "wrong_type models.m.targets[0].override.stop"),
        ("{ target: openai/x, override: { seed: } }", "no_effect"),
        ("{ target: openai/x, headers: { authorization: b } }", "bad_header models.m.targets[0].headers.authorization"),
        ("{ target: openai/x, headers: { Host: b } }", "bad_header"),
        ("{ target: openai/x, headers: { transfer-encoding: b } }", "bad_header"),
        ("{ target: openai/x, headers: { 'x y': b } }", "bad_header"),
        ("{ target: openai/x, headers: { x: \"a\\r\\nb: c\" } }", "bad_header"),
        ("{ target: openai/x, headers: { X-a: b, x-A: c } }", "duplicate"),
        ("openai/x, openai/x", "duplicate models.m.targets[1]"),
    ] {
        let text = format!("providers:\n  openai:\nmodels:\n  m: {{ targets:\n      [{target}] }}\n");
        if problem == "no_effect" && target.contains("seed") {
            // An empty value in a map of anything is no value at all.
            assert!(checked(&text).draft.is_some());
            continue;
        }
        has(&text, problem);
    }
}

#[test]
fn a_model_that_names_a_model_is_refused_so_that_no_circle_can_be() {
    let text = "providers: { openai: }\nmodels: { a: { targets: [b] }, b: { targets: [a] } }";
    let found = problems(text);
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(found.iter().all(|problem| problem.starts_with("bad_target")));
}

#[test]
fn sec_002_an_empty_short_or_sample_secret_is_refused_by_name() {
    for secret in
        ["", "  ", "${NONE:-}", "123456", "admin", "changeme", "your-api-key-here", "<the key>", "password", "xxxxxxxx"]
    {
        let text = format!("providers: {{ openai: {{ api_key: '{secret}' }} }}");
        let checked = checked(&text);
        assert!(checked.draft.is_none(), "{secret}");
        let shown = checked.problems[0].explain("f");
        assert!(shown.starts_with("error[sample_secret]: `providers.openai.api_key` is"), "{shown}");
        has(&format!("keys: [{{ name: a, secret: '{secret}' }}]"), "bad_key keys[0].secret");
    }
    let short = |name: &str| (name == "OPENAI_API_KEY").then(|| "short".to_owned());
    let checked = check("providers: { openai: }", &short, &known_guard, NOW);
    assert_eq!(checked.problems[0].fault, Fault::SampleSecret, "what the environment alone gives is checked as well");
}

#[test]
fn a_secret_in_the_file_is_warned_of_and_never_shown() {
    let canary: String = ('a'..='z').rev().collect();
    let text = format!("providers: {{ openai: {{ api_key: {canary} , base_url: 'http://far.example/v1' }} }}");
    let checked = checked(&text);
    assert!(checked.draft.is_some(), "a warning does not stop the gateway");
    assert!(checked.problems.iter().all(|problem| problem.severity == Severity::Warning));
    let shown: String =
        checked.problems.iter().map(|problem| problem.explain("f") + &problem.to_json("f").to_string()).collect();
    assert!(shown.contains("secret_in_file") && shown.contains("plain_http"), "{shown}");
    assert!(!shown.contains(&canary), "{shown}");
    assert!(!format!("{:?}", checked.draft).contains(&canary));
}

#[test]
fn a_secret_in_the_wrong_place_is_not_shown_either() {
    let key = minted(9);
    let text = format!("providers:\n  openai: {{ api_kye: {} }}\n", key.text.expose());
    let shown: String = checked(&text).problems.iter().map(|problem| problem.explain("f")).collect();
    assert!(shown.contains("unknown_field") && shown.contains("api_kye: ****"), "{shown}");
    assert!(!shown.contains(Parsed::parse(key.text.expose()).unwrap().id), "{shown}");
    let text = "models: { m: { targets: [nobody/claude-sonnet-4-5-20250929] } }";
    let shown = checked(text).problems[0].explain("f");
    assert!(shown.contains("targets: [nobody/claude-sonnet-4-5-20250929]"), "{shown}");
}

#[test]
fn a_configuration_as_written_shows_no_secret() {
    let raw: Raw = serde_json::from_value(serde_json::json!({
        "providers": { "openai": { "api_key": "canary" } }, "keys": [{ "name": "a", "secret": "canary" }],
    }))
    .unwrap();
    assert!(!format!("{raw:?}").contains("canary"));
}

#[test]
fn a_built_configuration_shows_no_secret() {
    let shown = format!("{:?}", rules(WHOLE));
    assert!(!shown.contains("canary"), "{shown}");
    assert!(!shown.contains(minted(1).text.expose()));
}

#[test]
fn the_environment_alone_is_a_configuration() {
    let raw = Raw::from_environment(&environment);
    let checked = check_raw(&raw, &environment, &known_guard, NOW);
    assert!(checked.problems.is_empty(), "{:?}", checked.problems);
    let rules = checked.draft.unwrap().into_rules(&Pepper::new(&[0; 32]), 1);
    let mut names: Vec<_> = rules.accounts.keys().map(|name| name.to_string()).collect();
    names.sort();
    assert_eq!(names, ["echo", "groq", "openai"], "Cloudflare's key says nothing of the account that it belongs to");
    assert_eq!(rules.resolve("echo").unwrap().by, By::Name);
    assert_eq!(rules.resolve("openai/gpt-4o").unwrap().by, By::Account);
    assert_eq!(rules.resolve("gpt-4o-mini").unwrap().route.targets[0].name.as_ref(), "openai/gpt-4o-mini");
    assert!(rules.resolve("claude-sonnet-4-5").is_none(), "no account of that provider");
}

#[test]
fn a_bare_name_that_two_accounts_offer_is_nobodys() {
    let text = "providers:\n  a: { kind: openai, api_key: '${UPSTREAM_KEY}' }\n  b: { kind: openai, api_key: '${UPSTREAM_KEY}' }\n";
    assert!(rules(text).resolve("gpt-4o").is_none());
    assert!(rules(text).resolve("b/gpt-4o").is_some());
}

#[test]
fn an_empty_file_is_a_configuration() {
    for text in ["", "# nothing\n", "{}", "---\n"] {
        let rules = rules(text);
        assert_eq!(rules.settings.listen.to_string(), "127.0.0.1:8080");
        assert!(rules.accounts.is_empty());
    }
}

#[test]
fn one_slip_is_reported_once() {
    for text in [
        "providers: { anthropic: { api_key: '${NOWHERE}' } }",
        "providers: { openai_like: { base_url: '${NOWHERE}', api_key: '${UPSTREAM_KEY}' } }",
        "keys: [{ name: a, secret: '${NOWHERE}' }]",
        "providers: { openai: { timeouts: { idle: [] } } }\nmodels: { m: { targets: [openai/o3, openai/gpt-4o], timeouts: { idle: x } } }",
    ] {
        let found = problems(text);
        assert_eq!(found.len(), text.lines().count(), "{found:?}");
    }
}

#[test]
fn a_huge_file_is_refused_at_once() {
    let text = "#".repeat(MOST_BYTES + 1);
    assert_eq!(problems(&text), ["syntax "]);
    let many: String = (0..5_000).map(|at| format!("x{at}: 1\n")).collect();
    assert!(problems(&many).len() <= 200);
    let bomb = "a: &a [x, x]\nb: &b [*a, *a]\nc: &c [*b, *b]\nd: [*c, *c]\n".to_owned();
    assert!(!problems(&bomb).is_empty());
}

#[test]
fn a_large_configuration_is_checked_in_little_time() {
    let mut text = "providers:\n  openai:\nmodels:\n".to_owned();
    for at in 0..5_000 {
        text.push_str(&format!("  m{at}: {{ targets: [openai/a{at}, openai/b{at}], retry: {{ attempts: 3 }} }}\n"));
    }
    text.push_str("keys:\n");
    for at in 0..2_000 {
        let key = Minted::new(Env::Live, &std::array::from_fn(|byte| (at >> (8 * (byte % 2))) as u8));
        text.push_str(&format!(
            "  - {{ name: k{at}, secret: {}, models: [m{at}, \"openai/*\"] }}\n",
            key.text.expose()
        ));
    }
    let started = std::time::Instant::now();
    let rules = rules(&text);
    assert_eq!((rules.models.len(), rules.keys.len()), (5_000, 2_000));
    assert!(started.elapsed() < Duration::from_secs(20), "{:?} without optimisation", started.elapsed());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    /// A file that was cut, or in which some characters were replaced, gives problems or rules, never a panic.
    #[test]
    fn a_damaged_file_never_panics(
        cut in 0..WHOLE.len(),
        hits in prop::collection::vec((0..WHOLE.len(), prop::sample::select(&b"{}[]:*&!|>'\"%@`-,#? \n\t$0aZ~."[..])), 0..6),
        whole in any::<bool>(),
    ) {
        let mut text = WHOLE.as_bytes().to_vec();
        for (at, byte) in hits {
            text[at] = byte;
        }
        if !whole {
            text.truncate(cut);
        }
        let checked = checked(&String::from_utf8_lossy(&text));
        prop_assert_eq!(checked.draft.is_none(), checked.problems.iter().any(Problem::is_error));
        for problem in checked.problems {
            prop_assert!(!problem.explain("f").is_empty());
            prop_assert!(!problem.message.is_empty());
        }
    }

    #[test]
    fn garbage_never_panics(text in "\\PC{0,200}|[a-z:{}\\[\\]\\-$ \n&*!]{0,300}") {
        let _ = checked(&text);
    }
}

#[test]
fn the_example_is_a_configuration_without_a_warning() {
    let text = include_str!("../../../../../config/example.yaml");
    let checked = check(text, &|_| None, &|_| Ok(()), NOW);
    let problems: Vec<_> = checked.problems.iter().map(|problem| problem.explain("config/example.yaml")).collect();
    assert!(problems.is_empty(), "{}", problems.join("\n"));
    let rules = checked.draft.unwrap().into_rules(&Pepper::new(&[0; 32]), 1);
    for target in rules.models.values().flat_map(|route| &route.targets) {
        assert!(target.price.is_some() || &*target.account.name == "echo", "{} has no price", target.name);
    }
}

#[test]
fn the_example_shows_every_setting() {
    let text = include_str!("../../../../../config/example.yaml");
    let definitions = schema()["$defs"].as_object().unwrap().values().chain([schema()]);
    for name in definitions.filter_map(|definition| definition["properties"].as_object()).flat_map(|all| all.keys()) {
        let rates = crate::config::price::RawRates::NAMES;
        assert!(text.contains(&format!("{name}:")) || rates.contains(&name.as_str()), "`{name}` is not shown");
    }
}

/// A provider of which accounts can be made for the tests of identities; `None` until one takes this cloud's.
fn in_cloud(cloud: llm::provider::Cloud) -> Option<&'static str> {
    llm::provider::ALL.iter().find(|provider| provider.cloud() == Some(cloud)).map(|provider| provider.id())
}

#[test]
fn an_account_may_have_several_keys() {
    let text = "providers:\n  openai:\n    keys:\n      - { api_key: '${UPSTREAM_KEY}', weight: 3, name: main }\n      - { api_key: '${GROQ_API_KEY}x' }\n";
    let rules = rules(text);
    let crate::config::Credential::Keys(keys) = &rules.accounts["openai"].credential else { panic!("no keys") };
    let said: Vec<_> = keys.iter().map(|key| (&*key.name, key.weight, key.secret.expose())).collect();
    assert_eq!(said, [("main", 3, "canary12"), ("2", 1, "canary12x")]);
    for (keys, problem) in [
        ("[]", "missing_field providers.openai.keys 1:30"),
        ("[{ weight: 1 }]", "missing_field providers.openai.keys[0] 1:31"),
        ("[{ api_key: short }]", "sample_secret providers.openai.keys[0].api_key 1:42"),
        ("[{ api_key: '${UPSTREAM_KEY}', weight: 0 }]", "no_weight providers.openai.keys 1:30"),
        ("[{ api_key: '${UPSTREAM_KEY}' }, { api_key: '${UPSTREAM_KEY}' }]", "duplicate providers.openai.keys[1]"),
        ("[{ api_key: '${UPSTREAM_KEY}' }], api_key: '${UPSTREAM_KEY}'", "duplicate providers.openai.keys 1:30"),
    ] {
        has(&format!("providers: {{ openai: {{ keys: {keys} }} }}"), problem);
    }
    has("providers: { echo: { keys: [{ api_key: '${KEY_CI}' }] } }", "no_effect providers.echo.keys");
}

#[test]
fn a_deployment_is_known_by_either_name() {
    let rules = rules("providers: { openai: { deployments: { gpt-4o: my-4o } } }");
    for asked in ["openai/gpt-4o", "openai/my-4o"] {
        let target = Arc::clone(&rules.resolve(asked).unwrap().route.targets[0]);
        assert_eq!((&*target.model, &*target.name), ("my-4o", asked));
        assert_eq!(target.known.map(|model| model.id), Some("gpt-4o"));
        assert!(target.price.is_some());
    }
    assert_eq!(&*rules.resolve("openai/o3").unwrap().route.targets[0].model, "o3");
    has("providers: { openai: { deployments: { gpt-4o: 'my 4o' } } }", "bad_name providers.openai.deployments.gpt-4o");
}

#[test]
fn an_account_says_where_its_models_are_and_what_becomes_of_prompts() {
    let rules =
        rules("providers: { openai: { region: eu-1, project: p, api_version: 2024-10-21, zero_retention: true } }");
    let account = &rules.accounts["openai"];
    assert_eq!(account.place.fill("{region} {project} {api_version}").as_deref(), Ok("eu-1 p 2024-10-21"));
    assert_eq!((account.handling.zero_retention, account.handling.training), (true, false));
    let other =
        checked("providers: { openai: { training: false } }").draft.unwrap().into_rules(&Pepper::new(&[0; 32]), 1);
    let handling = other.accounts["openai"].handling;
    assert_eq!((handling.zero_retention, handling.training), (false, false));
    has("providers: { openai: { zero_retention: true, training: true } }", "duplicate providers.openai.training");
    for hostile in ["eu.evil.example/", "a@b", "'../..'", "'x y'", "'a?b'", "'#'"] {
        has(&format!("providers: {{ openai: {{ region: {hostile} }} }}"), "bad_name providers.openai.region");
        has(&format!("providers: {{ openai: {{ project: {hostile} }} }}"), "bad_name providers.openai.project");
    }
}

#[test]
fn an_identity_is_refused_where_its_cloud_is_not() {
    has(
        "providers: { openai: { credential: { kind: google_metadata } } }",
        "unknown_value providers.openai.credential.kind",
    );
    has(
        "providers: { openai: { credential: { kind: google_metadat } } }",
        "unknown_value providers.openai.credential.kind",
    );
    has("providers: { openai: { credential: { file: x } } }", "missing_field providers.openai.credential");
}

#[test]
fn an_identity_needs_its_settings_and_takes_no_others() {
    use llm::provider::Cloud;
    for (cloud, credential, problem) in [
        (Cloud::Google, "{ kind: google_file }", "missing_field"),
        (Cloud::Google, "{ kind: google_file, file: a, secret: '${UPSTREAM_KEY}' }", "missing_field"),
        (Cloud::Google, "{ kind: google_metadata, file: a }", "no_effect"),
        (Cloud::Azure, "{ kind: azure_client_secret, tenant: t, client: c }", "missing_field"),
        (Cloud::Azure, "{ kind: azure_client_secret, tenant: t, client: c, secret: literal-one }", "secret_in_file"),
        (Cloud::Azure, "{ kind: azure_managed_identity, tenant: t }", "no_effect"),
        (Cloud::Azure, "{ kind: azure_workload_identity }", "missing_field"),
        (Cloud::Aws, "{ kind: aws_static, access_key: a }", "missing_field"),
        (Cloud::Aws, "{ kind: aws_web_identity, role: r }", "missing_field"),
        (Cloud::Aws, "{ kind: aws_instance_role, role: r }", "no_effect"),
        (Cloud::Aws, "{ kind: azure_managed_identity }", "unknown_value"),
    ] {
        let Some(kind) = in_cloud(cloud) else { continue };
        let text = format!(
            "providers: {{ a: {{ kind: {kind}, base_url: 'https://h', region: r, project: p, credential: {credential} }} }}"
        );
        has(&text, &format!("{problem} providers.a.credential"));
    }
}

#[test]
fn what_a_cloud_puts_into_the_environment_is_found() {
    use llm::provider::Cloud;

    use crate::config::{
        Credential,
        credential::{AwsIdentity, AzureIdentity, GoogleIdentity},
    };
    let credential = |kind: &str, environment: &[(&str, &str)]| {
        let text = format!("providers: {{ a: {{ kind: {kind}, base_url: 'https://h', region: r, project: p }} }}");
        let lookup =
            |name: &str| environment.iter().find(|(own, _)| *own == name).map(|(_, value)| (*value).to_owned());
        let checked = check(&text, &lookup, &known_guard, NOW);
        checked.draft.map(|draft| draft.into_rules(&Pepper::new(&[0; 32]), 1).accounts["a"].credential.clone())
    };
    if let Some(kind) = in_cloud(Cloud::Google) {
        assert!(credential(kind, &[]).is_none());
        let found = credential(kind, &[("GOOGLE_APPLICATION_CREDENTIALS", "/g.json")]);
        assert!(matches!(found, Some(Credential::Google(GoogleIdentity::File(file))) if file == Path::new("/g.json")));
    }
    if let Some(kind) = in_cloud(Cloud::Azure) {
        let pod = [("AZURE_TENANT_ID", "t"), ("AZURE_CLIENT_ID", "c"), ("AZURE_FEDERATED_TOKEN_FILE", "/t")];
        let found = credential(kind, &pod);
        assert!(matches!(found, Some(Credential::Azure(AzureIdentity::Workload { client, .. })) if client == "c"));
    }
    if let Some(kind) = in_cloud(Cloud::Aws) {
        let keys = [("AWS_ACCESS_KEY_ID", "a"), ("AWS_SECRET_ACCESS_KEY", "s"), ("AWS_PROFILE", "p"), ("HOME", "/h")];
        let found = credential(kind, &keys);
        assert!(matches!(found, Some(Credential::Aws(AwsIdentity::Static { access_key, .. })) if access_key == "a"));
        let Some(Credential::Aws(AwsIdentity::Profile { name, file })) = credential(kind, &keys[2..]) else { panic!() };
        assert_eq!((name.as_str(), file.as_deref()), ("p", Some(Path::new("/h/.aws/credentials"))));
    }
}

#[test]
fn the_tree_is_checked_with_the_place_of_every_problem() {
    let tree = "teams: { research: {} }\nusers: { ada: { teams: { research: developer } } }\n";
    let key = |of: &str| format!("{tree}keys: [{{ name: a, secret: '${{KEY_CI}}', {of} }}]");
    let rules = rules(&key("user: ada"));
    let rule = rules.keys.values().next().unwrap();
    assert_eq!(rule.principal.to_path(), ";o=default;t=research;u=ada;");
    has("teams: { x: { division: nope } }", "unknown_reference teams.x.division 1:25");
    has("teams: { X: {} }", "bad_name teams.X 1:");
    has("users: { ada: { teams: { nope: viewer } } }", "unknown_reference users.ada.teams.nope 1:");
    has("teams: { x: { team: y } }", "unknown_field teams.x.team 1:");
    has(&key("user: adda"), "unknown_reference keys[0].user 3:");
    has(&key("user: ada, organization: acme"), "unknown_reference keys[0].organization 3:");
    has(&key("user: ada, virtual_account: ci"), "contradiction keys[0].virtual_account 3:");
}

#[test]
fn recipients_of_alerts_are_whole_and_keep_their_secrets() {
    let long = "b25seS1mb3ItdGhpcy1leGFtcGxlLW9ubHk=";
    for (alert, expected) in [
        ("{ name: a, kind: slack, url: 'https://hooks.slack.com/x?y=1' }".to_owned(), ""),
        ("{ name: a, kind: slack, url: 'http://hooks.slack.com/x' }".to_owned(), "bad_url alerts[0].url"),
        ("{ name: a, kind: slack, url: 'http://10.0.0.1/x', private: true }".to_owned(), ""),
        ("{ name: a, kind: slack }".to_owned(), "missing_field alerts[0]"),
        ("{ name: a, kind: pigeon }".to_owned(), "unknown_value alerts[0].kind"),
        (format!("{{ name: a, kind: webhook, url: 'https://a.b/c', secret: {long} }}"), ""),
        ("{ name: a, kind: webhook, url: 'https://a.b/c', secret: short }".to_owned(), "bad_key alerts[0].secret"),
        ("{ name: a, kind: pagerduty, routing_key: '${KEY_CI}', to: [a@b] }".to_owned(), "no_effect alerts[0].to"),
        ("{ name: a, kind: email, smtp: { host: h }, from: a@b, to: [c@d] }".to_owned(), ""),
        (
            "{ name: a, kind: email, smtp: { host: h, user: u }, from: a@b, to: [c@d] }".to_owned(),
            "missing_field alerts[0].smtp",
        ),
        ("{ name: a, kind: email, smtp: { host: h }, from: 'a b', to: [c@d] }".to_owned(), "bad_name alerts[0].from"),
    ] {
        let text = format!("alerts: [{alert}]");
        let found: Vec<_> =
            problems(&text).iter().map(|problem| problem.rsplit_once(' ').unwrap().0.to_owned()).collect();
        assert_eq!(found.join("; "), expected, "{text}");
    }
}

#[test]
fn an_issuer_is_read() {
    let text = "virtual_accounts: {ci: {}}\nidentity:\n  issuers:\n    - name: corp\n      issuer: https://login.example.com/\n      audience: [tollgate]\n      \
                algorithms: [ES256, EdDSA]\n      leeway: 10s\n      claims: {user: email, team: /realm/groups}\n      \
                subjects:\n        - {match: {sub: 'repo:acme/*'}, virtual_account: ci, models: ['openai/*']}\n";
    let rules = rules(&format!("providers: {{openai: {{api_key: '${{OPENAI_API_KEY}}'}}}}\n{text}"));
    let [issuer] = &rules.issuers[..] else { panic!("{:?}", rules.issuers) };
    assert_eq!((&*issuer.name, issuer.issuer.as_str()), ("corp", "https://login.example.com/"));
    assert_eq!(issuer.keys.place, crate::identity::KeysPlace::Discovered("https://login.example.com/".to_owned()));
    assert_eq!((issuer.leeway, issuer.keys.refresh), (Duration::from_secs(10), Duration::from_secs(600)));
    assert_eq!(format!("{:?}", issuer.algorithms), "[ES256, EdDSA]");
    assert_eq!(issuer.models, None);
    assert_eq!(issuer.subjects[0].models, ["openai/*"]);
    assert_eq!(issuer.subjects[0].owner.virtual_account.as_deref(), Some("ci"));
}

#[test]
fn problems_of_an_issuer_name_their_field() {
    let issuer = |more: &str| {
        format!(
            "identity:\n  issuers:\n    - {{name: corp, issuer: 'https://a.example', audience: [t], models: ['*'], {more}}}\n"
        )
    };
    has(
        "identity: {issuers: [{name: Corp, issuer: 'https://a', audience: [t], models: ['*']}]}",
        "bad_name identity.issuers[0].name",
    );
    has(
        "identity: {issuers: [{name: c, issuer: 'https://a', audience: [], models: ['*']}]}",
        "missing_field identity.issuers[0].audience",
    );
    has("identity: {issuers: [{name: c, issuer: 'https://a', audience: [t]}]}", "missing_field identity.issuers[0]");
    has(
        "identity: {issuers: [{name: c, issuer: 'kubernetes', audience: [t], models: []}]}",
        "bad_url identity.issuers[0].issuer",
    );
    has(
        "identity: {issuers: [{name: c, issuer: 'http://a.example', audience: [t], models: []}]}",
        "plain_http identity.issuers[0].issuer",
    );
    has(&issuer("jwks_url: 'http://keys.example/'"), "plain_http identity.issuers[0].jwks_url");
    has(&issuer("algorithms: [HS256]"), "unknown_value identity.issuers[0].algorithms[0]");
    has(&issuer("algorithms: [none]"), "unknown_value identity.issuers[0].algorithms[0]");
    has(&issuer("leeway: 61s"), "out_of_range identity.issuers[0].leeway");
    has(&issuer("refresh: 1s"), "out_of_range identity.issuers[0].refresh");
    has(&issuer("refresh: 1h, max_stale: 1m"), "out_of_range identity.issuers[0].max_stale");
    has(&issuer("claims: {user: ''}"), "bad_name identity.issuers[0].claims.user");
    has(&issuer("subjects: [{match: {sub: a}, team: nope}]"), "unknown_reference identity.issuers[0].subjects[0].team");
    has(&issuer("subjects: [{match: {}}]"), "missing_field identity.issuers[0].subjects[0].match");
    has(&issuer("subjects: [{match: {sub: 'a*b*'}}]"), "bad_name identity.issuers[0].subjects[0].match.sub");
    has(&issuer("clams: {}"), "unknown_field identity.issuers[0].clams");
}
