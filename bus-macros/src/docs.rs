//! What is read off an item besides its shape.

use proc_macro2::{Span, TokenStream};
use quote::quote;
use syn::{Attribute, Expr, ExprLit, Lit, Meta, Path};

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

/// An expression for the `Location` of `span`.
pub(crate) fn location(linkbus: &Path, span: Span) -> TokenStream {
    let line = u32::try_from(span.start().line).unwrap_or_default();
    quote! {
        #linkbus::__private::Location {
            file: ::core::file!(),
            line: #line,
            module: ::core::module_path!(),
        }
    }
}
