//! Memory: idle, after load, with many open streams, over time.

use std::time::{Duration, Instant};

use anyhow::Result;
use serde::Serialize;
use tokio::task::JoinSet;

use crate::{
    load,
    scenario::{Form, Lane, Prompt, Scenario},
    subject::Subject,
    upstream::Upstream,
};

/// Streams that are being opened at once: fewer than a listener's backlog.
const AT_ONCE: usize = 100;

/// One reading.
#[derive(Debug, Clone, Serialize)]
pub struct Reading {
    pub subject: &'static str,
    pub when: String,
    pub rss_mib: f64,
}

pub fn idle(subject: &Subject) -> Reading {
    reading(subject, "idle".to_owned())
}

pub fn after_load(subject: &Subject) -> Reading {
    reading(subject, "after load".to_owned())
}

/// Opens `count` streams, reads memory once each has begun, and leaves.
pub async fn open_streams(subject: &Subject, count: usize) -> Result<Reading> {
    let shot = subject.shot(Scenario { lane: Lane::Relay, prompt: Prompt::K1, form: Form::Hold });
    let mut streams = Vec::with_capacity(count);
    while streams.len() < count {
        let mut opening = JoinSet::new();
        for _ in 0..AT_ONCE.min(count - streams.len()) {
            opening.spawn(load::open_stream(shot.clone()));
        }
        while let Some(stream) = opening.join_next().await {
            streams.push(stream??);
        }
    }
    Ok(reading(subject, format!("{count} open streams")))
}

/// Mixed load at a quarter of what it carries, read about ten times.
pub async fn soak(subject: &Subject, upstream: &Upstream, length: Duration) -> Result<Vec<Reading>> {
    let relay = |prompt, form| Scenario { lane: Lane::Relay, prompt, form };
    let translate = Scenario { lane: Lane::Translate, prompt: Prompt::K1, form: Form::Stream50 };
    let mix = [
        (relay(Prompt::K1, Form::Json), 4_000.0),
        (relay(Prompt::K100, Form::Json), 1_000.0),
        (relay(Prompt::K1, Form::Stream50), 200.0),
        (translate, 100.0),
    ];
    let (begun, mut readings) = (Instant::now(), Vec::new());
    while begun.elapsed() < length {
        for (scenario, rate) in mix {
            upstream.set_gap(scenario.gap());
            load::open(&subject.shot(scenario), rate, length / 40, || ()).await?;
        }
        readings.push(reading(subject, format!("soak {:.0} s", begun.elapsed().as_secs_f64())));
        eprintln!("{readings:?}", readings = readings.last());
    }
    Ok(readings)
}

fn reading(subject: &Subject, when: String) -> Reading {
    Reading { subject: subject.name, when, rss_mib: subject.rss_kib() as f64 / 1_024.0 }
}
