//! What clients and workers find on the server, and what they make of it.

mod support;

use std::time::Duration;

use async_nats::jetstream::{self, stream::Config};
use bus_nats::{Difference, Nats, NatsConfig, OpenError, StreamSettings};
use linkbus::{Bus, Command, transport::Endpoint};
use serde::{Deserialize, Serialize};

use self::support::{Server, client, keeps_for_later, plain};

#[derive(Command, Serialize, Deserialize)]
#[command(name = "shop.Ship")]
struct Ship;

fn endpoint() -> Endpoint {
    Endpoint::new(&Bus::empty().command(|_: Ship| ()).replayable().build().unwrap()).unwrap()
}

fn differences(opened: Result<impl Sized, OpenError>) -> Vec<Difference> {
    match opened {
        Err(OpenError::Differences(differences)) => differences.0,
        Err(error) => panic!("another error: {error:?}"),
        Ok(_) => panic!("nothing differs"),
    }
}

fn shown(differences: &[Difference]) -> Vec<String> {
    differences.iter().map(ToString::to_string).collect()
}

async fn stream(server: &Server, name: &str) -> Config {
    jetstream::new(plain(server).await).get_stream(name).await.unwrap().cached_info().config.clone()
}

#[tokio::test]
async fn all_that_differs_is_told_and_nothing_is_changed() {
    for server in Server::each() {
        client(&server.config()).await;
        let mut settings = StreamSettings::default();
        settings.max_bytes = 8 << 20;
        settings.duplicate_window = Duration::from_secs(60);
        let config = NatsConfig::new(server.url()).streams(settings).keep_events(Duration::from_secs(3600));
        let before = stream(&server, "linkbus_evt").await;
        let found = differences(Nats::client(&config).await);
        // The bytes and the window of six streams, the age of events, and the window where messages are kept for later.
        let later = shown(&found).iter().filter(|difference| difference.contains("`linkbus_later`")).count();
        assert_eq!(
            (found.len() - later, later),
            (13, usize::from(keeps_for_later(&server).await)),
            "{:#?}",
            shown(&found)
        );
        let age = "`max_age` of the stream `linkbus_evt` is 604800s, and 3600s is wanted".to_owned();
        assert!(shown(&found).contains(&age), "{:#?}", shown(&found));
        assert_eq!(stream(&server, "linkbus_evt").await, before);
    }
}

#[tokio::test]
async fn a_consumer_that_differs_is_told() {
    for server in Server::each() {
        let _worker = Nats::worker(&server.config(), endpoint()).await.unwrap();
        let config = server.config().ack_wait(Duration::from_secs(7));
        let found = differences(Nats::worker(&config, endpoint()).await);
        let wait = "`ack_wait` of the consumer `shop_Ship` of the stream `linkbus_cmd` is 5s, and 7s is wanted";
        assert_eq!(shown(&found), [wait]);
    }
}

#[tokio::test]
async fn who_only_verifies_makes_nothing_and_says_what_is_missing() {
    for server in Server::each() {
        let config = server.config().verify_only();
        let found = differences(Nats::client(&config).await);
        assert!(found.len() == 6 && found.iter().all(|what| matches!(what, Difference::Missing { .. })), "{found:?}");
        assert!(jetstream::new(plain(&server).await).get_stream("linkbus_cmd").await.is_err());

        client(&server.config()).await;
        Nats::client(&config).await.unwrap();
        let found = differences(Nats::worker(&config, endpoint()).await);
        assert_eq!(found.len(), 1 + usize::from(keeps_for_later(&server).await), "{found:?}");
        assert!(found[0].to_string().starts_with("the consumer `shop_Ship` of the stream `linkbus_cmd` is missing"));

        let _worker = Nats::worker(&server.config(), endpoint()).await.unwrap();
        let _second = Nats::worker(&config, endpoint()).await.unwrap();
    }
}

#[tokio::test]
async fn many_may_start_at_once() {
    for server in Server::each() {
        let config = server.config();
        let opened = (0..8).map(|_| async { Nats::worker(&config, endpoint()).await.map(drop) });
        for opened in futures_util::future::join_all(opened).await {
            opened.unwrap();
        }
    }
}

#[tokio::test]
async fn two_prefixes_do_not_meet() {
    for server in Server::each() {
        client(&server.config().prefix("one")).await;
        client(&server.config().prefix("two")).await;
        assert_eq!(stream(&server, "two_cmd").await.subjects, ["two.cmd.>"]);
    }
}

#[tokio::test]
async fn a_server_that_is_not_there_is_named_without_its_password() {
    let error = Nats::client(&NatsConfig::new("nats://me:s3cr3t@127.0.0.1:1")).await.err().unwrap();
    let text = format!("{error} {error:?}");
    assert!(matches!(error, OpenError::Connect { .. }), "{text}");
    assert!(text.contains("127.0.0.1:1") && !text.contains("s3cr3t"), "{text}");
}
