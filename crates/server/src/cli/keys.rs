//! `tollgate keys`: keys of the database. Keys that the configuration declares are changed there.

use std::{io::Write, process::ExitCode};

use anyhow::{Context, bail};
use clap::{Subcommand, ValueEnum};
use gateway::clock::now_micros;
use govern::{
    directory::Owner,
    key::{Env, Minted, Pepper},
};
use jiff::{Span, Timestamp, civil::Date, tz::TimeZone};
use serde_json::json;
use store::{NewKey, Store, StoredKey};

use super::{
    Outcome,
    config::{Data, Installation, author, sign_audit},
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
    /// Makes a key and prints it, once: only a hash is kept.
    Create(New),
    /// Lists the keys of the database.
    List {
        /// One JSON document.
        #[arg(long)]
        json: bool,
    },
    /// Refuses a key from now on.
    Disable { id: String },
    /// Accepts a disabled key again.
    Enable { id: String },
    /// Gives a key a new secret and prints it, once.
    Rotate {
        id: String,
        /// How long the old secret is still accepted: 24h, 7d; 0s ends it now.
        #[arg(long, default_value = "24h")]
        overlap: Span,
    },
    /// Forgets a key. Its records stay.
    Delete { id: String },
}

#[derive(Debug, clap::Args)]
pub struct New {
    /// For people: shown in records.
    #[arg(long)]
    pub name: String,
    /// What it may call: names, `account/model`, patterns with one `*`; separated by commas.
    #[arg(long, value_delimiter = ',', default_value = "*")]
    pub models: Vec<String>,
    /// When it ends: a date (2027-01-31), a time with its offset, or a span from now (90d).
    #[arg(long)]
    pub expires: Option<String>,
    /// Most calls in flight at once.
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
    pub parallel: Option<u32>,
    #[arg(long, value_enum, default_value_t)]
    pub env: Environment,
    #[command(flatten)]
    pub owner: Of,
}

/// To whom a key belongs: ids of the configuration's tree.
#[derive(Debug, Clone, clap::Args)]
pub struct Of {
    /// The person whose key it is: it ends with them.
    #[arg(long, conflicts_with = "virtual_account")]
    pub user: Option<String>,
    /// The service whose key it is.
    #[arg(long)]
    pub virtual_account: Option<String>,
    /// The project that its calls belong to.
    #[arg(long)]
    pub project: Option<String>,
    /// The team that its calls belong to.
    #[arg(long)]
    pub team: Option<String>,
    /// The organization that its calls belong to.
    #[arg(long)]
    pub organization: Option<String>,
}

impl Of {
    fn owner(self) -> Owner {
        let Self { user, virtual_account, project, team, organization } = self;
        Owner { user, virtual_account, project, team, organization }
    }
}

/// What a key is for. It grants nothing: it is there so that people see what they hold.
#[derive(Debug, Clone, Copy, Default, ValueEnum)]
pub enum Environment {
    #[default]
    Live,
    Test,
}

pub async fn run(args: Args, out: &mut dyn Write) -> Outcome {
    let here = args.data.installation()?;
    let store = here.store().await?;
    let now = now_micros();
    let author = author();
    let changes = !matches!(args.command, Command::List { .. });
    match args.command {
        Command::Create(new) => {
            let new = read(new, now)?;
            known_owner(&args.data, &new.owner)?;
            let pepper = pepper(&here, &store).await?;
            show(&store.create_key(&author, &pepper, &new).await?, "made", &pepper, out)?;
        }
        Command::List { json } => list(&store.keys().await?, json, now, out)?,
        Command::Disable { id } => known(&id, store.disable_key(&author, &id, true).await?)?,
        Command::Enable { id } => known(&id, store.disable_key(&author, &id, false).await?)?,
        Command::Rotate { id, overlap } => {
            let until = after(now, overlap).context("--overlap")?;
            let pepper = pepper(&here, &store).await?;
            let minted = store.rotate_key(&author, &pepper, &id, until).await?;
            known(&id, minted.is_some())?;
            if let Some(minted) = minted {
                show(&minted, "rotated", &pepper, out)?;
                eprintln!("The old secret is accepted until {}.", table::time(until));
            }
        }
        Command::Delete { id } => known(&id, store.delete_key(&author, &id).await?)?,
    }
    if changes {
        sign_audit(&store).await?;
    }
    store.close().await;
    Ok(ExitCode::SUCCESS)
}

/// The pepper that the gateway has, too: another would make keys that are wrong everywhere.
async fn pepper(here: &Installation, store: &Store) -> anyhow::Result<Pepper> {
    let pepper = here.pepper()?;
    store.belongs_to(&pepper).await?;
    Ok(pepper)
}

/// The key alone goes to standard output: `KEY=$(tollgate keys create --name me)`.
fn show(minted: &Minted, done: &str, pepper: &Pepper, out: &mut dyn Write) -> anyhow::Result<()> {
    writeln!(out, "{}", minted.text.expose())?;
    eprintln!("Key {} is {done}. This is the only time that it is shown.", minted.id);
    eprintln!("In a configuration file: {{ id: {}, hash: \"{}\" }}", minted.id, minted.hash(pepper));
    Ok(())
}

fn known(id: &str, found: bool) -> anyhow::Result<()> {
    if !found {
        bail!("no key of the database has the id {}; `tollgate keys list` shows those there are", table::plain(id));
    }
    Ok(())
}

fn read(new: New, now: i64) -> anyhow::Result<NewKey> {
    if new.name.trim().is_empty() {
        bail!("--name: a key needs a name for people, such as --name search-team");
    }
    if let Some(bad) = new.models.iter().find(|name| name.trim().is_empty() || name.matches('*').count() > 1) {
        bail!("--models: {bad:?} is neither a model's name nor a pattern with one *");
    }
    let expires_at = new.expires.as_deref().map(|text| expiry(text, now)).transpose()?;
    let env = match new.env {
        Environment::Live => Env::Live,
        Environment::Test => Env::Test,
    };
    Ok(NewKey {
        env,
        name: new.name,
        owner: new.owner.owner(),
        models: new.models,
        expires_at,
        parallel: new.parallel,
        created_at: now,
    })
}

/// A key that belongs to nobody is refused when it is shown; better now, with the reason.
fn known_owner(data: &Data, owner: &Owner) -> anyhow::Result<()> {
    if owner.is_empty() {
        return Ok(());
    }
    let draft = data.file.load().context("the owner of a key stands in the configuration")?;
    let directory = draft.directory();
    let Err(bad) = directory.place(owner) else { return Ok(()) };
    let meant = bad.unknown.as_ref().and_then(|(kind, id)| directory.closest(*kind, id));
    let meant = meant.map_or_else(String::new, |meant| format!("; did you mean `{meant}`?"));
    bail!("--{}: {bad}{meant}", bad.field.replace('_', "-"))
}

/// Whose it is, the person or service first.
fn of(owner: &Owner) -> String {
    let Owner { user, virtual_account, project, team, organization } = owner;
    let ids = [user, virtual_account, project, team, organization].into_iter().flatten();
    let ids: Vec<_> = ids.map(|id| table::plain(id)).collect();
    if ids.is_empty() { "-".to_owned() } else { ids.join(" ") }
}

/// Microseconds since 1970.
fn expiry(text: &str, now: i64) -> anyhow::Result<i64> {
    let at = if let Ok(time) = text.parse::<Timestamp>() {
        time.as_microsecond()
    } else if let Ok(date) = text.parse::<Date>() {
        date.to_zoned(TimeZone::UTC)?.timestamp().as_microsecond()
    } else if let Ok(span) = text.parse::<Span>() {
        after(now, span)?
    } else {
        bail!("--expires: {text:?} is none of 2027-01-31, 2027-01-31T12:00:00Z and 90d");
    };
    if at <= now {
        bail!("--expires: {text:?} is over already");
    }
    Ok(at)
}

/// A span from now, days counted in UTC.
fn after(now: i64, span: Span) -> anyhow::Result<i64> {
    if span.is_negative() {
        bail!("a span must not be negative");
    }
    let then = Timestamp::from_microsecond(now)?.to_zoned(TimeZone::UTC).checked_add(span)?;
    Ok(then.timestamp().as_microsecond())
}

fn list(keys: &[StoredKey], json: bool, now: i64, out: &mut dyn Write) -> anyhow::Result<()> {
    if json {
        let keys: Vec<_> = keys.iter().map(|key| describe(key, now)).collect();
        writeln!(out, "{:#}", json!({ "keys": keys }))?;
        return Ok(());
    }
    let head =
        ["ID", "NAME", "OF", "ENV", "STATE", "MODELS", "PARALLEL", "EXPIRES", "CREATED"].map(str::to_owned).to_vec();
    let rows = keys.iter().map(|key| {
        let rule = &key.rule;
        vec![
            rule.id.0.clone(),
            table::plain(&rule.name),
            of(&rule.owner),
            key.env.as_str().to_owned(),
            state(key, now).to_owned(),
            table::plain(&rule.models.join(",")),
            rule.parallel.map_or_else(|| "-".to_owned(), |parallel| parallel.to_string()),
            rule.expires_at.map_or_else(|| "-".to_owned(), table::time),
            table::time(key.created_at),
        ]
    });
    Ok(table::print(out, &std::iter::once(head).chain(rows).collect::<Vec<_>>())?)
}

fn describe(key: &StoredKey, now: i64) -> serde_json::Value {
    let rule = &key.rule;
    json!({
        "id": rule.id,
        "name": rule.name,
        "owner": rule.owner,
        "env": key.env,
        "state": state(key, now),
        "models": rule.models,
        "parallel": rule.parallel,
        "expires_at": rule.expires_at,
        "old_secret_until": rule.previous.as_ref().map(|(_, until)| until).filter(|until| **until > now),
        "created_at": key.created_at,
    })
}

fn state(key: &StoredKey, now: i64) -> &'static str {
    match key.rule.expires_at {
        _ if key.rule.disabled => "disabled",
        Some(at) if at <= now => "expired",
        _ => "active",
    }
}
