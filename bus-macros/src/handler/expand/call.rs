//! How the hidden type calls the user's function.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::{Ident, Lifetime};

use super::{dependencies, message, symbol};
use crate::handler::{
    model::{Handler, Owner},
    parameter::Parameter,
};

/// The implementation of `SyncHandler` or `AsyncHandler`.
///
/// Its locals have names that no user's function has: the function is called where they are in scope.
pub(super) fn implementation(handler: &Handler, hidden: &Ident) -> TokenStream {
    let needs = needs(handler);
    let call = if handler.is_async { async_call(handler) } else { sync_call(handler) };
    let linkbus = &handler.linkbus;
    let message = message();
    let symbol = symbol::symbol(handler, hidden);
    let handler_trait = if handler.is_async { quote!(AsyncHandler) } else { quote!(SyncHandler) };
    quote! {
        impl #linkbus::__private::#handler_trait<#message> for #hidden {
            #needs
            #symbol
            #call
        }
    }
}

/// The bus that the function is called by.
fn bus(handler: &Handler) -> TokenStream {
    let linkbus = &handler.linkbus;
    let Some(bus) = handler.bus() else {
        return quote!(#linkbus::__private::AnyBus);
    };
    let bus = bus.ident();
    quote!(#linkbus::#bus)
}

/// What it asks for: one dependency and then the others, so that handlers that ask for the same share a type.
fn needs(handler: &Handler) -> TokenStream {
    let linkbus = &handler.linkbus;
    let dependencies = dependencies(handler);
    let needs = dependencies.iter().rfold(quote!(()), |rest, ty| quote!((#linkbus::__private::Arc<#ty>, #rest)));
    let (may_dispatch, wants_context) = (may_dispatch(handler), has_context(handler));
    let bus = (!handler.is_async).then(|| {
        let bus = bus(handler);
        quote!(type Bus = #bus;)
    });
    quote! {
        type Needs = #needs;
        #bus
        const MAY_DISPATCH: bool = #may_dispatch;
        const WANTS_CONTEXT: bool = #wants_context;
    }
}

/// It can dispatch if it has the bus, or a dependency that might hold one.
fn may_dispatch(handler: &Handler) -> bool {
    !handler.dependencies().is_empty() || handler.parameters.iter().any(|parameter| parameter.bus().is_some())
}

fn sync_call(handler: &Handler) -> TokenStream {
    let linkbus = &handler.linkbus;
    let (message, bus, outcome) = (message(), bus(handler), outcome(handler));
    let body = body(handler);
    quote! {
        #[inline]
        fn call(
            __needs: &Self::Needs,
            __bus: &#bus,
            __message: #linkbus::__private::Delivered<'_, #message>,
        ) -> #outcome {
            #body
        }
    }
}

/// The future is spelled out for the sake of its span: the function's name is where rustc complains if it is not `Send`.
fn async_call(handler: &Handler) -> TokenStream {
    let linkbus = &handler.linkbus;
    let (message, bus, outcome) = (message(), bus(handler), outcome(handler));
    let lifetime = Lifetime::new("'__call", Span::call_site());
    let future = quote_spanned! {handler.ident.span()=>
        impl ::core::future::Future<Output = #outcome> + #lifetime + ::core::marker::Send
    };
    let body = body(handler);
    quote! {
        #[inline]
        fn call<#lifetime>(
            __needs: &#lifetime Self::Needs,
            __bus: &#lifetime #bus,
            __message: #linkbus::__private::Delivered<#lifetime, #message>,
        ) -> #future {
            async move { #body }
        }
    }
}

fn outcome(handler: &Handler) -> TokenStream {
    let linkbus = &handler.linkbus;
    let message = message();
    quote! {
        ::core::result::Result<<#message as #linkbus::Message>::Reply, <#message as #linkbus::Message>::Error>
    }
}

/// The call of the user's function, and what it comes to.
fn body(handler: &Handler) -> TokenStream {
    let linkbus = &handler.linkbus;
    let message = message();
    let call = call(handler);
    let (context, call) =
        if has_context(handler) { in_context(handler, &call) } else { (None, awaited(handler, &call)) };
    let outcome = local("__outcome", handler.output);
    let into_outcome = quote_spanned!(handler.output=> into_outcome(#outcome));
    quote! {
        let _ = (__needs, __bus);
        #context
        let #outcome = #call;
        #linkbus::IntoOutcome::<
            <#message as #linkbus::Message>::Reply,
            <#message as #linkbus::Message>::Error,
        >::#into_outcome
    }
}

/// A local of the expansion, for rustc to complain of at `span`. It is the same one even where a `macro_rules!` wrote what
/// stands at `span`, because its name is looked up here.
fn local(name: &str, span: Span) -> Ident {
    Ident::new(name, span.resolved_at(Span::call_site()))
}

fn awaited(handler: &Handler, call: &TokenStream) -> TokenStream {
    if handler.is_async { quote!(#call.await) } else { call.clone() }
}

fn has_context(handler: &Handler) -> bool {
    handler.parameters.iter().any(|parameter| matches!(parameter, Parameter::Context))
}

fn in_context(handler: &Handler, call: &TokenStream) -> (Option<TokenStream>, TokenStream) {
    let linkbus = &handler.linkbus;
    let message = message();
    let context = quote!(let __context = #linkbus::Context::of::<#message>(););
    let call = if handler.is_async {
        quote!(__context.scope(::core::pin::pin!(#call)).await)
    } else {
        quote!({
            let __entered = __context.enter();
            #call
        })
    };
    (Some(context), call)
}

fn call(handler: &Handler) -> TokenStream {
    let ident = &handler.ident;
    let owner = handler.owner.as_ref().map(|Owner { ty, .. }| quote!(<#ty>::));
    let service = handler.has_self.then(|| quote!(&*__needs.0,));
    let message = if handler.by_ref { quote!(__message.by_ref()) } else { quote!(__message.by_value()) };
    let arguments = arguments(handler);
    quote!(#owner #ident(#service #message, #(#arguments),*))
}

/// What the user's function is called with behind the message.
fn arguments(handler: &Handler) -> Vec<TokenStream> {
    // `__needs` holds one dependency and then the others: `(a, (b, (c, ())))`.
    let mut others = if handler.has_self { quote!(__needs.1) } else { quote!(__needs) };
    let mut dependency = || {
        let next = quote!(&*#others.0);
        others = quote!(#others.1);
        next
    };
    let argument = |parameter: &Parameter| match parameter {
        Parameter::Bus(asked) => local("__bus", asked.span).into_token_stream(),
        Parameter::Context => quote!(&__context),
        Parameter::Dependency(_) => dependency(),
    };
    handler.parameters.iter().map(argument).collect()
}
