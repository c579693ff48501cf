//! One test for many seeds.

use super::Chaos;

/// Names the one seed that is to be run.
const VARIABLE: &str = "LINKBUS_CHAOS_SEED";

impl Chaos {
    /// Runs `test` once for each seed, with a chaos of that seed which does nothing yet.
    ///
    /// If it panics, the seed and what was done are printed on the standard error, and the panic goes on. With the environment
    /// variable `LINKBUS_CHAOS_SEED=17` only the seed 17 is run.
    ///
    /// # Panics
    /// As `test` does, and if `LINKBUS_CHAOS_SEED` is no number.
    ///
    /// ```
    /// use linkbus::{Command, SyncBus, testing::Chaos};
    /// # #[derive(Command, Clone)]
    /// # struct Pay;
    /// Chaos::each_seed(0..50, |chaos| {
    ///     let chaos = chaos.fails(0.2).duplicates(0.2);
    ///     let bus = SyncBus::empty().command(|_: Pay| ()).layer(chaos).build().unwrap();
    ///     let _ = bus.execute(Pay);
    ///     // what has to be true whatever happens
    /// });
    /// ```
    pub fn each_seed(seeds: impl IntoIterator<Item = u64>, mut test: impl FnMut(Chaos)) {
        for seed in chosen(seeds) {
            let watched = Watched(Chaos::seeded(seed));
            test(watched.0.clone());
        }
    }

    /// As [`each_seed`](Self::each_seed), with an async closure.
    ///
    /// # Panics
    /// As `test` does, and if `LINKBUS_CHAOS_SEED` is no number.
    ///
    /// ```
    /// use linkbus::{Bus, Event, testing::Chaos};
    /// # #[derive(Event)]
    /// # struct Paid;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// Chaos::each_seed_async(0..50, async |chaos| {
    ///     let bus = Bus::empty().subscribe(|_: &Paid| ()).layer(chaos.drops(0.5)).build().unwrap();
    ///     bus.publish(Paid).await.unwrap();
    /// })
    /// .await;
    /// # }
    /// ```
    pub async fn each_seed_async(seeds: impl IntoIterator<Item = u64>, mut test: impl AsyncFnMut(Chaos)) {
        for seed in chosen(seeds) {
            let watched = Watched(Chaos::seeded(seed));
            test(watched.0.clone()).await;
        }
    }
}

/// The seeds, or the one that the environment names.
fn chosen(seeds: impl IntoIterator<Item = u64>) -> impl Iterator<Item = u64> {
    let named = std::env::var(VARIABLE).ok().map(|text| {
        text.parse()
            .unwrap_or_else(|_| panic!("{VARIABLE} is `{text}`: write a seed, such as {VARIABLE}=17, or unset it"))
    });
    named.into_iter().chain(seeds.into_iter().take_while(move |_| named.is_none()))
}

/// Tells of a run when a panic goes through it.
struct Watched(Chaos);

impl Drop for Watched {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let seed = self.0.seed;
            eprintln!("chaos: the test failed; {VARIABLE}={seed} runs this seed alone\n{}", self.0.done());
        }
    }
}
