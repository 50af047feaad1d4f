//! One entry of `model_list`: an account, a target, perhaps a price.

use govern::config::tree::{Node, Value as Yaml};
use llm::{catalog, provider};
use serde_json::{Map, Number, Value, json};

use super::litellm::{Report, entries, seconds};

/// An account with a provider.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Account {
    pub name: String,
    pub kind: &'static str,
    /// As written under `providers.NAME`, without prices.
    pub settings: Map<String, Value>,
    pub prices: Map<String, Value>,
}

/// What an entry says.
pub(super) struct Deployment {
    /// As callers ask for it.
    pub model_name: String,
    pub account: Account,
    /// As written under `targets`, with the provider's name of the model as `model`.
    pub target: Map<String, Value>,
    /// The model and its price, in dollars.
    pub price: Option<(String, Map<String, Value>)>,
}

/// Providers by the beginning of `litellm_params.model`, where theirs is not our name.
const PROVIDERS: &[(&str, &str)] = &[
    ("azure", "azure_openai"),
    ("azure_text", "azure_openai"),
    ("bedrock_converse", "bedrock"),
    ("vertex_ai", "vertex"),
    ("vertex_ai_beta", "vertex"),
    ("cohere_chat", "cohere"),
    ("together_ai", "together"),
    ("fireworks_ai", "fireworks"),
    ("ollama_chat", "ollama"),
    ("hosted_vllm", "vllm"),
    ("custom_openai", "openai_like"),
    ("text-completion-openai", "openai"),
    ("jina_ai", "jina"),
    ("lm_studio", "lmstudio"),
    ("friendliai", "friendli"),
    ("sagemaker_chat", "sagemaker"),
    ("llamafile", "llama_cpp"),
];

/// Settings of an account that are texts there and here.
const PLAIN: &[(&str, &str)] = &[
    ("api_base", "base_url"),
    ("base_url", "base_url"),
    ("api_version", "api_version"),
    ("vertex_project", "project"),
    ("watsonx_project", "project"),
    ("project", "project"),
    ("vertex_location", "region"),
    ("aws_region_name", "region"),
    ("watsonx_region_name", "region"),
    ("region_name", "region"),
];

/// Settings of a credential: theirs, ours, and which kind of credential has it.
const CREDENTIALS: &[(&str, &str, &str)] = &[
    ("aws_access_key_id", "access_key", "aws_static"),
    ("aws_secret_access_key", "secret", "aws_static"),
    ("aws_session_token", "session_token", "aws_static"),
    ("aws_profile_name", "profile", "aws_profile"),
    ("aws_role_name", "role", "aws_web_identity"),
    ("vertex_credentials", "file", "google_file"),
    ("tenant_id", "tenant", "azure_client_secret"),
    ("client_id", "client", "azure_client_secret"),
    ("client_secret", "secret", "azure_client_secret"),
];

/// Parameters that are forced into every request of a deployment.
const FORCED: &[&str] = &[
    "temperature",
    "max_tokens",
    "max_completion_tokens",
    "top_p",
    "seed",
    "presence_penalty",
    "frequency_penalty",
    "reasoning_effort",
    "user",
    "service_tier",
];

/// Prices: theirs, ours, and the power of ten between them.
const PRICES: &[(&str, &str, i32)] = &[
    ("input_cost_per_token", "input", 6),
    ("output_cost_per_token", "output", 6),
    ("cache_read_input_token_cost", "cache_read", 6),
    ("cache_creation_input_token_cost", "cache_write", 6),
    ("output_cost_per_reasoning_token", "reasoning", 6),
    ("input_cost_per_audio_token", "input_audio", 6),
    ("output_cost_per_audio_token", "output_audio", 6),
    ("input_cost_per_character", "characters_in", 6),
    ("output_cost_per_image", "images_out", 0),
    ("input_cost_per_second", "sound_in", 0),
    ("output_cost_per_second", "sound_out", 0),
    ("input_cost_per_query", "queries", 0),
];

impl Deployment {
    /// Reads an entry; `None` if nothing can be made of it, which is noted.
    pub fn read(item: &Node, path: &str, report: &mut Report) -> Option<Self> {
        let field = |wanted: &str| entries(item).find(|(name, _)| name.text == wanted).map(|(_, value)| value);
        let (Some(name), Some(params)) = (field("model_name"), field("litellm_params")) else {
            report.note(item, path, "has no `model_name` or no `litellm_params` and was left out");
            return None;
        };
        let param = |wanted: &str| entries(params).find(|(name, _)| name.text == wanted).map(|(_, value)| value);
        let params_path = format!("{path}.litellm_params");
        let Some(model) = param("model") else {
            report.note(params, &params_path, "has no `model` and was left out");
            return None;
        };
        let own = param("custom_llm_provider").map(|own| own.text.as_str());
        let (kind, model_id) = kind(&model.text, own, param("api_base").or(param("base_url")).is_some());
        let Some(provider) = provider::find(&kind) else {
            report.note(model, &format!("{params_path}.model"), format!("there is no provider `{kind}`; left out"));
            return None;
        };
        let mut reading = Reading {
            kind: provider.id(),
            model: model_id,
            settings: Map::new(),
            credential: Map::new(),
            target: Map::new(),
            overrides: Map::new(),
            price: Map::new(),
            usual: None,
            report,
        };
        for (name, value) in entries(params) {
            reading.param(name, value, &format!("{params_path}.{}", name.text));
        }
        for (name, value) in field("model_info").into_iter().flat_map(entries) {
            reading.fact(name, value, &format!("{path}.model_info.{}", name.text));
        }
        for (field, _) in entries(item)
            .filter(|(field, _)| !["model_name", "litellm_params", "model_info"].contains(&field.text.as_str()))
        {
            reading.report.skip(field, &format!("{path}.{}", field.text));
        }
        Some(reading.finish(name.text.clone()))
    }
}

/// Our provider and its name of the model. Without a provider in front, the name is looked up; what nobody knows is
/// OpenAI's, or that of a server that speaks like it.
fn kind(model: &str, own: Option<&str>, elsewhere: bool) -> (String, String) {
    let ours = |theirs: &str| {
        let found = PROVIDERS.iter().find(|(name, _)| *name == theirs);
        found.map_or_else(|| theirs.to_owned(), |(_, ours)| (*ours).to_owned())
    };
    if let Some(own) = own {
        let name = model.strip_prefix(own).and_then(|rest| rest.strip_prefix('/')).unwrap_or(model);
        return (ours(own), name.to_owned());
    }
    if let Some((prefix, name)) = model.split_once('/') {
        let kind = ours(prefix);
        if provider::find(&kind).is_some() {
            // `bedrock/converse/...` and `azure/responses/...` say how to ask, which Tollgate knows.
            let ways = ["converse/", "converse_like/", "invoke/", "responses/"];
            let name = ways.iter().find_map(|way| name.strip_prefix(way)).unwrap_or(name);
            // With an address of its own, `openai/` means a server that speaks like OpenAI.
            let kind = if kind == "openai" && elsewhere { "openai_like".to_owned() } else { kind };
            return (kind, name.to_owned());
        }
        if !elsewhere {
            return (kind, name.to_owned());
        }
    }
    let known = ["openai", "anthropic", "gemini", "mistral", "deepseek", "xai", "cohere", "bedrock"];
    let known = known.iter().find(|provider| catalog::find(provider, model).is_some());
    let kind = if elsewhere { "openai_like" } else { known.copied().unwrap_or("openai") };
    (kind.to_owned(), model.to_owned())
}

/// An entry while it is read.
struct Reading<'r> {
    kind: &'static str,
    model: String,
    settings: Map<String, Value>,
    /// With its `kind`.
    credential: Map<String, Value>,
    target: Map<String, Value>,
    overrides: Map<String, Value>,
    price: Map<String, Value>,
    /// The model behind a deployment's name.
    usual: Option<String>,
    report: &'r mut Report,
}

impl Reading<'_> {
    fn param(&mut self, name: &Node, value: &Node, path: &str) {
        let field = name.text.as_str();
        if let Some((_, ours)) = PLAIN.iter().find(|(theirs, _)| *theirs == field) {
            let text = plain(value);
            let text = if *ours == "base_url" { text.trim_end_matches('/').to_owned() } else { text };
            self.settings.insert((*ours).into(), text.into());
        } else if let Some((_, ours, kind)) = CREDENTIALS.iter().find(|(theirs, ..)| *theirs == field) {
            let secret = matches!(*ours, "secret" | "session_token" | "access_key");
            let text = if secret { self.secret(value, field, path) } else { plain(value) };
            self.credential.insert("kind".into(), (*kind).into());
            self.credential.insert((*ours).into(), text.into());
        } else if FORCED.contains(&field) {
            self.overrides.insert(field.into(), json(value));
        } else if !self.price_of(field, value) {
            self.other_param(name, value, path);
        }
    }

    fn other_param(&mut self, name: &Node, value: &Node, path: &str) {
        match name.text.as_str() {
            "model" | "custom_llm_provider" => {}
            "api_key" => {
                let text = self.secret(value, "api_key", path);
                self.settings.insert("api_key".into(), text.into());
            }
            "organization" => {
                let headers = self.settings.entry("headers").or_insert_with(|| json!({}));
                if let Some(headers) = headers.as_object_mut() {
                    headers.insert("openai-organization".into(), plain(value).into());
                }
            }
            "extra_headers" | "headers" => {
                let headers = entries(value).map(|(name, value)| (name.text.clone(), Value::from(plain(value))));
                self.target.insert("headers".into(), Value::Object(headers.collect()));
            }
            "weight" | "order" => {
                let ours = if name.text == "order" { "priority" } else { "weight" };
                match value.text.parse::<u32>() {
                    Ok(number) => drop(self.target.insert(ours.into(), number.into())),
                    Err(_) => self.report.note(value, path, "is no whole number and was left out"),
                }
            }
            "timeout" | "stream_timeout" | "request_timeout" => {
                let ours = if name.text == "stream_timeout" { "first_token" } else { "total" };
                let Some(duration) = seconds(&value.text) else { return self.report.skip(name, path) };
                let timeouts = self.settings.entry("timeouts").or_insert_with(|| json!({}));
                if let Some(timeouts) = timeouts.as_object_mut() {
                    timeouts.insert(ours.into(), duration.into());
                }
            }
            "rpm" | "tpm" | "max_parallel_requests" => {
                let message = "limits of a deployment have no counterpart: a target over its provider's limit is set aside \
                               for as long as the provider says";
                self.report.note(name, path, message);
            }
            _ => self.report.skip(name, path),
        }
    }

    /// What `model_info` says.
    fn fact(&mut self, name: &Node, value: &Node, path: &str) {
        match name.text.as_str() {
            // The catalogue knows them.
            "id" | "mode" | "description" => {}
            fact if fact.starts_with("max_") || fact.starts_with("supports_") => {}
            "base_model" => self.usual = value.text.rsplit('/').next().map(str::to_owned),
            fact if self.price_of(fact, value) => {}
            _ => self.report.skip(name, path),
        }
    }

    /// Takes a price; false if the field is none.
    fn price_of(&mut self, field: &str, value: &Node) -> bool {
        let Some((_, ours, scale)) = PRICES.iter().find(|(theirs, ..)| *theirs == field) else { return false };
        let dollars: Option<f64> = value.text.parse().ok();
        let rounded = dollars.map(|dollars| (dollars * 10_f64.powi(*scale) * 1e9).round() / 1e9);
        if let Some(dollars) = rounded.and_then(Number::from_f64) {
            self.price.insert((*ours).into(), Value::Number(dollars));
        }
        true
    }

    /// A secret of the environment; one that stands in the file is not carried over.
    fn secret(&mut self, value: &Node, field: &str, path: &str) -> String {
        if value.text.starts_with(ENVIRON) {
            return plain(value);
        }
        let variable = format!("{}_{}_{}", self.kind, field, value.at.line).to_ascii_uppercase().replace('-', "_");
        let message = format!("a secret does not belong into a file: put it into the variable {variable}");
        self.report.note(value, path, message);
        format!("${{{variable}}}")
    }

    fn finish(mut self, model_name: String) -> Deployment {
        if !self.credential.is_empty() {
            self.settings.insert("credential".into(), Value::Object(std::mem::take(&mut self.credential)));
        }
        self.add_version();
        if let Some(usual) = self.usual.take().filter(|usual| *usual != self.model) {
            let deployments = Map::from_iter([(usual.clone(), self.model.into())]);
            self.settings.insert("deployments".into(), Value::Object(deployments));
            self.model = usual;
        }
        if !self.overrides.is_empty() {
            self.target.insert("override".into(), Value::Object(std::mem::take(&mut self.overrides)));
        }
        // A price has two halves.
        let halves = [("input", "output"), ("output", "input")];
        for (there, absent) in halves {
            if self.price.contains_key(there) {
                self.price.entry(absent).or_insert(0.into());
            }
        }
        self.target.insert("model".into(), self.model.clone().into());
        Deployment {
            model_name,
            account: Account { name: String::new(), kind: self.kind, settings: self.settings, prices: Map::new() },
            target: self.target,
            price: (!self.price.is_empty()).then_some((self.model, self.price)),
        }
    }

    /// Servers that are reached under `/v1` here are named without it there.
    fn add_version(&mut self) {
        let usual = provider::find(self.kind).and_then(provider::Provider::base_url);
        let bare =
            |url: &str| url.split_once("://").is_some_and(|(_, rest)| !rest.contains('/') && !rest.contains('$'));
        if let (Some(usual), Some(Value::String(url))) = (usual, self.settings.get_mut("base_url"))
            && usual.ends_with("/v1")
            && bare(url)
        {
            url.push_str("/v1");
        }
    }
}

impl Account {
    /// As it is written under its name.
    pub fn write(&self) -> Value {
        let mut fields = Map::new();
        if self.name != self.kind {
            fields.insert("kind".into(), self.kind.into());
        }
        fields.extend(self.settings.clone());
        if !self.prices.is_empty() {
            fields.insert("prices".into(), Value::Object(self.prices.clone()));
        }
        Value::Object(fields)
    }
}

const ENVIRON: &str = "os.environ/";

/// A text as ours: `os.environ/NAME` is `${NAME}`, and a dollar sign is doubled.
fn plain(value: &Node) -> String {
    match value.text.strip_prefix(ENVIRON) {
        Some(name) => format!("${{{name}}}"),
        None => value.text.replace('$', "$$"),
    }
}

/// A scalar as it is sent.
fn json(value: &Node) -> Value {
    match &value.value {
        Yaml::Bool(value) => (*value).into(),
        Yaml::Number(number) => Value::Number(number.clone()),
        _ => plain(value).into(),
    }
}
