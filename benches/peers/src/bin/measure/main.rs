//! Counts what criterion does not, and collects everything into one file: `measure FILE CRITERION`, where the second is the
//! folder that criterion wrote. The program runs itself under callgrind: `measure turns PEER CASE TURNS` is one such run.

mod allocator;
mod run;
mod samples;

use std::{collections::BTreeMap, env, io, path::Path, process::Command};

use linkbus_peers::{
    Answer, CASES, Case, Peer, Turns, peers,
    results::{self, Done, Figure, PeerResults, Results},
};
use samples::Samples;

fn main() -> io::Result<()> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["turns", peer, case, turns] => {
            let peer = peers().nth(number(peer)).expect("a number of the tables");
            if let Answer::Turns(ready) = (peer.answer)(CASES[number(case)]) {
                ready()(turns.parse().expect("a number of turns"));
            }
            Ok(())
        }
        [file, criterion] => {
            let measured = Measured { samples: Samples::read(Path::new(criterion))?, counts: has_valgrind() };
            results::write(Path::new(file), &measured.collected()?)
        }
        _ => Err(io::Error::other("usage: measure FILE CRITERION")),
    }
}

fn number(text: &str) -> usize {
    text.parse().expect("a number of the tables")
}

fn has_valgrind() -> bool {
    let has = Command::new("valgrind").arg("--version").output().is_ok();
    if !has {
        println!("notice: valgrind is not installed, so no instruction was counted");
    }
    has
}

/// What criterion measured, and whether instructions are counted besides.
struct Measured {
    samples: Samples,
    counts: bool,
}

impl Measured {
    fn collected(&self) -> io::Result<Results> {
        // What cannot be used is said before anything is counted.
        for peer in peers() {
            for case in CASES.iter().filter(|case| matches!((peer.answer)(**case), Answer::Turns(_))) {
                self.samples.of(peer, *case)?;
            }
        }
        let mut rest = peers().enumerate().map(|(number, peer)| self.of_peer(number, peer));
        let mut next = |count: usize| rest.by_ref().take(count).collect::<io::Result<Vec<_>>>();
        let baseline = next(1)?.remove(0);
        let linkbus = next(linkbus_peers::linkbus().len())?;
        Ok(Results { run: run::run(), baseline, linkbus, rivals: next(linkbus_peers::rivals().len())? })
    }

    fn of_peer(&self, number: usize, peer: &Peer) -> io::Result<PeerResults> {
        println!("{}", peer.name);
        let mut cases = BTreeMap::new();
        for (case_number, case) in CASES.iter().enumerate() {
            let figure = match (peer.answer)(*case) {
                Answer::Cannot(reason) => Figure::Cannot(reason.to_owned()),
                Answer::NotAsked(reason) => Figure::NotAsked(reason.to_owned()),
                Answer::Turns(ready) => Figure::Done(Done {
                    nanoseconds: self.samples.of(peer, *case)?,
                    instructions: (self.counts && case.is_countable())
                        .then(|| instructions(number, case_number, turns(*case))),
                    blocks: Some(blocks(ready(), *case)),
                }),
            };
            cases.insert(case.to_string(), figure);
        }
        Ok(PeerResults { peer: peer.name.to_owned(), gives: peer.gives.to_owned(), cases })
    }
}

/// Enough to take no notice of what is done now and then; every type as often as the others.
fn turns(case: Case) -> u64 {
    match case {
        Case::Types(_) => 1_400,
        Case::Building => 20,
        _ => 1_000,
    }
}

fn blocks(mut work: Turns, case: Case) -> f64 {
    let turns = turns(case);
    let mut taken = |turns| {
        let before = allocator::blocks();
        work(turns);
        allocator::blocks() - before
    };
    taken(1);
    let (once, twice) = (taken(turns), taken(2 * turns));
    each(once, twice, turns * case.callers())
}

/// Twice the turns less the turns: making itself ready does not count.
fn instructions(peer: usize, case: usize, turns: u64) -> f64 {
    let counted = |turns: u64| {
        let output = Command::new("valgrind")
            .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
            .arg(env::current_exe().expect("the program knows where it is"))
            .args(["turns".to_owned(), peer.to_string(), case.to_string(), turns.to_string()])
            .output()
            .expect("valgrind can be started");
        let text = String::from_utf8_lossy(&output.stderr);
        let counted = text.lines().find_map(|line| line.split_once("Collected :"));
        let (_, counted) = counted.unwrap_or_else(|| panic!("callgrind counted nothing:\n{text}"));
        counted.trim().parse::<u64>().expect("callgrind counts in digits")
    };
    each(counted(turns), counted(2 * turns), turns)
}

#[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
fn each(once: u64, twice: u64, turns: u64) -> f64 {
    (twice as f64 - once as f64) / turns as f64
}
