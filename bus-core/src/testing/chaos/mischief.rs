//! Chaos around one message.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use super::{Happened, Injected, Mishap, Run, draw::Draw, odds::Odds};
use crate::{
    clock::Clock,
    layer::{Around, AsyncAround, AsyncNext, Dispatch, Done, ErasedPayload, LayerFailure, Next},
    message::{Kind, MessageFacts},
    testing::Play,
};

pub(super) struct Mischief {
    pub(super) seed: u64,
    pub(super) odds: Odds,
    /// How many there were of the message, on all buses.
    pub(super) dispatches: Arc<AtomicU64>,
    pub(super) run: Arc<Run>,
    pub(super) clock: Clock,
}

impl Around for Mischief {
    fn call(&self, dispatch: &mut Dispatch<'_>, next: Next<'_>) -> Done {
        let turn = self.begin(dispatch.message());
        if let Some(delay) = turn.draw.delay {
            turn.note(Mishap::Delayed(delay));
            self.clock.sleep(delay);
        }
        if let Some(done) = turn.keep_from_handler(dispatch) {
            return done;
        }
        let second = turn.second(dispatch);
        let done = next.run(dispatch);
        if let Some(mut second) = second {
            next.run(&mut dispatch.once_more(&mut *second));
        }
        turn.answer(dispatch, done)
    }
}

impl AsyncAround for Mischief {
    async fn call(&self, dispatch: &mut Dispatch<'_>, next: AsyncNext<'_>) -> Done {
        let turn = self.begin(dispatch.message());
        if let Some(others) = turn.draw.held_back {
            turn.note(Mishap::HeldBack { others });
            self.run.gate.hold_back(others, self.clock.sleep_async(self.odds.patience)).await;
        }
        if let Some(delay) = turn.draw.delay {
            turn.note(Mishap::Delayed(delay));
            self.clock.sleep_async(delay).await;
        }
        if let Some(done) = turn.keep_from_handler(dispatch) {
            return done;
        }
        let second = turn.second(dispatch);
        let done = next.run(dispatch).await;
        if let Some(mut second) = second {
            next.run(&mut dispatch.once_more(&mut *second)).await;
        }
        turn.answer(dispatch, done)
    }
}

impl Mischief {
    fn begin(&self, message: &'static MessageFacts) -> Turn<'_> {
        let nth = self.dispatches.fetch_add(1, Ordering::Relaxed) + 1;
        Turn { mischief: self, message, nth, draw: Draw::new(&self.odds, self.seed, message.name, nth) }
    }
}

/// One dispatch. When it is over, however that comes, it has gone past those that are held back.
struct Turn<'m> {
    mischief: &'m Mischief,
    message: &'static MessageFacts,
    nth: u64,
    draw: Draw,
}

impl Turn<'_> {
    fn note(&self, mishap: Mishap) -> Happened {
        let happened = Happened { message: self.message, nth: self.nth, mishap };
        self.mischief.run.happenings.note(happened);
        happened
    }

    /// Ends it before it comes to its handler, if that is drawn.
    fn keep_from_handler(&self, dispatch: &mut Dispatch<'_>) -> Option<Done> {
        match self.draw.loss {
            Some(Mishap::Dropped) if matches!(self.message.kind, Kind::Event | Kind::Task) => {
                self.note(Mishap::Dropped);
                Some(dispatch.play(&Play::nothing()))
            }
            Some(loss @ (Mishap::Failed | Mishap::Dropped)) => Some(self.fail(loss, dispatch)),
            _ => None,
        }
    }

    /// What comes a second time, if that is drawn.
    fn second(&self, dispatch: &mut Dispatch<'_>) -> Option<Box<ErasedPayload>> {
        if !self.draw.is_duplicated || dispatch.any().is_none() {
            return None;
        }
        self.note(Mishap::Duplicated);
        // Drawn before it is copied: both have the same ids.
        dispatch.context();
        Some(dispatch.payload.detach())
    }

    /// What the caller gets.
    fn answer(&self, dispatch: &mut Dispatch<'_>, done: Done) -> Done {
        match self.draw.loss {
            Some(loss @ Mishap::AnswerLost) => self.fail(loss, dispatch),
            _ => done,
        }
    }

    fn fail(&self, mishap: Mishap, dispatch: &mut Dispatch<'_>) -> Done {
        let injected = Injected { seed: self.mischief.seed, happened: self.note(mishap) };
        dispatch.fail(LayerFailure::Transport(injected.into()))
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.mischief.run.gate.pass();
    }
}
