use super::media;
use crate::{
    call::{Part, Text, Thinking, ToolResult, ToolUse},
    dialect::{
        Dialect, Malformed,
        field::Field,
        gemini::{
            ids::Matcher,
            thought::{self, Proof},
        },
    },
    json::Json,
};

/// Reads the parts of a conversation, which must be read in order: results find their calls.
#[derive(Debug, Default)]
pub(in super::super) struct Hearer {
    matcher: Matcher,
}

/// What a part may hold to be understood. Any other field makes it Google's alone.
const KNOWN: &[&str] = &[
    "text",
    "thought",
    "thoughtSignature",
    "inlineData",
    "fileData",
    "functionCall",
    "functionResponse",
    "videoMetadata",
    "mediaResolution",
];

impl Hearer {
    /// Reads `parts`.
    ///
    /// # Errors
    /// Names the field that is wrong.
    pub fn parts(&mut self, parts: &Field<'_, '_>) -> Result<Vec<Part>, Malformed> {
        let mut read = Vec::new();
        self.go_on(parts, &mut read)?;
        Ok(read)
    }

    /// Reads `parts` that go on after those that were read.
    ///
    /// # Errors
    /// Names the field that is wrong.
    pub fn go_on(&mut self, parts: &Field<'_, '_>, read: &mut Vec<Part>) -> Result<(), Malformed> {
        for part in parts.items()? {
            self.part(&part, read)?;
        }
        Ok(())
    }

    fn part(&mut self, part: &Field<'_, '_>, parts: &mut Vec<Part>) -> Result<(), Malformed> {
        let proof = part.get("thoughtSignature").map(|field| field.text()).transpose()?.map(thought::read);
        if part.object()?.keys().any(|name| !KNOWN.contains(&name)) {
            parts.push(native(part));
        } else if let Some(text) = part.get("text") {
            let thinks = part.get("thought").map(|field| field.boolean()).transpose()? == Some(true);
            say(text.string()?, thinks, proof, parts);
        } else if let Some(call) = part.get("functionCall") {
            parts.push(self.call(&call, proof)?);
        } else if let Some(result) = part.get("functionResponse") {
            parts.push(self.result(&result)?);
        } else if let Some(blob) = part.get("inlineData") {
            let media_type = blob.need("mimeType", "a media type such as \"image/png\"")?.string()?;
            let source = media::bytes(media_type.clone(), blob.need("data", "base64")?.text()?);
            sign(proof, parts);
            parts.push(media::read(&media_type, source, part.value).unwrap_or_else(|| native(part)));
        } else if let Some(file) = part.get("fileData") {
            let read = read_file(&file, part)?;
            sign(proof, parts);
            parts.push(read);
        } else if proof.is_some() {
            sign(proof, parts);
        } else {
            return Err(part.wrong("a part with text, inlineData, fileData, functionCall or functionResponse"));
        }
        Ok(())
    }

    fn call(&mut self, call: &Field<'_, '_>, proof: Option<Proof>) -> Result<Part, Malformed> {
        if call.get("partialArgs").is_some() || call.get("willContinue").is_some() {
            return Err(call.wrong("a whole function call, without partialArgs or willContinue"));
        }
        let name = call.need("name", "the name of a function")?.string()?;
        let id = call.get("id").map(|id| id.text()).transpose()?.filter(|id| !id.is_empty());
        let arguments = match call.get("args") {
            Some(args) => {
                args.object()?;
                args.value.to_string()
            }
            None => "{}".to_owned(),
        };
        let signature = match proof {
            Some(Proof::Signed(signature)) => Some(signature),
            _ => None,
        };
        Ok(Part::ToolUse(ToolUse { id: self.matcher.call(&name, id), name, arguments, signature, cache: None }))
    }

    fn result(&mut self, result: &Field<'_, '_>) -> Result<Part, Malformed> {
        let name = result.need("name", "the name of the function")?.text()?;
        let id = result.get("id").map(|id| id.text()).transpose()?.filter(|id| !id.is_empty());
        let response = result.need("response", "an object")?;
        response.object()?;
        let (text, failed) = told(response.value);
        let mut parts = vec![Part::Text(Text { text, ..Text::default() })];
        if let Some(further) = result.get("parts") {
            parts.append(&mut self.parts(&further)?);
        }
        let is_error = failed.then_some(true);
        Ok(Part::ToolResult(ToolResult { tool_use_id: self.matcher.result(name, id), parts, is_error, cache: None }))
    }
}

/// A text or a thought, and what proves it.
pub(in super::super) fn say(text: String, thinks: bool, proof: Option<Proof>, parts: &mut Vec<Part>) {
    match (thinks, proof) {
        (_, Some(Proof::Sealed(data))) => parts.push(Part::Thinking(Thinking::Redacted { data })),
        (true, Some(Proof::Signed(signature))) => {
            let text = if text.is_empty() { take_thought(parts) } else { text };
            parts.push(Part::Thinking(Thinking::Text { text, signature: Some(signature) }));
        }
        (true, None) => parts.push(Part::Thinking(Thinking::Text { text, signature: None })),
        (false, proof) => {
            let bare = proof.is_none();
            sign(proof, parts);
            if bare || !text.is_empty() {
                parts.push(Part::Text(Text { text, ..Text::default() }));
            }
        }
    }
}

/// The words of the unsigned thought at the end, which a client got in pieces before their signature.
fn take_thought(parts: &mut Vec<Part>) -> String {
    let mut pieces = Vec::new();
    while let Some(Part::Thinking(Thinking::Text { signature: None, .. })) = parts.last() {
        if let Some(Part::Thinking(Thinking::Text { text, .. })) = parts.pop() {
            pieces.push(text);
        }
    }
    pieces.into_iter().rev().collect()
}

/// The proof of the part that follows or, if none does, one that stands alone: a thought without words.
pub(in super::super) fn sign(proof: Option<Proof>, parts: &mut Vec<Part>) {
    match proof {
        Some(Proof::Signed(signature)) => {
            parts.push(Part::Thinking(Thinking::Text { text: String::new(), signature: Some(signature) }));
        }
        Some(Proof::Sealed(data)) => parts.push(Part::Thinking(Thinking::Redacted { data })),
        None => {}
    }
}

/// What a function answered, in words, and whether it failed. `output` and `error` are Google's own names for the two;
/// any other object is the answer itself.
fn told(response: &Json<'_>) -> (String, bool) {
    let only = response.as_object().filter(|fields| fields.len() == 1).and_then(|fields| fields.iter().next());
    match only {
        Some(("output", Json::String(text))) => (text.clone().into_owned(), false),
        Some(("error", Json::String(text))) => (text.clone().into_owned(), true),
        Some(("error", value)) => (value.to_string(), true),
        _ => (response.to_string(), false),
    }
}

/// A file by address. One in Google's stores is Google's alone if its type could not be told again.
fn read_file(file: &Field<'_, '_>, part: &Field<'_, '_>) -> Result<Part, Malformed> {
    let uri = file.need("fileUri", "the file's address")?.text()?;
    let given = file.get("mimeType").map(|field| field.text()).transpose()?.filter(|given| !given.is_empty());
    // Google's own examples leave the type of a film on YouTube out.
    let film = part.get("videoMetadata").is_some() || uri.contains("youtu");
    let media_type = given.unwrap_or(if film && media::is_googles(uri) { media::FILM } else { "" });
    let told_again = media::is_told_again(uri, media_type);
    let read = media::read(media_type, media::address(uri), part.value);
    Ok(read.filter(|_| told_again || !media::is_googles(uri)).unwrap_or_else(|| native(part)))
}

fn native(part: &Field<'_, '_>) -> Part {
    Part::Native { dialect: Dialect::Gemini, raw: part.value.to_value() }
}
