//! `#[derive(Query)]`, `#[derive(Command)]`, `#[derive(Event)]`, `#[derive(Task)]`.

mod expand;
mod field;
mod model;
mod serde;
mod symbol;

use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use syn::{DeriveInput, Ident};

use self::model::Message;

/// The four kinds, and what differs between their derives.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Query,
    Command,
    Event,
    Task,
}

impl Kind {
    const ALL: [Kind; 4] = [Kind::Query, Kind::Command, Kind::Event, Kind::Task];

    /// The trait, and the variant of `linkbus::Kind`.
    fn ident(self) -> Ident {
        format_ident!("{}", self.type_name())
    }

    fn type_name(self) -> &'static str {
        match self {
            Kind::Query => "Query",
            Kind::Command => "Command",
            Kind::Event => "Event",
            Kind::Task => "Task",
        }
    }

    /// The helper attribute, which is also the word for the kind.
    fn word(self) -> &'static str {
        match self {
            Kind::Query => "query",
            Kind::Command => "command",
            Kind::Event => "event",
            Kind::Task => "task",
        }
    }

    fn with_article(self) -> &'static str {
        match self {
            Kind::Query => "a query",
            Kind::Command => "a command",
            Kind::Event => "an event",
            Kind::Task => "a task",
        }
    }
}

pub(crate) fn derive(kind: Kind, input: TokenStream) -> TokenStream {
    let input: DeriveInput = match syn::parse2(input) {
        Ok(input) => input,
        Err(error) => return error.into_compile_error(),
    };
    match Message::new(kind, &input) {
        Ok(message) => expand::expand(&message),
        Err(error) => with_stub(kind, &input, error),
    }
}

/// The mistakes, and a message that code which uses the type can go on with.
fn with_stub(kind: Kind, input: &DeriveInput, error: syn::Error) -> TokenStream {
    let stub = Message::stub(kind, input, &error).map(|message| expand::expand(&message));
    let error = error.into_compile_error();
    quote!(#error #stub)
}
