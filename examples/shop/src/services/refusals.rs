//! Refusals of commands that nobody waits for.

use contracts::{orders::PlaceOrder, stock::AddStock, users::RegisterUser};
use linkbus::{
    Builder, Bus, Command, ExecuteError,
    layer::{OnAsync, on_async},
};

use crate::{Failure, Reason};

/// Takes the refusal of a request for its end. Its sender has been answered when the server kept it; trying again would come to
/// the same, and would make a dead letter of what is no fault. What may work later fails, and is tried again.
///
/// Only for what comes from outside: what a module asks of another one in the same process is answered.
pub(super) fn refusals(bus: Builder<Bus>) -> Builder<Bus> {
    bus.layer(noted::<RegisterUser>()).layer(noted::<AddStock>()).layer(noted::<PlaceOrder>())
}

fn noted<C: Command>() -> OnAsync<C>
where
    C::Error: Into<Failure> + Clone,
{
    on_async::<C>(|command, mut next| {
        Box::pin(async move {
            match next.run(command).await {
                Err(ExecuteError::Handler(refusal)) => note::<C>(refusal),
                outcome => outcome,
            }
        })
    })
}

fn note<C: Command>(refusal: C::Error) -> Result<(), ExecuteError<C::Error>>
where
    C::Error: Into<Failure> + Clone,
{
    let failure: Failure = refusal.clone().into();
    if failure.reason == Reason::Unavailable {
        return Err(ExecuteError::Handler(refusal));
    }
    tracing::info!("refuses {}: {failure}", C::FACTS.name);
    Ok(())
}
