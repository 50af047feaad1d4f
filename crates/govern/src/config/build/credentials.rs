//! With what accounts show themselves: keys, or identities in a cloud.

use std::{path::PathBuf, sync::Arc};

use llm::provider::{Auth, Cloud, Provider};

use super::{At, Checking, Fault};
use crate::config::{
    credential::{ApiKey, AwsContainer, AwsIdentity, AzureEndpoint, AzureIdentity, Credential, GoogleIdentity},
    problem::list,
    raw::{Items, RawApiKey, RawCredential, RawCredentialKind as Kind, RawProvider},
    snapshot::Secret,
};

/// A kind of identity: whose it is, which settings it needs, and which it may have.
struct Form {
    kind: Kind,
    name: &'static str,
    cloud: Cloud,
    needs: &'static [&'static str],
    may: &'static [&'static str],
}

const FORMS: &[Form] = &[
    form(Kind::GoogleFile, "google_file", Cloud::Google, &[], &["file", "secret"]),
    form(Kind::GoogleMetadata, "google_metadata", Cloud::Google, &[], &[]),
    form(Kind::AzureClientSecret, "azure_client_secret", Cloud::Azure, &["tenant", "client", "secret"], &[]),
    form(Kind::AzureManagedIdentity, "azure_managed_identity", Cloud::Azure, &[], &["client"]),
    form(Kind::AzureWorkloadIdentity, "azure_workload_identity", Cloud::Azure, &["tenant", "client", "file"], &[]),
    form(Kind::AwsStatic, "aws_static", Cloud::Aws, &["access_key", "secret"], &["session_token"]),
    form(Kind::AwsWebIdentity, "aws_web_identity", Cloud::Aws, &["role", "file"], &[]),
    form(Kind::AwsProfile, "aws_profile", Cloud::Aws, &[], &["profile", "file"]),
    form(Kind::AwsInstanceRole, "aws_instance_role", Cloud::Aws, &[], &[]),
];

const fn form(
    kind: Kind,
    name: &'static str,
    cloud: Cloud,
    needs: &'static [&'static str],
    may: &'static [&'static str],
) -> Form {
    Form { kind, name, cloud, needs, may }
}

/// Variables in which clouds put what a machine or pod is given. Settings that are written count more.
const AMBIENT: &[(Kind, &str, &str)] = &[
    (Kind::GoogleFile, "file", "GOOGLE_APPLICATION_CREDENTIALS"),
    (Kind::AwsStatic, "access_key", "AWS_ACCESS_KEY_ID"),
    (Kind::AwsStatic, "secret", "AWS_SECRET_ACCESS_KEY"),
    (Kind::AwsStatic, "session_token", "AWS_SESSION_TOKEN"),
    (Kind::AwsWebIdentity, "role", "AWS_ROLE_ARN"),
    (Kind::AwsWebIdentity, "file", "AWS_WEB_IDENTITY_TOKEN_FILE"),
    (Kind::AwsProfile, "profile", "AWS_PROFILE"),
    (Kind::AwsProfile, "file", "AWS_SHARED_CREDENTIALS_FILE"),
    (Kind::AzureClientSecret, "tenant", "AZURE_TENANT_ID"),
    (Kind::AzureClientSecret, "client", "AZURE_CLIENT_ID"),
    (Kind::AzureClientSecret, "secret", "AZURE_CLIENT_SECRET"),
    (Kind::AzureWorkloadIdentity, "tenant", "AZURE_TENANT_ID"),
    (Kind::AzureWorkloadIdentity, "client", "AZURE_CLIENT_ID"),
    (Kind::AzureWorkloadIdentity, "file", "AZURE_FEDERATED_TOKEN_FILE"),
];

/// What an account without a credential of its own may find around it, the first that is whole, and the setting without
/// which it is not there at all.
const AROUND: &[(Kind, &str)] = &[
    (Kind::GoogleFile, "file"),
    (Kind::AwsStatic, "access_key"),
    (Kind::AwsWebIdentity, "file"),
    (Kind::AwsProfile, "profile"),
    (Kind::AzureClientSecret, "secret"),
    (Kind::AzureWorkloadIdentity, "file"),
];

impl Checking<'_> {
    pub(super) fn credential(&mut self, provider: &dyn Provider, raw: &RawProvider, path: &str) -> Option<Credential> {
        let names = ["api_key", "keys", "credential"];
        let written: Vec<&str> =
            names.into_iter().filter(|name| self.report.stands_in_file(&format!("{path}.{name}"))).collect();
        if let [_, second, ..] = written.as_slice() {
            let at = format!("{path}.{second}");
            let message = format!("{} stand side by side", list(written.iter().copied()));
            self.report.error(Fault::Duplicate, At::Value(&at), message, "keep one of them");
            return None;
        }
        let given = raw.api_key.is_some() || raw.keys.is_some() || raw.credential.is_some();
        if given && provider.auth() == Auth::None {
            let at = format!("{path}.{}", written.first().unwrap_or(&"api_key"));
            let message = format!("`{}` takes no credential", provider.id());
            self.report.error(Fault::NoEffect, At::Value(&at), message, format!("remove `{}`", last_part(&at)));
            return None;
        }
        if let Some(key) = &raw.api_key {
            let at = format!("{path}.api_key");
            return self.secret(key.expose(), &at, provider.key_env().unwrap_or("API_KEY")).map(Credential::key);
        }
        if let Some(keys) = &raw.keys {
            return self.keys_of(keys, provider, &format!("{path}.keys"));
        }
        if let Some(identity) = &raw.credential {
            return self.identity(provider, identity, &format!("{path}.credential"));
        }
        // A value that is there and could not be read has been reported already.
        if !written.is_empty() {
            return None;
        }
        self.found_around(provider, path)
    }

    fn keys_of(&mut self, keys: &Items<RawApiKey>, provider: &dyn Provider, path: &str) -> Option<Credential> {
        let mut good: Vec<ApiKey> = Vec::new();
        let mut whole = true;
        for (at, key) in keys.iter().enumerate() {
            let at_path = format!("{path}[{at}]");
            let key = key.as_ref().and_then(|key| {
                let secret = self.secret(
                    key.api_key.expose(),
                    &format!("{at_path}.api_key"),
                    provider.key_env().unwrap_or("API_KEY"),
                )?;
                let name: Arc<str> = key.name.clone().unwrap_or_else(|| (at + 1).to_string()).into();
                Some(ApiKey { name, secret, weight: key.weight.unwrap_or(1) })
            });
            let Some(key) = key else {
                whole = false;
                continue;
            };
            let twin = good.iter().find(|other| other.name == key.name || other.secret.expose() == key.secret.expose());
            if twin.is_some() {
                let message = format!("`{at_path}` has the name or the text of another key");
                self.report.error(Fault::Duplicate, At::Value(&at_path), message, "keep one of them");
            }
            good.push(key);
        }
        if !good.is_empty() && good.iter().all(|key| key.weight == 0) {
            let fix = "give at least one key a weight";
            self.report.error(Fault::NoWeight, At::Value(path), "all keys have weight 0", fix);
        }
        (whole && !good.is_empty()).then_some(Credential::Keys(good))
    }

    fn identity(&mut self, provider: &dyn Provider, raw: &RawCredential, path: &str) -> Option<Credential> {
        let form = FORMS.iter().find(|form| form.kind == raw.kind)?;
        if provider.cloud() != Some(form.cloud) {
            let own: Vec<&str> =
                FORMS.iter().filter(|form| provider.cloud() == Some(form.cloud)).map(|form| form.name).collect();
            let fix = match own.as_slice() {
                [] => "use `api_key`".to_owned(),
                own => format!("use one of {}, or `api_key`", list(own.iter().copied())),
            };
            let message = format!("`{}` takes no `{}`", provider.id(), form.name);
            self.report.error(Fault::UnknownValue, At::Value(&format!("{path}.kind")), message, fix);
            return None;
        }
        for name in SETTINGS.iter().filter(|name| written(raw, name).is_some()) {
            if !form.needs.contains(name) && !form.may.contains(name) {
                let mut own = form.needs.iter().chain(form.may).copied().peekable();
                let fix = match own.peek() {
                    Some(_) => format!("it takes {}", list(own)),
                    None => format!("remove `{name}`"),
                };
                let message = format!("`{}` has no `{name}`", form.name);
                self.report.error(Fault::NoEffect, At::Value(&format!("{path}.{name}")), message, fix);
            }
        }
        let mut missing = false;
        for name in form.needs {
            let at = format!("{path}.{name}");
            if self.setting(raw.kind, Some(raw), name).is_none() {
                missing = true;
                if !self.report.stands_in_file(&at) {
                    let variable = ambient(raw.kind, name);
                    let or = variable.map_or_else(String::new, |variable| format!(", or set {variable}"));
                    let message = format!("`{}` needs `{name}`", form.name);
                    self.report.error(Fault::MissingField, At::Value(path), message, format!("add `{name}: ...`{or}"));
                }
            }
        }
        for (name, secret) in [("secret", &raw.secret), ("session_token", &raw.session_token)] {
            if let Some(secret) = secret {
                self.report.mask(secret.expose());
                self.warn_of_literal(&format!("{path}.{name}"), ambient(raw.kind, name).unwrap_or("SECRET"));
            }
        }
        if missing {
            return None;
        }
        let made = self.made(raw.kind, Some(raw));
        if made.is_none() {
            let message = format!("`{}` needs `file` or `secret`, and not both", form.name);
            self.report.error(Fault::MissingField, At::Value(path), message, "add `file: /path/to/credentials.json`");
        }
        made
    }

    /// The credential of an account that names none: the provider's usual variable, or what its cloud put into the
    /// environment.
    fn found_around(&mut self, provider: &dyn Provider, path: &str) -> Option<Credential> {
        if provider.auth() == Auth::None {
            return Some(Credential::None);
        }
        let variable = provider.key_env();
        let key = variable.and_then(self.lookup).filter(|key| !key.trim().is_empty());
        if let Some((variable, key)) = variable.zip(key) {
            return self.secret(&key, &format!("{path}.api_key"), variable).map(Credential::key);
        }
        let own = FORMS.iter().filter(|form| provider.cloud() == Some(form.cloud));
        for (form, sign) in
            own.flat_map(|form| AROUND.iter().filter(|(kind, _)| *kind == form.kind).map(move |(_, sign)| (form, sign)))
        {
            let mut wanted = form.needs.iter().chain([sign]);
            if wanted.all(|name| self.setting(form.kind, None, name).is_some())
                && let Some(made) = self.made(form.kind, None)
            {
                return Some(made);
            }
        }
        let fix = match (variable, provider.cloud()) {
            // A server of one's own (vLLM, Ollama) has a usual variable only if it insists on a key.
            (None, None) => return Some(Credential::None),
            (Some(variable), None | Some(Cloud::Ibm)) => format!("set {variable}, or add `api_key: ${{NAME}}`"),
            (_, Some(cloud)) => {
                let kinds = FORMS.iter().filter(|form| form.cloud == cloud).map(|form| form.name);
                format!("add `api_key: ${{NAME}}`, or `credential: {{ kind: ... }}` with one of {}", list(kinds))
            }
        };
        let or = variable.map_or_else(String::new, |variable| format!(", and {variable} is not set"));
        self.report.error(Fault::MissingSecret, At::Name(path), format!("`{path}` has no credential{or}"), fix);
        None
    }

    /// A setting as written, or as the environment has it.
    fn setting(&self, kind: Kind, raw: Option<&RawCredential>, name: &str) -> Option<String> {
        let own = raw.and_then(|raw| written(raw, name)).map(str::to_owned);
        own.or_else(|| (self.lookup)(ambient(kind, name)?)).filter(|text| !text.trim().is_empty())
    }

    /// The identity of this kind. `None` if something is missing, or stands where something else does.
    fn made(&self, kind: Kind, raw: Option<&RawCredential>) -> Option<Credential> {
        let text = |name: &str| self.setting(kind, raw, name);
        let file = || text("file").map(PathBuf::from);
        let secret = || text("secret").map(Secret::new);
        Some(match kind {
            Kind::GoogleFile => Credential::Google(
                match (raw.and_then(|raw| raw.secret.as_ref()), raw.and_then(|raw| raw.file.as_ref())) {
                    (Some(_), Some(_)) => return None,
                    (Some(json), None) => GoogleIdentity::Json(json.clone()),
                    (None, _) => GoogleIdentity::File(file()?),
                },
            ),
            Kind::GoogleMetadata => Credential::Google(GoogleIdentity::Metadata),
            Kind::AzureClientSecret => Credential::Azure(AzureIdentity::ClientSecret {
                tenant: text("tenant")?,
                client: text("client")?,
                secret: secret()?,
            }),
            Kind::AzureManagedIdentity => {
                let endpoint = (self.lookup)("IDENTITY_ENDPOINT").zip((self.lookup)("IDENTITY_HEADER"));
                let endpoint = endpoint.map(|(url, header)| AzureEndpoint { url, header: Secret::new(header) });
                Credential::Azure(AzureIdentity::Managed { client: text("client"), endpoint })
            }
            Kind::AzureWorkloadIdentity => Credential::Azure(AzureIdentity::Workload {
                tenant: text("tenant")?,
                client: text("client")?,
                token_file: file()?,
            }),
            Kind::AwsStatic => Credential::Aws(AwsIdentity::Static {
                access_key: text("access_key")?,
                secret: secret()?,
                // The environment's token belongs to the environment's key.
                session_token: match raw.filter(|raw| raw.access_key.is_some()) {
                    Some(raw) => raw.session_token.clone(),
                    None => text("session_token").map(Secret::new),
                },
            }),
            Kind::AwsProfile => Credential::Aws(AwsIdentity::Profile {
                name: text("profile").unwrap_or_else(|| "default".to_owned()),
                file: file().or_else(|| self.home_file()),
            }),
            Kind::AwsWebIdentity => {
                Credential::Aws(AwsIdentity::WebIdentity { role: text("role")?, token_file: file()? })
            }
            Kind::AwsInstanceRole => Credential::Aws(AwsIdentity::InstanceRole { container: self.container() }),
        })
    }

    /// The shared credentials file where everybody has it.
    fn home_file(&self) -> Option<PathBuf> {
        Some(PathBuf::from((self.lookup)("HOME")?).join(".aws/credentials"))
    }

    /// <https://docs.aws.amazon.com/sdkref/latest/guide/feature-container-credentials.html>
    fn container(&self) -> Option<AwsContainer> {
        let relative =
            (self.lookup)("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI").map(|path| format!("http://169.254.170.2{path}"));
        let url = relative.or_else(|| (self.lookup)("AWS_CONTAINER_CREDENTIALS_FULL_URI"))?;
        Some(AwsContainer {
            url,
            token_file: (self.lookup)("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE").map(PathBuf::from),
        })
    }

    /// A credential that can be sent, with a word about where it stands.
    pub(super) fn secret(&mut self, written: &str, path: &str, variable: &str) -> Option<Secret> {
        let text = written.trim();
        self.report.mask(text);
        if text.len() < SHORTEST_SECRET || is_sample(text) {
            let fix = format!("put the real one into {variable} and write `${{{variable}}}`");
            let message = format!("`{path}` is empty, shorter than {SHORTEST_SECRET} characters or a placeholder");
            self.report.error(Fault::SampleSecret, At::Value(path), message, fix);
            return None;
        }
        if !text.bytes().all(|b| b.is_ascii_graphic()) {
            let message = "the credential has blanks or characters that no header can carry";
            self.report.error(Fault::BadHeader, At::Value(path), message, "look for a stray line break or quote");
            return None;
        }
        self.warn_of_literal(path, variable);
        Some(Secret::new(text))
    }

    /// A secret that stands in the file ends up in backups, logs of changes and chats.
    pub(super) fn warn_of_literal(&mut self, path: &str, variable: &str) {
        if self.report.stands_in_file(path) && !self.report.is_from_environment(path) {
            let fix = format!("put it into the environment and write `${{{variable}}}`");
            self.report.warning(Fault::SecretInFile, At::Value(path), "a secret stands in the file itself", fix);
        }
    }
}

/// The settings of an identity, besides its kind.
const SETTINGS: &[&str] = &["file", "secret", "tenant", "client", "access_key", "session_token", "profile", "role"];

fn written<'r>(raw: &'r RawCredential, name: &str) -> Option<&'r str> {
    match name {
        "file" => raw.file.as_deref(),
        "secret" => raw.secret.as_ref().map(Secret::expose),
        "tenant" => raw.tenant.as_deref(),
        "client" => raw.client.as_deref(),
        "access_key" => raw.access_key.as_deref(),
        "session_token" => raw.session_token.as_ref().map(Secret::expose),
        "profile" => raw.profile.as_deref(),
        "role" => raw.role.as_deref(),
        _ => None,
    }
}

fn ambient(kind: Kind, name: &str) -> Option<&'static str> {
    AMBIENT.iter().find(|(of, setting, _)| *of == kind && *setting == name).map(|(.., variable)| *variable)
}

fn last_part(path: &str) -> &str {
    path.rsplit('.').next().unwrap_or(path)
}

/// Shorter than every provider's key: a slip, or a secret that can be guessed.
const SHORTEST_SECRET: usize = 8;

/// Whether a text is what examples write in place of a credential.
fn is_sample(text: &str) -> bool {
    const WHOLE: &[&str] = &["12345678", "password"];
    const PARTS: &[&str] =
        &["...", "<", ">", "changeme", "change-me", "change_me", "placeholder", "replace", "xxxx", "your-", "your_"];
    let text = text.to_ascii_lowercase();
    WHOLE.contains(&text.as_str()) || PARTS.iter().any(|part| text.contains(part))
}
