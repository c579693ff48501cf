//! Figures as they are read.

use linkbus_peers::results::{Done, Figure, Interval};

/// What is in a cell, and why if it is no figure.
pub(crate) const SIGNS: &str = "A dash: it cannot; a dot: it was not asked; [below](#what-they-cannot) is why. A question mark: it is not measured.";

pub(crate) fn cell(figure: &Figure, value: fn(Done) -> Option<String>) -> String {
    match figure {
        Figure::Cannot(_) => "–".to_owned(),
        Figure::NotAsked(_) => "·".to_owned(),
        Figure::Done(done) => value(*done).unwrap_or_else(|| "?".to_owned()),
    }
}

pub(crate) fn nanoseconds(done: Done) -> Option<String> {
    done.nanoseconds.map(interval)
}

pub(crate) fn instructions(done: Done) -> Option<String> {
    done.instructions.map(count)
}

pub(crate) fn blocks(done: Done) -> Option<String> {
    done.blocks.map(count)
}

/// One figure, if both ends are the same in two digits.
fn interval(Interval { low, high, .. }: Interval) -> String {
    let (low, high) = (two_digits(low), two_digits(high));
    if low == high { low } else { format!("{low}–{high}") }
}

pub(crate) fn two_digits(value: f64) -> String {
    if value < 9.95 {
        return format!("{value:.1}");
    }
    let unit = 10f64.powf(value.log10().floor() - 1.0);
    format!("{:.0}", (value / unit).round() * unit)
}

/// What is counted, for a turn: a tenth is done now and then.
pub(crate) fn count(value: f64) -> String {
    let tenths = (value * 10.0).round() / 10.0;
    if tenths.abs() < 100.0 && tenths.fract() != 0.0 { format!("{tenths:.1}") } else { format!("{:.0}", tenths + 0.0) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_has_two_digits() {
        let shown = [1.44, 9.97, 42.8, 99.7, 208.0, 43_870.0].map(two_digits);
        assert_eq!(shown, ["1.4", "10", "43", "100", "210", "44000"]);
    }

    #[test]
    fn an_interval_is_shown_where_two_digits_tell_its_ends_apart() {
        let shown = |low, high| interval(Interval { median: low, low, high });
        assert_eq!(shown(4.81, 4.84), "4.8");
        assert_eq!(shown(4.81, 5.3), "4.8–5.3");
    }

    #[test]
    fn what_is_counted_is_shown_as_it_is() {
        let shown = [0.0, -0.01, 62.9, 37.04, 142_737.0, 99.97].map(count);
        assert_eq!(shown, ["0", "0", "62.9", "37", "142737", "100"]);
    }
}
