//! What is promised of commands, and of tasks: the same.

use std::fmt;

use linkbus::{DispatchError, ExecuteError, Kind};

use crate::{
    case::{Case, accepted, caught, firsts, on_four_threads, text_of},
    ledger::Deed,
    messages::{Bring, Carry, Fate, NobodysWork, PANIC, Parcel, Rejection, Store, TellNobody, Work},
    subject::Subject,
};

/// A message with a number that one handler serves and nothing answers.
trait Job: Send + Sized + 'static {
    const KIND: Kind;

    fn new(number: u64, fate: Fate) -> Self;

    /// What its handler has then done.
    fn done(number: u64) -> Deed;

    async fn dispatch(self, subject: &impl Subject) -> Result<(), Failed>;

    /// Gives how many were handled before the one that failed.
    async fn dispatch_many(jobs: Vec<Self>, subject: &impl Subject) -> Result<(), (usize, Failed)>;

    async fn dispatch_to_nobody(subject: &impl Subject) -> Result<(), Failed>;

    async fn dispatch_parcel(parcel: Parcel, subject: &impl Subject) -> Result<(), Failed>;
}

/// Why a job failed, whatever the verb.
#[derive(Debug)]
enum Failed {
    Rejected(Rejection),
    NoHandler,
    Panicked,
    Otherwise(String),
}

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failed::Rejected(rejection) => rejection.fmt(f),
            Failed::Otherwise(text) => f.write_str(text),
            Failed::NoHandler | Failed::Panicked => fmt::Debug::fmt(self, f),
        }
    }
}

macro_rules! job {
    ($message:ident by $verb:ident and $many:ident: $kind:ident, $done:ident, $failure:ident, $nobodys:ident, $parcel:ident) => {
        impl From<$failure<Rejection>> for Failed {
            fn from(failure: $failure<Rejection>) -> Self {
                match failure {
                    $failure::Handler(rejection) => Failed::Rejected(rejection),
                    $failure::NoHandler { .. } => Failed::NoHandler,
                    $failure::Panicked { .. } => Failed::Panicked,
                    other => Failed::Otherwise(other.to_string()),
                }
            }
        }

        impl Job for $message {
            const KIND: Kind = Kind::$kind;

            fn new(number: u64, fate: Fate) -> Self {
                $message { number, fate }
            }

            fn done(number: u64) -> Deed {
                Deed::$done(number)
            }

            async fn dispatch(self, subject: &impl Subject) -> Result<(), Failed> {
                Ok(subject.$verb(self).await?)
            }

            async fn dispatch_many(jobs: Vec<Self>, subject: &impl Subject) -> Result<(), (usize, Failed)> {
                subject.$many(jobs).await.map_err(|batch| (batch.completed, batch.error.into()))
            }

            async fn dispatch_to_nobody(subject: &impl Subject) -> Result<(), Failed> {
                Ok(subject.$verb($nobodys).await?)
            }

            async fn dispatch_parcel(parcel: Parcel, subject: &impl Subject) -> Result<(), Failed> {
                Ok(subject.$verb($parcel(parcel)).await?)
            }
        }
    };
}

job!(Store by execute and execute_many: Command, Stored, ExecuteError, TellNobody, Bring);
job!(Work by dispatch and dispatch_many: Task, Worked, DispatchError, NobodysWork, Carry);

async fn succeed<J: Job, S: Subject>(number: u64, case: &Case<S>) {
    accepted(J::new(number, Fate::Succeeds).dispatch(&case.subject).await);
}

async fn end_as<J: Job, S: Subject>(fate: Fate, case: &Case<S>) -> Result<(), Failed> {
    J::new(7, fate).dispatch(&case.subject).await
}

/// With which numbers jobs were done, in order.
fn numbers<J: Job>(deeds: &[Deed]) -> Vec<u64> {
    let numbers = deeds.iter().filter_map(|deed| match deed {
        Deed::Stored(number) | Deed::Worked(number) if J::done(*number) == *deed => Some(*number),
        _ => None,
    });
    numbers.collect()
}

async fn is_handled<J: Job, S: Subject>(case: &Case<S>) {
    for number in 0..5 {
        succeed::<J, S>(number, case).await;
    }
    case.sees(J::KIND, (0..5).map(J::done)).await;
}

async fn is_handled_once<J: Job, S: Subject>(case: &Case<S>) {
    for number in 0..10 {
        succeed::<J, S>(number, case).await;
    }
    case.sees(J::KIND, (0..10).map(J::done)).await;
    let mut numbers = numbers::<J>(&case.settled(J::KIND).await);
    numbers.sort_unstable();
    assert_eq!(numbers, (0..10).collect::<Vec<_>>());
}

async fn was_handled_at_return<J: Job, S: Subject>(case: &Case<S>) {
    succeed::<J, S>(1, case).await;
    assert!(case.deeds().contains(&J::done(1)), "it returned before its handler had ended");
}

async fn arrives_as_sent<J: Job, S: Subject>(case: &Case<S>) {
    accepted(J::dispatch_parcel(Parcel::small(), &case.subject).await);
    case.sees(J::KIND, [Deed::Received(J::KIND, Parcel::small())]).await;
}

async fn fails_with_its_own_error<J: Job, S: Subject>(case: &Case<S>) {
    let failed = end_as::<J, S>(Fate::Fails, case).await.unwrap_err();
    assert!(matches!(failed, Failed::Rejected(Rejection { number: 7 })), "{failed:?}");
}

async fn says_what_it_failed_with<J: Job, S: Subject>(case: &Case<S>) {
    let text = end_as::<J, S>(Fate::Fails, case).await.unwrap_err().to_string();
    assert!(text.contains(&Rejection { number: 7 }.to_string()), "{text}");
}

async fn nobody_handles_it<J: Job, S: Subject>(case: &Case<S>) {
    let failed = J::dispatch_to_nobody(&case.subject).await.unwrap_err();
    assert!(matches!(failed, Failed::NoHandler), "{failed:?}");
}

async fn unwinds<J: Job, S: Subject>(case: &Case<S>) {
    let panic = caught(end_as::<J, S>(Fate::Panics, case)).await.expect_err("it unwinds");
    assert_eq!(text_of(&*panic), PANIC);
}

async fn panics_are_reported<J: Job, S: Subject>(case: &Case<S>) {
    let failed = caught(end_as::<J, S>(Fate::Panics, case)).await.expect("it does not unwind").unwrap_err();
    assert!(matches!(failed, Failed::Panicked), "{failed:?}");
}

async fn goes_on_after<J: Job, S: Subject>(fate: Fate, case: &Case<S>) {
    for number in 0..3 {
        let _ = caught(end_as::<J, S>(fate, case)).await;
        succeed::<J, S>(number, case).await;
        case.sees(J::KIND, [J::done(number)]).await;
    }
}

async fn goes_on_after_failure<J: Job, S: Subject>(case: &Case<S>) {
    goes_on_after::<J, S>(Fate::Fails, case).await;
}

async fn goes_on_after_panic<J: Job, S: Subject>(case: &Case<S>) {
    goes_on_after::<J, S>(Fate::Panics, case).await;
}

async fn keeps_the_order<J: Job, S: Subject>(case: &Case<S>) {
    for number in 0..20 {
        succeed::<J, S>(number, case).await;
    }
    case.sees(J::KIND, [J::done(19)]).await;
    let numbers = numbers::<J>(&case.settled(J::KIND).await);
    assert!(firsts(&numbers).is_sorted(), "{numbers:?}");
}

async fn all_of_several_threads_arrive<J: Job, S: Subject>(case: &Case<S>) {
    on_four_threads(case, async |sender| {
        for number in (sender * 25)..(sender * 25 + 25) {
            succeed::<J, S>(number, case).await;
        }
    });
    case.sees(J::KIND, (0..100).map(J::done)).await;
}

async fn a_batch_arrives<J: Job, S: Subject>(case: &Case<S>) {
    let jobs = (0..5).map(|number| J::new(number, Fate::Succeeds)).collect();
    accepted(J::dispatch_many(jobs, &case.subject).await);
    case.sees(J::KIND, (0..5).map(J::done)).await;
}

async fn an_empty_batch_does_nothing<J: Job, S: Subject>(case: &Case<S>) {
    accepted(J::dispatch_many(Vec::new(), &case.subject).await);
    assert_eq!(case.settled(J::KIND).await, []);
}

async fn a_batch_stops<J: Job, S: Subject>(case: &Case<S>) {
    let fates = [Fate::Succeeds, Fate::Succeeds, Fate::Fails, Fate::Succeeds];
    let jobs = fates.into_iter().zip(0..).map(|(fate, number)| J::new(number, fate)).collect();
    let (completed, _) = J::dispatch_many(jobs, &case.subject).await.unwrap_err();
    assert_eq!((completed, firsts(&numbers::<J>(&case.deeds()))), (2, vec![0, 1]));
}

/// The checks above for one of the two, under the names of the promises.
macro_rules! named {
    ($job:ty: $($name:ident is $check:ident),* $(,)?) => {
        $(pub async fn $name<S: Subject>(case: &Case<S>) {
            super::$check::<$job, S>(case).await;
        })*
    };
}

pub mod commands {
    use super::{Case, Store, Subject};

    named! { Store:
        a_command_is_handled is is_handled,
        a_command_is_handled_once is is_handled_once,
        a_command_was_handled_when_execute_returns is was_handled_at_return,
        a_command_arrives_as_it_was_sent is arrives_as_sent,
        the_error_of_a_command_is_the_handlers_own is fails_with_its_own_error,
        a_failed_command_says_what_its_handler_said is says_what_it_failed_with,
        a_command_that_nobody_handles_says_so is nobody_handles_it,
        a_command_whose_handler_panics_unwinds is unwinds,
        a_command_whose_handler_panics_is_reported is panics_are_reported,
        commands_are_handled_after_one_failed is goes_on_after_failure,
        commands_are_handled_after_a_panic is goes_on_after_panic,
        commands_are_handled_in_the_order_in_which_they_were_sent is keeps_the_order,
        commands_of_several_threads_all_arrive is all_of_several_threads_arrive,
        a_batch_of_commands_arrives is a_batch_arrives,
        an_empty_batch_of_commands_does_nothing is an_empty_batch_does_nothing,
        a_batch_of_commands_stops_at_its_first_failure is a_batch_stops,
    }
}

pub mod tasks {
    use super::{Case, Subject, Work};

    named! { Work:
        a_task_is_handled is is_handled,
        a_task_is_handled_once is is_handled_once,
        a_task_was_handled_when_dispatch_returns is was_handled_at_return,
        a_task_arrives_as_it_was_sent is arrives_as_sent,
        the_error_of_a_task_is_the_handlers_own is fails_with_its_own_error,
        a_failed_task_says_what_its_handler_said is says_what_it_failed_with,
        a_task_that_nobody_handles_says_so is nobody_handles_it,
        a_task_whose_handler_panics_unwinds is unwinds,
        a_task_whose_handler_panics_is_reported is panics_are_reported,
        tasks_are_handled_after_one_failed is goes_on_after_failure,
        tasks_are_handled_after_a_panic is goes_on_after_panic,
        tasks_are_handled_in_the_order_in_which_they_were_sent is keeps_the_order,
        tasks_of_several_threads_all_arrive is all_of_several_threads_arrive,
        a_batch_of_tasks_arrives is a_batch_arrives,
        an_empty_batch_of_tasks_does_nothing is an_empty_batch_does_nothing,
        a_batch_of_tasks_stops_at_its_first_failure is a_batch_stops,
    }
}
