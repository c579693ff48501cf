//! What is read off an item besides its shape.

use proc_macro2::{Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::{Attribute, Expr, ExprLit, Lit, Meta, Path, parse_quote};

/// The text of the doc comments, a line per line.
pub(crate) fn text(attributes: &[Attribute]) -> String {
    let lines: Vec<String> = attributes.iter().filter_map(line).collect();
    lines.join("\n").trim().to_owned()
}

fn line(attribute: &Attribute) -> Option<String> {
    match &attribute.meta {
        Meta::NameValue(doc) if doc.path.is_ident("doc") => match &doc.value {
            Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => Some(text.value().trim().to_owned()),
            _ => None,
        },
        _ => None,
    }
}

/// What the user allows for the item, and its own deprecation: the expansion names the item once more.
pub(crate) fn allowances(attributes: &[Attribute]) -> Vec<Attribute> {
    let is = |name| move |attribute: &&Attribute| attribute.path().is_ident(name);
    let allowed = attributes.iter().filter(is("allow")).cloned();
    let deprecated = attributes.iter().filter(is("deprecated")).map(|_| parse_quote!(#[allow(deprecated)]));
    allowed.chain(deprecated).collect()
}

/// An expression for the `Location` of `span`.
///
/// Where a `macro_rules!` wrote the item, that is where it was called: file and line are both of the outermost call.
pub(crate) fn location(linkbus: &Path, span: Span) -> TokenStream {
    let file = quote_spanned!(span=> ::core::file!());
    let line = quote_spanned!(span=> ::core::line!());
    quote! {
        #linkbus::__private::Location {
            file: #file,
            line: #line,
            module: ::core::module_path!(),
        }
    }
}
