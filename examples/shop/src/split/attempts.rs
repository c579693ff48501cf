use linkbus::layer::{Dispatch, Observer};

/// Says on standard error, as the process of this name, when a message is handled that was with another process before.
pub(crate) struct Attempts(pub(crate) String);

impl Observer for Attempts {
    /// Before it is handled: who watches reads it in the order in which it happens.
    fn start(&self, dispatch: &mut Dispatch<'_>) {
        let attempt = dispatch.attempt();
        if attempt > 1 {
            eprintln!("shop: {} handles {}, attempt {attempt}", self.0, dispatch.message().name);
        }
    }

    fn end(&self, _: &mut Dispatch<'_>) {}
}
