//! Every error that a caller can see: one row each in [`codes!`].
//!
//! An [`Error`] has two messages: `message` is for the caller and safe to show, `cause` is for the log alone.

use std::{borrow::Cow, time::Duration};

use llm::{
    dialect::{ErrorBody, Malformed},
    failure::{Failure, Kind},
};

/// Whose doing an error is: the value of `x-tollgate-error-source`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whose {
    /// The caller must change something.
    Caller,
    /// Tollgate, or the people who run it.
    Gateway,
    /// The provider.
    Provider,
    /// A guardrail refused.
    Guardrail,
    /// A limit refused.
    Limit,
}

impl Whose {
    /// The value of `x-tollgate-error-source`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Caller | Self::Gateway => "gateway",
            Self::Provider => "provider",
            Self::Guardrail => "guardrail",
            Self::Limit => "limit",
        }
    }
}

/// Lists the public errors: variant, code, HTTP status, OpenAI `type`, whose, whether a retry can help, meaning.
macro_rules! codes {
    ($($variant:ident $code:literal $status:literal $kind:literal $whose:ident $retry:literal $meaning:literal;)+) => {
        /// A public error. The name of its code never changes.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Code { $(#[doc = $meaning] $variant),+ }

        impl Code {
            /// All of them, in the order of the documentation.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The row of the table.
            const fn row(self) -> Row {
                match self {
                    $(Self::$variant => Row {
                        code: $code, status: $status, kind: $kind, whose: Whose::$whose, retry: $retry, meaning: $meaning,
                    }),+
                }
            }
        }
    };
}

codes! {
    InvalidRequest     "invalid_request"        400 "invalid_request_error" Caller   false "The body or a parameter is wrong; the message names the field.";
    ForbiddenField     "forbidden_field"        400 "invalid_request_error" Caller   false "The body or a header carries a field that callers may not set, such as `api_base`.";
    DuplicateField     "duplicate_field"        400 "invalid_request_error" Caller   false "A governed field stands twice in the body.";
    TranslationLoss    "translation_loss"       400 "invalid_request_error" Caller   false "`strict` was asked for, and the target's format cannot carry every field.";
    ConflictingCredentials "conflicting_credentials" 400 "invalid_request_error" Caller false "Two headers carry different credentials.";
    Unauthenticated    "invalid_api_key"        401 "authentication_error"  Caller   false "No gateway key or token was sent, or it is unknown, expired, disabled or revoked.";
    ModelNotAllowed    "model_not_allowed"      403 "permission_error"      Caller   false "The key may not use this model.";
    ModelUnpriced      "model_unpriced"         403 "permission_error"      Gateway  false "The price of the model is not known, and `unpriced` refuses such calls: the operator must set one.";
    ModelNotFound      "model_not_found"        404 "invalid_request_error" Caller   false "No model, wildcard or provider account answers to this name.";
    ResponseNotFound   "response_not_found"     404 "invalid_request_error" Caller   false "This key has no response with this id, or one that it goes on from was deleted.";
    ResponseElsewhere  "response_kept_elsewhere" 409 "invalid_request_error" Caller  false "The provider account that keeps the previous response serves none of the targets of the model.";
    NotFound           "not_found"              404 "invalid_request_error" Caller   false "There is nothing at this path.";
    MethodNotAllowed   "method_not_allowed"     405 "invalid_request_error" Caller   false "The path exists, but not for this method.";
    RequestTimeout     "request_timeout"        408 "invalid_request_error" Caller   true  "The body did not arrive in time.";
    RequestTooLarge    "request_too_large"      413 "invalid_request_error" Caller   false "The body is larger than `bounds.body_bytes`.";
    UnsupportedMedia   "unsupported_media_type" 415 "invalid_request_error" Caller   false "The body is compressed or not JSON.";
    TooManyConcurrent  "concurrency_limit"      429 "rate_limit_error"      Limit    true  "As many calls are in flight as the `parallel` of the key, or a limit, allows.";
    RateLimited        "rate_limit_exceeded"    429 "rate_limit_error"      Limit    true  "A limit on requests, tokens, images or sound has no room for the call; the message names it and says when it has.";
    BudgetExceeded     "budget_exceeded"        429 "insufficient_quota"    Limit    true  "A limit on spend has no room for the call; the message names it and says when it has.";
    ContextWindow      "context_length_exceeded" 400 "invalid_request_error" Provider false "The prompt does not fit the context of any target.";
    ContentPolicy      "content_policy_violation" 400 "invalid_request_error" Provider false "The provider's content policy refuses the prompt.";
    ProviderRefused    "provider_refused_request" 400 "invalid_request_error" Provider false "The provider says that the request is wrong; the message is the provider's.";
    GuardrailBlocked   "guardrail_blocked"      400 "invalid_request_error" Guardrail false "A guardrail refused the prompt or the answer.";
    ProviderRateLimited "provider_rate_limited" 429 "rate_limit_error"      Provider true  "Every target answered that it is over its rate limit.";
    ProviderAuth       "provider_authentication" 502 "server_error"         Provider false "The provider refuses the gateway's credential: the operator must act.";
    ProviderPayment    "provider_payment_required" 502 "server_error"       Provider false "The gateway's account with the provider has no credit: the operator must act.";
    ProviderModelNotFound "provider_model_not_found" 404 "invalid_request_error" Provider false "The provider does not know the model that the route names.";
    ProviderError      "provider_error"         502 "server_error"          Provider true  "The provider failed, and no other target could answer.";
    ProviderMalformed  "provider_malformed_answer" 502 "server_error"       Provider true  "The provider's answer is not what its format allows.";
    SchemaUnmet        "schema_unmet"           502 "server_error"          Provider true  "The model did not answer in the form of the schema, asked twice.";
    ProviderUnreachable "provider_unreachable"  502 "server_error"          Provider true  "No connection to the provider could be made.";
    ProviderOverloaded "provider_overloaded"    503 "server_error"          Provider true  "The provider says that it is overloaded.";
    ProviderTimeout    "provider_timeout"       504 "server_error"          Provider true  "The provider was silent for longer than the deadline.";
    Overloaded         "gateway_overloaded"     503 "server_error"          Gateway  true  "The gateway holds as many bytes or connections as it may; try again shortly.";
    ShuttingDown       "gateway_shutting_down"  503 "server_error"          Gateway  true  "The gateway is draining; another replica will answer.";
    StoreUnavailable   "store_unavailable"      503 "server_error"          Gateway  true  "A key or a response could not be looked up because the store is down.";
    IssuerUnavailable  "issuer_unavailable"     503 "server_error"          Gateway  true  "A token could not be checked because the keys of its issuer cannot be fetched.";
    JournalUnavailable "journal_unavailable"    503 "server_error"          Gateway  true  "What the call would cost cannot be written down: the journal's disk is full or fails, and `journal.on_full` refuses calls then.";
    ThreadUnsupported  "thread_unsupported_request" 400 "invalid_request_error" Caller false "`thread` lets Anthropic keep the conversation; this target cannot, so the whole of it must be sent.";
    NotImplemented     "unsupported_operation"  400 "invalid_request_error" Caller   false "No target of the model offers this operation.";
    Internal           "internal_error"         500 "server_error"          Gateway  true  "A fault of the gateway; the request id leads to its log.";
}

struct Row {
    code: &'static str,
    status: u16,
    kind: &'static str,
    whose: Whose,
    retry: bool,
    meaning: &'static str,
}

impl Code {
    /// The stable code in every error body.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        self.row().code
    }

    /// The HTTP status.
    #[must_use]
    pub const fn status(self) -> u16 {
        self.row().status
    }

    /// OpenAI's `error.type`.
    #[must_use]
    pub const fn kind(self) -> &'static str {
        self.row().kind
    }

    /// Whose doing it is.
    #[must_use]
    pub const fn whose(self) -> Whose {
        self.row().whose
    }

    /// Whether the same request may succeed later.
    #[must_use]
    pub const fn is_retryable(self) -> bool {
        self.row().retry
    }

    /// One sentence for the documentation.
    #[must_use]
    pub const fn meaning(self) -> &'static str {
        self.row().meaning
    }
}

/// A refusal or failure on its way to the caller.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{}: {message}", code.as_str())]
pub struct Error {
    pub code: Code,
    /// Safe for the caller: no secret, no internal address.
    pub message: Cow<'static, str>,
    /// The field that was wrong.
    pub param: Option<Cow<'static, str>>,
    /// When a retry makes sense.
    pub retry_after: Option<Duration>,
    /// The same request has no chance for longer than clients wait, whatever its code says.
    pub hopeless: bool,
    /// For the log alone.
    pub cause: Option<String>,
    /// The provider's failure behind it.
    pub failure: Option<Box<Failure>>,
}

impl Error {
    #[must_use]
    pub fn new(code: Code, message: impl Into<Cow<'static, str>>) -> Self {
        Self {
            code,
            message: message.into(),
            param: None,
            retry_after: None,
            hopeless: false,
            cause: None,
            failure: None,
        }
    }

    /// Names the field that was wrong.
    #[must_use]
    pub fn at(mut self, param: impl Into<Cow<'static, str>>) -> Self {
        self.param = Some(param.into());
        self
    }

    /// Says when a retry makes sense.
    #[must_use]
    pub fn retry_after(mut self, after: Duration) -> Self {
        self.retry_after = Some(after);
        self
    }

    /// Says that the same request has no chance for longer than clients wait.
    #[must_use]
    pub fn hopeless(mut self, hopeless: bool) -> Self {
        self.hopeless |= hopeless;
        self
    }

    /// Whether a client's own retries may help.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        self.code.is_retryable() && !self.hopeless
    }

    /// Adds what only the log may say.
    #[must_use]
    pub fn because(mut self, cause: impl ToString) -> Self {
        self.cause = Some(cause.to_string());
        self
    }

    /// The HTTP status of the answer. A provider's own status is kept where the caller can use it.
    #[must_use]
    pub fn status(&self) -> u16 {
        let own = self.code.status();
        match (self.code, self.failure.as_ref().and_then(|failure| failure.status)) {
            (Code::ProviderRefused, Some(theirs @ (400 | 404 | 409 | 413 | 422))) => theirs,
            (Code::ProviderOverloaded, Some(529)) => 529,
            (Code::ProviderError, Some(theirs @ (500 | 502))) => theirs,
            _ => own,
        }
    }

    /// The error as a dialect words it.
    #[must_use]
    pub fn body(&self, request_id: &str) -> ErrorBody {
        ErrorBody {
            status: self.status(),
            kind: self.code.kind().to_owned(),
            message: self.message.clone().into_owned(),
            code: Some(self.refused_code().unwrap_or(self.code.as_str()).to_owned()),
            param: self.param.clone().map(Cow::into_owned),
            request_id: Some(request_id.to_owned()),
        }
    }

    /// The provider's own code of a refused request: SDKs know it and mend the request by it
    /// (`thread_not_found`, `tool_name_conflict`). A mere type (`invalid_request_error`) is none.
    fn refused_code(&self) -> Option<&str> {
        let theirs = self.failure.as_ref().filter(|_| self.code == Code::ProviderRefused)?.code.as_deref()?;
        (!theirs.ends_with("_error")).then_some(theirs)
    }
}

impl From<Malformed> for Error {
    fn from(malformed: Malformed) -> Self {
        let error = Self::new(Code::InvalidRequest, malformed.message);
        match malformed.field {
            Some(field) => error.at(field),
            None => error,
        }
    }
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        let (code, words) = match failure.kind {
            Kind::BadRequest | Kind::StreamOptionsRefused | Kind::SignatureRefused => (Code::ProviderRefused, None),
            Kind::TooLarge => (Code::ProviderRefused, None),
            Kind::ContextWindow => (Code::ContextWindow, None),
            Kind::ContentPolicy => (Code::ContentPolicy, None),
            Kind::Credential => (Code::ProviderAuth, Some("the provider refused the gateway's credential")),
            Kind::Payment => (Code::ProviderPayment, Some("the gateway's account with the provider has no credit")),
            Kind::ModelNotFound => (Code::ProviderModelNotFound, None),
            Kind::RateLimited => (Code::ProviderRateLimited, None),
            Kind::Overloaded => (Code::ProviderOverloaded, None),
            Kind::Server => (Code::ProviderError, None),
            Kind::Timeout => (Code::ProviderTimeout, None),
            Kind::Connect => (Code::ProviderUnreachable, Some("the provider could not be reached")),
            Kind::Malformed => (Code::ProviderMalformed, None),
        };
        let message: Cow<'static, str> = match words {
            Some(words) => words.into(),
            None if failure.message.is_empty() => code.meaning().into(),
            None => failure.message.clone().into(),
        };
        let mut error = Self::new(code, message).because(&failure.message);
        error.retry_after = failure.retry_after;
        error.failure = Some(Box::new(failure));
        error
    }
}

#[cfg(test)]
mod tests;
