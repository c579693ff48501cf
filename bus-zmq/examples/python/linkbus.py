"""A peer of a linkbus hub: it answers queries, hears events, and sends commands. The protocol is in docs/wire.md."""

import json
import struct
import sys
import time
import uuid
from collections import deque

import zmq

import messagepack

VERSION = 1
HELLO, WELCOME, WHO, ROUTES, REQUEST, WORK, DONE, FAILED, REJECT, RETURN, EVENT, CREDIT, HEARTBEAT, GOODBYE = range(1, 15)
KINDS = {"query": 1, "command": 2, "event": 3, "task": 4}
UNCOUNTED = {HELLO, WELCOME, WHO, HEARTBEAT}
NO_LIMIT = 0xFFFFFFFF


class Refused(Exception):
    """The other side did not do what it was asked for: `error` is the error of its handler, if that can be written."""

    def __init__(self, text, error=None):
        super().__init__(text)
        self.error = error


def text(value):
    data = value.encode()
    return struct.pack(">H", len(data)) + data


def content(envelope, body):
    envelope = messagepack.write(envelope)
    return struct.pack(">I", len(envelope)) + envelope + body


def read_content(data):
    (length,) = struct.unpack_from(">I", data)
    return messagepack.read(data[4 : 4 + length]), data[4 + length :]


def frames_of(message):
    """The frames in a message of ZeroMQ, each its type and its fields."""
    while message:
        (length,) = struct.unpack_from(">I", message)
        frame, message = message[4 : 4 + length], message[4 + length :]
        if frame[0] == VERSION:
            yield frame[1], frame[2:]


class Peer:
    """`queries` and `events` are functions by wire name; each takes a message as a dict. A query may raise `Refused`."""

    def __init__(self, endpoint, queries, events):
        self.queries, self.events = queries, events
        self.sequence, self.session, self.is_welcome, self.has_left = 0, 0, False, False
        # Commands that have no answer yet, and answers that nobody has taken yet.
        self.unanswered, self.answers = set(), {}
        # What arrived and was not looked at: a handler that waits for something goes on with it.
        self.frames = deque()
        self.sent = self.received = 0
        self.source, self.pause, self.next_word = uuid.uuid4().bytes, 1.0, 0.0
        # In how many handlers we are: what they send says so, so that a circle of messages comes to an end.
        self.depth = 0
        self.socket = zmq.Context.instance().socket(zmq.DEALER)
        self.socket.setsockopt(zmq.ROUTING_ID, b"p" + uuid.uuid4().bytes[1:])
        self.socket.setsockopt(zmq.IMMEDIATE, 1)
        self.socket.connect(endpoint)

    def run_until(self, condition):
        """Does whatever the hub says, until it is so."""
        while not condition():
            if time.monotonic() >= self.next_word:
                self._say_something()
            if self.frames:
                self._receive(*self.frames.popleft())
            elif self.socket.poll(max(0.0, self.next_word - time.monotonic()) * 1000):
                self.frames.extend(frames_of(self.socket.recv()))

    def execute(self, name, message):
        """Sends a command, and waits until it is handled; meanwhile, queries are answered and events heard."""
        self.run_until(lambda: self.is_welcome)
        self.sequence += 1
        sequence, dispatch = self.sequence, uuid.uuid4().bytes
        envelope = {"version": 1, "kind": "command", "name": name, "id": dispatch, "correlation": dispatch}
        envelope |= {"source": self.source, "attempt": 1, "depth": self.depth, "content_type": "application/json"}
        head = struct.pack(">QBII", sequence, KINDS["command"], 1, NO_LIMIT) + text(name)
        self._send(REQUEST, head + content(envelope, json.dumps(message).encode()))
        self.unanswered.add(sequence)
        self.run_until(lambda: sequence in self.answers)
        refusal = self.answers.pop(sequence)
        if refusal is not None:
            raise refusal

    def close(self):
        """Leaves the hub. Who is not welcome yet has nothing to wait for."""
        if self.is_welcome:
            self._send(GOODBYE)
            self.run_until(lambda: self.has_left)
        self.socket.close(linger=0)

    def _say_something(self):
        if self.is_welcome:
            self._send(HEARTBEAT, struct.pack(">QQ", self.sent, 0))
        else:
            self._hello()
        self.next_word = time.monotonic() + self.pause

    def _hello(self):
        self.session, self.is_welcome, self.pause = self.session + 1, False, 1.0
        served = [(KINDS["query"], name) for name in self.queries] + [(KINDS["event"], name) for name in self.events]
        names = b"".join(struct.pack(">B", kind) + text(name) for kind, name in served)
        self._send(HELLO, struct.pack(">IIIH", self.session, 1, 1, len(served)) + names)

    def _send(self, kind, fields=b""):
        if kind not in UNCOUNTED:
            self.sent += 1
        self.socket.send(struct.pack(">IBB", len(fields) + 2, VERSION, kind) + fields)

    def _send_in(self, session, kind, fields):
        """Leases and credit end with their session: of one that is over, nothing is sent."""
        if self.session == session:
            self._send(kind, fields)

    def _receive(self, kind, fields):
        if kind == WELCOME:
            return self._welcome(*struct.unpack_from(">I16sI", fields))
        if kind == REJECT and struct.unpack_from(">Q", fields)[0] == 0:
            raise Refused(f"the hub refuses: reason {fields[8]}")
        if not self.is_welcome:
            return
        if kind == WHO or (kind == HEARTBEAT and struct.unpack_from(">Q", fields)[0] != self.received):
            # Frames were lost; a command that has no answer may have been handled.
            for sequence in list(self.unanswered):
                self._answer(sequence, Refused("the connection broke"))
            self._hello()
        self.received += kind not in UNCOUNTED
        if kind == WORK:
            self._work(*struct.unpack_from(">QI", fields), *read_content(fields[12:]))
        elif kind == EVENT:
            self._hear(fields[8:])
        elif kind in (DONE, FAILED, REJECT):
            self._answer(struct.unpack_from(">Q", fields)[0], refusal_of(kind, fields[8:]))
        elif kind == GOODBYE:
            self.has_left = True

    def _welcome(self, session, hub, heartbeat):
        if session == self.session:
            self.is_welcome, self.sent, self.received, self.pause = True, 0, 0, heartbeat / 1000
            self._say_something()

    def _answer(self, sequence, refusal):
        if sequence in self.unanswered:
            self.unanswered.remove(sequence)
            self.answers[sequence] = refusal

    def _handle(self, handlers, envelope, body):
        outside, self.depth = self.depth, envelope.get("depth", 0) + 1
        try:
            return handlers[envelope["name"]](message_of(envelope, body))
        finally:
            self.depth = outside

    def _work(self, lease, attempt, envelope, body):
        session, number = self.session, struct.pack(">Q", lease)
        try:
            kind, answer = DONE, json.dumps(self._handle(self.queries, envelope, body)).encode()
        except Exception as exception:
            kind, answer = FAILED, messagepack.write(error_of(exception))
        self._send_in(session, kind, number + answer)

    def _hear(self, event):
        """Nobody waits for what becomes of an event: a handler that fails is told here, and the next one is heard."""
        session = self.session
        try:
            envelope, body = read_content(event)
            self._handle(self.events, envelope, body)
        except Exception as exception:
            print(f"an event was not handled: {exception!r}", file=sys.stderr)
        self._send_in(session, CREDIT, struct.pack(">I", 1))


class Unreadable(Exception):
    """A body in a format that is not known here, or that is none of it."""


def message_of(envelope, body):
    if envelope["content_type"] != "application/json":
        raise Unreadable(f"`{envelope['content_type']}` is no format that is known here: send `application/json`")
    try:
        return json.loads(body)
    except ValueError as error:
        raise Unreadable(f"the message cannot be read: {error}") from error


def error_of(exception):
    if isinstance(exception, Refused):
        reason, body = "failed", {"body": json.dumps(exception.error).encode()}
    else:
        reason, body = "refused" if isinstance(exception, Unreadable) else "panicked", {}
    error = {"reason": reason, "type_name": type(exception).__name__, "text": str(exception), "is_retryable": False}
    return error | body


def refusal_of(kind, rest):
    if kind == DONE:
        return None
    if kind == REJECT:
        return Refused(f"the hub rejects it: reason {rest[0]}")
    error = messagepack.read(rest)
    return Refused(error["text"], json.loads(error["body"]) if error.get("body") else None)
