//! What is asked, and in whose words.

use crate::{
    dialect::{Dialect, Glance},
    provider::Operation,
};

/// An operation in one of its wire formats. A client's surface has one; a provider speaks some.
///
/// A client whose wire the provider speaks is relayed; any other is translated into the wire that the provider prefers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Wire {
    /// A conversation turn.
    Chat(Dialect),
    /// The tokens of a conversation.
    Count(Dialect),
    /// Whatever an operator lets through unread. No provider is asked for it by this name.
    Other,
}

impl Wire {
    /// What is asked, whatever the words.
    #[must_use]
    pub fn operation(self) -> Operation {
        match self {
            Self::Chat(_) => Operation::Chat,
            Self::Count(_) => Operation::CountTokens,
            Self::Other => Operation::Other,
        }
    }

    /// The dialect of its errors.
    #[must_use]
    pub fn words(self) -> Dialect {
        match self {
            Self::Chat(dialect) | Self::Count(dialect) => dialect,
            Self::Other => Dialect::OpenAiChat,
        }
    }

    /// Usage and served tier of a whole answer, without decoding the rest.
    #[must_use]
    pub fn glance_reply(self, body: &[u8]) -> Glance {
        match self {
            Self::Chat(dialect) | Self::Count(dialect) => dialect.glance_reply(body),
            Self::Other => Glance::default(),
        }
    }
}
