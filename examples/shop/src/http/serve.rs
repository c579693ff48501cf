use std::{io, time::Duration};

use linkbus::Bus;
use tokio::net::TcpListener;

use super::router;

/// How long requests may still run when the server is asked to stop.
const GRACE: Duration = Duration::from_secs(10);

/// Serves the API until ctrl-c or SIGTERM; then takes nothing new and lets what runs finish, for ten seconds at most.
pub async fn serve(listener: TcpListener, bus: Bus) -> io::Result<()> {
    let served = axum::serve(listener, router(bus)).with_graceful_shutdown(asked_to_stop());
    tokio::select! {
        served = served.into_future() => served,
        () = out_of_patience() => Ok(()),
    }
}

async fn out_of_patience() {
    asked_to_stop().await;
    tokio::time::sleep(GRACE).await;
}

#[cfg(unix)]
async fn asked_to_stop() {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate()).expect("a process may listen for SIGTERM");
    tokio::select! {
        _ = terminate.recv() => {}
        () = ctrl_c() => {}
    }
}

#[cfg(not(unix))]
async fn asked_to_stop() {
    ctrl_c().await;
}

async fn ctrl_c() {
    tokio::signal::ctrl_c().await.expect("a process may listen for ctrl-c");
}
