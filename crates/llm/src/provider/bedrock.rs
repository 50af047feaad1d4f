//! Amazon Bedrock: <https://docs.aws.amazon.com/bedrock/latest/APIReference/API_Operations_Amazon_Bedrock_Runtime.html>
//!
//! Conversations go to Converse, whatever the model; a client that speaks Anthropic's words to an Anthropic model is
//! relayed through `invoke`, which takes its body with the version in it and the model in the path. The path's colons are
//! percent-encoded; ids of models, inference profiles (`us.`, `eu.`, `apac.`, `global.`) and ARNs are all good.

use super::{
    Ask, Auth, BadAnswer, Betas, Cloud, Failure, Head, ImageNeeds, Operation, Place, Provider, Quirks, Wire, escape,
};
use crate::{
    catalog::{self, Ability},
    dialect::{Dialect, WriteFor, bedrock},
    embed, rerank,
    structured::Means,
};

/// Amazon Bedrock.
pub struct Bedrock;

const CONVERSE: Wire = Wire::Chat(Dialect::Bedrock);
const MESSAGES: Wire = Wire::Chat(Dialect::Anthropic);
const COUNT: Wire = Wire::Count(Dialect::Bedrock);

/// What a client of `invoke` says in headers: <https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_InvokeModel.html>
const HEADERS: &[&str] = &[
    "x-amzn-bedrock-accept",
    "x-amzn-bedrock-guardrailidentifier",
    "x-amzn-bedrock-guardrailversion",
    "x-amzn-bedrock-performanceconfig-latency",
    "x-amzn-bedrock-request-metadata",
    "x-amzn-bedrock-service-tier",
    "x-amzn-bedrock-trace",
];

/// What the name of an inference profile begins with; the model's own name follows.
/// <https://docs.aws.amazon.com/bedrock/latest/userguide/inference-profiles-support.html>
const PROFILES: &[&str] = &["us.", "eu.", "apac.", "global.", "us-gov.", "jp.", "au.", "ca."];

/// Anthropic's betas that Bedrock knows; it refuses others.
/// <https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-anthropic-claude-messages-request-response.html>
const BETAS: &[&str] = &[
    "computer-use-2024-10-22",
    "computer-use-2025-01-24",
    "computer-use-2025-11-24",
    "token-efficient-tools-2025-02-19",
    "output-128k-2025-02-19",
    "interleaved-thinking-2025-05-14",
    "dev-full-thinking-2025-05-14",
    "fine-grained-tool-streaming-2025-05-14",
    "context-1m-2025-08-07",
    "context-management-2025-06-27",
    "effort-2025-11-24",
    "tool-search-tool-2025-10-19",
    "tool-examples-2025-10-29",
];

/// Models that can be told to follow a schema:
/// <https://docs.aws.amazon.com/bedrock/latest/userguide/structured-output.html>
const FOLLOWS_SCHEMAS: &[&str] = &[
    "claude-haiku-4-5",
    "claude-sonnet-4-5",
    "claude-opus-4-5",
    "claude-sonnet-4-6",
    "claude-opus-4-6",
    "claude-opus-4-7",
    "claude-opus-4-8",
    "claude-sonnet-5",
    "claude-opus-5",
    "claude-fable-5",
    "qwen.",
    "deepseek.v3",
    "openai.gpt-oss",
    "google.gemma",
    "nvidia.nemotron",
    "minimax.",
    "moonshot",
    "mistral.mistral-large-3",
    "mistral.ministral",
    "mistral.magistral",
    "mistral.voxtral",
];

impl Provider for Bedrock {
    fn id(&self) -> &'static str {
        "bedrock"
    }

    fn speaks(&self, operation: Operation, model: &str) -> &'static [Wire] {
        match operation {
            Operation::Chat if model.contains("anthropic.") => &[CONVERSE, MESSAGES],
            Operation::Chat => &[CONVERSE],
            Operation::Embed if model.contains("cohere.") => &[Wire::Embed(embed::Format::BedrockCohere)],
            Operation::Embed if model.contains("titan-embed-text") => &[Wire::Embed(embed::Format::Titan)],
            Operation::Rerank => &[Wire::Rerank(rerank::Format::BedrockCohere)],
            // Only Anthropic's models are counted: <https://docs.aws.amazon.com/bedrock/latest/userguide/count-tokens.html>
            Operation::CountTokens if model.contains("anthropic.") => &[COUNT],
            Operation::Invoke => &[Wire::Invoke],
            _ => &[],
        }
    }

    fn base_url(&self) -> Option<&'static str> {
        Some("https://bedrock-runtime.{region}.amazonaws.com")
    }

    fn address(&self, place: &Place) -> Result<Option<String>, &'static str> {
        aws_address(self, place)
    }

    fn wants(&self) -> &'static [&'static str] {
        &["region"]
    }

    /// <https://docs.aws.amazon.com/bedrock/latest/userguide/api-keys-use.html>
    fn key_env(&self) -> Option<&'static str> {
        Some("AWS_BEARER_TOKEN_BEDROCK")
    }

    fn auth(&self) -> Auth {
        Auth::Bearer
    }

    fn cloud(&self) -> Option<Cloud> {
        Some(Cloud::Aws)
    }

    fn head(&self, ask: &Ask<'_>) -> Head {
        let method = match (ask.wire, ask.stream) {
            (CONVERSE, false) => "converse",
            (CONVERSE, true) => "converse-stream",
            (_, false) => "invoke",
            (_, true) => "invoke-with-response-stream",
        };
        let head = Head { path: format!("/model/{}/{method}", escape(ask.model)).into(), ..Head::default() };
        match ask.wire {
            COUNT => {
                // Models alone are counted by, not profiles.
                let model = PROFILES.iter().find_map(|profile| ask.model.strip_prefix(profile)).unwrap_or(ask.model);
                Head { path: format!("/model/{}/count-tokens", escape(model)).into(), ..Head::default() }
            }
            Wire::Invoke => Head { forward: HEADERS, ..head },
            MESSAGES => Head {
                set: vec![("anthropic_version", "bedrock-2023-05-31".into())],
                remove: &["model", "stream"],
                forward: HEADERS,
                betas: Some(Betas { known: BETAS, in_body: true }),
                ..head
            },
            _ => head,
        }
    }

    fn quirks(&self) -> Quirks {
        Quirks { images: ImageNeeds::BytesOnly, takes_cache_marks: true, ..Quirks::NONE }
    }

    fn write_for(&self, model: &str, target: WriteFor) -> WriteFor {
        let known = catalog::find(self.id(), model);
        let can = |ability: Ability, unknown: bool| known.map_or(unknown, |known| known.can(ability));
        let is_claude = model.contains("anthropic.");
        WriteFor {
            ignores_cache_marks: !can(Ability::PromptCaching, is_claude || model.contains("amazon.nova")),
            schema: if FOLLOWS_SCHEMAS.iter().any(|part| model.contains(part)) {
                Means::Native
            } else if can(Ability::Tools, true) && can(Ability::ToolChoice, true) {
                Means::Tool
            } else {
                Means::Prompt
            },
            ..target
        }
    }

    fn failure(&self, bad: &BadAnswer<'_>) -> Failure {
        aws_failure(bad)
    }
}

/// AWS's services in China have another domain.
pub(super) fn aws_address(provider: &dyn Provider, place: &Place) -> Result<Option<String>, &'static str> {
    let address = provider.base_url().map(|template| place.fill(template)).transpose()?;
    let in_china = place.region.as_deref().is_some_and(|region| region.starts_with("cn-"));
    Ok(address.map(|address| if in_china { format!("{address}.cn") } else { address }))
}

/// What a bad answer of AWS's means. The type of the error is in a header that is not looked at; status and words tell.
pub(super) fn aws_failure(bad: &BadAnswer<'_>) -> Failure {
    let body = bedrock::error::read(bad.body);
    Failure {
        kind: bedrock::error::kind_of(&body.kind, bad.status, &body.message),
        status: Some(bad.status),
        message: crate::failure::clean(&body.message),
        code: Some(body.kind).filter(|code| super::is_code(code)),
        retry_after: bad.retry_after,
        request_id: bad.request_id.map(str::to_owned),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::failure::Kind;

    fn head(wire: Wire, model: &str, stream: bool) -> Head {
        Bedrock.head(&Ask { wire, model, stream, place: &Place::default() })
    }

    #[test]
    fn the_path_says_model_and_manner_with_colons_encoded() {
        let claude = "us.anthropic.claude-sonnet-4-5-20250929-v1:0";
        let path = |wire, stream| head(wire, claude, stream).path.into_owned();
        let base = "/model/us.anthropic.claude-sonnet-4-5-20250929-v1%3A0";
        assert_eq!(path(CONVERSE, false), format!("{base}/converse"));
        assert_eq!(path(CONVERSE, true), format!("{base}/converse-stream"));
        assert_eq!(path(MESSAGES, false), format!("{base}/invoke"));
        assert_eq!(path(MESSAGES, true), format!("{base}/invoke-with-response-stream"));
        let arn = "arn:aws:bedrock:eu-west-1:123456789012:application-inference-profile/abc";
        assert_eq!(
            head(CONVERSE, arn, false).path,
            "/model/arn%3Aaws%3Abedrock%3Aeu-west-1%3A123456789012%3Aapplication-inference-profile%2Fabc/converse"
        );
    }

    #[test]
    fn tokens_are_counted_by_model_and_other_bodies_pass_by_invoke() {
        let count = head(COUNT, "eu.anthropic.claude-sonnet-4-5-20250929-v1:0", false);
        assert_eq!(count.path, "/model/anthropic.claude-sonnet-4-5-20250929-v1%3A0/count-tokens");
        assert!(Bedrock.speaks(Operation::CountTokens, "us.amazon.nova-pro-v1:0").is_empty());
        let titan = head(Wire::Invoke, "amazon.titan-text-express-v1", true);
        assert_eq!(titan.path, "/model/amazon.titan-text-express-v1/invoke-with-response-stream");
        assert!(titan.remove.is_empty() && titan.set.is_empty());
    }

    #[test]
    fn every_region_has_its_address_and_profiles_are_in_the_catalogue() {
        let at = |region: &str| {
            let place = Place { region: Some(region.into()), ..Place::default() };
            Bedrock.address(&place).unwrap().unwrap()
        };
        assert_eq!(at("eu-west-1"), "https://bedrock-runtime.eu-west-1.amazonaws.com");
        assert_eq!(at("cn-north-1"), "https://bedrock-runtime.cn-north-1.amazonaws.com.cn");
        assert_eq!(Bedrock.address(&Place::default()), Err("region"));
        for profile in ["us", "eu", "apac", "global"] {
            let model = format!("{profile}.anthropic.claude-sonnet-4-5-20250929-v1:0");
            assert!(catalog::find("bedrock", &model).is_some_and(|model| model.price.is_some()), "{model}");
        }
    }

    #[test]
    fn models_are_asked_for_schemas_as_they_can() {
        let means = |model: &str| Bedrock.write_for(model, WriteFor::default()).schema;
        assert_eq!(means("eu.anthropic.claude-sonnet-4-5-20250929-v1:0"), Means::Native);
        assert_eq!(means("openai.gpt-oss-120b-1:0"), Means::Native);
        assert_eq!(means("us.amazon.nova-pro-v1:0"), Means::Tool);
        assert_eq!(means("mistral.mistral-large-2402-v1:0"), Means::Prompt);
        let marks = |model: &str| !Bedrock.write_for(model, WriteFor::default()).ignores_cache_marks;
        assert!(marks("anthropic.claude-sonnet-4-5-20250929-v1:0") && marks("amazon.nova-pro-v1:0"));
        assert!(!marks("openai.gpt-oss-120b-1:0"));
    }

    #[test]
    fn failures_are_told_by_status_and_words() {
        let kind = |status, body: &str| {
            let bad = BadAnswer { wire: CONVERSE, status, retry_after: None, request_id: None, body: body.as_bytes() };
            Bedrock.failure(&bad).kind
        };
        assert_eq!(kind(400, r#"{"message":"Input is too long for requested model."}"#), Kind::ContextWindow);
        assert_eq!(
            kind(403, r#"{"message":"The security token included in the request is invalid."}"#),
            Kind::Credential
        );
        assert_eq!(kind(424, r#"{"message":"x"}"#), Kind::Server);
        assert_eq!(kind(429, r#"{"message":"Too many tokens, please wait before trying again."}"#), Kind::RateLimited);
    }
}
