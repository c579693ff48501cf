//! Every case of every peer: `cargo bench`, or `cargo xtask bench` for the tables and the chart.

use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use linkbus_peers::{Answer, CASES, peers};

fn every_case(criterion: &mut Criterion) {
    for case in CASES {
        let mut group = criterion.benchmark_group(case.to_string());
        for peer in peers() {
            let Answer::Turns(ready) = (peer.answer)(*case) else { continue };
            // Criterion takes the time of the whole closure for the length of a turn when it warms up, so what is built is
            // built here, and what happens once happens here.
            let mut turns = ready();
            turns(1);
            group.bench_function(peer.name, |bencher| bencher.iter_custom(|count| turns(count).duration()));
        }
    }
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .sample_size(20)
        .warm_up_time(Duration::from_millis(200))
        .measurement_time(Duration::from_millis(800));
    targets = every_case
}
criterion_main!(benches);
