use linkbus::AnyError;
use notifications::{Mail, Mailer};

/// A mailer for a program that you try out: it prints what a mail says, but not where it goes.
pub(crate) struct PrintedMail;

impl Mailer for PrintedMail {
    fn send(&self, mail: &Mail) -> Result<(), AnyError> {
        tracing::info!("\"{}\"", mail.body);
        Ok(())
    }
}
