//! A look at a whole answer that decodes nothing: the relay lane's tee.

use super::super::{stop, stream, usage};
use crate::{
    dialect::{
        Glance,
        body::{no_answer, whole},
    },
    envelope::scan::{Scan, unquoted},
    usage::{Usage, weigh},
};

/// Usage, end and failure of a whole answer, without decoding what it says.
#[must_use]
pub fn glance(body: &[u8]) -> Glance {
    let Some(Seen { message: Some(message), finish_reason, usage }) = Seen::of(body) else {
        return no_answer("the answer is not the JSON of a chat answer of Cohere");
    };
    if !message.starts_with(b"{") {
        return Glance { fault: Some(stream::stated(body)), ..Glance::default() };
    }
    let reason = finish_reason.and_then(unquoted);
    let fault = reason.as_deref().and_then(|reason| stop::failure(reason, None));
    Glance {
        stopped: reason.is_some() && fault.is_none(),
        ended: fault.is_none(),
        // What was said is counted only where the provider does not say it: escapes and names make it too much.
        delivered_tokens: if usage.is_some() { 0 } else { weigh(message).tokens() },
        fault,
        ..whole(usage)
    }
}

/// The members of an answer that matter, as they stand. What is `null` is not there.
#[derive(Default)]
struct Seen<'a> {
    message: Option<&'a [u8]>,
    finish_reason: Option<&'a [u8]>,
    /// A `usage` that is no object says nothing.
    usage: Option<Usage>,
}

impl<'a> Seen<'a> {
    /// `None` if the body is no JSON object.
    fn of(body: &'a [u8]) -> Option<Self> {
        let (mut seen, mut scan) = (Self::default(), Scan::of(body));
        scan.object(|scan, key| {
            match scan.key(key) {
                b"message" => seen.message = scan.present()?,
                b"finish_reason" => seen.finish_reason = scan.present()?,
                b"usage" => seen.usage = scan.look(usage::pass)?,
                _ => scan.value()?,
            }
            Some(())
        })?;
        scan.is_whole().then_some(seen)
    }
}
