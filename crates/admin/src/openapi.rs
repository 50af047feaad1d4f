//! `GET /api/v1/openapi.json`: the table of routes in the words of OpenAPI 3.1
//! (<https://spec.openapis.org/oas/v3.1.0>), with the schemas of the configuration for the objects that both share.

use axum::{
    Json,
    response::{IntoResponse, Response},
};
use govern::directory::Kind;
use serde_json::{Map, Value, json};

use crate::{
    keys,
    problem::Problem,
    requests::AS_DATA,
    routes::{Call, Route, routes},
};

pub(crate) async fn show(_call: Call) -> Result<Response, Problem> {
    Ok((AS_DATA, Json(document())).into_response())
}

fn document() -> Value {
    let mut paths = Map::new();
    for route in routes() {
        let path = format!("/api{}", route.path.replace("{*", "{"));
        let methods = paths.entry(path).or_insert_with(|| json!({}));
        if let Some(methods) = methods.as_object_mut() {
            methods.insert(route.method.as_str().to_lowercase(), operation(&route));
        }
    }
    let document = json!({
        "openapi": "3.1.0",
        "info": { "title": "Tollgate admin API", "version": env!("CARGO_PKG_VERSION") },
        "security": [{ "bearer": [] }],
        "paths": paths,
        "components": {
            "securitySchemes": { "bearer": { "type": "http", "scheme": "bearer" } },
            "schemas": schemas(),
        },
    });
    // The schemas refer to each other by where they stand in the configuration's own.
    let text = document.to_string().replace("#/$defs/", "#/components/schemas/");
    serde_json::from_str(&text).unwrap_or(document)
}

fn operation(route: &Route) -> Value {
    let names = route.path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
    let in_path = names.map(|name| {
        json!({ "name": name.trim_start_matches('*'), "in": "path", "required": true, "schema": { "type": "string" } })
    });
    let is_list = *route.method == "GET" && !route.path.contains('{') && !route.path.ends_with(".json");
    let of_page = ["cursor", "limit"].into_iter().filter(|_| is_list);
    let in_query = of_page.map(|name| json!({ "name": name, "in": "query", "schema": { "type": "string" } }));
    let problem = json!({
        "description": "A problem, as RFC 9457 has them.",
        "content": { "application/problem+json": { "schema": { "$ref": "#/components/schemas/Problem" } } },
    });
    let mut operation = json!({
        "summary": route.summary,
        "description": format!("Takes the permission `{}`.", route.permission.as_str()),
        "x-permission": route.permission.as_str(),
        "parameters": in_path.chain(in_query).collect::<Vec<_>>(),
        "responses": { "2XX": { "description": "Done." }, "4XX": problem, "503": problem },
    });
    if let (Some(name), Some(fields)) = (body(route), operation.as_object_mut()) {
        let schema = json!({ "$ref": format!("#/components/schemas/{name}") });
        fields.insert("requestBody".to_owned(), json!({ "content": { "application/json": { "schema": schema } } }));
    }
    operation
}

/// The schema of what the route is sent.
fn body(route: &Route) -> Option<&'static str> {
    match (route.method.as_str(), route.path, route.kind) {
        ("PUT", _, Some(kind)) => Some(match kind {
            Kind::Organization => "RawOrganization",
            Kind::Division => "RawDivision",
            Kind::Team => "RawTeam",
            Kind::Project => "RawProject",
            Kind::User => "RawUser",
            Kind::VirtualAccount => "RawVirtualAccount",
            Kind::Role => "RawRole",
            Kind::Binding => "RawBinding",
        }),
        ("POST", "/v1/keys", _) => Some("NewKey"),
        ("PATCH", "/v1/keys/{id}", _) => Some("KeyChange"),
        ("POST", "/v1/keys/{id}/rotate", _) => Some("KeyRotation"),
        _ => None,
    }
}

/// Those of the tree, and what they refer to, and the API's own.
fn schemas() -> Map<String, Value> {
    let all = govern::config::schema().get("$defs").and_then(Value::as_object);
    let of_tree =
        |name: &str| routes().any(|route| body(&route) == Some(name)) || matches!(name, "RawAccess" | "RawOperation");
    let shared =
        all.into_iter().flatten().filter(|(name, _)| of_tree(name)).map(|(name, it)| (name.clone(), it.clone()));
    let mut schemas: Map<String, Value> = shared.collect();
    schemas.extend(keys::schemas());
    let text = json!({ "type": "string" });
    schemas.insert(
        "Problem".to_owned(),
        json!({
            "type": "object",
            "properties": {
                "type": text, "title": text, "status": { "type": "integer" }, "detail": text, "code": text, "param": text,
            },
            "required": ["type", "title", "status", "detail", "code"],
        }),
    );
    schemas
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_document_has_every_route_and_every_schema_that_it_names() {
        let document = document();
        for route in routes() {
            let path = format!("/api{}", route.path.replace("{*", "{"));
            let said = &document["paths"][&path][route.method.as_str().to_lowercase()];
            assert_eq!(said["x-permission"], route.permission.as_str(), "{} {path}", route.method);
        }
        let text = document.to_string();
        let mut named =
            text.split("#/components/schemas/").skip(1).map(|rest| rest.split('"').next().unwrap_or_default());
        assert!(text.contains("RawTeam") && !text.contains("$defs"));
        assert_eq!(named.find(|name| document["components"]["schemas"].get(name).is_none()), None);
    }
}
