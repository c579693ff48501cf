//! The time of every case beside its baseline: `cargo bench -p linkbus-benches`.

use std::time::Instant;

use criterion::{Criterion, criterion_group, criterion_main};
use linkbus_benches::CASES;

fn dispatch(criterion: &mut Criterion) {
    for case in CASES {
        let mut group = criterion.benchmark_group(case.name);
        for (side, work) in [("baseline", case.baseline), ("bus", case.bus)] {
            group.bench_function(side, |bencher| {
                bencher.iter_custom(|turns| {
                    let start = Instant::now();
                    work(turns);
                    start.elapsed()
                });
            });
        }
    }
}

criterion_group!(benches, dispatch);
criterion_main!(benches);
