//! What is promised of a bus as a whole.

use std::pin::pin;

use futures_util::future::{Either, select};
use linkbus::{
    ExecuteError,
    Kind::{Command, Event},
    Message,
};

use crate::{
    case::{Case, accepted},
    ledger::Deed,
    messages::{Double, Fate, Hang, Happened, NobodyHears, Relay, Store, Work},
    subject::Subject,
};

pub async fn a_handler_dispatches_on_its_own_bus<S: Subject>(case: &Case<S>) {
    accepted(case.subject.execute(Relay { number: 21 }).await);
    // The handler of the command waits for the event, unless nobody waits for the command.
    case.sees(Command, [Deed::Answered(21), Deed::Heard(0, 42), Deed::Heard(1, 42), Deed::Heard(2, 42)]).await;
}

pub async fn the_wiring_names_what_is_handled<S: Subject>(case: &Case<S>) {
    let wiring = case.subject.wiring();
    assert!(wiring.registered_queries().contains(&Double::FACTS.name), "{wiring:?}");
    assert!(wiring.registered_commands().contains(&Store::FACTS.name), "{wiring:?}");
    assert!(wiring.registered_tasks().contains(&Work::FACTS.name), "{wiring:?}");
}

pub async fn the_wiring_counts_subscribers<S: Subject>(case: &Case<S>) {
    let events = case.subject.wiring().registered_events();
    assert!(events.contains(&(Happened::FACTS.name, 3)), "{events:?}");
    assert!(!events.iter().any(|(name, _)| *name == NobodyHears::FACTS.name), "{events:?}");
}

pub async fn closing_twice_is_closing_once<S: Subject>(case: &Case<S>) {
    accepted(case.subject.close().await);
    accepted(case.subject.close().await);
}

pub async fn what_was_accepted_before_closing_is_handled<S: Subject>(case: &Case<S>) {
    for number in 0..10 {
        case.store(number).await;
        accepted(case.subject.publish(Happened::well(number)).await);
    }
    accepted(case.subject.close().await);
    case.sees(Command, (0..10).map(Deed::Stored)).await;
    case.sees(Event, (0..10).map(|number| Deed::Heard(2, number))).await;
}

pub async fn after_closing_a_dispatch_is_handled_or_refused<S: Subject>(case: &Case<S>) {
    accepted(case.subject.close().await);
    match case.subject.execute(Store { number: 1, fate: Fate::Succeeds }).await {
        Ok(()) => case.sees(Command, [Deed::Stored(1)]).await,
        Err(error) => assert!(matches!(error, ExecuteError::ShutDown { .. }), "{error:?}"),
    }
}

pub async fn a_dispatch_that_is_dropped_drops_its_handler<S: Subject>(case: &Case<S>) {
    {
        let dropped = pin!(case.subject.execute(Hang));
        let hangs = pin!(case.comes(&Deed::Hung));
        assert!(matches!(select(dropped, hangs).await, Either::Right((true, _))), "its handler does not hang");
        assert_eq!(case.deeds(), [Deed::Hung]);
    }
    assert_eq!(case.deeds(), [Deed::Hung, Deed::Dropped]);
}
