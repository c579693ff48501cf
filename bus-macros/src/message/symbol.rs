//! The feature `strict-link`: the names that the linker knows the handler of a message by.

use std::cell::Cell;

use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use syn::{Ident, LitStr, Visibility, ext::IdentExt};

use super::{Kind, expand::default_name, model::Message};

/// A macro of the message's own name, which puts the text of its symbols in front of what it is given and passes that on
/// to another macro. So whoever can name the message can name its symbols. Rustdoc does without: it would not know which of
/// the two a link to the message means.
pub(super) fn naming(message: &Message) -> TokenStream {
    let Message { linkbus, visibility, ident, .. } = message;
    let naming = macro_name(ident);
    let rules = rules(message);
    let export = matches!(visibility, Visibility::Public(_)).then(|| quote!(#[macro_export]));
    quote! {
        #linkbus::__strict! {
            #[cfg(not(doc))]
            #[doc(hidden)]
            #export
            macro_rules! #naming { #rules }
            #[cfg(not(doc))]
            #[doc(hidden)]
            #visibility use #naming as #ident;
        }
    }
}

fn rules(message: &Message) -> TokenStream {
    if message.kind == Kind::Event {
        return quote! {
            ([$($macro:tt)*]) => { ::core::compile_error!("an event needs no handler: take it off the list"); };
            ([$($macro:tt)*] $($rest:tt)*) => { ::core::option::Option::None };
        };
    }
    let text = LitStr::new(&text(message), message.ident.span());
    quote!(([$($macro:tt)*] $($rest:tt)*) => { $($macro)* ! { #text $($rest)* } };)
}

/// `query contracts.GetUser (contracts 0.1.0)`. The wire name is the message's alone in the whole program; package and version
/// keep two versions of one crate apart.
fn text(Message { kind, ident, name, .. }: &Message) -> String {
    let variable = |name| std::env::var(name).unwrap_or_default();
    let (package, version) = (variable("CARGO_PKG_NAME"), variable("CARGO_PKG_VERSION"));
    match name {
        Some(name) => format!("{} {} ({} of {package} {version})", kind.word(), name.value(), ident.unraw()),
        None => format!("{} {} ({package} {version})", kind.word(), default_name(ident).value()),
    }
}

/// Macros that are exported share one namespace in their crate, whatever the modules of the messages are. They are expanded
/// one after the other, on one thread.
fn macro_name(message: &Ident) -> Ident {
    thread_local! {
        static NEXT: Cell<u32> = const { Cell::new(0) };
    }
    let number = NEXT.replace(NEXT.get() + 1);
    format_ident!("__linkbus_{}_{number}", message.unraw().to_string())
}

/// `Message::linked`: the functions under those names.
pub(super) fn linked(Message { linkbus, kind, ident, .. }: &Message) -> Option<TokenStream> {
    (*kind != Kind::Event).then(|| {
        quote! {
            #linkbus::__strict! {
                #[cfg(not(doc))]
                #[inline]
                fn linked() -> ::core::option::Option<#linkbus::__private::Linked<Self>> {
                    #ident! { [#linkbus::__linked] , #ident }
                }
            }
        }
    })
}
