//! A configuration that changes while the process runs: built aside, then swapped whole. A bad one never replaces a
//! good one.

use std::{
    hash::{Hash, Hasher},
    path::Path,
    sync::{Arc, PoisonError},
    time::Duration,
};

use gateway::Gateway;
use govern::config::{Problem, Severity};
use notify::{RecommendedWatcher, RecursiveMode, Watcher};
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::mpsc,
};
use tokio_util::sync::CancellationToken;

use super::{
    price_book::PriceBook,
    tree::{Turn, with_stored},
};
use crate::cli::config::File;

/// Editors write a file in several steps; what comes within this time is one change.
const SETTLE: Duration = Duration::from_millis(150);

/// Takes over every change of the file, and reads it again at SIGHUP.
///
/// The directory is watched, not the file: editors and Kubernetes replace the file by another. What else changes in the
/// directory (a log, say) is none of our business: only a file that reads differently is checked.
pub async fn follow(gw: Arc<Gateway>, source: File, (book, turn): (Arc<PriceBook>, Turn), stop: CancellationToken) {
    let (changed, mut changes) = mpsc::channel(1);
    let _watcher = source.path().and_then(|file| watch(&file, changed.clone()));
    let Ok(mut hangup) = signal(SignalKind::hangup()) else { return };
    // It may have changed between the start and now.
    let _ = changed.try_send(());
    let mut seen = None;
    loop {
        let asked = tokio::select! {
            () = stop.cancelled() => return,
            _ = hangup.recv() => true,
            Some(()) = changes.recv() => {
                tokio::time::sleep(SETTLE).await;
                while changes.try_recv().is_ok() {}
                false
            }
        };
        let now = fingerprint(&source);
        if asked || seen != Some(now) {
            reload(&gw, &source, &turn);
            book.enter(&gw.rules.load_full()).await;
        }
        seen = Some(now);
    }
}

/// A number that differs when the file reads differently, or cannot be read.
fn fingerprint(source: &File) -> u64 {
    let mut hasher = std::hash::DefaultHasher::new();
    source.path().and_then(|path| std::fs::read(path).ok()).hash(&mut hasher);
    hasher.finish()
}

fn watch(file: &Path, changed: mpsc::Sender<()>) -> Option<RecommendedWatcher> {
    let directory = match file.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
        if event.is_ok_and(|event| !event.kind.is_access()) {
            // A change that is already waiting to be read covers this one.
            let _ = changed.try_send(());
        }
    });
    let watched =
        watcher.and_then(|mut watcher| watcher.watch(directory, RecursiveMode::NonRecursive).map(|()| watcher));
    watched
        .inspect_err(|error| tracing::warn!(%error, "the configuration cannot be watched; SIGHUP reads it again"))
        .ok()
}

fn reload(gw: &Gateway, source: &File, turn: &Turn) {
    let _turn = turn.lock().unwrap_or_else(PoisonError::into_inner);
    let before = gw.rules.load_full();
    let checked = match source.check() {
        Ok(checked) => checked,
        Err(error) => {
            gw.metrics.config_refused.inc();
            return tracing::error!("the configuration stays as it was: {error:#}");
        }
    };
    let Some(draft) = checked.draft else {
        log(&checked.problems);
        gw.metrics.config_refused.inc();
        return tracing::error!("the configuration stays as it was");
    };
    let rules = draft.into_rules(gw.keys.pepper(), before.generation + 1);
    if rules.hash == before.hash {
        return;
    }
    let mut rules = with_stored(rules, before.directory.stored().clone());
    log(&checked.problems);
    let fixed = [
        ("data_dir", rules.settings.data_dir == before.settings.data_dir),
        ("database", rules.settings.database == before.settings.database),
        ("pepper", rules.settings.pepper == before.settings.pepper),
        ("admin_listen", rules.settings.admin_listen == before.settings.admin_listen),
        ("bounds.connections", rules.settings.bounds.connections == before.settings.bounds.connections),
    ];
    for (name, _) in fixed.iter().filter(|(_, same)| !same) {
        tracing::warn!(setting = name, "a change of this setting takes effect at the next start");
    }
    rules.settings.listen = before.settings.listen;
    match gw.swap(Arc::new(rules)) {
        Ok(()) => tracing::info!(generation = before.generation + 1, "a new configuration is in force"),
        Err(error) => {
            gw.metrics.config_refused.inc();
            tracing::error!(%error, "the configuration stays as it was");
        }
    }
}

/// Problems as lines of the log, where their place is a field.
fn log(problems: &[Problem]) {
    for problem in problems {
        let Problem { severity, path, message, fix, place, .. } = problem;
        let (line, code) = (place.map(|place| place.line), problem.fault.as_str());
        match severity {
            Severity::Error => tracing::error!(code, path, line, fix, "{message}"),
            Severity::Warning => tracing::warn!(code, path, line, fix, "{message}"),
        }
    }
}
