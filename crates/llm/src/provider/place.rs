//! Where an account's models are.

/// What an account says of where its models are, for the vendors that want to know.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Place {
    /// `eu-central-1`, `europe-west4`
    pub region: Option<String>,
    /// Google's project, watsonx's project, Cloudflare's account.
    pub project: Option<String>,
    /// Azure's and Databricks' versions of an API.
    pub api_version: Option<String>,
}

impl Place {
    /// Fills in what stands in braces.
    ///
    /// # Errors
    /// The name of a setting that is wanted and missing.
    pub fn fill(&self, template: &str) -> Result<String, &'static str> {
        let mut filled = template.to_owned();
        let settings = [("region", &self.region), ("project", &self.project), ("api_version", &self.api_version)];
        for (name, value) in settings {
            let hole = format!("{{{name}}}");
            if filled.contains(&hole) {
                filled = filled.replace(&hole, value.as_deref().ok_or(name)?);
            }
        }
        Ok(filled)
    }
}
