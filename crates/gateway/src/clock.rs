//! The wall clock, read here and nowhere else. Durations are measured with [`std::time::Instant`].

use std::{sync::LazyLock, time::Instant};

use govern::limit::Now;

/// Microseconds since 1970.
#[must_use]
#[expect(clippy::disallowed_types, reason = "the one place that reads the wall clock")]
pub fn now_micros() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::SystemTime::UNIX_EPOCH);
    since.map_or(0, micros)
}

/// This moment on both clocks.
#[must_use]
pub fn now() -> Now {
    /// What both showed when the process first looked. From then on the steady one goes its own way.
    static BEGAN: LazyLock<(i64, Instant)> = LazyLock::new(|| (now_micros(), Instant::now()));
    let (began, first) = *BEGAN;
    Now { wall: now_micros(), steady: began.saturating_add(micros(first.elapsed())) }
}

/// Seconds since 1970.
#[must_use]
pub fn now_seconds() -> i64 {
    now_micros() / 1_000_000
}

/// A duration in whole microseconds.
#[must_use]
pub fn micros(duration: std::time::Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}

/// Waits for a future as long as there is time `left`. The clock is read only if there is something to wait for: most
/// pieces of a body are there already.
///
/// # Errors
/// The time is over.
pub async fn within<F: Future>(
    left: impl FnOnce() -> std::time::Duration,
    future: F,
) -> Result<F::Output, tokio::time::error::Elapsed> {
    let mut future = std::pin::pin!(future);
    match futures_util::poll!(future.as_mut()) {
        std::task::Poll::Ready(done) => Ok(done),
        std::task::Poll::Pending => tokio::time::timeout(left(), future).await,
    }
}
