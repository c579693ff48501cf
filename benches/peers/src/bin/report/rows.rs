//! The lines of the tables, in their order.

use linkbus_peers::{
    Case,
    results::{Comparison, Done, Figure, PeerResults, Results},
};

/// What a peer did, with the call that its program has to measure it by.
#[derive(Clone, Copy)]
pub(crate) struct Row<'a> {
    pub(crate) peer: &'a PeerResults,
    pub(crate) baseline: &'a PeerResults,
    /// Whether it is of this library.
    pub(crate) is_linkbus: bool,
}

/// linkbus first, with the feature `strict-link` below what has it not.
pub(crate) fn rows(comparison: &Comparison) -> Vec<Row<'_>> {
    let Comparison { plain, strict, reference } = comparison;
    let other = |peer| Row { peer, baseline: &plain.baseline, is_linkbus: false };
    let mut rows = own(plain);
    rows.extend(own(strict));
    rows.extend(plain.rivals.iter().chain([reference]).map(other));
    rows
}

fn own(results: &Results) -> Vec<Row<'_>> {
    let row = |peer, is_linkbus| Row { peer, baseline: &results.baseline, is_linkbus };
    let linkbus = results.linkbus.iter().map(|peer| row(peer, true));
    [row(&results.baseline, false)].into_iter().chain(linkbus).collect()
}

/// One way of a peer to get a message to its one handler.
pub(crate) struct Way<'a> {
    pub(crate) row: Row<'a>,
    pub(crate) name: String,
    case: Case,
    /// An event to three; a second way has none.
    pub(crate) events: Option<&'a Figure>,
    pub(crate) gives: &'a str,
}

impl<'a> Row<'a> {
    pub(crate) fn figure(self, case: Case) -> &'a Figure {
        &self.peer.cases[&case.to_string()]
    }

    pub(crate) fn is_baseline(self) -> bool {
        std::ptr::eq(self.peer, self.baseline)
    }

    /// Who is called and awaited has a way for each.
    pub(crate) fn ways(self) -> impl Iterator<Item = Way<'a>> {
        let can = |case: &Case| self.figure(*case).done().is_some();
        let mut cases = [Case::Sync, Case::Async].into_iter().filter(can);
        let name = &self.peer.peer;
        let first = Way {
            row: self,
            name: name.clone(),
            case: cases.next().unwrap_or(Case::Sync),
            events: Some(self.figure(Case::Events(3))),
            gives: &self.peer.gives,
        };
        let second = cases.next();
        let second = second.map(|case| Way {
            row: self,
            name: format!("{name}, async fn"),
            case,
            events: None,
            gives: "the same",
        });
        [first].into_iter().chain(second)
    }
}

impl<'a> Way<'a> {
    pub(crate) fn figure(&self) -> &'a Figure {
        self.row.figure(self.case)
    }

    /// Instructions beyond those of a direct call of the same kind: called or awaited.
    pub(crate) fn more(&self) -> Option<f64> {
        let baseline = Row { peer: self.row.baseline, ..self.row };
        let instructions = |figure: &Figure| figure.done().and_then(|done: Done| done.instructions);
        Some(instructions(self.figure())? - instructions(baseline.figure(self.case))?)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use linkbus_peers::CASES;

    use super::*;

    fn peer(instructions: [Option<f64>; 2]) -> PeerResults {
        let done = |case: &Case| match (case, instructions) {
            (Case::Sync, [Some(count), _]) | (Case::Async, [_, Some(count)]) => {
                Figure::Done(Done { instructions: Some(count), ..Done::default() })
            }
            _ => Figure::Cannot("no".to_owned()),
        };
        let cases: BTreeMap<_, _> = CASES.iter().map(|case| (case.to_string(), done(case))).collect();
        PeerResults { peer: "peer".to_owned(), gives: String::new(), cases }
    }

    #[test]
    fn what_is_awaited_is_measured_by_a_call_that_is_awaited() {
        let (baseline, peer) = (peer([Some(10.0), Some(20.0)]), peer([None, Some(38.0)]));
        let row = Row { peer: &peer, baseline: &baseline, is_linkbus: false };
        let more: Vec<_> = row.ways().map(|way| way.more()).collect();
        assert_eq!(more, [Some(18.0)]);
    }

    #[test]
    fn who_is_called_and_awaited_has_two_ways() {
        let peer = peer([Some(10.0), Some(20.0)]);
        let row = Row { peer: &peer, baseline: &peer, is_linkbus: false };
        let names: Vec<_> = row.ways().map(|way| way.name).collect();
        assert_eq!(names, ["peer", "peer, async fn"]);
    }
}
