//! One text of SQL for two databases.
//!
//! A query is written once and run on whichever database there is:
//!
//! ```ignore
//! let row = sql("SELECT name FROM users WHERE id = $1").bind(id).first(&self.database).await?;
//! let name: Option<String> = row.map(|row| row.try_get("name")).transpose()?;
//! ```
//!
//! What keeps it the same on both: values are `$1`, `$2` and so on, numbers are `BIGINT` and `i64`, a yes or no is a
//! number too, bytes are `BLOB` (see `migrations.rs`), a sum is `CAST(SUM(x) AS BIGINT)`, a literal that is selected is
//! `CAST(0 AS BIGINT)`, and columns are named, never `*`: a newer version may add one while this one runs.

use std::borrow::Cow;

use sqlx::{
    Arguments, AssertSqlSafe, Column, ColumnIndex, Decode, Postgres, Row as _, SqlSafeStr, SqlStr, Sqlite, Type,
    postgres::{PgArguments, PgRow},
    sqlite::{SqliteArguments, SqliteRow},
};

use crate::{
    Error,
    database::{Change, Database},
};

/// A statement and its values.
#[derive(Debug)]
pub(crate) struct Sql {
    text: Cow<'static, str>,
    values: Vec<Value>,
}

/// Begins a statement.
pub(crate) fn sql(text: &'static str) -> Sql {
    Sql { text: Cow::Borrowed(text), values: Vec::new() }
}

/// Where a statement runs: by itself, or as part of a change.
pub(crate) enum On<'a> {
    Database(&'a Database),
    Change(&'a mut Change),
}

impl Sql {
    /// The value of the next `$n` of the text.
    pub(crate) fn bind(mut self, value: impl Into<Value>) -> Self {
        self.values.push(value.into());
        self
    }

    /// Goes on with the statement. Only texts of the program can be given, never a caller's.
    pub(crate) fn push(mut self, text: &'static str) -> Self {
        self.text.to_mut().push_str(text);
        self
    }

    /// Goes on with a `$n` and gives its value.
    pub(crate) fn push_bind(mut self, value: impl Into<Value>) -> Self {
        let text = self.text.to_mut();
        text.push('$');
        text.push_str(&(self.values.len() + 1).to_string());
        self.bind(value)
    }

    /// All rows.
    pub(crate) async fn all<'a>(self, on: impl Into<On<'a>>) -> Result<Vec<Row>, Error> {
        match on.into() {
            On::Database(database) => database.read(self).await,
            On::Change(change) => change.read(self).await,
        }
    }

    /// The first row, if there is any.
    pub(crate) async fn first<'a>(self, on: impl Into<On<'a>>) -> Result<Option<Row>, Error> {
        Ok(self.all(on).await?.into_iter().next())
    }

    /// Changes something. How many rows.
    pub(crate) async fn run<'a>(self, on: impl Into<On<'a>>) -> Result<u64, Error> {
        match on.into() {
            On::Database(database) => database.write(self).await,
            On::Change(change) => change.write(self).await,
        }
    }

    pub(crate) fn for_sqlite(self) -> Result<(SqlStr, SqliteArguments), Error> {
        let mut arguments = SqliteArguments::default();
        for value in self.values {
            match value {
                Value::Number(number) => arguments.add(number),
                Value::Text(text) => arguments.add(text),
                Value::Bytes(bytes) => arguments.add(bytes),
            }
            .map_err(sqlx::Error::Encode)?;
        }
        // Put together of texts of the program alone: `push` takes no others.
        Ok((AssertSqlSafe(self.text).into_sql_str(), arguments))
    }

    pub(crate) fn for_postgres(self) -> Result<(SqlStr, PgArguments), Error> {
        let mut arguments = PgArguments::default();
        for value in self.values {
            match value {
                Value::Number(number) => arguments.add(number),
                Value::Text(text) => arguments.add(text.map(without_nul)),
                Value::Bytes(bytes) => arguments.add(bytes),
            }
            .map_err(sqlx::Error::Encode)?;
        }
        Ok((AssertSqlSafe(self.text).into_sql_str(), arguments))
    }
}

/// PostgreSQL's texts hold every character but U+0000: U+FFFD stands for it, in what is kept and in what is looked for.
pub(crate) fn without_nul(text: String) -> String {
    if text.contains('\0') { text.replace('\0', "\u{fffd}") } else { text }
}

/// A value of a statement: a number, a text or bytes, or their absence.
#[derive(Debug)]
pub(crate) enum Value {
    Number(Option<i64>),
    Text(Option<String>),
    Bytes(Option<Vec<u8>>),
}

macro_rules! values {
    ($($from:ty => $kind:ident $of:expr;)+) => {
        $(impl From<$from> for Value {
            fn from(value: $from) -> Self {
                Self::$kind(Some($of(value)))
            }
        }

        impl From<Option<$from>> for Value {
            fn from(value: Option<$from>) -> Self {
                Self::$kind(value.map($of))
            }
        })+
    };
}

values! {
    i64 => Number std::convert::identity;
    u32 => Number i64::from;
    u16 => Number i64::from;
    bool => Number i64::from;
    String => Text std::convert::identity;
    &str => Text String::from;
    &String => Text String::clone;
    Vec<u8> => Bytes std::convert::identity;
    &[u8] => Bytes Vec::from;
}

impl From<&Option<String>> for Value {
    fn from(value: &Option<String>) -> Self {
        Self::Text(value.clone())
    }
}

/// A row of an answer.
pub(crate) enum Row {
    Sqlite(SqliteRow),
    Postgres(PgRow),
}

/// What a column can be read as: `i64`, `String`, `&str`, `Vec<u8>`, `&[u8]`, and `Option` of each.
pub(crate) trait Cell<'r>: Decode<'r, Sqlite> + Type<Sqlite> + Decode<'r, Postgres> + Type<Postgres> {}

impl<'r, T: Decode<'r, Sqlite> + Type<Sqlite> + Decode<'r, Postgres> + Type<Postgres>> Cell<'r> for T {}

impl Row {
    /// The value of a column, by its name.
    pub(crate) fn try_get<'r, T: Cell<'r>>(&'r self, column: &str) -> Result<T, Error> {
        Ok(self.cell(column)?)
    }

    /// The value of the first column.
    pub(crate) fn value<'r, T: Cell<'r>>(&'r self) -> Result<T, Error> {
        Ok(self.cell(0)?)
    }

    fn cell<'r, T: Cell<'r>>(
        &'r self,
        column: impl ColumnIndex<SqliteRow> + ColumnIndex<PgRow>,
    ) -> Result<T, sqlx::Error> {
        match self {
            Self::Sqlite(row) => row.try_get(column),
            Self::Postgres(row) => row.try_get(column),
        }
    }
}

impl std::fmt::Debug for Row {
    /// The names alone: values may be anybody's.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut list = f.debug_list();
        match self {
            Self::Sqlite(row) => list.entries(row.columns().iter().map(Column::name)),
            Self::Postgres(row) => list.entries(row.columns().iter().map(Column::name)),
        };
        list.finish()
    }
}

impl<'a> From<&'a Database> for On<'a> {
    fn from(database: &'a Database) -> Self {
        Self::Database(database)
    }
}

impl<'a> From<&'a mut Change> for On<'a> {
    fn from(change: &'a mut Change) -> Self {
        Self::Change(change)
    }
}
