//! A Rust program and a Python program on one bus: `cargo run -p bus-zmq --example interop -- PYTHON`, where `PYTHON` is an interpreter
//! that has pyzmq. `python/README.md` says how to get one.
//!
//! The Python program, which this one starts, answers a query of it, sends it commands and hears its events.

use std::{
    env,
    path::Path,
    process::{ExitCode, ExitStatus},
    sync::atomic::{AtomicU32, Ordering},
};

use bus_zmq::Zmq;
use linkbus::{
    AnyError, Bus, Command, Event, EventHandle, Query, SendError, handler,
    transport::{Endpoint, Json, Via},
};
use serde::{Deserialize, Serialize};
use tokio::process::Command as Process;

/// Answered in Python.
#[derive(Query, Serialize, Deserialize)]
#[query(reply = u32, error = PriceError, name = "prices.GetPrice")]
struct GetPrice {
    sku: String,
}

#[derive(Debug, PartialEq, Serialize, Deserialize, thiserror::Error)]
enum PriceError {
    #[error("`{0}` has no price")]
    Unknown(String),
}

/// Sent from Python.
#[derive(Command, Serialize, Deserialize)]
#[command(error = StockError, name = "stock.AddStock")]
struct AddStock {
    sku: String,
    quantity: u32,
}

#[derive(Debug, PartialEq, Serialize, Deserialize, thiserror::Error)]
enum StockError {
    #[error("nothing is not added")]
    Nothing,
}

/// Heard in Python.
#[derive(Event, Serialize, Deserialize)]
#[event(name = "shop.Opened")]
struct Opened {
    day: String,
}

/// Heard in Python.
#[derive(Event, Serialize, Deserialize)]
#[event(name = "stock.StockChanged")]
struct StockChanged {
    sku: String,
    left: u32,
}

/// How many mugs there are.
#[derive(Default)]
struct Stock(AtomicU32);

#[handler]
async fn add_stock(command: &AddStock, stock: &Stock, events: &EventHandle) -> Result<(), StockError> {
    let AddStock { sku, quantity } = command;
    if *quantity == 0 {
        return Err(StockError::Nothing);
    }
    let left = stock.0.fetch_add(*quantity, Ordering::Relaxed) + quantity;
    println!("rust: adds {quantity} {sku}");
    let changed = StockChanged { sku: sku.clone(), left };
    events.publish(changed).await.unwrap_or_else(|error| eprintln!("nobody hears of it: {error}"));
    Ok(())
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<ExitCode, AnyError> {
    let Some(python) = env::args().nth(1) else {
        eprintln!("interop: {WHICH_PYTHON}");
        return Ok(ExitCode::FAILURE);
    };
    let folder = tempfile::tempdir()?;
    let endpoint = format!("ipc://{}/run/bus", folder.path().display());
    let hub = Zmq::hub().endpoint(&endpoint).start()?;
    let client = Zmq::client().join(&hub)?;
    let json = Via::new(client.clone()).codec(Json);
    let bus = Bus::builder().provide(Stock::default()).transport(json).replayable().build()?;
    let worker = Zmq::worker().join(&hub, Endpoint::new(&bus)?)?;
    let handle = worker.handle();
    let running = tokio::spawn(worker.run());

    let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/python/prices.py");
    let started = Process::new(&python).arg(program).arg(&endpoint).kill_on_drop(true).spawn();
    let mut python = started.map_err(|error| format!("`{python}` cannot be started: {error}; {WHICH_PYTHON}"))?;
    tokio::select! {
        served = client.served(["prices.GetPrice"]) => served?,
        ended = python.wait() => return ended_early(ended?),
    }
    ask_for_prices(&bus).await?;
    bus.publish(Opened { day: "Monday".to_owned() }).await?;
    let ended = python.wait().await?;

    handle.stop();
    running.await??;
    bus.close().await?;
    hub.close().await;
    println!("rust: Python has left");
    Ok(if ended.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

const WHICH_PYTHON: &str = "name an interpreter that has pyzmq, as in `cargo run -p bus-zmq --example interop -- venv/bin/python` \
                            (bus-zmq/examples/python/README.md says how to get one)";

fn ended_early(ended: ExitStatus) -> Result<ExitCode, AnyError> {
    Err(format!("the Python program ended before it said what it answers ({ended}): {WHICH_PYTHON}").into())
}

async fn ask_for_prices(bus: &Bus) -> Result<(), AnyError> {
    for sku in ["mug", "hat"] {
        match bus.send(GetPrice { sku: sku.to_owned() }).await {
            Ok(cents) => println!("rust: one {sku} costs {cents} cents"),
            Err(SendError::Handler(refusal)) => println!("rust: {refusal}"),
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}
