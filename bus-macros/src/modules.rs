//! `linkbus::modules!`: names crates, so that they are linked, and writes down which they are.

mod manifest;

use proc_macro2::{Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::{
    Error, Ident, Path, Token,
    ext::IdentExt,
    parse::{Parse, ParseStream},
    punctuated::Punctuated,
};

use self::manifest::Manifest;
use crate::{
    args::{self, Once},
    attributes,
    errors::Errors,
};

/// `crate = path; users, orders, !billing`
struct List {
    linkbus: Path,
    entries: Vec<Entry>,
}

/// A crate that is named, or left out on purpose.
struct Entry {
    left_out: bool,
    name: Ident,
}

impl Parse for List {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let linkbus = read_crate(input)?;
        let entries: Vec<_> = Punctuated::<Entry, Token![,]>::parse_terminated(input)?.into_iter().collect();
        let mut errors = Errors::default();
        for (place, entry) in entries.iter().enumerate() {
            if entries[..place].iter().any(|earlier| earlier.name == entry.name) {
                errors.at(&entry.name, format!("`{}` is named twice", entry.name));
            }
        }
        errors.or(List { linkbus, entries })
    }
}

/// Reads `crate = path;`, if that is how the list begins.
fn read_crate(input: ParseStream<'_>) -> syn::Result<Path> {
    let mut linkbus = Once::default();
    if input.peek(Token![crate]) {
        linkbus.read(&input.call(Ident::parse_any)?, input)?;
        input.parse::<Token![;]>()?;
    }
    Ok(args::linkbus(linkbus.into_option()))
}

impl Parse for Entry {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let left_out = input.parse::<Option<Token![!]>>()?.is_some();
        let name = input.parse().map_err(|error| not_a_crate(error.span()))?;
        if input.is_empty() || input.peek(Token![,]) {
            return Ok(Entry { left_out, name });
        }
        Err(not_a_crate(input.span()))
    }
}

fn not_a_crate(span: Span) -> Error {
    Error::new(span, "expected the names of crates, with commas between them: `linkbus::modules!(users, orders)`")
}

pub(crate) fn expand(input: TokenStream) -> TokenStream {
    match syn::parse2(input) {
        Ok(list) => expand_list(&list, &Manifest::of_this_crate()),
        Err(error) => error.into_compile_error(),
    }
}

fn expand_list(List { linkbus, entries }: &List, manifest: &Manifest) -> TokenStream {
    let named: Vec<_> = entries.iter().filter(|entry| !entry.left_out).map(|entry| &entry.name).collect();
    let links = named.iter().map(|name| quote_spanned!(name.span()=> use ::#name as _;));
    let declared = named.iter().map(|name| manifest.crate_name(&name.unraw().to_string()));
    let unnamed = manifest.modules().filter(|module| entries.iter().all(|entry| entry.name.unraw() != module));
    let span = entries.first().map_or_else(Span::call_site, |entry| entry.name.span());
    let location = attributes::location(linkbus, span);
    quote! {
        #(#links)*
        #linkbus::__register!(#linkbus::__private::Registration::Modules(#linkbus::__private::ModuleList {
            location: #location,
            declared: &[#(#declared),*],
            unnamed: &[#(#unnamed),*],
        }));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The crates that the expansion declares, and those that it says are unnamed.
    fn lists(input: TokenStream, manifest: &Manifest) -> (String, String) {
        let list = syn::parse2(input).expect("a list");
        let text = expand_list(&list, manifest).to_string();
        let between = |from: &str| text.split_once(from).and_then(|(_, rest)| rest.split_once(']')).expect("a list").0;
        (between("declared : & [").trim().to_owned(), between("unnamed : & [").trim().to_owned())
    }

    #[test]
    fn a_module_of_the_manifest_that_is_not_listed_is_unnamed() {
        let manifest = Manifest::of(&["users", "orders"]);
        assert_eq!(lists(quote!(users), &manifest), (r#""users""#.to_owned(), r#""orders""#.to_owned()));
    }

    #[test]
    fn a_module_that_is_left_out_on_purpose_is_neither_declared_nor_unnamed() {
        let manifest = Manifest::of(&["users", "orders"]);
        assert_eq!(lists(quote!(users, !orders), &manifest), (r#""users""#.to_owned(), String::new()));
    }

    #[test]
    fn a_raw_name_is_the_name_without_its_prefix() {
        let manifest = Manifest::of(&["async"]);
        assert_eq!(lists(quote!(r#async), &manifest), (r#""async""#.to_owned(), String::new()));
    }
}
