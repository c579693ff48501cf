//! How many records there were when.

use std::{collections::VecDeque, time::SystemTime};

/// Since 1970.
pub(super) type Micros = u64;

/// How many columns a sparkline has.
pub(super) const COLUMNS: usize = 24;
/// How many buckets there are at most: no fewer than 16 for each column, as doubling their width halves their number.
const MOST_BUCKETS: u64 = 32 * COLUMNS as u64;

/// How many there were in each part of a span of time.
pub(super) type Columns = [u64; COLUMNS];

/// Counts over time, in one pass and 8 KiB, whatever the span of time is: when the buckets do not reach, they become twice
/// as wide.
#[derive(Default)]
pub(super) struct Timeline {
    /// A bucket is as wide as two to the power of this.
    shift: u32,
    /// The number of the first bucket, counted from 1970.
    first: u64,
    buckets: VecDeque<u64>,
}

/// From the earliest to the latest point in time, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) first: Micros,
    pub(super) last: Micros,
}

pub(super) fn micros(at: SystemTime) -> Micros {
    let since = at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
}

impl Span {
    pub(super) fn with(span: Option<Span>, at: Micros) -> Self {
        span.map_or(Span { first: at, last: at }, |span| Span { first: span.first.min(at), last: span.last.max(at) })
    }

    pub(super) fn width(self) -> Micros {
        self.last - self.first
    }
}

impl Timeline {
    pub(super) fn add(&mut self, at: Micros) {
        if self.buckets.is_empty() {
            self.first = at;
            self.buckets.push_back(0);
        }
        while self.reach(at >> self.shift) > MOST_BUCKETS {
            self.double();
        }
        let bucket = at >> self.shift;
        while bucket < self.first {
            self.buckets.push_front(0);
            self.first -= 1;
        }
        let index = usize::try_from(bucket - self.first).unwrap_or(usize::MAX);
        if index >= self.buckets.len() {
            self.buckets.resize(index + 1, 0);
        }
        self.buckets[index] += 1;
    }

    /// How many buckets there are if this is one of them.
    fn reach(&self, bucket: u64) -> u64 {
        let end = self.first + self.buckets.len() as u64;
        end.max(bucket + 1) - self.first.min(bucket)
    }

    fn double(&mut self) {
        let mut wider = VecDeque::with_capacity(self.buckets.len() / 2 + 1);
        for (bucket, count) in (self.first..).zip(&self.buckets) {
            if bucket % 2 == 0 || wider.is_empty() {
                wider.push_back(0);
            }
            if let Some(last) = wider.back_mut() {
                *last += count;
            }
        }
        (self.buckets, self.first, self.shift) = (wider, self.first / 2, self.shift + 1);
    }

    /// How many there were in each part of `span`. All of a bucket is counted where its middle is.
    pub(super) fn columns(&self, span: Span) -> Columns {
        let mut columns = [0; COLUMNS];
        let width = u128::from(span.width()) + 1;
        for (bucket, &count) in (self.first..).zip(&self.buckets) {
            let from = (bucket << self.shift).max(span.first);
            let last = ((bucket << self.shift) | ((1 << self.shift) - 1)).min(span.last);
            let middle = from.midpoint(last).saturating_sub(span.first);
            let column = u128::from(middle) * COLUMNS as u128 / width;
            columns[usize::try_from(column).map_or(COLUMNS - 1, |column| column.min(COLUMNS - 1))] += count;
        }
        columns
    }
}

/// Columns of eight heights, of which the highest is that of the greatest; nothing is a space.
pub(super) fn sparkline(columns: &Columns) -> String {
    const HEIGHTS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let most = columns.iter().copied().max().unwrap_or_default();
    let height = |count: u64| usize::try_from((u128::from(count) * 8).div_ceil(u128::from(most))).unwrap_or(8);
    columns.iter().map(|&count| if count == 0 { ' ' } else { HEIGHTS[height(count) - 1] }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn timeline(times: impl IntoIterator<Item = Micros>) -> (Timeline, Span) {
        let (mut timeline, mut span) = (Timeline::default(), None);
        for at in times {
            timeline.add(at);
            span = Some(Span::with(span, at));
        }
        (timeline, span.unwrap())
    }

    #[test]
    fn the_same_rate_is_a_flat_line() {
        let (timeline, span) = timeline((0..100_000).map(|index| 1_700_000_000_000_000 + index * 977));
        let columns = timeline.columns(span);
        assert!(columns.iter().all(|&count| count.abs_diff(100_000 / 24) < 270), "{columns:?}");
    }

    #[test]
    fn nothing_is_lost_whatever_the_order() {
        let mut random = fastrand::Rng::with_seed(7);
        for _ in 0..200 {
            let most = 1 << random.u32(0..51);
            let (timeline, span) = timeline((0..300).map(|_| random.u64(0..most)).collect::<Vec<_>>());
            assert!(timeline.buckets.len() as u64 <= MOST_BUCKETS);
            assert_eq!(timeline.buckets.iter().sum::<u64>(), 300);
            assert_eq!(timeline.columns(span).iter().sum::<u64>(), 300);
        }
    }

    #[test]
    fn a_pause_is_a_gap_and_the_most_is_the_highest() {
        let burst = |from: u64, count| (0..count).map(move |index| from + index);
        let (timeline, span) = timeline(burst(0, 10).chain(burst(1_050_000, 1000)).chain(burst(2_400_000 - 10, 10)));
        let drawn = sparkline(&timeline.columns(span));
        assert_eq!(drawn.chars().count(), COLUMNS);
        assert_eq!(drawn, "▁         █            ▁");
    }

    #[test]
    fn one_point_in_time_is_one_column() {
        let (timeline, span) = timeline([5, 5]);
        assert_eq!(sparkline(&timeline.columns(span)), format!("█{}", " ".repeat(COLUMNS - 1)));
    }
}
