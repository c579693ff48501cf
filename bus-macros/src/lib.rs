//! The macros of [linkbus](https://docs.rs/linkbus). Programs use them through that crate, where each is documented.
//!
//! Each macro is a folder or a file: parse -> model -> expand. The model cannot be wrong: its constructor returns it or
//! all the errors at once. `expand` cannot fail.

mod args;
mod attributes;
mod errors;
mod handler;
mod message;
mod module;
mod modules;
#[cfg(test)]
mod snapshots;

use proc_macro::TokenStream;

use crate::message::Kind;

#[doc = include_str!("../docs/derive_query.md")]
#[proc_macro_derive(Query, attributes(query, command, event, task, bus))]
pub fn derive_query(input: TokenStream) -> TokenStream {
    message::derive(Kind::Query, input.into()).into()
}

#[doc = include_str!("../docs/derive_command.md")]
#[proc_macro_derive(Command, attributes(query, command, event, task, bus))]
pub fn derive_command(input: TokenStream) -> TokenStream {
    message::derive(Kind::Command, input.into()).into()
}

#[doc = include_str!("../docs/derive_event.md")]
#[proc_macro_derive(Event, attributes(query, command, event, task, bus))]
pub fn derive_event(input: TokenStream) -> TokenStream {
    message::derive(Kind::Event, input.into()).into()
}

#[doc = include_str!("../docs/derive_task.md")]
#[proc_macro_derive(Task, attributes(query, command, event, task, bus))]
pub fn derive_task(input: TokenStream) -> TokenStream {
    message::derive(Kind::Task, input.into()).into()
}

#[doc = include_str!("../docs/handler.md")]
#[proc_macro_attribute]
pub fn handler(arguments: TokenStream, item: TokenStream) -> TokenStream {
    handler::function(arguments.into(), &item.into()).into()
}

#[doc = include_str!("../docs/handlers.md")]
#[proc_macro_attribute]
pub fn handlers(arguments: TokenStream, item: TokenStream) -> TokenStream {
    handler::methods(arguments.into(), &item.into()).into()
}

#[doc = include_str!("../docs/modules.md")]
#[proc_macro]
pub fn modules(input: TokenStream) -> TokenStream {
    modules::expand(input.into()).into()
}

#[doc = include_str!("../docs/module.md")]
#[proc_macro]
pub fn module(input: TokenStream) -> TokenStream {
    module::expand(input.into()).into()
}
