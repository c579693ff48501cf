//! Two sides that ask each other.

mod support;

use bus_zmq::WorkerHandle;
use linkbus::{AnyError, Bus, Query, handler, transport::Endpoint};
use serde::{Deserialize, Serialize};

use self::support::{Place, soon, until};

#[derive(Query, Serialize, Deserialize)]
#[query(reply = u32, error = AnyError, name = "circle.CountUp")]
struct CountUp(u32);

#[derive(Query, Serialize, Deserialize)]
#[query(reply = u32, error = AnyError, name = "circle.GoOn")]
struct GoOn(u32);

mod first {
    use super::{AnyError, Bus, CountUp, GoOn, handler};

    /// Asks for more until there is enough; 1,000 is never enough.
    #[handler]
    async fn count_up(CountUp(so_far): CountUp, bus: &Bus) -> Result<u32, AnyError> {
        if so_far == 10 { Ok(so_far) } else { Ok(Box::pin(bus.send(GoOn(so_far))).await?) }
    }

    linkbus::module! { messages: [CountUp, GoOn], handlers: [count_up] }
}

mod second {
    use super::{AnyError, Bus, CountUp, GoOn, handler};

    #[handler]
    async fn go_on(GoOn(so_far): GoOn, bus: &Bus) -> Result<u32, AnyError> {
        Ok(Box::pin(bus.send(CountUp(so_far + 1))).await?)
    }

    linkbus::module! { messages: [CountUp, GoOn], handlers: [go_on] }
}

/// A side that handles what its module has, and asks the other for the rest.
async fn side(place: &Place, module: linkbus::Module) -> (Bus, WorkerHandle) {
    let client = place.client().connect().unwrap();
    let bus = Bus::empty().modules([module]).replayable().transport(client).build().unwrap();
    // Who waits for the other side holds what its worker takes at once.
    let worker = place.worker().credit(64).connect(Endpoint::new(&bus).unwrap()).unwrap();
    let handle = worker.handle();
    tokio::spawn(worker.run());
    soon(handle.ready()).await.unwrap();
    (bus, handle)
}

#[tokio::test]
async fn two_sides_that_ask_each_other_end_with_a_reply_or_at_the_depth_that_is_allowed() {
    let place = Place::new();
    let hub = place.hub().start().unwrap();
    let (bus, _first) = side(&place, first::MODULE).await;
    let (_, _second) = side(&place, second::MODULE).await;
    assert_eq!(soon(bus.send(CountUp(0))).await.unwrap(), 10);
    until(|| hub.stats().done == 2 * 10).await;
    let error = soon(bus.send(CountUp(1_000))).await.unwrap_err();
    let deepest = std::iter::successors(Some(&error as &dyn std::error::Error), |error| error.source()).last();
    assert!(deepest.unwrap().to_string().contains("nested 64 deep"), "{error:?}");
    until(|| (hub.stats().done, hub.stats().failed) == (2 * 10, 63)).await;
}
