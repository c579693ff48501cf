//! The notifications module: who is told what by mail.

mod handlers;
mod mail;
mod mailroom;

pub use handlers::request_receipt;
pub use mail::{Mail, Mailer};
pub use mailroom::Mailroom;
