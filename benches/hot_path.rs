//! How long does each part of the hot path take, and the whole of it for an answer, a refusal and silence?

#![allow(
    clippy::expect_used,
    missing_docs,
    reason = "a bench; criterion's macros make public items without documentation"
)]

mod pipeline;

use std::hint::black_box;
use std::net::SocketAddr;
use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use pipeline::{ADMITTED, NOW, OUTSIDER, Rig};
use suimon::answer;
use suimon::wire::{QueryView, Rcode};

/// Refusals of one burst, the most there can be; the bench's clock stands still, so no more come.
const PLENTY: u32 = 100_000;

fn parts(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("part");
    let rig = Rig::new(1024, 1);
    let (admitted, outsider) = clients();
    group.bench_function("QueryView::parse", |bencher| {
        bencher.iter(|| QueryView::parse(black_box(&rig.query)).is_ok());
    });
    group.bench_function("guard: admitted", |bencher| {
        bencher.iter(|| {
            rig.pipeline
                .guard
                .judge(black_box(&rig.arrival(admitted)), NOW)
                .reason()
        });
    });
    group.bench_function("guard: outsider, budget spent", |bencher| {
        bencher.iter(|| {
            rig.pipeline
                .guard
                .judge(black_box(&rig.arrival(outsider)), NOW)
                .reason()
        });
    });
    let mut out = Vec::with_capacity(512);
    group.bench_function("answer::refusal", |bencher| {
        bencher.iter(|| {
            out.clear();
            answer::refusal(black_box(&rig.query), Rcode::REFUSED, &mut out)
        });
    });
    let query = QueryView::parse(&rig.query).expect("a good query");
    group.bench_function("cache look-up and compose", |bencher| {
        bencher.iter(|| {
            out.clear();
            let response = rig
                .pipeline
                .cache
                .lookup(&black_box(query).question(), NOW)
                .expect("it is cached");
            answer::compose(&query, &response, None, &rig.pipeline.plan, true, &mut out).body_len
        });
    });
    group.finish();
}

fn whole(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("pipeline");
    let (admitted, outsider) = clients();
    for (name, slots, refusals, client) in [
        ("ready-made answer", 1024, 1, admitted),
        ("answer from the shared cache", 0, 1, admitted),
        ("silence, refusal budget spent", 1024, 1, outsider),
    ] {
        let mut rig = Rig::new(slots, refusals);
        for _ in 0..10 {
            rig.ask(client);
        }
        group.bench_function(name, |bencher| bencher.iter(|| rig.ask(black_box(client))));
    }
    let mut rig = Rig::limited(1024, Duration::from_millis(10));
    group.bench_function("ready-made answer, limiter in force", |bencher| {
        bencher.iter(|| rig.ask(black_box(admitted)));
    });
    group.bench_function("refusal sent", |bencher| {
        // The burst lasts for one batch of the bench; each gets a guard of its own.
        bencher.iter_batched_ref(
            || Rig::new(1024, PLENTY),
            |rig| {
                for _ in 0..1000 {
                    rig.ask(black_box(outsider)).expect("a refusal");
                }
            },
            criterion::BatchSize::PerIteration,
        );
    });
    group.finish();
}

fn clients() -> (SocketAddr, SocketAddr) {
    (
        ADMITTED.parse().expect("an address"),
        OUTSIDER.parse().expect("an address"),
    )
}

criterion_group! {
    name = hot_path;
    config = Criterion::default().warm_up_time(Duration::from_millis(300)).measurement_time(Duration::from_secs(1)).without_plots();
    targets = parts, whole
}
criterion_main!(hot_path);
