//! What is known about messages, handlers and a bus without calling anything.
#![expect(
    clippy::unused_async,
    clippy::unused_self,
    reason = "handlers are written here in every form that they can have"
)]

use linkbus::{
    Abilities, Bus, Command, Event, Field, Kind, Message, MessageFacts, Query, SyncBus, Task, handler, handlers,
};
use serde::{Deserialize, Serialize};

/// Finds a user.
///
/// By the number that is on the card.
#[derive(Query)]
#[query(reply = Vec<String>, error = std::fmt::Error)]
struct FindUser {
    #[bus(key)]
    #[expect(dead_code, reason = "only its facts count")]
    id: u32,
    #[bus(secret)]
    #[expect(dead_code, reason = "only its facts count")]
    token: String,
    #[expect(dead_code, reason = "only its facts count")]
    page: u8,
}
const FIND_USER: u32 = line!() - 10;

#[derive(Command, Clone, Debug, Serialize, Deserialize)]
#[command(name = "users.rename.v2")]
struct Rename(#[bus(secret, key)] String, String);

#[derive(Event, Clone, Serialize)]
#[expect(dead_code, reason = "only its facts count")]
enum Changed {
    Name {
        #[bus(secret)]
        name: String,
    },
    Age(u8),
}

#[derive(Task, Debug)]
struct Reindex;

struct Service;

/// Looks the user up.
#[handler]
fn find_user(_: FindUser, _: &Service) -> Vec<String> {
    Vec::new()
}
const FIND_USER_HANDLER: u32 = line!() - 3;

#[handlers]
impl Service {
    #[handler]
    async fn rename(&self, _: Rename, _: &Bus) {}

    #[handler]
    fn on_changed(&self, _: &Changed) {}
}

mod later {
    /// The second subscriber by its module's name.
    #[linkbus::handler]
    pub(super) fn audit(_: &super::Changed) {}
}

#[handler]
fn reindex(_: Reindex) {}

// Not in the order in which they are written above.
linkbus::module! {
    messages: [Reindex, Changed, FindUser, Rename],
    handlers: [later::audit, reindex, Service::on_changed, find_user, Service::rename],
}

fn bus() -> Bus {
    Bus::empty().modules([MODULE]).provide(Service).build().unwrap()
}

/// The facts of a message are what its author wrote.
#[test]
fn the_facts_of_a_message_are_read_off_its_declaration() {
    let facts = FindUser::FACTS;
    assert_eq!(facts.kind, Kind::Query);
    assert_eq!(facts.name, "introspection.FindUser");
    assert_eq!(facts.type_name, "introspection::FindUser");
    assert_eq!(facts.short_name(), "FindUser");
    assert_eq!(facts.docs, "Finds a user.\n\nBy the number that is on the card.");
    assert_eq!((facts.location.file, facts.location.line), (file!(), FIND_USER));
    assert_eq!((facts.location.module, facts.location.crate_name()), ("introspection", "introspection"));
    assert_eq!(facts.type_id(), std::any::TypeId::of::<FindUser>());
    assert_eq!(facts.reply_name(), "alloc::vec::Vec<alloc::string::String>");
    assert_eq!(facts.error_name(), "core::fmt::Error");
}

/// The other kinds, a name of one's own, and what has no docs.
#[test]
fn a_message_may_choose_its_wire_name() {
    assert_eq!((Rename::FACTS.kind, Rename::FACTS.name), (Kind::Command, "users.rename.v2"));
    assert_eq!((Changed::FACTS.kind, Changed::FACTS.name), (Kind::Event, "introspection.Changed"));
    assert_eq!((Reindex::FACTS.kind, Reindex::FACTS.name), (Kind::Task, "introspection.Reindex"));
    assert_eq!(Reindex::FACTS.docs, "");
    assert_eq!(Reindex::FACTS.reply_name(), "()");
    assert_eq!(Reindex::FACTS.error_name(), std::any::type_name::<linkbus::AnyError>());
}

fn field(name: &'static str, secret: bool, key: bool) -> Field {
    Field { name, secret, key }
}

/// Fields come with their marks: named, by position, and of all variants of an enum.
#[test]
fn fields_come_with_their_marks() {
    let named = [field("id", false, true), field("token", true, false), field("page", false, false)];
    assert_eq!(FindUser::FACTS.fields, named);
    assert_eq!(Rename::FACTS.fields, [field("0", true, true), field("1", false, false)]);
    assert_eq!(Changed::FACTS.fields, [field("name", true, false), field("0", false, false)]);
    assert_eq!(Reindex::FACTS.fields, []);
}

/// Which optional traits a type has is found out, not declared.
#[test]
fn abilities_are_found_without_an_attribute() {
    let none = Abilities::default();
    assert_eq!(FindUser::FACTS.abilities, Abilities { serialize_reply: true, deserialize_reply: true, ..none });
    let all_but_a_reply = Abilities { clone: true, debug: true, serialize: true, deserialize: true, ..none };
    assert_eq!(Rename::FACTS.abilities, all_but_a_reply);
    assert_eq!(Changed::FACTS.abilities, Abilities { clone: true, serialize: true, ..none });
    assert_eq!(Reindex::FACTS.abilities, Abilities { debug: true, ..none });
}

/// What is derived further down, or implemented by hand, counts as well.
#[test]
fn abilities_of_hand_written_implementations_are_found() {
    #[derive(Task)]
    struct ByHand(u8);

    impl Clone for ByHand {
        fn clone(&self) -> Self {
            ByHand(self.0)
        }
    }

    assert_eq!(ByHand::FACTS.abilities, Abilities { clone: true, ..Abilities::default() });
}

/// The facts of a handler are read off its function.
#[test]
fn the_facts_of_a_handler_are_read_off_its_function() {
    let bus = bus();
    let [handler] = bus.wiring().route::<FindUser>().unwrap().handlers[..] else { panic!("it has one handler") };
    assert_eq!(handler.name, "find_user");
    assert_eq!(handler.docs, "Looks the user up.");
    assert_eq!((handler.location.file, handler.location.line), (file!(), FIND_USER_HANDLER));
    assert_eq!(handler.location.module, "introspection");
    assert_eq!(handler.message, FindUser::FACTS);
    assert!(!handler.is_async);
    assert_eq!(handler.needs.iter().map(linkbus::Need::type_name).collect::<Vec<_>>(), ["introspection::Service"]);

    let [method] = bus.wiring().route::<Rename>().unwrap().handlers[..] else { panic!("it has one handler") };
    assert_eq!((method.name, method.is_async, method.docs), ("Service::rename", true, ""));
    assert_eq!(method.needs.len(), 1, "the bus itself is not a need");
}

/// A closure is known by the place of its registration.
#[test]
fn the_facts_of_a_closure_are_its_place() {
    let line = line!() + 1;
    let bus = SyncBus::empty().task(|_: Reindex| ()).build().unwrap();
    let [handler] = bus.wiring().route::<Reindex>().unwrap().handlers[..] else { panic!("it has one handler") };
    assert_eq!((handler.location.file, handler.location.line), (file!(), line));
    assert!(handler.name.contains("the_facts_of_a_closure_are_its_place"));
    assert!(!handler.is_async && handler.needs.is_empty());
}

/// L13: what is registered, by kind, in a stable order; events with the number of their subscribers.
#[test]
fn the_wiring_lists_what_is_registered() {
    let bus = bus();
    let wiring = bus.wiring();
    assert_eq!(wiring.registered_queries(), ["introspection.FindUser"]);
    assert_eq!(wiring.registered_commands(), ["users.rename.v2"]);
    assert_eq!(wiring.registered_tasks(), ["introspection.Reindex"]);
    assert_eq!(wiring.registered_events(), [("introspection.Changed", 2)]);
    let subscribers: Vec<_> =
        wiring.route::<Changed>().unwrap().handlers.iter().map(|subscriber| subscriber.name).collect();
    assert_eq!(subscribers, ["Service::on_changed", "audit"]);
}

/// L13: linked messages come by module path and line, those that only a closure knows after them in the order of
/// registration. That is stable: link order is not.
#[test]
fn the_wiring_is_in_a_stable_order() {
    mod by_hand {
        #[derive(linkbus::Query)]
        #[query(reply = ())]
        pub(super) struct First;

        #[derive(linkbus::Query)]
        #[query(reply = ())]
        pub(super) struct Second;
    }

    let names = |bus: &SyncBus| bus.wiring().registered_queries();
    let bus = SyncBus::empty().query(|_: by_hand::Second| ()).query(|_: by_hand::First| ()).build().unwrap();
    assert_eq!(names(&bus), ["introspection.Second", "introspection.First"]);
    let bus = SyncBus::empty().query(|_: by_hand::First| ()).query(|_: by_hand::Second| ()).build().unwrap();
    assert_eq!(names(&bus), ["introspection.First", "introspection.Second"]);
    let (one, other) = (self::bus(), self::bus());
    let order = |bus: &Bus| bus.wiring().routes().iter().map(|route| route.message.name).collect::<Vec<_>>();
    assert_eq!(order(&one), order(&other));
    let linked = ["introspection.FindUser", "users.rename.v2", "introspection.Changed", "introspection.Reindex"];
    assert_eq!(order(&one), linked);
}

/// L13, X18: both buses and their roles tell the same.
#[test]
fn both_buses_tell_what_is_wired() {
    let sync = SyncBus::empty().task(reindex).subscribe(later_audit).build().unwrap();
    let asynchronous = Bus::empty().task(reindex).subscribe(later_audit).build().unwrap();
    assert_eq!(sync.wiring().registered_events(), asynchronous.wiring().registered_events());
    assert_eq!(sync.wiring().registered_tasks(), ["introspection.Reindex"]);
}

fn later_audit(_: &Changed) {}

/// The wiring prints as a list for people: kind, name and place below each other, handlers below their message.
#[test]
fn the_wiring_prints_as_a_list() {
    let bus = bus();
    let text = bus.wiring().to_string();
    let lines: Vec<_> = text.lines().collect();
    let file = file!();
    assert_eq!(lines[0], format!("query   introspection.FindUser    {file}:{FIND_USER}"));
    assert_eq!(lines[1], format!("          -> find_user            {file}:{FIND_USER_HANDLER}"));
    assert!(lines[5].starts_with("          -> Service::on_changed  tests"), "{text}");
    assert_eq!(lines.len(), 9);
    let columns: Vec<_> = lines.iter().map(|line| line.find(file).expect("each line has its place")).collect();
    assert!(columns.iter().all(|column| *column == columns[0]), "{text}");
}

/// A message that nobody handles is in the list as well.
#[test]
fn the_wiring_shows_holes() {
    mod hole {
        linkbus::module! { messages: [super::Reindex], handlers: [] }
    }

    let bus = SyncBus::empty().modules([hole::MODULE]).partial().build().unwrap();
    let text = bus.wiring().to_string();
    assert_eq!(text.lines().nth(1), Some("          -> nobody"));
    assert!(bus.wiring().registered_tasks().is_empty());
}

/// Facts are found from any message type alone, and compare by the type.
#[test]
fn facts_compare_by_type() {
    fn facts_of<M: Message>(_: &M) -> &'static MessageFacts {
        M::FACTS
    }

    assert_eq!(facts_of(&Reindex), Reindex::FACTS);
    assert_ne!(facts_of(&Reindex), Rename::FACTS);
    assert_eq!((Kind::Event.verb(), Kind::Event.to_string()), ("publish", "event".to_owned()));
    let verbs = [Kind::Query, Kind::Command, Kind::Task].map(Kind::verb);
    assert_eq!(verbs, ["send", "execute", "dispatch"]);
}
