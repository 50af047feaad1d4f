//! The source's names, in ours.

/// A model's name taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Name<'n> {
    /// Our provider id.
    pub provider: &'n str,
    /// The provider's own name of the model.
    pub model: &'n str,
    /// What the price is for, if not for the model as a whole: `high`, `1024x1024`.
    pub words: Vec<String>,
}

/// Where the source's name of a provider differs from ours; names that begin so are the same.
const PROVIDERS: &[(&str, &str)] = &[
    ("together_ai", "together"),
    ("azure_ai", "azure_ai"),
    ("azure", "azure_openai"),
    ("bedrock", "bedrock"),
    ("vertex_ai", "vertex"),
    ("cohere_chat", "cohere"),
    ("fireworks_ai", "fireworks"),
    ("text-completion-openai", "openai"),
    ("text-completion-codestral", "codestral"),
    ("text-completion-inception", "inception"),
    ("jina_ai", "jina"),
    ("friendliai", "friendli"),
    ("clf_ai_gateway", "cloudflare"),
    ("qwen_ai_platform", "qwen"),
];

/// Beginnings of names that say who serves a model, longest first.
const PREFIXES: &[&str] =
    &["bedrock_mantle/", "bedrock/", "vertex_ai/", "azure_ai/", "azure/", "gemini/", "openai/", "fireworks_ai/"];

/// The source puts its provider names in front of most models, and what a price is for in front of pictures:
/// `azure/hd/1024-x-1024/dall-e-3`.
#[must_use]
pub fn name<'n>(provider: &'n str, id: &'n str) -> Name<'n> {
    let found = PROVIDERS.iter().find(|(theirs, _)| provider.starts_with(theirs));
    let ours = found.map_or(provider, |(_, ours)| *ours);
    let (mut words, mut model) = (Vec::new(), serving(provider, id));
    while let Some((word, rest)) = model.split_once('/').and_then(|(first, rest)| Some((word(first)?, rest))) {
        words.push(word);
        model = serving(provider, rest);
    }
    // What only looks like a quality is a part of a name, if no size goes with it.
    if !words.iter().any(|word| is_size(word)) {
        return Name { provider: ours, model: serving(provider, id), words: vec![] };
    }
    Name { provider: ours, model, words }
}

/// The name without its provider in front.
fn serving<'n>(provider: &str, id: &'n str) -> &'n str {
    if let Some(own) = id.strip_prefix(provider).and_then(|rest| rest.strip_prefix('/')) {
        return own;
    }
    let own =
        PREFIXES.iter().find(|prefix| provider.starts_with(prefix.trim_end_matches('/')) && id.starts_with(**prefix));
    own.and_then(|prefix| id.strip_prefix(prefix)).unwrap_or(id)
}

fn word(part: &str) -> Option<String> {
    const QUALITIES: &[&str] = &["hd", "standard", "low", "medium", "high", "xhigh", "max", "auto"];
    let size = part.replace("-x-", "x");
    let known = QUALITIES.contains(&part) || is_size(&size) || part.ends_with("-steps");
    known.then_some(size)
}

fn is_size(word: &str) -> bool {
    size(word).is_some() || word == "maxxmax"
}

/// Width and height of `1024x1536`.
#[must_use]
pub fn size(word: &str) -> Option<(u64, u64)> {
    let (width, height) = word.split_once('x')?;
    Some((width.parse().ok()?, height.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lose_the_provider_in_front() {
        for (provider, id, ours, model) in [
            ("groq", "groq/openai/gpt-oss-120b", "groq", "openai/gpt-oss-120b"),
            ("together_ai", "together_ai/zai-org/GLM-5", "together", "zai-org/GLM-5"),
            ("openai", "gpt-5", "openai", "gpt-5"),
            ("openai", "openai/sora-2", "openai", "sora-2"),
            ("azure", "azure/eu/gpt-4o", "azure_openai", "eu/gpt-4o"),
            ("azure_ai", "azure_ai/gpt-4o", "azure_ai", "gpt-4o"),
            ("bedrock_converse", "us.anthropic.claude-opus-5", "bedrock", "us.anthropic.claude-opus-5"),
            ("bedrock", "bedrock/us-east-1/deepseek.v3.2", "bedrock", "us-east-1/deepseek.v3.2"),
            ("bedrock_mantle", "bedrock_mantle/openai.gpt-oss-120b", "bedrock", "openai.gpt-oss-120b"),
            ("vertex_ai-anthropic_models", "vertex_ai/claude-opus-5", "vertex", "claude-opus-5"),
            ("fireworks_ai-embedding-models", "fireworks_ai/nomic-ai/x", "fireworks", "nomic-ai/x"),
        ] {
            let named = name(provider, id);
            assert_eq!((named.provider, named.model), (ours, model), "{id}");
            assert!(named.words.is_empty(), "{id}");
        }
    }

    #[test]
    fn what_a_picture_costs_by_is_taken_off() {
        for (provider, id, model, words) in [
            ("azure", "azure/hd/1024-x-1792/dall-e-3", "dall-e-3", &["hd", "1024x1792"][..]),
            ("openai", "low/1024-x-1024/gpt-image-1", "gpt-image-1", &["low", "1024x1024"]),
            (
                "bedrock",
                "1024-x-1024/50-steps/bedrock/amazon.nova-canvas-v1:0",
                "amazon.nova-canvas-v1:0",
                &["1024x1024", "50-steps"],
            ),
            (
                "fal_ai",
                "fal_ai/max/1024-x-768/openai/gpt-image-2/edit",
                "openai/gpt-image-2/edit",
                &["max", "1024x768"],
            ),
            ("fal_ai", "fal_ai/max/model", "max/model", &[]),
        ] {
            let named = name(provider, id);
            assert_eq!(
                (named.model, named.words.iter().map(String::as_str).collect::<Vec<_>>()),
                (model, words.to_vec())
            );
        }
        assert_eq!(size("1024x1536"), Some((1024, 1536)));
    }
}
