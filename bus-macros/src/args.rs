//! `key = value` arguments, the same for every attribute.

use proc_macro2::Ident;
use syn::{
    Error, LitStr, Path, Token, Type,
    ext::IdentExt,
    parse::{Parse, ParseStream},
};

/// What an argument may be set to.
pub(crate) trait Value: Parse {
    /// What to write, for whoever wrote something else.
    const EXPECTED: &'static str;
}

impl Value for Type {
    const EXPECTED: &'static str = "expected a type, without quotes";
}

impl Value for LitStr {
    const EXPECTED: &'static str = "expected a text in quotes";
}

impl Value for Path {
    const EXPECTED: &'static str = "expected a path, such as `my_crate::linkbus`";
}

/// An argument that may be given once.
pub(crate) struct Once<T>(Option<T>);

impl<T> Default for Once<T> {
    fn default() -> Self {
        Once(None)
    }
}

impl<T: Value> Once<T> {
    /// Reads `= value`, which stands behind `key`.
    pub(crate) fn read(&mut self, key: &Ident, input: ParseStream<'_>) -> syn::Result<()> {
        if self.0.is_some() {
            return Err(given_twice(key));
        }
        if !input.peek(Token![=]) {
            return Err(Error::new_spanned(key, format!("`{key}` needs a value: write `{key} = ..`")));
        }
        input.parse::<Token![=]>()?;
        self.0 = Some(input.parse().map_err(|error| Error::new(error.span(), T::EXPECTED))?);
        Ok(())
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

/// Reads arguments that are separated by commas: each key here, the rest of it by `argument`.
pub(crate) fn read_each(
    input: ParseStream<'_>,
    mut argument: impl FnMut(&Ident, ParseStream<'_>) -> syn::Result<()>,
) -> syn::Result<()> {
    while !input.is_empty() {
        let key = input.call(Ident::parse_any)?;
        argument(&key, input)?;
        if !input.is_empty() {
            input.parse::<Token![,]>()?;
        }
    }
    Ok(())
}

/// What to say of an argument that the attribute does not have.
pub(crate) fn unknown(key: &Ident, known: &[&str]) -> Error {
    Error::new_spanned(key, format!("unknown argument `{key}`: expected {}", any_of(known)))
}

pub(crate) fn given_twice(key: &Ident) -> Error {
    Error::new_spanned(key, format!("`{key}` is given twice"))
}

/// `a`, `b` or `c`.
pub(crate) fn any_of(names: &[&str]) -> String {
    let names: Vec<_> = names.iter().map(|name| format!("`{name}`")).collect();
    match &names[..] {
        [] => String::new(),
        [only] => only.clone(),
        [before @ .., last] => format!("{} or {last}", before.join(", ")),
    }
}

/// Where the expansion finds linkbus: `::linkbus`, or what `crate = ..` says.
pub(crate) fn linkbus(given: Option<Path>) -> Path {
    given.unwrap_or_else(|| syn::parse_quote!(::linkbus))
}
