//! The inbox in a file, around the handlers of a bus.

#[path = "../../tests/support/redeliveries.rs"]
mod redeliveries;
#[path = "../../tests/support/until.rs"]
mod until;

use std::{
    path::PathBuf,
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering::SeqCst},
    },
    time::Duration,
};

use bus_sqlite::{CompleteError, SqliteInbox, rusqlite::Connection};
use linkbus::{
    Command, ExecuteError, SyncBus, Uuid,
    layer::{
        Inbox, InboxCounts,
        inbox::{Claim, Claimed, InboxError, InboxKey, InboxStore as _, MemoryInbox},
    },
};
use tempfile::TempDir;

use redeliveries::{Ledger, deliver, shuffled};
use until::until;

/// A file of the test's own.
struct Place(TempDir);

impl Place {
    fn new() -> Self {
        Place(tempfile::tempdir().unwrap())
    }

    fn file(&self) -> PathBuf {
        self.0.path().join("inbox.db")
    }

    fn inbox(&self) -> SqliteInbox {
        SqliteInbox::open(self.file()).unwrap()
    }

    /// One that waits for no lock, with short leases.
    fn hasty_inbox(&self) -> SqliteInbox {
        let options = SqliteInbox::options().lease(Duration::from_millis(60)).busy_timeout(Duration::ZERO);
        options.open(self.file()).unwrap()
    }

    /// A connection of the program's own.
    fn connect(&self) -> Connection {
        let connection = Connection::open(self.file()).unwrap();
        connection.busy_timeout(Duration::from_secs(60)).unwrap();
        connection
    }

    fn number(&self, sql: &str) -> i64 {
        self.connect().query_row(sql, [], |row| row.get(0)).unwrap()
    }

    /// Does what another process does that takes the messages over.
    fn take_over(&self) {
        self.connect().execute("UPDATE linkbus_inbox SET token = token + 1000", []).unwrap();
    }
}

/// What a claim of this key comes to.
async fn claim(inbox: &SqliteInbox, text: &str) -> Claimed {
    inbox.claim(InboxKey::new("Pay", text).unwrap(), Uuid::now_v7()).await.unwrap()
}

/// Asks until nobody else has it.
async fn claim_when_free(inbox: &SqliteInbox, text: &str) -> Claimed {
    let ask = async {
        loop {
            match claim(inbox, text).await {
                Claimed::Busy => {}
                other => return other,
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(60), ask).await.expect("it is never free")
}

fn new(claimed: Claimed) -> Box<dyn Claim> {
    match claimed {
        Claimed::New(claim) => claim,
        other => panic!("{other:?}"),
    }
}

const MESSAGES: usize = 10_000;

/// R16, with two inboxes on one file, as of two processes, and a restart of both.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn effects_are_as_many_as_messages_also_after_a_restart() {
    let (place, ledger) = (Place::new(), Ledger::new(MESSAGES));
    let mut before = shuffled(MESSAGES);
    let after = before.split_off(before.len() / 2);
    let mut counts: Vec<InboxCounts> = Vec::new();
    let copies = before.len() + after.len() - MESSAGES;
    for parcels in [before, after] {
        let inboxes = [Inbox::new(place.inbox()), Inbox::new(place.inbox())];
        counts.extend(inboxes.iter().map(Inbox::counts));
        deliver(parcels, &inboxes.map(|inbox| ledger.endpoint(inbox))).await;
    }
    ledger.assert_once();
    let sum = |of: fn(&InboxCounts) -> u64| counts.iter().map(of).sum::<u64>();
    assert_eq!((sum(InboxCounts::handled), sum(InboxCounts::duplicates)), (MESSAGES as u64, copies as u64));
    assert_eq!((sum(InboxCounts::fenced), sum(InboxCounts::unmarked), sum(InboxCounts::refused)), (0, 0, 0));
}

mod paying {
    use std::sync::Mutex;

    use bus_sqlite::{
        CompleteError, SqliteInbox,
        rusqlite::{Connection, TransactionBehavior},
    };
    use linkbus::{Command, Context, handler};

    linkbus::module!();

    #[derive(Command)]
    #[command(error = CompleteError)]
    pub(super) struct Pay {
        pub(super) invoice: i64,
    }

    /// The program's own data, in the database of the inbox.
    pub(super) struct Books {
        pub(super) inbox: SqliteInbox,
        pub(super) connection: Mutex<Connection>,
        /// What happens between the effect and the mark.
        pub(super) between: Box<dyn Fn() + Send + Sync>,
    }

    #[handler]
    fn pay(pay: &Pay, context: &Context, books: &Books) -> Result<(), CompleteError> {
        let mut connection = books.connection.lock().unwrap();
        (books.between)();
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        transaction.execute("INSERT INTO payments VALUES (?)", [pay.invoice])?;
        books.inbox.complete_in(&transaction, context)?;
        Ok(transaction.commit()?)
    }
}

use paying::{Books, Pay};

const PAYMENTS: &str = "SELECT count(*) FROM payments";

fn books(place: &Place, inbox: &SqliteInbox, between: impl Fn() + Send + Sync + 'static) -> Books {
    let connection = place.connect();
    connection.execute_batch("CREATE TABLE IF NOT EXISTS payments (invoice INTEGER NOT NULL)").unwrap();
    Books { inbox: inbox.clone(), connection: Mutex::new(connection), between: Box::new(between) }
}

fn bus_of(books: Books, inbox: Inbox) -> SyncBus {
    let inbox = inbox.key(|pay: &Pay| pay.invoice);
    SyncBus::empty().partial().modules([paying::MODULE]).provide(books).layer(inbox).build().unwrap()
}

#[test]
fn the_effect_and_the_mark_are_one_transaction() {
    let place = Place::new();
    let inbox = place.inbox();
    let bus = bus_of(books(&place, &inbox, || ()), Inbox::new(inbox));
    bus.execute(Pay { invoice: 1 }).unwrap();
    bus.execute(Pay { invoice: 1 }).unwrap();
    assert_eq!((place.number(PAYMENTS), place.number("SELECT count(*) FROM linkbus_inbox WHERE is_done")), (1, 1));
}

#[test]
fn who_was_taken_over_cannot_commit() {
    let place = std::sync::Arc::new(Place::new());
    let inbox = place.inbox();
    let other = std::sync::Arc::clone(&place);
    let bus = bus_of(books(&place, &inbox, move || other.take_over()), Inbox::new(inbox));
    let error = bus.execute(Pay { invoice: 1 }).unwrap_err();
    assert!(matches!(error, ExecuteError::Handler(CompleteError::Fenced { .. })), "{error}");
    assert_eq!(place.number(PAYMENTS), 0);
}

#[test]
fn a_handler_that_another_inbox_let_in_cannot_mark() {
    let place = Place::new();
    let bus = bus_of(books(&place, &place.inbox(), || ()), Inbox::new(MemoryInbox::new()));
    let error = bus.execute(Pay { invoice: 1 }).unwrap_err();
    assert!(matches!(error, ExecuteError::Handler(CompleteError::NotClaimed { .. })), "{error}");
    assert_eq!(place.number(PAYMENTS), 0);
}

#[derive(Command)]
struct Print(u64);

/// A bus that counts what it prints, and does something while it does.
fn printer(inbox: Inbox, meanwhile: impl Fn() + Send + Sync + 'static) -> (SyncBus, std::sync::Arc<AtomicU64>) {
    let printed = std::sync::Arc::new(AtomicU64::new(0));
    let pages = std::sync::Arc::clone(&printed);
    let print = move |_: Print| {
        meanwhile();
        pages.fetch_add(1, SeqCst);
    };
    let bus = SyncBus::empty().command(print).layer(inbox.key(|print: &Print| print.0)).build().unwrap();
    (bus, printed)
}

#[test]
fn who_was_taken_over_and_marks_afterwards_is_refused_and_counted() {
    let place = std::sync::Arc::new(Place::new());
    let inbox = Inbox::new(place.inbox());
    let other = std::sync::Arc::clone(&place);
    let (bus, _) = printer(inbox.clone(), move || other.take_over());
    bus.execute(Print(1)).unwrap();
    assert_eq!((inbox.counts().fenced(), inbox.counts().handled(), inbox.counts().unmarked()), (1, 0, 0));
    assert_eq!(place.number("SELECT count(*) FROM linkbus_inbox WHERE is_done"), 0);
}

#[test]
fn what_is_done_is_known_after_a_restart() {
    let place = Place::new();
    for printed_here in [1, 0] {
        let (bus, printed) = printer(Inbox::new(place.inbox()), || ());
        bus.execute(Print(1)).unwrap();
        assert_eq!(printed.load(SeqCst), printed_here);
    }
}

#[tokio::test]
async fn what_lives_keeps_its_claim_for_longer_than_its_lease() {
    let place = Place::new();
    let one = SqliteInbox::options().lease(Duration::from_secs(1)).open(place.file()).unwrap();
    let other = place.inbox();
    let held = new(claim(&one, "1").await);
    let until_when = || place.number("SELECT at FROM linkbus_inbox");
    let first = until_when();
    until(|| until_when() > first + 1_000);
    assert!(matches!(claim(&other, "1").await, Claimed::Busy));
    held.complete().await.unwrap();
    assert!(matches!(claim(&other, "1").await, Claimed::Done));
}

#[tokio::test]
async fn what_a_dead_process_had_claimed_is_taken_over() {
    let place = Place::new();
    let dead = place.hasty_inbox();
    std::mem::forget(new(claim(&dead, "1").await));
    drop(dead);
    let other = place.inbox();
    new(claim_when_free(&other, "1").await);
    assert_eq!(other.stats().taken_over, 1);
}

#[tokio::test]
async fn a_claim_that_nobody_waits_for_is_released() {
    let place = Place::new();
    let inbox = place.inbox();
    drop(inbox.claim(InboxKey::new("Pay", "1").unwrap(), Uuid::now_v7()));
    new(claim_when_free(&inbox, "1").await);
    assert_eq!(inbox.stats().claims, 2);
}

#[tokio::test]
async fn no_more_claims_wait_than_may() {
    let place = Place::new();
    let inbox = SqliteInbox::options().max_waiting(0).open(place.file()).unwrap();
    let error = inbox.claim(InboxKey::new("Pay", "1").unwrap(), Uuid::now_v7()).await.unwrap_err();
    assert!(matches!(error, InboxError::Behind { claims: 0 }), "{error}");
    let (bus, _) = printer(Inbox::new(inbox), || ());
    assert!(matches!(bus.execute(Print(1)), Err(ExecuteError::Overloaded { .. })));
}

#[tokio::test]
async fn what_comes_while_it_writes_is_written_together() {
    let place = Place::new();
    let (inbox, other) = (place.inbox(), place.connect());
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let keys = (0..200).map(|number: u32| InboxKey::new("Pay", number.to_string()).unwrap());
    let asked: Vec<_> = keys.map(|key| inbox.claim(key, Uuid::now_v7())).collect();
    other.execute_batch("COMMIT").unwrap();
    let mut claims = Vec::new();
    for answer in asked {
        claims.push(new(answer.await.unwrap()));
    }
    assert!(inbox.stats().commits <= 3, "{:?}", inbox.stats());
}

/// Another process has the file, for as long as the test says.
#[test]
fn a_message_is_not_handled_when_the_file_cannot_be_written() {
    let place = Place::new();
    let inbox = Inbox::new(place.hasty_inbox());
    let (bus, printed) = printer(inbox.clone(), || ());
    let other = place.connect();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let error = bus.execute(Print(1)).unwrap_err();
    assert!(matches!(error, ExecuteError::Refused { .. }), "{error}");
    assert_eq!((printed.load(SeqCst), inbox.counts().refused()), (0, 1));
    other.execute_batch("COMMIT").unwrap();
    bus.execute(Print(1)).unwrap();
    assert_eq!(printed.load(SeqCst), 1);
}

/// Otherwise its own process, which lives, would keep it for ever.
#[test]
fn what_could_not_be_marked_is_handled_once_more() {
    let place = Place::new();
    let inbox = Inbox::new(place.hasty_inbox());
    let other = std::sync::Arc::new(Mutex::new(place.connect()));
    let (lock, turns) = (std::sync::Arc::clone(&other), AtomicU64::new(0));
    let (bus, printed) = printer(inbox.clone(), move || {
        if turns.fetch_add(1, SeqCst) == 0 {
            lock.lock().unwrap().execute_batch("BEGIN IMMEDIATE").unwrap();
        }
    });
    bus.execute(Print(1)).unwrap();
    assert_eq!((inbox.counts().unmarked(), inbox.counts().handled()), (1, 0));
    other.lock().unwrap().execute_batch("COMMIT").unwrap();
    bus.execute(Print(1)).unwrap();
    assert_eq!((printed.load(SeqCst), inbox.counts().handled()), (2, 1));
}

#[tokio::test]
async fn what_is_old_goes_from_the_file() {
    let place = Place::new();
    let inbox = SqliteInbox::options().window(Duration::ZERO).open(place.file()).unwrap();
    for number in 0..100 {
        new(claim(&inbox, &number.to_string()).await).complete().await.unwrap();
    }
    let left = place.number("SELECT count(*) FROM linkbus_inbox");
    assert!(left < 20, "{left}");
    assert!(inbox.stats().expired > 80, "{:?}", inbox.stats());
}
