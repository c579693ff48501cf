//! The fields of a message and what `#[bus(..)]` says about them.

use syn::{Attribute, Data, DataEnum, Ident, Member, ext::IdentExt, spanned::Spanned};

use super::serde;
use crate::{args, errors::Errors};

/// A field and its `#[bus(..)]` marks.
pub(crate) struct Field {
    pub(super) name: String,
    pub(super) secret: bool,
    pub(super) key: bool,
    /// What `serde` calls it.
    pub(super) serde_name: String,
}

/// The marks of one field, each where it was written.
#[derive(Default)]
struct Marks {
    secret: Option<Ident>,
    key: Option<Ident>,
}

impl Field {
    /// The fields of a struct, or of all variants of an enum.
    pub(super) fn all(data: &Data, errors: &mut Errors) -> Vec<Field> {
        match data {
            Data::Struct(data) => Field::group(&data.fields, errors),
            Data::Enum(data) => Field::of_variants(data, errors),
            Data::Union(_) => Vec::new(),
        }
    }

    fn of_variants(data: &DataEnum, errors: &mut Errors) -> Vec<Field> {
        for variant in &data.variants {
            refuse_marks(&variant.attrs, errors);
        }
        data.variants.iter().flat_map(|variant| Field::group(&variant.fields, errors)).collect()
    }

    fn group(fields: &syn::Fields, errors: &mut Errors) -> Vec<Field> {
        let mut has_key = false;
        let mut read = |(member, field): (Member, &syn::Field)| {
            let marks = Marks::read(&field.attrs, errors);
            if let Some(key) = &marks.key {
                if has_key {
                    errors.at(key, "a message has one `key`: put what belongs together into one field");
                }
                has_key = true;
            }
            let name = member_name(&member);
            let serde_name = serde::renamed(&field.attrs).unwrap_or_else(|| name.clone());
            Field { name, secret: marks.secret.is_some(), key: marks.key.is_some(), serde_name }
        };
        fields.members().zip(fields).map(&mut read).collect()
    }
}

/// Whether the field is marked as secret.
pub(super) fn is_secret(field: &syn::Field) -> bool {
    Marks::read(&field.attrs, &mut Errors::default()).secret.is_some()
}

/// Complains of marks on what is not a field.
pub(super) fn refuse_marks(attributes: &[Attribute], errors: &mut Errors) {
    for mark in marks(attributes) {
        errors.at(mark.path(), "`#[bus(..)]` marks a field: write it above one");
    }
}

fn marks(attributes: &[Attribute]) -> impl Iterator<Item = &Attribute> {
    attributes.iter().filter(|attribute| attribute.path().is_ident("bus"))
}

fn member_name(member: &Member) -> String {
    match member {
        Member::Named(name) => name.unraw().to_string(),
        Member::Unnamed(position) => position.index.to_string(),
    }
}

impl Marks {
    fn read(attributes: &[Attribute], errors: &mut Errors) -> Self {
        let mut read = Marks::default();
        for attribute in marks(attributes) {
            let one = attribute.parse_nested_meta(|meta| {
                let Some(mark) = meta.path.get_ident() else {
                    return Err(syn::Error::new(meta.path.span(), "expected `secret` or `key`"));
                };
                read.add(mark)?;
                if meta.input.is_empty() || meta.input.peek(syn::Token![,]) {
                    return Ok(());
                }
                Err(syn::Error::new_spanned(mark, format!("`{mark}` takes no value: write `#[bus({mark})]`")))
            });
            errors.keep(one);
        }
        read
    }

    fn add(&mut self, mark: &Ident) -> syn::Result<()> {
        let place = match mark.to_string().as_str() {
            "secret" => &mut self.secret,
            "key" => &mut self.key,
            _ => {
                let text = format!("unknown mark `{mark}`: expected {}", args::any_of(&["secret", "key"]));
                return Err(syn::Error::new_spanned(mark, text));
            }
        };
        match place.replace(mark.clone()) {
            Some(_) => Err(args::given_twice(mark)),
            None => Ok(()),
        }
    }
}
