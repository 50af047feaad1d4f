//! The role of a container or of a machine.
//!
//! <https://docs.aws.amazon.com/sdkref/latest/guide/feature-container-credentials.html>,
//! <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instance-metadata-security-credentials.html>

use govern::config::credential::AwsContainer;
use http::{Method, Uri};

use super::Handed;
use crate::upstream::{
    credential::{
        Ask, CredentialError, Fresh,
        oauth::{file, read, request},
    },
    sign::AwsKeys,
};

/// Asks the endpoint that a container's environment names (ECS, EKS Pod Identity).
pub(super) async fn of_container(ask: &dyn Ask, container: &AwsContainer) -> Result<Fresh<AwsKeys>, CredentialError> {
    if !is_near(&container.url) {
        let message =
            format!("`{}` is neither https nor an address of this machine or its container host", container.url);
        return Err(CredentialError::new(message));
    }
    let token = container.token_file.as_deref().map(file).transpose()?;
    let headers: Vec<(&str, &str)> = token.iter().map(|token| ("authorization", token.trim())).collect();
    let asked = request(Method::GET, &container.url, &headers, String::new())?;
    read::<Handed>("the container's credential endpoint", &ask.ask(asked).await?)?.fresh()
}

/// Without TLS only addresses are asked that no other machine can have.
fn is_near(url: &str) -> bool {
    const HOSTS: &[&str] = &["localhost", "[::1]", "169.254.170.2", "169.254.170.23", "[fd00:ec2::23]"];
    let Ok(url) = url.parse::<Uri>() else { return false };
    let host = url.host().unwrap_or_default();
    url.scheme_str() == Some("https") || HOSTS.contains(&host) || host.starts_with("127.")
}

const METADATA: &str = "http://169.254.169.254/latest";

/// Asks the metadata server of a machine, in its second version: a token first, which a request that was smuggled through
/// somebody else's server cannot get.
pub(super) async fn of_instance(ask: &dyn Ask) -> Result<Fresh<AwsKeys>, CredentialError> {
    const WHOSE: &str = "the machine's metadata server";
    let lifetime = [("x-aws-ec2-metadata-token-ttl-seconds", "300")];
    let token = ask.ask(request(Method::PUT, &format!("{METADATA}/api/token"), &lifetime, String::new())?).await?;
    let token = text(WHOSE, &token)?;
    let headers = [("x-aws-ec2-metadata-token", token.as_str())];
    let roles = format!("{METADATA}/meta-data/iam/security-credentials/");
    let role = ask.ask(request(Method::GET, &roles, &headers, String::new())?).await?;
    let role = text(WHOSE, &role)?;
    let role = role.lines().next().map(str::trim).filter(|role| !role.is_empty());
    let role = role.ok_or_else(|| CredentialError::new(format!("{WHOSE} knows no role of the machine")))?;
    let url = format!("{roles}{}", llm::provider::escape(role));
    let keys = ask.ask(request(Method::GET, &url, &headers, String::new())?).await?;
    read::<Handed>(WHOSE, &keys)?.fresh()
}

fn text(whose: &str, answer: &http::Response<bytes::Bytes>) -> Result<String, CredentialError> {
    if !answer.status().is_success() {
        return Err(CredentialError::new(format!("{whose} refuses with status {}", answer.status().as_u16())));
    }
    Ok(String::from_utf8_lossy(answer.body()).trim().to_owned())
}
