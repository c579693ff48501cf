//! What a handler is, and everything that a signature can get wrong about it.

use proc_macro2::{Ident, Span};
use syn::{
    Attribute, Error, FnArg, GenericParam, Path, Receiver, ReceiverKind, ReturnType, Safety, Signature, Type,
    Visibility, spanned::Spanned,
};

use super::{
    bus::{Asked, BusType},
    parameter::{self, Parameter},
    settings::Settings,
};
use crate::{attributes, errors::Errors};

/// A handler that can be expanded.
pub(crate) struct Handler {
    pub(super) linkbus: Path,
    pub(super) visibility: Visibility,
    /// The `#[cfg(..)]` of a method: its registration comes and goes with it.
    pub(super) conditions: Vec<Attribute>,
    /// The lints that the user allows for the function.
    pub(super) allowances: Vec<Attribute>,
    pub(super) ident: Ident,
    /// The service, for a method.
    pub(super) owner: Option<Owner>,
    /// Whether the method takes `&self`.
    pub(super) has_self: bool,
    pub(super) is_async: bool,
    pub(super) message: Type,
    pub(super) by_ref: bool,
    pub(super) parameters: Vec<Parameter>,
    /// Where to complain of what the function returns.
    pub(super) output: Span,
    pub(super) docs: String,
    pub(super) settings: Settings,
}

/// The type that a handler is a method of.
#[derive(Clone)]
pub(crate) struct Owner {
    pub(super) name: Ident,
    pub(super) ty: Type,
}

/// A function as it is written.
#[derive(Clone, Copy)]
pub(super) struct Function<'a> {
    pub(super) visibility: &'a Visibility,
    pub(super) attributes: &'a [Attribute],
    pub(super) signature: &'a Signature,
}

impl Handler {
    pub(super) fn new(
        linkbus: Path,
        settings: Settings,
        function: Function<'_>,
        owner: Option<&Owner>,
    ) -> syn::Result<Self> {
        let Function { visibility, attributes, signature } = function;
        let mut errors = Errors::default();
        check_signature(signature, &mut errors);
        let (receiver, arguments) = split_receiver(signature);
        if let Some(receiver) = receiver {
            check_receiver(receiver, &mut errors);
        }
        let is_async = signature.asyncness.is_some();
        let message =
            arguments.first().ok_or_else(|| no_message(signature)).and_then(|first| parameter::message(first));
        let message = errors.keep(message);
        let parameters = parameters(arguments.get(1..).unwrap_or_default(), &linkbus, is_async, &mut errors);
        errors.or_else(message, |(message, by_ref)| Handler {
            linkbus,
            visibility: visibility.clone(),
            conditions: attributes.iter().filter(|attribute| attribute.path().is_ident("cfg")).cloned().collect(),
            allowances: attributes::allowances(attributes),
            ident: signature.ident.clone(),
            owner: owner.cloned(),
            has_self: receiver.is_some(),
            is_async,
            message,
            by_ref,
            parameters,
            output: output(signature),
            docs: attributes::text(attributes),
            settings,
        })
    }

    /// The bus that the handler can be put on; both for one that asks for none.
    pub(super) fn bus(&self) -> Option<BusType> {
        let asked = self.parameters.iter().find_map(Parameter::bus).map(|asked| asked.bus);
        if self.is_async { Some(BusType::Async) } else { asked }
    }

    /// What it asks for besides the message, the bus and the context; the service first.
    pub(super) fn dependencies(&self) -> Vec<&Type> {
        let service = self.owner.as_ref().filter(|_| self.has_self).map(|owner| &owner.ty);
        let others = self.parameters.iter().filter_map(|parameter| match parameter {
            Parameter::Dependency(ty) => Some(&**ty),
            _ => None,
        });
        service.into_iter().chain(others).collect()
    }
}

fn split_receiver(signature: &Signature) -> (Option<&Receiver>, Vec<&FnArg>) {
    let mut arguments: Vec<_> = signature.inputs.iter().collect();
    let Some(FnArg::Receiver(receiver)) = arguments.first() else {
        return (None, arguments);
    };
    arguments.remove(0);
    (Some(receiver), arguments)
}

fn parameters(arguments: &[&FnArg], linkbus: &Path, is_async: bool, errors: &mut Errors) -> Vec<Parameter> {
    let parameters: Vec<_> =
        arguments.iter().filter_map(|argument| errors.keep(Parameter::new(argument, linkbus, is_async))).collect();
    let asked: Vec<Asked> = parameters.iter().filter_map(Parameter::bus).collect();
    for one in &asked {
        errors.keep(one.check(asked[0], is_async));
    }
    parameters
}

/// The return type; where none is written, the function's name.
fn output(signature: &Signature) -> Span {
    match &signature.output {
        ReturnType::Default => signature.ident.span(),
        ReturnType::Type(_, ty) => ty.span(),
    }
}

fn check_signature(signature: &Signature, errors: &mut Errors) {
    for parameter in signature.generics.params.iter().filter(|it| !matches!(it, GenericParam::Lifetime(_))) {
        let text = "a handler cannot be generic: it serves one concrete message, so write one handler per message";
        errors.at(parameter, text);
    }
    if let Safety::Unsafe(unsafety) = &signature.safety {
        errors.at(unsafety, "a handler cannot be `unsafe`: the bus calls it without knowing its conditions");
    }
    if let Some(variadic) = &signature.variadic {
        errors.at(variadic, "a handler takes its message and its dependencies, and nothing else");
    }
    if let ReturnType::Type(_, ty) = &signature.output
        && let Type::ImplTrait(future) = &**ty
    {
        errors.at(future, "write an `async fn` that returns what the future resolves to");
    }
}

fn check_receiver(receiver: &Receiver, errors: &mut Errors) {
    let is_shared = matches!(receiver.kind, ReceiverKind::Reference(_, _, None));
    if !is_shared {
        errors.at(receiver, "the bus shares the service with all calls: write `&self`");
    }
}

fn no_message(signature: &Signature) -> Error {
    let text = "a handler takes the message that it serves as its first parameter: `query: GetUser` or \
                `query: &GetUser`";
    Error::new_spanned(&signature.ident, text)
}
