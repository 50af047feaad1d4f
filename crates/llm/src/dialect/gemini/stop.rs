//! Finish reasons, both ways: <https://ai.google.dev/api/generate-content#FinishReason>

use crate::{
    failure::{Failure, Kind},
    reply::Stop,
};

/// The meaning of a `finishReason`. `called`: the answer holds a function call, for which Gemini has no reason of its own.
pub(super) fn read(reason: &str, called: bool) -> Stop {
    match reason {
        "STOP" if called => Stop::ToolUse,
        "STOP" => Stop::End,
        "MAX_TOKENS" => Stop::Length,
        "SAFETY"
        | "RECITATION"
        | "LANGUAGE"
        | "BLOCKLIST"
        | "PROHIBITED_CONTENT"
        | "SPII"
        | "IMAGE_SAFETY"
        | "IMAGE_PROHIBITED_CONTENT"
        | "IMAGE_RECITATION"
        | "MODEL_ARMOR"
        | "ESCALATION"
        | "PUP_LIMITED_DISABLED" => Stop::Filtered,
        other => Stop::Other(other.to_owned()),
    }
}

/// The `finishReason` that says it. What Gemini has no word for is `OTHER`, never `STOP`.
pub(super) fn write(stop: &Stop) -> &str {
    match stop {
        Stop::End | Stop::Sequence(_) | Stop::ToolUse => "STOP",
        Stop::Length | Stop::ContextWindow => "MAX_TOKENS",
        Stop::Filtered => "SAFETY",
        Stop::Other(reason) if reason.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_') => reason,
        Stop::Pause | Stop::Other(_) => "OTHER",
    }
}

/// The failure that a reason reports: the model meant to call a function and could not say it.
pub(super) fn failure(reason: &str, message: Option<&str>) -> Option<Failure> {
    const FAILED: &[&str] = &[
        "MALFORMED_FUNCTION_CALL",
        "MALFORMED_RESPONSE",
        "UNEXPECTED_TOOL_CALL",
        "TOO_MANY_TOOL_CALLS",
        "MISSING_THOUGHT_SIGNATURE",
    ];
    if !FAILED.contains(&reason) {
        return None;
    }
    let said = message.map(|message| format!(": {}", crate::failure::clean(message))).unwrap_or_default();
    let message = format!("the provider ended the answer with finishReason {reason}{said}");
    Some(Failure { code: Some(reason.to_owned()), ..Failure::new(Kind::Server, message) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_039_reasons_are_mapped_and_unknown_ones_stay_unknown() {
        for (reason, stop) in [
            ("STOP", Stop::End),
            ("MAX_TOKENS", Stop::Length),
            ("SAFETY", Stop::Filtered),
            ("RECITATION", Stop::Filtered),
            ("NO_IMAGE", Stop::Other("NO_IMAGE".into())),
            ("SOMETHING_NEW", Stop::Other("SOMETHING_NEW".into())),
        ] {
            assert_eq!(read(reason, false), stop);
        }
        assert_eq!(read("STOP", true), Stop::ToolUse);
        assert_eq!(read("MAX_TOKENS", true), Stop::Length);
        assert_eq!(write(&Stop::Other("SOMETHING_NEW".into())), "SOMETHING_NEW");
        assert_eq!(write(&Stop::Other("eos".into())), "OTHER");
        assert_eq!(write(&Stop::Pause), "OTHER");
        assert_eq!(write(&Stop::ToolUse), "STOP");
    }

    #[test]
    fn case_041_a_malformed_function_call_is_a_failure() {
        let failure = failure("MALFORMED_FUNCTION_CALL", Some("Malformed function call: print(")).unwrap();
        assert_eq!(failure.kind, Kind::Server);
        assert!(failure.message.contains("MALFORMED_FUNCTION_CALL: Malformed function call"));
        assert!(super::failure("SAFETY", None).is_none());
    }
}
