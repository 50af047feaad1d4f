//! `tollgate serve`: puts the parts together, serves until told to stop, and leaves nothing behind.

mod accept;
mod auditor;
mod first_run;
mod head_timer;
mod journal;
mod log;
mod price_book;
mod reload;
mod signals;
mod tree;

use std::{
    collections::HashMap,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};

use admin::{Admin, Token};
use anyhow::{Context, bail};
use axum::{Router, http::Uri};
use gateway::{
    Gateway, Parts,
    alert::{Alert, AlertTask, Alerts},
    keys::KeySource,
    observe::Metrics,
    sink::{self, Sink, otlp::otlp},
    stage::identify,
    tasks::Tasks,
    upstream::HttpPost,
};
use govern::{Rules, config::snapshot::Settings};
use price_book::PriceBook;
use store::Store;
use tokio::{net::TcpListener, sync::mpsc};

use crate::cli::{
    config::{Installation, checkpoints},
    serve::Args,
};

/// Serves until a signal ends it.
///
/// # Errors
/// The configuration has errors, an address cannot be bound, or the data directory cannot be used.
pub fn run(args: &Args) -> anyhow::Result<()> {
    log::init();
    let cores = || std::thread::available_parallelism().map_or(1, Into::into);
    let workers = args.workers.map_or_else(cores, usize::from);
    let mut runtime = match workers {
        0 | 1 => tokio::runtime::Builder::new_current_thread(),
        _ => tokio::runtime::Builder::new_multi_thread(),
    };
    if workers > 1 {
        runtime.worker_threads(workers);
    }
    runtime.enable_all().build().context("the runtime cannot start")?.block_on(serve(args))
}

async fn serve(args: &Args) -> anyhow::Result<()> {
    let draft = args.config.load()?;
    let here = Installation::of(draft.settings());
    let store = here.store().await?;
    let (admin_pepper, pepper) = (here.pepper()?, here.pepper()?);
    store.belongs_to(&pepper).await?;
    let data_dir = here.dir;
    let mut rules = draft.into_rules(&pepper, 1);
    if let Some(listen) = args.listen {
        rules.settings.listen = listen;
    }
    let settings = rules.settings.clone();
    // The number first: what changes while the tree is read is read again.
    let tree_version = store.version_of(store::Kind::Directory).await?;
    let rules = Arc::new(tree::with_stored(rules, Arc::new(store.tree().await?)));

    let metrics = Metrics::new(env!("CARGO_PKG_VERSION"));
    metrics.config_generation.set(1);
    // What writes records outlives the other tasks: what these record last is still written.
    let (tasks, writers) = (Tasks::default(), Tasks::default());
    let book = Arc::new(PriceBook::new(store.clone()));
    book.enter(&rules).await;
    let (alerts, raised) = Alerts::new(metrics.clone());
    let (journal, syncer) = journal::open(&data_dir, &rules, &metrics)?;
    let sinks = sinks(&store, &book, &rules, &writers)?;
    let (sinks, mut sink_task) = sink::queue(sinks, Some(journal), alerts.clone(), metrics.clone());
    sink_task.catch_up(CATCH_UP).await;
    let gw = Gateway::new(Parts {
        rules: rules.clone(),
        pepper,
        keys: Arc::new(store.clone()) as Arc<dyn KeySource>,
        responses: Arc::new(store.clone()),
        sinks,
        alerts,
        metrics,
        tasks: tasks.clone(),
    })?;
    restore_counters(&store, &gw).await.context("the counters of limits cannot be read")?;
    writers.spawn(sink_task.run(writers.stopping()));
    tell_people(&gw, raised)?;
    keep_up(&gw, &store);
    tasks.spawn(forget_old_records(store.clone(), settings.record_days, tasks.stopping()));
    tasks.spawn(auditor::run(store.clone(), checkpoints(&data_dir)?, tasks.stopping()));
    let turn = tree::Turn::default();
    tasks.spawn(tree::follow(gw.clone(), store.clone(), turn.clone(), tree_version, tasks.stopping()));
    tasks.spawn(forget_idle_counters(gw.clone(), tasks.stopping()));
    tasks.spawn(reload::follow(gw.clone(), args.config.clone(), (book, turn), tasks.stopping()));

    let listeners = Listeners::bind(&settings).await?;
    if args.config.path().is_none() {
        first_run::greet(&store, gw.keys.pepper(), listeners.address).await?;
    }
    let (in_force, callers) = (gw.clone(), gw.clone());
    let admin = Admin {
        store: store.clone(),
        token: Token::open(&data_dir)?,
        pepper: Arc::new(admin_pepper),
        identify: Arc::new(move |headers| {
            let gw = callers.clone();
            Box::pin(async move {
                let rules = gw.rules.load_full();
                Ok(identify(&gw, &rules, &headers, &Uri::default()).await?.key)
            })
        }),
        listen: listeners.address,
        rules: Arc::new(move || in_force.rules.load().rules.clone()),
    };
    write_address(&data_dir, listeners.address)?;
    let control = gateway::http::meters(gw.clone()).merge(admin::router(admin));
    listeners.serve(&gw, &settings, control).await;

    tasks.finish().await;
    drop(gw);
    writers.finish().await;
    drop(syncer);
    store.close().await;
    let _ = std::fs::remove_file(address_file(&data_dir));
    tracing::info!("stopped");
    Ok(())
}

/// How long a start waits for records that the process before left in the journal.
const CATCH_UP: Duration = Duration::from_millis(1_500);

/// Delivers alerts, to the recipients of the moment.
fn tell_people(gw: &Arc<Gateway>, raised: mpsc::Receiver<Alert>) -> anyhow::Result<()> {
    let ruling = gw.clone();
    let recipients = Arc::new(move || ruling.rules.load().alerts.clone());
    let task = AlertTask::new(raised, gw.fetcher.clone(), recipients, gw.metrics.clone())?;
    gw.tasks.spawn(task.run(gw.tasks.stopping()));
    Ok(())
}

/// Keeps up with what changes elsewhere: keys, the keys of identity providers, what other replicas tell.
fn keep_up(gw: &Arc<Gateway>, store: &Store) {
    let (following, stop) = (gw.clone(), gw.tasks.stopping());
    gw.tasks.spawn(async move { stop.run_until_cancelled(async { following.keys.follow().await }).await });
    let (following, stop) = (gw.clone(), gw.tasks.stopping());
    gw.tasks.spawn(async move { stop.run_until_cancelled(following.tokens.follow()).await });
    let (heard, stop) = (store.clone(), gw.tasks.stopping());
    gw.tasks.spawn(async move { stop.run_until_cancelled(async { heard.listen().await }).await });
}

/// Puts back what was booked on limits before the start.
async fn restore_counters(store: &Store, gw: &Gateway) -> Result<(), store::Error> {
    let booked = store.counters(gateway::clock::now_micros()).await?;
    let amount = |used: i64| u64::try_from(used).unwrap_or_default();
    gw.ledger.restore(booked.into_iter().map(|booked| (booked.counter.into(), booked.slot, amount(booked.used))));
    Ok(())
}

/// Where records go.
fn sinks(store: &Store, book: &Arc<PriceBook>, rules: &Rules, writers: &Tasks) -> anyhow::Result<Vec<Arc<dyn Sink>>> {
    let mut sinks: Vec<Arc<dyn Sink>> = vec![Arc::new(store.clone()), book.clone()];
    if let Some(endpoint) = &rules.settings.otlp_endpoint {
        let providers: HashMap<Arc<str>, &'static str> =
            rules.accounts.iter().map(|(name, account)| (name.clone(), account.provider.id())).collect();
        let provider_of = Arc::new(move |account: &str| providers.get(account).copied());
        let (sink, task) = otlp(endpoint, Arc::new(HttpPost::new()?), provider_of)?;
        writers.spawn(task.run(writers.stopping()));
        sinks.push(Arc::new(sink));
    }
    Ok(sinks)
}

/// The bound sockets.
struct Listeners {
    public: TcpListener,
    admin: Option<TcpListener>,
    /// The address of the public one, with the port that the system chose for port 0.
    address: SocketAddr,
}

impl Listeners {
    async fn bind(settings: &Settings) -> anyhow::Result<Self> {
        let bind = async |address: SocketAddr| {
            TcpListener::bind(address).await.with_context(|| format!("{address} cannot be listened on"))
        };
        let public = bind(settings.listen).await?;
        let admin = match settings.admin_listen {
            Some(address) => Some(bind(address).await?),
            None => None,
        };
        let address = public.local_addr()?;
        Ok(Self { public, admin, address })
    }

    /// Serves until a signal, then drains: readiness says no, new connections are still taken for a moment so that load
    /// balancers can look elsewhere, then what is under way is finished.
    async fn serve(self, gw: &Arc<Gateway>, settings: &Settings, control: Router) {
        let data = gateway::http::door(gw.clone());
        let edge = accept::Edge::new(settings);
        match self.admin {
            None => edge.listen(self.public, data.merge(control)),
            Some(admin) => {
                // Probes are answered on both; meters and records only here.
                edge.listen(self.public, data);
                edge.listen(admin, control.merge(gateway::http::probes(gw.clone())));
            }
        }
        gw.ready.store(true, Ordering::Release);
        tracing::info!(address = %self.address, "ready");
        let signal = signals::first().await;
        gw.ready.store(false, Ordering::Release);
        tracing::info!(signal = signal.name(), "draining");
        let drained = async {
            if signal.is_orderly() {
                tokio::time::sleep(LINGER).await;
            }
            let all = u32::try_from(settings.most_drains).unwrap_or(u32::MAX);
            let begun = Instant::now();
            edge.drain(settings.drain_timeout).await;
            // Answers that are read on for callers who have gone.
            let _ = tokio::time::timeout(
                settings.drain_timeout.saturating_sub(begun.elapsed()),
                gw.drains.acquire_many(all),
            )
            .await;
        };
        tokio::select! {
            () = drained => {}
            _ = signals::first() => tracing::warn!("a second signal: ending at once"),
        }
        edge.cut().await;
    }
}

/// How long new connections are taken after SIGTERM.
const LINGER: Duration = Duration::from_secs(5);

/// How often old records are looked for.
const FORGET_EVERY: Duration = Duration::from_secs(3_600);

/// Hours for which spend is kept by the hour: a hundred days.
const HOURS_KEPT: i64 = 2_400;

/// Microseconds.
const HOUR: i64 = 3_600_000_000;

async fn forget_old_records(store: Store, days: u32, stop: tokio_util::sync::CancellationToken) {
    let kept = i64::from(days) * 86_400 * 1_000_000;
    let mut ticks = tokio::time::interval(FORGET_EVERY);
    while stop.run_until_cancelled(ticks.tick()).await.is_some() {
        let before = gateway::clock::now_micros().saturating_sub(kept);
        if let Err(error) = store.forget_before(before).await {
            tracing::warn!(%error, "old records could not be deleted");
        }
        // Sums by the day are kept for good.
        if let Err(error) = store.forget_hours_before(gateway::clock::now_micros() / HOUR - HOURS_KEPT).await {
            tracing::warn!(%error, "old sums by the hour could not be deleted");
        }
        if let Err(error) = store.forget_counters(gateway::clock::now_micros()).await {
            tracing::warn!(%error, "counters of the past could not be deleted");
        }
        if let Err(error) = store.forget_responses_before(before).await {
            tracing::warn!(%error, "old responses could not be deleted");
        }
    }
}

/// Forgets counters that nobody misses, so that a million end users who called once do not stay.
async fn forget_idle_counters(gw: Arc<Gateway>, stop: tokio_util::sync::CancellationToken) {
    let mut ticks = tokio::time::interval(Duration::from_secs(60));
    while stop.run_until_cancelled(ticks.tick()).await.is_some() {
        gw.ledger.counters.forget_idle(gateway::clock::now());
    }
}

fn address_file(data_dir: &Path) -> PathBuf {
    data_dir.join("address")
}

/// Tells other processes where we are: `host:port`, written whole.
fn write_address(data_dir: &Path, address: SocketAddr) -> anyhow::Result<()> {
    let (file, part) = (address_file(data_dir), data_dir.join("address.part"));
    std::fs::write(&part, address.to_string())?;
    if let Err(error) = std::fs::rename(&part, &file) {
        bail!("{} cannot be written: {error}", file.display());
    }
    Ok(())
}
