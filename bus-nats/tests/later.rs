//! Messages for later, at servers that keep them and at one that does not.

mod support;

use std::{
    sync::{Arc, Mutex},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use async_nats::{
    HeaderMap,
    jetstream::{
        self,
        stream::{Config, RetentionPolicy},
    },
};
use bus_nats::{NatsConfig, StreamSettings};
use linkbus::{
    Bus, Command, DispatchError, ExecuteError, Task,
    layer::{Dispatch, Observer},
};
use serde::{Deserialize, Serialize};
use tokio::sync::Notify;

use self::support::{Running, Server, client, keeps_for_later, kept, plain, soon, told};

#[derive(Task, Serialize, Deserialize)]
#[task(name = "shop.Remind")]
struct Remind(Vec<u8>);

#[derive(Command, Serialize, Deserialize)]
#[command(name = "shop.Ship")]
struct Ship;

const HOUR: Duration = Duration::from_secs(3600);

/// What is known of a dispatch: its id, and what it shares with all that has the same cause.
type Ids = [String; 2];

/// The dispatches of a bus.
#[derive(Clone, Default)]
struct Dispatches {
    ids: Arc<Mutex<Vec<Ids>>>,
    more: Arc<Notify>,
}

impl Dispatches {
    fn ids(&self) -> Vec<Ids> {
        self.ids.lock().unwrap().clone()
    }

    /// Waits until there are so many.
    async fn are(&self, count: usize) {
        soon(async {
            while self.ids().len() < count {
                self.more.notified().await;
            }
        })
        .await;
    }
}

impl Observer for Dispatches {
    fn start(&self, _: &mut Dispatch<'_>) {}

    fn end(&self, dispatch: &mut Dispatch<'_>) {
        let context = dispatch.context();
        self.ids.lock().unwrap().push([context.id().to_string(), context.correlation_id().to_string()]);
        self.more.notify_one();
    }
}

async fn sender(config: &NatsConfig) -> (Bus, Dispatches) {
    let sent = Dispatches::default();
    let known = Bus::empty().message::<Remind>().message::<Ship>().layer(sent.clone());
    (known.transport(client(config).await).build().unwrap(), sent)
}

async fn worker(config: &NatsConfig) -> (Running, Dispatches) {
    let handled = Dispatches::default();
    let bus = Bus::empty().task(|_: Remind| ()).command(|_: Ship| ()).layer(handled.clone());
    (Running::start(config, bus).await, handled)
}

/// The servers that keep messages for later.
async fn keeping(more: &str) -> Vec<Server> {
    let mut servers = Vec::new();
    for server in Server::each_with(more) {
        if keeps_for_later(&server).await {
            servers.push(server);
        }
    }
    servers
}

fn remind() -> Remind {
    Remind(Vec::new())
}

#[tokio::test]
async fn a_message_for_later_is_handled_when_it_is_due_and_not_before() {
    for server in keeping("").await {
        let config = server.config();
        let ((bus, sent), (worker, handled)) = (sender(&config).await, worker(&config).await);
        let due = SystemTime::now() + Duration::from_secs(1);
        bus.dispatch_at(due, remind()).await.unwrap();
        bus.execute_at(due, Ship).await.unwrap();
        handled.are(2).await;
        assert!(SystemTime::now() >= due, "it came before its time");
        let (mut sent, mut handled) = (sent.ids(), handled.ids());
        sent.sort();
        handled.sort();
        assert_eq!(sent, handled);
        soon(worker.idle()).await;
        let stats = worker.stop().await;
        assert_eq!((stats.moved, stats.handled, stats.redelivered), (2, 2, 0));
        assert_eq!(kept(&server, "linkbus_later").await, 0);
    }
}

#[tokio::test]
async fn a_message_of_the_past_is_handled_at_once() {
    for server in Server::each() {
        let config = server.config();
        let (bus, _) = sender(&config).await;
        bus.dispatch_at(UNIX_EPOCH, remind()).await.unwrap();
        assert_eq!(kept(&server, "linkbus_task").await, 1);
    }
}

#[tokio::test]
async fn a_server_that_keeps_nothing_for_later_is_given_nothing() {
    for server in Server::each() {
        if keeps_for_later(&server).await {
            continue;
        }
        let (bus, _) = sender(&server.config()).await;
        let error = bus.dispatch_after(HOUR, remind()).await.unwrap_err();
        let version = plain(&server).await.server_info().version;
        let why = format!("the server {version} keeps no message for later: version 2.12 does");
        assert!(matches!(error, DispatchError::Refused { .. }) && told(&error).contains(&why), "{}", told(&error));
        assert_eq!(kept(&server, "linkbus_task").await, 0);
    }
}

#[tokio::test]
async fn what_waits_outlives_a_server_that_is_killed() {
    for mut server in keeping("").await {
        let config = server.config();
        let ((bus, _), (worker, handled)) = (sender(&config).await, worker(&config).await);
        let (soon_due, later) =
            (SystemTime::now() + Duration::from_millis(1), SystemTime::now() + Duration::from_secs(4));
        bus.dispatch_at(later, remind()).await.unwrap();
        server.kill();
        assert!(SystemTime::now() >= soon_due, "time passes while it is gone");
        server.restart();
        handled.are(1).await;
        assert!(SystemTime::now() >= later, "it came before its time");
        worker.stop().await;
    }
}

#[tokio::test]
async fn what_is_moved_twice_is_handled_once() {
    for server in keeping("").await {
        let (worker, handled) = worker(&server.config()).await;
        let jetstream = jetstream::new(plain(&server).await);
        let mut headers = HeaderMap::new();
        headers.insert("ce-id", "01010101-0101-0101-0101-010101010101");
        for _ in 0..2 {
            let sent =
                jetstream.publish_with_headers("linkbus.later.due.cmd.shop.Ship", headers.clone(), "null".into());
            sent.await.unwrap().await.unwrap();
        }
        handled.are(1).await;
        soon(async {
            while worker.handle.stats().moved < 2 {
                tokio::task::yield_now().await;
            }
        })
        .await;
        soon(worker.idle()).await;
        assert_eq!(worker.stop().await.handled, 1);
    }
}

#[tokio::test]
async fn a_program_without_linkbus_has_something_done_later() {
    for server in keeping("").await {
        let (worker, handled) = worker(&server.config()).await;
        let due = SystemTime::now() + Duration::from_secs(1);
        let mut headers = HeaderMap::new();
        headers.insert("Nats-Schedule", format!("@at {}", humantime::format_rfc3339_nanos(due)));
        headers.insert("Nats-Schedule-Target", "linkbus.later.due.cmd.shop.Ship");
        let jetstream = jetstream::new(plain(&server).await);
        let sent = jetstream.publish_with_headers("linkbus.later.wait.mine", headers, "null".into());
        sent.await.unwrap().await.unwrap();
        handled.are(1).await;
        assert!(SystemTime::now() >= due, "it came before its time");
        worker.stop().await;
    }
}

#[tokio::test]
async fn a_stream_that_keeps_nothing_for_later_is_no_difference_and_says_what_it_lacks() {
    for server in keeping("").await {
        let wanted = "`allow_msg_schedules`";
        jetstream::new(plain(&server).await)
            .create_stream(Config {
                name: "linkbus_later".to_owned(),
                subjects: ["wait.*", "due.cmd.>", "due.task.>"].map(|tail| format!("linkbus.later.{tail}")).into(),
                retention: RetentionPolicy::WorkQueue,
                max_bytes: -1,
                max_messages_per_subject: -1,
                duplicate_window: Duration::from_secs(120),
                ..Config::default()
            })
            .await
            .unwrap();
        let (bus, _) = sender(&server.config()).await;
        let error = bus.execute_after(HOUR, Ship).await.unwrap_err();
        assert!(matches!(error, ExecuteError::Refused { .. }) && told(&error).contains(wanted), "{}", told(&error));
        assert_eq!(kept(&server, "linkbus_later").await, 0);
    }
}

#[tokio::test]
async fn a_stream_that_is_missing_is_told_when_it_is_needed() {
    for server in keeping("").await {
        sender(&server.config()).await;
        let jetstream = jetstream::new(plain(&server).await);
        jetstream.delete_stream("linkbus_later").await.unwrap();
        let config = server.config().verify_only();
        let (bus, _) = sender(&config).await;
        let error = bus.execute_after(HOUR, Ship).await.unwrap_err();
        assert!(told(&error).contains("the stream `linkbus_later` is missing"), "{}", told(&error));
        bus.execute(Ship).await.unwrap();
    }
}

#[tokio::test]
async fn a_full_stream_refuses_and_loses_nothing() {
    for server in keeping("").await {
        let mut streams = StreamSettings::default();
        streams.max_bytes = 64 << 10;
        let (bus, _) = sender(&NatsConfig::new(server.url()).streams(streams)).await;
        let mut taken = 0;
        let error = loop {
            match bus.dispatch_after(HOUR, Remind(vec![0; 10_000])).await {
                Ok(()) => taken += 1,
                Err(error) => break error,
            }
        };
        assert!(matches!(error, DispatchError::Overloaded { .. }), "{error:?}");
        assert_eq!((taken, kept(&server, "linkbus_later").await), (7, 7));
    }
}

#[tokio::test]
async fn what_is_due_waits_for_room_in_its_queue() {
    for server in keeping("").await {
        let mut streams = StreamSettings::default();
        streams.max_bytes = 64 << 10;
        let config = NatsConfig::new(server.url()).streams(streams);
        let (bus, _) = sender(&config).await;
        while bus.dispatch(Remind(vec![0; 10_000])).await.is_ok() {}
        let queued = kept(&server, "linkbus_task").await;
        bus.dispatch_after(Duration::from_millis(10), Remind(vec![0; 10_000])).await.unwrap();
        let (worker, handled) = worker(&config).await;
        handled.are(usize::try_from(queued).unwrap() + 1).await;
        worker.stop().await;
    }
}

#[tokio::test]
async fn a_time_that_no_server_can_count_is_refused() {
    for server in keeping("").await {
        let (bus, _) = sender(&server.config()).await;
        let year_2300 = UNIX_EPOCH + Duration::from_secs(330 * 365 * 24 * 3600);
        let error = bus.dispatch_at(year_2300, remind()).await.unwrap_err();
        assert!(told(&error).contains("2262"), "{}", told(&error));
        assert_eq!(kept(&server, "linkbus_later").await, 0);
    }
}
