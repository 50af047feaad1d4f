use proptest::prelude::*;
use serde_json::json;

use super::*;

fn any_json() -> impl Strategy<Value = Value> {
    let text = "[a-z\"\\\\/\n\t\r\u{8}\u{c}\u{1}\u{7f}é\u{2028}😀]{0,40}";
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        text.prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 64, 20, move |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..20).prop_map(Value::from),
            proptest::collection::vec((text, inner), 0..20)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn reads_and_writes_what_serde_json_does(value in any_json()) {
        for text in [value.to_string(), serde_json::to_string_pretty(&value).unwrap()] {
            let read = Json::read(text.as_bytes()).unwrap();
            let theirs: Value = serde_json::from_str(&text).unwrap();
            prop_assert_eq!(&theirs, &value, "to the last digit of a fraction");
            prop_assert_eq!(read.to_value(), theirs.clone());
            prop_assert_eq!(read.to_string(), theirs.to_string());
            prop_assert_eq!(&read, &Json::from(&theirs));
            prop_assert_eq!(read, Json::from(theirs));
        }
    }

    #[test]
    fn refuses_what_serde_json_refuses(text in "[\\[\\]{}:,\"\\\\a-fu0-9.eE+ -]{0,24}") {
        let (ours, theirs) = (Json::read(text.as_bytes()), serde_json::from_str::<Value>(&text));
        prop_assert_eq!(ours.map(|json| json.to_value()).map_err(|e| e.to_string()), theirs.map_err(|e| e.to_string()));
    }
}

#[test]
fn escapes_are_spelt_out() {
    for text in [r#""\u00e9\ud83d\ude00""#, r#""a\/\b\f\n\r\t\"\\z""#, r#""plain""#, r#""\\\\""#] {
        assert_eq!(Json::read(text.as_bytes()).unwrap().to_value(), serde_json::from_str::<Value>(text).unwrap());
    }
    assert!(Json::read(br#""\ud83d""#).is_err(), "half a character");
    assert!(Json::read(b"\"\xff\"").is_err(), "no UTF-8");
}

#[test]
fn of_fields_with_one_name_the_last_counts_however_many_there_are() {
    let few = br#"{"a":1,"b":2,"\u0061":3,"c":4,"b":null}"#;
    assert_eq!(Json::read(few).unwrap().to_string(), r#"{"a":3,"b":null,"c":4}"#);
    let many: Vec<String> = (0..1000).map(|at| format!("\"k{}\":{at}", at % 700)).collect();
    let many = format!("{{{}}}", many.join(","));
    let read = Json::read(many.as_bytes()).unwrap();
    assert_eq!(read.to_value(), serde_json::from_str::<Value>(&many).unwrap());
    assert_eq!(read.as_object().unwrap().len(), 700);
}

#[test]
fn what_nests_too_deeply_is_refused() {
    let deep = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
    assert!(Json::read(deep(127).as_bytes()).is_ok());
    assert!(Json::read(deep(128).as_bytes()).is_err());
    assert!(Json::read(deep(100_000).as_bytes()).is_err());
}

#[test]
fn fields_are_set_and_taken_out_in_their_order() {
    let mut object = Object::of([("a", 1_u64.into()), ("b", "x".into()), ("c", Json::Null)]);
    object.set("b", true);
    object.set("d", vec![Json::from(0.5)]);
    assert_eq!(object.remove("a"), Some(1_u64.into()));
    assert_eq!(Json::from(object).to_value(), json!({"b": true, "c": null, "d": [0.5]}));
}
