//! What is no conversation: embeddings, reranks, pictures, sound, moderation, OCR; and legacy completions.

use hyper::Method;
use serde_json::{Value, json};
use testkit::{Answer, Frame, Response, Upstream};

use crate::setup::{Scene, account, chat, start, with};

/// A gateway whose account `v` is of this kind.
async fn before(kind: &str, answer: Answer) -> Scene {
    let upstream = Upstream::answering(answer);
    let config = format!("providers:\n{}", account("v", kind, &upstream));
    Scene { gateway: start(&config).await, upstream }
}

async fn post(scene: &Scene, path: &str, body: &Value) -> Response {
    scene.gateway.client().post(path, body).send().await
}

/// A form with these fields and one file.
fn form(fields: &[(&str, &str)], name: &str, file: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    for (name, value) in fields {
        body.extend(format!("--b\r\ncontent-disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n").into_bytes());
    }
    let head = format!(
        "--b\r\ncontent-disposition: form-data; name=\"{name}\"; filename=\"a.wav\"\r\ncontent-type: audio/wav\r\n\r\n"
    );
    body.extend(head.into_bytes());
    body.extend_from_slice(file);
    body.extend_from_slice(b"\r\n--b--\r\n");
    body
}

async fn upload(scene: &Scene, path: &str, body: Vec<u8>) -> Response {
    let request = scene.gateway.client().request(Method::POST, path);
    request.header("content-type", "multipart/form-data; boundary=b").body(body).send().await
}

/// The units of which a record counts any.
fn used(record: &Value) -> Value {
    let mut usage = record["usage"].clone();
    usage.as_object_mut().unwrap().retain(|_, count| count != 0 && count != "reported");
    usage
}

fn vectors() -> Value {
    json!({ "object": "list", "model": "m", "data": [
        { "object": "embedding", "index": 0, "embedding": [0.5, -0.25] }, { "object": "embedding", "index": 1, "embedding": [1.0, 0.0] },
    ], "usage": { "prompt_tokens": 8, "total_tokens": 8 } })
}

#[tokio::test]
async fn embeddings_are_relayed_and_priced_by_their_tokens() {
    let scene = before("openai", Answer::json(200, &vectors())).await;
    let body = json!({ "model": "v/m", "input": ["a", "b"], "dimensions": 2, "unknown": true });
    let answer = post(&scene, "/v1/embeddings", &body).await;
    assert_eq!((answer.status, answer.json()), (200, vectors()));
    let seen = scene.upstream.last();
    assert_eq!((seen.path.as_str(), seen.json()), ("/v1/embeddings", with(body, &json!({ "model": "m" }))));
    let record = scene.record().await;
    assert_eq!(
        (&record["surface"], &used(&record), &record["cost"]),
        (&json!("embeddings"), &json!({ "input": 8 }), &json!(8_000))
    );
}

#[tokio::test]
async fn case_057_a_client_gets_the_form_that_it_asked_for() {
    let scene = before("openai", Answer::json(200, &vectors())).await;
    let asked = json!({ "model": "v/m", "input": ["a", "b"], "encoding_format": "base64" });
    let answer = post(&scene, "/v1/embeddings", &asked).await.json();
    let data = json!([{ "object": "embedding", "index": 0, "embedding": "AAAAPwAAgL4=" }, { "object": "embedding", "index": 1, "embedding": "AACAPwAAAAA=" }]);
    assert_eq!((&answer["data"], &answer["usage"]["prompt_tokens"]), (&data, &json!(8)));
    scene.upstream.now_answering(Answer::json(200, &with(vectors(), &json!({ "data": data }))));
    let answer = post(&scene, "/v1/embeddings", &json!({ "model": "v/m", "input": ["a", "b"] })).await.json();
    assert_eq!(answer["data"][0]["embedding"], json!([0.5, -0.25]));
}

#[tokio::test]
async fn token_arrays_reach_who_takes_them() {
    let scene = before("openai", Answer::json(200, &vectors())).await;
    let body = json!({ "model": "v/m", "input": [[1, 2], [3]] });
    assert_eq!(post(&scene, "/v1/embeddings", &body).await.status, 200);
    assert_eq!(scene.upstream.last().json()["input"], json!([[1, 2], [3]]));
}

#[tokio::test]
async fn an_error_is_the_clients_and_a_refusal_names_the_field() {
    let scene = before(
        "openai",
        Answer::json(400, &json!({ "error": { "message": "too long", "type": "invalid_request_error" } })),
    )
    .await;
    let answer = post(&scene, "/v1/embeddings", &json!({ "model": "v/m", "input": "a" })).await;
    assert_eq!((answer.status, &answer.json()["error"]["type"]), (400, &json!("invalid_request_error")));
    let scene = before("voyage", Answer::new(500)).await;
    let rerank = post(&scene, "/v2/rerank", &json!({ "model": "v/m", "query": "q", "documents": ["a", 1] })).await;
    assert_eq!(rerank.status, 400);
    assert_eq!(
        rerank.json()["message"],
        "documents[1] must be a string, or an object with a text, not 1",
        "in Cohere's shape"
    );
}

#[tokio::test]
async fn a_rerank_of_cohere_reaches_servers_of_jinas_kind() {
    let theirs = json!({ "model": "m", "usage": { "total_tokens": 9 }, "results": [{ "index": 1, "relevance_score": 0.9 }, { "index": 0, "relevance_score": 0.1 }] });
    let scene = before("openai_like", Answer::json(200, &theirs)).await;
    let body = json!({ "model": "v/m", "query": "q", "documents": ["a", "b"], "top_n": 1, "return_documents": true });
    for path in ["/v1/rerank", "/v2/rerank", "/rerank"] {
        let answer = post(&scene, path, &body).await;
        assert_eq!(
            answer.json()["results"],
            json!([{ "index": 1, "relevance_score": 0.9, "document": { "text": "b" } }]),
            "{path}"
        );
        assert_eq!(scene.upstream.last().path, "/v1/rerank");
    }
    let record = scene.gateway.records(3).await.remove(0);
    assert_eq!(
        (&used(&record), &record["cost"], &record["lane"]),
        (&json!({ "input": 9 }), &json!(9_000), &json!("translate"))
    );
}

#[tokio::test]
async fn pictures_are_counted_and_their_events_pass() {
    let made = json!({ "created": 1, "data": [{ "b64_json": "QUJD" }], "usage": { "input_tokens": 5, "output_tokens": 7, "total_tokens": 12 } });
    let scene = before("openai", Answer::json(200, &made)).await;
    let body = json!({ "model": "v/m", "prompt": "A cat" });
    assert_eq!(post(&scene, "/v1/images/generations", &body).await.json(), made);
    let frames = [
        json!({ "type": "image_generation.partial_image", "b64_json": "QQ==" }),
        with(json!({ "type": "image_generation.completed", "b64_json": "QUJD" }), &json!({ "usage": made["usage"] })),
    ];
    let frames = frames.iter().map(|frame| Frame::data(&frame.to_string()));
    scene.upstream.now_answering(Answer::sse(frames));
    let answer = post(&scene, "/v1/images/generations", &with(body, &json!({ "stream": true }))).await;
    assert_eq!(answer.events().len(), 2, "{}", answer.text());
    let records = scene.gateway.records(2).await;
    for record in &records {
        assert_eq!(used(record), json!({ "input": 5, "output": 7, "output_image": 7, "images_out": 1 }), "{record:#}");
        assert_eq!(record["cost"], json!(5_000 + 14_000));
    }
}

#[tokio::test]
async fn a_large_file_is_sent_again_by_a_retry_and_to_the_next_target() {
    let sound: Vec<u8> = (0..3_000_000_u32).map(|at| (at % 251) as u8).collect();
    let (first, second) = (
        Upstream::answering(Answer::new(503)),
        Upstream::answering(Answer::json(200, &json!({ "text": "Hi", "usage": { "type": "duration", "seconds": 9 } }))),
    );
    let models = "models:\n  voice: {targets: [a/m, b/n], retry: {attempts: 2, base: 1ms}}\n";
    let config = format!(
        "providers:\n{}{}{models}",
        account("a", "openai", &first),
        account("b", "openai", &second).replace("prices: {m:", "prices: {n:")
    );
    let scene = Scene { gateway: start(&config).await, upstream: second };
    let body = form(&[("model", "voice"), ("language", "de"), ("include[]", "x"), ("include[]", "y")], "file", &sound);
    let answer = upload(&scene, "/v1/audio/transcriptions", body).await;
    assert_eq!((answer.status, &answer.json()["text"]), (200, &json!("Hi")), "{}", answer.text());
    for (upstream, model, tries) in [(&first, "m", 2), (&scene.upstream, "n", 1)] {
        assert_eq!(upstream.truth().requests, tries);
        let seen = upstream.last();
        assert_eq!(seen.header("content-length"), Some(seen.body.len().to_string().as_str()), "not chunked");
        let at = seen.body.windows(sound.len()).position(|window| window == sound);
        assert!(at.is_some(), "the file is whole");
        let kinds = seen.headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case("content-type")).count();
        assert_eq!(kinds, 1, "{:?}", seen.headers);
        let head = String::from_utf8_lossy(&seen.body[..at.unwrap()]).into_owned();
        assert!(head.contains(&format!("name=\"model\"\r\n\r\n{model}\r\n")), "{head}");
        assert!(
            head.contains("name=\"include[]\"\r\n\r\nx\r\n") && head.contains("name=\"include[]\"\r\n\r\ny\r\n"),
            "{head}"
        );
        assert!(head.contains("filename=\"a.wav\"\r\ncontent-type: audio/wav"), "{head}");
    }
    let record = scene.record().await;
    assert_eq!((&record["surface"], &used(&record)), (&json!("transcriptions"), &json!({ "sound_in_ms": 9_000 })));
}

#[tokio::test]
async fn plain_transcripts_stay_plain_and_their_times_are_the_price() {
    let titles = "1\n00:00:00,000 --> 00:00:02,500\nHello\n\n";
    let scene =
        before("openai", Answer::new(200).header("content-type", "text/plain; charset=utf-8").body(titles)).await;
    let answer = upload(
        &scene,
        "/v1/audio/translations",
        form(&[("model", "v/m"), ("response_format", "srt")], "file", b"RIFF"),
    )
    .await;
    assert_eq!((answer.text().as_str(), answer.header("content-type")), (titles, Some("text/plain; charset=utf-8")));
    assert_eq!(scene.upstream.last().path, "/v1/audio/translations");
    assert_eq!(used(&scene.record().await), json!({ "sound_in_ms": 2_500, "source": "estimated" }));
}

#[tokio::test]
async fn speech_passes_as_it_comes_and_is_priced_by_its_characters() {
    let sound: Vec<u8> = (0..200_000_u32).map(|at| (at % 251) as u8).collect();
    let scene = before("openai", Answer::new(200).header("content-type", "audio/mpeg").body(sound.clone())).await;
    let answer =
        post(&scene, "/v1/audio/speech", &json!({ "model": "v/m", "input": "größer", "voice": "coral" })).await;
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("audio/mpeg")));
    assert_eq!(answer.body, sound);
    let record = scene.record().await;
    assert_eq!(
        (&record["surface"], &record["outcome"], &record["usage"]["characters_in"]),
        (&json!("speech"), &json!("success"), &json!(6)),
        "{record:#}"
    );
    scene.upstream.now_answering(Answer::json(200, &json!({ "error": { "message": "no voice" } })));
    assert_eq!(
        post(&scene, "/v1/audio/speech", &json!({ "model": "v/m", "input": "x", "voice": "y" })).await.status,
        502,
        "JSON is no sound"
    );
}

#[tokio::test]
async fn moderation_and_ocr_pass_and_are_counted() {
    let judged = json!({ "id": "modr-1", "model": "m", "results": [{ "flagged": false }] });
    let scene = before("openai", Answer::json(200, &judged)).await;
    let body = json!({ "model": "v/m", "input": "hello" });
    assert_eq!(post(&scene, "/v1/moderations", &body).await.json(), judged);
    let record = scene.record().await;
    assert_eq!((&record["surface"], used(&record)), (&json!("moderations"), json!({ "queries": 1 })));
    let pages =
        json!({ "pages": [{ "index": 0, "markdown": "# A" }], "model": "m", "usage_info": { "pages_processed": 3 } });
    let scene = before("mistral", Answer::json(200, &pages)).await;
    let body =
        json!({ "model": "v/m", "document": { "type": "document_url", "document_url": "https://a.example/a.pdf" } });
    assert_eq!(post(&scene, "/v1/ocr", &body).await.json(), pages);
    assert_eq!(used(&scene.record().await), json!({ "pages": 3 }));
}

#[tokio::test]
async fn what_a_provider_does_not_offer_is_said() {
    let scene = before("anthropic", Answer::new(500)).await;
    let answer = post(&scene, "/v1/embeddings", &json!({ "model": "v/m", "input": "a" })).await;
    assert_eq!((answer.status, scene.upstream.truth().requests), (400, 0), "{}", answer.text());
    let json = scene.gateway.client().post("/v1/audio/transcriptions", &json!({ "model": "v/m" })).send().await;
    assert_eq!((json.status, &json.json()["error"]["param"]), (415, &json!("content-type")));
}

#[tokio::test]
async fn sec_035_guards_read_what_is_no_conversation() {
    let upstream = Upstream::answering(Answer::json(200, &json!({ "text": "the secret word is plover" })));
    let guards = "guardrails:\n  - {name: words, kind: keywords, settings: {words: [plover]}}\n";
    let config = format!("providers:\n{}{guards}", account("v", "openai", &upstream));
    let scene = Scene { gateway: start(&config).await, upstream };
    let texts = [
        ("/v1/embeddings", json!({ "model": "v/m", "input": ["fine", "plover"] })),
        ("/v1/rerank", json!({ "model": "v/m", "query": "q", "documents": ["plover"] })),
        ("/v1/images/generations", json!({ "model": "v/m", "prompt": "a plover" })),
        ("/v1/audio/speech", json!({ "model": "v/m", "input": "plover", "voice": "x" })),
        ("/v1/moderations", json!({ "model": "v/m", "input": "plover" })),
        ("/v1/completions", json!({ "model": "v/m", "prompt": ["fine", "plover"] })),
    ];
    for (path, body) in texts {
        let answer = post(&scene, path, &body).await;
        assert_eq!((answer.status, scene.upstream.truth().requests), (400, 0), "{path}: {}", answer.text());
    }
    let asked =
        upload(&scene, "/v1/audio/transcriptions", form(&[("model", "v/m"), ("prompt", "plover")], "file", b"RIFF"))
            .await;
    assert_eq!((asked.status, scene.upstream.truth().requests), (400, 0));
    let heard = upload(&scene, "/v1/audio/transcriptions", form(&[("model", "v/m")], "file", b"RIFF")).await;
    assert!(heard.status >= 400 && !heard.text().contains("plover"), "{}", heard.text());
}

#[tokio::test]
async fn completions_are_relayed_and_reach_models_that_chat() {
    let theirs = json!({ "id": "cmpl-1", "object": "text_completion", "created": 1, "model": "m", "choices": [{ "text": " is a test", "index": 0, "logprobs": null, "finish_reason": "stop" }], "usage": { "prompt_tokens": 5, "completion_tokens": 7, "total_tokens": 12 } });
    let scene = before("openai_like", Answer::json(200, &theirs)).await;
    let batch = json!({ "model": "v/m", "prompt": ["This", "That"], "max_tokens": 9, "echo": true });
    assert_eq!(post(&scene, "/v1/completions", &batch).await.json(), theirs);
    assert_eq!(
        (scene.upstream.last().path.as_str(), scene.upstream.last().json()),
        ("/v1/completions", with(batch, &json!({ "model": "m" })))
    );

    let upstream = Upstream::answering(testkit::fixture::anthropic_message_text(
        "is a test",
        &testkit::fixture::anthropic_usage(5, 7),
    ));
    let scene =
        Scene { gateway: start(&format!("providers:\n{}", account("v", "anthropic", &upstream))).await, upstream };
    let answer =
        post(&scene, "/v1/completions", &json!({ "model": "v/m", "prompt": "This", "max_tokens": 9 })).await.json();
    assert_eq!(
        (&answer["object"], &answer["choices"][0]["text"], &answer["usage"]["completion_tokens"]),
        (&json!("text_completion"), &json!("is a test"), &json!(7))
    );
    assert_eq!(scene.upstream.last().json()["messages"], json!([{ "role": "user", "content": "This" }]));
    let refused =
        post(&scene, "/v1/completions", &json!({ "model": "v/m", "prompt": "a", "suffix": "b", "max_tokens": 9 }))
            .await;
    assert_eq!((refused.status, refused.text().contains("suffix")), (400, true), "{}", refused.text());
}

#[tokio::test]
async fn a_client_of_coheres_chat_reaches_other_models() {
    let scene =
        Scene::answering(testkit::fixture::openai_chat_text("Hi.", &testkit::fixture::openai_usage(7, 5))).await;
    let body = json!({ "model": "chat/m", "messages": chat("x")["messages"] });
    let answer = post(&scene, "/v2/chat", &body).await.json();
    assert_eq!(
        (&answer["finish_reason"], &answer["message"]["content"]),
        (&json!("COMPLETE"), &json!([{ "type": "text", "text": "Hi." }]))
    );
    assert_eq!(answer["usage"]["billed_units"], json!({ "input_tokens": 7, "output_tokens": 5 }));
    let refused = post(&scene, "/v2/chat", &json!({ "model": "chat/m" })).await;
    assert_eq!((refused.status, refused.json()["message"].as_str().unwrap().contains("messages")), (400, true));
}

#[tokio::test]
async fn vectors_of_other_vendors_reach_clients_of_openai() {
    let asked = json!({ "model": "v/m", "input": ["a", "b"], "dimensions": 2 });
    let cohere = json!({ "id": "e", "embeddings": { "float": [[0.5, -0.25], [1.0, 0.0]] }, "meta": { "billed_units": { "input_tokens": 8 } } });
    let gemini = json!({ "embeddings": [{ "values": [0.5, -0.25] }, { "values": [1.0, 0.0] }], "usageMetadata": { "promptTokenCount": 8 } });
    let voyage = with(vectors(), &json!({ "usage": { "total_tokens": 8 } }));
    for (kind, answer, path, field) in [
        ("cohere", cohere, "/embed", "texts"),
        ("voyage", voyage, "/embeddings", "output_dimension"),
        ("gemini", gemini, "/models/m:batchEmbedContents", "requests"),
    ] {
        let scene = before(kind, Answer::json(200, &answer)).await;
        let told = post(&scene, "/v1/embeddings", &asked).await;
        assert_eq!(told.json()["data"], vectors()["data"], "{kind}: {}", told.text());
        let seen = scene.upstream.last();
        assert!(seen.path.ends_with(path) && seen.json().get(field).is_some(), "{kind}: {} {}", seen.path, seen.json());
        let record = scene.record().await;
        assert_eq!(
            (used(&record), &record["cost"], &record["lane"]),
            (json!({ "input": 8 }), &json!(8_000), &json!("translate"))
        );
    }
}

#[tokio::test]
async fn sound_of_other_vendors_reaches_clients_of_openai() {
    let spoken = json!({ "model": "v/m", "input": "Hello", "voice": "ann/1", "response_format": "wav" });
    let deepgram = json!({ "metadata": { "duration": 2.5, "channels": 1 }, "results": { "channels": [{ "alternatives": [{ "transcript": "Hi.", "words": [] }] }] } });
    let elevenlabs = json!({ "language_code": "en", "text": "Hi.", "words": [], "audio_duration_secs": 2.5 });
    for (kind, say, hear, heard) in [
        ("deepgram", "/speak?model=m&encoding=linear16", "/listen?model=m&smart_format=true", deepgram),
        ("elevenlabs", "/text-to-speech/ann%2F1?output_format=wav_24000", "/speech-to-text", elevenlabs),
    ] {
        let scene = before(kind, Answer::new(200).header("content-type", "audio/wav").body("RIFF")).await;
        let sound = post(&scene, "/v1/audio/speech", &spoken).await;
        assert_eq!((sound.status, sound.text().as_str()), (200, "RIFF"), "{kind}");
        let seen = scene.upstream.last();
        assert!(seen.path.contains(say) && seen.json()["text"] == "Hello", "{kind}: {}", seen.path);
        scene.upstream.now_answering(Answer::json(200, &heard));
        let text =
            upload(&scene, "/v1/audio/transcriptions", form(&[("model", "v/m"), ("language", "en")], "file", b"RIFF"))
                .await;
        assert_eq!(text.json(), json!({ "text": "Hi.", "usage": { "type": "duration", "seconds": 2.5 } }), "{kind}");
        let seen = scene.upstream.last();
        assert!(seen.path.contains(hear), "{kind}: {}", seen.path);
        match kind {
            "deepgram" => assert_eq!((seen.header("content-type"), &seen.body[..]), (Some("audio/wav"), &b"RIFF"[..])),
            _ => assert!(String::from_utf8_lossy(&seen.body).contains("name=\"model_id\"\r\n\r\nm\r\n")),
        }
        let records = scene.gateway.records(2).await;
        assert!(records.iter().any(|record| used(record) == json!({ "sound_in_ms": 2_500 })), "{records:#?}");
    }
}

#[tokio::test]
async fn a_form_with_a_picture_reaches_gemini_as_its_own_question() {
    let made = json!({ "candidates": [{ "content": { "parts": [{ "inlineData": { "mimeType": "image/png", "data": "QUJD" } }] } }], "usageMetadata": { "promptTokenCount": 4, "candidatesTokenCount": 6 } });
    let scene = before("gemini", Answer::json(200, &made)).await;
    let answer = upload(
        &scene,
        "/v1/images/edits",
        form(&[("model", "v/m"), ("prompt", "A hat"), ("n", "1")], "image[]", b"PNG"),
    )
    .await;
    assert_eq!(answer.json()["data"], json!([{ "b64_json": "QUJD" }]), "{}", answer.text());
    let picture = json!({ "inlineData": { "mimeType": "audio/wav", "data": "UE5H" } });
    assert_eq!(scene.upstream.last().json()["contents"][0]["parts"], json!([{ "text": "A hat" }, picture]));
    let refused =
        upload(&scene, "/v1/images/edits", form(&[("model", "v/m"), ("prompt", "A hat"), ("n", "3")], "image", b"PNG"))
            .await;
    assert_eq!((refused.status, &refused.json()["error"]["param"]), (400, &json!("n")));
}
