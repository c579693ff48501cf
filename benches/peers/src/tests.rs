//! Every peer does the work that it is measured by.

use std::sync::atomic::Ordering;

use crate::{
    Answer, CASES, Case, peers,
    work::{SEEN, Seen},
};

const TURNS: u64 = 7;

impl Seen {
    /// Replies and events since it was asked before.
    fn taken(&self) -> (u64, u64) {
        (self.replies.swap(0, Ordering::Relaxed), self.heard.swap(0, Ordering::Relaxed))
    }
}

/// What must be seen after so many turns.
fn is_due(case: Case, replies: u64, heard: u64) -> bool {
    let count = |number: usize| u64::try_from(number).expect("it is small");
    match case {
        Case::Events(subscribers) => (replies, heard) == (0, TURNS * count(subscribers)),
        Case::Callers(callers) => (replies, heard) == (TURNS * count(callers), 0),
        // Who has no replies begins with an event.
        Case::Building => [(TURNS, 0), (0, TURNS)].contains(&(replies, heard)),
        _ => (replies, heard) == (TURNS, 0),
    }
}

/// One test: what is seen is counted for the whole program.
#[test]
fn every_peer_gives_the_right_reply_and_is_heard_in_every_turn() {
    for peer in peers() {
        for case in CASES {
            let Answer::Turns(ready) = (peer.answer)(*case) else { continue };
            let mut turns = ready();
            // The second time finds what the first has left.
            for _ in 0..2 {
                SEEN.taken();
                turns(TURNS);
                let (replies, heard) = SEEN.taken();
                assert!(is_due(*case, replies, heard), "{}, {case}: {replies} replies, {heard} heard", peer.name);
            }
        }
    }
}
