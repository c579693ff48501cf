//! A boxed closure.

use crate::{
    case::Case,
    peer::{Answer, Peer},
    work::{add, hear, on_threads, timed},
};

pub(crate) const PEER: Peer =
    Peer { name: "Box<dyn Fn>", gives: "a callee that is chosen while the program runs", answer };

struct Add(u64, u64);

type Handler = Box<dyn Fn(Add) -> u64 + Send + Sync>;

fn handler() -> Handler {
    std::hint::black_box(Box::new(|message: Add| add(message.0, message.1)))
}

fn layered(layers: usize) -> Handler {
    (0..layers).fold(handler(), |inner, _| Box::new(move |message| inner(message)))
}

fn subscribers(count: usize) -> Vec<Box<dyn Fn(&Add)>> {
    (0..count).map(|_| Box::new(|event: &Add| hear(event.0)) as Box<dyn Fn(&Add)>).collect()
}

fn sync(turns: u64, handler: &Handler) -> std::time::Duration {
    timed(turns, |turn| handler(Add(turn, 1)))
}

fn answer(case: Case) -> Answer {
    match case {
        Case::Sync => Answer::turns(|turns| sync(turns, &handler())),
        Case::Async | Case::AsyncYield => Answer::Cannot("it is a plain call"),
        Case::Events(count) => Answer::turns(move |turns| {
            let subscribers = subscribers(count);
            timed(turns, |turn| subscribers.iter().for_each(|subscriber| subscriber(&Add(turn, 1))))
        }),
        Case::Layers(layers) => Answer::turns(move |turns| sync(turns, &layered(layers))),
        Case::Callers(callers) => Answer::turns(move |turns| {
            let handler = handler();
            on_threads(callers, || sync(turns, &handler))
        }),
        Case::Types(_) => Answer::Cannot("a closure takes one type"),
        Case::ColdStart => Answer::turns(|turns| timed(turns, |turn| handler()(Add(turn, 1)))),
    }
}
