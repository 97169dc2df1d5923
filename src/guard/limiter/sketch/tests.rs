//! Does a load only ever err to the safe side, and by how little when threads meet?

use std::sync::Arc;
use std::thread;

use rand::SeedableRng as _;
use rand::rngs::SmallRng;

use super::*;

const PRICE: u64 = 100 << FRACTION;

fn dice() -> SmallRng {
    SmallRng::seed_from_u64(3)
}

#[test]
fn the_table_has_the_size_that_was_asked_for() {
    for (asked, taken) in [
        (4 << 20, 4 << 20),
        (5 << 20, 4 << 20),
        (65_536, 65_536),
        (0, 2048),
    ] {
        assert_eq!(Sketch::new(asked).bytes(), taken);
        assert_eq!(Sketch::bytes_for(asked), taken);
    }
    assert_eq!(size_of::<Line>(), LINE);
}

#[test]
fn a_key_that_was_pushed_out_comes_back_with_no_less_than_it_had() {
    let sketch = Sketch::new(0);
    let decay = Decay::new(1, 1000);
    let (mut dice, mut others) = (dice(), SmallRng::seed_from_u64(4));
    let key = 0x1234_0000_0000_0000;
    for _ in 0..50 {
        sketch
            .find(key, 0, &decay, &mut dice)
            .unwrap()
            .add(PRICE, &mut dice);
    }
    for _ in 0..20_000 {
        let place = sketch
            .find(others.next_u64(), 0, &decay, &mut dice)
            .unwrap();
        place.add(PRICE, &mut dice);
    }
    let place = sketch.find(key, 0, &decay, &mut dice).unwrap();
    assert!(place.load() >= 5000, "{}", place.load());
}

#[test]
fn a_price_below_one_is_charged_by_chance_and_right_on_average() {
    let sketch = Sketch::new(0);
    let decay = Decay::new(1, 1000);
    let mut dice = dice();
    for _ in 0..100_000 {
        let place = sketch.find(77 << 48, 0, &decay, &mut dice).unwrap();
        place.add((1 << FRACTION) / 5, &mut dice);
    }
    let load = sketch.find(77 << 48, 0, &decay, &mut dice).unwrap().load();
    assert!((19_500..=20_500).contains(&load), "{load}");
}

#[test]
fn fading_is_the_same_in_one_step_or_in_many_and_ends_at_nothing() {
    let decay = Decay::new(200, 400);
    for (ticks, left) in [
        (0, 1.0),
        (1, 0.9995),
        (255, 0.9995_f64.powi(255)),
        (256, 0.9995_f64.powi(256)),
        (1386, 0.5),
        (10_000, 0.9995_f64.powi(10_000)),
    ] {
        let kept = decay.over(ticks) as f64 / 4_294_967_296.0;
        assert!((kept - left).abs() < 0.0002, "{ticks} ms: {kept}");
    }
    assert_eq!(decay.over(65_536), 0);
    assert_eq!(decay.over(u32::MAX), 0);
    let (sketch, mut dice) = (Sketch::new(0), dice());
    let load = |now, dice: &mut SmallRng| {
        let place = sketch.find(5 << 48, now, &decay, dice).unwrap();
        (place.load(), place)
    };
    load(0, &mut dice).1.add(40_000 << FRACTION, &mut dice);
    for now in 1..=1386 {
        load(now, &mut dice);
    }
    let half = load(1386, &mut dice).0;
    assert!((19_700..=20_300).contains(&half), "{half}");
    // A clock slightly behind changes nothing; one that has gone round forgets.
    assert_eq!(load(1300, &mut dice).0, half);
    assert_eq!(load(1386 + 100_000, &mut dice).0, 0);
}

#[test]
fn threads_that_meet_lose_charges_but_never_add_any() {
    let sketch = Arc::new(Sketch::new(0));
    let decay = Decay::new(1, 1_000_000);
    thread::scope(|scope| {
        for seed in 0..4 {
            let (sketch, decay) = (&sketch, &decay);
            scope.spawn(move || {
                let mut dice = SmallRng::seed_from_u64(seed);
                for _ in 0..4000 {
                    let place = sketch.find(9 << 48, 0, decay, &mut dice).unwrap();
                    place.add(1 << FRACTION, &mut dice);
                }
            });
        }
    });
    let load = sketch.find(9 << 48, 0, &decay, &mut dice()).unwrap().load();
    assert!((4000..=16_000).contains(&load), "{load}");
}
