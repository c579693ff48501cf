//! `linkbus::module!`: a crate's `MODULE`, which a builder can be given.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{
    Error, Ident, Path, Token, bracketed,
    ext::IdentExt,
    parse::{Parse, ParseStream},
    punctuated::Punctuated,
};

use crate::{args, handler::hidden_name};

/// `messages: [GetUser], handlers: [get_user, Users::rename]`, or nothing.
struct Listing {
    linkbus: Path,
    /// `None`: whatever linking collected from this crate.
    listed: Option<Listed>,
}

#[derive(Default)]
struct Listed {
    messages: Vec<Path>,
    handlers: Vec<Path>,
}

impl Parse for Listing {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let mut linkbus = None;
        let mut listed = None::<Listed>;
        while !input.is_empty() {
            let key = input.call(Ident::parse_any)?;
            if key == "crate" {
                input.parse::<Token![=]>()?;
                linkbus = Some(input.call(Path::parse_mod_style)?);
            } else {
                let listed = listed.get_or_insert_default();
                let place = match key.to_string().as_str() {
                    "messages" => &mut listed.messages,
                    "handlers" => &mut listed.handlers,
                    _ => return Err(args::unknown(&key, &["messages", "handlers", "crate"])),
                };
                input.parse::<Token![:]>()?;
                let paths;
                bracketed!(paths in input);
                place.extend(Punctuated::<Path, Token![,]>::parse_terminated_with(&paths, Path::parse_mod_style)?);
            }
            if !input.is_empty() {
                input.parse::<Token![,]>()?;
            }
        }
        Ok(Listing { linkbus: args::linkbus(linkbus), listed })
    }
}

pub(crate) fn expand(input: TokenStream) -> TokenStream {
    syn::parse2(input).and_then(|listing| expand_listing(&listing)).unwrap_or_else(Error::into_compile_error)
}

fn expand_listing(Listing { linkbus, listed }: &Listing) -> syn::Result<TokenStream> {
    let name = quote!(#linkbus::__private::crate_of(::core::module_path!()));
    let module = match listed {
        None => quote!(#linkbus::Module::linked(#name)),
        Some(Listed { messages, handlers }) => {
            let handlers = handlers.iter().map(hidden_path).collect::<syn::Result<Vec<_>>>()?;
            quote! {
                #linkbus::Module::listed(#name, &[
                    #(&#linkbus::__private::Registration::Message(<#messages as #linkbus::Message>::FACTS),)*
                    #(#handlers::LISTED,)*
                ])
            }
        }
    };
    Ok(quote! {
        /// What this crate registers on a bus.
        pub const MODULE: #linkbus::Module = #module;
    })
}

/// The hidden type of the handler at `path`: a function, or a method behind a type's name.
fn hidden_path(path: &Path) -> syn::Result<Path> {
    let mut segments: Vec<Ident> = path.segments.iter().map(|segment| segment.ident.clone()).collect();
    let function = segments.pop().ok_or_else(|| Error::new_spanned(path, "expected a handler"))?;
    let owner = segments.pop_if(|last| last.to_string().starts_with(char::is_uppercase));
    segments.push(hidden_name(owner.as_ref(), &function));
    let leading = &path.leading_colon;
    Ok(syn::parse_quote!(#leading #(#segments)::*))
}
