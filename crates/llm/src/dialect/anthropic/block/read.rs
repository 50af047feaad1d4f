use crate::{
    call::{CacheMark, Document, Image, Part, Source, Text, Thinking, ToolResult, ToolUse},
    dialect::{Dialect, Malformed, field::Field},
    json::Json,
    signature,
};

/// Reads one block. A block of a type that this version does not know is kept as it is.
fn read(block: &Field<'_, '_>) -> Result<Part, Malformed> {
    let kind = block.need("type", "the type of the block, such as \"text\"")?;
    Ok(match kind.text()? {
        "text" => Part::Text(text(block)?),
        "image" => Part::Image(Image {
            source: image_source(&block.need("source", "an object")?)?,
            detail: None,
            cache: cache_mark(block)?,
        }),
        "document" => Part::Document(document(block)?),
        "tool_use" if is_called_by_the_model(block) => Part::ToolUse(tool_use(block)?),
        "tool_result" => Part::ToolResult(tool_result(block)?),
        "thinking" => Part::Thinking(Thinking::Text {
            text: block.need("thinking", "a string")?.string()?,
            signature: given(block, "signature")?.filter(|signature| !signature.is_empty()),
        }),
        "tool_reference" => Part::Text(tool_reference(block)?),
        "redacted_thinking" => Part::Thinking(Thinking::Redacted { data: block.need("data", "a string")?.string()? }),
        _ => native(block),
    })
}

/// Reads content that is a string or a list of blocks.
pub(in super::super) fn content(content: &Field<'_, '_>) -> Result<Vec<Part>, Malformed> {
    match content.value {
        Json::String(text) => Ok(vec![Part::Text(Text { text: text.clone().into_owned(), ..Text::default() })]),
        Json::Array(_) => {
            let mut parts: Vec<Part> = content.items()?.map(|block| read(&block)).collect::<Result<_, _>>()?;
            sign_calls(&mut parts);
            Ok(parts)
        }
        _ => Err(content.wrong("a string or an array of content blocks")),
    }
}

/// Gives tool calls the signatures that were sent to the client as thinking without text before them.
fn sign_calls(parts: &mut Vec<Part>) {
    let mut at = 0;
    while let Some([first, second, ..]) = parts.get_mut(at..) {
        if let (Part::Thinking(Thinking::Text { text, signature: proof }), Part::ToolUse(call)) = (first, second)
            && text.is_empty()
            && proof.as_deref().and_then(signature::marked).is_some()
        {
            call.signature = proof.take();
            parts.remove(at);
        }
        at += 1;
    }
}

/// The block as it is, for Anthropic alone.
fn native(block: &Field<'_, '_>) -> Part {
    Part::Native { dialect: Dialect::Anthropic, raw: block.value.to_value() }
}

/// The `cache_control` of a block or a tool.
pub(in super::super) fn cache_mark(block: &Field<'_, '_>) -> Result<Option<CacheMark>, Malformed> {
    let Some(control) = block.get("cache_control") else { return Ok(None) };
    let kind = control.need("type", "\"ephemeral\"")?;
    if kind.text()? != "ephemeral" {
        return Err(kind.wrong("\"ephemeral\""));
    }
    let Some(ttl) = control.get("ttl") else { return Ok(Some(CacheMark::Default)) };
    match ttl.text()? {
        "5m" => Ok(Some(CacheMark::FiveMinutes)),
        "1h" => Ok(Some(CacheMark::OneHour)),
        _ => Err(ttl.wrong("\"5m\" or \"1h\"")),
    }
}

fn text(block: &Field<'_, '_>) -> Result<Text, Malformed> {
    let citations =
        block.get("citations").filter(|citations| citations.value.as_array().is_none_or(|list| !list.is_empty()));
    Ok(Text {
        text: block.need("text", "a string")?.string()?,
        cache: cache_mark(block)?,
        notes: citations.map(|citations| (Dialect::Anthropic, citations.value.to_value())),
    })
}

/// A tool that a search has found. Who does not defer tools has it already, and is told so in words.
fn tool_reference(block: &Field<'_, '_>) -> Result<Text, Malformed> {
    let name = block.need("tool_name", "the name of a tool")?.string()?;
    Ok(Text {
        text: format!("The tool {name} can be called now."),
        cache: cache_mark(block)?,
        notes: Some((Dialect::Anthropic, block.value.to_value())),
    })
}

fn document(block: &Field<'_, '_>) -> Result<Document, Malformed> {
    let citations = match block.get("citations") {
        Some(citations) => citations.get("enabled").map(|enabled| enabled.boolean()).transpose()?,
        None => None,
    };
    Ok(Document {
        source: document_source(&block.need("source", "an object")?)?,
        title: given(block, "title")?,
        context: given(block, "context")?,
        citations,
        cache: cache_mark(block)?,
    })
}

fn document_source(source: &Field<'_, '_>) -> Result<Source, Malformed> {
    let kind = source.need("type", "\"base64\", \"text\", \"url\", \"content\" or \"file\"")?;
    match kind.text()? {
        "text" => Ok(Source::Text(source.need("data", "the text of the document")?.string()?)),
        "content" => Ok(Source::Content(content(&source.need("content", "a string or an array of blocks")?)?)),
        "base64" | "url" | "file" => image_source(source),
        _ => Err(kind.wrong("\"base64\", \"text\", \"url\", \"content\" or \"file\"")),
    }
}

fn image_source(source: &Field<'_, '_>) -> Result<Source, Malformed> {
    let kind = source.need("type", "\"base64\", \"url\" or \"file\"")?;
    Ok(match kind.text()? {
        "base64" => Source::Base64 {
            media_type: source.need("media_type", "a media type such as \"image/png\"")?.string()?,
            data: source.need("data", "base64")?.string()?,
        },
        "url" => Source::Url(source.need("url", "a URL")?.string()?),
        "file" => Source::File(source.need("file_id", "the id of a file")?.string()?),
        _ => return Err(kind.wrong("\"base64\", \"url\" or \"file\"")),
    })
}

/// A call from within a server-side program (`caller`) makes sense to Anthropic alone.
fn is_called_by_the_model(block: &Field<'_, '_>) -> bool {
    block.get("caller").is_none_or(|caller| caller.value.get("type").and_then(Json::as_str) == Some("direct"))
}

fn tool_use(block: &Field<'_, '_>) -> Result<ToolUse, Malformed> {
    let input = block.need("input", "an object")?;
    input.object()?;
    Ok(ToolUse {
        id: block.need("id", "the id of the tool call")?.string()?,
        name: block.need("name", "the name of the tool")?.string()?,
        arguments: input.value.to_string(),
        signature: None,
        cache: cache_mark(block)?,
    })
}

fn tool_result(block: &Field<'_, '_>) -> Result<ToolResult, Malformed> {
    let parts = block.get("content").map(|field| content(&field)).transpose()?;
    Ok(ToolResult {
        tool_use_id: block.need("tool_use_id", "the id of the tool call that this answers")?.string()?,
        parts: parts.unwrap_or_default(),
        is_error: block.get("is_error").map(|failed| failed.boolean()).transpose()?,
        cache: cache_mark(block)?,
    })
}

fn given(block: &Field<'_, '_>, name: &'static str) -> Result<Option<String>, Malformed> {
    block.get(name).map(|field| field.string()).transpose()
}
