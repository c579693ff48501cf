//! What is counted.

use std::collections::HashMap;

use linkbus::{Kind, recording::RecordRef};

use super::{
    row::Row,
    timeline::{self, Micros, Span},
};

/// How many messages have a row of their own.
const MOST_MESSAGES: usize = 1000;
/// No name that linkbus takes is nearly as long.
const LONGEST_NAME: usize = 256;

/// Counts of records, message by message, in memory that has a bound.
#[derive(Default)]
pub(super) struct Totals {
    pub(super) records: u64,
    pub(super) span: Option<Span>,
    rows: Vec<(Name, Row)>,
    by_name: [HashMap<String, usize>; 4],
    other: Option<Box<Row>>,
}

/// What a row is about.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Name {
    pub(super) message: String,
    pub(super) kind: Kind,
}

impl Totals {
    pub(super) fn add(&mut self, record: &RecordRef<'_>) {
        let at = timeline::micros(record.at);
        self.records += 1;
        self.span = Some(Span::with(self.span, at));
        self.row(record.kind, &record.message).add(record, at);
    }

    fn row(&mut self, kind: Kind, message: &str) -> &mut Row {
        let names = &mut self.by_name[kind as usize];
        if let Some(&index) = names.get(message) {
            return &mut self.rows[index].1;
        }
        if self.rows.len() == MOST_MESSAGES || message.len() > LONGEST_NAME {
            return self.other.get_or_insert_default();
        }
        names.insert(message.to_owned(), self.rows.len());
        self.rows.push((Name { message: message.to_owned(), kind }, Row::default()));
        let last = self.rows.len() - 1;
        &mut self.rows[last].1
    }

    /// By message; what has no row of its own comes last, without a name.
    pub(super) fn rows(&self) -> Vec<(Option<&Name>, &Row)> {
        let mut rows: Vec<_> = self.rows.iter().map(|(name, row)| (Some(name), row)).collect();
        rows.sort_by_key(|(name, _)| *name);
        rows.extend(self.other.as_deref().map(|row| (None, row)));
        rows
    }

    /// How many of `count` there were in a second, if there is more than one point in time.
    pub(super) fn per_second(&self, count: u64) -> Option<f64> {
        let width: Micros = self.span?.width();
        #[expect(clippy::cast_precision_loss, reason = "it is shown to three digits")]
        (width > 0).then(|| count as f64 * 1e6 / width as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn add(totals: &mut Totals, message: &str) {
        let line = format!(
            r#"{{"ts":"2025-06-01T12:00:00Z","type":"event","class":"{message}","payload":1,"duration_ns":7,"result":null,"error":null}}"#
        );
        totals.add(&RecordRef::of_line(&line).unwrap());
    }

    #[test]
    fn more_messages_than_there_are_rows_share_one() {
        let mut totals = Totals::default();
        for number in 0..MOST_MESSAGES + 5 {
            add(&mut totals, &format!("M{number}"));
        }
        add(&mut totals, "M0");
        let rows = totals.rows();
        assert_eq!(rows.len(), MOST_MESSAGES + 1);
        assert!(rows[MOST_MESSAGES].0.is_none());
        assert_eq!((rows[MOST_MESSAGES].1.durations.count(), rows[0].1.durations.count()), (5, 2));
    }

    #[test]
    fn a_name_of_any_length_takes_no_memory() {
        let mut totals = Totals::default();
        add(&mut totals, &"x".repeat(LONGEST_NAME + 1));
        assert!(totals.rows()[0].0.is_none());
    }
}
