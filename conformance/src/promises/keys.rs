//! What is promised of messages with a key.

use linkbus::Kind;

use crate::{
    case::{Case, accepted, firsts},
    ledger::Deed,
    messages::{Scrub, Sighted, Steer},
    subject::Subject,
};

const SHIPS: u64 = 3;
const TIMES: u64 = 20;

/// Sends for each ship in turn, and looks at what was done with each.
async fn keeps_the_order<S: Subject>(case: &Case<S>, kind: Kind, send: impl AsyncFn(u64, u64)) {
    for number in 0..TIMES {
        for ship in 0..SHIPS {
            send(ship, number).await;
        }
    }
    let all = (0..SHIPS).flat_map(|ship| (0..TIMES).map(move |number| Deed::Served(kind, ship, number)));
    case.sees(kind, all).await;
    let deeds = case.deeds();
    for ship in 0..SHIPS {
        let numbers: Vec<_> = deeds.iter().filter_map(|deed| number_of(deed, kind, ship)).collect();
        assert!(firsts(&numbers).is_sorted(), "ship {ship}: {numbers:?}");
    }
}

fn number_of(deed: &Deed, kind: Kind, ship: u64) -> Option<u64> {
    match deed {
        Deed::Served(of, served, number) if (*of, *served) == (kind, ship) => Some(*number),
        _ => None,
    }
}

pub async fn commands_of_a_key_are_handled_in_the_order_in_which_they_were_sent<S: Subject>(case: &Case<S>) {
    let send = async |ship, number| accepted(case.subject.execute(Steer { ship, number }).await);
    keeps_the_order(case, Kind::Command, send).await;
}

pub async fn tasks_of_a_key_are_handled_in_the_order_in_which_they_were_sent<S: Subject>(case: &Case<S>) {
    let send = async |ship, number| accepted(case.subject.dispatch(Scrub { ship, number }).await);
    keeps_the_order(case, Kind::Task, send).await;
}

pub async fn events_of_a_key_are_heard_in_the_order_in_which_they_were_published<S: Subject>(case: &Case<S>) {
    let send = async |ship, number| accepted(case.subject.publish(Sighted { ship, number }).await);
    keeps_the_order(case, Kind::Event, send).await;
}
