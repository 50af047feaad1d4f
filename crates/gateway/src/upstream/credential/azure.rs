//! Tokens of Microsoft Entra: client secrets, managed identities, workload identities.
//!
//! <https://learn.microsoft.com/en-us/entra/identity-platform/v2-oauth2-client-creds-grant-flow>,
//! <https://learn.microsoft.com/en-us/entra/identity/managed-identities-azure-resources/how-to-use-vm-token>,
//! <https://learn.microsoft.com/en-us/azure/app-service/overview-managed-identity#rest-endpoint-reference>

use std::sync::Arc;

use futures_util::future::BoxFuture;
use govern::config::{Secret, credential::AzureIdentity};
use http::Method;

use super::{
    Ask, CredentialError, Fresh, Source,
    oauth::{encoded, file, form, request, token},
};

/// What the tokens are good for: <https://learn.microsoft.com/en-us/azure/ai-services/authentication>
const RESOURCE: &str = "https://cognitiveservices.azure.com";

/// The metadata service of virtual machines.
const MACHINE: &str = "http://169.254.169.254/metadata/identity/oauth2/token";

const WHOSE: &str = "Microsoft Entra";

/// An identity in Microsoft Entra.
pub struct Azure {
    pub identity: AzureIdentity,
    pub ask: Arc<dyn Ask>,
}

impl Source<Secret> for Azure {
    fn fetch(&self) -> BoxFuture<'_, Result<Fresh<Secret>, CredentialError>> {
        Box::pin(async move {
            match &self.identity {
                AzureIdentity::ClientSecret { tenant, client, secret } => {
                    self.exchange(tenant, client, &[("client_secret", secret.expose())]).await
                }
                AzureIdentity::Workload { tenant, client, token_file } => {
                    let assertion = file(token_file)?;
                    let kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
                    let proof = [("client_assertion_type", kind), ("client_assertion", assertion.trim())];
                    self.exchange(tenant, client, &proof).await
                }
                AzureIdentity::Managed { client, endpoint } => {
                    let (url, version, header) = match endpoint {
                        Some(own) => (own.url.as_str(), "2019-08-01", ("x-identity-header", own.header.expose())),
                        None => (MACHINE, "2018-02-01", ("metadata", "true")),
                    };
                    let mut fields = vec![("api-version", version), ("resource", RESOURCE)];
                    fields.extend(client.as_deref().map(|client| ("client_id", client)));
                    let url = format!("{url}?{}", encoded(&fields));
                    let asked = request(Method::GET, &url, &[header], String::new())?;
                    token("Azure's managed identity", &self.ask.ask(asked).await?)
                }
            }
        })
    }
}

impl Azure {
    /// An application shows what it has and gets a token.
    async fn exchange(
        &self,
        tenant: &str,
        client: &str,
        proof: &[(&str, &str)],
    ) -> Result<Fresh<Secret>, CredentialError> {
        let tenant = llm::provider::escape(tenant);
        let url = format!("https://login.microsoftonline.com/{tenant}/oauth2/v2.0/token");
        let scope = format!("{RESOURCE}/.default");
        let mut fields = vec![("client_id", client), ("grant_type", "client_credentials"), ("scope", &scope)];
        fields.extend(proof);
        token(WHOSE, &self.ask.ask(form(&url, &fields)?).await?)
    }
}

#[cfg(test)]
mod tests {
    use govern::config::credential::AzureEndpoint;

    use super::{super::oauth::tests::Scripted, *};

    const GOOD: (u16, &str) = (200, r#"{"access_token": "eyJ", "expires_in": "3599", "expires_on": "1790000000"}"#);

    async fn fetch(identity: AzureIdentity, script: &Arc<Scripted>) -> Result<Fresh<Secret>, CredentialError> {
        Azure { identity, ask: script.clone() }.fetch().await
    }

    #[tokio::test]
    async fn an_application_shows_its_secret() {
        let script = Scripted::new([GOOD]);
        let secret = "s3".repeat(9);
        let identity =
            AzureIdentity::ClientSecret { tenant: "t/1".into(), client: "c".into(), secret: Secret::new(&secret) };
        assert_eq!(fetch(identity, &script).await.unwrap().value.expose(), "eyJ");
        let asked = script.asked();
        assert_eq!(asked[0].1, "https://login.microsoftonline.com/t%2F1/oauth2/v2.0/token");
        let fields = asked[0].fields();
        assert_eq!((fields["client_secret"].as_str(), fields["grant_type"].as_str()), (&*secret, "client_credentials"));
        assert_eq!(fields["scope"], "https://cognitiveservices.azure.com/.default");
    }

    #[tokio::test]
    async fn a_pod_shows_the_token_of_the_moment() {
        let folder = tempfile::tempdir().unwrap();
        let token_file = folder.path().join("token");
        let identity =
            AzureIdentity::Workload { tenant: "t".into(), client: "c".into(), token_file: token_file.clone() };
        let script = Scripted::new([GOOD, GOOD]);
        for token in ["first", "second"] {
            std::fs::write(&token_file, format!("{token}\n")).unwrap();
            fetch(identity.clone(), &script).await.unwrap();
        }
        let asked = script.asked();
        let shown: Vec<String> = asked.iter().map(|asked| asked.fields()["client_assertion"].clone()).collect();
        assert_eq!(shown, ["first", "second"]);
    }

    #[tokio::test]
    async fn a_machine_asks_where_it_stands() {
        let script = Scripted::new([GOOD, GOOD]);
        let identity = AzureIdentity::Managed { client: Some("c 1".into()), endpoint: None };
        let fresh = fetch(identity, &script).await.unwrap();
        assert!(fresh.expires.unwrap() > crate::clock::now_micros() + 3_590_000_000, "a life said as a text counts");
        let endpoint =
            AzureEndpoint { url: "http://localhost:4141/msi/token".into(), header: Secret::new("h".repeat(9)) };
        fetch(AzureIdentity::Managed { client: None, endpoint: Some(endpoint) }, &script).await.unwrap();
        let asked = script.asked();
        let resource = "resource=https%3A%2F%2Fcognitiveservices.azure.com";
        assert_eq!(asked[0].1, format!("{MACHINE}?api-version=2018-02-01&{resource}&client_id=c+1"));
        assert_eq!(asked[0].header("metadata"), Some("true"));
        assert_eq!(asked[1].1, format!("http://localhost:4141/msi/token?api-version=2019-08-01&{resource}"));
        assert_eq!(asked[1].header("x-identity-header"), Some(&*"h".repeat(9)));
    }

    #[tokio::test]
    async fn a_refusal_is_told_in_words_without_secrets() {
        let secret = format!("sk-{}", "aB3d".repeat(10));
        let body = serde_json::json!({"error": "invalid_client", "error_description": format!("bad secret {secret}")});
        let body = body.to_string();
        let script = Scripted::new([(401, &*body), (200, "<html>"), (200, r#"{"access_token": 7}"#)]);
        let identity = AzureIdentity::Managed { client: None, endpoint: None };
        let mut said = Vec::new();
        for _ in 0..3 {
            said.push(fetch(identity.clone(), &script).await.err().unwrap().to_string());
        }
        assert!(said[0].contains("401") && said[0].contains("bad secret") && !said[0].contains(&secret), "{said:?}");
        assert!(said[1..].iter().all(|said| said.contains("something else than a token")), "{said:?}");
    }
}
