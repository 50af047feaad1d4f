//! Where a part of a call or an answer stands, for the words of a refusal or a loss.

use std::fmt;

/// Where a part stands: `turns[2].parts[0]`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place {
    /// `turns` in a question, `choices` in an answer.
    pub list: &'static str,
    pub turn: usize,
    pub part: usize,
    /// The part of a tool result or a document.
    pub inner: Option<usize>,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}[{}].parts[{}]", self.list, self.turn, self.part)?;
        self.inner.map_or(Ok(()), |inner| write!(f, ".parts[{inner}]"))
    }
}
