//! Peers that read nothing of what they are sent: what a hub keeps for them.

mod stranger;
mod support;

use std::time::Duration;

use bus_zmq::protocol::{Frame, Hello, Served};
use linkbus::{Bus, Event, Kind};
use serde::{Deserialize, Serialize};

use self::{
    stranger::Stranger,
    support::{Place, soon, until},
};

#[derive(Event, Serialize, Deserialize)]
#[event(name = "unread.Happened")]
struct Happened(#[serde(with = "serde_bytes")] Vec<u8>);

const EVENTS: u32 = 300;
const SIZE: usize = 100_000;
/// What may be on its way: the messages that a connection has room for, and what the system and the other side take.
const ON_THE_WAY: usize = 100 * SIZE;

/// A subscriber that takes all events, and reads none.
fn subscribe(place: &Place) -> Stranger {
    let stranger = Stranger::prepared(place, |socket| socket.set_rcvhwm(1).unwrap());
    let serves = vec![Served { kind: Kind::Event, name: "unread.Happened".into() }];
    stranger.send(&Frame::Hello(Hello { session: 1, credit: 1, events: EVENTS, serves }));
    assert!(matches!(stranger.receive(), Frame::Welcome(_)));
    stranger
}

#[tokio::test]
async fn what_a_peer_does_not_read_waits_where_it_is_counted_until_the_peer_is_gone() {
    let place = Place::new();
    let hub = place.hub().heartbeat(Duration::from_millis(200)).start().unwrap();
    let stranger = subscribe(&place);
    let bus = Bus::empty().message::<Happened>().transport(place.client().connect().unwrap()).build().unwrap();
    for _ in 0..EVENTS {
        // It says that it is there.
        stranger.send(&Frame::Who);
        soon(bus.publish(Happened(vec![7; SIZE]))).await.unwrap();
    }
    assert_eq!(hub.stats().delivered, u64::from(EVENTS));
    until(|| hub.stats().unsent > EVENTS as usize * SIZE - ON_THE_WAY).await;
    // Now it says nothing. Its connection is still there.
    until(|| hub.stats().gone > 0 && hub.stats().unsent == 0).await;
}
