//! The ends of blocks, of the message that texts stand in, and of all of them.

use serde_json::{Value, json};

use super::{Open, Said, Writer};
use crate::dialect::openai_responses::{
    item, part, thought,
    tools::{Kind, input_of},
};

impl Writer {
    pub(super) fn close(&mut self, index: u32, bytes: &mut Vec<u8>) {
        if let Some(found) = self.open.iter().position(|(open, _)| *open == index) {
            let (_, open) = self.open.remove(found);
            self.end_block(open, bytes);
        }
    }

    fn end_block(&mut self, open: Open, bytes: &mut Vec<u8>) {
        match open {
            Open::Said(said) => self.end_said(&said, bytes),
            Open::Thought { text, signature, item } => {
                let sealed = (!signature.is_empty()).then(|| thought::seal(&signature));
                let said = thought::item(&text, sealed.as_deref());
                match item {
                    Some((at, id)) => {
                        let place = |more: (&str, Value)| {
                            let mut fields = json!({"item_id": id, "output_index": at, "summary_index": 0});
                            fields.as_object_mut().map(|fields| fields.insert(more.0.to_owned(), more.1));
                            fields
                        };
                        let whole = json!({"type": "summary_text", "text": text});
                        self.say("response.reasoning_summary_text.done", place(("text", json!(text))), bytes);
                        self.say("response.reasoning_summary_part.done", place(("part", whole)), bytes);
                        self.complete(at, said, bytes);
                    }
                    None if sealed.is_some() => {
                        self.end_message(bytes);
                        self.whole(said, bytes);
                    }
                    None => {}
                }
            }
            Open::Call { at, id, call_id, kind, arguments, signature } => {
                self.end_call((at, id), &kind, &arguments, bytes);
                self.complete(at, kind.item(&call_id, &arguments), bytes);
                if let Some(proof) = signature {
                    self.whole(thought::item("", Some(&thought::seal(&proof))), bytes);
                }
            }
        }
    }

    /// Ends a text that has said something.
    fn end_said(&mut self, said: &Said, bytes: &mut Vec<u8>) {
        let Said { refusal, text, notes, place: Some(place) } = said else { return };
        let (kind, told, whole) = if *refusal {
            ("response.refusal.done", json!({"refusal": text}), part::refusal(text))
        } else {
            let beside = (!notes.is_empty()).then(|| json!({"annotations": notes}));
            ("response.output_text.done", json!({"text": text}), part::output_text(text, beside.as_ref()))
        };
        self.say_part(kind, place, told, bytes);
        self.say_part("response.content_part.done", place, json!({"part": whole}), bytes);
        if let Some(message) = self.message.as_mut().filter(|message| message.at == place.at)
            && let Some(part) = message.content.get_mut(place.index)
        {
            *part = whole;
        }
    }

    /// The end of a call's arguments, which are told whole once more; what clients collect must be JSON.
    fn end_call(&mut self, (at, id): (usize, String), kind: &Kind, arguments: &str, bytes: &mut Vec<u8>) {
        let fields = |name: &str, value: &str| {
            let mut fields = json!({"item_id": id, "output_index": at});
            fields.as_object_mut().map(|fields| fields.insert(name.to_owned(), json!(value)));
            fields
        };
        if kind.custom {
            let input = input_of(arguments);
            self.say("response.custom_tool_call_input.delta", fields("delta", &input), bytes);
            self.say("response.custom_tool_call_input.done", fields("input", &input), bytes);
            return;
        }
        let whole = if arguments.is_empty() { "{}" } else { arguments };
        if arguments.is_empty() {
            self.say("response.function_call_arguments.delta", fields("delta", whole), bytes);
        }
        self.say("response.function_call_arguments.done", fields("arguments", whole), bytes);
    }

    /// Ends the message, unless a text in it goes on.
    pub(super) fn end_message(&mut self, bytes: &mut Vec<u8>) {
        if let Some(message) = self.message.take_if(|message| message.content.iter().all(|part| !part.is_null())) {
            self.complete(message.at, item::message(Value::Array(message.content), message.phase.as_ref()), bytes);
        }
    }

    pub(super) fn end_all(&mut self, bytes: &mut Vec<u8>) {
        let mut open = std::mem::take(&mut self.open);
        open.sort_by_key(|(index, _)| *index);
        for (_, open) in open {
            self.end_block(open, bytes);
        }
        self.end_message(bytes);
    }
}
