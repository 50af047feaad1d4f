use proptest::prelude::*;
use serde_json::json;

use super::*;

fn open(text: &str) -> Envelope {
    Envelope::open(Bytes::copy_from_slice(text.as_bytes()), None).unwrap()
}

fn refused(text: &str) -> Unreadable {
    Envelope::open(Bytes::copy_from_slice(text.as_bytes()), None).unwrap_err()
}

/// Applies `edit` and compares the bytes.
fn check(before: &str, edit: impl FnOnce(&mut Splice<'_>), after: &str) {
    let envelope = open(before);
    let mut splice = envelope.edit();
    edit(&mut splice);
    assert_eq!(std::str::from_utf8(&splice.finish()).unwrap(), after);
}

#[test]
fn without_edits_it_is_the_same_buffer() {
    let envelope = open(r#"{"model":"m"}"#);
    assert_eq!(envelope.edit().finish().as_ptr(), envelope.body().as_ptr());
}

#[test]
fn splices_leave_every_other_byte() {
    let body = "{ \"messages\" : [ ],\n \"model\":\"a\", \"x\":1.0 }";
    check(body, |s| s.set("model", &json!("b")), "{ \"messages\" : [ ],\n \"model\":\"b\", \"x\":1.0 }");
    check(body, |s| s.set("n", &json!(2)), "{\"n\":2, \"messages\" : [ ],\n \"model\":\"a\", \"x\":1.0 }");
    check(body, |s| s.remove("messages"), "{\n \"model\":\"a\", \"x\":1.0 }");
    check(body, |s| s.remove("x"), "{ \"messages\" : [ ],\n \"model\":\"a\" }");
    check(body, |s| s.remove("absent"), body);
    let both = |s: &mut Splice<'_>| ["a", "b"].into_iter().for_each(|key| s.remove(key));
    check(r#"{"a":1,"b":2,"model":"m"}"#, both, r#"{"model":"m"}"#);
    check(r#"{"model":"m","b":2,"a":1}"#, both, r#"{"model":"m"}"#);
}

#[test]
fn asks_for_usage_beside_other_options() {
    check(r#"{"model":"m"}"#, |s| s.ask_for_usage(), r#"{"stream_options":{"include_usage":true},"model":"m"}"#);
    for (before, after) in [
        ("{}", r#"{"include_usage":true}"#),
        ("null", r#"{"include_usage":true}"#),
        (r#"{"include_usage": false}"#, r#"{"include_usage": true}"#),
        (r#"{"include_usage":true}"#, r#"{"include_usage":true}"#),
        (r#"{ "x":1}"#, r#"{"include_usage":true, "x":1}"#),
    ] {
        let body = |options: &str| format!(r#"{{"model":"m","stream_options":{options}}}"#);
        check(&body(before), |s| s.ask_for_usage(), &body(after));
    }
}

#[test]
fn a_key_may_not_stand_twice_however_it_is_spelled() {
    for body in [r#"{"model":"a","model":"b"}"#, r#"{"model":"a","mod\u0065l":"b"}"#, r#"{"x":1,"model":"a","x":2}"#] {
        assert!(refused(body).duplicate, "{body}");
    }
}

#[test]
fn what_cannot_be_governed_is_refused_by_name() {
    assert_eq!(refused("{}").malformed.message, "`model` is missing: name the model to call");
    assert_eq!(refused(r#"{"model":""}"#).malformed.message, "`model` must be a non-empty string");
    assert_eq!(refused(r#"{"model":7}"#).malformed.field.as_deref(), Some("model"));
    for body in ["", "[]", "null", "{", r#"{"model":"m"} x"#, r#"{"model":"m",}"#] {
        assert_eq!(refused(body).malformed.field, None, "{body}");
    }
    assert!(open(r#"{"model":"m","stream":"yes"}"#).stream().is_err());
}

#[test]
fn sec_032_deep_nesting_is_refused() {
    let nested =
        |depth: usize| format!(r#"{{"s":"]]\"]","model":"m","x":{}{}}}"#, "[".repeat(depth), "]".repeat(depth));
    assert!(refused(&nested(1_000_000)).malformed.message.contains("deeper than 127 levels"));
    assert!(refused(&nested(127)).malformed.message.contains("deeper than 127 levels"));
    open(&nested(126));
}

proptest! {
    /// Invariant 5: but for the listed splices, the bytes are equal.
    #[test]
    fn a_splice_changes_its_value_and_nothing_else(
        keys in proptest::collection::btree_set("[a-l]{1,3}", 0..6),
        space in "[ \n\t]{0,2}",
        text in any::<String>(),
        model in any::<String>(),
    ) {
        let mut members: Vec<String> = keys.iter().map(|key| format!("\"{key}\"{space}:{}", json!({ "t": text }))).collect();
        let at = members.len() / 2;
        members.insert(at, format!("\"model\":{space}\"before\""));
        let body = format!("{{{space}{}{space}}}", members.join(&format!("{space},{space}")));
        let envelope = open(&body);
        let mut splice = envelope.edit();
        splice.set("model", &json!(model));
        let after = splice.finish();
        let (head, tail) = body.split_once("\"before\"").unwrap();
        let expected = format!("{head}{}{tail}", json!(model));
        prop_assert_eq!(&after[..], expected.as_bytes());
    }

    /// What the scan finds is what serde_json finds; what it refuses, serde_json refuses.
    #[test]
    fn the_scan_accepts_json_and_nothing_else(
        fields in proptest::collection::vec(("[a-c\\\\é]{0,2}", json_value()), 0..4),
        pretty in any::<bool>(),
        damage in proptest::option::of((any::<prop::sample::Index>(), proptest::sample::select(&b"{}[]\",:\\ 0-.eEtn1\x01\xff"[..]))),
    ) {
        let value = Value::Object(fields.into_iter().collect());
        let mut bytes = if pretty { serde_json::to_vec_pretty(&value) } else { serde_json::to_vec(&value) }.unwrap();
        if let Some((at, byte)) = damage {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        let expected = std::str::from_utf8(&bytes).ok().and_then(|text| {
            serde_json::from_str::<Members>(text).ok().map(|Members(members)| members)
        });
        let found = members(&bytes, 0).map(|found| {
            let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
            found.iter().map(|field| (text(field.name(&bytes)), text(&bytes[field.value.clone()]))).collect::<Vec<_>>()
        });
        prop_assert_eq!(found, expected, "{}", String::from_utf8_lossy(&bytes));
    }

    #[test]
    fn garbage_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = Envelope::open(bytes.into(), None);
    }
}

/// The members of an object in their order, doubles included.
#[derive(Debug)]
struct Members(Vec<(String, String)>);

impl<'de> serde::Deserialize<'de> for Members {
    fn deserialize<D: serde::Deserializer<'de>>(json: D) -> Result<Self, D::Error> {
        struct Each;
        impl<'de> serde::de::Visitor<'de> for Each {
            type Value = Members;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
                let mut members = Vec::new();
                // As raw text: a number that no float can hold is JSON all the same.
                while let Some((key, value)) = map.next_entry::<String, Box<serde_json::value::RawValue>>()? {
                    members.push((key, value.get().to_owned()));
                }
                Ok(Members(members))
            }
        }
        json.deserialize_map(Each)
    }
}

fn json_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,6}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 16, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::vec((".{0,3}", inner), 0..4).prop_map(|all| Value::Object(all.into_iter().collect())),
        ]
    })
}
