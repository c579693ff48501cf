//! Messages for later: in a stream of their own until they are due, and then in that of their kind.
//!
//! A server that keeps a message until it is due cannot refuse one when the stream is full, and would drop the oldest. So it is not
//! the work queues that wait, but a stream without a limit, which is [looked at](Waiting::room) before each message. When one is due
//! it stays there, under another subject, until a [worker](crate::worker) has moved it.

use std::time::{Duration, UNIX_EPOCH};

use async_nats::{
    header::{NATS_SCHEDULE, NATS_SCHEDULE_TARGET},
    jetstream::context::GetStreamErrorKind,
};
use linkbus::{AnyError, transport::Undelivered};

use crate::{config::NatsConfig, connection::Connection, names, publish::ForStream, streams::is_unknown_stream};

/// The last time that a server can hold, which counts nanoseconds since 1970: in the year 2262. It takes what is later for the past.
const LAST: Duration = Duration::from_nanos(i64::MAX as u64);

/// What keeps messages for later.
pub(crate) struct Waiting<'a> {
    pub(crate) connection: &'a Connection,
    pub(crate) config: &'a NatsConfig,
}

impl Waiting<'_> {
    /// The same message, to be kept until it is due, in milliseconds since 1970.
    pub(crate) async fn until(&self, due: u64, message: ForStream) -> Result<ForStream, Undelivered> {
        let due = Duration::from_millis(due);
        if due > LAST {
            return Err(cannot_wait("NATS counts time up to the year 2262: take an earlier one"));
        }
        if !self.connection.keeps_for_later() {
            let version = self.connection.client.server_info().version;
            return Err(cannot_wait(format!("the server {version} keeps no message for later: version 2.12 does")));
        }
        self.room().await?;
        let prefix = &self.config.prefix;
        let mut headers = message.headers;
        headers.insert(NATS_SCHEDULE, format!("@at {}", humantime::format_rfc3339_millis(UNIX_EPOCH + due)));
        headers.insert(NATS_SCHEDULE_TARGET, names::due(prefix, &message.subject));
        Ok(ForStream { subject: names::waiting(prefix, &message.id), headers, ..message })
    }

    /// Whether the stream can take one more. Where it cannot be asked, the server decides when it gets the message.
    async fn room(&self) -> Result<(), Undelivered> {
        let name = names::later_stream(&self.config.prefix);
        let stream = match self.connection.jetstream.get_stream(&name).await {
            Ok(stream) => stream,
            Err(error) => match error.kind() {
                GetStreamErrorKind::JetStream(refusal) if is_unknown_stream(&refusal) => {
                    return Err(cannot_wait(format!(
                        "the stream `{name}` is missing: make it, or leave out `NatsConfig::verify_only`"
                    )));
                }
                _ => return Ok(()),
            },
        };
        let info = stream.cached_info();
        if !info.config.allow_message_schedules {
            return Err(cannot_wait(format!(
                "the stream `{name}` keeps no message for later: set `allow_msg_schedules`"
            )));
        }
        let (bytes, most) = (info.state.bytes, self.config.streams.max_bytes());
        if bytes >= most {
            tracing::warn!(target: "linkbus", stream = name, bytes, most, "a message for later is refused: the stream is full");
            return Err(Undelivered::Overloaded);
        }
        Ok(())
    }
}

fn cannot_wait(why: impl Into<AnyError>) -> Undelivered {
    Undelivered::CannotWait(why.into())
}
