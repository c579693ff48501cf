use linkbus::layer::{Dispatch, Observer};

use crate::Part;

/// Says on standard error when a message is handled that was with another process before.
pub(super) struct Attempts(pub(super) Part);

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
