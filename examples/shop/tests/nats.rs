//! The shop as services over NATS that are killed: in the end the books balance, to the piece and to the cent.
//!
//! `LINKBUS_ORDERS=10000 LINKBUS_KILLS=12 cargo test -p shop --test nats` orders and kills more than the usual 500 and 2.

#![cfg(unix)]

#[path = "../../../bus-nats/tests/support/mod.rs"]
#[allow(unused_imports, reason = "it is shared with tests of bus-nats")]
mod server;

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    fs::{self, File},
    path::{Path, PathBuf},
    process::Stdio,
    time::{Duration, Instant},
};

use storage::rusqlite::{self, Connection, OpenFlags, Row};
use tempfile::TempDir;
use tokio::{
    process::{Child, Command},
    time::sleep,
};

use self::server::{Server, kept};

/// So many orders are for too much, and are refused: each so manieth.
const TOO_MUCH: usize = 50;
/// After so many orders there is one more mug.
const MORE: usize = 20;
const USERS: usize = 7;
const MUG: u64 = 1250;
const TEE: u64 = 1895;

fn number(variable: &str, usual: usize) -> usize {
    std::env::var(variable).map_or(usual, |number| number.parse().expect("a number"))
}

/// A service with its data, of which there is one process at a time.
struct Service {
    modules: &'static [&'static str],
    data: PathBuf,
    url: String,
    process: Child,
}

impl Service {
    fn start(modules: &'static [&'static str], folder: &Path, url: &str) -> Self {
        let data = folder.join(modules.concat()).with_extension("sqlite");
        let process = Service::process(modules, &data, url);
        Service { modules, data, url: url.to_owned(), process }
    }

    fn process(modules: &[&str], data: &Path, url: &str) -> Child {
        let mut command = shop(url, &data.with_extension("log"));
        command.args(modules.iter().flat_map(|module| ["--module", module])).arg("--db").arg(data).spawn().unwrap()
    }

    async fn kill(&mut self) {
        self.process.kill().await.unwrap();
        self.process = Service::process(self.modules, &self.data, &self.url);
    }

    fn open(&self) -> rusqlite::Result<Connection> {
        Connection::open_with_flags(&self.data, OpenFlags::SQLITE_OPEN_READ_ONLY)
    }

    /// What is in its database.
    fn rows<T>(&self, query: &str, row: fn(&Row<'_>) -> rusqlite::Result<T>) -> Vec<T> {
        let data = self.open().unwrap();
        let mut rows = data.prepare(query).unwrap();
        rows.query_map([], row).unwrap().collect::<Result<_, _>>().unwrap()
    }

    fn pieces(&self, query: &str) -> BTreeMap<String, u64> {
        self.rows(query, |row| Ok((row.get(0)?, row.get(1)?))).into_iter().collect()
    }

    fn texts(&self, query: &str) -> Vec<String> {
        self.rows(query, |row| row.get(0))
    }
}

/// The program, which says what it says into a file.
fn shop(url: &str, log: &Path) -> Command {
    let said = File::options().create(true).append(true).open(log).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_shop"));
    command
        .args(["--nats", url])
        .stdin(Stdio::null())
        .stdout(said.try_clone().unwrap())
        .stderr(said)
        .kill_on_drop(true);
    command
}

/// What is asked of the shop. A query waits until all is over that was before it.
fn script(orders: usize) -> String {
    let mut script = String::new();
    for user in 0..USERS {
        let email = "somebody@example.com";
        writeln!(script, r#"{{"RegisterUser": {{"id": "user-{user}", "name": "User", "email": "{email}"}}}}"#).unwrap();
    }
    for (sku, price, quantity) in [("mug", MUG, 3 * orders), ("tee", TEE, 2 * orders)] {
        let article = format!(r#""sku": "{sku}", "name": "Article", "price": {price}"#);
        writeln!(script, r#"{{"AddStock": {{{article}, "quantity": {quantity}}}}}"#).unwrap();
    }
    script.push_str("{\"ListArticles\": {}}\n");
    for order in 0..orders {
        let mugs = if is_too_much(order) { 60_000 } else { 1 + order % 3 };
        let items = format!(r#"{{"sku": "mug", "quantity": {mugs}}}, {{"sku": "tee", "quantity": 1}}"#);
        let user = order % USERS;
        writeln!(script, r#"{{"PlaceOrder": {{"id": "o-{order}", "user": "user-{user}", "items": [{items}]}}}}"#)
            .unwrap();
        if order % MORE == 0 {
            let mug = format!(r#""sku": "mug", "name": "Article", "price": {MUG}, "quantity": 1"#);
            writeln!(script, r#"{{"AddStock": {{{mug}}}}}"#).unwrap();
        }
    }
    script.push_str("{\"ListArticles\": {}}\n");
    script
}

fn is_too_much(order: usize) -> bool {
    order % TOO_MUCH == TOO_MUCH - 1
}

/// The shop on a server: three services, as on three machines.
struct Shop {
    folder: TempDir,
    url: String,
    users: Service,
    sales: Service,
    notifications: Service,
}

impl Shop {
    fn start(server: &Server) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let start = |modules| Service::start(modules, folder.path(), server.url());
        let (users, sales) = (start(&["users"]), start(&["stock", "orders"]));
        let notifications = start(&["notifications"]);
        Shop { folder, url: server.url().to_owned(), users, sales, notifications }
    }

    /// A front end that runs this script.
    fn run(&self, script: &str) -> Child {
        let file = self.folder.path().join("script.jsonl");
        fs::write(&file, script).unwrap();
        shop(&self.url, &self.folder.path().join("front.log")).arg("--script").arg(file).spawn().unwrap()
    }

    fn said(&self) -> String {
        fs::read_to_string(self.folder.path().join("front.log")).unwrap()
    }

    /// How many receipts were sent, which is the last that is done for an order; none before there is a database.
    fn receipts(&self) -> usize {
        let count = |mail: Connection| {
            mail.query_row("SELECT count(*) FROM mail WHERE recipient LIKE 'user-%'", [], |row| row.get(0))
        };
        self.notifications.open().and_then(count).unwrap_or(0)
    }

    /// Waits until there are so many receipts, as long as there are more and more.
    async fn reaches(&self, receipts: usize) {
        let (mut seen, mut since) = (0, Instant::now());
        while seen < receipts {
            sleep(Duration::from_millis(5)).await;
            let now = self.receipts();
            if now > seen {
                (seen, since) = (now, Instant::now());
            }
            assert!(since.elapsed() < Duration::from_secs(120), "{seen} receipts of {receipts}:\n{}", self.logs());
        }
    }

    fn logs(&self) -> String {
        let ends = [&self.users, &self.sales, &self.notifications].map(|service| {
            let log = fs::read_to_string(service.data.with_extension("log")).unwrap();
            log.lines().rev().take(5).map(str::to_owned).collect::<Vec<_>>().join("\n")
        });
        ends.join("\n..\n")
    }
}

#[tokio::test]
async fn the_books_balance_whatever_service_is_killed() {
    let (orders, kills) = (number("LINKBUS_ORDERS", 500), number("LINKBUS_KILLS", 2));
    for server in Server::each() {
        let began = Instant::now();
        let mut shop = Shop::start(&server);
        let mut front = shop.run(&script(orders));
        for kill in 0..kills {
            shop.reaches((kill + 1) * (orders - orders / TOO_MUCH) / (kills + 1)).await;
            let Shop { users, sales, notifications, .. } = &mut shop;
            [sales, notifications, users][kill % 3].kill().await;
        }
        assert!(front.wait().await.unwrap().success(), "{}", shop.said());
        assert_eq!(kept(&server, "linkbus_dead").await, 0, "{}", shop.logs());
        assert_balance(&shop, orders);
        println!("{orders} orders and {kills} kills in {:?}", began.elapsed());
    }
}

fn assert_balance(shop: &Shop, orders: usize) {
    let (sales, mail) = (&shop.sales, &shop.notifications);
    let placed: Vec<_> = (0..orders).filter(|order| !is_too_much(*order)).collect();
    let mugs: u64 = placed.iter().map(|order| 1 + *order as u64 % 3).sum();
    let sold = BTreeMap::from([("mug".to_owned(), mugs), ("tee".to_owned(), placed.len() as u64)]);

    let ids: BTreeSet<_> = sales.texts("SELECT id FROM orders WHERE placed").into_iter().collect();
    let wanted: BTreeSet<_> = placed.iter().map(|order| format!("o-{order}")).collect();
    assert_eq!(ids.symmetric_difference(&wanted).collect::<Vec<_>>(), [""; 0], "{}", shop.logs());
    assert_eq!(sales.texts("SELECT id FROM orders WHERE NOT placed"), [""; 0]);
    assert_eq!(sales.pieces("SELECT sku, sum(quantity) FROM order_lines GROUP BY sku"), sold);
    assert_eq!(sales.pieces("SELECT sku, sum(quantity) FROM stock_reservations GROUP BY sku"), sold);
    let left = [("mug", 3 * orders + orders.div_ceil(MORE)), ("tee", 2 * orders)]
        .map(|(sku, added)| (sku.to_owned(), added as u64 - sold[sku]));
    assert_eq!(sales.pieces("SELECT sku, left FROM stock_articles"), BTreeMap::from(left));
    let money = sales.rows("SELECT sum(quantity * price) FROM order_lines", |row| row.get::<_, u64>(0));
    assert_eq!(money, [mugs * MUG + placed.len() as u64 * TEE]);

    let receipts = mail.pieces("SELECT subject, count(*) FROM mail WHERE subject LIKE 'Your order %' GROUP BY subject");
    let wrong: Vec<_> =
        placed.iter().filter(|order| receipts.get(&format!("Your order o-{order}")) != Some(&1)).collect();
    assert_eq!((wrong, receipts.len()), (vec![], placed.len()), "{}", shop.logs());
}

#[tokio::test]
async fn orders_without_stock_are_no_service() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log");
    let ended = shop("nats://127.0.0.1:1", &log).args(["--module", "orders", "--db", "none.sqlite"]).status().await;
    assert_eq!(ended.unwrap().code(), Some(1));
    let said = fs::read_to_string(log).unwrap();
    assert!(said.contains("start both as one service, with `--module stock --module orders`"), "{said}");
}
