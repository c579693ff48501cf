//! `key = value` arguments, the same for every attribute.

use proc_macro2::Ident;
use syn::{
    Error, Path, Token,
    ext::IdentExt,
    parse::{Parse, ParseStream},
};

/// An argument that may be given once.
pub(crate) struct Once<T>(Option<T>);

impl<T> Default for Once<T> {
    fn default() -> Self {
        Once(None)
    }
}

impl<T: Parse> Once<T> {
    /// Reads the value behind `key`.
    pub(crate) fn read(&mut self, key: &Ident, input: ParseStream<'_>) -> syn::Result<()> {
        let value = input.parse()?;
        match self.0.replace(value) {
            Some(_) => Err(Error::new_spanned(key, format!("`{key}` is given twice"))),
            None => Ok(()),
        }
    }
}

impl<T> Once<T> {
    pub(crate) fn get(&self) -> Option<&T> {
        self.0.as_ref()
    }

    pub(crate) fn into_option(self) -> Option<T> {
        self.0
    }
}

/// Reads `key = value, key = value`, handing each to `argument`, which reads the value.
pub(crate) fn read_each(
    input: ParseStream<'_>,
    mut argument: impl FnMut(&Ident, ParseStream<'_>) -> syn::Result<()>,
) -> syn::Result<()> {
    while !input.is_empty() {
        let key = input.call(Ident::parse_any)?;
        if !input.peek(Token![=]) {
            return Err(Error::new_spanned(&key, format!("expected `{key} = ..`")));
        }
        input.parse::<Token![=]>()?;
        argument(&key, input)?;
        if !input.is_empty() {
            input.parse::<Token![,]>()?;
        }
    }
    Ok(())
}

/// What to say of an argument that the attribute does not have.
pub(crate) fn unknown(key: &Ident, known: &[&str]) -> Error {
    let known: Vec<_> = known.iter().map(|name| format!("`{name}`")).collect();
    Error::new_spanned(key, format!("unknown argument `{key}`: expected {}", known.join(" or ")))
}

/// Where the expansion finds linkbus: `::linkbus`, or what `crate = ..` says.
pub(crate) fn linkbus(given: Option<Path>) -> Path {
    given.unwrap_or_else(|| syn::parse_quote!(::linkbus))
}
