//! What is promised of a bus that notes what was dispatched.

use std::panic::{AssertUnwindSafe, catch_unwind};

use linkbus::{
    Message,
    testing::{Journal, step},
};

use crate::{
    case::{Case, accepted, text_of},
    messages::{AskNobody, Double, Fate, Happened, Store, TellNobody, Work},
    subject::Subject,
};

const DOUBLE: Double = Double { number: 1, fate: Fate::Succeeds };

fn journal<S: Subject>(case: &Case<S>) -> &Journal {
    case.subject.journal().expect("a subject whose `Features` say `journal: Taken` has one")
}

async fn one_of_each<S: Subject>(case: &Case<S>) {
    accepted(case.subject.send(DOUBLE).await);
    case.store(2).await;
    accepted(case.subject.publish(Happened::well(3)).await);
    case.work(4).await;
}

/// What an assertion says that does not hold.
fn complaint(assertion: impl FnOnce()) -> String {
    let panic = catch_unwind(AssertUnwindSafe(assertion)).expect_err("the assertion does not hold");
    text_of(&*panic).to_owned()
}

pub async fn every_dispatch_is_noted_in_order<S: Subject>(case: &Case<S>) {
    one_of_each(case).await;
    let journal = journal(case);
    journal.assert_order([step::<Double>(), step::<Store>(), step::<Happened>(), step::<Work>()]);
    let numbers = (
        journal.sent::<Double>()[0].number,
        journal.executed::<Store>()[0].number,
        journal.published::<Happened>()[0].number,
        journal.dispatched::<Work>()[0].number,
    );
    assert_eq!(numbers, (1, 2, 3, 4));
}

pub async fn assertions_count_exactly<S: Subject>(case: &Case<S>) {
    one_of_each(case).await;
    let journal = journal(case);
    journal.assert_sent::<Double>(1);
    journal.assert_executed::<Store>(1);
    journal.assert_published::<Happened>(1);
    journal.assert_dispatched::<Work>(1);
    journal.assert_executed::<TellNobody>(0);
    let text = complaint(|| journal.assert_executed::<Store>(2));
    assert!(text.contains(Store::FACTS.name), "{text}");
}

pub async fn nothing_published_is_an_assertion<S: Subject>(case: &Case<S>) {
    journal(case).assert_nothing_published();
    accepted(case.subject.publish(Happened::well(1)).await);
    let text = complaint(|| journal(case).assert_nothing_published());
    assert!(text.contains(Happened::FACTS.name), "{text}");
}

pub async fn a_query_that_nobody_answers_is_noted<S: Subject>(case: &Case<S>) {
    assert!(case.subject.send(AskNobody).await.is_err());
    journal(case).assert_sent::<AskNobody>(1);
}

pub async fn a_journal_is_cleared<S: Subject>(case: &Case<S>) {
    one_of_each(case).await;
    journal(case).clear();
    journal(case).assert_nothing_else();
    journal(case).assert_sent::<Double>(0);
    one_of_each(case).await;
    journal(case).assert_sent::<Double>(1);
}
