//! The inbox around one message, on either bus.

use std::{
    pin::pin,
    sync::Arc,
    task::{Context, Poll, Waker},
    time::{Duration, Instant, SystemTime},
};

use uuid::Uuid;

use super::{
    Claim, Claimed, CopyUnderWay, InboxError, InboxKey, InboxStore, KeyTooLong,
    counts::{Seen, Tally},
    key::KeyOf,
};
use crate::{
    clock::{Bell, Clock},
    error::AnyError,
    layer::{Around, AsyncAround, AsyncNext, Dispatch, Done, LayerFailure, Next, Outcome},
};

/// The delay before a copy asks again whether the other one is done: it doubles each time.
const FIRST_PAUSE: Duration = Duration::from_millis(5);

/// No delay is longer.
const LONGEST_PAUSE: Duration = Duration::from_millis(200);

/// The inbox around one message.
pub(super) struct Guard {
    pub(super) store: Arc<dyn InboxStore>,
    /// `None` for the id of the dispatch.
    pub(super) key: Option<KeyOf>,
    pub(super) max_wait: Duration,
    pub(super) clock: Clock,
    pub(super) tally: Tally,
}

/// How a dispatch waits on its bus.
#[derive(Clone, Copy)]
pub(super) enum Wait {
    Blocking,
    Async,
}

/// What is asked of the store for a dispatch.
struct Asked {
    key: InboxKey,
    /// The id that its handler sees.
    id: Uuid,
    /// The id under which it was first sent, if that is the key.
    sent_as: Option<Uuid>,
}

/// What became of a dispatch that asked to be let in.
pub(super) enum Admitted {
    In(Box<dyn Claim>),
    /// It was handled before.
    Duplicate,
    Not(Refused),
}

/// Why a dispatch is not let in.
pub(super) enum Refused {
    /// Another copy was under way for all the time there was.
    Late(Duration),
    Store(InboxError),
    Key(KeyTooLong),
}

impl Refused {
    /// As the error of the subscriber that is not called.
    pub(super) fn into_error(self) -> AnyError {
        match self {
            Refused::Late(waited) => CopyUnderWay { waited }.into(),
            Refused::Store(error) => error.into(),
            Refused::Key(error) => error.into(),
        }
    }
}

impl From<KeyTooLong> for Refused {
    fn from(error: KeyTooLong) -> Self {
        Refused::Key(error)
    }
}

impl From<InboxError> for Refused {
    fn from(error: InboxError) -> Self {
        Refused::Store(error)
    }
}

impl Guard {
    /// `subscriber` is the scope of the one that asks, if it is one.
    pub(super) async fn admit(&self, dispatch: &mut Dispatch<'_>, subscriber: Option<&str>, wait: Wait) -> Admitted {
        match self.claim(dispatch, subscriber, wait).await {
            Ok(Some(claim)) => Admitted::In(claim),
            Ok(None) => Admitted::Duplicate,
            Err(refused) => Admitted::Not(refused),
        }
    }

    /// `None` if it was handled before.
    async fn claim(
        &self,
        dispatch: &mut Dispatch<'_>,
        subscriber: Option<&str>,
        wait: Wait,
    ) -> Result<Option<Box<dyn Claim>>, Refused> {
        let Asked { mut key, id, sent_as } = self.asked(dispatch)?;
        if let Some(scope) = subscriber {
            key = key.of_subscriber(scope);
        }
        let mut patience = Patience::new(self, dispatch.deadline());
        loop {
            match self.store.claim(key.clone(), id).await? {
                Claimed::New(claim) => {
                    self.look_at_age(sent_as, dispatch.message().name);
                    return Ok(Some(claim));
                }
                Claimed::Done => return Ok(None),
                Claimed::Busy => {}
            }
            if patience.is_fresh() {
                self.tally.count(Seen::Waited);
            }
            let pause = patience.next().ok_or_else(|| Refused::Late(patience.waited()))?;
            self.wait(pause, wait).await;
        }
    }

    fn asked(&self, dispatch: &mut Dispatch<'_>) -> Result<Asked, KeyTooLong> {
        let (name, context) = (dispatch.message().name, dispatch.context());
        if let Some(text) = self.key.as_ref().and_then(|key| key.text(dispatch.any()?)) {
            return Ok(Asked { key: InboxKey::new(name, text)?, id: context.id(), sent_as: None });
        }
        // A replay has an id of its own, and is a copy of what failed.
        let failed = context.causation_id().filter(|_| dispatch.particulars().is_replay);
        let sent_as = failed.unwrap_or(context.id());
        Ok(Asked { key: InboxKey::new(name, sent_as.to_string())?, id: context.id(), sent_as: Some(sent_as) })
    }

    /// A copy of what the store has forgotten cannot be told from a new message: that is said, and the message is handled.
    fn look_at_age(&self, sent_as: Option<Uuid>, message_name: &str) {
        let (window, Some(id)) = (self.store.window(), sent_as) else { return };
        if age(id).is_some_and(|age| age > window) {
            self.tally.count(Seen::TooOld);
            tracing::warn!(
                target: "linkbus", message_name, %id, ?window,
                "a message is older than what the inbox remembers: whether it was handled before is not known"
            );
        }
    }

    async fn wait(&self, pause: Duration, wait: Wait) {
        match wait {
            Wait::Blocking => self.clock.sleep(pause),
            Wait::Async => self.clock.sleep_async(pause).await,
        }
    }

    pub(super) fn count_duplicate(&self) {
        self.tally.count(Seen::Duplicate);
    }

    pub(super) fn count_refused(&self, refused: &Refused) {
        self.tally.count(if matches!(refused, Refused::Late(_)) { Seen::NotStarted } else { Seen::Refused });
    }

    fn duplicate(&self, dispatch: &mut Dispatch<'_>) -> Done {
        self.count_duplicate();
        dispatch.succeed()
    }

    #[cold]
    fn refuse(&self, dispatch: &mut Dispatch<'_>, refused: Refused) -> Done {
        self.count_refused(&refused);
        dispatch.fail(match refused {
            Refused::Late(waited) => LayerFailure::NotStarted(waited),
            Refused::Store(InboxError::Behind { .. }) => LayerFailure::Overloaded,
            Refused::Store(error) => LayerFailure::Refused(error.into()),
            Refused::Key(error) => LayerFailure::Refused(error.into()),
        })
    }

    /// The handler has run and the claim is over. What it came to is what the caller gets, whatever the store says.
    pub(super) fn completed(&self, completed: Result<(), InboxError>, message_name: &str) {
        let Err(error) = completed else { return self.tally.count(Seen::Handled) };
        self.tally.count(if matches!(error, InboxError::Fenced) { Seen::Fenced } else { Seen::Unmarked });
        let error: &dyn std::error::Error = &error;
        tracing::error!(target: "linkbus", message_name, error, "a message was handled and is not marked as done");
    }
}

pub(super) fn has_succeeded(dispatch: &Dispatch<'_>) -> bool {
    matches!(dispatch.outcome(), Outcome::Succeeded)
}

/// How long ago the id was drawn, if it says so.
fn age(id: Uuid) -> Option<Duration> {
    let (seconds, nanos) = id.get_timestamp()?.to_unix();
    let drawn = SystemTime::UNIX_EPOCH.checked_add(Duration::new(seconds, nanos))?;
    SystemTime::now().duration_since(drawn).ok()
}

/// The pauses of a copy that waits for another one, until its time is over.
struct Patience<'g> {
    clock: &'g Clock,
    begun: Instant,
    until: Instant,
    pause: Duration,
}

impl<'g> Patience<'g> {
    fn new(guard: &'g Guard, deadline: Option<Instant>) -> Self {
        let begun = guard.clock.now();
        let until = begun.checked_add(guard.max_wait).into_iter().chain(deadline).min().unwrap_or(begun);
        Patience { clock: &guard.clock, begun, until, pause: FIRST_PAUSE }
    }

    /// Whether there was no pause yet.
    fn is_fresh(&self) -> bool {
        self.pause == FIRST_PAUSE
    }

    fn waited(&self) -> Duration {
        self.clock.now().saturating_duration_since(self.begun)
    }

    /// `None` if the time is over.
    fn next(&mut self) -> Option<Duration> {
        let left = self.until.saturating_duration_since(self.clock.now());
        let pause = self.pause.min(left);
        self.pause = (self.pause * 2).min(LONGEST_PAUSE);
        (!left.is_zero()).then_some(pause)
    }
}

impl AsyncAround for Guard {
    async fn call(&self, dispatch: &mut Dispatch<'_>, next: AsyncNext<'_>) -> Done {
        let claim = match self.admit(dispatch, None, Wait::Async).await {
            Admitted::In(claim) => claim,
            Admitted::Duplicate => return self.duplicate(dispatch),
            Admitted::Not(refused) => return self.refuse(dispatch, refused),
        };
        let done = next.run(dispatch).await;
        if has_succeeded(dispatch) {
            self.completed(claim.complete().await, dispatch.message().name);
        }
        done
    }
}

impl Around for Guard {
    fn call(&self, dispatch: &mut Dispatch<'_>, next: Next<'_>) -> Done {
        let claim = match block_on(self.admit(dispatch, None, Wait::Blocking)) {
            Admitted::In(claim) => claim,
            Admitted::Duplicate => return self.duplicate(dispatch),
            Admitted::Not(refused) => return self.refuse(dispatch, refused),
        };
        let done = next.run(dispatch);
        if has_succeeded(dispatch) {
            self.completed(block_on(claim.complete()), dispatch.message().name);
        }
        done
    }
}

/// Blocks this thread until it is ready.
pub(super) fn block_on<T>(future: impl Future<Output = T>) -> T {
    let bell = Arc::new(Bell::default());
    let waker = Waker::from(Arc::clone(&bell));
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(value) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            return value;
        }
        bell.wait(None);
    }
}
