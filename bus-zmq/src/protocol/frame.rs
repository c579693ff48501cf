//! Frames: what is said, and how it is written.

use std::{borrow::Cow, error::Error, fmt, time::Duration};

use linkbus::Kind;

use super::{
    Content, Reject,
    fields::{Fields, put_list, put_text},
};

/// The version of the protocol, which begins each frame.
pub const VERSION: u8 = 1;

/// What hub, clients and workers say to each other. On the wire: [`VERSION`], the type, the fields.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Frame {
    /// To the hub: a session begins. What was under way in the one before is given up.
    Hello(Hello),
    /// From the hub: the answer to a hello.
    Welcome(Welcome),
    /// From the hub: who are you? The peer has to say hello.
    Who,
    /// From the hub to clients: the names that have workers now.
    Routes(Vec<String>),
    /// To the hub: a message is to be handled. It is answered with the same number.
    Request {
        /// The sender's number for it, never used again.
        sequence: u64,
        /// What the hub has to know.
        head: Head,
        /// The message.
        content: Content,
    },
    /// From the hub: a worker is to handle this. It is answered with the lease.
    Work {
        /// The hub's number for it, never used again.
        lease: u64,
        /// Which attempt it is, counted from 1.
        attempt: u32,
        /// The message.
        content: Content,
    },
    /// It was handled. From a worker with its lease, to a client with its sequence.
    Done {
        /// Lease or sequence.
        id: u64,
        /// The reply to a query; otherwise empty.
        body: Vec<u8>,
    },
    /// It was not, or its handler failed. From a worker with its lease, to a client with its sequence.
    Failed {
        /// Lease or sequence.
        id: u64,
        /// A `RemoteError` as MessagePack.
        error: Vec<u8>,
    },
    /// From the hub: there is no answer.
    Reject {
        /// The sequence, or 0 for what cannot be read.
        id: u64,
        /// Why.
        why: Reject,
    },
    /// To the hub: a worker did not begin with this, and does not want it.
    Return {
        /// The lease.
        lease: u64,
    },
    /// From the hub: a message to a subscriber.
    Event {
        /// The number of it among the events for this subscriber, counted from 1; a gap was dropped.
        number: u64,
        /// The message.
        content: Content,
    },
    /// To the hub: a subscriber is done with so many events.
    Credit {
        /// How many.
        events: u32,
    },
    /// Both ways: I am there.
    Heartbeat {
        /// How many frames the sender has sent in this session, without hello, welcome and heartbeats.
        frames: u64,
        /// From the hub: the number of the last event for this subscriber. To the hub: 0.
        events: u64,
    },
    /// To the hub: I take nothing more; a second one: I give up what I have. From the hub: nothing of yours is left. Or,
    /// unasked: the hub closes.
    Goodbye,
}

/// A peer, as it presents itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hello {
    /// The number of this session, which counts up.
    pub session: u32,
    /// How many messages it takes at once; a client has none.
    pub credit: u32,
    /// How many events it takes before it is done with one.
    pub events: u32,
    /// What it serves.
    pub serves: Vec<Served>,
}

/// A message that a worker handles or subscribes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Served {
    /// Query, command, task; or event.
    pub kind: Kind,
    /// The wire name of the message.
    pub name: Cow<'static, str>,
}

/// What the hub tells a peer that said hello.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Welcome {
    /// The session that it answers.
    pub session: u32,
    /// What tells this run of the hub apart from others.
    pub hub: [u8; 16],
    /// How often both sides say that they are there.
    pub heartbeat: Duration,
    /// The most bytes of a content.
    pub max_frame: u32,
    /// The names that have workers now.
    pub routes: Vec<String>,
}

/// What the hub has to know of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// Query, command, event or task.
    pub kind: Kind,
    /// How often it was given to a hub, counted from 1.
    pub attempt: u32,
    /// After which time nobody has to begin with it.
    pub time_left: Option<Duration>,
    /// The wire name of the message.
    pub name: Cow<'static, str>,
}

/// Bytes that are no frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Malformed {
    /// Its version or type is not known.
    Unknown,
    /// It is shorter than it says, has too much, or what stands there has no meaning.
    Unreadable,
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Malformed::Unknown => "a frame of a version or a type that is not known",
            Malformed::Unreadable => "a frame that cannot be read",
        })
    }
}

impl Error for Malformed {}

impl Frame {
    /// Reads a frame. What it takes in memory is bounded by the length of `bytes`.
    ///
    /// # Errors
    /// [`Malformed`] if it is none.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Malformed> {
        let &[VERSION, code @ 1..=LAST_CODE, ref fields @ ..] = bytes else { return Err(Malformed::Unknown) };
        let mut fields = Fields(fields);
        let frame = read(code, &mut fields).ok_or(Malformed::Unreadable)?;
        if fields.0.is_empty() { Ok(frame) } else { Err(Malformed::Unreadable) }
    }

    /// Appends the frame to `out`, behind its length in four bytes: several of them are a message of ZeroMQ.
    ///
    /// # Panics
    /// If it has 4 GiB or more, a name has 64 KiB, or a list 65,536 of them.
    pub fn append_to(&self, out: &mut Vec<u8>) {
        let begin = out.len();
        out.extend([0; 4]);
        out.extend([VERSION, self.code()]);
        self.put_fields(out);
        let length = u32::try_from(out.len() - begin - 4).expect("a frame has less than 4 GiB");
        out[begin..begin + 4].copy_from_slice(&length.to_be_bytes());
    }

    /// Whether it is counted by heartbeats.
    pub(super) fn is_counted(&self) -> bool {
        !matches!(self, Frame::Hello(_) | Frame::Welcome(_) | Frame::Who | Frame::Heartbeat { .. })
    }

    /// Its type on the wire.
    fn code(&self) -> u8 {
        match self {
            Frame::Hello(_) => 1,
            Frame::Welcome(_) => 2,
            Frame::Who => 3,
            Frame::Routes(_) => 4,
            Frame::Request { .. } => 5,
            Frame::Work { .. } => 6,
            Frame::Done { .. } => 7,
            Frame::Failed { .. } => 8,
            Frame::Reject { .. } => 9,
            Frame::Return { .. } => 10,
            Frame::Event { .. } => 11,
            Frame::Credit { .. } => 12,
            Frame::Heartbeat { .. } => 13,
            Frame::Goodbye => LAST_CODE,
        }
    }

    fn put_fields(&self, out: &mut Vec<u8>) {
        match self {
            Frame::Who | Frame::Goodbye => {}
            Frame::Hello(hello) => hello.put(out),
            Frame::Welcome(welcome) => welcome.put(out),
            Frame::Routes(names) => put_list(out, names, |out, name| put_text(out, name)),
            Frame::Request { sequence, head, content } => {
                out.extend(sequence.to_be_bytes());
                head.put(out);
                out.extend_from_slice(content.bytes());
            }
            Frame::Work { lease, attempt, content } => {
                out.extend(lease.to_be_bytes());
                out.extend(attempt.to_be_bytes());
                out.extend_from_slice(content.bytes());
            }
            Frame::Done { id, body: bytes } | Frame::Failed { id, error: bytes } => {
                out.extend(id.to_be_bytes());
                out.extend_from_slice(bytes);
            }
            Frame::Reject { id, why } => {
                out.extend(id.to_be_bytes());
                out.push(why.code());
            }
            Frame::Return { lease } => out.extend(lease.to_be_bytes()),
            Frame::Event { number, content } => {
                out.extend(number.to_be_bytes());
                out.extend_from_slice(content.bytes());
            }
            Frame::Credit { events } => out.extend(events.to_be_bytes()),
            Frame::Heartbeat { frames, events } => {
                out.extend(frames.to_be_bytes());
                out.extend(events.to_be_bytes());
            }
        }
    }
}

/// The type with the highest number.
const LAST_CODE: u8 = 14;

/// The frame of this type, if its fields can be read.
fn read(code: u8, fields: &mut Fields<'_>) -> Option<Frame> {
    Some(match code {
        1 => Frame::Hello(Hello::read(fields)?),
        2 => Frame::Welcome(Welcome::read(fields)?),
        3 => Frame::Who,
        4 => Frame::Routes(names(fields)?),
        5 => Frame::Request { sequence: fields.u64()?, head: Head::read(fields)?, content: content(fields)? },
        6 => Frame::Work { lease: fields.u64()?, attempt: fields.u32()?, content: content(fields)? },
        7 => Frame::Done { id: fields.u64()?, body: fields.rest().into() },
        8 => Frame::Failed { id: fields.u64()?, error: fields.rest().into() },
        9 => Frame::Reject { id: fields.u64()?, why: Reject::from_code(fields.u8()?)? },
        10 => Frame::Return { lease: fields.u64()? },
        11 => Frame::Event { number: fields.u64()?, content: content(fields)? },
        12 => Frame::Credit { events: fields.u32()? },
        13 => Frame::Heartbeat { frames: fields.u64()?, events: fields.u64()? },
        LAST_CODE => Frame::Goodbye,
        _ => return None,
    })
}

fn content(fields: &mut Fields<'_>) -> Option<Content> {
    Content::read(fields.rest())
}

fn name(fields: &mut Fields<'_>) -> Option<Cow<'static, str>> {
    fields.text().map(|name| Cow::Owned(name.to_owned()))
}

fn names(fields: &mut Fields<'_>) -> Option<Vec<String>> {
    fields.list(|fields| fields.text().map(str::to_owned))
}

impl Hello {
    fn put(&self, out: &mut Vec<u8>) {
        out.extend(self.session.to_be_bytes());
        out.extend(self.credit.to_be_bytes());
        out.extend(self.events.to_be_bytes());
        put_list(out, &self.serves, |out, served| {
            out.push(kind_code(served.kind));
            put_text(out, &served.name);
        });
    }

    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let served = |fields: &mut Fields<'_>| Some(Served { kind: kind(fields.u8()?)?, name: name(fields)? });
        Some(Hello {
            session: fields.u32()?,
            credit: fields.u32()?,
            events: fields.u32()?,
            serves: fields.list(served)?,
        })
    }
}

impl Welcome {
    fn put(&self, out: &mut Vec<u8>) {
        out.extend(self.session.to_be_bytes());
        out.extend(self.hub);
        out.extend(millis(self.heartbeat).to_be_bytes());
        out.extend(self.max_frame.to_be_bytes());
        put_list(out, &self.routes, |out, name| put_text(out, name));
    }

    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        Some(Welcome {
            session: fields.u32()?,
            hub: fields.array()?,
            heartbeat: Duration::from_millis(fields.u32()?.into()),
            max_frame: fields.u32()?,
            routes: names(fields)?,
        })
    }
}

/// No time left that anybody has to keep to.
const NO_DEADLINE: u32 = u32::MAX;

impl Head {
    fn put(&self, out: &mut Vec<u8>) {
        out.push(kind_code(self.kind));
        out.extend(self.attempt.to_be_bytes());
        out.extend(self.time_left.map_or(NO_DEADLINE, |left| millis(left).min(NO_DEADLINE - 1)).to_be_bytes());
        put_text(out, &self.name);
    }

    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let (kind, attempt, time_left) = (kind(fields.u8()?)?, fields.u32()?, fields.u32()?);
        let time_left = (time_left != NO_DEADLINE).then(|| Duration::from_millis(time_left.into()));
        Some(Head { kind, attempt, time_left, name: name(fields)? })
    }
}

/// 49 days at most.
fn millis(duration: Duration) -> u32 {
    u32::try_from(duration.as_millis()).unwrap_or(u32::MAX)
}

fn kind_code(kind: Kind) -> u8 {
    match kind {
        Kind::Query => 1,
        Kind::Command => 2,
        Kind::Event => 3,
        Kind::Task => 4,
    }
}

fn kind(code: u8) -> Option<Kind> {
    [Kind::Query, Kind::Command, Kind::Event, Kind::Task].into_iter().find(|kind| kind_code(*kind) == code)
}

/// The frames of a message of ZeroMQ, each as it can be [read](Frame::from_bytes); one that is cut off is malformed.
pub fn frames(mut message: &[u8]) -> impl Iterator<Item = Result<&[u8], Malformed>> {
    std::iter::from_fn(move || {
        if message.is_empty() {
            return None;
        }
        let frame = split_frame(message);
        message = frame.map_or(&[], |(_, rest)| rest);
        Some(frame.map(|(frame, _)| frame).ok_or(Malformed::Unreadable))
    })
}

fn split_frame(message: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = message.split_first_chunk::<4>()?;
    rest.split_at_checked(usize::try_from(u32::from_be_bytes(*length)).ok()?)
}
