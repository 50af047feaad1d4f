//! PostgreSQL: one database for any number of replicas.

use std::{str::FromStr, time::Duration};

use sqlx::{
    ConnectOptions, Connection, PgConnection, PgPool,
    postgres::{PgConnectOptions, PgPoolOptions},
};

use crate::{Error, database::Database, migrations};

/// Connections of a replica that read, and that write. PostgreSQL takes 100 in all unless told otherwise.
const READERS: u32 = 6;
const WRITERS: u32 = 3;

/// Longest wait for a free or new connection.
const ACQUIRE: Duration = Duration::from_secs(2);

/// After this the server itself ends a statement that reads, and one that writes: ours may have given up before.
const READ_LIMIT: &str = "2s";
const WRITE_LIMIT: &str = "30s";

/// Longest wait at start for a server that does not answer.
const START: Duration = Duration::from_secs(10);

/// Connects to the database at `url` and brings its schema up to date.
pub(crate) async fn open(url: &str) -> Result<Database, Error> {
    let options = options(url)?;
    migrate(&options).await?;
    Ok(Database::Postgres {
        read: pool(
            READERS,
            options.clone(),
            &[("statement_timeout", READ_LIMIT), ("default_transaction_read_only", "on")],
        ),
        write: pool(
            WRITERS,
            options,
            &[("statement_timeout", WRITE_LIMIT), ("idle_in_transaction_session_timeout", "30s")],
        ),
    })
}

/// The schema is changed on a connection of its own, which may take as long as it needs. Where it is up to date nothing is
/// written: a replica may then run as a user who could not change it.
async fn migrate(options: &PgConnectOptions) -> Result<(), Error> {
    let mut connection = connect(options).await?;
    let steps = migrations::postgres();
    if !migrations::missing(&steps, &applied(&mut connection).await?).is_empty() {
        steps.run(&mut connection).await?;
    }
    connection.close().await?;
    Ok(())
}

/// Steps that the database at `url` has not had.
pub(crate) async fn missing(url: &str) -> Result<Vec<(i64, String)>, Error> {
    let mut connection = connect(&options(url)?).await?;
    let missing = migrations::missing(&migrations::postgres(), &applied(&mut connection).await?);
    connection.close().await?;
    Ok(missing)
}

async fn applied(connection: &mut PgConnection) -> Result<Vec<(i64, Vec<u8>)>, Error> {
    let ask = async {
        let table: Option<String> =
            sqlx::query_scalar("SELECT to_regclass('_sqlx_migrations')::text").fetch_one(&mut *connection).await?;
        if table.is_none() {
            return Ok(Vec::new());
        }
        sqlx::query_as(migrations::APPLIED).fetch_all(connection).await
    };
    Ok(tokio::time::timeout(START, ask).await.map_err(|_| Error::Slow(START))??)
}

async fn connect(options: &PgConnectOptions) -> Result<PgConnection, Error> {
    Ok(tokio::time::timeout(START, options.connect()).await.map_err(|_| Error::Slow(START))??)
}

fn options(url: &str) -> Result<PgConnectOptions, Error> {
    if !(url.starts_with("postgres://") || url.starts_with("postgresql://")) {
        return Err(Error::Url("it begins with postgres://".into()));
    }
    // What the parser says may hold a part of the address, which holds the password.
    let options = PgConnectOptions::from_str(url)
        .map_err(|_| Error::Url("it reads postgres://USER:PASSWORD@HOST:PORT/NAME".into()))?;
    Ok(options.application_name("tollgate").disable_statement_logging())
}

/// Connects when it is first needed, and again whenever that is over.
fn pool(most: u32, options: PgConnectOptions, settings: &[(&'static str, &'static str)]) -> PgPool {
    PgPoolOptions::new()
        .max_connections(most)
        .acquire_timeout(ACQUIRE)
        .connect_lazy_with(options.options(settings.iter().copied()))
}
