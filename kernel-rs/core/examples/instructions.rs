//! What an instruction counter runs: one path of the kernel, so many times over.
//!
//! `instructions PATH ROUNDS` prints how many units of work one round is (steps, or answers). `make bench-instructions`
//! runs it under callgrind at two numbers of rounds; the difference has no start-up in it and is the same every time.

use std::hint::black_box;
use std::mem::MaybeUninit;
use std::process::ExitCode;

use pumpcore_kernel::columns::Columns;
use pumpcore_kernel::law::{Cycle, Knot};
use pumpcore_kernel::schedule::{Plan, PlanLane, Planned};
use pumpcore_kernel::{Actuator, Delivery, Kind, Missed, Pulse, Result, Segment, Sink, Train};

const HOUR_US: u64 = 3_600_000_000;
const DAY_US: u64 = 24 * HOUR_US;

/// A day as people live it: eight basal segments.
const RATES: [u64; 8] = [800_000, 700_000, 900_000, 1_100_000, 1_000_000, 950_000, 1_200_000, 850_000];

type AnyPlan = Plan<Vec<Segment>, Vec<Planned>>;

fn day(gap_us: u64, grid_us: u64, long_us: u64) -> Result<AnyPlan> {
    let actuator = Actuator::new(50_000, gap_us, grid_us)?;
    let segments = (0..).step_by(3).zip(RATES).map(|(hour, rate)| Segment::new(hour * HOUR_US, rate));
    let train = |kind, start_us, duration_us, amount_uu| {
        Train::new(&actuator, kind, start_us, duration_us, amount_uu).map(|train| Planned { train, cancel_us: None })
    };
    let trains = vec![
        train(Kind::Extended, DAY_US / 2, long_us, 3_000_000)?,
        train(Kind::Bolus, DAY_US / 2, 80_000_000, 2_000_000)?,
    ];
    Plan::new(actuator, 0, DAY_US, segments.collect::<Result<_>>()?, trains)
}

fn constant() -> Result<AnyPlan> {
    Plan::new(Actuator::new(100, 0, 0)?, 0, 36_000_000, vec![Segment::new(0, 999_999_937)?], Vec::new())
}

/// Two trains of like pace, and basal: every step is merged.
fn merged() -> Result<AnyPlan> {
    let actuator = Actuator::new(50_000, 0, 0)?;
    let train = |kind, duration_us, amount_uu| {
        Train::new(&actuator, kind, 0, duration_us, amount_uu).map(|train| Planned { train, cancel_us: None })
    };
    let trains = vec![train(Kind::Extended, DAY_US, 20_000_000)?, train(Kind::Bolus, DAY_US, 25_000_000)?];
    Plan::new(actuator, 0, DAY_US, vec![Segment::new(0, 1_000_000)?], trains)
}

/// Trains of twenty steps that all run all day: every step is merged with all of them.
fn trains(count: u64) -> Result<AnyPlan> {
    let actuator = Actuator::new(50_000, 0, 0)?;
    let trains = (0..count).map(|index| {
        let train = Train::new(&actuator, Kind::Extended, index, DAY_US - 7 * index, 1_000_000)?;
        Ok(Planned { train, cancel_us: None })
    });
    Plan::new(actuator, 0, DAY_US, Vec::new(), trains.collect::<Result<_>>()?)
}

fn walk<const STEPS: bool>(plan: &AnyPlan, rounds: u64) -> Result<u64> {
    let room = usize::try_from(plan.due_steps()).unwrap_or(0);
    let (mut at_us, mut channel) = (vec![MaybeUninit::uninit(); room], vec![MaybeUninit::uninit(); room]);
    let mut steps = vec![MaybeUninit::uninit(); if STEPS { room } else { 0 }];
    let mut lanes = vec![PlanLane::UNUSED; plan.lanes()];
    for _ in 0..rounds {
        let mut columns = Columns::<STEPS>::new(&mut at_us, &mut channel, &mut steps);
        black_box(plan).walk(&mut lanes, &mut columns)?;
        black_box(columns.finish()?);
        black_box((&at_us, &channel));
    }
    Ok(plan.due_steps())
}

struct Count(u64);

impl Sink for Count {
    fn pulse(&mut self, pulse: Pulse) {
        self.0 += u64::from(pulse.steps);
    }

    fn missed(&mut self, _: Missed) {}
}

/// Eight hours five minutes at a time, with a rate at each, as an automatic pump goes: one unit is one such turn.
fn online(rounds: u64) -> Result<u64> {
    for _ in 0..rounds {
        let mut engine = Delivery::new(Actuator::new(50_000, 0, 0)?, 0, None, None)?;
        let mut count = Count(0);
        for turn in 1..=96_u64 {
            engine.set_rate(black_box(turn * 25_000))?;
            engine.advance(turn * HOUR_US / 12, &mut count)?;
        }
        black_box(count.0);
    }
    Ok(96)
}

/// Questions in one round.
const OFTEN: u64 = 1_000;

fn sums(plan: &AnyPlan, rounds: u64) -> u64 {
    for _ in 0..rounds * OFTEN {
        black_box(black_box(plan).left_by(black_box(DAY_US)));
    }
    OFTEN
}

fn queries(rounds: u64, ask: impl Fn(&Cycle<[Knot; 9]>) -> Option<u64>) -> Result<u64> {
    let segments = (0..).step_by(3).zip(RATES).map(|(hour, rate)| Segment::new(hour * HOUR_US, rate));
    let segments = segments.collect::<Result<Vec<_>>>()?;
    let day = Cycle::new(&Actuator::new(50_000, 0, 0)?, 0, DAY_US, &segments, [Knot::default(); 9])?;
    for _ in 0..rounds * OFTEN {
        black_box(ask(black_box(&day)));
    }
    Ok(OFTEN)
}

fn run(path: &str, rounds: u64) -> Result<Option<u64>> {
    Ok(Some(match path {
        "constant" => walk::<false>(&constant()?, rounds)?,
        "merged" => walk::<false>(&merged()?, rounds)?,
        "day" => walk::<false>(&day(0, 0, 2 * HOUR_US)?, rounds)?,
        "day_gap" => walk::<false>(&day(2_000_000, 0, 2 * HOUR_US)?, rounds)?,
        "day_grid" => walk::<true>(&day(0, 180_000_000, 2 * HOUR_US)?, rounds)?,
        "day_sums" => sums(&day(0, 0, 2 * HOUR_US)?, rounds),
        "count_at" => queries(rounds, |day| Some(day.count_at(black_box(9_999_999_999_999_999))))?,
        "due_at" => queries(rounds, |day| day.due_at(black_box(50_000_000)))?,
        "online" => online(rounds)?,
        _ => {
            let Some(count) = path.strip_prefix("trains_").and_then(|count| count.parse().ok()) else {
                return Ok(None);
            };
            walk::<false>(&trains(count)?, rounds)?
        }
    }))
}

fn main() -> ExitCode {
    let mut words = std::env::args().skip(1);
    let (Some(path), Some(rounds)) = (words.next(), words.next().and_then(|word| word.parse().ok())) else {
        eprintln!("instructions PATH ROUNDS");
        return ExitCode::from(2);
    };
    match run(&path, rounds) {
        Ok(Some(units)) => println!("{units}"),
        Ok(None) => {
            eprintln!("{path}: no such path");
            return ExitCode::from(2);
        }
        Err(error) => {
            eprintln!("{error}");
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}
