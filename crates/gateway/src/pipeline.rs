//! The life of a request, on one screen.

use std::sync::Arc;

use govern::Error;

use crate::{
    Gateway,
    body::Settlement,
    http::{Answer, RawRequest},
    observe::{Outcome, Recording},
    stage::{
        Recollection, authenticate, authorize, compose, dispatch, inspect, keep, passage, plan, read, recollect,
        reserve, resume, settle,
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
    let call = compose(rules, &grant, asked, record)?; // deadline, tags, what the caller may choose
    let hold = reserve(&gw.ledger, &gw.metrics, &grant)?; // limits; returned on drop
    let call = inspect(&gw.metrics, call)?; // guard the question
    let plan = plan(&gw.targets, &grant, &call)?; // ordered targets, pure
    let sent = dispatch(gw, plan, call, record).await?; // tries until a first event arrives
    let answer = settle(gw, sent, hold, record); // wraps the body: count, price, record
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
    let hold = reserve(&gw.ledger, &gw.metrics, &passage.grant)?;
    let sent = passage.send(gw, record).await?; // one try: nobody knows whether another would do harm
    Ok(settle(gw, sent, hold, record))
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
            Settlement { gw: gw.clone(), record: record.clone(), hold: None }.close(Outcome::Success, 200);
            Ok(answer)
        }
        Recollection::Elsewhere(passage) => {
            let hold = reserve(&gw.ledger, &gw.metrics, &passage.grant)?;
            let sent = passage.send(gw, record).await?;
            Ok(settle(gw, sent, hold, record))
        }
    }
}
