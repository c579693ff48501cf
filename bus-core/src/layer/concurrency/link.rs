//! The limits around one message, on either bus.

use std::{sync::Arc, time::Duration};

use super::{
    gate::{Entered, Gate, Permit},
    stats::Tally,
    within::Passage,
};
use crate::layer::{Around, AsyncAround, AsyncNext, Dispatch, Done, LayerFailure, Next};

/// The limits around one message.
pub(super) struct Limited {
    /// Asked in this order: a dispatch that waits for its message takes no room on the bus meanwhile. Because all ask in
    /// the same order, and those who have both wait for nothing, they cannot wait for each other.
    pub(super) message: Option<Arc<Gate>>,
    pub(super) bus: Option<Arc<Gate>>,
    pub(super) tally: Arc<Tally>,
}

/// The permits of one dispatch, given back when dropped.
struct Permits<'g> {
    tally: &'g Tally,
    _message: Option<Permit<'g>>,
    _bus: Option<Permit<'g>>,
}

impl Drop for Permits<'_> {
    #[inline]
    fn drop(&mut self) {
        // Before the permits go, so that never more are counted than the limit allows.
        self.tally.ended();
    }
}

/// Why there is no permit.
enum Turned {
    /// It is counted as rejected.
    Away,
    /// It is counted as abandoned already.
    Late,
}

impl Limited {
    fn permits<'g>(&'g self, message: Option<Permit<'g>>, bus: Option<Permit<'g>>) -> Permits<'g> {
        self.tally.admitted();
        Permits { tally: &self.tally, _message: message, _bus: bus }
    }

    fn refuse(&self, dispatch: &mut Dispatch<'_>, turned: &Turned) -> Done {
        if matches!(turned, Turned::Away) {
            self.tally.rejected();
        }
        dispatch.fail(LayerFailure::Overloaded)
    }

    async fn pass<'g>(&'g self, gate: Option<&'g Gate>) -> Result<Option<Permit<'g>>, Turned> {
        let Some(gate) = gate else { return Ok(None) };
        match gate.enter() {
            Entered::In(permit) => Ok(Some(permit)),
            Entered::Full => Err(Turned::Away),
            Entered::Wait(turn) => {
                let waiting = self.tally.waiting();
                let permit = turn.await;
                waiting.over();
                Ok(Some(permit))
            }
        }
    }

    fn pass_blocking<'g>(
        &'g self,
        gate: Option<&'g Gate>,
        dispatch: &Dispatch<'_>,
    ) -> Result<Option<Permit<'g>>, Turned> {
        let Some(gate) = gate else { return Ok(None) };
        match gate.enter() {
            Entered::In(permit) => Ok(Some(permit)),
            Entered::Full => Err(Turned::Away),
            Entered::Wait(turn) => {
                let waiting = self.tally.waiting();
                let permit = turn.wait(|| time_left(dispatch)).ok_or(Turned::Late)?;
                waiting.over();
                Ok(Some(permit))
            }
        }
    }

    async fn admit(&self) -> Result<Permits<'_>, Turned> {
        let message = self.pass(self.message.as_deref()).await?;
        let bus = self.pass(self.bus.as_deref()).await?;
        Ok(self.permits(message, bus))
    }

    #[inline]
    fn admit_blocking(&self, dispatch: &Dispatch<'_>) -> Result<Permits<'_>, Turned> {
        let message = self.pass_blocking(self.message.as_deref(), dispatch)?;
        let bus = self.pass_blocking(self.bus.as_deref(), dispatch)?;
        Ok(self.permits(message, bus))
    }
}

/// How long a time-out outside the limit leaves: when it is over nobody waits for the outcome any more.
fn time_left(dispatch: &Dispatch<'_>) -> Option<Duration> {
    let deadline = dispatch.deadline()?;
    Some(deadline.saturating_duration_since(dispatch.clock.now()))
}

impl Around for Limited {
    fn call(&self, dispatch: &mut Dispatch<'_>, next: Next<'_>) -> Done {
        let passage = Passage::new(&*self.tally, dispatch);
        if dispatch.is_nested() || passage.is_inside() {
            self.tally.nested();
            return next.run(dispatch);
        }
        match self.admit_blocking(dispatch) {
            Ok(_permits) => {
                let _entered = passage.enter();
                next.run(dispatch)
            }
            Err(turned) => self.refuse(dispatch, &turned),
        }
    }
}

impl AsyncAround for Limited {
    async fn call(&self, dispatch: &mut Dispatch<'_>, next: AsyncNext<'_>) -> Done {
        let passage = Passage::new(&*self.tally, dispatch);
        let mut permits = None;
        if dispatch.is_nested() || passage.is_inside() {
            self.tally.nested();
        } else {
            match self.admit().await {
                Ok(all) => permits = Some(all),
                Err(turned) => return self.refuse(dispatch, &turned),
            }
        }
        // In one place, because each would be a future of its own inside this one.
        passage.scope(permits.is_some(), next.run(dispatch)).await
    }
}
