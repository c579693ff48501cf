//! Dropping the future of a dispatch, at any await point, leaves nothing behind.

use std::{
    future::Future,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    task::{Context as PollContext, Poll},
};

use linkbus::{AnyError, Bus, Command, Context, Event, Query, Task, handler};
use tokio::task::yield_now;

/// Cancels a future after `left` polls; resolves to `None` then.
struct CancelAfter<F> {
    future: Option<Pin<Box<F>>>,
    left: usize,
}

impl<F> CancelAfter<F> {
    fn polls(left: usize, future: F) -> Self {
        CancelAfter { future: Some(Box::pin(future)), left }
    }
}

impl<F: Future> Future for CancelAfter<F> {
    type Output = Option<F::Output>;

    fn poll(mut self: Pin<&mut Self>, context: &mut PollContext<'_>) -> Poll<Self::Output> {
        let Some(left) = self.left.checked_sub(1) else {
            self.future = None;
            return Poll::Ready(None);
        };
        self.left = left;
        self.future.as_mut().expect("not polled after it is done").as_mut().poll(context).map(Some)
    }
}

/// What is going on on a bus: every handler is in here for as long as it runs.
#[derive(Default)]
struct Traffic {
    started: AtomicUsize,
    finished: AtomicUsize,
    dropped: AtomicUsize,
}

/// A handler at work; counts when it ends, finished or not.
struct AtWork<'a>(&'a Traffic);

impl Traffic {
    fn enter(&self) -> AtWork<'_> {
        self.started.fetch_add(1, Relaxed);
        AtWork(self)
    }
}

impl AtWork<'_> {
    fn finish(self) {
        self.0.finished.fetch_add(1, Relaxed);
    }
}

impl Drop for AtWork<'_> {
    fn drop(&mut self) {
        self.0.dropped.fetch_add(1, Relaxed);
    }
}

/// Travels in every message, so that one that is left behind is seen.
type Token = Arc<()>;

#[derive(Query)]
#[query(reply = Token)]
struct Ask(Token);

#[derive(Command)]
struct Act(Token);

#[derive(Task)]
struct Work(Token);

#[derive(Event)]
struct Told(Token);

#[derive(Query)]
#[query(reply = Option<linkbus::AnyError>)]
struct Probe;

mod handlers {
    use super::{Act, AnyError, Ask, Bus, Context, Probe, Token, Told, Traffic, Work, handler, yield_now};

    #[handler]
    async fn ask(query: &Ask, traffic: &Traffic, _: &Context) -> Token {
        let work = traffic.enter();
        let held = query.0.clone();
        yield_now().await;
        yield_now().await;
        work.finish();
        held
    }

    #[handler]
    async fn act(command: Act, traffic: &Traffic, bus: &Bus, _: &Context) -> Result<(), AnyError> {
        let work = traffic.enter();
        yield_now().await;
        let token = bus.send(Ask(command.0)).await?;
        bus.publish(Told(token.clone())).await?;
        yield_now().await;
        work.finish();
        Ok(())
    }

    #[handler]
    async fn work(task: Work, traffic: &Traffic, bus: &Bus) -> Result<(), AnyError> {
        let work = traffic.enter();
        bus.execute(Act(task.0.clone())).await?;
        bus.execute_many([Act(task.0.clone()), Act(task.0)]).await?;
        work.finish();
        Ok(())
    }

    #[handler]
    async fn listen(event: &Told, traffic: &Traffic, bus: &Bus, _: &Context) -> Result<(), AnyError> {
        let work = traffic.enter();
        let token = bus.send(Ask(event.0.clone())).await?;
        yield_now().await;
        drop(token);
        work.finish();
        Ok(())
    }

    #[handler]
    fn count(_: &Told, traffic: &Traffic) {
        traffic.enter().finish();
    }

    #[handler]
    async fn watch(event: &Told, traffic: &Traffic) {
        let work = traffic.enter();
        let held = event.0.clone();
        for _ in 0..4 {
            yield_now().await;
        }
        drop(held);
        work.finish();
    }

    /// Says what an earlier dispatch left behind on this thread.
    #[handler]
    fn probe(_: Probe, context: &Context) -> Option<AnyError> {
        let cause = context.causation_id()?;
        Some(format!("still inside {cause}").into())
    }

    linkbus::module! {
        messages: [Ask, Act, Work, Told, Probe],
        handlers: [ask, act, work, listen, count, watch, probe],
    }
}

/// Three levels of handlers fit, and not one more: so a level that was not given back is seen at once.
const DEPTH: u32 = 4;

/// Runs the dispatch that `start` makes again and again, cancelled after 0, 1, 2 .. polls until it finishes, and looks
/// after each what is left. Gives the number of polls that it takes.
async fn cancel_everywhere<F: Future<Output = ()>>(start: impl Fn(Bus, Token) -> F) -> usize {
    let traffic = Arc::new(Traffic::default());
    let module = handlers::MODULE;
    let bus = Bus::empty().modules([module]).provide_arc(Arc::clone(&traffic)).max_depth(DEPTH).build().unwrap();
    let token = Token::default();
    let references = Arc::strong_count(&traffic);
    let mut handlers_met = 0;
    for polls in 0.. {
        let outcome = CancelAfter::polls(polls, start(bus.clone(), token.clone())).await;
        let Traffic { started, finished, dropped } = &*traffic;
        assert_eq!(started.load(Relaxed), dropped.load(Relaxed), "a handler was left behind after {polls} polls");
        assert_eq!(Arc::strong_count(&token), 1, "a message was left behind after {polls} polls");
        assert_eq!(Arc::strong_count(&traffic), references, "a dependency was left behind after {polls} polls");
        assert!(bus.send(Probe).await.unwrap().is_none(), "a context was left behind after {polls} polls");
        handlers_met += usize::from(started.load(Relaxed) > finished.load(Relaxed));
        if outcome.is_some() {
            bus.dispatch(Work(token.clone())).await.expect("a level was left behind");
            assert!(handlers_met >= polls - 1, "cancelled inside a handler at every poll but the first");
            drop(bus);
            assert_eq!(Arc::strong_count(&traffic), 1, "the bus was left behind");
            return polls;
        }
    }
    unreachable!()
}

/// R7: `send`, cancelled at every await point.
#[tokio::test]
async fn a_cancelled_send_leaves_nothing_behind() {
    let polls = cancel_everywhere(async |bus: Bus, token| drop(bus.send(Ask(token)).await.unwrap())).await;
    assert_eq!(polls, 3);
}

/// R7: `execute`, with a query and an event inside.
#[tokio::test]
async fn a_cancelled_execute_leaves_nothing_behind() {
    let polls = cancel_everywhere(async |bus: Bus, token| bus.execute(Act(token)).await.unwrap()).await;
    assert!(polls >= 8, "{polls} polls");
}

/// R7: `dispatch`, with commands and a batch inside.
#[tokio::test]
async fn a_cancelled_dispatch_leaves_nothing_behind() {
    let polls = cancel_everywhere(async |bus: Bus, token| bus.dispatch(Work(token)).await.unwrap()).await;
    assert!(polls >= 24, "{polls} polls");
}

/// R7: `publish`, with subscribers in different states.
#[tokio::test]
async fn a_cancelled_publish_leaves_nothing_behind() {
    let polls = cancel_everywhere(async |bus: Bus, token| bus.publish(Told(token)).await.unwrap()).await;
    assert!(polls >= 5, "{polls} polls");
}

/// R7: the batches. What was handled before stays handled, and what comes after is not sent.
#[tokio::test]
async fn a_cancelled_batch_leaves_nothing_behind() {
    let polls = cancel_everywhere(async |bus: Bus, token: Token| {
        bus.publish_many([Told(token.clone()), Told(token.clone())]).await.unwrap();
        bus.dispatch_many([Work(token.clone())]).await.unwrap();
        bus.execute_many([Act(token)]).await.unwrap();
    })
    .await;
    assert!(polls >= 40, "{polls} polls");
}

/// R7: a dispatch in a task that is aborted is dropped with it.
#[tokio::test]
async fn aborting_a_task_drops_its_dispatch() {
    let traffic = Arc::new(Traffic::default());
    let bus = Bus::empty().modules([handlers::MODULE]).provide_arc(Arc::clone(&traffic)).build().unwrap();
    let token = Token::default();
    let (there, sent) = (bus.clone(), token.clone());
    let task = tokio::spawn(async move { there.execute(Act(sent)).await });
    while traffic.started.load(Relaxed) == 0 {
        yield_now().await;
    }
    task.abort();
    assert!(task.await.unwrap_err().is_cancelled());
    assert_eq!(Arc::strong_count(&token), 1);
    assert_eq!(traffic.started.load(Relaxed), traffic.dropped.load(Relaxed));
    assert_eq!(traffic.finished.load(Relaxed), 0);
}
