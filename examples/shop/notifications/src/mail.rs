use contracts::Email;
use linkbus::AnyError;

/// A mail on its way out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mail {
    /// Where it goes.
    pub to: Email,
    /// What it is about.
    pub subject: String,
    /// What it says.
    pub body: String,
    /// What makes it this mail: the id of the dispatch that wrote it.
    pub message_id: String,
}

/// What takes mail out of the house. Chosen by the program, not by this module.
pub trait Mailer: Send + Sync {
    /// Sends one mail, or fails; it is then not sent.
    fn send(&self, mail: &Mail) -> Result<(), AnyError>;
}
