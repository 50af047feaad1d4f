//! How a caller stands with its rate limits, in the headers that client libraries read.
//!
//! OpenAI's <https://platform.openai.com/docs/guides/rate-limits#rate-limits-in-headers>, and on surfaces of Anthropic's
//! dialect its own too <https://docs.anthropic.com/en/api/rate-limits#response-headers>.

use http::{HeaderMap, HeaderName, HeaderValue};
use jiff::{SignedDuration, Timestamp};
use llm::Dialect;

use super::names;
use crate::{clock::now_micros, ledger::Told, observe::Recording};

/// A century: what never resets.
const LONGEST: i64 = 100 * 366 * 86_400_000_000;

/// Tells how the call stood when it took its place in the limits, or was refused one. Without a limit there is nothing to
/// tell.
pub(super) fn tell(record: &Recording, headers: &mut HeaderMap) {
    let Some(standing) = record.hold().standing() else { return };
    let openai = [
        (
            standing.requests,
            names::X_RATELIMIT_LIMIT_REQUESTS,
            names::X_RATELIMIT_REMAINING_REQUESTS,
            names::X_RATELIMIT_RESET_REQUESTS,
        ),
        (
            // The tighter of what is counted in tokens.
            [standing.tokens, standing.input_tokens, standing.output_tokens]
                .into_iter()
                .flatten()
                .min_by_key(|told| told.remaining),
            names::X_RATELIMIT_LIMIT_TOKENS,
            names::X_RATELIMIT_REMAINING_TOKENS,
            names::X_RATELIMIT_RESET_TOKENS,
        ),
    ];
    for (told, limit, remaining, reset) in openai {
        let Some(told) = told else { continue };
        headers.insert(limit, told.most.into());
        headers.insert(remaining, told.remaining.into());
        put(headers, reset, &duration(told.resets.min(LONGEST)));
    }
    if record.surface().errors() == Dialect::Anthropic {
        let all = [
            ("requests", standing.requests),
            ("tokens", standing.tokens),
            ("input-tokens", standing.input_tokens),
            ("output-tokens", standing.output_tokens),
        ];
        for (kind, told) in all {
            if let Some(told) = told {
                anthropic(headers, kind, told);
            }
        }
    }
}

fn anthropic(headers: &mut HeaderMap, kind: &str, told: Told) {
    let name = |what: &str| HeaderName::try_from(format!("anthropic-ratelimit-{kind}-{what}")).ok();
    let at = now_micros().saturating_add(told.resets.min(LONGEST));
    let at = Timestamp::from_microsecond(at).map(|at| format!("{at:.0}")).unwrap_or_default();
    let all = [("limit", told.most.to_string()), ("remaining", told.remaining.to_string()), ("reset", at)];
    for (what, text) in all {
        if let Some(name) = name(what) {
            put(headers, name, &text);
        }
    }
}

fn put(headers: &mut HeaderMap, name: HeaderName, text: &str) {
    if let Ok(value) = HeaderValue::from_str(text) {
        headers.insert(name, value);
    }
}

/// As Go writes durations, which is what OpenAI sends: `12ms`, `1.5s`, `6m0s`, `720h0m0s`.
fn duration(micros: i64) -> String {
    let time = SignedDuration::from_micros(micros);
    let (whole, millis) = (time.as_secs(), time.subsec_millis());
    if whole == 0 {
        return format!("{millis}ms");
    }
    let (hours, minutes, seconds) = (whole / 3600, whole % 3600 / 60, whole % 60);
    let fraction = if millis == 0 { String::new() } else { format!(".{millis:03}").trim_end_matches('0').to_owned() };
    match (hours, minutes) {
        (0, 0) => format!("{seconds}{fraction}s"),
        (0, _) => format!("{minutes}m{seconds}{fraction}s"),
        _ => format!("{hours}h{minutes}m{seconds}{fraction}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_written_as_openai_writes_them() {
        for (micros, text) in [
            (0, "0ms"),
            (12_345, "12ms"),
            (1_000_000, "1s"),
            (1_500_000, "1.5s"),
            (360_000_000, "6m0s"),
            (3_600_000_000, "1h0m0s"),
            (86_400_000_000, "24h0m0s"),
        ] {
            assert_eq!(duration(micros), text);
        }
    }
}
