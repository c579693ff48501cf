"""What the peer says to a hub that is played here. In this folder: `python -m unittest`."""

import struct
import threading
import unittest
import uuid
from collections import deque

import zmq

from linkbus import (
    CREDIT, DONE, EVENT, GOODBYE, HEARTBEAT, HELLO, REQUEST, VERSION, WELCOME, WHO, WORK, Peer, Refused, content, frames_of
)  # fmt: skip

LONG = 10_000


class Hub:
    """Says what a test wants it to say, to one peer."""

    def __init__(self, endpoint):
        self.socket = zmq.Context.instance().socket(zmq.ROUTER)
        self.socket.bind(endpoint)
        self.peer, self.heard = None, deque()

    def say(self, *frames):
        """Says frames that arrive together."""
        message = b"".join(struct.pack(">IBB", len(fields) + 2, VERSION, kind) + fields for kind, fields in frames)
        self.socket.send_multipart([self.peer, message])

    def hear(self, kind):
        """The next frame that is no heartbeat, which is of this kind."""
        while not self.heard:
            assert self.socket.poll(LONG), "the peer says nothing"
            self.peer, message = self.socket.recv_multipart()
            self.heard.extend(frame for frame in frames_of(message) if frame[0] != HEARTBEAT)
        heard, fields = self.heard.popleft()
        assert heard == kind, f"a frame of kind {heard}, not {kind}"
        return fields

    def welcome(self):
        (session,) = struct.unpack_from(">I", self.hear(HELLO))
        self.say((WELCOME, struct.pack(">I16sIIH", session, b"h" * 16, LONG, 1 << 20, 0)))


def carried(name):
    some_id = uuid.uuid4().bytes
    envelope = {"version": 1, "name": name, "id": some_id, "correlation": some_id, "content_type": "application/json"}
    return content(envelope, b"{}")


def work(lease):
    return WORK, struct.pack(">QI", lease, 1) + carried("py.Ask")


def event(number):
    return EVENT, struct.pack(">Q", number) + carried("py.Happened")


def done(sequence):
    return DONE, struct.pack(">Q", sequence)


class PeerOfAHub(unittest.TestCase):
    def begin(self, program, queries, events):
        """A hub at which a peer does what the program says, beside the test."""
        endpoint = f"inproc://{uuid.uuid4()}"
        hub, peer = Hub(endpoint), Peer(endpoint, queries, events)
        self.addCleanup(hub.socket.close, linger=0)
        thread = threading.Thread(target=program, args=[peer], daemon=True)
        thread.start()
        hub.welcome()
        return hub, peer, thread

    def test_when_the_connection_breaks_all_who_wait_are_told_and_what_was_begun_is_not_answered(self):
        for given in (work(1), event(1)):
            with self.subTest(kind=given[0]):
                refusals = []

                def execute_twice(peer):
                    try:
                        peer.execute("z.Outer", {})
                    except Refused as refusal:
                        refusals.append(str(refusal))
                    peer.run_until(lambda: peer.is_welcome)
                    peer.close()

                execute_inner = lambda _: peer.execute("z.Inner", {})
                hub, peer, thread = self.begin(execute_twice, {"py.Ask": execute_inner}, {"py.Happened": execute_inner})
                hub.hear(REQUEST)
                hub.say(given)
                hub.hear(REQUEST)
                hub.say((WHO, b""))
                # What comes between these is of the session before, or comes before the next one.
                hub.welcome()
                hub.hear(GOODBYE)
                hub.say((GOODBYE, b""))
                thread.join(LONG / 1000)
                self.assertEqual(refusals, ["the connection broke"])

    def test_what_came_together_with_work_is_looked_at_before_what_came_after_it(self):
        queries = {"py.Ask": lambda _: peer.execute("z.Inner", {})}
        hub, peer, _ = self.begin(lambda peer: peer.run_until(lambda: False), queries, {"py.Happened": lambda _: None})
        hub.say(work(1), event(1))
        hub.hear(REQUEST)
        hub.hear(CREDIT)
        # A heartbeat whose number is wrong would be answered with hello.
        hub.say(done(1), (HEARTBEAT, struct.pack(">QQ", 3, 1)))
        hub.hear(DONE)


if __name__ == "__main__":
    unittest.main()
