//! What only the types can tell, each said once, where the user wrote the type.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::{Ident, Path, Type, spanned::Spanned};

use super::{dependencies, message, settings};
use crate::handler::{model::Handler, parameter::Parameter};

/// The message and the dependencies under names of their own, behind a check: of a type that does not pass it, rustc
/// says so here, and nothing wherever else the expansion names it.
pub(super) fn types(handler: &Handler) -> TokenStream {
    let linkbus = &handler.linkbus;
    let name = message();
    let message = checked(linkbus, "is_message", &handler.message);
    let names = dependencies(handler);
    let dependencies = handler.dependencies().into_iter().map(|ty| {
        let is_object = matches!(ty, Type::TraitObject(_));
        checked(linkbus, if is_object { "is_dyn_dependency" } else { "is_dependency" }, ty)
    });
    quote! {
        type #name = #message;
        #(type #names = #dependencies;)*
    }
}

fn checked(linkbus: &Path, check: &str, ty: &Type) -> TokenStream {
    let check = Ident::new(check, ty.span());
    quote! {
        <#linkbus::__private::Check<{ #linkbus::__private::#check::<#ty>() }>
            as #linkbus::__private::Passed<#ty>>::Type
    }
}

pub(super) fn assertions(handler: &Handler) -> TokenStream {
    let by_value = (!handler.by_ref).then(|| by_value(handler));
    let second_messages = handler.parameters.iter().filter_map(|parameter| match parameter {
        Parameter::Dependency(ty) => second_message(&handler.linkbus, ty),
        _ => None,
    });
    let settings = settings::assertions(handler);
    quote!(#by_value #(#second_messages)* #settings)
}

/// An event is shared by its subscribers: one that takes it by value needs a copy.
fn by_value(handler: &Handler) -> TokenStream {
    let linkbus = &handler.linkbus;
    let message = message();
    quote_spanned! {handler.message.span()=>
        const _: () = ::core::assert!(
            #linkbus::__private::by_value_fits::<#message>(),
            "this subscriber takes its event by value, and the event is not `Clone`: take `&Event`, or derive Clone",
        );
    }
}

/// A parameter behind the message is a dependency, which a message never is.
fn second_message(linkbus: &Path, ty: &Type) -> Option<TokenStream> {
    if let Type::TraitObject(_) = ty {
        return None;
    }
    let message = message();
    Some(quote_spanned! {ty.span()=>
        const _: () = {
            use #linkbus::__private::ProbeMessage as _;
            ::core::assert!(
                !(#linkbus::__private::Probe::<#message>::MESSAGE && #linkbus::__private::Probe::<#ty>::MESSAGE),
                "a handler serves one message, its first parameter, and this is another one: write a handler for it",
            );
        };
    })
}

/// In one `impl` block it can be seen that two methods serve the same message: refused unless it is an event.
///
/// Methods with `#[cfg(..)]` are left to `build()`: at most one of them may be there.
pub(in crate::handler) fn duplicate_checks(handlers: &[Handler]) -> TokenStream {
    let same = |one: &Handler, other: &Handler| {
        let (one, other) = (&one.message, &other.message);
        quote!(#one).to_string() == quote!(#other).to_string()
    };
    let handlers: Vec<_> = handlers.iter().filter(|handler| handler.conditions.is_empty()).collect();
    let duplicates = handlers
        .iter()
        .enumerate()
        .filter(|(place, handler)| handlers[..*place].iter().any(|earlier| same(earlier, handler)));
    duplicates.map(|(_, handler)| duplicate_check(handler)).collect()
}

fn duplicate_check(Handler { linkbus, message, .. }: &Handler) -> TokenStream {
    quote_spanned! {message.span()=>
        const _: () = ::core::assert!(
            !<#message as #linkbus::Message>::FACTS.kind.has_one_handler(),
            "two methods of this `impl` handle this message, and it takes exactly one handler",
        );
    }
}
