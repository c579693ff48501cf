//! The observers of `bevy_ecs`. What an observer replies it writes into the event.

use bevy_ecs::prelude::{Event, On, World};

use crate::{
    case::Case,
    peer::{Answer, Peer},
    span::Span,
    work::{add, hear, timed},
};

pub(crate) const PEER: Peer = Peer {
    name: "bevy_ecs 0.20 observers",
    gives: "observers that see and change the entities of a game, and come and go",
    answer,
};

#[derive(Event)]
struct Add {
    left: u64,
    right: u64,
    reply: u64,
}

impl Add {
    fn send(turn: u64, world: &mut World) -> u64 {
        let mut event = Self { left: turn, right: 1, reply: 0 };
        world.trigger_ref(&mut event);
        event.reply
    }
}

#[derive(Event)]
struct Heard(u64);

fn handle(mut event: On<Add>) {
    event.reply = add(event.left, event.right);
}

fn world(subscribers: usize) -> World {
    let mut world = World::new();
    world.add_observer(handle);
    for _ in 0..subscribers {
        world.add_observer(|event: On<Heard>| hear(event.0));
    }
    world
}

fn sent(turns: u64, world: &mut World) -> Span {
    timed(turns, |turn| Add::send(turn, world))
}

fn answer(case: Case) -> Answer {
    match case {
        Case::Sync => Answer::turns(|| {
            let mut world = world(0);
            move |turns| sent(turns, &mut world)
        }),
        Case::Async | Case::AsyncYield => Answer::Cannot("an observer is not async"),
        Case::Events(count) => Answer::turns(move || {
            let mut world = world(count);
            move |turns| timed(turns, |turn| world.trigger(Heard(turn)))
        }),
        Case::Layers(_) => Answer::Cannot("nothing can be put around an observer"),
        Case::Callers(1) => Answer::turns(|| {
            let mut world = world(0);
            move |turns| sent(turns, &mut world)
        }),
        Case::Callers(_) => Answer::Cannot("`trigger` takes `&mut World`"),
        Case::Types(_) => Answer::NotAsked("700 observers of 700 types are not written"),
        Case::Building => Answer::turns(|| |turns| timed(turns, |turn| Add::send(turn, &mut world(0)))),
    }
}
