use proc_macro2::{Ident, Span};
use syn::{
    Attribute, Error, FnArg, GenericParam, Path, ReceiverKind, ReturnType, Safety, Signature, Type, Visibility,
    spanned::Spanned,
};

use super::parameter::{self, BusType, Parameter};
use crate::{docs, errors::Errors};

/// A handler that can be expanded.
pub(crate) struct Handler {
    pub(super) linkbus: Path,
    pub(super) visibility: Visibility,
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
}

/// The type that a handler is a method of.
#[derive(Clone)]
pub(crate) struct Owner {
    pub(super) name: Ident,
    pub(super) ty: Type,
}

impl Handler {
    pub(super) fn new(
        linkbus: Path,
        visibility: &Visibility,
        attributes: &[Attribute],
        signature: &Signature,
        owner: Option<&Owner>,
    ) -> syn::Result<Self> {
        let mut errors = Errors::default();
        check_signature(signature, &mut errors);
        let mut arguments = signature.inputs.iter().peekable();
        let receiver = arguments.next_if(|argument| matches!(argument, FnArg::Receiver(_)));
        if let Some(FnArg::Receiver(receiver)) = receiver {
            check_receiver(receiver, &mut errors);
        }
        let is_async = signature.asyncness.is_some();
        let message = match arguments.next() {
            Some(argument) => errors.keep(parameter::message(argument)),
            None => errors.keep(Err(no_message(signature))),
        };
        let parameters: Vec<_> = arguments
            .filter_map(|argument| {
                let parameter = errors.keep(Parameter::new(argument, is_async))?;
                check_bus(argument, &parameter, is_async, &mut errors);
                Some(parameter)
            })
            .collect();
        let Some((message, by_ref)) = message else {
            return errors.or(()).and(Err(no_message(signature)));
        };
        errors.or(Handler {
            linkbus,
            visibility: visibility.clone(),
            ident: signature.ident.clone(),
            owner: owner.cloned(),
            has_self: receiver.is_some(),
            is_async,
            message,
            by_ref,
            parameters,
            output: match &signature.output {
                ReturnType::Default => signature.ident.span(),
                ReturnType::Type(_, ty) => ty.span(),
            },
            docs: docs::text(attributes),
        })
    }

    /// The bus that the handler can be put on; both for one that asks for none.
    pub(super) fn bus(&self) -> Option<BusType> {
        let asked = self.parameters.iter().find_map(Parameter::bus);
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

fn check_signature(signature: &Signature, errors: &mut Errors) {
    for parameter in signature.generics.params.iter().filter(|it| !matches!(it, GenericParam::Lifetime(_))) {
        errors.at(
            parameter,
            "a handler cannot be generic: it serves one concrete message, so write one handler per message",
        );
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

fn check_receiver(receiver: &syn::Receiver, errors: &mut Errors) {
    let is_shared = matches!(receiver.kind, ReceiverKind::Reference(_, _, None));
    if !is_shared {
        errors.at(receiver, "the bus shares the service with all calls: write `&self`");
    }
}

fn check_bus(argument: &FnArg, parameter: &Parameter, is_async: bool, errors: &mut Errors) {
    if is_async && parameter.bus() == Some(BusType::Sync) {
        errors.at(argument, "an `async fn` runs on a `Bus`: write `&Bus`");
    }
}

fn no_message(signature: &Signature) -> Error {
    let text = "a handler takes the message that it serves as its first parameter: `query: GetUser` or \
                `query: &GetUser`";
    Error::new_spanned(&signature.ident, text)
}
