//! Bodies governed without being decoded: an edited body says what the edits say and nothing else has changed.
#![no_main]

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use llm::envelope::Envelope;
use serde_json::{Value, json};

fuzz_target!(|bytes: &[u8]| {
    let Ok(envelope) = Envelope::open(Bytes::copy_from_slice(bytes), None) else { return };
    let _ = envelope.stream();
    assert_eq!(&envelope.edit().finish(), envelope.body());

    let mut edit = envelope.edit();
    edit.set("model", &json!("other"));
    edit.set("temperature", &json!(0));
    edit.remove("user");
    let edited = edit.finish();
    let opened = Envelope::open(edited.clone(), None).expect("an edited body can be opened");
    assert_eq!(opened.model(), "other");
    assert_eq!(opened.raw("user"), None);

    // Numbers and escapes that only a full parser refuses pass through, so only a body that parses can be compared.
    if let Ok(Value::Object(mut before)) = serde_json::from_slice::<Value>(bytes) {
        assert_eq!(before.get("model").and_then(Value::as_str), Some(envelope.model()));
        before.insert("model".into(), json!("other"));
        before.insert("temperature".into(), json!(0));
        before.shift_remove("user");
        let after: Value = serde_json::from_slice(&edited).expect("an edited body parses");
        assert_eq!(after, Value::Object(before));
    }

    let mut edit = envelope.edit();
    edit.ask_for_usage();
    let asked = edit.finish();
    if serde_json::from_slice::<Value>(bytes).is_ok() {
        let asked: Value = serde_json::from_slice(&asked).expect("an edited body parses");
        assert_eq!(asked.pointer("/stream_options/include_usage"), Some(&json!(true)));
    }
});
