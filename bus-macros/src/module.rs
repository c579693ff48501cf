//! `linkbus::module!`: a crate's `MODULE`, which a builder can be given.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{
    Error, Ident, Path, Token, bracketed,
    ext::IdentExt,
    parse::{Parse, ParseStream},
    punctuated::Punctuated,
    token::Bracket,
};

use crate::{
    args::{self, Once},
    handler::hidden_name,
};

/// `messages: [GetUser], handlers: [get_user, Users::rename]`, or nothing.
#[derive(Default)]
struct Listing {
    linkbus: Once<Path>,
    /// `None`, as `handlers`: whatever linking collected from this crate.
    messages: Option<Vec<Path>>,
    handlers: Option<Vec<Path>>,
}

impl Parse for Listing {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let mut listing = Listing::default();
        args::read_each(input, |key, input| match key.to_string().as_str() {
            "messages" => read_list(&mut listing.messages, key, input),
            "handlers" => read_list(&mut listing.handlers, key, input),
            "crate" => listing.linkbus.read(key, input),
            _ => Err(args::unknown(key, &["messages", "handlers", "crate"])),
        })?;
        Ok(listing)
    }
}

/// Reads `: [path, path]`, which stands behind `key`.
fn read_list(list: &mut Option<Vec<Path>>, key: &Ident, input: ParseStream<'_>) -> syn::Result<()> {
    let expected = || Error::new(input.span(), format!("expected a list: `{key}: [..]`"));
    input.parse::<Token![:]>().map_err(|_| expected())?;
    if !input.peek(Bracket) {
        return Err(expected());
    }
    let paths;
    bracketed!(paths in input);
    let paths = Punctuated::<Path, Token![,]>::parse_terminated_with(&paths, Path::parse_mod_style)?;
    match list.replace(paths.into_iter().collect()) {
        Some(_) => Err(args::given_twice(key)),
        None => Ok(()),
    }
}

pub(crate) fn expand(input: TokenStream) -> TokenStream {
    syn::parse2(input).and_then(expand_listing).unwrap_or_else(Error::into_compile_error)
}

fn expand_listing(Listing { linkbus, messages, handlers }: Listing) -> syn::Result<TokenStream> {
    let linkbus = args::linkbus(linkbus.into_option());
    let name = quote!(#linkbus::__private::crate_of(::core::module_path!()));
    let module = if messages.is_none() && handlers.is_none() {
        quote!(#linkbus::Module::linked(#name))
    } else {
        let messages = messages.unwrap_or_default();
        let handlers = handlers.unwrap_or_default().iter().map(hidden_path).collect::<syn::Result<Vec<_>>>()?;
        quote! {
            #linkbus::Module::listed(#name, &[
                #(&#linkbus::__private::Registration::Message(<#messages as #linkbus::Message>::FACTS),)*
                #(<#handlers>::LISTED,)*
            ])
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
    let is_type = |name: &mut Ident| name.unraw().to_string().starts_with(char::is_uppercase);
    let owner = segments.pop_if(is_type);
    segments.push(hidden_name(owner.as_ref(), &function));
    let leading = &path.leading_colon;
    Ok(syn::parse_quote!(#leading #(#segments)::*))
}
