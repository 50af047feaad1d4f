//! Tokenizers that are public. Each is read when it is first asked for, and stays: about 30 MB for the larger one.

/// A tokenizer of OpenAI's.
///
/// <https://github.com/openai/tiktoken/blob/main/tiktoken/model.py>
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// GPT-4, GPT-3.5 and the embedding models.
    Cl100k,
    /// GPT-4o and later, the models that think, the open-weight ones.
    O200k,
}

impl Encoding {
    /// The tokenizer of a model, by the name under which the catalogue knows it; `None` if it is not public.
    #[must_use]
    pub fn of(model: &str) -> Option<Self> {
        const O200K: &[&str] =
            &["gpt-4o", "gpt-4.1", "gpt-4.5", "gpt-5", "gpt-oss", "chatgpt-4o", "o1", "o3", "o4-mini"];
        const CL100K: &[&str] = &["gpt-4", "gpt-3.5", "gpt-35", "text-embedding-3", "text-embedding-ada-002"];
        let name = model.rsplit('/').next().unwrap_or(model);
        let name = name.strip_prefix("openai.").unwrap_or(name);
        let name = name.strip_prefix("ft:").unwrap_or(name);
        // `o1` and `o1-mini`, but not `o100`.
        let is = |family: &&str| {
            let rest = name.strip_prefix(*family);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['-', '.', ':']))
        };
        if O200K.iter().any(is) {
            return Some(Self::O200k);
        }
        CL100K.iter().any(is).then_some(Self::Cl100k)
    }

    /// The tokens of a text, special tokens read as text.
    #[must_use]
    pub fn count(self, text: &str) -> u64 {
        let tokenizer = match self {
            Self::Cl100k => tiktoken_rs::cl100k_base_singleton(),
            Self::O200k => tiktoken_rs::o200k_base_singleton(),
        };
        tokenizer.count_ordinary(text) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn models_have_their_tokenizer() {
        for (model, encoding) in [
            ("gpt-4o-mini", Some(Encoding::O200k)),
            ("gpt-5.4", Some(Encoding::O200k)),
            ("openai/gpt-oss-120b", Some(Encoding::O200k)),
            ("openai.gpt-oss-20b-1:0", Some(Encoding::O200k)),
            ("o1", Some(Encoding::O200k)),
            ("o3-mini-2025-01-31", Some(Encoding::O200k)),
            ("gpt-4-turbo", Some(Encoding::Cl100k)),
            ("ft:gpt-3.5-turbo:acme::1", Some(Encoding::Cl100k)),
            ("text-embedding-3-small", Some(Encoding::Cl100k)),
            ("gpt-6-sol", None),
            ("o100", None),
            ("claude-opus-5", None),
        ] {
            assert_eq!(Encoding::of(model), encoding, "{model}");
        }
    }

    /// As OpenAI's tokenizer page counts them.
    #[test]
    fn texts_are_counted_as_their_makers_count_them() {
        for (text, cl100k, o200k) in [
            ("", 0, 0),
            ("hello world", 2, 2),
            ("tiktoken is great!", 6, 6),
            ("antidisestablishmentarianism", 6, 6),
            ("2 + 2 = 4", 7, 7),
            ("お誕生日おめでとう", 9, 8),
            ("<|endoftext|>", 7, 7),
        ] {
            assert_eq!([Encoding::Cl100k.count(text), Encoding::O200k.count(text)], [cl100k, o200k], "{text}");
        }
    }
}
