//! Messages that go in circles over several processes end in an error, as those of one process do.

use std::sync::{
    Arc, Mutex, OnceLock,
    atomic::{AtomicU32, Ordering},
};

use linkbus::{
    AnyError, Builder, Bus, Command, Event, PublishError, handler,
    layer::Reason,
    transport::{Answer, Endpoint, Envelope, Features, Parcel, Transport, Undelivered},
};
use serde::{Deserialize, Serialize};

#[derive(Command, Serialize, Deserialize)]
#[command(name = "circle.Ping", error = AnyError)]
struct Ping;

#[derive(Command, Serialize, Deserialize)]
#[command(name = "circle.Pong", error = AnyError)]
struct Pong;

#[derive(Event, Serialize, Deserialize)]
#[event(name = "circle.Rung")]
struct Rung;

/// The way to a bus that is made later, and what went there.
#[derive(Clone, Default)]
struct Wire(Arc<Shared>);

#[derive(Default)]
struct Shared {
    endpoint: OnceLock<Endpoint>,
    depths: Mutex<Vec<u32>>,
    is_inline: bool,
}

impl Wire {
    fn destination(&self) -> Bus {
        self.0.endpoint.get().unwrap().bus().clone()
    }

    fn depths(&self) -> Vec<u32> {
        self.0.depths.lock().unwrap().clone()
    }
}

impl Transport for Wire {
    fn name(&self) -> &'static str {
        "wire"
    }

    fn features(&self) -> Features {
        Features::default()
    }

    async fn carry(&self, parcel: Parcel) -> Result<Answer, Undelivered> {
        let envelope = Envelope::from_bytes(&parcel.envelope.to_bytes()).unwrap();
        self.0.depths.lock().unwrap().push(envelope.depth);
        let parcel = Parcel { envelope, ..parcel };
        let shared = Arc::clone(&self.0);
        let deliver = async move { shared.endpoint.get().unwrap().deliver(parcel).await };
        if self.0.is_inline {
            return Ok(Box::pin(deliver).await);
        }
        // Another process knows nothing of the stack here.
        Ok(tokio::spawn(deliver).await.unwrap())
    }
}

/// Two buses, each of which reaches the other.
fn connected(first: Builder<Bus>, second: Builder<Bus>, is_inline: bool) -> (Bus, [Wire; 2]) {
    let wire = || Wire(Arc::new(Shared { is_inline, ..Shared::default() }));
    let (there, back) = (wire(), wire());
    let first = first.message::<Pong>().replayable().transport(there.clone()).build().unwrap();
    let second = second.message::<Ping>().replayable().transport(back.clone()).build().unwrap();
    let _ = there.0.endpoint.set(Endpoint::new(&second).unwrap());
    let _ = back.0.endpoint.set(Endpoint::new(&first).unwrap());
    (first, [there, back])
}

mod first {
    use super::{AnyError, Bus, Ping, Pong, Rung, handler};

    #[handler]
    async fn ping(_: Ping, bus: &Bus) -> Result<(), AnyError> {
        Ok(Box::pin(bus.execute(Pong)).await?)
    }

    #[handler]
    async fn ring_again(_: &Rung, bus: &Bus) -> Result<(), AnyError> {
        Ok(Box::pin(bus.publish(Rung)).await?)
    }

    linkbus::module! { messages: [Ping, Pong, Rung], handlers: [ping, ring_again] }
}

mod second {
    use super::{AnyError, Bus, Ping, Pong, Rung, handler};

    #[handler]
    async fn pong(_: Pong, bus: &Bus) -> Result<(), AnyError> {
        Ok(Box::pin(bus.execute(Ping)).await?)
    }

    #[handler]
    async fn ring_back(_: &Rung, bus: &Bus) -> Result<(), AnyError> {
        Ok(Box::pin(bus.publish(Rung)).await?)
    }

    linkbus::module! { messages: [Ping, Pong, Rung], handlers: [pong, ring_back] }
}

/// A handler that asks for no bus.
mod elsewhere {
    use super::{AnyError, Bus, OnceLock, Ping, Pong, handler};

    pub(super) static BUS: OnceLock<Bus> = OnceLock::new();

    #[handler]
    async fn pong(_: Pong) -> Result<(), AnyError> {
        Ok(Box::pin(BUS.get().unwrap().execute(Ping)).await?)
    }

    linkbus::module! { messages: [Ping, Pong], handlers: [pong] }
}

/// What an error says, with its causes.
fn sayings(error: &dyn std::error::Error) -> Vec<String> {
    std::iter::successors(Some(error), |error| error.source()).map(ToString::to_string).collect()
}

fn circle(is_inline: bool) -> (Bus, [Wire; 2]) {
    connected(Bus::empty().modules([first::MODULE]), Bus::empty().modules([second::MODULE]), is_inline)
}

/// A transport that stays on the stack takes more of it than a test has, without optimisation: a main thread has 8 MiB.
fn with_room(test: impl Future<Output = ()> + Send + 'static) {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let thread = std::thread::Builder::new().stack_size(8 << 20).spawn(move || runtime.block_on(test)).unwrap();
    thread.join().unwrap();
}

#[test]
fn a_circle_over_two_processes_ends_at_the_depth_at_which_it_would_in_one() {
    with_room(async {
        for is_inline in [false, true] {
            let (bus, [there, back]) = circle(is_inline);
            let error = bus.execute(Ping).await.unwrap_err();
            let sayings = sayings(&error);
            assert!(sayings.iter().any(|text| text.contains("dispatches are nested 64 deep: circle.")), "{sayings:?}");
            // The first message does not leave the process, and the one that would be too deep does not either.
            assert_eq!(there.depths(), (1..64).step_by(2).collect::<Vec<_>>());
            assert_eq!(back.depths(), (2..64).step_by(2).collect::<Vec<_>>());
            // Nothing of it is left behind.
            assert!(bus.execute(Ping).await.is_err());
            assert_eq!(there.depths().len(), 2 * 32);
        }
    });
}

#[tokio::test]
async fn a_handler_that_has_its_bus_from_elsewhere_is_counted_as_well() {
    let first = Bus::empty().modules([first::MODULE]);
    let (bus, [there, _]) = connected(first, Bus::empty().modules([elsewhere::MODULE]), false);
    assert!(elsewhere::BUS.set(there.destination()).is_ok());
    assert!(bus.execute(Ping).await.is_err());
    assert_eq!(there.depths(), (1..64).step_by(2).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_message_that_no_handler_sends_says_nothing_of_a_depth() {
    let (bus, [there, _]) = circle(false);
    let _ = bus.execute(Pong).await;
    assert_eq!(there.depths()[0], 0);
    let envelope = Envelope::of::<Pong>();
    assert!(!envelope.to_bytes().windows(5).any(|name| name == b"depth"));
}

#[tokio::test]
async fn what_is_nested_deeper_than_a_bus_allows_is_refused_where_it_arrives() {
    let handled = Arc::new(AtomicU32::new(0));
    let count = Arc::clone(&handled);
    let ping = move |_: Ping| {
        count.fetch_add(1, Ordering::Relaxed);
    };
    let bus = Bus::empty().command(ping).replayable().max_depth(8).build().unwrap();
    let endpoint = Endpoint::new(&bus).unwrap();
    for (depth, is_handled) in [(7, true), (8, false), (u32::MAX, false)] {
        let mut envelope = Envelope::of::<Ping>();
        envelope.depth = depth;
        let answer = endpoint.deliver(Parcel { envelope, body: b"\xc0".to_vec() }).await;
        match answer {
            Answer::Done(_) => assert!(is_handled, "{depth}"),
            Answer::Failed(error) => {
                assert!(!is_handled, "{error}");
                assert_eq!(error.reason, Reason::RecursionLimit);
                assert_eq!(error.text, "dispatches are nested 8 deep: circle.Ping");
            }
        }
    }
    assert_eq!(handled.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn a_circle_of_events_ends_too() {
    let (bus, [there, back]) = circle(false);
    let error = bus.publish(Rung).await.unwrap_err();
    assert!(!error.failures().is_empty() || matches!(error, PublishError::Transport { .. }), "{error:?}");
    assert!(there.depths().iter().chain(&back.depths()).all(|depth| *depth < 64));
    assert!(there.depths().contains(&0) && back.depths().contains(&63));
}
