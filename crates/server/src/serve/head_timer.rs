//! Times the heads of a connection's requests with one timer of the runtime.
//!
//! A timer of its own for every head, which is what the parser asks for, is entered into the runtime's wheel and taken out
//! again a moment later, for every request. Here the connection's alarm stays set: it rings once in a while, finds that
//! the head at hand has time left, and is set to that.

use std::{
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll, ready},
    time::{Duration, Instant},
};

use hyper::rt::{Sleep, Timer};

/// The alarm of one connection. It never rings later than the deadline that waits for it.
#[derive(Clone)]
pub struct HeadTimer(Arc<Mutex<Pin<Box<tokio::time::Sleep>>>>);

impl HeadTimer {
    pub fn new() -> Self {
        Self(Arc::new(Mutex::new(Box::pin(tokio::time::sleep(Duration::ZERO)))))
    }
}

impl Timer for HeadTimer {
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Sleep>> {
        self.sleep_until(Instant::now() + duration)
    }

    fn sleep_until(&self, deadline: Instant) -> Pin<Box<dyn Sleep>> {
        Box::pin(Head { deadline, alarm: self.0.clone() })
    }
}

/// The time of one head. Deadlines of a connection only ever move on.
struct Head {
    deadline: Instant,
    alarm: Arc<Mutex<Pin<Box<tokio::time::Sleep>>>>,
}

impl Sleep for Head {}

impl Future for Head {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let mut alarm = self.alarm.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            ready!(alarm.as_mut().poll(context));
            if alarm.deadline() >= self.deadline.into() {
                return Poll::Ready(());
            }
            alarm.as_mut().reset(self.deadline.into());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn every_head_has_its_own_time_however_often_the_alarm_has_rung() {
        let (timer, begun) = (HeadTimer::new(), tokio::time::Instant::now());
        let after = |seconds| (begun + Duration::from_secs(seconds)).into_std();
        // Given up before its time is over, as is every head that comes.
        let soon = tokio::time::timeout(Duration::from_secs(1), timer.sleep_until(after(10))).await;
        assert!(soon.is_err());
        timer.sleep_until(after(15)).await;
        assert_eq!(begun.elapsed(), Duration::from_secs(15));
        timer.sleep_until(after(16)).await;
        assert_eq!(begun.elapsed(), Duration::from_secs(16));
        timer.sleep_until(after(16)).await;
        assert_eq!(begun.elapsed(), Duration::from_secs(16));
    }
}
