//! What waits for workers, and which workers serve what.

use std::{collections::VecDeque, time::Duration};

use linkbus::Kind;

use super::{HubOptions, NoWorker, PeerId};
use crate::protocol::{Content, Head, Keyed, MAX_LIST, Numbered, NumberedSet, Reject};

/// The name of queries, commands or tasks.
pub(super) type Name = Keyed<str>;

/// A query, command or task that is neither handled nor given up.
pub(super) struct Waiting {
    pub(super) from: PeerId,
    pub(super) sequence: u64,
    pub(super) kind: Kind,
    pub(super) name: Name,
    pub(super) deadline: Option<Duration>,
    /// How often it was given to a worker, and to a hub before that.
    pub(super) attempt: u32,
    pub(super) content: Content,
}

impl Waiting {
    pub(super) fn is_expired(&self, now: Duration) -> bool {
        self.deadline.is_some_and(|deadline| deadline <= now)
    }

    /// Whether workers that had it are gone, and it is given up with the next one.
    pub(super) fn is_suspect(&self, options: &HubOptions) -> bool {
        self.attempt > 0 && self.attempt.saturating_add(1) >= options.max_attempts
    }
}

/// The messages of one name, and who serves them.
#[derive(Default)]
struct Route {
    /// The least recently used first.
    workers: VecDeque<PeerId>,
    waiting: VecDeque<Waiting>,
    /// Since when there is no worker, if there was one.
    vacant_since: Option<Duration>,
}

impl Route {
    /// Of the workers that take the next message, the one that was not used for longest.
    fn next_worker(&mut self, takes: impl Fn(&PeerId, &Waiting) -> bool) -> Option<PeerId> {
        let next = self.waiting.front()?;
        let place = self.workers.iter().position(|worker| takes(worker, next))?;
        let worker = self.workers.remove(place)?;
        self.workers.push_back(worker.clone());
        Some(worker)
    }
}

/// How long the list of them may be, however small frames are: messages of ZeroMQ may be larger than frames by more than that.
const LEAST_LIST: usize = 64 << 10;

/// What a message takes beside its bytes.
const MESSAGE: usize = 128;

/// The bytes of a name in a list.
fn listed(name: &str) -> usize {
    name.len() + 2
}

/// All names that are known.
#[derive(Default)]
pub(super) struct Routes {
    by_name: Numbered<Name, Route>,
    /// The names of which messages wait, each once; who is served next first.
    backlog: VecDeque<Name>,
    queued: usize,
    /// What is taken by what waits and by what is with workers.
    bytes: usize,
    /// The bytes of a list of all names.
    listed: usize,
}

impl Routes {
    pub(super) fn queued(&self) -> usize {
        self.queued
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// The names that have workers.
    pub(super) fn served(&self) -> Vec<String> {
        let served = self.by_name.iter().filter(|(_, route)| !route.workers.is_empty());
        let mut names: Vec<_> = served.map(|(name, _)| name.to_string()).collect();
        names.sort();
        names
    }

    /// The name of a message that may wait for a worker, or why it may not.
    pub(super) fn admit(
        &mut self,
        head: &Head,
        bytes: usize,
        now: Duration,
        options: &HubOptions,
    ) -> Result<Name, Reject> {
        let name = Name::new(&head.name);
        // A hub before this one took what is sent again: its workers are on their way.
        let can_wait = head.kind != Kind::Query && (options.no_worker == NoWorker::Queue || head.attempt > 1);
        if can_wait && !self.by_name.contains_key(&name) {
            if !self.has_room_for([name.clone()], options) {
                return Err(Reject::Overloaded);
            }
            self.know(&name).vacant_since = Some(now);
        }
        let (name, route) = self.by_name.get_key_value(&name).ok_or(Reject::NoHandler)?;
        if head.kind == Kind::Query && route.workers.is_empty() {
            return Err(Reject::NoHandler);
        }
        let bytes = self.bytes + bytes + MESSAGE;
        if route.waiting.len() >= options.queue_messages || bytes > options.queue_bytes {
            return Err(Reject::Overloaded);
        }
        self.bytes = bytes;
        Ok(name.clone())
    }

    /// Lets a message wait that was [admitted](Self::admit).
    pub(super) fn push_back(&mut self, waiting: Waiting) {
        self.enqueue(waiting, VecDeque::push_back);
    }

    /// Lets a message wait that was with a worker, before all others.
    pub(super) fn push_front(&mut self, waiting: Waiting) {
        self.enqueue(waiting, VecDeque::push_front);
    }

    fn enqueue(&mut self, waiting: Waiting, push: fn(&mut VecDeque<Waiting>, Waiting)) {
        let name = waiting.name.clone();
        let route = self.by_name.entry(name.clone()).or_default();
        if route.waiting.is_empty() {
            self.backlog.push_back(name);
        }
        push(&mut route.waiting, waiting);
        self.queued += 1;
    }

    /// A message is over, and its bytes are free.
    pub(super) fn release(&mut self, waiting: &Waiting) {
        self.bytes -= waiting.content.len() + MESSAGE;
    }

    /// The next message of this name, and the worker for it: of those that take it, the one that was not used for longest.
    pub(super) fn pop_for_next(
        &mut self,
        name: &Name,
        takes: impl Fn(&PeerId, &Waiting) -> bool,
    ) -> Option<(Waiting, PeerId)> {
        let worker = self.by_name.get_mut(name)?.next_worker(takes)?;
        Some((self.pop(name)?, worker))
    }

    fn pop(&mut self, name: &Name) -> Option<Waiting> {
        let route = self.by_name.get_mut(name)?;
        let waiting = route.waiting.pop_front()?;
        self.queued -= 1;
        if route.waiting.is_empty() {
            self.backlog.retain(|other| other != name);
        }
        Some(waiting)
    }

    /// The next message that a worker of these names takes; the names take turns.
    pub(super) fn pop_any(&mut self, serves: &NumberedSet<Name>, takes: impl Fn(&Waiting) -> bool) -> Option<Waiting> {
        let next = |name| self.by_name.get(name).and_then(|route| route.waiting.front());
        let place = self.backlog.iter().position(|name| serves.contains(name) && next(name).is_some_and(&takes))?;
        let name = self.backlog.remove(place)?;
        self.backlog.push_back(name.clone());
        self.pop(&name)
    }

    pub(super) fn add_worker(&mut self, worker: &PeerId, serves: &NumberedSet<Name>) {
        for name in serves {
            let route = self.know(name);
            route.vacant_since = None;
            route.workers.push_front(worker.clone());
        }
    }

    /// Whether these names may be known as well.
    pub(super) fn has_room_for(&self, names: impl IntoIterator<Item = Name>, options: &HubOptions) -> bool {
        let is_new = |name: &Name| !self.by_name.contains_key(name);
        let new: NumberedSet<_> = names.into_iter().filter(is_new).collect();
        let listed = self.listed + new.iter().map(|name| listed(name)).sum::<usize>();
        self.by_name.len() + new.len() <= MAX_LIST && listed <= options.max_frame.max(LEAST_LIST)
    }

    fn know(&mut self, name: &Name) -> &mut Route {
        self.by_name.entry(name.clone()).or_insert_with(|| {
            self.listed += listed(name);
            Route::default()
        })
    }

    /// The worker serves nothing any more. Gives the queries that nobody serves now.
    pub(super) fn remove_worker(&mut self, worker: &PeerId, serves: &NumberedSet<Name>, now: Duration) -> Vec<Waiting> {
        let mut vacant = NumberedSet::default();
        for name in serves {
            let Some(route) = self.by_name.get_mut(name) else { continue };
            route.workers.retain(|other| other != worker);
            if route.workers.is_empty() {
                route.vacant_since.get_or_insert(now);
                vacant.insert(name.clone());
            }
        }
        self.take_where(|waiting| waiting.kind == Kind::Query && vacant.contains(&waiting.name))
    }

    /// Takes everything out that is so.
    pub(super) fn take_where(&mut self, is_taken: impl Fn(&Waiting) -> bool) -> Vec<Waiting> {
        let mut taken = Vec::new();
        for name in &self.backlog {
            let route = self.by_name.get_mut(name).expect("what is in the backlog is known");
            if !route.waiting.iter().any(&is_taken) {
                continue;
            }
            let (out, left) = std::mem::take(&mut route.waiting).into_iter().partition::<VecDeque<_>, _>(&is_taken);
            route.waiting = left;
            taken.extend(out);
        }
        self.queued -= taken.len();
        self.backlog.retain(|name| !self.by_name[name].waiting.is_empty());
        taken
    }

    /// Forgets names that had no worker for too long; gives what waited for one.
    pub(super) fn expire(&mut self, now: Duration, options: &HubOptions) -> Vec<Waiting> {
        let is_over = |route: &Route| {
            route.vacant_since.is_some_and(|since| now.saturating_sub(since) >= options.worker_grace)
                && (route.waiting.is_empty() || options.no_worker == NoWorker::Reject)
        };
        let over: NumberedSet<_> =
            self.by_name.iter().filter(|(_, route)| is_over(route)).map(|(name, _)| name.clone()).collect();
        let taken = self.take_where(|waiting| over.contains(&waiting.name));
        self.by_name.retain(|name, _| !over.contains(name));
        self.listed -= over.iter().map(|name| listed(name)).sum::<usize>();
        taken
    }
}
