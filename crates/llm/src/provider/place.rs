//! What an account says of where its models are. Vendors put it into addresses and paths.

/// What an account says of where its models are, for the vendors that want to know.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Place {
    /// `eu-central-1`, `europe-west4`
    pub region: Option<String>,
    /// Google's project, watsonx's project, Cloudflare's account.
    pub project: Option<String>,
    /// Azure's and watsonx's versions of an API: `2024-10-21`.
    pub api_version: Option<String>,
}

impl Place {
    /// What the account says of a setting, by the setting's name in the configuration.
    #[must_use]
    pub fn get(&self, setting: &str) -> Option<&str> {
        match setting {
            "region" => self.region.as_deref(),
            "project" => self.project.as_deref(),
            "api_version" => self.api_version.as_deref(),
            _ => None,
        }
    }

    /// Fills in what stands in braces: `https://{region}.example.com`.
    ///
    /// # Errors
    /// The name of a setting that is wanted and missing.
    pub fn fill(&self, template: &str) -> Result<String, &'static str> {
        let mut filled = template.to_owned();
        for name in ["region", "project", "api_version"] {
            let hole = format!("{{{name}}}");
            if filled.contains(&hole) {
                filled = filled.replace(&hole, self.get(name).ok_or(name)?);
            }
        }
        Ok(filled)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_takes_what_the_account_says() {
        let place = Place { region: Some("eu-1".into()), project: Some("p".into()), api_version: None };
        assert_eq!(place.fill("https://{region}.h/{project}/{project}").as_deref(), Ok("https://eu-1.h/p/p"));
        assert_eq!(place.fill("/{x}").as_deref(), Ok("/{x}"));
        assert_eq!(place.fill("/v1?v={api_version}"), Err("api_version"));
    }
}
