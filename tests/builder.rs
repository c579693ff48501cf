//! Putting a bus together: from everything, from modules, from nothing; by hand, with parts replaced.

use std::sync::{Arc, Mutex};

use linkbus::{AnyError, Bus, Command, Event, Fault, Module, Query, SyncBus, Task, handler};

#[derive(Query)]
#[query(reply = &'static str)]
struct Greet;

#[derive(Query)]
#[query(reply = &'static str)]
struct Part;

#[derive(Command)]
struct Run;

#[derive(Event)]
struct Ran;

#[derive(Task)]
struct Clean;

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<&'static str>>>);

impl Log {
    fn add(&self, entry: &'static str) {
        self.0.lock().unwrap().push(entry);
    }

    fn take(&self) -> Vec<&'static str> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

/// Something that only a module's own handlers need.
struct Database;

mod greetings {
    use super::{Greet, handler};

    #[handler]
    fn greet(_: Greet) -> &'static str {
        "linked"
    }

    linkbus::module! { messages: [Greet], handlers: [greet] }
}

mod running {
    use super::{Clean, Database, Log, Ran, Run, handler};

    #[handler]
    fn run(_: Run, log: &Log, _: &Database) {
        log.add("linked run");
    }

    #[handler]
    fn first(_: &Ran, log: &Log) {
        log.add("linked first");
    }

    #[handler]
    fn second(_: &Ran, log: &Log, _: &Database) {
        log.add("linked second");
    }

    #[handler]
    fn clean(_: Clean, log: &Log) {
        log.add("linked clean");
    }

    linkbus::module! { messages: [Run, Ran, Clean], handlers: [run, first, second, clean] }
}

mod parts {
    use super::{Part, handler};

    #[handler]
    fn part(_: Part) -> &'static str {
        "linked"
    }

    linkbus::module! { messages: [Part], handlers: [part] }
}

/// The whole crate, as linking collected it.
const THIS_CRATE: Module = Module::linked("builder");

fn codes(error: &linkbus::WiringError) -> Vec<&'static str> {
    error.faults().iter().map(Fault::code).collect()
}

/// An empty bus has no handler, whatever is linked into the program, and needs none.
#[test]
fn an_empty_bus_takes_nothing_of_what_is_linked() {
    let bus = SyncBus::empty().build().unwrap();
    assert!(bus.wiring().routes().is_empty());
    assert!(bus.send(Greet).is_err());
}

/// A bus of everything has every handler that is linked.
#[test]
fn a_bus_of_everything_takes_all_that_is_linked() {
    let bus = SyncBus::builder().provide(Log::default()).provide(Database).build().unwrap();
    assert_eq!(bus.send(Greet).unwrap(), "linked");
    assert_eq!(bus.wiring().registered_events(), [("builder.Ran", 2)]);
    assert_eq!(bus.wiring().routes().len(), 5);
}

/// A bus of some modules has their handlers and asks for their dependencies only.
#[test]
fn a_bus_of_modules_takes_those_and_no_others() {
    let bus = SyncBus::empty().modules([greetings::MODULE]).build().unwrap();
    assert_eq!(bus.wiring().registered_queries(), ["builder.Greet"]);
    assert_eq!(bus.send(Greet).unwrap(), "linked");
    let bus = SyncBus::builder().modules([greetings::MODULE]).build().unwrap();
    assert_eq!(bus.wiring().registered_queries(), ["builder.Greet"]);
}

/// Several modules add up, in one call and in several, also those of one crate.
#[test]
fn modules_add_up() {
    let at_once = SyncBus::empty().modules([greetings::MODULE, parts::MODULE]).build().unwrap();
    let in_turn = SyncBus::empty().modules([greetings::MODULE]).modules([parts::MODULE]).build().unwrap();
    for bus in [at_once, in_turn] {
        assert_eq!((bus.send(Greet).unwrap(), bus.send(Part).unwrap()), ("linked", "linked"));
    }
}

/// A handler that several modules have is no duplicate: it is one and the same.
#[test]
fn a_module_that_is_given_twice_counts_once() {
    let modules = [greetings::MODULE, greetings::MODULE, running::MODULE, THIS_CRATE];
    let bus = SyncBus::empty().modules(modules).provide(Log::default()).provide(Database).build().unwrap();
    assert_eq!(bus.send(Greet).unwrap(), "linked");
    assert_eq!(bus.wiring().registered_events(), [("builder.Ran", 2)]);
}

/// What linking collected from a crate is a module by the crate's name. BUS012: a name that nothing is linked from, with
/// the place that asks for it.
#[test]
fn a_linked_module_is_a_whole_crate() {
    let bus = SyncBus::empty().modules([THIS_CRATE]).provide(Log::default()).provide(Database).build().unwrap();
    assert_eq!(bus.wiring().routes().len(), 5);
    let line = line!() + 1;
    let error = SyncBus::empty().modules([Module::linked("bilder")]).build().unwrap_err();
    let [fault] = error.faults() else { panic!("{error}") };
    assert_eq!(fault.code(), "BUS012");
    assert_eq!(fault.parties()[0].location.unwrap().to_string(), format!("{}:{line}", file!()));
    assert_eq!((THIS_CRATE.name(), greetings::MODULE.name()), ("builder", "builder"));
}

/// All four kinds by hand, with closures that capture.
#[test]
fn handlers_are_registered_by_hand() {
    let log = Log::default();
    let (commands, events, tasks) = (log.clone(), log.clone(), log.clone());
    let bus = SyncBus::empty()
        .query(|_: Greet| "by hand")
        .command(move |_: Run| commands.add("run"))
        .subscribe(move |_: &Ran| events.add("ran"))
        .task(move |_: Clean| tasks.add("clean"))
        .build()
        .unwrap();
    assert_eq!(bus.send(Greet).unwrap(), "by hand");
    bus.execute(Run).unwrap();
    bus.publish(Ran).unwrap();
    bus.dispatch(Clean).unwrap();
    assert_eq!(log.take(), ["run", "ran", "clean"]);
}

/// All four kinds by hand on the async bus, with closures that return futures.
#[tokio::test]
async fn async_handlers_are_registered_by_hand() {
    let log = Log::default();
    let entry = |entry: &'static str| {
        let log = log.clone();
        move || {
            let log = log.clone();
            async move { log.add(entry) }
        }
    };
    let (run, ran, clean) = (entry("run"), entry("ran"), entry("clean"));
    let bus = Bus::empty()
        .query_async(async |_: Greet| "by hand")
        .command_async(move |_: Run| run())
        .subscribe_async(move |_: &Ran| ran())
        .task_async(move |_: Clean| clean())
        .build()
        .unwrap();
    assert_eq!(bus.send(Greet).await.unwrap(), "by hand");
    bus.execute(Run).await.unwrap();
    bus.publish(Ran).await.unwrap();
    bus.dispatch(Clean).await.unwrap();
    assert_eq!(log.take(), ["run", "ran", "clean"]);
}

/// L3: by hand or linked, a second handler of a message is refused, and the report names both places.
#[test]
fn a_second_handler_by_hand_is_rejected() {
    let first = line!() + 1;
    let builder = SyncBus::empty().query(|_: Greet| "first");
    let second = line!() + 1;
    let error = builder.query(|_: Greet| "second").build().unwrap_err();
    let [Fault::DuplicateHandler { message, handlers }] = error.faults() else { panic!("one fault: {error}") };
    assert_eq!(message.short_name(), "Greet");
    let places: Vec<_> = handlers.iter().map(|handler| (handler.location.file, handler.location.line)).collect();
    assert_eq!(places, [(file!(), first), (file!(), second)]);

    let error = SyncBus::empty().modules([greetings::MODULE]).query(|_: Greet| "by hand").build().unwrap_err();
    assert_eq!(codes(&error), ["BUS001"]);
}

/// Closures subscribe after the linked subscribers, in the order of their registration.
#[test]
fn subscribers_by_hand_come_after_the_linked_ones() {
    let log = Log::default();
    let (one, two) = (log.clone(), log.clone());
    let bus = SyncBus::empty()
        .subscribe(move |_: &Ran| one.add("by hand 1"))
        .modules([running::MODULE])
        .subscribe(move |_: &Ran| two.add("by hand 2"))
        .provide(log.clone())
        .provide(Database)
        .build()
        .unwrap();
    bus.publish(Ran).unwrap();
    assert_eq!(log.take(), ["linked first", "linked second", "by hand 1", "by hand 2"]);
}

/// A replacement takes the place of the handler, whose dependencies are then not asked for.
#[test]
fn a_handler_is_replaced_together_with_its_needs() {
    let log = Log::default();
    let replaced = log.clone();
    let bus = SyncBus::empty()
        .modules([running::MODULE])
        .replace(move |_: Run| replaced.add("replacement"))
        .replace_subscribers(|_: &Ran| ())
        .provide(log.clone())
        .build()
        .unwrap();
    bus.execute(Run).unwrap();
    bus.dispatch(Clean).unwrap();
    assert_eq!(log.take(), ["replacement", "linked clean"]);
}

/// Replacing the subscribers of an event leaves one in the place of them all.
#[test]
fn all_subscribers_of_an_event_are_replaced() {
    let log = Log::default();
    let replaced = log.clone();
    let bus = SyncBus::empty()
        .modules([running::MODULE])
        .replace_subscribers(move |_: &Ran| replaced.add("replacement"))
        .provide(log.clone())
        .provide(Database)
        .build()
        .unwrap();
    bus.publish(Ran).unwrap();
    assert_eq!(log.take(), ["replacement"]);
    assert_eq!(bus.wiring().registered_events(), [("builder.Ran", 1)]);
}

/// A replacement may be async, may replace one made by hand, and the last one counts.
#[tokio::test]
async fn the_last_replacement_counts() {
    let bus = Bus::empty()
        .replace(|_: Greet| "first")
        .modules([greetings::MODULE])
        .query(|_: Part| "by hand")
        .replace_async(async |_: Greet| Ok::<_, AnyError>("second"))
        .replace(|_: Part| "replaced")
        .build()
        .unwrap();
    assert_eq!(bus.send(Greet).await.unwrap(), "second");
    assert_eq!(bus.send(Part).await.unwrap(), "replaced");
}

/// Replacing mends a duplicate: the replacement is the one handler.
#[test]
fn a_replacement_takes_the_place_of_duplicates() {
    let bus = SyncBus::empty().query(|_: Greet| "a").query(|_: Greet| "b").replace(|_: Greet| "c").build().unwrap();
    assert_eq!(bus.send(Greet).unwrap(), "c");
}

/// A message without a handler is a fault unless the bus is asked to be partial.
#[test]
fn a_hole_is_a_fault_unless_the_bus_is_partial() {
    mod hole {
        linkbus::module! { messages: [super::Greet, super::Ran], handlers: [] }
    }

    let error = SyncBus::empty().modules([hole::MODULE]).build().unwrap_err();
    assert_eq!(codes(&error), ["BUS002"]);
    let bus = SyncBus::empty().modules([hole::MODULE]).partial().build().unwrap();
    assert!(matches!(bus.send(Greet), Err(linkbus::SendError::NoHandler { message: "builder.Greet" })));
    bus.publish(Ran).unwrap();
}

/// Buses in one process do not know of each other, in whatever order they are built and dropped.
#[test]
fn buses_are_independent() {
    let one = SyncBus::empty().query(|_: Greet| "one").build().unwrap();
    let two = SyncBus::empty().query(|_: Part| "two").query(|_: Greet| "also two").build().unwrap();
    assert_eq!((one.send(Greet).unwrap(), two.send(Greet).unwrap()), ("one", "also two"));
    assert!(one.send(Part).is_err());
    drop(one);
    assert_eq!((two.send(Greet).unwrap(), two.send(Part).unwrap()), ("also two", "two"));
}

/// A bus prints how much is on it.
#[test]
fn a_bus_has_a_debug_form() {
    let bus = SyncBus::empty().query(|_: Greet| "one").build().unwrap();
    assert_eq!(format!("{bus:?}"), "SyncBus { messages: 1, .. }");
    assert_eq!(format!("{:?}", Bus::empty().build().unwrap()), "Bus { messages: 0, .. }");
}
