use std::time::Duration;

use serde_json::json;

use super::*;
use crate::{Client, fixture::*};

fn client(upstream: &Upstream) -> Client {
    Client::new(upstream.address())
}

#[tokio::test]
async fn answers_in_turn_and_records_what_was_asked() {
    let upstream = Upstream::in_turn([
        openai_error(503, "server_error", None, "later"),
        openai_chat_text("hello", &openai_usage(7, 3)),
    ]);
    let ask = || client(&upstream).post("/v1/chat/completions?x=1", &json!({"a": 1})).header("X-One", "1");
    let first = ask().send().await;
    assert_eq!((first.status, first.json()["error"]["message"].as_str()), (503, Some("later")));
    for _ in 0..2 {
        assert_eq!(ask().send().await.json()["choices"][0]["message"]["content"], "hello");
    }
    let requests = upstream.requests();
    assert_eq!(requests.len(), 3);
    assert_eq!((requests[0].method.as_str(), requests[0].path.as_str()), ("POST", "/v1/chat/completions?x=1"));
    assert_eq!((requests[0].header("x-one"), &requests[0].body[..]), (Some("1"), &b"{\"a\":1}"[..]));
    assert_eq!(upstream.truth(), Truth { requests: 3, finished: 3, gone: 0, tokens_sent: 6 });
}

#[tokio::test]
async fn every_split_and_framing_gives_the_same_body() {
    let frames = openai_stream(&["héllo ", "wörld"], Some(&openai_usage(1, 2)));
    let whole = Answer::sse(frames);
    let upstream = Upstream::answering(whole.clone());
    let plain = client(&upstream).get("/").send().await;
    assert!(plain.text().ends_with("data: [DONE]\n\n"));
    assert_eq!(plain.body.len(), whole.body_len());
    for answer in [whole.clone().split_every(1), whole.clone().split_sizes([3, 1, 200]), whole.clone().until_close()] {
        upstream.now_answering(answer);
        let split = client(&upstream).get("/").send().await;
        assert_eq!((split.body, split.cut), (plain.body.clone(), None));
    }
    assert_eq!(upstream.truth().tokens_sent, 8);
}

#[tokio::test]
async fn a_piece_is_a_chunk() {
    let upstream = Upstream::answering(Answer::sse([Frame::raw("abc"), Frame::raw("def")]).split_sizes([2]));
    let raw = client(&upstream).raw(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").await;
    assert!(String::from_utf8(raw).unwrap().ends_with("\r\n\r\n2\r\nab\r\n2\r\ncd\r\n2\r\nef\r\n0\r\n\r\n"));
}

#[tokio::test]
async fn an_answer_can_end_badly_at_any_byte() {
    let whole = openai_chat_text("hello", &openai_usage(1, 1));
    let upstream = Upstream::answering(whole.clone());
    for end in [End::Close, End::Reset] {
        for bytes in [0, 1, whole.body_len() - 1] {
            upstream.now_answering(whole.clone().cut(bytes, end));
            let answer = client(&upstream).get("/").send().await;
            assert!(answer.cut.is_some(), "{end:?} after {bytes}");
            assert!(answer.body.len() <= bytes);
        }
    }
    upstream.now_answering(whole.clone().claims_length(9_999));
    assert!(client(&upstream).get("/").send().await.cut.is_some());
    for answer in [Answer::reset(), Answer::close()] {
        upstream.now_answering(answer);
        assert!(client(&upstream).get("/").try_stream().await.is_err());
    }
    assert!(tokio::net::TcpStream::connect(refusing()).await.is_err());
}

#[tokio::test]
async fn notices_when_the_reader_leaves() {
    let frames = openai_stream(&words(1_000), None);
    let upstream = Upstream::answering(Answer::sse(frames).gap(Duration::from_millis(5)));
    let mut stream = client(&upstream).get("/").stream().await;
    stream.until("w3 ").await;
    drop(stream);
    let left = Instant::now();
    let seen = upstream.until("the reader leave", |seen| seen[0].gone.is_some()).await;
    assert!(left.elapsed() < Duration::from_secs(1));
    assert!((4..1_000).contains(&seen[0].tokens_sent), "{seen:?}");
    assert!(seen[0].finished.is_none() && seen[0].stayed().is_some());

    for silent in
        [Answer::silence(), Answer::new(200).body("abc").cut(1, End::Hang), Answer::new(200).after(Duration::MAX)]
    {
        upstream.now_answering(silent);
        let asked = upstream.truth();
        let ask = client(&upstream).get("/").send();
        assert!(tokio::time::timeout(Duration::from_millis(50), ask).await.is_err());
        upstream.until("the reader leave", |_| upstream.truth().gone == asked.gone + 1).await;
    }
}

#[tokio::test]
async fn the_odd_answers_arrive() {
    let text = "x".repeat(100_000);
    let upstream = Upstream::answering(Answer::new(200).body(text.clone()).gzip().interim(103));
    let packed = client(&upstream).get("/").send().await;
    assert_eq!((packed.status, packed.header("content-encoding")), (200, Some("gzip")));
    assert!(packed.body.len() < 1_000);
    let mut unpacked = String::new();
    std::io::Read::read_to_string(&mut flate2::read::GzDecoder::new(&packed.body[..]), &mut unpacked).unwrap();
    assert_eq!(unpacked, text);

    upstream.now_answering(Answer::redirect(302, "http://169.254.169.254/"));
    assert_eq!(client(&upstream).get("/").send().await.header("location"), Some("http://169.254.169.254/"));

    upstream.now_answering(Answer::new(200).body("slow").drip(Duration::from_millis(10)));
    let begun = Instant::now();
    assert_eq!(client(&upstream).get("/").send().await.text(), "slow");
    assert!(begun.elapsed() >= Duration::from_millis(30));
}

#[tokio::test]
async fn sees_every_request_of_a_pipeline_and_every_body() {
    let upstream = Upstream::by(|seen| Answer::new(200).body(seen.body.to_vec()));
    let two = b"POST /1 HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n2;x=y\r\nab\r\n1\r\nc\r\n0\r\n\r\n\
                POST /2 HTTP/1.1\r\ncontent-length: 2\r\n\r\nde";
    let back = client(&upstream).raw(two).await;
    assert_eq!(String::from_utf8_lossy(&back).matches("HTTP/1.1 200").count(), 2);
    let bodies: Vec<_> = upstream.requests().into_iter().map(|seen| (seen.path, seen.body)).collect();
    assert_eq!(bodies, [("/1".to_owned(), "abc".into()), ("/2".to_owned(), "de".into())]);
}

#[tokio::test]
async fn anthropic_streams_name_their_events() {
    let upstream = Upstream::answering(Answer::sse(anthropic_stream(&["a", "b"], &anthropic_usage(5, 2))));
    let answer = client(&upstream).get("/").send().await;
    let names: Vec<_> = answer.events().into_iter().map(|(name, _)| name.unwrap()).collect();
    assert_eq!(
        names,
        [
            "message_start",
            "content_block_start",
            "ping",
            "content_block_delta",
            "content_block_delta",
            "content_block_stop",
            "message_delta",
            "message_stop"
        ]
    );
}
