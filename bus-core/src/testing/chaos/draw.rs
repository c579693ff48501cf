//! What befalls one dispatch, drawn by lot.

use std::time::Duration;

use fastrand::Rng;

use super::{Mishap, odds::Odds};

/// What befalls one dispatch.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Draw {
    pub(super) held_back: Option<u32>,
    pub(super) delay: Option<Duration>,
    pub(super) is_duplicated: bool,
    /// Failed, dropped, or without an answer, if it does not go well.
    pub(super) loss: Option<Mishap>,
}

impl Draw {
    /// That of the dispatch number `nth` of the message with this wire name. Nothing else decides.
    pub(super) fn new(odds: &Odds, seed: u64, message: &str, nth: u64) -> Self {
        let mut lots = Rng::with_seed(mixed(seed, message, nth));
        // Each lot is drawn whatever the odds, so that a change of one leaves what the others do as it was.
        let mut befalls = |probability| lots.f64() < probability;
        let losses = [
            (befalls(odds.fails), Mishap::Failed),
            (befalls(odds.drops), Mishap::Dropped),
            (befalls(odds.loses_answers), Mishap::AnswerLost),
        ];
        let [is_duplicated, is_delayed, is_held_back] = [odds.duplicates, odds.delays, odds.reorders].map(befalls);
        let delay = odds.up_to.mul_f64(lots.f64());
        let others = lots.u32(1..=odds.window.max(1));
        Draw {
            held_back: is_held_back.then_some(others),
            delay: is_delayed.then_some(delay),
            is_duplicated,
            loss: losses.into_iter().find_map(|(befalls, loss)| befalls.then_some(loss)),
        }
    }
}

/// One number of the three, by FNV-1a: the same on every machine and in every release.
fn mixed(seed: u64, message: &str, nth: u64) -> u64 {
    let bytes = seed.to_le_bytes().into_iter().chain(nth.to_le_bytes()).chain(message.bytes());
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn odds() -> Odds {
        let up_to = Duration::from_secs(1);
        Odds { fails: 0.2, duplicates: 0.1, delays: 0.5, up_to, reorders: 0.3, window: 4, ..Odds::default() }
    }

    fn share(odds: &Odds, has: impl Fn(&Draw) -> bool) -> f64 {
        let drawn = (0..100).flat_map(|seed| (1..=100).map(move |nth| Draw::new(odds, seed, "shop.Pay", nth)));
        f64::from(u32::try_from(drawn.filter(has).count()).unwrap()) / 10_000.0
    }

    #[test]
    fn as_many_are_drawn_as_was_asked_for() {
        let odds = odds();
        let near = |share: f64, probability: f64| (share - probability).abs() < 0.02;
        assert!(near(share(&odds, |draw| draw.loss == Some(Mishap::Failed)), 0.2));
        assert!(near(share(&odds, |draw| draw.is_duplicated), 0.1));
        assert!(near(share(&odds, |draw| draw.delay.is_some()), 0.5));
        assert!(near(share(&odds, |draw| draw.held_back == Some(4)), 0.3 / 4.0));
    }

    #[test]
    fn what_is_certain_happens_and_what_is_impossible_does_not() {
        let odds = Odds { fails: 1.0, ..Odds::default() };
        assert!((1..1000).all(|nth| Draw::new(&odds, 3, "shop.Pay", nth).loss == Some(Mishap::Failed)));
        let (nothing, never) =
            (Odds::default(), Draw { held_back: None, delay: None, is_duplicated: false, loss: None });
        assert!((1..1000).all(|nth| Draw::new(&nothing, 3, "shop.Pay", nth) == never));
    }

    #[test]
    fn to_change_one_probability_leaves_the_others_as_they_were() {
        let other = Odds { fails: 0.0, delays: 0.0, ..odds() };
        for nth in 1..200 {
            let (before, after) = (Draw::new(&odds(), 9, "shop.Pay", nth), Draw::new(&other, 9, "shop.Pay", nth));
            assert_eq!((before.is_duplicated, before.held_back), (after.is_duplicated, after.held_back));
        }
    }

    /// A seed that was printed by an earlier release finds the same.
    #[test]
    fn a_seed_keeps_its_meaning() {
        let failed = (1..=40).filter(|nth| Draw::new(&odds(), 17, "shop.Pay", *nth).loss.is_some());
        assert_eq!(failed.collect::<Vec<_>>(), [3, 6, 10, 11, 17, 21, 26, 29]);
    }
}
