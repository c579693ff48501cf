//! What `#[serde(..)]` says: the names that a type and its parts have in what is written, and what would hide a secret.

use syn::{
    Attribute, Data, DeriveInput, Expr, ExprLit, Fields, Lit, Path, Token, ext::IdentExt, meta::ParseNestedMeta,
};

use super::field::is_secret;
use crate::errors::Errors;

/// One `key`, `key = "text"` or `key(serialize = "text")`.
struct Argument {
    path: Path,
    text: Option<String>,
}

/// What `rename` says a type, a variant or a field is called.
pub(super) fn renamed(attributes: &[Attribute]) -> Option<String> {
    find(attributes, "rename")?.text
}

/// What values of the type are called: the type, and those variants of an enum that have secrets, also where they are written
/// as structs of their own or behind a key.
pub(super) fn names(input: &DeriveInput) -> Vec<String> {
    let own = renamed(&input.attrs).unwrap_or_else(|| input.ident.unraw().to_string());
    let Data::Enum(data) = &input.data else { return vec![own] };
    let secret: Vec<_> = data.variants.iter().filter(|variant| variant.fields.iter().any(is_secret)).collect();
    let idents = secret.iter().map(|variant| variant.ident.unraw().to_string());
    let renamed = secret.iter().filter_map(|variant| renamed(&variant.attrs));
    let content = find(&input.attrs, "content").filter(|_| !secret.is_empty()).and_then(|content| content.text);
    [own].into_iter().chain(idents).chain(renamed).chain(content).collect()
}

/// Complains of what takes a secret out of reach: it would be written without the name of its type and of its field.
pub(super) fn check(input: &DeriveInput, errors: &mut Errors) {
    let groups = groups(input);
    let secrets: Vec<_> = groups.iter().flat_map(|(_, fields)| *fields).filter(|field| is_secret(field)).collect();
    for flatten in secrets.iter().filter_map(|field| find(&field.attrs, "flatten")) {
        let text = "a secret cannot be told from the rest where it is flattened: remove `flatten`";
        errors.at(flatten.path, text);
    }
    if secrets.is_empty() {
        return;
    }
    if let Some(transparent) = find(&input.attrs, "transparent") {
        let text = "a secret cannot be known in a type that is written without its name: remove `transparent`, a struct \
                    `Name(..)` of one field is written as that field anyway";
        errors.at(transparent.path, text);
    }
    if let Some(into) = find(&input.attrs, "into") {
        let text =
            "a secret cannot be known in a type that is written as another: remove `into`, and derive `Serialize`";
        errors.at(into.path, text);
    }
    let is_nameless = |fields: &Fields| fields.iter().any(|field| field.ident.is_none() && is_secret(field));
    let mut nameless = groups.iter().filter(|(_, fields)| is_nameless(fields));
    if let Some(hidden) = nameless.find_map(|(own, _)| hides_places(own).or_else(|| hides_places(&input.attrs))) {
        let text = "a secret without a name cannot be known in such an enum: give the field a name, \
                    `Variant { secret: Type }`";
        errors.at(hidden.path, text);
    }
}

/// `untagged`, or a `tag` within: a variant `Name(..)` is then written as its fields are, with nothing around them.
fn hides_places(attributes: &[Attribute]) -> Option<Argument> {
    let within = || find(attributes, "tag").filter(|_| find(attributes, "content").is_none());
    find(attributes, "untagged").or_else(within)
}

/// The fields of a struct, or of each variant of an enum with the attributes of the variant.
fn groups(input: &DeriveInput) -> Vec<(&[Attribute], &Fields)> {
    match &input.data {
        Data::Struct(data) => vec![(&[], &data.fields)],
        Data::Enum(data) => data.variants.iter().map(|variant| (&variant.attrs[..], &variant.fields)).collect(),
        Data::Union(_) => Vec::new(),
    }
}

fn find(attributes: &[Attribute], key: &str) -> Option<Argument> {
    attributes.iter().flat_map(arguments).find(|argument| argument.path.is_ident(key))
}

/// What is wrong with them, serde says itself.
fn arguments(attribute: &Attribute) -> Vec<Argument> {
    let mut arguments = Vec::new();
    if attribute.path().is_ident("serde") {
        let _ = attribute.parse_nested_meta(|meta| {
            let text = text(&meta)?;
            arguments.push(Argument { path: meta.path, text });
            Ok(())
        });
    }
    arguments
}

fn text(meta: &ParseNestedMeta<'_>) -> syn::Result<Option<String>> {
    if meta.input.peek(Token![=]) {
        return Ok(match meta.value()?.parse()? {
            Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => Some(text.value()),
            _ => None,
        });
    }
    let mut written = None;
    if meta.input.peek(syn::token::Paren) {
        meta.parse_nested_meta(|inner| {
            let text = text(&inner)?;
            written = written.take().or(text.filter(|_| inner.path.is_ident("serialize")));
            Ok(())
        })?;
    }
    Ok(written)
}
