//! `GET /v1/models`: what the caller's key may use, in the dialect that the caller speaks.

mod entry;

use std::{collections::BTreeMap, sync::Arc};

use axum::{
    Router,
    extract::{Path, Request, State},
    routing::get,
};
use govern::{Code, Error, Rules, access::permitted, config::snapshot::Target};
use http::{HeaderValue, Response, header, request};
use llm::{Dialect, catalog};
use serde_json::{Value, json};

use entry::entry;

use super::{Answer, error::dialect_of, refuse};
use crate::{
    Gateway,
    stage::{Caller, identify},
};

pub(super) fn paths() -> Router<Arc<Gateway>> {
    Router::new()
        .route("/v1/models", get(list))
        .route("/v1/models/{*name}", get(one))
        .route("/v1beta/models", get(list))
        .route("/v1beta/models/{*name}", get(one))
}

async fn list(State(gw): State<Arc<Gateway>>, request: Request) -> Answer {
    let dialect = dialect_of(&request);
    let (head, _body) = request.into_parts();
    respond(dialect, models(&gw, &head).await.map(|models| page(dialect, &models)))
}

async fn one(State(gw): State<Arc<Gateway>>, Path(name): Path<String>, request: Request) -> Answer {
    let dialect = dialect_of(&request);
    let (head, _body) = request.into_parts();
    let found = models(&gw, &head).await.and_then(|models| match models.get(&name) {
        Some(target) => Ok(entry(dialect, &name, target.as_deref())),
        None => Err(Error::new(Code::ModelNotFound, "there is no such model, or this key may not use it").at("model")),
    });
    respond(dialect, found)
}

fn respond(dialect: Dialect, found: Result<Value, Error>) -> Answer {
    match found {
        Err(error) => refuse(dialect, &error, &uuid::Uuid::now_v7().to_string()),
        Ok(value) => {
            let mut answer = Response::new(value.to_string().into());
            answer.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
            answer
        }
    }
}

type Models = BTreeMap<String, Option<Arc<Target>>>;

/// The models that the caller may use by name, each with the first target that it may use.
async fn models(gw: &Gateway, head: &request::Parts) -> Result<Models, Error> {
    let rules = gw.rules.load_full();
    let caller = identify(gw, &rules, &head.headers, &head.uri).await?;
    Ok(permitted_models(&rules, &caller))
}

fn permitted_models(rules: &Rules, caller: &Caller) -> Models {
    let configured = rules.models.iter().filter_map(|(name, route)| {
        let targets = permitted(&caller.key, route, None).ok()?;
        Some((name.to_string(), targets.first().cloned()))
    });
    let known = rules.accounts.values().flat_map(|account| {
        let provider = account.provider.id();
        let models = catalog::all().iter().filter(move |model| model.provider == provider && !model.is_regional());
        let offered = models.filter(|model| {
            let operation = model.mode.operation();
            operation.is_some_and(|operation| !account.provider.speaks(operation, model.id).is_empty())
        });
        offered.map(|model| format!("{}/{}", account.name, model.id))
    });
    let known = known.filter_map(|name| {
        let route = rules.resolve(&name)?.route;
        let targets = permitted(&caller.key, &route, None).ok()?;
        Some((name, targets.first().cloned()))
    });
    known.chain(configured).collect()
}

fn page(dialect: Dialect, models: &Models) -> Value {
    let data: Vec<Value> = models.iter().map(|(name, target)| entry(dialect, name, target.as_deref())).collect();
    let (first, last) = (models.keys().next(), models.keys().next_back());
    match dialect {
        Dialect::Anthropic => json!({ "data": data, "first_id": first, "last_id": last, "has_more": false }),
        Dialect::Gemini => json!({ "models": data }),
        _ => json!({ "object": "list", "data": data }),
    }
}
