//! Batches: messages in order, up to the first that fails.

use std::future::Future;

#[cfg(feature = "transport")]
use {
    crate::{layer::Layered, message::MessageFacts},
    futures_util::{
        future::Either,
        stream::{self, StreamExt as _},
    },
    std::pin::pin,
};

use super::Bus;
use crate::{error::BatchError, message::Message};

impl Bus {
    /// Dispatches a batch in order and stops at the first that fails. What goes through a transport need not wait for the one before.
    #[cfg(feature = "transport")]
    pub(super) fn batch<M: Message, E: Send, O>(
        &self,
        messages: impl Iterator<Item = M> + Send,
        one: impl Fn(M) -> O + Send,
    ) -> impl Future<Output = Result<(), BatchError<E>>> + Send
    where
        O: Future<Output = Result<(), E>> + Send,
    {
        match self.batch_window(M::FACTS) {
            ..=1 => Either::Left(in_turn(messages, one)),
            // Boxed, so that a batch that is handled here has no room for it.
            window => Either::Right(Box::pin(pipelined(window, messages, one))),
        }
    }

    #[cfg(not(feature = "transport"))]
    #[expect(clippy::unused_self, reason = "a transport of the bus would be asked")]
    pub(super) fn batch<M: Message, E: Send, O>(
        &self,
        messages: impl Iterator<Item = M> + Send,
        one: impl Fn(M) -> O + Send,
    ) -> impl Future<Output = Result<(), BatchError<E>>> + Send
    where
        O: Future<Output = Result<(), E>> + Send,
    {
        in_turn(messages, one)
    }

    /// How many messages of a batch of these may be under way: one, if any of them is handled here.
    #[cfg(feature = "transport")]
    fn batch_window(&self, message: &MessageFacts) -> usize {
        let is_elsewhere =
            !self.core.vias.is_empty() && self.core.table.layered(message).is_some_and(Layered::is_elsewhere);
        if !is_elsewhere {
            return 1;
        }
        let ways = if message.kind.has_one_handler() { 1 } else { self.core.vias.len() };
        let vias = self.core.vias.iter().filter(|via| via.takes(message)).take(ways);
        vias.map(|via| via.batch_window(message)).min().unwrap_or(1)
    }
}

/// Dispatches one after the other, and stops at the first that fails.
pub(crate) async fn in_turn<M, E, O>(
    messages: impl Iterator<Item = M> + Send,
    one: impl Fn(M) -> O + Send,
) -> Result<(), BatchError<E>>
where
    O: Future<Output = Result<(), E>> + Send,
{
    for (completed, message) in messages.enumerate() {
        one(message).await.map_err(|error| BatchError { completed, error })?;
    }
    Ok(())
}

/// Begins with them in order, of which up to `window` are under way, and stops at the first that fails. What is under way then is
/// given up.
#[cfg(feature = "transport")]
async fn pipelined<M, E, O>(
    window: usize,
    messages: impl Iterator<Item = M> + Send,
    one: impl Fn(M) -> O + Send,
) -> Result<(), BatchError<E>>
where
    O: Future<Output = Result<(), E>> + Send,
{
    let mut outcomes = pin!(stream::iter(messages).map(one).buffered(window).enumerate());
    while let Some((completed, outcome)) = outcomes.next().await {
        outcome.map_err(|error| BatchError { completed, error })?;
    }
    Ok(())
}
