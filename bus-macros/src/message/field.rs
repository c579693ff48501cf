use syn::{Attribute, Data, Ident, Member, spanned::Spanned};

use crate::errors::Errors;

/// A field and its `#[bus(..)]` marks.
pub(crate) struct Field {
    pub(super) name: String,
    pub(super) secret: bool,
    pub(super) key: bool,
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
        let groups: Vec<&syn::Fields> = match data {
            Data::Struct(data) => vec![&data.fields],
            Data::Enum(data) => data.variants.iter().map(|variant| &variant.fields).collect(),
            Data::Union(_) => Vec::new(),
        };
        groups.into_iter().flat_map(|fields| Field::group(fields, errors)).collect()
    }

    fn group(fields: &syn::Fields, errors: &mut Errors) -> Vec<Field> {
        let mut keys = 0;
        let mut read = |(member, field): (Member, &syn::Field)| {
            let marks = Marks::read(&field.attrs, errors);
            if let Some(key) = &marks.key {
                keys += 1;
                if keys > 1 {
                    errors.at(key, "a message has one `key`: put what belongs together into one field");
                }
            }
            Field { name: member_name(&member), secret: marks.secret.is_some(), key: marks.key.is_some() }
        };
        fields.members().zip(fields).map(&mut read).collect()
    }
}

fn member_name(member: &Member) -> String {
    match member {
        Member::Named(name) => name.to_string(),
        Member::Unnamed(position) => position.index.to_string(),
    }
}

impl Marks {
    fn read(attributes: &[Attribute], errors: &mut Errors) -> Self {
        let mut marks = Marks::default();
        for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("bus")) {
            let read = attribute.parse_nested_meta(|meta| {
                let Some(mark) = meta.path.get_ident() else {
                    return Err(syn::Error::new(meta.path.span(), "expected `secret` or `key`"));
                };
                marks.add(mark)
            });
            errors.keep(read);
        }
        marks
    }

    fn add(&mut self, mark: &Ident) -> syn::Result<()> {
        let place = match mark.to_string().as_str() {
            "secret" => &mut self.secret,
            "key" => &mut self.key,
            _ => return Err(crate::args::unknown(mark, &["secret", "key"])),
        };
        match place.replace(mark.clone()) {
            Some(_) => Err(syn::Error::new_spanned(mark, format!("`{mark}` is given twice"))),
            None => Ok(()),
        }
    }
}
