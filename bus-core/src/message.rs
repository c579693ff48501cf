//! The four kinds of message and the static facts about a message type.

use std::{any::TypeId, fmt};

use crate::{
    dispatch::{Linked, MessageIndex, Place},
    error::{
        AnyError, DispatchError, ExecuteError, Failure, HandlerError, OneHandlerFailure, SendError, SubscriberFailure,
    },
    layer::Revive,
    probe::{DebugFn, DeserializeFn, SerializeFn},
};

/// What a message is, which decides how many handlers it has and what they answer.
///
/// ```
/// use linkbus::Kind;
///
/// assert_eq!(Kind::Query.verb(), "send");
/// assert!(Kind::Task.has_one_handler() && !Kind::Event.has_one_handler());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// Asks for a value: exactly one handler, a typed reply.
    Query,
    /// Asks for a change: exactly one handler, no reply.
    Command,
    /// Says that something happened: any number of subscribers, no reply.
    Event,
    /// A unit of work: exactly one handler, no reply; one worker takes it when the program is distributed.
    Task,
}

impl Kind {
    /// All four.
    pub(crate) const ALL: [Self; 4] = [Kind::Query, Kind::Command, Kind::Event, Kind::Task];

    /// Its name in lower case: `query`, `command`, `event` or `task`.
    pub const fn label(self) -> &'static str {
        match self {
            Kind::Query => "query",
            Kind::Command => "command",
            Kind::Event => "event",
            Kind::Task => "task",
        }
    }

    /// The kind with this label.
    pub(crate) fn from_label(label: &str) -> Option<Self> {
        Kind::ALL.into_iter().find(|kind| kind.label() == label)
    }

    /// The method that sends messages of this kind: `send`, `execute`, `publish` or `dispatch`.
    pub const fn verb(self) -> &'static str {
        match self {
            Kind::Query => "send",
            Kind::Command => "execute",
            Kind::Event => "publish",
            Kind::Task => "dispatch",
        }
    }

    /// Whether a message of this kind has exactly one handler.
    pub const fn has_one_handler(self) -> bool {
        !matches!(self, Kind::Event)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.label())
    }
}

/// Where something was written: shown as `file:line`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Location {
    /// The source file, as the compiler was given it.
    pub file: &'static str,
    /// The line, counted from 1.
    pub line: u32,
    /// The module, from the crate down: `orders::checkout`. Empty for what was registered by hand.
    pub module: &'static str,
}

impl Location {
    /// Where the function that is marked `#[track_caller]` was called.
    #[track_caller]
    pub(crate) fn of_caller() -> Self {
        let caller = std::panic::Location::caller();
        Location { file: caller.file(), line: caller.line(), module: "" }
    }

    /// The crate: the first segment of the module path.
    pub fn crate_name(&self) -> &'static str {
        self.module.split("::").next().unwrap_or_default()
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file, self.line)
    }
}

/// One field of a message and what `#[bus(..)]` says about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field {
    /// The field's name, or its position in a tuple struct.
    pub name: &'static str,
    /// `#[bus(secret)]`: the value is never written down: not recorded, not logged, not shown; also where the message is a part
    /// of something else.
    pub secret: bool,
    /// `#[bus(key)]`: messages with the same value are kept in order.
    pub key: bool,
}

/// Which optional traits a message type has; found by the derive, never declared twice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "independent facts, each named after its trait")]
pub struct Abilities {
    /// The type is `Clone`.
    pub clone: bool,
    /// The type is `Debug`.
    pub debug: bool,
    /// The type is `serde::Serialize`.
    pub serialize: bool,
    /// The type is `serde::de::DeserializeOwned`.
    pub deserialize: bool,
    /// The reply of a query is `serde::Serialize`; `false` for the other kinds.
    pub serialize_reply: bool,
    /// The reply of a query is `serde::de::DeserializeOwned`; `false` for the other kinds.
    pub deserialize_reply: bool,
}

/// What is known about a message type without having a message.
///
/// ```
/// use linkbus::{Command, Kind, Message};
///
/// /// Changes a password.
/// #[derive(Command, Clone)]
/// #[command(name = "users.ChangePassword")]
/// struct ChangePassword {
///     #[bus(key)]
///     user: u32,
///     #[bus(secret)]
///     password: String,
/// }
///
/// let facts = ChangePassword::FACTS;
/// assert_eq!((facts.kind, facts.name), (Kind::Command, "users.ChangePassword"));
/// assert_eq!(facts.docs, "Changes a password.");
/// assert!(facts.fields[0].key && facts.fields[1].secret);
/// assert!(facts.abilities.clone && !facts.abilities.serialize);
/// ```
#[derive(Clone, Copy)]
pub struct MessageFacts {
    /// Query, command, event or task.
    pub kind: Kind,
    /// The wire name: `<crate>.<Type>` unless the derive was given `name = ".."`.
    pub name: &'static str,
    /// The type with its module path: `contracts::users::GetUser`.
    pub type_name: &'static str,
    /// The doc comment of the type, without the comment marks.
    pub docs: &'static str,
    /// Where the type is declared.
    pub location: Location,
    /// The named and positional fields, in the order of declaration; for an enum, those of all variants.
    pub fields: &'static [Field],
    /// Which optional traits the type has.
    pub abilities: Abilities,
    #[doc(hidden)]
    pub type_id: fn() -> TypeId,
    #[doc(hidden)]
    pub reply: fn() -> &'static str,
    #[doc(hidden)]
    pub error: fn() -> &'static str,
    #[doc(hidden)]
    pub place: Place,
    /// How a message is read and made ready for its layers, where the type is `DeserializeOwned`.
    #[doc(hidden)]
    pub revive: Option<Revive>,
    #[doc(hidden)]
    pub serde: SerdeNames,
}

/// What `serde` calls a type and its parts, as far as its attributes say.
#[doc(hidden)]
#[derive(Clone, Copy)]
pub struct SerdeNames {
    /// What values of the type may be called: the type, and for an enum those of its variants that have secret fields.
    pub types: &'static [&'static str],
    /// The keys of the fields, in the order of [`MessageFacts::fields`]. What `rename_all` makes of them is not in it.
    pub keys: &'static [&'static str],
}

impl MessageFacts {
    /// The type that these facts are about.
    pub fn type_id(&self) -> TypeId {
        (self.type_id)()
    }

    /// The full name of the reply type; `()` for every kind but queries.
    pub fn reply_name(&self) -> &'static str {
        (self.reply)()
    }

    /// The full name of the error type.
    pub fn error_name(&self) -> &'static str {
        (self.error)()
    }

    /// Whether a field is marked as secret.
    pub(crate) fn has_secrets(&self) -> bool {
        self.fields.iter().any(|field| field.secret)
    }

    /// What a handler of this message returns, with short type names.
    pub(crate) fn returns(&self) -> String {
        format!("Result<{}, {}>", short(self.reply_name()), short(self.error_name()))
    }

    /// The type's own name, without its path.
    pub fn short_name(&self) -> &'static str {
        self.type_name.rsplit("::").next().unwrap_or(self.type_name)
    }
}

#[cfg(test)]
impl Abilities {
    /// [`Abilities::default`] in a constant.
    pub(crate) const NONE: Abilities = Abilities {
        clone: false,
        debug: false,
        serialize: false,
        deserialize: false,
        serialize_reply: false,
        deserialize_reply: false,
    };
}

#[cfg(test)]
impl MessageFacts {
    /// Those of no message: a test says what it is about, and takes the rest from here.
    pub(crate) const NONE: MessageFacts = MessageFacts {
        kind: Kind::Command,
        name: "",
        type_name: "",
        docs: "",
        location: Location { file: "", line: 0, module: "" },
        fields: &[],
        abilities: Abilities::NONE,
        type_id: TypeId::of::<()>,
        reply: std::any::type_name::<()>,
        error: std::any::type_name::<()>,
        place: Place::none(),
        revive: None,
        serde: SerdeNames { types: &[], keys: &[] },
    };
}

/// `shop::layers::Audit` as `Audit`.
pub(crate) fn last_segment(type_name: &'static str) -> &'static str {
    let path = type_name.split('<').next().unwrap_or(type_name);
    path.rsplit("::").next().unwrap_or(path)
}

/// `alloc::vec::Vec<shop::Item>` as `Vec<Item>`: each path reduced to its last segment.
pub(crate) fn short(type_name: &str) -> String {
    let mut short = String::new();
    for character in type_name.chars() {
        short.push(character);
        if short.ends_with("::") {
            let path = short.rfind(|c: char| !(c.is_alphanumeric() || c == '_' || c == ':')).map_or(0, |end| end + 1);
            short.truncate(path);
        }
    }
    short
}

impl fmt::Debug for MessageFacts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MessageFacts")
            .field("kind", &self.kind)
            .field("name", &self.name)
            .field("type_name", &self.type_name)
            .field("location", &self.location)
            .finish_non_exhaustive()
    }
}

impl PartialEq for MessageFacts {
    fn eq(&self, other: &Self) -> bool {
        self.type_id() == other.type_id()
    }
}

impl Eq for MessageFacts {}

/// A type that travels on the bus.
///
/// Never written by hand: `#[derive(Query)]`, `#[derive(Command)]`, `#[derive(Event)]` and `#[derive(Task)]` implement
/// it. The items hidden from this page are the derive's business and may change in any release.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a message",
    label = "expected a type with #[derive(Query)], #[derive(Command)], #[derive(Event)] or #[derive(Task)]",
    note = "a handler takes its message first, and what it depends on behind it"
)]
pub trait Message: Sized + Send + Sync + 'static {
    /// What the handler answers: the type named by `reply = ..` for a query, `()` for the other kinds.
    type Reply: Send + 'static;
    /// What the handler fails with: the type named by `error = ..`, or [`AnyError`].
    type Error: HandlerError;
    /// What a dispatch of this message fails with.
    #[doc(hidden)]
    type Failure: Failure<Self::Error>;

    /// What is known about the type.
    const FACTS: &'static MessageFacts;
    /// How to copy a message, where the type is `Clone`.
    #[doc(hidden)]
    const CLONE: Option<fn(&Self) -> Self>;
    /// How a message is shown, where the type is `Debug`.
    #[doc(hidden)]
    const DEBUG: Option<DebugFn<Self>> = None;
    /// How a message is written, where the type is `Serialize`.
    #[doc(hidden)]
    const SERIALIZE: Option<SerializeFn<Self>>;
    /// How the answer to a query is written, where its type is `Serialize`.
    #[doc(hidden)]
    const SERIALIZE_REPLY: Option<SerializeFn<Self::Reply>> = None;
    /// How the answer to a query is read, where its type is `DeserializeOwned`.
    #[doc(hidden)]
    const DESERIALIZE_REPLY: Option<DeserializeFn<Self::Reply>> = None;
    /// How the message's own type of error is written, where it is `Serialize`.
    #[doc(hidden)]
    const SERIALIZE_ERROR: Option<SerializeFn<Self::Error>> = None;
    /// How the message's own type of error is read, where it is `DeserializeOwned`.
    #[doc(hidden)]
    const DESERIALIZE_ERROR: Option<DeserializeFn<Self::Error>> = None;
    /// How a message is read, where the type is `DeserializeOwned`.
    #[doc(hidden)]
    const DESERIALIZE: Option<DeserializeFn<Self>>;

    /// What the linker puts behind the names of the message's handler, with the feature `strict-link`.
    #[doc(hidden)]
    #[inline]
    fn linked() -> Option<Linked<Self>> {
        None
    }

    /// The type's own static, which holds its place in every bus.
    #[doc(hidden)]
    fn index() -> &'static MessageIndex<Self>;
}

/// The reply of a message that is no query: there is nothing in it.
#[cfg(any(feature = "testing", feature = "transport"))]
pub(crate) fn nothing<M: Message>() -> M::Reply {
    let unit: Box<dyn std::any::Any> = Box::new(());
    *unit.downcast().expect("only queries reply")
}

/// A message that exactly one handler serves: a query, a command or a task.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not have exactly one handler",
    label = "expected a query, a command or a task",
    note = "an event has subscribers: `replace_subscribers` puts one in the place of them all"
)]
pub trait OneHandler: Message<Failure: OneHandlerFailure> {}

/// A message that asks for a value: `#[derive(Query)]` with `#[query(reply = ..)]`.
///
/// Exactly one handler serves it. A handler should change nothing that its caller could see.
///
/// ```
/// use linkbus::Query;
///
/// #[derive(Query)]
/// #[query(reply = u64)]
/// struct CountOrders;
///
/// fn reply_of<Q: Query>() -> &'static str {
///     Q::FACTS.reply_name()
/// }
/// assert_eq!(reply_of::<CountOrders>(), "u64");
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a query",
    label = "expected a type with #[derive(Query)]",
    note = "a command goes through `execute`, an event through `publish`, a task through `dispatch`"
)]
pub trait Query: OneHandler + Message<Failure = SendError<<Self as Message>::Error>> {}

/// A message that asks for a change: `#[derive(Command)]`.
///
/// Exactly one handler serves it, and it answers nothing but success or its error.
///
/// ```
/// #[derive(linkbus::Command)]
/// #[command(error = std::num::TryFromIntError)]
/// struct SetLimit(i64);
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a command",
    label = "expected a type with #[derive(Command)]",
    note = "a query goes through `send`, an event through `publish`, a task through `dispatch`"
)]
pub trait Command: OneHandler + Message<Reply = (), Failure = ExecuteError<<Self as Message>::Error>> {}

/// A message that says what happened: `#[derive(Event)]`.
///
/// Any number of subscribers, none included; each runs whatever happens to the others.
///
/// ```
/// #[derive(linkbus::Event)]
/// struct OrderPlaced {
///     order: u64,
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an event",
    label = "expected a type with #[derive(Event)]",
    note = "a query goes through `send`, a command through `execute`, a task through `dispatch`"
)]
pub trait Event: Message<Reply = (), Error = AnyError, Failure = SubscriberFailure> {}

/// A unit of work: `#[derive(Task)]`.
///
/// Exactly one handler serves it; when the program is distributed, one worker of several takes it.
///
/// ```
/// #[derive(linkbus::Task)]
/// struct RenderInvoice {
///     order: u64,
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a task",
    label = "expected a type with #[derive(Task)]",
    note = "a query goes through `send`, a command through `execute`, an event through `publish`"
)]
pub trait Task: OneHandler + Message<Reply = (), Failure = DispatchError<<Self as Message>::Error>> {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_name_loses_its_paths_and_keeps_its_shape() {
        assert_eq!(short("alloc::vec::Vec<shop::orders::Item>"), "Vec<Item>");
        assert_eq!(short("(u8, core::option::Option<&a::B>)"), "(u8, Option<&B>)");
        assert_eq!(short("()"), "()");
    }

    #[test]
    fn a_location_knows_its_crate() {
        let location = Location { file: "orders/src/checkout.rs", line: 7, module: "orders::checkout" };
        assert_eq!(location.crate_name(), "orders");
        assert_eq!(location.to_string(), "orders/src/checkout.rs:7");
    }
}
