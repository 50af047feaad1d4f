//! `thoughtSignature`, both ways.
//!
//! Google's field holds bytes, so a client decodes it and encodes it again, in the other alphabet of base64 if it likes.
//! Other makers' signatures stand in it with their mark ([`crate::signature`]).

use crate::signature::{self, Maker};

/// What a model of Google's takes in place of a signature that nobody has: a call that another model made, or one whose
/// client dropped it. <https://ai.google.dev/gemini-api/docs/thought-signatures#faqs>
pub(super) const NOBODY_HAS_IT: &str = "skip_thought_signature_validator";

/// Stands before the mark of a thought that only its maker can read.
const SEALED: &str = "tollgateRedacted";

/// What a `thoughtSignature` holds.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Proof {
    /// A signature in its canonical form.
    Signed(String),
    /// Another maker's redacted thought, in its canonical form.
    Sealed(String),
}

/// Reads a signature that a client or a model sent.
pub(super) fn read(value: &str) -> Proof {
    match value.strip_prefix(SEALED) {
        Some(sealed) => Proof::Sealed(canonical(sealed)),
        None => Proof::Signed(canonical(value)),
    }
}

/// The signature for a client: Google's own bare, another maker's marked.
pub(super) fn for_client(canonical: &str) -> String {
    match signature::read(canonical) {
        (Maker::Gemini, value) => value.to_owned(),
        (maker, value) => signature::mark_all(maker, value),
    }
}

/// A redacted thought for a client.
pub(super) fn sealed_for_client(data: &str) -> String {
    let (maker, value) = signature::read(data);
    format!("{SEALED}{}", signature::mark_all(maker, value))
}

fn canonical(value: &str) -> String {
    match signature::marked(value) {
        // Anthropic's are of the alphabet with `+` and `/`; Google's clients write the other.
        Some((Maker::Anthropic, value)) => signature::mark(Maker::Anthropic, &standard(value)),
        Some((maker, value)) => signature::mark(maker, value),
        None => signature::mark(Maker::Gemini, value),
    }
}

/// Base64 in its first alphabet.
pub(super) fn standard(base64: &str) -> String {
    base64
        .chars()
        .map(|c| {
            if c == '-' {
                '+'
            } else if c == '_' {
                '/'
            } else {
                c
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signatures_go_to_a_client_and_come_back() {
        for canonical in ["Er+a/bc=", &signature::mark(Maker::Gemini, "Cg_a"), &signature::mark(Maker::OpenAi, "gA_-")]
        {
            let sent = for_client(canonical);
            assert_eq!(read(&sent), Proof::Signed(canonical.to_owned()));
            assert_eq!(read(&sealed_for_client(canonical)), Proof::Sealed(canonical.to_owned()));
        }
        let other_alphabet = for_client("Er+a/bc=").replace('+', "-").replace('/', "_");
        assert_eq!(read(&other_alphabet), Proof::Signed("Er+a/bc=".into()));
        assert_eq!(for_client(&signature::mark(Maker::Gemini, "Cg_a")), "Cg_a");
    }
}
