//! What stands in the place of handlers that a bus does not have.

use std::{
    any::TypeId,
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use super::stub::{Play, Stubs};
use crate::{
    bus::Bus,
    dispatch::Inner,
    flavor::Flavor,
    handler::{BoxFuture, Running},
    layer::{Build, ErasedPayload, Layered, Stack},
    message::MessageFacts,
    sync_bus::SyncBus,
    wiring::Route,
};

/// Answers the messages that nobody handles on a bus.
pub(crate) struct Double<B: Flavor> {
    stubs: Arc<Stubs>,
    build: Build,
    /// The layers around messages that the bus learns of when they are dispatched.
    stages: Mutex<HashMap<TypeId, Arc<Layered<B>>>>,
}

impl<B: Flavor> Double<B> {
    pub(crate) fn new(stubs: Arc<Stubs>, build: Build) -> Self {
        Double { stubs, build, stages: Mutex::default() }
    }

    /// The layers around a message that the bus did not know when it was built.
    pub(crate) fn stage(&self, message: &'static MessageFacts, stack: &Stack<B>) -> Arc<Layered<B>> {
        let mut stages = self.stages.lock().unwrap_or_else(PoisonError::into_inner);
        let stage = stages.entry(message.type_id()).or_insert_with(|| {
            let linked = stack.link(&Route { message, handlers: Vec::new() }, &self.build);
            let chain = linked.chain.expect("a bus with a double has a spy around every message");
            Arc::new(chain.around(Inner::of_double()))
        });
        Arc::clone(stage)
    }

    fn play(&self, payload: &ErasedPayload) -> Play {
        self.stubs.play(payload.facts().type_id())
    }
}

impl Double<SyncBus> {
    /// Puts the outcome into `payload`.
    pub(crate) fn answer(&self, payload: &mut ErasedPayload) {
        let play = self.play(payload);
        if !play.delay().is_zero() {
            self.build.clock.sleep(play.delay());
        }
        payload.answer(&play);
    }
}

impl Double<Bus> {
    /// Puts the outcome into `payload`; gives what is left to be waited for.
    pub(crate) fn answer_async<'a>(&'a self, payload: &'a mut ErasedPayload) -> Option<Running<'a, ()>> {
        let play = self.play(payload);
        if play.delay().is_zero() {
            payload.answer(&play);
            return None;
        }
        let message = payload.facts();
        let future: BoxFuture<'a, ()> = Box::pin(async move {
            self.build.clock.sleep_async(play.delay()).await;
            payload.answer(&play);
        });
        Some(Running { future, message, limit: None })
    }
}
