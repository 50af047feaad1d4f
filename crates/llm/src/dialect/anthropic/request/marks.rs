//! Prompt-cache marks: Anthropic takes four per question.
//!
//! <https://docs.anthropic.com/en/docs/build-with-claude/prompt-caching>

use crate::{
    Loss,
    json::{Json, Object},
};

const MOST_MARKS: usize = 4;

/// Takes the earliest marks off until four are left. A later mark covers the prompt before it, so these cost least.
pub(super) fn limit(body: &mut Object<'_>, loss: &mut Loss) {
    // A mark at the top of the body is set by Anthropic on the last block and counts as well.
    let automatic = usize::from(body.get("cache_control").is_some_and(|control| !control.is_null()));
    let mut marked = automatic;
    each_block(body, &mut |block| marked += usize::from(block.contains_key("cache_control")));
    let mut surplus = marked.saturating_sub(MOST_MARKS);
    if surplus == 0 {
        return;
    }
    loss.note("cache_marks", "anthropic takes four cache marks: the last ones are kept");
    each_block(body, &mut |block| {
        if surplus > 0 && block.remove("cache_control").is_some() {
            surplus -= 1;
        }
    });
}

/// Visits everything that can carry a mark, in the order in which Anthropic caches: tools, system, messages.
fn each_block<'c>(body: &mut Object<'c>, visit: &mut impl FnMut(&mut Object<'c>)) {
    for name in ["tools", "system"] {
        blocks(body.get_mut(name), visit);
    }
    let messages = body.get_mut("messages").and_then(Json::as_array_mut);
    for message in messages.into_iter().flatten() {
        blocks(message.as_object_mut().and_then(|message| message.get_mut("content")), visit);
    }
}

fn blocks<'c>(list: Option<&mut Json<'c>>, visit: &mut impl FnMut(&mut Object<'c>)) {
    for block in list.and_then(Json::as_array_mut).into_iter().flatten().filter_map(Json::as_object_mut) {
        // What a tool result holds stands before the end of the result.
        if block.get("type").is_some_and(|kind| kind == "tool_result") {
            let inner = block.get_mut("content").and_then(Json::as_array_mut);
            inner.into_iter().flatten().filter_map(Json::as_object_mut).for_each(&mut *visit);
        }
        visit(block);
    }
}
