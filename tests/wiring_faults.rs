//! `build()` finds everything that is wrong, at once, and says of each who, where and what to write.
//!
//! `BUS007` is in `empty_registry.rs`, because it needs a program without a message; `BUS008` needs several crates.
#![expect(clippy::unused_async, reason = "handlers are written here in every form that they can have")]

use linkbus::{Bus, Command, Event, Fault, Location, Party, Query, SyncBus, Task, WiringError, handler};

// serde has no handlers, which is what `BUS006` is about.
linkbus::modules!(serde);

#[derive(Query)]
#[query(reply = Vec<std::string::String>, error = std::io::Error)]
struct ListUsers;

#[derive(Command)]
struct Rename;

#[derive(Event)]
struct Renamed;

#[derive(Task)]
struct Reindex;

struct Store;

trait Clock: Send + Sync {}

fn fault_of(error: &WiringError) -> &Fault {
    let [fault] = error.faults() else { panic!("expected one fault: {error}") };
    fault
}

fn codes(error: &WiringError) -> Vec<&'static str> {
    error.faults().iter().map(Fault::code).collect()
}

/// The file and line of everyone involved.
fn places(fault: &Fault) -> Vec<(&'static str, u32)> {
    let place = |party: Party| party.location.map(|Location { file, line, .. }| (file, line));
    fault.parties().into_iter().filter_map(place).collect()
}

mod duplicate {
    use super::{Rename, handler};

    pub(super) const FIRST: u32 = line!() + 2;
    #[handler]
    fn rename(_: Rename) {}

    pub(super) const SECOND: u32 = line!() + 2;
    #[handler]
    fn rename_too(_: Rename) {}

    linkbus::module! { messages: [Rename], handlers: [rename, rename_too] }
}

/// L3, BUS001: a second handler of a query, command or task is refused when the bus is built.
#[test]
fn a_second_handler_is_rejected() {
    let error = SyncBus::empty().modules([duplicate::MODULE]).build().unwrap_err();
    let fault = fault_of(&error);
    assert!(matches!(fault, Fault::DuplicateHandler { handlers, .. } if handlers.len() == 2));
    assert_eq!(fault.code(), "BUS001");
    assert_eq!(fault.to_string(), "command `wiring_faults.Rename` has 2 handlers, and takes exactly one");
    assert_eq!(places(fault)[1..], [(file!(), duplicate::FIRST), (file!(), duplicate::SECOND)]);
    let names: Vec<_> = fault.parties().into_iter().map(|party| (party.role, party.name)).collect();
    let path = |name: &str| format!("wiring_faults::{name}");
    assert_eq!(
        names,
        [
            ("message", path("Rename")),
            ("handler", path("duplicate::rename")),
            ("handler", path("duplicate::rename_too"))
        ]
    );
    assert!(fault.help().contains("make `Rename` an event"), "{}", fault.help());
}

/// L3, BUS001: for each of the three kinds, and never for events.
#[test]
fn every_kind_but_events_takes_one_handler() {
    let queries = SyncBus::empty().query(|_: ListUsers| vec![]).query(|_: ListUsers| vec![]).build();
    let commands = SyncBus::empty().command(|_: Rename| ()).command(|_: Rename| ()).build();
    let tasks = SyncBus::empty().task(|_: Reindex| ()).task(|_: Reindex| ()).build();
    for error in [queries.unwrap_err(), commands.unwrap_err(), tasks.unwrap_err()] {
        assert_eq!(codes(&error), ["BUS001"]);
    }
    SyncBus::empty().subscribe(|_: &Renamed| ()).subscribe(|_: &Renamed| ()).build().unwrap();
}

mod hole {
    linkbus::module! { messages: [super::ListUsers, super::Rename, super::Renamed, super::Reindex], handlers: [] }
}

/// L2, BUS002: a query, command or task without a handler is refused when the bus is built, with the line to write.
#[test]
fn a_missing_handler_is_reported_with_the_line_to_write() {
    let error = SyncBus::empty().modules([hole::MODULE]).build().unwrap_err();
    assert_eq!(codes(&error), ["BUS002", "BUS002", "BUS002"]);
    let fault = &error.faults()[0];
    assert!(matches!(fault, Fault::MissingHandler { message, .. } if message.short_name() == "ListUsers"));
    assert_eq!(fault.to_string(), "query `wiring_faults.ListUsers` has no handler");
    assert_eq!(places(fault).len(), 1);
    let line = "`#[handler] fn list_users(query: ListUsers) -> Result<Vec<String>, Error>`";
    assert!(fault.help().contains(line), "{}", fault.help());
}

mod needy {
    use super::{Clock, Rename, Renamed, Store, handler};

    #[handler]
    fn rename(_: Rename, _: &Store, _: &dyn Clock) {}

    #[handler]
    fn note(_: &Renamed, _: &Store) {}

    linkbus::module! { messages: [Rename, Renamed], handlers: [rename, note] }
}

/// BUS003: a dependency that was not provided, with everyone who asks and the line to write.
#[test]
fn a_missing_dependency_is_reported_with_the_line_to_write() {
    let error = SyncBus::empty().modules([needy::MODULE]).build().unwrap_err();
    assert_eq!(codes(&error), ["BUS003", "BUS003"]);
    let text = error.to_string();
    assert!(text.contains("handlers ask for `wiring_faults::Store`, and none was provided"), "{text}");
    assert!(text.contains("`.provide(value)` with a value of type `wiring_faults::Store` before `.build()`"), "{text}");
    assert!(text.contains("`.provide_arc::<dyn wiring_faults::Clock>(Arc::new(..))` before `.build()`"), "{text}");
    let store = error.faults().iter().find(|fault| fault.to_string().contains("Store")).unwrap();
    assert_eq!(places(store).len(), 2);
}

mod one_name {
    use super::{Event, handler};

    #[derive(Event)]
    #[event(name = "shared.Name")]
    pub(super) struct One;

    pub(super) mod inner {
        #[derive(linkbus::Event)]
        #[event(name = "shared.Name")]
        pub(in super::super) struct Other;
    }

    #[handler]
    fn on_one(_: &One) {}

    linkbus::module! { messages: [One, inner::Other], handlers: [on_one] }
}

/// L13, BUS004: two types with one name cannot be told apart by it, so they are refused.
#[test]
fn two_messages_with_one_name_are_rejected() {
    let error = SyncBus::empty().modules([one_name::MODULE]).build().unwrap_err();
    let fault = fault_of(&error);
    assert!(matches!(fault, Fault::SharedName { name: "shared.Name", messages } if messages.len() == 2));
    assert_eq!(fault.code(), "BUS004");
    assert_eq!(places(fault).len(), 2);
    assert!(fault.help().contains("#[event(name = \"..\")]"), "{}", fault.help());
}

/// L13, BUS004: two types of the same name in two modules of one crate collide by default, and are told how not to.
#[test]
fn two_types_of_one_name_in_two_modules_are_rejected() {
    mod other {
        #[derive(linkbus::Event)]
        pub(super) struct Renamed;
    }

    let bus = SyncBus::empty().subscribe(|_: &Renamed| ()).subscribe(|_: &other::Renamed| ());
    assert_eq!(codes(&bus.build().unwrap_err()), ["BUS004"]);
}

mod asynchronous {
    use super::{Bus, Reindex, Rename, Renamed, SyncBus, handler};

    #[handler]
    async fn rename(_: Rename) {}

    #[handler]
    async fn reindex(_: Reindex) {}

    linkbus::module! { messages: [Rename, Reindex], handlers: [rename, reindex] }

    pub(super) mod other {
        use super::{Bus, Renamed, SyncBus, handler};

        #[handler]
        fn on_async(_: &Renamed, _: &Bus) {}

        #[handler]
        fn on_sync(_: &Renamed, _: &SyncBus) {}

        linkbus::module! { messages: [Renamed], handlers: [on_async, on_sync] }
    }
}

/// LA5, BUS005: a `SyncBus` refuses async handlers and lists them; a `Bus` takes them.
#[test]
fn async_handlers_are_rejected_by_the_sync_bus() {
    let error = SyncBus::empty().modules([asynchronous::MODULE]).build().unwrap_err();
    let fault = fault_of(&error);
    let Fault::AsyncHandlers { handlers } = fault else { panic!("unexpected: {fault}") };
    assert_eq!(handlers.iter().map(|handler| handler.name).collect::<Vec<_>>(), ["rename", "reindex"]);
    assert_eq!((fault.code(), places(fault).len()), ("BUS005", 2));
    Bus::empty().modules([asynchronous::MODULE]).build().unwrap();
}

/// BUS006: a module that is declared, and from which nothing arrived. A bus of explicit modules does not look at it.
#[test]
fn a_declared_module_that_did_not_arrive_is_reported() {
    let error = Bus::builder().partial().build().unwrap_err();
    let fault = error.faults().iter().find(|fault| fault.code() == "BUS006").expect("serde registers nothing");
    assert!(matches!(fault, Fault::ModuleNotArrived { module: "serde", declared_at } if declared_at.file == file!()));
    assert_eq!(fault.to_string(), "module `serde` is declared, but nothing arrived from it");
    assert_eq!(fault.parties()[0].role, "modules!");
    Bus::empty().build().unwrap();
}

/// BUS009: a handler that asks for the other bus; each bus refuses the other's.
#[test]
fn a_handler_of_the_other_bus_is_rejected() {
    let modules = [asynchronous::other::MODULE];
    let (sync, asynchronous) = (SyncBus::empty().modules(modules), Bus::empty().modules(modules));
    for (error, bus, stranger) in
        [(sync.build().unwrap_err(), "SyncBus", "on_async"), (asynchronous.build().unwrap_err(), "Bus", "on_sync")]
    {
        let Fault::OtherBus { handlers, bus: named } = fault_of(&error) else { panic!("unexpected: {error}") };
        assert_eq!((handlers.len(), handlers[0].name, *named), (1, stranger, bus));
        assert!(fault_of(&error).help().contains(&format!("`&{bus}`")));
        assert_eq!(codes(&error), ["BUS009"]);
    }
}

/// BUS010: a replacement of what is not there is most likely a mistake in a test.
#[test]
fn a_replacement_of_nothing_is_rejected() {
    let line = line!() + 1;
    let error = SyncBus::empty().replace(|_: Rename| ()).replace_subscribers(|_: &Renamed| ()).build().unwrap_err();
    assert_eq!(codes(&error), ["BUS010", "BUS010"]);
    assert_eq!(places(&error.faults()[0]), [(file!(), line)]);
    assert_eq!(error.faults()[0].help(), "register it instead: `.command(..)`");
    assert_eq!(error.faults()[1].help(), "register it instead: `.subscribe(..)`");
    assert_eq!(error.faults()[0].to_string(), "command `wiring_faults.Rename` has no handler to replace");
}

/// BUS011: a value that was provided twice, with both places.
#[test]
fn a_value_provided_twice_is_rejected() {
    let error = SyncBus::empty().provide(Store).provide(Store).build().unwrap_err();
    let fault = fault_of(&error);
    assert_eq!((fault.code(), places(fault).len()), ("BUS011", 2));
    assert_eq!(fault.to_string(), "`wiring_faults::Store` was provided 2 times");
}

/// Everything that is wrong is in one report, sorted by code.
#[test]
fn all_faults_are_reported_at_once() {
    let error = SyncBus::empty()
        .modules([duplicate::MODULE, needy::MODULE, asynchronous::MODULE, one_name::MODULE, hole::MODULE])
        .replace(|_: Missing| ())
        .provide(())
        .provide(())
        .build()
        .unwrap_err();
    let codes = codes(&error);
    assert!(codes.is_sorted());
    for code in ["BUS001", "BUS002", "BUS003", "BUS004", "BUS005", "BUS010", "BUS011"] {
        assert!(codes.contains(&code), "{code} is not in {codes:?}");
    }
}

#[derive(Command)]
struct Missing;

/// The report is readable in a terminal as it is; `Debug` is the same text, for a `main` that returns it.
#[test]
fn the_report_is_made_to_be_read() {
    let error = SyncBus::empty().modules([duplicate::MODULE]).build().unwrap_err();
    let text = error.to_string();
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(lines[0], "the bus cannot be built: 1 wiring fault");
    assert_eq!(lines[1], "");
    assert_eq!(lines[2], "BUS001: command `wiring_faults.Rename` has 2 handlers, and takes exactly one");
    let file = file!();
    let (first, second) = (duplicate::FIRST, duplicate::SECOND);
    assert!(lines[3].starts_with("  message   wiring_faults::Rename                 "), "{text}");
    assert_eq!(lines[4], format!("  handler   wiring_faults::duplicate::rename      {file}:{first}"));
    assert_eq!(lines[5], format!("  handler   wiring_faults::duplicate::rename_too  {file}:{second}"));
    assert!(lines[6].starts_with("  help: keep one of them"));
    assert_eq!(lines[8], "  more: linkbus::docs::bus001");
    assert_eq!(format!("{error:?}"), text);
    let _: Box<dyn std::error::Error> = Box::new(error);
}
