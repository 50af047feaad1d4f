//! Servers that speak OpenAI's formats: <https://platform.openai.com/docs/api-reference/introduction>
//!
//! A vendor is a const of [`OpenAiLike`]. Its base URL is the one that its users give to the OpenAI SDK, `/v1` included
//! where the vendor has one; the paths behind it are OpenAI's, and those of others where a vendor offers their formats.

use super::{
    Ask, Auth, BadAnswer, Cloud, Failure, Head, Operation, Provider, Quirks, Wire, WriteFor, classify, escape,
    wires::{
        CHAT, COHERE, COMPLETIONS, COUNT, EMBED, IMAGE, IMAGE_EDIT, MESSAGES, MODERATE, OCR, RERANK, RESPONSES, SPEECH,
        TRANSCRIBE, TRANSLATE,
    },
};

/// A vendor in data. What a constant leaves out is as in [`OpenAiLike::PLAIN`].
#[derive(Debug, Clone, Copy)]
pub struct OpenAiLike {
    /// As [`Provider::id`].
    pub id: &'static str,
    /// As [`Provider::base_url`].
    pub base_url: Option<&'static str>,
    /// As [`Provider::key_env`].
    pub key_env: Option<&'static str>,
    /// Everything that it speaks: the formats of one operation side by side, the preferred one first.
    pub speaks: &'static [Wire],
    /// Paths that are not the [usual](path) ones. `{model}` stands for the model; a leading `/..` takes away a segment of
    /// the base URL.
    pub paths: &'static [(Wire, &'static str)],
    pub auth: Auth,
    /// As [`Provider::cloud`].
    pub cloud: Option<Cloud>,
    /// As [`Provider::wants`].
    pub wants: &'static [&'static str],
    pub quirks: Quirks,
    /// In what a model converses, where that is not the same for all of them.
    pub converses: fn(model: &str) -> Option<&'static [Wire]>,
    /// What a request needs besides its path.
    pub adapt: fn(ask: &Ask<'_>, head: Head) -> Head,
    /// What a writer must know of a model.
    pub fit: fn(model: &str, target: WriteFor) -> WriteFor,
}

/// Any such server: an account says where it is. Where it does not have one of these paths, it says so itself.
pub const GENERIC: OpenAiLike = OpenAiLike {
    id: "openai_like",
    speaks: &[CHAT, COMPLETIONS, EMBED, RERANK, IMAGE, IMAGE_EDIT, SPEECH, TRANSCRIBE, TRANSLATE, MODERATE, OCR],
    ..OpenAiLike::PLAIN
};

impl OpenAiLike {
    /// Chat Completions with a key that is optional, and nothing else.
    pub const PLAIN: Self = Self {
        id: "",
        base_url: None,
        key_env: None,
        speaks: &[CHAT],
        paths: &[],
        auth: Auth::Bearer,
        cloud: None,
        wants: &[],
        quirks: Quirks::NONE,
        converses: |_| None,
        adapt: |_, head| head,
        fit: |_, target| target,
    };
}

impl Provider for OpenAiLike {
    fn id(&self) -> &'static str {
        self.id
    }

    fn speaks(&self, operation: Operation, model: &str) -> &'static [Wire] {
        let own = if operation == Operation::Chat { (self.converses)(model) } else { None };
        own.unwrap_or_else(|| of(self.speaks, operation))
    }

    fn base_url(&self) -> Option<&'static str> {
        self.base_url
    }

    fn key_env(&self) -> Option<&'static str> {
        self.key_env
    }

    fn auth(&self) -> Auth {
        self.auth
    }

    fn cloud(&self) -> Option<Cloud> {
        self.cloud
    }

    fn wants(&self) -> &'static [&'static str] {
        self.wants
    }

    fn head(&self, ask: &Ask<'_>) -> Head {
        let mut head = match self.paths.iter().find(|(wire, _)| *wire == ask.wire) {
            None => Head::at(path(ask.wire)),
            Some((_, own)) if own.contains("{model}") => {
                Head { path: own.replace("{model}", &escape(ask.model)).into(), ..Head::default() }
            }
            Some((_, own)) => Head::at(own),
        };
        if matches!(ask.wire, MESSAGES | COUNT) {
            head.headers = &[("anthropic-version", "2023-06-01")];
        }
        (self.adapt)(ask, head)
    }

    fn quirks(&self) -> Quirks {
        self.quirks
    }

    fn write_for(&self, model: &str, target: WriteFor) -> WriteFor {
        (self.fit)(model, self.quirks.write_for(target))
    }

    fn failure(&self, bad: &BadAnswer<'_>) -> Failure {
        let inner = self.quirks.wraps_errors.then(|| inner_error(bad.body)).flatten();
        classify(bad.wire.words(), &BadAnswer { body: inner.as_deref().unwrap_or(bad.body), ..*bad })
    }
}

/// Those of one operation, among formats that stand side by side by operation.
fn of(wires: &'static [Wire], operation: Operation) -> &'static [Wire] {
    let first = wires.iter().position(|wire| wire.operation() == operation);
    let rest = first.and_then(|first| wires.get(first..)).unwrap_or_default();
    let end = rest.iter().position(|wire| wire.operation() != operation).unwrap_or(rest.len());
    rest.get(..end).unwrap_or_default()
}

/// The usual path of an operation, behind `/v1`.
#[must_use]
pub fn path(wire: Wire) -> &'static str {
    match wire {
        COMPLETIONS => "/completions",
        RESPONSES => "/responses",
        MESSAGES => "/messages",
        COHERE => "/chat",
        COUNT => "/messages/count_tokens",
        Wire::Embed(_) => "/embeddings",
        Wire::Rerank(_) => "/rerank",
        Wire::Image(_) => "/images/generations",
        Wire::ImageEdit(_) => "/images/edits",
        Wire::Speech(_) => "/audio/speech",
        Wire::Transcribe(_) => "/audio/transcriptions",
        Wire::Translate(_) => "/audio/translations",
        Wire::Moderate => "/moderations",
        Wire::Ocr => "/ocr",
        Wire::Chat(_) | Wire::Count(_) | Wire::Invoke | Wire::Other => "/chat/completions",
    }
}

/// The error of the vendor behind an aggregator: `error.metadata.raw`, JSON as a string or as it is.
fn inner_error(body: &[u8]) -> Option<Vec<u8>> {
    let body: serde_json::Value = serde_json::from_slice(body).ok()?;
    match body.pointer("/error/metadata/raw")? {
        serde_json::Value::String(text) if !text.is_empty() => Some(text.clone().into_bytes()),
        object @ serde_json::Value::Object(_) => Some(object.to_string().into_bytes()),
        _ => None,
    }
}
