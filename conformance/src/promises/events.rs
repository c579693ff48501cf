//! What is promised of events.

use linkbus::{Kind::Event, PublishError, SubscriberFailure};

use crate::{
    case::{Case, accepted, firsts},
    ledger::Deed,
    messages::{Brought, Fate, Happened, HappenedAgain, Meeting, NobodyHears, PANIC, Parcel, Rejection},
    subject::Subject,
};

use Fate::{Fails, Panics, Succeeds};

fn event(fates: [Fate; 3]) -> Happened {
    Happened { number: 1, fates }
}

fn heard(number: u64, subscribers: impl IntoIterator<Item = usize>) -> Vec<Deed> {
    subscribers.into_iter().map(|subscriber| Deed::Heard(subscriber, number)).collect()
}

/// With which numbers a subscriber was called, in order.
fn calls(deeds: &[Deed], of: usize) -> Vec<u64> {
    let calls = deeds.iter().filter_map(|deed| match deed {
        Deed::Called(subscriber, number) if *subscriber == of => Some(*number),
        _ => None,
    });
    calls.collect()
}

pub async fn an_event_reaches_every_subscriber<S: Subject>(case: &Case<S>) {
    for number in 0..5 {
        accepted(case.subject.publish(Happened::well(number)).await);
    }
    for number in 0..5 {
        case.sees(Event, heard(number, 0..3)).await;
    }
}

pub async fn an_event_reaches_each_subscriber_once<S: Subject>(case: &Case<S>) {
    for number in 0..5 {
        accepted(case.subject.publish(Happened::well(number)).await);
        case.sees(Event, heard(number, 0..3)).await;
    }
    let deeds = case.settled(Event).await;
    assert_eq!([0, 1, 2].map(|subscriber| calls(&deeds, subscriber).len()), [5; 3], "{deeds:?}");
}

pub async fn subscribers_have_ended_when_publish_returns<S: Subject>(case: &Case<S>) {
    accepted(case.subject.publish(Happened::well(1)).await);
    let deeds = case.deeds();
    assert!(heard(1, 0..3).iter().all(|deed| deeds.contains(deed)), "{deeds:?}");
}

pub async fn an_event_arrives_as_it_was_sent<S: Subject>(case: &Case<S>) {
    accepted(case.subject.publish(Brought(Parcel::small())).await);
    case.sees(Event, [Deed::Received(Event, Parcel::small())]).await;
}

pub async fn an_event_without_subscribers_is_no_error<S: Subject>(case: &Case<S>) {
    accepted(case.subject.publish(NobodyHears).await);
    assert!(!case.subject.wiring().registered_events().iter().any(|(_, subscribers)| *subscribers == 0));
}

pub async fn an_event_reaches_no_subscriber_of_another<S: Subject>(case: &Case<S>) {
    accepted(case.subject.publish(HappenedAgain { number: 1 }).await);
    case.sees(Event, [Deed::HeardAgain(1)]).await;
    accepted(case.subject.publish(Happened::well(2)).await);
    case.sees(Event, heard(2, 0..3)).await;
    let deeds = case.settled(Event).await;
    let strays = [Deed::HeardAgain(2), Deed::Called(0, 1), Deed::Called(1, 1), Deed::Called(2, 1)];
    assert!(!strays.iter().any(|stray| deeds.contains(stray)), "{deeds:?}");
}

pub async fn subscribers_begin_in_subscription_order<S: Subject>(case: &Case<S>) {
    accepted(case.subject.publish(Happened::well(1)).await);
    case.sees(Event, heard(1, 0..3)).await;
    let deeds = case.deeds();
    let begun = deeds.into_iter().filter(|deed| matches!(deed, Deed::Called(..))).collect::<Vec<_>>();
    assert_eq!(begun, [Deed::Called(0, 1), Deed::Called(1, 1), Deed::Called(2, 1)]);
}

pub async fn events_are_heard_in_the_order_in_which_they_were_published<S: Subject>(case: &Case<S>) {
    for number in 0..20 {
        accepted(case.subject.publish(Happened::well(number)).await);
    }
    case.sees(Event, heard(19, 0..3)).await;
    let deeds = case.settled(Event).await;
    for subscriber in 0..3 {
        assert!(firsts(&calls(&deeds, subscriber)).is_sorted(), "subscriber {subscriber}: {deeds:?}");
    }
}

pub async fn a_subscriber_that_fails_keeps_no_other_from_running<S: Subject>(case: &Case<S>) {
    let _ = case.subject.publish(event([Fails, Succeeds, Fails])).await;
    case.sees(Event, [Deed::Called(0, 1), Deed::Heard(1, 1), Deed::Called(2, 1)]).await;
}

pub async fn a_subscriber_that_panics_keeps_no_other_from_running<S: Subject>(case: &Case<S>) {
    let _ = case.subject.publish(event([Panics, Succeeds, Panics])).await;
    case.sees(Event, [Deed::Called(0, 1), Deed::Heard(1, 1), Deed::Called(2, 1)]).await;
}

pub async fn events_are_heard_after_one_failed<S: Subject>(case: &Case<S>) {
    for number in 0..3 {
        let _ = case.subject.publish(Happened { number: 100 + number, fates: [Fails, Panics, Fails] }).await;
        accepted(case.subject.publish(Happened::well(number)).await);
        case.sees(Event, heard(number, 0..3)).await;
    }
}

pub async fn one_subscriber_that_fails_is_that_failure<S: Subject>(case: &Case<S>) {
    let error = case.subject.publish(event([Succeeds, Fails, Succeeds])).await.unwrap_err();
    let PublishError::Subscriber(failure) = error else { panic!("not one failure: {error:?}") };
    assert_eq!(failure.subscriber.name, "second");
    assert!(matches!(failure.failure, SubscriberFailure::Handler(_)), "{failure:?}");
}

pub async fn several_failures_are_a_group_in_subscription_order<S: Subject>(case: &Case<S>) {
    let error = case.subject.publish(event([Fails, Succeeds, Panics])).await.unwrap_err();
    assert!(matches!(error, PublishError::Several { .. }), "{error:?}");
    let names: Vec<_> = error.failures().iter().map(|failure| failure.subscriber.name).collect();
    assert_eq!(names, ["first", "third"]);
}

pub async fn the_error_of_a_subscriber_is_its_own<S: Subject>(case: &Case<S>) {
    let error = case.subject.publish(event([Fails, Fails, Succeeds])).await.unwrap_err();
    let own: Vec<_> = error.failures().iter().map(|failure| failure.downcast_ref::<Rejection>()).collect();
    assert_eq!(own, [Some(&Rejection { number: 1 }); 2], "{error:?}");
}

pub async fn the_panic_of_a_subscriber_is_a_failure_of_its_own<S: Subject>(case: &Case<S>) {
    let error = case.subject.publish(event([Succeeds, Succeeds, Panics])).await.unwrap_err();
    let [failure] = error.failures() else { panic!("not one failure: {error:?}") };
    assert!(matches!(&failure.failure, SubscriberFailure::Panicked(text) if text == PANIC), "{failure:?}");
}

pub async fn subscribers_that_wait_run_concurrently<S: Subject>(case: &Case<S>) {
    accepted(case.subject.publish(Meeting).await);
    case.sees(Event, [Deed::Met]).await;
}

pub async fn a_batch_of_events_is_heard_in_order<S: Subject>(case: &Case<S>) {
    accepted(case.subject.publish_many((0..5).map(Happened::well)).await);
    case.sees(Event, heard(4, 0..3)).await;
    let deeds = case.settled(Event).await;
    assert_eq!(firsts(&calls(&deeds, 0)), [0, 1, 2, 3, 4]);
}

pub async fn a_batch_of_events_stops_at_its_first_failure<S: Subject>(case: &Case<S>) {
    let batch = [Succeeds, Fails, Succeeds].into_iter().zip(0..);
    let batch = batch.map(|(fate, number)| Happened { number, fates: [Succeeds, fate, Succeeds] });
    let error = case.subject.publish_many(batch).await.unwrap_err();
    assert_eq!(error.completed, 1);
    assert_eq!(error.error.failures().len(), 1);
    assert!(!case.deeds().contains(&Deed::Called(0, 2)));
}
