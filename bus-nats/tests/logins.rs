//! Who is let in, and what it may do then. No secret is in an error, in what is shown, or in a log.

#[path = "support/logins.rs"]
mod logins;
mod support;

use std::{
    fmt,
    sync::{Arc, Mutex},
    time::Duration,
};

use bus_nats::{Nats, NatsConfig, OpenError, Redelivery};
use linkbus::{Bus, Command, Event, Query, transport::Endpoint};
use nkeys::KeyPair;
use serde::{Deserialize, Serialize};
use tracing::{
    Metadata, Subscriber,
    field::{Field, Visit},
    instrument::WithSubscriber as _,
    span::{Attributes, Id, Record},
};

use self::{
    logins::Operator,
    support::{Running, Server, client, soon, told, until},
};

#[derive(Command, Serialize, Deserialize)]
#[command(name = "shop.Ship")]
struct Ship(u32);

#[derive(Event, Serialize, Deserialize)]
#[event(name = "shop.Shipped")]
struct Shipped(u32);

#[derive(Query, Serialize, Deserialize)]
#[query(reply = u32, name = "shop.Twice")]
struct Twice(u32);

/// All that is logged, by whomever.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<String>>);

impl Subscriber for Log {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        span.record(&mut self.clone());
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, values: &Record<'_>) {
        values.record(&mut self.clone());
    }

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &tracing::Event<'_>) {
        event.record(&mut self.clone());
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

impl Visit for Log {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        use fmt::Write as _;
        writeln!(self.0.lock().unwrap(), "{field}={value:?}").unwrap();
    }
}

/// Who has the `right` login works with the server, who has a `wrong` one is told so; and nobody learns the `secrets`.
async fn tells_apart(right: NatsConfig, wrong: NatsConfig, secrets: &[&str]) {
    let log = Log::default();
    let error = async {
        let worker = Running::start(&right, Bus::empty().command(|_: Ship| ())).await;
        let bus = Bus::empty().message::<Ship>().transport(client(&right).await).build().unwrap();
        bus.execute(Ship(1)).await.unwrap();
        until(|| worker.handle.stats().handled == 1).await;
        worker.stop().await;
        soon(Nats::client(&wrong)).await.err().expect("it is not let in")
    };
    let error = error.with_subscriber(log.clone()).await;
    assert!(matches!(error, OpenError::Login { .. }), "{error:?}");
    let log = log.0.lock().unwrap();
    assert!(log.contains("authorization violation"), "all is heard: {log}");
    let shown = format!("{log} {} {error:?} {right:?} {wrong:?}", told(&error));
    for secret in secrets {
        assert!(!shown.contains(secret), "`{secret}` is shown: {shown}");
    }
}

#[tokio::test]
async fn a_token_is_shown_to_the_server_and_to_nobody_else() {
    for server in Server::each_with("authorization { token: s3cr3t }") {
        let config = server.config();
        tells_apart(config.clone().token("s3cr3t"), config.token("wr0ng"), &["s3cr3t", "wr0ng"]).await;
    }
}

#[tokio::test]
async fn a_password_is_shown_to_the_server_and_to_nobody_else() {
    for server in Server::each_with("authorization { user: me, password: s3cr3t }") {
        let right = server.config().user_and_password("me", "s3cr3t");
        let wrong = server.config().user_and_password("me", "wr0ng");
        tells_apart(right, wrong, &["s3cr3t", "wr0ng"]).await;
    }
}

#[tokio::test]
async fn a_password_in_an_address_is_shown_to_the_server_and_to_nobody_else() {
    for server in Server::each_with("authorization { user: me, password: s3cr3t }") {
        let with = |login: &str| support::config(&server.url().replace("//", &format!("//{login}@")));
        tells_apart(with("me:s3cr3t"), with("me:wr0ng"), &["s3cr3t", "wr0ng"]).await;
    }
}

#[tokio::test]
async fn a_key_is_used_and_never_shown() {
    let (user, stranger) = (KeyPair::new_user(), KeyPair::new_user());
    let knows = format!("authorization {{ users: [{{ nkey: {} }}] }}", user.public_key());
    for server in Server::each_with(&knows) {
        let [right, wrong] = [&user, &stranger].map(|key| key.seed().unwrap());
        let config = server.config();
        tells_apart(config.clone().nkey(&right), config.clone().nkey(&wrong), &[&right, &wrong]).await;
        let error = Nats::client(&config.nkey("SUNOSEED")).await.err().unwrap();
        assert!(matches!(error, OpenError::Login { .. }) && !told(&error).contains("SUNOSEED"), "{error:?}");
    }
}

#[tokio::test]
async fn credentials_are_used_and_never_shown() {
    let operator = Operator::new();
    for server in Server::each_with(&operator.server) {
        let [right, wrong] = [("right.creds", true), ("wrong.creds", false)]
            .map(|(name, is_known)| operator.credentials(name, is_known));
        let secrets = [&right, &wrong].map(|path| std::fs::read_to_string(path).unwrap());
        let secrets: Vec<_> = secrets.iter().flat_map(|text| text.lines()).filter(|line| line.len() > 40).collect();
        assert_eq!(secrets.len(), 4);
        let config = server.config();
        tells_apart(config.clone().credentials_file(&right), config.clone().credentials_file(&wrong), &secrets).await;
    }
}

#[tokio::test]
async fn a_file_of_credentials_that_cannot_be_read_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let empty = folder.path().join("empty.creds");
    std::fs::write(&empty, "nothing").unwrap();
    for path in [empty, folder.path().join("missing.creds")] {
        let error = Nats::client(&NatsConfig::new("127.0.0.1:1").credentials_file(&path)).await.err().unwrap();
        assert!(matches!(error, OpenError::Credentials { .. }), "{error:?}");
        assert!(error.to_string().contains(path.to_str().unwrap()), "{error}");
    }
}

/// A user that may do all but what is named.
fn denies(what: &str, subject: &str) -> String {
    format!(
        "authorization {{ users: [{{ user: me, password: me, permissions: {{ {what}: {{ deny: {subject:?} }} }} }}] }}"
    )
}

fn not_permitted(error: &OpenError, subject: &str) {
    assert!(matches!(error, OpenError::Permission { .. }), "{error:?}");
    let text = told(error);
    assert!(text.contains(&format!("`{subject}")) && text.contains("permission"), "{text}");
}

#[tokio::test]
async fn who_may_not_send_a_message_is_told_at_once() {
    for server in Server::each_with(&denies("publish", "linkbus.*.shop.>")) {
        // Who waits for these has not been told.
        let hour = Duration::from_secs(3600);
        let config = server.config().user_and_password("me", "me").publish_timeout(hour).query_timeout(hour);
        let known = Bus::empty().message::<Ship>().message::<Shipped>().message::<Twice>();
        let bus = known.transport(client(&config).await).build().unwrap();
        let command = soon(bus.execute(Ship(1))).await.unwrap_err();
        assert!(format!("{command:?}").contains("linkbus.cmd.shop.Ship"), "{command:?}");
        let event = soon(bus.publish(Shipped(1))).await.unwrap_err();
        assert!(format!("{event:?}").contains("linkbus.evt.shop.Shipped"), "{event:?}");
        let query = soon(bus.send(Twice(1))).await.unwrap_err();
        assert!(format!("{query:?}").contains("linkbus.q.shop.Twice"), "{query:?}");
    }
}

#[tokio::test]
async fn who_may_not_ask_for_streams_or_hear_answers_is_told_so() {
    for (what, subject) in [("publish", "$JS.API.STREAM.INFO.linkbus_cmd"), ("subscribe", "_INBOX.>")] {
        for server in Server::each_with(&denies(what, subject)) {
            let error = Nats::client(&server.config().user_and_password("me", "me")).await.err().unwrap();
            not_permitted(&error, subject.trim_end_matches('>'));
        }
    }
}

#[tokio::test]
async fn who_may_not_make_a_consumer_is_told_so() {
    for server in Server::each_with(&denies("publish", "$JS.API.CONSUMER.>")) {
        let config = server.config().user_and_password("me", "me");
        let bus = Bus::empty().command(|_: Ship| ()).replayable().build().unwrap();
        let error = Nats::worker(&config, Endpoint::new(&bus).unwrap()).await.err().unwrap();
        not_permitted(&error, "$JS.API.CONSUMER.");
    }
}

/// The subjects in a cell of the table of the README.
fn permitted(role: &str, cell: usize) -> Vec<&'static str> {
    let row = include_str!("../README.md").lines().find(|line| line.starts_with(&format!("| {role} |"))).unwrap();
    row.split('|').nth(cell).unwrap().split('`').skip(1).step_by(2).collect()
}

#[tokio::test]
async fn what_the_readme_permits_is_enough() {
    let of_client = [permitted("client", 2), permitted("who makes the streams", 2)].concat();
    let users = [("client", of_client), ("worker", permitted("worker", 2))].map(|(name, publishes)| {
        let may = format!("publish: {publishes:?}, subscribe: {:?}", permitted(name, 3));
        format!("{{ user: {name}, password: me, permissions: {{ {may} }} }}")
    });
    let users = format!("authorization {{ users: [{}] }}", users.join(", "));
    for server in Server::each_with(&users) {
        let redelivery = Redelivery::new().base(Duration::from_millis(1)).max_attempts(2);
        let config = server.config().redelivery(redelivery);
        let sends = client(&config.clone().user_and_password("client", "me")).await;
        let known = Bus::empty().message::<Ship>().message::<Shipped>().message::<Twice>();
        let bus = known.transport(sends).build().unwrap();
        let handlers = Bus::empty()
            .query(|Twice(number): Twice| number * 2)
            .command(|_: Ship| Err::<(), _>(std::io::Error::other("it always fails")))
            .subscribe(|_: &Shipped| ());
        let worker = Running::start(&config.user_and_password("worker", "me"), handlers).await;
        assert_eq!(soon(bus.send(Twice(2))).await.unwrap(), 4);
        bus.execute(Ship(1)).await.unwrap();
        bus.publish(Shipped(1)).await.unwrap();
        until(|| worker.handle.stats().dead_lettered == 1 && worker.handle.stats().handled == 1).await;
        soon(worker.idle()).await;
        worker.stop().await;
    }
}
