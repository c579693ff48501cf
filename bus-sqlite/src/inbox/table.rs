//! The tables of an inbox, and what is done to them. Times are milliseconds since 1970.

use std::{
    fs::OpenOptions,
    path::Path,
    time::{Duration, SystemTime},
};

use linkbus::layer::inbox::InboxKey;
use rusqlite::{Connection, OptionalExtension as _, Transaction, TransactionBehavior, params};

use super::running::Held;
use crate::error::OpenError;

/// The version of the tables.
const VERSION: i64 = 1;

/// `at` is when a message was done or, before that, when its lease is over. A row that is old is removed either way.
const SCHEMA: &str = "
    CREATE TABLE IF NOT EXISTS linkbus_inbox_meta (version INTEGER NOT NULL, token INTEGER NOT NULL) STRICT;
    CREATE TABLE IF NOT EXISTS linkbus_inbox (
        scope TEXT NOT NULL,
        key TEXT NOT NULL,
        token INTEGER NOT NULL,
        holder INTEGER NOT NULL,
        is_done INTEGER NOT NULL,
        at INTEGER NOT NULL,
        PRIMARY KEY (scope, key)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX IF NOT EXISTS linkbus_inbox_at ON linkbus_inbox (at);
    INSERT INTO linkbus_inbox_meta SELECT 1, 0 WHERE NOT EXISTS (SELECT 1 FROM linkbus_inbox_meta);
";

/// The time now.
pub(super) fn now() -> i64 {
    millis(SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default())
}

pub(super) fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

/// Who claims, when, and for how long.
#[derive(Clone, Copy)]
pub(super) struct Claimant {
    /// This inbox, told from all others on the file.
    pub(super) holder: i64,
    pub(super) now: i64,
    pub(super) lease: i64,
    pub(super) window: i64,
}

/// What a claim came to.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Claimed {
    New {
        token: i64,
        /// What was there before.
        after: Before,
    },
    Done,
    Busy,
}

/// What was there before a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Before {
    Nothing,
    /// A claim whose lease is over.
    TakenOver,
    /// A message that was done so long ago that it does not count any more.
    Expired,
}

/// What became of a claim that is over.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Ended {
    Done,
    Fenced,
}

/// The connection to the file, with the tables in it.
pub(super) fn open(file: &Path, busy_timeout: Duration) -> Result<Connection, OpenError> {
    create(file).map_err(|source| OpenError::File { file: file.to_owned(), source })?;
    let failed = |source| OpenError::Sqlite { file: file.to_owned(), source };
    let mut connection = connect(file, busy_timeout).map_err(failed)?;
    let found = prepare(&mut connection).map_err(failed)?;
    if found > VERSION {
        return Err(OpenError::Newer { file: file.to_owned(), found, known: VERSION });
    }
    Ok(connection)
}

/// Makes the file, for its owner only, if it is not there. SQLite gives the files beside it the same mode.
fn create(file: &Path) -> std::io::Result<()> {
    let mut options = OpenOptions::new();
    options.create(true).append(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(file).map(|_| ())
}

fn connect(file: &Path, busy_timeout: Duration) -> rusqlite::Result<Connection> {
    let connection = Connection::open(file)?;
    connection.busy_timeout(busy_timeout)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    Ok(connection)
}

/// Makes the tables if they are not there; gives their version. Those of a later version stay as they are.
fn prepare(connection: &mut Connection) -> rusqlite::Result<i64> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let found = version(&transaction)?;
    if let Some(found) = found.filter(|found| *found > VERSION) {
        return Ok(found);
    }
    transaction.execute_batch(SCHEMA)?;
    transaction.commit()?;
    Ok(VERSION)
}

/// `None` if there are no tables.
fn version(transaction: &Transaction<'_>) -> rusqlite::Result<Option<i64>> {
    let is_there = "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'linkbus_inbox_meta'";
    if transaction.query_row(is_there, [], |_| Ok(())).optional()?.is_none() {
        return Ok(None);
    }
    transaction.query_row("SELECT version FROM linkbus_inbox_meta", [], |row| row.get(0)).optional()
}

/// What is known of a message.
struct Row {
    holder: i64,
    is_done: bool,
    at: i64,
}

fn find(transaction: &Transaction<'_>, key: &InboxKey) -> rusqlite::Result<Option<Row>> {
    let mut find =
        transaction.prepare_cached("SELECT holder, is_done, at FROM linkbus_inbox WHERE scope = ? AND key = ?")?;
    let read = |row: &rusqlite::Row<'_>| Ok(Row { holder: row.get(0)?, is_done: row.get(1)?, at: row.get(2)? });
    find.query_row([key.scope(), key.text()], read).optional()
}

pub(super) fn claim(transaction: &Transaction<'_>, key: &InboxKey, by: Claimant) -> rusqlite::Result<Claimed> {
    let after = match find(transaction, key)? {
        None => Before::Nothing,
        Some(Row { is_done: true, at, .. }) if at >= by.now - by.window => return Ok(Claimed::Done),
        Some(Row { is_done: true, .. }) => Before::Expired,
        // Our own runs, however long we were stopped.
        Some(Row { holder, at, .. }) if holder == by.holder || at > by.now => return Ok(Claimed::Busy),
        Some(_) => Before::TakenOver,
    };
    let mut draw = transaction.prepare_cached("UPDATE linkbus_inbox_meta SET token = token + 1 RETURNING token")?;
    let token: i64 = draw.query_row([], |row| row.get(0))?;
    let mut put = transaction.prepare_cached(
        "INSERT OR REPLACE INTO linkbus_inbox (scope, key, token, holder, is_done, at) VALUES (?, ?, ?, ?, 0, ?)",
    )?;
    put.execute(params![key.scope(), key.text(), token, by.holder, by.now + by.lease])?;
    Ok(Claimed::New { token, after })
}

/// Marks it as done, unless somebody else has it.
pub(super) fn complete(transaction: &Transaction<'_>, held: &Held, now: i64) -> rusqlite::Result<Ended> {
    let Held { key, token, .. } = held;
    let mut mark = transaction
        .prepare_cached("UPDATE linkbus_inbox SET is_done = 1, at = ? WHERE scope = ? AND key = ? AND token = ?")?;
    let marked = mark.execute(params![now, key.scope(), key.text(), token])?;
    Ok(if marked == 1 { Ended::Done } else { Ended::Fenced })
}

/// Forgets it, if it is not done and nobody else has it.
pub(super) fn release(transaction: &Transaction<'_>, held: &Held) -> rusqlite::Result<()> {
    let Held { key, token, .. } = held;
    let mut delete = transaction
        .prepare_cached("DELETE FROM linkbus_inbox WHERE scope = ? AND key = ? AND token = ? AND is_done = 0")?;
    delete.execute(params![key.scope(), key.text(), token])?;
    Ok(())
}

/// Holds it until then, if it is not done and nobody else has it.
pub(super) fn renew(transaction: &Transaction<'_>, held: &Held, until: i64) -> rusqlite::Result<()> {
    let Held { key, token, .. } = held;
    let mut renew = transaction
        .prepare_cached("UPDATE linkbus_inbox SET at = ? WHERE scope = ? AND key = ? AND token = ? AND is_done = 0")?;
    renew.execute(params![until, key.scope(), key.text(), token])?;
    Ok(())
}

/// Forgets at most `limit` messages that were done before that time, or claimed and never heard of again; gives how many.
pub(super) fn forget(transaction: &Transaction<'_>, before: i64, limit: usize) -> rusqlite::Result<usize> {
    let mut forget = transaction.prepare_cached(
        "DELETE FROM linkbus_inbox WHERE (scope, key) IN
             (SELECT scope, key FROM linkbus_inbox WHERE at < ? ORDER BY at LIMIT ?)",
    )?;
    forget.execute(params![before, i64::try_from(limit).unwrap_or(i64::MAX)])
}

#[cfg(test)]
mod tests;
