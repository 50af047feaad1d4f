//! The last guard of a credential. `llm::failure::clean` hides what looks like one; here the account's own is known, and
//! a provider that repeats it is not quoted, whatever it looks like.

use govern::config::snapshot::Account;
use llm::failure::Failure;

/// Longest request id of a provider that is kept.
const LONGEST_ID: usize = 128;

/// Takes the account's credential out of a failure.
pub fn conceal(failure: &mut Failure, account: &Account) {
    for secret in account.credential.secrets() {
        if failure.message.contains(secret.expose()) {
            failure.message = failure.message.replace(secret.expose(), "[redacted]");
        }
        failure.code.take_if(|code| code.contains(secret.expose()));
    }
    failure.request_id.take_if(|id| !is_presentable(id, account));
}

/// Whether a provider's request id may be shown and recorded.
#[must_use]
pub fn is_presentable(id: &str, account: &Account) -> bool {
    id.len() <= LONGEST_ID && !account.credential.secrets().any(|secret| id.contains(secret.expose()))
}
