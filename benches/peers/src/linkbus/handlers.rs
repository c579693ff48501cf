//! The messages and their handlers.

use linkbus::{Event, Module, Query, handler};
use seq_macro::seq;

use crate::work::{YieldOnce, add, hear};

#[derive(Query)]
#[query(reply = u64)]
pub(super) struct Add(pub(super) u64, pub(super) u64);

#[handler]
fn handle(message: &Add) -> u64 {
    add(message.0, message.1)
}

#[derive(Query)]
#[query(reply = u64)]
pub(super) struct AddLater(pub(super) u64, pub(super) u64);

#[handler]
async fn handle_later(message: &AddLater) -> u64 {
    add(message.0, message.1)
}

#[derive(Query)]
#[query(reply = u64)]
pub(super) struct AddAfterYield(pub(super) u64, pub(super) u64);

#[handler]
async fn handle_after_yield(message: &AddAfterYield) -> u64 {
    YieldOnce::default().await;
    add(message.0, message.1)
}

#[derive(Event)]
pub(super) struct HeardByOne(pub(super) u64);

#[derive(Event)]
pub(super) struct HeardByThree(pub(super) u64);

#[derive(Event)]
pub(super) struct HeardByTen(pub(super) u64);

#[handler]
fn the_one(event: &HeardByOne) {
    hear(event.0);
}

seq!(N in 0..3 {
    #[handler]
    fn one_of_three~N(event: &HeardByThree) {
        hear(event.0);
    }
});

seq!(N in 0..10 {
    #[handler]
    fn one_of_ten~N(event: &HeardByTen) {
        hear(event.0);
    }
});

/// What works on both buses.
pub(super) const FEW: Module = few::MODULE;

mod few {
    seq_macro::seq!(N in 0..10 {
        linkbus::module!(handlers: [
            super::handle, super::the_one, super::one_of_three0, super::one_of_three1, super::one_of_three2,
            #( super::one_of_ten~N, )*
        ]);
    });
}

/// What needs a `Bus`.
pub(super) const FEW_ASYNC: Module = few_async::MODULE;

mod few_async {
    linkbus::module!(handlers: [super::handle_later, super::handle_after_yield]);
}
