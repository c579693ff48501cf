//! What the handler says about the layers around it, as constant data.

use std::time::Duration;

use proc_macro2::TokenStream;
use quote::{ToTokens, quote, quote_spanned};
use syn::spanned::Spanned;

use super::message;
use crate::handler::{
    model::Handler,
    settings::{Retry, Settings},
};

/// What is added to the facts of the handler; nothing if it says nothing.
pub(super) fn settings(Handler { linkbus, settings, .. }: &Handler) -> Option<TokenStream> {
    let Settings { timeout, retry, sends } = settings;
    if timeout.is_none() && retry.is_none() && sends.is_empty() {
        return None;
    }
    let timeout = timeout.map(|timeout| {
        let timeout = duration(timeout);
        quote!(.with_timeout(#timeout))
    });
    let retry = retry.as_ref().map(|Retry { max, base, cap, .. }| {
        let (max, base, cap) = (option(*max), option(base.map(duration)), option(cap.map(duration)));
        quote!(.with_retry(#max, #base, #cap))
    });
    let sends = (!sends.is_empty()).then(|| {
        let sends = sends.iter().map(|message| quote_spanned!(message.span()=> <#message as #linkbus::Message>::FACTS));
        quote!(.with_sends(&[#(#sends),*]))
    });
    Some(quote!(.with(#linkbus::HandlerSettings::NONE #retry #timeout #sends)))
}

fn duration(duration: Duration) -> TokenStream {
    let (seconds, nanos) = (duration.as_secs(), duration.subsec_nanos());
    quote!(::core::time::Duration::new(#seconds, #nanos))
}

fn option(value: Option<impl ToTokens>) -> TokenStream {
    value.map_or_else(|| quote!(::core::option::Option::None), |value| quote!(::core::option::Option::Some(#value)))
}

/// What a retry asks of the message.
pub(super) fn assertions(handler: &Handler) -> Option<TokenStream> {
    let Handler { linkbus, settings, by_ref, .. } = handler;
    let retry = settings.retry.as_ref()?;
    let message = message();
    let is_event = quote_spanned! {retry.span=>
        const _: () = ::core::assert!(
            <#message as #linkbus::Message>::FACTS.kind.has_one_handler(),
            "an event is never tried again, because some of its subscribers may have succeeded: take `retry` away",
        );
    };
    let is_copied = (!by_ref && retry.may_repeat()).then(|| {
        quote_spanned! {handler.message.span()=>
            const _: () = ::core::assert!(
                #linkbus::__private::can_be_lent::<#message>(),
                "the next attempt needs the message, which is not `Clone` and is taken by value: take `&`, or derive Clone",
            );
        }
    });
    Some(quote!(#is_event #is_copied))
}
