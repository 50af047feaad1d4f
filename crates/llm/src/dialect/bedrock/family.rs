//! What the makers of Bedrock's models call the parameters that Converse has no name for.
//!
//! <https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters.html>

/// Whose model it is, as far as parameters differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Family {
    Anthropic,
    Nova,
    Cohere,
    OpenAi,
    /// Another maker's, or one that the id does not tell (an ARN of an application's inference profile).
    Other,
}

impl Family {
    /// The family of a model id, an inference profile (`us.anthropic.claude-...`) or an ARN that holds one.
    pub fn of(model: &str) -> Self {
        let known = [
            ("anthropic.", Self::Anthropic),
            ("amazon.nova", Self::Nova),
            ("cohere.", Self::Cohere),
            ("openai.", Self::OpenAi),
        ];
        known.into_iter().find(|(part, _)| model.contains(part)).map_or(Self::Other, |(_, family)| family)
    }

    /// Where `top_k` stands in `additionalModelRequestFields`; `None`: the maker has none, or another name for it.
    pub fn top_k(self) -> Option<&'static [&'static str]> {
        match self {
            Self::Nova => Some(&["inferenceConfig", "topK"]),
            Self::Cohere => Some(&["k"]),
            Self::OpenAi => None,
            Self::Anthropic | Self::Other => Some(&["top_k"]),
        }
    }

    /// Whether one tool can be forced by name:
    /// <https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ToolChoice.html>
    pub fn takes_named_choice(self) -> bool {
        matches!(self, Self::Anthropic | Self::Nova)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_family_is_found_behind_regions_and_in_arns() {
        for (model, family) in [
            ("anthropic.claude-sonnet-4-5-20250929-v1:0", Family::Anthropic),
            ("us.anthropic.claude-sonnet-4-5-20250929-v1:0", Family::Anthropic),
            ("arn:aws:bedrock:us-east-1:123456789012:inference-profile/eu.amazon.nova-pro-v1:0", Family::Nova),
            ("openai.gpt-oss-120b-1:0", Family::OpenAi),
            ("cohere.command-r-plus-v1:0", Family::Cohere),
            ("meta.llama3-3-70b-instruct-v1:0", Family::Other),
            ("arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/abc123", Family::Other),
        ] {
            assert_eq!(Family::of(model), family, "{model}");
        }
    }
}
