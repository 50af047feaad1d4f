//! What most tests of the gateway start from: one scripted upstream behind an OpenAI and an Anthropic account, with a
//! price that is easy to reckon with.

use serde_json::{Value, json};
use testkit::{Answer, Harness, Response, Upstream, harness::mint};

/// An input token of `chat/m` and `claude/m`, in nano-dollars; an output token costs twice that.
pub const NANO: i64 = 1_000;

/// The gateway in front of one upstream.
pub struct Scene {
    pub upstream: Upstream,
    pub gateway: Harness,
}

impl Scene {
    /// Every call gets this answer.
    pub async fn answering(answer: Answer) -> Self {
        Self::of(Upstream::answering(answer), "").await
    }

    /// A gateway in front of this upstream, with more configuration.
    pub async fn of(upstream: Upstream, more: &str) -> Self {
        let config = format!(
            "providers:\n{}{}{more}",
            account("chat", "openai", &upstream),
            account("claude", "anthropic", &upstream)
        );
        let gateway = start(&config).await;
        Self { upstream, gateway }
    }

    /// A streamed chat completion of `chat/m`, read to its end.
    pub async fn stream_chat(&self, model: &str) -> Response {
        self.chat(model, &json!({ "stream": true })).await
    }

    /// `POST /v1/chat/completions` with these fields on top of a short question.
    pub async fn chat(&self, model: &str, more: &Value) -> Response {
        self.gateway.client().post("/v1/chat/completions", &with(chat(model), more)).send().await
    }

    /// `POST /v1/messages` with these fields on top of a short question.
    pub async fn message(&self, model: &str, more: &Value) -> Response {
        self.gateway.client().post("/v1/messages", &with(message(model), more)).send().await
    }

    /// The record of the only request.
    pub async fn record(&self) -> Value {
        let mut records = self.gateway.records(1).await;
        assert_eq!(records.len(), 1, "one request, one record: {records:#?}");
        records.remove(0)
    }
}

/// What a command that succeeds prints.
pub fn output_of(command: &mut std::process::Command) -> String {
    let done = command.output().unwrap();
    assert!(done.status.success(), "{command:?}: {}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8(done.stdout).unwrap().trim().to_owned()
}

/// The real gateway with this configuration; `${PROVIDER_KEY}` stands for a credential of its providers.
pub async fn start(config: &str) -> Harness {
    Harness::of(env!("CARGO_BIN_EXE_tollgate"), config).env("PROVIDER_KEY", &mint()).start().await
}

/// An account (an entry of `providers`) of this kind at an upstream; its model `m` has a price.
pub fn account(name: &str, kind: &str, upstream: &Upstream) -> String {
    let path = if kind == "anthropic" { "" } else { "/v1" };
    let (url, key) = (upstream.url(), "${PROVIDER_KEY}");
    format!(
        "  {name}: {{kind: {kind}, base_url: '{url}{path}', api_key: '{key}', prices: {{m: {{input: 1, output: 2}}}}}}\n"
    )
}

/// A short question in OpenAI's words.
pub fn chat(model: &str) -> Value {
    json!({ "model": model, "messages": [{ "role": "user", "content": "Hello!" }] })
}

/// A short question in Anthropic's words.
pub fn message(model: &str) -> Value {
    json!({ "model": model, "max_tokens": 100, "messages": [{ "role": "user", "content": "Hello!" }] })
}

/// `body` with these fields set.
pub fn with(mut body: Value, more: &Value) -> Value {
    for (name, value) in more.as_object().into_iter().flatten() {
        body[name] = value.clone();
    }
    body
}

/// The JSON payloads of a stream; `[DONE]` is left out.
pub fn payloads(answer: &Response) -> Vec<Value> {
    answer
        .events()
        .iter()
        .filter(|(_, data)| data != "[DONE]")
        .map(|(_, data)| serde_json::from_str(data).unwrap())
        .collect()
}

/// The text that a stream of either dialect delivers.
pub fn text_of(answer: &Response) -> String {
    let delta = |payload: &Value| {
        let text = payload["choices"][0]["delta"]["content"].as_str().or(payload["delta"]["text"].as_str());
        text.unwrap_or_default().to_owned()
    };
    payloads(answer).iter().map(delta).collect()
}
