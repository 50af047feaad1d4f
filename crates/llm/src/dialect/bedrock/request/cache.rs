//! Cache points: Bedrock takes four per question.
//!
//! <https://docs.aws.amazon.com/bedrock/latest/userguide/prompt-caching.html>

use serde_json::{Map, Value};

use crate::Loss;

const MOST_POINTS: usize = 4;

/// Takes the earliest points out until four are left. A later point covers the prompt before it, so these cost least.
pub(super) fn limit(body: &mut Map<String, Value>, loss: &mut Loss) {
    let mut points = 0_usize;
    each_list(body, &mut |list| points += list.iter().filter(|block| is_point(block)).count());
    let mut surplus = points.saturating_sub(MOST_POINTS);
    if surplus == 0 {
        return;
    }
    loss.note("cache_marks", "bedrock takes four cache points: the last ones are kept");
    each_list(body, &mut |list| {
        list.retain(|block| {
            let goes = surplus > 0 && is_point(block);
            surplus -= usize::from(goes);
            !goes
        });
    });
}

fn is_point(block: &Value) -> bool {
    block.get("cachePoint").is_some()
}

/// Visits every list that can hold a point, in the order in which Bedrock caches: tools, system, messages.
fn each_list(body: &mut Map<String, Value>, visit: &mut impl FnMut(&mut Vec<Value>)) {
    let tools = body.get_mut("toolConfig").and_then(|config| config.get_mut("tools"));
    tools.and_then(Value::as_array_mut).into_iter().for_each(&mut *visit);
    body.get_mut("system").and_then(Value::as_array_mut).into_iter().for_each(&mut *visit);
    let messages = body.get_mut("messages").and_then(Value::as_array_mut).into_iter().flatten();
    messages.filter_map(|message| message.get_mut("content")?.as_array_mut()).for_each(visit);
}
