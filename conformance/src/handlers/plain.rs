//! Each handler a plain function.
#![expect(clippy::unnecessary_wraps, reason = "each has the form of its twin that waits")]

use linkbus::{Kind, handler};

use super::{begin, end, this_thread};
use crate::{
    ledger::{Deed, Ledger},
    messages::{
        AskThread, Bring, Brought, Carry, Double, Echo, FindEven, Happened, HappenedAgain, Parcel, Rejection, Scrub,
        Sighted, Steer, Store, Triple, Work,
    },
};

#[handler]
fn double(query: &Double, ledger: &Ledger) -> Result<u64, Rejection> {
    ledger.note(Deed::Answered(query.number));
    query.fate.meet(query.number)?;
    Ok(query.number * 2)
}

#[handler]
fn triple(query: &Triple) -> Result<u64, Rejection> {
    Ok(query.number * 3)
}

#[handler]
fn find_even(query: &FindEven) -> Result<Option<u64>, Rejection> {
    Ok(Some(query.number).filter(|number| number % 2 == 0))
}

#[handler]
fn echo(query: &Echo) -> Result<Parcel, Rejection> {
    Ok(query.0.clone())
}

#[handler]
fn ask_thread(_: &AskThread) -> Result<String, Rejection> {
    Ok(this_thread())
}

#[handler]
fn store(command: &Store, ledger: &Ledger) -> Result<(), Rejection> {
    command.fate.meet(command.number)?;
    ledger.note(Deed::Stored(command.number));
    Ok(())
}

#[handler]
fn bring(command: &Bring, ledger: &Ledger) -> Result<(), Rejection> {
    ledger.note(Deed::Received(Kind::Command, command.0.clone()));
    Ok(())
}

#[handler]
fn work(task: &Work, ledger: &Ledger) -> Result<(), Rejection> {
    task.fate.meet(task.number)?;
    ledger.note(Deed::Worked(task.number));
    Ok(())
}

#[handler]
fn carry(task: &Carry, ledger: &Ledger) -> Result<(), Rejection> {
    ledger.note(Deed::Received(Kind::Task, task.0.clone()));
    Ok(())
}

#[handler]
fn first(event: &Happened, ledger: &Ledger) -> Result<(), Rejection> {
    begin(event, 0, ledger)?;
    end(event, 0, ledger);
    Ok(())
}

#[handler]
fn second(event: &Happened, ledger: &Ledger) -> Result<(), Rejection> {
    begin(event, 1, ledger)?;
    end(event, 1, ledger);
    Ok(())
}

#[handler]
fn third(event: &Happened, ledger: &Ledger) -> Result<(), Rejection> {
    begin(event, 2, ledger)?;
    end(event, 2, ledger);
    Ok(())
}

#[handler]
fn again(event: &HappenedAgain, ledger: &Ledger) {
    ledger.note(Deed::HeardAgain(event.number));
}

#[handler]
fn brought(event: &Brought, ledger: &Ledger) {
    ledger.note(Deed::Received(Kind::Event, event.0.clone()));
}

#[handler]
fn steer(command: &Steer, ledger: &Ledger) -> Result<(), Rejection> {
    ledger.note(Deed::Served(Kind::Command, command.ship, command.number));
    Ok(())
}

#[handler]
fn scrub(task: &Scrub, ledger: &Ledger) -> Result<(), Rejection> {
    ledger.note(Deed::Served(Kind::Task, task.ship, task.number));
    Ok(())
}

#[handler]
fn sighted(event: &Sighted, ledger: &Ledger) {
    ledger.note(Deed::Served(Kind::Event, event.ship, event.number));
}

linkbus::module! {
    messages: [Double, Triple, FindEven, Echo, AskThread, Store, Bring, Work, Carry, Happened, HappenedAgain, Brought, Steer, Scrub, Sighted],
    handlers: [
        double, triple, find_even, echo, ask_thread, store, bring, work, carry, first, second, third, again, brought, steer, scrub, sighted,
    ]
}
