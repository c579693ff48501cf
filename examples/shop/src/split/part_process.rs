//! What a process does that has one part of the shop.

use std::{io, path::Path, pin::pin, thread, time::Duration};

use bus_zmq::Zmq;
use linkbus::{AnyError, Bus, transport::Endpoint};
use tokio::sync::oneshot;

use super::{Attempts, between_processes, thrice};
use crate::{BEHIND_BACKS, Part, Place, Stop, layers, recorded, soon_again};

/// How long handlers have to finish when the process is to end.
const FINISH: Duration = Duration::from_secs(5);

/// Serves one part of the shop to the hub at the endpoint `hub`, until it is asked to stop or the standard input ends, as it
/// does when the front end is gone. Then it finishes what it began, and gives back the rest.
///
/// # Errors
/// A database that cannot be opened, a fault of the wiring, or a hub that cannot be used.
pub async fn run_part(
    part: Part,
    hub: &str,
    place: &Place,
    records: Option<&Path>,
    stop: &Stop,
) -> Result<(), AnyError> {
    let input_ended = end_of_input();
    let mut asked = pin!(async {
        tokio::select! { () = stop.asked() => {}, _ = input_ended => {} }
    });
    let bus = open(part, hub, place, records)?;
    tokio::select! {
        settled = part.settle(&bus) => settled?,
        () = &mut asked => return Ok(bus.close().await?),
    }
    // One event at a time: in the order in which they were published.
    let worker = Zmq::worker().endpoint(hub).event_credit(1).close_within(FINISH).connect(Endpoint::new(&bus)?)?;
    let handle = worker.handle();
    let mut running = tokio::spawn(worker.run());
    tokio::select! {
        over = &mut running => over?.map(drop)?,
        () = asked => {
            handle.stop();
            running.await??;
        }
    }
    bus.close().await?;
    Ok(())
}

fn open(part: Part, hub: &str, place: &Place, records: Option<&Path>) -> Result<Bus, AnyError> {
    let bus = recorded(Bus::empty(), records)?.modules(part.modules()).layer(Attempts(part.name().to_owned()));
    let bus = part.equip(between_processes(bus, thrice()), place, None)?;
    let client = Zmq::client().endpoint(hub).connect()?;
    Ok(layers(bus, part.letters(place)?, BEHIND_BACKS, soon_again()).transport(client).replayable().build()?)
}

/// Comes when the standard input ends. A thread reads it that nobody waits for, as one would for a thread of tokio.
fn end_of_input() -> oneshot::Receiver<()> {
    let (ended, end) = oneshot::channel();
    thread::spawn(move || {
        let _ = io::copy(&mut io::stdin(), &mut io::sink());
        let _ = ended.send(());
    });
    end
}
