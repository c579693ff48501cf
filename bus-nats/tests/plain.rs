//! A program in Python, without linkbus, and a worker in Rust: what `docs/wire.md` says is enough to take part.
//!
//! It needs an interpreter that has nats-py: `LINKBUS_NATS_PYTHON=venv/bin/python cargo test -p bus-nats --test plain`.

mod support;

use std::{
    env,
    ffi::OsString,
    io::Write as _,
    sync::{Arc, Mutex},
};

use linkbus::{
    AnyError, Bus, Command, Event, EventHandle, Query, handler,
    transport::{Endpoint, Envelope, Json, Propagator, Via},
};
use serde::{Deserialize, Serialize};
use tokio::process::Command as Process;

use self::support::{Server, client, soon};

linkbus::module!();

const PYTHON: &str = "LINKBUS_NATS_PYTHON";

/// Sent from Python.
#[derive(Command, Serialize, Deserialize)]
#[command(name = "stock.AddStock")]
struct AddStock {
    sku: String,
    quantity: u32,
}

/// Heard in Python.
#[derive(Event, Serialize, Deserialize)]
#[event(name = "stock.StockChanged")]
struct StockChanged {
    sku: String,
    left: u32,
}

/// Asked from Python.
#[derive(Query, Serialize, Deserialize)]
#[query(reply = u32, name = "stock.GetStock")]
struct GetStock {
    sku: String,
}

/// How many mugs there are.
#[derive(Default)]
struct Stock(Mutex<u32>);

#[handler]
async fn add_stock(command: AddStock, stock: &Stock, events: &EventHandle) -> Result<(), AnyError> {
    let left = {
        let mut mugs = stock.0.lock().unwrap();
        *mugs += command.quantity;
        *mugs
    };
    events.publish(StockChanged { sku: command.sku, left }).await?;
    Ok(())
}

#[handler]
fn get_stock(query: &GetStock, stock: &Stock) -> Result<u32, AnyError> {
    if query.sku == "mug" { Ok(*stock.0.lock().unwrap()) } else { Err("there is no such article".into()) }
}

/// The trace of what came last goes on in what is sent: what a propagator of OpenTelemetry does for each span by itself.
#[derive(Clone, Default)]
struct LastTrace(Arc<Mutex<Option<String>>>);

impl Propagator for LastTrace {
    fn inject(&self, envelope: &mut Envelope) {
        envelope.traceparent.clone_from(&self.0.lock().unwrap());
    }

    fn extract(&self, envelope: &Envelope, _: &tracing::Span) {
        self.0.lock().unwrap().clone_from(&envelope.traceparent);
    }
}

/// The interpreter, or a notice that there is none.
fn python() -> Option<OsString> {
    let python = env::var_os(PYTHON);
    if python.is_none() {
        let notice = "notice: the test with a program in Python is left out: run `cargo xtask ci nats`, or say with \
                      LINKBUS_NATS_PYTHON=venv/bin/python where an interpreter is that has nats-py\n";
        // Not a macro: what those print is kept back.
        std::io::stderr().write_all(notice.as_bytes()).unwrap();
    }
    python
}

const SAID: &str = r#"python: the command is kept in linkbus_cmd
python: hears stock.StockChanged: {"sku":"mug","left":5}
python: it belongs to the trace of the command: True
python: there are 5 mug
python: and hat? failed
"#;

#[tokio::test]
async fn a_program_without_linkbus_sends_a_command_hears_what_comes_of_it_and_asks() {
    let Some(python) = python() else { return };
    for server in Server::each() {
        let (config, trace) = (server.config(), LastTrace::default());
        let via = Via::new(client(&config).await).codec(Json).propagate(trace.clone());
        let bus = Bus::empty().modules([MODULE]).provide(Stock::default()).transport(via).replayable().build().unwrap();
        let worker = bus_nats::Nats::worker(&config, Endpoint::new(&bus).unwrap().propagate(trace)).await.unwrap();
        let stop = worker.handle();
        let running = tokio::spawn(worker.run());

        let program = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/python/plain.py");
        let python = Process::new(&python).arg("-B").arg(program).arg(server.url()).kill_on_drop(true).output();
        let output = soon(python).await.unwrap();
        let (said, complaints) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert_eq!(said, SAID, "{complaints}");
        stop.stop();
        soon(running).await.unwrap();
    }
}
