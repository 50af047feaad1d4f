//! Errors: <https://docs.aws.amazon.com/bedrock/latest/APIReference/CommonErrors.html>
//!
//! The type of an error stands in the header `x-amzn-errortype`, or in the body's `__type`, where every SDK looks for it,
//! too. In a stream it is the `:exception-type`.

use serde_json::{Value, json};

use crate::{
    dialect::ErrorBody,
    failure::{Failure, Kind, clean},
    frame::eventstream,
};

/// Reads an error body. Of what is not one, plain text is taken as its words; a web page has none.
#[must_use]
pub fn read(body: &[u8]) -> ErrorBody {
    const MOST_BYTES: usize = 1024;
    let wire: Value = serde_json::from_slice(body).unwrap_or_default();
    let text = |name: &str| wire.get(name).and_then(Value::as_str);
    let kind = text("__type").or_else(|| text("code")).map(name).unwrap_or_default();
    let message = text("message").or_else(|| text("Message")).or_else(|| text("errorMessage"));
    let message = message.map_or_else(
        || {
            let words = String::from_utf8_lossy(body.get(..MOST_BYTES).unwrap_or(body));
            let words = words.trim();
            if words.starts_with('<') { String::new() } else { words.to_owned() }
        },
        str::to_owned,
    );
    ErrorBody { status: status(kind), kind: kind.to_owned(), message, ..ErrorBody::default() }
}

/// Writes an error body. Its type follows from the status, and is said in the body, so that no header is needed.
#[must_use]
pub fn write(error: &ErrorBody) -> Vec<u8> {
    let mut body = json!({"__type": exception(error.status), "message": error.message});
    if let (Some(code), Some(body)) = (&error.code, body.as_object_mut()) {
        body.insert("tollgateCode".into(), code.as_str().into());
    }
    body.to_string().into_bytes()
}

/// Writes an error as an exception of a stream that has begun.
#[must_use]
pub fn write_event(error: &ErrorBody) -> Vec<u8> {
    let mut message = Vec::new();
    eventstream::write_exception(stream_exception(error.status), &write(error), &mut message);
    message
}

/// The failure that an exception of a stream reports.
pub(super) fn fault(exception: &str, body: &[u8]) -> Failure {
    let error = read(body);
    if serde_json::from_slice::<Value>(body)
        .is_ok_and(|body| body.get("tollgateCode").and_then(Value::as_str) == Some(Kind::Malformed.as_str()))
    {
        // Another gateway of this kind, before us, saw the stream break off.
        return Failure::new(Kind::Malformed, clean(&error.message));
    }
    let kind = kind_of(exception, status(exception), &error.message);
    Failure { code: Some(exception.to_owned()), ..Failure::new(kind, clean(&error.message)) }
}

/// What a bad answer means. `exception` is its type, empty if nobody said it.
#[must_use]
pub fn kind_of(exception: &str, status: u16, message: &str) -> Kind {
    let words = message.to_lowercase();
    let has = |needles: &[&str]| needles.iter().any(|needle| words.contains(needle));
    match exception.to_ascii_lowercase().as_str() {
        "servicequotaexceededexception" | "throttlingexception" => return Kind::RateLimited,
        "modelnotreadyexception" => return Kind::Overloaded,
        "modeltimeoutexception" => return Kind::Timeout,
        "modelerrorexception" | "modelstreamerrorexception" => return Kind::Server,
        _ => {}
    }
    match status {
        // The model failed on a request that Bedrock itself found good.
        424 => Kind::Server,
        400 | 404 if has(MODEL) => Kind::ModelNotFound,
        400 if has(CONTEXT) => Kind::ContextWindow,
        // Amazon's clocks and ours disagree, or the keys are not those that signed.
        400 | 403 if has(CREDENTIAL) => Kind::Credential,
        _ => Kind::of(status, None, "", message),
    }
}

const MODEL: &[&str] = &[
    "model identifier is invalid",
    "on-demand throughput isn",
    "could not resolve the foundation model",
    "model use case details have not been submitted",
    "end of its life",
    "support counting tokens",
];

const CONTEXT: &[&str] =
    &["input is too long", "too many input tokens", "exceeds the maximum", "maximum tokens you requested exceeds"];

const CREDENTIAL: &[&str] =
    &["security token", "signature we calculated", "signature expired", "not authorized to perform"];

/// The error that tells a client of the failure.
pub(super) fn of(failure: &Failure) -> ErrorBody {
    let status = failure.status.unwrap_or(match failure.kind {
        Kind::BadRequest | Kind::ContextWindow | Kind::ContentPolicy => 400,
        Kind::RateLimited => 429,
        Kind::Overloaded => 503,
        Kind::Timeout => 408,
        _ => 500,
    });
    let code = (failure.kind == Kind::Malformed).then(|| Kind::Malformed.as_str().to_owned());
    ErrorBody { status, message: failure.message.clone(), code, ..ErrorBody::default() }
}

/// `ValidationException` of `com.amazonaws.bedrock#ValidationException:http://...`, as SDKs read it.
fn name(text: &str) -> &str {
    let text = text.split(':').next().unwrap_or(text);
    text.rsplit('#').next().unwrap_or(text)
}

/// The exceptions that Converse is documented to answer with, by status.
const EXCEPTIONS: &[(u16, &str)] = &[
    (400, "ValidationException"),
    (403, "AccessDeniedException"),
    (404, "ResourceNotFoundException"),
    (408, "ModelTimeoutException"),
    (424, "ModelErrorException"),
    (429, "ThrottlingException"),
    (500, "InternalServerException"),
    (503, "ServiceUnavailableException"),
];

fn exception(status: u16) -> &'static str {
    let status = match status {
        401 | 402 => 403,
        504 => 408,
        502 | 529 => 503,
        other => other,
    };
    let fallback = if (400..500).contains(&status) { "ValidationException" } else { "InternalServerException" };
    EXCEPTIONS.iter().find(|(known, _)| *known == status).map_or(fallback, |(_, name)| name)
}

/// The exceptions of a stream, which are fewer and begin with a small letter.
fn stream_exception(status: u16) -> &'static str {
    match exception(status) {
        "ValidationException" | "ResourceNotFoundException" | "AccessDeniedException" => "validationException",
        "ThrottlingException" => "throttlingException",
        "ServiceUnavailableException" => "serviceUnavailableException",
        "ModelErrorException" | "ModelTimeoutException" => "modelStreamErrorException",
        _ => "internalServerException",
    }
}

/// The status that belongs to a type: an exception in a stream has none of its own.
fn status(exception: &str) -> u16 {
    let known = EXCEPTIONS.iter().find(|(_, name)| name.eq_ignore_ascii_case(exception));
    match known {
        Some((status, _)) => *status,
        None if exception.eq_ignore_ascii_case("ModelStreamErrorException") => 424,
        None if exception.eq_ignore_ascii_case("ModelNotReadyException") => 429,
        None if exception.eq_ignore_ascii_case("ServiceQuotaExceededException") => 400,
        None => 500,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_says_its_type_in_the_body() {
        let error = ErrorBody { status: 429, message: "slow down".into(), ..ErrorBody::default() };
        insta::assert_snapshot!(String::from_utf8(write(&error)).unwrap(), @r#"{"__type":"ThrottlingException","message":"slow down"}"#);
        let again = read(&write(&error));
        assert_eq!(
            (again.status, again.kind.as_str(), again.message.as_str()),
            (429, "ThrottlingException", "slow down")
        );
        let long = read(br#"{"__type":"com.amazon.coral.service#UnrecognizedClientException","message":"The security token included in the request is invalid."}"#);
        assert_eq!(long.kind, "UnrecognizedClientException");
        assert_eq!((read(b"<html>").message.as_str(), read(b"bad gateway\n").message.as_str()), ("", "bad gateway"));
    }

    #[test]
    fn every_documented_exception_has_a_meaning() {
        for (exception, status, message, kind) in [
            ("ValidationException", 400, "1 validation error detected", Kind::BadRequest),
            ("ValidationException", 400, "Input is too long for requested model.", Kind::ContextWindow),
            ("ValidationException", 400, "The provided model identifier is invalid.", Kind::ModelNotFound),
            (
                "ValidationException",
                400,
                "Invocation of model ID x with on-demand throughput isn\u{2019}t supported. Retry with an inference profile",
                Kind::ModelNotFound,
            ),
            ("ResourceNotFoundException", 404, "Could not resolve the foundation model from", Kind::ModelNotFound),
            ("AccessDeniedException", 403, "User is not authorized to perform: bedrock:InvokeModel", Kind::Credential),
            (
                "UnrecognizedClientException",
                403,
                "The security token included in the request is invalid",
                Kind::Credential,
            ),
            ("ThrottlingException", 429, "Too many requests", Kind::RateLimited),
            ("ServiceQuotaExceededException", 400, "Your quota is used up", Kind::RateLimited),
            ("ModelNotReadyException", 429, "not ready", Kind::Overloaded),
            ("ModelTimeoutException", 408, "took too long", Kind::Timeout),
            ("ModelErrorException", 424, "the model failed", Kind::Server),
            ("", 424, "the model failed", Kind::Server),
            ("InternalServerException", 500, "oops", Kind::Server),
            ("ServiceUnavailableException", 503, "Bedrock is unable to process your request.", Kind::Overloaded),
        ] {
            assert_eq!(kind_of(exception, status, message), kind, "{exception}: {message}");
        }
    }

    #[test]
    fn an_exception_of_a_stream_is_read_as_it_was_written() {
        for kind in [Kind::RateLimited, Kind::Overloaded, Kind::Server, Kind::Malformed, Kind::BadRequest] {
            let error = of(&Failure::new(kind, "words"));
            let mut faults = Vec::new();
            let mut splitter = eventstream::Splitter::default();
            let keep = |frame: crate::frame::Frame<'_>| {
                faults.push(fault(frame.event.unwrap(), frame.data.as_deref().unwrap()));
            };
            splitter.push(&write_event(&error), keep).unwrap();
            assert_eq!(
                faults.iter().map(|fault| (fault.kind, fault.message.as_str())).collect::<Vec<_>>(),
                [(kind, "words")]
            );
        }
    }
}
