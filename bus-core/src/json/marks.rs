//! The `#[bus(secret)]` fields of all messages of the program: wherever a value of such a type is, they are left out.
//!
//! A type is known by the name that serde gives it. Where two types have one name, what is secret in either is left out of
//! both. Where a type has no name, because it is flattened into another or was made a `serde_json::Value`, the key of its
//! secret is what it is known by. What cannot be told apart is left out: an unknown key of such a type, or a place in a tuple
//! from which something was skipped.

use std::{borrow::Cow, collections::BTreeMap, sync::LazyLock};

use super::{
    name::{Name, Names},
    redaction::{are_places, is_place},
    scrub::scrub,
};
use crate::{
    message::{Field, MessageFacts},
    registry,
};

/// Where secrets are, in whatever is written.
#[derive(Default)]
pub(crate) struct Marks {
    /// The types that have secret fields, sorted by name.
    types: Vec<(Name, MarkedType)>,
    /// The keys with a secret behind them: for objects whose type is not known.
    keys: Names,
    /// What stands before a secret where a type is shown by its `Debug`.
    words: Vec<String>,
}

/// All types of one name, of which at least one has secret fields.
pub(super) struct MarkedType {
    /// The keys that are secret in none of them.
    open: Names,
    fields: Vec<&'static [Field]>,
}

impl Marks {
    /// Those of all messages that are linked, whether a bus has them or not.
    pub(crate) fn of_program() -> &'static Self {
        static LINKED: LazyLock<Marks> = LazyLock::new(|| Marks::of(&registry::linked_messages().collect::<Vec<_>>()));
        &LINKED
    }

    pub(super) fn of(messages: &[&'static MessageFacts]) -> Self {
        let secret = messages.iter().copied().filter(|facts| facts.has_secrets());
        let written = secret.clone().filter(|facts| facts.abilities.serialize);
        Marks {
            types: MarkedType::among(messages),
            keys: written.flat_map(keys).collect(),
            words: secret.flat_map(words).collect(),
        }
    }

    /// Whether nothing that is written can have a secret in it.
    pub(crate) fn is_empty(&self) -> bool {
        self.types.is_empty()
    }

    /// What is known of a type with this name, if it has secrets.
    #[inline]
    pub(super) fn type_named(&self, name: &str) -> Option<&MarkedType> {
        if self.types.is_empty() {
            return None;
        }
        let found = self.types.binary_search_by(|(own, _)| own.cmp_to(name)).ok()?;
        Some(&self.types[found].1)
    }

    /// Whether there is a secret behind this key, in an object of any type.
    pub(super) fn has_key(&self, key: &str) -> bool {
        self.keys.contains(key)
    }

    /// `text` without the secrets that the `Debug` of a type shows in it.
    pub(crate) fn scrub<'t>(&self, text: &'t str) -> Cow<'t, str> {
        scrub(text, &self.words)
    }
}

impl MarkedType {
    fn among(messages: &[&'static MessageFacts]) -> Vec<(Name, MarkedType)> {
        let mut named: BTreeMap<Name, Vec<&'static MessageFacts>> = BTreeMap::new();
        for facts in messages.iter().filter(|facts| facts.abilities.serialize) {
            for name in facts.serde.types {
                named.entry(Name::of(name)).or_default().push(facts);
            }
        }
        named.retain(|_, same| same.iter().any(|facts| facts.has_secrets()));
        named.into_iter().map(|(name, same)| (name, MarkedType::of(&same))).collect()
    }

    fn of(messages: &[&'static MessageFacts]) -> Self {
        let fields = || messages.iter().flat_map(|facts| fields(facts));
        let secret: Names = fields().filter(|(_, field)| field.secret).map(|(key, _)| key).collect();
        let open = fields().map(|(key, _)| key).filter(|key| !secret.contains(key)).collect();
        MarkedType { open, fields: messages.iter().map(|facts| facts.fields).collect() }
    }

    /// Whether the value of this key is certain to be no secret.
    pub(super) fn shows_key(&self, key: &str) -> bool {
        self.open.contains(key)
    }

    /// Whether this place of so many is certain to be no secret.
    pub(super) fn shows_element(&self, place: usize, of: usize) -> bool {
        let is_whole = |fields: &&[Field]| are_places(fields) && fields.len() == of;
        self.fields.iter().any(is_whole) && !self.fields.iter().any(|fields| may_hide(fields, place))
    }
}

fn may_hide(fields: &[Field], place: usize) -> bool {
    if are_places(fields) {
        fields.get(place).is_some_and(|field| field.secret)
    } else {
        fields.iter().any(|field| field.secret && is_place(field.name))
    }
}

/// The fields that have names, with their keys.
fn fields(facts: &MessageFacts) -> impl Iterator<Item = (&'static str, &'static Field)> {
    let fields = facts.serde.keys.iter().copied().zip(facts.fields);
    fields.filter(|(_, field)| !is_place(field.name))
}

/// The keys of its secrets, and those of its variants that have some: a variant is a key where its enum is flattened.
fn keys(facts: &MessageFacts) -> impl Iterator<Item = &'static str> {
    let secrets = fields(facts).filter(|(_, field)| field.secret).map(|(key, _)| key);
    secrets.chain(facts.serde.types.iter().skip(1).copied())
}

/// The names of its secrets; of one that has none, the name of what it is a part of.
fn words(facts: &MessageFacts) -> impl Iterator<Item = String> {
    let (places, names): (Vec<_>, Vec<_>) =
        facts.fields.iter().filter(|field| field.secret).map(|field| field.name).partition(|name| is_place(name));
    let types = std::iter::once(facts.short_name()).chain(facts.serde.types.iter().copied());
    let types = types.filter(move |_| !places.is_empty());
    names.into_iter().chain(types).map(str::to_owned)
}
