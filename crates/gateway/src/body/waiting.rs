//! Work upstream that is not done yet: the tries of a call. When the caller goes while it is under way it is cancelled,
//! or, where the account says `on_disconnect: drain`, finished without the caller, so that it is billed as reported.

use std::{
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use govern::{
    Error,
    config::snapshot::{OnDisconnect, Target},
};

use super::{Opened, Settlement, Spent, stream::read_to_end};
use crate::{
    Gateway,
    observe::{Outcome, Recording},
};

/// An answer that deserves to be sent.
pub enum Done {
    Whole { target: Arc<Target>, body: Bytes, spent: Box<Spent> },
    Stream(Box<Opened>),
}

/// The tries of a call, under way.
pub struct Waiting {
    /// `None` once it has ended.
    work: Option<BoxFuture<'static, Result<Done, Error>>>,
    gw: Arc<Gateway>,
    record: Recording,
    policy: OnDisconnect,
}

impl Waiting {
    #[must_use]
    pub fn new(
        gw: Arc<Gateway>,
        record: Recording,
        policy: OnDisconnect,
        work: BoxFuture<'static, Result<Done, Error>>,
    ) -> Self {
        Self { work: Some(work), gw, record, policy }
    }
}

impl Future for Waiting {
    type Output = Result<Done, Error>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let Some(work) = &mut self.work else { return Poll::Pending };
        let done = ready!(work.as_mut().poll(context));
        self.work = None;
        Poll::Ready(done)
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        let Some(work) = self.work.take().filter(|_| self.policy == OnDisconnect::Drain) else { return };
        let Ok(permit) = self.gw.drains.clone().try_acquire_owned() else { return };
        let mut settlement = Settlement { gw: self.gw.clone(), record: self.record.clone() };
        self.gw.tasks.spawn(async move {
            let stop = settlement.gw.tasks.stopping();
            match stop.run_until_cancelled(work).await {
                Some(Ok(Done::Whole { target, spent, .. })) => {
                    settlement.book(&target, &spent);
                    settlement.close(Outcome::ClientDisconnected, 499);
                }
                Some(Ok(Done::Stream(opened))) => read_to_end(opened, settlement).await,
                None | Some(Err(_)) => settlement.close(Outcome::ClientDisconnected, 499),
            }
            drop(permit);
        });
    }
}
