//! How often something is expected.

use std::ops::{Range, RangeFrom, RangeInclusive, RangeToInclusive};

/// How often a message is expected: a number, or a range such as `1..`, `2..=3` or `..=1`.
///
/// ```
/// # use linkbus::{Event, testing::SyncFakeBus};
/// # #[derive(Event)]
/// # struct Opened;
/// let fake = SyncFakeBus::new();
/// fake.assert_published::<Opened>(0);
/// fake.bus().publish(Opened).unwrap();
/// fake.assert_published::<Opened>(1);
/// fake.assert_published::<Opened>(1..);
/// fake.assert_published::<Opened>(..=3);
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a number of times",
    label = "expected a `usize`, or a range of them such as `1..`"
)]
pub trait Times: Sealed {
    #[doc(hidden)]
    fn fits(&self, count: usize) -> bool;
    #[doc(hidden)]
    fn says(&self) -> String;
}

/// Keeps [`Times`] to the ranges here.
pub trait Sealed {}

impl Sealed for usize {}

impl Times for usize {
    fn fits(&self, count: usize) -> bool {
        count == *self
    }

    fn says(&self) -> String {
        match self {
            0 => "not at all".to_owned(),
            1 => "once".to_owned(),
            count => format!("{count} times"),
        }
    }
}

macro_rules! ranges {
    ($($range:ident: |$of:ident| $says:expr;)*) => {$(
        impl Sealed for $range<usize> {}

        impl Times for $range<usize> {
            fn fits(&self, count: usize) -> bool {
                self.contains(&count)
            }

            fn says(&self) -> String {
                let $of = self;
                $says
            }
        }
    )*};
}

ranges! {
    Range: |range| format!("{} to {} times", range.start, range.end.saturating_sub(1));
    RangeFrom: |range| format!("{} times or more", range.start);
    RangeInclusive: |range| format!("{} to {} times", range.start(), range.end());
    RangeToInclusive: |range| format!("{} times at most", range.end);
}
