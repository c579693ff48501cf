//! Encrypted connections, and servers and clients that cannot show who they are.

mod support;
#[path = "support/tls.rs"]
mod tls;

use bus_nats::{Nats, NatsConfig, OpenError};
use linkbus::{Bus, Command};
use serde::{Deserialize, Serialize};

use self::{
    support::{Running, Server, client, told, until},
    tls::Certificates,
};

#[derive(Command, Serialize, Deserialize)]
#[command(name = "shop.Ship")]
struct Ship(u32);

async fn refused(config: &NatsConfig) -> String {
    let error = Nats::client(config).await.err().expect("it is not let in");
    let text = told(&error);
    assert!(matches!(error, OpenError::Encryption { .. }), "{error:?}");
    text
}

async fn works(config: &NatsConfig) {
    let worker = Running::start(config, Bus::empty().command(|_: Ship| ())).await;
    let bus = Bus::empty().message::<Ship>().transport(client(config).await).build().unwrap();
    bus.execute(Ship(1)).await.unwrap();
    until(|| worker.handle.stats().handled == 1).await;
    worker.stop().await;
}

#[tokio::test]
async fn messages_pass_encrypted_to_a_server_that_the_root_vouches_for() {
    let certificates = Certificates::new();
    for server in Server::each_with(&certificates.server("")) {
        works(&server.config().root_certificates(certificates.root())).await;
        let plain = NatsConfig::new(server.url().replace("tls://", "nats://"));
        refused(&plain).await;
    }
}

#[tokio::test]
async fn a_server_that_no_root_vouches_for_is_refused() {
    let (certificates, others) = (Certificates::new(), Certificates::new());
    for server in Server::each_with(&certificates.server("")) {
        let text = refused(&server.config().root_certificates(others.root())).await;
        assert!(text.contains("root_certificates`") && text.contains("certificate"), "{text}");
    }
}

#[tokio::test]
async fn a_server_that_wants_a_certificate_lets_in_who_shows_one() {
    let (certificates, others) = (Certificates::new(), Certificates::new());
    for server in Server::each_with(&certificates.server("verify: true")) {
        let config = server.config().root_certificates(certificates.root());
        works(&config.clone().client_certificate(certificates.of("client"), certificates.key_of("client"))).await;
        let text = refused(&config).await;
        assert!(text.contains("`client_certificate`"), "{text}");
        refused(&config.client_certificate(others.of("client"), others.key_of("client"))).await;
    }
}

#[tokio::test]
async fn who_requires_encryption_does_not_talk_to_a_server_without() {
    for server in Server::each() {
        refused(&server.config().require_tls()).await;
    }
}

#[tokio::test]
async fn a_file_that_cannot_be_read_is_named() {
    for server in Server::each() {
        let config = server.config();
        for config in [
            config.clone().root_certificates("/nowhere/it.pem"),
            config.client_certificate("/nowhere/it.pem", "/nowhere/it.key"),
        ] {
            let error = Nats::client(&config).await.err().unwrap();
            assert!(matches!(error, OpenError::Certificate { .. }), "{error:?}");
            assert!(told(&error).contains("/nowhere/it.pem"), "{error}");
        }
    }
}
