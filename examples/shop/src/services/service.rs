//! What a process does that is a service.

use std::path::Path;

use bus_nats::{Nats, NatsClient, NatsConfig};
use contracts::notifications::SendReceipt;
use linkbus::{
    AnyError, Bus, Kind,
    layer::{DeadLetters, Inbox},
    transport::Endpoint,
};
use storage::SqliteInbox;

use super::{config, patient, refusals::refusals, until_somebody_answers};
use crate::{
    Part, Place, Stop, layers, letters, recorded,
    split::{Attempts, between_processes},
};

/// The parts that are together in one service.
#[derive(Clone, Debug)]
pub struct Service(Vec<Part>);

impl Service {
    /// A service of these parts.
    ///
    /// # Errors
    /// If orders and stock are not together. An order is placed if stock says so, and what a command is answered does not come
    /// back over NATS: it is over when the server has kept it.
    pub fn new(parts: &[Part]) -> Result<Self, AnyError> {
        if parts.contains(&Part::Orders) != parts.contains(&Part::Stock) {
            return Err("an order waits for the answer of stock, and a command over NATS has none: start both as one \
                        service, with `--module stock --module orders`"
                .into());
        }
        Ok(Service(Part::ALL.into_iter().filter(|part| parts.contains(part)).collect()))
    }

    /// `stock-orders`: its group, so the name must stay when the service is started again.
    fn name(&self) -> String {
        self.0.iter().map(|part| part.name()).collect::<Vec<_>>().join("-")
    }

    fn letters(&self, place: &Place) -> Result<DeadLetters, AnyError> {
        if self.0.contains(&Part::Notifications) { letters::open(place) } else { Ok(DeadLetters::in_memory()) }
    }
}

/// Serves the parts of a service, with what comes from the NATS server at `server`, until it is asked to stop. Then it finishes
/// what it began, and gives back the rest. Its data and its inbox are in the file `data`, which is its own.
///
/// # Errors
/// A database that cannot be opened, a fault of the wiring, or a server that cannot be reached or used.
pub async fn run_service(
    service: &Service,
    server: &str,
    data: &Path,
    records: Option<&Path>,
    stop: &Stop,
) -> Result<(), AnyError> {
    let config = config(server, &service.name());
    let bus = open(service, Nats::client(&config).await?, data, records)?;
    tokio::select! {
        settled = settle(service, &bus) => settled?,
        () = stop.asked() => return Ok(bus.close().await?),
    }
    serve(&config, &bus, stop).await?;
    Ok(bus.close().await?)
}

async fn settle(service: &Service, bus: &Bus) -> Result<(), AnyError> {
    for part in &service.0 {
        part.settle(bus).await?;
    }
    Ok(())
}

async fn serve(config: &NatsConfig, bus: &Bus, stop: &Stop) -> Result<(), AnyError> {
    let worker = Nats::worker(config, Endpoint::new(bus)?).await?;
    let handle = worker.handle();
    let running = tokio::spawn(worker.run());
    stop.asked().await;
    handle.stop();
    running.await?;
    Ok(())
}

fn open(service: &Service, client: NatsClient, data: &Path, records: Option<&Path>) -> Result<Bus, AnyError> {
    let (place, inbox) = (Place::File(data.to_owned()), SqliteInbox::open(data)?);
    let modules = service.0.iter().flat_map(|part| part.modules());
    let bus = recorded(Bus::empty(), records)?.modules(modules).layer(Attempts(service.name()));
    let bus = between_processes(bus, until_somebody_answers());
    let bus = service.0.iter().try_fold(bus, |bus, part| part.equip(bus, &place, Some(&inbox)))?;
    // The server gives out again what fails, and keeps what is lost; but not what a process does for itself, which is tasks.
    let bus = layers(bus, service.letters(&place)?, [Kind::Task], patient())
        .layer(Inbox::new(inbox).key(|receipt: &SendReceipt| receipt.order.clone()));
    Ok(refusals(bus).transport(client).replayable().build()?)
}
