//! Profiles of AWS's shared files: <https://docs.aws.amazon.com/sdkref/latest/guide/file-format.html>
//!
//! Keys stand in `credentials`, roles mostly in `config` beside it. What needs a browser or another program (`sso_*`,
//! `credential_process`) is refused by name.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
};

use futures_util::future::BoxFuture;
use govern::config::Secret;

use super::{
    Aws, machine, soon,
    sts::{self, Role},
};
use crate::upstream::{
    credential::{CredentialError, Fresh, oauth},
    sign::AwsKeys,
};

/// A role whose keys are another role's, whose keys are another's: nobody nests deeper.
const DEEPEST: usize = 5;

type Profiles = HashMap<String, HashMap<String, String>>;

impl Aws {
    pub(super) async fn profile(&self, name: &str, file: Option<&Path>) -> Result<Fresh<AwsKeys>, CredentialError> {
        let file = file.ok_or_else(|| CredentialError::new("nobody says where AWS's shared credentials file is"))?;
        let profiles = profiles(file)?;
        self.of(&profiles, name, DEEPEST).await
    }

    /// The keys of a profile: its own, or those of a role that it assumes.
    fn of<'a>(
        &'a self,
        profiles: &'a Profiles,
        name: &'a str,
        depth: usize,
    ) -> BoxFuture<'a, Result<Fresh<AwsKeys>, CredentialError>> {
        Box::pin(async move {
            let wrong = |why: &str| CredentialError::new(format!("AWS's profile `{name}` {why}"));
            let profile = profiles.get(name).ok_or_else(|| wrong("does not exist"))?;
            let said = |setting: &str| profile.get(setting).cloned();
            let Some(arn) = said("role_arn") else { return own(profile, wrong) };
            if let Some(file) = profile.get("web_identity_token_file") {
                let token = oauth::file(Path::new(file))?;
                return sts::with_web_identity(&*self.ask, &self.region, &arn, token.trim()).await;
            }
            let keys = match (profile.get("source_profile"), profile.get("credential_source").map(String::as_str)) {
                (Some(_), _) if depth == 0 => return Err(wrong("leads through too many other profiles")),
                // A profile that is its own source has the keys beside the role.
                (Some(source), _) if source == name => own(profile, wrong)?.value,
                (Some(source), _) => self.of(profiles, source, depth - 1).await?.value,
                (None, Some("Ec2InstanceMetadata")) => machine::of_instance(&*self.ask).await?.value,
                (None, _) => return Err(wrong("assumes a role, but has neither `source_profile` nor a known source")),
            };
            let role = Role {
                arn,
                session: said("role_session_name"),
                external_id: said("external_id"),
                duration: said("duration_seconds"),
            };
            sts::with_keys(&*self.ask, &self.region, &role, &keys).await
        })
    }
}

/// The keys that stand in a profile itself.
fn own(
    profile: &HashMap<String, String>,
    wrong: impl Fn(&str) -> CredentialError,
) -> Result<Fresh<AwsKeys>, CredentialError> {
    let (Some(id), Some(secret)) = (profile.get("aws_access_key_id"), profile.get("aws_secret_access_key")) else {
        let foreign = profile.keys().find(|name| name.starts_with("sso_") || *name == "credential_process");
        return Err(match foreign {
            Some(name) => wrong(&format!("is made by `{name}`, which needs another program: use keys or a role")),
            None => wrong("has neither keys nor a role"),
        });
    };
    let session = profile.get("aws_session_token").map(Secret::new);
    Ok(Fresh { value: AwsKeys { id: id.clone(), secret: Secret::new(secret), session }, expires: Some(soon()) })
}

/// The profiles of both files; what stands in `credentials` counts more.
fn profiles(credentials: &Path) -> Result<Profiles, CredentialError> {
    let config: PathBuf = credentials.with_file_name("config");
    let mut profiles = Profiles::new();
    if config.exists() {
        for (section, settings) in sections(&oauth::file(&config)?) {
            let name = if section == "default" { Some("default") } else { section.strip_prefix("profile ") };
            if let Some(name) = name {
                profiles.entry(name.trim().to_owned()).or_default().extend(settings);
            }
        }
    }
    if credentials.exists() || profiles.is_empty() {
        for (name, settings) in sections(&oauth::file(credentials)?) {
            profiles.entry(name).or_default().extend(settings);
        }
    }
    Ok(profiles)
}

/// Sections and their settings. Lines that begin with a blank belong to a setting before, of none that counts here.
fn sections(text: &str) -> Vec<(String, HashMap<String, String>)> {
    let mut sections: Vec<(String, HashMap<String, String>)> = Vec::new();
    for line in text.lines() {
        if line.starts_with(['#', ';', ' ', '\t']) || line.trim().is_empty() {
            continue;
        }
        if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.split(']').next()) {
            sections.push((name.trim().to_owned(), HashMap::new()));
        } else if let (Some((name, value)), Some((_, settings))) = (line.split_once('='), sections.last_mut()) {
            settings.insert(name.trim().to_ascii_lowercase(), value.trim().to_owned());
        }
    }
    sections
}
