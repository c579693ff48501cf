//! The parameters through which a handler reaches a bus, and which bus that is.

use proc_macro2::{Ident, Span};
use quote::format_ident;
use syn::{Error, Path, TypeImplTrait, TypeParamBound, spanned::Spanned};

/// The two buses.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum BusType {
    Async,
    Sync,
}

/// A parameter that asks for a bus.
#[derive(Clone, Copy)]
pub(crate) struct Asked {
    pub(super) bus: BusType,
    /// Where it asks.
    pub(super) span: Span,
}

impl BusType {
    pub(super) fn of(is_async: bool) -> Self {
        if is_async { BusType::Async } else { BusType::Sync }
    }

    /// The type, as it is exported.
    pub(super) fn ident(self) -> Ident {
        format_ident!("{}", self.name())
    }

    fn name(self) -> &'static str {
        match self {
            BusType::Async => "Bus",
            BusType::Sync => "SyncBus",
        }
    }
}

impl Asked {
    /// What `&impl Role` asks for: roles whose names begin with `Async` are those of the async bus; any other trait is
    /// asked of the function's own bus.
    pub(super) fn by_role(role: &TypeImplTrait, is_async: bool) -> syn::Result<Self> {
        let names = || role.bounds.iter().filter_map(trait_name);
        if let Some(sync) = names().find(|name| is_sync_role(name)).filter(|_| is_async) {
            let text = format!("an `async fn` runs on a `Bus`: write `&impl Async{sync}`");
            return Err(Error::new(sync.span(), text));
        }
        let is_async = is_async || names().any(|name| name.to_string().starts_with("Async"));
        let span = names().next().map_or_else(|| role.span(), Ident::span);
        Ok(Asked { bus: BusType::of(is_async), span })
    }

    /// Refuses what the function cannot be called with: the synchronous bus in an `async fn`, or two buses.
    pub(super) fn check(self, first: Asked, is_async: bool) -> syn::Result<()> {
        if is_async && self.bus == BusType::Sync {
            return Err(Error::new(self.span, "an `async fn` runs on a `Bus`: write `&Bus`"));
        }
        if self.bus != first.bus {
            let (one, other) = (self.bus.name(), first.bus.name());
            let text = format!("this asks for a `{one}`, and a parameter before it for a `{other}`: keep one of them");
            return Err(Error::new(self.span, text));
        }
        Ok(())
    }
}

fn trait_name(bound: &TypeParamBound) -> Option<&Ident> {
    match bound {
        TypeParamBound::Trait(role) => role.path.segments.last().map(|segment| &segment.ident),
        _ => None,
    }
}

fn is_sync_role(name: &Ident) -> bool {
    ["QueryDispatcher", "MessageDispatcher", "MessageBus"].iter().any(|role| name == role)
}

/// The last segment of `Bus`, of `linkbus::Bus`, and of `company::bus::Bus` where `linkbus` is `company::bus`. Any other
/// path, such as `crate::Context`, is the user's own type.
pub(super) fn linkbus_type<'a>(path: &'a Path, linkbus: &Path) -> Option<&'a Ident> {
    if path.segments.iter().any(|segment| !segment.arguments.is_none()) {
        return None;
    }
    let mut names = names(path);
    let last = names.pop()?;
    let is_of_linkbus = names.is_empty() || names == ["linkbus"] || names == self::names(linkbus);
    is_of_linkbus.then_some(last)
}

fn names(path: &Path) -> Vec<&Ident> {
    path.segments.iter().map(|segment| &segment.ident).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_of_linkbus(path: &str, linkbus: &str) -> bool {
        let [path, linkbus] = [path, linkbus].map(|text| syn::parse_str(text).unwrap());
        linkbus_type(&path, &linkbus).is_some_and(|name| name == "Context")
    }

    #[test]
    fn a_type_of_linkbus_is_known_by_each_of_its_paths() {
        for path in ["Context", "linkbus::Context", "::linkbus::Context"] {
            assert!(is_of_linkbus(path, "::linkbus"), "{path}");
            assert!(is_of_linkbus(path, "company::bus"), "{path}");
        }
        for linkbus in ["company::bus", "::company::bus"] {
            assert!(is_of_linkbus("company::bus::Context", linkbus), "{linkbus}");
            assert!(is_of_linkbus("::company::bus::Context", linkbus), "{linkbus}");
        }
    }

    #[test]
    fn a_type_at_any_other_path_is_a_dependency() {
        for path in
            ["crate::Context", "bus::Context", "company::Context", "company::bus::web::Context", "linkbus::Context<T>"]
        {
            assert!(!is_of_linkbus(path, "company::bus"), "{path}");
        }
        assert!(!is_of_linkbus("company::bus::Context", "::linkbus"));
    }
}
