//! One vector, as it came.
//!
//! Answers hold millions of numbers. They are not decoded unless the client wants the other form, and then a list of
//! numbers keeps the very digits that the provider wrote.

use std::borrow::Cow;

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::value::RawValue;

use crate::dialect::Malformed;

/// A vector in one of its forms.
#[derive(Debug, Clone)]
pub enum Vector {
    /// A JSON list of numbers.
    Numbers(Box<RawValue>),
    /// Base64 of little-endian 32-bit floats, as OpenAI and Cohere write it.
    Base64(String),
}

impl Vector {
    /// A value of an answer: a list, or a string of base64.
    ///
    /// # Errors
    /// It is neither.
    pub(super) fn read(raw: &RawValue) -> Result<Self, Malformed> {
        match raw.get().as_bytes().first() {
            Some(b'[') => Ok(Self::Numbers(raw.to_owned())),
            Some(b'"') => serde_json::from_str(raw.get()).map(Self::Base64).map_err(|_| broken()),
            _ => Err(broken()),
        }
    }

    /// As a JSON list of numbers.
    ///
    /// # Errors
    /// It is base64 that is none.
    pub fn numbers(&self) -> Result<Cow<'_, str>, Malformed> {
        match self {
            Self::Numbers(raw) => Ok(Cow::Borrowed(raw.get())),
            Self::Base64(text) => {
                let bytes = STANDARD.decode(text).map_err(|_| broken())?;
                let (floats, rest) = bytes.as_chunks::<4>();
                if !rest.is_empty() {
                    return Err(broken());
                }
                let floats: Vec<f32> = floats.iter().map(|four| f32::from_le_bytes(*four)).collect();
                serde_json::to_string(&floats).map(Cow::Owned).map_err(|_| broken())
            }
        }
    }

    /// As base64 of little-endian 32-bit floats.
    ///
    /// # Errors
    /// It is a list of something else than numbers.
    pub fn base64(&self) -> Result<Cow<'_, str>, Malformed> {
        match self {
            Self::Base64(text) => Ok(Cow::Borrowed(text)),
            Self::Numbers(raw) => {
                let floats: Vec<f32> = serde_json::from_str(raw.get()).map_err(|_| broken())?;
                let bytes: Vec<u8> = floats.into_iter().flat_map(f32::to_le_bytes).collect();
                Ok(Cow::Owned(STANDARD.encode(bytes)))
            }
        }
    }
}

fn broken() -> Malformed {
    Malformed { field: None, message: "the answer holds an embedding that is neither numbers nor base64".to_owned() }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn numbers(text: &str) -> Vector {
        Vector::read(&RawValue::from_string(text.to_owned()).unwrap()).unwrap()
    }

    #[test]
    fn numbers_keep_their_digits() {
        let text = "[0.10, -1e-3, 2]";
        assert_eq!(numbers(text).numbers().unwrap(), text);
    }

    #[test]
    fn what_is_no_vector_is_refused() {
        for text in ["null", "{}", "12"] {
            assert!(Vector::read(&RawValue::from_string(text.to_owned()).unwrap()).is_err(), "{text}");
        }
        for vector in [Vector::Base64("AAAA".to_owned()), Vector::Base64("?".to_owned())] {
            assert!(vector.numbers().is_err(), "{vector:?}");
        }
        assert!(numbers("[\"a\"]").base64().is_err());
    }

    proptest! {
        #[test]
        fn case_057_floats_survive_both_forms(floats in proptest::collection::vec(-1e30_f32..1e30, 0..40)) {
            let text = serde_json::to_string(&floats).unwrap();
            let there = Vector::Base64(numbers(&text).base64().unwrap().into_owned());
            let back: Vec<f32> = serde_json::from_str(&there.numbers().unwrap()).unwrap();
            prop_assert_eq!(back, floats);
        }
    }
}
