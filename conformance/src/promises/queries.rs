//! What is promised of queries.

use std::{
    future::Future as _,
    pin::pin,
    sync::Arc,
    task::{Context, Waker},
    thread,
};

use futures_util::future::join;
use linkbus::SendError;

use crate::{
    case::{Case, accepted, caught, on_four_threads, text_of},
    ledger::Deed,
    messages::{AskNobody, AskThread, Double, Echo, Fate, FindEven, PANIC, Parcel, Rejection, Share, Triple},
    subject::Subject,
};

fn double(number: u64) -> Double {
    Double { number, fate: Fate::Succeeds }
}

fn failing(number: u64) -> Double {
    Double { number, fate: Fate::Fails }
}

const PANICKING: Double = Double { number: 1, fate: Fate::Panics };

pub async fn a_query_resolves_to_the_reply_of_its_handler<S: Subject>(case: &Case<S>) {
    assert_eq!(accepted(case.subject.send(double(21)).await), 42);
}

pub async fn a_query_is_answered_once<S: Subject>(case: &Case<S>) {
    for number in 0..10 {
        accepted(case.subject.send(double(number)).await);
    }
    assert_eq!(case.deeds(), (0..10).map(Deed::Answered).collect::<Vec<_>>());
}

pub async fn nothing_is_a_reply<S: Subject>(case: &Case<S>) {
    assert_eq!(accepted(case.subject.send(FindEven { number: 7 }).await), None);
    assert_eq!(accepted(case.subject.send(FindEven { number: 8 }).await), Some(8));
}

pub async fn a_query_and_its_reply_arrive_as_they_were<S: Subject>(case: &Case<S>) {
    assert_eq!(accepted(case.subject.send(Echo(Parcel::small())).await), Parcel::small());
}

pub async fn a_large_query_and_its_reply_arrive_whole<S: Subject>(case: &Case<S>) {
    assert_eq!(accepted(case.subject.send(Echo(Parcel::large())).await), Parcel::large());
}

pub async fn a_reply_is_the_very_object<S: Subject>(case: &Case<S>) {
    let sent: Arc<str> = "shared".into();
    let reply = accepted(case.subject.send(Share(Arc::clone(&sent))).await);
    assert!(Arc::ptr_eq(&sent, &reply), "the reply is a copy");
}

pub async fn a_handler_begins_on_the_thread_of_its_caller<S: Subject>(case: &Case<S>) {
    let here = format!("{:?}", thread::current().id());
    assert_eq!(accepted(case.subject.send(AskThread).await), here);
}

pub async fn a_query_reaches_the_handler_of_its_own_type<S: Subject>(case: &Case<S>) {
    assert_eq!(accepted(case.subject.send(Triple { number: 5 }).await), 15);
    assert_eq!(accepted(case.subject.send(double(5)).await), 10);
}

pub async fn the_error_of_a_query_is_the_handlers_own<S: Subject>(case: &Case<S>) {
    let error = case.subject.send(failing(7)).await.unwrap_err();
    assert!(matches!(error, SendError::Handler(Rejection { number: 7 })), "{error:?}");
}

pub async fn a_failed_query_says_what_its_handler_said<S: Subject>(case: &Case<S>) {
    let text = case.subject.send(failing(7)).await.unwrap_err().to_string();
    assert!(text.contains(&Rejection { number: 7 }.to_string()), "{text}");
}

pub async fn a_query_that_nobody_handles_says_so<S: Subject>(case: &Case<S>) {
    let error = case.subject.send(AskNobody).await.unwrap_err();
    assert!(matches!(error, SendError::NoHandler { message } if message.ends_with(".AskNobody")), "{error:?}");
}

pub async fn queries_are_answered_after_one_failed<S: Subject>(case: &Case<S>) {
    for number in 0..3 {
        assert!(case.subject.send(failing(number)).await.is_err());
        assert_eq!(accepted(case.subject.send(double(number)).await), 2 * number);
    }
}

pub async fn a_query_whose_handler_panics_unwinds<S: Subject>(case: &Case<S>) {
    let panic = caught(case.subject.send(PANICKING)).await.expect_err("it unwinds");
    assert_eq!(text_of(&*panic), PANIC);
}

pub async fn a_query_whose_handler_panics_is_reported<S: Subject>(case: &Case<S>) {
    let error = caught(case.subject.send(PANICKING)).await.expect("it does not unwind").unwrap_err();
    assert!(matches!(error, SendError::Panicked { .. }), "{error:?}");
}

pub async fn queries_are_answered_after_a_panic<S: Subject>(case: &Case<S>) {
    for number in 0..3 {
        assert!(!matches!(caught(case.subject.send(PANICKING)).await, Ok(Ok(_))), "a panic is no reply");
        assert_eq!(accepted(case.subject.send(double(number)).await), 2 * number);
    }
}

pub async fn queries_of_several_threads_each_get_their_own_reply<S: Subject>(case: &Case<S>) {
    on_four_threads(case, async |sender| {
        for number in (sender * 25)..(sender * 25 + 25) {
            assert_eq!(accepted(case.subject.send(double(number)).await), 2 * number);
        }
    });
}

pub async fn queries_that_overlap_each_get_their_own_reply<S: Subject>(case: &Case<S>) {
    let (first, second) = join(case.subject.send(double(1)), case.subject.send(Triple { number: 1 })).await;
    assert_eq!((accepted(first), accepted(second)), (2, 3));
}

pub async fn the_reply_of_a_dropped_query_goes_to_no_other<S: Subject>(case: &Case<S>) {
    for number in 0..3 {
        {
            let mut dropped = pin!(case.subject.send(double(100 + number)));
            let _ = dropped.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        }
        assert_eq!(accepted(case.subject.send(double(number)).await), 2 * number);
    }
}
