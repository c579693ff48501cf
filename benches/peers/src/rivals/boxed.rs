//! A boxed closure.

use crate::{
    case::Case,
    peer::{Answer, Peer},
    span::Span,
    work::{add, hear, on_threads, timed},
};

pub(crate) const PEER: Peer =
    Peer { name: "Box<dyn Fn>", gives: "a callee that is chosen while the program runs", answer };

struct Add(u64, u64);

struct Heard(u64);

type Handler = Box<dyn Fn(Add) -> u64 + Send + Sync>;

fn handler() -> Handler {
    std::hint::black_box(Box::new(|message: Add| add(message.0, message.1)))
}

#[expect(clippy::redundant_closure, reason = "the closure is the layer")]
fn layered(layers: usize) -> Handler {
    (0..layers).fold(handler(), |inner, _| Box::new(move |message| inner(message)))
}

type Subscriber = Box<dyn Fn(&Heard)>;

fn subscribers(count: usize) -> Vec<Subscriber> {
    (0..count).map(|_| Box::new(|event: &Heard| hear(event.0)) as Subscriber).collect()
}

fn publish(event: &Heard, subscribers: &[Subscriber]) {
    for subscriber in subscribers {
        subscriber(event);
    }
}

fn sync(turns: u64, handler: &Handler) -> Span {
    timed(turns, |turn| handler(Add(turn, 1)))
}

fn answer(case: Case) -> Answer {
    match case {
        Case::Sync => Answer::turns(|| {
            let handler = handler();
            move |turns| sync(turns, &handler)
        }),
        Case::Async | Case::AsyncYield => Answer::Cannot("it is a plain call"),
        Case::Events(count) => Answer::turns(move || {
            let subscribers = subscribers(count);
            move |turns| timed(turns, |turn| publish(&Heard(turn), &subscribers))
        }),
        Case::Layers(layers) => Answer::turns(move || {
            let handler = layered(layers);
            move |turns| sync(turns, &handler)
        }),
        Case::Callers(callers) => Answer::turns(move || {
            let handler = handler();
            move |turns| on_threads(callers, || sync(turns, &handler))
        }),
        Case::Types(_) => Answer::Cannot("a closure takes one type"),
        Case::Building => Answer::turns(|| |turns| timed(turns, |turn| handler()(Add(turn, 1)))),
    }
}
