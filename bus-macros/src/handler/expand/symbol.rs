//! The feature `strict-link`: the names that the linker knows a handler by.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::{Ident, Path, PathArguments, Type, spanned::Spanned};

use super::message;
use crate::handler::model::Handler;

/// The constant `SYMBOL`. The macro of the message's own name knows what it is to be.
pub(super) fn symbol(handler: &Handler, hidden: &Ident) -> TokenStream {
    let linkbus = &handler.linkbus;
    let (function, symbol) = if handler.is_async {
        (quote!(AsyncCall), quote!(__start_symbol))
    } else {
        (quote!(SyncCall), quote!(__call_symbol))
    };
    let name = message();
    let value = match path(&handler.message) {
        Some(path) => quote!(#path! { [#linkbus::#symbol] , #name, #hidden }),
        None => no_path(&handler.message),
    };
    quote! {
        #linkbus::__strict! {
            #[cfg(not(doc))]
            const SYMBOL: ::core::option::Option<
                #linkbus::__private::Symbol<#linkbus::__private::#function<#name>, Self>,
            > = #value;
        }
    }
}

/// The path of a type that is written as one, and so may be that of a macro.
fn path(ty: &Type) -> Option<&Path> {
    match ty {
        Type::Group(group) => path(&group.elem),
        Type::Paren(paren) => path(&paren.elem),
        Type::Path(written) if written.qself.is_none() => {
            let is_plain = written.path.segments.iter().all(|segment| matches!(segment.arguments, PathArguments::None));
            is_plain.then_some(&written.path)
        }
        _ => None,
    }
}

fn no_path(message: &Type) -> TokenStream {
    quote_spanned! {message.span()=>
        ::core::compile_error!("with the feature `strict-link` a handler names its message by a path: write `GetUser` or `contracts::GetUser`")
    }
}
