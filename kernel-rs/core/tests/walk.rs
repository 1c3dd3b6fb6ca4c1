//! Goal: a walk over a plan is the closed form, whatever path its steps take: one at a time, in stretches, braided.
//! Method: due times by the closed form, sorted; spans chosen so that runs end on and beside every length at which a path
//! begins or ends, whole ranges of rates and durations, the largest of everything; and crowds of trains that meet at the
//! same instants.

mod common;

use std::mem::MaybeUninit;

use common::{any_of, any_step_uu, free};
use proptest::prelude::*;
use pumpcore_kernel::columns::Columns;
use pumpcore_kernel::law::{Cycle, Knot, Programme};
use pumpcore_kernel::schedule::{Braid, Dues, Knit, Plan, PlanLane, PlanPulse, PlanSink, Planned};
use pumpcore_kernel::{Actuator, Error, Kind, Segment, Train, range};

type AnyPlan = Plan<Vec<Segment>, Vec<Planned>>;

/// A plan in plain release, and its pulses, step by step by the closed form.
fn closed(plan: &Drawn) -> Vec<(u64, Kind)> {
    let Drawn { actuator, from_us, to_us, segments, trains } = plan;
    let mut memory = vec![Knot::default(); segments.len() + 1];
    let basal = Programme::new(actuator, *from_us, segments, &mut memory).unwrap();
    let mut all: Vec<_> = (1..=basal.count_at(*to_us)).map(|k| (basal.due_at(k).unwrap(), Kind::Basal, 0)).collect();
    for (place, Planned { train, cancel_us }) in trains.iter().enumerate() {
        let last_us = cancel_us.unwrap_or(u64::MAX).min(*to_us);
        let steps = train.count_at(*from_us) + 1..=train.count_at(last_us);
        all.extend(steps.map(|k| (train.due_at(k).unwrap(), train.kind(), place)));
    }
    all.sort_unstable();
    all.into_iter().map(|(at_us, kind, _)| (at_us, kind)).collect()
}

#[derive(Clone, Debug)]
struct Drawn {
    actuator: Actuator,
    from_us: u64,
    to_us: u64,
    segments: Vec<Segment>,
    trains: Vec<Planned>,
}

impl Drawn {
    fn plan(&self) -> AnyPlan {
        let trains = self.trains.clone();
        Plan::new(self.actuator, self.from_us, self.to_us, self.segments.clone(), trains).unwrap()
    }
}

/// A sink that keeps pulses, and counts those that came in stretches, in braids and in knits.
#[derive(Default)]
struct Kept {
    pulses: Vec<(u64, Kind)>,
    in_stretches: usize,
    in_braids: usize,
    in_knits: usize,
}

impl PlanSink for Kept {
    fn pulse(&mut self, pulse: PlanPulse) {
        assert_eq!(pulse.steps, 1);
        self.pulses.push((pulse.at_us, pulse.kind));
    }

    fn braid(&mut self, kinds: (Kind, Kind), braid: &Braid) {
        assert_eq!(braid.iter().count(), braid.len());
        self.in_braids += braid.len();
        self.pulses.extend(braid.iter().map(|(at_us, is_first)| (at_us, if is_first { kinds.0 } else { kinds.1 })));
    }

    fn knit(&mut self, kinds: &[Kind], knit: &mut Knit) {
        let len = knit.len();
        self.in_knits += len;
        self.pulses.extend(knit.drain().take(len).map(|(at_us, lane)| (at_us, kinds[lane])));
    }

    fn run(&mut self, kind: Kind, dues: &Dues) {
        assert_eq!(dues.iter().count(), dues.len());
        self.in_stretches += dues.len();
        self.pulses.extend(dues.iter().map(|at_us| (at_us, kind)));
    }
}

fn walked(drawn: &Drawn) -> Kept {
    let (plan, mut kept) = (drawn.plan(), Kept::default());
    plan.walk(&mut vec![PlanLane::UNUSED; plan.lanes()], &mut kept).unwrap();
    assert_eq!(u64::try_from(kept.pulses.len()).unwrap(), plan.due_steps());
    kept
}

/// How many steps a run has: every length up to forty, and around those of stretches.
fn any_run() -> impl Strategy<Value = u64> {
    prop_oneof![0_u64..=40, 14_u64..=18, 62_u64..=66, 126_u64..=131, 254_u64..=259, 510_u64..=516]
}

fn any_rate() -> impl Strategy<Value = u64> {
    // A prime: no step is due on a whole microsecond but by accident. Powers of two and ten: often.
    prop_oneof![
        Just(999_999_937),
        Just(1_000_000_000),
        Just(1 << 20),
        Just(800_000),
        1_u64..4_000_000,
        any_of(&range::RATE_UU_PER_H).prop_map(|rate| rate.max(1)),
    ]
}

fn any_train_of(actuator: Actuator) -> impl Strategy<Value = (Kind, u64, u64, Option<u64>)> {
    let most = range::AMOUNT_UU.largest / actuator.step_uu();
    (
        prop_oneof![Just(Kind::Extended), Just(Kind::Bolus)],
        any_run().prop_map(move |steps| steps.clamp(1, most) * actuator.step_uu()),
        0..10_000_u64,
        prop_oneof![2 => Just(None), 1 => (0..12_000_u64).prop_map(Some)],
    )
}

/// A plan with runs of the lengths that matter, and trains across them.
fn any_plan() -> impl Strategy<Value = Drawn> {
    let runs = prop::collection::vec((any_rate(), any_run(), 0_u64..3), 1..6);
    (any_step_uu(), any_of(&range::TIME_US), runs).prop_flat_map(|(step_uu, from_us, runs)| {
        let actuator = free(step_uu);
        let from_us = from_us.min(range::TIME_US.largest / 2);
        let (mut at_us, mut segments) = (from_us, Vec::new());
        for (rate, steps, beside) in runs {
            // So many steps long, or a microsecond less or more.
            let span_us = (steps * actuator.step_fine().get()).div_ceil(rate).max(1) + beside;
            if at_us + span_us > range::TIME_US.largest {
                break;
            }
            segments.push(Segment::new(at_us, rate).unwrap());
            at_us += (span_us - 1).max(1);
        }
        let (to_us, span_us) = (at_us, at_us - from_us);
        prop::collection::vec(any_train_of(actuator), 0..5).prop_map(move |trains| {
            let mut trains: Vec<_> = trains
                .into_iter()
                .map(|(kind, amount_uu, part, cut)| {
                    let start_us = from_us.saturating_sub(span_us / 10) + span_us / 10_000 * part;
                    let duration_us = (span_us / 7 + part * part).clamp(1, range::DURATION_US.largest);
                    let train = Train::new(&actuator, kind, start_us, duration_us, amount_uu).unwrap();
                    let cancel_us = cut.map(|cut| (start_us + duration_us / 10_000 * cut).min(range::TIME_US.largest));
                    Planned { train, cancel_us }
                })
                .collect();
            trains.sort_by_key(|planned| planned.train.start_us());
            Drawn { actuator, from_us, to_us, segments: segments.clone(), trains }
        })
    })
}

/// Basal at one rate, and a train of so many steps beside it.
#[expect(clippy::too_many_arguments, reason = "each is a quantity that is drawn")]
fn paired(
    step_uu: u64,
    from_us: u64,
    rate: u64,
    steps: u64,
    eighths: u64,
    beside: u64,
    late_us: u64,
    cut: Option<u64>,
) -> Drawn {
    let actuator = free(step_uu);
    let pace_us = (actuator.step_fine().get() / rate * eighths / 8).max(1);
    let longest_us = range::TIME_US.largest / 2;
    let steps = steps.min(longest_us / pace_us).clamp(1, range::AMOUNT_UU.largest / step_uu);
    let duration_us = (steps * pace_us + beside).clamp(1, range::DURATION_US.largest.min(longest_us));
    let start_us = from_us.min(longest_us - late_us - 3) + late_us;
    let train = Train::new(&actuator, Kind::Bolus, start_us, duration_us, steps * step_uu).unwrap();
    let cancel_us = cut.map(|cut| start_us + duration_us / 10_000 * cut);
    let (from_us, to_us) = (start_us - late_us, start_us + duration_us + beside);
    // No more steps than a schedule may have.
    let segments = vec![Segment::new(from_us, rate).unwrap()];
    Drawn { actuator, from_us, to_us, segments, trains: vec![Planned { train, cancel_us }] }
}

#[test]
fn long_pairs_of_like_pace_are_braided() {
    // Both of 180 s: every step of both falls on one instant, and basal is before the bolus.
    let same = paired(50_000, 0, 1_000_000, 600, 8, 0, 0, None);
    // Paces that have nothing in common, more steps than a stretch has.
    let other = paired(50_000, 12_345, 999_983, 1_000, 7, 1, 1, None);
    // The longest steps of which there are enough in half of all time.
    let longest = paired(1_000_000, 0, 8, 11, 8, 0, 0, None);
    // The shortest ones.
    let shortest = paired(100, 7, 1_000_000_000, 1_000, 9, 2, 2, Some(7_000));
    for (drawn, least) in [(same, 1_100), (other, 1_700), (longest, 8), (shortest, 1_000)] {
        let kept = walked(&drawn);
        assert_eq!(kept.pulses, closed(&drawn));
        assert!(kept.in_braids >= least, "{} of {} braided", kept.in_braids, kept.pulses.len());
    }
}

/// Basal, and trains whose paces are so many eighths of the basal's, from about one instant on.
fn beside(step_uu: u64, rate: u64, trains: &[(u64, u64, u64, u64)], cut: Option<u64>) -> Drawn {
    let actuator = free(step_uu);
    let mut planned: Vec<_> = trains
        .iter()
        .enumerate()
        .map(|(index, &(start_us, steps, eighths, more_us))| {
            let steps = steps.clamp(1, range::AMOUNT_UU.largest / step_uu);
            let pace_us = (actuator.step_fine().get() / rate * eighths / 8).max(1);
            let duration_us = (steps * pace_us + more_us).min(range::DURATION_US.largest / 4);
            let kind = if index % 2 == 0 { Kind::Bolus } else { Kind::Extended };
            let train = Train::new(&actuator, kind, start_us, duration_us, steps * step_uu).unwrap();
            Planned { train, cancel_us: cut.filter(|_| index == 1).map(|cut| start_us + duration_us / 1_000 * cut) }
        })
        .collect();
    planned.sort_by_key(|planned| planned.train.start_us());
    let to_us = planned.iter().map(|planned| planned.train.end_us()).max().unwrap_or(0);
    Drawn { actuator, from_us: 0, to_us, segments: vec![Segment::new(0, rate).unwrap()], trains: planned }
}

#[test]
fn long_crowds_of_like_pace_are_knit() {
    // All of 180 s: every step falls on one instant with all others.
    let same = beside(50_000, 1_000_000, &[(0, 600, 8, 0); 3], None);
    // Paces that have nothing in common, more steps than a stretch has; five lanes, of which the last two come later.
    let trains = [(0, 1_000, 7, 1), (1, 900, 9, 5), (70, 700, 8, 3), (90_000_000, 500, 11, 7)];
    let other = beside(50_000, 999_983, &trains, Some(611));
    // The longest steps of which there are enough in a quarter of all time, and the shortest ones.
    let longest = beside(1_000_000, 16, &[(0, 11, 8, 0), (3, 11, 8, 0)], None);
    let shortest = beside(100, 1_000_000_000, &[(0, 1_000, 9, 2), (0, 1_000, 5, 2)], Some(700));
    // As many lanes as are looked at one by one.
    let most = beside(100, 999_999_937, &[(5, 300, 8, 11); 15], None);
    for (drawn, least) in [(same, 2_300), (other, 3_200), (longest, 8), (shortest, 1_500), (most, 4_500)] {
        let kept = walked(&drawn);
        assert_eq!(kept.pulses, closed(&drawn));
        assert!(kept.in_knits >= least, "{} of {} knit", kept.in_knits, kept.pulses.len());
    }
}

/// Trains on a second, from few starts and few durations, so that many steps meet.
fn any_crowd() -> impl Strategy<Value = Drawn> {
    let one = (
        prop_oneof![Just(Kind::Extended), Just(Kind::Bolus)],
        prop_oneof![4 => Just(0_u64), 1 => 0_u64..5, 1 => 0_u64..900_000],
        prop_oneof![4 => Just(500_000_u64), 1 => Just(500_001), 1 => Just(3), 1 => 1_u64..700_000],
        prop_oneof![4 => Just(10_u64), 1 => 1_u64..40],
        prop_oneof![6 => Just(None), 1 => (0_u64..1_000_000).prop_map(Some)],
    );
    let count = prop_oneof![13_usize..20, 40_usize..300];
    let ones = count.prop_flat_map(move |count| prop::collection::vec(one.clone(), count));
    let rate = prop_oneof![Just(0), Just(1_000_000_000)];
    (ones, rate, prop_oneof![Just(0), 0_u64..800_000]).prop_map(|(ones, rate, from_us)| {
        let actuator = free(100);
        let mut trains: Vec<_> = ones
            .into_iter()
            .map(|(kind, start_us, duration_us, steps, cancel_us)| {
                let train = Train::new(&actuator, kind, start_us, duration_us, steps * actuator.step_uu()).unwrap();
                Planned { train, cancel_us }
            })
            .collect();
        trains.sort_by_key(|planned| planned.train.start_us());
        // An edge in between, where the trains go on.
        let segments = vec![Segment::new(0, rate).unwrap(), Segment::new(100_000, rate / 3).unwrap()];
        Drawn { actuator, from_us, to_us: 1_000_000, segments, trains }
    })
}

#[test]
fn crowds_that_meet_at_every_step_leave_by_kind_and_start() {
    let actuator = free(100);
    // Around the number from which a heap is used, with it growing and shrinking, and far above it.
    for count in [14, 15, 16, 17, 18, 40, 300_u64] {
        for late_us in [0, 1] {
            let trains = (0..count).map(|index| {
                let kind = if index % 3 == 0 { Kind::Bolus } else { Kind::Extended };
                // All end together; with `late_us`, none starts with another.
                let (start_us, end_us) = (index * late_us, 1_000_000);
                let train = Train::new(&actuator, kind, start_us, end_us - start_us, 2_000).unwrap();
                Planned { train, cancel_us: (index % 5 == 4).then_some(500_000 + index / 7) }
            });
            let segments = vec![Segment::new(0, 7_200_000).unwrap()];
            let trains = trains.collect();
            let drawn = Drawn { actuator, from_us: 0, to_us: 1_000_000, segments, trains };
            assert_eq!(walked(&drawn).pulses, closed(&drawn), "{count} trains, {late_us} us apart");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_500))]

    #[test]
    fn a_walk_is_the_closed_form(drawn in any_plan()) {
        prop_assert_eq!(walked(&drawn).pulses, closed(&drawn));
    }

    #[test]
    fn basal_and_trains_of_like_pace_are_the_closed_form(
        step_uu in any_step_uu(),
        rate in any_rate(),
        trains in prop::collection::vec((0_u64..20, any_run(), 2_u64..=12, 0_u64..9), 2..7),
        cut in prop_oneof![2 => Just(None), 1 => (0_u64..1_000).prop_map(Some)],
    ) {
        // No more time than there is.
        let rate = rate.max(step_uu / 100);
        let drawn = beside(step_uu, rate, &trains, cut);
        prop_assert_eq!(walked(&drawn).pulses, closed(&drawn));
    }

    #[test]
    fn a_crowd_is_the_closed_form(drawn in any_crowd()) {
        prop_assert_eq!(walked(&drawn).pulses, closed(&drawn));
    }

    #[test]
    fn basal_and_a_train_of_like_pace_are_the_closed_form(
        step_uu in any_step_uu(),
        from_us in any_of(&range::TIME_US),
        rate in any_rate(),
        steps in any_run(),
        // The train's pace in eighths of the basal's, and beside.
        eighths in 1_u64..=66,
        beside in 0_u64..3,
        (late, cut) in (0_u64..3, prop_oneof![2 => Just(None), 1 => (0_u64..10_000).prop_map(Some)]),
    ) {
        let drawn = paired(step_uu, from_us, rate, steps, eighths, beside, late, cut);
        prop_assert_eq!(walked(&drawn).pulses, closed(&drawn));
    }

    #[test]
    fn a_run_at_one_rate_is_the_closed_form(
        step_uu in any_step_uu(),
        from_us in any_of(&range::TIME_US),
        rate in any_rate(),
        steps in any_run(),
        beside in 0_u64..3,
    ) {
        let actuator = free(step_uu);
        let span_us = (steps * actuator.step_fine().get()).div_ceil(rate) + beside;
        let to_us = (from_us + span_us).saturating_sub(1).clamp(from_us, range::TIME_US.largest);
        let segments = vec![Segment::new(0, rate).unwrap()];
        let drawn = Drawn { actuator, from_us, to_us, segments, trains: Vec::new() };
        let kept = walked(&drawn);
        prop_assert_eq!(&kept.pulses, &closed(&drawn));
        prop_assert!(kept.pulses.len() < 20 || kept.in_stretches == kept.pulses.len());
    }

    #[test]
    fn a_train_of_any_length_is_the_closed_form(
        step_uu in any_step_uu(),
        start_us in any_of(&range::TIME_US),
        duration_us in any_of(&range::DURATION_US),
        steps in prop_oneof![any_run(), Just(10_000_000)],
        from_part in 0_u64..1_000,
        to_part in 0_u64..1_000,
    ) {
        let actuator = free(step_uu);
        let steps = steps.clamp(1, range::AMOUNT_UU.largest / step_uu);
        let train = Train::new(&actuator, Kind::Bolus, start_us, duration_us, steps * step_uu).unwrap();
        // Anywhere in it, about a thousand steps: from the step at `from_part` thousandths on.
        let first = steps / 1_000 * from_part + 1;
        let from_us = (train.due_at(first).unwrap() - 1).min(range::TIME_US.largest);
        let last = (first + to_part).min(steps);
        let to_us = train.due_at(last).unwrap().clamp(from_us, range::TIME_US.largest);
        // Where thousands are due in one microsecond, they all are in the window.
        prop_assume!(train.count_at(to_us) - train.count_at(from_us) < 100_000);
        let trains = vec![Planned { train, cancel_us: None }];
        let drawn = Drawn { actuator, from_us, to_us, segments: Vec::new(), trains };
        prop_assert_eq!(walked(&drawn).pulses, closed(&drawn));
    }

    #[test]
    fn what_has_left_is_what_the_walk_let_go(
        drawn in any_plan(),
        grid_us in prop_oneof![Just(0), Just(1), any_of(&range::GRID_US)],
        part in 0_u64..=1_000,
    ) {
        let drawn = Drawn { actuator: Actuator::new(drawn.actuator.step_uu(), 0, grid_us).unwrap(), ..drawn };
        let (plan, mut sums) = (drawn.plan(), [0_u64; 3]);
        let at_us = drawn.from_us + (drawn.to_us - drawn.from_us) / 900 * part;
        plan.walk(&mut vec![PlanLane::UNUSED; plan.lanes()], &mut |pulse: PlanPulse| {
            if pulse.at_us <= at_us {
                sums[usize::from(pulse.kind.code())] += u64::from(pulse.steps);
            }
        })
        .unwrap();
        prop_assert_eq!(plan.left_by(at_us), Some(sums));
    }

    #[test]
    fn a_cycle_is_its_periods_one_after_the_other(
        step_uu in any_step_uu(),
        from_us in 0..=range::TIME_US.largest / 2,
        rates in prop::collection::vec(0..=range::RATE_UU_PER_H.largest, 1..5),
        period_us in 4_u64..1_000_000_000_000,
        into in 0_u64..=5_000,
    ) {
        let actuator = free(step_uu);
        let quarter_us = period_us / 4;
        let starts = (0..).map(|index| index * quarter_us);
        let once: Vec<_> =
            starts.zip(&rates).map(|(start_us, &rate)| Segment::new(start_us, rate).unwrap()).collect();
        let often: Vec<_> = (0..5)
            .flat_map(|period| once.iter().map(move |one| (from_us + period * period_us + one.start_us(), one)))
            .map(|(start_us, one)| Segment::new(start_us, one.rate_uu_per_h()).unwrap())
            .collect();
        let (mut few, mut many) = ([Knot::default(); 5], vec![Knot::default(); often.len() + 1]);
        let cycle = Cycle::new(&actuator, from_us, period_us, &once, &mut few).unwrap();
        let whole = Programme::new(&actuator, from_us, &often, &mut many).unwrap();
        let at_us = from_us + period_us / 1_000 * into;
        let k = whole.count_at(at_us);
        prop_assert_eq!(cycle.count_at(at_us), k);
        if k > 0 {
            prop_assert_eq!(cycle.due_at(k), whole.due_at(k));
        }
        if let Some(next_us) = cycle.due_at(k + 1) {
            prop_assert!(next_us > at_us && cycle.count_at(next_us) > k && cycle.count_at(next_us - 1) <= k);
        }
        prop_assert_eq!(cycle.due_at(0), None);
    }
}

#[test]
fn the_longest_run_of_the_largest_of_everything_is_exact() {
    // One step each 360 us at the end of all time; a train of ten million steps beside it, two in three microseconds.
    let (actuator, last_us) = (free(100), range::TIME_US.largest);
    let train = Train::new(&actuator, Kind::Bolus, last_us - 15_000_000, 15_000_000, 1_000_000_000).unwrap();
    let drawn = Drawn {
        actuator,
        from_us: last_us - 1_000_000,
        to_us: last_us,
        segments: vec![Segment::new(0, 1_000_000_000).unwrap()],
        trains: vec![Planned { train, cancel_us: None }],
    };
    assert_eq!(walked(&drawn).pulses, closed(&drawn));
}

#[test]
fn three_hundred_years_are_one_question() {
    const DAY_US: u64 = 86_400_000_000;
    let mut memory = [Knot::default(); 2];
    let segments = [Segment::new(0, 700_000).unwrap()];
    let day = Cycle::new(&free(50_000), 0, DAY_US, &segments, &mut memory).unwrap();
    let days = 300 * 365;
    assert_eq!(day.count_at(days * DAY_US), days * 336);
    assert_eq!(day.due_at(days * 336), Some(days * DAY_US));
    assert_eq!(day.due_at(days * 336 + 1), Some(days * DAY_US + 257_142_858));
    let idle = Cycle::new(&free(50_000), 0, DAY_US, &[], &mut memory).unwrap();
    assert_eq!((idle.count_at(range::TIME_US.largest), idle.due_at(1)), (0, None));
    let error = Cycle::new(&free(100), 0, 0, &[], &mut memory).unwrap_err();
    assert_eq!(error, Error::Range { range: &range::DURATION_US, value: 0 });
}

#[test]
fn columns_that_are_too_short_are_refused() {
    let segments = vec![Segment::new(0, 1_000_000).unwrap()];
    let day = Drawn { actuator: free(50_000), from_us: 0, to_us: 86_400_000_000, segments, trains: Vec::new() };
    for (room, expected) in [(480, Ok(480)), (479, Err(Error::Memory { lent: 479, needed: 480 }))] {
        let (mut at_us, mut channel) = (vec![MaybeUninit::uninit(); room], vec![MaybeUninit::uninit(); room]);
        let mut columns = Columns::<false>::new(&mut at_us, &mut channel, &mut []);
        day.plan().walk(&mut [PlanLane::UNUSED], &mut columns).unwrap();
        assert_eq!(columns.finish(), expected);
    }
    let (plan, mut none) = (day.plan(), Kept::default());
    assert_eq!(plan.walk(&mut [], &mut none), Err(Error::Memory { lent: 0, needed: 1 }));
}
