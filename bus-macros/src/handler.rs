//! `#[handler]` on functions, `#[handlers]` on `impl` blocks.

mod borrow;
mod bus;
mod duration;
mod expand;
mod model;
mod parameter;
mod settings;

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Error, FnArg, ImplItem, ImplItemFn, ItemFn, ItemImpl, Path, Type, TypePath, parse::Parser};

use self::{
    model::{Function, Handler, Owner},
    settings::Settings,
};
use crate::{
    args::{self, Once},
    errors::Errors,
};

pub(crate) use self::expand::hidden_name;

/// `#[handler]` on a free function: the function as it is, and its registration or its mistakes.
pub(crate) fn function(arguments: TokenStream, item: &TokenStream) -> TokenStream {
    let Ok(mut function) = syn::parse2::<ItemFn>(item.clone()) else {
        return with_error(item, &not_a_function(item));
    };
    let expansion = registration(arguments, &mut function).unwrap_or_else(Error::into_compile_error);
    quote!(#function #expansion)
}

fn registration(arguments: TokenStream, function: &mut ItemFn) -> syn::Result<TokenStream> {
    if let Some(mark) = take_mark(&mut function.attrs) {
        return Err(Error::new_spanned(mark, "`#[handler]` is given twice"));
    }
    let (linkbus, settings) = settings::of_function.parse2(arguments)?;
    if let Some(receiver @ FnArg::Receiver(_)) = function.sig.inputs.first() {
        return Err(misplaced_self(receiver));
    }
    let ItemFn { vis: visibility, attrs: attributes, sig: signature, .. } = function;
    let handler = Handler::new(linkbus, settings, Function { visibility, attributes, signature }, None)?;
    Ok(expand::expand(&handler))
}

/// `#[handlers]` on an `impl` block: the block without its `#[handler]` marks, and the registrations or the mistakes.
pub(crate) fn methods(arguments: TokenStream, item: &TokenStream) -> TokenStream {
    let Ok(mut block) = syn::parse2::<ItemImpl>(item.clone()) else {
        return with_error(item, &not_an_impl_block(item));
    };
    let expansion = registrations(arguments, &mut block).unwrap_or_else(Error::into_compile_error);
    quote!(#block #expansion)
}

fn registrations(arguments: TokenStream, block: &mut ItemImpl) -> syn::Result<TokenStream> {
    let mut errors = Errors::default();
    let marked = take_marked(block, &mut errors);
    let linkbus = errors.keep(read_arguments(arguments));
    let owner = errors.keep(owner(block));
    if marked.is_empty() {
        errors.at(&block.self_ty, "none of these methods is a handler: write `#[handler]` above those that are");
    }
    let handlers = linkbus.zip(owner).map(|(linkbus, owner)| {
        let one =
            |(method, settings)| errors.keep(Handler::new(linkbus.clone(), settings, written(&method), Some(&owner)));
        marked.into_iter().filter_map(one).collect::<Vec<_>>()
    });
    errors.or_else(handlers, |handlers| {
        let expansions = handlers.iter().map(expand::expand);
        let duplicates = expand::duplicate_checks(&handlers);
        quote!(#(#expansions)* #duplicates)
    })
}

/// The methods that carry `#[handler]`, which is taken off them: it is not to be expanded once more.
fn take_marked(block: &mut ItemImpl, errors: &mut Errors) -> Vec<(ImplItemFn, Settings)> {
    let mut marked = Vec::new();
    for item in &mut block.items {
        let ImplItem::Fn(method) = item else { continue };
        if let Some(mark) = take_mark(&mut method.attrs) {
            let settings = errors.keep(settings::of_mark(&mark));
            marked.push((method.clone(), settings.unwrap_or_default()));
        }
    }
    marked
}

/// The type whose methods these are.
fn owner(block: &ItemImpl) -> syn::Result<Owner> {
    let mut errors = Errors::default();
    if !block.generics.params.is_empty() {
        errors.at(
            &block.generics.params,
            "a service with handlers cannot be generic: its handlers are found by one concrete type",
        );
    }
    if let Some((interface, _)) = &block.trait_ {
        errors.at(
            interface,
            "write the handlers in an `impl` block of the type itself; they may call the trait's methods",
        );
    }
    let name = match &*block.self_ty {
        Type::Path(TypePath { qself: None, path, .. }) => path.segments.last().map(|segment| segment.ident.clone()),
        _ => None,
    };
    let Some(name) = name else {
        return Err(Error::new_spanned(&block.self_ty, "expected a type of this crate by its name"));
    };
    errors.or(Owner { name, ty: (*block.self_ty).clone() })
}

fn written(method: &ImplItemFn) -> Function<'_> {
    Function { visibility: &method.vis, attributes: &method.attrs, signature: &method.sig }
}

fn take_mark(attributes: &mut Vec<syn::Attribute>) -> Option<syn::Attribute> {
    let is_mark =
        |attribute: &syn::Attribute| attribute.path().segments.last().is_some_and(|segment| segment.ident == "handler");
    let place = attributes.iter().position(is_mark)?;
    Some(attributes.remove(place))
}

/// The one argument of `#[handlers]`: `crate = path`.
fn read_arguments(arguments: TokenStream) -> syn::Result<Path> {
    let mut linkbus = Once::<Path>::default();
    let read = |input: syn::parse::ParseStream<'_>| {
        args::read_each(input, |key, input| match key.to_string().as_str() {
            "crate" => linkbus.read(key, input),
            _ => Err(args::unknown(key, &["crate"])),
        })
    };
    read.parse2(arguments)?;
    Ok(args::linkbus(linkbus.into_option()))
}

fn with_error(item: &TokenStream, error: &Error) -> TokenStream {
    let error = error.to_compile_error();
    quote!(#item #error)
}

fn not_a_function(item: &TokenStream) -> Error {
    let text = match syn::parse2::<ItemImpl>(item.clone()) {
        Ok(_) => {
            "`#[handler]` goes on a function; on the `impl` block write `#[handlers]`, and `#[handler]` on its methods"
        }
        Err(_) => "`#[handler]` goes on a function: `#[handler] fn get_user(query: GetUser) -> User { .. }`",
    };
    Error::new_spanned(item, text)
}

fn not_an_impl_block(item: &TokenStream) -> Error {
    let text = "`#[handlers]` goes on an `impl` block whose methods carry `#[handler]`; on a function, write \
                `#[handler]`";
    Error::new_spanned(item, text)
}

fn misplaced_self(receiver: &FnArg) -> Error {
    let text = "a handler with `self` needs `#[handlers]` on its `impl` block, which makes `self` a dependency";
    Error::new_spanned(receiver, text)
}
