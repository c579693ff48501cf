//! Durations as they are written: `"50ms"`, `"1.5s"`.

use std::time::Duration;

use syn::{Error, LitStr, parse::Parse, parse::ParseStream};

use crate::args::Value;

/// A text that may be a duration.
pub(super) struct DurationText(LitStr);

impl Parse for DurationText {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        input.parse().map(DurationText)
    }
}

impl Value for DurationText {
    const EXPECTED: &'static str = "expected a duration in quotes, such as `\"50ms\"` or `\"1.5s\"`";
}

impl DurationText {
    /// The duration, which is longer than none.
    pub(super) fn value(&self) -> syn::Result<Duration> {
        read(&self.0.value()).map_err(|text| Error::new(self.0.span(), text))
    }
}

const UNITS: [(&str, u128); 6] = [
    ("ns", 1),
    ("us", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("m", 60_000_000_000),
    ("h", 3_600_000_000_000),
];

fn read(text: &str) -> Result<Duration, String> {
    let end = text.find(|it: char| !it.is_ascii_digit() && it != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let unit = UNITS.iter().find(|(name, _)| *name == unit).ok_or_else(|| not_a_duration(text))?.1;
    match nanos(number, unit).ok_or_else(|| not_a_duration(text))? {
        Amount::Nanos(0) => Err(format!("`{text}` is no time at all: write a longer duration")),
        Amount::Nanos(nanos) => duration(nanos).ok_or_else(|| format!("`{text}` is too long")),
        Amount::TooFine => Err(format!("`{text}` is not a whole number of nanoseconds")),
        Amount::TooLong => Err(format!("`{text}` is too long")),
    }
}

fn not_a_duration(text: &str) -> String {
    format!(
        "`{text}` is not a duration: write a number and behind it one of `ns`, `us`, `ms`, `s`, `m`, `h`, such as \
         `50ms` or `1.5s`"
    )
}

enum Amount {
    Nanos(u128),
    TooFine,
    TooLong,
}

/// `None` if `number` is not one.
fn nanos(number: &str, unit: u128) -> Option<Amount> {
    let (whole, fraction) = number.split_once('.').map_or((number, None), |(whole, fraction)| (whole, Some(fraction)));
    let is_number = |digits: &str| !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_digit());
    if !is_number(whole) || !fraction.is_none_or(is_number) {
        return None;
    }
    let fraction = fraction.unwrap_or_default().trim_end_matches('0');
    Some(exactly(whole, fraction, unit))
}

fn exactly(whole: &str, fraction: &str, unit: u128) -> Amount {
    // 10^13 is the largest power of ten that an hour is a whole number of nanoseconds of, and more.
    if fraction.len() > 13 {
        return Amount::TooFine;
    }
    let scale = 10_u128.pow(u32::try_from(fraction.len()).expect("at most 13"));
    let Ok(whole) = whole.parse::<u64>() else { return Amount::TooLong };
    let parts = fraction.parse::<u128>().unwrap_or_default() * unit;
    if !parts.is_multiple_of(scale) {
        return Amount::TooFine;
    }
    Amount::Nanos(u128::from(whole) * unit + parts / scale)
}

fn duration(nanos: u128) -> Option<Duration> {
    let seconds = u64::try_from(nanos / 1_000_000_000).ok()?;
    Some(Duration::new(seconds, u32::try_from(nanos % 1_000_000_000).expect("a remainder of a second")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_and_a_unit_is_a_duration() {
        let durations = [
            ("1ns", Duration::from_nanos(1)),
            ("7us", Duration::from_micros(7)),
            ("50ms", Duration::from_millis(50)),
            ("2s", Duration::from_secs(2)),
            ("1.5s", Duration::from_millis(1500)),
            ("0.25h", Duration::from_secs(900)),
            ("0.1m", Duration::from_secs(6)),
            ("1.50000000000000000000s", Duration::from_millis(1500)),
            ("18446744073709551615s", Duration::from_secs(u64::MAX)),
        ];
        for (text, duration) in durations {
            assert_eq!(read(text), Ok(duration), "{text}");
        }
    }

    #[test]
    fn anything_else_is_refused() {
        for text in
            ["", "s", "2", "2 s", "-2s", "+2s", "2sec", "2S", "1e3s", ".5s", "2.s", "1.2.3s", "1,5s", "٢s", "µs"]
        {
            assert!(read(text).unwrap_err().contains("is not a duration"), "{text}");
        }
    }

    #[test]
    fn nothing_is_rounded() {
        for text in ["0.5ns", "1.0000001ms", "0.00000000000000000001h"] {
            assert!(read(text).unwrap_err().contains("whole number"), "{text}");
        }
        for text in ["0s", "0.000ms"] {
            assert!(read(text).unwrap_err().contains("no time"), "{text}");
        }
        for text in ["18446744073709551615m", "18446744073709551616s", "99999999999999999999999999s"] {
            assert!(read(text).unwrap_err().contains("too long"), "{text}");
        }
    }
}
