//! Pictures: made from words, or from words and other pictures, in the formats of the vendors.
//!
//! OpenAI's edits come as a form with files; what is modelled here is their fields, and the pictures beside them.

mod call;
mod gemini;
mod imagen;
mod openai;
#[cfg(test)]
mod tests;

pub use call::{ImageCall, ImageReply, Made, Picture, Place, Size};
pub use openai::Watch;

use crate::{
    Loss,
    dialect::{Glance, Malformed},
};

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

    /// Whether the body says which model is asked. Elsewhere the path does.
    #[must_use]
    pub fn says_model_in_body(self) -> bool {
        self == Self::OpenAi
    }

    /// Reads a request body of a client. Only OpenAI's format is a client's.
    ///
    /// # Errors
    /// Names the field that is wrong.
    pub fn read_call(self, body: &[u8]) -> Result<ImageCall, Malformed> {
        match self {
            Self::OpenAi => openai::read_call(body),
            Self::Gemini | Self::Imagen => Err(Malformed {
                field: None,
                message: format!("pictures are asked for in OpenAI's format here, not in {}'s", self.as_str()),
            }),
        }
    }

    /// Writes a request body, and says what it could not carry.
    ///
    /// # Errors
    /// Something that changes what is made cannot be said in this format.
    pub fn write_call(self, call: &ImageCall) -> Result<(Vec<u8>, Loss), Malformed> {
        match self {
            Self::OpenAi => Ok((openai::write_call(call), Loss::none())),
            Self::Gemini => gemini::write_call(call),
            Self::Imagen => imagen::write_call(call),
        }
    }

    /// Reads an answer.
    ///
    /// # Errors
    /// The body is not an answer of this format, or holds no picture.
    pub fn read_reply(self, body: &[u8]) -> Result<ImageReply, Malformed> {
        match self {
            Self::OpenAi => openai::read_reply(body),
            Self::Gemini => gemini::read_reply(body),
            Self::Imagen => imagen::read_reply(body),
        }
    }

    /// Model and usage of an answer.
    #[must_use]
    pub fn glance(self, body: &[u8]) -> Glance {
        match self {
            Self::OpenAi => openai::glance(body),
            Self::Gemini => gemini::glance(body),
            Self::Imagen => imagen::glance(body),
        }
    }
}

/// Writes an answer for a client of OpenAI's format, the only one that clients of pictures speak here.
///
/// `created`: seconds since 1970.
#[must_use]
pub fn write_reply(reply: &ImageReply, created: i64) -> Vec<u8> {
    openai::write_reply(reply, created)
}
