//! Bytes at a socket: whatever arrives is read or refused, and breaks neither a hub nor a client nor a worker.

#[path = "decoding/frame.rs"]
mod frame;
#[path = "../../tests/support/inputs.rs"]
mod inputs;
#[path = "decoding/session.rs"]
mod session;

use self::inputs::{corpus, mutate_bytes, read_mutated};

const FRAMES: &str = "tests/corpus/frame";
const SESSIONS: &str = "tests/corpus/session";

#[test]
fn what_is_in_the_corpus_of_frames_is_read_or_refused_without_a_panic() {
    let messages = corpus(FRAMES);
    assert!(messages.len() >= 30);
    assert!(messages.iter().map(|message| frame::read(message)).sum::<usize>() >= 20);
}

#[test]
fn mutated_frames_are_read_or_refused_and_what_is_read_comes_back() {
    read_mutated(&corpus(FRAMES), mutate_bytes, frame::read, 4);
}

#[test]
fn what_is_in_the_corpus_of_sessions_is_heard_by_hub_client_and_worker() {
    let scripts = corpus(SESSIONS);
    assert!(scripts.len() >= 5);
    assert!(scripts.iter().map(|script| session::play(script)).sum::<usize>() >= 40);
}

#[test]
fn whatever_is_said_at_random_breaks_neither_hub_nor_client_nor_worker() {
    read_mutated(&corpus(SESSIONS), mutate_bytes, session::play, 4);
}
