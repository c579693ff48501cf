use std::fmt;

use crate::{
    handler::{HandlerFacts, Need},
    message::{Kind, Location, MessageFacts, short},
};

/// One thing that is wrong with the wiring of a bus.
///
/// Each has a stable [`code`](Self::code), the [`parties`](Self::parties) with their places, and a
/// [`help`](Self::help) that says what to write.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Fault {
    /// `BUS001`: a message that takes exactly one handler has several.
    DuplicateHandler {
        /// The message.
        message: &'static MessageFacts,
        /// Its handlers, two or more.
        handlers: Vec<HandlerFacts>,
    },
    /// `BUS002`: a query, command or task has no handler.
    MissingHandler {
        /// The message.
        message: &'static MessageFacts,
        /// The transports of the bus, none of which takes the message.
        passed_over_by: Vec<&'static str>,
    },
    /// `BUS003`: handlers ask for a value that was not provided.
    MissingDependency {
        /// What they ask for.
        need: Need,
        /// Those who ask.
        handlers: Vec<HandlerFacts>,
        /// The type of a value that was provided and that holds what they ask for: an `Arc` or a `Box` of it.
        wrapped: Option<&'static str>,
    },
    /// `BUS004`: several message types have the same wire name.
    SharedName {
        /// The name.
        name: &'static str,
        /// The types, two or more.
        messages: Vec<&'static MessageFacts>,
    },
    /// `BUS005`: a `SyncBus` is given handlers that are `async`.
    AsyncHandlers {
        /// The handlers.
        handlers: Vec<HandlerFacts>,
    },
    /// `BUS006`: `modules!` names a crate from which nothing arrived.
    ModuleNotArrived {
        /// The crate, by the name that `modules!` gives it.
        module: &'static str,
        /// Where `modules!` is written.
        declared_at: Location,
    },
    /// `BUS007`: nothing at all was collected.
    EmptyRegistry,
    /// `BUS008`: a crate of the manifest depends on linkbus, but no code names it, so it is not linked.
    ModuleNotNamed {
        /// The crate, by the name that the manifest gives it.
        module: &'static str,
        /// What `modules!` should list: what it lists now, and every crate that it does not mention.
        complete: Vec<&'static str>,
        /// Where `modules!` is written.
        declared_at: Location,
    },
    /// `BUS009`: handlers ask for the other kind of bus.
    OtherBus {
        /// The handlers.
        handlers: Vec<HandlerFacts>,
        /// The bus that is being built: `Bus` or `SyncBus`.
        bus: &'static str,
    },
    /// `BUS010`: a handler is to be replaced, and there is none.
    NothingToReplace {
        /// The replacement.
        replacement: HandlerFacts,
    },
    /// `BUS012`: `.modules(..)` asks for a module that has nothing.
    EmptyModule {
        /// The crate.
        module: &'static str,
        /// Where it is asked for.
        asked_at: Location,
    },
    /// `BUS013`: a layer cannot be where it is.
    LayerRefused {
        /// What the layer is called.
        layer: String,
        /// Where `.layer(..)` was called; `None` for one that an attribute of the handler asks for.
        location: Option<Location>,
        /// What the layer says, and what to do instead.
        reason: String,
        /// The messages that it was to be put around.
        messages: Vec<&'static MessageFacts>,
    },
    /// `BUS014`: layers want a message after the handler had it, the handler takes it by value, and it is not `Clone`.
    MessageNotClone {
        /// The message.
        message: &'static MessageFacts,
        /// Its handler.
        handler: HandlerFacts,
        /// What the layers are called.
        layers: Vec<String>,
    },
    /// `BUS011`: two values of one type were provided.
    ProvidedTwice {
        /// The type.
        type_name: &'static str,
        /// Where each was provided; `None` for what the bus provides by itself.
        locations: Vec<Option<Location>>,
    },
}

/// Someone involved in a [`Fault`]: shown as one line of the report.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Party {
    /// What it is: `message`, `handler`, `replaces`, `modules!` (a list of modules), `layer` or `provided`.
    pub role: &'static str,
    /// Its name.
    pub name: String,
    /// Where it is written.
    pub location: Option<Location>,
}

impl Party {
    fn message(facts: &MessageFacts) -> Self {
        Party { role: "message", name: facts.type_name.to_owned(), location: Some(facts.location) }
    }

    fn handler(facts: &HandlerFacts) -> Self {
        Party { role: "handler", name: full_name(facts), location: Some(facts.location) }
    }

    fn replacement(facts: &HandlerFacts) -> Self {
        Party { role: "replaces", ..Party::handler(facts) }
    }

    fn module_list(location: Location) -> Self {
        Party { role: "modules!", name: location.module.to_owned(), location: Some(location) }
    }
}

/// The function with its path; a closure by the function around it.
fn full_name(facts: &HandlerFacts) -> String {
    let HandlerFacts { name, location: Location { module, .. }, .. } = facts;
    match name.strip_suffix("::{{closure}}") {
        Some(around) => format!("a closure in {around}"),
        None if facts.is_by_hand() => (*name).to_owned(),
        None => format!("{module}::{name}"),
    }
}

impl Fault {
    /// The stable code: `BUS001` and so on. Each has a page in the documentation.
    pub fn code(&self) -> &'static str {
        match self {
            Fault::DuplicateHandler { .. } => "BUS001",
            Fault::MissingHandler { .. } => "BUS002",
            Fault::MissingDependency { .. } => "BUS003",
            Fault::SharedName { .. } => "BUS004",
            Fault::AsyncHandlers { .. } => "BUS005",
            Fault::ModuleNotArrived { .. } => "BUS006",
            Fault::EmptyRegistry => "BUS007",
            Fault::ModuleNotNamed { .. } => "BUS008",
            Fault::OtherBus { .. } => "BUS009",
            Fault::NothingToReplace { .. } => "BUS010",
            Fault::ProvidedTwice { .. } => "BUS011",
            Fault::EmptyModule { .. } => "BUS012",
            Fault::LayerRefused { .. } => "BUS013",
            Fault::MessageNotClone { .. } => "BUS014",
        }
    }

    /// Everyone involved, each with its place.
    pub fn parties(&self) -> Vec<Party> {
        match self {
            Fault::DuplicateHandler { message, handlers } => {
                [Party::message(message)].into_iter().chain(handlers.iter().map(Party::handler)).collect()
            }
            Fault::MissingHandler { message, .. } => vec![Party::message(message)],
            Fault::MissingDependency { handlers, .. }
            | Fault::AsyncHandlers { handlers }
            | Fault::OtherBus { handlers, .. } => handlers.iter().map(Party::handler).collect(),
            Fault::SharedName { messages, .. } => messages.iter().map(|message| Party::message(message)).collect(),
            Fault::ModuleNotArrived { declared_at, .. } | Fault::ModuleNotNamed { declared_at, .. } => {
                vec![Party::module_list(*declared_at)]
            }
            Fault::EmptyRegistry => Vec::new(),
            Fault::EmptyModule { module, asked_at } => {
                vec![Party { role: "module", name: (*module).to_owned(), location: Some(*asked_at) }]
            }
            Fault::LayerRefused { layer, location, messages, .. } => {
                let layer = Party { role: "layer", name: layer.clone(), location: *location };
                [layer].into_iter().chain(messages.iter().map(|message| Party::message(message))).collect()
            }
            Fault::MessageNotClone { message, handler, .. } => vec![Party::message(message), Party::handler(handler)],
            Fault::NothingToReplace { replacement } => vec![Party::replacement(replacement)],
            Fault::ProvidedTwice { type_name, locations } => locations
                .iter()
                .map(|&location| Party { role: "provided", name: (*type_name).to_owned(), location })
                .collect(),
        }
    }

    /// What to write so that the fault is gone, in one or several lines.
    pub fn help(&self) -> String {
        match self {
            Fault::DuplicateHandler { message, handlers } => duplicate_handler_help(message, handlers),
            Fault::MissingHandler { message, .. } => missing_handler_help(message),
            Fault::MissingDependency { need, wrapped, .. } => missing_dependency_help(need, *wrapped),
            Fault::SharedName { messages, .. } => {
                let MessageFacts { kind, type_name, .. } = messages[messages.len() - 1];
                format!("give one of them another name: `#[{kind}(name = \"..\")]` on `{type_name}`")
            }
            Fault::AsyncHandlers { .. } => {
                "build a `Bus` instead of a `SyncBus`\nor write these handlers as plain `fn`".to_owned()
            }
            Fault::ModuleNotArrived { module, .. } => format!(
                "if `{module}` has no message and no handler, write `!{module}` instead\n\
                 if it has some, this kind of program drops them (staticlib, cdylib, wasm): list them in `{module}` with\n\
                 `linkbus::module!(messages: [..], handlers: [..]);` and give `{module}::MODULE` to `.modules([..])`"
            ),
            Fault::EmptyModule { module, .. } => format!(
                "if that is the crate's name, name it in this program too, so that it is linked: `use {module} as _;`\n\
                 better, write `linkbus::module!();` at the root of `{module}`, and `{module}::MODULE` here"
            ),
            Fault::EmptyRegistry => "name the crates that hold your messages and handlers: \
                `linkbus::modules!(users, orders);`\n\
                or, for a bus that starts with nothing, write `Bus::empty()` instead of `Bus::builder()`"
                .to_owned(),
            Fault::ModuleNotNamed { module, complete, .. } => format!(
                "write `linkbus::modules!({});`\n\
                 or `!{module}` in it, if it is left out on purpose or has no message and no handler",
                complete.join(", ")
            ),
            Fault::OtherBus { bus, .. } => format!(
                "let them take `&{bus}`\n\
                 or a role that fits both buses: `&impl QueryDispatcher` in a `fn`, `&impl AsyncQueryDispatcher` in an \
                 `async fn`"
            ),
            Fault::NothingToReplace { replacement } => {
                let HandlerFacts { message, is_async, .. } = replacement;
                format!("register it instead: `.{}(..)`", register_method(message.kind, *is_async))
            }
            Fault::LayerRefused { reason, .. } => reason.clone(),
            Fault::MessageNotClone { message, handler, .. } => format!(
                "derive `Clone` on `{name}`\nor let `{}` borrow its message: `&{name}`",
                handler.name,
                name = message.short_name(),
            ),
            Fault::ProvidedTwice { .. } => "provide it once\n\
                or, for two values of one type, wrap each in a type of its own: `struct Primary(Pool);`"
                .to_owned(),
        }
    }
}

fn duplicate_handler_help(message: &MessageFacts, handlers: &[HandlerFacts]) -> String {
    let event = format!("or, if all are to run, make `{}` an event and `publish` it", message.short_name());
    if handlers.iter().any(HandlerFacts::is_by_hand) {
        format!("keep one of them\nor put the closure in the place of the other with `.replace(..)`\n{event}")
    } else {
        format!("keep one of them\n{event}")
    }
}

fn missing_handler_help(message: &MessageFacts) -> String {
    let MessageFacts { kind, .. } = message;
    let (name, returns) = (message.short_name(), message.returns());
    format!(
        "write `#[handler] fn {}({kind}: {name}) -> {returns}`; on a `Bus` it may be an `async fn`\n\
         or, if a crate has it already, name that crate beside `main`, so that it is linked: `linkbus::modules!(..);`",
        snake_case(name),
    )
}

fn missing_dependency_help(need: &Need, wrapped: Option<&str>) -> String {
    let name = need.type_name();
    if let Some(help) = own_type_help(name) {
        return help;
    }
    let is_unsized = name == "str" || name.starts_with("dyn ") || name.starts_with('[') && !name.contains(';');
    match wrapped {
        Some(wrapped) if wrapped.starts_with("alloc::sync::Arc<") => {
            format!("an `Arc` of it was provided as a value: write `.provide_arc::<{name}>(..)` instead")
        }
        Some(wrapped) => format!("a `{wrapped}` was provided as a value: write `.provide_arc::<{name}>(..)` instead"),
        None if is_unsized => format!("write `.provide_arc::<{name}>(Arc::new(..))` before `.build()`"),
        None => format!("write `.provide(value)` with a value of type `{name}` before `.build()`"),
    }
}

/// What to write for a type of linkbus itself, which nobody provides.
fn own_type_help(name: &str) -> Option<String> {
    let path = name.strip_prefix("bus_core::").or_else(|| name.split_once("<bus_core::").map(|(_, path)| path))?;
    let short = short(path.trim_end_matches('>'));
    Some(match &*short {
        "Bus" | "SyncBus" | "Context" => format!(
            "write `&{short}`, by that name: the bus lends it to the handler\n\
             to keep a way to the bus, take a `&BusHandle` and clone it"
        ),
        _ => format!(
            "this is a handle of the other kind of bus: `&{short}` is one of a `Bus`, `&{short}<SyncBus>` one of a `SyncBus`",
            short = short.split('<').next().unwrap_or_default(),
        ),
    })
}

fn register_method(kind: Kind, is_async: bool) -> String {
    let method = match kind {
        Kind::Query => "query",
        Kind::Command => "command",
        Kind::Event => "subscribe",
        Kind::Task => "task",
    };
    if is_async { format!("{method}_async") } else { method.to_owned() }
}

/// `PlaceOrder` as `place_order`, `HTTPGet` as `http_get`.
fn snake_case(name: &str) -> String {
    let letters: Vec<char> = name.chars().collect();
    let mut snake = String::new();
    for (place, &letter) in letters.iter().enumerate() {
        let follows_a_word = place > 0 && !letters[place - 1].is_uppercase();
        let begins_a_word = place > 0 && letters.get(place + 1).is_some_and(|next| next.is_lowercase());
        if letter.is_uppercase() && (follows_a_word || begins_a_word) {
            snake.push('_');
        }
        snake.extend(letter.to_lowercase());
    }
    snake
}

impl fmt::Display for Fault {
    /// The fault in one line, without code, parties and help.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fault::DuplicateHandler { message, handlers } => {
                let MessageFacts { kind, name, .. } = message;
                write!(f, "{kind} `{name}` has {} handlers, and takes exactly one", handlers.len())
            }
            Fault::MissingHandler { message, .. } => write!(f, "{} `{}` has no handler", message.kind, message.name),
            Fault::MissingDependency { need, .. } => {
                write!(f, "handlers ask for `{}`, and none was provided", need.type_name())
            }
            Fault::SharedName { name, messages } => write!(f, "{} messages are named `{name}`", messages.len()),
            Fault::AsyncHandlers { .. } => f.write_str("a SyncBus cannot run async handlers"),
            Fault::ModuleNotArrived { module, .. } => {
                write!(f, "module `{module}` is declared, but nothing arrived from it")
            }
            Fault::EmptyModule { module, .. } => {
                write!(f, "module `{module}` is asked for, but nothing is linked from a crate of that name")
            }
            Fault::EmptyRegistry => f.write_str("no message and no handler is linked into this program"),
            Fault::ModuleNotNamed { module, .. } => {
                write!(f, "crate `{module}` is a dependency, but no code names it, so it is not linked")
            }
            Fault::OtherBus { bus, .. } => write!(f, "handlers ask for another bus than the `{bus}` that is built"),
            Fault::NothingToReplace { replacement } => {
                let MessageFacts { kind, name, .. } = replacement.message;
                write!(f, "{kind} `{name}` has no handler to replace")
            }
            Fault::LayerRefused { layer, .. } => write!(f, "layer `{layer}` cannot be where it is"),
            Fault::MessageNotClone { message, layers, .. } => {
                let layers: Vec<_> = layers.iter().map(|layer| format!("`{layer}`")).collect();
                write!(
                    f,
                    "{} {} a copy of {} `{}`, which is not `Clone`",
                    layers.join(" and "),
                    if layers.len() == 1 { "needs" } else { "need" },
                    message.kind,
                    message.name,
                )
            }
            Fault::ProvidedTwice { type_name, locations } => {
                write!(f, "`{type_name}` was provided {} times", locations.len())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::snake_case;

    #[test]
    fn a_message_name_becomes_a_function_name() {
        assert_eq!(snake_case("PlaceOrder"), "place_order");
        assert_eq!(snake_case("Ping"), "ping");
        assert_eq!(snake_case("HTTPGet"), "http_get");
        assert_eq!(snake_case("GetV2"), "get_v2");
    }
}
