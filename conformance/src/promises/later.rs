//! What is promised of tasks that are due later.

use std::time::{Duration, SystemTime};

use linkbus::Kind;

use crate::{
    case::{Case, accepted},
    ledger::Deed,
    messages::{Fate, Work},
    subject::Subject,
};

const HOUR: Duration = Duration::from_secs(3600);
/// Long enough to be noticed, if it is not kept.
const MOMENT: Duration = Duration::from_millis(300);

async fn work_at<S: Subject>(due: SystemTime, number: u64, case: &Case<S>) {
    accepted(case.subject.dispatch_at(due, Work { number, fate: Fate::Succeeds }).await);
}

pub async fn a_task_for_later_is_not_handled_before_its_time<S: Subject>(case: &Case<S>) {
    work_at(SystemTime::now() + HOUR, 1, case).await;
    assert_eq!(case.settled(Kind::Task).await, []);
}

pub async fn a_task_for_later_is_handled_when_its_time_has_come<S: Subject>(case: &Case<S>) {
    let due = SystemTime::now() + MOMENT;
    work_at(due, 1, case).await;
    assert!(case.comes(&Deed::Worked(1)).await, "it does not come");
    assert!(SystemTime::now() >= due, "it came before its time");
}
