//! The life of a request, on one screen.

use std::sync::Arc;

use govern::Error;

use crate::{
    Gateway,
    body::Settlement,
    http::{Answer, RawRequest},
    observe::{Outcome, Recording},
    stage::{
        Recollection, authenticate, authorize, compose, dispatch, inspect, keep, passage, read, recollect, reserve,
        resume, settle,
    },
};

/// Answers a request. Each line is a file in `stage/`; each type proves that the line before it ran.
///
/// The record is written once, when its last handle is dropped, whatever happens; a refusal returns the hold by drop.
///
/// # Errors
/// What the caller is told in the dialect of its surface.
pub async fn handle(gw: &Arc<Gateway>, raw: RawRequest, record: &Recording) -> Result<Answer, Error> {
    let rules = gw.rules.load_full(); // one snapshot for the whole request
    let caller = authenticate(gw, &rules, &raw.head, record).await?; // who
    let asked = read(gw, &rules, raw, record).await?; // what: an Envelope, body untouched
    let mut grant = authorize(&rules, caller, &asked, record)?; // may they
    let asked = resume(gw, &mut grant, asked, record).await?; // the answer that it goes on from
    let thread = asked.thread.clone();
    let mut call = compose(rules, &grant, asked, record)?; // deadline, tags, what the caller may choose
    let (grant, plan) = reserve(gw, grant, &mut call, record).await?; // targets in order; limits: a place, held by the record
    let call = inspect(&gw.metrics, call)?; // guard the question
    let sent = dispatch(gw, (grant, plan), call, record).await?; // tries until a first event arrives
    let answer = settle(gw, sent, record); // wraps the body: count, price, record
    Ok(keep(gw, thread, answer, record).await) // for the question that goes on from it
}

/// Answers a request that is not modelled: the same door, and bytes that pass as they are.
///
/// # Errors
/// What the caller is told.
pub async fn pass(gw: &Arc<Gateway>, raw: RawRequest, record: &Recording) -> Result<Answer, Error> {
    let rules = gw.rules.load_full();
    let caller = authenticate(gw, &rules, &raw.head, record).await?;
    let passage = passage(gw, rules, caller, raw, record).await?; // the path is open, and guards have read the body
    let sent = passage.send(gw, record).await?; // limits, and one try: nobody knows whether another would do harm
    Ok(settle(gw, sent, record))
}

/// Looks up, deletes or cancels an answer that is kept.
///
/// # Errors
/// What the caller is told.
pub async fn remember(gw: &Arc<Gateway>, raw: RawRequest, record: &Recording) -> Result<Answer, Error> {
    let rules = gw.rules.load_full();
    let caller = authenticate(gw, &rules, &raw.head, record).await?;
    match recollect(gw, rules, caller, raw).await? {
        Recollection::Here(answer) => {
            Settlement { gw: gw.clone(), record: record.clone() }.close(Outcome::Success, 200);
            Ok(answer)
        }
        Recollection::Elsewhere(passage) => {
            let sent = passage.send(gw, record).await?;
            Ok(settle(gw, sent, record))
        }
    }
}
