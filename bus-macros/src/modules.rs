//! `linkbus::modules!`: names crates, so that they are linked, and writes down which they are.

mod manifest;

use std::fmt;

use proc_macro2::{Span, TokenStream};
use quote::quote;
use syn::{
    Ident, Path, Token,
    ext::IdentExt,
    parse::{Parse, ParseStream},
    punctuated::Punctuated,
};

use self::manifest::Manifest;
use crate::{args, docs, errors::Errors};

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
        let mut linkbus = None;
        if input.peek(Token![crate]) {
            input.parse::<Token![crate]>()?;
            input.parse::<Token![=]>()?;
            linkbus = Some(input.call(Path::parse_mod_style)?);
            input.parse::<Token![;]>()?;
        }
        let entries: Vec<_> = Punctuated::<Entry, Token![,]>::parse_terminated(input)?.into_iter().collect();
        let mut errors = Errors::default();
        for (place, entry) in entries.iter().enumerate() {
            if entries[..place].iter().any(|earlier| earlier.name == entry.name) {
                errors.at(&entry.name, format!("`{}` is named twice", entry.name));
            }
        }
        errors.or(List { linkbus: args::linkbus(linkbus), entries })
    }
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", if self.left_out { "!" } else { "" }, self.name.unraw())
    }
}

impl Parse for Entry {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let left_out = input.parse::<Option<Token![!]>>()?.is_some();
        let name = input.parse().map_err(|error| {
            syn::Error::new(error.span(), "expected the names of crates: `linkbus::modules!(users, orders);`")
        })?;
        Ok(Entry { left_out, name })
    }
}

pub(crate) fn expand(input: TokenStream) -> TokenStream {
    match syn::parse2(input) {
        Ok(list) => expand_list(&list, &Manifest::of_this_crate()),
        Err(error) => error.into_compile_error(),
    }
}

fn expand_list(List { linkbus, entries }: &List, manifest: &Manifest) -> TokenStream {
    let named: Vec<_> = entries.iter().filter(|entry| !entry.left_out).map(|entry| &entry.name).collect();
    let declared = named.iter().map(|name| name.unraw().to_string());
    let declared = declared.filter_map(|name| Some(module_name(linkbus, &name, manifest.crate_name(&name)?)));
    let is_unnamed =
        |module: &str| manifest::wants_every_module() && entries.iter().all(|entry| entry.name.unraw() != module);
    let unnamed = manifest.modules().filter(|(name, _)| is_unnamed(name));
    let unnamed = unnamed.map(|(name, crate_name)| module_name(linkbus, name, crate_name));
    let written = entries.iter().map(ToString::to_string);
    let location = docs::location(linkbus, Span::call_site());
    quote! {
        #(use ::#named as _;)*
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
