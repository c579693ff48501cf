//! What handlers ask for besides their message: values, trait objects, the service that they are methods of.
#![expect(
    clippy::unnecessary_wraps,
    clippy::unused_async,
    reason = "handlers are written here in every form that they can have"
)]

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
    },
};

use linkbus::{AnyError, Bus, Command, Context, Event, Fault, Query, SyncBus, handler, handlers};

#[derive(Query)]
#[query(reply = Option<String>, error = StoreError)]
struct GetUser(u32);

#[derive(Command)]
#[command(error = StoreError)]
struct AddUser(u32, String);

#[derive(Event)]
struct UserAdded(u32);

#[derive(Debug, thiserror::Error)]
#[error("the store is read-only")]
struct StoreError;

/// What the handlers know of where users are kept.
trait UserStore: Send + Sync {
    fn find(&self, id: u32) -> Option<String>;
    fn add(&self, id: u32, name: String) -> Result<(), StoreError>;
}

#[derive(Default)]
struct InMemory(Mutex<BTreeMap<u32, String>>);

impl UserStore for InMemory {
    fn find(&self, id: u32) -> Option<String> {
        self.0.lock().unwrap().get(&id).cloned()
    }

    fn add(&self, id: u32, name: String) -> Result<(), StoreError> {
        self.0.lock().unwrap().insert(id, name);
        Ok(())
    }
}

struct ReadOnly;

impl UserStore for ReadOnly {
    fn find(&self, id: u32) -> Option<String> {
        Some(format!("user {id}"))
    }

    fn add(&self, _: u32, _: String) -> Result<(), StoreError> {
        Err(StoreError)
    }
}

struct Prefix(&'static str);

#[derive(Default)]
struct Counter(AtomicU32);

mod users {
    use super::{AddUser, AnyError, Bus, Context, Counter, GetUser, Prefix, StoreError, UserAdded, UserStore, handler};

    #[handler]
    pub(super) async fn get_user(query: &GetUser, users: &dyn UserStore, prefix: &Prefix) -> Option<String> {
        Some(format!("{}{}", prefix.0, users.find(query.0)?))
    }

    /// The parameters behind the message come in any order.
    #[handler]
    async fn add_user(command: AddUser, context: &Context, users: &dyn UserStore, bus: &Bus) -> Result<(), StoreError> {
        assert_eq!(context.message().short_name(), "AddUser");
        users.add(command.0, command.1)?;
        bus.publish(UserAdded(command.0)).await.map_err(|_| StoreError)
    }

    #[handler]
    fn count(event: &UserAdded, counter: &Counter) -> Result<(), AnyError> {
        counter.0.fetch_add(event.0, super::Ordering::Relaxed);
        Ok(())
    }

    linkbus::module! { messages: [GetUser, AddUser, UserAdded], handlers: [get_user, add_user, count] }
}

/// Values, trait objects and shared values reach the handlers that ask for them.
#[tokio::test]
async fn handlers_are_given_what_they_ask_for() {
    let counter = Arc::new(Counter::default());
    let bus = Bus::empty()
        .modules([users::MODULE])
        .provide(Prefix("Ms "))
        .provide_arc::<dyn UserStore>(Arc::new(InMemory::default()))
        .provide_arc(Arc::clone(&counter))
        .build()
        .unwrap();
    assert_eq!(bus.send(GetUser(1)).await.unwrap(), None);
    bus.execute(AddUser(1, "Ada".into())).await.unwrap();
    assert_eq!(bus.send(GetUser(1)).await.unwrap().as_deref(), Some("Ms Ada"));
    assert_eq!(counter.0.load(Ordering::Relaxed), 1);
}

/// Each bus has its own values: another store behind the same trait is another behaviour.
#[tokio::test]
async fn each_bus_has_its_own_values() {
    let bus = |store: Arc<dyn UserStore>| {
        let builder = Bus::empty().modules([users::MODULE]).provide(Prefix("")).provide_arc(store);
        builder.provide(Counter::default()).build().unwrap()
    };
    let (memory, read_only) = (bus(Arc::new(InMemory::default())), bus(Arc::new(ReadOnly)));
    memory.execute(AddUser(3, "Bea".into())).await.unwrap();
    read_only.execute(AddUser(3, "Bea".into())).await.unwrap_err();
    assert_eq!(memory.send(GetUser(3)).await.unwrap().as_deref(), Some("Bea"));
    assert_eq!(read_only.send(GetUser(3)).await.unwrap().as_deref(), Some("user 3"));
}

/// A handler stays an ordinary function: a unit test calls it without a bus.
#[tokio::test]
async fn a_handler_is_called_without_a_bus() {
    let name = users::get_user(&GetUser(7), &ReadOnly, &Prefix("Dr ")).await;
    assert_eq!(name.as_deref(), Some("Dr user 7"));
}

/// The methods of a service: `&self` is a dependency like any other.
#[test]
fn the_methods_of_a_service_are_handlers() {
    mod service {
        use super::{AddUser, Counter, GetUser, Mutex, StoreError, UserAdded, handlers};

        #[derive(Default)]
        pub(super) struct Users(Mutex<Vec<(u32, String)>>);

        #[handlers]
        impl Users {
            #[handler]
            fn get(&self, query: &GetUser) -> Option<String> {
                let users = self.0.lock().unwrap();
                users.iter().find(|(id, _)| *id == query.0).map(|(_, name)| name.clone())
            }

            #[handler]
            fn add(&self, command: AddUser, counter: &Counter) -> Result<(), StoreError> {
                counter.0.fetch_add(1, super::Ordering::Relaxed);
                self.0.lock().unwrap().push((command.0, command.1));
                Ok(())
            }

            /// Needs no service.
            #[handler]
            fn on_added(_: &UserAdded, counter: &Counter) {
                counter.0.fetch_add(100, super::Ordering::Relaxed);
            }

            pub(super) fn len(&self) -> usize {
                self.0.lock().unwrap().len()
            }
        }

        linkbus::module! {
            messages: [GetUser, AddUser, UserAdded],
            handlers: [Users::get, Users::add, Users::on_added],
        }
    }

    let (users, counter) = (Arc::new(service::Users::default()), Arc::new(Counter::default()));
    let builder = SyncBus::empty().modules([service::MODULE]);
    let bus = builder.provide_arc(Arc::clone(&users)).provide_arc(Arc::clone(&counter)).build().unwrap();
    bus.execute(AddUser(1, "Ada".into())).unwrap();
    bus.publish(UserAdded(1)).unwrap();
    assert_eq!(bus.send(GetUser(1)).unwrap().as_deref(), Some("Ada"));
    assert_eq!((users.len(), counter.0.load(Ordering::Relaxed)), (1, 101));
}

/// A value may need the bus itself; it is made once, while the bus is built.
#[tokio::test]
async fn a_value_may_be_made_with_the_bus() {
    mod mailer {
        use super::{AnyError, Command, GetUser, handler};

        pub(super) struct Mailer {
            pub(super) queries: linkbus::QueryHandle,
        }

        #[derive(Command)]
        pub(super) struct Mail(pub(super) u32);

        #[handler]
        async fn mail(command: Mail, mailer: &Mailer) -> Result<(), AnyError> {
            let name = mailer.queries.send(GetUser(command.0)).await?;
            if name.is_some() { Ok(()) } else { Err("nobody".into()) }
        }

        linkbus::module! { messages: [Mail], handlers: [mail] }
    }

    let made = Arc::new(AtomicU32::new(0));
    let count = Arc::clone(&made);
    let bus = Bus::empty()
        .modules([mailer::MODULE])
        .query(|query: GetUser| (query.0 > 0).then(String::new))
        .provide_with(move |bus| {
            count.fetch_add(1, Ordering::Relaxed);
            mailer::Mailer { queries: bus.queries() }
        })
        .build()
        .unwrap();
    bus.execute(mailer::Mail(1)).await.unwrap();
    assert_eq!(bus.execute(mailer::Mail(0)).await.unwrap_err().to_string(), "nobody");
    assert_eq!(made.load(Ordering::Relaxed), 1);
}

/// Two types with the same shape are two dependencies, as are a type and a trait that it has.
#[test]
fn a_dependency_is_found_by_its_exact_type() {
    let error = Bus::empty()
        .modules([users::MODULE])
        .provide(Prefix(""))
        .provide(Counter::default())
        .provide(InMemory::default())
        .build()
        .unwrap_err();
    let [Fault::MissingDependency { need, .. }] = error.faults() else { panic!("one is missing: {error}") };
    assert_eq!(need.type_name(), "dyn dependencies::UserStore");
    assert_eq!(need.type_id(), std::any::TypeId::of::<dyn UserStore>());
}

/// One fault for each value that is missing, naming every handler that asks for it.
#[test]
fn a_missing_value_is_reported_with_everyone_who_asks() {
    let error = Bus::empty().modules([users::MODULE]).build().unwrap_err();
    let mut missing: Vec<_> = error
        .faults()
        .iter()
        .map(|fault| match fault {
            Fault::MissingDependency { need, handlers, .. } => {
                (need.type_name(), handlers.iter().map(|handler| handler.name).collect::<Vec<_>>())
            }
            other => panic!("unexpected: {other}"),
        })
        .collect();
    missing.sort_unstable();
    let expected = [
        ("dependencies::Counter", vec!["count"]),
        ("dependencies::Prefix", vec!["get_user"]),
        ("dyn dependencies::UserStore", vec!["get_user", "add_user"]),
    ];
    assert_eq!(missing, expected);
}

/// A value that is there twice is a fault with both places: nobody could say which one is meant.
#[test]
fn a_value_that_is_provided_twice_is_rejected() {
    let first = line!() + 1;
    let builder = SyncBus::empty().provide(Prefix("a"));
    let second = line!() + 1;
    let error = builder.provide_arc(Arc::new(Prefix("b"))).build().unwrap_err();
    let [fault @ Fault::ProvidedTwice { type_name, locations }] = error.faults() else { panic!("one fault: {error}") };
    assert_eq!(*type_name, "dependencies::Prefix");
    let lines: Vec<_> = locations.iter().map(|location| location.map(|location| location.line)).collect();
    assert_eq!(lines, [Some(first), Some(second)]);
    assert_eq!(fault.code(), "BUS011");
}

/// What the bus provides by itself cannot be provided once more.
#[test]
fn a_handle_that_the_bus_provides_cannot_be_provided() {
    let other = SyncBus::empty().build().unwrap();
    let error = SyncBus::empty().provide(other.handle().queries()).build().unwrap_err();
    let [Fault::ProvidedTwice { locations, .. }] = error.faults() else { panic!("one fault: {error}") };
    assert_eq!(locations.iter().filter(|location| location.is_none()).count(), 1);
}

/// A value that nobody asks for is no fault: one program may provide for several buses.
#[test]
fn a_value_that_nobody_asks_for_is_accepted() {
    SyncBus::empty().provide(Prefix("unused")).build().unwrap();
}
