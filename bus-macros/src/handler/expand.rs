use proc_macro2::TokenStream;
use quote::{format_ident, quote, quote_spanned};
use syn::{Ident, LitStr, Type, spanned::Spanned};

use super::{
    model::{Handler, Owner},
    parameter::{BusType, Parameter},
};
use crate::docs;

/// The name of the hidden type that stands for a handler: `module!` finds it by the function's name.
pub(crate) fn hidden_name(owner: Option<&Ident>, function: &Ident) -> Ident {
    let name = match owner {
        Some(owner) => format_ident!("__linkbus_{}_{}", owner, function),
        None => format_ident!("__linkbus_{}", function),
    };
    Ident::new(&name.to_string(), function.span())
}

pub(super) fn expand(handler: &Handler) -> TokenStream {
    let Handler { linkbus, visibility, message, .. } = handler;
    let hidden = hidden_name(handler.owner.as_ref().map(|owner| &owner.name), &handler.ident);
    let facts = facts(handler);
    let (on_bus, on_sync_bus) = entries(handler, &hidden);
    let implementation = implementation(handler, &hidden);
    let checks = checks(handler);
    let lints = quote! {
        #[allow(
            non_camel_case_types, dead_code, missing_docs, unreachable_pub, unused_qualifications,
            clippy::all, clippy::pedantic, reason = "written by a macro"
        )]
    };
    quote! {
        #[doc(hidden)]
        #lints
        #visibility struct #hidden;

        #lints
        const _: () = {
            impl #hidden {
                const REGISTRATION: #linkbus::__private::Registration =
                    #linkbus::__private::Registration::Handler(#linkbus::__private::HandlerRegistration {
                        facts: #facts,
                        on_bus: #on_bus,
                        on_sync_bus: #on_sync_bus,
                    });
                #[doc(hidden)]
                pub const LISTED: &'static #linkbus::__private::Registration = &Self::REGISTRATION;
                #[doc(hidden)]
                pub const MESSAGE: &'static #linkbus::MessageFacts = <#message as #linkbus::Message>::FACTS;
            }
            #implementation
            #checks
            #linkbus::__register!(#hidden::REGISTRATION);
        };
    }
}

fn facts(handler: &Handler) -> TokenStream {
    let Handler { linkbus, message, docs, is_async, .. } = handler;
    let name = match &handler.owner {
        Some(Owner { name, .. }) => format!("{name}::{}", handler.ident),
        None => handler.ident.to_string(),
    };
    let name = LitStr::new(&name, handler.ident.span());
    let location = docs::location(linkbus, handler.ident.span());
    let needs = handler.dependencies();
    quote! {
        #linkbus::HandlerFacts::new(
            #name,
            #docs,
            #location,
            <#message as #linkbus::Message>::FACTS,
            #is_async,
            &[#(#linkbus::Need::of::<#needs>()),*],
        )
    }
}

/// How each bus calls the handler, if it can.
fn entries(handler: &Handler, hidden: &Ident) -> (TokenStream, TokenStream) {
    let Handler { linkbus, message, .. } = handler;
    let none = quote!(::core::option::Option::None);
    let entry = |function: &str| {
        let function = format_ident!("{function}");
        quote!(::core::option::Option::Some(#linkbus::__private::Entry::#function::<#message, #hidden>()))
    };
    match (handler.is_async, handler.bus()) {
        (true, _) => (entry("asynchronous"), none),
        (false, Some(BusType::Async)) => (entry("sync"), none),
        (false, Some(BusType::Sync)) => (none, entry("sync")),
        (false, None) => (entry("sync"), entry("sync")),
    }
}

fn implementation(handler: &Handler, hidden: &Ident) -> TokenStream {
    let Handler { linkbus, message, .. } = handler;
    let dependencies = handler.dependencies();
    let may_dispatch = handler.bus().is_some() && asks_for_bus(handler) || !dependencies.is_empty();
    let needs = dependencies.iter().rfold(quote!(()), |rest, ty| quote!((#linkbus::__private::Arc<#ty>, #rest)));
    let common = quote! {
        type Needs = #needs;
        const MAY_DISPATCH: bool = #may_dispatch;
    };
    let outcome = quote! {
        ::core::result::Result<<#message as #linkbus::Message>::Reply, <#message as #linkbus::Message>::Error>
    };
    let body = body(handler);
    if handler.is_async {
        return quote_spanned! {handler.ident.span()=>
            impl #linkbus::__private::AsyncHandler<#message> for #hidden {
                #common

                #[inline]
                fn call<'a>(
                    needs: &'a Self::Needs,
                    bus: &'a #linkbus::Bus,
                    message: #linkbus::__private::Delivered<'a, #message>,
                ) -> impl ::core::future::Future<Output = #outcome> + ::core::marker::Send + 'a {
                    // Not an `async fn`: that would keep each argument twice.
                    async move { #body }
                }
            }
        };
    }
    let bus = match handler.bus() {
        Some(BusType::Async) => quote!(#linkbus::Bus),
        Some(BusType::Sync) => quote!(#linkbus::SyncBus),
        None => quote!(#linkbus::__private::AnyBus),
    };
    quote! {
        impl #linkbus::__private::SyncHandler<#message> for #hidden {
            #common
            type Bus = #bus;

            #[inline]
            fn call(
                needs: &Self::Needs,
                bus: &#bus,
                message: #linkbus::__private::Delivered<'_, #message>,
            ) -> #outcome {
                #body
            }
        }
    }
}

fn asks_for_bus(handler: &Handler) -> bool {
    handler.parameters.iter().any(|parameter| parameter.bus().is_some())
}

/// The call of the user's function.
fn body(handler: &Handler) -> TokenStream {
    let Handler { linkbus, message, ident, .. } = handler;
    let delivered = if handler.by_ref { quote!(message.by_ref()) } else { quote!(message.by_value()) };
    let service = handler.has_self.then(|| quote!(&*needs.0,));
    let arguments = arguments(handler);
    let owner = handler.owner.as_ref().map(|Owner { ty, .. }| quote!(<#ty>::));
    let function = quote!(#owner #ident);
    let call = quote!(#function(#service #delivered, #(#arguments),*));
    let has_context = handler.parameters.iter().any(|parameter| matches!(parameter, Parameter::Context));
    let context = has_context.then(|| quote!(let context = #linkbus::Context::of::<#message>();));
    let call = match (handler.is_async, has_context) {
        (true, true) => quote!(context.scope(#call).await),
        (true, false) => quote!(#call.await),
        (false, true) => quote!({ let _entered = context.enter(); #call }),
        (false, false) => call,
    };
    let into_outcome = quote_spanned!(handler.output=> #linkbus::IntoOutcome::into_outcome(outcome));
    quote! {
        let _ = (needs, bus);
        #context
        let outcome = #call;
        #into_outcome
    }
}

/// What the user's function is called with behind the message.
fn arguments(handler: &Handler) -> Vec<TokenStream> {
    // `needs` holds one dependency and then the others: `(a, (b, (c, ())))`.
    let mut others = if handler.has_self { quote!(needs.1) } else { quote!(needs) };
    let mut next = || {
        let next = quote!(&*#others.0);
        others = quote!(#others.1);
        next
    };
    let argument = |parameter: &Parameter| match parameter {
        Parameter::Bus(_) | Parameter::Role(_) => quote!(bus),
        Parameter::Context => quote!(&context),
        Parameter::Dependency(_) => next(),
    };
    handler.parameters.iter().map(argument).collect()
}

/// What is checked about the types, each where the user wrote it.
fn checks(handler: &Handler) -> TokenStream {
    let Handler { linkbus, message, .. } = handler;
    let by_value = (!handler.by_ref).then(|| {
        quote_spanned! {message.span()=>
            const _: () = ::core::assert!(
                #linkbus::__private::by_value_fits::<#message>(),
                "this subscriber takes its event by value, and the event is not `Clone`: take `&Event`, or derive Clone",
            );
        }
    });
    let dependencies = handler.dependencies();
    let dependencies = dependencies
        .iter()
        .map(|ty: &&Type| quote_spanned!(ty.span()=> #linkbus::__private::assert_dependency::<#ty>();));
    quote! {
        #by_value
        const _: fn() = || { #(#dependencies)* };
    }
}

/// In one `impl` block it can be seen that two methods serve the same message: refused unless it is an event.
pub(super) fn duplicate_checks(handlers: &[Handler]) -> TokenStream {
    let same = |one: &Handler, other: &Handler| {
        let (one, other) = (&one.message, &other.message);
        quote!(#one).to_string() == quote!(#other).to_string()
    };
    let duplicates = handlers
        .iter()
        .enumerate()
        .filter(|(place, handler)| handlers[..*place].iter().any(|earlier| same(earlier, handler)));
    duplicates
        .map(|(_, Handler { linkbus, message, .. })| {
            quote_spanned! {message.span()=>
                const _: () = ::core::assert!(
                    !<#message as #linkbus::Message>::FACTS.kind.has_one_handler(),
                    "two methods of this `impl` handle this message, and it takes exactly one handler",
                );
            }
        })
        .collect()
}
