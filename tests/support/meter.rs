//! What the layer `Metrics` tells, in sum over all series.
#![allow(dead_code, reason = "no test program needs all of it")]

use std::sync::{
    Arc,
    atomic::{AtomicI64, AtomicU64, Ordering::Relaxed},
};

use metrics::{Counter, CounterFn, Gauge, GaugeFn, Histogram, Key, KeyName, Metadata, Recorder, SharedString, Unit};

#[derive(Clone, Default)]
pub(crate) struct Meter(Arc<Sums>);

#[derive(Default)]
pub(crate) struct Sums {
    pub(crate) dispatches: AtomicU64,
    pub(crate) in_flight: AtomicI64,
}

impl Meter {
    /// How many dispatches came to an end.
    pub(crate) fn dispatches(&self) -> u64 {
        self.0.dispatches.load(Relaxed)
    }

    pub(crate) fn is_at_rest_after(&self, dispatches: u64) {
        assert_eq!((self.dispatches(), self.0.in_flight.load(Relaxed)), (dispatches, 0));
    }
}

impl CounterFn for Sums {
    fn increment(&self, value: u64) {
        self.dispatches.fetch_add(value, Relaxed);
    }

    fn absolute(&self, _: u64) {}
}

impl GaugeFn for Sums {
    fn increment(&self, _: f64) {
        self.in_flight.fetch_add(1, Relaxed);
    }

    fn decrement(&self, _: f64) {
        self.in_flight.fetch_sub(1, Relaxed);
    }

    fn set(&self, _: f64) {}
}

impl Recorder for Meter {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        if key.name() == "linkbus_dispatches_total" { Arc::clone(&self.0).into() } else { Counter::noop() }
    }

    fn register_gauge(&self, _: &Key, _: &Metadata<'_>) -> Gauge {
        Arc::clone(&self.0).into()
    }

    fn register_histogram(&self, _: &Key, _: &Metadata<'_>) -> Histogram {
        Histogram::noop()
    }
}
