//! tower: a service, the same behind a box, and behind a queue.

use std::{convert::Infallible, future::Future};

use tower::{Service, ServiceExt, buffer::Buffer, layer::layer_fn, service_fn, util::BoxCloneSyncService};

use super::tasks::{on_tasks, threads};
use crate::{
    case::Case,
    peer::{Answer, Peer},
    span::Span,
    work::{YieldOnce, add, awaits, on_threads, one_thread, ready, timed, timed_awaits},
};

pub(crate) const SERVICE: Peer =
    Peer { name: "tower 0.5 Service", gives: "back pressure, and an ecosystem of layers", answer: answer_service };
pub(crate) const BOXED: Peer = Peer {
    name: "tower 0.5 BoxCloneSyncService",
    gives: "the same, and a service that is chosen while the program runs",
    answer: answer_boxed,
};
pub(crate) const BUFFER: Peer = Peer {
    name: "tower 0.5 Buffer",
    gives: "the same, and a bounded queue before a task of its own",
    answer: answer_buffer,
};

struct Add(u64, u64);

trait Adds: Service<Add, Response = u64, Future: Send> + Clone + Send + 'static {}

impl<S: Service<Add, Response = u64, Future: Send> + Clone + Send + 'static> Adds for S {}

fn adder() -> impl Service<Add, Response = u64, Error = Infallible, Future: Send> + Clone + Send + Sync + 'static {
    service_fn(|message: Add| async move { Ok(add(message.0, message.1)) })
}

fn yielding() -> impl Service<Add, Response = u64, Error = Infallible, Future: Send> + Clone + Send + Sync + 'static {
    service_fn(|message: Add| async move {
        YieldOnce::default().await;
        Ok(add(message.0, message.1))
    })
}

/// A layer that does nothing.
fn through<S>(
    inner: S,
) -> impl Service<Add, Response = u64, Error = S::Error, Future: Send> + Clone + Send + Sync + 'static
where
    S: Service<Add, Response = u64, Future: Send> + Clone + Send + Sync + 'static,
{
    tower::util::MapRequest::new(inner, |message: Add| message)
}

type Boxed = BoxCloneSyncService<Add, u64, Infallible>;

fn boxed() -> Boxed {
    BoxCloneSyncService::new(adder())
}

/// As its documentation has it: ready, then called.
async fn sent<S: Adds>(turns: u64, mut service: S) -> Span {
    timed_awaits!(turns, |turn| async {
        match service.ready().await {
            Ok(service) => service.call(Add(turn, 1)).await.ok(),
            Err(_) => None,
        }
    })
}

fn alone<S: Adds>(service: S) -> impl FnMut(u64) -> Span {
    let runtime = one_thread();
    move |turns| runtime.block_on(sent(turns, service.clone()))
}

fn together<S: Adds + Sync>(callers: usize, service: S) -> impl FnMut(u64) -> Span {
    move |turns| on_threads(callers, || one_thread().block_on(sent(turns, service.clone())))
}

const NO_SYNC: &str = "its calls are futures";
const NO_EVENTS: &str = "a request goes to one service";
const NO_TYPES: &str = "a service takes one type";

fn answer_service(case: Case) -> Answer {
    match case {
        Case::Sync => Answer::Cannot(NO_SYNC),
        Case::Async => Answer::turns(|| alone(adder())),
        Case::AsyncYield => Answer::turns(|| alone(yielding())),
        Case::Events(_) => Answer::Cannot(NO_EVENTS),
        Case::Layers(1) => Answer::turns(|| alone(through(adder()))),
        Case::Layers(_) => Answer::turns(|| alone(through(through(through(through(through(adder()))))))),
        Case::Callers(callers) => Answer::turns(move || together(callers, adder())),
        Case::Types(_) => Answer::Cannot(NO_TYPES),
        Case::Building => Answer::turns(|| |turns| timed(turns, |turn| ready(adder().oneshot(Add(turn, 1))))),
    }
}

fn answer_boxed(case: Case) -> Answer {
    match case {
        Case::Sync => Answer::Cannot(NO_SYNC),
        Case::Async => Answer::turns(|| alone(boxed())),
        Case::AsyncYield => Answer::turns(|| alone(BoxCloneSyncService::new(yielding()))),
        Case::Events(_) => Answer::Cannot(NO_EVENTS),
        Case::Layers(layers) => Answer::turns(move || {
            let box_layer = layer_fn(|inner: Boxed| BoxCloneSyncService::new(through(inner)));
            let service = (0..layers).fold(boxed(), |inner, _| tower::Layer::layer(&box_layer, inner));
            alone(service)
        }),
        Case::Callers(callers) => Answer::turns(move || together(callers, boxed())),
        Case::Types(_) => Answer::Cannot(NO_TYPES),
        Case::Building => Answer::turns(|| |turns| timed(turns, |turn| ready(boxed().oneshot(Add(turn, 1))))),
    }
}

/// What the queue holds at most.
const BOUND: usize = 16;

fn queued<S, F>(service: S) -> Buffer<Add, F>
where
    S: Service<Add, Response = u64, Error = Infallible, Future = F> + Send + 'static,
    F: Future<Output = Result<u64, Infallible>> + Send + 'static,
{
    Buffer::new(service, BOUND)
}

/// Its task is started on the runtime that waits.
fn alone_behind_queue<S, F>(service: S) -> impl FnMut(u64) -> Span
where
    S: Service<Add, Response = u64, Error = Infallible, Future = F> + Send + 'static,
    F: Future<Output = Result<u64, Infallible>> + Send + 'static,
{
    let runtime = one_thread();
    let service = runtime.block_on(async { queued(service) });
    move |turns| runtime.block_on(sent(turns, service.clone()))
}

fn answer_buffer(case: Case) -> Answer {
    match case {
        Case::Sync => Answer::Cannot(NO_SYNC),
        Case::Async => Answer::turns(|| alone_behind_queue(adder())),
        Case::AsyncYield => Answer::turns(|| alone_behind_queue(yielding())),
        Case::Events(_) => Answer::Cannot(NO_EVENTS),
        Case::Layers(1) => Answer::turns(|| alone_behind_queue(through(adder()))),
        Case::Layers(_) => Answer::turns(|| alone_behind_queue(through(through(through(through(through(adder()))))))),
        Case::Callers(callers) => Answer::turns(move || {
            let runtime = threads(callers);
            let service = runtime.block_on(async { queued(adder()) });
            move |turns| on_tasks(&runtime, callers, || sent(turns, service.clone()))
        }),
        Case::Types(_) => Answer::Cannot(NO_TYPES),
        Case::Building => Answer::turns(|| awaits!(one_thread(), |turn| queued(adder()).oneshot(Add(turn, 1)))),
    }
}
