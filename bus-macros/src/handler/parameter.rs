//! One parameter of a handler: what it is, or what is wrong with it.

use syn::{Error, FnArg, PatType, Path, Type, TypePath, TypeReference};

use super::{
    borrow,
    bus::{self, Asked, BusType},
};

/// A parameter behind the message, and where its value comes from.
pub(crate) enum Parameter {
    /// `&Bus`, or `&impl QueryDispatcher` and the like: the bus, seen through a role.
    Bus(Asked),
    /// `&Context`.
    Context,
    /// Any other `&T`: what was given with `.provide(..)`.
    Dependency(Box<Type>),
}

/// The message parameter: its type, and whether it is taken by reference.
pub(super) fn message(argument: &FnArg) -> syn::Result<(Type, bool)> {
    let (message, by_ref) = match type_of(argument)? {
        Type::Reference(TypeReference { mutability: Some(mutability), .. }) => {
            let text = "a message is taken by value or by `&`, never by `&mut`: others may read it too";
            return Err(Error::new_spanned(mutability, text));
        }
        Type::Reference(reference) => {
            check_lifetime(reference, "a message lives as long as the call: write `&` without `'static`")?;
            (&*reference.elem, true)
        }
        ty => (ty, false),
    };
    if let Type::ImplTrait(_) | Type::TraitObject(_) = message {
        let text = "a handler serves one concrete message: write its type";
        return Err(Error::new_spanned(message, text));
    }
    Ok((message.clone(), by_ref))
}

fn type_of(argument: &FnArg) -> syn::Result<&Type> {
    match argument {
        FnArg::Typed(PatType { ty, .. }) => Ok(ty),
        FnArg::Receiver(receiver) => Err(Error::new_spanned(receiver, "`self` comes first")),
    }
}

fn check_lifetime(reference: &TypeReference, text: &str) -> syn::Result<()> {
    match &reference.lifetime {
        Some(lifetime) if lifetime.ident == "static" => Err(Error::new_spanned(lifetime, text)),
        _ => Ok(()),
    }
}

impl Parameter {
    /// Reads a parameter behind the message; `linkbus` is what the function's crate calls it, `is_async` says of what sort
    /// the function is.
    pub(super) fn new(argument: &FnArg, linkbus: &Path, is_async: bool) -> syn::Result<Self> {
        let ty = type_of(argument)?;
        let Type::Reference(reference) = ty else {
            return Err(not_a_reference(ty));
        };
        if let Some(mutability) = &reference.mutability {
            let text = "a dependency is shared by all calls, so it cannot be `&mut`: put what changes into a `Mutex` or \
                        an atomic inside it";
            return Err(Error::new_spanned(mutability, text));
        }
        check_lifetime(reference, "a dependency lives as long as its bus: write `&` without `'static`")?;
        Parameter::behind(&reference.elem, linkbus, is_async)
    }

    fn behind(ty: &Type, linkbus: &Path, is_async: bool) -> syn::Result<Self> {
        match ty {
            Type::ImplTrait(role) => Asked::by_role(role, is_async).map(Parameter::Bus),
            Type::Paren(inner) => Parameter::behind(&inner.elem, linkbus, is_async),
            _ => borrow::check_owned(ty).map(|()| Parameter::named(ty, linkbus)),
        }
    }

    fn named(ty: &Type, linkbus: &Path) -> Self {
        let name = match ty {
            Type::Path(TypePath { qself: None, path, .. }) => bus::linkbus_type(path, linkbus),
            _ => None,
        };
        match name {
            Some(name) if name == "Bus" => Parameter::Bus(Asked { bus: BusType::Async, span: name.span() }),
            Some(name) if name == "SyncBus" => Parameter::Bus(Asked { bus: BusType::Sync, span: name.span() }),
            Some(name) if name == "Context" => Parameter::Context,
            _ => Parameter::Dependency(Box::new(ty.clone())),
        }
    }

    /// The bus that this parameter asks for, if it asks for one.
    pub(super) fn bus(&self) -> Option<Asked> {
        match self {
            Parameter::Bus(asked) => Some(*asked),
            Parameter::Context | Parameter::Dependency(_) => None,
        }
    }
}

fn not_a_reference(ty: &Type) -> Error {
    let text = "only the first parameter is a message; what comes behind it is a dependency, which is lent to the \
                handler: write `&` before the type";
    Error::new_spanned(ty, text)
}
