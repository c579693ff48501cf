//! medi-rs: a static async mediator.

#[cfg(feature = "many")]
mod many;

use std::convert::Infallible;

use medi_rs::{DecoratorNext, MediCommand, medi_handler, medi_module, mediator};
use seq_macro::seq;

use crate::{
    case::Case,
    peer::{Answer, Peer},
    span::Span,
    work::{YieldOnce, add, awaits, hear, on_threads, one_thread, ready, timed, timed_awaits},
};

pub(crate) const PEER: Peer = Peer {
    name: "medi-rs 3.2",
    gives: "a missing handler is an error of the compiler; events wait in a bounded queue for a worker; without `std`",
    answer,
};

#[derive(MediCommand)]
#[medi_command(return_type = u64)]
struct Add(u64, u64);

#[medi_handler]
async fn handle(message: Add) -> Result<u64, Infallible> {
    Ok(add(message.0, message.1))
}

#[derive(MediCommand)]
#[medi_command(return_type = u64)]
struct AddAfterYield(u64, u64);

#[medi_handler]
async fn handle_after_yield(message: AddAfterYield) -> Result<u64, Infallible> {
    YieldOnce::default().await;
    Ok(add(message.0, message.1))
}

#[derive(MediCommand)]
#[medi_command(return_type = u64)]
struct AddThroughOne(u64, u64);

#[medi_handler(decorators = [through])]
async fn handle_through_one(message: AddThroughOne) -> Result<u64, Infallible> {
    Ok(add(message.0, message.1))
}

#[derive(MediCommand)]
#[medi_command(return_type = u64)]
struct AddThroughFive(u64, u64);

#[medi_handler(decorators = [through, through, through, through, through])]
async fn handle_through_five(message: AddThroughFive) -> Result<u64, Infallible> {
    Ok(add(message.0, message.1))
}

async fn through<Command, Next>(command: Command, next: Next) -> Result<Next::Response, Next::Error>
where
    Command: Send,
    Next: DecoratorNext<Command>,
{
    next.call(command).await
}

#[derive(Clone)]
struct HeardByOne(u64);

#[derive(Clone)]
struct HeardByThree(u64);

#[derive(Clone)]
struct HeardByTen(u64);

#[medi_handler]
async fn the_one(event: HeardByOne) -> Result<(), Infallible> {
    hear(event.0);
    Ok(())
}

seq!(N in 0..3 {
    #[medi_handler]
    async fn one_of_three~N(event: HeardByThree) -> Result<(), Infallible> {
        hear(event.0);
        Ok(())
    }
});

seq!(N in 0..10 {
    #[medi_handler]
    async fn one_of_ten~N(event: HeardByTen) -> Result<(), Infallible> {
        hear(event.0);
        Ok(())
    }
});

medi_module! {
    manifest few;
    commands {
        Add => handle;
        AddAfterYield => handle_after_yield;
        AddThroughOne => handle_through_one;
        AddThroughFive => handle_through_five;
    }
    events {
        HeardByOne => [the_one];
        HeardByThree => [one_of_three0, one_of_three1, one_of_three2];
        HeardByTen => [
            one_of_ten0, one_of_ten1, one_of_ten2, one_of_ten3, one_of_ten4, one_of_ten5, one_of_ten6, one_of_ten7,
            one_of_ten8, one_of_ten9
        ];
    }
}

mediator! {
    struct Few {
        event_queue_capacity: 16;
        event_workers: 1;
        modules: [few];
    }
}

fn heard(count: usize) -> impl FnMut(u64) -> Span {
    let runtime = one_thread();
    let mediator: &'static Few = Box::leak(Box::new(Few::builder().build()));
    runtime.block_on(async { mediator.start().expect("it is started once") });
    move |turns| {
        runtime.block_on(async {
            match count {
                1 => timed_awaits!(turns, |turn| mediator.publish_and_wait(HeardByOne(turn))),
                3 => timed_awaits!(turns, |turn| mediator.publish_and_wait(HeardByThree(turn))),
                _ => timed_awaits!(turns, |turn| mediator.publish_and_wait(HeardByTen(turn))),
            }
        })
    }
}

fn sent(turns: u64, mediator: &Few) -> Span {
    one_thread().block_on(async { timed_awaits!(turns, |turn| mediator.send(Add(turn, 1))) })
}

fn answer(case: Case) -> Answer {
    match case {
        Case::Sync => Answer::Cannot("its handlers are async"),
        Case::Async => Answer::turns(|| {
            let mediator = Few::builder().build();
            move |turns| sent(turns, &mediator)
        }),
        Case::AsyncYield => Answer::turns(|| {
            let mediator = Few::builder().build();
            awaits!(one_thread(), |turn| mediator.send(AddAfterYield(turn, 1)))
        }),
        Case::Events(count) => Answer::turns(move || heard(count)),
        Case::Layers(layers) => Answer::turns(move || {
            let (runtime, mediator) = (one_thread(), Few::builder().build());
            move |turns| {
                runtime.block_on(async {
                    if layers == 1 {
                        timed_awaits!(turns, |turn| mediator.send(AddThroughOne(turn, 1)))
                    } else {
                        timed_awaits!(turns, |turn| mediator.send(AddThroughFive(turn, 1)))
                    }
                })
            }
        }),
        Case::Callers(callers) => Answer::turns(move || {
            let mediator = Few::builder().build();
            move |turns| on_threads(callers, || sent(turns, &mediator))
        }),
        #[cfg(feature = "many")]
        Case::Types(types) => Answer::turns(move || many::turns(types)),
        #[cfg(not(feature = "many"))]
        Case::Types(_) => Answer::TOO_MANY,
        Case::Building => {
            Answer::turns(|| |turns| timed(turns, |turn| ready(Few::builder().build().send(Add(turn, 1)))))
        }
    }
}
