//! Each handler an async function that waits at least once.

use std::future::pending;

use linkbus::{Kind, handler};
use tokio::task::yield_now;

use super::{begin, end, this_thread};
use crate::{
    ledger::{Deed, Ledger},
    messages::{
        AskThread, Bring, Brought, Carry, Double, Echo, FindEven, Hang, Happened, HappenedAgain, Meeting, Parcel,
        Rejection, Scrub, Sighted, Steer, Store, Triple, Work,
    },
};

#[handler]
async fn double(query: &Double, ledger: &Ledger) -> Result<u64, Rejection> {
    ledger.note(Deed::Answered(query.number));
    yield_now().await;
    query.fate.meet(query.number)?;
    Ok(query.number * 2)
}

#[handler]
async fn triple(query: &Triple) -> Result<u64, Rejection> {
    yield_now().await;
    Ok(query.number * 3)
}

#[handler]
async fn find_even(query: &FindEven) -> Result<Option<u64>, Rejection> {
    yield_now().await;
    Ok(Some(query.number).filter(|number| number % 2 == 0))
}

#[handler]
async fn echo(query: &Echo) -> Result<Parcel, Rejection> {
    yield_now().await;
    Ok(query.0.clone())
}

#[handler]
async fn ask_thread(_: &AskThread) -> Result<String, Rejection> {
    let began_on = this_thread();
    yield_now().await;
    Ok(began_on)
}

#[handler]
async fn store(command: &Store, ledger: &Ledger) -> Result<(), Rejection> {
    yield_now().await;
    command.fate.meet(command.number)?;
    ledger.note(Deed::Stored(command.number));
    Ok(())
}

#[handler]
async fn bring(command: &Bring, ledger: &Ledger) -> Result<(), Rejection> {
    yield_now().await;
    ledger.note(Deed::Received(Kind::Command, command.0.clone()));
    Ok(())
}

/// Notes that it is dropped.
struct Held<'a>(&'a Ledger);

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.0.note(Deed::Dropped);
    }
}

#[handler]
async fn hang(_: &Hang, ledger: &Ledger) -> Result<(), Rejection> {
    let _held = Held(ledger);
    ledger.note(Deed::Hung);
    pending().await
}

#[handler]
async fn work(task: &Work, ledger: &Ledger) -> Result<(), Rejection> {
    yield_now().await;
    task.fate.meet(task.number)?;
    ledger.note(Deed::Worked(task.number));
    Ok(())
}

#[handler]
async fn carry(task: &Carry, ledger: &Ledger) -> Result<(), Rejection> {
    yield_now().await;
    ledger.note(Deed::Received(Kind::Task, task.0.clone()));
    Ok(())
}

#[handler]
async fn first(event: &Happened, ledger: &Ledger) -> Result<(), Rejection> {
    begin(event, 0, ledger)?;
    yield_now().await;
    end(event, 0, ledger);
    Ok(())
}

#[handler]
async fn second(event: &Happened, ledger: &Ledger) -> Result<(), Rejection> {
    begin(event, 1, ledger)?;
    yield_now().await;
    end(event, 1, ledger);
    Ok(())
}

#[handler]
async fn third(event: &Happened, ledger: &Ledger) -> Result<(), Rejection> {
    begin(event, 2, ledger)?;
    yield_now().await;
    end(event, 2, ledger);
    Ok(())
}

#[handler]
async fn again(event: &HappenedAgain, ledger: &Ledger) {
    yield_now().await;
    ledger.note(Deed::HeardAgain(event.number));
}

#[handler]
async fn brought(event: &Brought, ledger: &Ledger) {
    yield_now().await;
    ledger.note(Deed::Received(Kind::Event, event.0.clone()));
}

#[handler]
async fn meet_one(_: &Meeting, ledger: &Ledger) {
    ledger.meet().await;
    ledger.note(Deed::Met);
}

#[handler]
async fn meet_other(_: &Meeting, ledger: &Ledger) {
    ledger.meet().await;
    ledger.note(Deed::Met);
}

/// Gives those behind it the time to overtake it.
async fn dawdle(number: u64) {
    for _ in number..200 {
        yield_now().await;
    }
}

#[handler]
async fn steer(command: &Steer, ledger: &Ledger) -> Result<(), Rejection> {
    dawdle(command.number * 10).await;
    ledger.note(Deed::Served(Kind::Command, command.ship, command.number));
    Ok(())
}

#[handler]
async fn scrub(task: &Scrub, ledger: &Ledger) -> Result<(), Rejection> {
    dawdle(task.number * 10).await;
    ledger.note(Deed::Served(Kind::Task, task.ship, task.number));
    Ok(())
}

#[handler]
async fn sighted(event: &Sighted, ledger: &Ledger) {
    dawdle(event.number * 10).await;
    ledger.note(Deed::Served(Kind::Event, event.ship, event.number));
}

linkbus::module! {
    messages: [
        Double, Triple, FindEven, Echo, AskThread, Store, Bring, Hang, Work, Carry, Happened, HappenedAgain, Brought, Meeting,
        Steer, Scrub, Sighted,
    ],
    handlers: [
        double, triple, find_even, echo, ask_thread, store, bring, hang, work, carry, first, second, third, again, brought,
        meet_one, meet_other, steer, scrub, sighted,
    ]
}
