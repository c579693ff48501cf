//! Errors keep their type: what a handler fails with is what its caller gets.
#![expect(
    clippy::needless_pass_by_value,
    clippy::unused_async,
    reason = "handlers are written here in every form that they can have"
)]

use std::{error::Error, fmt, io, sync::Arc};

use linkbus::{
    AnyError, Bus, Command, DispatchError, Event, ExecuteError, PublishError, Query, SendError, SubscriberFailure,
    SyncBus, Task, handler,
};

/// An error that can be recognised.
#[derive(Debug, thiserror::Error)]
#[error("no user {id}")]
struct NoUser {
    id: u32,
    identity: Arc<()>,
}

#[derive(Query)]
#[query(reply = String, error = NoUser)]
struct GetName {
    id: u32,
    identity: Arc<()>,
}

#[derive(Command)]
#[command(error = NoUser)]
struct Remove {
    id: u32,
    identity: Arc<()>,
}

#[derive(Task)]
#[task(error = NoUser)]
struct Export {
    id: u32,
    identity: Arc<()>,
}

mod by_type {
    use super::{Export, GetName, NoUser, Remove, handler};

    #[handler]
    async fn get_name(query: &GetName) -> Result<String, NoUser> {
        Err(NoUser { id: query.id, identity: query.identity.clone() })
    }

    #[handler]
    fn remove(command: Remove) -> Result<(), NoUser> {
        Err(NoUser { id: command.id, identity: command.identity })
    }

    #[handler]
    async fn export(task: Export) -> Result<(), NoUser> {
        Err(NoUser { id: task.id, identity: task.identity })
    }

    linkbus::module! { messages: [GetName, Remove, Export], handlers: [get_name, remove, export] }
}

/// L10: the error of a handler comes back unchanged: same type, same value, same identity.
#[tokio::test]
async fn a_handlers_error_comes_back_as_it_is() {
    let bus = Bus::empty().modules([by_type::MODULE]).build().unwrap();
    let identity = Arc::new(());
    let same = |error: &NoUser| Arc::ptr_eq(&error.identity, &identity);

    let error = bus.send(GetName { id: 1, identity: identity.clone() }).await.unwrap_err();
    assert!(matches!(&error, SendError::Handler(error @ NoUser { id: 1, .. }) if same(error)));
    assert_eq!(error.to_string(), "no user 1");

    let error = bus.execute(Remove { id: 2, identity: identity.clone() }).await.unwrap_err();
    assert!(matches!(&error, ExecuteError::Handler(error @ NoUser { id: 2, .. }) if same(error)));

    let error = bus.dispatch(Export { id: 3, identity: identity.clone() }).await.unwrap_err();
    assert!(matches!(&error, DispatchError::Handler(error @ NoUser { id: 3, .. }) if same(error)));
    assert!(same(&error.into_handler().unwrap()));
}

/// What the bus itself says is never taken for the handler's error.
#[test]
fn an_error_of_the_bus_is_not_a_handlers_error() {
    let bus = SyncBus::empty().partial().build().unwrap();
    let error = bus.send(GetName { id: 1, identity: Arc::default() }).unwrap_err();
    assert!(!error.is_retryable());
    assert!(error.source().is_none());
    assert!(error.into_handler().is_err());
}

#[derive(Query)]
#[query(reply = usize)]
struct Measure(&'static str);

/// Converts into a boxed error without being one, as `anyhow::Error` does.
struct Report(&'static str);

impl From<Report> for Box<dyn Error + Send + Sync> {
    fn from(report: Report) -> Self {
        format!("report: {}", report.0).into()
    }
}

/// Without `error = ..` a handler may fail with anything, and the caller may ask what it was.
#[test]
fn any_error_is_boxed_and_found_again_by_type() {
    fn measure(query: &Measure) -> Result<usize, AnyError> {
        match query.0 {
            "io" => Err(io::Error::from(io::ErrorKind::NotFound))?,
            "text" => Err("just a text")?,
            "box" => Err(Box::<dyn Error + Send + Sync>::from("a box"))?,
            "report" => Err(Report("like anyhow"))?,
            other => Ok(other.parse::<usize>()?),
        }
    }

    let bus = SyncBus::empty().query(|query: Measure| measure(&query)).build().unwrap();
    let failure = |what| bus.send(Measure(what)).unwrap_err().into_handler().unwrap();
    assert_eq!(failure("io").downcast_ref::<io::Error>().unwrap().kind(), io::ErrorKind::NotFound);
    assert!(failure("x").downcast::<std::num::ParseIntError>().is_ok());
    assert!(failure("x").downcast_ref::<io::Error>().is_none());
    assert_eq!(failure("text").to_string(), "just a text");
    assert_eq!(failure("box").to_string(), "a box");
    assert_eq!(failure("report").to_string(), "report: like anyhow");
    assert_eq!(failure("text").into_box().to_string(), "just a text");
    assert_eq!(bus.send(Measure("12")).unwrap(), 12);
}

#[derive(Debug, PartialEq, thiserror::Error)]
enum AppError {
    #[error("not a number")]
    Parse(#[from] std::num::ParseIntError),
    #[error("too large")]
    TooLarge,
}

#[derive(Query)]
#[query(reply = u8, error = AppError)]
struct Plain(#[expect(dead_code, reason = "its handler does not look")] &'static str);

#[derive(Query)]
#[query(reply = u8, error = AppError)]
struct Same(&'static str);

#[derive(Query)]
#[query(reply = u8, error = AppError)]
struct Converted(&'static str);

#[derive(Query)]
#[query(reply = Result<u8, AppError>)]
struct ResultAsReply(&'static str);

mod returns {
    use super::{AppError, Converted, Plain, ResultAsReply, Same, handler};

    #[handler]
    fn plain(_: Plain) -> u8 {
        1
    }

    #[handler]
    fn same(query: Same) -> Result<u8, AppError> {
        query.0.parse::<u16>()?.try_into().map_err(|_| AppError::TooLarge)
    }

    #[handler]
    async fn converted(query: Converted) -> Result<u8, std::num::ParseIntError> {
        query.0.parse()
    }

    #[handler]
    fn result_as_reply(query: ResultAsReply) -> Result<u8, AppError> {
        Ok(query.0.parse()?)
    }

    linkbus::module! {
        messages: [Plain, Same, Converted, ResultAsReply],
        handlers: [plain, same, converted, result_as_reply],
    }
}

/// A handler returns the reply, a `Result` with the message's error, or one with an error that converts into it.
#[tokio::test]
async fn a_handler_returns_a_plain_value_or_a_result() {
    let bus = Bus::empty().modules([returns::MODULE]).build().unwrap();
    assert_eq!(bus.send(Plain("")).await.unwrap(), 1);
    assert_eq!(bus.send(Same("7")).await.unwrap(), 7);
    assert!(matches!(bus.send(Same("300")).await, Err(SendError::Handler(AppError::TooLarge))));
    assert!(matches!(bus.send(Converted("x")).await, Err(SendError::Handler(AppError::Parse(_)))));
}

/// Where the reply itself is a `Result`, an `Err` in it is a reply and not a failure of the dispatch.
#[tokio::test]
async fn a_result_may_be_the_reply() {
    let bus = Bus::empty().modules([returns::MODULE]).build().unwrap();
    assert_eq!(bus.send(ResultAsReply("7")).await.unwrap(), Ok(7));
    assert!(matches!(bus.send(ResultAsReply("x")).await.unwrap(), Err(AppError::Parse(_))));
}

#[derive(Command)]
struct Welcome;

/// A handler passes the failure of a dispatch on with `?`, and the cause is found under it by type.
#[tokio::test]
async fn a_failed_dispatch_passes_through_a_handler_with_a_question_mark() {
    mod chain {
        use super::{AnyError, Arc, Bus, GetName, Welcome, handler};

        #[handler]
        async fn welcome(_: Welcome, bus: &Bus) -> Result<(), AnyError> {
            bus.send(GetName { id: 4, identity: Arc::default() }).await?;
            Ok(())
        }

        linkbus::module! { handlers: [welcome] }
    }

    let bus = Bus::empty()
        .modules([chain::MODULE])
        .query(|query: GetName| Err::<String, _>(NoUser { id: query.id, identity: query.identity }))
        .build()
        .unwrap();
    let error = bus.execute(Welcome).await.unwrap_err();
    assert_eq!(error.to_string(), "no user 4");
    let error = error.into_handler().unwrap();
    assert!(matches!(error.downcast_ref(), Some(SendError::Handler(NoUser { id: 4, .. }))));
}

/// The error of `main` may be a `Box<dyn Error>`: every error of the bus is one, and keeps its cause.
#[test]
fn every_error_is_a_standard_error() {
    #[derive(Event)]
    struct Removed;

    fn run(bus: &SyncBus, which: u32) -> Result<(), Box<dyn Error + Send + Sync>> {
        match which {
            0 => bus.execute(Remove { id: 1, identity: Arc::default() })?,
            1 => bus.publish(Removed)?,
            _ => bus.publish_many([Removed])?,
        }
        Ok(())
    }

    let bus = SyncBus::empty()
        .command(|command: Remove| Err::<(), _>(NoUser { id: command.id, identity: command.identity }))
        .subscribe(|_: &Removed| Err::<(), _>(io::Error::from(io::ErrorKind::TimedOut)))
        .build()
        .unwrap();
    assert!(run(&bus, 0).unwrap_err().is::<ExecuteError<NoUser>>());
    let publish = run(&bus, 1).unwrap_err();
    assert!(publish.source().unwrap().is::<io::Error>());
    let batch = run(&bus, 2).unwrap_err();
    assert_eq!(batch.to_string(), "message 1 of the batch failed, and the batch ended there");
    assert!(batch.source().unwrap().is::<PublishError>());
}

/// The texts of a failed publish name the event and the subscribers, and not what the panic held.
#[test]
fn a_failed_publish_names_the_subscribers() {
    mod named {
        use super::{Event, handler};

        #[derive(Event)]
        pub(super) struct Shipped(pub(super) u32);

        #[handler]
        fn bill(_: &Shipped) -> Result<(), &'static str> {
            Err("no account")
        }

        #[handler]
        fn notify(event: &Shipped) {
            assert!(event.0 == 0, "secret {}", event.0);
        }

        linkbus::module! { messages: [Shipped], handlers: [bill, notify] }
    }

    let bus = SyncBus::empty().modules([named::MODULE]).build().unwrap();
    let error = bus.publish(named::Shipped(77)).unwrap_err();
    assert_eq!(
        error.to_string(),
        "2 subscribers of event `errors.Shipped` failed: `bill`: no account; `notify`: panicked"
    );
    let [bill, notify] = error.failures() else { panic!("two failed") };
    assert_eq!(bill.to_string(), "subscriber `bill` of event `errors.Shipped` failed");
    assert_eq!(bill.source().unwrap().to_string(), "no account");
    assert_eq!(notify.to_string(), "subscriber `notify` of event `errors.Shipped` panicked");
    assert!(notify.source().is_none());
    assert!(matches!(&notify.failure, SubscriberFailure::Panicked(text) if text == "secret 77"));
    assert!(!error.is_retryable());
}

/// An error type needs to be an error and nothing else: no `Clone`, no `PartialEq`, no serde.
#[test]
fn a_hand_written_error_will_do() {
    struct Mine;

    impl fmt::Debug for Mine {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("Mine")
        }
    }

    impl fmt::Display for Mine {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("my own")
        }
    }

    impl Error for Mine {}

    #[derive(Task)]
    #[task(error = Mine)]
    struct Try;

    let bus = SyncBus::empty().task(|_: Try| Err::<(), _>(Mine)).build().unwrap();
    assert!(matches!(bus.dispatch(Try), Err(DispatchError::Handler(Mine))));
}
