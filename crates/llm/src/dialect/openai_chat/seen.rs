//! What a look at an answer, or at a chunk of one, finds without decoding it.

use super::{stream::tally::Choices, usage};
use crate::{envelope::scan::Scan, usage::Usage};

/// The members that matter. What is `null` is not there.
#[derive(Default)]
pub(super) struct Seen<'a> {
    pub choices: Option<Choices>,
    /// A `usage` that is no object says nothing.
    pub usage: Option<Usage>,
    /// As they stand, with their quotes.
    pub model: Option<&'a [u8]>,
    pub service_tier: Option<&'a [u8]>,
    pub error: bool,
}

impl<'a> Seen<'a> {
    /// `None` if `json` is no object, or its choices are no list of objects. Whether what was said is `measured`:
    /// [`Choices::pass`].
    pub fn of(json: &'a [u8], measured: bool) -> Option<Self> {
        let (mut seen, mut scan) = (Self::default(), Scan::of(json));
        scan.object(|scan, key| {
            match scan.key(key) {
                b"choices" => seen.choices = scan.maybe(|scan| Choices::pass(scan, measured))?,
                b"usage" => seen.usage = scan.look(usage::pass)?,
                b"model" => seen.model = scan.present()?,
                b"service_tier" => seen.service_tier = scan.present()?,
                b"error" => seen.error = scan.present()?.is_some(),
                _ => scan.value()?,
            }
            Some(())
        })?;
        scan.is_whole().then_some(seen)
    }
}
