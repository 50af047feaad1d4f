//! The Open Cybersecurity Schema Framework, version 1.6.0: changes of users and keys are Account Change (3001), everything
//! else API Activity (6003).
//!
//! <https://schema.ocsf.io/1.6.0/classes/account_change>, <https://schema.ocsf.io/1.6.0/classes/api_activity>

use serde_json::{Map, Value, json};

use super::Shown;

const VERSION: &str = "1.6.0";

/// The entry as one event. `version` is the product's.
#[must_use]
pub fn event(shown: &Shown, version: &str) -> Value {
    let entry = &shown.entry;
    let target = shown.target();
    let (kind, id) = target.split_once('/').unwrap_or((&target, ""));
    let account = if matches!(kind, "user" | "virtual_account") { account(shown.verb()) } else { None };
    let (class, category, activity) = match account {
        Some(activity) => ((3001, "Account Change"), (3, "Identity & Access Management"), activity),
        None => ((6003, "API Activity"), (6, "Application Activity"), activity(shown.verb())),
    };
    let mut event = Map::new();
    let mut put = |name: &str, value: Value| event.insert(name.to_owned(), value);
    put("class_uid", json!(class.0));
    put("class_name", json!(class.1));
    put("category_uid", json!(category.0));
    put("category_name", json!(category.1));
    put("activity_id", json!(activity.0));
    put("activity_name", json!(activity.1));
    put("type_uid", json!(class.0 * 100 + activity.0));
    put("type_name", json!(format!("{}: {}", class.1, activity.1)));
    // Milliseconds since 1970.
    put("time", json!(entry.at / 1_000));
    put("severity_id", json!(1));
    put("severity", json!("Informational"));
    put("status_id", json!(1));
    put("status", json!("Success"));
    put("message", json!(format!("{} {} {target}", shown.actor(), entry.action)));
    let (actor_kind, actor_id) = shown.actor().split_once(':').unwrap_or((shown.actor(), shown.actor()));
    let kind_id = match actor_kind {
        "user" => 1,
        "admin_token" | "cli" => 2,
        "virtual_account" => 4,
        "system" => 3,
        _ => 0,
    };
    put("actor", json!({ "user": { "name": shown.actor(), "uid": actor_id, "type_id": kind_id } }));
    put(
        "metadata",
        json!({
            "version": VERSION,
            "product": { "name": "Tollgate", "vendor_name": "Tollgate", "version": version },
            "uid": entry.hash,
            "sequence": entry.seq,
            "tenant_uid": entry.tenant,
            "event_code": entry.action,
            "correlation_uid": (!entry.request_id.is_empty()).then_some(&entry.request_id),
        }),
    );
    let ip = shown.ip();
    // API Activity requires a source.
    put(
        "src_endpoint",
        match ip {
            Some(ip) => json!({ "ip": ip }),
            None => json!({ "name": actor_kind }),
        },
    );
    if account.is_some() {
        put("user", json!({ "uid": id, "name": id }));
    } else {
        put("api", json!({ "operation": entry.action, "service": { "name": "Tollgate" } }));
        put("resources", json!([{ "uid": id, "name": id, "type": kind }]));
    }
    let text = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    put(
        "unmapped",
        json!({
            "fields": text(&entry.fields),
            "before_hash": text(&entry.before_hash),
            "after_hash": text(&entry.after_hash),
            "prev_hash": entry.prev_hash,
        }),
    );
    Value::Object(event)
}

/// The activities of Account Change.
fn account(verb: &str) -> Option<(u32, &'static str)> {
    Some(match verb {
        "create" => (1, "Create"),
        "enable" => (2, "Enable"),
        "disable" => (5, "Disable"),
        "delete" | "erase" => (6, "Delete"),
        _ => return None,
    })
}

/// The activities of API Activity.
fn activity(verb: &str) -> (u32, &'static str) {
    match verb {
        "create" | "grant" | "bind" => (1, "Create"),
        "view" | "list" | "export" | "read" => (2, "Read"),
        "delete" | "erase" | "revoke" => (4, "Delete"),
        "refuse" | "deny" => (99, "Other"),
        _ => (3, "Update"),
    }
}
