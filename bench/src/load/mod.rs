//! The load generator: closed loop to saturate, open loop to measure time.
//!
//! Open loop means that requests are due at a fixed rate whatever the answers do, and that a latency counts from the
//! moment at which a request was due: a stall shows in every request that it delayed.

mod connection;
pub mod wire;

use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::{Result, bail};
use tokio::task::JoinSet;

use connection::Connection;
pub use connection::open_stream;

/// Unmeasured load before each measurement.
const WARM_UP: Duration = Duration::from_millis(200);

/// Where requests go, and what they are.
#[derive(Debug, Clone)]
pub struct Shot {
    pub address: SocketAddr,
    /// A whole request, head and body.
    pub request: Arc<[u8]>,
}

/// What was seen in the measured window.
#[derive(Debug, Clone, Default)]
pub struct Seen {
    pub requests: u64,
    pub elapsed: Duration,
    /// From due to the first token, ascending. Empty for a closed loop.
    pub first_token: Vec<Duration>,
}

/// Sends one request and reads its answer.
pub async fn once(shot: &Shot) -> Result<()> {
    let mut connection = Connection::open(shot.address).await?;
    tokio::time::timeout(Duration::from_secs(10), connection.exchange(&shot.request)).await??;
    Ok(())
}

/// Counts what passes; read at both ends of the window.
#[derive(Debug, Default)]
struct Meter {
    done: AtomicU64,
    failed: Mutex<Option<String>>,
    stop: AtomicBool,
    due: Mutex<Vec<(Instant, Duration)>>,
}

/// Keeps `connections` requests in flight. `at_edges` is called at both ends of the window.
pub async fn closed(shot: &Shot, connections: usize, window: Duration, mut at_edges: impl FnMut()) -> Result<Seen> {
    let meter = Arc::new(Meter::default());
    let mut workers = JoinSet::new();
    for _ in 0..connections {
        let (shot, meter) = (shot.clone(), meter.clone());
        workers.spawn(async move {
            let outcome = async {
                let mut connection = Connection::open(shot.address).await?;
                while !meter.stop.load(Ordering::Relaxed) {
                    connection.exchange(&shot.request).await?;
                    meter.done.fetch_add(1, Ordering::Relaxed);
                }
                Ok(())
            };
            meter.note(outcome.await);
        });
    }
    tokio::time::sleep(WARM_UP).await;
    at_edges();
    let (begun, before) = (Instant::now(), meter.done.load(Ordering::Relaxed));
    tokio::time::sleep(window).await;
    let (elapsed, requests) = (begun.elapsed(), meter.done.load(Ordering::Relaxed) - before);
    at_edges();
    meter.finish(workers).await?;
    Ok(Seen { requests, elapsed, first_token: Vec::new() })
}

/// Sends `rate` requests a second. `at_edges` is called at both ends of the window.
pub async fn open(shot: &Shot, rate: f64, window: Duration, mut at_edges: impl FnMut()) -> Result<Seen> {
    let meter = Arc::new(Meter::default());
    let schedule =
        Arc::new(tokio::sync::Mutex::new(Schedule { next: Instant::now(), step: Duration::from_secs_f64(1.0 / rate) }));
    let mut workers = JoinSet::new();
    for _ in 0..workers_for(rate) {
        let (shot, meter, schedule) = (shot.clone(), meter.clone(), schedule.clone());
        workers.spawn(async move {
            let outcome = async {
                let mut connection = Connection::open(shot.address).await?;
                while !meter.stop.load(Ordering::Relaxed) {
                    let due = schedule.lock().await.wait(&meter.stop).await;
                    let first_token = connection.exchange(&shot.request).await?;
                    meter.done.fetch_add(1, Ordering::Relaxed);
                    meter.lock_due().push((due, first_token.duration_since(due)));
                }
                Ok(())
            };
            meter.note(outcome.await);
        });
    }
    tokio::time::sleep(WARM_UP).await;
    at_edges();
    let (begun, before) = (Instant::now(), meter.done.load(Ordering::Relaxed));
    tokio::time::sleep(window).await;
    let (ended, requests) = (Instant::now(), meter.done.load(Ordering::Relaxed) - before);
    at_edges();
    meter.finish(workers).await?;
    let measured = |(due, latency): &(Instant, Duration)| (begun..ended).contains(due).then_some(*latency);
    let mut first_token: Vec<Duration> = meter.lock_due().iter().filter_map(measured).collect();
    first_token.sort_unstable();
    Ok(Seen { requests, elapsed: ended - begun, first_token })
}

/// Connections for an open loop: enough that a request waits for a free one only if answers take a second.
fn workers_for(rate: f64) -> usize {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "bounded on both sides")]
    let workers = rate.clamp(16.0, 512.0) as usize;
    workers
}

/// When requests are due. Whoever holds it waits for the next one; the others wait for it without turning.
struct Schedule {
    next: Instant,
    step: Duration,
}

impl Schedule {
    /// Timers have a resolution of a millisecond: the last stretch is waited for by turning.
    async fn wait(&mut self, stop: &AtomicBool) -> Instant {
        const TURNING: Duration = Duration::from_millis(2);
        let due = self.next;
        self.next += self.step;
        if let Some(sleep) = due.saturating_duration_since(Instant::now()).checked_sub(TURNING) {
            tokio::time::sleep(sleep).await;
        }
        while Instant::now() < due && !stop.load(Ordering::Relaxed) {
            tokio::task::yield_now().await;
        }
        due
    }
}

impl Meter {
    fn note(&self, outcome: Result<()>) {
        if let Err(error) = outcome
            && let Ok(mut failed) = self.failed.lock()
        {
            failed.get_or_insert(format!("{error:#}"));
        }
    }

    fn lock_due(&self) -> std::sync::MutexGuard<'_, Vec<(Instant, Duration)>> {
        self.due.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// A single failed request makes the measurement worthless.
    async fn finish(&self, mut workers: JoinSet<()>) -> Result<()> {
        self.stop.store(true, Ordering::Relaxed);
        let all = async { while workers.join_next().await.is_some() {} };
        if tokio::time::timeout(Duration::from_secs(10), all).await.is_err() {
            bail!("requests were not answered within ten seconds");
        }
        match self.failed.lock().ok().and_then(|mut failed| failed.take()) {
            Some(why) => bail!(why),
            None => Ok(()),
        }
    }
}
