//! Vertex AI, for Google's models and those of its partners:
//! <https://cloud.google.com/vertex-ai/generative-ai/docs/partner-models/use-partner-models>
//!
//! Gemini: `generateContent` as in the Gemini API, but for what [`vertex`](crate::dialect::gemini::vertex) says. Claude: `rawPredict`, the model in the path, the version in the body
//! (<https://platform.claude.com/docs/en/build-with-claude/claude-on-vertex-ai>). Mistral: `rawPredict` with Mistral's own
//! body. Every other maker (`meta/...`, `deepseek-ai/...`): the OpenAI endpoint
//! (<https://cloud.google.com/vertex-ai/generative-ai/docs/start/openai>).

use super::{
    Ask, Auth, BadAnswer, Betas, Cloud, Failure, Head, ImageNeeds, Operation, Place, Provider, Quirks, Wire, classify,
    escape,
    wires::{
        CHAT, COUNT, COUNT_GEMINI, DRAW, EMBED_GEMINI, EMBED_GEMINI_ONE, EMBED_VERTEX, GEMINI, IMAGEN, MESSAGES, REDRAW,
    },
};
use crate::{
    Dialect,
    dialect::gemini::{
        error::retry_after,
        vertex::{bare_count, with_roles, without_models},
    },
};

/// Vertex AI.
pub struct Vertex;

/// Those whose documentation names Vertex AI: <https://platform.claude.com/docs/en/build-with-claude/overview>
const BETAS: Betas = Betas {
    known: &[
        "computer-use-2025-01-24",
        "context-1m-2025-08-07",
        "context-management-2025-06-27",
        "interleaved-thinking-2025-05-14",
        "tool-search-tool-2025-10-19",
        "web-search-2025-03-05",
    ],
    in_body: false,
};

/// Who made a model, by its name: as Vertex names it in the path.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Publisher {
    Google,
    Anthropic,
    Mistral,
    /// The model's name says whose it is: `meta/llama-4-maverick-17b-128e-instruct-maas`.
    Other,
}

impl Publisher {
    fn of(model: &str) -> Self {
        let starts = |names: &[&str]| names.iter().any(|name| model.starts_with(name));
        if starts(&["claude"]) {
            Self::Anthropic
        } else if starts(&["mistral", "codestral", "ministral"]) {
            Self::Mistral
        } else if model.contains('/') || starts(&["llama"]) {
            Self::Other
        } else {
            Self::Google
        }
    }

    fn as_str(self) -> &'static str {
        match self {
            Self::Anthropic => "anthropic",
            Self::Mistral => "mistralai",
            Self::Google | Self::Other => "google",
        }
    }
}

impl Provider for Vertex {
    fn id(&self) -> &'static str {
        "vertex"
    }

    fn speaks(&self, operation: Operation, model: &str) -> &'static [Wire] {
        match (operation, Publisher::of(model)) {
            (Operation::Chat, Publisher::Anthropic) => &[MESSAGES],
            (Operation::Chat, Publisher::Mistral | Publisher::Other) => &[CHAT],
            (Operation::CountTokens, Publisher::Anthropic) => &[COUNT],
            (Operation::Image, Publisher::Google) if model.starts_with("imagen") => &[IMAGEN],
            (_, Publisher::Google) if model.starts_with("imagen") => &[],
            (Operation::Chat, Publisher::Google) => &[GEMINI],
            (Operation::CountTokens, Publisher::Google) => &[COUNT_GEMINI],
            // `predict` is refused for these, and the others know nothing else.
            (Operation::Embed, Publisher::Google) if model.starts_with("gemini") => &[EMBED_GEMINI, EMBED_GEMINI_ONE],
            (Operation::Embed, Publisher::Google) => &[EMBED_VERTEX],
            (Operation::Image, Publisher::Google) => &[DRAW],
            (Operation::ImageEdit, Publisher::Google) => &[REDRAW],
            _ => &[],
        }
    }

    fn base_url(&self) -> Option<&'static str> {
        Some("https://{region}-aiplatform.googleapis.com")
    }

    /// `global` and the multi-regions `us` and `eu` have hosts of another form:
    /// <https://cloud.google.com/vertex-ai/generative-ai/docs/learn/locations>
    fn address(&self, place: &Place) -> Result<Option<String>, &'static str> {
        Ok(Some(match place.region.as_deref() {
            Some("global") => "https://aiplatform.googleapis.com".to_owned(),
            Some(wide @ ("us" | "eu")) => format!("https://aiplatform.{wide}.rep.googleapis.com"),
            _ => return self.base_url().map(|template| place.fill(template)).transpose(),
        }))
    }

    fn wants(&self) -> &'static [&'static str] {
        &["region", "project"]
    }

    fn key_env(&self) -> Option<&'static str> {
        None
    }

    fn auth(&self) -> Auth {
        Auth::Header("x-goog-api-key")
    }

    fn cloud(&self) -> Option<Cloud> {
        Some(Cloud::Google)
    }

    fn head(&self, ask: &Ask<'_>) -> Head {
        let setting = |setting: &Option<String>| escape(setting.as_deref().unwrap_or_default());
        let place = format!("/v1/projects/{}/locations/{}", setting(&ask.place.project), setting(&ask.place.region));
        let publisher = Publisher::of(ask.model);
        let model = |method: &str| {
            let path = format!("{place}/publishers/{}/models/{}:{method}", publisher.as_str(), escape(ask.model));
            Head { path: path.into(), ..Head::default() }
        };
        let raw = if ask.stream { "streamRawPredict" } else { "rawPredict" };
        match (ask.wire, publisher) {
            (MESSAGES, _) => Head {
                set: vec![("anthropic_version", "vertex-2023-10-16".into())],
                remove: &["model"],
                forward: &["anthropic-beta"],
                betas: Some(BETAS),
                ..model(raw)
            },
            (COUNT, _) => Head {
                path: format!("{place}/publishers/anthropic/models/count-tokens:rawPredict").into(),
                set: vec![("anthropic_version", "vertex-2023-10-16".into())],
                forward: &["anthropic-beta"],
                betas: Some(BETAS),
                ..Head::default()
            },
            (EMBED_VERTEX | IMAGEN, _) => model("predict"),
            (EMBED_GEMINI, _) => model("batchEmbedContents"),
            (EMBED_GEMINI_ONE, _) => Head { remove: &["model"], ..model("embedContent") },
            (COUNT_GEMINI, _) => Head { remove: &["model"], ..model("countTokens") },
            (GEMINI, _) if ask.stream => model("streamGenerateContent?alt=sse"),
            (GEMINI | DRAW | REDRAW, _) => model("generateContent"),
            (_, Publisher::Mistral) => model(raw),
            _ => {
                let named = match ask.model.contains('/') {
                    true => ask.model.to_owned(),
                    false => format!("meta/{}", ask.model),
                };
                let path = format!("{place}/endpoints/openapi/chat/completions");
                Head { path: path.into(), set: vec![("model", named.into())], ..Head::default() }
            }
        }
    }

    fn mend(&self, wire: Wire, _model: &str, body: &[u8]) -> Option<Vec<u8>> {
        match wire {
            GEMINI => with_roles(body),
            COUNT_GEMINI => match bare_count(body) {
                Some(bare) => with_roles(&bare).or(Some(bare)),
                None => with_roles(body),
            },
            EMBED_GEMINI => without_models(body),
            _ => None,
        }
    }

    /// No maker's models fetch what is given by URL here.
    fn quirks(&self) -> Quirks {
        Quirks { images: ImageNeeds::BytesOnly, takes_cache_marks: true, ..Quirks::NONE }
    }

    /// Google's own errors stand where the makers of the models would have theirs; all have `error.message`, and Google's
    /// say how long to wait in the body.
    fn failure(&self, bad: &BadAnswer<'_>) -> Failure {
        let told = bad.retry_after.or_else(|| retry_after(bad.body));
        let words = if bad.wire.words() == Dialect::Gemini { Dialect::Gemini } else { Dialect::OpenAiChat };
        classify(words, &BadAnswer { retry_after: told, ..*bad })
    }
}
