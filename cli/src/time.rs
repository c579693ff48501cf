//! Points in time and durations, as people write and read them.

use std::{
    fmt::Display,
    time::{Duration, SystemTime},
};

/// The end of the year 9999, after 1970.
const LATEST: Duration = Duration::from_micros(253_402_300_799_999_999);

/// A time as `2026-11-25T16:00:00Z`, or how long ago it was, as `15m`.
pub(crate) fn parse(text: &str) -> Result<SystemTime, String> {
    if let Ok(time) = humantime::parse_rfc3339_weak(text) {
        return Ok(time);
    }
    let ago = humantime::parse_duration(text)
        .map_err(|_| "it is neither a time such as 2026-11-25T16:00:00Z nor a duration such as 15m".to_owned())?;
    SystemTime::now().checked_sub(ago).ok_or_else(|| "that is before the beginning of time".to_owned())
}

/// UTC, to the microsecond, and within the years that have four digits.
pub(crate) fn exact(at: SystemTime) -> impl Display {
    humantime::format_rfc3339_micros(at.clamp(SystemTime::UNIX_EPOCH, SystemTime::UNIX_EPOCH + LATEST))
}

/// Three digits and a unit: `740 ns`, `1.23 ms`, `61.0 s`.
pub(crate) fn short(duration: Duration) -> String {
    const UNITS: [(&str, f64); 4] = [("ns", 1.0), ("µs", 1e3), ("ms", 1e6), ("s", 1e9)];
    let nanos = duration.as_nanos();
    if nanos < 1000 {
        return format!("{nanos} ns");
    }
    #[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
    let nanos = nanos as f64;
    // 999.5 would be shown as 1000.
    let (unit, size) = UNITS.into_iter().find(|(_, size)| nanos / size < 999.5).unwrap_or(UNITS[3]);
    let value = nanos / size;
    let digits = if value < 9.995 { 2 } else { usize::from(value < 99.95) };
    format!("{value:.digits$} {unit}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_has_three_digits() {
        let nanos = [0, 7, 999, 1_000, 1_234, 9_996, 99_960, 999_499, 999_500, 61_000_000_000, 3_600_000_000_000];
        let shown = nanos.map(|nanos| short(Duration::from_nanos(nanos)));
        assert_eq!(
            shown,
            [
                "0 ns", "7 ns", "999 ns", "1.00 µs", "1.23 µs", "10.0 µs", "100 µs", "999 µs", "1.00 ms", "61.0 s",
                "3600 s"
            ]
        );
    }

    #[test]
    fn every_time_can_be_shown() {
        for (at, shown) in [
            (SystemTime::UNIX_EPOCH - Duration::from_secs(1), "1970-01-01T00:00:00.000000Z"),
            (SystemTime::UNIX_EPOCH + LATEST + Duration::from_secs(1), "9999-12-31T23:59:59.999999Z"),
        ] {
            assert_eq!(exact(at).to_string(), shown);
        }
    }

    /// R10 for what users write.
    #[test]
    fn whatever_is_written_is_a_time_or_is_refused() {
        const PIECES: [&str; 16] = [
            "2026-11-25",
            "T",
            "16:00:00",
            "Z",
            ".5",
            " ",
            "15m",
            "1h",
            "99999999999999999999",
            "y",
            "-",
            ":",
            "\0",
            "é",
            "0",
            "9999",
        ];
        let seed = fastrand::u64(..);
        let mut random = fastrand::Rng::with_seed(seed);
        for _ in 0..100_000 {
            let text: String = (0..random.usize(..6)).map(|_| PIECES[random.usize(..PIECES.len())]).collect();
            let read = std::panic::catch_unwind(|| parse(&text).map(|at| exact(at).to_string()));
            assert!(read.is_ok(), "seed {seed}: {text:?}");
        }
    }

    #[test]
    fn a_time_is_read_as_such_and_as_a_duration_ago() {
        let wanted = SystemTime::UNIX_EPOCH + Duration::from_secs(1_764_086_400);
        assert_eq!(parse("2025-11-25T16:00:00Z"), Ok(wanted));
        assert_eq!(parse("2025-11-25 16:00:00"), Ok(wanted));
        let before = SystemTime::now();
        let hour_ago = parse("1h").unwrap();
        let elapsed = before.duration_since(hour_ago).unwrap_or_default();
        assert!(elapsed <= Duration::from_secs(3600), "{elapsed:?}");
        assert!(parse("yesterday").unwrap_err().contains("15m"));
    }
}
