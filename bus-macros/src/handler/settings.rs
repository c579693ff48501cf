//! What `#[handler(..)]` says about the layers around the handler, and about what it sends.

use std::time::Duration;

use proc_macro2::{Ident, Span};
use syn::{
    Error, LitInt, Path, Token, parenthesized,
    parse::{Parse, ParseStream, Parser},
    token::Paren,
};

use super::duration::DurationText;
use crate::{
    args::{self, Once, Value},
    errors::Errors,
};

/// The values for the layers.
#[derive(Default)]
pub(super) struct Settings {
    pub(super) timeout: Option<Duration>,
    pub(super) retry: Option<Retry>,
    /// The types of the messages that it may send.
    pub(super) sends: Vec<Path>,
}

/// `retry`, or `retry(..)`.
pub(super) struct Retry {
    /// Where it is written.
    pub(super) span: Span,
    pub(super) max: Option<u32>,
    pub(super) base: Option<Duration>,
    pub(super) cap: Option<Duration>,
}

impl Retry {
    /// Whether there may be a second attempt, which needs the message.
    pub(super) fn may_repeat(&self) -> bool {
        self.max != Some(1)
    }
}

/// A number of attempts.
struct Attempts(LitInt);

impl Parse for Attempts {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        input.parse().map(Attempts)
    }
}

impl Value for Attempts {
    const EXPECTED: &'static str = "expected a number of attempts, such as `5`";
}

impl Attempts {
    fn value(&self) -> syn::Result<u32> {
        let error = |text| Error::new(self.0.span(), text);
        match self.0.base10_parse() {
            Ok(0) => {
                Err(error("there is at least one attempt, the first: write `max = 1` to have nothing tried again"))
            }
            Ok(max) => Ok(max),
            Err(_) => Err(error(Self::EXPECTED)),
        }
    }
}

/// What is written, not yet read.
#[derive(Default)]
struct Written {
    timeout: Once<DurationText>,
    retry: Option<WrittenRetry>,
    sends: Option<Vec<Path>>,
}

struct WrittenRetry {
    span: Span,
    max: Once<Attempts>,
    base: Once<DurationText>,
    cap: Once<DurationText>,
}

/// The arguments of `#[handler(..)]` on a function.
pub(super) fn of_function(input: ParseStream<'_>) -> syn::Result<(Path, Settings)> {
    let (mut linkbus, mut written) = (Once::<Path>::default(), Written::default());
    args::read_each(input, |key, input| match key.to_string().as_str() {
        "crate" => linkbus.read(key, input),
        _ => written.read(key, input, &["retry", "sends", "timeout", "crate"]),
    })?;
    Ok((args::linkbus(linkbus.into_option()), written.settings()?))
}

/// The arguments of a mark `#[handler(..)]` inside `#[handlers]`.
pub(super) fn of_mark(mark: &syn::Attribute) -> syn::Result<Settings> {
    match &mark.meta {
        syn::Meta::Path(_) => Ok(Settings::default()),
        syn::Meta::List(list) => of_method.parse2(list.tokens.clone()),
        meta @ syn::Meta::NameValue(_) => Err(Error::new_spanned(
            meta,
            "write `#[handler]`, or `#[handler(..)]` with `retry`, `sends` and `timeout` inside",
        )),
    }
}

fn of_method(input: ParseStream<'_>) -> syn::Result<Settings> {
    let mut written = Written::default();
    args::read_each(input, |key, input| match key.to_string().as_str() {
        "crate" => Err(Error::new_spanned(key, "say it once for the whole block: `#[handlers(crate = ..)]`")),
        _ => written.read(key, input, &["retry", "sends", "timeout"]),
    })?;
    written.settings()
}

impl Written {
    fn read(&mut self, key: &Ident, input: ParseStream<'_>, known: &[&str]) -> syn::Result<()> {
        match key.to_string().as_str() {
            "timeout" => self.timeout.read(key, input),
            "retry" if self.retry.is_some() => Err(args::given_twice(key)),
            "retry" => {
                self.retry = Some(WrittenRetry::read(key, input)?);
                Ok(())
            }
            "sends" if self.sends.is_some() => Err(args::given_twice(key)),
            "sends" => {
                self.sends = Some(read_types(key, input)?);
                Ok(())
            }
            _ => Err(args::unknown(key, known)),
        }
    }

    fn settings(self) -> syn::Result<Settings> {
        let mut errors = Errors::default();
        let timeout = duration(&self.timeout, &mut errors);
        let retry = self.retry.map(|retry| retry.settings(&mut errors));
        errors.or(Settings { timeout, retry, sends: self.sends.unwrap_or_default() })
    }
}

/// `(GetUser, orders::Placed)`, behind `key`.
fn read_types(key: &Ident, input: ParseStream<'_>) -> syn::Result<Vec<Path>> {
    if !input.peek(Paren) {
        let text = "`sends` takes the types of messages in parentheses: `sends(GetUser, OrderPlaced)`";
        return Err(Error::new_spanned(key, text));
    }
    let types;
    parenthesized!(types in input);
    Ok(types.parse_terminated(Path::parse_mod_style, Token![,])?.into_iter().collect())
}

impl WrittenRetry {
    fn read(key: &Ident, input: ParseStream<'_>) -> syn::Result<Self> {
        let (max, base, cap) = (Once::default(), Once::default(), Once::default());
        let mut retry = WrittenRetry { span: key.span(), max, base, cap };
        if input.peek(Token![=]) {
            let text = "`retry` takes its values in parentheses: `retry(max = 5, base = \"50ms\", cap = \"1s\")`";
            return Err(Error::new_spanned(key, text));
        }
        if input.peek(Paren) {
            let values;
            parenthesized!(values in input);
            args::read_each(&values, |key, input| match key.to_string().as_str() {
                "max" => retry.max.read(key, input),
                "base" => retry.base.read(key, input),
                "cap" => retry.cap.read(key, input),
                _ => Err(args::unknown(key, &["max", "base", "cap"])),
            })?;
        }
        Ok(retry)
    }

    fn settings(&self, errors: &mut Errors) -> Retry {
        Retry {
            span: self.span,
            max: self.max.get().and_then(|max| errors.keep(max.value())),
            base: duration(&self.base, errors),
            cap: duration(&self.cap, errors),
        }
    }
}

fn duration(written: &Once<DurationText>, errors: &mut Errors) -> Option<Duration> {
    written.get().and_then(|text| errors.keep(text.value()))
}
