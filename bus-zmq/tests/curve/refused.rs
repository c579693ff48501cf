//! Who is not let in, and what he is told.

use std::time::Duration;

use bus_zmq::{ClientBuilder, Curve, NotReady, OpenError, SecretKey, Zmq};
use linkbus::{Bus, ExecuteError};

use super::{
    scene::{Do, Scene, Secrets, sender},
    support::{Place, run, soon},
};

/// What a client that is not let in is told: by itself, and when a message is sent.
async fn told(client: ClientBuilder) -> [String; 2] {
    let client = client.hub_grace(Duration::from_secs(2)).connect().unwrap();
    let bus = Bus::empty().message::<Do>().transport(client.clone()).build().unwrap();
    let not_ready = soon(client.ready()).await.unwrap_err();
    let unsent = soon(bus.execute(Do(1))).await.unwrap_err();
    assert!(matches!(unsent, ExecuteError::Transport { .. }), "{unsent:?}");
    let causes = std::iter::successors(Some(&unsent as &dyn std::error::Error), |error| error.source());
    [not_ready.to_string(), causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")]
}

#[tokio::test]
async fn a_key_that_is_not_allowed_is_not_let_in_and_told_so() {
    let scene = Scene::new().await;
    let stranger = Curve::client(SecretKey::generate(), scene.secrets.hub.public_key());
    for text in told(scene.secrets.client().curve(stranger)).await {
        assert!(text.contains("give its public key to `CurveServer::allow`"), "{text}");
    }
    scene.honest_is_served().await;
    assert_eq!((scene.handled(), scene.hub.stats().peers), (1, 2));
}

#[tokio::test]
async fn a_worker_whose_key_is_not_allowed_is_told_so() {
    let scene = Scene::new().await;
    let stranger = Curve::client(SecretKey::generate(), scene.secrets.hub.public_key());
    let (worker, _) = run(scene.secrets.worker().curve(stranger), Bus::empty().replayable().command(|_: Do| ()));
    let error = soon(worker.ready()).await.unwrap_err();
    assert!(matches!(error, NotReady::LockedOut { .. }), "{error:?}");
    scene.honest_is_served().await;
    assert_eq!(worker.stats().taken, 0);
}

#[tokio::test]
async fn a_hub_with_another_key_is_not_spoken_to() {
    let scene = Scene::new().await;
    let mistaken = Curve::client(scene.secrets.client.clone(), SecretKey::generate().public_key());
    for text in told(scene.secrets.client().curve(mistaken)).await {
        assert!(text.contains("give the public key of the hub to `Curve::client`"), "{text}");
    }
    scene.honest_is_served().await;
}

#[tokio::test]
async fn who_has_no_key_is_not_let_in_and_told_so() {
    let scene = Scene::new().await;
    for text in told(Zmq::client().endpoint(scene.secrets.endpoint())).await {
        assert!(text.contains("`.curve(..)`"), "{text}");
    }
    scene.honest_is_served().await;
    assert_eq!(scene.hub.stats().peers, 2);
}

#[tokio::test]
async fn a_hub_without_keys_is_not_spoken_to_by_who_has_some() {
    let secrets = Secrets::new();
    let _hub = Zmq::hub().endpoint(secrets.endpoint()).start().unwrap();
    for text in told(secrets.client()).await {
        assert!(text.contains("secret key to `Curve::server`"), "{text}");
    }
}

#[tokio::test]
async fn who_is_allowed_later_is_let_in_without_being_started_again() {
    let secrets = Secrets::new();
    let late = SecretKey::generate();
    let hub = secrets.hub().start().unwrap();
    let client = secrets.client().curve(Curve::client(late.clone(), secrets.hub.public_key())).connect().unwrap();
    let error = soon(client.ready()).await.unwrap_err();
    assert!(matches!(error, NotReady::LockedOut { .. }), "{error:?}");
    soon(hub.close()).await;
    let _hub = secrets.hub().curve(secrets.server().allow([late.public_key()])).start().unwrap();
    soon(async {
        while client.ready().await.is_err() {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

#[tokio::test]
async fn everybody_is_let_in_only_if_that_is_said_loudly() {
    let secrets = Secrets::new();
    let error = secrets.hub().curve(Curve::server(secrets.hub.clone())).start().unwrap_err();
    assert!(matches!(error, OpenError::NobodyAllowed { .. }), "{error:?}");
    assert!(error.to_string().contains("`CurveServer::allow`"), "{error}");

    let everybody = Curve::server(secrets.hub.clone()).dangerously_allow_everybody();
    let _hub = secrets.hub().curve(everybody).start().unwrap();
    let stranger = Curve::client(SecretKey::generate(), secrets.hub.public_key());
    sender(secrets.client().curve(stranger)).await;
}

#[test]
fn keys_are_for_tcp() {
    let (place, secrets) = (Place::new(), Secrets::new());
    let error = place.hub().curve(secrets.server()).start().unwrap_err();
    assert!(error.to_string().contains("keys are for `tcp://`"), "{error}");
    assert!(!place.folder().exists());
}

#[tokio::test]
async fn a_second_hub_at_the_same_port_is_an_error() {
    let secrets = Secrets::new();
    let _hub = secrets.hub().start().unwrap();
    let error = secrets.hub().start().unwrap_err();
    assert!(matches!(error, OpenError::AlreadyServed { .. }), "{error:?}");
}
