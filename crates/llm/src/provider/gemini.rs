//! Google's Gemini API: <https://ai.google.dev/api>

use super::{Ask, Auth, BadAnswer, Failure, Head, ImageNeeds, Operation, Provider, Quirks, Wire, classify, escape};
use crate::{
    dialect::{
        Dialect,
        gemini::{error::retry_after, vertex::wrapped_count},
    },
    embed, image,
};

/// The Gemini API. On Vertex AI the same models have another address and other credentials.
pub struct Gemini;

const CHAT: Wire = Wire::Chat(Dialect::Gemini);
const COUNT: Wire = Wire::Count(Dialect::Gemini);
const EMBED: Wire = Wire::Embed(embed::Format::Gemini);
const EMBED_ONE: Wire = Wire::Embed(embed::Format::GeminiSingle);
const DRAW: Wire = Wire::Image(image::Format::Gemini);
const REDRAW: Wire = Wire::ImageEdit(image::Format::Gemini);
const IMAGEN: Wire = Wire::Image(image::Format::Imagen);

impl Provider for Gemini {
    fn id(&self) -> &'static str {
        "gemini"
    }

    fn speaks(&self, operation: Operation, model: &str) -> &'static [Wire] {
        let imagen = model.rsplit('/').next().is_some_and(|name| name.starts_with("imagen"));
        match operation {
            Operation::Image if imagen => &[IMAGEN],
            _ if imagen => &[],
            Operation::Chat => &[CHAT],
            Operation::CountTokens => &[COUNT],
            Operation::Embed => &[EMBED, EMBED_ONE],
            Operation::Image => &[DRAW],
            Operation::ImageEdit => &[REDRAW],
            _ => &[],
        }
    }

    fn base_url(&self) -> Option<&'static str> {
        Some("https://generativelanguage.googleapis.com")
    }

    fn key_env(&self) -> Option<&'static str> {
        Some("GEMINI_API_KEY")
    }

    fn auth(&self) -> Auth {
        Auth::Header("x-goog-api-key")
    }

    fn head(&self, ask: &Ask<'_>) -> Head {
        let method = match ask.wire {
            Wire::Chat(_) if ask.stream => "streamGenerateContent?alt=sse",
            COUNT => "countTokens",
            EMBED => "batchEmbedContents",
            EMBED_ONE => "embedContent",
            IMAGEN => "predict",
            _ => "generateContent",
        };
        // `models/gemini-2.5-flash` and `tunedModels/mine` are names as well.
        let (folder, name) = ask.model.split_once('/').unwrap_or(("models", ask.model));
        Head { path: format!("/v1beta/{}/{}:{method}", escape(folder), escape(name)).into(), ..Head::default() }
    }

    fn mend(&self, wire: Wire, model: &str, body: &[u8]) -> Option<Vec<u8>> {
        if wire == COUNT { wrapped_count(body, model) } else { None }
    }

    /// Google reads few addresses of others; what it is given by bytes it always reads.
    fn quirks(&self) -> Quirks {
        Quirks { images: ImageNeeds::BytesOnly, ..Quirks::default() }
    }

    /// A bad key is a 400, and the time to wait stands in the body.
    fn failure(&self, bad: &BadAnswer<'_>) -> Failure {
        let told = bad.retry_after.or_else(|| retry_after(bad.body));
        classify(Dialect::Gemini, &BadAnswer { retry_after: told, ..*bad })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::{failure::Kind, provider::Place};

    fn path(wire: Wire, model: &str, stream: bool) -> String {
        Gemini.head(&Ask { wire, model, stream, place: &Place::default() }).path.into_owned()
    }

    #[test]
    fn model_and_method_stand_in_the_path() {
        assert_eq!(path(CHAT, "gemini-2.5-flash", false), "/v1beta/models/gemini-2.5-flash:generateContent");
        assert_eq!(
            path(CHAT, "models/gemini-2.5-flash", true),
            "/v1beta/models/gemini-2.5-flash:streamGenerateContent?alt=sse"
        );
        assert_eq!(path(COUNT, "tunedModels/a b", false), "/v1beta/tunedModels/a%20b:countTokens");
        assert_eq!(
            path(EMBED, "gemini-embedding-001", false),
            "/v1beta/models/gemini-embedding-001:batchEmbedContents"
        );
        assert_eq!(path(IMAGEN, "imagen-4.0-generate-001", false), "/v1beta/models/imagen-4.0-generate-001:predict");
        assert_eq!(Gemini.speaks(Operation::Image, "imagen-4.0-generate-001"), &[IMAGEN]);
        assert!(Gemini.speaks(Operation::Chat, "imagen-4.0-generate-001").is_empty());
    }

    #[test]
    fn case_088_the_time_to_wait_is_read_off_the_body() {
        let body = br#"{"error": {"code": 429, "message": "Quota.", "status": "RESOURCE_EXHAUSTED",
            "details": [{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "37s"}]}}"#;
        let bad = BadAnswer { wire: CHAT, status: 429, retry_after: None, request_id: None, body };
        let failure = Gemini.failure(&bad);
        assert_eq!((failure.kind, failure.retry_after), (Kind::RateLimited, Some(Duration::from_secs(37))));
        assert_eq!(failure.code.as_deref(), Some("RESOURCE_EXHAUSTED"));
    }
}
