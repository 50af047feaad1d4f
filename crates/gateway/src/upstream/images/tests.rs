use std::{sync::Arc, time::Duration};

use llm::call::{Document, Extra, Image, Knobs, Output, Text, ToolResult, Turn};

use super::*;
use crate::upstream::fetch::tests::{PNG, Script, fetcher, ok, serve};

const PUBLIC: &str = "93.184.215.14";

fn call(dialect: Dialect, turns: Vec<(Role, Vec<Part>)>) -> Call {
    Call {
        model: "m".to_owned(),
        turns: turns.into_iter().map(|(role, parts)| Turn { role, parts, name: None }).collect(),
        tools: vec![],
        tool_choice: None,
        parallel_tools: None,
        knobs: Knobs::default(),
        output: Output::Text,
        stream: false,
        include_usage: false,
        extra: Extra { dialect, fields: serde_json::Map::new() },
    }
}

fn image(source: Source) -> Part {
    Part::Image(Image { source, detail: Some("low".to_owned()), cache: None })
}

fn by_url(url: &str) -> Part {
    image(Source::Url(url.to_owned()))
}

fn by_bytes(data: &str) -> Part {
    image(Source::Base64 { media_type: "image/png".to_owned(), data: data.to_owned() })
}

fn document(source: Source) -> Part {
    Part::Document(Document { source, title: None, context: None, citations: None, cache: None })
}

fn result(parts: Vec<Part>) -> Part {
    Part::ToolResult(ToolResult { tool_use_id: "t".to_owned(), parts, is_error: None, cache: None })
}

fn text() -> Part {
    Part::Text(Text { text: "look".to_owned(), ..Text::default() })
}

fn rules() -> ImageRules {
    ImageRules { allow_http: true, ..ImageRules::default() }
}

#[tokio::test]
async fn case_054_a_target_of_bytes_gets_every_image_or_the_caller_a_400() {
    let (listener, _) = serve(vec![ok("image/png", PNG)], Duration::ZERO).await;
    let network = Script::new(&[&[PUBLIC]], Some(listener));
    let url = || by_url("http://pictures.example.com/a.png");
    let turns = |image: &dyn Fn() -> Part| {
        vec![
            (Role::System, vec![text()]),
            (Role::User, vec![text(), image(), by_bytes("AAAA")]),
            (Role::User, vec![result(vec![text(), image()]), document(Source::Content(vec![image()]))]),
        ]
    };
    let mut asked = call(Dialect::OpenAiChat, turns(&url));
    let fetched = settle_images(&mut asked, ImageNeeds::BytesOnly, &fetcher(network.clone()), &rules()).await.unwrap();
    assert_eq!(fetched, 3);
    assert_eq!(asked, call(Dialect::OpenAiChat, turns(&|| by_bytes(&STANDARD.encode(PNG)))));
    assert_eq!(network.dialled.lock().unwrap().len(), 3);

    let missing = b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n".to_vec();
    let (listener, _) = serve(vec![missing], Duration::ZERO).await;
    let url = "http://pictures.example.com/";
    let tools = || (Role::User, vec![result(vec![text()]), result(vec![text(), by_url(url)])]);
    for (dialect, turns, path) in [
        (Dialect::OpenAiChat, vec![(Role::User, vec![text()]), tools()], "messages[2].content[1]"),
        (Dialect::OpenAiChat, vec![tools(), (Role::User, vec![by_url(url)])], "messages[1].content[1]"),
        (
            Dialect::OpenAiChat,
            vec![(Role::System, vec![text()]), (Role::User, vec![text(), by_url(url)])],
            "messages[1].content[1]",
        ),
        (
            Dialect::Anthropic,
            vec![(Role::System, vec![text()]), (Role::User, vec![text(), by_url(url)])],
            "messages[0].content[1]",
        ),
        (Dialect::Anthropic, vec![(Role::User, vec![result(vec![by_url(url)])])], "messages[0].content[0].content[0]"),
    ] {
        let fetcher = fetcher(Script::new(&[&[PUBLIC]], Some(listener)));
        let error =
            settle_images(&mut call(dialect, turns), ImageNeeds::BytesOnly, &fetcher, &rules()).await.unwrap_err();
        assert_eq!(error.status(), 400);
        assert_eq!(error.param.as_deref(), Some(path));
        assert!(error.message.starts_with(path) && error.message.contains("status 404"), "{}", error.message);
    }
}

#[tokio::test]
async fn documents_by_url_are_fetched_as_documents() {
    let (listener, _) = serve(vec![ok("application/pdf", b"%PDF-1.7")], Duration::ZERO).await;
    let fetcher = fetcher(Script::new(&[&[PUBLIC]], Some(listener)));
    let pdf = || document(Source::Url("http://papers.example.com/a.pdf".to_owned()));
    let mut asked = call(Dialect::Anthropic, vec![(Role::User, vec![pdf()])]);
    settle_images(&mut asked, ImageNeeds::BytesOnly, &fetcher, &rules()).await.unwrap();
    let data = STANDARD.encode("%PDF-1.7");
    let expected = document(Source::Base64 { media_type: "application/pdf".to_owned(), data });
    assert_eq!(asked.turns[0].parts, [expected]);
}

#[tokio::test]
async fn sec_011_an_image_at_an_inner_address_is_a_400_without_a_packet() {
    let oversize = format!("data:image/png;base64,{}", "A".repeat(1 << 20));
    for url in [
        "http://169.254.169.254/latest/meta-data/",
        "http://[::ffff:a9fe:a9fe]/",
        "http://0x7f.1/",
        "http://2130706433/",
        "http://localhost./",
        "http://127.1/",
        "http://[::1]/",
        "http://0.0.0.0/",
        "http://[fd00::]/",
        "https://router/",
        "http://metadata.google.internal/computeMetadata/v1/",
        "file:///etc/passwd",
        "gopher://example.com/",
        &oversize,
    ] {
        let network = Script::new(&[&[PUBLIC]], None);
        let mut asked = call(Dialect::OpenAiChat, vec![(Role::User, vec![by_url(url)])]);
        let error = settle_images(&mut asked, ImageNeeds::BytesOnly, &fetcher(network.clone()), &rules()).await;
        assert_eq!(error.unwrap_err().status(), 400, "{url:.60}");
        assert!(network.looked_up.lock().unwrap().is_empty() && network.dialled.lock().unwrap().is_empty());
    }
}

#[tokio::test]
async fn the_number_and_the_sum_are_bounded() {
    let (listener, _) = serve(vec![ok("image/png", PNG)], Duration::ZERO).await;
    let network = Script::new(&[&[PUBLIC]], Some(listener));
    let asked = || call(Dialect::OpenAiChat, vec![(Role::User, vec![by_url("http://pictures.example.com/"); 5])]);
    let few = ImageRules { per_call: 4, ..rules() };
    let error = settle_images(&mut asked(), ImageNeeds::BytesOnly, &fetcher(network.clone()), &few).await.unwrap_err();
    assert_eq!(error.param.as_deref(), Some("messages[0].content[4]"));
    assert!(network.dialled.lock().unwrap().is_empty());
    let small = ImageRules { total_bytes: PNG.len() * 2, ..rules() };
    let error = settle_images(&mut asked(), ImageNeeds::BytesOnly, &fetcher(network), &small).await.unwrap_err();
    assert_eq!(error.param.as_deref(), Some("messages[0].content[2]"));
}

#[tokio::test]
async fn case_055_a_url_passes_and_bytes_for_a_target_of_urls_are_refused() {
    let network = Script::new(&[&[PUBLIC]], None);
    let fetcher = fetcher(Arc::clone(&network));
    let url = || call(Dialect::OpenAiChat, vec![(Role::User, vec![text(), by_url("https://pictures.example.com/a")])]);
    for needs in [ImageNeeds::Any, ImageNeeds::UrlOnly] {
        let mut asked = url();
        assert_eq!(settle_images(&mut asked, needs, &fetcher, &rules()).await.unwrap(), 0);
        assert_eq!(asked, url());
    }
    let mut inline = call(Dialect::OpenAiChat, vec![(Role::User, vec![text(), by_bytes("AAAA")])]);
    assert_eq!(settle_images(&mut inline, ImageNeeds::Any, &fetcher, &rules()).await.unwrap(), 0);
    let error = settle_images(&mut inline, ImageNeeds::UrlOnly, &fetcher, &rules()).await.unwrap_err();
    assert_eq!((error.status(), error.param.as_deref()), (400, Some("messages[0].content[1]")));
    assert!(error.message.contains("by URL only"), "{}", error.message);
    assert!(network.looked_up.lock().unwrap().is_empty() && network.dialled.lock().unwrap().is_empty());
}
