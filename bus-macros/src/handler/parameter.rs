use syn::{Error, FnArg, Ident, PatType, Path, Type, TypeParamBound, TypePath, TypeReference};

/// A parameter behind the message, and where its value comes from.
pub(crate) enum Parameter {
    /// `&Bus`.
    Bus(BusType),
    /// `&impl QueryDispatcher` and the like: the bus, seen through a role.
    Role(BusType),
    /// `&Context`.
    Context,
    /// Any other `&T`: what was given with `.provide(..)`.
    Dependency(Box<Type>),
}

/// The two buses.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum BusType {
    Async,
    Sync,
}

/// The message parameter: its type, and whether it is taken by reference.
pub(super) fn message(argument: &FnArg) -> syn::Result<(Type, bool)> {
    let FnArg::Typed(PatType { ty, .. }) = argument else {
        return Err(Error::new_spanned(argument, "expected a message"));
    };
    let (message, by_ref) = match &**ty {
        Type::Reference(TypeReference { mutability: Some(mutability), .. }) => {
            return Err(Error::new_spanned(
                mutability,
                "a message is taken by value or by `&`: others may read it too",
            ));
        }
        Type::Reference(reference) => (&*reference.elem, true),
        ty => (ty, false),
    };
    if let Type::ImplTrait(_) | Type::TraitObject(_) = message {
        let text = "a handler serves one concrete message: write its type";
        return Err(Error::new_spanned(message, text));
    }
    Ok((message.clone(), by_ref))
}

impl Parameter {
    /// Reads a parameter behind the message; `is_async` says of what sort the function is.
    pub(super) fn new(argument: &FnArg, is_async: bool) -> syn::Result<Self> {
        let FnArg::Typed(PatType { ty, .. }) = argument else {
            return Err(Error::new_spanned(argument, "`self` comes first"));
        };
        let Type::Reference(reference) = &**ty else {
            return Err(not_a_reference(ty));
        };
        if let Some(mutability) = &reference.mutability {
            let text = "a dependency is shared by all calls, so it cannot be `&mut`: put what changes into a `Mutex` or \
                        an atomic inside it";
            return Err(Error::new_spanned(mutability, text));
        }
        if let Some(lifetime) = reference.lifetime.as_ref().filter(|lifetime| lifetime.ident == "static") {
            return Err(Error::new_spanned(lifetime, "a dependency lives as long as its bus: write `&T`"));
        }
        Ok(Parameter::behind(&reference.elem, is_async))
    }

    fn behind(ty: &Type, is_async: bool) -> Self {
        match ty {
            Type::ImplTrait(role) => Parameter::Role(role_bus(&role.bounds, is_async)),
            Type::Paren(inner) => Parameter::behind(&inner.elem, is_async),
            Type::Path(TypePath { qself: None, path, .. }) => match linkbus_type(path).map(Ident::to_string).as_deref()
            {
                Some("Bus") => Parameter::Bus(BusType::Async),
                Some("SyncBus") => Parameter::Bus(BusType::Sync),
                Some("Context") => Parameter::Context,
                _ => Parameter::Dependency(Box::new(ty.clone())),
            },
            _ => Parameter::Dependency(Box::new(ty.clone())),
        }
    }

    /// The bus that this parameter asks for, if it asks for one.
    pub(super) fn bus(&self) -> Option<BusType> {
        match self {
            Parameter::Bus(bus) | Parameter::Role(bus) => Some(*bus),
            Parameter::Context | Parameter::Dependency(_) => None,
        }
    }
}

/// The last segment of `Bus` or `linkbus::Bus`. A longer or other path, such as `crate::Context`, is the user's own type.
fn linkbus_type(path: &Path) -> Option<&Ident> {
    let segments: Vec<_> = path.segments.iter().filter(|segment| segment.arguments.is_none()).collect();
    match segments[..] {
        [only] if path.segments.len() == 1 => Some(&only.ident),
        [krate, last] if path.segments.len() == 2 && krate.ident == "linkbus" => Some(&last.ident),
        _ => None,
    }
}

/// Roles whose names begin with `Async` are those of the async bus; any other trait is asked of the function's own bus.
fn role_bus<'a>(bounds: impl IntoIterator<Item = &'a TypeParamBound>, is_async: bool) -> BusType {
    let is_async_role = |bound: &TypeParamBound| match bound {
        TypeParamBound::Trait(role) => {
            role.path.segments.last().is_some_and(|segment| segment.ident.to_string().starts_with("Async"))
        }
        _ => false,
    };
    if is_async || bounds.into_iter().any(is_async_role) { BusType::Async } else { BusType::Sync }
}

fn not_a_reference(ty: &Type) -> Error {
    let ty_text = quote::quote!(#ty).to_string();
    let text = format!(
        "only the first parameter is the message; every other one is a dependency and taken by reference: `&{ty_text}`"
    );
    Error::new_spanned(ty, text)
}
