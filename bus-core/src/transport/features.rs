//! What a transport promises.

/// What a transport promises: what programs may rely on, and what the conformance suite asks for.
///
/// The default promises the least.
///
/// ```
/// use linkbus::transport::{Delivery, Features};
///
/// let mut features = Features::default();
/// features.events = Delivery::AtLeastOnce;
/// features.max_size = 8 << 20;
/// assert!(features.queries && features.commands == Delivery::AtMostOnce);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Features {
    /// Whether queries are carried, with their replies.
    pub queries: bool,
    /// How often a command or a task is handled that was accepted.
    pub commands: Delivery,
    /// How often a subscriber gets an event that was accepted.
    pub events: Delivery,
    /// When a command or a task is over for its sender.
    pub completion: Completion,
    /// Which messages of one kind arrive in the order in which they were sent.
    pub order: Order,
    /// How many messages of a batch, such as that of [`publish_many`](crate::Bus::publish_many), may be under way at once: 1 unless
    /// set, so each waits for the one before. It counts where the completion is `Accepted` and nobody handles the message on the bus.
    pub batch_window: usize,
    /// Whether it takes messages that are [due](super::Envelope::due) later: unless set, the bus refuses them. One that takes them
    /// keeps them until then, or says with [`Undelivered::CannotWait`](super::Undelivered::CannotWait) why what is behind it does not.
    pub schedules: bool,
    /// Whether what was accepted is still there when all processes of the program are gone.
    pub durable: bool,
    /// The most bytes of a message with its envelope.
    pub max_size: usize,
}

/// How often an accepted message is handled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Delivery {
    /// Once or not at all; losses are counted.
    AtMostOnce,
    /// Once, and again if the process that handled it is gone before it said so.
    AtLeastOnce,
}

/// When a command or a task is over for its sender.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Completion {
    /// When its handler is done: the sender gets the handler's error.
    Handled,
    /// When it was accepted: what its handler fails with is the business of retries and dead letters at the other end.
    Accepted,
}

/// What arrives in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Order {
    /// Nothing.
    Unordered,
    /// What one process sends to one other.
    PerSender,
    /// What has the same [`#[bus(key)]`](super::Key) and the same name: it is handled one after the other, also when it is handled again.
    /// Messages of different keys do not wait for each other.
    PerKey,
}

impl Default for Features {
    fn default() -> Self {
        Features {
            queries: true,
            commands: Delivery::AtMostOnce,
            events: Delivery::AtMostOnce,
            completion: Completion::Handled,
            order: Order::Unordered,
            batch_window: 1,
            schedules: false,
            durable: false,
            max_size: 1 << 20,
        }
    }
}
