//! `tollgate audit`: who changed what, whether the log is as it was written, and the log in the formats of others.

use std::{
    io::Write,
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context, bail};
use clap::{Subcommand, ValueEnum};
use govern::audit::{Checkpoint, Finding, Shown, Verified, Verifier, cef, ocsf};
use store::{AuditFilter, Checkpoints, Store};

use super::{
    Outcome,
    config::{Data, author, checkpoints, read, sign_audit},
    table,
};

#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    pub data: Data,
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// The last entries, newest first.
    List {
        #[command(flatten)]
        which: Which,
        /// At most so many.
        #[arg(long, default_value_t = 20)]
        limit: u32,
        /// One JSON document a line.
        #[arg(long)]
        json: bool,
    },
    /// Says whether every entry is as it was written, and names the first that is not.
    Verify {
        /// A file that `export --format json` wrote, `-` for standard input; default: the database.
        file: Option<PathBuf>,
        /// Further files of checkpoints, such as the copy kept elsewhere.
        #[arg(long, value_name = "FILE")]
        checkpoints: Vec<PathBuf>,
        /// Public keys of other replicas, as `tollgate audit key` prints them there.
        #[arg(long, value_name = "HEX")]
        key: Vec<String>,
    },
    /// Writes entries to standard output, the oldest first, one a line.
    Export {
        #[arg(long, value_enum, default_value_t)]
        format: Format,
        #[command(flatten)]
        which: Which,
        /// Only entries after this number.
        #[arg(long, default_value_t = 0)]
        after: i64,
    },
    /// Signs the end of the log now, and prints the checkpoint: keep it where nobody of this machine can change it.
    Checkpoint,
    /// Prints the public key of this installation's checkpoints.
    Key,
    /// Erases a person from the log, called as the log calls them (`user:alice`, `cli:alice`). The chain stays whole.
    Erase { who: String },
}

#[derive(Debug, Clone, Default, clap::Args)]
pub struct Which {
    /// Of this organization.
    #[arg(long)]
    pub tenant: Option<String>,
    /// By whom: `user:alice`, `cli:alice`, `admin_token`.
    #[arg(long)]
    pub actor: Option<String>,
    /// What was done: `keys.create`, or `keys.` for all that was done to keys.
    #[arg(long)]
    pub action: Option<String>,
    /// To what: `key/0123456789ab`.
    #[arg(long)]
    pub target: Option<String>,
}

#[derive(Debug, Clone, Copy, Default, ValueEnum)]
pub enum Format {
    /// Everything that verification needs.
    #[default]
    Json,
    /// ArcSight's Common Event Format.
    Cef,
    /// The Open Cybersecurity Schema Framework.
    Ocsf,
}

/// Entries that are read at once.
const PAGE: u32 = 1_000;

pub async fn run(args: Args, out: &mut dyn Write) -> Outcome {
    let store = args.data.store().await?;
    let code = match args.command {
        Command::List { which, limit, json } => list(&store, &which.filter(), limit, json, out).await?,
        Command::Verify { file, checkpoints, key } => {
            let (signed, wrong) = signed(&store, file.is_none(), &checkpoints, key)?;
            let outcome = match file {
                Some(file) => verify_file(&file, signed)?,
                None => verify(&store, signed).await?,
            };
            report(&outcome, &wrong, out)?
        }
        Command::Export { format, which, after } => export(&store, format, &which.filter(), after, out).await?,
        Command::Checkpoint => {
            let made = checkpoints(store.dir())?.write(&store, author().at, true).await?;
            writeln!(out, "{}", made.context("the audit log is empty: there is nothing to sign")?.line())?;
            ExitCode::SUCCESS
        }
        Command::Key => {
            writeln!(out, "{}", checkpoints(store.dir())?.public_key())?;
            ExitCode::SUCCESS
        }
        Command::Erase { who } => {
            if !store.erase_party(&author(), &who).await? {
                bail!("the audit log knows nobody called {}; people are called as in user:alice", table::plain(&who));
            }
            sign_audit(&store).await?;
            eprintln!("{} is erased from the audit log. Backups and exports made before still know the name.", who);
            ExitCode::SUCCESS
        }
    };
    store.close().await;
    Ok(code)
}

impl Which {
    fn filter(self) -> AuditFilter {
        let Self { tenant, actor, action, target } = self;
        AuditFilter { tenant, actor, action, target, ..AuditFilter::default() }
    }
}

async fn list(store: &Store, filter: &AuditFilter, limit: u32, json: bool, out: &mut dyn Write) -> Outcome {
    let entries = store.audit(filter, None, limit).await?;
    if json {
        for shown in &entries {
            writeln!(out, "{}", shown.json(false))?;
        }
        return Ok(ExitCode::SUCCESS);
    }
    let head = ["SEQ", "TIME", "ACTOR", "ACTION", "TARGET", "FIELDS", "FROM"].map(str::to_owned).to_vec();
    let rows = entries.iter().map(|shown| {
        vec![
            shown.entry.seq.to_string(),
            table::time(shown.entry.at),
            table::plain(shown.actor()),
            table::plain(&shown.entry.action),
            table::plain(&shown.target()),
            table::plain(&shown.entry.fields),
            shown.ip().map_or_else(|| "-".to_owned(), |ip| ip.to_string()),
        ]
    });
    table::print(out, &std::iter::once(head).chain(rows).collect::<Vec<_>>())?;
    Ok(ExitCode::SUCCESS)
}

async fn export(store: &Store, format: Format, filter: &AuditFilter, after: i64, out: &mut dyn Write) -> Outcome {
    let version = env!("CARGO_PKG_VERSION");
    let mut after = after;
    loop {
        let entries = store.audit_after(filter, after, PAGE).await?;
        let Some(last) = entries.last() else { return Ok(ExitCode::SUCCESS) };
        after = last.entry.seq;
        for shown in &entries {
            match format {
                Format::Json => writeln!(out, "{}", shown.json(true))?,
                Format::Cef => writeln!(out, "{}", cef::line(shown, version))?,
                Format::Ocsf => writeln!(out, "{}", ocsf::event(shown, version))?,
            }
        }
    }
}

/// The checkpoints to compare with, and what is wrong with the files that hold them. `own`: those of this installation too.
/// An exported file may be older than they are.
fn signed(
    store: &Store,
    own: bool,
    others: &[PathBuf],
    mut trusted: Vec<String>,
) -> anyhow::Result<(Vec<Checkpoint>, Vec<String>)> {
    let here = checkpoints(store.dir())?;
    trusted.push(here.public_key());
    let files: Vec<&Path> = here.files().iter().filter(|_| own).chain(others).map(PathBuf::as_path).collect();
    let (mut signed, mut wrong) = (Vec::new(), Vec::new());
    for file in files {
        if others.iter().any(|other| other == file) && !file.exists() {
            bail!("--checkpoints: there is no file {}", file.display());
        }
        for (at, line) in Checkpoints::lines(file)?.iter().enumerate() {
            match Checkpoint::read(line, &trusted) {
                Ok(checkpoint) => signed.push(checkpoint),
                Err(why) => wrong.push(format!("{}:{}: {why}", file.display(), at + 1)),
            }
        }
    }
    Ok((signed, wrong))
}

async fn verify(store: &Store, signed: Vec<Checkpoint>) -> anyhow::Result<Result<Verified, Finding>> {
    let (mut verifier, mut after) = (Verifier::new(signed), 0);
    // Before the entries: one that is appended meanwhile must not look like one that is missing.
    let (count, _) = store.audit_head().await?;
    while let Some(lines) = store.audit_lines(after).await? {
        if let Err(found) = verifier.take(&lines.text) {
            return Ok(Err(found));
        }
        after = lines.next;
    }
    if let Some((seq, what)) = store.audit_party_fault().await? {
        return Ok(Err(Finding { seq, what }));
    }
    Ok(verifier.finish(Some(count)))
}

fn verify_file(file: &Path, signed: Vec<Checkpoint>) -> anyhow::Result<Result<Verified, Finding>> {
    let mut verifier = Verifier::new(signed);
    let file = read(file)?;
    for (seq, line) in (1..).zip(file.lines().filter(|line| !line.trim().is_empty())) {
        let taken = match Shown::from_json(line) {
            Ok(shown) => verifier.take(format!("{}\t{}", shown.entry.canonical(), shown.entry.hash).as_bytes()),
            Err(what) => Err(Finding { seq, what: what.to_owned() }),
        };
        if let Err(found) = taken {
            return Ok(Err(found));
        }
    }
    Ok(verifier.finish(None))
}

fn report(outcome: &Result<Verified, Finding>, wrong: &[String], out: &mut dyn Write) -> Outcome {
    for line in wrong {
        writeln!(out, "checkpoint {}", table::plain(line))?;
    }
    match outcome {
        Ok(Verified { entries, head, checkpoints }) => {
            writeln!(out, "{entries} entries are as they were written; {checkpoints} checkpoints agree; head {head}")?;
            if *entries > 0 && *checkpoints == 0 {
                eprintln!("No checkpoint was compared: entries that were cut off at the end may go unnoticed.");
            }
        }
        Err(Finding { seq, what }) => writeln!(out, "entry {seq}: {what}")?,
    }
    Ok(if outcome.is_ok() && wrong.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
