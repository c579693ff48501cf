//! `linkbus::modules!`: names crates, so that they are linked, and writes down which they are.

mod manifest;

use std::fmt;

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

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", if self.left_out { "!" } else { "" }, self.name.unraw())
    }
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
    let declared = named.iter().map(|name| name.unraw().to_string());
    let declared = declared.filter_map(|name| Some(module_name(linkbus, &name, manifest.crate_name(&name)?)));
    let unnamed = manifest.modules().filter(|(name, _)| entries.iter().all(|entry| entry.name.unraw() != *name));
    let unnamed = unnamed.map(|(name, crate_name)| module_name(linkbus, name, crate_name));
    let written = entries.iter().map(ToString::to_string);
    let location = attributes::location(linkbus, Span::call_site());
    quote! {
        #(#links)*
        #linkbus::__register!(#linkbus::__private::Registration::Modules(#linkbus::__private::ModuleList {
            location: #location,
            written: &[#(#written),*],
            declared: &[#(#declared),*],
            unnamed: &[#(#unnamed),*],
        }));
    }
}

fn module_name(linkbus: &Path, name: &str, crate_name: &str) -> TokenStream {
    quote!(#linkbus::__private::ModuleName { name: #name, crate_name: #crate_name })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The crates that the expansion declares, and those that it says are unnamed.
    fn lists(input: TokenStream, manifest: &Manifest) -> (Vec<String>, Vec<String>) {
        let list = syn::parse2(input).expect("a list");
        let text = expand_list(&list, manifest).to_string();
        (names(&text, "declared : & ["), names(&text, "unnamed : & ["))
    }

    fn names(text: &str, list: &str) -> Vec<String> {
        let (_, list) = text.split_once(list).expect("a list");
        let (list, _) = list.split_once(']').expect("its end");
        list.split(" name : \"").skip(1).filter_map(|name| Some(name.split_once('"')?.0.to_owned())).collect()
    }

    #[test]
    fn a_module_of_the_manifest_that_is_not_listed_is_unnamed() {
        let manifest = Manifest::of(&["users", "orders"]);
        assert_eq!(lists(quote!(users), &manifest), (vec!["users".to_owned()], vec!["orders".to_owned()]));
    }

    #[test]
    fn a_module_that_is_left_out_on_purpose_is_neither_declared_nor_unnamed() {
        let manifest = Manifest::of(&["users", "orders"]);
        assert_eq!(lists(quote!(users, !orders), &manifest), (vec!["users".to_owned()], vec![]));
    }

    #[test]
    fn a_raw_name_is_the_name_without_its_prefix() {
        let manifest = Manifest::of(&["async"]);
        assert_eq!(lists(quote!(r#async), &manifest), (vec!["async".to_owned()], vec![]));
    }
}
