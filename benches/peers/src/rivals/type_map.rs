//! The bus that everybody writes first: a map from the type of the message to a boxed closure.

#[cfg(feature = "many")]
mod many;

use std::{
    any::{Any, TypeId},
    collections::HashMap,
    time::Duration,
};

use seq_macro::seq;

use crate::{
    case::Case,
    peer::{Answer, Peer},
    work::{add, hear, on_threads, timed},
};

pub(crate) const PEER: Peer =
    Peer { name: "HashMap<TypeId, Box<dyn Any>>", gives: "callers that do not know the callee", answer };

struct Add<const N: usize>(u64, u64);

type Handler<M> = Box<dyn Fn(M) -> u64 + Send + Sync>;
type Subscriber = Box<dyn Fn(&Add<0>) + Send + Sync>;

#[derive(Default)]
struct Map {
    handlers: HashMap<TypeId, Box<dyn Any + Send + Sync>>,
    subscribers: HashMap<TypeId, Vec<Subscriber>>,
}

impl Map {
    fn with<M: 'static>(mut self, handler: Handler<M>) -> Self {
        self.handlers.insert(TypeId::of::<M>(), Box::new(handler));
        self
    }

    fn send<M: 'static>(&self, message: M) -> u64 {
        let handler = self.handlers.get(&TypeId::of::<M>()).and_then(|found| found.downcast_ref::<Handler<M>>());
        handler.expect("it was put in")(message)
    }

    fn publish(&self, event: &Add<0>) {
        self.subscribers.get(&TypeId::of::<Add<0>>()).into_iter().flatten().for_each(|subscriber| subscriber(event));
    }
}

fn handler<const N: usize>() -> Handler<Add<N>> {
    Box::new(|message| add(message.0, message.1))
}

/// As many types as a small program has.
fn map() -> Map {
    seq!(N in 0..10 { Map::default() #( .with(handler::<N>()) )* })
}

fn sync(turns: u64, map: &Map) -> Duration {
    timed(turns, |turn| map.send(Add::<0>(turn, 1)))
}

fn answer(case: Case) -> Answer {
    match case {
        Case::Sync => Answer::turns(|turns| sync(turns, &map())),
        Case::Async | Case::AsyncYield => Answer::Cannot("it is a plain call"),
        Case::Events(count) => Answer::turns(move |turns| {
            let mut map = map();
            let heard = || Box::new(|event: &Add<0>| hear(event.0)) as Subscriber;
            map.subscribers.insert(TypeId::of::<Add<0>>(), (0..count).map(|_| heard()).collect());
            timed(turns, |turn| map.publish(&Add(turn, 1)))
        }),
        Case::Layers(_) => Answer::Cannot("it has no layers"),
        Case::Callers(callers) => Answer::turns(move |turns| {
            let map = map();
            on_threads(callers, || sync(turns, &map))
        }),
        #[cfg(feature = "many")]
        Case::Types(types) => Answer::turns(move |turns| many::turns(turns, types)),
        #[cfg(not(feature = "many"))]
        Case::Types(_) => Answer::TOO_MANY,
        Case::ColdStart => Answer::turns(|turns| timed(turns, |turn| map().send(Add::<0>(turn, 1)))),
    }
}
