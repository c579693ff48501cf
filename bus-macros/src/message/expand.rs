//! The implementations that make a type a message, and its registration.

use proc_macro2::{Span, TokenStream, TokenTree};
use quote::{ToTokens, quote, quote_spanned};
use syn::{Ident, LitStr, Path, ext::IdentExt, spanned::Spanned};

use super::{Kind, field::Field, model::Message, symbol};
use crate::attributes;

pub(super) fn expand(message: &Message) -> TokenStream {
    let Message { linkbus, ident, kind, allowances, .. } = message;
    let kind_trait = kind.ident();
    let facts = facts(message);
    let types = types(message);
    let reply = message.reply.as_ref().map(|reply| {
        let read = is_owned(reply).then(|| {
            quote! {
                const DESERIALIZE_REPLY: ::core::option::Option<#linkbus::__private::DeserializeFn<Self::Reply>> =
                    #linkbus::__private::Probe::<<#ident as #linkbus::Message>::Reply>::DESERIALIZE;
            }
        });
        quote! {
            const SERIALIZE_REPLY: ::core::option::Option<#linkbus::__private::SerializeFn<Self::Reply>> =
                #linkbus::__private::Probe::<<#ident as #linkbus::Message>::Reply>::SERIALIZE;
            #read
        }
    });
    let error = message.error.as_ref().filter(is_owned).map(|_| {
        quote! {
            const SERIALIZE_ERROR: ::core::option::Option<#linkbus::__private::SerializeFn<Self::Error>> =
                #linkbus::__private::Probe::<<#ident as #linkbus::Message>::Error>::SERIALIZE;
            const DESERIALIZE_ERROR: ::core::option::Option<#linkbus::__private::DeserializeFn<Self::Error>> =
                #linkbus::__private::Probe::<<#ident as #linkbus::Message>::Error>::DESERIALIZE;
        }
    });
    let symbol = symbol::naming(message);
    let linked = symbol::linked(message);
    let one_handler =
        (*kind != Kind::Event).then(|| quote!(#[automatically_derived] impl #linkbus::OneHandler for #ident {}));
    quote! {
        #(#allowances)*
        const _: () = {
            use #linkbus::__private::{ProbeClone as _, ProbeDebug as _, ProbeDeserialize as _, ProbeSerialize as _};

            static INDEX: #linkbus::__private::MessageIndex<#ident> = #linkbus::__private::MessageIndex::new();

            #[automatically_derived]
            impl #linkbus::Message for #ident {
                #types
                const FACTS: &'static #linkbus::MessageFacts = &#facts;
                const CLONE: ::core::option::Option<fn(&Self) -> Self> = #linkbus::__private::Probe::<#ident>::CLONE;
                const DEBUG: ::core::option::Option<#linkbus::__private::DebugFn<Self>> =
                    #linkbus::__private::Probe::<#ident>::DEBUG;
                const SERIALIZE: ::core::option::Option<#linkbus::__private::SerializeFn<Self>> =
                    #linkbus::__private::Probe::<#ident>::SERIALIZE;
                #reply
                #error
                const DESERIALIZE: ::core::option::Option<#linkbus::__private::DeserializeFn<Self>> =
                    #linkbus::__private::Probe::<#ident>::DESERIALIZE;

                #[inline]
                fn index() -> &'static #linkbus::__private::MessageIndex<Self> {
                    &INDEX
                }

                #linked
            }

            #[automatically_derived]
            impl #linkbus::#kind_trait for #ident {}
            #one_handler

            #linkbus::__register!(#linkbus::__private::Registration::Message(<#ident as #linkbus::Message>::FACTS));
        };

        #symbol
    }
}

/// Whether no lifetime is written in the type. Of one that borrows, such as `&'static str`, rustc would find that it can be
/// read, and then complain that it cannot be read from everything: lifetimes play no part in what a probe finds.
fn is_owned(tokens: &impl ToTokens) -> bool {
    tokens.to_token_stream().into_iter().all(|token| match token {
        TokenTree::Punct(punct) => !matches!(punct.as_char(), '&' | '\''),
        TokenTree::Group(group) => is_owned(&group.stream()),
        TokenTree::Ident(_) | TokenTree::Literal(_) => true,
    })
}

/// `Reply`, `Error` and `Failure`.
fn types(Message { linkbus, kind, reply, error, .. }: &Message) -> TokenStream {
    let reply = reply.as_ref().map_or_else(|| quote!(()), |reply| quote_spanned!(reply.span()=> #reply));
    let error = error.as_ref().map_or_else(|| quote!(#linkbus::AnyError), |error| quote!(#error));
    let failure = match kind {
        Kind::Query => quote!(SendError<Self::Error>),
        Kind::Command => quote!(ExecuteError<Self::Error>),
        Kind::Event => quote!(SubscriberFailure),
        Kind::Task => quote!(DispatchError<Self::Error>),
    };
    quote! {
        type Reply = #reply;
        type Error = #error;
        type Failure = #linkbus::__private::#failure;
    }
}

fn facts(Message { linkbus, kind, ident, name, docs, fields, serde_names, .. }: &Message) -> TokenStream {
    let kind = kind.ident();
    let type_name = ident.unraw().to_string();
    let name = name.clone().unwrap_or_else(|| default_name(ident));
    let location = attributes::location(linkbus, ident.span());
    let serde_keys = fields.iter().map(|field| &field.serde_name);
    let fields = fields.iter().map(|field| field_facts(linkbus, field));
    quote! {
        #linkbus::MessageFacts {
            kind: #linkbus::Kind::#kind,
            name: #name,
            type_name: ::core::concat!(::core::module_path!(), "::", #type_name),
            docs: #docs,
            location: #location,
            fields: &[#(#fields),*],
            abilities: #linkbus::Abilities {
                clone: #linkbus::__private::Probe::<#ident>::CLONE.is_some(),
                debug: #linkbus::__private::Probe::<#ident>::DEBUG.is_some(),
                serialize: #linkbus::__private::Probe::<#ident>::SERIALIZE.is_some(),
                deserialize: #linkbus::__private::Probe::<#ident>::DESERIALIZE.is_some(),
                serialize_reply: <#ident as #linkbus::Message>::SERIALIZE_REPLY.is_some(),
                deserialize_reply: <#ident as #linkbus::Message>::DESERIALIZE_REPLY.is_some(),
            },
            type_id: ::core::any::TypeId::of::<#ident>,
            reply: ::core::any::type_name::<<#ident as #linkbus::Message>::Reply>,
            error: ::core::any::type_name::<<#ident as #linkbus::Message>::Error>,
            place: #linkbus::__private::Place::of::<#ident>(),
            revive: #linkbus::__private::revive::<#ident>(),
            serde: #linkbus::__private::SerdeNames { types: &[#(#serde_names),*], keys: &[#(#serde_keys),*] },
        }
    }
}

fn field_facts(linkbus: &Path, Field { name, secret, key, .. }: &Field) -> TokenStream {
    quote!(#linkbus::Field { name: #name, secret: #secret, key: #key })
}

/// `<crate>.<Type>`. Cargo says what the crate is called; where it does not (doc tests), the package's name must do.
pub(super) fn default_name(ident: &Ident) -> LitStr {
    let krate = std::env::var("CARGO_CRATE_NAME").or_else(|_| std::env::var("CARGO_PKG_NAME"));
    let krate = krate.unwrap_or_else(|_| "crate".to_owned()).replace('-', "_");
    LitStr::new(&format!("{krate}.{}", ident.unraw()), Span::call_site())
}
