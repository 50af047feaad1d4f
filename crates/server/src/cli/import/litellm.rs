//! LiteLLM's `config.yaml`.
//!
//! <https://docs.litellm.ai/docs/proxy/configs>, <https://docs.litellm.ai/docs/proxy/config_settings>

use govern::config::tree::{self, Node, Value as Yaml};
use serde_json::{Map, Value, json};

use super::{
    Imported, Note,
    deployment::{Account, Deployment},
};

/// Reads the file and says it in Tollgate's words.
///
/// # Errors
/// It is not YAML, or no map.
pub(super) fn import(text: &str) -> Result<Imported, String> {
    let root = tree::read(text).map_err(|no| match no.at {
        Some(at) => format!("line {}: {}", at.line, no.message),
        None => no.message,
    })?;
    let Yaml::Map(sections) = &root.value else { return Err(format!("the file is {}, not a map", root.kind())) };
    let mut import = Import::default();
    // Deployments first: what follows speaks of them.
    let models = sections.iter().filter(|(name, _)| name.text == "model_list");
    models.for_each(|(_, list)| import.deployments(list));
    for (name, section) in sections {
        match name.text.as_str() {
            "model_list" => {}
            "router_settings" => import.router(section),
            "litellm_settings" => import.library(section),
            "general_settings" => import.general(section),
            "environment_variables" => import.variables(section),
            _ => import.report.skip(name, &name.text),
        }
    }
    Ok(import.finish())
}

/// What has been said, and what could not be said.
#[derive(Default)]
struct Import {
    accounts: Vec<Account>,
    models: Vec<Model>,
    /// Pairs of a model and one that is asked when it fails.
    fallbacks: Vec<(String, String)>,
    /// Asked when any model fails.
    default_fallbacks: Vec<String>,
    aliases: Vec<(String, String)>,
    retries: Option<u64>,
    timeout: Option<String>,
    /// The listener, if one is set.
    report: Report,
}

struct Model {
    name: String,
    targets: Vec<Map<String, Value>>,
}

/// Collects notes.
#[derive(Default)]
pub(super) struct Report(Vec<Note>);

impl Report {
    pub fn note(&mut self, at: &Node, path: &str, message: impl Into<String>) {
        self.0.push(Note { line: at.at.line, path: path.to_owned(), message: message.into() });
    }

    /// A setting without a counterpart.
    pub fn skip(&mut self, at: &Node, path: &str) {
        self.note(at, path, "has no counterpart and was left out");
    }
}

impl Import {
    fn deployments(&mut self, list: &Node) {
        let Yaml::List(items) = &list.value else {
            return self.report.note(list, "model_list", "is no list and was left out");
        };
        for (index, item) in items.iter().enumerate() {
            let path = format!("model_list[{index}]");
            let Some(deployment) = Deployment::read(item, &path, &mut self.report) else { continue };
            let Deployment { model_name, account, target, price } = deployment;
            let at = self.account(account);
            let Some(account) = self.accounts.get_mut(at) else { continue };
            if let Some((model, price)) = price {
                account.prices.insert(model, price.into());
            }
            let mut settings = target;
            let name = format!(
                "{}/{}",
                account.name,
                settings.remove("model").as_ref().and_then(Value::as_str).unwrap_or_default()
            );
            let mut target = Map::from_iter([("target".to_owned(), Value::from(name))]);
            target.append(&mut settings);
            target.entry("priority").or_insert(1.into());
            match self.models.iter_mut().find(|model| model.name == model_name) {
                Some(model) => model.targets.push(target),
                None => self.models.push(Model { name: model_name, targets: vec![target] }),
            }
        }
    }

    /// The place of an account with these settings; a new one gets a name of its own.
    fn account(&mut self, mut account: Account) -> usize {
        let same = |known: &Account| known.kind == account.kind && known.settings == account.settings;
        if let Some(at) = self.accounts.iter().position(same) {
            return at;
        }
        let taken = self.accounts.iter().filter(|known| known.kind == account.kind).count();
        account.name = if taken == 0 { account.kind.to_owned() } else { format!("{}-{}", account.kind, taken + 1) };
        self.accounts.push(account);
        self.accounts.len() - 1
    }

    fn router(&mut self, section: &Node) {
        for (name, value) in entries(section) {
            let path = format!("router_settings.{}", name.text);
            match name.text.as_str() {
                "num_retries" => self.retries = value.text.parse().ok(),
                "timeout" => self.timeout = seconds(&value.text),
                "fallbacks" => self.fallbacks(value, &path),
                "default_fallbacks" => self.default_fallbacks.extend(texts(value)),
                "model_group_alias" => self.aliases(value, &path),
                "routing_strategy" if value.text == "simple-shuffle" => {}
                "routing_strategy" => {
                    let message = format!("`{}` is not there: deployments of a model are drawn by weight", value.text);
                    self.report.note(name, &path, message);
                }
                _ => self.report.skip(name, &path),
            }
        }
    }

    fn library(&mut self, section: &Node) {
        for (name, value) in entries(section) {
            let path = format!("litellm_settings.{}", name.text);
            match name.text.as_str() {
                "num_retries" => self.retries = self.retries.or_else(|| value.text.parse().ok()),
                "request_timeout" => self.timeout = self.timeout.take().or_else(|| seconds(&value.text)),
                "fallbacks" => self.fallbacks(value, &path),
                "default_fallbacks" => self.default_fallbacks.extend(texts(value)),
                "drop_params" if value.text == "true" => {
                    let message = "is how Tollgate works: what a model cannot take is left out and recorded; `strict: true` refuses";
                    self.report.note(name, &path, message);
                }
                _ => self.report.skip(name, &path),
            }
        }
    }

    fn general(&mut self, section: &Node) {
        for (name, _) in entries(section) {
            let path = format!("general_settings.{}", name.text);
            match name.text.as_str() {
                "master_key" => {
                    let message = "keys of a gateway have a form of their own: make one with `tollgate keys create`, put it into \
                                   TOLLGATE_MASTER_KEY, and add `keys: [{ name: master, secret: \"${TOLLGATE_MASTER_KEY}\" }]`, \
                                   or keep it in the database";
                    self.report.note(name, &path, message);
                }
                "database_url" => {
                    let message =
                        "Tollgate keeps its records in `data_dir`; keys of the old database must be made anew";
                    self.report.note(name, &path, message);
                }
                _ => self.report.skip(name, &path),
            }
        }
    }

    fn variables(&mut self, section: &Node) {
        for (name, _) in entries(section) {
            let path = format!("environment_variables.{}", name.text);
            self.report.note(
                name,
                &path,
                "set it in the environment of the process: a configuration does not set variables",
            );
        }
    }

    /// `[{ "gpt-4": ["gpt-4o", "claude"] }]`
    fn fallbacks(&mut self, list: &Node, path: &str) {
        let Yaml::List(items) = &list.value else { return self.report.note(list, path, "is no list and was left out") };
        for (name, value) in items.iter().flat_map(entries) {
            if name.text == "*" {
                self.default_fallbacks.extend(texts(value));
            } else {
                self.fallbacks.extend(texts(value).map(|other| (name.text.clone(), other)));
            }
        }
    }

    fn aliases(&mut self, section: &Node, path: &str) {
        for (name, value) in entries(section) {
            let model = match &value.value {
                Yaml::Text => Some(value.text.clone()),
                Yaml::Map(fields) => {
                    fields.iter().find(|(field, _)| field.text == "model").map(|(_, model)| model.text.clone())
                }
                _ => None,
            };
            match model {
                Some(model) => self.aliases.push((name.text.clone(), model)),
                None => self.report.skip(name, &format!("{path}.{}", name.text)),
            }
        }
    }

    fn finish(mut self) -> Imported {
        self.fall_back();
        let mut config = Map::new();
        let providers = self.accounts.iter().map(|account| (account.name.clone(), account.write()));
        config.insert("providers".into(), Value::Object(providers.collect()));
        let models: Map<String, Value> =
            self.models.iter().map(|model| (model.name.clone(), self.model(model))).collect();
        config.insert("models".into(), Value::Object(models));
        Imported { config, notes: self.report.0 }
    }

    /// Puts the targets of fallbacks behind those of the models that fall back.
    fn fall_back(&mut self) {
        let own: Vec<(String, Vec<Map<String, Value>>)> =
            self.models.iter().map(|model| (model.name.clone(), model.targets.clone())).collect();
        let targets = |name: &str| own.iter().find(|(model, _)| model == name).map(|(_, targets)| targets.clone());
        for model in &mut self.models {
            let named = self.fallbacks.iter().filter(|(from, _)| *from == model.name).map(|(_, to)| to);
            let all: Vec<&String> =
                named.chain(self.default_fallbacks.iter().filter(|name| **name != model.name)).collect();
            for (step, other) in all.iter().enumerate() {
                match targets(other) {
                    Some(further) => model.targets.extend(further.into_iter().map(|mut target| {
                        target.insert("priority".into(), (step + 2).into());
                        target
                    })),
                    None => {
                        let message = format!("there is no model `{other}` to fall back to");
                        self.report.0.push(Note { line: 0, path: format!("fallbacks of {}", model.name), message });
                    }
                }
            }
        }
        for (alias, model) in &self.aliases {
            match self.models.iter().find(|known| known.name == *model).map(|known| known.targets.clone()) {
                Some(targets) => self.models.push(Model { name: alias.clone(), targets }),
                None => {
                    let message = format!("there is no model `{model}`");
                    self.report.0.push(Note { line: 0, path: format!("model_group_alias.{alias}"), message });
                }
            }
        }
    }

    fn model(&self, model: &Model) -> Value {
        let mut fields = Map::new();
        // One plain target needs no settings.
        let targets = model.targets.iter().map(|target| match (model.targets.len(), target.len()) {
            (1, 2) => target.get("target").cloned().unwrap_or_default(),
            _ => Value::Object(target.clone()),
        });
        fields.insert("targets".into(), targets.collect());
        if let Some(retries) = self.retries {
            fields.insert("retry".into(), json!({ "attempts": (retries + 1).min(10) }));
        }
        if let Some(timeout) = &self.timeout {
            fields.insert("timeouts".into(), json!({ "total": timeout }));
        }
        Value::Object(fields)
    }
}

/// The entries of a map; none of anything else.
pub(super) fn entries(node: &Node) -> impl Iterator<Item = &(Node, Node)> {
    match &node.value {
        Yaml::Map(entries) => entries.iter(),
        _ => [].iter(),
    }
}

/// The texts of a list; models of fallbacks may be maps with a `model`.
fn texts(node: &Node) -> impl Iterator<Item = String> + '_ {
    let items = match &node.value {
        Yaml::List(items) => items.as_slice(),
        _ => std::slice::from_ref(node),
    };
    items.iter().filter_map(|item| match &item.value {
        Yaml::Map(_) => entries(item).find(|(name, _)| name.text == "model").map(|(_, model)| model.text.clone()),
        _ => Some(item.text.clone()).filter(|text| !text.is_empty()),
    })
}

/// LiteLLM's seconds as a duration of ours.
pub(super) fn seconds(text: &str) -> Option<String> {
    let seconds: f64 = text.parse().ok()?;
    let whole = seconds.is_finite() && seconds > 0.0 && seconds < 1e6;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "bounded just now")]
    let millis = (seconds * 1000.0).round() as u64;
    whole.then(|| if millis.is_multiple_of(1000) { format!("{}s", millis / 1000) } else { format!("{millis}ms") })
}
