//! Handlers that dispatch on their own bus.

pub(super) mod on_bus {
    use linkbus::{AnyError, Bus, handler};

    use crate::messages::{Double, Fate, Happened, Relay};

    #[handler]
    async fn relay(command: &Relay, bus: &Bus) -> Result<(), AnyError> {
        let reply = bus.send(Double { number: command.number, fate: Fate::Succeeds }).await?;
        Ok(bus.publish(Happened::well(reply)).await?)
    }

    linkbus::module! { handlers: [relay] }
}

pub(super) mod on_sync_bus {
    use linkbus::{AnyError, SyncBus, handler};

    use crate::messages::{Double, Fate, Happened, Relay};

    #[handler]
    fn relay(command: &Relay, bus: &SyncBus) -> Result<(), AnyError> {
        let reply = bus.send(Double { number: command.number, fate: Fate::Succeeds })?;
        Ok(bus.publish(Happened::well(reply))?)
    }

    linkbus::module! { handlers: [relay] }
}
