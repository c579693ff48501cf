//! What can be asserted about what was dispatched.

use std::sync::MutexGuard;

use super::{Journal, Notes, Step, Times};
use crate::message::{Command, Event, Kind, Message, Query, Task};

macro_rules! assertions {
    ($($kind:ident $past:literal: $assert:ident, $assert_where:ident, $assert_nothing:ident;)*) => {
        impl Journal {$(
            #[doc = concat!("Asserts how often messages of this type were ", $past, ": `1`, `0`, `2..`.")]
            ///
            /// # Panics
            /// If not; the text shows what was dispatched instead, and where.
            #[track_caller]
            pub fn $assert<M: $kind>(&self, times: impl Times) {
                self.expect::<M>($past, &times, None);
            }

            #[doc = concat!("Asserts how often messages of this type that fit were ", $past, ".")]
            ///
            /// # Panics
            #[doc = concat!("As [`", stringify!($assert), "`](Self::", stringify!($assert), "), and if a message could not be kept, see [`sent`](Self::sent).")]
            #[track_caller]
            pub fn $assert_where<M: $kind>(&self, times: impl Times, fits: impl Fn(&M) -> bool) {
                self.expect::<M>($past, &times, Some(&fits));
            }

            #[doc = concat!("Asserts that no ", stringify!($kind), " of any type was ", $past, ".")]
            ///
            /// # Panics
            /// If one was; the text shows them in order.
            #[track_caller]
            pub fn $assert_nothing(&self) {
                self.expect_nothing(Kind::$kind, $past);
            }
        )*}
    };
}

assertions! {
    Query "sent": assert_sent, assert_sent_where, assert_nothing_sent;
    Command "executed": assert_executed, assert_executed_where, assert_nothing_executed;
    Event "published": assert_published, assert_published_where, assert_nothing_published;
    Task "dispatched": assert_dispatched, assert_dispatched_where, assert_nothing_dispatched;
}

impl Journal {
    /// Asserts that these messages were dispatched in this order; others may have been in between.
    ///
    /// # Panics
    /// If not; the text names the first step that was not there. And if a message that a [`step_where`](super::step_where) has to look at
    /// could not be kept, see [`sent`](Self::sent).
    ///
    /// ```
    /// # use linkbus::{Command, Event, testing::{SyncFakeBus, step, step_where}};
    /// # #[derive(Command)]
    /// # struct Pay { cents: u64 }
    /// # #[derive(Event)]
    /// # struct Paid;
    /// let fake = SyncFakeBus::new();
    /// fake.bus().execute(Pay { cents: 500 }).unwrap();
    /// fake.bus().publish(Paid).unwrap();
    /// fake.assert_order([step_where(|pay: &Pay| pay.cents > 0), step::<Paid>()]);
    /// ```
    #[track_caller]
    pub fn assert_order(&self, steps: impl IntoIterator<Item = Step>) {
        let mut from = 0;
        for (number, expected) in steps.into_iter().enumerate() {
            let found = self.first_that_fits(&expected, from);
            let mut notes = self.complete();
            let Some(found) = found else {
                let place = match number {
                    0 => String::new(),
                    _ => format!(", after line {from}, which is step {number}"),
                };
                let text = format!("step {}, `{}`, was not there{place}", number + 1, expected.says());
                fail(notes, &text);
            };
            notes.see(found);
            from = found + 1;
        }
    }

    /// The place of the first message from `from` on that `expected` is about. Messages are looked at with nothing locked: what
    /// fits is the user's to say.
    #[track_caller]
    fn first_that_fits(&self, expected: &Step, mut from: usize) -> Option<usize> {
        loop {
            let (place, message) = self.complete().next_of(expected.facts, from)?;
            match expected.is(message) {
                Ok(true) => return Some(place),
                Ok(false) => from = place + 1,
                Err(why) => panic!("{why}"),
            }
        }
    }

    /// Asserts that the assertions so far were about everything that was dispatched.
    ///
    /// # Panics
    /// If there was more; the text shows it.
    #[track_caller]
    pub fn assert_nothing_else(&self) {
        let notes = self.complete();
        if notes.kept.iter().all(|note| note.is_seen) {
            return;
        }
        let text = notes.listed("nothing else was expected, but there was:", |note| !note.is_seen);
        drop(notes);
        panic!("{text}");
    }

    #[track_caller]
    fn expect<M: Message>(&self, past: &str, times: &dyn Times, fits: Option<&dyn Fn(&M) -> bool>) {
        let found = match fits {
            None => self.complete().of_type(M::FACTS).map(|(place, _)| place).collect(),
            Some(fits) => self.places_where(fits),
        };
        let mut notes = self.complete();
        for place in &found {
            notes.see(*place);
        }
        if !times.fits(found.len()) {
            let condition = if fits.is_some() { " that fits" } else { "" };
            let (name, was) = (M::FACTS.name, found.len().says());
            fail(
                notes,
                &format!("expected `{name}`{condition} to be {past} {}, but it was {past} {was}", times.says()),
            );
        }
    }

    /// The places of the messages that fit. They are looked at with nothing locked: `fits` is the user's.
    #[track_caller]
    fn places_where<M: Message>(&self, fits: &dyn Fn(&M) -> bool) -> Vec<usize> {
        let places: Vec<_> = self.complete().of_type(M::FACTS).map(|(place, _)| place).collect();
        let messages = self.all_of::<M>();
        places.into_iter().zip(messages).filter(|(_, message)| fits(message)).map(|(place, _)| place).collect()
    }

    #[track_caller]
    fn expect_nothing(&self, kind: Kind, past: &str) {
        let notes = self.complete();
        if notes.of(kind).next().is_some() {
            let text =
                notes.listed(&format!("nothing was to be {past}, but there was:"), |note| note.facts.kind == kind);
            drop(notes);
            panic!("{text}");
        }
    }
}

/// Fails the test with nothing locked.
#[track_caller]
fn fail(notes: MutexGuard<'_, Notes>, text: &str) -> ! {
    let text = notes.failure(text);
    drop(notes);
    panic!("{text}");
}
