//! An embedded SQLite database for one module of the shop.
//!
//! Each module has its own [`Database`] with its own tables. Several may share a file; none sees another's tables, and
//! none holds a transaction while it waits for somebody.

mod place;

use std::{
    fmt::Display,
    str::FromStr,
    sync::{Mutex, PoisonError},
};

use bus_sqlite::CompleteError;
pub use bus_sqlite::SqliteInbox;
use contracts::Unavailable;
use linkbus::Context;
pub use place::{OpenError, Place};
pub use rusqlite::{self, Connection, OptionalExtension, Row, Transaction, params};
use rusqlite::{TransactionBehavior, types::Type};

/// One connection, used by one caller at a time.
///
/// SQLite blocks the thread. That is fine here, also in an `async fn`: the statements touch a few rows by key, and no
/// lock is held across an `await`. A module with slow queries would wrap them in `tokio::task::spawn_blocking`.
pub struct Database {
    connection: Mutex<Connection>,
    inbox: Option<SqliteInbox>,
}

impl Database {
    /// Opens the database of a module at `place`, with the tables of `schema`, which may be there already.
    pub fn open(place: &Place, schema: &str) -> Result<Self, OpenError> {
        Ok(Database { connection: Mutex::new(place.connect(schema)?), inbox: None })
    }

    /// The same, where messages come through an inbox in the same file: see [`once`](Self::once).
    #[must_use]
    pub fn with_inbox(self, inbox: Option<SqliteInbox>) -> Self {
        Database { inbox, ..self }
    }

    /// Does `work` as a whole: it is kept if it succeeds, and leaves nothing behind if it fails or panics.
    pub fn transaction<T>(&self, work: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T>) -> Result<T, Unavailable> {
        self.whole::<_, rusqlite::Error>(work)
    }

    /// Does `work` as a whole, and marks the message that is handled as done with it: if the process dies, both are there or
    /// neither is. Without an inbox it is a [`transaction`](Self::transaction): the message comes once then.
    pub fn once<T>(
        &self,
        context: &Context,
        work: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T>,
    ) -> Result<T, Unavailable> {
        self.whole::<_, CompleteError>(|transaction| {
            let done = work(transaction)?;
            if let Some(inbox) = &self.inbox {
                inbox.complete_in(transaction, context)?;
            }
            Ok(done)
        })
    }

    fn whole<T, E: From<rusqlite::Error> + Display>(
        &self,
        work: impl FnOnce(&Transaction<'_>) -> Result<T, E>,
    ) -> Result<T, Unavailable> {
        // A panic elsewhere has rolled its transaction back, so the connection is as good as before.
        let mut connection = self.connection.lock().unwrap_or_else(PoisonError::into_inner);
        in_transaction(&mut connection, work).map_err(|error| Unavailable::because(&error))
    }
}

fn in_transaction<T, E: From<rusqlite::Error>>(
    connection: &mut Connection,
    work: impl FnOnce(&Transaction<'_>) -> Result<T, E>,
) -> Result<T, E> {
    // Immediate: a transaction that reads and then writes would fail if another process wrote in between.
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let done = work(&transaction)?;
    transaction.commit()?;
    Ok(done)
}

/// The text of a column, read as what it was when it was written: an id, a name.
pub fn text<T>(row: &Row<'_>, column: &str) -> rusqlite::Result<T>
where
    T: FromStr<Err: std::error::Error + Send + Sync + 'static>,
{
    let place = row.as_ref().column_index(column)?;
    let text: String = row.get(place)?;
    text.parse().map_err(|error| rusqlite::Error::FromSqlConversionFailure(place, Type::Text, Box::new(error)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const THINGS: &str = "CREATE TABLE IF NOT EXISTS things (name TEXT NOT NULL) STRICT";

    fn database() -> Database {
        Database::open(&Place::Memory, THINGS).unwrap()
    }

    fn add(transaction: &Transaction<'_>) -> rusqlite::Result<usize> {
        transaction.execute("INSERT INTO things VALUES ('mug')", [])
    }

    fn count(database: &Database) -> i64 {
        database.transaction(|it| it.query_row("SELECT count(*) FROM things", [], |row| row.get(0))).unwrap()
    }

    #[test]
    fn work_that_fails_leaves_nothing_behind() {
        let database = database();
        database.transaction(add).unwrap();
        let failed = database.transaction(|it| add(it).and_then(|_| it.execute("nonsense", [])));
        assert!(failed.unwrap_err().reason().contains("nonsense"));
        assert_eq!(count(&database), 1);
    }

    #[test]
    fn work_that_panics_leaves_nothing_behind_and_breaks_nothing() {
        let database = database();
        let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            database.transaction(|it| add(it).map(|_| panic!("in the middle")))
        }));
        assert!(panicked.is_err());
        assert_eq!(count(&database), 0);
    }

    #[derive(linkbus::Command)]
    struct Add;

    #[test]
    fn what_cannot_be_marked_as_handled_is_not_kept() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("things.sqlite");
        let inbox = SqliteInbox::open(&file).unwrap();
        let database = Database::open(&Place::File(file), THINGS).unwrap().with_inbox(Some(inbox));
        let refused = database.once(&Context::of::<Add>(), add).unwrap_err();
        assert!(refused.reason().starts_with("no claim"), "{}", refused.reason());
        assert_eq!(count(&database), 0);
    }

    #[test]
    fn a_file_that_is_no_database_is_refused_by_its_name() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(
            file.path(),
            "this is a text, and a long one, so it cannot be the head of a database ".repeat(9),
        )
        .unwrap();
        let error = Database::open(&Place::File(file.path().to_owned()), "").err().unwrap();
        assert!(error.to_string().contains(&*file.path().to_string_lossy()));
    }
}
