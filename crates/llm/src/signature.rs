//! Who signed a thought.
//!
//! Some models sign what they thought and want the signature back, unchanged, with the next question; each refuses the
//! signatures of others. A signature travels through clients of every dialect, which send it back to whichever model
//! they ask next, so it says by itself whose it is: a mark stands before the value. Nothing is remembered in between.
//!
//! A signature without a mark is Anthropic's: its clients, and those of gateways that speak for it, have always sent
//! them bare, and the models of Anthropic take them on every platform.
//!
//! The mark consists of base64 characters, and its length is a multiple of four, so that a marked signature is base64
//! wherever the bare one is: Gemini's clients decode what they are given and encode it again.

/// Whose models made a signature, or a thought that only they can read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Maker {
    /// <https://docs.anthropic.com/en/docs/build-with-claude/extended-thinking#thinking-encryption>
    Anthropic,
    /// <https://ai.google.dev/gemini-api/docs/thought-signatures>
    Gemini,
    /// <https://platform.openai.com/docs/guides/reasoning#encrypted-reasoning-items>
    OpenAi,
}

/// What every marked signature begins with.
pub const MARK: &str = "tollgateSignedBy";

impl Maker {
    const MARKED: &'static [(Self, &'static str)] =
        &[(Self::Gemini, "Gemi"), (Self::OpenAi, "Open"), (Self::Anthropic, "Anth")];

    fn tag(self) -> &'static str {
        Self::MARKED.iter().find(|(maker, _)| *maker == self).map_or("", |(_, tag)| tag)
    }
}

/// The canonical form of a signature that `maker` wrote.
#[must_use]
pub fn mark(maker: Maker, value: &str) -> String {
    if maker == Maker::Anthropic { value.to_owned() } else { mark_all(maker, value) }
}

/// As [`mark`], for a client whose bare signatures are not Anthropic's: Anthropic's are marked, too.
#[must_use]
pub fn mark_all(maker: Maker, value: &str) -> String {
    format!("{MARK}{}{value}", maker.tag())
}

/// Whose signature this is, and the value as its maker wrote it.
#[must_use]
pub fn read(canonical: &str) -> (Maker, &str) {
    marked(canonical).unwrap_or((Maker::Anthropic, canonical))
}

/// The maker and the value of a signature that bears a mark.
#[must_use]
pub fn marked(text: &str) -> Option<(Maker, &str)> {
    let rest = text.strip_prefix(MARK)?;
    Maker::MARKED.iter().find_map(|(maker, tag)| Some((*maker, rest.strip_prefix(tag)?)))
}

/// The value, if `maker` wrote it: the only signatures that may be sent to a model of `maker`.
#[must_use]
pub fn own(maker: Maker, canonical: &str) -> Option<&str> {
    let (signed_by, value) = read(canonical);
    (signed_by == maker).then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_says_whose_signature_it_is() {
        for (maker, _) in Maker::MARKED {
            for canonical in [mark(*maker, "c2ln"), mark_all(*maker, "c2ln")] {
                assert_eq!(read(&canonical), (*maker, "c2ln"));
                assert_eq!(own(*maker, &canonical), Some("c2ln"));
                assert_eq!(canonical.len() % 4, 0);
            }
        }
        assert_eq!(own(Maker::Gemini, "c2ln"), None);
        assert_eq!(mark(Maker::Anthropic, "c2ln"), "c2ln");
        assert_eq!(marked("tollgateSignedByNobody"), None);
    }
}
