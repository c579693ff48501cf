//! The bus that everybody writes first: a map from the type of the message to a boxed closure; and the same with a hasher
//! that does nothing, since a `TypeId` is a hash already.

#[cfg(feature = "many")]
mod many;

use std::{
    any::{Any, TypeId},
    collections::HashMap,
    hash::{BuildHasher, BuildHasherDefault, Hasher, RandomState},
};

use seq_macro::seq;

use crate::{
    case::Case,
    peer::{Answer, Peer},
    span::Span,
    work::{add, hear, on_threads, timed},
};

const GIVES: &str = "callers that do not know the callee";

pub(crate) const HASHED: Peer =
    Peer { name: "HashMap<TypeId, Box<dyn Any>>", gives: GIVES, answer: answer::<RandomState> };
pub(crate) const UNHASHED: Peer =
    Peer { name: "HashMap<TypeId, _>, not hashed", gives: GIVES, answer: answer::<BuildHasherDefault<Identity>> };

/// The number that it is given, of 8 bytes.
#[derive(Default)]
struct Identity(u64);

impl Hasher for Identity {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, _: &[u8]) {
        unreachable!("a `TypeId` gives a hash of 8 bytes");
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }
}

trait Hash: BuildHasher + Default + Send + Sync + 'static {}

impl<H: BuildHasher + Default + Send + Sync + 'static> Hash for H {}

struct Add<const N: usize>(u64, u64);

struct Heard(u64);

type Handler<M> = Box<dyn Fn(M) -> u64 + Send + Sync>;
type Subscriber = Box<dyn Fn(&Heard) + Send + Sync>;

#[derive(Default)]
struct Map<H> {
    handlers: HashMap<TypeId, Box<dyn Any + Send + Sync>, H>,
    subscribers: HashMap<TypeId, Vec<Subscriber>, H>,
}

impl<H: Hash> Map<H> {
    fn with<M: 'static>(mut self, handler: Handler<M>) -> Self {
        self.handlers.insert(TypeId::of::<M>(), Box::new(handler));
        self
    }

    fn send<M: 'static>(&self, message: M) -> u64 {
        let handler = self.handlers.get(&TypeId::of::<M>()).and_then(|found| found.downcast_ref::<Handler<M>>());
        handler.expect("it was put in")(message)
    }

    fn publish(&self, event: &Heard) {
        self.subscribers.get(&TypeId::of::<Heard>()).into_iter().flatten().for_each(|subscriber| subscriber(event));
    }
}

fn handler<const N: usize>() -> Handler<Add<N>> {
    Box::new(|message| add(message.0, message.1))
}

/// As many types as a small program has.
fn map<H: Hash>() -> Map<H> {
    seq!(N in 0..10 { Map::<H>::default() #( .with(handler::<N>()) )* })
}

fn sync<H: Hash>(turns: u64, map: &Map<H>) -> Span {
    timed(turns, |turn| map.send(Add::<0>(turn, 1)))
}

fn answer<H: Hash>(case: Case) -> Answer {
    match case {
        Case::Sync => Answer::turns(|| {
            let map = map::<H>();
            move |turns| sync(turns, &map)
        }),
        Case::Async | Case::AsyncYield => Answer::Cannot("it is a plain call"),
        Case::Events(count) => Answer::turns(move || {
            let mut map = map::<H>();
            let heard = || Box::new(|event: &Heard| hear(event.0)) as Subscriber;
            map.subscribers.insert(TypeId::of::<Heard>(), (0..count).map(|_| heard()).collect());
            move |turns| timed(turns, |turn| map.publish(&Heard(turn)))
        }),
        Case::Layers(_) => Answer::Cannot("it has no layers"),
        Case::Callers(callers) => Answer::turns(move || {
            let map = map::<H>();
            move |turns| on_threads(callers, || sync(turns, &map))
        }),
        #[cfg(feature = "many")]
        Case::Types(types) => Answer::turns(move || many::turns::<H>(types)),
        #[cfg(not(feature = "many"))]
        Case::Types(_) => Answer::TOO_MANY,
        Case::Building => Answer::turns(|| |turns| timed(turns, |turn| map::<H>().send(Add::<0>(turn, 1)))),
    }
}
