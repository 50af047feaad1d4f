//! Tokens of IBM Cloud, for which an API key is exchanged:
//! <https://cloud.ibm.com/docs/account?topic=account-iamtoken_from_apikey>

use std::sync::Arc;

use futures_util::future::BoxFuture;
use govern::config::Secret;

use super::{
    Ask, CredentialError, Fresh, Source,
    oauth::{form, token},
};

const URL: &str = "https://iam.cloud.ibm.com/identity/token";

/// An API key of IBM Cloud.
pub struct Ibm {
    pub key: Secret,
    pub ask: Arc<dyn Ask>,
}

impl Source<Secret> for Ibm {
    fn fetch(&self) -> BoxFuture<'_, Result<Fresh<Secret>, CredentialError>> {
        Box::pin(async move {
            let fields = [("grant_type", "urn:ibm:params:oauth:grant-type:apikey"), ("apikey", self.key.expose())];
            token("IBM Cloud", &self.ask.ask(form(URL, &fields)?).await?)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{super::oauth::tests::Scripted, *};

    #[tokio::test]
    async fn a_key_is_exchanged_for_a_token() {
        let good = r#"{"access_token": "eyJ", "refresh_token": "no", "expires_in": 3600, "expiration": 1790000000}"#;
        let bad = r#"{"errorCode": "BXNIM0415E", "errorMessage": "Provided API key could not be found."}"#;
        let script = Scripted::new([(200, good), (400, bad)]);
        let ibm = Ibm { key: Secret::new("k".repeat(12)), ask: script.clone() };
        assert_eq!(ibm.fetch().await.unwrap().value.expose(), "eyJ");
        let said = ibm.fetch().await.err().unwrap().to_string();
        assert_eq!(said, "IBM Cloud refuses with status 400: Provided API key could not be found.");
        assert_eq!(script.asked()[0].fields()["apikey"], "k".repeat(12));
    }
}
