//! How likely each mishap is.

use std::time::Duration;

use crate::layer::{Site, Source};

/// Probabilities, and what goes with them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Odds {
    pub(super) fails: f64,
    pub(super) drops: f64,
    pub(super) loses_answers: f64,
    pub(super) duplicates: f64,
    pub(super) delays: f64,
    pub(super) up_to: Duration,
    pub(super) reorders: f64,
    pub(super) window: u32,
    pub(super) patience: Duration,
}

impl Default for Odds {
    fn default() -> Self {
        Odds {
            fails: 0.0,
            drops: 0.0,
            loses_answers: 0.0,
            duplicates: 0.0,
            delays: 0.0,
            up_to: Duration::ZERO,
            reorders: 0.0,
            window: 1,
            patience: Duration::from_millis(10),
        }
    }
}

impl Odds {
    fn probabilities(&self) -> [(&'static str, f64); 6] {
        [
            ("fails", self.fails),
            ("drops", self.drops),
            ("loses_answers", self.loses_answers),
            ("duplicates", self.duplicates),
            ("delays", self.delays),
            ("reorders", self.reorders),
        ]
    }

    /// What cannot mean anything, and what to write instead.
    pub(super) fn fault(&self) -> Option<String> {
        let wrong = self.probabilities().into_iter().find(|(_, probability)| !(0.0..=1.0).contains(probability));
        if let Some((name, probability)) = wrong {
            return Some(format!("`{name}` must have a probability from 0 to 1, got {probability:?}"));
        }
        (self.window == 0).then(|| "`reorders` must have a window >= 1, got 0".to_owned())
    }

    pub(super) fn is_nothing(&self) -> bool {
        self.probabilities().into_iter().all(|(_, probability)| probability == 0.0)
    }

    pub(super) fn waits(&self) -> bool {
        self.delays > 0.0 || self.reorders > 0.0
    }

    pub(super) fn without_reordering(self) -> Self {
        Odds { reorders: 0.0, ..self }
    }

    /// Those for the message of `site`: some things cannot befall it.
    pub(super) fn of(self, site: &Site<'_>) -> Self {
        let message = site.message();
        let is_answered = message.kind.has_one_handler();
        let can_come_twice = message.abilities.clone || !site.handlers().iter().any(|handler| handler.by_value);
        Odds {
            loses_answers: if is_answered { self.loses_answers } else { 0.0 },
            duplicates: if can_come_twice { self.duplicates } else { 0.0 },
            ..self
        }
    }

    /// Says those that were `asked` for, and why one of them cannot be.
    pub(super) fn explain(&self, asked: &Odds, site: &mut Site<'_>) {
        for ((name, probability), (_, asked)) in self.probabilities().into_iter().zip(asked.probabilities()) {
            if probability > 0.0 {
                site.value(name, probability);
            } else if asked > 0.0 {
                site.value_from(name, never(name), Source::Type);
            }
        }
        if self.delays > 0.0 {
            site.value("up to", format_args!("{:?}", self.up_to));
        }
        if self.reorders > 0.0 {
            site.value("window", self.window);
            site.value("patience", format_args!("{:?}", self.patience));
        }
    }
}

fn never(name: &str) -> &'static str {
    match name {
        "loses_answers" => "never, of an event no answer is waited for",
        "duplicates" => "never, it is not `Clone` and its handler takes it by value",
        _ => "never, on a `SyncBus` nothing can overtake",
    }
}
