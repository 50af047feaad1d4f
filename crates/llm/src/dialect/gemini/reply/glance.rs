use crate::{
    dialect::{
        Glance,
        gemini::stream::{Chunk, Tally},
    },
    failure::{Failure, Kind},
};

/// Usage, tier, end and failure of a whole answer without decoding it. A body that is no answer is a fault.
#[must_use]
pub fn glance(body: &[u8]) -> Glance {
    let mut glance = Glance { ended: true, ..Glance::default() };
    match Chunk::of(body) {
        Some(chunk) if chunk.is_answer() => Tally::default().take(&chunk, body, &mut glance),
        _ => glance.fault = Some(Failure::new(Kind::Malformed, "the answer is not the JSON of a Gemini answer")),
    }
    glance
}
