//! Pictures: made from words, or from words and other pictures, in the formats of the vendors.

/// A wire format of making and editing pictures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// <https://platform.openai.com/docs/api-reference/images>
    OpenAi,
    /// `generateContent` of a model that answers in pictures: <https://ai.google.dev/gemini-api/docs/image-generation>
    Gemini,
    /// `predict` of Imagen: <https://ai.google.dev/gemini-api/docs/imagen>
    Imagen,
}

impl Format {
    /// Every format.
    pub const ALL: &'static [Self] = &[Self::OpenAi, Self::Gemini, Self::Imagen];

    /// The name in records and in what is said of losses.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::OpenAi => "openai",
            Self::Gemini => "gemini",
            Self::Imagen => "imagen",
        }
    }
}
