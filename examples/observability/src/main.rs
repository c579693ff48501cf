//! A bus that is observed: spans over OTLP, metrics for Prometheus, a layer of its own.
//!
//! `cargo run -p observability` serves `POST /orders/{item}` and `GET /metrics` on 127.0.0.1:8080, or on the address that is
//! given; with `--demo` it takes some orders, prints what `/metrics` counts then, and ends.

mod http;
mod orders;
mod telemetry;

use std::error::Error;

use linkbus::Bus;
use tokio::{net::TcpListener, runtime::Runtime};

use crate::{orders::PlaceOrder, telemetry::Telemetry};

fn main() -> Result<(), Box<dyn Error>> {
    // Before the bus, which asks the recorder of the metrics for its series when it is built; and outside the runtime,
    // because the spans are sent from a thread of their own.
    let telemetry = Telemetry::install()?;
    let bus = orders::bus()?;
    let runtime = Runtime::new()?;
    match std::env::args().nth(1).as_deref() {
        Some("--demo") => runtime.block_on(demo(&bus, &telemetry)),
        address => runtime.block_on(serve(bus, &telemetry, address.unwrap_or("127.0.0.1:8080")))?,
    }
    telemetry.shut_down()?;
    Ok(())
}

async fn serve(bus: Bus, telemetry: &Telemetry, address: &str) -> Result<(), Box<dyn Error>> {
    let listener = TcpListener::bind(address).await?;
    println!("listening on http://{}", listener.local_addr()?);
    let app = http::app(bus, telemetry.metrics());
    axum::serve(listener, app).with_graceful_shutdown(interrupted()).await?;
    Ok(())
}

/// Until the program is told to end.
async fn interrupted() {
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending::<()>().await;
    }
}

/// Prints what was counted, without what takes a different time in every run.
async fn demo(bus: &Bus, telemetry: &Telemetry) {
    for item in ["tea", "cup", "tea", "rocket"] {
        match bus.execute(PlaceOrder { item: item.to_owned() }).await {
            Ok(()) => println!("ordered: {item}"),
            Err(error) => println!("{item}: {error}"),
        }
    }
    for line in counted(&telemetry.metrics().render()) {
        println!("{line}");
    }
}

/// The counters and gauges that are not zero, in order.
fn counted(metrics: &str) -> Vec<&str> {
    let lines = metrics.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
    let mut counted: Vec<_> = lines.filter(|line| !line.contains("_seconds") && !line.ends_with(" 0")).collect();
    counted.sort_unstable();
    counted
}
