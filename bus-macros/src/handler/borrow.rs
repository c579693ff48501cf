//! Lifetimes in the type of a dependency, which must own what it holds.

use proc_macro2::{TokenStream, TokenTree};
use quote::ToTokens;
use syn::{Error, Type};

/// Complains of a lifetime in `ty` other than `'static`; those that a `for<'a>` introduces borrow nothing.
pub(super) fn check_owned(ty: &Type) -> syn::Result<()> {
    match borrowed(ty.to_token_stream()) {
        Some(lifetime) => {
            let text = "a dependency lives as long as its bus, so it cannot borrow: use a type that owns what it holds";
            Err(Error::new_spanned(lifetime, text))
        }
        None => Ok(()),
    }
}

/// The name of the first such lifetime.
fn borrowed(tokens: TokenStream) -> Option<TokenTree> {
    let mut tokens = tokens.into_iter();
    while let Some(token) = tokens.next() {
        match token {
            TokenTree::Ident(name) if name == "for" => return None,
            TokenTree::Punct(quote) if quote.as_char() == '\'' => {
                let name = tokens.next();
                if name.as_ref().is_some_and(|name| name.to_string() != "static") {
                    return name;
                }
            }
            TokenTree::Group(group) => {
                if let Some(lifetime) = borrowed(group.stream()) {
                    return Some(lifetime);
                }
            }
            _ => {}
        }
    }
    None
}
