//! Effects once over a server that delivers at least once: workers with an inbox that are killed between the effect and the
//! acknowledgement, and anywhere else: R16.
//!
//! `LINKBUS_KILLS=200 LINKBUS_PAYMENTS=20000 cargo test -p bus-nats --test inbox` kills more often, and pays more.

#[path = "../../tests/support/crashes.rs"]
#[allow(dead_code, unused_imports, unused_macros, reason = "it is shared with tests that trace")]
mod crashes;
#[path = "support/processes.rs"]
mod processes;
mod support;

use std::{
    fs::File,
    path::{Path, PathBuf},
    process::ExitCode,
    time::Duration,
};

use bus_nats::{NatsConfig, Redelivery};
use bus_sqlite::{
    CompleteError, SqliteInbox,
    rusqlite::{Connection, TransactionBehavior},
};
use linkbus::{Bus, Command, Context, handler, layer::Inbox};
use serde::{Deserialize, Serialize};

use self::{
    processes::{Process, block_on, die_with_test, folder, url},
    support::{Running, Server, client, config, kept, number},
};

linkbus::module!();

#[derive(Command, Clone, Serialize, Deserialize)]
#[command(name = "inbox.Pay", error = CompleteError)]
struct Pay(u32);

/// Each so manieth ends its process when it is made, before anybody is told.
const DEADLY: u32 = 20;

fn main() -> ExitCode {
    crashes::main(
        worker,
        &crashes::tests![
            what_is_marked_with_its_effect_is_done_once_however_often_its_workers_end,
            what_is_marked_afterwards_is_never_lost_and_done_again_if_its_worker_ended_in_between,
        ],
    )
}

/// What is paid, in the database of the inbox.
struct Books {
    folder: PathBuf,
    inbox: SqliteInbox,
    marks_with_effect: bool,
}

impl Books {
    fn open(folder: &Path, marks_with_effect: bool) -> Self {
        let inbox = SqliteInbox::options().lease(Duration::from_millis(300)).busy_timeout(Duration::from_secs(60));
        let inbox = inbox.open(folder.join("books.db")).unwrap();
        let books = Books { folder: folder.to_owned(), inbox, marks_with_effect };
        books.connect().execute_batch("CREATE TABLE IF NOT EXISTS payments (invoice INTEGER NOT NULL)").unwrap();
        books
    }

    fn connect(&self) -> Connection {
        let connection = Connection::open(self.folder.join("books.db")).unwrap();
        connection.busy_timeout(Duration::from_secs(60)).unwrap();
        connection
    }

    /// How often each was paid.
    fn payments(&self) -> Vec<u32> {
        let connection = self.connect();
        let mut counted = connection.prepare("SELECT count(*) FROM payments WHERE invoice = ?").unwrap();
        (0..payments()).map(|invoice| counted.query_row([invoice], |row| row.get(0)).unwrap()).collect()
    }

    /// Ends the process the first time that a deadly payment is made.
    fn end(&self, invoice: u32) {
        let is_first = || File::create_new(self.folder.join(format!("ended-{invoice}"))).is_ok();
        if invoice.is_multiple_of(DEADLY) && is_first() {
            std::process::abort();
        }
    }
}

#[handler]
fn pay(pay: &Pay, context: &Context, books: &Books) -> Result<(), CompleteError> {
    let mut connection = books.connect();
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    transaction.execute("INSERT INTO payments VALUES (?)", [pay.0])?;
    if books.marks_with_effect {
        books.inbox.complete_in(&transaction, context)?;
    }
    transaction.commit()?;
    books.end(pay.0);
    Ok(())
}

fn settings(url: &str) -> NatsConfig {
    // Those that are with a worker when it ends have been begun, too.
    let redelivery =
        Redelivery::new().base(Duration::from_millis(50)).cap(Duration::from_millis(50)).max_attempts(1000);
    config(url).ack_wait(Duration::from_millis(500)).redelivery(redelivery).concurrency(4).prefetch(8)
}

fn worker(mode: &str, folder: &Path, _: u32) {
    die_with_test();
    let books = Books::open(folder, mode == "with effect");
    let inbox = Inbox::new(books.inbox.clone());
    block_on(async {
        let bus = Bus::empty().modules([MODULE]).provide(books).layer(inbox);
        Running::start(&settings(&url(folder)), bus).await.wait().await;
    });
}

fn kills() -> u64 {
    number("LINKBUS_KILLS", 10)
}

/// How many payments there are in a test.
fn payments() -> u32 {
    number("LINKBUS_PAYMENTS", 200).try_into().expect("a number of 32 bits")
}

/// Has all payments made by two workers that end now and then, and are killed `kills` times besides; gives how often each was made.
fn paid(server: &Server, mode: &str, mut kills: u64) -> Vec<u32> {
    let folder = folder(server);
    block_on(async {
        let bus = Bus::empty().message::<Pay>().transport(client(&settings(server.url())).await).build().unwrap();
        for invoice in 0..payments() {
            bus.execute(Pay(invoice)).await.unwrap();
        }
        let mut workers = [0, 1].map(|_| Process::start(mode, folder.path()));
        let hang = Duration::from_secs(60) + Duration::from_millis(50) * payments();
        let paying = async {
            while kept(server, "linkbus_cmd").await > 0 {
                let victim = &mut workers[fastrand::usize(..2)];
                if kills > 0 && fastrand::u8(..8) == 0 {
                    kills -= 1;
                    victim.kill();
                }
                if victim.child.try_wait().unwrap().is_some() {
                    *victim = Process::start(mode, folder.path());
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(hang, paying).await.expect("all are paid");
        assert_eq!(kept(server, "linkbus_dead").await, 0);
    });
    Books::open(folder.path(), true).payments()
}

fn what_is_marked_with_its_effect_is_done_once_however_often_its_workers_end() {
    for server in Server::each() {
        assert!(paid(&server, "with effect", kills()).iter().all(|times| *times == 1));
    }
}

/// Nobody can know that it was done.
fn what_is_marked_afterwards_is_never_lost_and_done_again_if_its_worker_ended_in_between() {
    for server in Server::each() {
        let paid = paid(&server, "afterwards", 0);
        assert!(paid.iter().all(|times| *times >= 1), "{paid:?}");
        assert!(
            (0..).zip(&paid).all(|(invoice, times): (u32, &u32)| !invoice.is_multiple_of(DEADLY) || *times >= 2),
            "{paid:?}"
        );
    }
}
