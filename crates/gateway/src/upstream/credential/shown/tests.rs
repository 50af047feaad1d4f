use std::sync::Mutex;

use bytes::Bytes;
use govern::{config::check, key::Pepper};
use llm::provider::Canned;

use super::{super::oauth::tests::Scripted, *};

/// A provider that answers by the key it is shown.
#[derive(Default)]
struct ByKey {
    answers: Mutex<HashMap<String, (u16, Option<u32>)>>,
    seen: Mutex<Vec<String>>,
}

impl UpstreamPool for &'static ByKey {
    async fn send(
        &self,
        _account: &Account,
        request: Request<RequestBody>,
    ) -> Result<Response<UpstreamBody>, SendError> {
        let shown = request.headers().get("authorization").map(|value| value.to_str().unwrap().to_owned());
        let shown = shown.unwrap_or_default().trim_start_matches("Bearer ").to_owned();
        let (status, retry_after) = self.answers.lock().unwrap().get(&shown).copied().unwrap_or((200, None));
        self.seen.lock().unwrap().push(shown);
        let canned = Canned { status, content_type: "application/json", chunks: vec![] };
        let mut answer = Response::builder().status(status).body(UpstreamBody::canned(canned)).unwrap();
        if let Some(seconds) = retry_after {
            answer.headers_mut().insert("retry-after", seconds.into());
        }
        Ok(answer)
    }

    fn renew(&self, _rules: &Rules) -> Result<(), TlsError> {
        Ok(())
    }
}

impl ByKey {
    fn answers(&self, key: &str, status: u16, retry_after: Option<u32>) {
        self.answers.lock().unwrap().insert(key.to_owned(), (status, retry_after));
    }

    /// The keys that it was shown since the last time, by their first letters.
    fn seen(&self) -> String {
        self.seen.lock().unwrap().drain(..).map(|key| key.chars().next().unwrap_or('-')).collect()
    }
}

fn key(letter: &str) -> String {
    letter.repeat(12)
}

fn rules(keys: &str) -> Rules {
    let lookup = |name: &str| name.strip_prefix("KEY_").map(key);
    let text = format!("providers: {{ openai: {keys} }}");
    let checked = check(&text, &lookup, &|_| Ok(()), 0);
    let problems: Vec<_> = checked.problems.iter().map(|problem| problem.explain("f")).collect();
    checked.draft.unwrap_or_else(|| panic!("{problems:?}")).into_rules(&Pepper::new(&[0; 32]), 1)
}

const THREE: &str =
    "{ keys: [{ api_key: '${KEY_a}', weight: 2 }, { api_key: '${KEY_b}' }, { api_key: '${KEY_c}', weight: 0 }] }";

fn shown(rules: &Rules) -> (Shown<&'static ByKey>, &'static ByKey) {
    let provider: &'static ByKey = Box::leak(Box::default());
    (Shown::new(provider, Scripted::new([]), Tasks::default(), rules).unwrap(), provider)
}

async fn call(shown: &Shown<&'static ByKey>, rules: &Rules) -> u16 {
    send(shown, rules, RequestBody::from(Bytes::from_static(b"{}"))).await
}

async fn send(shown: &Shown<&'static ByKey>, rules: &Rules, body: RequestBody) -> u16 {
    let request = Request::post("https://h/v1").body(body).unwrap();
    shown.send(&rules.accounts["openai"], request).await.unwrap().status().as_u16()
}

#[tokio::test]
async fn calls_are_shared_by_weight() {
    let rules = rules(THREE);
    let (shown, provider) = shown(&rules);
    for _ in 0..6 {
        assert_eq!(call(&shown, &rules).await, 200);
    }
    assert_eq!(provider.seen(), "aabaab");
}

#[tokio::test]
async fn a_key_that_is_refused_makes_room_for_the_next_at_once() {
    for status in [401, 402, 403, 429] {
        let rules = rules(THREE);
        let (shown, provider) = shown(&rules);
        provider.answers(&key("a"), status, Some(30));
        assert_eq!(call(&shown, &rules).await, 200);
        assert_eq!(provider.seen(), "ab");
        assert_eq!(call(&shown, &rules).await, 200);
        assert_eq!(provider.seen(), "b", "the refused one is set aside");
        provider.answers(&key("b"), status, Some(30));
        assert_eq!(call(&shown, &rules).await, 200);
        assert_eq!(provider.seen(), "bc", "a key without weight is the last resort");
    }
}

#[tokio::test]
async fn other_failures_are_not_the_keys() {
    for status in [400, 404, 500, 503] {
        let rules = rules(THREE);
        let (shown, provider) = shown(&rules);
        provider.answers(&key("a"), status, None);
        assert_eq!(call(&shown, &rules).await, status);
        assert_eq!(call(&shown, &rules).await, status);
        assert_eq!(provider.seen(), "aa");
    }
}

#[tokio::test]
async fn when_all_are_set_aside_the_first_to_return_is_tried_alone() {
    let rules = rules(THREE);
    let (shown, provider) = shown(&rules);
    for (letter, seconds) in [("a", 50), ("b", 5), ("c", 40)] {
        provider.answers(&key(letter), 429, Some(seconds));
    }
    assert_eq!(call(&shown, &rules).await, 429);
    assert_eq!(provider.seen(), "abc");
    assert_eq!(call(&shown, &rules).await, 429);
    assert_eq!(provider.seen(), "b");
}

#[tokio::test]
async fn a_body_that_cannot_be_sent_twice_is_sent_once() {
    let rules = rules(THREE);
    let (shown, provider) = shown(&rules);
    provider.answers(&key("a"), 401, None);
    let streamed = || RequestBody::Streamed(axum::body::Body::from("sound"));
    assert_eq!(send(&shown, &rules, streamed()).await, 401);
    assert_eq!(send(&shown, &rules, streamed()).await, 200);
    assert_eq!(provider.seen(), "ab");
}

#[tokio::test]
async fn a_reload_keeps_the_standing_of_what_has_not_changed() {
    let before = rules(THREE);
    let (shown, provider) = shown(&before);
    provider.answers(&key("a"), 401, None);
    call(&shown, &before).await;
    provider.seen();
    let same = rules(&THREE.replace(" }] }", " }], region: eu }"));
    shown.renew(&same).unwrap();
    call(&shown, &same).await;
    assert_eq!(provider.seen(), "b");
    let changed = rules(&THREE.replace("KEY_b", "KEY_d"));
    shown.renew(&changed).unwrap();
    call(&shown, &changed).await;
    assert_eq!(provider.seen(), "ad");
}

#[tokio::test]
async fn a_single_key_is_never_set_aside() {
    let rules = rules("{ api_key: '${KEY_a}' }");
    let (shown, provider) = shown(&rules);
    provider.answers(&key("a"), 401, None);
    assert_eq!((call(&shown, &rules).await, call(&shown, &rules).await), (401, 401));
    assert_eq!(provider.seen(), "aa");
}

#[test]
fn a_key_stands_in_its_header_and_in_no_log() {
    for (auth, name, text) in [
        (Auth::Bearer, "authorization", format!("Bearer {}", key("k"))),
        (Auth::Scheme("Token"), "authorization", format!("Token {}", key("k"))),
        (Auth::Header("x-api-key"), "x-api-key", key("k")),
    ] {
        let Credential::Fixed(header, value) = fixed(auth, &Secret::new(key("k"))).unwrap() else { panic!() };
        assert_eq!((header.as_str(), value.to_str().unwrap()), (name, text.as_str()));
        assert!(!format!("{value:?}").contains(&key("k")));
    }
}
