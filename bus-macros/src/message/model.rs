//! What a message is, and everything that a derive can be told wrong about it.

use proc_macro2::Ident;
use syn::{Attribute, Data, DeriveInput, Generics, LitStr, Path, Type, Visibility, parse_quote};

use super::{
    Kind,
    field::{Field, refuse_marks},
    serde,
};
use crate::{
    args::{self, Once},
    attributes,
    errors::Errors,
};

/// A message type that can be expanded.
pub(crate) struct Message {
    pub(super) kind: Kind,
    pub(super) linkbus: Path,
    pub(super) visibility: Visibility,
    pub(super) ident: Ident,
    /// `None` for `()`.
    pub(super) reply: Option<Type>,
    /// `None` for the boxed error.
    pub(super) error: Option<Type>,
    /// `None` for `<crate>.<Type>`.
    pub(super) name: Option<LitStr>,
    pub(super) docs: String,
    pub(super) allowances: Vec<Attribute>,
    pub(super) fields: Vec<Field>,
    /// What `serde` may call a value of it.
    pub(super) serde_names: Vec<String>,
}

/// The arguments of `#[query(..)]` and the like.
#[derive(Default)]
struct Arguments {
    reply: Once<Type>,
    error: Once<Type>,
    name: Once<LitStr>,
    linkbus: Once<Path>,
}

impl Message {
    pub(super) fn new(kind: Kind, input: &DeriveInput) -> syn::Result<Self> {
        let mut errors = Errors::default();
        let arguments = Arguments::read(kind, input, &mut errors);
        check_attributes(kind, input, &mut errors);
        check_shape(input, &mut errors);
        serde::check(input, &mut errors);
        arguments.check(kind, input, &mut errors);
        let fields = Field::all(&input.data, &mut errors);
        errors.or(Message {
            kind,
            linkbus: args::linkbus(arguments.linkbus.into_option()),
            visibility: input.vis.clone(),
            ident: input.ident.clone(),
            reply: arguments.reply.into_option(),
            error: arguments.error.into_option(),
            name: arguments.name.into_option(),
            docs: attributes::text(&input.attrs),
            allowances: attributes::allowances(&input.attrs),
            fields,
            serde_names: serde::names(input),
        })
    }

    /// A message of the same name and kind with nothing that could be wrong, so that code that uses the type does not
    /// fail as well. There is none for a generic type.
    pub(super) fn stub(kind: Kind, input: &DeriveInput, error: &syn::Error) -> Option<Self> {
        let arguments = Arguments::read(kind, input, &mut Errors::default());
        let linkbus = args::linkbus(arguments.linkbus.into_option());
        let reply = arguments.reply.into_option().filter(|reply| !borrows(reply));
        let reply = (kind == Kind::Query).then(|| reply.unwrap_or_else(|| reported(&linkbus, error)));
        input.generics.params.is_empty().then(|| Message {
            kind,
            linkbus,
            visibility: input.vis.clone(),
            ident: input.ident.clone(),
            reply,
            error: arguments.error.into_option(),
            name: None,
            docs: String::new(),
            allowances: attributes::allowances(&input.attrs),
            fields: Vec::new(),
            serde_names: Vec::new(),
        })
    }
}

/// `error` in the place of a type: rustc says a sentence once, and fits a type that is an error to anything.
fn reported(linkbus: &Path, error: &syn::Error) -> Type {
    let error = error.to_compile_error();
    parse_quote!(<#linkbus::__private::Check<{ #error true }> as #linkbus::__private::Passed<()>>::Type)
}

fn borrows(reply: &Type) -> bool {
    matches!(reply, Type::Reference(reference) if reference.lifetime.is_none())
}

fn attributes(kind: Kind, input: &DeriveInput) -> impl Iterator<Item = &Attribute> {
    input.attrs.iter().filter(move |attribute| attribute.path().is_ident(kind.word()))
}

impl Arguments {
    fn read(kind: Kind, input: &DeriveInput, errors: &mut Errors) -> Self {
        let mut arguments = Arguments::default();
        for attribute in attributes(kind, input) {
            let read = attribute.parse_args_with(|input: syn::parse::ParseStream<'_>| {
                args::read_each(input, |key, input| arguments.read_one(kind, key, input))
            });
            errors.keep(read);
        }
        arguments
    }

    fn read_one(&mut self, kind: Kind, key: &Ident, input: syn::parse::ParseStream<'_>) -> syn::Result<()> {
        match (key.to_string().as_str(), kind) {
            ("reply", Kind::Query) => self.reply.read(key, input),
            ("reply", _) => Err(no_reply(kind, key)),
            ("error", Kind::Event) => Err(no_error(key)),
            ("error", _) => self.error.read(key, input),
            ("name", _) => self.name.read(key, input),
            ("crate", _) => self.linkbus.read(key, input),
            (_, Kind::Query) => Err(args::unknown(key, &["reply", "error", "name", "crate"])),
            (_, Kind::Event) => Err(args::unknown(key, &["name", "crate"])),
            _ => Err(args::unknown(key, &["error", "name", "crate"])),
        }
    }
}

impl Arguments {
    fn check(&self, kind: Kind, input: &DeriveInput, errors: &mut Errors) {
        match self.reply.get() {
            Some(reply) if borrows(reply) => {
                let text = "a reply outlives its query, so it cannot borrow: write an owned type, such as `String`";
                errors.at(reply, text);
            }
            None if kind == Kind::Query && errors.is_empty() => {
                errors.at(&input.ident, "a query needs a reply: write `#[query(reply = Type)]` above the type");
            }
            _ => {}
        }
        if let Some(name) = self.name.get() {
            check_name(name, errors);
        }
    }
}

fn no_reply(kind: Kind, key: &Ident) -> syn::Error {
    let article = kind.with_article();
    let advice = match kind {
        Kind::Event => "its subscribers answer nothing; if the caller needs a value, make it a query",
        _ => "it succeeds or fails; if the caller needs a value, make it a query",
    };
    syn::Error::new_spanned(key, format!("{article} has no reply: {advice}"))
}

fn no_error(key: &Ident) -> syn::Error {
    let text = "an event has no error type: each subscriber fails with its own, and `publish` returns them boxed";
    syn::Error::new_spanned(key, text)
}

fn check_attributes(kind: Kind, input: &DeriveInput, errors: &mut Errors) {
    let others = Kind::ALL.into_iter().filter(|other| *other != kind);
    for attribute in others.flat_map(|other| attributes(other, input)) {
        let text = format!("this is {}: its attribute is `#[{}(..)]`", kind.with_article(), kind.word());
        errors.at(attribute.path(), text);
    }
    refuse_marks(&input.attrs, errors);
}

fn check_shape(input: &DeriveInput, errors: &mut Errors) {
    let Generics { params, .. } = &input.generics;
    if !params.is_empty() {
        let text = "a message cannot be generic: its handler is found by its one concrete type, so write one message \
                    type per use";
        errors.at(params, text);
    }
    if let Data::Union(union) = &input.data {
        errors.at(union.union_token, "a message is a struct or an enum: a union cannot be read without unsafe code");
    }
}

/// Wire names become topics, subjects and file names: what they may hold is what all of those can.
fn check_name(name: &LitStr, errors: &mut Errors) {
    let text = name.value();
    let fits = |c: char| c.is_ascii_alphanumeric() || "_.:-".contains(c);
    if text.is_empty() || text.len() > 128 || !text.chars().all(fits) {
        errors.at(name, "a wire name is 1 to 128 letters, digits, `_`, `.`, `:` or `-`, all of them ASCII");
    }
}
