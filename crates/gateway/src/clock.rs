//! The wall clock, read here and nowhere else. Durations are measured with [`std::time::Instant`].

/// Microseconds since 1970.
#[must_use]
#[expect(clippy::disallowed_types, reason = "the one place that reads the wall clock")]
pub fn now_micros() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::SystemTime::UNIX_EPOCH);
    since.map_or(0, micros)
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
