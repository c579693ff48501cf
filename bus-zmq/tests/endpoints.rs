//! Where hubs are, and what they leave there.

mod support;

use std::{fs, net::TcpListener};

use bus_zmq::Zmq;

use self::support::{Place, soon};

#[tokio::test]
async fn the_loopback_of_ipv6_connects_as_that_of_ipv4_does() {
    for host in ["127.0.0.1", "[::1]"] {
        // A port that is free now; a machine may have no IPv6.
        let Ok(listener) = TcpListener::bind(format!("{host}:0")) else { continue };
        let endpoint = format!("tcp://{}", listener.local_addr().unwrap());
        drop(listener);
        let hub = Zmq::hub().endpoint(&endpoint).start().unwrap();
        let client = Zmq::client().endpoint(&endpoint).connect().unwrap();
        soon(hub.wait_for(|stats| stats.peers == 1)).await.unwrap();
        drop(client);
        hub.close().await;
    }
}

#[tokio::test]
async fn the_port_that_the_system_chose_is_told() {
    let place = Place::new();
    let hub = place.hub().endpoint("tcp://127.0.0.1:0").start().unwrap();
    assert_eq!(hub.endpoint(), place.endpoint(), "the first one");
    let [_, chosen] = hub.endpoints() else { panic!("{:?}", hub.endpoints()) };
    assert!(!chosen.ends_with(":0"), "{chosen}");
    for endpoint in hub.endpoints() {
        soon(Zmq::client().endpoint(endpoint).connect().unwrap().ready()).await.unwrap();
    }
}

#[test]
fn a_hub_that_is_dropped_leaves_no_file() {
    let place = Place::new();
    let hub = place.hub().start().unwrap();
    assert_eq!(fs::read_dir(place.folder()).unwrap().count(), 2);
    drop(hub);
    assert_eq!(fs::read_dir(place.folder()).unwrap().count(), 0);
}
