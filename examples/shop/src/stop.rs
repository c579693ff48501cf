use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    sync::watch,
};

/// Whether the program was asked to stop, with ctrl-c or SIGTERM. Once it was, it stays so, for all clones.
#[derive(Clone, Debug)]
pub struct Stop(watch::Receiver<bool>);

impl Stop {
    /// Listens from now on: these signals do not end the program by themselves any more. A second one does, at once.
    ///
    /// # Panics
    /// Outside of tokio, or if the system does not let a process listen for signals.
    pub fn listen() -> Self {
        let mut signals = Signals::listen();
        let (tell, is_asked) = watch::channel(false);
        tokio::spawn(async move {
            signals.next().await;
            tell.send_replace(true);
            signals.next().await;
            std::process::exit(1);
        });
        Stop(is_asked)
    }

    /// Waits until it was asked.
    pub async fn asked(&self) {
        // An error is a runtime that ends.
        let _ = self.0.clone().wait_for(|is_asked| *is_asked).await;
    }
}

struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    fn listen() -> Self {
        let listen = |kind| signal(kind).expect("a process may listen for signals");
        Signals { interrupt: listen(SignalKind::interrupt()), terminate: listen(SignalKind::terminate()) }
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}
