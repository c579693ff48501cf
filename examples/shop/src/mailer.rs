use linkbus::AnyError;
use notifications::{Mail, Mailer};

/// A mailer for a program that you try out: it prints the mail, but not the address.
pub(crate) struct PrintedMail;

impl Mailer for PrintedMail {
    fn send(&self, mail: &Mail) -> Result<(), AnyError> {
        tracing::info!("\"{}\" {}", mail.subject, mail.body);
        Ok(())
    }
}
