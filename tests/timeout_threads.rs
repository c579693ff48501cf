//! What a call takes with it to the thread of a time-out.

use std::{
    sync::{Arc, Mutex, RwLock},
    thread,
    time::{Duration, Instant},
};

use linkbus::{
    Command, Context, ExecuteError, SyncBus, Uuid,
    clock::{ManualClock, Time},
    handler,
    layer::{Dispatch, Observer, Retry, Timeout},
};

use self::until::until_scoped;

#[path = "support/until.rs"]
mod until;

#[derive(Command)]
#[command(error = Deep)]
struct Again;

#[derive(Debug, thiserror::Error)]
#[error(transparent)]
struct Deep(Box<ExecuteError<Deep>>);

#[handler]
fn again(_: &Again, bus: &SyncBus) -> Result<(), Deep> {
    bus.execute(Again).map_err(|error| Deep(Box::new(error)))
}

/// What the handlers were told.
#[derive(Default)]
struct Told(Mutex<Vec<About>>);

#[derive(Clone, Copy, Debug)]
struct About {
    id: Uuid,
    cause: Option<Uuid>,
    deadline: Option<Instant>,
}

impl Told {
    fn note(&self, context: &Context) {
        let (id, cause, deadline) = (context.id(), context.causation_id(), context.deadline());
        self.0.lock().unwrap().push(About { id, cause, deadline });
    }
}

#[derive(Command)]
struct Cause;

#[derive(Command)]
struct Effect;

#[handler]
fn cause(_: &Cause, context: &Context, bus: &SyncBus, told: &Told) {
    told.note(context);
    bus.execute(Effect).unwrap();
}

#[handler]
fn effect(_: &Effect, context: &Context, told: &Told) {
    told.note(context);
}

/// R17.
#[test]
fn levels_are_counted_across_the_threads() {
    let bus = SyncBus::builder()
        .provide(Told::default())
        .provide(Door::default())
        .max_depth(8)
        .layer(Timeout::new().threads(16))
        .build()
        .unwrap();
    let error = bus.execute(Again).unwrap_err();
    assert_eq!(error.to_string(), "dispatches are nested 8 deep: timeout_threads.Again -> timeout_threads.Again");
    let again = bus.execute(Again).unwrap_err();
    assert_eq!(again.to_string(), error.to_string());
}

#[test]
fn the_context_and_the_deadline_are_those_of_the_dispatch() {
    let clock = ManualClock::stopped();
    let told = Arc::new(Told::default());
    let bus = SyncBus::builder()
        .provide_arc(told.clone())
        .provide(Door::default())
        .layer(Timeout::after(Duration::from_secs(3)))
        .clock(clock.clone())
        .build()
        .unwrap();
    bus.execute(Cause).unwrap();
    let told = told.0.lock().unwrap();
    let [cause, effect] = told[..] else { panic!("{told:?}") };
    assert_eq!((cause.cause, effect.cause), (None, Some(cause.id)));
    assert_eq!(cause.deadline, Some(clock.now() + Duration::from_secs(3)));
}

/// Notes the ids of every dispatch, on both sides of the time-out.
#[derive(Default)]
struct Ids(Mutex<Vec<Uuid>>);

struct Watch(Arc<Ids>);

impl Observer for Watch {
    fn end(&self, dispatch: &mut Dispatch<'_>) {
        let id = dispatch.context().id();
        self.0.0.lock().unwrap().push(id);
    }
}

/// The ids may be drawn on either thread: they are the same on both.
#[test]
fn ids_that_were_drawn_inside_are_known_outside() {
    let ids = Arc::new(Ids::default());
    let bus = SyncBus::builder()
        .provide(Told::default())
        .provide(Door::default())
        .layer(Watch(ids.clone()))
        .layer(Timeout::new())
        .layer(Watch(ids.clone()))
        .build()
        .unwrap();
    bus.execute(Effect).unwrap();
    let ids = ids.0.lock().unwrap();
    assert_eq!(ids.len(), 2);
    assert_eq!(ids[0], ids[1]);
}

#[derive(Command, Clone)]
struct Wait;

/// Where a handler waits as long as somebody else has it.
#[derive(Default)]
struct Door(RwLock<()>);

#[handler]
fn wait(_: &Wait, context: &Context, told: &Told, door: &Door) {
    told.note(context);
    drop(door.0.read());
}

/// Also if the first attempt never came to the end that would tell its ids.
#[test]
fn every_attempt_has_the_ids_of_the_dispatch() {
    let (clock, told, door) = (ManualClock::stopped(), Arc::new(Told::default()), Arc::new(Door::default()));
    let second = Duration::from_secs(1);
    let bus = SyncBus::builder()
        .provide_arc(told.clone())
        .provide_arc(door.clone())
        .layer(Retry::new().on_any_error().max_attempts(u32::MAX).base(second).cap(second))
        .layer(Timeout::after(second).threads(2))
        .clock(clock.clone())
        .build()
        .unwrap();
    let advanced_until = |is_so: &dyn Fn() -> bool| {
        until_scoped(|| {
            clock.advance(second);
            is_so()
        });
    };
    thread::scope(|scope| {
        let closed = door.0.write().unwrap();
        let call = scope.spawn(|| bus.execute(Wait));
        advanced_until(&|| told.0.lock().unwrap().len() == 2);
        drop(closed);
        advanced_until(&|| call.is_finished());
    });
    let told = told.0.lock().unwrap();
    assert_eq!(told[0].id, told[1].id);
}
