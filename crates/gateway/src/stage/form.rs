//! A form that a client sends: short fields, and files that may be large. The fields are read; a file is held up to a
//! bound and beyond it lies in a temporary file, so that it can be sent as often as targets are tried, and is never whole in
//! memory.

use std::{collections::VecDeque, io, sync::Arc};

use axum::body::Body;
use bytes::{Bytes, BytesMut};
use futures_util::{StreamExt, stream, stream::BoxStream};
use govern::{Code, Error};
use http::HeaderValue;
use http_body::{Frame, SizeHint};
use multer::{Constraints, Multipart, SizeLimit};
use serde_json::{Map, Value};
use tempfile::NamedTempFile;
use tokio::{
    fs::File,
    io::{AsyncReadExt, AsyncWriteExt},
    sync::{OwnedSemaphorePermit, Semaphore},
};

use super::read::take;
use crate::upstream::RequestBody;

/// Of each file so much is held in memory.
const MOST_HELD: usize = 1 << 20;
/// No form of these APIs has more parts, or longer text.
const MOST_PARTS: usize = 64;
const MOST_TEXT: usize = 256 << 10;
/// Read at once from a temporary file.
const PIECE: usize = 64 << 10;

/// A form that has been read.
#[derive(Debug)]
pub struct Form {
    /// In the order in which they came.
    pub fields: Vec<(String, String)>,
    files: Vec<FilePart>,
    _held: OwnedSemaphorePermit,
}

#[derive(Debug)]
struct FilePart {
    name: String,
    file_name: String,
    media_type: String,
    content: Content,
}

#[derive(Debug, Clone)]
enum Content {
    Held(Bytes),
    /// Deleted with its last owner.
    Spooled {
        file: Arc<NamedTempFile>,
        length: u64,
    },
}

impl Content {
    fn len(&self) -> u64 {
        match self {
            Self::Held(bytes) => bytes.len() as u64,
            Self::Spooled { length, .. } => *length,
        }
    }
}

/// A file of a form, read whole.
#[derive(Debug)]
pub struct Attached {
    pub name: String,
    pub media_type: String,
    pub bytes: Bytes,
}

impl Form {
    /// Bytes of its files.
    pub fn file_bytes(&self) -> u64 {
        self.files.iter().map(|file| file.content.len()).sum()
    }

    /// Reads a form of at most `most` bytes.
    ///
    /// # Errors
    /// 415 for what is no form, 413 for one that is too large, 400 for one that is broken, 503 if too many bytes are held
    /// already.
    pub async fn read(
        content_type: Option<&HeaderValue>,
        body: Body,
        most: usize,
        memory: &Arc<Semaphore>,
    ) -> Result<Self, Error> {
        let boundary = content_type.and_then(|kind| multer::parse_boundary(kind.to_str().ok()?).ok());
        let boundary = boundary.ok_or_else(|| {
            let message = "send a form: `content-type: multipart/form-data` with the file as a part";
            Error::new(Code::UnsupportedMedia, message).at("content-type")
        })?;
        let limits = Constraints::new().size_limit(SizeLimit::new().whole_stream(most as u64));
        let mut parts = Multipart::with_constraints(body.into_data_stream(), boundary, limits);
        let mut form = Self { fields: Vec::new(), files: Vec::new(), _held: take(memory, 0)? };
        while let Some(mut part) = parts.next_field().await.map_err(|error| broken(&error, most))? {
            if form.fields.len() + form.files.len() >= MOST_PARTS {
                return Err(Error::new(Code::InvalidRequest, format!("the form has more than {MOST_PARTS} parts")));
            }
            let name = part.name().unwrap_or_default().to_owned();
            match part.file_name().map(str::to_owned) {
                None => {
                    let text = text_of(&mut part, &name, most).await?;
                    form._held.merge(take(memory, text.len())?);
                    form.fields.push((name, text));
                }
                Some(file_name) => {
                    let media_type = part.content_type().map_or("application/octet-stream", |kind| kind.essence_str());
                    let media_type = media_type.to_owned();
                    let content = spool(&mut part, most, memory, &mut form._held).await?;
                    form.files.push(FilePart { name, file_name, media_type, content });
                }
            }
        }
        Ok(form)
    }

    /// The fields as a JSON object of strings, and of lists where a name stands more than once.
    ///
    /// # Errors
    /// 400 if a field that governs the call stands twice.
    pub fn to_json(&self) -> Result<Bytes, Error> {
        let mut object: Map<String, Value> = Map::new();
        for (name, text) in &self.fields {
            match object.get_mut(name) {
                None => drop(object.insert(name.clone(), Value::from(text.as_str()))),
                Some(_) if matches!(name.as_str(), "model" | "stream" | "user") => {
                    let message = format!("`{name}` stands twice in the form: send it once");
                    return Err(Error::new(Code::DuplicateField, message).at(name.clone()));
                }
                Some(Value::Array(several)) => several.push(Value::from(text.as_str())),
                Some(one) => *one = Value::Array(vec![one.take(), Value::from(text.as_str())]),
            }
        }
        Ok(Value::Object(object).to_string().into())
    }

    /// The form with these fields, and its media type.
    ///
    /// # Errors
    /// Never, for a boundary that is made here.
    #[must_use]
    pub fn body(&self, fields: &[(String, String)]) -> (HeaderValue, RequestBody) {
        let boundary = format!("tollgate-{}", uuid::Uuid::now_v7().simple());
        let mut pieces = VecDeque::new();
        for (name, value) in fields {
            let head = format!("--{boundary}\r\ncontent-disposition: form-data; name=\"{}\"\r\n\r\n", quoted(name));
            pieces.push_back(Content::Held(format!("{head}{value}\r\n").into()));
        }
        for FilePart { name, file_name, media_type, content } in &self.files {
            let (name, file_name) = (quoted(name), quoted(file_name));
            let head = format!(
                "--{boundary}\r\ncontent-disposition: form-data; name=\"{name}\"; filename=\"{file_name}\"\r\n\
                 content-type: {media_type}\r\n\r\n"
            );
            pieces.extend([Content::Held(head.into()), content.clone(), Content::Held(Bytes::from_static(b"\r\n"))]);
        }
        pieces.push_back(Content::Held(format!("--{boundary}--\r\n").into()));
        let kind = HeaderValue::from_str(&format!("multipart/form-data; boundary={boundary}"));
        (kind.unwrap_or_else(|_| HeaderValue::from_static("multipart/form-data")), outgoing(pieces))
    }

    /// The first file alone, and its media type.
    #[must_use]
    pub fn file(&self) -> Option<(HeaderValue, RequestBody)> {
        let FilePart { media_type, content, .. } = self.files.first()?;
        let kind = HeaderValue::from_str(media_type).ok()?;
        Some((kind, outgoing(VecDeque::from([content.clone()]))))
    }

    /// Every file, whole. The form is bounded, and so are they.
    ///
    /// # Errors
    /// A temporary file cannot be read.
    pub async fn attached(&self) -> Result<Vec<Attached>, Error> {
        let mut attached = Vec::with_capacity(self.files.len());
        for FilePart { name, media_type, content, .. } in &self.files {
            let bytes = match content {
                Content::Held(bytes) => bytes.clone(),
                Content::Spooled { file, .. } => tokio::fs::read(file.path()).await.map_err(unspoolable)?.into(),
            };
            attached.push(Attached { name: name.clone(), media_type: media_type.clone(), bytes });
        }
        Ok(attached)
    }
}

async fn text_of(part: &mut multer::Field<'_>, name: &str, most: usize) -> Result<String, Error> {
    let mut text = BytesMut::new();
    while let Some(chunk) = part.chunk().await.map_err(|error| broken(&error, most))? {
        if text.len() + chunk.len() > MOST_TEXT {
            let message = format!("`{name}` is longer than {MOST_TEXT} bytes: send a file with a file name");
            return Err(Error::new(Code::RequestTooLarge, message).at(name.to_owned()));
        }
        text.extend_from_slice(&chunk);
    }
    String::from_utf8(text.to_vec())
        .map_err(|_| Error::new(Code::InvalidRequest, format!("`{name}` is not UTF-8")).at(name.to_owned()))
}

async fn spool(
    part: &mut multer::Field<'_>,
    most: usize,
    memory: &Arc<Semaphore>,
    held: &mut OwnedSemaphorePermit,
) -> Result<Content, Error> {
    let mut start = BytesMut::new();
    while let Some(chunk) = part.chunk().await.map_err(|error| broken(&error, most))? {
        if start.len() + chunk.len() <= MOST_HELD {
            held.merge(take(memory, chunk.len())?);
            start.extend_from_slice(&chunk);
            continue;
        }
        let file = NamedTempFile::new().map_err(unspoolable)?;
        let mut writer = File::from_std(file.reopen().map_err(unspoolable)?);
        let mut length = (start.len() + chunk.len()) as u64;
        writer.write_all(&start).await.map_err(unspoolable)?;
        writer.write_all(&chunk).await.map_err(unspoolable)?;
        drop(start);
        while let Some(chunk) = part.chunk().await.map_err(|error| broken(&error, most))? {
            length += chunk.len() as u64;
            writer.write_all(&chunk).await.map_err(unspoolable)?;
        }
        writer.flush().await.map_err(unspoolable)?;
        return Ok(Content::Spooled { file: Arc::new(file), length });
    }
    Ok(Content::Held(start.freeze()))
}

fn broken(error: &multer::Error, most: usize) -> Error {
    match error {
        multer::Error::StreamSizeExceeded { .. } | multer::Error::FieldSizeExceeded { .. } => {
            Error::new(Code::RequestTooLarge, format!("the body is larger than {most} bytes"))
        }
        _ => Error::new(Code::InvalidRequest, format!("the form cannot be read: {error}")),
    }
}

fn unspoolable(error: io::Error) -> Error {
    Error::new(Code::Internal, "the gateway cannot keep the file").because(error)
}

/// A name between quotes: <https://www.rfc-editor.org/rfc/rfc7578#section-2>.
fn quoted(name: &str) -> String {
    name.replace('"', "%22").replace('\r', "%0D").replace('\n', "%0A")
}

/// A body of these pieces, whose length is known.
fn outgoing(pieces: VecDeque<Content>) -> RequestBody {
    let left = pieces.iter().map(Content::len).sum();
    let state = Outgoing { pieces, open: None };
    let bytes =
        stream::try_unfold(state, |mut state| async move { Ok(state.next().await?.map(|bytes| (bytes, state))) });
    RequestBody::Streamed(Body::new(Measured { bytes: bytes.boxed(), left }))
}

struct Outgoing {
    pieces: VecDeque<Content>,
    /// A temporary file that is being read; its owner stands before it is closed.
    open: Option<(File, Arc<NamedTempFile>)>,
}

impl Outgoing {
    async fn next(&mut self) -> io::Result<Option<Bytes>> {
        loop {
            if let Some((file, _)) = &mut self.open {
                let mut piece = BytesMut::with_capacity(PIECE);
                if file.read_buf(&mut piece).await? > 0 {
                    return Ok(Some(piece.freeze()));
                }
                self.open = None;
            }
            match self.pieces.pop_front() {
                None => return Ok(None),
                Some(Content::Held(bytes)) if bytes.is_empty() => {}
                Some(Content::Held(bytes)) => return Ok(Some(bytes)),
                Some(Content::Spooled { file, .. }) => self.open = Some((File::open(file.path()).await?, file)),
            }
        }
    }
}

/// Bytes whose number is known: servers that take no chunked bodies are told it.
struct Measured {
    bytes: BoxStream<'static, io::Result<Bytes>>,
    left: u64,
}

impl http_body::Body for Measured {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: std::pin::Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        self.bytes.poll_next_unpin(context).map(|next| {
            next.map(|bytes| {
                bytes.map(|bytes| {
                    self.left = self.left.saturating_sub(bytes.len() as u64);
                    Frame::data(bytes)
                })
            })
        })
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;

    use super::*;

    const BOUNDARY: &str = "xyz";

    fn sent(parts: &[(&str, Option<&str>, &[u8])]) -> Vec<u8> {
        let mut body = Vec::new();
        for (name, file, content) in parts {
            let file = file.map(|file| format!("; filename=\"{file}\"\r\ncontent-type: audio/wav")).unwrap_or_default();
            body.extend_from_slice(
                format!("--{BOUNDARY}\r\ncontent-disposition: form-data; name=\"{name}\"{file}\r\n\r\n").as_bytes(),
            );
            body.extend_from_slice(content);
            body.extend_from_slice(b"\r\n");
        }
        body.extend_from_slice(format!("--{BOUNDARY}--\r\n").as_bytes());
        body
    }

    async fn read(body: Vec<u8>, most: usize) -> Result<Form, Error> {
        let kind = HeaderValue::from_str(&format!("multipart/form-data; boundary={BOUNDARY}")).unwrap();
        Form::read(Some(&kind), Body::from(body), most, &Arc::new(Semaphore::new(64 << 20))).await
    }

    #[tokio::test]
    async fn a_form_is_sent_again_and_again_whatever_its_size() {
        for size in [0, 10, MOST_HELD - 1, MOST_HELD + 1, 3 * MOST_HELD] {
            let file: Vec<u8> = (0..size).map(|at| (at % 251) as u8).collect();
            let form = read(sent(&[("model", None, b"mine"), ("file", Some("a.wav"), &file)]), 64 << 20).await.unwrap();
            assert_eq!(
                form.files.iter().filter(|part| matches!(part.content, Content::Spooled { .. })).count(),
                usize::from(size > MOST_HELD)
            );
            for _ in 0..2 {
                let fields = [("model".to_owned(), "theirs".to_owned())];
                let (kind, body) = form.body(&fields);
                let told = http_body::Body::size_hint(&body).exact();
                let bytes = body.collect().await.unwrap().to_bytes();
                assert_eq!(told, Some(bytes.len() as u64));
                let again = Form::read(Some(&kind), Body::from(bytes), 64 << 20, &Arc::new(Semaphore::new(64 << 20)))
                    .await
                    .unwrap();
                assert_eq!(again.fields, fields);
                assert_eq!(again.attached().await.unwrap()[0].bytes, file);
                assert_eq!(
                    (again.files[0].file_name.as_str(), again.files[0].media_type.as_str()),
                    ("a.wav", "audio/wav")
                );
            }
        }
    }

    #[tokio::test]
    async fn sec_032_a_form_is_bounded_in_bytes_parts_and_text() {
        let large = read(sent(&[("file", Some("a"), &[0; 4096])]), 1024).await.unwrap_err();
        assert_eq!(large.status(), 413);
        let long = read(sent(&[("prompt", None, &[b'a'; MOST_TEXT + 1])]), 64 << 20).await.unwrap_err();
        assert_eq!((long.status(), long.param.as_deref()), (413, Some("prompt")));
        let many: Vec<_> = (0..=MOST_PARTS).map(|_| ("a[]", None, &b"b"[..])).collect();
        assert_eq!(read(sent(&many), 64 << 20).await.unwrap_err().status(), 400);
        let kind = HeaderValue::from_static("multipart/form-data; boundary=xyz");
        let (body, little) = (Body::from(sent(&[("file", Some("a"), &[0; 4096])])), Arc::new(Semaphore::new(1024)));
        assert_eq!(Form::read(Some(&kind), body, 64 << 20, &little).await.unwrap_err().status(), 503);
    }

    #[tokio::test]
    async fn what_is_no_form_is_refused() {
        let memory = Arc::new(Semaphore::new(1024));
        let kind = HeaderValue::from_static("application/json");
        let json = Form::read(Some(&kind), Body::from("{}"), 99, &memory).await;
        assert_eq!(json.unwrap_err().status(), 415);
        assert_eq!(read(b"--xyz\r\nnonsense".to_vec(), 99).await.unwrap_err().status(), 400);
    }

    #[tokio::test]
    async fn names_that_govern_stand_once() {
        let form = read(sent(&[("include[]", None, b"a"), ("include[]", None, b"b"), ("model", None, b"m")]), 9999)
            .await
            .unwrap();
        assert_eq!(form.to_json().unwrap(), r#"{"include[]":["a","b"],"model":"m"}"#);
        let twice = read(sent(&[("model", None, b"a"), ("model", None, b"b")]), 9999).await.unwrap();
        assert_eq!(twice.to_json().unwrap_err().code, Code::DuplicateField);
    }
}
