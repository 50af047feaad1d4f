//! The exporter against a collector on a real socket.

use std::{collections::VecDeque, sync::Mutex};

use http::{Request, Response, header};
use http_body_util::{BodyExt, Full};
use hyper::{body::Incoming, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};

use super::*;
use crate::tasks::Tasks;

/// A collector that answers as scripted, then 200, and keeps what it was sent.
#[derive(Default)]
struct Collector {
    answers: Mutex<VecDeque<u16>>,
    got: Mutex<Vec<(String, serde_json::Value)>>,
}

impl Collector {
    /// Starts it; gives its address.
    async fn start(self: &Arc<Self>, tasks: &Tasks) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (collector, connections) = (self.clone(), tasks.clone());
        tasks.spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                let collector = collector.clone();
                connections.spawn(async move {
                    let answer = service_fn(|request| collector.clone().answer(request));
                    let _ =
                        hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(socket), answer).await;
                });
            }
        });
        format!("http://{address}")
    }

    async fn answer(
        self: Arc<Self>,
        request: Request<Incoming>,
    ) -> Result<Response<Full<Bytes>>, std::convert::Infallible> {
        assert_eq!(request.headers()[header::CONTENT_TYPE], "application/json");
        let path = request.uri().path().to_owned();
        let body = request.into_body().collect().await.unwrap().to_bytes();
        self.got.lock().unwrap().push((path, serde_json::from_slice(&body).unwrap()));
        let status = self.answers.lock().unwrap().pop_front().unwrap_or(200);
        Ok(Response::builder().status(status).body(Full::default()).unwrap())
    }

    fn got(&self) -> Vec<(String, serde_json::Value)> {
        self.got.lock().unwrap().clone()
    }
}

/// One connection per request: enough for a test.
struct Plain(Tasks);

impl Post for Plain {
    fn post(&self, to: Uri, json: Bytes) -> BoxFuture<'_, Result<u16, String>> {
        Box::pin(async move {
            let socket =
                TcpStream::connect(to.authority().unwrap().as_str()).await.map_err(|error| error.to_string())?;
            let (mut sender, connection) =
                hyper::client::conn::http1::handshake(TokioIo::new(socket)).await.map_err(|error| error.to_string())?;
            self.0.spawn(connection);
            let request = Request::post(to.path())
                .header(header::HOST, to.authority().unwrap().as_str())
                .header(header::CONTENT_TYPE, "application/json")
                .body(Full::new(json))
                .unwrap();
            #[expect(clippy::disallowed_methods, reason = "a test's own collector")]
            let answer = sender.send_request(request).await.map_err(|error| error.to_string())?;
            Ok(answer.status().as_u16())
        })
    }
}

fn sink(endpoint: &str, tasks: &Tasks) -> (Otlp, OtlpTask) {
    otlp(endpoint, Arc::new(Plain(tasks.clone())), Arc::new(|_| None)).unwrap()
}

fn record(second: i64) -> Record {
    Record {
        id: uuid::Uuid::now_v7(),
        at: second * 1_000_000,
        surface: "messages".into(),
        status: 200,
        ..Record::default()
    }
}

/// Waits for something that another task does.
async fn until(done: impl Fn() -> bool) {
    timeout(Duration::from_secs(10), async {
        while !done() {
            sleep(Duration::from_millis(5)).await;
        }
    })
    .await
    .expect("it never came");
}

#[tokio::test]
async fn spans_reach_the_collector() {
    let (collector, tasks) = (Arc::new(Collector::default()), Tasks::default());
    let (sink, task) = sink(&format!("{}/", collector.start(&tasks).await), &tasks);
    tasks.spawn(task.run(tasks.stopping()));
    sink.write(&[record(1), record(2)]).await.unwrap();
    until(|| !collector.got().is_empty()).await;
    let (path, body) = collector.got().remove(0);
    assert_eq!(path, "/v1/traces");
    let resource = &body["resourceSpans"][0];
    assert_eq!(resource["resource"]["attributes"][0]["value"]["stringValue"], "tollgate");
    let spans = resource["scopeSpans"][0]["spans"].as_array().unwrap();
    assert_eq!(spans.iter().map(|span| span["name"].as_str().unwrap()).collect::<Vec<_>>(), ["POST /v1/messages"; 2]);
    assert_eq!(spans[1]["startTimeUnixNano"], "2000000000");
}

#[tokio::test]
async fn nothing_is_sent_for_nothing() {
    let (collector, tasks) = (Arc::new(Collector::default()), Tasks::default());
    let (sink, task) = sink(&collector.start(&tasks).await, &tasks);
    let task = tasks.spawn(task.run(tasks.stopping()));
    sink.write(&[Record { unsampled: true, ..record(1) }]).await.unwrap();
    drop(sink);
    task.await.unwrap();
    assert_eq!(collector.got(), []);
}

#[tokio::test]
async fn a_busy_collector_is_asked_again_and_a_refusal_is_final() {
    let (collector, tasks) = (Arc::new(Collector::default()), Tasks::default());
    collector.answers.lock().unwrap().extend([503, 200, 400]);
    let (sink, task) = sink(&collector.start(&tasks).await, &tasks);
    let task = tasks.spawn(task.run(tasks.stopping()));
    sink.write(&[record(1)]).await.unwrap();
    sink.write(&[record(2)]).await.unwrap();
    drop(sink);
    task.await.unwrap();
    let starts: Vec<_> = collector
        .got()
        .iter()
        .map(|(_, body)| body["resourceSpans"][0]["scopeSpans"][0]["spans"][0]["startTimeUnixNano"].clone())
        .collect();
    assert_eq!(starts, ["1000000000", "1000000000", "2000000000"]);
}

#[tokio::test]
async fn what_is_queued_is_sent_at_the_end() {
    let (collector, tasks) = (Arc::new(Collector::default()), Tasks::default());
    let (sink, task) = sink(&collector.start(&tasks).await, &tasks);
    for second in 0..3 {
        sink.write(&[record(second)]).await.unwrap();
    }
    let stop = CancellationToken::new();
    stop.cancel();
    task.run(stop).await;
    assert_eq!(collector.got().len(), 3);
}

#[tokio::test]
async fn a_collector_that_is_away_holds_nobody_up() {
    let tasks = Tasks::default();
    let (sink, task) = sink("http://127.0.0.1:9", &tasks);
    for second in 0..i64::try_from(QUEUE).unwrap() {
        sink.write(&[record(second)]).await.unwrap();
    }
    let error = sink.write(&[record(99)]).await.unwrap_err();
    assert_eq!(error.to_string(), "the collector does not keep up");
    drop(task);
}
