//! What the server does not permit: it says so, and does not answer what was asked.

use std::{future::pending, pin::pin};

use tokio::sync::broadcast::{self, error::RecvError};

/// How many are known to whoever is slow to look; of the others the log tells.
const KEPT: usize = 256;

/// Something that the user of this connection may not do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the server does not permit this program {action} `{subject}`: give its user this permission")]
pub(crate) struct Denied {
    action: &'static str,
    subject: String,
}

impl Denied {
    /// Reads `Permissions Violation for Publish to "linkbus.cmd.shop.Ship"`.
    fn read(text: &str) -> Option<Self> {
        let mut parts = text.strip_prefix("Permissions Violation for ")?.split('"');
        let action = if parts.next()?.starts_with("Publish") { "to publish to" } else { "to subscribe to" };
        Some(Denied { action, subject: parts.next()?.to_owned() })
    }
}

/// What was denied, for those who wait for an answer in vain.
#[derive(Clone)]
pub(crate) struct Denials(broadcast::Sender<Denied>);

impl Denials {
    pub(crate) fn new() -> Self {
        Denials(broadcast::Sender::new(KEPT))
    }

    /// Notes what the server says, if it is that something is not permitted.
    pub(crate) fn note(&self, text: &str) {
        if let Some(denied) = Denied::read(text) {
            // An error is that nobody waits.
            let _ = self.0.send(denied);
        }
    }

    /// Waits for something that needs to publish to `subject`, unless that is denied.
    pub(crate) async fn unless_of<T>(&self, subject: &str, work: impl Future<Output = T>) -> Result<T, Denied> {
        self.unless(|denied| denied.subject == subject, work).await
    }

    /// Waits for something that needs all that it does, unless anything is denied.
    pub(crate) async fn unless_any<T>(&self, work: impl Future<Output = T>) -> Result<T, Denied> {
        self.unless(|_| true, work).await
    }

    async fn unless<T>(&self, concerns: impl Fn(&Denied) -> bool, work: impl Future<Output = T>) -> Result<T, Denied> {
        let mut denials = self.0.subscribe();
        let denied = pin!(async {
            loop {
                match denials.recv().await {
                    Ok(denied) if concerns(&denied) => return denied,
                    Ok(_) | Err(RecvError::Lagged(_)) => {}
                    Err(RecvError::Closed) => pending().await,
                }
            }
        });
        tokio::select! {
            biased;
            denied = denied => Err(denied),
            done = work => Ok(done),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_denied_is_read() {
        let publish = Denied::read("Permissions Violation for Publish to \"a.b\"").unwrap();
        let text = "the server does not permit this program to publish to `a.b`: give its user this permission";
        assert_eq!(publish.to_string(), text);
        let subscribe = Denied::read("Permissions Violation for Subscription to \"a.b\" using queue \"c\"").unwrap();
        assert_eq!(subscribe, Denied { action: "to subscribe to", subject: "a.b".into() });
        assert_eq!(Denied::read("Stale Connection"), None);
    }
}
