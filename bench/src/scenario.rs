//! What is asked: lane x size of the prompt x form of the answer.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use serde_json::{Value, json};

use crate::load::Shot;

/// One kind of call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scenario {
    pub lane: Lane,
    pub prompt: Prompt,
    pub form: Form,
}

/// Whether the gateway's upstream speaks the client's dialect. The bare proxy forwards either way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lane {
    Relay,
    Translate,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Prompt {
    K1,
    K100,
    M1,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    Json,
    Stream50,
    Stream200,
    /// A stream that stays open.
    Hold,
}

impl Scenario {
    /// Everything that `bench run` measures.
    pub fn all() -> Vec<Self> {
        let mut all = Vec::new();
        for lane in [Lane::Relay, Lane::Translate] {
            for prompt in [Prompt::K1, Prompt::K100, Prompt::M1] {
                for form in [Form::Json, Form::Stream200] {
                    all.push(Self { lane, prompt, form });
                }
            }
            all.push(Self { lane, prompt: Prompt::K1, form: Form::Stream50 });
        }
        all
    }

    /// The scenarios that promises are made about.
    pub fn main() -> Vec<Self> {
        let relay = |prompt, form| Self { lane: Lane::Relay, prompt, form };
        vec![
            relay(Prompt::K1, Form::Json),
            relay(Prompt::K100, Form::Json),
            relay(Prompt::K1, Form::Stream50),
            Self { lane: Lane::Translate, prompt: Prompt::K1, form: Form::Json },
        ]
    }

    /// `relay-1k-json`
    pub fn name(self) -> String {
        let prompt = match self.prompt {
            Prompt::K1 => "1k",
            Prompt::K100 => "100k",
            Prompt::M1 => "1m",
        };
        format!("{}-{prompt}-{}", self.lane.as_str(), self.form.as_str())
    }

    /// Requests kept in flight to saturate: fewer of the large ones, whose bodies would only queue in sockets.
    pub fn connections(self) -> usize {
        match self.prompt {
            Prompt::K1 => 64,
            Prompt::K100 => 32,
            Prompt::M1 => 8,
        }
    }

    /// Silence between two chunks in an open loop: a whole stream takes a quarter to half a second.
    pub fn gap(self) -> Duration {
        match self.form {
            Form::Json => Duration::ZERO,
            Form::Stream50 => Duration::from_millis(5),
            Form::Stream200 | Form::Hold => Duration::from_millis(2),
        }
    }

    /// The request as OpenAI's clients send it, to `path`, for `model`, with `headers` (each line with its end).
    pub fn shot(self, address: SocketAddr, path: &str, model: &str, headers: &str) -> Shot {
        let body = self.body(model).to_string();
        let head = format!(
            "POST {path} HTTP/1.1\r\nhost: {address}\r\n{headers}content-type: application/json\r\naccept: */*\r\n\
             user-agent: bench/1\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        Shot { address, request: Arc::from([head.as_bytes(), body.as_bytes()].concat()) }
    }

    fn body(self, model: &str) -> Value {
        let bytes = match self.prompt {
            Prompt::K1 => 700,
            Prompt::K100 => 100_000,
            Prompt::M1 => 1_000_000,
        };
        let mut messages = vec![json!({"role": "system", "content": "You are terse. Answer in \"one\" line.\n"})];
        let mut left: usize = bytes;
        while left > 0 {
            let role = if messages.len() % 2 == 1 { "user" } else { "assistant" };
            let size = left.min(2_000);
            let text: String =
                "the quick brown fox\njumps over \"the\" lazy dog. ".chars().cycle().take(size).collect();
            messages.push(json!({"role": role, "content": text}));
            left -= size;
        }
        let mut body = json!({"model": model, "messages": messages, "temperature": 0.5, "max_tokens": 400});
        if let (true, Value::Object(body)) = (self.form != Form::Json, &mut body) {
            body.insert("stream".into(), true.into());
            body.insert("stream_options".into(), json!({"include_usage": true}));
        }
        body
    }
}

impl Lane {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Relay => "relay",
            Self::Translate => "translate",
        }
    }
}

impl Form {
    /// The name in scenarios; also the first segment of the upstream's path.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Stream50 => "s50",
            Self::Stream200 => "s200",
            Self::Hold => "hold",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prompts_have_the_size_that_their_name_says() {
        for (prompt, least, most) in
            [(Prompt::K1, 900, 1_200), (Prompt::K100, 100_000, 120_000), (Prompt::M1, 1_000_000, 1_200_000)]
        {
            let scenario = Scenario { lane: Lane::Relay, prompt, form: Form::Stream50 };
            let bytes = scenario.body("m").to_string().len();
            assert!((least..most).contains(&bytes), "{} has {bytes}", scenario.name());
        }
    }
}
