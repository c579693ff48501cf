//! What is promised, each promise with the check that tries it.

// What they promise is in the table below.
#[doc(hidden)]
pub mod events;
#[doc(hidden)]
pub(crate) mod jobs;
#[cfg(feature = "testing")]
#[doc(hidden)]
pub mod journal;
#[doc(hidden)]
pub mod keys;
#[doc(hidden)]
pub mod later;
#[doc(hidden)]
pub mod life;
#[doc(hidden)]
pub mod queries;

use std::fmt::Write as _;

pub use self::jobs::{commands, tasks};
use crate::{
    case::Check,
    features::{Features, values},
    subject::Subject,
};

/// Something that a bus promises, if its [`Features`] do not exclude it.
///
/// ```
/// use linkbus_conformance::PROMISES;
///
/// let of_fakes = PROMISES.iter().filter(|promise| promise.needs.contains(&"journal: Taken"));
/// assert!(of_fakes.flat_map(|promise| promise.rows).any(|row| *row == "X25"));
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Promise {
    /// The name of its test.
    pub name: &'static str,
    /// What is promised, in a sentence.
    pub says: &'static str,
    /// The rows of the list of behaviours that it pins.
    pub rows: &'static [&'static str],
    /// The values of [`Features`] without which it is not made, as they are written there; empty if every bus makes it.
    pub needs: &'static [&'static str],
    is_made_by: fn(&Features) -> bool,
}

impl Promise {
    /// Whether a bus with these features makes it.
    pub fn is_made_by(&self, features: &Features) -> bool {
        (self.is_made_by)(features)
    }
}

/// The table of all promises: `module::check`, what it says, the rows that it pins, and what it needs of the features.
#[doc(hidden)]
#[macro_export]
macro_rules! __promises {
    ($then:ident $($given:tt)*) => {
        $crate::$then! { $($given)*
            queries::a_query_resolves_to_the_reply_of_its_handler: "`send` resolves to what the handler replied." [L1 Z7 X1] [];
            queries::a_query_is_answered_once: "A query is answered by one call of its handler." [L1] [delivery: Once];
            queries::nothing_is_a_reply: "A reply of `None` is a reply like any other." [L1 Z7] [];
            queries::a_query_and_its_reply_arrive_as_they_were: "Text, bytes and numbers of a query and its reply are not changed on the way." [P1 C2] [];
            queries::a_large_query_and_its_reply_arrive_whole: "64 KiB of a query and of its reply arrive." [P1] [];
            queries::a_reply_is_the_very_object: "A reply is not copied." [L1] [passing: Moved];
            queries::a_handler_begins_on_the_thread_of_its_caller: "A handler begins on the thread of its caller." [L1 L6] [thread: Callers];
            queries::a_query_reaches_the_handler_of_its_own_type: "Two queries of one shape have handlers of their own." [P6] [];
            queries::the_error_of_a_query_is_the_handlers_own: "The handler's own error comes out of `send`, with its type and value." [L10 Z7] [errors: Typed];
            queries::a_failed_query_says_what_its_handler_said: "The error of a failed query has the text of the handler's." [L10 Z7] [];
            queries::a_query_that_nobody_handles_says_so: "A query without a handler fails with `NoHandler`, which names it." [L2 Z8 F3] [];
            queries::queries_are_answered_after_one_failed: "A failed query leaves the bus as it was." [Z9 X22] [];
            queries::a_query_whose_handler_panics_unwinds: "A panic of the handler unwinds into the caller of `send`, as it is." [L9] [panics: Unwind];
            queries::a_query_whose_handler_panics_is_reported: "A panic of the handler is the error `Panicked`." [L9] [panics: Reported];
            queries::queries_are_answered_after_a_panic: "A panic leaves the bus as it was." [Z11 X22] [];
            queries::queries_of_several_threads_each_get_their_own_reply: "Any number of threads may send at once." [L14 Z5] [];
            queries::queries_that_overlap_each_get_their_own_reply: "Queries that are under way together get each its own reply." [LA1 Z6] [];
            queries::the_reply_of_a_dropped_query_goes_to_no_other: "A query that its caller gave up does not disturb the next one." [Z10] [];

            commands::a_command_is_handled: "A command is handled." [P2 Z13 X16] [];
            commands::a_command_is_handled_once: "A command is handled once." [Z15 Z16] [delivery: Once];
            commands::a_command_was_handled_when_execute_returns: "`execute` returns when the handler has ended." [LA1] [commands: Awaited];
            commands::a_command_arrives_as_it_was_sent: "A command is not changed on the way." [P1 C2] [];
            commands::the_error_of_a_command_is_the_handlers_own: "The handler's own error comes out of `execute`, with its type and value." [L10] [commands: Awaited, errors: Typed];
            commands::a_failed_command_says_what_its_handler_said: "The error of a failed command has the text of the handler's." [L10 X16] [commands: Awaited];
            commands::a_command_that_nobody_handles_says_so: "A command without a handler fails with `NoHandler`." [L2 X16] [unhandled: Refused];
            commands::a_command_whose_handler_panics_unwinds: "A panic of the handler unwinds into the caller of `execute`, as it is." [L9] [commands: Awaited, panics: Unwind];
            commands::a_command_whose_handler_panics_is_reported: "A panic of the handler is the error `Panicked`." [L9] [commands: Awaited, panics: Reported];
            commands::commands_are_handled_after_one_failed: "A failed command keeps no later one from being handled." [Z20 X22] [];
            commands::commands_are_handled_after_a_panic: "A panic keeps no later command from being handled." [Z20 X22] [];
            commands::commands_are_handled_in_the_order_in_which_they_were_sent: "Commands of one sender are handled in the order in which they were sent." [Z15] [order: Kept];
            commands::commands_of_several_threads_all_arrive: "No command of several senders is lost." [L14 Z16 X3] [];
            commands::a_batch_of_commands_arrives: "All commands of a batch are handled." [P4 C22] [];
            commands::an_empty_batch_of_commands_does_nothing: "A batch of nothing succeeds and does nothing." [P4] [];
            commands::a_batch_of_commands_stops_at_its_first_failure: "A batch stops at its first failure, and says how far it came." [P4] [commands: Awaited];

            tasks::a_task_is_handled: "A task is handled." [P2 Z13 X16] [];
            tasks::a_task_is_handled_once: "A task is handled once." [Z15 Z16] [delivery: Once];
            tasks::a_task_was_handled_when_dispatch_returns: "`dispatch` returns when the handler has ended." [LA1] [tasks: Awaited];
            tasks::a_task_arrives_as_it_was_sent: "A task is not changed on the way." [P1 C2] [];
            tasks::the_error_of_a_task_is_the_handlers_own: "The handler's own error comes out of `dispatch`, with its type and value." [L10] [tasks: Awaited, errors: Typed];
            tasks::a_failed_task_says_what_its_handler_said: "The error of a failed task has the text of the handler's." [L10 X16] [tasks: Awaited];
            tasks::a_task_that_nobody_handles_says_so: "A task without a handler fails with `NoHandler`." [L2 X16] [unhandled: Refused];
            tasks::a_task_whose_handler_panics_unwinds: "A panic of the handler unwinds into the caller of `dispatch`, as it is." [L9] [tasks: Awaited, panics: Unwind];
            tasks::a_task_whose_handler_panics_is_reported: "A panic of the handler is the error `Panicked`." [L9] [tasks: Awaited, panics: Reported];
            tasks::tasks_are_handled_after_one_failed: "A failed task keeps no later one from being handled." [Z20 X22] [];
            tasks::tasks_are_handled_after_a_panic: "A panic keeps no later task from being handled." [Z20 X22] [];
            tasks::tasks_are_handled_in_the_order_in_which_they_were_sent: "Tasks of one sender are handled in the order in which they were sent." [Z15] [order: Kept];
            tasks::tasks_of_several_threads_all_arrive: "No task of several senders is lost." [L14 Z16 X3] [];
            tasks::a_batch_of_tasks_arrives: "All tasks of a batch are handled." [P4 C22] [];
            tasks::an_empty_batch_of_tasks_does_nothing: "A batch of nothing succeeds and does nothing." [P4] [];
            tasks::a_batch_of_tasks_stops_at_its_first_failure: "A batch stops at its first failure, and says how far it came." [P4] [tasks: Awaited];

            later::a_task_for_later_is_not_handled_before_its_time: "A task for later is not handled before its time." [X28] [later: Timely];
            later::a_task_for_later_is_handled_when_its_time_has_come: "A task for later is handled when its time has come." [X28] [later: Timely];

            events::an_event_reaches_every_subscriber: "Every subscriber is called, each time." [L5 Z17] [];
            events::an_event_reaches_each_subscriber_once: "Every subscriber is called once for each event." [L5 Z17] [delivery: Once];
            events::subscribers_have_ended_when_publish_returns: "`publish` returns when all subscribers have ended." [L6 LA2] [events: Awaited];
            events::an_event_arrives_as_it_was_sent: "An event is not changed on the way." [P1 C2] [];
            events::an_event_without_subscribers_is_no_error: "An event that nobody subscribed to is published without an error." [L7 Z19] [];
            events::an_event_reaches_no_subscriber_of_another: "An event reaches no subscriber of one whose name begins the same." [P6 Z17] [];
            events::subscribers_begin_in_subscription_order: "Subscribers are called in the order in which they subscribed." [L6 LA2] [order: Kept, delivery: Once];
            events::events_are_heard_in_the_order_in_which_they_were_published: "Each subscriber hears the events of one sender in the order in which they were published." [L6] [order: Kept];
            events::a_subscriber_that_fails_keeps_no_other_from_running: "All subscribers are called, even if some fail." [L8 LA3 Z20] [];
            events::a_subscriber_that_panics_keeps_no_other_from_running: "All subscribers are called, even if some panic." [L9 Z20] [];
            events::events_are_heard_after_one_failed: "Failures and panics of subscribers keep no later event from being heard." [Z20 X22] [];
            events::one_subscriber_that_fails_is_that_failure: "One subscriber that fails is what `publish` fails with, by name." [L8 X21] [events: Awaited];
            events::several_failures_are_a_group_in_subscription_order: "Several failures are a group, in subscription order." [L8 LA3 X21] [events: Awaited];
            events::the_error_of_a_subscriber_is_its_own: "The errors of subscribers have their type and value." [L8 L10] [events: Awaited, errors: Typed];
            events::the_panic_of_a_subscriber_is_a_failure_of_its_own: "A panic is a failure of its subscriber, with its text." [L9] [events: Awaited];
            events::subscribers_that_wait_run_concurrently: "Subscribers that wait for each other meet." [LA2] [handlers: Async];
            events::a_batch_of_events_is_heard_in_order: "All events of a batch are heard, in order." [P4 C22] [order: Kept];
            events::a_batch_of_events_stops_at_its_first_failure: "A batch stops at the first event of which a subscriber fails." [P4] [events: Awaited];

            keys::commands_of_a_key_are_handled_in_the_order_in_which_they_were_sent: "Commands of one sender and one key are handled in the order in which they were sent." [Z15] [order: PerKey];
            keys::tasks_of_a_key_are_handled_in_the_order_in_which_they_were_sent: "Tasks of one sender and one key are handled in the order in which they were sent." [Z15] [order: PerKey];
            keys::events_of_a_key_are_heard_in_the_order_in_which_they_were_published: "Each subscriber hears the events of one sender and one key in the order in which they were published." [L6] [order: PerKey];

            life::a_handler_dispatches_on_its_own_bus: "A handler sends and publishes on the bus that called it." [L11] [];
            life::the_wiring_names_what_is_handled: "What is handled can be asked for by kind." [L13 X18] [];
            life::the_wiring_counts_subscribers: "Events that have subscribers are listed with their number, others are not." [L7 L13 X18] [];
            life::closing_twice_is_closing_once: "Closing a closed bus does nothing." [M7 R9 Z25 X22] [];
            life::what_was_accepted_before_closing_is_handled: "What was accepted before the bus is closed is handled." [Z25 X28 C15] [];
            life::after_closing_a_dispatch_is_handled_or_refused: "A dispatch after closing is handled or refused, and never lost." [M9 R10 Z25] [];
            life::a_dispatch_that_is_dropped_drops_its_handler: "Dropping a dispatch drops the handler where it waits." [LA4 T7] [handlers: Async, passing: Moved];

            journal::every_dispatch_is_noted_in_order: "Every dispatch is noted with its message, in order, whatever its kind." [F1] [journal: Taken];
            journal::assertions_count_exactly: "There is an assertion for each kind, and it counts exactly." [F4 X25] [journal: Taken];
            journal::nothing_published_is_an_assertion: "That nothing was published can be asserted; if it was, the events are named." [F5] [journal: Taken];
            journal::a_query_that_nobody_answers_is_noted: "A query without an answer fails, and is noted all the same." [F3] [journal: Taken, unhandled: Answered];
            journal::a_journal_is_cleared: "A journal that is cleared has nothing in it, and goes on." [F6] [journal: Taken];
        }
    };
}

macro_rules! __table {
    ($($group:ident::$name:ident: $says:literal [$($row:ident)*] [$($field:ident: $value:ident),*];)*) => {
        /// All promises, in the order of their table.
        pub const PROMISES: &[Promise] = &[$(Promise {
            name: stringify!($name),
            says: $says,
            rows: &[$(stringify!($row)),*],
            needs: &[$(concat!(stringify!($field), ": ", stringify!($value))),*],
            is_made_by: |features| matches!(features, Features { $($field: values::$value,)* .. }),
        }),*];

        /// All promises with their checks.
        pub(crate) fn checks<S: Subject>() -> impl Iterator<Item = (&'static Promise, Check<S>)> {
            let checks: Vec<Check<S>> = vec![$(|case| Box::pin($group::$name(case))),*];
            PROMISES.iter().zip(checks)
        }
    };
}
pub(crate) use __table;

__promises!(__table);

/// The promises as the table of the README.
pub fn markdown() -> String {
    let mut table = "| promise | what it says | rows | needs |\n|---|---|---|---|\n".to_owned();
    for Promise { name, says, rows, needs, .. } in PROMISES {
        let needs: Vec<_> = needs.iter().map(|need| format!("`{need}`")).collect();
        let _ = writeln!(table, "| `{name}` | {says} | {} | {} |", rows.join(", "), needs.join(", "));
    }
    table
}

#[cfg(not(feature = "testing"))]
#[doc(hidden)]
pub mod journal {
    //! Without fakes and spies there is no bus that has a journal.

    use crate::{case::Case, subject::Subject};

    macro_rules! out_of_reach {
        ($($name:ident)*) => {
            $(pub async fn $name<S: Subject>(_: &Case<S>) {
                panic!("a bus that notes what was dispatched needs the feature `testing` of linkbus-conformance");
            })*
        };
    }

    out_of_reach! {
        every_dispatch_is_noted_in_order assertions_count_exactly nothing_published_is_an_assertion
        a_query_that_nobody_answers_is_noted a_journal_is_cleared
    }
}
