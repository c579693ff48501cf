//! All promises on one bus: as tests, or as a list of those that it breaks.

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::{
    case::{New, run},
    features::Features,
    promises::checks,
    subject::Subject,
};

/// One test for each promise, in a module of its own: `conformance!(name: Subject, |builder| bus, Features { .. })`.
///
/// The builder has the handlers of the suite; what is made of it is the [`Subject`] and may `await`. Each test makes one. The
/// [`Features`](crate::Features) are written out, with the bare names of their values. The tests of promises that they exclude are ignored.
///
/// ```
/// use linkbus::SyncBus;
/// use linkbus_conformance::{Blocking, conformance};
///
/// conformance!(bus: Blocking, |wired| Blocking(wired.build().unwrap()), Features {
///     handlers: Plain,
///     commands: Awaited,
///     events: Awaited,
///     tasks: Awaited,
///     errors: Typed,
///     panics: Unwind,
///     passing: Moved,
///     thread: Callers,
///     delivery: Once,
///     order: Kept,
///     unhandled: Refused,
///     journal: Absent,
///     later: Never,
/// });
/// # fn main() {}
/// ```
#[macro_export]
macro_rules! conformance {
    ($name:ident: $subject:ty, |$wired:ident| $new:expr, Features { $($field:ident: $value:ident),* $(,)? } $(,)?) => {
        $crate::__suite! { ($) $name: $subject, |$wired| $new, $($field: $value)* }
    };
}

/// A module with a macro that makes a test of one promise: ignored, if a need of it is none of these features.
#[doc(hidden)]
#[macro_export]
macro_rules! __suite {
    (($d:tt) $name:ident: $subject:ty, |$wired:ident| $new:expr, $($field:ident: $value:ident)*) => {
        mod $name {
            #[allow(unused_imports, reason = "what makes the bus may name what is around the module")]
            use super::*;

            fn subject(
                $wired: $crate::__private::Builder<<$subject as $crate::Subject>::Host>,
            ) -> $crate::LocalBoxFuture<'static, $subject> {
                Box::pin(async move { $new })
            }

            const FEATURES: $crate::Features = $crate::Features { $($field: $crate::__private::values::$value),* };

            macro_rules! __test {
                ([] $d group:ident $d test:ident) => {
                    #[test]
                    fn $d test() {
                        $crate::__private::run(FEATURES, subject, |case| Box::pin($crate::__private::$d group::$d test(case)));
                    }
                };
                $(([$field: $value $d(, $d($d more:tt)*)?] $d($d promise:tt)*) => {
                    __test! { [$d($d($d more)*)?] $d($d promise)* }
                };)*
                ([$d need:ident: $d value:ident $d($d more:tt)*] $d group:ident $d test:ident) => {
                    $crate::__ignored! { $d need: $d value, $d group $d test }
                };
            }

            $crate::__promises! { __each __test }
        }
    };
}

/// Calls a macro for each promise.
#[doc(hidden)]
#[macro_export]
macro_rules! __each {
    ($then:ident $($group:ident::$name:ident: $says:literal $rows:tt $needs:tt;)*) => {
        $($then! { $needs $group $name })*
    };
}

/// The test of a promise for which this is missing. The reasons are literals, because nothing else is shown.
#[doc(hidden)]
#[macro_export]
macro_rules! __ignored {
    (handlers: Async, $($of:tt)*) => { $crate::__ignored! { "its handlers do not wait", $($of)* } };
    (commands: Awaited, $($of:tt)*) => { $crate::__ignored! { "it does not wait for the handlers of commands", $($of)* } };
    (events: Awaited, $($of:tt)*) => { $crate::__ignored! { "it does not wait for subscribers", $($of)* } };
    (tasks: Awaited, $($of:tt)*) => { $crate::__ignored! { "it does not wait for the handlers of tasks", $($of)* } };
    (errors: Typed, $($of:tt)*) => { $crate::__ignored! { "of errors it gives the text only", $($of)* } };
    (panics: Unwind, $($of:tt)*) => { $crate::__ignored! { "it reports panics as errors", $($of)* } };
    (panics: Reported, $($of:tt)*) => { $crate::__ignored! { "panics unwind into its callers", $($of)* } };
    (passing: Moved, $($of:tt)*) => { $crate::__ignored! { "it encodes what it passes", $($of)* } };
    (thread: Callers, $($of:tt)*) => { $crate::__ignored! { "its handlers run on other threads", $($of)* } };
    (delivery: Once, $($of:tt)*) => { $crate::__ignored! { "it may deliver a message again", $($of)* } };
    (order: Kept, $($of:tt)*) => { $crate::__ignored! { "it does not keep the order of messages", $($of)* } };
    (order: PerKey, $($of:tt)*) => { $crate::__ignored! { "it knows no order by keys", $($of)* } };
    (unhandled: Refused, $($of:tt)*) => { $crate::__ignored! { "it answers what nobody handles", $($of)* } };
    (unhandled: Answered, $($of:tt)*) => { $crate::__ignored! { "it refuses what nobody handles", $($of)* } };
    (later: Timely, $($of:tt)*) => { $crate::__ignored! { "it keeps nothing for later", $($of)* } };
    (journal: Taken, $($of:tt)*) => { $crate::__ignored! { "it does not note what was dispatched", $($of)* } };
    ($reason:literal, $group:ident $test:ident) => {
        #[test]
        #[ignore = $reason]
        fn $test() {
            $crate::__private::run(FEATURES, subject, |case| Box::pin($crate::__private::$group::$test(case)));
        }
    };
}

/// The names of the promises that a bus with these features makes and does not keep.
///
/// What the checks say of them goes to the standard error, as the messages of panics do.
///
/// ```
/// use linkbus::{Bus, layer::on_async};
/// use linkbus_conformance::{
///     Completion, Delivery, Errors, Features, Handlers, Later, Notes, Order, Panics, Passing, Thread, Unhandled, broken_promises, messages::FindEven,
/// };
///
/// let features = Features {
///     handlers: Handlers::Plain,
///     commands: Completion::Awaited,
///     events: Completion::Awaited,
///     tasks: Completion::Awaited,
///     errors: Errors::Typed,
///     panics: Panics::Unwind,
///     passing: Passing::Moved,
///     thread: Thread::Callers,
///     delivery: Delivery::Once,
///     order: Order::Kept,
///     unhandled: Unhandled::Refused,
///     journal: Notes::Absent,
///     later: Later::Never,
/// };
/// let broken = broken_promises::<Bus>(features, |wired| {
///     let forgetful = on_async::<FindEven>(|_, _| Box::pin(async { Ok(None) }));
///     Box::pin(async { wired.layer(forgetful).build().unwrap() })
/// });
/// assert_eq!(broken, ["nothing_is_a_reply"]);
/// ```
pub fn broken_promises<S: Subject>(features: Features, new: New<S>) -> Vec<&'static str> {
    let made = checks::<S>().filter(|(promise, _)| promise.is_made_by(&features));
    let broken = made.filter(|(_, check)| catch_unwind(AssertUnwindSafe(|| run(features, new, *check))).is_err());
    broken.map(|(promise, _)| promise.name).collect()
}
