//! Kills the gateway at random instants under load and compares its records with what the provider knows it has answered.
//!
//! Calls are told apart by the end user that they name. The provider answers each with a number of tokens that follows from
//! that name, so that every record can be checked alone.

use std::{
    collections::BTreeMap,
    fmt,
    path::PathBuf,
    sync::{
        Arc, RwLock,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::{
    Answer, Client, Harness, Seen, Upstream,
    fixture::{openai_chat_text, openai_stream, openai_usage, words},
    harness::mint,
};

/// How hard the gateway is tried.
#[derive(Debug, Clone)]
pub struct KillSoak {
    pub gateway: PathBuf,
    pub kills: usize,
    /// Calls at once.
    pub callers: usize,
    /// Where the draws begin: the same seed kills after the same pauses.
    pub seed: u64,
}

/// What came of it.
#[derive(Debug, Default)]
pub struct Report {
    pub kills: usize,
    /// Of those, kills of a process that was starting.
    pub kills_at_start: usize,
    /// Calls that the provider got.
    pub calls: usize,
    /// Calls whose caller got a whole answer.
    pub answered: usize,
    pub records: usize,
    pub recovered_by_checkpoint: usize,
    pub recovered_by_hold: usize,
    /// Calls that were held when the process was killed, and that the provider has never seen.
    pub never_sent: usize,
    /// Calls that the provider got and that have no record.
    pub lost: Vec<u64>,
    /// Calls with more than one record.
    pub doubled: Vec<u64>,
    /// Records that cost something else than they should.
    pub wrong: Vec<String>,
    /// Tokens by which a recovered record is off at most.
    pub most_off: u64,
    /// From the start of the process until it listens, ascending.
    pub starts: Vec<Duration>,
    /// Damage that a start found, besides entries that were torn by the kill.
    pub damaged: usize,
    pub torn: usize,
}

/// Nano-dollars for a token.
const INPUT: u64 = 1_000;
const OUTPUT: u64 = 2_000;

/// Tokens that a record of a killed call may be off: a checkpoint.
const MOST_OFF: u64 = 256;

const CONFIG: &str = "
providers:
  acme:
    kind: openai
    base_url: URL
    api_key: ${ACME_KEY}
    prices: {m: {input: 1, output: 2}}
    timeouts: {total: 60s}
";

impl KillSoak {
    /// Runs it.
    ///
    /// # Panics
    /// If the gateway cannot be started, or cannot be asked for its records.
    pub async fn run(self) -> Report {
        let upstream = Upstream::by(answer);
        let config = CONFIG.replace("URL", &upstream.url());
        let mut gateway = Harness::of(&self.gateway, &config).env("ACME_KEY", &mint()).start().await;
        let load = Arc::new(Load {
            client: RwLock::new(gateway.client()),
            next: AtomicU64::new(1),
            answered: RwLock::default(),
            over: AtomicBool::new(false),
        });
        let mut callers = JoinSet::new();
        for _ in 0..self.callers {
            callers.spawn(load.clone().call());
        }
        let mut report = Report { kills: self.kills, ..Report::default() };
        let mut draw = draws(self.seed);
        for kill in 0..self.kills {
            if kill % 5 == 4 {
                gateway.kill_while_starting(Duration::from_millis(draw(150))).await;
                report.kills_at_start += 1;
            } else {
                tokio::time::sleep(Duration::from_millis(20 + draw(700))).await;
            }
            gateway.restart().await;
            report.starts.push(gateway.ready_after());
            *load.client.write().unwrap() = gateway.client();
        }
        load.over.store(true, Ordering::Release);
        callers.join_all().await;
        gateway.sigterm();
        gateway.ended(Duration::from_secs(60)).await;
        gateway.restart().await;
        for line in gateway.log().lines().filter(|line| line.contains("the journal is damaged")) {
            if line.contains("not written whole") { report.torn += 1 } else { report.damaged += 1 }
        }
        let records = all_records(&gateway).await;
        report.starts.sort_unstable();
        report.compare(&upstream.requests(), &records, &load.answered.read().unwrap());
        report
    }
}

/// Callers that never stop.
struct Load {
    client: RwLock<Client>,
    next: AtomicU64,
    /// Calls whose caller got a whole answer that was not streamed: it was settled before it was sent.
    answered: RwLock<Vec<u64>>,
    over: AtomicBool,
}

impl Load {
    async fn call(self: Arc<Self>) {
        while !self.over.load(Ordering::Acquire) {
            let number = self.next.fetch_add(1, Ordering::Relaxed);
            let client = self.client.read().unwrap().clone();
            let tokens = tokens(number);
            let body = json!({
                "model": "acme/m", "max_tokens": tokens, "user": number.to_string(), "stream": streams(number),
                "messages": [{"role": "user", "content": "x".repeat(number as usize % 200)}],
            });
            let answer = client.post("/v1/chat/completions", &body).try_stream().await;
            let Ok(answer) = answer else {
                // Nobody listens: it is being killed.
                tokio::time::sleep(Duration::from_millis(5)).await;
                continue;
            };
            let answer = answer.rest().await;
            if answer.status == 200 && answer.cut.is_none() && !streams(number) {
                self.answered.write().unwrap().push(number);
            }
        }
    }
}

/// Seven of ten calls are streamed.
fn streams(number: u64) -> bool {
    number % 10 < 7
}

/// Tokens of the answer to a call.
fn tokens(number: u64) -> u64 {
    if streams(number) { 20 + number * 37 % 700 } else { 5 + number * 13 % 90 }
}

fn number(seen: &Seen) -> u64 {
    let body: Value = serde_json::from_slice(&seen.body).unwrap_or_default();
    body.get("user").and_then(Value::as_str).and_then(|user| user.parse().ok()).unwrap_or_default()
}

fn answer(seen: &Seen) -> Answer {
    let number = number(seen);
    let words = words(usize::try_from(tokens(number)).unwrap());
    let usage = openai_usage(prompt(seen), tokens(number));
    if streams(number) {
        Answer::sse(openai_stream(&words, Some(&usage))).gap(gap(number))
    } else {
        openai_chat_text(&words.concat(), &usage).after(Duration::from_millis(number * 7 % 60))
    }
}

/// From a flood to a trickle of some seconds.
fn gap(number: u64) -> Duration {
    Duration::from_millis([0, 1, 1, 2, 5].get((number / 10 % 5) as usize).copied().unwrap_or_default())
}

fn prompt(seen: &Seen) -> u64 {
    seen.body.len() as u64 / 4
}

impl Report {
    fn compare(&mut self, seen: &[Seen], records: &[Value], answered: &[u64]) {
        let mut by_number: BTreeMap<u64, Vec<&Value>> = BTreeMap::new();
        for record in records {
            let user = record.get("user").and_then(Value::as_str).and_then(|user| user.parse().ok());
            by_number.entry(user.unwrap_or_default()).or_default().push(record);
        }
        by_number.remove(&0); // requests for records, and those that were cut before they were read
        self.records = by_number.values().map(Vec::len).sum();
        self.answered = answered.len();
        self.doubled = by_number.iter().filter(|(_, records)| records.len() > 1).map(|(number, _)| *number).collect();
        let mut sent: BTreeMap<u64, Vec<&Seen>> = BTreeMap::new();
        for seen in seen {
            sent.entry(number(seen)).or_default().push(seen);
        }
        self.calls = sent.len();
        for (number, seen) in &sent {
            let Some(record) = by_number.get(number).and_then(|records| records.first()) else {
                self.lost.push(*number);
                continue;
            };
            self.check(*number, seen, record);
        }
        for number in answered {
            let record = by_number.get(number).and_then(|records| records.first());
            if record.is_some_and(|record| record.get("recovered").is_some_and(Value::is_string)) {
                self.wrong.push(format!("call {number} was answered whole, and then recovered"));
            }
        }
        let held = |record: &&&Value| record.get("recovered").is_some_and(Value::is_string);
        let unsent = by_number.iter().filter(|(number, _)| !sent.contains_key(number));
        self.never_sent = unsent.filter_map(|(_, records)| records.first()).filter(held).count();
    }

    /// Compares a record with what the provider sent.
    fn check(&mut self, number: u64, seen: &[&Seen], record: &Value) {
        let Some(last) = seen.last() else { return };
        let cost = record.get("cost").and_then(Value::as_u64).unwrap_or(u64::MAX);
        let whole = prompt(last) * INPUT + tokens(number) * OUTPUT;
        let outcome = record.get("outcome").and_then(Value::as_str).unwrap_or_default();
        match record.get("recovered").and_then(Value::as_str) {
            // A caller that was cut off with the process is not known to have gone: only whole answers end in good order.
            None if outcome == "success" && cost == whole => {}
            None => self.wrong.push(format!("call {number} ({outcome}) costs {cost}, not {whole}")),
            Some(known) => {
                match known {
                    "checkpoint" => self.recovered_by_checkpoint += 1,
                    _ => self.recovered_by_hold += 1,
                }
                // A whole answer costs all of it from the moment that it is asked for.
                let sent = if streams(number) { last.tokens_sent } else { tokens(number) };
                let booked = cost.saturating_sub(prompt(last) * INPUT) / OUTPUT;
                let mut off = booked.abs_diff(sent);
                if streams(number) && gap(number).is_zero() && booked < sent {
                    off = 0; // what fills the buffers of the sockets at once cannot be known: no model writes so fast
                }
                self.most_off = self.most_off.max(off);
                if off > MOST_OFF || !cost.is_multiple_of(INPUT) {
                    self.wrong.push(format!("call {number} ({known}) is booked with {booked} tokens, and had {sent}"));
                }
            }
        }
    }

    /// Whether every promise was kept.
    #[must_use]
    pub fn is_good(&self) -> bool {
        self.lost.is_empty() && self.doubled.is_empty() && self.wrong.is_empty() && self.damaged == 0
    }

    /// The slowest start.
    #[must_use]
    pub fn slowest_start(&self) -> Duration {
        self.starts.last().copied().unwrap_or_default()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let start = |percent: usize| self.starts.get(self.starts.len() * percent / 100).copied().unwrap_or_default();
        writeln!(f, "kills                 {} ({} of them while it started)", self.kills, self.kills_at_start)?;
        writeln!(f, "calls at the provider {}", self.calls)?;
        writeln!(f, "records               {}", self.records)?;
        writeln!(
            f,
            "recovered             {} by checkpoint, {} by hold",
            self.recovered_by_checkpoint, self.recovered_by_hold
        )?;
        writeln!(f, "held and never sent   {}", self.never_sent)?;
        writeln!(f, "lost                  {} {:?}", self.lost.len(), self.lost)?;
        writeln!(f, "doubled               {} {:?}", self.doubled.len(), self.doubled)?;
        writeln!(f, "wrong cost            {} {:#?}", self.wrong.len(), self.wrong)?;
        writeln!(f, "most tokens off       {} of a killed call (allowed: {MOST_OFF})", self.most_off)?;
        writeln!(f, "torn entries          {}; other damage {}", self.torn, self.damaged)?;
        write!(
            f,
            "start to ready        median {:?}, 99 % {:?}, slowest {:?}",
            start(50),
            start(99),
            self.slowest_start()
        )
    }
}

/// Every record of the gateway.
async fn all_records(gateway: &Harness) -> Vec<Value> {
    let mut records = Vec::new();
    let mut cursor = String::new();
    let begun = Instant::now();
    loop {
        assert!(begun.elapsed() < Duration::from_secs(120), "the records do not end");
        let answer = gateway.admin().get(&format!("/api/v1/requests?limit=1000{cursor}")).send().await;
        assert_eq!(answer.status, 200, "the records: {}", answer.text());
        let mut page = answer.json();
        records.extend(page.get_mut("requests").and_then(Value::as_array_mut).map(std::mem::take).unwrap_or_default());
        match page.get("next_cursor").and_then(Value::as_str) {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return records,
        }
    }
}

/// A generator of numbers below `bound`: the same for the same seed.
fn draws(seed: u64) -> impl FnMut(u64) -> u64 {
    let mut state = seed | 1;
    move |bound| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % bound
    }
}
