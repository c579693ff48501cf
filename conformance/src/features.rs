//! What a bus says that it promises, beyond what every bus does.

/// What the bus under test is like. Each field excludes the promises that such a bus does not make; the tests of those are
/// there, and ignored with the reason.
///
/// [`conformance!`](crate::conformance) wants all of it written out, because which tests there are is known when they are compiled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Features {
    /// Of which sort the handlers are that the suite puts on the bus.
    pub handlers: Handlers,
    /// What `execute` waits for.
    pub commands: Completion,
    /// What `publish` waits for.
    pub events: Completion,
    /// What `dispatch` waits for.
    pub tasks: Completion,
    /// As what the error of a handler comes to the caller.
    pub errors: Errors,
    /// What a panic of a handler is for the caller.
    pub panics: Panics,
    /// How messages and replies get from one side to the other.
    pub passing: Passing,
    /// On which thread a handler begins.
    pub thread: Thread,
    /// How often a message is handled.
    pub delivery: Delivery,
    /// Whether messages are handled in the order in which they were sent.
    pub order: Order,
    /// What becomes of a message that nobody handles.
    pub unhandled: Unhandled,
    /// Whether the bus notes what was dispatched.
    pub journal: Notes,
    /// Whether a task may be sent that is due later.
    pub later: Later,
}

/// The sort of handlers on the bus.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Handlers {
    /// Each is a plain `fn`: for any bus.
    Plain,
    /// Each is an `async fn` that waits at least once: not for a `SyncBus`.
    Async,
}

/// What a dispatch waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Completion {
    /// Until handlers have ended; what they fail with comes to the caller.
    Awaited,
    /// Until the message is accepted; what handlers do is seen later, what they fail with never.
    Accepted,
}

/// As what the error of a handler comes to the caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Errors {
    /// As the value that it was.
    Typed,
    /// As another error, with its text.
    Described,
}

/// What a panic of the handler of a query, a command or a task is for the caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Panics {
    /// A panic, as of any function that is called.
    Unwind,
    /// The error `Panicked`.
    Reported,
}

/// How messages and replies get from one side to the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Passing {
    /// They are moved: what arrives is the very object.
    Moved,
    /// They are written and read again: what is not serde's is not wired.
    Encoded,
}

/// On which thread a handler begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Thread {
    /// On that of its caller.
    Callers,
    /// On any.
    Any,
}

/// How often a message is handled that was accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// Once.
    Once,
    /// Once or more.
    AtLeastOnce,
}

/// Whether messages of one sender and one type are handled in the order in which they were sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// They are.
    Kept,
    /// Those with the same key are; others may overtake each other.
    PerKey,
    /// They may overtake each other.
    Free,
}

/// What becomes of a query, a command or a task that nobody handles.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unhandled {
    /// The caller gets `NoHandler`.
    Refused,
    /// A command or a task succeeds, as on a fake.
    Answered,
    /// A command or a task is kept, until there is somebody who handles it.
    Waiting,
}

/// Whether the bus notes what was dispatched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Notes {
    /// It does, and the `journal` of the [`Subject`](crate::Subject) is where. Needs the feature `testing`.
    Taken,
    /// It does not.
    Absent,
}

/// What becomes of a task that is due later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Later {
    /// It is handled when its time has come: [`Subject::dispatch_at`](crate::Subject::dispatch_at) sends it.
    Timely,
    /// It cannot be sent.
    Never,
}

/// All values of all fields, by their bare names.
#[doc(hidden)]
pub mod values {
    pub use super::{
        Completion::*, Delivery::*, Errors::*, Handlers::*, Later::*, Notes::*, Order::*, Panics::*, Passing::*,
        Thread::*, Unhandled::*,
    };
}
