//! Headers that have no constant in `http`: a name that is text would be checked and hashed anew for every request.

use http::HeaderName;

/// Declares a constant for each name.
macro_rules! names {
    ($($constant:ident $name:literal;)+) => {
        $(#[doc = concat!("`", $name, "`")] pub const $constant: HeaderName = HeaderName::from_static($name);)+
    };
}

names! {
    ANTHROPIC_VERSION "anthropic-version";
    API_KEY "api-key";
    REQUEST_ID "request-id";
    RETRY_AFTER_MS "retry-after-ms";
    TRACEPARENT "traceparent";
    X_ACCEL_BUFFERING "x-accel-buffering";
    X_API_KEY "x-api-key";
    X_GOOG_API_KEY "x-goog-api-key";
    X_RATELIMIT_LIMIT_REQUESTS "x-ratelimit-limit-requests";
    X_RATELIMIT_LIMIT_TOKENS "x-ratelimit-limit-tokens";
    X_RATELIMIT_REMAINING_REQUESTS "x-ratelimit-remaining-requests";
    X_RATELIMIT_REMAINING_TOKENS "x-ratelimit-remaining-tokens";
    X_RATELIMIT_RESET_REQUESTS "x-ratelimit-reset-requests";
    X_RATELIMIT_RESET_TOKENS "x-ratelimit-reset-tokens";
    X_REQUEST_ID "x-request-id";
    X_SHOULD_RETRY "x-should-retry";
    X_TOLLGATE_ATTEMPTS "x-tollgate-attempts";
    X_TOLLGATE_COST_USD "x-tollgate-cost-usd";
    X_TOLLGATE_COUNT "x-tollgate-count";
    X_TOLLGATE_DOWNGRADED "x-tollgate-downgraded-by";
    X_TOLLGATE_ERROR_CODE "x-tollgate-error-code";
    X_TOLLGATE_ERROR_SOURCE "x-tollgate-error-source";
    X_TOLLGATE_ESTIMATED "x-tollgate-estimated";
    X_TOLLGATE_LOSS "x-tollgate-loss";
    X_TOLLGATE_TARGET "x-tollgate-target";
    X_TOLLGATE_UNPRICED "x-tollgate-unpriced";
    X_TOLLGATE_UPSTREAM_REQUEST_ID "x-tollgate-upstream-request-id";
}
