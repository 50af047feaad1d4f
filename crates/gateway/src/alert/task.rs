//! Takes alerts out of the queue and tells who wants them.

use std::{sync::Arc, time::Duration};

use futures_util::{StreamExt, future::join_all, stream::FuturesUnordered};
use govern::alert::{Endpoint, Recipient, Rule};
use http::HeaderMap;
use serde_json::Value;
use tokio::{sync::mpsc, time::timeout};
use tokio_util::sync::CancellationToken;

use super::{Alert, email, pagerduty, slack, webhook};
use crate::{
    clock::now_seconds,
    observe::Metrics,
    upstream::{HttpPost, TlsError, fetch::Fetcher},
};

/// How long one thing is not told again.
const QUIET: Duration = Duration::from_secs(3_600);

/// Things that are remembered as told.
const MOST_TOLD: u64 = 10_000;

/// Alerts on their way at once: a recipient that is slow does not hold up the others.
const MOST_UNDER_WAY: usize = 64;

/// How often a recipient is tried, the pause before the second try (it doubles), and the longest wait for an answer.
const TRIES: u32 = 4;
const PAUSE: Duration = Duration::from_secs(1);
const PATIENCE: Duration = Duration::from_secs(10);

/// Longest time that the last alerts may take when the process ends.
const LAST: Duration = Duration::from_secs(5);

/// The recipients of the moment: a reload may change them.
pub type RulesOf = Arc<dyn Fn() -> Vec<Rule> + Send + Sync>;

/// The exit of the queue.
pub struct AlertTask {
    queue: mpsc::Receiver<Alert>,
    telling: Telling,
}

/// Who is told what, and what was told.
struct Telling {
    sender: Sender,
    rules: RulesOf,
    metrics: Arc<Metrics>,
    told: moka::future::Cache<(&'static str, String), ()>,
}

/// What sends: to the world by the fetcher's rules, into the operator's own network without them.
struct Sender {
    outside: Fetcher,
    inside: HttpPost,
}

impl AlertTask {
    /// # Errors
    /// The system's certificate authorities cannot be read.
    pub fn new(
        queue: mpsc::Receiver<Alert>,
        outside: Fetcher,
        rules: RulesOf,
        metrics: Arc<Metrics>,
    ) -> Result<Self, TlsError> {
        let told = moka::future::Cache::builder().max_capacity(MOST_TOLD).time_to_live(QUIET).build();
        let sender = Sender { outside, inside: HttpPost::new()? };
        Ok(Self { queue, telling: Telling { sender, rules, metrics, told } })
    }

    /// Tells recipients until told to stop; then what is left, if that is quickly done.
    pub async fn run(self, stop: CancellationToken) {
        let Self { mut queue, telling } = self;
        let mut under_way = FuturesUnordered::new();
        loop {
            tokio::select! {
                () = stop.cancelled() => break,
                Some(()) = under_way.next(), if !under_way.is_empty() => {}
                alert = queue.recv(), if under_way.len() < MOST_UNDER_WAY => match alert {
                    Some(alert) => under_way.push(telling.tell(alert)),
                    None => break,
                },
            }
        }
        queue.close();
        let rest = async {
            while let Ok(alert) = queue.try_recv() {
                under_way.push(telling.tell(alert));
            }
            while under_way.next().await.is_some() {}
        };
        if timeout(LAST, rest).await.is_err() {
            tracing::warn!("the last alerts were not delivered in time");
        }
    }
}

impl Telling {
    /// Tells everybody who wants to know; nobody, if it was told not long ago.
    async fn tell(&self, alert: Alert) {
        let entry = self.told.entry((alert.kind.as_str(), alert.subject.clone())).or_insert(()).await;
        if !entry.is_fresh() {
            return;
        }
        tracing::warn!(alert.kind = alert.kind.as_str(), alert.subject, "{}", alert.summary);
        let rules: Vec<Rule> = (self.rules)().into_iter().filter(|rule| rule.wants(alert.kind)).collect();
        join_all(rules.iter().map(|rule| self.deliver(rule, &alert))).await;
    }

    /// Tells one recipient, several times if need be.
    async fn deliver(&self, rule: &Rule, alert: &Alert) {
        let mut pause = PAUSE;
        for attempt in 1..=TRIES {
            match self.sender.tell(&rule.to, alert).await {
                Ok(()) => return self.metrics.alert("delivered"),
                Err(problem) if problem.is_final || attempt == TRIES => {
                    tracing::error!(alert.recipient = %rule.name, problem = problem.words, "an alert was not delivered");
                    return self.metrics.alert("failed");
                }
                Err(_) => tokio::time::sleep(pause).await,
            }
            pause *= 2;
        }
    }
}

/// Why a recipient was not told.
struct Problem {
    words: String,
    /// Another try would end the same.
    is_final: bool,
}

impl Problem {
    fn passing(words: impl ToString) -> Self {
        Self { words: words.to_string(), is_final: false }
    }

    fn lasting(words: impl ToString) -> Self {
        Self { words: words.to_string(), is_final: true }
    }
}

impl Sender {
    async fn tell(&self, to: &Recipient, alert: &Alert) -> Result<(), Problem> {
        match to {
            Recipient::Webhook { endpoint, key } => {
                let body = bytes(&webhook::body(alert))?;
                let headers = webhook::signed(alert, &body, key, now_seconds()).map_err(Problem::lasting)?;
                self.post(endpoint, headers, body).await
            }
            Recipient::Slack(endpoint) => self.post(endpoint, HeaderMap::new(), bytes(&slack::body(alert))?).await,
            Recipient::PagerDuty { endpoint, routing_key } => {
                self.post(endpoint, HeaderMap::new(), bytes(&pagerduty::body(alert, routing_key))?).await
            }
            Recipient::Email(mail) => email::send(alert, mail, PATIENCE).await.map_err(Problem::passing),
        }
    }

    async fn post(&self, to: &Endpoint, headers: HeaderMap, body: Vec<u8>) -> Result<(), Problem> {
        let url = to.url.expose();
        let status = if to.private {
            let uri = url.parse().map_err(Problem::lasting)?;
            let sent = timeout(PATIENCE, self.inside.send(uri, headers, body.into())).await;
            sent.map_err(|_| Problem::passing("it did not answer in time"))?.map_err(Problem::passing)?
        } else {
            self.outside.post(url, headers, body.into(), PATIENCE).await.map_err(Problem::passing)?
        };
        match status {
            200..=299 => Ok(()),
            408 | 429 | 500..=599 => Err(Problem::passing(format!("it answered {status}"))),
            // Redirects too: where they lead is not where the operator wanted it.
            _ => Err(Problem::lasting(format!("it answered {status}"))),
        }
    }
}

fn bytes(body: &Value) -> Result<Vec<u8>, Problem> {
    serde_json::to_vec(body).map_err(Problem::lasting)
}
