//! Goal: the closed form is the law, and the walking form is the closed form.
//! Method: the law written down naively in wide integers, random and boundary quantities over the whole of every range.

mod common;

use common::{any_of, any_step_uu, free};
use proptest::prelude::*;
use pumpcore_kernel::law::{Knot, Programme};
use pumpcore_kernel::ramp::{NEVER_US, Ramp, Stream};
use pumpcore_kernel::range::{self, US_PER_HOUR};
use pumpcore_kernel::{Actuator, Error, Kind, Segment, Train};

/// A train within every range.
fn any_train() -> impl Strategy<Value = Train> {
    (any_step_uu(), any_of(&range::TIME_US), any_of(&range::DURATION_US), any_of(&range::AMOUNT_UU)).prop_map(
        |(step_uu, start_us, duration_us, amount_uu)| {
            let amount_uu = (amount_uu / step_uu).max(1) * step_uu;
            Train::new(&free(step_uu), Kind::Bolus, start_us, duration_us, amount_uu).unwrap()
        },
    )
}

fn any_segments() -> impl Strategy<Value = Vec<Segment>> {
    let rate = prop_oneof![Just(0), Just(1), any_of(&range::RATE_UU_PER_H)];
    prop::collection::vec((any_of(&range::TIME_US), rate), 0..12).prop_map(|mut pairs| {
        pairs.sort_unstable();
        pairs.dedup_by_key(|pair| pair.0);
        pairs.into_iter().map(|(start_us, rate)| Segment::new(start_us, rate).unwrap()).collect()
    })
}

/// What is earned by `at_us`, segment by segment, as the law says it.
fn earned_fine(segments: &[Segment], from_us: u64, at_us: u64) -> u128 {
    let ends = segments.iter().skip(1).map(Segment::start_us).chain([u64::MAX]);
    let earned = segments.iter().zip(ends).map(|(segment, end_us)| {
        let begin_us = segment.start_us().max(from_us);
        u128::from(at_us.min(end_us).saturating_sub(begin_us)) * u128::from(segment.rate_uu_per_h())
    });
    earned.sum()
}

proptest! {
    #[test]
    fn a_train_counts_what_it_earned(train in any_train(), at_us in any_of(&range::TIME_US)) {
        let elapsed = u128::from(at_us.saturating_sub(train.start_us()).min(train.duration_us().get()));
        let due = elapsed * u128::from(train.steps().get()) / u128::from(train.duration_us().get());
        prop_assert_eq!(u128::from(train.count_at(at_us)), due);
    }

    #[test]
    fn a_train_step_is_due_at_the_least_microsecond(train in any_train(), part in 0.0..=1.0_f64) {
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss)]
        let k = ((train.steps().get() as f64 * part) as u64).clamp(1, train.steps().get());
        let due_us = train.due_at(k).unwrap();
        prop_assert!(due_us > train.start_us());
        prop_assert!(train.count_at(due_us) >= k);
        prop_assert!(train.count_at(due_us - 1) < k);
    }

    #[test]
    fn a_train_is_whole_at_its_end_and_not_before(train in any_train()) {
        let steps = train.steps().get();
        prop_assert_eq!(train.due_at(steps), Some(train.end_us()));
        prop_assert_eq!(train.count_at(train.end_us()), steps);
        prop_assert!(train.count_at(train.end_us() - 1) < steps);
        prop_assert_eq!(train.due_at(steps + 1), None);
        prop_assert_eq!(train.due_at(0), None);
    }

    #[test]
    fn a_train_walks_as_the_closed_form_says(train in any_train(), from in 0_u64..2_000) {
        let first = 1 + from % train.steps().get();
        let mut stream = Stream::train(&train, first);
        for k in first..=train.steps().get().min(first + 300) {
            prop_assert_eq!(Some(stream.take()), train.due_at(k), "step {}", k);
        }
        // Wherever the walk was begun, it stands where another walk stands.
        let reached = train.steps().get().min(first + 300) + 1;
        prop_assert_eq!(stream.next_us(), Stream::train(&train, reached).next_us());
    }

    #[test]
    fn a_programme_counts_what_it_earned(
        step_uu in any_step_uu(),
        from_us in any_of(&range::TIME_US),
        segments in any_segments(),
        at_us in any_of(&range::TIME_US),
    ) {
        let mut memory = [Knot::default(); 13];
        let basal = Programme::new(&free(step_uu), from_us, &segments, &mut memory).unwrap();
        let earned = earned_fine(&segments, from_us, at_us);
        prop_assert_eq!(u128::from(basal.count_at(at_us)), earned / u128::from(step_uu * US_PER_HOUR));
    }

    #[test]
    fn a_programme_step_is_due_at_the_least_microsecond(
        step_uu in any_step_uu(),
        from_us in any_of(&range::TIME_US),
        segments in any_segments(),
        at_us in any_of(&range::TIME_US),
    ) {
        let mut memory = [Knot::default(); 13];
        let basal = Programme::new(&free(step_uu), from_us, &segments, &mut memory).unwrap();
        let k = basal.count_at(at_us);
        if k > 0 {
            let due_us = basal.due_at(k).unwrap();
            prop_assert!(due_us > from_us && due_us <= at_us);
            prop_assert_eq!(basal.count_at(due_us), k);
            prop_assert_eq!(basal.count_at(due_us - 1), k - 1);
        }
        if let Some(next_us) = basal.due_at(k + 1) {
            prop_assert!(next_us > at_us);
            prop_assert_eq!(basal.count_at(next_us - 1), k);
        } else {
            prop_assert_eq!(basal.count_at(range::TIME_US.largest), k);
        }
        prop_assert_eq!(basal.due_at(0), None);
    }

    #[test]
    fn basal_walks_as_the_closed_form_says(
        step_uu in any_step_uu(),
        from_us in any_of(&range::TIME_US),
        rate in any_of(&range::RATE_UU_PER_H),
    ) {
        let actuator = free(step_uu);
        let segments = [Segment::new(0, rate).unwrap()];
        let mut memory = [Knot::default(); 2];
        let basal = Programme::new(&actuator, from_us, &segments, &mut memory).unwrap();
        let mut ramp = Ramp::basal(from_us, actuator.step_fine(), rate, 0);
        for k in 1..=300 {
            let due_us = Some(ramp.next_us()).filter(|&due_us| due_us <= range::TIME_US.largest);
            prop_assert_eq!(due_us, basal.due_at(k), "step {}", k);
            if due_us.is_none() {
                break;
            }
            ramp.step();
        }
    }

    #[test]
    fn what_is_left_over_is_exact_at_any_instant(
        step_uu in any_step_uu(),
        rates in prop::collection::vec((any_of(&range::RATE_UU_PER_H), 0_u64..40_000_000_000), 1..8),
    ) {
        let actuator = free(step_uu);
        let step_fine = actuator.step_fine();
        let (mut now_us, mut rest_fine, mut earned) = (0_u64, 0_u64, 0_u128);
        for (rate, span_us) in rates {
            // No more than a few steps in a span, so that the walk stays short.
            let span_us = span_us.min(step_fine.get().checked_div(rate).map_or(span_us, |whole| whole * 3));
            let mut ramp = Ramp::basal(now_us, step_fine, rate, rest_fine);
            now_us += span_us;
            while ramp.next_us() <= now_us {
                ramp.step();
            }
            rest_fine = ramp.rest_fine(step_fine, now_us).unwrap_or(rest_fine);
            earned += u128::from(rate) * u128::from(span_us);
            prop_assert_eq!(u128::from(rest_fine), earned % u128::from(step_fine.get()));
        }
    }
}

#[test]
fn no_step_is_ever_due_at_rate_zero() {
    let mut ramp = Ramp::basal(5, free(100).step_fine(), 0, 359_999_999_999);
    assert_eq!(ramp.next_us(), NEVER_US);
    ramp.step();
    assert_eq!(ramp.next_us(), NEVER_US);
}

#[test]
fn rate_one_earns_a_step_in_its_own_time() {
    // 1 uu/h, 0.0001 U: one step each hundred hours, to the microsecond.
    let segments = [Segment::new(0, 1).unwrap()];
    let mut memory = [Knot::default(); 2];
    let basal = Programme::new(&free(100), 0, &segments, &mut memory).unwrap();
    assert_eq!(basal.due_at(1), Some(100 * US_PER_HOUR));
    assert_eq!(basal.count_at(100 * US_PER_HOUR - 1), 0);
}

#[test]
fn the_largest_of_everything_is_exact() {
    // 1 000 U/h in steps of 0.0001 U for 316 years: 27 777 777 777 777 steps, one each 360 us.
    let segments = [Segment::new(0, range::RATE_UU_PER_H.largest).unwrap()];
    let mut memory = [Knot::default(); 2];
    let basal = Programme::new(&free(100), 0, &segments, &mut memory).unwrap();
    assert_eq!(basal.count_at(range::TIME_US.largest), 27_777_777_777_777);
    assert_eq!(basal.due_at(27_777_777_777_777), Some(360 * 27_777_777_777_777));
    assert_eq!(basal.due_at(u64::MAX), None);
    // The largest train, as slow and as late as it goes.
    let last = range::TIME_US.largest;
    let train = Train::new(&free(100), Kind::Extended, last, range::DURATION_US.largest, 1_000_000_000).unwrap();
    assert_eq!(train.due_at(10_000_000), Some(2 * last));
    assert_eq!(train.count_at(u64::MAX), 10_000_000);
}

#[test]
fn a_train_of_one_microsecond_is_due_at_once_but_not_at_its_start() {
    let train = Train::new(&free(50_000), Kind::Bolus, 7, 1, 500_000).unwrap();
    assert_eq!((train.count_at(7), train.count_at(8)), (0, 10));
    assert_eq!((train.due_at(1), train.due_at(10)), (Some(8), Some(8)));
}

#[test]
fn each_field_is_refused_one_beyond_each_bound() {
    let refused = |result: Result<(), Error>, id: &str, given: u64| {
        assert!(matches!(result, Err(Error::Range { range, value }) if range.id == id && value == given), "{result:?}");
    };
    let pump = free(100);
    refused(Actuator::new(99, 0, 0).map(drop), "step_uu", 99);
    refused(Actuator::new(1_000_001, 0, 0).map(drop), "step_uu", 1_000_001);
    refused(Actuator::new(100, 3_600_000_001, 0).map(drop), "gap_us", 3_600_000_001);
    refused(Actuator::new(100, 0, 86_400_000_001).map(drop), "grid_us", 86_400_000_001);
    refused(Segment::new(10_000_000_000_000_001, 0).map(drop), "time_us", 10_000_000_000_000_001);
    refused(Segment::new(0, 1_000_000_001).map(drop), "rate_uu_per_h", 1_000_000_001);
    let train =
        |start_us, duration_us, amount_uu| Train::new(&pump, Kind::Bolus, start_us, duration_us, amount_uu).map(drop);
    refused(train(0, 0, 100), "duration_us", 0);
    refused(train(0, 10_000_000_000_000_001, 100), "duration_us", 10_000_000_000_000_001);
    refused(train(10_000_000_000_000_001, 1, 100), "time_us", 10_000_000_000_000_001);
    refused(train(0, 1, 99), "amount_uu", 99);
    refused(train(0, 1, 1_000_000_001), "amount_uu", 1_000_000_001);
    refused(train(0, 1, u64::MAX), "amount_uu", u64::MAX);
}

#[test]
fn an_amount_is_a_whole_number_of_steps() {
    let error = Train::new(&free(50_000), Kind::Bolus, 0, 1, 75_000).unwrap_err();
    assert_eq!(error, Error::WholeSteps { amount_uu: 75_000, step_uu: 50_000 });
    assert_eq!(error.to_string(), "amount_uu: 75000 must be a whole number of steps of 50000 uu, at least one");
    let error = Train::new(&free(50_000), Kind::Bolus, 0, 1, 100).unwrap_err();
    assert_eq!(error, Error::WholeSteps { amount_uu: 100, step_uu: 50_000 });
}

#[test]
fn segments_start_strictly_one_after_the_other() {
    let segments = [Segment::new(5, 1).unwrap(), Segment::new(5, 2).unwrap()];
    let error = Programme::new(&free(100), 0, &segments, &mut [Knot::default(); 3]).unwrap_err();
    assert_eq!(error, Error::Early { field: "start_us", value_us: 5, earliest_us: 6 });
    let error = Programme::new(&free(100), 0, &segments[..1], &mut [Knot::default(); 1]).unwrap_err();
    assert_eq!(error, Error::Memory { lent: 1, needed: 2 });
}

#[test]
fn a_step_due_exactly_at_an_edge_is_due_there_whatever_follows() {
    // 1 U/h until 180 s earns exactly one step of 0.05 U; then nothing for a while, then more.
    let rates = [(0, 1_000_000), (180_000_000, 0), (400_000_000, 0), (500_000_000, 1_000_000)];
    let segments = rates.map(|(start_us, rate)| Segment::new(start_us, rate).unwrap());
    let mut memory = [Knot::default(); 5];
    let basal = Programme::new(&free(50_000), 0, &segments, &mut memory).unwrap();
    assert_eq!(basal.due_at(1), Some(180_000_000));
    assert_eq!(basal.due_at(2), Some(680_000_000));
    let mut memory = [Knot::default(); 3];
    let basal = Programme::new(&free(50_000), 0, &segments[..2], &mut memory).unwrap();
    assert_eq!((basal.due_at(1), basal.due_at(2)), (Some(180_000_000), None));
}
