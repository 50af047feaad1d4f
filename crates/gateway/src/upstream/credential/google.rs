//! Tokens of Google Cloud: service accounts, workload identity federation, the metadata server.
//!
//! <https://developers.google.com/identity/protocols/oauth2/service-account>, <https://google.aip.dev/auth/4117>,
//! <https://cloud.google.com/compute/docs/access/authenticate-workloads>

use std::{path::PathBuf, sync::Arc};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use futures_util::future::BoxFuture;
use govern::config::{Secret, credential::GoogleIdentity};
use http::Method;
use serde::{Deserialize, Serialize};

use super::{
    Ask, CredentialError, Fresh, Source,
    oauth::{file, form, lasting, read, request, token},
};
use crate::clock::now_seconds;

/// What Vertex AI's tokens are good for.
const SCOPE: &str = "https://www.googleapis.com/auth/cloud-platform";

/// The longest life that is given.
const LIFE: i64 = 3_600;

const METADATA: &str = "http://metadata.google.internal/computeMetadata/v1/instance/service-accounts/default/token";

const WHOSE: &str = "Google";

/// An identity in Google Cloud.
pub struct Google {
    pub identity: GoogleIdentity,
    pub ask: Arc<dyn Ask>,
}

/// A file as Google Cloud hands it out.
#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Handed {
    ServiceAccount(ServiceAccount),
    ExternalAccount(ExternalAccount),
    #[serde(other)]
    Other,
}

#[derive(Deserialize)]
struct ServiceAccount {
    client_email: String,
    private_key: String,
    private_key_id: Option<String>,
    token_uri: String,
}

#[derive(Deserialize)]
struct ExternalAccount {
    audience: String,
    subject_token_type: String,
    token_url: String,
    credential_source: CredentialSource,
    service_account_impersonation_url: Option<String>,
}

/// Where the token of the other side is had.
#[derive(Deserialize)]
struct CredentialSource {
    file: Option<PathBuf>,
    url: Option<String>,
    #[serde(default)]
    headers: std::collections::BTreeMap<String, String>,
    format: Option<Format>,
}

#[derive(Deserialize)]
struct Format {
    #[serde(rename = "type")]
    kind: String,
    subject_token_field_name: Option<String>,
}

#[derive(Serialize)]
struct Header<'a> {
    alg: &'a str,
    typ: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    kid: Option<&'a str>,
}

#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    scope: &'a str,
    aud: &'a str,
    iat: i64,
    exp: i64,
}

impl Source<Secret> for Google {
    fn fetch(&self) -> BoxFuture<'_, Result<Fresh<Secret>, CredentialError>> {
        Box::pin(async move {
            let text = match &self.identity {
                GoogleIdentity::Metadata => return self.metadata().await,
                GoogleIdentity::File(path) => Secret::new(file(path)?),
                GoogleIdentity::Json(text) => text.clone(),
            };
            // The parser's words may quote the key.
            let handed = serde_json::from_str(text.expose()).map_err(|_| {
                CredentialError::new("the credential is not the JSON of a service account or of an external account")
            })?;
            match handed {
                Handed::ServiceAccount(account) => self.service_account(&account).await,
                Handed::ExternalAccount(account) => self.external_account(&account).await,
                Handed::Other => Err(CredentialError::new(
                    "the credential is neither a service account nor an external account: its `type` says something else",
                )),
            }
        })
    }
}

impl Google {
    async fn metadata(&self) -> Result<Fresh<Secret>, CredentialError> {
        let asked = request(Method::GET, METADATA, &[("metadata-flavor", "Google")], String::new())?;
        token("Google's metadata server", &self.ask.ask(asked).await?)
    }

    async fn service_account(&self, account: &ServiceAccount) -> Result<Fresh<Secret>, CredentialError> {
        encrypted(&account.token_uri)?;
        let assertion = account.assertion(now_seconds())?;
        let fields = [("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer"), ("assertion", &assertion)];
        token(WHOSE, &self.ask.ask(form(&account.token_uri, &fields)?).await?)
    }

    async fn external_account(&self, account: &ExternalAccount) -> Result<Fresh<Secret>, CredentialError> {
        encrypted(&account.token_url)?;
        let subject = self.subject_token(&account.credential_source).await?;
        let fields = [
            ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"),
            ("audience", account.audience.as_str()),
            ("scope", SCOPE),
            ("requested_token_type", "urn:ietf:params:oauth:token-type:access_token"),
            ("subject_token", subject.expose()),
            ("subject_token_type", account.subject_token_type.as_str()),
        ];
        let federated = token(WHOSE, &self.ask.ask(form(&account.token_url, &fields)?).await?)?;
        match &account.service_account_impersonation_url {
            None => Ok(federated),
            Some(url) => self.impersonate(url, &federated.value).await,
        }
    }

    /// <https://cloud.google.com/iam/docs/reference/credentials/rest/v1/projects.serviceAccounts/generateAccessToken>
    async fn impersonate(&self, url: &str, federated: &Secret) -> Result<Fresh<Secret>, CredentialError> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Impersonated {
            access_token: String,
        }

        encrypted(url)?;
        let bearer = format!("Bearer {}", federated.expose());
        let headers = [("authorization", bearer.as_str()), ("content-type", "application/json")];
        let body = serde_json::json!({ "scope": [SCOPE], "lifetime": format!("{LIFE}s") }).to_string();
        let answer = self.ask.ask(request(Method::POST, url, &headers, body)?).await?;
        let token: Impersonated = read(WHOSE, &answer)?;
        Ok(lasting(token.access_token, LIFE))
    }

    /// The token of the other side, from a file or from a service at hand. Programs are not run, and AWS' own proof of
    /// identity is not made.
    async fn subject_token(&self, source: &CredentialSource) -> Result<Secret, CredentialError> {
        let text = match (&source.file, &source.url) {
            (Some(path), _) => file(path)?,
            (None, Some(url)) => {
                let headers: Vec<(&str, &str)> =
                    source.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
                let answer = self.ask.ask(request(Method::GET, url, &headers, String::new())?).await?;
                if !answer.status().is_success() {
                    let status = answer.status().as_u16();
                    return Err(CredentialError::new(format!("{url} gives no token: status {status}")));
                }
                String::from_utf8_lossy(answer.body()).into_owned()
            }
            (None, None) => {
                let message = "the credential's `credential_source` has neither `file` nor `url`: others are not taken";
                return Err(CredentialError::new(message));
            }
        };
        let Some(format) = source.format.as_ref().filter(|format| format.kind == "json") else {
            return Ok(Secret::new(text.trim()));
        };
        let field = format.subject_token_field_name.as_deref().unwrap_or("access_token");
        let found = serde_json::from_str::<serde_json::Value>(&text).ok();
        let found = found.and_then(|json| json.get(field)?.as_str().map(Secret::new));
        found.ok_or_else(|| CredentialError::new(format!("the subject token is not in the JSON's field `{field}`")))
    }
}

impl ServiceAccount {
    /// A signed claim to be this account: a JSON Web Token, <https://www.rfc-editor.org/rfc/rfc7515#section-3.1>.
    fn assertion(&self, now: i64) -> Result<String, CredentialError> {
        use aws_lc_rs::{rand::SystemRandom, signature};
        use rustls::pki_types::{PrivatePkcs8KeyDer, pem::PemObject};

        let unusable = || CredentialError::new("the service account's `private_key` is no RSA key in PKCS #8");
        let key = PrivatePkcs8KeyDer::from_pem_slice(self.private_key.as_bytes()).map_err(|_| unusable())?;
        let key = signature::RsaKeyPair::from_pkcs8(key.secret_pkcs8_der()).map_err(|_| unusable())?;
        let header = Header { alg: "RS256", typ: "JWT", kid: self.private_key_id.as_deref() };
        let claims = Claims { iss: &self.client_email, scope: SCOPE, aud: &self.token_uri, iat: now, exp: now + LIFE };
        let said = format!("{}.{}", part(&header)?, part(&claims)?);
        let mut signed = vec![0; key.public_modulus_len()];
        key.sign(&signature::RSA_PKCS1_SHA256, &SystemRandom::new(), said.as_bytes(), &mut signed)
            .map_err(|_| unusable())?;
        Ok(format!("{said}.{}", URL_SAFE_NO_PAD.encode(signed)))
    }
}

/// A part of a JSON Web Token.
fn part(said: &impl Serialize) -> Result<String, CredentialError> {
    let json = serde_json::to_vec(said).map_err(|_| CredentialError::new("a claim cannot be written"))?;
    Ok(URL_SAFE_NO_PAD.encode(json))
}

/// A claim or a token that travels in the open can be taken by anybody.
fn encrypted(url: &str) -> Result<(), CredentialError> {
    match url.starts_with("https://") {
        true => Ok(()),
        false => Err(CredentialError::new(format!("the credential names `{url}`, which is not `https://`"))),
    }
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};

    use super::{super::oauth::tests::Scripted, *};

    fn google(identity: GoogleIdentity, script: &Arc<Scripted>) -> Google {
        Google { identity, ask: script.clone() }
    }

    fn json(value: serde_json::Value) -> GoogleIdentity {
        GoogleIdentity::Json(Secret::new(value.to_string()))
    }

    #[tokio::test]
    async fn a_service_account_signs_for_its_token() {
        let pair = aws_lc_rs::rsa::KeyPair::generate(aws_lc_rs::rsa::KeySize::Rsa2048).unwrap();
        let der = aws_lc_rs::encoding::AsDer::<aws_lc_rs::encoding::Pkcs8V1Der<'_>>::as_der(&pair).unwrap();
        let body = base64::engine::general_purpose::STANDARD.encode(der.as_ref());
        let lines: Vec<&str> = body.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap()).collect();
        let label = ["PRIVATE", "KEY"].join(" ");
        let pem = format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"));
        let script = Scripted::new([(200, r#"{"access_token": "ya29", "expires_in": 3599, "token_type": "Bearer"}"#)]);
        let identity = json(serde_json::json!({
            "type": "service_account", "client_email": "me@p.iam.gserviceaccount.com", "private_key": pem,
            "private_key_id": "k1", "token_uri": "https://oauth2.googleapis.com/token",
        }));
        let fresh = google(identity, &script).fetch().await.unwrap();
        assert_eq!(fresh.value.expose(), "ya29");
        let life = fresh.expires.unwrap() - crate::clock::now_micros();
        assert!((3_590_000_000..=3_599_000_000).contains(&life), "{life}");

        let asked = script.asked();
        assert_eq!((asked[0].0.as_str(), asked[0].1.as_str()), ("POST", "https://oauth2.googleapis.com/token"));
        let fields = asked[0].fields();
        assert_eq!(fields["grant_type"], "urn:ietf:params:oauth:grant-type:jwt-bearer");
        let (said, signed) = fields["assertion"].rsplit_once('.').unwrap();
        let public = aws_lc_rs::signature::KeyPair::public_key(&pair);
        let public = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, public);
        public.verify(said.as_bytes(), &URL_SAFE_NO_PAD.decode(signed).unwrap()).unwrap();
        let parts: Vec<serde_json::Value> = said
            .split('.')
            .map(|part| serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap())
            .collect();
        assert_eq!(parts[0], serde_json::json!({"alg": "RS256", "typ": "JWT", "kid": "k1"}));
        assert_eq!(parts[1]["iss"], "me@p.iam.gserviceaccount.com");
        assert_eq!(
            (&parts[1]["aud"], &parts[1]["scope"]),
            (&"https://oauth2.googleapis.com/token".into(), &SCOPE.into())
        );
        assert_eq!(parts[1]["exp"].as_i64().unwrap() - parts[1]["iat"].as_i64().unwrap(), 3_600);
    }

    #[tokio::test]
    async fn a_token_of_the_other_side_is_exchanged_and_an_account_impersonated() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token.json");
        std::fs::write(&path, r#"{"id_token": "outside"}"#).unwrap();
        let script = Scripted::new([
            (200, r#"{"access_token": "federated", "expires_in": 600}"#),
            (200, r#"{"accessToken": "inside", "expireTime": "2030-01-01T00:00:00Z"}"#),
        ]);
        let identity = json(serde_json::json!({
            "type": "external_account", "audience": "//iam.googleapis.com/pool",
            "subject_token_type": "urn:ietf:params:oauth:token-type:jwt", "token_url": "https://sts.googleapis.com/v1/token",
            "credential_source": {"file": path, "format": {"type": "json", "subject_token_field_name": "id_token"}},
            "service_account_impersonation_url": "https://iamcredentials.googleapis.com/v1/x:generateAccessToken",
        }));
        assert_eq!(google(identity, &script).fetch().await.unwrap().value.expose(), "inside");
        let asked = script.asked();
        let fields = asked[0].fields();
        assert_eq!(
            (fields["subject_token"].as_str(), fields["audience"].as_str()),
            ("outside", "//iam.googleapis.com/pool")
        );
        assert_eq!(asked[1].header("authorization"), Some("Bearer federated"));
        assert!(asked[1].2.contains("\"lifetime\":\"3600s\""), "{}", asked[1].2);
    }

    #[tokio::test]
    async fn a_subject_token_may_come_from_a_service_at_hand() {
        let script = Scripted::new([(200, "outside\n"), (200, r#"{"access_token": "federated", "expires_in": 600}"#)]);
        let identity = json(serde_json::json!({
            "type": "external_account", "audience": "a", "subject_token_type": "t",
            "token_url": "https://sts.googleapis.com/v1/token",
            "credential_source": {"url": "http://169.254.169.254/token", "headers": {"Metadata": "True"}},
        }));
        assert_eq!(google(identity, &script).fetch().await.unwrap().value.expose(), "federated");
        let asked = script.asked();
        assert_eq!(asked[0].header("metadata"), Some("True"));
        assert_eq!(asked[1].fields()["subject_token"], "outside");
    }

    #[tokio::test]
    async fn the_metadata_server_is_asked_as_it_wants_to_be() {
        let script = Scripted::new([(200, r#"{"access_token": "t", "expires_in": 1000}"#)]);
        assert_eq!(google(GoogleIdentity::Metadata, &script).fetch().await.unwrap().value.expose(), "t");
        assert_eq!(script.asked()[0].header("metadata-flavor"), Some("Google"));
    }

    #[tokio::test]
    async fn what_is_no_credential_is_refused_without_being_quoted() {
        let canary = "canary".repeat(3);
        let external = |extra: serde_json::Value| {
            let mut all = serde_json::json!({
                "type": "external_account", "audience": "a", "subject_token_type": "t",
                "token_url": "https://sts.googleapis.com/v1/token", "credential_source": {},
            });
            all.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
            json(all)
        };
        for (identity, why) in [
            (GoogleIdentity::Json(Secret::new(&canary)), "is not the JSON"),
            (json(serde_json::json!({"type": "authorized_user", "refresh_token": canary})), "neither"),
            (GoogleIdentity::File("/nowhere/at/all".into()), "cannot be read"),
            (
                external(serde_json::json!({"credential_source": {"executable": {"command": "rm"}}})),
                "neither `file` nor",
            ),
            (external(serde_json::json!({"token_url": "http://sts.example"})), "not `https://`"),
            (
                json(serde_json::json!({
                    "type": "service_account", "client_email": "e", "private_key": canary, "token_uri": "https://t",
                })),
                "no RSA key",
            ),
        ] {
            let script = Scripted::new([]);
            let said = google(identity, &script).fetch().await.err().unwrap().to_string();
            assert!(said.contains(why) && !said.contains(&canary), "{said}");
            assert!(script.asked().is_empty(), "{said}");
        }
    }
}
