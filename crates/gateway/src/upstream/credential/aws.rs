//! Keys of AWS: written down, of a profile, of a role.
//!
//! The usual chain of AWS's own SDKs (<https://docs.aws.amazon.com/sdkref/latest/guide/standardized-credentials.html>),
//! over our own way out: `aws-config` would bring the clients of three services along. The configuration has decided which
//! link of the chain it is.

mod machine;
mod profile;
mod sts;

use std::sync::Arc;

use futures_util::future::BoxFuture;
use govern::config::{Secret, credential::AwsIdentity};
use serde::Deserialize;

use super::{Ask, CredentialError, Fresh, Source, oauth};
use crate::{clock::now_micros, upstream::sign::AwsKeys};

/// An identity in AWS.
pub struct Aws {
    pub identity: AwsIdentity,
    /// Whose security token service is asked.
    pub region: String,
    pub ask: Arc<dyn Ask>,
}

impl Source<AwsKeys> for Aws {
    fn fetch(&self) -> BoxFuture<'_, Result<Fresh<AwsKeys>, CredentialError>> {
        Box::pin(async move {
            match &self.identity {
                AwsIdentity::Static { access_key, secret, session_token } => {
                    let keys =
                        AwsKeys { id: access_key.clone(), secret: secret.clone(), session: session_token.clone() };
                    Ok(Fresh { value: keys, expires: None })
                }
                AwsIdentity::Profile { name, file } => self.profile(name, file.as_deref()).await,
                AwsIdentity::WebIdentity { role, token_file } => {
                    let token = oauth::file(token_file)?;
                    sts::with_web_identity(&*self.ask, &self.region, role, token.trim()).await
                }
                AwsIdentity::InstanceRole { container: Some(container) } => {
                    machine::of_container(&*self.ask, container).await
                }
                AwsIdentity::InstanceRole { container: None } => machine::of_instance(&*self.ask).await,
            }
        })
    }
}

/// Keys as the metadata services of containers and machines hand them out.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Handed {
    access_key_id: String,
    secret_access_key: String,
    token: String,
    expiration: String,
}

impl Handed {
    fn fresh(self) -> Result<Fresh<AwsKeys>, CredentialError> {
        let session = Some(Secret::new(self.token));
        let value = AwsKeys { id: self.access_key_id, secret: Secret::new(self.secret_access_key), session };
        Ok(Fresh { value, expires: Some(expiry(&self.expiration)?) })
    }
}

/// Microseconds since 1970 of `2026-11-22T18:00:00Z`.
fn expiry(text: &str) -> Result<i64, CredentialError> {
    let time: jiff::Timestamp =
        text.parse().map_err(|_| CredentialError::new("AWS names no time at which its keys end"))?;
    Ok(time.as_microsecond())
}

/// So long keys are kept that stand in a file: whoever changes the file is heard.
fn soon() -> i64 {
    now_micros().saturating_add(300_000_000)
}

#[cfg(test)]
mod tests;
