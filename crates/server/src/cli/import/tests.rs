use govern::{config, key::Pepper};

use super::{Imported, litellm::import, yaml};

const FILE: &str = r#"
model_list:
  - model_name: gpt-4o
    litellm_params:
      model: azure/my-gpt
      api_base: https://acme.openai.azure.com/
      api_key: os.environ/AZURE_API_KEY
      api_version: "2024-10-21"
      rpm: 100
      weight: 3
    model_info:
      base_model: azure/gpt-4o
  - model_name: gpt-4o
    litellm_params:
      model: openai/gpt-4o
      api_key: os.environ/OPENAI_API_KEY
      temperature: 0.2
      input_cost_per_token: 0.000002
      output_cost_per_token: 8e-06
  - model_name: claude
    litellm_params:
      model: anthropic/claude-sonnet-4-5
      api_key: LITERAL
      timeout: 30
      stream_timeout: 2.5
      extra_headers: { x-team: search }
  - model_name: "local/*"
    litellm_params:
      model: "hosted_vllm/*"
      api_base: http://127.0.0.1:8000
  - model_name: qwen
    litellm_params:
      model: openai/qwen3
      api_base: http://127.0.0.1:9000/v1
      api_key: os.environ/QWEN_KEY
  - model_name: mystery
    litellm_params: { model: nobody/model }
  - model_name: embed
    litellm_params: { model: voyage/voyage-3.5, api_key: os.environ/VOYAGE_API_KEY }
router_settings:
  routing_strategy: latency-based-routing
  num_retries: 2
  timeout: 120
  model_group_alias: { gpt-4: gpt-4o }
litellm_settings:
  drop_params: true
  callbacks: [langfuse]
  fallbacks:
    - gpt-4o: [claude]
    - claude: [gone]
general_settings:
  master_key: os.environ/LITELLM_MASTER_KEY
  database_url: os.environ/DATABASE_URL
environment_variables:
  REDIS_HOST: localhost
custom: 1
"#;

fn imported() -> Imported {
    // A secret that stands in the file must not stand in what is written.
    let secret = format!("key-{}", uuid::Uuid::now_v7().simple());
    let imported = import(&FILE.replace("LITERAL", &secret)).unwrap();
    let all = format!("{} {:?}", yaml::write(&imported.config), imported.notes);
    assert!(!all.contains(&secret), "{all}");
    imported
}

#[test]
fn a_litellm_configuration_becomes_one_of_tollgate() {
    let written = yaml::write(&imported().config);
    insta::assert_snapshot!(written);
    let variable = |name: &str| Some(format!("{name}-of-the-environment"));
    let checked = config::check(&written, &variable, &|_| Ok(()), 0);
    let problems: Vec<_> = checked.problems.iter().map(|problem| problem.explain("imported.yaml")).collect();
    let errors = checked.problems.iter().any(govern::config::Problem::is_error);
    assert!(!errors, "{written}\n{}", problems.join("\n"));
    let rules = checked.draft.unwrap().into_rules(&Pepper::new(&[0; 32]), 1);
    let targets = |model: &str| {
        let route = rules.resolve(model).unwrap().route;
        route.targets.iter().map(|target| (target.name.to_string(), target.priority, target.weight)).collect::<Vec<_>>()
    };
    assert_eq!(
        targets("gpt-4o"),
        [
            ("azure_openai/gpt-4o".to_owned(), 1, 3),
            ("openai/gpt-4o".to_owned(), 1, 1),
            ("anthropic/claude-sonnet-4-5".to_owned(), 2, 1)
        ]
    );
    assert_eq!(targets("gpt-4")[0].0, "azure_openai/gpt-4o");
    assert_eq!(targets("local/llama")[0].0, "vllm/llama");
}

#[test]
fn what_is_not_carried_over_is_said_by_line() {
    let mut notes = imported().notes;
    notes.sort();
    let said: Vec<_> = notes.iter().map(|note| format!("{}: {}", note.line, note.path)).collect();
    assert_eq!(
        said,
        [
            "0: fallbacks of claude",
            "9: model_list[0].litellm_params.rpm",
            "23: model_list[2].litellm_params.api_key",
            "37: model_list[5].litellm_params.model",
            "41: router_settings.routing_strategy",
            "46: litellm_settings.drop_params",
            "47: litellm_settings.callbacks",
            "52: general_settings.master_key",
            "53: general_settings.database_url",
            "55: environment_variables.REDIS_HOST",
            "56: custom",
        ],
        "{notes:#?}"
    );
}

#[test]
fn what_is_no_configuration_is_refused_with_its_place() {
    assert!(import("model_list: [").err().unwrap().contains("line"));
    assert_eq!(import("- 1").err().unwrap(), "the file is a list, not a map");
    assert!(import("model_list: 3").unwrap().notes[0].message.contains("no list"));
}
