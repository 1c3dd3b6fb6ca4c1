//! Goal: the engine gives the plan's pulses however time is sliced, loses no step, and never comes to wait for too many.
//! Method: random scripts of commands for each kind of release, held against the plan's walk and against plain sums.

mod common;

use common::{Log, any_step_uu};
use proptest::prelude::*;
use pumpcore_kernel::delivery::BASAL_ID;
use pumpcore_kernel::range::TIME_US;
use pumpcore_kernel::schedule::{Plan, PlanLane, PlanPulse, Planned};
use pumpcore_kernel::{Actuator, Delivery, Error, Kind, Pulse, Segment, Train};

const MINUTE_US: u64 = 60_000_000;
const HOUR_US: u64 = 60 * MINUTE_US;

#[derive(Clone, Debug)]
enum Command {
    Rate(u64),
    Start {
        kind: Kind,
        later_us: u64,
        duration_us: u64,
        steps: u64,
    },
    /// The train started so many starts ago.
    Cancel(usize),
    Wait(u64),
}

fn any_command() -> impl Strategy<Value = Command> {
    let kind = prop_oneof![Just(Kind::Bolus), Just(Kind::Extended)];
    let duration = prop_oneof![Just(1_u64), 1..1_000_000_u64, 1..2 * HOUR_US];
    prop_oneof![
        prop_oneof![Just(0_u64), Just(1), 1..40_000_000_u64].prop_map(Command::Rate),
        (kind, prop_oneof![Just(0), 0..HOUR_US], duration, 1..120_u64)
            .prop_map(|(kind, later_us, duration_us, steps)| Command::Start { kind, later_us, duration_us, steps }),
        (0..4_usize).prop_map(Command::Cancel),
        prop_oneof![Just(0), Just(1), 1..5_000_000_u64, 1..HOUR_US].prop_map(Command::Wait),
    ]
}

fn any_actuator() -> impl Strategy<Value = Actuator> {
    let gap = prop_oneof![Just(1_u64), Just(100_000), Just(2_000_000), 1..10_000_000_u64];
    let grid = prop_oneof![Just(1_u64), Just(180_000_000), Just(300_000_000), 1..600_000_000_u64];
    prop_oneof![
        any_step_uu().prop_map(|step_uu| Actuator::new(step_uu, 0, 0).unwrap()),
        (any_step_uu(), gap).prop_map(|(step_uu, gap_us)| Actuator::new(step_uu, gap_us, 0).unwrap()),
        (any_step_uu(), grid).prop_map(|(step_uu, grid_us)| Actuator::new(step_uu, 0, grid_us).unwrap()),
    ]
}

/// Runs a script; `slices` cuts every wait into so many parts. Also returns the equivalent plan.
struct Run {
    engine: Delivery,
    log: Log,
    segments: Vec<Segment>,
    trains: Vec<(u32, Planned)>,
    refused: usize,
}

fn run(actuator: Actuator, script: &[Command], slices: u64) -> Run {
    let mut engine = Delivery::new(actuator, 0, None, None).unwrap();
    let mut log = Log::default();
    let mut segments: Vec<Segment> = Vec::new();
    let mut trains: Vec<(u32, Planned)> = Vec::new();
    let mut refused = 0;
    for command in script {
        let now_us = engine.now_us();
        match *command {
            Command::Rate(rate) => match engine.set_rate(rate) {
                Ok(()) => {
                    segments.retain(|segment| segment.start_us() != now_us);
                    segments.push(Segment::new(now_us, rate).unwrap());
                }
                Err(_) => refused += 1,
            },
            Command::Start { kind, later_us, duration_us, steps } => {
                let (start_us, amount_uu) = (now_us + later_us, steps * actuator.step_uu());
                match engine.start_train(kind, start_us, duration_us, amount_uu) {
                    Ok(id) => {
                        let train = Train::new(&actuator, kind, start_us, duration_us, amount_uu).unwrap();
                        trains.push((id, Planned { train, cancel_us: None }));
                    }
                    Err(_) => refused += 1,
                }
            }
            Command::Cancel(back) => {
                let back = trains.len().checked_sub(back + 1);
                if let Some((id, planned)) = back.and_then(|index| trains.get_mut(index)) {
                    let before: u64 = log.pulses.iter().filter(|p| p.id == *id).map(|p| u64::from(p.steps)).sum();
                    match engine.cancel(*id) {
                        Ok(progress) => {
                            planned.cancel_us = Some(now_us);
                            assert_eq!(progress.delivered_steps, before);
                            assert_eq!(progress.programmed_steps, planned.train.steps().get());
                            assert_eq!(progress.missed_steps, 0);
                            assert_eq!(
                                progress.delivered_steps + progress.remaining_steps(),
                                progress.programmed_steps
                            );
                        }
                        // It has ended: then all of it was delivered, or it was cancelled before.
                        Err(error) => {
                            assert_eq!(error, Error::NoSuchTrain { id: *id });
                            assert!(planned.cancel_us.is_some() || before == planned.train.steps().get());
                        }
                    }
                }
            }
            Command::Wait(span_us) => {
                for slice in 1..=slices {
                    engine.advance(now_us + span_us * slice / slices, &mut log).unwrap();
                }
            }
        }
    }
    Run { engine, log, segments, trains, refused }
}

/// The pulses of the plan that says the same as a script.
fn planned(actuator: Actuator, run: &Run) -> Vec<PlanPulse> {
    let mut trains: Vec<Planned> = run.trains.iter().map(|(_, planned)| *planned).collect();
    trains.sort_by_key(|planned| planned.train.start_us());
    let plan = Plan::new(actuator, 0, run.engine.now_us(), &run.segments, &trains).unwrap();
    let mut memory = vec![PlanLane::UNUSED; trains.len() + 1];
    let mut pulses = Vec::new();
    plan.walk(&mut memory, &mut |pulse| pulses.push(pulse)).unwrap();
    pulses
}

/// An engine's pulses as a plan gives them: by kind, and on a grid one for each kind and instant.
fn by_kind(actuator: Actuator, pulses: &[Pulse]) -> Vec<PlanPulse> {
    let grid = matches!(actuator.release(), pumpcore_kernel::Release::Grid(_));
    let mut merged: Vec<PlanPulse> = Vec::new();
    for pulse in pulses {
        match merged.last_mut() {
            Some(last) if grid && last.at_us == pulse.at_us && last.kind == pulse.kind => last.steps += pulse.steps,
            _ => merged.push(PlanPulse { at_us: pulse.at_us, kind: pulse.kind, steps: pulse.steps }),
        }
    }
    merged
}

fn any_script() -> impl Strategy<Value = Vec<Command>> {
    prop::collection::vec(any_command(), 1..40)
}

proptest! {
    #[test]
    fn the_engine_gives_the_pulses_of_the_plan(actuator in any_actuator(), script in any_script()) {
        let run = run(actuator, &script, 1);
        prop_assert_eq!(by_kind(actuator, &run.log.pulses), planned(actuator, &run));
        // Neither caps nor skips: nothing is missed, so the queue never overflowed.
        prop_assert_eq!(&run.log.missed, &vec![]);
    }

    #[test]
    fn slicing_changes_nothing(actuator in any_actuator(), script in any_script(), slices in 2_u64..7) {
        let (whole, sliced) = (run(actuator, &script, 1), run(actuator, &script, slices));
        prop_assert_eq!(whole.log, sliced.log);
        prop_assert_eq!(whole.engine.snapshot(), sliced.engine.snapshot());
        prop_assert_eq!(whole.refused, sliced.refused);
    }

    #[test]
    fn the_next_pulse_leaves_when_it_is_said_to(actuator in any_actuator(), script in any_script()) {
        let mut engine = run(actuator, &script, 1).engine;
        let mut log = Log::default();
        for _ in 0..20 {
            let Some(next_us) = engine.next_due_us() else {
                // Nothing to come: an advance as far as the range goes says so too.
                engine.advance(TIME_US.largest, &mut log).unwrap();
                prop_assert_eq!(log.pulses.len(), 0);
                break;
            };
            prop_assert!(next_us > engine.now_us());
            engine.advance(next_us - 1, &mut log).unwrap();
            prop_assert_eq!(log.pulses.len(), 0, "before {}", next_us);
            engine.advance(next_us, &mut log).unwrap();
            prop_assert!(!log.pulses.is_empty());
            prop_assert!(log.pulses.iter().all(|pulse| pulse.at_us == next_us));
            log = Log::default();
        }
    }

    #[test]
    fn steps_until_counts_what_comes(actuator in any_actuator(), script in any_script(), span_us in 0..HOUR_US) {
        let run = run(actuator, &script, 1);
        let mut engine = run.engine;
        let to_us = engine.now_us() + span_us;
        let expected = engine.steps_until(to_us);
        let mut log = Log::default();
        engine.advance(to_us, &mut log).unwrap();
        let waiting: u64 = engine.progress().map(|progress| progress.waiting_steps).sum();
        prop_assert_eq!(log.steps() + waiting, expected);
        prop_assert!(waiting <= 100 || !matches!(actuator.release(), pumpcore_kernel::Release::Gap(_)));
    }

    #[test]
    fn a_skip_misses_just_what_an_advance_delivers(
        actuator in any_actuator(),
        script in any_script(),
        span_us in 0..HOUR_US,
        after_us in 0..HOUR_US,
    ) {
        let run = run(actuator, &script, 1);
        let (mut advanced, mut skipped) = (run.engine.clone(), run.engine);
        let (mut delivered, mut missed) = (Log::default(), Log::default());
        let to_us = advanced.now_us() + span_us;
        advanced.advance(to_us, &mut delivered).unwrap();
        skipped.skip(to_us, &mut missed).unwrap();
        prop_assert!(missed.pulses.is_empty());
        for entry in &missed.missed {
            let pulses = delivered.pulses.iter().filter(|pulse| (pulse.kind, pulse.id) == (entry.kind, entry.id));
            prop_assert_eq!(pulses.map(|pulse| u64::from(pulse.steps)).sum::<u64>(), entry.steps);
        }
        prop_assert_eq!(missed.missed_steps(), delivered.steps());
        // What comes later is the same: a skip neither delays nor brings forward.
        let (mut after_advance, mut after_skip) = (Log::default(), Log::default());
        advanced.advance(to_us + after_us, &mut after_advance).unwrap();
        skipped.advance(to_us + after_us, &mut after_skip).unwrap();
        prop_assert_eq!(after_advance, after_skip);
    }

    #[test]
    fn caps_hold_in_every_window_and_nothing_is_lost(
        actuator in any_actuator(),
        script in any_script(),
        hour_steps in prop_oneof![Just(0_u64), 1..200_u64],
        day_steps in prop_oneof![Just(0_u64), 1..600_u64],
    ) {
        let step_uu = actuator.step_uu();
        let mut engine = Delivery::new(actuator, 0, Some(hour_steps * step_uu), Some(day_steps * step_uu)).unwrap();
        let mut uncapped = Delivery::new(actuator, 0, None, None).unwrap();
        let (mut log, mut all) = (Log::default(), Log::default());
        // The waits are made an hour longer so that windows pass.
        for command in &script {
            match *command {
                Command::Rate(rate) => {
                    // Where steps are withheld the actuator is idle, so only the capped engine may admit more.
                    if uncapped.set_rate(rate).is_ok() {
                        engine.set_rate(rate).unwrap();
                    }
                }
                Command::Start { kind, later_us, duration_us, steps } => {
                    let start_us = engine.now_us() + later_us;
                    if uncapped.start_train(kind, start_us, duration_us, steps * step_uu).is_ok() {
                        engine.start_train(kind, start_us, duration_us, steps * step_uu).unwrap();
                    }
                }
                Command::Cancel(_) => {}
                Command::Wait(span_us) => {
                    let to_us = engine.now_us() + span_us + HOUR_US / 2;
                    engine.advance(to_us, &mut log).unwrap();
                    uncapped.advance(to_us, &mut all).unwrap();
                }
            }
        }
        for (window_us, most) in [(HOUR_US, hour_steps), (24 * HOUR_US, day_steps)] {
            for last in &log.pulses {
                let first_us = last.at_us.saturating_sub(window_us);
                let within = log.pulses.iter().filter(|pulse| pulse.at_us >= first_us && pulse.at_us <= last.at_us);
                prop_assert!(within.map(|pulse| u64::from(pulse.steps)).sum::<u64>() <= most);
            }
        }
        if !matches!(actuator.release(), pumpcore_kernel::Release::Gap(_)) {
            prop_assert_eq!(log.steps() + log.missed_steps(), all.steps());
        }
        for progress in engine.progress().filter(|progress| progress.id != BASAL_ID) {
            let due = progress.delivered_steps + progress.missed_steps + progress.waiting_steps;
            prop_assert!(due <= progress.programmed_steps);
        }
        let (hour, day) = engine.window_steps();
        let really = |window_us: u64| -> u64 {
            let first_us = engine.now_us().saturating_sub(window_us);
            log.pulses.iter().filter(|pulse| pulse.at_us >= first_us).map(|pulse| u64::from(pulse.steps)).sum()
        };
        prop_assert!(hour >= really(HOUR_US) && day >= really(24 * HOUR_US));
    }

    #[test]
    fn a_restored_engine_goes_on_as_if_nothing_had_been(
        actuator in any_actuator(),
        before in any_script(),
        span_us in 0..HOUR_US,
    ) {
        let mut engine = run(actuator, &before, 1).engine;
        let snapshot = engine.snapshot();
        let mut restored = Delivery::restore(snapshot.as_bytes()).unwrap();
        prop_assert_eq!(&restored.snapshot(), &snapshot);
        prop_assert_eq!(restored.next_due_us(), engine.next_due_us());
        prop_assert_eq!(restored.progress().collect::<Vec<_>>(), engine.progress().collect::<Vec<_>>());
        let to_us = engine.now_us() + span_us;
        let (mut ours, mut theirs) = (Log::default(), Log::default());
        engine.advance(to_us, &mut ours).unwrap();
        restored.advance(to_us, &mut theirs).unwrap();
        prop_assert_eq!(ours, theirs);
        prop_assert_eq!(engine.snapshot(), restored.snapshot());
        prop_assert_eq!(
            engine.start_train(Kind::Bolus, to_us, 1, actuator.step_uu()),
            restored.start_train(Kind::Bolus, to_us, 1, actuator.step_uu())
        );
    }
}

fn steps_of(engine: &mut Delivery, to_us: u64) -> u64 {
    let mut log = Log::default();
    engine.advance(to_us, &mut log).unwrap();
    log.steps()
}

#[test]
fn a_rate_set_anew_each_microsecond_loses_nothing() {
    let mut engine = Delivery::new(common::free(100), 0, None, None).unwrap();
    let mut steps = 0;
    for now_us in 1..=3_600 {
        engine.set_rate(1_000_000_000).unwrap();
        steps += steps_of(&mut engine, now_us);
    }
    assert_eq!(steps, 10); // 1 000 U/h, a step of 0.0001 U each 360 us
}

#[test]
fn a_step_due_exactly_at_a_rate_change_is_the_old_rates() {
    let mut engine = Delivery::new(common::free(50_000), 0, None, None).unwrap();
    engine.set_rate(1_000_000).unwrap();
    assert_eq!(steps_of(&mut engine, 180_000_000), 1);
    assert_eq!(engine.rest_fine(), 0);
    engine.set_rate(0).unwrap();
    assert_eq!(engine.next_due_us(), None);
    assert_eq!(steps_of(&mut engine, TIME_US.largest), 0);
}

#[test]
fn the_remainder_outlives_a_rate_of_zero_and_may_be_dropped() {
    let mut engine = Delivery::new(common::free(50_000), 0, None, None).unwrap();
    engine.set_rate(1_000_000).unwrap();
    steps_of(&mut engine, 179_999_999);
    engine.set_rate(0).unwrap();
    steps_of(&mut engine, HOUR_US);
    engine.set_rate(1_000_000).unwrap();
    assert_eq!(engine.next_due_us(), Some(HOUR_US + 1));
    engine.drop_rest();
    assert_eq!(engine.next_due_us(), Some(HOUR_US + 180_000_000));
}

#[test]
fn the_eighth_train_is_refused_and_a_finished_one_makes_room() {
    let mut engine = Delivery::new(common::free(50_000), 0, None, None).unwrap();
    for id in 1..=7 {
        assert_eq!(engine.start_train(Kind::Bolus, 0, id, 50_000), Ok(u32::try_from(id).unwrap()));
    }
    let error = engine.start_train(Kind::Bolus, 0, 1, 50_000).unwrap_err();
    assert!(matches!(error, Error::Range { range, value: 8 } if range.id == "trains"));
    assert_eq!(steps_of(&mut engine, 1), 1);
    assert_eq!(engine.start_train(Kind::Bolus, 1, 1, 50_000), Ok(8));
    assert_eq!(engine.cancel(1), Err(Error::NoSuchTrain { id: 1 }));
    assert_eq!(engine.cancel(BASAL_ID), Err(Error::NoSuchTrain { id: BASAL_ID }));
}

#[test]
fn time_never_goes_back() {
    let mut engine = Delivery::new(common::free(50_000), 10, None, None).unwrap();
    let early = Error::Early { field: "to_us", value_us: 9, earliest_us: 10 };
    assert_eq!(engine.advance(9, &mut Log::default()), Err(early));
    assert_eq!(engine.skip(9, &mut Log::default()), Err(early));
    let early = Error::Early { field: "start_us", value_us: 9, earliest_us: 10 };
    assert_eq!(engine.start_train(Kind::Bolus, 9, 1, 50_000), Err(early));
    let error = engine.advance(TIME_US.largest + 1, &mut Log::default()).unwrap_err();
    assert!(matches!(error, Error::Range { range, .. } if range.id == "time_us"));
}

#[test]
fn so_far_a_jump_that_too_many_steps_fall_due_is_refused() {
    let mut engine = Delivery::new(common::free(100), 0, None, None).unwrap();
    engine.set_rate(1_000_000_000).unwrap();
    let before = engine.snapshot();
    let error = engine.advance(360 * 100_000_001, &mut Log::default()).unwrap_err();
    assert!(matches!(error, Error::Range { range, value: 100_000_001 } if range.id == "schedule_steps"));
    assert_eq!(engine.snapshot(), before);
}

#[test]
fn a_gap_refuses_what_it_cannot_bound_and_never_a_lower_rate() {
    let pump = Actuator::new(50_000, 2_000_000, 0).unwrap();
    let mut engine = Delivery::new(pump, 0, None, None).unwrap();
    // One step each 2 s is 90 U/h: as fast as the actuator for ever, and not one micro-unit an hour faster.
    assert!(matches!(engine.set_rate(90_000_001), Err(Error::Range { range, .. }) if range.id == "waiting_steps"));
    engine.set_rate(90_000_000).unwrap();
    let before = engine.snapshot();
    let error = engine.start_train(Kind::Bolus, 0, 1, 101 * 50_000).unwrap_err();
    assert!(matches!(error, Error::Range { range, value: 101 } if range.id == "waiting_steps"));
    assert_eq!(engine.snapshot(), before);
    engine.start_train(Kind::Bolus, 0, 1, 90 * 50_000).unwrap();
    steps_of(&mut engine, 1_000);
    engine.set_rate(89_000_000).unwrap();
    engine.set_rate(0).unwrap();
}

#[test]
fn a_waiting_step_that_is_cancelled_makes_way() {
    let pump = Actuator::new(50_000, 1_000_000, 0).unwrap();
    let mut engine = Delivery::new(pump, 0, None, None).unwrap();
    let extended = engine.start_train(Kind::Extended, 0, 1, 3 * 50_000).unwrap();
    let bolus = engine.start_train(Kind::Bolus, 0, 1, 50_000).unwrap();
    let mut log = Log::default();
    engine.advance(500_000, &mut log).unwrap();
    assert_eq!(log.pulses, vec![Pulse { at_us: 1, kind: Kind::Extended, id: extended, steps: 1 }]);
    assert_eq!(engine.cancel(extended).unwrap().remaining_steps(), 2);
    assert_eq!(engine.next_due_us(), Some(1_000_001));
    engine.advance(10_000_000, &mut log).unwrap();
    assert_eq!(log.pulses[1], Pulse { at_us: 1_000_001, kind: Kind::Bolus, id: bolus, steps: 1 });
    assert_eq!(log.pulses.len(), 2);
}

#[test]
fn a_cap_withholds_and_says_so() {
    let mut engine = Delivery::new(common::free(50_000), 0, Some(100_000), None).unwrap();
    let bolus = engine.start_train(Kind::Bolus, 0, 5, 5 * 50_000).unwrap();
    let mut log = Log::default();
    engine.advance(10, &mut log).unwrap();
    assert_eq!(log.steps(), 2);
    assert_eq!((log.missed[0].id, log.missed[0].steps, log.missed.len()), (bolus, 3, 1));
    assert_eq!(engine.window_steps(), (2, 2));
    // An hour and a minute on, the window is free again; before an hour has passed it is not.
    engine.start_train(Kind::Bolus, HOUR_US - 1, 1, 50_000).unwrap();
    engine.start_train(Kind::Bolus, HOUR_US + MINUTE_US, 1, 50_000).unwrap();
    let mut log = Log::default();
    engine.advance(2 * HOUR_US, &mut log).unwrap();
    assert_eq!(log.pulses.iter().map(|pulse| pulse.at_us).collect::<Vec<_>>(), vec![HOUR_US + MINUTE_US + 1]);
    assert_eq!(log.missed_steps(), 1);
}

#[test]
fn another_cap_counts_what_was_commanded_under_the_first() {
    let mut engine = Delivery::new(common::free(50_000), 0, None, None).unwrap();
    engine.start_train(Kind::Bolus, 0, 5, 5 * 50_000).unwrap();
    assert_eq!(steps_of(&mut engine, 10), 5);
    engine.set_caps(Some(6 * 50_000 + 49_999), None).unwrap();
    engine.start_train(Kind::Bolus, 10, 5, 5 * 50_000).unwrap();
    assert_eq!(steps_of(&mut engine, 20), 1);
    let before = engine.snapshot();
    assert!(engine.set_caps(None, Some(24_000_000_001)).is_err());
    assert_eq!(engine.snapshot(), before);
    engine.set_caps(None, None).unwrap();
    engine.start_train(Kind::Bolus, 20, 5, 5 * 50_000).unwrap();
    assert_eq!(steps_of(&mut engine, 30), 5);
}

#[test]
fn the_day_cap_holds_until_the_last_microsecond_of_the_day() {
    let mut engine = Delivery::new(common::free(50_000), 0, None, Some(100_000)).unwrap();
    // Two steps late in their bucket of ten minutes: a day later, less a microsecond, they still count.
    let late_us = 10 * MINUTE_US - 1;
    engine.start_train(Kind::Bolus, late_us - 1, 1, 100_000).unwrap();
    engine.start_train(Kind::Bolus, late_us + 24 * HOUR_US - 2, 1, 50_000).unwrap();
    let mut log = Log::default();
    engine.advance(late_us + 24 * HOUR_US - 1, &mut log).unwrap();
    assert_eq!((log.steps(), log.missed_steps()), (2, 1));
    engine.start_train(Kind::Bolus, 24 * HOUR_US + 20 * MINUTE_US, 1, 50_000).unwrap();
    engine.advance(25 * HOUR_US, &mut log).unwrap();
    assert_eq!((log.steps(), log.missed_steps()), (3, 1));
}

#[test]
fn a_lower_rate_is_taken_even_where_a_new_programme_would_not_be() {
    let pump = Actuator::new(50_000, HOUR_US, 0).unwrap();
    let mut engine = Delivery::new(pump, 0, None, None).unwrap();
    engine.set_rate(50_000).unwrap();
    // The actuator is busy from just before the hour; then 96 steps fall due at once, and basal's with them.
    engine.start_train(Kind::Bolus, HOUR_US - 11, 1, 50_000).unwrap();
    assert_eq!(steps_of(&mut engine, HOUR_US - 1), 1);
    engine.start_train(Kind::Bolus, HOUR_US - 1, 1, 96 * 50_000).unwrap();
    assert_eq!(steps_of(&mut engine, HOUR_US), 0);
    assert_eq!(engine.progress().map(|progress| progress.waiting_steps).sum::<u64>(), 97);
    engine.set_rate(49_999).unwrap();
    engine.set_rate(0).unwrap();
    assert!(engine.set_rate(1).is_err());
}
