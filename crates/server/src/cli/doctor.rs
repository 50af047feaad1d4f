//! `tollgate doctor`: whether everything that the gateway needs is there, and what to do if not.

use std::{io::Write, process::ExitCode, sync::Arc, time::Duration};

use bytes::Bytes;
use gateway::{
    clock::now_micros,
    upstream::{Pool, UpstreamPool},
};
use govern::{Rules, config::snapshot::Account, key::Pepper};
use http::{Request, header};

use super::{
    Outcome,
    config::{File, Installation},
    table,
};

#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    pub file: File,
    /// Longest wait for a provider, in seconds.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=60))]
    pub timeout: u64,
}

/// How far the clock may be off before certificates, expiries and budgets go wrong.
const SKEW: i64 = 60_000_000;

/// A finding: what was looked at, and what is wrong with it.
struct Finding {
    what: String,
    wrong: Option<String>,
}

impl Finding {
    fn new(what: impl Into<String>, found: Result<(), String>) -> Self {
        Self { what: what.into(), wrong: found.err() }
    }
}

pub async fn run(args: &Args, out: &mut dyn Write) -> Outcome {
    let mut healthy = true;
    let mut tell = |finding: Finding| {
        healthy &= finding.wrong.is_none();
        match finding.wrong {
            None => writeln!(out, "ok    {}", table::plain(&finding.what)),
            Some(wrong) => writeln!(out, "WRONG {}: {}", table::plain(&finding.what), table::plain(&wrong)),
        }
    };
    let checked = args.file.check()?;
    let errors = checked.problems.iter().filter(|problem| problem.is_error()).count();
    let found =
        if errors == 0 { Ok(()) } else { Err(format!("it has errors ({errors}); `tollgate check` shows them")) };
    tell(Finding::new(format!("configuration: {}", args.file.name()), found))?;
    if let Some(draft) = checked.draft {
        tell(data(&Installation::of(draft.settings())).await)?;
        // No key is looked at here, so any pepper does.
        let rules = draft.into_rules(&Pepper::new(&[0; 32]), 1);
        for finding in providers(&rules, Duration::from_secs(args.timeout)).await {
            tell(finding)?;
        }
    }
    Ok(if healthy { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Opens the database and writes to it: a read-only or full disk shows here.
async fn data(here: &Installation) -> Finding {
    let found = async {
        let store = here.store().await?;
        store.belongs_to(&here.pepper()?).await?;
        store.forget_before(0).await?;
        store.close().await;
        anyhow::Ok(())
    };
    let what = match here.database {
        Some(_) => "database: PostgreSQL".to_owned(),
        None => format!("data directory: {}", here.dir.display()),
    };
    Finding::new(what, found.await.map_err(|error| format!("{error:#}")))
}

/// Asks every account's host for anything at all, by the way that calls go, without the credential. The answers' dates
/// tell whether our clock is right.
async fn providers(rules: &Rules, patience: Duration) -> Vec<Finding> {
    let pool = match Pool::new(rules) {
        Ok(pool) => pool,
        Err(error) => return vec![Finding::new("certificates", Err(error.to_string()))],
    };
    let mut accounts: Vec<&Arc<Account>> = rules.accounts.values().collect();
    accounts.sort_by(|one, other| one.name.cmp(&other.name));
    let mut findings = Vec::new();
    let mut skews = Vec::new();
    for account in accounts.into_iter().filter(|account| !account.base_url.is_empty()) {
        let found = match tokio::time::timeout(patience, reach(&pool, account)).await {
            Ok(Ok(skew)) => {
                skews.extend(skew);
                Ok(())
            }
            Ok(Err(problem)) => Err(problem),
            Err(_) => Err(format!("no answer within {} s", patience.as_secs())),
        };
        findings.push(Finding::new(format!("provider account {}: {}", account.name, account.base_url), found));
    }
    // One provider may be off; all of them are not.
    if let Some(least) = skews.into_iter().min_by_key(|skew| skew.abs()) {
        let found =
            if least.abs() <= SKEW { Ok(()) } else { Err(format!("it is {} s off; set it by NTP", least / 1_000_000)) };
        findings.push(Finding::new("clock", found));
    }
    findings
}

/// How far our clock is before the provider's, in microseconds, if it tells the time.
async fn reach(pool: &Pool, account: &Account) -> Result<Option<i64>, String> {
    let request = Request::head(&account.base_url).body(Bytes::new().into()).map_err(|error| error.to_string())?;
    let answer = pool.send(account, request).await.map_err(|error| error.to_string())?;
    let date = answer.headers().get(header::DATE).and_then(|date| date.to_str().ok());
    let time = date.and_then(|date| jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(date).ok());
    Ok(time.map(|time| now_micros() - time.as_microsecond()))
}
