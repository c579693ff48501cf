//! The hidden type that stands for a handler, and its registration.

mod call;
mod checks;
mod settings;
mod symbol;

use proc_macro2::{Span, TokenStream};
use quote::{format_ident, quote};
use syn::{Ident, LitStr, ext::IdentExt};

pub(super) use self::checks::duplicate_checks;
use super::{
    bus::BusType,
    model::{Handler, Owner},
};
use crate::attributes;

/// The name of the hidden type that stands for a handler: `module!` finds it by the function's name.
pub(crate) fn hidden_name(owner: Option<&Ident>, function: &Ident) -> Ident {
    match owner {
        Some(owner) => format_ident!("__handler_{}_{}", owner, function),
        None => format_ident!("__handler_{}", function, span = function.span()),
    }
}

/// No lint is allowed here beyond what the user allows: a crate may forbid it. Lints pass over what has no token of the
/// user's, and that is how the expansion keeps out of their sight.
pub(super) fn expand(handler: &Handler) -> TokenStream {
    let Handler { linkbus, visibility, conditions, allowances, .. } = handler;
    let hidden = hidden(handler);
    let registration = registration(handler, &hidden);
    let types = checks::types(handler);
    let implementation = call::implementation(handler, &hidden);
    let checks = checks::assertions(handler);
    quote! {
        #(#conditions)*
        #[doc(hidden)]
        #visibility struct #hidden;

        #(#conditions)*
        #(#allowances)*
        const _: () = {
            #types

            impl #hidden {
                const REGISTRATION: #linkbus::__private::Registration = #registration;
                #[doc(hidden)]
                pub const LISTED: &'static #linkbus::__private::Registration = &Self::REGISTRATION;
            }

            #implementation
            #checks
            #linkbus::__register!(#hidden::REGISTRATION);
        };
    }
}

fn hidden(handler: &Handler) -> Ident {
    let mut name = hidden_name(handler.owner.as_ref().map(|owner| &owner.name), &handler.ident);
    name.set_span(Span::call_site().located_at(handler.ident.span()));
    name
}

/// The name that [`checks::types`] gives to the message.
fn message() -> Ident {
    format_ident!("__Message")
}

/// The names that [`checks::types`] gives to the dependencies, in the order of [`Handler::dependencies`].
fn dependencies(handler: &Handler) -> Vec<Ident> {
    (0..handler.dependencies().len()).map(|place| format_ident!("__Dependency{place}")).collect()
}

fn registration(handler: &Handler, hidden: &Ident) -> TokenStream {
    let linkbus = &handler.linkbus;
    let facts = facts(handler);
    let (on_bus, on_sync_bus) = entries(handler, hidden);
    quote! {
        #linkbus::__private::Registration::Handler(#linkbus::__private::HandlerRegistration {
            facts: #facts,
            on_bus: #on_bus,
            on_sync_bus: #on_sync_bus,
        })
    }
}

fn facts(handler: &Handler) -> TokenStream {
    let Handler { linkbus, docs, is_async, by_ref, .. } = handler;
    let by_value = !by_ref;
    let name = name(handler);
    let location = attributes::location(linkbus, handler.ident.span());
    let message = message();
    let dependencies = dependencies(handler);
    let settings = settings::settings(handler);
    quote! {
        #linkbus::HandlerFacts::new(
            #name,
            #docs,
            #location,
            <#message as #linkbus::Message>::FACTS,
            #is_async,
            &[#(#linkbus::Need::of::<#dependencies>()),*],
            #by_value,
        )#settings
    }
}

/// `get_user`, or `Users::get` for a method.
fn name(handler: &Handler) -> LitStr {
    let function = handler.ident.unraw();
    let name = match &handler.owner {
        Some(Owner { name, .. }) => format!("{}::{function}", name.unraw()),
        None => function.to_string(),
    };
    LitStr::new(&name, Span::call_site())
}

/// How each bus calls the handler, if it can.
fn entries(handler: &Handler, hidden: &Ident) -> (TokenStream, TokenStream) {
    let linkbus = &handler.linkbus;
    let message = message();
    let some = |function: TokenStream| quote!(::core::option::Option::Some(#linkbus::__private::Entry::#function::<#message, #hidden>()));
    let none = quote!(::core::option::Option::None);
    let synchronous = || some(quote!(sync));
    match (handler.is_async, handler.bus()) {
        (true, _) => (some(quote!(asynchronous)), none),
        (false, Some(BusType::Async)) => (synchronous(), none),
        (false, Some(BusType::Sync)) => (none, synchronous()),
        (false, None) => (synchronous(), synchronous()),
    }
}
