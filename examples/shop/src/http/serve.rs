use std::{io, time::Duration};

use linkbus::Bus;
use tokio::net::TcpListener;

use super::router;
use crate::Stop;

/// How long requests may still run when the server is asked to stop.
const GRACE: Duration = Duration::from_secs(10);

/// Serves the API until it is asked to stop; then takes nothing new and lets what runs finish, for ten seconds at most.
pub async fn serve(listener: TcpListener, bus: Bus, stop: &Stop) -> io::Result<()> {
    let asked = stop.clone();
    let served = axum::serve(listener, router(bus)).with_graceful_shutdown(async move { asked.asked().await });
    tokio::select! {
        served = served.into_future() => served,
        () = out_of_patience(stop) => Ok(()),
    }
}

async fn out_of_patience(stop: &Stop) {
    stop.asked().await;
    tokio::time::sleep(GRACE).await;
}
