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

/// The last segment of `Bus` or `linkbus::Bus`. A longer or other path, such as `crate::Context`, is the user's own type.
pub(super) fn linkbus_type(path: &Path) -> Option<&Ident> {
    let segments: Vec<_> = path.segments.iter().filter(|segment| segment.arguments.is_none()).collect();
    match segments[..] {
        [only] if path.segments.len() == 1 => Some(&only.ident),
        [krate, last] if path.segments.len() == 2 && krate.ident == "linkbus" => Some(&last.ident),
        _ => None,
    }
}
